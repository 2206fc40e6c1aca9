"""The map pyramid: road segments thinned and sorted for each scale, built once when a city pack is built.

Level k serves views of ``[2**k, 2**(k+1))`` metres per dot. A level keeps the road classes that can be told
apart at that scale, snaps segment ends to half a dot, drops what became a point or a duplicate, and sorts the
rest by grid cell, so that any view is a few contiguous runs. Snapping moves both ends of touching segments to
the same place, so what was connected stays connected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = range(-1, 8)
CELL_DOTS = 64
LEAST_IMPORTANT_CLASS = {-1: 6, 0: 6, 1: 6, 2: 5, 3: 5, 4: 4, 5: 3, 6: 2, 7: 1}
FERRY_CLASS, FERRY_TO_LEVEL = 7, 6
"""A ferry is few lines over empty water: it shows at all but the widest view."""


@dataclass(frozen=True, slots=True)
class LodLevel:
    """Road segments of one map scale, sorted by grid cell.

    ``segments`` is float32 (n, 4): x0, y0, x1, y1 in projected metres. ``road_class`` uint8 (n,) and
    ``edge`` int32 (n,) run beside it. Cell c = row * cols + col holds ``cell_start[c]:cell_start[c + 1]``.
    A segment is listed in the cell of its midpoint and is never longer than ``cell_m``.
    """

    segments: NDArray[np.float32]
    road_class: NDArray[np.uint8]
    edge: NDArray[np.int32]
    cell_start: NDArray[np.int32]
    x_min: float
    y_min: float
    cell_m: float
    cols: int
    rows: int

    def in_view(self, x_min: float, y_min: float, x_max: float, y_max: float) -> list[slice]:
        """Runs of segments, south to north, that hold everything in the box and half a cell around it."""
        margin = self.cell_m / 2
        first_col = max(0, int((x_min - margin - self.x_min) // self.cell_m))
        last_col = min(self.cols - 1, int((x_max + margin - self.x_min) // self.cell_m))
        first_row = max(0, int((y_min - margin - self.y_min) // self.cell_m))
        last_row = min(self.rows - 1, int((y_max + margin - self.y_min) // self.cell_m))
        if last_col < first_col:
            return []
        runs = []
        for row in range(first_row, last_row + 1):
            start = int(self.cell_start[row * self.cols + first_col])
            stop = int(self.cell_start[row * self.cols + last_col + 1])
            if stop > start:
                runs.append(slice(start, stop))
        return runs


def build_level(
    segments: NDArray[np.float32],
    road_class: NDArray[np.uint8],
    edge: NDArray[np.int32],
    level: int,
) -> LodLevel:
    """The level's segments out of all of the city's (n, 4) segments, with their classes and edge ids."""
    dot_m = 2.0**level
    visible = (road_class <= LEAST_IMPORTANT_CLASS[level]) | ((road_class == FERRY_CLASS) & (level <= FERRY_TO_LEVEL))
    ends, kind, of_edge = segments[visible], road_class[visible], edge[visible]
    half = dot_m / 2
    # A power of two divides without rounding, in single precision too.
    snapped = np.rint(ends / np.float32(half)).astype(np.int32)
    keep = _first_of_each(snapped, kind)
    ends = (snapped[keep] * half).astype(np.float32)
    cell_m = CELL_DOTS * dot_m
    ends, kind, of_edge = _split_long(ends, kind[keep], of_edge[keep], cell_m)
    return _sorted_by_cell(ends, kind, of_edge, cell_m)


def _first_of_each(snapped: NDArray[np.int32], kind: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Indices of distinct segments with a length, the most important class of each duplicate."""
    if not len(snapped):
        return np.zeros(0, dtype=np.int64)
    x0, y0, x1, y1 = snapped.T.astype(np.int64)
    # One number for each end, so that two keys are sorted and not five.
    west, south = min(x0.min(), x1.min()), min(y0.min(), y1.min())
    height = max(y0.max(), y1.max()) - south + 1
    one, other = (x0 - west) * height + (y0 - south), (x1 - west) * height + (y1 - south)
    first, last = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((last * 256 + kind, first))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (first[order[1:]] != first[order[:-1]]) | (last[order[1:]] != last[order[:-1]])
    kept: NDArray[np.int64] = np.sort(order[new])
    has_length: NDArray[np.bool_] = (snapped[kept, :2] != snapped[kept, 2:]).any(axis=1)
    return kept[has_length]


def _split_long(
    ends: NDArray[np.float32],
    kind: NDArray[np.uint8],
    edge: NDArray[np.int32],
    longest_m: float,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]:
    """The same lines in pieces no longer than ``longest_m``."""
    along = ends[:, 2:].astype(np.float64) - ends[:, :2]
    pieces = np.maximum(1, np.ceil(np.hypot(along[:, 0], along[:, 1]) / longest_m).astype(np.int64))
    if not len(pieces) or int(pieces.max()) == 1:
        return ends, kind, edge
    source = np.repeat(np.arange(len(ends)), pieces)
    found = ends[source]
    # Only the long ones are cut: most lines are shorter by far.
    cut = np.flatnonzero(pieces[source] > 1)
    whole = source[cut]
    nth = cut - (np.cumsum(pieces) - pieces)[whole]
    share = 1.0 / pieces[whole]
    start = ends[whole, :2].astype(np.float64)
    found[cut, :2] = start + along[whole] * (nth * share)[:, None]
    found[cut, 2:] = start + along[whole] * ((nth + 1) * share)[:, None]
    return found, kind[source], edge[source]


def _sorted_by_cell(
    ends: NDArray[np.float32],
    kind: NDArray[np.uint8],
    edge: NDArray[np.int32],
    cell_m: float,
) -> LodLevel:
    if not len(ends):
        return LodLevel(ends, kind, edge, np.zeros(2, np.int32), 0.0, 0.0, cell_m, 1, 1)
    middle = (ends[:, :2].astype(np.float64) + ends[:, 2:]) / 2
    x_min, y_min = (float(np.floor(middle[:, k].min())) for k in (0, 1))
    cell = ((middle - (x_min, y_min)) // cell_m).astype(np.int64)
    cols, rows = int(cell[:, 0].max()) + 1, int(cell[:, 1].max()) + 1
    index = cell[:, 1] * cols + cell[:, 0]
    order = np.argsort(index, kind="stable")
    start = np.zeros(rows * cols + 1, dtype=np.int32)
    start[1:] = np.cumsum(np.bincount(index, minlength=rows * cols))
    return LodLevel(ends[order], kind[order], edge[order], start, x_min, y_min, cell_m, cols, rows)
