"""Rounds: where more crews are wanted than are free, the stops of each crew in order, by when help arrives.

The first stop of each crew is what is proposed now; the others are the plan for when it becomes free. Rounds are
found by ruin and recreate (``twin.tours``) and scored like any plan (``agents.score``), except that a crew wanted
counts from when somebody comes to it, in turn. Iterations are counted and the seed is given: no clock, no chance.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from agents.board import Laid
from agents.candidates import NEAREST, nearest_first
from agents.score import COVER_WEIGHT, FARTHEST_S, NOBODY, SECOND_CHOICE_S, Board, Plan
from playbooks.context import Context
from playbooks.dispatch import WORK_OTHER_S, WORK_S, covers
from twin.tours import tours

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STOPS = 3
"""Beyond three errands a plan for one crew is fiction: something else will have happened."""
MOST_KEPT = 4
"""So many crews are tried to be kept back for cover, one after the other."""
ITERATIONS_PER_CANDIDATE = 3
"""A try of the search costs about a third of what comparing a plan does."""


@dataclass(frozen=True, slots=True)
class Call:
    """A crew wanted, and when the unit is there: seconds from now."""

    slot: int
    arrival_s: int


@dataclass(frozen=True, slots=True)
class Rounds:
    """The calls of every unit in order, and what all of it is worth in weighted seconds."""

    name: str
    calls: tuple[tuple[Call, ...], ...]
    score: int
    growth_s: tuple[int, ...]

    @property
    def rank(self) -> tuple[int, int, bool]:
        """What rounds are compared by, as plans are; among equals the nearest first, which needs no explaining."""
        return self.score, sum(self.growth_s), self.name != NEAREST

    def plan(self, slots: int) -> Plan:
        """The first call of each unit, as a plan."""
        found = [NOBODY] * slots
        for u, calls in enumerate(self.calls):
            if calls:
                found[calls[0].slot] = u
        return tuple(found)

    def later(self) -> dict[int, tuple[int, int, Call]]:
        """Slot -> (unit, the slot it comes from, call) of every call that is not a unit's first."""
        return {
            call.slot: (u, before.slot, call) for u, calls in enumerate(self.calls) for before, call in pairwise(calls)
        }


class Legs:
    """Times between the tasks of a board, for the vehicles of its units, and how long each task binds a crew."""

    def __init__(self, laid: Laid, ctx: Context) -> None:
        self.board = laid.board
        places = [(task.lon_e7, task.lat_e7) for task in self.board.tasks]
        known: dict[tuple[str, frozenset[int]], int] = {}
        self.table: list[int] = []
        """Per unit: which of the tables is its own."""
        tables: list[NDArray[np.float64]] = []
        for unit in self.board.units:
            key = (unit.profile, laid.avoid[unit.id])
            if key not in known:
                known[key] = len(tables)
                rows = ctx.services.roads.matrix(unit.profile, places, places, key[1])
                tables.append(np.array([[np.inf if s is None else round(s) for s in row] for row in rows]))
            self.table.append(known[key])
        self.between_s = np.array(tables).reshape(len(tables), len(places), len(places))
        self.work_s = [WORK_S.get(task.kind, WORK_OTHER_S) for task in self.board.tasks]

    @cached_property
    def slot_between_s(self) -> NDArray[np.float64]:
        """float64 (tables, slots, slots)."""
        task = [slot.task for slot in self.board.slots]
        return self.between_s[:, task][:, :, task]

    def arrivals(self, u: int, slots: Sequence[int]) -> tuple[Call, ...]:
        """The calls of a unit that takes these slots in order; only for slots and ways that there are."""
        calls: list[Call] = []
        at, here = 0, -1
        for s in slots:
            task = self.board.slots[s].task
            at += round(self.between_s[self.table[u], here, task]) if calls else self.board.eta_s[u][task] or 0
            calls.append(Call(s, at))
            at, here = at + self.work_s[task], task
        return tuple(calls)

    def rounds(self, name: str, stops: Sequence[Sequence[int]]) -> Rounds:
        """These stops of every unit, scored."""
        board = self.board
        calls = tuple(self.arrivals(u, one) for u, one in enumerate(stops))
        score = sum(board.unserved) - sum(board.unserved[c.slot] for one in calls for c in one)
        for u, one in enumerate(calls):
            for call in one:
                slot = board.slots[call.slot]
                second = SECOND_CHOICE_S if slot.role.fits(board.units[u]) == "instead" else 0
                score += slot.weight * (call.arrival_s + second)
        growth_s = board.growth_s({u for u, one in enumerate(calls) if one})
        return Rounds(name, calls, score + COVER_WEIGHT * max(growth_s, default=0), growth_s)


