"""DCSA port-call events as attributes of berths and ports, and particulars of ships; ``decode`` only.

An event says when one service to one ship begins, ends, or a ship arrives or departs: actual, estimated, planned or
requested. It becomes ``<service>_<what>_<how>`` of the place where it happens, with the ship in ``<service>_vessel``:
``berth_arrival_estimated``. An actual arrival at or departure from a berth is also its ``state`` and ``vessel``. Where
a ship says that it is, is not taken over: positions come from AIS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from feeds import fields, strict_json
from feeds.base import FeedContext
from feeds.fields import BROKEN, IMPOSSIBLE, UNREAD, refuse
from picture.clock import rfc3339
from picture.reports import FacilityReport, Report, VesselReport

_TOO_MANY: Final = "TOC-2004"
_MOST_EVENTS: Final = 2_000
EVENTS: Final = {"ARRI": "arrival", "DEPA": "departure", "STRT": "started", "CMPL": "completed"}
CLASSIFIERS: Final = {"ACT": "actual", "EST": "estimated", "PLN": "planned", "REQ": "requested"}
_SERVICE: Final = re.compile(r"[A-Z][A-Z_]{0,39}", re.ASCII)
_UNLOCODE: Final = re.compile(r"[A-Z]{2}[A-Z2-9]{3}", re.ASCII)
_METRES: Final = {"MTR": 1.0, "FOT": 0.3048}
Json = dict[str, Any]


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """What a message comes to: of each attribute of a place and of each ship the newest event's word, oldest first.

    A list that is fetched again and again holds old events too; told one by one, they would free a berth and fill it
    again each time.

    Raises ``InputError``: TOC-2003 with the field that breaks a rule, TOC-2006 where there are no port-call events,
    TOC-2009 for a value that cannot be.
    """
    value = strict_json.parse(data, context.limits)
    events = value.get("events") if isinstance(value, dict) else None
    if not isinstance(events, list):
        refuse("events", "this is no list of port-call events", UNREAD)
    if len(events) > _MOST_EVENTS:
        refuse("events", f"more than {_MOST_EVENTS}", _TOO_MANY)
    read = sorted((_Event(one, f"events[{k}]") for k, one in enumerate(events)), key=lambda one: one.at_ms)
    found: dict[tuple[str, ...], Report] = {}
    for report in (report for event in read for report in _reports(event, context)):
        key = (report.facility, report.attribute) if isinstance(report, FacilityReport) else (str(report.mmsi),)
        found.pop(key, None)
        found[key] = report
    return tuple(found.values())


class _Event:
    """One event: its parts, each an object or empty, and when it was last changed."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            refuse(path, "not an object")
        self.path = path
        self.id = _word(value, "eventID", path, 200)
        if not self.id:
            refuse(f"{path}.eventID", "is missing")
        self.at_ms = fields.instant(value.get("eventUpdatedDateTime"), f"{path}.eventUpdatedDateTime")
        self.call = _part(value, "portCall", path)
        self.terminal = _part(value, "terminalCall", path)
        self.service = _part(value, "portCallService", path)
        self.vessel = _part(value, "vessel", path)
        self.timestamp = _part(value, "timestamp", path)


def _reports(event: _Event, context: FeedContext) -> Iterator[FacilityReport | VesselReport]:
    ship = _ship(event)
    place = _place(event, context.names)
    service = _word(event.service, "portCallServiceTypeCode", event.path, 50)
    if service and not _SERVICE.fullmatch(service):
        refuse(f"{event.path}.portCallServiceTypeCode", "not a code in capitals")
    if service and place:
        for attribute, value in _attributes(event, service, ship):
            yield fields.build(
                FacilityReport, event.path, at_ms=event.at_ms, external_id=event.id, facility=place,
                attribute=attribute, value=value,
            )  # fmt: skip
    else:
        context.skip(f"event {event.id[:60]} without a {'place' if service else 'service'}")
    if ship.mmsi is not None:
        yield _vessel(event, ship)


# --- the place ----------------------------------------------------------------------------------------------


def _place(event: _Event, names: Mapping[str, str]) -> str:
    """Our name of where the service is given: by code or name in ``names``, else the port and the facility's code."""
    path = f"{event.path}.serviceLocation"
    location = _part(event.service, "serviceLocation", event.path)
    facility = _part(location, "facility", path)
    port = _word(location, "UNLocationCode", path, 5) or _word(event.call, "UNLocationCode", event.path, 5)
    if port and not _UNLOCODE.fullmatch(port):
        refuse(f"{path}.UNLocationCode", "not a UN/LOCODE")
    code, name = _word(facility, "facilityCode", path, 6), _word(location, "locationName", path, 100)
    coded = f"{port}:{code}" if port and code else ""
    for known in (coded, name, port):
        if known and known in names:
            return names[known]
    return coded or fields.shortened(name, 80) or port


