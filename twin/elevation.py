"""Elevation from a GeoTIFF or an ESRI ASCII grid, sampled wherever a city pack asks.

GeoTIFF 1.1 (OGC 19-008r4): keys 1024 GTModelType, 2048 GeodeticCRS, 3072 ProjectedCRS, 4096 VerticalCRS. Read are
WGS 84 degrees (EPSG:4326 and its European twin 4258), Web Mercator (3857) and UTM (326xx, 327xx, 258xx).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEGREES = (4326, 4258, 4269)
_WGS84_A = 6_378_137.0
_WGS84_F = 1 / 298.257223563
_VERTICAL = {
    5773: "EGM96",
    3855: "EGM2008",
    5703: "NAVD 88",
    5714: "mean sea level",
    5621: "EVRF2007",
    5701: "Ordnance Datum Newlyn",
    5730: "EVRF2000",
    5783: "DHHN92",
    7837: "DHHN2016",
}
_LAST_NODATA = -9_000.0  # below any ground: SRTM says −32768, many grids −9999


@dataclass(frozen=True, slots=True)
class Elevation:
    """A grid of heights in metres, float32 (rows, cols), row 0 NORTH, NaN where unknown.

    The centre of cell (i, j) is ``(x0 + j * step_x, y0 - i * step_y)`` in the grid's own frame; ``frame`` takes
    degrees there. ``datum`` is the height datum the file states, or says that it states none.
    """

    height_m: NDArray[np.float32]
    x0: float
    y0: float
    step_x: float
    step_y: float
    datum: str
    frame: Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]

    def at(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float32]:
        """Heights at positions of any shape, bilinear; NaN outside the grid and next to unknown cells."""
        x, y = self.frame(lon, lat)
        rows, cols = self.height_m.shape
        # Rounded, or a cell's centre could fall a hair beside it and meet an unknown neighbour.
        col = np.round((x - self.x0) / self.step_x, 6)
        row = np.round((self.y0 - y) / self.step_y, 6)
        outside = (col < -0.5) | (col > cols - 0.5) | (row < -0.5) | (row > rows - 0.5)
        col, row = np.clip(col, 0, cols - 1), np.clip(row, 0, rows - 1)
        left = np.minimum(col.astype(np.int64), max(cols - 2, 0))
        top = np.minimum(row.astype(np.int64), max(rows - 2, 0))
        right, below = np.minimum(left + 1, cols - 1), np.minimum(top + 1, rows - 1)
        u, v = col - left, row - top
        grid = self.height_m
        upper = _mixed(grid[top, left], grid[top, right], u)
        lower = _mixed(grid[below, left], grid[below, right], u)
        found = _mixed(upper, lower, v)
        found[outside] = np.nan
        return found.astype(np.float32)


def _mixed(a: NDArray[Any], b: NDArray[Any], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between the two; exactly one of them at share 0 or 1, even if the other is NaN."""
    found: NDArray[np.float64] = np.where(share <= 0, a, np.where(share >= 1, b, a * (1 - share) + b * share))
    return found


