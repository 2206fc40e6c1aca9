"""LineBar: one line of spans at the left and at the right, on a ground of its own."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from console.tui.ink import styles
from console.tui.lines import Line


class LineBar(Widget):
    """One line; what stands at the right wins where both do not fit."""

    DEFAULT_CSS = "LineBar { height: 1; }"

    def __init__(
        self, *, ground: str = "on_bar", fill: str = " ", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._ground, self._fill = ground, fill
        self._left: Line = ()
        self._right: Line = ()

    def show(self, left: Line, right: Line = (), *, ground: str | None = None, fill: str | None = None) -> None:
        """Replaces the line; repaints only if it differs."""
        now = (left, right, ground or self._ground, self._fill if fill is None else fill)
        if now != (self._left, self._right, self._ground, self._fill):
            self._left, self._right, self._ground, self._fill = now
            self.refresh()

    @property
    def text(self) -> str:
        """What the line says, without styles."""
        return "".join(text for text, _ in (*self._left, (" ", ""), *self._right))

    def render_line(self, y: int) -> Strip:
        """The line: left part cropped to what the right part leaves, the gap filled."""
        table = styles(getattr(self.app, "ink", "dark"))
        ground, width = table[self._ground], self.size.width
        right = Strip([Segment(text, ground + table[style]) for text, style in self._right])
        room = max(0, width - right.cell_length)
        left = Strip([Segment(text, ground + table[style]) for text, style in self._left])
        if left.cell_length > room:
            left = left.crop(0, room)
        gap = Segment(self._fill * (width - left.cell_length - right.cell_length), ground + table["hatch"])
        return Strip([*left, gap, *right]).adjust_cell_length(width, ground)
