"""ReportScreen: a report taken by hand. Nothing in it waits: an unresolved place is kept as said."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Input

from console.commands import PlaceInput, ResolvePlace, TakeReport
from console.tui.desk import Desk
from console.tui.lines import Col, Item, row
from console.tui.screens.modal import Modal
from console.tui.widgets.labels import Labels
from console.tui.widgets.rows import Rows
from picture.reports import INCIDENT_KINDS

FIELDS = (
    # name, label, hint
    ("kind", "Kind", "flood, trapped, fire, medical, power …"),
    ("text", "Exact words", "what the caller says, word for word"),
    ("caller", "Caller", "name, as given"),
    ("call_back", "Call back", "number, as given"),
    ("place", "Where", "address, crossing A / B, facility, berth, or lat, lon"),
    ("people", "People", "how many are at risk"),
    ("trapped", "Trapped", "y or n"),
    ("priority", "Priority", "1 life at risk … 4 when possible; empty: by kind"),
    ("units", "Units needed", "1"),
    ("title", "Title", "empty: made of kind and place"),
)
RESOLVE_AFTER_S = 0.15
CANDIDATES = 5
"""Lines for the places that may be meant."""
COORDINATES = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*[,; ]\s*(-?\d+(?:\.\d+)?)\s*$")


class ReportScreen(Modal[None]):
    """A form of one line each; enter goes on, ctrl+s sends from anywhere, down picks a place."""

    DEFAULT_CSS = """
    ReportScreen > #box { max-width: 110; }
    ReportScreen #form { height: auto; }
    ReportScreen #lines { width: 1fr; height: auto; }
    ReportScreen Rows { height: 5; background: $tocsin-ground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Send", priority=True),
        Binding("enter", "go_on", "Next", show=False, priority=True),
        Binding("ctrl+g", "cursor", "Map crosshair", priority=True),
        Binding("down", "next(1)", "Next", show=False, priority=True),
        Binding("up", "next(-1)", "Previous", show=False, priority=True),
    ]

    def __init__(self, desk: Desk, *, incident: str = "") -> None:
        super().__init__(desk, f"REPORT for {incident}" if incident else "REPORT  opens an incident")
        self._incident = incident
        self._places: list[dict[str, Any]] = []
        self._chosen: dict[str, Any] | None = None
        self._why = "type where it is; candidates appear here"
        self._timer: Timer | None = None
        self.rows = Rows(self._candidates, empty="")

    def body(self) -> ComposeResult:
        """The fields, then the candidates for the place."""
        labels: list[str] = []
        for name, label, _ in FIELDS:
            labels += [label, *[""] * (CANDIDATES if name == "place" else 0)]
        with Horizontal(id="form"):
            yield Labels(labels)
            with Vertical(id="lines"):
                yield from self._lines()

    def _lines(self) -> ComposeResult:
        for name, _, hint in FIELDS:
            yield Input(
                self.desk.draft.get(name, ""),
                id=name,
                placeholder=hint,
                suggester=(SuggestFromList(sorted(INCIDENT_KINDS)) if name == "kind" else None),
            )
            if name == "place":
                yield self.rows

    def on_mount(self) -> None:
        """Starts with the kind; a place picked on the map is offered."""
        self.query_one("#kind", Input).focus()
        if self.desk.cursor and not self.desk.draft.get("place"):
            self.action_cursor()

    # Where

    @on(Input.Changed, "#place")
    def place_typed(self, event: Input.Changed) -> None:
        """Looks the place up a moment after the last letter."""
        if self._chosen and event.value == self._chosen.get("label"):
            return
        self._chosen = None
        if self._timer is not None:
            self._timer.stop()
        said = event.value.strip()
        if typed := COORDINATES.match(said):
            self._places = [{"label": said, "lat": float(typed[1]), "lon": float(typed[2]), "how": "coordinates"}]
            self.rows.reload()
        elif len(said) >= 3:
            self._timer = self.set_timer(RESOLVE_AFTER_S, lambda: self._resolve(said))

    def _resolve(self, said: str) -> None:
        self._why = "looking it up… (you need not wait)"
        self.rows.reload()
        self.desk.ask(ResolvePlace(said=said), lambda answer: self._found(said, answer), self._not_found)

    def _found(self, said: str, answer: dict[str, Any]) -> None:
        if not self.is_mounted or self.query_one("#place", Input).value.strip() != said:
            return
        self._places = list(answer.get("places", ()))
        self._why = "not found: it is kept as said"
        self.rows.reload()

    def _not_found(self, why: str) -> None:
        if self.is_mounted:
            self._places, self._why = [], f"cannot look it up now ({why}): it is kept as said"
            self.rows.reload()

    def _candidates(self, width: int) -> list[Item]:
        if not self._places:
            return [Item("", (((self._why, "faint"),),))]
        return [
            Item(
                f"place:{at}",
                (
                    row(
                        width,
                        Col("●" if place is self._chosen else "○", "strong", 1),
                        Col(str(place.get("label", "")), "text"),
                        Col(str(place.get("how", "")), "dim", 12),
                    ),
                ),
            )
            for at, place in enumerate(self._places)
        ]

    @on(Rows.Opened)
    def place_picked(self, event: Rows.Opened) -> None:
        """Takes a candidate and goes on."""
        event.stop()
        self._chosen = self._places[int(event.key.partition(":")[2])]
        self.rows.reload()
        self.query_one("#people", Input).focus()

    def action_cursor(self) -> None:
        """Takes the place under the map's crosshair."""
        if self.desk.cursor is None:
            self.desk.tell("There is no crosshair on the map: m, then c.", refused=True)
            return
        lon, lat = self.desk.cursor
        self._chosen = {"label": f"{lat:.5f}, {lon:.5f}", "lon": lon, "lat": lat, "how": "cursor"}
        self.query_one("#place", Input).value = str(self._chosen["label"])
        self._places = [self._chosen]
        self.rows.reload()

    # Going through the form

    def action_next(self, by: int) -> None:
        """The next or previous field; in the candidates the next or previous one."""
        if self.focused is self.rows and self._places:
            before = self.rows.key
            self.rows.action_step(by)
            if self.rows.key != before:
                return
        if by > 0:
            self.focus_next("Input, Rows" if self._places else "Input")
        else:
            self.focus_previous("Input, Rows" if self._places else "Input")

    def action_go_on(self) -> None:
        """Enter goes on at once, so that what is typed after it stands in the next field; in the last one it sends."""
        if self.focused is self.rows:
            self.rows.action_open()
        elif self.focused is not None and self.focused.id == FIELDS[-1][0]:
            self.action_submit()
        else:
            self.action_next(1)

    def action_submit(self) -> None:
        """Sends the report; the form closes at once and the queue shows it on its way."""
        self.after_typing(self._submit)

    def _submit(self) -> None:
        values = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _ in FIELDS}
        try:
            command = report_command(values, self._chosen, self._incident, self.desk.now_ms)
        except ValueError as why:
            self.say(f"REPORT  {why}")
            return
        desk = self.desk
        desk.draft = values
        about = f"incident:{self._incident}" if self._incident else "new:incident:"
        said = values["title"] or f"{values['kind'] or 'report'} {values['place']}".strip()

        main = self.tocsin.main

        def taken(answer: dict[str, Any]) -> None:
            desk.draft = {}
            if name := answer.get("incident"):
                desk.tell(f"The report is with {name}.")
                main.take_up(f"incident:{name}")

        desk.send(command, about, f"{said}: taking the report…", then=taken, done="", failed=lambda: None)
        self.answer(None)


