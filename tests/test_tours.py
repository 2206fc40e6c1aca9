"""Tours: never worse than the greedy plan, better than moving single tasks, and never what cannot be."""

from __future__ import annotations

from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture.errors import RoadError
from twin.assign import PRIORITY_WEIGHT
from twin.tours import UNSERVED_S, Tours, greedy_tours, tours


def instance(seed: int, units: int = 12, tasks: int = 36) -> dict[str, object]:
    """A city of about Porto's size: places over 12 km, town speeds, detours, skills and work to do."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 12_000, (units + tasks, 2))
    time = np.abs(place[:, None] - place[None]).sum(axis=2) / 11 * rng.uniform(1.0, 1.3, (units + tasks,) * 2)
    return dict(
        start_s=time[:units, units:],
        between_s=time[units:, units:],
        priorities=rng.choice([1, 2, 3, 4], tasks, p=[0.15, 0.25, 0.35, 0.25]).tolist(),
        service_s=rng.uniform(300, 900, tasks),
        eligible=rng.random((units, tasks)) < 0.5,
    )


def weighted(given: dict[str, object], plan: list[list[int]]) -> float:
    """The cost of a plan, counted apart from the code under test."""
    start, between, service = (np.asarray(given[k]) for k in ("start_s", "between_s", "service_s"))
    weight = [PRIORITY_WEIGHT[p] for p in given["priorities"]]  # type: ignore[attr-defined]
    total = UNSERVED_S * sum(weight) - UNSERVED_S * sum(weight[t] for tour in plan for t in tour)
    for unit, tour in enumerate(plan):
        at = 0.0
        for k, task in enumerate(tour):
            at += start[unit, task] if k == 0 else between[tour[k - 1], task] + service[tour[k - 1]]
            total += weight[task] * at
    return float(total)


def order_of(found: Tours) -> list[list[int]]:
    return [[stop.task for stop in tour] for tour in found.stops]


def relocated(given: dict[str, object], plan: list[list[int]]) -> list[list[int]]:
    """The plan after moving single tasks to better places until no move helps."""
    may = np.asarray(given["eligible"])
    best, improved = weighted(given, plan), True
    while improved:
        improved = False
        for a in range(len(plan)):
            for task in list(plan[a]):
                without = [[t for t in tour if t != task] for tour in plan]
                for b in np.flatnonzero(may[:, task]).tolist():
                    for at in range(len(without[b]) + 1):
                        moved = [*without[:b], [*without[b][:at], task, *without[b][at:]], *without[b + 1 :]]
                        cost = weighted(given, moved)
                        if cost < best - 1e-6:
                            best, plan, improved = cost, moved, True
                            break
                    if improved:
                        break
                if improved:
                    break
            if improved:
                break
    return plan


def test_the_cost_told_is_the_cost_of_the_plan_told() -> None:
    given = instance(1)
    for found in (greedy_tours(**given), tours(**given, iterations=200)):  # type: ignore[arg-type]
        assert found.weighted_s == pytest.approx(weighted(given, order_of(found)))
        assert sorted(t for tour in order_of(found) for t in tour) + list(found.unserved) == list(range(36))
        for tour in found.stops:
            assert all(b.arrival_s > a.arrival_s for a, b in pairwise(tour))


def test_ruin_and_recreate_beats_greedy_and_single_moves_on_average() -> None:
    greedy, moved, ours = [], [], []
    for seed in range(3):
        given = instance(seed)
        first = greedy_tours(**given)  # type: ignore[arg-type]
        greedy.append(first.weighted_s)
        moved.append(weighted(given, relocated(given, order_of(first))))
        ours.append(tours(**given, iterations=1_500, seed=seed).weighted_s)  # type: ignore[arg-type]
    assert all(o < g for o, g in zip(ours, greedy, strict=True))
    assert sum(ours) < 0.95 * sum(greedy) and sum(ours) < 0.99 * sum(moved)


def test_the_same_seed_gives_the_same_tours_and_more_iterations_none_worse() -> None:
    given = instance(4)
    first, second = (tours(**given, iterations=300, seed=5) for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert first.weighted_s <= greedy_tours(**given).weighted_s  # type: ignore[arg-type]


def test_crews_without_the_skill_are_never_sent_and_a_task_nobody_can_do_is_left() -> None:
    given = instance(6)
    may = np.asarray(given["eligible"]).copy()
    may[:, 7] = False
    found = tours(**(given | {"eligible": may}), iterations=300)  # type: ignore[arg-type]
    assert found.unserved == (7,)
    assert all(may[unit, task] for unit, tour in enumerate(order_of(found)) for task in tour)


def test_a_crew_keeps_its_number_of_tasks_and_its_hours() -> None:
    given = instance(8)
    most = [1, 2, 3, 4] * 3
    few = tours(**given, most_stops=most, iterations=300)  # type: ignore[arg-type]
    assert all(len(tour) <= limit for tour, limit in zip(few.stops, most, strict=True))
    assert len(few.unserved) >= 36 - sum(most)
    short = tours(**given, most_s=2_400.0, iterations=300)  # type: ignore[arg-type]
    service = np.asarray(given["service_s"])
    assert all(tour[-1].arrival_s + service[tour[-1].task] <= 2_400.0 for tour in short.stops if tour)
    assert any(short.stops)


def test_no_leg_is_driven_where_there_is_no_way() -> None:
    inf = np.inf
    start = [[10.0, 20.0, inf]]
    between = [[0.0, inf, 5.0], [inf, 0.0, inf], [5.0, inf, 0.0]]
    found = tours(start, between, [2, 2, 2], iterations=100)
    assert order_of(found) == [[0, 2]] and found.unserved == (1,)


def test_shapes_that_do_not_fit_and_negative_times_are_refused() -> None:
    for wrong in (
        dict(start_s=[[1.0]], between_s=[[0.0]], priorities=[1, 2]),
        dict(start_s=[[-1.0]], between_s=[[0.0]], priorities=[1]),
        dict(start_s=[[np.nan]], between_s=[[0.0]], priorities=[1]),
        dict(start_s=[[1.0]], between_s=[[0.0]], priorities=[1], eligible=[[True, False]]),
        dict(start_s=[[1.0]], between_s=[[0.0]], priorities=[1], most_stops=[1, 1]),
    ):
        with pytest.raises(RoadError, match="TOC-5206"):
            tours(**wrong)  # type: ignore[arg-type]


def test_nothing_to_do_and_nobody_to_do_it_are_plans_too() -> None:
    assert tours(np.zeros((2, 0)), np.zeros((0, 0)), []).stops == ((), ())
    assert tours(np.zeros((0, 1)), np.zeros((1, 1)), [1]).unserved == (0,)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), units=st.integers(1, 2), tasks=st.integers(1, 4))
def test_on_small_questions_the_best_plan_of_all_is_found(seed: int, units: int, tasks: int) -> None:
    given = instance(seed, units, tasks) | {"eligible": np.ones((units, tasks), dtype=bool)}
    best = min(
        weighted(given, [[t for t in order if who[t] == unit] for unit in range(units)])
        for order in permutations(range(tasks))
        for who in product(range(units), repeat=tasks)
    )
    found = tours(**given, iterations=400, seed=1)  # type: ignore[arg-type]
    assert found.weighted_s == pytest.approx(best)
