"""Who goes where: one unit to one task, the urgent served first, then the shortest weighted time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PRIORITY_WEIGHT = {1: 8.0, 2: 4.0, 3: 2.0, 4: 1.0}
"""What a second of waiting counts for a task of that priority (1 is the most urgent); beyond 4, half."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Unit ``unit`` goes to task ``task`` (row and column of the matrix) and needs ``cost_s`` seconds."""

    unit: int
    task: int
    cost_s: float


def assign(cost_s: ArrayLike, priorities: Sequence[int], eligible: ArrayLike | None = None) -> tuple[Pair, ...]:
    """The best one-to-one assignment, by task; each unit and task at most once, only eligible pairs.

    ``cost_s`` (units, tasks) seconds, inf or nan where there is no way; ``priorities`` one per task, 1 most
    urgent; ``eligible`` bool of the same shape. No number of less urgent tasks outweighs a more urgent one
    that could be served; as many tasks of each priority as possible are; among such assignments the sum of
    seconds weighted by ``PRIORITY_WEIGHT`` is least. RoadError TOC-5206 where shapes differ or a time is
    negative.
    """
    cost = np.asarray(cost_s, dtype=np.float64)
    if cost.ndim != 2 or cost.shape[1] != len(priorities):
        raise RoadError("There must be one priority per task.", code="TOC-5206")
    usable = np.isfinite(cost) & (True if eligible is None else np.asarray(eligible, dtype=bool))
    if bool(np.any(cost[usable] < 0.0)):
        raise RoadError("Travel times cannot be negative.", code="TOC-5206")
    urgency = np.asarray(priorities, dtype=np.int64)
    weighted = np.where(usable, cost, 0.0) * _weights(urgency)[None, :]
    served: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
    units = served
    for level in np.unique(urgency):
        # A task that can be served beside the more urgent ones stays servable (transversal matroid), so going
        # level by level loses nothing and needs no astronomically large weights.
        tasks = np.concatenate((served, np.flatnonzero(urgency == level)))
        units, served = _serve(weighted[:, tasks], usable[:, tasks], len(served), tasks)
    order = np.argsort(served, kind="stable")
    return tuple(Pair(int(u), int(t), float(cost[u, t])) for u, t in zip(units[order], served[order], strict=True))


def _weights(urgency: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([PRIORITY_WEIGHT.get(int(level), 0.5 if level > 4 else 8.0) for level in urgency])


def _serve(
    weighted: NDArray[np.float64], usable: NDArray[np.bool_], required: int, tasks: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(units, tasks) of the best pairs with the first ``required`` columns and as many more as can be."""
    from scipy.optimize import linear_sum_assignment

    if not usable.size:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    pairs = min(usable.shape) + 1
    reward = float(weighted.max()) * pairs + 1.0
    value = np.where(usable, weighted - reward, 0.0)
    value[:, :required] -= np.where(usable[:, :required], reward * pairs, 0.0)
    units, columns = linear_sum_assignment(value)
    taken = usable[units, columns]
    return units[taken], tasks[columns[taken]]
