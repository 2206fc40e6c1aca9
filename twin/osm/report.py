"""What an import made and what it left out, for the operator to read and the pack to keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Outcome of one import.

    ``dropped_nodes``, ``dropped_arcs`` and ``dropped_parts`` count what is not joined to the largest part that
    road vehicles can drive all of; ``dropped_ways`` ways whose direction changes by the hour; ``cut_ways`` ways of
    which the extract lacks nodes, kept as far as they are there.
    Restrictions: ``turns_applied`` relations that became forbidden moves (``turns`` arc pairs in all),
    ``turns_by_way`` led over a way and are not applied, ``turns_not_for_cars`` bind others alone,
    ``turns_unresolved`` name ways or nodes that are not in the extract, ``turns_conditional`` hold (also) at some
    hours or for some only, which is not applied. ``conditional_ways`` have access, speed or direction that changes
    with the hour; what holds always is applied. ``barriers`` stop somebody where they stand. ``notes`` are
    sentences for the operator.
    """

    path: Path
    facilities_path: Path
    name: str
    nodes: int
    arcs: int
    edges: int
    streets: int
    ferries: int
    dropped_nodes: int
    dropped_arcs: int
    dropped_parts: int
    dropped_ways: int
    cut_ways: int
    turns: int
    turns_applied: int
    turns_by_way: int
    turns_not_for_cars: int
    turns_unresolved: int
    turns_conditional: int
    conditional_ways: int
    barriers: int
    facilities: int
    districts: int
    datum: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The report as plain JSON values."""
        return {
            name: str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        }
