"""Rounds in words: what each crew does after its first errand, who is waited for, and why not other rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from agents import telling
from agents.board import Laid
from agents.candidates import NEAREST, Candidate
from agents.goals import Setting
from agents.rounds import MOST_STOPS, Rounds
from agents.score import FARTHEST_S, Board
from picture.events import AlternativeModel


def afterwards(board: Board, setting: Setting, rounds: Rounds) -> list[dict[str, Any]]:
    """What each crew is to do after its first errand, in order; plain JSON."""
    return [
        {
            "unit": board.units[u].id,
            **setting.targets[(task := board.tasks[board.slots[call.slot].task]).id],
            "label": task.label,
            "priority": task.priority,
            "role": board.slots[call.slot].role.words,
            "after": board.tasks[board.slots[before.slot].task].id,
            "arrival_s": call.arrival_s,
        }
        for u, calls in enumerate(rounds.calls)
        for before, call in pairwise(calls)
    ]


def order_lines(board: Board, rounds: Rounds) -> list[str]:
    """A line for each crew that has more than one errand: which comes first, what follows, and about when."""
    lines = []
    for u, calls in enumerate(rounds.calls):
        if len(calls) > 1:
            names = [board.tasks[board.slots[call.slot].task] for call in calls]
            follow = ", ".join(
                f"then {task.id} {task.label} (priority {task.priority}), "
                f"about {telling.minutes(call.arrival_s)} from now"
                for task, call in zip(names[1:], calls[1:], strict=True)
            )
            lines.append(f"{board.units[u].name}: {names[0].id} first, {follow}")
    if lines:
        lines.append(
            f"Only first errands are proposed now. What follows is a plan: at most {MOST_STOPS} errands a crew, none "
            f"begun later than {telling.minutes(FARTHEST_S)} from now, with work on scene reckoned by kind of incident"
        )
    return lines


def waiting_lines(laid: Laid, best: Candidate, rounds: Rounds) -> list[str]:
    """As ``telling.waiting_lines``; where a busy crew comes later, who and when stands instead of a reason."""
    board, later = laid.board, rounds.later()

    def comes(s: int) -> str:
        if s not in later:
            return ""
        u, before, call = later[s]
        name, first = board.units[u].name, board.tasks[board.slots[before].task].id
        return f"{name} comes after {first}, about {telling.minutes(call.arrival_s)} from now"

    return telling.waiting_lines(laid, best.plan, comes)


def why_kept(laid: Laid, best: Candidate, rounds: Rounds, u: int) -> str:
    """Why a free crew stays although somebody waits that it could come to; "" where nobody waits for such a crew."""
    board, later = laid.board, rounds.later()
    waiting = [s for s, row in enumerate(board.weighted) if row[u] >= 0 and best.plan[s] < 0]
    if not waiting:
        return ""
    s = min(waiting, key=lambda s: (board.weighted[s][u], s))
    task = board.tasks[board.slots[s].task]
    mine_s = board.eta_s[u][board.slots[s].task] or 0
    instead = ""
    if s in later:
        other, before, call = later[s]
        instead = (
            f"; {board.units[other].name} comes to it after {board.tasks[board.slots[before].task].id}, "
            f"about {telling.minutes(call.arrival_s)} from now"
        )
    sent = {v for v, calls in enumerate(rounds.calls) if calls}
    extra_s = [a - b for a, b in zip(board.growth_s(sent | {u}), rounds.growth_s, strict=True)]
    could = f"could be at {task.id} in {telling.minutes(mine_s)}, but "
    if not extra_s or max(extra_s) < telling.MENTION_S:
        return f"{could}the plan would be no better{instead}"
    a = max(range(len(extra_s)), key=lambda k: (extra_s[k], -k))
    area = board.areas[a].label
    return (
        f"{could}kept as cover: without it the next engine in {area} comes {telling.minutes(extra_s[a])} later{instead}"
    )


def compared_line(found: Sequence[Rounds], compared: int) -> str:
    """How much the plan gains on nearest-first."""
    best, nearest = found[0], _nearest(found)
    if best is nearest:
        return f"More crews are wanted than are free; nearest first, in turn, is the best of {compared} plans compared"
    gain = telling.weighted_minutes(nearest.score - best.score)
    return (
        f"More crews are wanted than are free; best of {compared} plans compared ({best.name}), {gain:g} weighted "
        "minutes better than the nearest units in turn"
    )


def alternatives(board: Board, found: Sequence[Rounds]) -> tuple[AlternativeModel, ...]:
    """Nearest first in turn if it was not chosen, the best other rounds that begin otherwise, and sending nobody."""
    best, told, given = found[0], [_firsts(board, found[0])], []
    others = [_nearest(found), *(one for one in found[1:] if one.name != NEAREST)]
    for other in others:
        if other is not best and _firsts(board, other) not in told:
            told.append(_firsts(board, other))
            given.append(_alternative(board, best, other))
    nobody = sum(board.unserved)
    margin = telling.weighted_minutes(nobody - best.score)
    stay = AlternativeModel(
        title="Send nobody",
        score=telling.weighted_minutes(nobody),
        reason=f"Nobody gets help. In all {margin:g} weighted minutes worse.",
    )
    return (*given[:2], stay)


def _alternative(board: Board, best: Rounds, other: Rounds) -> AlternativeModel:
    name = "Nearest units in turn" if other.name == NEAREST else other.name.capitalize()
    plans = [one.plan(len(board.slots)) for one in (best, other)]
    parts = [*_later(board, best, other), *_cover(board, best, other)]
    margin = telling.weighted_minutes(other.score - best.score)
    return AlternativeModel(
        title=f"{name}: {telling.differences(board, *plans) or 'the same first errands'}",
        score=telling.weighted_minutes(other.score),
        reason=". ".join(filter(None, ["; ".join(parts), f"In all {margin:g} weighted minutes worse."])),
    )


def _later(board: Board, best: Rounds, other: Rounds) -> list[str]:
    """Mean difference of arrival per priority, over crews that come in both, and calls that only one reaches."""
    mine, theirs = ({c.slot: c.arrival_s for calls in one.calls for c in calls} for one in (best, other))
    parts = []
    for priority in sorted({task.priority for task in board.tasks}):
        gaps = [
            theirs[s] - mine[s]
            for s, slot in enumerate(board.slots)
            if s in mine and s in theirs and board.tasks[slot.task].priority == priority
        ]
        mean = sum(gaps) / len(gaps) if gaps else 0.0
        if abs(mean) >= telling.MENTION_S:
            words = "later" if mean > 0 else "sooner"
            parts.append(f"{telling.minutes(abs(mean))} {words} on average to priority {priority}")
    if len(theirs) != len(mine):
        more = len(theirs) - len(mine)
        parts.append(f"reaches {abs(more)} call{'s' if abs(more) > 1 else ''} {'more' if more > 0 else 'fewer'}")
    return parts


def _cover(board: Board, best: Rounds, other: Rounds) -> list[str]:
    return [
        f"the next engine in {area.label} comes {telling.minutes(abs(gap))} {'later' if gap > 0 else 'sooner'}"
        for area, mine, theirs in zip(board.areas, best.growth_s, other.growth_s, strict=True)
        if abs(gap := theirs - mine) >= 2 * telling.MENTION_S
    ][:3]


def _firsts(board: Board, rounds: Rounds) -> Counter[tuple[str, str, int]]:
    return board.errands(rounds.plan(len(board.slots)))


def _nearest(found: Sequence[Rounds]) -> Rounds:
    return next(one for one in found if one.name == NEAREST)
