"""A plan in words: who goes where and when, who waits and why, who is not sent and why, and why not the other plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agents.board import Laid
from agents.candidates import Candidate
from agents.score import COVER_LOST_S, COVER_WEIGHT, NOBODY, Board, Plan, Worth
from playbooks.dispatch import covers

MENTION_S = 30
"""Differences below half a minute are not worth an operator's eye."""
MENTION = 6
"""More names than this in one line are a number."""


def minutes(seconds: float) -> str:
    """``4 min``, ``under 1 min``."""
    return "under 1 min" if seconds < 30 else f"{max(1, round(seconds / 60))} min"


def weighted_minutes(score: int) -> float:
    """A score as an operator reads it, to a tenth."""
    return round(score / 60, 1)


def crews_in_words(board: Board, plan: Plan) -> str:
    """``E11 to I-3, M1 to I-4``, by task in order of urgency; ``nobody goes``."""
    pairs = [(board.units[u], board.tasks[board.slots[s].task]) for s, u in enumerate(plan) if u != NOBODY]
    return _few([f"{unit.name} to {task.id}" for unit, task in pairs]) or "nobody goes"


def differences(board: Board, chosen: Plan, other: Plan) -> str:
    """What the other plan does otherwise, in order of urgency: ``I-3: E12 instead of E11, I-4: without M1``."""
    found = []
    for t in dict.fromkeys(slot.task for slot in board.slots):
        mine, theirs = _at(board, chosen, t), _at(board, other, t)
        gone, come = [u for u in mine if u not in theirs], [u for u in theirs if u not in mine]
        names, instead = _names(board, come), _names(board, gone)
        if come:
            found.append(f"{board.tasks[t].id}: {names}{f' instead of {instead}' if gone else ' too'}")
        elif gone:
            found.append(f"{board.tasks[t].id}: without {instead}")
    return _few(found)


def _at(board: Board, plan: Plan, task: int) -> list[int]:
    return sorted(u for s, u in enumerate(plan) if u != NOBODY and board.slots[s].task == task)


def _names(board: Board, units: Sequence[int]) -> str:
    return " and ".join(board.units[u].name for u in units)