def _attributes(event: _Event, service: str, ship: _Ship) -> Iterator[tuple[str, str]]:
    name = service.lower()
    what = _one_of(event.service, "portCallServiceEventTypeCode", EVENTS, event.path)
    how = _one_of(event.timestamp, "classifierCode", CLASSIFIERS, event.path)
    off = _off(event)
    if off:
        yield f"{name}_state", off
    elif what and how:
        path = f"{event.path}.timestamp.serviceDateTime"
        yield f"{name}_{what}_{how}", rfc3339(fields.instant(event.timestamp.get("serviceDateTime"), path))
    if ship.words:
        yield f"{name}_vessel", ship.words
    remark = _remark(event)
    if remark:
        yield f"{name}_remark", remark
    if service == "BERTH" and how == "actual" and what in ("arrival", "departure") and not off:
        here = what == "arrival"
        yield "vessel", ship.words if here else ""
        yield "state", "occupied" if here else "free"


def _off(event: _Event) -> str:
    """Why the service will not be given; nothing where it will."""
    flags = (
        (event.service, "isCanceled", "cancelled"), (event.service, "isDeclined", "declined"),
        (event.terminal, "isOmitted", "omitted"), (event.call, "isOmitted", "omitted"),
    )  # fmt: skip
    for owner, flag, words in flags:
        said = owner.get(flag, False)
        if not isinstance(said, bool):
            refuse(f"{event.path}.{flag}", "neither true nor false")
        if said:
            return words
    return ""


def _remark(event: _Event) -> str:
    codes = event.timestamp.get("delayReasonCodes", [])
    path = f"{event.path}.timestamp.delayReasonCodes"
    if not isinstance(codes, list):
        refuse(path, "not a list")
    spelled = ", ".join(fields.text(code, path, 40) for code in codes[:20])
    remark = " ".join(_word(event.timestamp, "remark", event.path, 500).split())
    return ": ".join(part for part in (spelled, remark) if part)


# --- the ship -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ship:
    mmsi: int | None = None
    name: str = ""
    imo: str = ""

    @property
    def words(self) -> str:
        """As an operator reads it: the name, and the number by which it is known."""
        number = f"MMSI {self.mmsi:09d}" if self.mmsi is not None else f"IMO {self.imo}" if self.imo else ""
        return f"{self.name} ({number})" if self.name and number else self.name or number


def _ship(event: _Event) -> _Ship:
    mmsi = _word(event.vessel, "vesselMMSINumber", event.path, 9)
    if mmsi and not re.fullmatch(r"\d{9}", mmsi, re.ASCII):
        refuse(f"{event.path}.vesselMMSINumber", "not nine digits")
    name = " ".join(_word(event.vessel, "vesselName", event.path, 50).split()).upper()  # as AIS has it
    return _Ship(int(mmsi) if mmsi else None, name[:80], _word(event.vessel, "vesselIMONumber", event.path, 8))


def _vessel(event: _Event, ship: _Ship) -> VesselReport:
    inbound = _word(event.service, "portCallPhaseTypeCode", event.path, 4) == "INBD"
    length_m = _size(event, "lengthOverall", "vesselSizeUnit", 1023)
    draught_m = _size(event, "draft", "draftUnit", 25)
    return fields.build(
        VesselReport, event.path, at_ms=event.at_ms, external_id=event.id, mmsi=ship.mmsi, name=ship.name or None,
        length_m=None if length_m is None else round(length_m),
        draught_dm=None if draught_m is None else round(draught_m * 10),
        destination=(_word(event.call, "UNLocationCode", event.path, 5) or None) if inbound else None,
    )  # fmt: skip


def _size(event: _Event, name: str, unit: str, most: int) -> float | None:
    value = event.vessel.get(name)
    if value is None:
        return None
    path = f"{event.path}.vessel.{name}"
    said = _word(event.vessel, unit, event.path, 3)
    if said not in _METRES:
        refuse(f"{event.path}.vessel.{unit}", "neither MTR nor FOT", BROKEN)
    metres = fields.number(value, path) * _METRES[said]
    if not 0 <= metres <= most:
        refuse(path, f"outside 0 to {most} m", IMPOSSIBLE)
    return metres


# --- values -------------------------------------------------------------------------------------------------


def _part(owner: Json, name: str, path: str) -> Json:
    value = owner.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse(f"{path}.{name}", "not an object")
    return value


def _word(owner: Json, name: str, path: str, limit: int) -> str:
    value = owner.get(name)
    return "" if value is None else fields.text(value, f"{path}.{name}", limit).strip()


def _one_of(owner: Json, name: str, known: Mapping[str, str], path: str) -> str:
    said = _word(owner, name, path, 4)
    if said and said not in known:
        refuse(f"{path}.{name}", f"not one of {', '.join(known)}")
    return known.get(said, "")
