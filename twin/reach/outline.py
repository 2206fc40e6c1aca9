"""The area that a reach covers, as polygons: roads reached, buffered, drawn round on the pack's ground grid.

Method: the roads reached are sampled once a cell, each sample with its seconds. For each band of time the
distance to the nearest sample is taken at the corners of a grid in step with the pack's ground grid, and the line
at ``buffer_m`` from the roads is traced (marching squares, diagonal corners kept apart). Holes smaller than
``min_hole_m2`` (blocks between roads) are filled. The line is true to about half a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.reach.isochrone import Reach, edge_lengths_m

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.pack import CityPack

_MOST_CELLS = 2_000_000
_STRAIGHT_M = 0.5
# Bits: 1 south-west corner, 2 south-east, 4 north-east, 8 north-west. Sides: 0 south, 1 east, 2 north, 3 west.
# Each line runs with the inside on its left: outer rings come out anticlockwise (RFC 7946), holes clockwise.
_LINES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 3),),
    2: ((1, 0),),
    3: ((1, 3),),
    4: ((2, 1),),
    5: ((0, 3), (2, 1)),
    6: ((2, 0),),
    7: ((2, 3),),
    8: ((3, 2),),
    9: ((0, 2),),
    10: ((1, 0), (3, 2)),
    11: ((1, 2),),
    12: ((3, 1),),
    13: ((0, 1),),
    14: ((3, 0),),
}


@dataclass(frozen=True, slots=True)
class Band:
    """The area reached within ``seconds``.

    ``polygons`` in longitude, latitude: each a tuple of closed rings, the outer one first (anticlockwise), then
    its holes (clockwise), as GeoJSON's MultiPolygon wants them. ``area_m2`` without the holes.
    """

    seconds: float
    polygons: tuple[tuple[NDArray[np.float64], ...], ...]
    area_m2: float

    def as_geojson(self) -> dict[str, object]:
        """A GeoJSON MultiPolygon geometry, seven decimals."""
        return {
            "type": "MultiPolygon",
            "coordinates": [[np.round(ring, 7).tolist() for ring in rings] for rings in self.polygons],
        }


def outline(
    reach: Reach, bands_s: Sequence[float], *, buffer_m: float = 60.0, min_hole_m2: float = 60_000.0
) -> tuple[Band, ...]:
    """One band for each number of seconds, in the order given; without polygons where nothing is reached."""
    pack = reach.network.pack
    cell_m = _cell_m(pack)
    points, seconds = _samples(reach, cell_m)
    return tuple(_band(pack, points[seconds <= limit], limit, cell_m, buffer_m, min_hole_m2) for limit in bands_s)


def _cell_m(pack: CityPack) -> float:
    """The ground grid's cell, at least 10 and at most 25 m."""
    return float(np.clip(pack.ground_cell_m, 10.0, 25.0))


