"""BriefPage: a shift's brief, read to its end before it is confirmed, accepted or refused."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.binding import Binding, BindingType

from console.commands import HandOver
from console.tui.desk import Desk
from console.tui.lines import Item, Line, plain
from console.tui.screens.ask import AskScreen
from console.tui.screens.page import PageScreen, title_line


class BriefPage(PageScreen):
    """``confirm`` by the outgoing, ``accept`` by the incoming; x withdraws or refuses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", "Agree"),
        Binding("x", "refuse", "Refuse"),
    ]

    def __init__(self, desk: Desk, step: Literal["confirm", "accept"], text: str) -> None:
        super().__init__(desk)
        self._step, self._text = step, text
        self._read = False

    def heading(self) -> Line:
        """Who hands over to whom, and what the keys do."""
        shift = self.desk.live.shift
        said = (
            f"from {shift.person or 'nobody'} to you: y takes the desk, x refuses it"
            if self._step == "accept"
            else f"to {shift.offered_to}: y confirms this brief, x withdraws the offer"
        )
        return title_line("", "HAND-OVER", said, "strong")

    def items(self, width: int) -> list[Item]:
        """The brief line by line."""
        lines = self._text.splitlines() or ["There is no brief."]
        return [plain(line, width, "text" if line.startswith(" ") else "strong") for line in lines]

    def _at_end(self) -> bool:
        rows = self.rows
        self._read = self._read or rows.scroll_y >= max(0, len(rows.items) - rows.size.height)
        return self._read

    def action_agree(self) -> None:
        """Once it was read to its end, by typing the word."""
        if not self._at_end():
            self.desk.tell("Read the brief to its end first: page down, or end.", refused=True)
            return
        lines = {
            "confirm": ["This is what the incoming reads. You confirm that it is so."],
            "accept": ["The desk is yours from then on, with what the brief says."],
        }[self._step]
        self.app.push_screen(
            AskScreen(self.desk, "HAND-OVER", [*lines, f"Type {self._step}."], must=self._step),
            lambda yes: self._give(self._step) if yes else None,
        )

    def action_refuse(self) -> None:
        """Asks why; the desk stays where it is."""
        self.app.push_screen(
            AskScreen(self.desk, "REFUSE THE DESK" if self._step == "accept" else "WITHDRAW THE OFFER", ["Why?"]),
            lambda why: self._give("refuse", why) if why else None,
        )

    def _give(self, step: Literal["confirm", "accept", "refuse"], why: str = "") -> None:
        to = self.desk.live.shift.offered_to
        doing, done = {
            "confirm": ("confirming the brief…", f"The desk is offered to {to}."),
            "accept": ("taking over…", "The desk is yours."),
            "refuse": ("refusing…", "The desk stays where it is."),
        }[step]
        self.desk.send(HandOver(step=step, brief=why), "shift", doing, done=done)
        self.app.call_later(self.dismiss, None)
