"""Labels: the names of a form's lines, one widget for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from console.tui.ink import styles
from console.tui.lines import fit

CELLS = 15


class Labels(Widget):
    """As many lines as labels, beside the column of inputs; an empty label stands beside what needs none.

    A form opens with every key that asks for it: a widget less per line is a millisecond less.
    """

    DEFAULT_CSS = "Labels { width: 15; }"

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self._labels = tuple(labels)
        self.styles.height = max(1, len(self._labels))

    def render_line(self, y: int) -> Strip:
        """One label, cut to the column."""
        table = styles(getattr(self.app, "ink", "dark"))
        style = table["on_ground"] + table["dim"]
        label = self._labels[y] if y < len(self._labels) else ""
        return Strip([Segment(f" {fit(label, CELLS - 2)} ", style)], CELLS)
