"""The desk: everything an operator does by hand, with no feed, planner, twin or network needed.

Every function checks the rules against the picture and returns drafts; it never journals. Refusals are
``RefusedError`` with the rule that refused. Places are looked up through ``Locator``, which may know nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from console import commands as c
from console.core import Core, Draft
from console.desk_duty import DeskDuty
from console.desk_roads import DeskRoads
from console.people import Person
from picture import events as ev
from picture.alarms import standing
from picture.errors import RefusedError
from picture.model import UNIT_STATUSES, Alarm, Incident, Unit
from picture.places import to_e7
from picture.reports import INCIDENT_KINDS, IncidentReport

LIFE_AT_RISK = frozenset({"trapped", "vehicle_in_water", "mayday", "person_in_water", "fire", "collapse"})


@dataclass(frozen=True, slots=True)
class Located:
    """A position with its words."""

    lon: float
    lat: float
    label: str
    how: str
    score: float = 1.0
    uncertainty_m: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """How a unit would get there: what the road service answered."""

    duration_s: float
    length_m: float
    streets: tuple[str, ...]
    geometry: tuple[tuple[int, int], ...]
    """(lon_e7, lat_e7) along the way."""
    flagged: str = ""
    edges: tuple[int, ...] = ()
    epoch: int = 0
    """Journal cursor that the roads were true at."""


class Locator(Protocol):
    """What the desk may ask of the city; every answer may be "I do not know"."""

    def find(self, said: str) -> Sequence[Located]: ...

    def describe(self, lon: float, lat: float) -> str: ...

    def way(self, unit: Unit, lon: float, lat: float, start: tuple[float, float] | None = None) -> Way | None: ...


Answer = dict[str, Any]
Handled = tuple[list[Draft], Answer]


class Desk:
    """Turns commands into drafts."""

    def __init__(self, core: Core, locator: Locator) -> None:
        self._core = core
        self._locator = locator
        self._handlers: dict[type[Any], Callable[[Any, Person], Handled]] = {
            c.ResolvePlace: self.resolve,
            c.TakeReport: self.take_report,
            c.ChangeIncident: self.change,
            c.CloseIncident: self.close,
            c.ReopenIncident: self.reopen,
            c.MarkDuplicate: self.duplicate,
            c.WriteLog: self.log,
            c.Assign: self.assign,
            c.StandDown: self.stand_down,
            c.SetStatus: self.set_status,
            c.AckAlarm: self.acknowledge,
            c.ClearAlarm: self.clear_alarm,
            c.SetHandsOff: self.hands_off,
            **DeskDuty(core).handlers,
            **DeskRoads(core, locator, self.locate).handlers,
        }

    def handles(self, command: object) -> bool:
        return type(command) in self._handlers

    def handle(self, command: Any, person: Person) -> Handled:
        """(drafts, answer) of a command; ``RefusedError`` where a rule forbids it."""
        return self._handlers[type(command)](command, person)

    # --- looking things up ----------------------------------------------------------------------------------

    def incident(self, identifier: str) -> Incident:
        found = self._core.home.incidents.get(identifier.upper())
        if found is None:
            raise RefusedError(f"There is no incident {identifier}.", code="TOC-4008")
        return found

    def unit(self, name: str) -> Unit:
        units = self._core.home.units
        found = units.get(name) or next(
            (unit for unit in units.values() if name.casefold() in (unit.id.casefold(), unit.name.casefold())), None
        )
        if found is None:
            owner = self._owner_of(name)
            if owner:
                raise RefusedError(f"{name} is of {owner}.", code="TOC-4070")
            raise RefusedError(f"There is no unit {name}.", code="TOC-4008")
        return found

    def _owner_of(self, unit: str) -> str:
        """The agency of a unit that another core of the domain keeps, and that core; empty where nobody has it."""
        for stream, sub in self._core.picture.streams.items():
            for one in sub.units.values():
                if unit.casefold() in (one.id.casefold(), one.name.casefold()):
                    return f"{one.agency} ({stream})"
        return ""

    def alarm(self, name: str) -> Alarm:
        """The alarm of this id; or, by its key, the one that stands."""
        alarms = self._core.home.alarms
        found = alarms.get(name) or standing(alarms, name)
        if found is None:
            raise RefusedError(f"There is no alarm {name}.", code="TOC-4008")
        return found

    def locate(self, place: c.PlaceInput | None) -> Located | None:
        """The position of a place as given: the picked one, or the best that the words lead to."""
        if place is None:
            return None
        if place.lon is not None and place.lat is not None:
            label = place.label or self._locator.describe(place.lon, place.lat)
            return Located(place.lon, place.lat, label, place.how)
        found = self._locator.find(place.said) if place.said else ()
        return found[0] if found else None

    def resolve(self, command: c.ResolvePlace, person: Person) -> Handled:
        places = [
            {"label": p.label, "lon": p.lon, "lat": p.lat, "how": p.how, "score": p.score}
            for p in self._locator.find(command.said)[:8]
        ]
        return [], {"places": places}

    # --- incidents ------------------------------------------------------------------------------------------

    def take_report(self, command: c.TakeReport, person: Person) -> Handled:
        """A report by hand is a report like any other: journalled, then linked to the incident it opens or names."""
        at_ms = command.at_ms if command.at_ms is not None else self._core.now_ms()
        where = self.locate(command.place)
        lon_e7, lat_e7 = (to_e7(where.lon), to_e7(where.lat)) if where else (None, None)
        kind = command.incident_kind if command.incident_kind in INCIDENT_KINDS else "other"
        known = self.incident(command.incident) if command.incident else None
        incident = known.id if known else self._core.ids.new("I")
        said = command.place.said if command.place and command.place.said else None
        report = IncidentReport(
            at_ms=at_ms,
            incident_kind=kind,
            lon_e7=lon_e7,
            lat_e7=lat_e7,
            place_as_said=said,
            text=command.text or None,
            caller=command.caller or None,
            call_back=command.call_back or None,
            people_at_risk=command.people_at_risk,
            people_trapped=command.people_trapped,
            severity=command.priority,
            reporter="call_taker",
            origin=f"desk:{incident}:{at_ms}",
        )
        has = tuple(name for name in ("text", "caller", "call_back", "place_as_said") if getattr(report, name))
        drafts = [
            Draft(
                ev.ReportReceived(report=report, size=0, sha256="", incident=incident), at_ms, source="desk", grade="B2"
            )
        ]
        if known is None:
            drafts.append(Draft(self._opened(command, incident, kind, where), at_ms))
        drafts.append(
            Draft(
                ev.ReportLinked(
                    incident=incident,
                    report_index=0,
                    feed="desk",
                    origin=f"desk:{incident}:{at_ms}",
                    report_at_ms=at_ms,
                    grade="B2",
                    score_c=0,
                    evidence=(("operator", 0, f"taken by {person.name}"),),
                    has=has,
                    people_at_risk=command.people_at_risk,
                    people_trapped=command.people_trapped,
                    **_first_position(known, where),
                ),
                at_ms,
            )
        )
        drafts.append(Draft(ev.IncidentChanged(incident=incident, unread=False, why="taken by the operator")))
        return drafts, {"incident": incident}

    def _opened(self, command: c.TakeReport, incident: str, kind: str, where: Located | None) -> ev.IncidentOpened:
        at_risk = command.people_trapped or kind in LIFE_AT_RISK
        return ev.IncidentOpened(
            incident=incident,
            incident_kind=kind,
            title=command.title or INCIDENT_KINDS[kind],
            priority=command.priority or (1 if at_risk else 3),
            lon_e7=to_e7(where.lon) if where else None,
            lat_e7=to_e7(where.lat) if where else None,
            place_label=where.label if where else "",
            place_how=where.how if where else "unknown",
            units_needed=command.units_needed,
            people_at_risk=command.people_at_risk,
            people_trapped=command.people_trapped,
            unread=False,
        )

    def change(self, command: c.ChangeIncident, person: Person) -> Handled:
        incident = self.incident(command.incident)
        if command.incident_kind is not None and command.incident_kind not in INCIDENT_KINDS:
            known = ", ".join(sorted(INCIDENT_KINDS))
            raise RefusedError(f"There is no kind “{command.incident_kind}”. Known: {known}.")
        where = self.locate(command.place)
        event = ev.IncidentChanged(
            incident=incident.id,
            title=command.title,
            incident_kind=command.incident_kind,
            priority=command.priority,
            units_needed=command.units_needed,
            people_unaccounted=command.people_unaccounted,
            unread=command.unread,
            lon_e7=to_e7(where.lon) if where else None,
            lat_e7=to_e7(where.lat) if where else None,
            place_label=where.label if where else None,
            place_how=where.how if where else None,
            why=f"by {person.name}",
        )
        return [Draft(event)], {"incident": incident.id}

    def close(self, command: c.CloseIncident, person: Person) -> Handled:
        """Refused while a unit is assigned, an alert is active or a person is unaccounted for."""
        incident = self.incident(command.incident)
        if incident.status == "closed":
            raise RefusedError(f"{incident.id} is closed already.", code="TOC-4009")
        why = []
        if incident.units:
            why.append(f"assigned: {', '.join(incident.units)}")
        # A retraction (urgency Past) asks nobody to do anything any more.
        active = [
            a.id
            for a in self._core.home.alerts.values()
            if a.incident == incident.id and a.status == "active" and a.urgency != "Past"
        ]
        if active:
            why.append(f"alerts active: {', '.join(active)}")
        if incident.people_unaccounted:
            why.append(f"{incident.people_unaccounted} people unaccounted for")
        if why:
            raise RefusedError(f"{incident.id}: {'; '.join(why)}.", code="TOC-4006", diff=tuple(why))
        return [Draft(ev.IncidentClosed(incident=incident.id, result_code=command.result_code))], {}

    def reopen(self, command: c.ReopenIncident, person: Person) -> Handled:
        incident = self.incident(command.incident)
        if incident.status != "closed":
            raise RefusedError(f"{incident.id} is open.", code="TOC-4009")
        return [Draft(ev.IncidentReopened(incident=incident.id))], {}

    def duplicate(self, command: c.MarkDuplicate, person: Person) -> Handled:
        incident = self.incident(command.incident)
        of = self.incident(command.of).id if command.of else ""
        if of == incident.id:
            raise RefusedError("An incident is not its own duplicate.")
        if of and incident.id in self._originals(of):
            raise RefusedError(f"{of} is marked as a duplicate of {incident.id} already.")
        if not of and not incident.duplicate_of:
            raise RefusedError(f"{incident.id} is not marked as a duplicate.", code="TOC-4009")
        return [Draft(ev.IncidentMarkedDuplicate(incident=incident.id, of=of))], {"of": of}

    def _originals(self, identifier: str) -> list[str]:
        """The incidents that this one is a duplicate of, directly or through others."""
        incidents = self._core.home.incidents
        found: list[str] = []
        while (identifier := incidents[identifier].duplicate_of) and identifier not in found:
            found.append(identifier)
        return found

    def log(self, command: c.WriteLog, person: Person) -> Handled:
        incident = self.incident(command.incident).id if command.incident else ""
        event = ev.LogWritten(id=self._core.ids.new("L"), incident=incident, text=command.text)
        return [Draft(event, command.at_ms)], {"log": event.id}

    # --- units ----------------------------------------------------------------------------------------------

    def assign(self, command: c.Assign, person: Person) -> Handled:
        unit = self.unit(command.unit)
        if "dispatched" not in UNIT_STATUSES[unit.local_status][2]:
            raise RefusedError(self._illegal(unit, "dispatched"), code="TOC-4003")
        incident = self.incident(command.incident) if command.incident else None
        if incident is not None and incident.status == "closed":
            raise RefusedError(f"{incident.id} is closed; reopen it first.")
        where = self._destination(incident, command.place)
        identifier = self._core.ids.new("A")
        way = self._locator.way(unit, where.lon, where.lat, self._stands(unit))
        now = self._core.now_ms()
        event = ev.UnitAssigned(
            id=identifier,
            unit=unit.id,
            incident=incident.id if incident else "",
            to_lon_e7=to_e7(where.lon),
            to_lat_e7=to_e7(where.lat),
            to_label=where.label,
            by=person.name,
            eta_ms=now + int(way.duration_s * 1000) if way else None,
            length_m=int(way.length_m) if way else None,
            streets=way.streets if way else (),
            route=way.geometry if way else None,
            flagged=way.flagged if way else "no open road known: send by your own judgement",
        )
        answer: Answer = {"assignment": identifier, "eta_s": way.duration_s if way else None}
        return [Draft(event)], answer | ({"epoch": way.epoch} if way else {})

    def _stands(self, unit: Unit) -> tuple[float, float] | None:
        """(lon, lat) that a unit last reported, or None where it never did or its key is gone."""
        lon, lat = (self._core.opened(ref) for ref in unit.position) if unit.position else (None, None)
        return (lon / 1e7, lat / 1e7) if isinstance(lon, int) and isinstance(lat, int) else None

    def _destination(self, incident: Incident | None, place: c.PlaceInput | None) -> Located:
        where = self.locate(place)
        if where is None and incident is not None and incident.place is not None:
            p = incident.place
            where = Located(p.lon_e7 / 1e7, p.lat_e7 / 1e7, p.label or incident.title, p.how)
        if where is None:
            raise RefusedError("Nobody knows where to send it: the incident has no position. Give it one first.")
        return where

    def stand_down(self, command: c.StandDown, person: Person) -> Handled:
        unit = self.unit(command.unit)
        if not unit.assignment:
            raise RefusedError(f"{unit.name} is not assigned to anything.")
        return [
            Draft(ev.AssignmentEnded(id=unit.assignment, status="stood_down", why=command.why)),
            Draft(ev.UnitStatusChanged(unit=unit.id, local_status="available", why="stood down")),
        ], {"unit": unit.id}

    def set_status(self, command: c.SetStatus, person: Person) -> Handled:
        unit = self.unit(command.unit)
        status = self.status(command.status)
        if status not in UNIT_STATUSES[unit.local_status][2]:
            raise RefusedError(self._illegal(unit, status), code="TOC-4003")
        if status == "dispatched":
            raise RefusedError("A unit is dispatched by assigning it to an incident or a place.", code="TOC-4003")
        drafts = [Draft(ev.UnitStatusChanged(unit=unit.id, local_status=status, why=f"set by {person.name}"))]
        if unit.assignment and UNIT_STATUSES[status][0] != "assigned":
            drafts.append(Draft(ev.AssignmentEnded(id=unit.assignment, status="done", why=status)))
        return drafts, {"unit": unit.id, "status": status}

    def status(self, word: str) -> str:
        """The full name of a status, from the name or the short word."""
        wanted = word.casefold().replace(" ", "_")
        for name, (_, short, _) in UNIT_STATUSES.items():
            if wanted in (name, short):
                return name
        known = ", ".join(f"{short} ({name.replace('_', ' ')})" for name, (_, short, _) in UNIT_STATUSES.items())
        raise RefusedError(f"There is no status “{word}”. Known: {known}.", code="TOC-4003")

    def _illegal(self, unit: Unit, status: str) -> str:
        legal = ", ".join(name.replace("_", " ") for name in UNIT_STATUSES[unit.local_status][2])
        now, wanted = unit.local_status.replace("_", " "), status.replace("_", " ")
        return f"{unit.name} is {now}, so it cannot be {wanted}; it may become: {legal}."

    # --- alarms and the desk itself -------------------------------------------------------------------------

    def acknowledge(self, command: c.AckAlarm, person: Person) -> Handled:
        alarm = self.alarm(command.alarm)
        if alarm.state == "returned_unacknowledged":
            return [Draft(ev.AlarmChanged(id=alarm.id, state="cleared", why="acknowledged after it returned"))], {}
        if alarm.state != "unacknowledged":
            raise RefusedError(f"{alarm.id} is {alarm.state.replace('_', ' ')} already.", code="TOC-4009")
        return [Draft(ev.AlarmChanged(id=alarm.id, state="acknowledged"))], {}

    def clear_alarm(self, command: c.ClearAlarm, person: Person) -> Handled:
        alarm = self.alarm(command.alarm)
        if alarm.state == "cleared":
            raise RefusedError(f"{alarm.id} is cleared already.", code="TOC-4009")
        return [Draft(ev.AlarmChanged(id=alarm.id, state="cleared", why=command.why))], {}

    def hands_off(self, command: c.SetHandsOff, person: Person) -> Handled:
        return [Draft(ev.HandsOff(on=command.on))], {"hands_off": command.on}


def _first_position(known: Incident | None, where: Located | None) -> dict[str, Any]:
    """The position that a report gives an incident which had none; a known one is moved by hand only."""
    if known is None or known.place is not None or where is None:
        return {}
    return {"lon_e7": to_e7(where.lon), "lat_e7": to_e7(where.lat), "place_label": where.label}
