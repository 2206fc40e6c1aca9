"""Land and water of the city: distance to the shore, heights on the datum, kinds of ground, the coast line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.city import plan
from twin.city.shapes import (
    Floats,
    Frame,
    Noise,
    at_station,
    contour,
    distance_to_line,
    distance_to_ring,
    spline,
    stations,
)
from twin.pack import Ground

REACH_M = 1200.0
STEP_M = 0.05  # heights are stored in these steps


@dataclass(frozen=True, slots=True)
class Land:
    """Rasters of one frame: ``shore_m`` distance to water (negative in it), ``height_m``, ``ground``, ``district``.

    ``district`` is an index into :data:`plan.DISTRICTS`, −1 in open country. ``coast`` is (k, 4).
    """

    frame: Frame
    shore_m: Floats
    height_m: Floats
    ground: NDArray[np.uint8]
    district: NDArray[np.int16]
    coast: Floats

    def shore_at(self, xy: Floats) -> Floats:
        """Distance to water of (n, 2) points, metres, negative in water."""
        found: Floats = self.shore_m[self.frame.cells(xy)]
        return found

    def height_at(self, xy: Floats) -> Floats:
        """Height on the datum of (n, 2) points, metres."""
        found: Floats = self.height_m[self.frame.cells(xy)]
        return found


def frame() -> Frame:
    """The frame of all rasters: 20 m cells over the city's bounds."""
    x0, y0, x1, y1 = plan.BOUNDS
    return Frame(x0, y0, 20.0, int((y1 - y0) / 20), int((x1 - x0) / 20))


def make_land(rng: np.random.Generator) -> Land:
    """The land of the plan; the same for the same generator state."""
    f = frame()
    sea, inner = _sea(f, rng), _inner_water(f)
    shore = np.minimum(sea, inner)
    for pier in plan.PIERS:
        shore = np.maximum(shore, -distance_to_ring(f, np.array(pier, dtype=np.float64), REACH_M))
    height = _heights(f, sea, inner, shore, rng)
    district = _districts(f, shore, rng)
    return Land(f, shore, height, _ground(f, shore, district, rng), district, contour(f, shore))


def _sea(f: Frame, rng: np.random.Generator) -> Floats:
    coast = spline(plan.COAST, 60)
    wobble = Noise(rng, 700).at(coast[:, 0], coast[:, 1]) * 70 + Noise(rng, 180).at(coast[:, 0], coast[:, 1]) * 18
    coast = np.column_stack([coast[:, 0], coast[:, 1] + np.round(wobble, 1)])
    ring = np.vstack([coast, [(20_000.0, -20_000.0), (-20_000.0, -20_000.0)]])
    return distance_to_ring(f, ring, REACH_M)


def _inner_water(f: Frame) -> Floats:
    water = np.full((f.rows, f.cols), REACH_M)
    for course in (plan.RIVER, plan.BROOK):
        line = spline(course, 50)
        water = np.minimum(water, distance_to_line(f, line[:, :2], REACH_M, line[:, 2]))
    for basin in plan.BASINS.values():
        water = np.minimum(water, distance_to_ring(f, np.array(basin, dtype=np.float64), REACH_M))
    return water


def _bump(f: Frame, x: float, y: float, radius: float) -> Floats:
    """1 at the point, 0.25 at the radius, nearly 0 at three times that."""
    xs, ys = f.centres()
    square = ((xs[None, :] - x) ** 2 + (ys[:, None] - y) ** 2) / (radius * radius)
    bump: Floats = 1 / (1 + square) ** 2
    return bump


