"""Where the map looks: a window of terminal cells over projected metres.

A cell is 2 x 4 braille dots and about twice as high as wide, so a dot is square. The window sits on a global lattice of
cells at each scale: panning by whole cells therefore moves every drawn cell exactly, whatever the layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

DOTS_X, DOTS_Y = 2, 4
_FAR = -2e9
MIN_STEP, MAX_STEP = -3, 17  # about 0.35 m and 362 m per dot


@dataclass(frozen=True, slots=True)
class Camera:
    """A view of ``cols`` x ``rows`` cells at ``2 ** (step / 2)`` metres per dot.

    ``cell_x``, ``cell_y`` number the centre cell of the view (y counts down), ``frac_x``, ``frac_y`` (0..1) keep the
    exact centre inside that cell, so that zooming in and out again comes back to the same place.
    """

    cols: int
    rows: int
    step: int
    cell_x: int = 0
    cell_y: int = 0
    frac_x: float = 0.5
    frac_y: float = 0.5

    @classmethod
    def at(cls, x: float, y: float, *, step: int, cols: int, rows: int) -> Camera:
        """A camera centred on projected metres (x east, y north)."""
        step = min(max(step, MIN_STEP), MAX_STEP)
        dot_m: float = 2.0 ** (step / 2)
        u = x / (DOTS_X * dot_m) if math.isfinite(x) else 0.0
        v = -y / (DOTS_Y * dot_m) if math.isfinite(y) else 0.0
        cell_x, cell_y = math.floor(u), math.floor(v)
        return cls(max(cols, 1), max(rows, 1), step, cell_x, cell_y, u - cell_x, v - cell_y)

    @classmethod
    def fitting(cls, bounds: tuple[float, float, float, float], *, cols: int, rows: int) -> Camera:
        """The closest view that holds ``bounds`` (x_min, y_min, x_max, y_max) in metres."""
        x_min, y_min, x_max, y_max = bounds
        need = max((x_max - x_min) / (DOTS_X * max(cols, 1)), (y_max - y_min) / (DOTS_Y * max(rows, 1)), 1e-6)
        step = math.ceil(2 * math.log2(need) - 1e-9) if math.isfinite(need) else 8
        return cls.at((x_min + x_max) / 2, (y_min + y_max) / 2, step=step, cols=cols, rows=rows)

    @property
    def dot_m(self) -> float:
        """Metres per braille dot."""
        scale: float = 2.0 ** (self.step / 2)
        return scale

    @property
    def level(self) -> int:
        """The level of detail of the city pack for this scale: metres per dot in [2^level, 2^(level+1))."""
        return self.step // 2

    @property
    def left(self) -> int:
        """Number of the leftmost cell on the global lattice."""
        return self.cell_x - self.cols // 2

    @property
    def top(self) -> int:
        """Number of the topmost cell on the global lattice."""
        return self.cell_y - self.rows // 2

    @property
    def centre(self) -> tuple[float, float]:
        """The exact centre in metres."""
        return (
            (self.cell_x + self.frac_x) * DOTS_X * self.dot_m,
            -(self.cell_y + self.frac_y) * DOTS_Y * self.dot_m,
        )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max of the window in metres."""
        wide, high = DOTS_X * self.dot_m, DOTS_Y * self.dot_m
        return (
            self.left * wide,
            -(self.top + self.rows) * high,
            (self.left + self.cols) * wide,
            -self.top * high,
        )

    def panned(self, cols: int, rows: int) -> Camera:
        """The same view moved by whole cells (right, down)."""
        return replace(self, cell_x=self.cell_x + cols, cell_y=self.cell_y + rows)

    def resized(self, cols: int, rows: int) -> Camera:
        """The same centre and scale in a window of another size."""
        return replace(self, cols=max(cols, 1), rows=max(rows, 1))

    def zoomed(self, steps: int, at_cell: tuple[int, int] | None = None) -> Camera:
        """Closer by ``steps`` of sqrt 2, keeping the place under ``at_cell`` (col, row), or the centre, where it is."""
        step = min(max(self.step - steps, MIN_STEP), MAX_STEP)
        if step == self.step:
            return self
        x, y = self.centre
        if at_cell is not None:
            ratio = 2.0 ** ((step - self.step) / 2)
            under_x, under_y = self.cell_to_xy(*at_cell)
            x, y = under_x + (x - under_x) * ratio, under_y + (y - under_y) * ratio
        return Camera.at(x, y, step=step, cols=self.cols, rows=self.rows)

    def cell_to_xy(self, col: int, row: int) -> tuple[float, float]:
        """Metres of the middle of a cell of the window."""
        return (self.left + col + 0.5) * DOTS_X * self.dot_m, -(self.top + row + 0.5) * DOTS_Y * self.dot_m

    def to_cells(self, xy: NDArray[np.float64]) -> NDArray[np.int64]:
        """Window cells (col, row) of points in metres, shape (n, 2); points that are not finite land far outside."""
        scale = np.array([DOTS_X * self.dot_m, -DOTS_Y * self.dot_m])
        places = np.nan_to_num(xy / scale, nan=_FAR, posinf=_FAR, neginf=_FAR).clip(_FAR, -_FAR)
        cells: NDArray[np.int64] = np.floor(places).astype(np.int64) - np.array([self.left, self.top])
        return cells

    @property
    def dot_origin(self) -> tuple[int, int]:
        """Global dot numbers of the window's upper left dot."""
        return self.left * DOTS_X, self.top * DOTS_Y
