"""The ground raster and the shoreline: areas filled by parity, the sea found by the coastline's direction.

Coastline ways have land on their left and water on their right (wiki, Tag:natural=coastline). An extract cuts the
coast open, so the sea is not assembled as a polygon: the coast is drawn as a wall, the cells between walls form
regions, and each region is water or land by what lies on which side of its walls. A region that is told both
(the wall has a hole) cannot be settled: it stays land, and the import says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.osm.areas import DRAW_ORDER
from twin.osm.rings import closed_rings
from twin.pack import Ground, project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.osm.reading import Extract, Lines

CELL_M = 10.0
MOST_CELLS = 4_000_000
_CUT_SHARE = 0.05
_WORTH_SAYING = 50  # cells; fewer are slivers between a mole and its shore
_AGREED = 0.8
"""Share of a region's witnesses that must agree; a wall one cell thick lets a few look past a spit or a mole."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A raster's frame: row 0 south, the corner (x0, y0) and square cells in metres."""

    x0: float
    y0: float
    cell_m: float
    rows: int
    cols: int

    def inside(self, row: NDArray[np.int64], col: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which cells exist."""
        found: NDArray[np.bool_] = (row >= 0) & (row < self.rows) & (col >= 0) & (col < self.cols)
        return found


@dataclass(frozen=True, slots=True)
class GroundMap:
    """``ground`` uint8 (rows, cols) of :class:`Ground`, ``coast`` float32 (k, 4), and what could not be settled."""

    frame: Frame
    ground: NDArray[np.uint8]
    coast: NDArray[np.float32]
    notes: tuple[str, ...]


def frame_of(bounds_xy: tuple[float, float, float, float]) -> Frame:
    """A frame over the bounds with 10 m cells, larger ones where that would be more than four million."""
    x0, y0, x1, y1 = bounds_xy
    cell = max(CELL_M, float(np.ceil(np.sqrt((x1 - x0) * (y1 - y0) / MOST_CELLS))))
    return Frame(x0, y0, cell, max(1, int(np.ceil((y1 - y0) / cell))), max(1, int(np.ceil((x1 - x0) / cell))))


def draw_ground(extract: Extract, origin: tuple[float, float], frame: Frame) -> GroundMap:
    """The ground of an extract and the outline of its water."""
    ground = np.full((frame.rows, frame.cols), int(Ground.LAND), dtype=np.uint8)
    rings, joined = closed_rings(extract)
    shore: list[NDArray[np.float64]] = []
    for kind in DRAW_ORDER:
        filled = np.zeros(ground.shape, dtype=bool)
        if kind is Ground.DENSE:
            _fill(filled, frame, *_segments(extract.buildings, origin))
            _dot(filled, frame, extract.buildings, origin)
        for lines in (extract.areas.get(kind), rings.get(kind)):
            if lines is None or not lines.way:
                continue
            ends, owner = _segments(lines, origin)
            _fill(filled, frame, ends, owner)
            if kind is Ground.WATER:
                shore.append(ends)
        ground[filled] = int(kind)
    notes = []
    if extract.coastline.way:
        ends, _ = _segments(extract.coastline, origin)
        unsettled = _sea(ground, frame, np.vstack([ends, _to_the_edge(extract.coastline, ends, origin, frame)]))
        shore.append(ends)
        if unsettled > _WORTH_SAYING:
            notes.append(
                f"The coastline is incomplete: {unsettled * frame.cell_m**2 / 1e6:.2f} km² could be sea "
                "or land and were left as land."
            )
    if joined:
        notes.append(f"{joined} areas are cut by the edge of the extract; their outlines were closed there.")
    coast = np.concatenate(shore) if shore else np.zeros((0, 4))
    return GroundMap(frame, ground, _between(coast, ground, frame).astype(np.float32), tuple(notes))


