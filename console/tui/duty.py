"""What several operators need of each other: claims, who sits where, conflicts between cores, links and queues."""

from __future__ import annotations

from console.commands import Claim, Release
from console.tui.desk import Refused, kind_of
from console.tui.road_acts import RoadActs
from console.tui.screens.ask import ConfirmScreen
from console.tui.screens.clash import ClashScreen
from console.tui.screens.conflicts import ConflictsPage
from console.tui.screens.load import LoadPage
from console.tui.screens.people import PeopleBoard

CLAIMABLE = ("incident", "alarm", "proposal")


class Duty(RoadActs):
    """Actions among colleagues."""

    def action_claim(self) -> None:
        """Takes what is under the cursor into one's hands, or lets go of it; from another's hands after a yes."""
        if not self._meant():
            return
        kind, name = kind_of(self.subject)
        if kind not in CLAIMABLE:
            one = self.incident()
            kind, name = ("incident", one.id) if one else ("", "")
        if not name:
            self.desk.tell("Choose an incident, an alarm or a proposal first.", refused=True)
            return
        held = self.desk.home.claims.get(name)
        key = f"{kind}:{name}"
        if held is None:
            self.desk.send(Claim(subject=name), key, "taking it into your hands…", done=f"{name} is in your hands.")
        elif held.person == self.desk.link.person:
            self.desk.send(Release(subject=name), key, "letting go of it…", done=f"{name} is in nobody's hands now.")
        else:
            self._ask_take_over(key, name, held.person, held.position)

    def _ask_take_over(self, key: str, name: str, person: str, position: str) -> None:
        self.push_screen(
            ConfirmScreen(
                self.desk,
                f"TAKE OVER {name}",
                [
                    f"{name} is in the hands of {person}, {position}.",
                    "Speak with them first. Taking it over is recorded with both names.",
                    "Press y to take it over.",
                ],
            ),
            lambda yes: self._take_over(key, name, person) if yes else None,
        )

    def _take_over(self, key: str, name: str, person: str) -> None:
        self.desk.send(
            Claim(subject=name, take_over=True),
            key,
            "taking it over…",
            done=f"{name} is in your hands, taken from {person}.",
        )

    def action_people(self) -> None:
        """Who is at which desk."""
        self.push_screen(PeopleBoard(self.desk))

    def action_conflicts(self) -> None:
        """What cores contradict each other on."""
        self.push_screen(ConflictsPage(self.desk))

    def action_load(self) -> None:
        """Links, queues, and what was counted."""
        self.push_screen(LoadPage(self.desk))

    def clashed(self, refused: Refused) -> None:
        """Shows a refusal whole, with what to do next; over an open dialog it stays a notice: somebody types there."""
        if not self.screen.is_modal:
            self.push_screen(ClashScreen(self.desk, refused))