def in_turn(laid: Laid, best: Plan, ctx: Context, candidates: int, seed: int = 0) -> list[Rounds]:
    """Rounds over a board on which ``best`` leaves somebody waiting whom a crew could come to; best first.

    Nearest-first rounds are always among them (named ``NEAREST``); empty where nobody waits for a busy crew.
    """
    board = laid.board
    if not waits(board, best):
        return []
    legs, iterations = Legs(laid, ctx), ITERATIONS_PER_CANDIDATE * candidates
    everybody = frozenset(range(len(board.units)))
    here, crews = _search(legs, "every crew in turn", everybody, iterations, seed), everybody
    found = [nearest_rounds(legs), here]
    for _ in range(MOST_KEPT):
        # One crew of an area that loses most stays; as long as that is worth what others then wait longer.
        stay = [u for u in _of_the_barest_areas(board, here) if u in crews]
        kept = [
            (crews - {u}, _search(legs, "cover kept, the others in turn", crews - {u}, iterations, seed)) for u in stay
        ]
        found += [one for _, one in kept]
        if not kept or (better := min(kept, key=lambda one: one[1].rank))[1].rank >= here.rank:
            break
        crews, here = better
    return sorted(found, key=lambda one: one.rank)


def _of_the_barest_areas(board: Board, rounds: Rounds) -> list[int]:
    """The two crews with the least urgent first calls that are sent from the areas which lose most cover."""
    growth_s = max(rounds.growth_s, default=0)
    if growth_s <= 0:
        return []
    barest = {area.station for area, lost in zip(board.areas, rounds.growth_s, strict=True) if lost == growth_s}
    sent = [u for u, unit in enumerate(board.units) if unit.station in barest and rounds.calls[u] and covers(unit)]
    return sorted(sent, key=lambda u: (-board.slots[rounds.calls[u][0].slot].urgency, u))[:2]


def waits(board: Board, plan: Plan) -> bool:
    """Whether a crew is wanted that nobody is sent for, though some unit could come, once it has done other work."""
    return len(board.tasks) > 1 and any(
        u == NOBODY and slot.only is None and any(cost >= 0 for cost in board.weighted[s])
        for s, (u, slot) in enumerate(zip(plan, board.slots, strict=True))
    )


def _search(legs: Legs, name: str, crews: frozenset[int], iterations: int, seed: int) -> Rounds:
    board = legs.board
    may = board.cost_s >= 0
    may[[u for u in range(len(board.units)) if u not in crews], :] = False
    task = [slot.task for slot in board.slots]
    start_s = np.array([[np.inf if (s := row[t]) is None else s for t in task] for row in board.eta_s])
    found = tours(
        start_s,
        legs.slot_between_s,
        [slot.urgency for slot in board.slots],
        service_s=[legs.work_s[t] for t in task],
        eligible=may,
        most_stops=MOST_STOPS,
        latest_s=FARTHEST_S,
        table=legs.table,
        group=task,
        urgent_first=True,
        iterations=iterations,
        seed=seed,
    )
    return legs.rounds(name, [[stop.task for stop in stops] for stops in found.stops])


def nearest_rounds(legs: Legs) -> Rounds:
    """The baseline: the nearest-unit plan, then whoever is free first takes the most urgent call left, the nearest."""
    board = legs.board
    stops: list[list[int]] = [[] for _ in board.units]
    for s, u in enumerate(nearest_first(board)):
        if u != NOBODY:
            stops[u].append(s)
    left = set(range(len(board.slots))) - {s for one in stops for s in one}
    free = [(_done_s(legs, u, one), u) for u, one in enumerate(stops) if one]
    heapq.heapify(free)
    while free and left:
        at, u = heapq.heappop(free)
        here = board.slots[stops[u][-1]].task
        done = {board.slots[s].task for s in stops[u]}
        able = [
            (board.slots[s].urgency, leg, s) for s in left
            if board.cost_s[u, s] >= 0 and board.slots[s].task not in done
            and at + (leg := float(legs.between_s[legs.table[u], here, board.slots[s].task])) <= FARTHEST_S
        ]  # fmt: skip
        if able and len(stops[u]) < MOST_STOPS:
            s = min(able)[2]
            stops[u].append(s)
            left.discard(s)
            heapq.heappush(free, (_done_s(legs, u, stops[u]), u))
    return legs.rounds(NEAREST, stops)


def _done_s(legs: Legs, u: int, stops: Sequence[int]) -> int:
    last = legs.arrivals(u, stops)[-1]
    return last.arrival_s + legs.work_s[legs.board.slots[last.slot].task]
