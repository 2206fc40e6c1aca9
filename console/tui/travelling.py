"""The operator's way through recorded time: back, on, to an instant, what changed, and back to now."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import reason
from console.tui.duty import Duty
from console.tui.screens.ask import AskScreen
from console.tui.screens.time import ChangesPage, EntriesPage
from console.tui.travel import HOUR_MS, MINUTE_MS, Mark, instant

WHEN = ["14:05, 14:05:30 (UTC) · -20m, -2h, -45 (minutes) · #812, an entry."]


class Travelling(Duty):
    """Actions that only look; each answers at once and the core's picture of that instant follows."""

    def action_minutes(self, by: int) -> None:
        """Earlier or later by minutes."""
        self.desk.travel.by_time(by * MINUTE_MS)

    def action_hours(self, by: int) -> None:
        """Earlier or later by hours."""
        self.desk.travel.by_time(by * HOUR_MS)

    def action_entry(self, by: int) -> None:
        """One entry back or on."""
        self.desk.travel.by_entry(by)

    def action_now(self) -> None:
        """The present."""
        if self.desk.travel.away:
            self.desk.travel.back()
            self.desk.tell("This is now.")
        else:
            self.desk.tell("This is now already.")

    def action_time(self) -> None:
        """Asks for an instant and goes there."""
        self.push_screen(AskScreen(self.desk, "GO TO A TIME", WHEN), self._go_to_time)

    def _go_to_time(self, said: str | None) -> None:
        if said:
            where = instant(said, self.desk.link.now_ms())
            if where is None:
                self.desk.tell(f"{said} is no time. {WHEN[0]}", refused=True)
            else:
                self.desk.travel.to(where)

    def action_entries(self) -> None:
        """The journal around what is shown."""
        self.push_screen(EntriesPage(self.desk))

    def action_mark(self) -> None:
        """Keeps this instant, to compare with another."""
        mark = self.desk.travel.keep_mark()
        self.desk.tell(
            f"Marked {words.clock(mark.at_ms)} (entry {mark.seq}). D tells what is otherwise, from wherever you look."
        )

    def action_changes(self) -> None:
        """What changed since the mark; without one, since a time that is asked for."""
        mark = self.desk.travel.mark
        if mark is not None:
            self.push_screen(ChangesPage(self.desk, mark))
            return
        lines = ["No instant is marked (M marks one). Since when?", *WHEN]
        self.push_screen(AskScreen(self.desk, "WHAT CHANGED SINCE", lines, value="-30m"), self._changes_since)

    def _changes_since(self, said: str | None) -> None:
        where = instant(said, self.desk.now_ms) if said else None
        if where is not None:
            self.run_worker(self._changes(where.seq, where.at_ms), exit_on_error=False)
        elif said:
            self.desk.tell(f"{said} is no time. {WHEN[0]}", refused=True)

    async def _changes(self, seq: int | None, at_ms: int) -> None:
        self.desk.tell("Asking the core for that instant…")
        try:
            found = await (self.desk.link.past(seq=seq) if seq is not None else self.desk.link.past(at_ms=at_ms))
        except Exception as why:  # the screen's boundary
            self.desk.tell(f"That instant cannot be shown: {reason(why)}", refused=True)
            return
        self.desk.travel.mark = Mark(found.seq, at_ms or found.at_ms)
        self.push_screen(ChangesPage(self.desk, self.desk.travel.mark))
