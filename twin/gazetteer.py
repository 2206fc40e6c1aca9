"""Where is "12 Customs Quay"? Places as people say them, found in the city pack; and a place in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from picture.errors import RoadError
from twin.pack import Ground
from twin.placenames import Coordinates, NameIndex, normal, read_coordinates, split_crossing, split_number
from twin.snap import Snapper
from twin.streets import Streets

if TYPE_CHECKING:
    from twin.pack import CityPack

How = Literal["address", "crossing", "street", "facility", "berth", "district", "coordinates"]

_LISTS: tuple[tuple[str, How], ...] = (
    ("facilities", "facility"),
    ("berths", "berth"),
    ("substations", "facility"),
    ("pumps", "facility"),
    ("gauges", "facility"),
    ("anchorages", "facility"),
    ("outfalls", "facility"),
)
_ON_ROAD_M = 60.0
_BESIDE_M = 30.0
_OUTSIDE_SCORE = 0.3
_PAST_END_SCORE = 0.95
_BY_KIND_SCORE = 0.8
_APART_M = 1_000.0
"""Streets further apart than this are no place; nearer ones are, with its uncertainty."""
_APART_SCORE = 0.9


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it was said and as it was understood.

    ``score`` is 1 for an exact reading, less for a corrected spelling or a number past the street's end.
    ``id`` is the site's id in the pack, "" for streets and coordinates. ``uncertainty_m``: how far off the place
    may be by what was said, where that is known: half the gap between two streets that do not meet.
    """

    lon: float
    lat: float
    how: How
    as_said: str
    name: str
    score: float
    id: str = ""
    uncertainty_m: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    how: How
    name: str
    lon: float
    lat: float
    id: str = ""
    street: int = 0


