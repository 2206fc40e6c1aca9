"""The pages of time: the entries around an instant, and what changed between two."""

from __future__ import annotations

import asyncio

from console.tui import details, words
from console.tui.desk import Desk, reason
from console.tui.lines import Col, Item, Line, fact, heading, plain, row
from console.tui.on_map import subject_key
from console.tui.screens.page import PageScreen, title_line
from console.tui.travel import Instant, Mark, gap
from console.tui.widgets.rows import Rows
from picture.differences import Difference, differences, grouped
from picture.fold import Picture, copied

MOST_DIFFERENCES = 2_000
"""Lines on the page; beyond that the counts by kind must do."""


class EntriesPage(PageScreen):
    """The journal around where one stands, an entry a line; enter goes to how things were after that entry."""

    empty = "asking the core…"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._centre = self._here()

    def _here(self) -> int:
        past = self.desk.travel.past
        return past.seq if past else self.desk.travel.now_seq

    def on_mount(self) -> None:
        """Asks for the lines."""
        self.run_worker(self._ask(), exit_on_error=False)

    async def _ask(self) -> None:
        try:
            await self.desk.travel.read_around(self._centre)
        except Exception as why:  # the screen's boundary: said, and the page stays empty
            self.desk.tell(f"The entries cannot be read: {reason(why)}", refused=True)
        self.rows.reload()
        self.rows.choose(f"entry:{self._centre}")

    def heading(self) -> Line:
        """Where one stands."""
        return title_line("", "ENTRIES", f"around entry {self._here()} of {self.desk.travel.now_seq}; enter goes there")

    def items(self, width: int) -> list[Item]:
        """Newest first."""
        travel, here = self.desk.travel, self._here()
        known = sorted(travel.entries.values(), key=lambda one: -one.seq)
        return [
            Item(
                f"entry:{one.seq}",
                (
                    row(
                        width,
                        Col("●" if one.seq == here else "", "strong", 1),
                        Col(str(one.seq), "dim", 8, right=True),
                        Col(words.clock(one.at_ms), "text", 8),
                        Col(one.kind, "dim", 24 if width >= 110 else 16),
                        Col(one.words or "withheld from this position", "text" if one.words else "faint"),
                    ),
                ),
                stamp=one.seq,
            )
            for one in known
        ]

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Near the edge of what is known more is asked for."""
        seq = int(event.key.partition(":")[2] or 0)
        known = self.desk.travel.entries
        if seq and known and seq in (min(known), max(known)) and seq not in (1, self.desk.travel.now_seq):
            self._centre = seq
            self.run_worker(self._ask(), exclusive=True, exit_on_error=False)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes to that entry."""
        event.stop()
        self.desk.travel.to(Instant(seq=int(event.key.partition(":")[2])))


class ChangesPage(PageScreen):
    """What is otherwise at what is shown than at a marked instant, the most important first, as text."""

    empty = "comparing…"

    def __init__(self, desk: Desk, mark: Mark) -> None:
        super().__init__(desk)
        self.mark = mark
        past = desk.travel.past
        self._to_ms = past.at_ms if past else desk.link.now_ms()
        self._to_words = words.clock(self._to_ms) if past else f"now, {words.clock(self._to_ms)}"
        self._found: tuple[Difference, ...] | None = None
        self._why = ""

    def on_mount(self) -> None:
        """Asks for the marked picture and compares, beside the screen's work."""
        self.run_worker(self._compare(), exit_on_error=False)

    async def _compare(self) -> None:
        desk = self.desk
        past = desk.travel.past
        after = past.found.picture if past else desk.link.picture
        still = Picture(after.home_stream)
        still.streams = {name: copied(sub) for name, sub in after.streams.items()}
        try:
            before = (await desk.link.past(seq=self.mark.seq)).picture
            if before.cursor.get(before.home_stream, 0) > still.cursor.get(still.home_stream, 0):
                before, still = still, before
                self._to_words = words.clock(self.mark.at_ms)
                self.mark, self._to_ms = Mark(0, self._to_ms), self.mark.at_ms
            self._found = await asyncio.to_thread(differences, before, still)
        except Exception as why:  # the screen's boundary: said on the page
            self._why = f"The two instants cannot be compared: {reason(why)}"
        self.reload(None)

    def heading(self) -> Line:
        """From when to when."""
        since = f"since {words.clock(self.mark.at_ms)} ({gap(self._to_ms - self.mark.at_ms)}), to {self._to_words}"
        return title_line("", "WHAT CHANGED", since, "strong")

    def items(self, width: int) -> list[Item]:
        """Counts by kind, then every difference."""
        if self._why:
            return [plain(self._why, width, "warn")]
        if self._found is None:
            return []
        if not self._found:
            return [plain("Nothing is otherwise than it was.", width)]
        found = [
            plain(" · ".join(one.words for one in grouped(self._found)), width, "dim"),
            heading("the most important first"),
        ]
        for one in self._found[:MOST_DIFFERENCES]:
            sign = {"added": "+", "ended": "−"}.get(one.change, "·")
            key = subject_key(self.desk, one.what)
            found.append(
                fact(
                    f"{sign} {one.subject}", one.words, width, _ink(one), key if details.exists(self.desk, key) else ""
                )
            )
        if len(self._found) > MOST_DIFFERENCES:
            found.append(plain(f"and {len(self._found) - MOST_DIFFERENCES} more", width, "dim"))
        return found


def _ink(one: Difference) -> str:
    return "strong" if one.importance == 1 else "text" if one.importance < 4 else "dim"
