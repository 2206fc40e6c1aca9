"""NGSI-LD entities and notifications to reports, and reports to normalized entities.

By entity type: facilities give one ``FacilityReport`` per attribute, ``…Observed`` entities one ``Observation`` per
measure, road entities a ``RoadReport``, vessels a ``VesselReport``, ``Alert`` and ``RoadAccident`` an
``IncidentReport``. A type that is not read is TOC-2006 alone, and skipped and noted in a batch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from feeds import fields, quantities, strict_json
from feeds.base import FeedContext
from feeds.fields import UNREAD, refuse
from feeds.ngsi import entities
from feeds.ngsi.entities import Entity
from picture.clock import rfc3339
from picture.errors import InputError
from picture.reports import (
    INCIDENT_KINDS,
    FacilityReport,
    IncidentReport,
    Observation,
    Report,
    RoadReport,
    VesselReport,
)

MEASURES: Final = {
    "waterLevel": "water_level", "level": "water_level", "height": "water_level", "waveHeight": "wave_height",
    "flow": "flow", "windSpeed": "wind_speed", "gustSpeed": "wind_gust", "windDirection": "wind_direction",
    "temperature": "air_temperature", "atmosphericPressure": "air_pressure", "rainRate": "rain_rate",
    "humidity": "humidity", "gasConcentration": "gas_concentration", "averageVehicleSpeed": "vehicle_speed",
}  # fmt: skip
"""Attribute -> quantity. ``relativeHumidity`` and ``precipitation`` are other measures in these models: not read."""
FACILITIES: Final = frozenset({
    "Facility", "Building", "Hospital", "Shelter", "School", "Substation", "PumpingStation", "Port", "Berth",
    "Terminal", "StormBarrier", "FireStation", "PoliceStation",
})  # fmt: skip
ROADS: Final = frozenset({"RoadSegment", "Road", "RestrictedTrafficArea", "Bridge", "Tunnel"})
INCIDENTS: Final = frozenset({"Alert", "RoadAccident"})
VESSELS: Final = {"Vessel": 1.0, "AisVessel": 1852 / 3600}
"""Type -> what its speed has to be multiplied by for metres a second: one model counts in knots."""
_OWN_UNITS: Final = {"averageVehicleSpeed": "KMH"}
"""Attributes that their model measures in another unit than ours where the sender names none."""
_DEEPEST_M: Final = 25.5  # as AIS; some senders write decimetres, which is no reason to lose the ship
OWN: Final = "own"
"""Key of a feed's ``names``: the source that this core publishes under; what bears it is passed over."""
_DESCRIPTIVE: Final = frozenset({
    "location", "address", "name", "alternateName", "description", "dataProvider", "source", "owner", "seeAlso",
    "dateCreated", "dateModified", "createdAt", "modifiedAt", "dateObserved", "areaServed", "category",
    "refFacility", "scope",
})  # fmt: skip
_CLOSED: Final = frozenset({"closed", "blocked", "impassable", "raised"})
_OPEN: Final = frozenset({"open", "opened", "reopened", "lowered"})
_KINDS: Final = {
    # Smart Data Models Alert subCategory and category -> incident kind
    "caraccident": "traffic", "trafficaccident": "traffic", "injuryaccident": "traffic", "trafficjam": "traffic",
    "roadclosed": "road_blocked", "roadblock": "road_blocked", "obstacle": "road_blocked", "coastalevent": "flood",
    "hurricane": "other", "firerisk": "fire", "wildfire": "fire", "gasleak": "gas", "suspiciousaction": "unrest",
    "robbery": "unrest", "civildisorder": "unrest", "buildingcollapse": "collapse", "fallentree": "tree",
    "poweroutage": "power", "outage": "power", "naturaldisaster": "other", "traffic": "traffic",
}  # fmt: skip
_SEVERITIES: Final = {"critical": 1, "high": 2, "medium": 3, "low": 4, "informational": 4}
CATEGORIES: Final = {
    # incident kind -> category of Alert
    "flood": "naturalDisaster", "road_blocked": "traffic", "traffic": "traffic", "medical": "health",
    "fire": "security", "unrest": "security", "hazmat": "environment", "gas": "environment", "tree": "weather",
}  # fmt: skip


