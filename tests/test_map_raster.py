"""Lines become dots wherever the window lies, and rasters are read where they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from console.tui.map.grid import Grid
from console.tui.map.raster import braille_bits, draw_lines, edge_of, top_ink

HIGH, WIDE = 40, 60
inner_x, inner_y = st.floats(0, WIDE - 0.001), st.floats(0, HIGH - 0.001)
anywhere = st.floats(-5_000, 5_000)
segment = st.tuples(anywhere, anywhere, anywhere, anywhere)


def drawn(
    segments: list[tuple[float, ...]], origin: tuple[int, int] = (0, 0), size: tuple[int, int] = (HIGH, WIDE),
    dashed: bool = False,
) -> NDArray[np.uint8]:  # fmt: skip
    dots = np.zeros(size, np.uint8)
    draw_lines(dots, np.array(segments, np.float64).reshape(-1, 4), 3, origin, dashed=dashed)
    return dots


@given(inner_x, inner_y, anywhere, anywhere)
def test_a_segment_with_an_end_in_the_window_lights_the_dot_under_that_end(
    x0: float, y0: float, x1: float, y1: float
) -> None:
    dots = drawn([(x0, y0, x1, y1)])
    assert dots[int(y0), int(x0)] == 3
    assert drawn([(x1, y1, x0, y0)])[int(y0), int(x0)] == 3


@given(st.tuples(inner_x, inner_y, inner_x, inner_y))
def test_the_dots_of_a_line_touch_each_other(ends: tuple[float, float, float, float]) -> None:
    lit = np.argwhere(drawn([ends]) > 0)
    order = lit[np.lexsort((lit[:, 1], lit[:, 0]))]
    reached = {tuple(order[0])}
    grew = True
    while grew:
        near = {tuple(p) for p in order if any(max(abs(p[0] - r[0]), abs(p[1] - r[1])) <= 1 for r in reached)}
        grew, reached = near != reached, near | reached
    assert len(reached) == len(order)


@given(st.lists(segment, max_size=5), st.integers(-20, 20), st.integers(-20, 20), st.booleans())
def test_moving_the_window_by_whole_cells_moves_the_dots_and_changes_none(
    segments: list[tuple[float, ...]], right: int, down: int, dashed: bool
) -> None:
    whole = drawn(segments, (-200, -200), (400, 400), dashed)
    top, left = 200 + 4 * down, 200 + 2 * right
    assert (drawn(segments, (2 * right, 4 * down), dashed=dashed) == whole[top : top + HIGH, left : left + WIDE]).all()


@given(st.lists(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 4), max_size=4))
def test_absurd_ends_never_raise(segments: list[tuple[float, ...]]) -> None:
    drawn(segments)


def test_a_dashed_line_has_gaps_and_a_thick_one_is_wider() -> None:
    line = [(0.5, 20.5, 59.5, 20.5)]
    assert (drawn(line) > 0).sum() == 60
    assert 30 <= (drawn(line, dashed=True) > 0).sum() <= 40
    thick = np.zeros((HIGH, WIDE), np.uint8)
    draw_lines(thick, np.array(line), 3, (0, 0), thick=np.array([True]))
    assert (thick > 0).sum() == 120


def test_dots_pack_into_braille_and_the_strongest_ink_names_the_cell() -> None:
    dots = np.zeros((4, 4), np.uint8)
    dots[0, 0], dots[3, 1], dots[1, 2] = 2, 7, 5
    assert [chr(0x2800 + bits) for bits in braille_bits(dots)[0].tolist()] == ["⢁", "⠂"]
    assert top_ink(dots).tolist() == [[7, 5]]


@given(st.floats(0.3, 60), st.integers(-40, 40), st.integers(-40, 40))
def test_a_class_raster_is_read_at_the_place_and_outside_is_outside(pitch: float, right: int, up: int) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    grid = Grid(values, 100.0, -50.0, 20.0)
    x, y = right * pitch + 0.01, up * pitch + 0.01
    read = grid.nearest(np.array([x]), np.array([y]), 99)[0, 0]
    col, row = (x - 100) // 20, (y + 50) // 20
    assert read == (values[int(row), int(col)] if 0 <= col < 4 and 0 <= row < 3 else 99)


def test_a_depth_raster_is_read_smoothly_between_centres_and_is_dry_beyond() -> None:
    grid = Grid(np.array([[0, 1], [2, 3]], np.float32), 0.0, 0.0, 10.0)
    at = np.array([5.0, 10.0, 15.0])
    assert np.allclose(grid.smooth(at, at), [[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]])
    assert (grid.smooth(np.array([-1.0, 21.0]), at) == 0).all()
    assert np.allclose(Grid(np.full((1, 1), 4, np.float32), 0, 0, 10.0).smooth(at[:1], at[:1]), 4)


def test_an_edge_is_the_inner_dots_that_touch_the_outside() -> None:
    inside = np.zeros((5, 5), bool)
    inside[1:4, 1:4] = True
    ring = inside.copy()
    ring[2, 2] = False
    assert (edge_of(inside, ~inside) == ring).all()
