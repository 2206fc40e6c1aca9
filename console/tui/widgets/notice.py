"""The line above the keys: what the console last said to the operator."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from console.tui.desk import Desk
from console.tui.ink import styles
from console.tui.lines import wrap

MOST_LINES = 3
ROOMY_ROWS = 30
"""From this height on the line is there even when it is empty: its coming and going would lay out the whole screen."""


class NoticeLine(Widget):
    """Accepted, or refused with the reason and the remedy, else what was sent last and has no answer yet.

    Up to three lines; on a low screen none when there is nothing.
    """

    DEFAULT_CSS = "NoticeLine { display: none; height: auto; }"

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.desk = desk
        self._lines: list[str] = []
        self._refused = False

    def reload(self) -> None:
        """Shows the notice, or goes."""
        notice = self.desk.notice
        said = notice.words if notice else self._on_its_way()
        lines = wrap(said, max(20, self.app.size.width - 5))[:MOST_LINES] if said else []
        display = bool(lines) or self.app.size.height >= ROOMY_ROWS
        now = (lines, bool(notice and notice.refused))
        if now == (self._lines, self._refused) and display == self.display:
            return
        self._lines, self._refused = now
        self.styles.height = max(1, len(lines))
        self.display = display
        self.refresh()

    def _on_its_way(self) -> str:
        """The last command without an answer, so that each has a sign, also where no row of it is in sight."""
        waiting = [key for key, one in self.desk.pending.items() if not one.accepted]
        return self.desk.pending_words(waiting[-1]) if waiting else ""

    @property
    def text(self) -> str:
        """What it says."""
        return " ".join(self._lines)

    def render_line(self, y: int) -> Strip:
        """The first line with its mark, the rest under it."""
        table = styles(getattr(self.app, "ink", "dark"))
        ground = table["on_panel"]
        if y >= len(self._lines):
            return Strip.blank(self.size.width, ground)
        mark = "   " if y else " ▲ " if self._refused else " · "
        first = Segment(mark, ground + table["bar_warn" if self._refused and not y else "dim"])
        return Strip([first, Segment(f" {self._lines[y]}", ground + table["strong"])]).adjust_cell_length(
            self.size.width, ground
        )
