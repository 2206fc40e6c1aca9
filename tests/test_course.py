"""A course tells where something is on its way, at any time, and stays on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.course import Course

STRAIGHT = Course.along([(0, 0), (10_000, 0), (40_000, 0)], 60_000)


def test_a_way_is_driven_evenly_whatever_its_corners() -> None:
    assert STRAIGHT.at_ms == (0, 15_000, 60_000)
    assert [STRAIGHT.at(ms) for ms in (0, 7_500, 15_000, 37_500)] == [(0, 0), (5_000, 0), (10_000, 0), (25_000, 0)]


def test_before_the_start_it_is_at_the_start_and_after_the_end_at_the_end() -> None:
    assert STRAIGHT.at(-1) == (0, 0)
    assert STRAIGHT.at(60_000) == STRAIGHT.at(10**9) == (40_000, 0)


def test_a_way_of_one_point_or_no_length_stays_there() -> None:
    assert Course.along([(7, 8)], 1000).at(500) == (7, 8)
    assert Course.along([(7, 8), (7, 8)], 1000).at(500) == (7, 8)


points = st.lists(st.tuples(st.integers(-300_100_000, -299_900_000), st.integers(460_000_000, 460_100_000)), min_size=2)


@given(points, st.integers(1, 10_000_000), st.integers(-5, 10_000_005))
def test_it_never_leaves_the_box_of_its_way(way: list[tuple[int, int]], duration_ms: int, at_ms: int) -> None:
    x, y = Course.along(way, duration_ms).at(at_ms)
    assert min(p[0] for p in way) <= x <= max(p[0] for p in way)
    assert min(p[1] for p in way) <= y <= max(p[1] for p in way)


@given(points, st.integers(1, 10_000_000))
def test_it_arrives_when_it_said(way: list[tuple[int, int]], duration_ms: int) -> None:
    course = Course.along(way, duration_ms)
    assert course.at(duration_ms) == way[-1]
    assert list(course.at_ms) == sorted(course.at_ms) and course.at_ms[-1] in (0, duration_ms)
