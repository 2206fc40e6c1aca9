"""The window of the map stands on a lattice of cells, and comes back to where it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.tui.map.camera import MAX_STEP, MIN_STEP, Camera

metres = st.floats(-50_000, 50_000)
steps = st.integers(MIN_STEP, MAX_STEP)
sizes = st.tuples(st.integers(1, 300), st.integers(1, 90))


@given(metres, metres, steps, sizes, st.integers(-300, 300), st.integers(-90, 90))
def test_panning_by_whole_cells_moves_every_point_by_those_cells(
    x: float, y: float, step: int, size: tuple[int, int], right: int, down: int
) -> None:
    camera = Camera.at(x, y, step=step, cols=size[0], rows=size[1])
    points = np.array([[x, y], [x + 37.0, y - 81.0], [0.0, 0.0]])
    moved = camera.to_cells(points) - camera.panned(right, down).to_cells(points)
    assert (moved == [right, down]).all()
    assert camera.panned(right, down).panned(-right, -down) == camera


@given(metres, metres, steps, sizes)
def test_the_middle_of_a_cell_lies_in_that_cell(x: float, y: float, step: int, size: tuple[int, int]) -> None:
    camera = Camera.at(x, y, step=step, cols=size[0], rows=size[1])
    for col, row in ((0, 0), (size[0] - 1, size[1] - 1), (size[0] // 2, 0)):
        assert camera.to_cells(np.array([camera.cell_to_xy(col, row)])).tolist() == [[col, row]]


@given(metres, metres, st.integers(0, 10), st.integers(-3, 3), st.integers(0, 79), st.integers(0, 23))
def test_zooming_keeps_the_place_under_the_pointer(x: float, y: float, step: int, by: int, col: int, row: int) -> None:
    camera = Camera.at(x, y, step=step, cols=80, rows=24)
    zoomed = camera.zoomed(by, (col, row))
    under = zoomed.to_cells(np.array([camera.cell_to_xy(col, row)]))[0]
    assert abs(under[0] - col) <= 1 and abs(under[1] - row) <= 1
    back_x, back_y = zoomed.zoomed(-by, (int(under[0]), int(under[1]))).centre
    assert math.hypot(back_x - camera.centre[0], back_y - camera.centre[1]) <= 16 * max(camera.dot_m, zoomed.dot_m)


@given(st.tuples(metres, metres, st.floats(1, 30_000), st.floats(1, 30_000)), sizes)
def test_fitting_holds_all_of_the_bounds(box: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    x, y, wide, high = box
    camera = Camera.fitting((x, y, x + wide, y + high), cols=size[0], rows=size[1])
    x_min, y_min, x_max, y_max = camera.bounds
    if camera.step < MAX_STEP:  # one cell of slack: the window stands on the lattice
        slack_x, slack_y = 2 * camera.dot_m, 4 * camera.dot_m
        assert x_min - slack_x <= x and x + wide <= x_max + slack_x
        assert y_min - slack_y <= y and y + high <= y_max + slack_y


@pytest.mark.parametrize("place", [(math.nan, 0.0), (math.inf, -math.inf)])
def test_a_place_that_is_none_does_not_break_the_view(place: tuple[float, float]) -> None:
    camera = Camera.at(*place, step=4, cols=0, rows=-3)
    assert camera.cols == 1 and camera.rows == 1 and all(map(math.isfinite, camera.centre))
    far = camera.to_cells(np.array([place]))
    assert abs(far).max() > 1_000_000