def read_elevation(path: Path) -> Elevation:
    """The elevation in a .tif, .tiff or .asc file; RoadError TOC-5307 where it cannot be used."""
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _read_tiff(path)
        if path.suffix.lower() == ".asc":
            return _read_asc(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as why:
        raise RoadError(f"{path.name}: {why}", code="TOC-5307") from why
    raise RoadError(f"{path.name}: its name ends on none of .tif, .tiff, .asc", code="TOC-5307")


def _read_tiff(path: Path) -> Elevation:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        values = page.asarray()
        tags = {tag.code: tag.value for tag in page.tags}
    if values.ndim != 2:
        raise ValueError(f"has {values.ndim} dimensions, a grid of heights has two")
    keys = _geo_keys(tags)
    x0, y0, step_x, step_y = _placing(tags, point=keys.get(1025) == 2)
    nodata = float(str(tags.get(42113, "nan")).strip("\x00 ") or "nan")
    frame = _frame(keys)
    vertical = keys.get(4096, 0)
    datum = _VERTICAL.get(vertical, f"EPSG:{vertical}") if 0 < vertical < 32767 else "not stated by the elevation file"
    return Elevation(_known(values, nodata), x0, y0, step_x, step_y, datum, frame)


def _known(values: NDArray[Any], nodata: float) -> NDArray[np.float32]:
    height = values.astype(np.float32)
    height[(values == nodata) | (height < _LAST_NODATA) | ~np.isfinite(height)] = np.nan
    if np.isnan(height).all():
        raise ValueError("no cell has a height")
    return height


def _placing(tags: dict[int, Any], *, point: bool) -> tuple[float, float, float, float]:
    """Centre of the north-west cell and the steps; tie points name corners unless the raster is of points."""
    if 33550 in tags and 33922 in tags:
        step_x, step_y = float(tags[33550][0]), float(tags[33550][1])
        col, row, _, x, y = (float(value) for value in tags[33922][:5])
        x, y = x - col * step_x, y + row * step_y
    elif 34264 in tags:
        matrix = [float(value) for value in tags[34264]]
        if matrix[1] or matrix[4]:
            raise ValueError("the grid is rotated")
        step_x, step_y, x, y = matrix[0], -matrix[5], matrix[3], matrix[7]
    else:
        raise ValueError("the TIFF does not say where it lies (no GeoTIFF tags)")
    if step_x <= 0 or step_y <= 0:
        raise ValueError("the grid does not run north to south")
    half = 0.0 if point else 0.5
    return x + half * step_x, y - half * step_y, step_x, step_y


def _geo_keys(tags: dict[int, Any]) -> dict[int, int]:
    """The keys whose value stands in the directory itself."""
    directory = [int(value) for value in tags.get(34735, ())]
    return {directory[k]: directory[k + 3] for k in range(4, len(directory) - 3, 4) if directory[k + 1] == 0}


def _frame(keys: dict[int, int]) -> Callable[..., Any]:
    if keys.get(1024) == 2 or (3072 not in keys and keys.get(2048) in _DEGREES):
        if keys.get(2048, 4326) not in _DEGREES:
            raise ValueError(f"EPSG:{keys[2048]} is not read")
        return _degrees
    projected = keys.get(3072, 0)
    if projected in (3857, 900913):
        return _web_mercator
    family, zone = divmod(projected, 100)
    if family in (326, 327, 258) and 1 <= zone <= 60:
        return lambda lon, lat: utm(lon, lat, zone, south=family == 327)
    raise ValueError(f"the coordinate system EPSG:{projected} is not read")


def _degrees(lon: Any, lat: Any) -> tuple[Any, Any]:
    return lon, lat


def _web_mercator(lon: Any, lat: Any) -> tuple[Any, Any]:
    return _WGS84_A * np.radians(lon), _WGS84_A * np.arctanh(np.sin(np.radians(lat)))


def utm(lon: Any, lat: Any, zone: int, *, south: bool) -> tuple[Any, Any]:
    """Easting and northing in metres; within 1 mm in the zone (Karney 2011, eq. 35 to third order)."""
    n = _WGS84_F / (2 - _WGS84_F)
    radius = _WGS84_A / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    series = (n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16, 13 * n**2 / 48 - 3 * n**3 / 5, 61 * n**3 / 240)
    e = math.sqrt(_WGS84_F * (2 - _WGS84_F))
    sine = np.sin(np.radians(lat))
    t = np.sinh(np.arctanh(sine) - e * np.arctanh(e * sine))
    away = np.radians(lon - (6 * zone - 183))
    xi, eta = np.arctan2(t, np.cos(away)), np.arctanh(np.sin(away) / np.sqrt(1 + t * t))
    x, y = eta, xi
    for k, a in enumerate(series, start=1):
        x = x + a * np.cos(2 * k * xi) * np.sinh(2 * k * eta)
        y = y + a * np.sin(2 * k * xi) * np.cosh(2 * k * eta)
    return 500_000 + 0.9996 * radius * x, (10_000_000.0 if south else 0.0) + 0.9996 * radius * y


def _read_asc(path: Path) -> Elevation:
    head: dict[str, float] = {}
    with path.open(encoding="ascii") as file:
        line = file.readline()
        while line and line.split()[:1] and line.split()[0][0].isalpha():
            key, value = line.split()[:2]
            head[key.lower()] = float(value)
            line = file.readline()
        values = np.array((line + file.read()).split(), dtype=np.float32)
    rows, cols, step = int(head["nrows"]), int(head["ncols"]), head["cellsize"]
    if values.size != rows * cols:
        raise ValueError(f"{values.size} heights, {rows} × {cols} were announced")
    x0 = head["xllcenter"] if "xllcenter" in head else head["xllcorner"] + step / 2
    south = head["yllcenter"] if "yllcenter" in head else head["yllcorner"] + step / 2
    if abs(x0) > 180 or abs(south) > 90 or step > 1:
        raise ValueError("its positions are not degrees; convert it to a GeoTIFF that names its coordinate system")
    height = _known(values.reshape(rows, cols), head.get("nodata_value", -9999.0))
    return Elevation(height, x0, south + (rows - 1) * step, step, step, "not stated by the elevation file", _degrees)
