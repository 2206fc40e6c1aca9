"""The city pack: what is written is what is read, and what was altered is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture.errors import RoadError
from twin.pack import CityPack, json_array, level_arrays, project, unproject, write_pack
from twin.pyramid import LEVELS, build_level

ORIGIN = (-30.0, 46.0)


def small_city() -> dict[str, Any]:
    """Arrays of a city of one straight two-way street."""
    segments = np.array([[0, 0, 100, 0]], np.float32)
    arrays: dict[str, Any] = {
        "node_xy": np.array([[0, 0], [100, 0]], np.float64),
        "node_elevation_m": np.array([2, 3], np.float32),
        "arc_tail": np.array([0, 1], np.int32),
        "arc_head": np.array([1, 0], np.int32),
        "arc_length_m": np.full(2, 100, np.float32),
        "arc_speed_mps": np.full(2, 10, np.float32),
        "arc_class": np.full(2, 4, np.uint8),
        "arc_edge": np.zeros(2, np.int32),
        "arc_name": np.ones(2, np.int32),
        "arc_flags": np.zeros(2, np.uint8),
        "edge_tail": np.zeros(1, np.int32),
        "edge_head": np.ones(1, np.int32),
        "edge_class": np.full(1, 4, np.uint8),
        "edge_name": np.ones(1, np.int32),
        "edge_flags": np.zeros(1, np.uint8),
        "geom_xy": np.array([[0, 0], [100, 0]], np.float32),
        "geom_start": np.array([0, 2], np.int32),
        "terrain": np.ones((3, 4), np.float32),
        "terrain_frame": np.array([-50.0, -50.0, 50.0]),
        "ground": np.zeros((3, 4), np.uint8),
        "ground_frame": np.array([-50.0, -50.0, 50.0]),
        "coast": np.zeros((0, 4), np.float32),
        "names_json": json_array(["", "Østre Quay"]),
    }
    for level in LEVELS:
        lod = build_level(segments, np.full(1, 4, np.uint8), np.zeros(1, np.int32), level)
        arrays |= level_arrays(level, lod)
    return arrays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_pack(tmp_path / "small.pack", small_city(), {"name": "Small", "origin": ORIGIN})
    return tmp_path / "small.pack"


def test_a_pack_reads_back_as_it_was_written(path: Path) -> None:
    pack = CityPack.open(path)
    pack.verify()
    for name, array in small_city().items():
        if hasattr(pack, name):
            read = getattr(pack, name)
            assert np.array_equal(read, array) and read.dtype == array.dtype, name
    assert pack.names == ["", "Østre Quay"] and pack.meta["name"] == "Small"
    assert (pack.terrain_x0, pack.ground_y0, pack.terrain_cell_m) == (-50, -50, 50)


def test_arrays_of_a_pack_cannot_be_written_to(path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        CityPack.open(path).node_xy[0, 0] = 1


def test_the_same_city_is_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_pack(tmp_path / "again.pack", small_city(), {"name": "Small", "origin": ORIGIN})
    assert (tmp_path / "again.pack").read_bytes() == path.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again.pack", "small.pack"]


@pytest.mark.parametrize(("where", "code"), [(0, "TOC-5101"), (8, "TOC-5102"), (17, "TOC-5101"), (-70, "TOC-5103")])
def test_an_altered_byte_is_refused_with_its_code(path: Path, where: int, code: str) -> None:
    raw = bytearray(path.read_bytes())
    raw[where] ^= 0x41
    path.write_bytes(raw)
    with pytest.raises(RoadError) as refusal:
        CityPack.open(path).verify()
    assert refusal.value.code == code and refusal.value.remedy


@pytest.mark.parametrize("length", [0, 5, 12, 200, 4000])
def test_a_cut_file_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RoadError):
        CityPack.open(path)


def test_a_missing_file_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(RoadError, match=r"none\.pack") as refusal:
        CityPack.open(tmp_path / "none.pack")
    assert refusal.value.code == "TOC-5001"


@given(st.floats(-30.2, -29.8), st.floats(45.9, 46.1))
def test_projection_and_its_inverse_cancel(lon: float, lat: float) -> None:
    back = unproject(ORIGIN, *project(ORIGIN, lon, lat))
    assert back == pytest.approx((lon, lat), abs=1e-9)


def test_projection_takes_scalars_and_arrays_alike(path: Path) -> None:
    pack = CityPack.open(path)
    x, y = pack.to_xy(np.array([-30.01, -29.99]), np.array([46.0, 46.01]))
    assert (float(x[1]), float(y[1])) == pack.to_xy(-29.99, 46.01)
    assert y[1] == pytest.approx(1112, abs=1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-3000, 3000)] * 4), min_size=1, max_size=30),
    st.sampled_from(list(LEVELS)),
    st.tuples(*[st.integers(-3000, 3000)] * 2),
)
def test_a_view_holds_every_segment_that_crosses_it(
    lines: list[tuple[int, int, int, int]],
    level: int,
    corner: tuple[int, int],
) -> None:
    segments = np.array(lines, np.float32)
    lod = build_level(segments, np.zeros(len(lines), np.uint8), np.arange(len(lines), dtype=np.int32), level)
    x0, y0, x1, y1 = (*corner, corner[0] + 700, corner[1] + 500)
    seen = {index for run in lod.in_view(x0, y0, x1, y1) for index in range(run.start, run.stop)}
    middle = (lod.segments[:, :2] + lod.segments[:, 2:]) / 2
    inside = (middle >= (x0, y0)).all(axis=1) & (middle <= (x1, y1)).all(axis=1)
    ends_inside = (
        (lod.segments[:, 0] >= x0)
        & (lod.segments[:, 0] <= x1)
        & (lod.segments[:, 1] >= y0)
        & (lod.segments[:, 1] <= y1)
    )
    assert set(np.flatnonzero(inside | ends_inside)) <= seen
    assert lod.cell_start[-1] == len(lod.segments)


def test_coarse_levels_keep_touching_segments_touching() -> None:
    x = np.arange(0, 2000, 7.0)
    line = np.column_stack([x, x * 0.3, x + 7, (x + 7) * 0.3]).astype(np.float32)
    for level in LEVELS:
        lod = build_level(line, np.zeros(len(line), np.uint8), np.arange(len(line), dtype=np.int32), level)
        starts = {(float(a), float(b)) for a, b in lod.segments[:, :2]}
        ends = {(float(a), float(b)) for a, b in lod.segments[:, 2:]}
        assert len(ends - starts) == 1 and len(starts - ends) == 1, level


def test_opening_imports_numpy_alone() -> None:
    code = "import sys, twin.pack; print(*(m for m in ('scipy', 'networkx', 'textual') if m in sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert out.stdout.strip() == ""
