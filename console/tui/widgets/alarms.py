"""The alarm list: unacknowledged ones first in reverse video, then acknowledged ones, newest first."""

from __future__ import annotations

from console.tui import words
from console.tui.lines import Col, Item, Line, Span, row
from console.tui.widgets.held import held_by, held_col
from console.tui.widgets.pane import Pane
from picture.model import Alarm


class Alarms(Pane):
    """Alarms that stand; space acknowledges the one under the cursor."""

    number = "4"
    title = "ALARMS"
    empty = "no alarms"
    kinds = ("alarm.", "claim.")

    def summary(self) -> Line:
        """How many are not acknowledged, and our own rate over the last ten minutes."""
        desk = self.desk
        found = [one for one in desk.home.alarms.values() if words.alarm_active(one)]
        fresh = sum(words.unacknowledged(one) for one in found)
        recent = sum(desk.now_ms - one.raised_ms < 600_000 for one in desk.home.alarms.values())
        spans: list[Span] = [(f"{fresh} not acknowledged", "strong" if fresh else "dim")]
        spans.append((f"  {recent} in 10 min", "dim"))
        return tuple(spans)

    def items(self, width: int) -> list[Item]:
        """One row each."""
        return [self._item(one, width) for one in in_order(list(self.desk.home.alarms.values()))]

    def _item(self, one: Alarm, width: int) -> Item:
        key = f"alarm:{one.id}"
        fresh = words.unacknowledged(one)
        again = f" ×{one.count}" if one.count > 1 else ""
        life = "SOS " if one.life_safety else ""
        side, side_style = (one.source or one.subject, "faint")
        if pending := self.desk.pending_words(key):
            side, side_style = pending, "pending"
        elif one.state == "acknowledged":
            side = f"ack {one.acknowledged_by}"
        elif one.state == "returned_unacknowledged":
            side = "gone"
        line = row(
            width,
            Col(str(one.priority), f"p{one.priority}" if fresh else f"p{one.priority}_text", 1),
            Col(words.clock(one.last_ms or one.raised_ms), "unack" if fresh else "dim", 8),
            Col(f"{life}{one.title}{again}", "strong" if fresh and one.priority == 1 else "text" if fresh else "dim"),
            held_col(self.desk, one.id, width),
            Col(side, side_style, max(10, min(26, width // 5))),
        )
        return Item(key, (line,), stamp=(one.id, one.state, one.title, held_by(self.desk, one.id)))


def in_order(alarms: list[Alarm]) -> list[Alarm]:
    """Not acknowledged by priority then newest; then the rest, newest first."""
    found = [one for one in alarms if words.alarm_active(one)]
    return sorted(
        found,
        key=lambda one: (
            not words.unacknowledged(one),
            not one.life_safety,
            one.priority if words.unacknowledged(one) else 0,
            -one.raised_ms,
            one.id,
        ),
    )
