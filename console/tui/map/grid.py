"""Rasters of the city read at view time: nearest for classes, bilinear for depths and smooth shores.

Cost is one gather per axis and sample, whatever the extent of the raster; row 0 of a raster is its southern edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Axis = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """A raster (h, w) whose cell (i, j) is centred at (x0 + (j + .5) cell_m, y0 + (i + .5) cell_m) metres."""

    values: NDArray[np.float32] | NDArray[np.uint8]
    x0: float
    y0: float
    cell_m: float

    def nearest(self, xs: Axis, ys: Axis, outside: int) -> NDArray[np.uint8]:
        """Values at the outer product of ``ys`` and ``xs``, shape (len(ys), len(xs)); ``outside`` beyond the edge."""
        high, wide = self.values.shape
        rows = np.floor((ys - self.y0) / self.cell_m).astype(np.int64)
        cols = np.floor((xs - self.x0) / self.cell_m).astype(np.int64)
        lines = self.values[np.clip(rows, 0, high - 1)]
        out: NDArray[np.uint8] = lines[:, np.clip(cols, 0, wide - 1)].astype(np.uint8, copy=False)
        out[(rows < 0) | (rows >= high)] = outside
        out[:, (cols < 0) | (cols >= wide)] = outside
        return out

    def smooth(self, xs: Axis, ys: Axis) -> NDArray[np.float32]:
        """Bilinear values at the outer product of ``ys`` and ``xs``; 0 beyond the edge."""
        high, wide = self.values.shape
        row_at, row_part, row_in = _weights((ys - self.y0) / self.cell_m - 0.5, high)
        col_at, col_part, col_in = _weights((xs - self.x0) / self.cell_m - 0.5, wide)
        if not row_in.any() or not col_in.any():
            return np.zeros((len(ys), len(xs)), dtype=np.float32)
        left, right = int(col_at.min()), int(col_at.max()) + 2
        window = self.values[:, left:right]
        lines = window[row_at] * (1 - row_part)[:, None] + window[np.minimum(row_at + 1, high - 1)] * row_part[:, None]
        at = col_at - left
        after = np.minimum(at + 1, lines.shape[1] - 1)
        out: NDArray[np.float32] = lines[:, at] * (col_in * (1 - col_part)) + lines[:, after] * (col_in * col_part)
        out *= row_in[:, None]
        return out


def _weights(at: Axis, size: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Lower index, weight of the next index, and 1 where the sample lies on the raster."""
    inside = ((at >= -0.5) & (at <= size - 0.5)).astype(np.float32)
    at = np.clip(at, 0.0, size - 1.0)
    lower = np.minimum(np.floor(at).astype(np.int64), max(size - 2, 0))
    return lower, (at - lower).astype(np.float32), inside
