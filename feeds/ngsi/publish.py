"""The picture as NGSI-LD entities of Smart Data Models, pure: incidents and hazards as Alert, closures as RoadSegment,
facilities and vessels as themselves.

Only what stands in clear on the picture goes out: no caller, no free text of a report, no position of a crew. What is
over stays an entity that says so. ``source`` names the core; a feed that hears it again tells by it that it is our own.
"""

from __future__ import annotations

import json
from typing import Any, Final

from feeds.fields import E7
from feeds.ngsi.codec import CATEGORIES, FACILITIES, camel
from picture.clock import rfc3339
from picture.model import Closure, Facility, Hazard, Incident, Place, Vessel

Thing = Incident | Hazard | Closure | Facility | Vessel
_PRIORITIES: Final = {1: "critical", 2: "high", 3: "medium", 4: "low"}
_SEVERITIES: Final = {"Extreme": "critical", "Severe": "high", "Moderate": "medium", "Minor": "low"}
_KINDS: Final = {name.lower(): name for name in FACILITIES}


def encode(thing: Thing, *, source: str) -> bytes:
    """One normalized entity, ``urn:ngsi-ld:<Type>:<source>:<id>``; times are the picture's, UTC."""
    match thing:
        case Incident():
            kind, values, place, at_ms = "Alert", _incident(thing), _point(thing.place), thing.updated_ms
        case Hazard():
            kind, values, place, at_ms = "Alert", _hazard(thing), _areas(thing), thing.updated_ms
        case Closure():
            kind, values, place, at_ms = "RoadSegment", _closure(thing), _point(thing.place), _closed_ms(thing)
        case Facility():
            kind = _KINDS.get(thing.kind.replace("_", "").lower(), "Facility")
            values, place, at_ms = _facility(thing), _at(thing.lon_e7, thing.lat_e7), thing.updated_ms
        case Vessel():
            kind, values, place, at_ms = "Vessel", _vessel(thing), _at(thing.lon_e7, thing.lat_e7), thing.at_ms
    name = str(thing.mmsi) if isinstance(thing, Vessel) else thing.id
    entity: dict[str, Any] = {"id": f"urn:ngsi-ld:{kind}:{source}:{name}", "type": kind}
    entity |= {
        key: {"type": "Property", "value": value, "observedAt": rfc3339(at_ms)}
        for key, value in (values | {"source": source}).items()
        if value not in ("", None)
    }
    if place is not None:
        entity["location"] = {"type": "GeoProperty", "value": place}
    return json.dumps(entity, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _time(at_ms: int | None) -> dict[str, str] | None:
    return None if at_ms is None else {"@type": "DateTime", "@value": rfc3339(at_ms)}


def _incident(one: Incident) -> dict[str, Any]:
    return {
        "category": CATEGORIES.get(one.kind, "other"), "subCategory": one.kind, "name": one.title,
        "severity": _PRIORITIES.get(one.priority, "low"), "status": one.status, "dateIssued": _time(one.opened_ms),
        "peopleAtRisk": one.people_at_risk, "peopleTrapped": one.people_trapped or None,
    }  # fmt: skip


def _hazard(one: Hazard) -> dict[str, Any]:
    return {
        "category": "naturalDisaster" if one.kind == "flood" else "weather", "subCategory": one.kind,
        "name": one.title, "severity": _SEVERITIES.get(one.severity, "informational"), "status": one.status,
        "dateIssued": _time(one.since_ms), "validTo": _time(one.expires_ms), "alertSource": one.sender,
        "disputed": one.disputed,
    }  # fmt: skip


def _closure(one: Closure) -> dict[str, Any]:
    return {
        "name": one.name, "status": "closed" if one.status == "active" else "open", "reason": one.reason,
        "dateObserved": _time(_closed_ms(one)),
    }  # fmt: skip


def _closed_ms(one: Closure) -> int:
    return one.since_ms if one.lifted_ms is None else one.lifted_ms


def _facility(one: Facility) -> dict[str, Any]:
    return {"name": one.name} | {camel(key): value for key, value in one.attributes}


def _vessel(one: Vessel) -> dict[str, Any]:
    return {
        "mmsi": one.mmsi, "name": one.name, "navigationStatus": one.nav_status, "length": one.length_m,
        "speedOverGround": None if one.speed_mmps is None else one.speed_mmps / 1000,
        "courseOverGround": None if one.course_cdeg is None else one.course_cdeg / 100, "heading": one.heading_deg,
        "draught": None if one.draught_dm is None else one.draught_dm / 10, "destination": one.destination,
        "positionDoubt": one.doubt,
    }  # fmt: skip


def _at(lon_e7: int | None, lat_e7: int | None) -> dict[str, Any] | None:
    if lon_e7 is None or lat_e7 is None:
        return None
    return {"type": "Point", "coordinates": [lon_e7 / E7, lat_e7 / E7]}


def _point(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else _at(place.lon_e7, place.lat_e7)


def _areas(one: Hazard) -> dict[str, Any] | None:
    if not one.rings:
        return None
    rings = [[[lon / E7, lat / E7] for lon, lat in ring] for ring in one.rings]
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