def _segments(lines: Lines, origin: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Every segment as x0, y0, x1, y1 in metres, and the polygon it belongs to."""
    lonlat = lines.points()
    xy = np.column_stack(project(origin, lonlat[:, 0], lonlat[:, 1]))
    start = np.frombuffer(lines.start, dtype=np.int64)
    inner = np.ones(len(xy), dtype=bool)
    inner[start[1:] - 1] = False
    index = np.flatnonzero(inner)
    owner = np.repeat(np.frombuffer(lines.owner, dtype=np.int64), np.diff(start) - 1)
    return np.hstack([xy[index], xy[index + 1]]).reshape(-1, 4), owner


def _fill(filled: NDArray[np.bool_], frame: Frame, ends: NDArray[np.float64], owner: NDArray[np.int64]) -> None:
    """Sets the cells whose centre is inside a polygon by even-odd crossings, all polygons in one sweep."""
    if not len(ends):
        return
    up = ends[:, 1] <= ends[:, 3]
    x0, y0, x1, y1 = np.where(up[:, None], ends, ends[:, [2, 3, 0, 1]]).T
    first = np.clip(np.ceil((y0 - frame.y0) / frame.cell_m - 0.5), 0, frame.rows).astype(np.int64)
    last = np.clip(np.ceil((y1 - frame.y0) / frame.cell_m - 0.5), 0, frame.rows).astype(np.int64)
    count = last - first
    which = np.repeat(np.arange(len(ends)), count)
    row = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    y = frame.y0 + (row + 0.5) * frame.cell_m
    x = x0[which] + (y - y0[which]) / (y1 - y0)[which] * (x1 - x0)[which]
    order = np.lexsort((x, row, owner[which]))
    same = owner[which][order].astype(np.int64) * frame.rows + row[order]
    col = np.clip(np.ceil((x[order] - frame.x0) / frame.cell_m - 0.5), 0, frame.cols).astype(np.int64)
    nth = np.arange(len(order)) - np.maximum.accumulate(
        np.where(np.diff(same, prepend=-1) != 0, np.arange(len(order)), 0)
    )
    opens = (nth % 2 == 0) & (np.append(same[1:], -1) == same)
    at = np.flatnonzero(opens)
    change = np.zeros((frame.rows, frame.cols + 1), dtype=np.int32)
    np.add.at(change, (row[order][at], col[at]), 1)
    np.add.at(change, (row[order][at], col[at + 1]), -1)
    filled |= np.cumsum(change, axis=1)[:, :-1] > 0


def _dot(filled: NDArray[np.bool_], frame: Frame, lines: Lines, origin: tuple[float, float]) -> None:
    """Sets the cell of every corner: a building smaller than a cell still shows."""
    lonlat = lines.points()
    x, y = project(origin, lonlat[:, 0], lonlat[:, 1])
    row, col = _cells(frame, x, y)
    ok = frame.inside(row, col)
    filled[row[ok], col[ok]] = True


def _cells(frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (
        np.floor((y - frame.y0) / frame.cell_m).astype(np.int64),
        np.floor((x - frame.x0) / frame.cell_m).astype(np.int64),
    )


def _to_the_edge(
    lines: Lines,
    ends: NDArray[np.float64],
    origin: tuple[float, float],
    frame: Frame,
) -> NDArray[np.float64]:
    """Segments that carry the coast from where the extract cuts it to the frame's edge, where that is near.

    The sea beyond is unknown; the nearest edge is a guess that is wrong by no more than ``_CUT_SHARE`` of the
    frame. A coast that ends further inside has a hole, and stays open.
    """
    start = np.frombuffer(lines.start, dtype=np.int64)
    lonlat = lines.points()
    xy = np.column_stack(project(origin, lonlat[:, 0], lonlat[:, 1]))
    refs = np.frombuffer(lines.refs, dtype=np.int64).reshape(-1, 2)
    low = np.array([frame.x0, frame.y0])
    high = low + np.array([frame.cols, frame.rows]) * frame.cell_m
    reach = _CUT_SHARE * float((high - low).max())
    found = []
    for mine, other, at, leaves in ((0, 1, start[:-1], False), (1, 0, start[1:] - 1, True)):
        loose = ~np.isin(refs[:, mine], refs[:, other])
        for x, y in xy[at[loose]].tolist():
            gaps = [
                (x - low[0], (low[0], y)),
                (high[0] - x, (high[0], y)),
                (y - low[1], (x, low[1])),
                (high[1] - y, (x, high[1])),
            ]
            gap, edge = min(gaps)
            if 0 < gap <= reach:
                found.append((x, y, *edge) if leaves else (*edge, x, y))
    return np.array(found, dtype=np.float64).reshape(-1, 4)


def _sea(ground: NDArray[np.uint8], frame: Frame, ends: NDArray[np.float64]) -> int:
    """Floods the regions that lie to the right of the coastline; returns the cells that could not be settled."""
    from scipy import ndimage

    reach = 3 * frame.cell_m
    x_max, y_max = frame.x0 + frame.cols * frame.cell_m, frame.y0 + frame.rows * frame.cell_m
    low, high = np.minimum(ends[:, :2], ends[:, 2:]), np.maximum(ends[:, :2], ends[:, 2:])
    near = ((high >= (frame.x0 - reach, frame.y0 - reach)) & (low <= (x_max + reach, y_max + reach))).all(axis=1)
    ends = ends[near]
    along = ends[:, 2:] - ends[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])
    pieces = np.maximum(1, np.ceil(length / (frame.cell_m / 4))).astype(np.int64)
    which = np.repeat(np.arange(len(ends)), pieces)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 0.5) / pieces[which]
    at = ends[which, :2] + along[which] * share[:, None]
    wall = np.zeros(ground.shape, dtype=bool)
    row, col = _cells(frame, at[:, 0], at[:, 1])
    ok = frame.inside(row, col)
    wall[row[ok], col[ok]] = True
    region, count = ndimage.label(~wall)
    right = np.column_stack([along[:, 1], -along[:, 0]])[which] / np.maximum(length, 1e-9)[which][:, None]
    votes = np.zeros((2, count + 1), dtype=np.int64)
    for side, sign in ((0, -1.0), (1, 1.0)):
        seen = at + sign * 1.5 * frame.cell_m * right
        row, col = _cells(frame, seen[:, 0], seen[:, 1])
        ok = frame.inside(row, col)
        np.add.at(votes[side], region[row[ok], col[ok]], 1)
    votes[:, 0] = 0
    total = votes.sum(axis=0)
    wet = votes[1] / np.maximum(total, 1)
    sea = (total > 0) & (wet >= _AGREED)
    unsettled = (total > 0) & ~sea & (wet > 1 - _AGREED)
    water = sea[region]
    ground[water | (_beside(water) & wall & ~_beside(~water & ~wall))] = int(Ground.WATER)
    return int(np.count_nonzero(unsettled[region]))


def _beside(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy import ndimage

    grown: NDArray[np.bool_] = ndimage.binary_dilation(cells)
    return grown


def _between(ends: NDArray[np.float64], ground: NDArray[np.uint8], frame: Frame) -> NDArray[np.float64]:
    """Segments inside the frame that have water on at most one side: two lakes that touch have no shore there."""
    along = ends[:, 2:] - ends[:, :2]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    right = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    middle = (ends[:, :2] + ends[:, 2:]) / 2
    keep = np.ones(len(ends), dtype=bool)
    wet = np.zeros((2, len(ends)), dtype=bool)
    for side, sign in ((0, -1.0), (1, 1.0)):
        seen = middle + sign * 1.2 * frame.cell_m * right
        row, col = _cells(frame, seen[:, 0], seen[:, 1])
        ok = frame.inside(row, col)
        wet[side, ok] = ground[row[ok], col[ok]] == int(Ground.WATER)
        keep &= ok
    return ends[keep & ~wet.all(axis=0)]
