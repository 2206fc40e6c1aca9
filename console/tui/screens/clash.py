"""ClashScreen: a command was refused for what somebody else did; the whole difference, and what to do next."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from console.commands import Claim
from console.tui import details
from console.tui.desk import Desk, Refused
from console.tui.screens.ask import Words
from console.tui.screens.modal import Modal

HOLD_S = 0.75
"""Keys that were on their way when it appeared are not meant for it."""


class ClashScreen(Modal[None]):
    """Nothing was overwritten. Look at it as it is now, give the command again knowing the difference, or leave it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "look", "Look at it"),
        Binding("g", "again", "Give it again"),
    ]

    def __init__(self, desk: Desk, refused: Refused) -> None:
        super().__init__(desk, f"NOT DONE: {refused.words}")
        self._refused = refused
        self._since = time.monotonic()

    def body(self) -> ComposeResult:
        """Every line of the difference, then the ways on."""
        why = self._refused.why
        yield Words([why.message] if not why.diff else ["Somebody changed it since your screen showed it:"], "strong")
        yield Words([f"· {line}" for line in why.diff], "warn")
        held = "It is recorded that you took it over." if why.code == "TOC-4038" else "It then stands over the change."
        yield Words(
            [
                f"Nothing was overwritten. {why.remedy} ({why.code})",
                "l  looks at it as it is now.",
                f"g  gives your command again, knowing this. {held}",
                "esc  leaves it as it is.",
            ]
        )

    def action_look(self) -> None:
        """Opens the thing."""
        if self._settled():
            key = self._refused.key
            self.dismiss(None)
            if details.exists(self.desk, key):
                self.app.call_later(self.tocsin.open_item, key)

    def action_again(self) -> None:
        """Sends the same command as of what is shown now."""
        if not self._settled():
            return
        refused = self._refused
        command = refused.command.model_copy(update={"seen": 0})
        if isinstance(command, Claim):
            command = command.model_copy(update={"take_over": True})
        self.dismiss(None)
        self.desk.send(command, refused.key, f"{refused.words}, again…", done=f"{refused.words}: done.")

    def _settled(self) -> bool:
        return time.monotonic() - self._since >= HOLD_S
