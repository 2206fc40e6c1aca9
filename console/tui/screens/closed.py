"""Screens that show nothing of the picture but its alarms: a locked desk, and a core that asks for a log-in.

What is typed here is masked, goes into one call, and is kept nowhere: in no notice, no log and no line of the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from console.tui.desk import Desk, reason
from console.tui.screens.ask import Words
from console.tui.widgets.alarms import Alarms
from console.tui.widgets.key_line import KeyLine
from console.tui.widgets.line_bar import LineBar
from console.tui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from collections.abc import Sequence


class ClosedScreen(ModalScreen[None]):
    """Status line, alarms where there are any, and a few masked lines. Nothing lies visible under it."""

    DEFAULT_CSS = """
    ClosedScreen { background: $tocsin-ground; }
    ClosedScreen #alarms-only { height: 1fr; }
    ClosedScreen #asked { height: auto; padding: 1 1; }
    ClosedScreen #asked Horizontal { height: 1; }
    ClosedScreen #asked Horizontal > Static { width: 16; color: $tocsin-dim; padding: 0 1; }
    ClosedScreen Input { width: 1fr; max-width: 60; background: $tocsin-panel; border: none; height: 1; padding: 0 1; }
    ClosedScreen Input:focus { background: $tocsin-cursor; border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", priority=True),
        Binding("down", "next(1)", "Next", show=False, priority=True),
        Binding("up", "next(-1)", "Previous", show=False, priority=True),
    ]
    named = ""
    fields: tuple[tuple[str, str, str], ...] = ()
    """(name, label, hint) of each masked line."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.status = StatusBar(desk)
        self.alarms = Alarms(desk, id="alarms-only")

    def compose(self) -> ComposeResult:
        """Status, what this is, the lines, alarms, keys."""
        yield self.status
        self.bar = LineBar(ground="on_panel")
        yield self.bar
        with Vertical(id="asked"):
            yield Words(self.lines(), "strong")
            for name, label, hint in self.fields:
                with Horizontal():
                    yield Static(label, markup=False)
                    yield Input("", id=name, placeholder=hint, password=True)
            yield Words((), "warn")
        yield self.alarms
        yield KeyLine(self.desk)

    def lines(self) -> Sequence[str]:
        """What is asked for."""
        raise NotImplementedError

    def reload(self, kinds: set[str] | None) -> None:
        """The alarms as they are now."""
        if self.is_mounted:
            self.status.reload()
            drill = self.desk.link.world == "drill"
            self.bar.show(((f" {self.named} ", "badge"),), ((" DRILL ", "hatch"),) if drill else ())
            self.alarms.reload()

    def on_mount(self) -> None:
        """Keys go to the first line."""
        self.query(Input).first().focus()
        self.call_after_refresh(self.reload, None)

    def render_line(self, y: int) -> Strip:
        """Empty ground: what lies below stays unseen."""
        return Strip.blank(self.size.width, self.rich_style)

    def say(self, words: str) -> None:
        """Why it was not taken."""
        self.query(Words).last().say([words] if words else [], "warn")

    def typed(self) -> dict[str, str]:
        """What was typed; the lines are emptied with it."""
        found = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _ in self.fields}
        for name in found:
            self.query_one(f"#{name}", Input).value = ""
        self.query(Input).first().focus()
        return found

    def action_next(self, by: int) -> None:
        """The next or previous line."""
        if by > 0:
            self.focus_next("Input")
        else:
            self.focus_previous("Input")

    def action_submit(self) -> None:
        """Sends when the letters typed before have reached their line."""
        (self.focused or self).call_later(self.submit)

    def submit(self) -> None:
        """Sends what was typed."""
        raise NotImplementedError


class LockScreen(ClosedScreen):
    """A locked desk: alarms stay in sight and sound; texts of people and sealed values are not here any more."""

    named = "LOCKED"
    fields = (
        ("pin", "PIN", "the one it was locked with"),
        ("totp", "Second factor", "or the six digits of your authenticator"),
        ("token", "Token", "or your token"),
    )

    def lines(self) -> Sequence[str]:
        """Whose desk it is, and how to open it."""
        link = self.desk.link
        position = link.position.replace("_", " ")
        return (
            f"Locked by {link.person}, {position}. Nothing can be read or given here but alarms.",
            "Unlock with one of the three and enter; where it was locked without a PIN in a drill, enter alone.",
        )

    def submit(self) -> None:
        """Asks the core to open it."""
        given = self.typed()
        self.say("asking…")
        self.run_worker(self._unlock(given), exit_on_error=False)

    async def _unlock(self, given: dict[str, str]) -> None:
        try:
            await self.desk.link.unlock(**given)
        except Exception as why:  # the screen's boundary: said, and it stays locked
            self.say(f"Not unlocked: {reason(why)}")


class LogInScreen(ClosedScreen):
    """The core asks who this is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.leave_console", "Leave")]
    named = "LOG IN"
    fields = (
        ("token", "Token", "as `tocsin user token` issued it"),
        ("totp", "Second factor", "six digits; for supervisors, and the first time at a new desk"),
    )

    def lines(self) -> Sequence[str]:
        """Who it would be, and what the core said."""
        link = self.desk.link
        return (
            f"User      {link.person}",
            f"Position  {link.position.replace('_', ' ')}",
            "To log in as somebody else leave, and start with --person and --position.",
        )

    def reload(self, kinds: set[str] | None) -> None:
        """With what the core said last."""
        super().reload(kinds)
        if self.is_mounted and self.desk.link.why:
            self.say(self.desk.link.why)

    def submit(self) -> None:
        """Gives both and lets the link try again."""
        given = self.typed()
        if not given["token"]:
            self.say("Type your token; up and down change the line.")
            return
        self.say("asking…")
        self.desk.link.why = ""
        self.desk.link.log_in(**given)