def _few(words: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(words) - MENTION
    return ", ".join(words[:MENTION]) + (f" and {more} more" if more > 0 else "")


def against(board: Board, chosen: Candidate, other: Candidate) -> str:
    """Why the other plan was not put first: what it costs, what it would be better at, and the sum."""
    worse, better = _arrivals(board, chosen.plan, other.plan)
    more, fewer = _served(board, chosen.plan, other.plan)
    worse, better = worse + fewer, better + more
    lost, won = _cover(board, chosen, other)
    worse, better = worse + lost, better + won
    margin = other.worth.score - chosen.worth.score
    if margin == 0:
        return "; ".join([*worse, "just as good by the score: the order of unit ids decided"])
    text = "; ".join(worse) or _greatest_loss(board, chosen.plan, other.plan)
    if better:
        text += f"; though it {' and '.join(better)}" if worse else f", though it {' and '.join(better)}"
    return f"{text}. In all {weighted_minutes(margin):g} weighted minutes worse."


def _greatest_loss(board: Board, chosen: Plan, other: Plan) -> str:
    """The crew that makes most of the difference, where none is great."""
    losses = [
        (board.weighted[s][b] - board.weighted[s][a], -s)
        for s, (a, b) in enumerate(zip(chosen, other, strict=True))
        if a != NOBODY and b != NOBODY
    ]
    if not losses or max(losses)[0] <= 0:
        return "costs a little cover in several areas"
    s = -max(losses)[1]
    a, b, task = board.units[chosen[s]], board.units[other[s]], board.tasks[board.slots[s].task]
    late_s = (board.eta_s[other[s]][board.slots[s].task] or 0) - (board.eta_s[chosen[s]][board.slots[s].task] or 0)
    if late_s <= 0:
        return f"{b.name} can only begin the work at {task.id}, {a.name} can do all of it"
    return f"{b.name} reaches {task.id} {minutes(late_s)} later than {a.name}"


def _arrivals(board: Board, chosen: Plan, other: Plan) -> tuple[list[str], list[str]]:
    """Mean difference of arrival per priority, over crews that come in both plans: what is later, what is sooner."""
    worse, better = [], []
    for priority in sorted({task.priority for task in board.tasks}):
        gaps = [
            (board.eta_s[b][slot.task] or 0) - (board.eta_s[a][slot.task] or 0)
            for slot, a, b in zip(board.slots, chosen, other, strict=True)
            if a != NOBODY and b != NOBODY and board.tasks[slot.task].priority == priority
        ]
        mean = sum(gaps) / len(gaps) if gaps else 0.0
        if mean >= MENTION_S:
            worse.append(f"{minutes(mean)} later on average to priority {priority}")
        elif mean <= -MENTION_S:
            better.append(f"is {minutes(-mean)} sooner to priority {priority}")
    return worse, better


def _served(board: Board, chosen: Plan, other: Plan) -> tuple[list[str], list[str]]:
    """Crews that come in one plan only: what the other sends more, and what it leaves undone."""
    more, fewer = [], []
    for slot, a, b in zip(board.slots, chosen, other, strict=True):
        name = board.tasks[slot.task].id
        if a == NOBODY and b != NOBODY:
            more.append(f"sends {slot.role.words} to {name}")
        elif a != NOBODY and b == NOBODY:
            threatened = slot.only is not None
            fewer.append("leaves a threatened crew where it is" if threatened
                         else f"leaves {name} without {slot.role.words}")  # fmt: skip
    return more, list(dict.fromkeys(fewer))


def stripped(board: Board, plan: Plan) -> frozenset[int]:
    """Areas whose own station had a crew for cover before the plan and has none after."""
    sent = {u for u in plan if u != NOBODY}
    found = set()
    for a, area in enumerate(board.areas):
        own = [u for u, unit in enumerate(board.units) if unit.station == area.station and covers(unit)]
        if own and all(u in sent for u in own):
            found.add(a)
    return frozenset(found)


def _cover(board: Board, chosen: Candidate, other: Candidate) -> tuple[list[str], list[str]]:
    worse, better = [], []
    mine, theirs = stripped(board, chosen.plan), stripped(board, other.plan)
    for a, area in enumerate(board.areas):
        gap = other.worth.growth_s[a] - chosen.worth.growth_s[a]
        if a in theirs - mine:
            worse.append(f"leaves {area.label} without an engine{_next_engine(board, other.worth, a)}")
        elif gap >= 2 * MENTION_S:
            worse.append(f"the next engine in {area.label} comes {minutes(gap)} later")
        elif a in mine - theirs:
            better.append(f"keeps an engine in {area.label}")
    return worse, better


def _next_engine(board: Board, worth: Worth, area: int) -> str:
    after = board.cover_before_s[area] + worth.growth_s[area]
    return " within reach" if after >= COVER_LOST_S else f" (the next is {minutes(after)} away)"


def cover_lines(board: Board, chosen: Candidate) -> list[str]:
    """What the plan does to cover, per area that loses by it."""
    own = stripped(board, chosen.plan)
    lines = []
    for a, area in enumerate(board.areas):
        if a in own:
            lines.append(f"{area.label} is left without an engine{_next_engine(board, chosen.worth, a)}")
        elif chosen.worth.growth_s[a] >= 2 * MENTION_S:
            lines.append(f"The next engine in {area.label} comes {minutes(chosen.worth.growth_s[a])} later")
    return lines


def waiting_lines(laid: Laid, plan: Plan, comes: Callable[[int], str] = lambda slot: "") -> list[str]:
    """A line for every crew that is wanted and not sent, with who ``comes`` to it later or what stands in the way."""
    board, lines = laid.board, []
    for s, slot in enumerate(board.slots):
        if plan[s] == NOBODY and slot.only is None:
            task = board.tasks[slot.task]
            lines.append(f"{task.id} waits for {slot.role.words}: {comes(s) or _why_nobody(laid, plan, s)}")
    if laid.over_limit:
        crews = "crew is" if laid.over_limit == 1 else "crews are"
        lines.append(f"{laid.over_limit} more {crews} wanted than the plan was asked to send")
    return lines


def _why_nobody(laid: Laid, plan: Plan, s: int) -> str:
    board, slot = laid.board, laid.board.slots[s]
    able = [u for u, unit in enumerate(board.units) if slot.role.fits(unit)]
    may = [u for u in able if not board.why_not[u][s]]
    if not able:
        return "none is free"
    if not may:
        return f"{board.units[able[0]].name}: {board.why_not[able[0]][s]}"
    if all(board.eta_s[u][slot.task] is None for u in may):
        return f"no open road for {', '.join(board.units[u].name for u in may[:4])}"
    if all(u in plan for u in may if board.eta_s[u][slot.task] is not None):
        return "all that could come are needed elsewhere"
    return "sending one would cost more cover than it is worth"


def passed_over(laid: Laid, chosen: Candidate, kept: Callable[[int], str] = lambda unit: "") -> dict[str, str]:
    """Why each unit that is not in the plan is not sent; every one of the house has a reason. ``kept`` may know one."""
    board, found = laid.board, dict(laid.out)
    for u, unit in enumerate(board.units):
        if u not in chosen.plan:
            found[unit.id] = laid.held[unit.id] or kept(u) or _why_left(board, chosen, u)
    return dict(sorted(found.items()))


def _why_left(board: Board, chosen: Candidate, u: int) -> str:
    """The reason nearest to having been sent: first what it could have done, then why it may not."""
    if not board.slots:
        return "nothing needs a crew"
    open_slots = [s for s in range(len(board.slots)) if board.weighted[s][u] >= 0]
    if not open_slots:
        return _why_nowhere(board, u)
    s = min(open_slots, key=lambda s: (board.weighted[s][u] - _cost(board, chosen.plan, s), s))
    task, mine_s = board.tasks[board.slots[s].task], board.eta_s[u][board.slots[s].task] or 0
    there = chosen.plan[s]
    if there == NOBODY:
        kept = _cover_of(board, chosen, s, u) or "costs more than it brings"
        return f"could be at {task.id} in {minutes(mine_s)}, but {kept}"
    name, theirs_s = board.units[there].name, board.eta_s[there][board.slots[s].task] or 0
    if mine_s < theirs_s:
        return f"nearer to {task.id} than {name}, but {_why_not_nearer(board, chosen, s, u)}"
    if minutes(mine_s) == minutes(theirs_s):
        return f"no sooner at {task.id} than {name} ({minutes(theirs_s)})"
    return f"farther: {minutes(mine_s)} to {task.id}, {name} takes {minutes(theirs_s)}"


def _why_not_nearer(board: Board, chosen: Candidate, s: int, u: int) -> str:
    if kept := _cover_of(board, chosen, s, u):
        return kept
    if board.weighted[s][u] >= board.weighted[s][chosen.plan[s]]:
        return f"that one can do the whole work: {board.slots[s].role.words}"
    worse = board.worth(_with(chosen.plan, s, u)).score - chosen.worth.score
    return f"the plan would be {weighted_minutes(worse):g} weighted minutes worse" if worse > 0 else "no better in all"


def _cost(board: Board, plan: Plan, s: int) -> int:
    return board.unserved[s] if plan[s] == NOBODY else board.weighted[s][plan[s]]


def _with(plan: Plan, s: int, u: int) -> Plan:
    return (*plan[:s], u, *plan[s + 1 :])


def _cover_of(board: Board, chosen: Candidate, s: int, u: int) -> str:
    """Words where sending this unit into this slot would cost cover that outweighs it."""
    worth = board.worth(_with(chosen.plan, s, u))
    extra_s = [after - now for after, now in zip(worth.growth_s, chosen.worth.growth_s, strict=True)]
    if not extra_s or worth.score <= chosen.worth.score or max(extra_s) * COVER_WEIGHT < MENTION_S:
        return ""
    a = max(range(len(extra_s)), key=lambda k: (extra_s[k], -k))
    return f"kept as cover: without it the next engine in {board.areas[a].label} comes {minutes(extra_s[a])} later"


def _why_nowhere(board: Board, u: int) -> str:
    """One reason for a unit that may take no slot: no road first, then what stood in the way most often."""
    roads = sorted({board.tasks[slot.task].id for s, slot in enumerate(board.slots) if not board.why_not[u][s]})
    if roads:
        return f"no open road to {', '.join(roads[:4])}{' and others' if len(roads) > 4 else ''}"
    reasons = [why for why in board.why_not[u] if why]
    skills = [why for why in reasons if why.startswith("cannot do")]
    other = [why for why in reasons if why not in skills]
    return max(sorted(set(other)), key=other.count) if other else "has no skill that is wanted now"


def grouped(reasons: dict[str, str]) -> list[str]:
    """Lines for the operator: units that stay for the same reason stand together."""
    groups: dict[str, list[str]] = {}
    for unit, why in reasons.items():
        groups.setdefault(why, []).append(unit)
    return [f"Not sent, {why}: {', '.join(units)}" for why, units in groups.items()]


def assumptions(laid: Laid, chosen: Iterable[int]) -> list[str]:
    """What the times rest on."""
    used = [laid.board.units[u] for u in chosen]
    lines = ["Times are driving times on the roads open now; turning out comes on top"]
    if boats := [unit.name for unit in used if unit.profile == "boat"]:
        lines.append(f"Straight over water, not by channel: {_few(boats)}")
    if unseen := [unit.name for unit in used if unit.id in laid.unseen]:
        lines.append(f"Taken to be at their station, no position reported: {_few(unseen)}")
    return lines
