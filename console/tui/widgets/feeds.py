"""Feed health: how old what each feed brings is, and each failure in its own words."""

from __future__ import annotations

from console.tui import words
from console.tui.lines import Col, Item, Line, row
from console.tui.widgets.counted import by_source, counted_words
from console.tui.widgets.pane import Pane
from picture.keeping import Feed

NAME_CELLS = 16
COUNTED_SHOWN_MS = 3_600_000


class Feeds(Pane):
    """One row for each feed; a sick one has ▲ and says why."""

    number = "8"
    title = "FEEDS"
    empty = "no feeds: everything is taken by hand"
    kinds = ("feed.", "report.", "reports.", "load.")

    def summary(self) -> Line:
        """How many are well."""
        feeds = self.desk.home.feeds.values()
        sick = sum(is_sick(one, self.desk.now_ms) for one in feeds)
        return ((f"{sum(1 for _ in feeds) - sick} of {len(self.desk.home.feeds)} ok", "warn" if sick else "dim"),)

    def items(self, width: int) -> list[Item]:
        """Sick feeds first."""
        now = self.desk.now_ms
        feeds = sorted(self.desk.home.feeds.values(), key=lambda one: (not is_sick(one, now), one.id))
        counted = [
            Item(
                f"feed:{source}" if source in self.desk.home.feeds else "",
                (row(width, Col("+", "dim", 1), Col(said)),),
                said,
            )
            for source, these in sorted(by_source(self.desk.home.counted.values()).items())
            if now - these[-1].minute_ms < COUNTED_SHOWN_MS
            for said in (f"{source}: {counted_words(these)}",)
        ]
        return [*(self._item(one, width, now) for one in feeds), *counted]

    def _item(self, one: Feed, width: int, now: int) -> Item:
        sick = is_sick(one, now)
        name, wide = one.id, 0 if width < 46 else NAME_CELLS
        said = state_words(one, now)
        cols = [Col("▲" if sick else "·", "warn" if sick else "faint", 1), Col(name, "text" if sick else "dim", wide)]
        if wide:
            cols.append(
                Col(
                    said if sick else f"{one.received} received" + (f", {one.refused} refused" if one.refused else ""),
                    "warn" if sick else "faint",
                )
            )
        cols.append(
            Col(
                words.age(now, one.last_received_ms) if one.last_received_ms else "–",
                "warn" if sick else "dim",
                5,
                right=True,
            )
        )
        return Item(f"feed:{one.id}", (row(width, *cols),), stamp=(one.id, one.state))


def is_sick(one: Feed, now_ms: int) -> bool:
    """Whether its data must not be relied on: a stated failure, or silence for longer than it may be silent."""
    return one.state not in ("ok", "waiting") or overdue(one, now_ms)


def overdue(one: Feed, now_ms: int) -> bool:
    """Whether it has been silent longer than it may be."""
    return bool(
        one.silent_after_s and one.last_received_ms and now_ms - one.last_received_ms > one.silent_after_s * 1000
    )


def state_words(one: Feed, now_ms: int) -> str:
    """How the feed is doing, with why."""
    said = "silent" if one.state == "ok" and overdue(one, now_ms) else words.FEED_STATE.get(one.state, one.state)
    return f"{said}: {one.why}" if one.why else said
