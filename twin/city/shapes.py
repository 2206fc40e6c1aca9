"""Curves, distances and smooth noise on a plane, in plain arithmetic so that every machine draws the same city."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """A raster's place on the plane: south-west corner, cell size and shape; row 0 is south."""

    x0: float
    y0: float
    cell_m: float
    rows: int
    cols: int

    def centres(self) -> tuple[Floats, Floats]:
        """x of each column (cols,) and y of each row (rows,)."""
        x = self.x0 + (np.arange(self.cols, dtype=np.float64) + 0.5) * self.cell_m
        y = self.y0 + (np.arange(self.rows, dtype=np.float64) + 0.5) * self.cell_m
        return x, y

    def cells(self, xy: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each (n, 2) point, clamped to the raster."""
        col = np.clip(((xy[:, 0] - self.x0) // self.cell_m).astype(np.int64), 0, self.cols - 1)
        row = np.clip(((xy[:, 1] - self.y0) // self.cell_m).astype(np.int64), 0, self.rows - 1)
        return row, col


def tenth(values: Floats) -> Floats:
    """The values rounded to 0.1 m, the resolution of everything drawn."""
    rounded: Floats = np.round(values * 10) / 10
    return rounded


def spline(points: list[tuple[float, ...]], step_m: float = 40.0, closed: bool = False) -> Floats:
    """A Catmull-Rom curve through the points, about ``step_m`` between vertices; extra columns are carried."""
    p = np.array(points, dtype=np.float64)
    p = np.vstack([p[-1], p, p[0], p[1]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        count = max(1, int(((c[0] - b[0]) ** 2 + (c[1] - b[1]) ** 2) ** 0.5 / step_m))
        t = (np.arange(count) / count)[:, None]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t)
        )
    pieces.append(p[-2][None, :])
    return tenth(np.vstack(pieces))


def offset(line: Floats, by_m: float | Floats) -> Floats:
    """The line moved to its left by ``by_m`` (to its right where negative), vertex by vertex."""
    along = np.gradient(line[:, :2], axis=0)
    length = np.sqrt((along**2).sum(axis=1))
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / length[:, None]
    return tenth(line[:, :2] + normal * np.reshape(by_m, (-1, 1)))


def stations(line: Floats) -> Floats:
    """Distance along the line of each vertex, metres."""
    return np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(line[:, :2], axis=0) ** 2).sum(axis=1)))])


def at_station(line: Floats, where: Floats) -> Floats:
    """Points (n, 2) at the given distances along the line."""
    s = stations(line)
    return np.column_stack([np.interp(where, s, line[:, 0]), np.interp(where, s, line[:, 1])])


def piece(line: Floats, start_m: float, stop_m: float) -> Floats:
    """The stretch of the line between two distances along it."""
    s = stations(line)
    inner = line[(s > start_m + 1) & (s < stop_m - 1), :2]
    ends = at_station(line, np.array([start_m, stop_m]))
    return tenth(np.vstack([ends[:1], inner, ends[1:]]))


def distance_to_line(frame: Frame, line: Floats, reach_m: float, half_width: Floats | None = None) -> Floats:
    """Distance (rows, cols) to the line less its half width there; ``reach_m`` where it is farther than that."""
    x, y = frame.centres()
    width = np.zeros(len(line)) if half_width is None else half_width
    field = np.full((frame.rows, frame.cols), reach_m)
    for (ax, ay), (bx, by), wa, wb in zip(line[:-1, :2], line[1:, :2], width[:-1], width[1:], strict=True):
        pad = reach_m + max(wa, wb)
        cols = slice(*np.searchsorted(x, [min(ax, bx) - pad, max(ax, bx) + pad]))
        rows = slice(*np.searchsorted(y, [min(ay, by) - pad, max(ay, by) + pad]))
        dx, dy = bx - ax, by - ay
        px, py = x[cols][None, :] - ax, y[rows][:, None] - ay
        t = np.clip((px * dx + py * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        gap = np.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2) - (wa + (wb - wa) * t)
        field[rows, cols] = np.minimum(field[rows, cols], gap)
    return field


def inside(frame: Frame, ring: Floats) -> NDArray[np.bool_]:
    """Which cell centres lie inside the ring (even-odd)."""
    x, y = frame.centres()
    odd = np.zeros((frame.rows, frame.cols), dtype=bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        rows = np.flatnonzero((ay > y) != (by > y))
        if len(rows):
            cross = ax + (y[rows] - ay) * (bx - ax) / (by - ay)
            odd[rows] ^= x[None, :] < cross[:, None]
    return odd


def distance_to_ring(frame: Frame, ring: Floats, reach_m: float) -> Floats:
    """Signed distance to the ring's edge, negative inside, clipped to ± ``reach_m``."""
    gap = distance_to_line(frame, np.vstack([ring, ring[:1]]), reach_m)
    return np.where(inside(frame, ring), -gap, gap)


class Noise:
    """Smooth value noise in [-1, 1] with a given wavelength, from a table drawn once."""

    def __init__(self, rng: np.random.Generator, wave_m: float) -> None:
        self._table = rng.integers(-1000, 1001, size=(128, 128)) / 1000
        self._wave_m = wave_m

    def at(self, x: Floats, y: Floats) -> Floats:
        """Noise at the points (arrays that broadcast)."""
        u, v = x / self._wave_m + 60, y / self._wave_m + 60
        i, j = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        fu, fv = u - i, v - j
        fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
        i, j = i % 127, j % 127
        t = self._table
        south = t[j, i] * (1 - fu) + t[j, i + 1] * fu
        north = t[j + 1, i] * (1 - fu) + t[j + 1, i + 1] * fu
        value: Floats = south * (1 - fv) + north * fv
        return value


def contour(frame: Frame, field: Floats) -> Floats:
    """Segments (k, 4) of the zero line of a field given at cell centres (marching squares)."""
    x, y = frame.centres()
    xs, ys = np.meshgrid(x, y)
    corners = [
        (slice(None, -1), slice(None, -1)),
        (slice(None, -1), slice(1, None)),
        (slice(1, None), slice(1, None)),
        (slice(1, None), slice(None, -1)),
    ]
    crossings, crossed = [], []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        fa, fb = field[a], field[b]
        hit = (fa < 0) != (fb < 0)
        t = np.where(hit, fa / np.where(hit, fa - fb, 1), 0)
        crossings.append(np.stack([xs[a] + (xs[b] - xs[a]) * t, ys[a] + (ys[b] - ys[a]) * t], axis=-1))
        crossed.append(hit)
    where = np.stack(crossings, axis=2)
    hits = np.stack(crossed, axis=2)
    found = []
    for p in range(4):
        for q in range(p + 1, 4):
            between = hits[..., p + 1 : q].sum(axis=2)
            pair = hits[..., p] & hits[..., q] & (between == 0) & ((hits.sum(axis=2) == 2) | (p % 2 == 0))
            found.append(np.hstack([where[pair][:, p], where[pair][:, q]]))
    return tenth(np.vstack(found))
