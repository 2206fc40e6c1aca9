"""The deterministic planner: who goes where, with the plan it did not choose and why. It proposes and never acts.

A plan is chosen among candidates that are compared by one score (``agents.score``); the nearest-unit plan is always
one of them. Same picture, same roads, same budget: the same answer, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents import telling
from agents import telling_rounds as told
from agents.board import Laid, lay
from agents.candidates import NEAREST, Candidate, Search, compare
from agents.goals import Setting, Wish, settings_of
from agents.rounds import Rounds, in_turn
from agents.score import NOBODY
from picture.events import AlternativeModel, WatchedModel
from picture.model import StreamPicture, Unit
from playbooks.context import Context, Way
from playbooks.dispatch import Eligibility, Task
from playbooks.effects import Draft
from playbooks.verbs.units import position_of


@dataclass(frozen=True, slots=True)
class Answer:
    """One setting, compared through."""

    setting: Setting
    laid: Laid
    search: Search
    best: Candidate
    rounds: tuple[Rounds, ...] = ()
    """Best first, where crews have several errands; the first errands of ``rounds[0]`` are ``best``."""


def planner(goal: str, args: Mapping[str, Any], ctx: Context) -> Draft:
    """A draft without effects, whose results hold the assignments; see ``docs/planner.md``.

    ``goal`` is one of ``agents.goals.GOALS``. Where nobody can be sent, the assignments are empty and the evidence
    says why. PlaybookError TOC-6109 for a goal, incident, facility or area that is not known.
    """
    wish = Wish.model_validate({**args, "goal": goal})
    eligibility = Eligibility(ctx.picture.home)
    settings = settings_of(wish, ctx, eligibility)
    share = max(1, wish.candidates // len(settings))
    answers = []
    for setting in settings:
        laid = lay(setting, wish, ctx, eligibility)
        search = compare(laid.board, share)
        answers.append(_answer(setting, laid, search, wish, ctx))
    chosen = min(answers, key=lambda one: one.best.rank)
    others = [one for one in answers if one is not chosen]
    return _draft(chosen, others, ctx)


def _answer(setting: Setting, laid: Laid, search: Search, wish: Wish, ctx: Context) -> Answer:
    """The best plan; where it leaves somebody waiting for a crew that is busy by it, the best rounds."""
    rounds = tuple(in_turn(laid, search.best.plan, ctx, wish.candidates, wish.seed))
    if not rounds:
        return Answer(setting, laid, search, search.best)
    plan = rounds[0].plan(len(laid.board.slots))
    return Answer(setting, laid, search, Candidate(rounds[0].name, plan, laid.board.worth(plan)), rounds)


def _draft(answer: Answer, others: list[Answer], ctx: Context) -> Draft:
    board, best = answer.laid.board, answer.best
    errands = [_errand(answer, s, u, ctx) for s, u in enumerate(best.plan) if u != NOBODY]
    stays, waiting = _not_sent(answer)
    missing = [*answer.setting.missing, *waiting]
    alternatives = _alternatives(answer, others)
    compared = len(answer.search.seen) + len(answer.rounds) + sum(len(one.search.seen) for one in others)
    rounds = answer.rounds[0] if answer.rounds else None
    baseline = next((one.score for one in answer.rounds if one.name == NEAREST), answer.search.nearest.worth.score)
    evidence = [_in_words(one) for one in errands]
    if not board.slots:
        evidence.append("No open incident lacks a crew" if not board.tasks else "Every crew wanted is there already")
    if not errands:
        evidence += missing
    else:
        evidence += told.order_lines(board, rounds) if rounds else []
        evidence.append(told.compared_line(answer.rounds, compared) if rounds else _compared(answer, compared))
        evidence += telling.assumptions(answer.laid, [u for u in best.plan if u != NOBODY])
    results = {
        "assignments": errands,
        "afterwards": told.afterwards(board, answer.setting, rounds) if rounds else [],
        "passed_over": [{"unit": unit, "why": why} for unit, why in stays.items()],
        "missing": missing,
        "score": telling.weighted_minutes(rounds.score if rounds else best.worth.score),
        "baseline_score": telling.weighted_minutes(baseline),
        "compared": compared,
    }
    return Draft(
        evidence=(*evidence, *telling.grouped(stays)),
        consequence=(*telling.cover_lines(board, best), *missing),
        alternatives=alternatives,
        watched=_watched(answer, ctx.picture.home),
        results=results,
    )


def _not_sent(answer: Answer) -> tuple[dict[str, str], list[str]]:
    """(why each unit is not sent, a line for every crew that is waited for)."""
    laid, best = answer.laid, answer.best
    if not answer.rounds:
        return telling.passed_over(laid, best), telling.waiting_lines(laid, best.plan)
    rounds = answer.rounds[0]
    stays = telling.passed_over(laid, best, lambda u: told.why_kept(laid, best, rounds, u))
    return stays, told.waiting_lines(laid, best, rounds)


def _errand(answer: Answer, s: int, u: int, ctx: Context) -> dict[str, Any]:
    board = answer.laid.board
    slot, unit = board.slots[s], board.units[u]
    task = board.tasks[slot.task]
    way = None if unit.profile == "boat" else _way(unit, task, answer.laid, ctx)
    return {
        "unit": unit.id,
        **answer.setting.targets[task.id],
        "label": task.label,
        "priority": task.priority,
        "role": slot.role.words,
        "eta_s": board.eta_s[u][slot.task],
        "length_m": way.length_m if way else None,
        "streets": list(way.streets) if way else [],
        "ends_on_closed": _last_is_closed(way, unit, answer.laid, ctx.picture.home) if way else "",
    }


def _way(unit: Unit, task: Task, laid: Laid, ctx: Context) -> Way | None:
    found = ctx.services.roads.way(
        unit.profile, position_of(unit, ctx), (task.lon_e7, task.lat_e7), laid.avoid[unit.id]
    )
    return found if isinstance(found, Way) else None


def _last_is_closed(way: Way, unit: Unit, laid: Laid, home: StreamPicture) -> str:
    """The name of the closed street that the way ends on; the road engine enters one only to reach its target."""
    last = way.edges[-1] if way.edges else -1
    for closure in sorted(home.closures.values(), key=lambda one: one.id):
        applies = not closure.profiles or unit.profile in closure.profiles or last in laid.avoid[unit.id]
        if closure.status == "active" and applies and last in closure.edges:
            return closure.name
    return ""


def _in_words(errand: Mapping[str, Any]) -> str:
    target = errand.get("incident") or errand.get("facility") or ""
    line = f"{errand['unit']} to {target} {errand['label']} (priority {errand['priority']}, {errand['role']}): "
    line += telling.minutes(errand["eta_s"])
    if errand["streets"]:
        line += f" by {', '.join(errand['streets'])}"
    if errand["ends_on_closed"]:
        line += f"; {errand['ends_on_closed']} is closed there: stop short of it"
    return line


def _compared(answer: Answer, compared: int) -> str:
    nearest, best = answer.search.nearest, answer.best
    if answer.laid.board.errands(nearest.plan) == answer.laid.board.errands(best.plan):
        return f"The nearest-unit plan is the best of {compared} plans compared"
    gain = telling.weighted_minutes(nearest.worth.score - best.worth.score)
    return f"Best of {compared} plans compared ({best.name}); {gain:g} weighted minutes better than the nearest units"


def _alternatives(answer: Answer, others: list[Answer]) -> tuple[AlternativeModel, ...]:
    """The nearest-unit plan if not chosen, the best other plan, sending nobody, and the best for other places."""
    if answer.rounds:
        return told.alternatives(answer.laid.board, answer.rounds)
    board, best, found = answer.laid.board, answer.best, []
    known = [board.errands(best.plan)]
    nobody = (NOBODY,) * len(best.plan)
    stay = Candidate("send nobody", nobody, board.worth(nobody))
    for other in (answer.search.nearest, answer.search.other_than(best), stay):
        if other is not None and board.errands(other.plan) not in known:
            known.append(board.errands(other.plan))
            found.append(_alternative(answer, other))
    for one in others:
        margin = telling.weighted_minutes(one.best.worth.score - best.worth.score)
        found.append(
            AlternativeModel(
                title=f"{one.setting.title}: {telling.crews_in_words(one.laid.board, one.best.plan)}",
                score=telling.weighted_minutes(one.best.worth.score),
                reason=f"In all {margin:g} weighted minutes worse than {answer.setting.title}.",
            )
        )
    return tuple(found)


def _alternative(answer: Answer, other: Candidate) -> AlternativeModel:
    board = answer.laid.board
    nearest = other is answer.search.nearest
    return AlternativeModel(
        title=f"{'Nearest-unit plan' if nearest else other.name.capitalize()}: "
        f"{telling.differences(board, answer.best.plan, other.plan)}",
        score=telling.weighted_minutes(other.worth.score),
        reason=telling.against(board, answer.best, other),
    )


def _watched(answer: Answer, home: StreamPicture) -> tuple[WatchedModel, ...]:
    board, found = answer.laid.board, {}
    for s, u in enumerate(answer.best.plan):
        if u == NOBODY:
            continue
        unit, task = board.units[u], board.tasks[board.slots[s].task]
        found[f"unit:{unit.id}.local_status"] = (unit.local_status, f"{unit.name} is free")
        if task.is_incident:
            found[f"incident:{task.id}.status"] = (home.incidents[task.id].status, f"{task.id} is open")
    return tuple(WatchedModel(name=name, value=value, words=words) for name, (value, words) in found.items())
