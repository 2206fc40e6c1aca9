"""What lies on the ground of the map: the city pack, and the hazards, closures and route laid over it.

All of it is in projected metres. A setter replaces one layer and counts ``revision`` up; drawing reads and
never writes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from console.tui.map.grid import Grid
from console.tui.map.palette import WATER
from picture.text import visible
from twin.pack import CityPack

FLOOD_BANDS_M = (0.05, 0.30, 1.00)  # wet; a car stalls; a fire engine stalls
PLUME_BANDS = (0.10, 0.40, 0.75)  # share of the field's reference value

_NO_ENDS: NDArray[np.float64] = np.zeros((0, 4))


@dataclass(frozen=True, slots=True)
class Field:
    """A hazard raster and the three values at which its bands begin."""

    grid: Grid
    bands: tuple[float, float, float]


class Scene:
    """The layers under the marks, for one city pack."""

    def __init__(self, pack: CityPack) -> None:
        self.pack = pack
        self.ground = Grid(pack.ground, pack.ground_x0, pack.ground_y0, pack.ground_cell_m)
        is_water = (pack.ground == WATER).astype(np.float32)
        self.water = Grid(is_water, pack.ground_x0, pack.ground_y0, pack.ground_cell_m)
        self.coast: NDArray[np.float64] = np.asarray(pack.coast, dtype=np.float64).reshape(-1, 4)
        self.flood: Field | None = None
        self.plume: Field | None = None
        self.closed: NDArray[np.bool_] = np.zeros(len(pack.edge_class), dtype=bool)
        self.closed_ends = _NO_ENDS
        self.closed_class: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self.route_ends = _NO_ENDS
        self.place_names, self.place_xy = self._places()
        self.revision = 0

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max of the city in metres."""
        given = self.pack.meta.get("bounds_xy")
        if given is not None and len(given) == 4:
            return float(given[0]), float(given[1]), float(given[2]), float(given[3])
        high, wide = self.pack.ground.shape
        x0, y0, cell = self.pack.ground_x0, self.pack.ground_y0, self.pack.ground_cell_m
        return x0, y0, x0 + wide * cell, y0 + high * cell

    def _places(self) -> tuple[list[str], NDArray[np.float64]]:
        """Names to write on the ground, the city's first and then districts by rank, and where they belong."""
        x_min, y_min, x_max, y_max = self.bounds
        names = [" ".join(visible(str(self.pack.meta.get("name") or "")).upper())]
        districts = self.pack.meta.get("districts") or []
        districts = sorted(districts, key=lambda district: (district.get("rank") or 9, district["name"]))
        xy = [((x_min + x_max) / 2, (y_min + y_max) / 2)]
        xy += [self.pack.to_xy(float(district["lon"]), float(district["lat"])) for district in districts]
        return names + [str(district["name"]) for district in districts], np.array(xy, dtype=np.float64)

    def set_flood(self, depth_m: NDArray[np.float32] | None) -> None:
        """Water depth in metres on the pack's terrain raster; not-a-number and negative mean dry, None clears."""
        pack = self.pack
        self.flood = None
        if depth_m is not None:
            grid = Grid(self._on_land(_clean(depth_m)), pack.terrain_x0, pack.terrain_y0, pack.terrain_cell_m)
            self.flood = Field(grid, FLOOD_BANDS_M)
        self.revision += 1

    def _on_land(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Depths with those of permanent water replaced by the deepest land cell beside it.

        Between a basin 15 m deep and a dry quay, smooth reading would else paint a flood on the quay's edge.
        """
        pack = self.pack
        same_x = (pack.terrain_x0, pack.terrain_cell_m) == (pack.ground_x0, pack.ground_cell_m)
        if depth_m.shape != pack.ground.shape or not same_x or pack.terrain_y0 != pack.ground_y0:
            return depth_m
        is_water = self.water.values > 0
        land = np.where(is_water, np.float32(0), depth_m)
        spread = land.copy()
        np.maximum(spread[1:], land[:-1], out=spread[1:])
        np.maximum(spread[:-1], land[1:], out=spread[:-1])
        rows = spread.copy()
        np.maximum(spread[:, 1:], rows[:, :-1], out=spread[:, 1:])
        np.maximum(spread[:, :-1], rows[:, 1:], out=spread[:, :-1])
        return np.where(is_water, spread, depth_m)

    def set_plume(
        self,
        values: NDArray[np.float32] | None,
        bands: tuple[float, float, float] = PLUME_BANDS,
        frame: tuple[float, float, float] | None = None,
    ) -> None:
        """Any second hazard field; ``frame`` (x0, y0, cell_m) where it is not on the terrain raster."""
        pack = self.pack
        self.plume = None
        if values is not None:
            x0, y0, cell_m = frame or (pack.terrain_x0, pack.terrain_y0, pack.terrain_cell_m)
            self.plume = Field(Grid(_clean(values), x0, y0, cell_m), bands)
        self.revision += 1

    def set_closed(self, edges: NDArray[np.int32] | NDArray[np.int64] | list[int]) -> None:
        """The road segments (edge ids) that are closed now; ids the pack does not know are ignored."""
        chosen = np.asarray(edges, dtype=np.int64).reshape(-1)
        chosen = np.unique(chosen[(chosen >= 0) & (chosen < len(self.closed))])
        self.closed = np.zeros(len(self.closed), dtype=bool)
        self.closed[chosen] = True
        self.closed_ends, owner = _edge_ends(self.pack, chosen)
        self.closed_class = self.pack.edge_class[owner]
        self.revision += 1

    def set_route(self, lonlat: NDArray[np.float64] | list[tuple[float, float]] | None) -> None:
        """A path of (lon, lat) points to highlight, or None."""
        self.route_ends = _NO_ENDS
        if lonlat is not None and len(lonlat) >= 2:
            path = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
            x, y = self.pack.to_xy(path[:, 0], path[:, 1])
            points = np.column_stack([x, y])
            points = points[np.isfinite(points).all(axis=1)]
            self.route_ends = np.hstack([points[:-1], points[1:]])
        self.revision += 1


def _clean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    cleaned = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return np.maximum(np.atleast_2d(cleaned), 0.0)


def _edge_ends(pack: CityPack, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Straight pieces (n, 4) of the given road segments, and the edge id of each piece."""
    first = pack.geom_start[edges].astype(np.int64)
    pieces = pack.geom_start[edges + 1].astype(np.int64) - first - 1
    if not len(edges) or not pieces.sum():
        return _NO_ENDS, np.zeros(0, dtype=np.int64)
    owner = np.repeat(edges, pieces)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + np.repeat(first, pieces)
    points = pack.geom_xy
    return np.hstack([points[at], points[at + 1]]).astype(np.float64), owner
