"""FormScreen: a few labelled lines; the ground of the log entry, the hand-over and the incident's facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from console.tui.desk import Desk
from console.tui.screens.ask import Words
from console.tui.screens.modal import Modal
from console.tui.widgets.labels import Labels

Values = dict[str, str]
Check = Callable[[Values], str]


class FormScreen(Modal[Values]):
    """Answers what was typed, by field; ``check`` says in words what is wrong with it, or nothing."""

    DEFAULT_CSS = """
    FormScreen #form { height: auto; }
    FormScreen #lines { width: 1fr; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Send", priority=True),
        Binding("enter", "go_on", "Next", show=False, priority=True),
        Binding("down", "next(1)", "Next", show=False, priority=True),
        Binding("up", "next(-1)", "Previous", show=False, priority=True),
    ]

    def __init__(
        self,
        desk: Desk,
        heading: str,
        fields: Sequence[tuple[str, str, str, str]],
        *,
        lines: Sequence[str] = (),
        check: Check | None = None,
    ) -> None:
        super().__init__(desk, heading)
        self._fields, self._lines, self._check = fields, lines, check

    def body(self) -> ComposeResult:
        """(name, label, value, hint) each."""
        yield Words(self._lines)
        with Horizontal(id="form"):
            yield Labels([label for _, label, _, _ in self._fields])
            with Vertical(id="lines"):
                for name, _, value, hint in self._fields:
                    yield Input(value, id=name, placeholder=hint)
        yield Words((), "warn")

    def action_next(self, by: int) -> None:
        """The next or previous line."""
        if by > 0:
            self.focus_next("Input")
        else:
            self.focus_previous("Input")

    def action_go_on(self) -> None:
        """Enter goes on at once, so that what is typed after it stands in the next line; in the last line it sends."""
        if self.focused is not None and self.focused.id == self._fields[-1][0]:
            self.action_submit()
        else:
            self.action_next(1)

    def action_submit(self) -> None:
        """Answers, if nothing is wrong."""
        self.after_typing(self._submit)

    def _submit(self) -> None:
        values = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _, _ in self._fields}
        wrong = self._check(values) if self._check else ""
        if wrong:
            self.query(Words).last().say([wrong], "warn")
        else:
            self.answer(values)
