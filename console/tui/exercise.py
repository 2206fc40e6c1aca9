"""What steers the exercise and the desk: pause, step, speed, jump, the real emergency, and the hand-over."""

from __future__ import annotations

from console.commands import ControlDrill, HandOver
from console.tui.screens.ask import AskScreen
from console.tui.screens.brief import BriefPage
from console.tui.screens.form import FormScreen
from console.tui.travelling import Travelling

STOP_WORD = "real emergency"


class Exercise(Travelling):
    """Actions of exercise control; they exist in a drill only."""

    def _drill(self) -> bool:
        if self.desk.link.world == "drill" and not self.desk.live.drill.stopped:
            return True
        self.desk.tell("There is no exercise running.", refused=True)
        return False

    def action_pause(self) -> None:
        """Pauses, or goes on."""
        if self._drill():
            paused = self.desk.link.paused
            self.desk.send(
                ControlDrill(action="resume" if paused else "pause"), "drill", "going on…" if paused else "pausing…"
            )

    def action_step(self) -> None:
        """One step."""
        if self._drill():
            self.desk.send(ControlDrill(action="step"), "drill", "one step…")

    def action_speed(self) -> None:
        """Asks for the speed."""
        if self._drill():
            self.push_screen(
                AskScreen(
                    self.desk,
                    "SPEED",
                    ["Virtual seconds a second, 0.1 to 1000. 1 is real time."],
                    value=f"{self.desk.link.speed or 1:g}",
                ),
                self._speed,
            )

    def _speed(self, said: str | None) -> None:
        value = number(said)
        if said and (value is None or not 0 < value <= 1000):
            self.desk.tell(f"{said} is no speed: a number above 0, to 1000.", refused=True)
        elif value:
            self.desk.send(ControlDrill(action="speed", speed=value), "drill", f"speed {value:g}×…")

    def action_jump(self) -> None:
        """Asks how far."""
        if self._drill():
            self.push_screen(
                AskScreen(self.desk, "JUMP AHEAD", ["How many minutes? Everything between happens, at once."]),
                self._jump,
            )

    def _jump(self, said: str | None) -> None:
        value = number(said)
        if said and (value is None or not 0 < value <= 1440):
            self.desk.tell(f"{said} is no time: minutes above 0, to 1440.", refused=True)
        elif value:
            self.desk.send(ControlDrill(action="jump", by_s=value * 60), "drill", f"jumping {value:g} min…")

    def action_emergency(self) -> None:
        """Stops the exercise for good, after the words were typed."""
        if any(
            getattr(screen, "heading", "").startswith("REAL EMERGENCY")
            for screen in self.screen_stack
            if not callable(getattr(screen, "heading", ""))
        ):
            return
        if self._drill():
            self.push_screen(
                AskScreen(
                    self.desk,
                    "REAL EMERGENCY: STOP THE EXERCISE",
                    [
                        "This ends the exercise for good, for everybody, and sends nothing more of it.",
                        f"Type {STOP_WORD} and press enter.",
                    ],
                    must=STOP_WORD,
                ),
                self._stop,
            )

    def _stop(self, said: str | None) -> None:
        if said:
            self.desk.send(ControlDrill(action="stop"), "drill", "STOPPING…", done="The exercise is stopped.")

    def action_hand_over(self) -> None:
        """Offers the desk with a brief, or accepts it after reading."""
        desk, shift = self.desk, self.desk.live.shift
        if shift.offered_to and desk.link.person in shift.offered_to:
            self.push_screen(BriefPage(desk, "accept", desk.said(shift.brief)))
            return
        if shift.offered_to and not shift.confirmed and shift.person in ("", desk.link.person):
            self._confirm_brief(desk.said(shift.brief))
            return
        fields = (
            ("to", "To", "", "person who takes over"),
            ("brief", "Brief", "", "in your own words; what the picture says stands before it"),
        )
        self.push_screen(
            FormScreen(
                desk,
                "HAND OVER THE DESK",
                fields,
                check=lambda values: "" if values["to"] else "To whom?",
            ),
            lambda values: (
                desk.send(
                    HandOver(step="offer", to=values["to"], brief=values["brief"]),
                    "shift",
                    "offering the desk…",
                    then=lambda answer: self._confirm_brief(str(answer.get("brief", ""))),
                )
                if values
                else None
            ),
        )

    def _confirm_brief(self, text: str) -> None:
        """Shows the outgoing the whole brief; only once they confirm it can it be accepted."""
        self.push_screen(BriefPage(self.desk, "confirm", text))


def number(said: str | None) -> float | None:
    """The number that was typed; None for anything else."""
    try:
        return float((said or "").replace(",", "."))
    except ValueError:
        return None
