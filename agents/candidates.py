"""Candidate plans: the obvious one first, better guesses, then small changes while they help.

No clock and no chance: the budget is a number of plans compared, and every tie falls to the lower index, that is to
the unit whose id sorts first. The same board and budget give the same answer on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from agents.score import COVER_WEIGHT, NOBODY, Board, Plan, Worth
from twin.assign import assign

NEAREST = "nearest unit first"
"""The named baseline: the most urgent first, each the nearest unit that may go."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan that was compared, how it was made, and what it is worth."""

    name: str
    plan: Plan
    worth: Worth

    @property
    def rank(self) -> tuple[tuple[int, int], Plan]:
        return self.worth.rank, self.plan


@dataclass(slots=True)
class Search:
    """Plans compared so far on one board, at most ``budget`` of them."""

    board: Board
    budget: int
    seen: dict[Plan, Candidate] = field(default_factory=dict)

    @property
    def spent(self) -> bool:
        return len(self.seen) >= self.budget

    def consider(self, name: str, plan: Plan) -> Candidate | None:
        """The plan with its worth; None once the budget is spent. A plan met before costs nothing."""
        known = self.seen.get(plan)
        if known is None and not self.spent:
            known = self.seen[plan] = Candidate(name, plan, self.board.worth(plan))
        return known

    @property
    def best(self) -> Candidate:
        return min(self.seen.values(), key=lambda one: one.rank)

    @property
    def nearest(self) -> Candidate:
        return next(iter(self.seen.values()))

    def other_than(self, chosen: Candidate) -> Candidate | None:
        """The best plan that is another one in substance: a quarter of its errands differ, or at least one.

        Another ambulance from farther off counts only where nothing else differs in any plan.
        """
        for coarse in (True, False):
            errands = self.board.errands(chosen.plan, coarse=coarse)
            apart = [(_apart(errands, self.board.errands(one.plan, coarse=coarse)), one) for one in self.seen.values()]
            for enough in (max(1, errands.total() // 4), 1):
                if others := [one for difference, one in apart if difference >= enough]:
                    return min(others, key=lambda one: one.rank)
        return None


def _apart(one: Counter[tuple[str, str, int]], other: Counter[tuple[str, str, int]]) -> int:
    return max((one - other).total(), (other - one).total())


def compare(board: Board, budget: int) -> Search:
    """The plans compared: the nearest-unit plan always, then the seeds, then changes to the best of them."""
    search = Search(board, max(1, budget))
    for name, seed in SEEDS:
        search.consider(name, seed(board))
    tried: set[Plan] = set()
    while not search.spent:
        starts = [one for one in search.seen.values() if one.plan not in tried]
        if not starts or len(tried) >= len(SEEDS):
            break
        tried |= _improve(search, min(starts, key=lambda one: one.rank))
    return search


def nearest_first(board: Board) -> Plan:
    """Slots in order of urgency, each taken by the nearest free unit that may take it."""
    return _greedy(board, range(len(board.slots)))


def first_come(board: Board) -> Plan:
    """Slots in the order in which their tasks were opened, each taken by the nearest free unit that may take it."""
    return _greedy(board, sorted(range(len(board.slots)), key=lambda s: board.tasks[board.slots[s].task].opened_ms))


def _greedy(board: Board, order: range | list[int]) -> Plan:
    plan = [NOBODY] * len(board.slots)
    taken: set[int] = set()
    for s in order:
        task = board.slots[s].task
        near = [
            (board.eta_s[u][task] or 0, u) for u, cost in enumerate(board.weighted[s]) if cost >= 0 and u not in taken
        ]
        if near:
            plan[s] = min(near)[1]
            taken.add(plan[s])
    return tuple(plan)


def quickest(board: Board, held: frozenset[int] = frozenset()) -> Plan:
    """The least weighted time over all crews at once, without the units held back (``twin.assign``)."""
    plan = [NOBODY] * len(board.slots)
    eligible = board.cost_s >= 0
    eligible[sorted(held), :] = False
    cost = np.where(eligible, board.cost_s, np.inf)
    for pair in assign(cost, [slot.urgency for slot in board.slots], eligible):
        plan[pair.task] = pair.unit
    return tuple(plan)


def cover_kept(board: Board) -> Plan:
    """The quickest plan that takes no station area's last engine: the least urgent errand is given up for it."""
    return quickest(board, _held(board, lambda u: board.units[u].station if _covers(board, u) else ""))


def reserve_kept(board: Board) -> Plan:
    """The quickest plan that leaves one unit of each NIMS kind free, of which there is more than one."""
    return quickest(board, _held(board, lambda u: board.units[u].nims_kind, at_least=2))


def _covers(board: Board, unit: int) -> bool:
    return any(row[unit] is not None for row in board.cover_s)


def _held(board: Board, group_of: Callable[[int], str], at_least: int = 1) -> frozenset[int]:
    """One unit of every group that the quickest plan would use up: the one on the least urgent, longest errand."""
    plan = quickest(board)
    errand = {u: (board.slots[s].urgency, int(board.cost_s[u, s])) for s, u in enumerate(plan) if u != NOBODY}
    groups: dict[str, list[int]] = {}
    for u in range(len(board.units)):
        if name := group_of(u):
            groups.setdefault(name, []).append(u)
    return frozenset(
        max(members, key=lambda u: (errand[u], -u))
        for members in groups.values()
        if len(members) >= at_least and all(u in errand for u in members)
    )


SEEDS: tuple[tuple[str, Callable[[Board], Plan]], ...] = (
    (NEAREST, nearest_first),
    ("quickest overall", quickest),
    ("cover kept in every station area", cover_kept),
    ("one of each kind in reserve", reserve_kept),
    ("first come, first served", first_come),
)


def _improve(search: Search, start: Candidate) -> set[Plan]:
    """Follows the first change that helps, cheapest first, until none does or the budget is spent; plans stood on."""
    here, stood = start, {start.plan}
    while True:
        better = None
        for plan in _changes(search.board, here):
            candidate = search.consider(f"{start.name}, improved", plan)
            if candidate is None:
                return stood
            if candidate.rank < here.rank:
                better = candidate
                break
        if better is None or better.plan in stood:
            return stood
        here = better
        stood.add(here.plan)


def _changes(board: Board, here: Candidate) -> Iterator[Plan]:
    """Plans one step away, cheapest first: another unit for a slot, two units swapped, a slot given up.

    A change can win back no more than the cover that the plan loses, so those that cost as much are left out.
    """
    plan, limit = here.plan, COVER_WEIGHT * max(here.worth.growth_s, default=0)
    found: list[tuple[int, int, int]] = []
    at = {u: s for s, u in enumerate(plan) if u != NOBODY}

    def now(s: int) -> int:
        return board.unserved[s] if plan[s] == NOBODY else board.weighted[s][plan[s]]

    for s, row in enumerate(board.weighted):
        if plan[s] != NOBODY:
            found.append((board.unserved[s] - now(s), s, NOBODY))
        for u, cost in enumerate(row):
            if cost < 0 or u == plan[s]:
                continue
            change = cost - now(s)
            if (other := at.get(u)) is not None:
                there = board.weighted[other][plan[s]] if plan[s] != NOBODY else -1
                change += (there if there >= 0 else board.unserved[other]) - now(other)
            found.append((change, s, u))
    for change, s, u in sorted(found):
        if change > limit:
            return
        yield _changed(board, plan, s, u, at.get(u))


def _changed(board: Board, plan: Plan, s: int, u: int, other: int | None) -> Plan:
    fresh = list(plan)
    fresh[s] = u
    if u != NOBODY and other is not None:
        swapped = plan[s] != NOBODY and board.weighted[other][plan[s]] >= 0
        fresh[other] = plan[s] if swapped else NOBODY
    return tuple(fresh)
