"""Who goes where: the urgent first, then the least weighted time, never an ineligible or impossible pair."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture.errors import RoadError
from twin.assign import PRIORITY_WEIGHT, assign


def test_the_nearest_unit_waits_when_only_it_can_do_something_more_urgent() -> None:
    cost = [[60.0, 100.0], [300.0, np.inf]]
    pairs = assign(cost, [3, 1])
    assert [(p.unit, p.task, p.cost_s) for p in pairs] == [(1, 0, 300.0), (0, 1, 100.0)]


def test_one_urgent_task_outweighs_any_number_of_others() -> None:
    pairs = assign([[1.0, 1.0, 90_000.0]], [2, 2, 1])
    assert [(p.unit, p.task) for p in pairs] == [(0, 2)]


def test_ineligible_and_unreachable_pairs_are_never_made() -> None:
    assert assign([[1.0]], [1], [[False]]) == ()
    assert assign([[np.inf], [np.nan]], [1]) == ()
    assert assign(np.zeros((0, 2)), [1, 2]) == ()
    assert assign(np.zeros((2, 0)), []) == ()


def test_shapes_that_do_not_fit_and_negative_times_are_refused() -> None:
    with pytest.raises(RoadError, match="TOC-5206"):
        assign([[1.0, 2.0]], [1])
    with pytest.raises(RoadError, match="TOC-5206"):
        assign([[-1.0]], [1])


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[float]], list[int]]:
    units, tasks = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    time = st.one_of(st.integers(0, 50).map(float), st.just(float("inf")))
    cost = draw(st.lists(st.lists(time, min_size=tasks, max_size=tasks), min_size=units, max_size=units))
    return cost, draw(st.lists(st.integers(1, 4), min_size=tasks, max_size=tasks))


@given(case=cases())
def test_no_other_assignment_is_better(case: tuple[list[list[float]], list[int]]) -> None:
    cost, priorities = case
    units, tasks = len(cost), len(priorities)

    def worth(pairs: list[tuple[int, int]]) -> tuple[tuple[int, ...], float]:
        served = tuple(-sum(priorities[t] == level for _, t in pairs) for level in (1, 2, 3, 4))
        return served, sum(cost[u][t] * PRIORITY_WEIGHT[priorities[t]] for u, t in pairs)

    best = min(
        worth([(u, t) for u, t in zip(range(units), chosen, strict=True) if t < tasks and cost[u][t] < np.inf])
        for chosen in permutations(range(tasks + units), units)
    )
    pairs = [(p.unit, p.task) for p in assign(cost, priorities)]
    assert len({u for u, _ in pairs}) == len({t for _, t in pairs}) == len(pairs)
    served, weighted = worth(pairs)
    assert served == best[0] and weighted == pytest.approx(best[1])
