"""What an operator can do, by key or palette: one action each, about whatever is under the cursor.

Every action answers at once: it opens a dialog or sends a command through the desk, and never waits. An action on a
row is ignored if that row changed under the cursor just now.
"""

from __future__ import annotations

from functools import partial

from textual.app import App

from console.commands import (
    AckAlarm,
    Assign,
    CancelAlert,
    ChangeIncident,
    ClearAlarm,
    CloseIncident,
    MarkDuplicate,
    NearestUnits,
    QuickLine,
    ReopenIncident,
    SetHandsOff,
    SetStatus,
    StandDown,
    WriteLog,
)
from console.tui import picking, words
from console.tui.desk import Answer, Desk, kind_of
from console.tui.screens.ask import AskScreen
from console.tui.screens.form import FormScreen, Values
from console.tui.screens.pick import PickScreen, PickSeveralScreen
from console.tui.screens.report import ReportScreen, place_input
from picture.model import Incident, Unit
from picture.reports import INCIDENT_KINDS


class Acts(App[None]):
    """The operator's actions. The app supplies ``desk``, ``subject`` and ``settled``."""

    desk: Desk

    # What an action is about

    @property
    def subject(self) -> str:
        """The key under the cursor; where there is none, what is selected."""
        return str(getattr(self.screen, "subject", "") or self.desk.selected)

    def _meant(self) -> bool:
        settled = getattr(self.screen, "settled", None)
        if settled is None or settled():
            return True
        kind, name = kind_of(self.subject)
        what = f"{kind} {name}" if name else "row"
        self.desk.tell(
            f"Key ignored: the {what} came under the cursor, or changed, less than half a second ago. Look again.",
            refused=True,
        )
        return False

    def incident(self) -> Incident | None:
        """The incident an action is about: the subject, or the one it belongs to, else the selected one."""
        home = self.desk.home
        for key in (self.subject, self.desk.selected):
            kind, name = kind_of(key)
            if kind == "unit" and name in home.units:
                assignment = home.assignments.get(home.units[name].assignment)
                name = assignment.incident if assignment else ""
            elif kind == "proposal" and name in home.proposals:
                name = home.proposals[name].incident
            elif kind == "alarm" and name in home.alarms:
                name = home.alarms[name].subject
            elif kind == "alert" and name in home.alerts:
                name = home.alerts[name].incident
            if name in home.incidents:
                return home.incidents[name]
        return None

    def _incident_or_say(self) -> Incident | None:
        if not self._meant():
            return None
        one = self.incident()
        if one is None:
            self.desk.tell("Choose an incident first: 2, then up and down.", refused=True)
        return one

    def unit(self) -> Unit | None:
        """The unit an action is about."""
        kind, name = kind_of(self.subject)
        return self.desk.home.units.get(name) if kind == "unit" else None

    # Reports and the log

    def action_report(self) -> None:
        """Takes a report."""
        self.push_screen(ReportScreen(self.desk))

    def action_report_more(self) -> None:
        """Takes another report for the incident."""
        one = self._incident_or_say()
        if one is not None:
            self.push_screen(ReportScreen(self.desk, incident=one.id))

    def action_note(self) -> None:
        """Writes a log entry."""
        one = self.incident()
        fields = (
            ("text", "What", "", "what happened, or was said or decided"),
            (
                "at",
                "When",
                "",
                f"empty: now; 14:32; -5 is five minutes ago (UTC {words.clock(self.desk.link.now_ms())})",
            ),
            ("incident", "Incident", one.id if one else "", "empty: none"),
        )
        self.push_screen(FormScreen(self.desk, "LOG ENTRY", fields, check=self._check_note), self._write_note)

    def _check_note(self, values: Values) -> str:
        if not values["text"]:
            return "Nothing is written yet."
        if words.event_time(values["at"], self.desk.link.now_ms()) is None:
            return f"{values['at']} is no time: 14:32, 14:32:08, or -5 for five minutes ago."
        if values["incident"] and values["incident"] not in self.desk.home.incidents:
            return f"There is no incident {values['incident']}."
        return ""

    def _write_note(self, values: Values | None) -> None:
        if values:
            at_ms = words.event_time(values["at"], self.desk.link.now_ms()) if values["at"] else None
            self.desk.send(
                WriteLog(text=values["text"], incident=values["incident"], at_ms=at_ms),
                "new:log:",
                "writing the log…",
                done="Logged.",
            )

    def action_quick(self) -> None:
        """A typed line."""
        one = self.incident()
        self.push_screen(
            AskScreen(self.desk, "LINE", ["E12 enr   E12 I-3   I-3 dup I-1   I-3 p1   log gate shut"]),
            lambda line: self._quick(line, one.id if one else "") if line else None,
        )

    def _quick(self, line: str, incident: str) -> None:
        first = line.split(maxsplit=1)[0]
        about = next(
            (
                f"{kind}:{name}"
                for kind, table in (("unit", self.desk.home.units), ("incident", self.desk.home.incidents))
                for name in table
                if name.casefold() == first.casefold()
            ),
            "new:log:",
        )
        self.desk.send(QuickLine(line=line, incident=incident), about, f"{line}…", done=f"Done: {line}")

    # Incidents

    def action_priority(self) -> None:
        """Sets the incident's priority."""
        one = self._incident_or_say()
        if one is not None:
            self.push_screen(
                PickScreen(self.desk, f"PRIORITY of {one.id} {one.title}", picking.priorities),
                lambda got: self._change(one, f"priority {got[0]}…", priority=int(got[0])) if got else None,
            )

    def _change(self, one: Incident, said: str, **what: object) -> None:
        self.desk.send(ChangeIncident.model_validate({"incident": one.id, **what}), f"incident:{one.id}", said)

    def action_edit(self) -> None:
        """Changes what is known of the incident."""
        one = self._incident_or_say()
        if one is None:
            return
        fields = (
            ("title", "Title", one.title, ""),
            ("incident_kind", "Kind", one.kind, ", ".join(INCIDENT_KINDS)),
            ("place", "Where", "", f"empty: stays {words.where(one.place)}"),
            ("units_needed", "Units needed", str(one.units_needed), ""),
            ("people_unaccounted", "Unaccounted for", str(one.people_unaccounted), "people"),
        )
        seen = self.desk.live.seq  # the form goes on showing what was known now
        self.push_screen(
            FormScreen(self.desk, f"CHANGE {one.id}", fields, check=_check_edit),
            lambda values: self._edited(one, values, seen) if values else None,
        )

    def _edited(self, one: Incident, values: Values, seen: int) -> None:
        changes: dict[str, object] = {}
        for name, now in (("title", one.title), ("incident_kind", one.kind)):
            if values[name] and values[name] != now:
                changes[name] = values[name]
        for name, count in (("units_needed", one.units_needed), ("people_unaccounted", one.people_unaccounted)):
            if values[name] and int(values[name]) != count:
                changes[name] = int(values[name])
        if values["place"]:
            changes["place"] = place_input(values["place"], None)
        if changes:
            self._change(one, f"changing {', '.join(changes).replace('_', ' ')}…", seen=seen, **changes)

    def action_end(self) -> None:
        """Ends what is under the cursor: closes, clears, rejects or cancels."""
        if not self._meant():
            return
        kind, name = kind_of(self.subject)
        desk = self.desk
        if kind == "alarm" and name in desk.home.alarms:
            self.push_screen(
                AskScreen(desk, f"CLEAR ALARM {desk.home.alarms[name].title}", ["Why is it over?"]),
                lambda why: desk.send(ClearAlarm(alarm=name, why=why), f"alarm:{name}", "clearing…") if why else None,
            )
        elif kind == "alert" and name in desk.home.alerts:
            self.push_screen(
                AskScreen(desk, "CANCEL ALERT", [desk.home.alerts[name].headline, "Type cancel."], must="cancel"),
                lambda yes: desk.send(CancelAlert(alert=name), f"alert:{name}", "cancelling…") if yes else None,
            )
        elif kind == "proposal":
            self.open_item(self.subject)
        elif (one := self._incident_or_say()) is not None:
            self.push_screen(
                PickScreen(desk, f"CLOSE {one.id} {one.title}", picking.result_codes),
                lambda got: (
                    desk.send(
                        CloseIncident(incident=one.id, result_code=got[0]),
                        f"incident:{one.id}",
                        "closing…",
                        done=f"Closed {one.id}: {got[0]}",
                    )
                    if got
                    else None
                ),
            )

    def action_reopen(self) -> None:
        """Reopens a closed incident."""
        one = self._incident_or_say()
        if one is not None:
            self.desk.send(
                ReopenIncident(incident=one.id), f"incident:{one.id}", "reopening…", done=f"Reopened {one.id}"
            )

    def action_duplicate(self) -> None:
        """Marks as duplicate of another, or undoes the mark."""
        one = self._incident_or_say()
        if one is None:
            return
        if one.duplicate_of:
            self.desk.send(
                MarkDuplicate(incident=one.id),
                f"incident:{one.id}",
                "not a duplicate…",
                done=f"{one.id} stands on its own again",
            )
            return
        self.push_screen(
            PickScreen(self.desk, f"{one.id} {one.title} IS A DUPLICATE OF", lambda: picking.twins(self.desk, one)),
            lambda got: (
                self.desk.send(
                    MarkDuplicate(incident=one.id, of=got[0]), f"incident:{one.id}", f"duplicate of {got[0]}…"
                )
                if got
                else None
            ),
        )

    def action_acknowledge(self) -> None:
        """Takes notice of the alarm or the incident under the cursor; from elsewhere, goes to the alarms first."""
        if not self._meant():
            return
        kind, name = kind_of(self.subject)
        if kind == "alarm" and name in self.desk.home.alarms:
            alarm = self.desk.home.alarms[name]
            if words.unacknowledged(alarm):
                self.desk.send(
                    AckAlarm(alarm=name),
                    f"alarm:{name}",
                    "acknowledging…",
                    done=f"Acknowledged: {alarm.title}",  # its row moves down, maybe out of sight, before it is seen
                )
            else:
                by = f" by {alarm.acknowledged_by}" if alarm.acknowledged_by else ""
                self.desk.tell(f"{alarm.title}: {words.ALARM_STATE.get(alarm.state, alarm.state)} already{by}.")
        elif kind == "incident" and name in self.desk.home.incidents:
            if self.desk.home.incidents[name].unread:
                self.desk.send(ChangeIncident(incident=name, unread=False), f"incident:{name}", "reading…")
            else:
                self.desk.tell(f"{name} is read already.")
        else:
            self.action_pane("alarms")

    # Units

    def action_dispatch(self) -> None:
        """Picks units for the incident; the times by road arrive while the list is in use."""
        one = self._incident_or_say()
        if one is None:
            return
        ways: dict[str, Answer] = {}
        screen = PickSeveralScreen(
            self.desk,
            f"SEND TO {one.id} {one.title}  (roads: asking…)",
            lambda: picking.units(self.desk, one, ways),
            empty="no units",
        )

        def got(answer: Answer) -> None:
            ways.update({str(way["unit"]): way for way in answer.get("units", ())})
            if screen.is_mounted:
                screen.say(f"SEND TO {one.id} {one.title}  (nearest by road first)")
                screen.reload(None)

        def failed(why: str) -> None:
            if screen.is_mounted:
                screen.say(f"SEND TO {one.id} {one.title}  (as the crow flies: {why})")

        self.desk.ask(NearestUnits(incident=one.id), got, failed)
        self.push_screen(screen, lambda names: self._assign(one, names or []))

    def _assign(self, one: Incident, names: list[str]) -> None:
        sent: list[str] = []

        def on_its_way(name: str, answer: Answer) -> None:
            eta_s = answer.get("eta_s")
            sent.append(f"{name} in {words.minutes(float(eta_s))}" if eta_s else name)
            self.desk.tell(f"Sent to {one.id}: {', '.join(sent)}")

        for name in names:
            self.desk.send(
                Assign(unit=name, incident=one.id),
                f"unit:{name}",
                f"sending {name} to {one.id}…",
                also=f"incident:{one.id}",
                then=partial(on_its_way, name),
            )

    def action_stand_down(self) -> None:
        """Stands the unit down, or picks one of the incident's."""
        self._with_unit(
            "STAND DOWN",
            True,
            lambda unit: self.push_screen(
                AskScreen(self.desk, f"STAND DOWN {unit.name}", ["Why? (may be empty)"], optional=True),
                lambda why: (
                    self.desk.send(
                        StandDown(unit=unit.id, why=why),
                        f"unit:{unit.id}",
                        "standing down…",
                        done=f"{unit.name} stood down",
                    )
                    if why is not None
                    else None
                ),
            ),
        )

    def action_status(self) -> None:
        """Sets the unit's status; what is not legal is refused with the statuses that may follow."""
        self._with_unit(
            "STATUS OF",
            False,
            lambda unit: self.push_screen(
                PickScreen(
                    self.desk, f"STATUS of {unit.name}, now {words.status(unit)}", lambda: picking.statuses(unit)
                ),
                lambda got: (
                    self.desk.send(
                        SetStatus(unit=unit.id, status=got[0]),
                        f"unit:{unit.id}",
                        f"{words.STATUS.get(got[0], got[0])}…",
                    )
                    if got
                    else None
                ),
            ),
        )

    def _with_unit(self, heading: str, assigned: bool, then: picking.UnitDo) -> None:
        if not self._meant():
            return
        unit = self.unit()
        if unit is not None:
            then(unit)
            return
        one = self.incident()
        names = one.units if one and one.units else None
        self.push_screen(
            PickScreen(self.desk, heading, lambda: picking.any_units(self.desk, names, assigned), empty="no unit"),
            lambda got: self._then_unit(then, got),
        )

    def _then_unit(self, then: picking.UnitDo, got: list[str] | None) -> None:
        if got:
            then(self.desk.home.units[got[0]])

    # The desk

    def action_hands_off(self) -> None:
        """Every playbook back to advice, or released again."""
        on = not self.desk.home.hands_off
        self.desk.send(
            SetHandsOff(on=on),
            "hands",
            "hands off…" if on else "releasing…",
            done="Hands off: playbooks only advise." if on else "Playbooks may act again within their class.",
        )

    def action_pane(self, name: str) -> None:
        """Goes to a pane of the main screen."""
        raise NotImplementedError

    def open_item(self, key: str) -> None:
        """Opens anything by its key."""
        raise NotImplementedError


def _check_edit(values: Values) -> str:
    if values["incident_kind"] and values["incident_kind"] not in INCIDENT_KINDS:
        return f"There is no kind {values['incident_kind']}: {', '.join(INCIDENT_KINDS)}."
    if not all(values[name].isdigit() for name in ("units_needed", "people_unaccounted") if values[name]):
        return "Units needed and people unaccounted for are numbers."
    try:
        place_input(values["place"], None)
    except ValueError as why:
        return str(why)
    return ""
