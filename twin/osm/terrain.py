"""The terrain raster of an imported city: resampled from an elevation file, or flat and saying so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError
from twin.elevation import read_elevation
from twin.pack import unproject

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_DATUM = "none"
"""Datum of a pack without elevation: its terrain is flat at 0 and no flood may be computed on it."""
CELL_M = 20.0
MOST_CELLS = 2_000_000
_FLAT_CELL_M = 100.0


@dataclass(frozen=True, slots=True)
class Terrain:
    """``height_m`` float32 (rows, cols), row 0 south, over the bounds from their south-west corner."""

    height_m: NDArray[np.float32]
    cell_m: float
    datum: str
    notes: tuple[str, ...]

    def at(self, xy: NDArray[np.float64], corner: tuple[float, float]) -> NDArray[np.float32]:
        """Height of the cell of each of (n, 2) points; of the nearest cell outside the terrain."""
        rows, cols = self.height_m.shape
        col = np.clip(np.floor((xy[:, 0] - corner[0]) / self.cell_m), 0, cols - 1).astype(np.int64)
        row = np.clip(np.floor((xy[:, 1] - corner[1]) / self.cell_m), 0, rows - 1).astype(np.int64)
        return self.height_m[row, col]


def make_terrain(
    elevation: Path | None,
    bounds_xy: tuple[float, float, float, float],
    origin: tuple[float, float],
) -> Terrain:
    """The terrain over the bounds; RoadError TOC-5307 where the elevation file lies elsewhere or cannot be read."""
    x0, y0, x1, y1 = bounds_xy
    least = CELL_M if elevation else _FLAT_CELL_M
    cell = max(least, float(np.ceil(np.sqrt((x1 - x0) * (y1 - y0) / MOST_CELLS))))
    rows, cols = max(1, int(np.ceil((y1 - y0) / cell))), max(1, int(np.ceil((x1 - x0) / cell)))
    if elevation is None:
        return Terrain(
            np.zeros((rows, cols), np.float32),
            cell,
            NO_DATUM,
            ("No elevation was given: the terrain is flat, and floods cannot be computed.",),
        )
    source = read_elevation(elevation)
    x, y = np.meshgrid(x0 + (np.arange(cols) + 0.5) * cell, y0 + (np.arange(rows) + 0.5) * cell)
    height = source.at(*unproject(origin, x, y))
    unknown = np.isnan(height)
    if unknown.all():
        raise RoadError(f"{elevation.name} has no height inside the extract.", code="TOC-5307")
    notes: tuple[str, ...] = ()
    if unknown.any():
        height = _nearest_known(height, unknown)
        notes = (
            f"{100 * unknown.mean():.1f} % of the terrain has no height in {elevation.name}; "
            "the nearest known height stands there.",
        )
    return Terrain(height.astype(np.float32), cell, source.datum, notes)


def _nearest_known(height: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
    from scipy import ndimage

    row, col = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    filled: NDArray[np.float32] = height[row, col]
    return filled
