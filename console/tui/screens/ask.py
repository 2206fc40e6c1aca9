"""AskScreen: one line of text from the operator; ConfirmScreen: one key that must be meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from console.tui.desk import Desk
from console.tui.lines import Item, plain
from console.tui.screens.modal import Modal
from console.tui.widgets.rows import Rows


class Words(Rows, can_focus=False):
    """Explaining lines in a dialog, as high as they are."""

    DEFAULT_CSS = "Words { height: auto; max-height: 14; }"

    def __init__(self, lines: Sequence[str], style: str = "text") -> None:
        self.said = tuple(lines)
        self.style = style
        super().__init__(self._items, empty="")

    def say(self, lines: Sequence[str], style: str = "text") -> None:
        """Replaces the lines."""
        self.said, self.style = tuple(lines), style
        self.styles.display = "block" if lines else "none"
        self.call_after_refresh(self.reload)

    def _items(self, width: int) -> list[Item]:
        return [plain(line, width, self.style) for line in self.said]

    def reload(self) -> None:
        """Grows to what it says."""
        super().reload()
        self.styles.height = max(1, len(self._lines))
        self.styles.display = "block" if self.said else "none"


class AskScreen(Modal[str]):
    """Asks for a line. With ``must`` only that very text is taken (spaces and case aside): a confirmation by typing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Send", priority=True)]

    def __init__(
        self,
        desk: Desk,
        heading: str,
        lines: Sequence[str] = (),
        *,
        must: str = "",
        value: str = "",
        optional: bool = False,
        secret: bool = False,
    ) -> None:
        super().__init__(desk, heading)
        self._lines, self._must, self._value, self._optional = lines, must, value, optional
        self._secret = secret

    def body(self) -> ComposeResult:
        """The words, the line, and why it was not taken."""
        yield Words(self._lines)
        yield Input(self._value, id="line", password=self._secret)
        yield Words((), "warn")

    def action_submit(self) -> None:
        """Takes the line if it may be taken."""
        self.after_typing(self._submit)

    def _submit(self) -> None:
        said = self.query_one(Input).value.strip()
        if self._must and said.casefold() != self._must.casefold():
            self.query(Words).last().say([f"To confirm, type {self._must} and press enter; escape goes back."], "warn")
        elif not said and not self._optional:
            self.query(Words).last().say(["Type something, or press escape to go back."], "warn")
        else:
            self.answer(said)


class ConfirmScreen(Modal[bool]):
    """Shows what would be done; y does it, every other key goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "yes", "Yes, do it"), Binding("n", "leave", "No")]

    def __init__(self, desk: Desk, heading: str, lines: Sequence[str]) -> None:
        super().__init__(desk, heading)
        self._lines = lines

    def body(self) -> ComposeResult:
        """The words."""
        yield Words(self._lines, "strong")

    def action_yes(self) -> None:
        """It was meant."""
        self.dismiss(True)

    def on_key(self, event: events.Key) -> None:
        """Any other key means no."""
        if event.key not in ("y", "n", "escape", "ctrl+r"):
            event.stop()
            self.dismiss(False)