# --- in ----------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The reports in an entity, a batch or a notification; ``external_id`` is the entity's id as sent.

    Raises ``InputError``: TOC-2003 with the path that breaks a rule, TOC-2006 where no entity is of a type we read,
    TOC-2009 for a value that cannot be.
    """
    found = entities.read(strict_json.parse(data, context.limits), context)
    reports: list[Report] = []
    own = context.names.get(OWN)
    for entity in found:
        if own and entities.short_name(entity.id).startswith(f"{own}:"):
            context.skip(f"{entity.path}: {entity.id[:80]!a} is our own")
            continue
        reader = _reader(entity.kind)
        if reader is None:
            if len(found) == 1:
                refuse(f"{entity.path}.type", f"{entity.kind[:80]!a} is not read", UNREAD)
            context.skip(f"{entity.path}.type: {entity.kind[:80]!a} is not read")
            continue
        reports.extend(reader(entity, context))
    if not reports and not own:
        refuse("data", "no entity is of a type that is read", UNREAD)
    return tuple(reports)


def _reader(kind: str) -> Callable[[Entity, FeedContext], list[Report]] | None:
    if kind in FACILITIES:
        return _facility
    if kind in ROADS:
        return _road
    if kind in INCIDENTS:
        return _incident
    if kind in VESSELS:
        return _vessel
    return _observations if kind.endswith("Observed") else None


def _facility(entity: Entity, context: FeedContext) -> list[Report]:
    reports: list[Report] = [
        fields.build(
            FacilityReport, f"{entity.path}.{key}", at_ms=entity.at_ms(context.received_ms, attribute),
            external_id=entity.id, facility=entity.name, attribute=_snake(key), value=attribute.value,
        )
        for key, attribute in entity.attributes.items()
        if key not in _DESCRIPTIVE and isinstance(attribute.value, str | int | float | bool)
        and len(str(attribute.value)) <= 200
    ]  # fmt: skip
    if not reports:
        refuse(entity.path, "holds no attribute that is read")
    return reports


def _observations(entity: Entity, context: FeedContext) -> list[Report]:
    lon_e7, lat_e7 = entity.position() or (None, None)
    reports: list[Report] = []
    for key, attribute in entity.attributes.items():
        quantity = MEASURES.get(key)
        if quantity is None or attribute.value is None:
            continue
        path = f"{entity.path}.{key}"
        number = fields.number(attribute.value, path)
        unit_code = attribute.unit_code or _OWN_UNITS.get(key, "")
        value, unit = quantities.measured(quantity, number, unit_code, path)
        reports.append(fields.build(
            Observation, path, at_ms=entity.at_ms(context.received_ms, attribute), external_id=entity.id,
            sensor=entity.name, quantity=quantity, value=value, unit=unit, lon_e7=lon_e7, lat_e7=lat_e7,
        ))  # fmt: skip
    if not reports:
        refuse(entity.path, f"holds no measure that is read ({', '.join(MEASURES)})")
    return reports


def _road(entity: Entity, context: FeedContext) -> list[Report]:
    status = entity.attributes.get("status")
    if status is None and entity.kind == "RestrictedTrafficArea":
        closed = True  # the entity itself is the restriction
    else:
        closed = _is_closed(status.value if status else None, f"{entity.path}.status")
    lon_e7, lat_e7 = entity.position() or (None, None)
    return [fields.build(
        RoadReport, entity.path, at_ms=entity.at_ms(context.received_ms, status), external_id=entity.id,
        road=entity.text("name", 200) or entity.name, closed=closed, lon_e7=lon_e7, lat_e7=lat_e7,
        reason=entity.text("reason", 200) or entity.text("description", 200),
    )]  # fmt: skip


def _is_closed(value: Any, path: str) -> bool:
    words = [value] if isinstance(value, str) else value
    if isinstance(words, list) and words and isinstance(words[0], str):
        word = words[0].strip().lower()
        if word in _CLOSED or word in _OPEN:
            return word in _CLOSED
    refuse(path, f"says neither {'/'.join(sorted(_OPEN))} nor {'/'.join(sorted(_CLOSED))}")


def _incident(entity: Entity, context: FeedContext) -> list[Report]:
    said = [word for key in ("subCategory", "category") if (word := entity.text(key, 80))]
    if entity.kind == "RoadAccident":
        said = ["traffic"]
    kind = next((found for word in said if (found := _incident_kind(word))), "other")
    text = entity.text("description", 16_000) or entity.text("name", 200)
    if kind == "other":  # keep the words that we have no kind for
        unread = "/".join(word for word in said if word not in ("other", text))
        text = ": ".join(part for part in (unread, text) if part)
    severity = entity.text("severity", 80).lower()
    position = entity.position()
    lon_e7, lat_e7 = position or (None, None)
    people = entity.attributes.get("peopleAtRisk")
    trapped = entity.attributes.get("peopleTrapped")
    return [fields.build(
        IncidentReport, entity.path, at_ms=entity.at_ms(context.received_ms), external_id=entity.id,
        incident_kind=kind, lon_e7=lon_e7, lat_e7=lat_e7, text=fields.shortened(text, 16_000) or None,
        place_as_said=_place(entity) or None, severity=_SEVERITIES.get(severity), reporter="agency",
        origin=entity.text("alertSource", 80), people_at_risk=people.value if people else None,
        people_trapped=trapped.value if trapped else False,
    )]  # fmt: skip


def _vessel(entity: Entity, context: FeedContext) -> list[Report]:
    """``dataModel.MarineTransport``: Vessel in metres a second, AisVessel in knots; a heading of 511 is none."""
    lon_e7, lat_e7 = entity.position() or (None, None)
    speed, course = _figure(entity, "speedOverGround"), _figure(entity, "courseOverGround")
    heading, draught = _figure(entity, "heading"), _figure(entity, "draught")
    status, length = _figure(entity, "navigationStatus"), _figure(entity, "length")
    if draught is not None and not 0 <= draught <= _DEEPEST_M:
        context.skip(f"{entity.path}.draught: {draught:g} m is no ship's")
        draught = None
    mmsi = _figure(entity, "mmsi")
    if mmsi is None:
        refuse(f"{entity.path}.mmsi", "required")
    stated = entity.attributes.get("observedAt")
    at_ms = entity.at_ms(context.received_ms, entity.attributes.get("location"))
    if stated is not None:
        at_ms = fields.instant(stated.value, f"{entity.path}.observedAt", naive_is_utc=True)
    return [fields.build(
        VesselReport, entity.path, at_ms=at_ms, external_id=entity.id, mmsi=round(mmsi), lon_e7=lon_e7, lat_e7=lat_e7,
        name=entity.text("name", 80) or entity.text("vesselName", 80) or None,
        speed_mmps=None if speed is None else round(speed * VESSELS[entity.kind] * 1000),
        course_cdeg=None if course is None else round(course * 100) % 36_000,
        heading_deg=None if heading is None or not 0 <= heading < 360.5 else round(heading) % 360,
        nav_status=None if status is None else round(status), length_m=None if length is None else round(length),
        draught_dm=None if draught is None else round(draught * 10),
        destination=entity.text("destination", 80) or entity.text("destinationPort", 80) or None,
    )]  # fmt: skip


def _figure(entity: Entity, key: str) -> float | None:
    attribute = entity.attributes.get(key)
    if attribute is None or attribute.value is None:
        return None
    return fields.number(attribute.value, f"{entity.path}.{key}")


def _incident_kind(word: str) -> str | None:
    return word if word in INCIDENT_KINDS else _KINDS.get(word.lower())


def _place(entity: Entity) -> str:
    address = entity.attributes.get("address")
    value = address.value if address else None
    if isinstance(value, dict):
        value = value.get("streetAddress")
    return fields.shortened(value, 200) if isinstance(value, str) else ""


def _snake(name: str) -> str:
    """``bedsFree`` -> ``beds_free``; ``peopleOccupancy`` is our ``occupancy``."""
    if name == "peopleOccupancy":
        return "occupancy"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


# --- out ---------------------------------------------------------------------------------------------


def encode(
    report: FacilityReport | Observation | RoadReport | IncidentReport,
    *,
    entity_type: str = "",
    simplified: bool = False,
) -> bytes:
    """One entity, normalized or simplified, that ``decode`` reads back as this report.

    The entity's id is ``external_id``, else ``urn:ngsi-ld:<type>:<name>``. Caller, call-back and the other words that
    these models have no place for are not written.

    Raises:
        InputError: TOC-2003 where NGSI-LD models have no attribute for the quantity.
    """
    kind, name, attributes = _attributes(report)
    kind = entity_type or kind
    time = rfc3339(report.at_ms)
    entity: dict[str, Any] = {"id": report.external_id or f"urn:ngsi-ld:{kind}:{name}", "type": kind}
    for key, (value, unit_code) in attributes.items():
        entity[key] = value if simplified else _property(value, unit_code)
    if simplified or isinstance(report, IncidentReport | RoadReport):
        stamped = "dateIssued" if isinstance(report, IncidentReport) else "dateObserved"
        entity[stamped] = time if simplified else _property({"@type": "DateTime", "@value": time}, "")
    else:
        for key in attributes:
            entity[key]["observedAt"] = time
    if not isinstance(report, FacilityReport) and report.lon_e7 is not None and report.lat_e7 is not None:
        point = {"type": "Point", "coordinates": [report.lon_e7 / fields.E7, report.lat_e7 / fields.E7]}
        entity["location"] = point if simplified else {"type": "GeoProperty", "value": point}
    return json.dumps(entity, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def encode_notification(entity_documents: list[bytes], notified_ms: int, *, subscription: str = "drill") -> bytes:
    """A broker's notification that carries entities rendered by ``encode``."""
    return json.dumps({
        "id": f"urn:ngsi-ld:Notification:{subscription}-{notified_ms}", "type": "Notification",
        "subscriptionId": f"urn:ngsi-ld:Subscription:{subscription}", "notifiedAt": rfc3339(notified_ms),
        "data": [json.loads(each) for each in entity_documents],
    }, ensure_ascii=False, separators=(",", ":")).encode("utf-8")  # fmt: skip


