"""What the core hands to playbooks: the picture, the time, ids, and the services of the house, as protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from picture.entry import Ref
from picture.fold import Picture
from picture.ids import Ids

if TYPE_CHECKING:
    from playbooks.effects import Draft

LonLatE7 = tuple[int, int]
"""Integer 1e-7 degrees (lon, lat), WGS 84."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way over open roads, as it was when it was asked for."""

    eta_s: int
    length_m: int
    streets: tuple[str, ...]
    """In driving order, each once where it follows itself."""
    points: tuple[LonLatE7, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NoWay:
    """There is no way, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Area:
    """A named area for a public alert."""

    label: str
    rings: tuple[tuple[LonLatE7, ...], ...]


class Roads(Protocol):
    """The road graph as playbooks need it; ``twin.routing`` stands behind it."""

    def edges_named(self, name: str) -> tuple[int, ...]:
        """Segments of the street, bridge or underpass of this name (any case), ascending; empty if there is none."""
        ...

    def way(self, profile: str, start: LonLatE7, end: LonLatE7, avoid: frozenset[int] = frozenset()) -> Way | NoWay:
        """The quickest way over roads open to this profile now, without the segments in ``avoid``."""
        ...

    def matrix(
        self,
        profile: str,
        starts: Sequence[LonLatE7],
        ends: Sequence[LonLatE7],
        avoid: frozenset[int] = frozenset(),
    ) -> list[list[float | None]]:
        """Seconds of ``way`` from each start to each end, in one sweep; None where there is no way."""
        ...


class Directory(Protocol):
    """Who is reached how, by name; addresses never leave the world's configuration."""

    def recipients(self, who: str) -> tuple[tuple[str, str], ...]:
        """(recipient, channel) for ``agency:PMHA``, ``role:harbour_control``, ``position:duty_officer``,
        ``facility:H-STANNE``, ``unit:E12``, ``public``; empty where nobody is listed."""
        ...

    def area(self, name: str) -> Area | None:
        """The area of ``district:Old Harbour`` and the like, or None."""
        ...


class Services(Protocol):
    """What the core supplies. ``planner`` is None where no planner is plugged in."""

    @property
    def roads(self) -> Roads: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def planner(self) -> Planner | None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """One moment of one world, read only."""

    picture: Picture
    now_ms: int
    ids: Ids
    services: Services
    open_ref: Callable[[Ref], object | None] = lambda ref: None
    """Opens a sealed value; None where its key is gone."""
    by: str = ""
    """What effects are carried out for: a proposal's or a run's id."""
    incident: str = ""
    avoid: frozenset[int] = frozenset()
    """Road segments that effects drafted before in the same proposal close."""


Planner = Callable[[str, Mapping[str, Any], Context], "Draft"]
"""``planner(goal, arguments, ctx)``: a Draft whose ``results`` hold ``assignments`` (see ``playbooks.verbs``)."""
