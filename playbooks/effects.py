"""The verbs' contract: what a step may do, drafted with final arguments first, carried out after a person's word.

A draft has no side effect and its arguments are final: they are what a Decision signs. ``carry_out`` turns one
effect, exactly as signed, into the events that make it so; the outbox delivers, nothing here talks to the outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from picture.conditions.types import suggestion
from picture.decisions import ACT_CLASSES
from picture.errors import PlaybookError
from picture.events import AlternativeModel, EffectModel, Event, WatchedModel
from picture.model import Effect
from playbooks.context import Context

FREE = frozenset({"observe", "advise", "act_then_tell"})
"""Act classes that a step may have without an approve step before it."""
PLANT_VERBS = ("open", "close", "start", "stop", "switch", "isolate", "trip", "pump", "energise", "raise", "lower")
"""First words of what only the operator of the plant does; a verb that sounds like one is answered with the way."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a step would do. ``results`` is JSON-plain and can be referred to by later steps as ``{step.name}``."""

    effects: tuple[EffectModel, ...] = ()
    evidence: tuple[str, ...] = ()
    consequence: tuple[str, ...] = ()
    alternatives: tuple[AlternativeModel, ...] = ()
    watched: tuple[WatchedModel, ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)

    def and_then(self, other: Draft) -> Draft:
        """Both drafts as one; the same watched name stands once."""
        names = {one.name for one in self.watched}
        return Draft(
            self.effects + other.effects,
            self.evidence + tuple(line for line in other.evidence if line not in self.evidence),
            self.consequence + tuple(line for line in other.consequence if line not in self.consequence),
            self.alternatives + tuple(one for one in other.alternatives if one not in self.alternatives),
            self.watched + tuple(one for one in other.watched if one.name not in names),
            {**self.results, **other.results},
        )


class Verb(Protocol):
    """One thing a step may do."""

    @property
    def name(self) -> str:
        """``road.close``"""
        ...

    @property
    def act_class(self) -> str:
        """One of ``picture.decisions.ACT_CLASSES``."""
        ...

    @property
    def reversible(self) -> bool: ...
    @property
    def outward(self) -> bool:
        """Whether it reaches people or control rooms outside our own agency."""
        ...

    @property
    def undo(self) -> str:
        """The verb that undoes it, or nothing."""
        ...

    @property
    def gives(self) -> tuple[str, ...]:
        """Names of the results that later steps may refer to."""
        ...

    @property
    def Args(self) -> type[BaseModel]:
        """What a playbook writes under ``with``."""
        ...

    def draft(self, args: Any, ctx: Context) -> Draft:
        """The effects with final arguments; PlaybookError TOC-6109 where it cannot be done. No side effect."""
        ...

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        """The events that make one effect so; RefusedError TOC-4002 where it can no longer be done as signed."""
        ...

    def undo_args(self, results: Mapping[str, Any]) -> dict[str, Any] | None:
        """Arguments of the undo verb for what was carried out, or None where there is nothing to undo."""
        ...


class Verbs:
    """The verbs of a house, by name."""

    def __init__(self, verbs: Iterable[Verb]) -> None:
        self._verbs = {verb.name: verb for verb in verbs}
        for verb in self._verbs.values():
            if verb.act_class not in ACT_CLASSES:
                raise PlaybookError(f"{verb.name}: no act class {verb.act_class!r}.", code="TOC-6107")

    def __iter__(self) -> Iterator[Verb]:
        return iter(self._verbs.values())

    def __contains__(self, name: str) -> bool:
        return name in self._verbs

    def get(self, name: str) -> Verb:
        """The verb of this name; PlaybookError TOC-6107 with a suggestion, TOC-6110 for what only a plant's
        operator does."""
        if name in self._verbs:
            return self._verbs[name]
        if name.rpartition(".")[2].split("_")[0] in PLANT_VERBS:
            raise PlaybookError(f"There is no {name!r}.", code="TOC-6110")
        raise PlaybookError(f"There is no verb {name!r}.{suggestion(name, self._verbs)}", code="TOC-6107")


RESULT_OF = {
    "road.closed": "closures",
    "unit.assigned": "assignments",
    "alert.requested": "alerts",
    "request.made": "requests",
}
"""Event kind -> name of the result under which its id is kept for later steps and for undo."""


def results_of(events: Iterable[Event]) -> dict[str, list[str]]:
    """Ids of what these events created, by result name."""
    found: dict[str, list[str]] = {}
    for event in events:
        if (name := RESULT_OF.get(event.kind)) is not None:
            found.setdefault(name, []).append(str(getattr(event, "id", "")))
    return found