def _property(value: Any, unit_code: str) -> dict[str, Any]:
    return {"type": "Property", "value": value} | ({"unitCode": unit_code} if unit_code else {})


def _attributes(
    report: FacilityReport | Observation | RoadReport | IncidentReport,
) -> tuple[str, str, dict[str, tuple[Any, str]]]:
    """(entity type, name in its id, attribute -> (value, unit code))."""
    match report:
        case FacilityReport():
            return "Facility", report.facility, {camel(report.attribute): (report.value, "")}
        case Observation():
            name = next((key for key, quantity in MEASURES.items() if quantity == report.quantity), None)
            if name is None:
                raise InputError(f"quantity: {report.quantity!a} has no attribute", code=fields.BROKEN)
            if report.quantity == "vehicle_speed":
                return "TrafficFlowObserved", report.sensor, {name: (report.value, quantities.CEFACT["m/s"])}
            kind = "WaterObserved" if report.quantity in ("water_level", "flow", "wave_height") else "WeatherObserved"
            return kind, report.sensor, {name: (report.value, quantities.CEFACT.get(report.unit, report.unit))}
        case RoadReport():
            status = "closed" if report.closed else "open"
            values = {"name": report.road, "status": status, "reason": report.reason}
            return "RoadSegment", report.road.replace(" ", "-"), _present(values)
        case IncidentReport():
            severity = next((word for word, rank in _SEVERITIES.items() if rank == report.severity), "")
            address = {"streetAddress": report.place_as_said} if report.place_as_said else ""
            return "Alert", f"{report.origin or 'report'}-{report.at_ms}", _present({
                "category": CATEGORIES.get(report.incident_kind, "other"), "subCategory": report.incident_kind,
                "description": report.text, "severity": severity, "address": address,
                "alertSource": report.origin, "peopleAtRisk": report.people_at_risk,
                "peopleTrapped": report.people_trapped or None,
            })  # fmt: skip


def _present(values: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    return {key: (value, "") for key, value in values.items() if value not in ("", None)}


def camel(name: str) -> str:
    """``beds_free`` -> ``bedsFree``; our ``occupancy`` is ``peopleOccupancy``."""
    if name == "occupancy":
        return "peopleOccupancy"
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)
