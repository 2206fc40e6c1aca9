"""Pane: a numbered heading over a list; the ground of every list on the main screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from console.tui.desk import Desk
from console.tui.lines import Item, Line
from console.tui.widgets.line_bar import LineBar
from console.tui.widgets.rows import Rows


class Pane(Vertical):
    """A list with a heading. Subclasses say what stands in both; ``kinds`` are the events that change it."""

    DEFAULT_CSS = "Pane { height: 1fr; } Pane > Rows { height: 1fr; }"
    number = ""
    title = ""
    empty = "nothing"
    kinds: tuple[str, ...] = ()
    """Prefixes of event kinds."""

    def __init__(self, desk: Desk, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.desk = desk
        self.bar = LineBar(ground="on_panel")
        self.rows = Rows(self.items, empty=self.empty)

    def compose(self) -> ComposeResult:
        """Heading, then rows."""
        yield self.bar
        yield self.rows

    def items(self, width: int) -> list[Item]:
        """What is listed now, for a width in cells."""
        raise NotImplementedError

    def summary(self) -> Line:
        """What stands beside the title."""
        return ()

    def reload(self) -> None:
        """Shows the picture as it is now."""
        if not self.is_mounted or not self.display:
            return
        drill = self.desk.link.world == "drill"
        mark = f"{self.number} " if self.number else ""
        left: Line = ((f" {mark}", "faint"), (self.title, "head"), ("  ", "dim"), *self.summary(), (" ", "dim"))
        self.bar.show(left, ((" DRILL ", "hatch"),) if drill else (), fill="╱" if drill else " ")
        self.rows.reload()

    def touched_by(self, kinds: frozenset[str] | set[str]) -> bool:
        """Whether entries of these kinds may change what is listed."""
        return any(kind.startswith(self.kinds) for kind in kinds)
