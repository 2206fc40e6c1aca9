"""What a playbook's conditions may speak of: every kind of event, and the records of the picture, as typed messages.

Derived from ``picture.events`` and ``picture.model``, so that a field that does not exist cannot be written. Sealed
values are left out: a condition never reads what a caller said.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from picture import model
from picture.conditions import BOOL, DOUBLE, INT, STRING, Field, Message, Type, enum_of, list_of
from picture.events import KINDS, Event, sealed_paths
from picture.reports import INCIDENT_KINDS

_PLAIN: dict[type, Type] = {bool: BOOL, int: INT, float: DOUBLE, str: STRING}
_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("incident", "kind"): tuple(INCIDENT_KINDS),
    ("incident", "status"): ("open", "closed"),
    ("incident.opened", "incident_kind"): tuple(INCIDENT_KINDS),
    ("sensor", "state"): ("ok", "stuck", "doubtful", "silent"),
    ("hazard", "status"): ("active", "expired", "cancelled", "ended", "vanished"),
    ("unit", "local_status"): tuple(model.UNIT_STATUSES),
    ("unit", "status"): ("available", "assigned", "out_of_service"),
    ("unit.status", "local_status"): tuple(model.UNIT_STATUSES),
    ("request", "status"): ("made", "accepted", "refused", "countered", "done", "withdrawn"),
    ("city", "barrier"): ("open", "closing", "closed", "opening", "failed"),
}
"""Enumerations that the model writes as plain text."""

FACILITY_ATTRIBUTES: dict[str, Type] = {
    "trip_level_m": DOUBLE, "power": enum_of(("mains", "generator", "none")), "state": STRING, "pilotage": STRING,
    "feeder": STRING, "substation": STRING, "generator_h": DOUBLE, "battery_h": DOUBLE, "occupancy": INT,
    "beds_free": INT, "people": INT, "isolated": BOOL, "earthed": BOOL,
}  # fmt: skip
"""Attributes of facilities that a condition may name; each may be absent."""

TABLES: dict[str, tuple[str, type]] = {
    # name in a playbook: (table of the picture, its record)
    "sensor": ("sensors", model.Sensor),
    "hazard": ("hazards", model.Hazard),
    "facility": ("facilities", model.Facility),
    "incident": ("incidents", model.Incident),
    "vessel": ("vessels", model.Vessel),
    "unit": ("units", model.Unit),
    "request": ("requests", model.Request),
}

MOVES: dict[str, tuple[str, str]] = {
    # event kind: (record it changes, field of the event that holds its id)
    "sensor.updated": ("sensor", "id"),
    "hazard.changed": ("hazard", "id"),
    "facility.updated": ("facility", "id"),
    "incident.opened": ("incident", "incident"),
    "incident.changed": ("incident", "incident"),
    "incident.closed": ("incident", "incident"),
    "report.linked": ("incident", "incident"),
    "vessel.updated": ("vessel", "mmsi"),
    "unit.status": ("unit", "unit"),
    "request.answered": ("request", "id"),
}
FLOOD_WORDS = ("flood", "surge", "tide", "tidal")
"""An official warning whose title has one of these is a flood warning."""
CITY_MOVES = ("hazard.changed", "barrier.changed")
"""Events after which ``city`` may have changed, and with it any condition that names it."""


@cache
def event_message(kind: str) -> Message:
    """The fields of an event of this kind that a condition may read; KeyError where there is no such kind."""
    event = KINDS[kind]
    hidden = set(sealed_paths(event))
    hints = get_type_hints(event, include_extras=False)
    return Message(
        kind,
        {
            name: field
            for name in event.model_fields
            if name not in hidden and (field := _field(kind, name, hints[name])) is not None
        },
    )


@cache
def record_message(table: str) -> Message:
    """The fields of a record of the picture (``sensor``, ``facility`` …) that a condition may read."""
    record = TABLES[table][1]
    hints = get_type_hints(record)
    found = {
        one.name: field
        for one in dataclass_fields(record)
        if (field := _field(table, one.name, hints[one.name])) is not None
    }
    if table == "facility":
        found |= {
            name: Field(kind, optional=True, read=_attribute(name, kind)) for name, kind in FACILITY_ATTRIBUTES.items()
        }
    return Message(table, found)


def _attribute(name: str, kind: Type) -> Any:
    def read(record: model.Facility) -> Any:
        for attribute, value in record.attributes:
            if attribute == name:
                return _as(kind, value)
        return None

    return read


def _as(kind: Type, value: object) -> object | None:
    if kind.name == "bool" or isinstance(value, bool):
        return value if kind.name == "bool" and isinstance(value, bool) else None
    if kind.name == "double" and isinstance(value, (int, float)):
        return float(value)
    if kind.name == "int" and isinstance(value, int):
        return value
    return value if kind.name == "string" and isinstance(value, str) else None


def _flood_level_m(picture: model.StreamPicture) -> float | None:
    levels = [
        one.level_mm
        for one in picture.hazards.values()
        if one.kind == "flood" and one.status == "active" and one.level_mm is not None
    ]
    return max(levels) / 1000 if levels else None


def _warned(picture: model.StreamPicture) -> bool:
    return any(
        one.kind == "warning" and one.status == "active" and any(word in one.title.casefold() for word in FLOOD_WORDS)
        for one in picture.hazards.values()
    )


CITY = Message(
    "city",
    {
        "flood_level_m": Field(DOUBLE, optional=True, unit="m", read=_flood_level_m),
        "flood_warning": Field(BOOL, read=_warned),
        "barrier": Field(enum_of(_WORDS["city", "barrier"])),
        "hands_off": Field(BOOL),
    },
)
"""The city as a whole: the highest active flood level on its datum, whether an official warning stands, the barrier."""


def _field(owner: str, name: str, hint: Any) -> Field | None:
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        rest = [one for one in get_args(hint) if one is not type(None)]
        optional = len(rest) < len(get_args(hint))
        if len(rest) != 1:
            return None
        hint = rest[0]
    kind = _type(hint)
    if kind is None:
        return None
    if kind is STRING and (words := _WORDS.get((owner, name))) is not None:
        kind = enum_of(words)
    return Field(kind, optional)


def _type(hint: Any) -> Type | None:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) is Literal:
        return enum_of(str(word) for word in get_args(hint))
    arguments = get_args(hint)
    if get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis and arguments[0] in _PLAIN:
        return list_of(_PLAIN[arguments[0]])
    return None


def subject_of(event: Event) -> tuple[str, str]:
    """(record kind, id) of what an event is about; empty strings where it changes no record."""
    kind, field = MOVES.get(event.kind, ("", ""))
    return (kind, str(getattr(event, field))) if kind else ("", "")


def record_of(picture: model.StreamPicture, kind: str, identifier: str) -> Any | None:
    """The record of this kind and id on the picture, or None."""
    if kind not in TABLES:
        return None
    table: Mapping[str, Any] = getattr(picture, TABLES[kind][0])
    return table.get(identifier)
