"""Proposals that wait for a person, with what follows if they are carried out; then those that were refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.tui import words
from console.tui.lines import Item, Line, Span, fit, wrapped
from console.tui.widgets.held import held_by
from console.tui.widgets.pane import Pane
from picture.model import Decision, Proposal

REFUSED_SHOWN = 3


class Approvals(Pane):
    """Waiting proposals by priority and due time."""

    number = "3"
    title = "APPROVALS"
    empty = "nothing waits for you"
    kinds = ("proposal.", "decision.", "claim.")

    def summary(self) -> Line:
        """How many wait, and how many are overdue."""
        found = waiting(self.desk.home.proposals.values())
        late = sum(one.due_ms < self.desk.now_ms for one in found)
        spans: list[Span] = [(f"{len(found)} waiting", "text" if found else "dim")]
        if late:
            spans.append((f"  {late} overdue", "warn"))
        return tuple(spans)

    def items(self, width: int) -> list[Item]:
        """A few lines each."""
        table = self.desk.home.proposals
        found = [self._item(one, width) for one in waiting(table.values())]
        reoffered = {one.replaces for one in table.values()}
        refused = [one for one in table.values() if one.status == "refused" and one.id not in reoffered]
        return found + [self._refused(one, width) for one in refused[-REFUSED_SHOWN:]]

    def _item(self, one: Proposal, width: int) -> Item:
        key = f"proposal:{one.id}"
        desk = self.desk
        late = one.due_ms < desk.now_ms
        soon = one.due_ms - desk.now_ms < 60_000
        due: Span = (words.countdown(desk.now_ms, one.due_ms), "warn" if late or soon else "text")
        lines: list[Line] = [
            *titled(one.title, width, (f" {one.priority} ", f"p{one.priority}")),
        ]
        if pending := desk.pending_words(key):
            lines.append((("     ", "text"), (pending, "pending")))
        else:
            had = approvals(one, desk.home.decisions)
            quorum = f"  {len(had)} of {one.quorum} approved" if one.quorum > 1 else ""
            escalated = "  escalated" if one.escalated else ""
            who = f"  {one.incident}" if one.incident else ""
            lines.append(
                (
                    ("     ", "text"),
                    (fit(f"{one.playbook}{who}", max(8, width - 46)).rstrip() + "   ", "dim"),
                    due,
                    (quorum, "text"),
                    (escalated, "warn"),
                )
            )
        if one.id in desk.home.claims:
            lines.append(((" " * 5, "text"), (f"in the hands of {held_by(desk, one.id)}", "strong")))
        replaced = desk.home.proposals.get(one.replaces)
        for diff in (replaced.refusal if replaced else ())[:2]:
            lines += wrapped(f"offered again: {diff}", width, "warn", 5)[:1]
        for said in one.consequence[:3]:
            lines += wrapped(said, width, "text", 5)[:2]
        lines.append(
            (("     ", "text"), ("enter", "key"), (" look and decide", "dim"), ("   x", "key"), (" reject", "dim"))
            if width >= 40
            else ((" ", "text"),)
        )
        return Item(key, tuple(lines), stamp=(one.id, one.digest, one.status, held_by(desk, one.id)))

    def _refused(self, one: Proposal, width: int) -> Item:
        lines: list[Line] = [(("  ▲  ", "warn"), (fit(f"not carried out: {one.title}", width - 6), "text"))]
        for diff in one.refusal[:2]:
            lines += wrapped(diff, width, "dim", 5)[:1]
        return Item(f"proposal:{one.id}", tuple(lines), stamp=(one.id, one.status))


def titled(title: str, width: int, lead: Span) -> tuple[Line, ...]:
    """A title of at most two lines beside its priority."""
    first, *rest = wrapped(title, width, "strong", 5)
    return ((lead, ("  ", "text"), *first[1:]), *rest[:1])


def waiting(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Those nobody has settled yet, most urgent first."""
    found = [one for one in proposals if one.status == "waiting"]
    return sorted(found, key=lambda one: (one.priority, one.due_ms, one.id))


def approvals(one: Proposal, decisions: Mapping[str, Decision]) -> list[str]:
    """The people who have approved it so far."""
    found = [decisions[name] for name in one.decisions if name in decisions]
    return sorted({decision.actor.person for decision in found if decision.verdict == "approve"})
