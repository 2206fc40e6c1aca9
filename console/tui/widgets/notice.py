"""The line above the keys: what the console last said to the operator."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from console.tui.desk import Desk
from console.tui.ink import styles
from console.tui.lines import wrap

MOST_LINES = 3


class NoticeLine(Widget):
    """Accepted, or refused with the reason and the remedy; up to three lines, and none when there is nothing."""

    DEFAULT_CSS = "NoticeLine { display: none; height: auto; }"

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.desk = desk
        self._lines: list[str] = []
        self._refused = False

    def reload(self) -> None:
        """Shows the notice, or goes."""
        notice = self.desk.notice
        lines = wrap(notice.words, max(20, self.app.size.width - 5))[:MOST_LINES] if notice else []
        if (lines, bool(notice and notice.refused)) == (self._lines, self._refused):
            return
        self._lines, self._refused = lines, bool(notice and notice.refused)
        self.styles.height = max(1, len(lines))
        self.display = bool(lines)
        self.refresh()

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
