"""The page of a proposal: everything a person must see before deciding."""

from __future__ import annotations

from collections.abc import Collection

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Item, Line, fact, heading, plain, wrapped
from console.tui.widgets.approvals import approvals
from picture.decisions import observe
from picture.model import Effect, Proposal

CLASS = {
    "observe": "only looks", "advise": "advises", "act_then_tell": "acts, then tells",
    "act_unless_vetoed": "acts unless vetoed", "act_if_approved": "acts only if approved",
    "two_person": "needs two persons",
}  # fmt: skip


def proposal_page(desk: Desk, name: str, width: int, dropped: Collection[str] = ()) -> list[Item]:
    """Effects first (each can be left out), then consequence, evidence, what is watched, alternatives, who decides."""
    one = desk.home.proposals[name]
    found = [_state(desk, one)]
    if pending := desk.pending_words(f"proposal:{name}"):
        found.append(plain(pending, width, "pending"))
    found += _refusal(desk, one, width)
    found.append(heading("it would"))
    for effect in one.effects:
        found.append(_effect(effect, width, dropped=effect.id in dropped))
    found += [heading("consequence"), *(plain(f"· {line}", width) for line in one.consequence or ("not computed",))]
    found += [heading("because"), *(plain(f"· {line}", width) for line in one.evidence or ("no evidence given",))]
    found += _watched(desk, one, width)
    found.append(heading("not instead"))
    found += [
        Item(
            "",
            (
                *wrapped(f"{other.title}  (score {other.score:.2f})", width, "text", 1),
                *wrapped(f"rejected: {other.reason}", width, "dim", 3),
            ),
        )
        for other in one.alternatives
    ]
    if not one.alternatives:
        found.append(plain("No alternative was found.", width, "dim"))
    return found + _deciders(desk, one, width)


def _state(desk: Desk, one: Proposal) -> Item:
    late = one.due_ms < desk.now_ms
    due = words.countdown(desk.now_ms, one.due_ms) if one.status == "waiting" else one.status
    spans: Line = (
        (f" {one.priority} ", f"p{one.priority}"),
        (f"  {due}", "warn" if late else "strong"),
        ("  escalated" if one.escalated else "", "warn"),
        (f"   playbook {one.playbook} v{one.playbook_version}", "dim"),
        (f"   for {one.incident}" if one.incident else "", "text"),
    )
    return Item("", (spans,), stamp=(one.digest, one.status))


def _refusal(desk: Desk, one: Proposal, width: int) -> list[Item]:
    found: list[Item] = []
    before = desk.home.proposals.get(one.replaces)
    if before and before.refusal:
        found.append(heading("offered again, because the last one could not be carried out"))
        found += [plain(f"▲ {line}", width, "warn") for line in before.refusal]
    if one.refusal:
        found.append(heading("refused: it is no longer what would happen"))
        found += [plain(f"▲ {line}", width, "warn") for line in one.refusal]
    after = next((other for other in desk.home.proposals.values() if other.replaces == one.id), None)
    if after is not None:
        found.append(fact("instead", f"{after.id} {after.title} (enter)", width, "strong", key=f"proposal:{after.id}"))
    if one.edited_by:
        found.append(fact("edited by", f"{one.edited_by}: somebody else must approve where two are needed", width))
    return found


def _effect(effect: Effect, width: int, *, dropped: bool) -> Item:
    box = "[ ]" if dropped else "[■]"
    style = "faint" if dropped else "strong"
    outward = effect.verb.startswith(("alert.", "request."))
    lines = list(wrapped(effect.summary + ("  (left out)" if dropped else ""), width, style, 5, (f" {box} ", style)))
    notes = [effect.verb, CLASS.get(effect.act_class, effect.act_class)]
    notes.append(f"undo: {effect.undo}" if effect.undo else "reversible" if effect.reversible else "cannot be undone")
    if outward:
        notes.append("goes outside")
    lines += wrapped(", ".join(notes), width, "dim", 5)
    return Item(f"effect:{effect.id}", tuple(lines), stamp=(effect.id, dropped))


def _watched(desk: Desk, one: Proposal, width: int) -> list[Item]:
    found = [heading("must still be true when it is carried out")]
    for watch in one.watched:
        now = observe(watch.name, desk.home)
        changed = not _holds(now, watch.value, watch.tolerance)
        within = f" ± {watch.tolerance:g}" if watch.tolerance else ""
        said = f"{watch.words or watch.name}: {_word(watch.value)}{within}"
        found.append(
            plain(
                f"▲ {said}, is {_word(now)} now" if changed else f"· {said}, holds",
                width,
                "warn" if changed else "text",
            )
        )
    return found if one.watched else []


def _holds(now: object, then: object, tolerance: float) -> bool:
    if isinstance(now, (int, float)) and isinstance(then, (int, float)) and not isinstance(now, bool):
        return abs(now - then) <= tolerance
    return now == then


def _word(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _deciders(desk: Desk, one: Proposal, width: int) -> list[Item]:
    found = [heading("who decides"), fact("positions", ", ".join(one.positions) or "any operator", width)]
    had = approvals(one, desk.home.decisions)
    found.append(fact("approved", f"{len(had)} of {one.quorum} needed{': ' + ', '.join(had) if had else ''}", width))
    for name in one.decisions:
        decision = desk.home.decisions.get(name)
        if decision is not None:
            simulated = ", simulated" if decision.actor.simulated else ""
            found.append(
                fact(
                    words.clock(decision.at_ms),
                    f"{decision.verdict} by {decision.actor.person} ({decision.actor.position}{simulated})",
                    width,
                    "dim",
                )
            )
    found.append(fact("digest", one.digest, width, "faint"))
    return found
