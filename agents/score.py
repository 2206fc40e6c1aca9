"""What a plan is worth: seconds until help arrives, weighed by urgency, help that does not come, and cover lost.

    score = Σ over crews wanted  weight · (seconds to arrive + SECOND_CHOICE_S where the unit can only begin the work)
          + Σ over crews wanted that nobody takes  weight · UNSERVED_S
          + COVER_WEIGHT · (seconds by which the next engine's response grows in the station area that loses most)

Less is better; the unit is the weighted second. All of it is integers, so that a plan scores the same everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from picture.model import Unit
from playbooks.dispatch import CoverArea, Role, Task, covers
from twin.assign import PRIORITY_WEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARTHEST_S = 7_200
"""Two hours: a unit farther off is no answer to anything that is happening now."""
UNSERVED_S = 18_000
"""Five hours: more than twice ``FARTHEST_S``. Weights halve from one priority to the next, so no less urgent incident
is served by a crew that a more urgent one could have, and somebody late is always better than nobody."""
SECOND_CHOICE_S = 300
"""Five minutes: what a crew that can only begin (an engine at a chemical release) waits for the one that can finish
is a few minutes; nearer by more than that, it goes first."""
COVER_WEIGHT = 2
"""As much as a second of waiting at priority 3: the next fire in that area is possible, not yet there."""
COVER_LOST_S = 1_800
"""Half an hour: what an area counts that no free engine can reach, about the time of mutual aid from the next town."""
NOBODY = -1

Plan = tuple[int, ...]
"""For each slot the index of its unit, or ``NOBODY``. Each unit stands at most once."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One crew wanted: at which task, to do what, and what a second of its absence weighs."""

    task: int
    role: Role
    urgency: int
    """The task's priority; a crew beside the first counts one step less (4 is the least)."""
    unserved_s: int = UNSERVED_S
    only: frozenset[str] | None = None
    """Ids of the units that may fill it; None: any that is eligible."""

    @property
    def weight(self) -> int:
        return int(PRIORITY_WEIGHT[self.urgency])


@dataclass(frozen=True, slots=True)
class Worth:
    """A plan's score and its parts. ``growth_s``: per cover area, by how many seconds the next engine comes later."""

    score: int
    arrival: int
    unserved: int
    growth_s: tuple[int, ...]

    @property
    def cover(self) -> int:
        return COVER_WEIGHT * max(self.growth_s, default=0)

    @property
    def rank(self) -> tuple[int, int]:
        """What plans are compared by: the score; among equals, the cover lost in all areas together."""
        return self.score, sum(self.growth_s)


@dataclass(frozen=True)
class Board:
    """Everything that plans are made from and scored on: free units, crews wanted, travel times, cover.

    ``eta_s[u][t]``: whole seconds from unit to task, None without a way; ``why_not[u][s]``: why a unit may not take
    a slot, "" if it may; ``cover_s[a][u]``: seconds from unit to cover area, None for what is no cover.
    """

    units: tuple[Unit, ...]
    tasks: tuple[Task, ...]
    slots: tuple[Slot, ...]
    eta_s: tuple[tuple[int | None, ...], ...]
    why_not: tuple[tuple[str, ...], ...]
    areas: tuple[CoverArea, ...] = ()
    cover_s: tuple[tuple[int | None, ...], ...] = ()

    @cached_property
    def cost_s(self) -> NDArray[np.int64]:
        """int64 (units, slots): seconds to arrive and the second-choice charge, unweighted; -1 where it may not be."""
        cost = np.full((len(self.units), len(self.slots)), -1, dtype=np.int64)
        for u, unit in enumerate(self.units):
            for s, slot in enumerate(self.slots):
                eta_s = self.eta_s[u][slot.task]
                if eta_s is not None and not self.why_not[u][s]:
                    cost[u, s] = eta_s + (SECOND_CHOICE_S if slot.role.fits(unit) == "instead" else 0)
        return cost

    @cached_property
    def weighted(self) -> list[list[int]]:
        """(slots, units): weighted seconds of a unit in a slot; -1 where it may not be."""
        weights = np.array([slot.weight for slot in self.slots], dtype=np.int64)
        cost: list[list[int]] = np.where(self.cost_s >= 0, self.cost_s * weights, -1).T.tolist()
        return cost

    @cached_property
    def unserved(self) -> list[int]:
        """Per slot: weighted seconds that it costs to send nobody."""
        return [slot.weight * slot.unserved_s for slot in self.slots]

    @cached_property
    def _nearest(self) -> list[list[tuple[int, int]]]:
        """Per area: (seconds, unit) of everything that covers it, soonest first."""
        return [
            sorted((time, u) for u, time in enumerate(row) if time is not None and time < COVER_LOST_S)
            for row in self.cover_s
        ]

    @cached_property
    def cover_before_s(self) -> tuple[int, ...]:
        """Per area: seconds until the next engine would be there if nobody was sent."""
        return tuple(row[0][0] if row else COVER_LOST_S for row in self._nearest)

    def growth_s(self, sent: set[int]) -> tuple[int, ...]:
        """Per area: by how many seconds the next engine's response grows without the units sent."""
        return tuple(
            next((time for time, u in row if u not in sent), COVER_LOST_S) - before
            for row, before in zip(self._nearest, self.cover_before_s, strict=True)
        )

    def worth(self, plan: Plan) -> Worth:
        """The score of a plan, with its parts."""
        arrival = unserved = 0
        for s, u in enumerate(plan):
            if u == NOBODY:
                unserved += self.unserved[s]
            else:
                arrival += self.weighted[s][u]
        growth_s = self.growth_s({u for u in plan if u != NOBODY})
        return Worth(arrival + unserved + COVER_WEIGHT * max(growth_s, default=0), arrival, unserved, growth_s)

    def errands(self, plan: Plan, *, coarse: bool = False) -> Counter[tuple[str, str, int]]:
        """What a plan comes to: (station, NIMS kind, task) of every crew, however many. Two engines of one station
        are the same errand, and so are two slots of one task. ``coarse``: stations tell only crews that cover."""
        return Counter(
            (
                "" if coarse and not covers(self.units[u]) else self.units[u].station,
                self.units[u].nims_kind,
                self.slots[s].task,
            )
            for s, u in enumerate(plan)
            if u != NOBODY
        )


def slots_of(tasks: Sequence[Task]) -> tuple[Slot, ...]:
    """The crews wanted at these tasks, most urgent first, then longest open, then by id."""
    found = [
        (min(4, task.priority + (1 if task.present + k else 0)), task.opened_ms, task.id, k, Slot(t, role, 0))
        for t, task in enumerate(tasks)
        for k, role in enumerate(task.roles)
    ]
    return tuple(
        Slot(slot.task, slot.role, urgency) for urgency, _, _, _, slot in sorted(found, key=lambda one: one[:4])
    )
