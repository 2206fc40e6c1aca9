"""LoadPage: can this screen be trusted? The link, the queues before the core, what was counted, and other cores."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Col, Item, Line, fact, heading, plain, row
from console.tui.screens.page import PageScreen, title_line
from console.tui.widgets.counted import by_source, counted_words
from picture.keeping import Load

LEVELS = {"normal": "normal", "half": "past 50 %", "high": "PAST 80 %", "full": "FULL"}
LINKS = {"ok": "ok", "silent": "SILENT", "behind": "behind", "differs": "DIFFERS"}
BAR_CELLS = 20


class LoadPage(PageScreen):
    """Shown before anything is lost, never after only."""

    def heading(self) -> Line:
        """What is not normal."""
        bad = len(troubled(self.desk))
        return title_line(
            "", "LINKS AND QUEUES", f"{bad} not normal" if bad else "all normal", "warn" if bad else "dim"
        )

    def items(self, width: int) -> list[Item]:
        """Link, queues, counted reports, gaps, other cores."""
        desk, home = self.desk, self.desk.home
        found = [heading("this screen"), *self._link(width), heading("queues before the core")]
        loads = sorted(home.loads.values(), key=lambda one: (one.level == "normal", one.queue))
        found += [self._queue(one, width) for one in loads] or [
            plain("No queue has passed half of its room yet.", width, "dim")
        ]
        found.append(heading("counted, not shown one by one"))
        found += [
            fact(source, counted_words(these), width, "text", f"feed:{source}" if source in home.feeds else "")
            for source, these in sorted(by_source(home.counted.values()).items())
        ] or [plain("No source is over its quota.", width, "dim")]
        found.append(heading("other cores"))
        for link in sorted(home.links.values(), key=lambda one: (one.state == "ok", one.id)):
            bad = link.state != "ok"
            said = f"{LINKS.get(link.state, link.state)} for {words.age(desk.now_ms, link.since_ms)}"
            found.append(fact(("▲ " if bad else "") + link.id, f"{said}{f': {link.why}' if link.why else ''}", width,
                              "warn" if bad else "dim"))  # fmt: skip
        for name, sub in sorted(desk.streams.items()):
            if name != home.stream:
                said = f"received up to entry {sub.seq}, its last word {words.age(desk.now_ms, sub.at_ms)} ago"
                found.append(fact(name, said, width, label_width=28))
        if not home.links and len(desk.streams) == 1:
            found.append(plain("This core follows no other.", width, "dim"))
        return found

    def _link(self, width: int) -> list[Item]:
        link = self.desk.link
        silent = link.silent_s()
        state = (
            "connected but SILENT"
            if self.desk.silent
            else {"live": "connected", "down": "DOWN"}.get(link.state, link.state)
        )
        return [
            fact("link", f"{state}; last heard {silent:.0f} s ago", width, "warn" if self.desk.silent else "text"),
            fact("picture", link.differs or "the same as the core's, as far as it was compared", width,
                 "warn" if link.differs else "dim"),
            fact("clearance", f"{link.clearance or 'not told'}, as {link.role or 'nobody'}", width, "dim"),
        ]  # fmt: skip

    def _queue(self, one: Load, width: int) -> Item:
        bad = one.level != "normal"
        filled = min(BAR_CELLS, round(BAR_CELLS * one.waiting / one.room)) if one.room else BAR_CELLS
        lost = f"{one.lost} turned away" if one.lost else "none lost"
        return Item(
            f"queue:{one.queue}",
            (
                row(
                    width,
                    Col("▲" if bad else "·", "warn" if bad else "faint", 1),
                    Col(one.queue, "text" if bad else "dim"),
                    Col("━" * filled + "─" * (BAR_CELLS - filled), "warn" if bad else "dim", BAR_CELLS),
                    Col(f"{one.waiting}/{one.room}", "text", 11, right=True),
                    Col(LEVELS.get(one.level, one.level), "warn" if bad else "dim", 10),
                    Col(lost, "warn" if one.lost else "faint", 18),
                ),
            ),
            stamp=(one.queue, one.level),
        )


def troubled(desk: Desk) -> list[str]:
    """Queues past a watermark and links to other cores that are not well, by name."""
    home = desk.home
    queues = [one.queue for one in home.loads.values() if one.level != "normal"]
    return queues + [one.id for one in home.links.values() if one.state != "ok"]
