"""The line under the status bar that is there only when something must not be overlooked."""

from __future__ import annotations

from console.tui.desk import Desk
from console.tui.lines import Line
from console.tui.widgets.line_bar import LineBar

FINISHED = frozenset({"finish", "finished"})


class Banner(LineBar):
    """Link down, exercise stopped, or the desk offered to me; hidden otherwise."""

    DEFAULT_CSS = "Banner { display: none; }"

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(ground="on_bar", id=id)
        self.desk = desk

    def reload(self) -> None:
        """Appears or goes, with the age of the picture counting."""
        said = self._said()
        self.display = bool(said)
        if said:
            self.show(said)

    def _said(self) -> Line:
        link, home = self.desk.link, self.desk.live
        if home.drill.stopped in FINISHED:
            return ((" The exercise is finished. ", "badge"), (" What is shown stays for the review.", "text"))
        if home.drill.stopped:
            return (
                (f" EXERCISE STOPPED: {home.drill.stopped}. ", "bar_bad"),
                (" Nothing of this screen is live. Go to the live console now.", "strong"),
            )
        if link.why:
            return ((" ▲ NO CORE FOR THIS SCREEN ", "bar_bad"), (f" {link.why}", "strong"))
        if link.state == "down":
            return (
                (f" ▲ LINK DOWN: the picture is {self.desk.age_s:.0f} s old ", "bar_warn"),
                (" Trying again. New acts are refused; what was accepted is kept.", "text"),
            )
        if self.desk.silent:
            return (
                (f" ▲ CONNECTED BUT SILENT for {link.silent_s():.0f} s: the picture may be old ", "bar_warn"),
                (" The core says nothing, not even its clock.", "text"),
            )
        if link.differs:
            return (
                (" ▲ THIS SCREEN DIFFERS FROM THE CORE ", "bar_bad"),
                (f" {link.differs} It is asked for anew.", "text"),
            )
        if home.shift.offered_to and link.person in home.shift.offered_to:
            return ((" The desk is offered to you ", "badge"), ("  b", "key"), (" read the brief and accept", "text"))
        return ()