class Gazetteer:
    """Looks places of one pack up by address, crossing, street, site, berth, district or coordinates.

    Works offline and deterministically; built in under 0.3 s, a look-up under 50 ms. House numbers are not in
    the pack: they are counted along the street, one for every 8 m, from the end nearer to the pack's origin.
    A site's own address takes precedence over the count.
    """

    def __init__(self, pack: CityPack, snapper: Snapper | None = None) -> None:
        self._pack = pack
        self.snapper = snapper or Snapper(pack)
        self._streets = Streets(pack)
        self._entries = [*self._sites(), *self._districts(), *self._street_entries()]
        self._index = NameIndex([entry.name for entry in self._entries])
        self._street_index = NameIndex(pack.names)
        self._by_id = {_bare(entry.id): entry for entry in self._entries if entry.id}
        self._by_address = {
            normal(site["address"]): entry
            for site, entry in zip(self._pack.meta.get("facilities", ()), self._entries, strict=False)
            if site.get("address")
        }

    def find(self, said: str, limit: int = 5) -> list[Place]:
        """Up to ``limit`` readings of what was said, best first; empty where nothing comes near."""
        said = " ".join(said.split())
        coordinates = read_coordinates(said)
        if coordinates is not None:
            return [self._at_coordinates(coordinates, said)]
        entry = self._by_id.get(_bare(said)) or self._by_address.get(normal(said))
        if entry is not None:
            how: How = "address" if _bare(said) != _bare(entry.id) else entry.how
            return [Place(entry.lon, entry.lat, how, said, entry.name, 1.0, entry.id)]
        places = [*self._crossings(said), *self._addresses(said), *self._names(said, limit), *self._kinds(said)]
        best: dict[tuple[str, str], Place] = {}
        for place in places:
            key = (place.how, place.name)
            if key not in best or place.score > best[key].score:
                best[key] = place
        return sorted(best.values(), key=lambda place: (-place.score, place.how, place.name))[:limit]

    def describe(self, lon: float, lat: float) -> str:
        """The place in words, as "Customs Quay near Wharf Street, Old Harbour"."""
        try:
            snaps = self.snapper.candidates(lon, lat, 4)
        except RoadError:
            return f"outside {self._pack.meta.get('name', 'the city')}"
        # People name the street, not the nameless lane beside it.
        snap = next((s for s in snaps if s.name and s.distance_m < snaps[0].distance_m + _BESIDE_M), snaps[0])
        street = snap.name or "an unnamed road"
        near = self._streets.nearest_crossing(snap.edge, snap.fraction)
        words = f"{street} near {near}" if near else street
        if snap.distance_m > _ON_ROAD_M:
            where = "on the water, " if self._on_water(lon, lat) else ""
            words = f"{where}{round(snap.distance_m, -1):.0f} m from {words}"
        district = self.district(lon, lat)
        return f"{words}, {district}" if district else words

    def district(self, lon: float, lat: float) -> str:
        """Name of the district a position lies in (by outline if known, else the nearest); "" for none."""
        districts = self._pack.meta.get("districts", ())
        for district in districts:
            if district.get("polygon") and _within(lon, lat, district["polygon"]):
                return str(district["name"])
        x, y = self._pack.to_xy(lon, lat)
        near = [(math.dist((x, y), self._pack.to_xy(d["lon"], d["lat"])), str(d["name"])) for d in districts]
        return min(near)[1] if near else ""

    def _at_coordinates(self, found: Coordinates, said: str) -> Place:
        """The reading (longitude first, or latitude first) that lies in the city, else the first."""
        for lon, lat in found:
            if self._inside(lon, lat):
                return Place(lon, lat, "coordinates", said, self.describe(lon, lat), 1.0)
        lon, lat = found[0]
        return Place(
            lon,
            lat,
            "coordinates",
            said,
            f"outside {self._pack.meta.get('name', 'the city')}",
            _OUTSIDE_SCORE,
        )

    def _inside(self, lon: float, lat: float) -> bool:
        x, y = self._pack.to_xy(lon, lat)
        x_min, y_min, x_max, y_max = self._pack.meta["bounds_xy"]
        return bool(x_min <= x <= x_max and y_min <= y <= y_max)

    def _crossings(self, said: str) -> list[Place]:
        parts = split_crossing(said)
        if parts is None:
            return []
        found, apart = list[Place](), list[Place]()
        for first, score_a in self._street_index.search(parts[0], 3):
            for second, score_b in self._street_index.search(parts[1], 3):
                at = self._streets.crossing(first, second) if first != second else None
                name, score = f"{self._pack.names[first]} & {self._pack.names[second]}", score_a * score_b
                if at is not None:
                    found.append(self._crossing(at, said, name, score))
                elif first != second:
                    at, gap_m = self._streets.approach(first, second)
                    if gap_m <= _APART_M:
                        name = f"{name}, which do not meet: {max(1, round(gap_m))} m apart at their nearest"
                        likely = score * _APART_SCORE / (1.0 + gap_m / _APART_M)
                        apart.append(self._crossing(at, said, name, likely, math.ceil(gap_m / 2)))
        # Streets that were heard a little wrong but meet are likelier than streets that do not.
        return found or apart

    def _crossing(self, at: tuple[float, float], said: str, name: str, score: float, uncertainty_m: int = 0) -> Place:
        lon, lat = self._pack.to_lonlat(*at)
        return Place(lon, lat, "crossing", said, name, round(score, 3), uncertainty_m=uncertainty_m)

    def _addresses(self, said: str) -> list[Place]:
        parts = split_number(said)
        if parts is None:
            return []
        number, street, district = parts
        found = []
        for name, likeness in self._street_index.search(street, 3):
            (x, y), exact = self._streets.house(name, number)
            lon, lat = self._pack.to_lonlat(x, y)
            score = likeness * (1.0 if exact else _PAST_END_SCORE)
            if district and normal(self.district(lon, lat)) != normal(district):
                score = 0.95 * score
            resolved = f"{number} {self._pack.names[name]}"
            if not exact:
                resolved = f"{self._pack.names[name]}, its end (numbers reach {self._streets.last_house(name)})"
            found.append(Place(lon, lat, "address", said, resolved, round(score, 3)))
        return found

    def _names(self, said: str, limit: int) -> list[Place]:
        found = []
        for position, likeness in self._index.search(said, 3 * limit):
            entry, score = self._entries[position], likeness
            if entry.street:
                lon, lat = self._pack.to_lonlat(*self._streets.middle(entry.street))
                entry = replace(entry, lon=lon, lat=lat)
                # A whole street says little about where: a site of nearly that name comes first.
                score *= 1.0 if score == 1.0 else 0.95
            found.append(Place(entry.lon, entry.lat, entry.how, said, entry.name, round(score, 3), entry.id))
        return found

    def _kinds(self, said: str) -> list[Place]:
        """Every facility of a kind that is named alone, as "chemical plant"."""
        wanted = normal(said).removeprefix("the ")
        return [
            Place(entry.lon, entry.lat, entry.how, said, entry.name, _BY_KIND_SCORE, entry.id)
            for site, entry in zip(self._pack.meta.get("facilities", ()), self._entries, strict=False)
            if wanted and normal(str(site.get("kind", ""))) == wanted
        ]

    def _sites(self) -> list[_Entry]:
        meta: dict[str, Any] = self._pack.meta
        sites = [(site, how) for key, how in _LISTS for site in meta.get(key, ())]
        if meta.get("barrier"):
            sites.append((meta["barrier"], "facility"))
        return [
            _Entry(
                how,
                str(site.get("name") or site["id"]),
                float(site["lon"]),
                float(site["lat"]),
                str(site["id"]),
            )
            for site, how in sites
        ]

    def _districts(self) -> list[_Entry]:
        return [
            _Entry("district", str(d["name"]), float(d["lon"]), float(d["lat"]))
            for d in self._pack.meta.get("districts", ())
        ]

    def _street_entries(self) -> list[_Entry]:
        return [_Entry("street", self._pack.names[name], 0.0, 0.0, street=name) for name in self._streets.ids]

    def _on_water(self, lon: float, lat: float) -> bool:
        pack = self._pack
        x, y = pack.to_xy(lon, lat)
        row = math.floor((y - pack.ground_y0) / pack.ground_cell_m)
        column = math.floor((x - pack.ground_x0) / pack.ground_cell_m)
        rows, columns = pack.ground.shape
        return 0 <= row < rows and 0 <= column < columns and int(pack.ground[row, column]) == Ground.WATER


def _bare(text: str) -> str:
    """An id as people type it: "b6" and "B 6" are B-6."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _within(lon: float, lat: float, polygon: list[tuple[float, float]]) -> bool:
    """Even-odd test of a position against a ring of (lon, lat); small areas only, nowhere near a pole."""
    inside = False
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (ay > lat) != (by > lat) and lon < ax + (lat - ay) / (by - ay) * (bx - ax):
            inside = not inside
    return inside