def _samples(reach: Reach, step_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points float64 (k, 2) on the roads reached, projected metres, and the seconds float64 (k,) to each."""
    network, pack = reach.network, reach.network.pack
    # Temporary links have no geometry; where they lead to is drawn by the roads beyond.
    drawn = reach.span_edge < network.pack_edge_count
    spans, shares, times_s = reach.span_edge[drawn], reach.span_share[drawn], reach.span_s[drawn]
    length_m = edge_lengths_m(network)[spans] * np.abs(np.diff(shares, axis=1))[:, 0]
    counts = np.maximum(np.ceil(length_m / step_m), 1).astype(np.int64) + 1
    span = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = rank / (counts[span] - 1)
    share = shares[span, 0] * (1 - along) + shares[span, 1] * along
    seconds = times_s[span, 0] * (1 - along) + times_s[span, 1] * along
    # All geometries end to end on one measuring tape; between two edges it jumps, and nobody samples there.
    line = pack.geom_xy.astype(np.float64)
    tape = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
    first, last = tape[pack.geom_start[:-1]], tape[np.asarray(pack.geom_start[1:]) - 1]
    edge = spans[span]
    at = first[edge] + share * (last[edge] - first[edge])
    return np.column_stack((np.interp(at, tape, line[:, 0]), np.interp(at, tape, line[:, 1]))), seconds


def _band(
    pack: CityPack, points: NDArray[np.float64], seconds: float, cell_m: float, buffer_m: float, min_hole_m2: float
) -> Band:
    if not len(points):
        return Band(seconds, (), 0.0)
    corner, cell_m, distance = _distances(pack, points, cell_m, buffer_m)
    rings = [ring * cell_m + corner for ring in _trace(distance - buffer_m)]
    areas = [_signed_area_m2(ring) for ring in rings]
    outer = [k for k, area in enumerate(areas) if area > 0]
    holes: dict[int, list[int]] = {k: [] for k in outer}
    for k, area in enumerate(areas):
        if area < -min_hole_m2:
            # Rings do not cross: the smallest ring round one of its points is the hole's own.
            round_it = [o for o in outer if areas[o] > -area and _contains(rings[o], rings[k][0])]
            holes[min(round_it, key=lambda o: areas[o])].append(k)
    polygons = [(o, *holes[o]) for o in outer]
    if min_hole_m2 > 0:
        polygons = [p for p in polygons if not _in_filled_hole(p[0], rings, areas, min_hole_m2)]
    polygons.sort(key=lambda p: -areas[p[0]])
    return Band(
        seconds,
        tuple(tuple(_lonlat(pack, _straightened(rings[k])) for k in polygon) for polygon in polygons),
        float(sum(areas[k] for polygon in polygons for k in polygon)),
    )


def _in_filled_hole(outer: int, rings: list[NDArray[np.float64]], areas: list[float], min_hole_m2: float) -> bool:
    """Whether a ring lies as an island in a hole that is filled: it is part of that area already."""
    return any(
        -min_hole_m2 <= area < -areas[outer] and _contains(rings[k], rings[outer][0])
        for k, area in enumerate(areas)
        if area < 0
    )


def _distances(
    pack: CityPack, points: NDArray[np.float64], cell_m: float, buffer_m: float
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """(south-west corner, cell, float64 (rows, columns) metres to the nearest point, large where far away)."""
    from scipy.ndimage import binary_dilation
    from scipy.spatial import cKDTree

    frame = np.array([pack.ground_x0, pack.ground_y0])
    low, high = points.min(axis=0), points.max(axis=0)
    while np.prod((high - low + 2 * buffer_m) / cell_m + 5) > _MOST_CELLS:
        cell_m *= 2
    margin = int(np.ceil(buffer_m / cell_m)) + 2
    first = np.floor((low - frame) / cell_m).astype(np.int64) - margin
    columns, rows = (np.ceil((high - frame) / cell_m).astype(np.int64) + margin - first + 1).tolist()
    corner = frame + first * cell_m
    near = np.zeros((rows, columns), dtype=bool)
    column, row = np.rint((points - corner) / cell_m).astype(np.int64).T
    near[row, column] = True
    near = binary_dilation(near, structure=np.ones((2 * margin - 1, 2 * margin - 1), dtype=bool))
    distance = np.full((rows, columns), 2 * buffer_m + cell_m)
    at_row, at_column = np.nonzero(near)
    grid = corner + np.column_stack((at_column, at_row)) * cell_m
    found = cKDTree(points).query(grid, distance_upper_bound=2 * buffer_m)[0]
    distance[at_row, at_column] = np.minimum(found, 2 * buffer_m + cell_m)
    # Nothing is inside at the rim, so that every line closes.
    distance[[0, -1], :] = distance[:, [0, -1]] = 2 * buffer_m + cell_m
    return corner, cell_m, distance


def _trace(field: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Closed rings (k, 2) in (column, row) round the cells' corners below 0; the inside on the left."""
    rows, columns = field.shape
    inside = (field < 0).astype(np.int8)
    kind = inside[:-1, :-1] + 2 * inside[:-1, 1:] + 4 * inside[1:, 1:] + 8 * inside[1:, :-1]
    follows: dict[int, int] = {}
    for case, lines in _LINES.items():
        row, column = np.nonzero(kind == case)
        # A side is named by its lower or left corner; upright sides are counted on.
        across, upright = row * columns + column, rows * columns + row * columns + column
        side = (across, upright + 1, across + columns, upright)
        for start, end in lines:
            follows.update(zip(side[start].tolist(), side[end].tolist(), strict=True))
    rings: list[NDArray[np.float64]] = []
    while follows:
        start, here = follows.popitem()
        ring = [start]
        while here != start:
            ring.append(here)
            here = follows.pop(here)
        ring.append(start)
        rings.append(_positions(np.array(ring), field))
    return rings


def _positions(sides: NDArray[np.int64], field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the line crosses each side of the grid, (column, row)."""
    rows, columns = field.shape
    upright = sides >= rows * columns
    row, column = np.divmod(sides - upright * (rows * columns), columns)
    near, far = field[row, column], field[row + upright, column + ~upright]
    # Kept off the corners, so that two lines never touch in one.
    share = np.clip(near / (near - far), 0.1, 0.9)
    return np.column_stack((column + np.where(upright, 0.0, share), row + np.where(upright, share, 0.0)))


def _straightened(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ring without the points that lie within half a metre of the line between those kept (Douglas–Peucker)."""
    keep = np.zeros(len(ring), dtype=bool)
    middle = len(ring) // 2
    keep[[0, middle, -1]] = True
    parts = [(0, middle), (middle, len(ring) - 1)]
    while parts:
        a, b = parts.pop()
        if b - a < 2:
            continue
        (x, y), way = (ring[a + 1 : b] - ring[a]).T, ring[b] - ring[a]
        span = float(np.hypot(*way))
        off = np.abs(x * way[1] - y * way[0]) / span if span > 0 else np.hypot(x, y)
        furthest = int(np.argmax(off))
        if off[furthest] > _STRAIGHT_M:
            keep[a + 1 + furthest] = True
            parts += [(a, a + 1 + furthest), (a + 1 + furthest, b)]
    if np.count_nonzero(keep) < 4:
        return ring
    return ring[keep]


def _signed_area_m2(ring: NDArray[np.float64]) -> float:
    x, y = (ring - ring[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def _contains(ring: NDArray[np.float64], point: NDArray[np.float64]) -> bool:
    """Whether a point lies inside a closed ring (even-odd rule)."""
    x, y = (ring - point).T
    crosses = (y[:-1] > 0) != (y[1:] > 0)
    x, y, x_next, y_next = x[:-1][crosses], y[:-1][crosses], x[1:][crosses], y[1:][crosses]
    return bool(np.count_nonzero(x - y * (x_next - x) / (y_next - y) > 0) % 2)


def _lonlat(pack: CityPack, ring: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, lat = pack.to_lonlat(ring[:, 0], ring[:, 1])
    return np.column_stack((lon, lat))
