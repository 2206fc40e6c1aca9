"""The ground of the map: what lies under the marks is where it should be, at every scale and size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.tui.map.camera import MAX_STEP, MIN_STEP, Camera
from console.tui.map.compose import compose_base
from console.tui.map.frame import Frame, cells_of
from console.tui.map.marks import Mark, locate
from console.tui.map.painting import Overlay, Painting, changed
from console.tui.map.palette import INK, INK_BASE, TINTS, fill_index
from console.tui.map.scene import Scene
from tests.map_city import MIDDLE, SIZE_M, STEP_M, STREETS, build_city
from twin.pack import CityPack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_city(tmp_path_factory.mktemp("city") / "grid.pack")


def ink_of(frame: Frame, name: str) -> np.ndarray:  # type: ignore[type-arg]
    """Cells whose foreground is the named line ink on any ground."""
    fg = frame.keys >> 8 & 255
    return (fg >= INK_BASE + INK[name] * len(TINTS)) & (fg < INK_BASE + (INK[name] + 1) * len(TINTS))


def rows_of(frame: Frame) -> list[str]:
    return ["".join(chr(code) for code in row if code).rstrip() for row in frame.chars.tolist()]


def painted(scene: Scene, camera: Camera, marks: list[Mark], **overlay: object) -> Frame:
    xy = np.array([scene.pack.to_xy(mark.lon, mark.lat) for mark in marks], float).reshape(-1, 2)
    return Painting(scene).paint(camera, locate(marks, xy), Overlay(**overlay))  # type: ignore[arg-type]


def flooded(scene: Scene, below_y: float, depth_m: float = 0.5) -> None:
    pack = scene.pack
    ys = pack.terrain_y0 + (np.arange(pack.terrain.shape[0]) + 0.5) * pack.terrain_cell_m
    scene.set_flood(np.where(ys[:, None] < below_y, depth_m, np.nan) * np.ones(pack.terrain.shape[1], np.float32))


@settings(max_examples=25)
@given(st.integers(2, 11), st.integers(-30, 30), st.integers(-12, 12), st.floats(0, SIZE_M), st.floats(0, SIZE_M))
def test_panning_shifts_every_cell_exactly(
    pack: CityPack, step: int, right: int, down: int, x: float, y: float
) -> None:
    scene = Scene(pack)
    flooded(scene, 800)
    scene.set_closed(list(range(0, 400, 7)))
    camera = Camera.at(x, y, step=step, cols=60, rows=24)
    here, there = compose_base(scene, camera), compose_base(scene, camera.panned(right, down))
    a = (slice(max(down, 0) + 1, 23 + min(down, 0)), slice(max(right, 0) + 1, 59 + min(right, 0)))
    b = tuple(slice(part.start - by, part.stop - by) for part, by in zip(a, (down, right), strict=True))
    assert (here.frame.chars[a] == there.frame.chars[b]).all()
    assert (here.frame.keys[a] == there.frame.keys[b]).all()


@pytest.mark.parametrize("step", range(2, 14))
def test_a_visible_street_stays_connected_at_every_scale(pack: CityPack, step: int) -> None:
    camera = Camera.at(SIZE_M / 2, SIZE_M / 2, step=step, cols=120, rows=60)
    frame = compose_base(Scene(pack), camera).frame
    street = pack.node_xy.reshape(STREETS, STREETS, 2)[MIDDLE]
    along = np.linspace(street[0], street[-1], 3000)
    cells = camera.to_cells(along)
    cells = cells[((cells >= 0) & (cells < [120, 60])).all(axis=1)]
    lit = frame.chars >= 0x2800
    near = lit.copy()
    near[1:] |= lit[:-1]
    near[:-1] |= lit[1:]
    assert len(cells) and near[cells[:, 1], cells[:, 0]].all()


def test_a_harbour_scene_is_drawn_cell_for_cell(pack: CityPack) -> None:
    scene = Scene(pack)
    flooded(scene, 420)
    scene.set_closed([0, 1])
    lon, lat = pack.to_lonlat(1310.0, 430.0)
    marks = [Mark("I1", lon, lat, "incident", priority=1, label="Quay 東 flooding", unack=True)]
    frame = painted(scene, Camera.at(1400, 420, step=9, cols=30, rows=8), marks)
    assert rows_of(frame) == GOLDEN


GOLDEN = [
    "⢸  ⢸  ⡇ ⢸  ⢸  ⡇ ⢸  ⡇  ⡇ ⢸N ↑",
    "⢹⠉⠉⢹⠉⠉⡏Bayside⡏⠉⢹⠉⠉⡏⠉⠉⡏⠉⢹⠉⠉⡏⠉⠉",
    "⢺⠒⠒⢺⠒⠒⡗⠒⢺⠒⠒⢺⠒⠒⡗⠒⢺⠒⠒⡗⠒⠒⡗⠒⢺⠒⠒⡗⠒⠒",
    "⢼⠤⠤⢼⠤⠤⡧⠤⢼⠤⠤⢼⠤⠤⡧⠤⢼⠤⠤⡧⠤⠤⡧⠤⢼⠤⠤⡧⠤⠤",
    "⢺⠒⠒⢺⠒⠒⡗⠒⢺⠒⠒⢺⠒1 Quay 東 flood…",
    "⣽⠭⠭⢽⠭⠭⡯⠭⢽⠭⠭⢽⠭⠭⡯⠭⢽⠭⠭⡯⠭⠭⣯⠉⢹⠉⠉⡏⠉⠉",
    "⣿⠒⠒⢺⠒⠒⡗⠒⢺⠒⠒⢺⠒⠒⡗⠒⢺⠒⠒⡗⠒⠒⣿⠒⢺⠒⠒⡗⠒⠒",
    "├──┤ 200 m⠤⢼⠤Grid Haven survey",
]


def test_water_flood_and_dry_land_have_their_own_areas_and_the_flood_an_edge(pack: CityPack) -> None:
    scene = Scene(pack)
    flooded(scene, 700)
    camera = Camera.at(1700, 500, step=6, cols=80, rows=30)
    frame = compose_base(scene, camera).frame
    back = frame.back
    for x, y, ground, flood in ((1500, 150, 1, 0), (1900, 250, 0, 2), (1500, 900, 0, 0)):
        ((col, row),) = camera.to_cells(np.array([[x + 30.0, y]])).tolist()
        assert back[row, col] == fill_index(ground, flood, 0)
    edge = np.argwhere(ink_of(frame, "flood_edge"))
    ((_, row),) = camera.to_cells(np.array([[1700.0, 700.0]])).tolist()
    assert len(edge) > 60 and (np.abs(edge[:, 0] - row) <= 1).all()


def test_a_deep_basin_paints_no_flood_on_its_dry_quay(pack: CityPack) -> None:
    scene = Scene(pack)
    scene.set_flood(np.where(pack.ground == 1, 15, 0).astype(np.float32))
    frame = compose_base(scene, Camera.at(1200, 300, step=2, cols=80, rows=30)).frame
    assert set(np.unique(frame.back)) == {fill_index(0, 0, 0), fill_index(1, 0, 0)}


def test_a_closed_street_is_dashed_crossed_and_in_its_own_ink(pack: CityPack) -> None:
    scene = Scene(pack)
    camera = Camera.at(SIZE_M / 2, MIDDLE * STEP_M, step=4, cols=80, rows=24)
    edges = np.flatnonzero(pack.edge_name == 1 + MIDDLE)
    open_dots = sum(
        bin(c - 0x2800).count("1") for c in compose_base(scene, camera).frame.chars[12].tolist() if c >= 0x2800
    )
    scene.set_closed(edges)
    frame = painted(scene, camera, [])
    line = compose_base(scene, camera).frame
    assert ink_of(line, "closed").sum() > 30
    shut = sum(bin(c - 0x2800).count("1") for c in line.chars[12].tolist() if c >= 0x2800)
    assert shut != open_dots and "×" in rows_of(frame)[12]
    scene.set_closed([])
    assert not ink_of(compose_base(scene, camera).frame, "closed").any()


def test_a_route_lies_above_everything_else(pack: CityPack) -> None:
    scene = Scene(pack)
    flooded(scene, 2000)
    scene.set_closed(list(range(200)))
    x = np.linspace(300, 2500, 7)
    scene.set_route(np.column_stack(pack.to_lonlat(x, np.full(7, 1333.0))))
    camera = Camera.at(SIZE_M / 2, 1333, step=8, cols=60, rows=20)
    frame = compose_base(scene, camera).frame
    assert ink_of(frame, "route")[10].all()


@settings(max_examples=60)
@given(
    st.integers(1, 300), st.integers(1, 90), st.integers(MIN_STEP, MAX_STEP),
    st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), st.booleans(),
)  # fmt: skip
def test_no_size_scale_or_place_breaks_the_map(
    pack: CityPack, cols: int, rows: int, step: int, x: float, y: float, wet: bool
) -> None:
    scene = Scene(pack)
    if wet:
        scene.set_flood(np.full(pack.terrain.shape, np.nan, np.float32))
        scene.set_plume(np.ones((1, 1), np.float32), frame=(x, y, 50.0))
        scene.set_route([(np.nan, 1.0), (2.0, np.inf)])
    marks = [
        Mark("a", -30.0, 46.0, "incident", priority=1, label="東京\u202e" * 9, unack=True),
        Mark("b", float("nan"), 46.0, "unit", "fire", heading_deg=float("nan")),
        Mark("c", -29.99, 46.001, "vessel", moving=True, heading_deg=725.0, label="x" * 400),
        Mark("d", -29.99, 46.001, "something else", "of a new kind"),
    ]
    frame = painted(scene, Camera.at(x, y, step=step, cols=cols, rows=rows), marks, selected="a", legend=True,
                    cursor=(cols // 2, rows // 2), cursor_words="here")  # fmt: skip
    assert frame.chars.shape == (rows, cols)
    assert all(sum(2 if c == "東" or c == "京" else 1 for c in line) <= cols for line in rows_of(frame))


def test_wide_characters_keep_columns_and_halves_are_mended() -> None:
    frame = Frame(np.full((1, 8), 0x20, np.uint32), np.zeros((1, 8), np.uint32), np.zeros((1, 8), np.uint8))
    frame.write(1, 0, "東京x", 5)
    frame.mend()
    assert frame.chars[0].tolist() == [0x20, 0x6771, 0, 0x4EAC, 0, ord("x"), 0x20, 0x20]
    frame.put(2, 0, ord("▲"), 6)
    frame.mend()
    assert frame.chars[0].tolist() == [0x20, 0x20, ord("▲"), 0x4EAC, 0, ord("x"), 0x20, 0x20]
    frame.write(-1, 0, "東", 5)
    frame.write(7, 0, "東", 5)
    frame.mend()
    assert 0x6771 not in frame.chars[0].tolist() and frame.chars[0, 0] == 0x20


def test_accents_and_steering_characters_take_no_cell_of_their_own() -> None:
    assert "".join(map(chr, cells_of("e\u0301q\u0301\x1b").tolist())) == "éq␛"


def test_only_cells_that_differ_are_reported(pack: CityPack) -> None:
    scene, camera = Scene(pack), Camera.at(1440, 1440, step=8, cols=60, rows=20)
    painting = Painting(scene)
    empty = painting.paint(camera, locate([], np.zeros((0, 2))), Overlay())
    mark = [Mark("u", 0, 0, "unit", "fire", moving=True)]
    one = painting.paint(camera, locate(mark, np.array([[1440.0, 1440.0]])), Overlay())
    two = painting.paint(camera, locate(mark, np.array([[1520.0, 1440.0]])), Overlay())
    assert changed(None, one) is None and changed(one, one) == []
    ((col, row),) = camera.to_cells(np.array([[1440.0, 1440.0]])).tolist()
    assert changed(empty, one) == [(row, col, 1)]
    ((moved, _),) = camera.to_cells(np.array([[1520.0, 1440.0]])).tolist()
    assert changed(one, two) == [(row, col, moved - col + 1)]
    assert (
        painting.base is not None and painting.paint(camera, locate([], np.zeros((0, 2))), Overlay()).chars is not None
    )
