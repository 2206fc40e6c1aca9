"""Closing, changing and reopening roads by hand: the one under the crosshair, a street by its name, an incident's."""

from __future__ import annotations

from functools import partial

from console.commands import ChangeRoad, CloseRoad, PlaceInput, ReopenRoad
from console.tui import words
from console.tui.acts import Acts
from console.tui.desk import kind_of
from console.tui.screens.ask import AskScreen, ConfirmScreen
from console.tui.screens.form import FormScreen, Values
from console.tui.screens.roads import RoadsPage
from picture.model import Closure, RoadChange

SLOWEST = 100.0
FASTEST = 0.1


class RoadActs(Acts):
    """Actions on roads. What is closed for everybody turns away every crew: each is confirmed by a key of its own."""

    def action_roads(self) -> None:
        """What is closed or changed."""
        self.push_screen(RoadsPage(self.desk))

    def _road_here(self) -> tuple[PlaceInput | None, str]:
        """The place whose road is meant where no street is named, and what it is called."""
        if self.desk.cursor is not None:
            lon, lat = self.desk.cursor
            return PlaceInput(lon=lon, lat=lat, how="cursor"), "the crosshair"
        one = self.incident()
        if one is not None and one.place is not None:
            lon, lat = one.place.lon_e7 / 1e7, one.place.lat_e7 / 1e7
            return PlaceInput(
                lon=lon, lat=lat, label=one.place.label, how="coordinates"
            ), f"{one.id} {words.where(one.place)}"
        return None, ""

    # Closing

    def action_close_road(self) -> None:
        """Asks which road, why and for whom; then shows it again and asks for a yes."""
        here, called = self._road_here()
        fields = (
            (
                "road",
                "Street",
                "",
                f"empty: the road at {called}" if here else "its name; or c on the map sets a crosshair",
            ),
            ("reason", "Why", "", "water, fire, tree, police, works …"),
            ("profiles", "For whom", "", "empty: everybody; else car, engine, ambulance, bus, foot …"),
        )
        self.push_screen(
            FormScreen(self.desk, "CLOSE A ROAD", fields, check=partial(_check_road, here is not None)),
            lambda values: self._confirm_close(values, here, called) if values else None,
        )

    def _confirm_close(self, values: Values, here: PlaceInput | None, called: str) -> None:
        road, profiles = values["road"], tuple(values["profiles"].replace(",", " ").split())
        named = road or f"the road at {called}"
        command = CloseRoad(road=road, place=None if road else here, reason=values["reason"], profiles=profiles)
        extent = "The whole street is closed, every segment of that name." if road else "One segment is closed."
        lines = [
            f"{named}, for {', '.join(profiles) or 'everybody'}: {values['reason']}.",
            f"{extent} Nobody it holds for is sent over it; crews on their way get another way.",
            "Press y to close it. o lifts it again.",
        ]
        self.push_screen(
            ConfirmScreen(self.desk, "CLOSE A ROAD", lines),
            lambda yes: (
                self.desk.send(
                    command,
                    "new:closure:",
                    f"closing {named}…",
                    then=lambda answer: self.desk.tell(
                        f"Closed {answer.get('name', named)}: {answer.get('segments', '?')} segments, "
                        f"{answer.get('closure', '')}."
                    ),
                )
                if yes
                else None
            ),
        )

    # Changing

    def action_change_road(self) -> None:
        """Slower, or open against its direction; a yes is asked for."""
        here, called = self._road_here()
        fields = (
            (
                "road",
                "Street",
                "",
                f"empty: the road at {called}" if here else "its name; or c on the map sets a crosshair",
            ),
            ("factor", "Times as long", "", "2: twice as long to drive; empty: as usual"),
            ("contraflow", "Contraflow", "", "yes: a one-way street is open in both directions"),
            ("reason", "Why", "", "crowd, debris, convoy …"),
        )
        self.push_screen(
            FormScreen(self.desk, "CHANGE A ROAD", fields, check=partial(_check_change, here is not None)),
            lambda values: self._confirm_change(values, here, called) if values else None,
        )

    def _confirm_change(self, values: Values, here: PlaceInput | None, called: str) -> None:
        road = values["road"]
        named = road or f"the road at {called}"
        factor = float(values["factor"].replace(",", ".")) if values["factor"] else None
        against = values["contraflow"].casefold() in YES
        command = ChangeRoad(
            road=road, place=None if road else here, reason=values["reason"], factor=factor, contraflow=against
        )
        how = [f"{factor:g} times as long" if factor else "", "open in both directions" if against else ""]
        lines = [
            f"{named}: {', '.join(filter(None, how))}; {values['reason']}.",
            "Press y to change it. o lifts it again.",
        ]
        self.push_screen(
            ConfirmScreen(self.desk, "CHANGE A ROAD", lines),
            lambda yes: (
                self.desk.send(
                    command,
                    "new:closure:",
                    f"changing {named}…",
                    then=lambda answer: self.desk.tell(
                        f"Changed {answer.get('name', named)}: {answer.get('change', '')}."
                    ),
                )
                if yes
                else None
            ),
        )

    # Reopening

    def action_reopen(self) -> None:
        """Lifts the closure or change under the cursor; else reopens the incident."""
        one = self.road_thing()
        if one is None:
            super().action_reopen()
        elif self._meant():
            self._lift(one)

    def action_end(self) -> None:
        """A closure or change is ended by lifting it."""
        one = self.road_thing()
        if one is None:
            super().action_end()
        elif self._meant():
            self._lift(one)

    def road_thing(self) -> Closure | RoadChange | None:
        """The closure or change under the cursor."""
        kind, name = kind_of(self.subject)
        tables = {"closure": self.desk.home.closures, "road_change": self.desk.home.road_changes}
        found: Closure | RoadChange | None = tables.get(kind, {}).get(name)  # type: ignore[attr-defined]
        return found

    def _lift(self, one: Closure | RoadChange) -> None:
        if one.status != "active":
            self.desk.tell(f"{one.name} ({one.id}) is lifted already.", refused=True)
            return
        if one.by == "flood":
            self.desk.tell(
                f"{one.name} ({one.id}) is under water: it opens when the water has gone, not by hand.", refused=True
            )
            return
        key = f"{'closure' if isinstance(one, Closure) else 'road_change'}:{one.id}"
        lines = [
            f"{one.id}, {one.reason}, by {one.by}.",
            "How do we know that it can be driven again? Type it; it is kept.",
        ]
        self.push_screen(
            AskScreen(self.desk, f"REOPEN {one.name}", lines),
            lambda why: (
                self.desk.send(
                    ReopenRoad(closure=one.id, why=why[:200]),
                    key,
                    f"reopening {one.name}…",
                    then=lambda answer: self.desk.tell(_lifted(one.name, answer.get("still_closed", ()))),
                )
                if why
                else None
            ),
        )


YES = frozenset({"y", "yes", "x"})


def _lifted(name: str, still: object) -> str:
    others = ", ".join(map(str, still)) if isinstance(still, (list, tuple)) else ""
    return f"Reopened {name}." + (f" Still closed there by {others}." if others else "")


def _check_road(has_place: bool, values: Values) -> str:
    if not values["road"] and not has_place:
        return "Which road? Name a street, or set the map's crosshair (c) on it first."
    return "" if values["reason"] else "Why is it closed? The reason stands with the closure."


def _check_change(has_place: bool, values: Values) -> str:
    if wrong := _check_road(has_place, values):
        return wrong.replace("closed", "changed").replace("closure", "change")
    if values["contraflow"] and values["contraflow"].casefold() not in {*YES, "n", "no"}:
        return "Contraflow is yes, or empty."
    if values["factor"]:
        try:
            factor = float(values["factor"].replace(",", "."))
        except ValueError:
            factor = 0.0
        if not FASTEST <= factor <= SLOWEST:
            return f"Times as long is a number from {FASTEST:g} to {SLOWEST:g}: 2 is twice as long."
    elif values["contraflow"].casefold() not in YES:
        return "Nothing would change: say how many times as long, or contraflow yes."
    return ""
