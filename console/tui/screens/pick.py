"""PickScreen: choose one or several of a list, narrowed by typing; usable before all is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from console.tui.desk import Desk
from console.tui.lines import Item, Line
from console.tui.screens.modal import Modal
from console.tui.widgets.rows import Rows


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its key, how its line is laid out for a width, and the text the filter looks in."""

    key: str
    line: Callable[[int], Line]
    text: str


class Filter(Input):
    """A line that leaves the space bar to its screen where that marks."""

    leaves_space = False

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether the line takes the key as text."""
        return not (self.leaves_space and key == "space") and super().check_consume_key(key, character)


class PickScreen(Modal[list[str]]):
    """Answers the keys that were chosen. The list is asked for again whenever ``reload`` is called."""

    DEFAULT_CSS = "PickScreen > #box { height: 80%; } PickScreen Rows { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Choose", priority=True),
        Binding("up", "step(-1)", "Up", show=False, priority=True),
        Binding("down", "step(1)", "Down", show=False, priority=True),
    ]

    def __init__(
        self,
        desk: Desk,
        heading: str,
        choices: Callable[[], Sequence[Choice]],
        *,
        several: bool = False,
        empty: str = "nothing to choose",
    ) -> None:
        super().__init__(desk, heading)
        self._choices, self._several = choices, several
        self._marked: list[str] = []
        self._filter = ""
        self.rows = Rows(self._items, empty=empty, lit=True)
        self.rows.can_focus = False

    def body(self) -> ComposeResult:
        """Filter, then list."""
        line = Filter(placeholder="type to narrow" + (", space marks several" if self._several else ""))
        line.leaves_space = self._several
        yield line
        yield self.rows

    def reload(self, kinds: set[str] | None) -> None:
        """The list as it is now."""
        self.rows.reload()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrows the list."""
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        wanted = typed.casefold().strip()
        if wanted != self._filter:
            self._filter = wanted
            self.rows.key = ""
            self.rows.reload()

    def _items(self, width: int) -> list[Item]:
        wanted = self._filter.split()
        found = []
        for choice in self._choices():
            if all(word in choice.text.casefold() for word in wanted):
                mark = ("▪ " if choice.key in self._marked else "  ") if self._several else " "
                found.append(Item(choice.key, (((mark, "strong"), *choice.line(width - len(mark))),), stamp=choice.key))
        return found

    def action_step(self, by: int) -> None:
        """Moves in the list while the filter keeps the focus."""
        self.rows.action_step(by)

    def action_mark(self) -> None:
        """Marks the row under the cursor, or takes the mark away."""
        key = self.rows.key
        if key:
            self._marked = [one for one in self._marked if one != key] if key in self._marked else [*self._marked, key]
            self.rows.reload()

    def action_take(self) -> None:
        """Answers with what is marked, else with the row under the cursor; what was just typed counts already."""
        self.after_typing(self._take)

    def _take(self) -> None:
        self._narrow(self.query_one(Input).value)
        if self._marked or self.rows.key:
            self.answer(self._marked or [self.rows.key])

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """A click on the chosen row."""
        event.stop()
        self.action_take()


class PickSeveralScreen(PickScreen):
    """A PickScreen where space marks several."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark", "Mark", priority=True)]

    def __init__(
        self, desk: Desk, heading: str, choices: Callable[[], Sequence[Choice]], *, empty: str = "nothing to choose"
    ) -> None:
        super().__init__(desk, heading, choices, several=True, empty=empty)
