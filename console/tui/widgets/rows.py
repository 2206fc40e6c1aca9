"""Rows, the list every pane and page is made of: keyed entries of one or more lines, one of them under the cursor.

A reload compares what is shown and repaints the lines that differ; the cursor stays on its entry when entries move.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.ink import styles
from console.tui.lines import Item, Line

Source = Callable[[int], Sequence[Item]]
SETTLE_S = 0.5
"""A key is ignored if the row changed under the cursor less than this long ago."""


class Rows(ScrollView, can_focus=True):
    """A list whose entries come from ``source(width)``; up, down and enter choose, a click does too."""

    DEFAULT_CSS = "Rows { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "Up", show=False),
        Binding("down,j", "step(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(-1)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Open"),
    ]

    class Moved(Message):
        """The cursor stands on another entry."""

        def __init__(self, rows: Rows, key: str) -> None:
            self.rows, self.key = rows, key
            super().__init__()

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    class Opened(Message):
        """An entry was chosen with enter or a second click."""

        def __init__(self, rows: Rows, key: str) -> None:
            self.rows, self.key = rows, key
            super().__init__()

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    def __init__(
        self,
        source: Source,
        *,
        empty: str = "nothing",
        id: str | None = None,
        classes: str | None = None,
        lit: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lit = lit
        self._source, self._empty, self._clock = source, empty, clock
        self.items: list[Item] = []
        self._lines: list[tuple[Line, str]] = []
        self._first: dict[str, int] = {}
        self.key = ""
        self._changed_at = -1e9

    # What is shown

    def reload(self) -> None:
        """Asks the source again and repaints what differs."""
        if not self.is_mounted or not self.size.width:
            return
        width = self.scrollable_content_region.width or self.size.width
        before, stamp, choices = self._lines, self._stamp(), self._choices()
        place = choices.index(self.key) if self.key in choices else 0
        self.items = list(self._source(width))
        if not self.items and self._empty:
            self.items = [Item("", (((f" {self._empty}", "faint"),),))]
        self._lines = [(line, item.key) for item in self.items for line in item.lines]
        self._first = {}
        for at, (_, key) in enumerate(self._lines):
            self._first.setdefault(key, at)
        choices = self._choices()
        if self.key not in choices:
            gone = self.key
            self.key = choices[min(place, len(choices) - 1)] if choices else ""
            if gone:
                self._changed_at = self._clock()
                self.post_message(self.Moved(self, self.key))
        elif stamp != self._stamp():
            self._changed_at = self._clock()
        if len(before) != len(self._lines):
            self.virtual_size = Size(width, len(self._lines))
            self.refresh()
            return
        offset = round(self.scroll_y)
        dirty = [
            Region(0, at - offset, self.size.width, 1)
            for at, (old, new) in enumerate(zip(before, self._lines, strict=True))
            if old != new
        ]
        if dirty:
            self.refresh(*dirty)

    def settled(self) -> bool:
        """Whether the row under the cursor has stood unchanged long enough for a key to be meant for it."""
        return self._clock() - self._changed_at >= SETTLE_S

    def hold(self) -> None:
        """Ignores keys for a moment, as after a change: the cursor was moved for the operator."""
        self._changed_at = self._clock()

    def choose(self, key: str) -> None:
        """Puts the cursor on an entry, if it is there."""
        if key in self._first and key != self.key:
            self.key = key
            self._follow()
            self.refresh()
            self.post_message(self.Moved(self, key))

    def _choices(self) -> list[str]:
        return list(dict.fromkeys(item.key for item in self.items if item.key))

    def _stamp(self) -> object:
        return next((item.stamp for item in self.items if item.key == self.key), None) if self.key else None

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line, with the cursor's ground under the chosen entry."""
        table = styles(getattr(self.app, "ink", "dark"))
        at = y + round(self.scroll_y)
        width = self.size.width
        ground = table["on_ground"]
        if at >= len(self._lines):
            return Strip.blank(width, ground)
        line, key = self._lines[at]
        chosen = bool(key) and key == self.key
        if chosen:
            ground = table["on_cursor"] if self.has_focus or self._lit else table["on_cursor_dim"]
        segments = [Segment(text, ground + table[style]) for text, style in line]
        return Strip(segments).adjust_cell_length(width, ground)

    # Keys and mouse

    def action_step(self, by: int) -> None:
        """The next or previous entry; on a page without entries it scrolls."""
        choices = self._choices()
        if not choices:
            self.scroll_relative(y=by, animate=False)
            return
        at = choices.index(self.key) if self.key in choices else 0
        far = min(max(at + by, 0), len(choices) - 1)
        if abs(by) == 1 and (far == at or not self._near(choices[far], by)):
            self.scroll_relative(y=by, animate=False)  # a page is read line by line between its entries
            return
        self.choose(choices[far])

    def action_page(self, by: int) -> None:
        """One screenful further."""
        if self._choices():
            lines = max(1, max((len(item.lines) for item in self.items), default=1))
            self.action_step(by * max(1, self.size.height // lines - 1) or by)
        self.scroll_relative(y=by * max(1, self.size.height - 2), animate=False)
        self._follow()

    def action_edge(self, which: int) -> None:
        """The first or last entry."""
        choices = self._choices()
        if choices:
            self.choose(choices[0 if which < 0 else -1])
        if which < 0:
            self.scroll_home(animate=False)
        else:
            self.scroll_end(animate=False)

    def action_open(self) -> None:
        """Opens the chosen entry."""
        if self.key:
            self.post_message(self.Opened(self, self.key))

    def on_click(self, event: events.Click) -> None:
        """The first click chooses, a click on the chosen entry opens it."""
        at = event.y + round(self.scroll_y)
        if 0 <= at < len(self._lines) and (key := self._lines[at][1]):
            if key == self.key:
                self.action_open()
            else:
                self.choose(key)

    def on_resize(self) -> None:
        """Lines are laid out anew for the new width."""
        self.reload()

    def on_mount(self) -> None:
        """The first entries."""
        self.call_after_refresh(self.reload)

    def on_focus(self) -> None:
        """The cursor shows where keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor fades."""
        self.refresh()

    def _near(self, key: str, by: int) -> bool:
        top = round(self.scroll_y)
        return (
            top - 1 <= self._first[key] <= top + self.size.height
            if by < 0
            else self._first[key] <= top + self.size.height
        )

    def _follow(self) -> None:
        first = self._first.get(self.key)
        if first is None:
            return
        count = sum(1 for _, key in self._lines if key == self.key)
        self.scroll_to_region(Region(0, first, 1, max(1, min(count, self.size.height))), animate=False, force=True)
