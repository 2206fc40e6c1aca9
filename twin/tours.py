"""Which crew does what in which order: tours over many tasks, by ruin and recreate on weighted arrival.

What counts is when help arrives, not how far crews drive: the cost is the sum over tasks of arrival seconds times
the weight of the task's priority (``twin.assign.PRIORITY_WEIGHT``). A plan is built greedily, then a part of it is
torn out and put back at the best places, over and over; a worse plan is kept with a chance that falls to nothing
(simulated annealing). After Schrimpf et al. 2000, "Record breaking optimization results using the ruin and recreate
principle" (J. Computational Physics 159). The budget counts iterations and the seed is given: the same question has
the same answer on every machine.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError
from twin.assign import PRIORITY_WEIGHT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UNSERVED_S = 18_000.0
"""What a task that nobody comes to counts as its arrival: five hours, later than any real one."""
_RUIN = (2, 10)
_COOL = (0.02, 0.000_2)
"""Start and end temperature, as shares of the greedy plan's cost per task."""

Tour = list[int]


@dataclass(frozen=True, slots=True)
class Stop:
    """A task on a tour; the crew arrives ``arrival_s`` seconds from now."""

    task: int
    arrival_s: float


@dataclass(frozen=True, slots=True)
class Tours:
    """One tuple of stops per unit, in driving order; ``unserved`` tasks have no crew that may and can go.

    ``weighted_s`` is the cost, unserved tasks included with ``UNSERVED_S``; ``drive_s`` all driving.
    """

    stops: tuple[tuple[Stop, ...], ...]
    unserved: tuple[int, ...]
    weighted_s: float
    drive_s: float
    iterations: int


class _Problem:
    """The question as Python lists: ten times quicker to read in a loop than arrays."""

    def __init__(
        self,
        start_s: ArrayLike,
        between_s: ArrayLike,
        priorities: Sequence[int],
        service_s: ArrayLike,
        eligible: ArrayLike | None,
        most_stops: Sequence[int] | int | None,
        most_s: float,
        latest_s: float = math.inf,
        table: Sequence[int] | None = None,
        group: Sequence[int] | None = None,
        urgent_first: bool = False,
    ) -> None:
        start, between = np.asarray(start_s, dtype=np.float64), np.asarray(between_s, dtype=np.float64)
        tasks = len(priorities)
        if table is None:
            between, table = between[None], [0] * len(start)
        if start.ndim != 2 or start.shape[1] != tasks or between.shape[1:] != (tasks, tasks):
            raise RoadError("Tours need a row of times per unit and a square table between tasks.", code="TOC-5206")
        service = np.broadcast_to(np.asarray(service_s, dtype=np.float64), (tasks,))
        times: tuple[NDArray[np.float64], ...] = (start, between, service)
        if any(bool(np.any(np.isnan(t) | (t < 0.0))) for t in times) or not bool(np.all(np.isfinite(service))):
            raise RoadError("Times cannot be negative or missing; inf says there is no way.", code="TOC-5206")
        may = np.ones(start.shape, dtype=bool) if eligible is None else np.asarray(eligible, dtype=bool)
        if may.shape != start.shape:
            raise RoadError("Eligibility must have one value per unit and task.", code="TOC-5206")
        units = len(start)
        if len(table) != units or any(not 0 <= one < len(between) for one in table):
            raise RoadError("There must be a table of times for each unit.", code="TOC-5206")
        if group is not None and len(group) != tasks:
            raise RoadError("Groups must be one per task.", code="TOC-5206")
        self.units, self.tasks, self.most_s, self.latest_s, self.group = units, tasks, most_s, latest_s, group
        limit = tasks if most_stops is None else most_stops
        self.most_stops = [limit] * units if isinstance(limit, int) else list(limit)
        if len(self.most_stops) != units:
            raise RoadError("Crew limits must be one per unit.", code="TOC-5206")
        tables = between.tolist()
        self.start, self.service = start.tolist(), service.tolist()
        self.between = [tables[one] for one in table]
        self.urgent_first = urgent_first
        self.weight = [PRIORITY_WEIGHT.get(level, 0.5 if level > 4 else 8.0) for level in priorities]
        self.crews: list[list[int]] = [np.flatnonzero(may[:, task]).tolist() for task in range(tasks)]
        nearest = between.min(axis=0)
        near = np.minimum(nearest, nearest.T)
        self.near: list[list[int]] = np.argsort(near, axis=1, kind="stable").tolist()

    def cost(self, unit: int, tour: Tour) -> float:
        """Weighted arrival seconds of a tour; inf where a leg has no way or the crew's time is over."""
        if len(tour) > self.most_stops[unit]:
            return math.inf
        if self.group is not None and len({self.group[task] for task in tour}) < len(tour):
            return math.inf
        weight = self.weight
        if self.urgent_first and any(weight[a] < weight[b] for a, b in pairwise(tour)):
            return math.inf
        total, at, here = 0.0, 0.0, -1
        between = self.between[unit]
        for task in tour:
            at += self.start[unit][task] if here < 0 else between[here][task]
            if at > self.latest_s:
                return math.inf
            total += at * weight[task]
            at += self.service[task]
            here = task
        return total if at <= self.most_s else math.inf

    def best_place(self, unit: int, tour: Tour, task: int, standing: float) -> tuple[float, int]:
        """(cost added, position) of the cheapest place in a tour; inf where there is none."""
        best, where = math.inf, 0
        for position in range(len(tour) + 1):
            added = self.cost(unit, [*tour[:position], task, *tour[position:]]) - standing
            if added < best:
                best, where = added, position
        return best, where


