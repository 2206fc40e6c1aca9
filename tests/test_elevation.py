"""Elevation read from files that say where they lie, and refused where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from picture.errors import RoadError
from twin.elevation import read_elevation, utm

SLOPE = np.add.outer(-10.0 * np.arange(6), 1.0 * np.arange(8)).astype(np.float32) + 100  # falls south, rises east


def _tiff(
    path: Path,
    keys: list[tuple[int, int]],
    corner: tuple[float, float],
    step: float,
    values: np.ndarray = SLOPE,
    nodata: str = "-9999",
) -> Path:
    directory = [1, 1, 0, len(keys)] + [number for key, value in keys for number in (key, 0, 1, value)]
    tifffile.imwrite(
        path,
        values,
        metadata=None,
        extratags=[
            (33550, "d", 3, (step, step, 0.0)),
            (33922, "d", 6, (0.0, 0.0, 0.0, *corner, 0.0)),
            (34735, "H", len(directory), directory),
            (42113, "s", 0, nodata),
        ],
    )
    return path


def _one(path: Path, lon: float, lat: float) -> float:
    return float(read_elevation(path).at(np.array([lon]), np.array([lat]))[0])


def test_a_geotiff_in_degrees_is_read_at_its_cell_centres_and_between(tmp_path: Path) -> None:
    path = _tiff(tmp_path / "a.tif", [(1024, 2), (1025, 1), (2048, 4326), (4096, 5773)], (5.0, 50.0), 0.1)
    assert _one(path, 5.05, 49.95) == pytest.approx(100)
    assert _one(path, 5.15, 49.85) == pytest.approx(91)
    assert _one(path, 5.10, 49.90) == pytest.approx(95.5)
    assert read_elevation(path).datum == "EGM96"


def test_a_raster_of_points_lies_half_a_cell_further(tmp_path: Path) -> None:
    path = _tiff(tmp_path / "a.tif", [(1024, 2), (1025, 2), (2048, 4326)], (5.0, 50.0), 0.1)
    assert _one(path, 5.0, 50.0) == pytest.approx(100)
    assert read_elevation(path).datum == "not stated by the elevation file"


def test_outside_the_grid_and_beside_unknown_cells_there_is_no_height(tmp_path: Path) -> None:
    holed = SLOPE.copy()
    holed[2, 2] = -9999
    path = _tiff(tmp_path / "a.tif", [(1024, 2), (1025, 1), (2048, 4326)], (5.0, 50.0), 0.1, holed)
    assert np.isnan(_one(path, 4.9, 49.9))
    assert np.isnan(_one(path, 5.25, 49.75))
    assert np.isnan(_one(path, 5.22, 49.75))
    assert _one(path, 5.35, 49.75) == pytest.approx(83)


def test_a_geotiff_in_utm_is_met_at_its_own_metres(tmp_path: Path) -> None:
    east, north = utm(np.array([-8.61]), np.array([41.15]), 29, south=False)
    corner = (float(east[0]) - 15.0, float(north[0]) + 15.0)
    path = _tiff(tmp_path / "a.tif", [(1024, 1), (1025, 1), (3072, 32629)], corner, 10.0)
    assert _one(path, -8.61, 41.15) == pytest.approx(91, abs=0.01)


@pytest.mark.parametrize(
    ("lon", "lat", "zone", "south", "east", "north"),
    [
        (3.0, 0.0, 31, False, 500_000.0, 0.0),
        (-3.0, 60.0, 30, False, 500_000.0, 6_651_411.190),
        (0.0, 0.0, 31, False, 166_021.443, 0.0),
        (177.0, -0.0, 60, True, 500_000.0, 10_000_000.0),
    ],
)
def test_utm_agrees_with_known_positions(
    lon: float,
    lat: float,
    zone: int,
    south: bool,
    east: float,
    north: float,
) -> None:
    x, y = utm(np.array([lon]), np.array([lat]), zone, south=south)
    assert float(x[0]) == pytest.approx(east, abs=0.01)
    assert float(y[0]) == pytest.approx(north, abs=0.01)


def test_an_asc_grid_is_read_from_north_to_south(tmp_path: Path) -> None:
    path = tmp_path / "a.asc"
    path.write_text(
        "ncols 3\nnrows 2\nxllcorner 5\nyllcorner 50\ncellsize 0.1\nNODATA_value -1\n1 2 3\n4 5 -1\n", encoding="ascii"
    )
    assert _one(path, 5.05, 50.15) == 1
    assert _one(path, 5.15, 50.05) == 5
    assert np.isnan(_one(path, 5.25, 50.05))


@pytest.mark.parametrize("keys", [[(1024, 1), (3072, 27700)], [(1024, 2), (2048, 4277)], []])
def test_a_coordinate_system_that_is_not_known_is_refused(tmp_path: Path, keys: list[tuple[int, int]]) -> None:
    with pytest.raises(RoadError) as refused:
        read_elevation(_tiff(tmp_path / "a.tif", keys, (5.0, 50.0), 0.1))
    assert refused.value.code == "TOC-5307"


def test_what_is_no_elevation_is_refused(tmp_path: Path) -> None:
    plain, cut, text, metric = (tmp_path / name for name in ("a.tif", "b.tif", "c.asc", "d.asc"))
    tifffile.imwrite(plain, SLOPE)
    cut.write_bytes(plain.read_bytes()[:40])
    text.write_text("ncols 3\nnrows 2\n1 2", encoding="ascii")
    metric.write_text("ncols 1\nnrows 1\nxllcorner 500000\nyllcorner 4000000\ncellsize 10\n1\n", encoding="ascii")
    for path in (plain, cut, text, metric, tmp_path / "none.tif", tmp_path / "e.png"):
        with pytest.raises(RoadError) as refused:
            read_elevation(path)
        assert refused.value.code == "TOC-5307"