def report_command(values: dict[str, str], chosen: dict[str, Any] | None, incident: str, now_ms: int) -> TakeReport:
    """The command for what stands in the form; ValueError in words where a field cannot be read."""
    kind = values["kind"].casefold().replace(" ", "_") or "other"
    if kind not in INCIDENT_KINDS:
        near = [
            name for name, words in INCIDENT_KINDS.items() if name.startswith(kind[:3]) or kind[:4] in words.casefold()
        ]
        raise ValueError(f"no such kind: {values['kind']}" + (f"; did you mean {', '.join(near[:3])}?" if near else ""))
    if not any(values[name] for name in ("text", "place", "title")) and chosen is None:
        raise ValueError("nothing is said yet: words, a place or a title")
    for name in ("people", "units", "priority"):
        if values[name] and not values[name].isdigit():
            raise ValueError(f"{name} is a number, not {values[name]}")
    if values["priority"] and values["priority"] not in "1234":
        raise ValueError("priority is 1 to 4")
    return TakeReport(
        incident_kind=kind,
        title=values["title"],
        text=values["text"],
        caller=values["caller"],
        call_back=values["call_back"],
        place=place_input(values["place"], chosen),
        people_at_risk=int(values["people"]) if values["people"] else None,
        people_trapped=values["trapped"].casefold().startswith(("y", "j", "1")),
        priority=int(values["priority"]) if values["priority"] else None,
        units_needed=int(values["units"] or 1),
        incident=incident,
        at_ms=now_ms,
    )


def place_input(said: str, chosen: dict[str, Any] | None) -> PlaceInput | None:
    """The place as said, with the position that was picked or typed; None where nothing was said."""
    if chosen is not None:
        return PlaceInput(
            said=said,
            lon=chosen["lon"],
            lat=chosen["lat"],
            label=str(chosen.get("label", "")),
            how=str(chosen.get("how", "address")),
        )
    if typed := COORDINATES.match(said):
        lat, lon = float(typed[1]), float(typed[2])
        if abs(lat) > 90 or abs(lon) > 180:
            raise ValueError("coordinates are latitude, longitude")
        return PlaceInput(said=said, lon=lon, lat=lat, label=said, how="coordinates")
    return PlaceInput(said=said) if said else None