class _Plan:
    """A plan in the making: the tours, what each costs, and who is left over."""

    def __init__(self, problem: _Problem) -> None:
        self.problem = problem
        self.tours: list[Tour] = [[] for _ in range(problem.units)]
        self.costs = [0.0] * problem.units
        self.left: set[int] = set(range(problem.tasks))

    def copy(self) -> _Plan:
        twin = _Plan.__new__(_Plan)
        twin.problem, twin.tours, twin.costs = self.problem, [*self.tours], [*self.costs]
        twin.left = set(self.left)
        return twin

    def total(self) -> float:
        return sum(self.costs) + UNSERVED_S * sum(self.problem.weight[task] for task in self.left)

    def put(self, task: int, blink: Callable[[], bool]) -> bool:
        """Puts a task where it adds least; False where no crew can take it. A blink passes over a crew."""
        best, chosen, where = math.inf, -1, 0
        for unit in self.problem.crews[task]:
            if blink():
                continue
            added, position = self.problem.best_place(unit, self.tours[unit], task, self.costs[unit])
            if added < best:
                best, chosen, where = added, unit, position
        if chosen < 0:
            return False
        tour = self.tours[chosen]
        self.tours[chosen] = [*tour[:where], task, *tour[where:]]
        self.costs[chosen] += best
        self.left.discard(task)
        return True

    def take(self, tasks: set[int]) -> None:
        """Tears the given tasks out of their tours."""
        for unit, tour in enumerate(self.tours):
            if not tasks.isdisjoint(tour):
                self.tours[unit] = [task for task in tour if task not in tasks]
                self.costs[unit] = self.problem.cost(unit, self.tours[unit])
                # Without a stop between there may be no way: then the whole tour is built anew.
                if math.isinf(self.costs[unit]):
                    self.left.update(self.tours[unit])
                    self.tours[unit], self.costs[unit] = [], 0.0
        self.left |= tasks

    def fill(self, order: Sequence[int], blink: Callable[[], bool]) -> None:
        for task in order:
            self.put(task, blink)


