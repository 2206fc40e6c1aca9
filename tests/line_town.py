"""A town on one straight street, so that every travel time can be worked out in the head: 10 m/s, east and west.

Position ``x`` is metres east; segment ``k`` runs from 100·k to 100·(k+1) metres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from picture.fold import Picture
from picture.ids import Ids
from picture.model import Facility, Incident, Place, Unit
from playbooks.context import Area, Context, LonLatE7, NoWay, Way

PER_M = 90
"""1e-7 degrees a metre at the equator, nearly: enough for telling near from far."""
SPEED_MPS = 10
SEGMENT_M = 100
ENGINE = ("fire", "medical_first_response")


def at(x_m: int) -> LonLatE7:
    return x_m * PER_M, 0


@dataclass
class LineRoads:
    """Ways along the street; what is closed stops every vehicle. Counts how often the bulk table was asked."""

    closed: set[int] = field(default_factory=set)
    sweeps: int = 0

    def edges_named(self, name: str) -> tuple[int, ...]:
        return tuple(int(part) for part in name.split() if part.isdigit())

    def way(self, profile: str, start: LonLatE7, end: LonLatE7, avoid: frozenset[int] = frozenset()) -> Way | NoWay:
        a_m, b_m = sorted((start[0] // PER_M, end[0] // PER_M))
        edges = tuple(range(a_m // SEGMENT_M, -(-b_m // SEGMENT_M)))
        if profile != "boat" and (self.closed | avoid) & set(edges):
            return NoWay(f"no open road for a {profile}")
        return Way((b_m - a_m) // SPEED_MPS, b_m - a_m, ("Long Street",), (start, end), edges)

    def matrix(
        self, profile: str, starts: Sequence[LonLatE7], ends: Sequence[LonLatE7], avoid: frozenset[int] = frozenset()
    ) -> list[list[float | None]]:
        self.sweeps += 1
        ways = [[self.way(profile, a, b, avoid) for b in ends] for a in starts]
        return [[float(way.eta_s) if isinstance(way, Way) else None for way in row] for row in ways]


class NoDirectory:
    def recipients(self, who: str) -> tuple[tuple[str, str], ...]:
        return ()

    def area(self, name: str) -> Area | None:
        if name != "district:East":
            return None
        ring = (at(5_000), (20_000 * PER_M, 0), (20_000 * PER_M, 10**6), (5_000 * PER_M, 10**6), at(5_000))
        return Area("East", (tuple((x, y - 10) for x, y in ring),))


@dataclass(frozen=True)
class TownServices:
    roads: LineRoads
    directory: NoDirectory = field(default_factory=NoDirectory)
    planner: Any = None


class Town:
    """Units, incidents and stations put on the street by name and metre."""

    def __init__(self) -> None:
        self.picture = Picture("home")
        self.roads = LineRoads()
        self.home = self.picture.home

    def station(self, name: str, x_m: int, **more: Any) -> None:
        lon, lat = at(x_m)
        more = {"district": name, "kind": "fire_station", **more}
        self.home.facilities[name] = Facility(id=name, name=name, lon_e7=lon, lat_e7=lat, **more)

    def unit(self, name: str, x_m: int, skills: Sequence[str] = ENGINE, *, station: str = "", **more: Any) -> None:
        lon, lat = at(x_m)
        more = {"profile": "engine", "wading_mm": 500, "nims_kind": "Fire Engine (Pumper)", **more}
        self.home.units[name] = Unit(
            id=name, name=name, agency="MFD", nims_type=1, station=station or f"at {x_m}", home_lon_e7=lon,
            home_lat_e7=lat, crew=4, skills=tuple(skills), **more,
        )  # fmt: skip

    def boat(self, name: str, x_m: int, skills: Sequence[str] = ("water_rescue",)) -> None:
        self.unit(name, x_m, skills, profile="boat", nims_kind="Harbour Launch")

    def incident(self, name: str, x_m: int | None, kind: str = "fire", priority: int = 2, **more: Any) -> None:
        place = None if x_m is None else Place(*at(x_m), label=f"{x_m} Long Street")
        self.home.incidents[name] = Incident(
            id=name, kind=kind, title=kind, priority=priority, place=place,
            **{"opened_ms": 0, "updated_ms": 0, **more},
        )  # fmt: skip

    def context(self, open_ref: Callable[[Any], object | None] = lambda ref: None) -> Context:
        return Context(self.picture, 0, Ids("town"), TownServices(self.roads), open_ref)
