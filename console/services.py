"""What playbooks and planner are given of the house: roads, the directory of recipients, and the planner itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from console.city import City, LonLat
from console.directory import Recipient
from picture.errors import RoadError
from picture.places import to_e7
from playbooks.context import Area, LonLatE7, NoWay, Planner, Way

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CityRoads:
    """The city's roads in the words of ``playbooks.context.Roads``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def edges_named(self, name: str) -> tuple[int, ...]:
        return self._city.street_edges(name)

    def way(self, profile: str, start: LonLatE7, end: LonLatE7, avoid: frozenset[int] = frozenset()) -> Way | NoWay:
        found = self._city.travel(profile, (start[0] / 1e7, start[1] / 1e7), (end[0] / 1e7, end[1] / 1e7), avoid)
        if found is None:
            return NoWay(f"no open road for a {profile.replace('_', ' ')}")
        return Way(round(found.duration_s), round(found.length_m), found.streets, found.geometry, found.edges)

    def matrix(
        self, profile: str, starts: Sequence[LonLatE7], ends: Sequence[LonLatE7], avoid: frozenset[int] = frozenset()
    ) -> list[list[float | None]]:
        a, b = ([(x / 1e7, y / 1e7) for x, y in places] for places in (starts, ends))
        rows, columns = list(range(len(a))), list(range(len(b)))
        try:
            seconds = self._seconds(profile, a, b, avoid)
        except RoadError:
            # A place outside the map must not cost the others their answer.
            rows, columns = ([k for k, place in enumerate(places) if self._on_map(place)] for places in (a, b))
            seconds = self._seconds(profile, [a[k] for k in rows], [b[k] for k in columns], avoid)
        found: list[list[float | None]] = [[None] * len(b) for _ in a]
        for row, times in zip(rows, seconds.tolist(), strict=True):
            for column, time in zip(columns, times, strict=True):
                found[row][column] = time if time != float("inf") else None
        return found

    def _seconds(
        self, profile: str, starts: Sequence[LonLat], ends: Sequence[LonLat], avoid: frozenset[int]
    ) -> NDArray[np.float64]:
        if not starts or not ends:
            return np.empty((len(starts), len(ends)))
        return self._city.seconds(profile, starts, ends, avoid)

    def _on_map(self, place: LonLat) -> bool:
        try:
            self._city.routing.snapper.snap(*place)
        except RoadError:
            return False
        return True


class DirectoryOf:
    """The world's directory of recipients, by name; it knows channels by name and no address."""

    def __init__(self, recipients: Sequence[Recipient], city: City) -> None:
        self._recipients = tuple(recipients)
        self._city = city

    def recipients(self, who: str) -> tuple[tuple[str, str], ...]:
        """(recipient, channel) pairs; the whole public is one recipient on the public channel."""
        kind, _, name = who.partition(":")
        field = {"position": "role"}.get(kind, kind)
        found = []
        for one in self._recipients:
            told = (
                one.role == "public"
                if kind == "public"
                else ((getattr(one, field, "") or "").casefold() == name.casefold() if name else False)
            )
            if told:
                found.append((one.name, one.channel))
        return tuple(found)

    def area(self, name: str) -> Area | None:
        kind, _, wanted = name.partition(":")
        if kind != "district":
            return None
        for district in self._city.pack.meta["districts"]:
            if district["name"].casefold() == wanted.casefold():
                ring = district.get("polygon") or _box(district["lon"], district["lat"])
                points = tuple((to_e7(lon), to_e7(lat)) for lon, lat in ring)
                closed = points if points[0] == points[-1] else (*points, points[0])
                return Area(district["name"], (closed,))
        return None


def _box(lon: float, lat: float) -> list[tuple[float, float]]:
    """A square of about 1 km around a district of which only the middle is known."""
    return [
        (lon - 0.0065, lat - 0.0045),
        (lon + 0.0065, lat - 0.0045),
        (lon + 0.0065, lat + 0.0045),
        (lon - 0.0065, lat + 0.0045),
    ]


@dataclass(frozen=True, slots=True)
class HouseServices:
    """Everything a playbook is handed, see ``playbooks.context.Services``."""

    roads: CityRoads
    directory: DirectoryOf
    planner: Planner | None