def tours(
    start_s: ArrayLike,
    between_s: ArrayLike,
    priorities: Sequence[int],
    *,
    service_s: ArrayLike = 0.0,
    eligible: ArrayLike | None = None,
    most_stops: Sequence[int] | int | None = None,
    most_s: float = math.inf,
    latest_s: float = math.inf,
    table: Sequence[int] | None = None,
    group: Sequence[int] | None = None,
    urgent_first: bool = False,
    iterations: int = 2_000,
    seed: int = 0,
) -> Tours:
    """Tours of least priority-weighted arrival found within ``iterations``; never worse than ``greedy_tours``.

    ``start_s`` (units, tasks) and ``between_s`` (tasks, tasks) seconds, inf where there is no way; ``priorities``
    one per task, 1 most urgent; ``service_s`` seconds of work, one per task or one for all; ``eligible`` bool
    (units, tasks) by skills; ``most_stops`` tasks per crew, ``most_s`` seconds until it must be done with the last
    and ``latest_s`` until it must be there. Where crews drive differently, ``between_s`` is (tables, tasks, tasks)
    and ``table`` names each unit's. No crew takes two tasks of one ``group`` (two crews wanted at one place),
    nor, with ``urgent_first``, a task before a more urgent one: however short the work, somebody would wait for it.
    RoadError TOC-5206 for shapes that do not fit and negative times.
    """
    problem = _Problem(
        start_s,
        between_s,
        priorities,
        service_s,
        eligible,
        most_stops,
        most_s,
        latest_s,
        table,
        group,
        urgent_first,
    )
    rng = random.Random(seed)
    now = _greedy(problem)
    best, best_cost = now, now.total()
    now_cost = best_cost
    per_task = best_cost / max(problem.tasks, 1)
    hot, cold = _COOL[0] * per_task, _COOL[1] * per_task
    for step in range(iterations if problem.tasks and problem.units else 0):
        heat = hot * (cold / hot) ** (step / iterations) if hot > 0.0 else 0.0
        trial = now.copy()
        _ruin(trial, rng)
        trial.fill(_order(trial, rng), lambda: rng.random() < 0.01)
        cost = trial.total()
        if cost < now_cost - heat * math.log(1.0 - rng.random()):
            now, now_cost = trial, cost
            if cost < best_cost - 1e-9:
                best, best_cost = trial, cost
    return _answer(best, iterations)


def greedy_tours(
    start_s: ArrayLike,
    between_s: ArrayLike,
    priorities: Sequence[int],
    *,
    service_s: ArrayLike = 0.0,
    eligible: ArrayLike | None = None,
    most_stops: Sequence[int] | int | None = None,
    most_s: float = math.inf,
) -> Tours:
    """The baseline: the urgent first, each put where it adds least to what stands; arguments as for ``tours``."""
    return _answer(_greedy(_Problem(start_s, between_s, priorities, service_s, eligible, most_stops, most_s)), 0)


def _greedy(problem: _Problem) -> _Plan:
    plan = _Plan(problem)
    plan.fill(sorted(range(problem.tasks), key=lambda task: (-problem.weight[task], task)), lambda: False)
    return plan


def _ruin(plan: _Plan, rng: random.Random) -> None:
    """Tears out a few tasks that lie close together, or a few anywhere."""
    problem = plan.problem
    count = min(rng.randint(*_RUIN), problem.tasks)
    if rng.random() < 0.7:
        torn = set(problem.near[rng.randrange(problem.tasks)][:count])
    else:
        torn = set(rng.sample(range(problem.tasks), count))
    plan.take(torn)


def _order(plan: _Plan, rng: random.Random) -> list[int]:
    """The order in which the tasks left over are put back: by weight, by weight with luck, or by luck."""
    left = sorted(plan.left)
    rng.shuffle(left)
    weight, how = plan.problem.weight, rng.random()
    if how < 0.4:
        left.sort(key=lambda task: -weight[task])
    elif how < 0.8:
        drawn = {task: weight[task] * rng.random() for task in left}
        left.sort(key=lambda task: -drawn[task])
    return left


def _answer(plan: _Plan, iterations: int) -> Tours:
    problem = plan.problem
    stops: list[tuple[Stop, ...]] = []
    drive_s = 0.0
    for unit, tour in enumerate(plan.tours):
        at, here, made = 0.0, -1, list[Stop]()
        for task in tour:
            leg = problem.start[unit][task] if here < 0 else problem.between[unit][here][task]
            at, drive_s = at + leg, drive_s + leg
            made.append(Stop(task, at))
            at, here = at + problem.service[task], task
        stops.append(tuple(made))
    return Tours(tuple(stops), tuple(sorted(plan.left)), plan.total(), drive_s, iterations)