def _heights(f: Frame, sea: Floats, inner: Floats, shore: Floats, rng: np.random.Generator) -> Floats:
    xs, ys = (axis for axis in np.meshgrid(*f.centres()))
    quay = 2.3 + 0.3 * Noise(rng, 650).at(xs, ys) + np.clip((xs - 2000) / 2500, 0, 2.4)
    brookside = np.clip((ys - 300) / 700, 0, 6)
    quay = quay + brookside * np.clip((-xs - 700) / 900, 0, 1)
    open_coast = np.clip((inner - sea) / 250 - 0.5, 0, 1)
    quay = quay + open_coast * (4.9 - quay)
    for x, y in plan.BARRIER:
        quay = quay + np.clip(3 * _bump(f, x, y, 420), 0, 1) * (5.2 - quay)
    flat = np.zeros_like(quay)
    for x, y, radius in plan.FLATS:
        flat = np.maximum(flat, np.clip(2.6 * _bump(f, x, y, radius), 0, 1))
    inland = np.clip(shore - 40, 0, None)
    rise = inland * (0.0014 * flat + 0.008 * (1 - flat))
    hills = np.zeros_like(quay)
    for x, y, high, radius in plan.HILLS:
        hills += high * _bump(f, x, y, radius) * 1.12
    away = np.clip((shore - 60) / 900, 0, 1)
    away = away * away * (3 - 2 * away)
    castle = 24 * _bump(f, -480, 1150, 330) * np.clip((shore - 60) / 300, 0, 1)
    roll = Noise(rng, 900).at(xs, ys) * 3.5 + Noise(rng, 320).at(xs, ys) * 1.2
    land = (
        quay
        + rise
        + hills * away * (1 - 0.9 * flat)
        + castle
        + roll * away * (1 - flat)
        + 0.12 * flat * (Noise(rng, 140).at(xs, ys))
    )
    land = np.clip(_hollowed(f, land, shore), 0.1, 84)
    deep = -(1.2 + np.clip(-shore, 0, 400) * 0.035 + np.clip(-sea, 0, 1200) * 0.008)
    raw = np.where(shore < 0, deep, land)
    steps: Floats = np.round(raw / STEP_M) * STEP_M
    return steps


def _hollowed(f: Frame, land: Floats, shore: Floats) -> Floats:
    """Low ground sunk in, never within 60 m of the water, where the quay is its dyke; then the sunken quays."""
    for x, y, radius, floor in plan.HOLLOWS:
        depth = np.clip(1.6 * _bump(f, x, y, radius) - 0.4, 0, 1) * np.clip((shore - 60) / 60, 0, 1)
        land = land + np.minimum(floor - land, 0) * np.clip(depth * 1.6, 0, 1)
    for x, y, radius, level in plan.DIPS:
        land = land + np.minimum(level - land, 0) * np.clip(2.2 * _bump(f, x, y, radius) - 0.5, 0, 1)
    return land


def _districts(f: Frame, shore: Floats, rng: np.random.Generator) -> NDArray[np.int16]:
    """Nearest district of each land cell, with ragged borders; −1 beyond the built-up area."""
    xs, ys = np.meshgrid(*f.centres())
    bend_x, bend_y = Noise(rng, 600), Noise(rng, 600)
    x, y = xs + 130 * bend_x.at(xs, ys), ys + 130 * bend_y.at(xs, ys)
    ragged = Noise(rng, 800).at(xs, ys)
    nearest = np.full(xs.shape, np.inf)
    which = np.full(xs.shape, -1, dtype=np.int16)
    limit = {"village": 620.0, "works": 1500.0, "garden": 1900.0}
    for k, district in enumerate(plan.DISTRICTS):
        gap = np.sqrt((x - district.x) ** 2 + (y - district.y) ** 2)
        reach = limit.get(district.fabric, 1900.0) * (1 + 0.28 * ragged)
        closer = (gap < nearest) & (gap < reach)
        nearest, which = np.where(closer, gap, nearest), np.where(closer, np.int16(k), which)
    return np.where(shore > 0, which, np.int16(-1))


def _ground(f: Frame, shore: Floats, district: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.uint8]:
    xs, ys = np.meshgrid(*f.centres())
    ground = np.full(shore.shape, Ground.LAND, dtype=np.uint8)
    fabric = np.array([d.fabric for d in plan.DISTRICTS] + ["open"])[district]
    ground[np.isin(fabric, ["medieval", "terrace"])] = Ground.DENSE
    ground[np.isin(fabric, ["works", "port"])] = Ground.INDUSTRIAL
    edge = Noise(rng, 260).at(xs, ys)
    for _, x, y, radius in plan.PARKS:
        ground[np.sqrt((xs - x) ** 2 + (ys - y) ** 2) < radius * (1 + 0.35 * edge)] = Ground.PARK
    ground[shore < 0] = Ground.WATER
    return ground


def river_line() -> tuple[Floats, Floats]:
    """The river's middle (n, 2) running downstream, and its half width (n,)."""
    line = spline(plan.RIVER, 40)
    return line[:, :2], line[:, 2]


def sink_underpass(land: Land, line: Floats, floor_m: float) -> None:
    """Digs the cutting of the underpass into the heights: the floor under its middle, ramps to both ends."""
    length = float(stations(line)[-1])
    for where in np.arange(0, length, 5.0):
        share = min(where, length - where) / length
        row, col = (int(index[0]) for index in land.frame.cells(at_station(line, np.array([where]))))
        if land.shore_m[row, col] > 45:
            sunk = floor_m + 2.2 * max(0.0, 0.3 - share) / 0.3
            land.height_m[row, col] = round(min(land.height_m[row, col], sunk) / STEP_M) * STEP_M
