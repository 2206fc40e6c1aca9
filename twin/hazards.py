"""Flood by connected fill: what lies under water at a given level of the sea, terrain and roads."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError
from twin.pack import Ground, RoadFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.pack import CityPack

LEVEL_STEP_M = 0.05
"""Levels are rounded to this step: finer than any gauge is trusted, coarse enough to answer from memory."""
_SAMPLE_M = 10.0
_KEPT = 24


@dataclass(frozen=True, slots=True, eq=False)
class Flood:
    """Water over ground and roads that are normally dry, at one sea level.

    ``depth_m`` float32 (h, w) on the terrain's grid (row 0 south), 0 where dry and on permanent water;
    ``edge_depth_m`` float32 (e,): the deepest water over each road. ``level_m`` stands on the pack's height
    datum.
    """

    level_m: float
    barrier_closed: bool
    depth_m: NDArray[np.float32]
    edge_depth_m: NDArray[np.float32]
    pack: CityPack = field(repr=False)

    def depth_at(self, lon: float, lat: float) -> float:
        """Metres of water over the ground there; 0 where dry, on permanent water and off the terrain."""
        x, y = self.pack.to_xy(lon, lat)
        row = math.floor((y - self.pack.terrain_y0) / self.pack.terrain_cell_m)
        column = math.floor((x - self.pack.terrain_x0) / self.pack.terrain_cell_m)
        rows, columns = self.depth_m.shape
        return float(self.depth_m[row, column]) if 0 <= row < rows and 0 <= column < columns else 0.0

    @property
    def area_m2(self) -> float:
        """Normally dry ground under water, square metres."""
        return float(np.count_nonzero(self.depth_m)) * self.pack.terrain_cell_m**2

    @property
    def flooded_edges(self) -> NDArray[np.intp]:
        """Ascending ids of the roads with any water on them."""
        return np.flatnonzero(self.edge_depth_m)


class FloodModel:
    """Floods of one pack, answered in milliseconds and remembered by rounded level.

    The method is a connected fill ("bathtub with a path"): ground is flooded where it lies below the level
    *and* is joined to open water by ground or water below the level (8 neighbours). It has no flow, time or
    waves: it overstates where a surge is too short to fill what lies behind a narrow low place.

    Open water is the permanent water that reaches the edge of the terrain. A closed storm barrier parts its
    protected water from the rest, up to ``crest_m`` where the pack gives one: what is shut in stands at a level
    of its own (``inside_m``; inside its banks where none is given), and fills from there.
    Bridges stay dry; an underpass holds its ground's depth plus its dip (``dip_m`` in ``meta["dips"]`` by
    edge id, where given).
    """

    def __init__(self, pack: CityPack) -> None:
        from scipy import ndimage

        if not bool(np.all(np.isfinite(pack.terrain))):
            raise RoadError("The terrain has cells without an elevation.", code="TOC-5207")
        self.pack = pack
        self.knows_heights = pack.meta.get("datum") != "none"
        self._water = self._water_on_terrain()
        self._sea = self._open_water()
        self._gate = self._barrier_gate()
        barrier = pack.meta.get("barrier") or {}
        self._crest_m = float(barrier.get("crest_m", math.inf))
        # Roads sample the nearest dry ground: a quay's centre line may fall in a water cell.
        if bool(np.all(self._water)):
            raise RoadError("The terrain is all water.", code="TOC-5207")
        nearest = ndimage.distance_transform_edt(self._water, return_distances=False, return_indices=True)
        self._sample_cell, self._sample_start = self._road_samples(nearest)
        self._dip_m = self._dips()
        self._bridge = (pack.edge_flags & RoadFlag.BRIDGE) != 0
        self._kept: OrderedDict[tuple[int, bool, int | None], Flood] = OrderedDict()

    def at(self, level_m: float, *, barrier_closed: bool = False, inside_m: float | None = None) -> Flood:
        """The flood at a sea level in metres on the pack's datum, to 0.05 m; RoadError TOC-5207 if absurd.

        ``inside_m``: level of the water behind the closed barrier, on the same datum.
        """
        if not self.knows_heights:
            raise RoadError("This pack was made without elevation: no flood can be told.", code="TOC-5207")
        step, level_m = _stepped(level_m)
        closed = barrier_closed and self._gate is not None and level_m <= self._crest_m
        inside_step, inside = _stepped(inside_m) if closed and inside_m is not None else (None, None)
        key = (step, closed, inside_step)
        flood = self._kept.get(key)
        if flood is None:
            flood = self._kept[key] = self._fill(level_m, closed, inside)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return flood

    def behind_barrier(self, lon: float, lat: float) -> bool:
        """Whether a position lies on the side that the storm barrier protects."""
        polygon = (self.pack.meta.get("barrier") or {}).get("polygon")
        if not polygon:
            return False
        ring = np.array([self.pack.to_xy(float(one), float(other)) for one, other in polygon])
        x, y = self.pack.to_xy(lon, lat)
        return bool(_inside(ring, np.array([x]), np.array([y]))[0, 0])

    def _fill(self, level_m: float, closed: bool, inside_m: float | None) -> Flood:
        depth = self._filled(level_m, self._sea & ~self._protected if closed else self._sea, closed)
        if inside_m is not None:
            depth = np.maximum(depth, self._filled(inside_m, self._protected, closed))
        edges = self._on_roads(depth)
        depth.setflags(write=False)
        edges.setflags(write=False)
        return Flood(level_m, closed, depth, edges, self.pack)

    def _filled(self, level_m: float, seeds: NDArray[np.bool_], closed: bool) -> NDArray[np.float32]:
        """float32 on the terrain grid: metres of water over dry ground that the seeds reach at this level."""
        from scipy import ndimage

        below = (self.pack.terrain < level_m) | self._water
        if closed and self._gate is not None:
            below &= ~self._gate
        labels, count = ndimage.label(below, structure=np.ones((3, 3), dtype=np.int8))
        joined = np.zeros(count + 1, dtype=bool)
        joined[labels[seeds]] = True
        joined[0] = False
        depth = np.where(joined[labels] & ~self._water, np.float32(level_m) - self.pack.terrain, np.float32(0.0))
        return np.maximum(depth, np.float32(0.0)).astype(np.float32, copy=False)

    def _on_roads(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        deepest: NDArray[np.float32] = np.maximum.reduceat(depth.ravel()[self._sample_cell], self._sample_start)
        wet = deepest > 0.0
        deepest[wet] += self._dip_m[wet]
        deepest[self._bridge] = 0.0
        return deepest

    def _cell_centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        pack = self.pack
        rows, columns = pack.terrain.shape
        x = pack.terrain_x0 + (np.arange(columns, dtype=np.float64) + 0.5) * pack.terrain_cell_m
        y = pack.terrain_y0 + (np.arange(rows, dtype=np.float64) + 0.5) * pack.terrain_cell_m
        return x, y

    def _water_on_terrain(self) -> NDArray[np.bool_]:
        """bool on the terrain grid: the ground raster says water at the cell's centre."""
        pack = self.pack
        x, y = self._cell_centres()
        column = np.floor((x - pack.ground_x0) / pack.ground_cell_m).astype(np.int64)
        row = np.floor((y - pack.ground_y0) / pack.ground_cell_m).astype(np.int64)
        inside = ((row >= 0) & (row < pack.ground.shape[0]))[:, None] & (
            (column >= 0) & (column < pack.ground.shape[1])
        )[None, :]
        water = pack.ground == Ground.WATER
        sampled = water[np.clip(row, 0, water.shape[0] - 1)[:, None], np.clip(column, 0, water.shape[1] - 1)[None, :]]
        both: NDArray[np.bool_] = sampled & inside
        return both

    def _open_water(self) -> NDArray[np.bool_]:
        """bool: permanent water joined to the terrain's edge; the largest body where none reaches it."""
        from scipy import ndimage

        labels, count = ndimage.label(self._water, structure=np.ones((3, 3), dtype=np.int8))
        if not count:
            raise RoadError("The pack has no water to flood from.", code="TOC-5207")
        rim = np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))
        rim = rim[rim > 0]
        if not len(rim):
            rim = np.array([1 + int(np.argmax(np.bincount(labels.ravel())[1:]))])
        open_water: NDArray[np.bool_] = np.isin(labels, rim)
        return open_water

    def _barrier_gate(self) -> NDArray[np.bool_] | None:
        """bool: water cells where the barrier's protected water meets the rest; None without one."""
        from scipy import ndimage

        polygon = (self.pack.meta.get("barrier") or {}).get("polygon")
        self._protected = np.zeros_like(self._water)
        if not polygon:
            return None
        ring = np.array([self.pack.to_xy(float(lon), float(lat)) for lon, lat in polygon])
        x, y = self._cell_centres()
        self._protected = _inside(ring, x, y) & self._water
        eight = np.ones((3, 3), dtype=bool)
        parts, _ = ndimage.label(self._sea & ~self._protected, structure=eight)
        beside = parts[ndimage.binary_dilation(self._protected, structure=eight)]
        sizes = np.bincount(parts.ravel())
        joined = [part for part in np.unique(beside).tolist() if part]
        if not joined:
            return None
        # The sea is the largest water beside the protected; the others are its upper reaches, or bends of its
        # river that a roughly drawn outline cuts off.
        sea = max(joined, key=lambda part: (int(sizes[part]), -part))
        self._protected |= np.isin(parts, [part for part in joined if part != sea])
        gate: NDArray[np.bool_] = self._protected & ndimage.binary_dilation(parts == sea, structure=eight)
        return gate if bool(gate.any()) else None

    def _road_samples(self, nearest: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Flat terrain cells under points at most 10 m apart on each road; where each run starts."""
        pack = self.pack
        points = pack.geom_xy.astype(np.float64)
        counts = np.diff(pack.geom_start)
        edge = np.repeat(np.arange(len(counts)), counts)
        last_of_edge = np.append(edge[1:] != edge[:-1], True)
        vector = np.zeros_like(points)
        vector[:-1] = np.diff(points, axis=0)
        vector[last_of_edge] = 0.0
        samples = np.maximum(np.ceil(np.hypot(vector[:, 0], vector[:, 1]) / _SAMPLE_M), 1).astype(np.int64)
        first = np.cumsum(samples) - samples
        owner = np.repeat(np.arange(len(points)), samples)
        share = (np.arange(len(owner)) - first[owner]) / samples[owner]
        at = points[owner] + share[:, None] * vector[owner]
        rows, columns = pack.terrain.shape
        column = np.clip(np.floor((at[:, 0] - pack.terrain_x0) / pack.terrain_cell_m), 0, columns - 1).astype(np.intp)
        row = np.clip(np.floor((at[:, 1] - pack.terrain_y0) / pack.terrain_cell_m), 0, rows - 1).astype(np.intp)
        cell = nearest[0, row, column].astype(np.intp) * columns + nearest[1, row, column]
        return cell, first[np.asarray(pack.geom_start[:-1])].astype(np.intp)

    def _dips(self) -> NDArray[np.float32]:
        """float32 (e,): how far below its ground each underpass runs."""
        dip = np.zeros(len(self.pack.edge_flags), dtype=np.float32)
        for edge, metres in (self.pack.meta.get("dips") or {}).items():
            dip[int(edge)] = float(metres)
        dip[(self.pack.edge_flags & RoadFlag.UNDERPASS) == 0] = 0.0
        return dip


def _stepped(level_m: float) -> tuple[int, float]:
    """A level as (steps, metres), rounded to ``LEVEL_STEP_M``."""
    if not -50.0 <= level_m <= 50.0:
        raise RoadError(f"A sea level of {level_m} m is not credible.", code="TOC-5207")
    step = round(level_m / LEVEL_STEP_M)
    return step, round(step * LEVEL_STEP_M, 2)


def _inside(ring: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool (len(y), len(x)): grid points within a polygon ring, by even-odd crossings of each row."""
    inside = np.zeros((len(y), len(x)), dtype=bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        rows = (ay > y) != (by > y)
        if not bool(rows.any()):
            continue
        crossing = ax + (y[rows] - ay) / (by - ay) * (bx - ax)
        inside[rows] ^= x[None, :] < crossing[:, None]
    return inside
