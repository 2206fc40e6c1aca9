"""Where things stand: a point beside a road with its address, district and height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from twin.city import plan
from twin.city.land import Land
from twin.city.shapes import Floats, tenth
from twin.city.weave import Graph
from twin.pack import unproject

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: projected x, y, degrees, address, district, height and the level at which water reaches it."""

    x: float
    y: float
    lon: float
    lat: float
    address: str
    district: str
    elevation_m: float
    floods_at_m: float | None

    def point(self) -> Record:
        return {"lon": self.lon, "lat": self.lat}


class Surveyor:
    """Finds spots: by the road nearest to a wanted point, or exactly there."""

    def __init__(self, land: Land, graph: Graph, names: list[str], edge_name: Any, onset_m: Floats) -> None:
        self._land, self._graph, self._names, self._edge_name = land, graph, names, edge_name
        self._onset_m = onset_m
        usable = np.flatnonzero((graph.road_class >= 1) & (edge_name > 0) & ((graph.flags & 3) == 0))
        self._edges = usable
        self._middle = cKDTree((graph.xy[graph.tail[usable]] + graph.xy[graph.head[usable]]) / 2)

    def beside(self, x: float, y: float, most_class: int = 5, back_m: float = 16.0) -> Spot:
        """The spot ``back_m`` off the middle of the nearest road of at most that class."""
        graph = self._graph
        near = np.asarray(self._middle.query((x, y), k=60)[1])
        edge = next((int(e) for e in self._edges[near] if graph.road_class[e] <= most_class), int(self._edges[near[0]]))
        a, b = graph.xy[graph.tail[edge]], graph.xy[graph.head[edge]]
        along = (b - a) / max(float(((b - a) ** 2).sum()) ** 0.5, 0.1)
        spot = (a + b) / 2 + np.array([-along[1], along[0]]) * back_m
        if float(self._land.shore_at(spot[None, :])[0]) < 12:
            spot = (a + b) / 2 - np.array([-along[1], along[0]]) * back_m
        number = 1 + int(abs(spot[0]) + abs(spot[1])) % 180
        return self._spot(spot, f"{number} {self._names[self._edge_name[edge]]}")

    def at(self, x: float, y: float, address: str = "") -> Spot:
        """The spot exactly there, on land or water."""
        return self._spot(np.array([x, y]), address)

    def _spot(self, xy: Floats, address: str) -> Spot:
        x, y = (float(value) for value in tenth(xy))
        lon, lat = unproject(plan.ORIGIN, x, y)
        cell = self._land.frame.cells(np.array([[x, y]]))
        district = int(self._land.district[cell][0])
        onset = float(self._onset_m[cell][0])
        name = plan.DISTRICTS[district].name if district >= 0 else nearest_district(x, y)
        return Spot(
            x,
            y,
            round(lon, 7),
            round(lat, 7),
            address,
            name,
            round(float(self._land.height_m[cell][0]), 2),
            round(onset, 2) if onset < 90 else None,
        )


def nearest_district(x: float, y: float) -> str:
    """The district whose middle is nearest."""
    return min(plan.DISTRICTS, key=lambda d: (d.x - x) ** 2 + (d.y - y) ** 2).name


def district_records(land: Land) -> list[Record]:
    """Name, middle, rank and outline of each district, as the pack's meta holds them."""
    records = []
    for k, district in enumerate(plan.DISTRICTS):
        lon, lat = unproject(plan.ORIGIN, district.x, district.y)
        records.append(
            {
                "name": district.name,
                "lon": round(lon, 7),
                "lat": round(lat, 7),
                "rank": district.rank,
                "polygon": _outline(land, k, district),
            }
        )
    return records


def _outline(land: Land, k: int, district: plan.District) -> list[list[float]]:
    """A star-shaped outline: from the middle outwards as far as the district reaches."""
    ring = []
    for step in range(24):
        u = (step % 6) / 6
        dx, dy = [(1 - u, u), (-u, 1 - u), (u - 1, -u), (u, u - 1)][step // 6]
        size = (dx * dx + dy * dy) ** 0.5
        out = np.arange(20.0, 2400.0, 20.0)
        path = np.column_stack([district.x + out * dx / size, district.y + out * dy / size])
        mine = np.flatnonzero(land.district[land.frame.cells(path)] == k)
        reach = float(out[mine[-1]]) if len(mine) else 40.0
        lon, lat = unproject(plan.ORIGIN, district.x + reach * dx / size, district.y + reach * dy / size)
        ring.append([round(lon, 6), round(lat, 6)])
    return [*ring, ring[0]]
