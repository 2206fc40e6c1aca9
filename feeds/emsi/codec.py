"""EMSI both ways: ``decode`` to an incident and its units, ``encode`` to XML that fits the schema EMSI 2_0.

An event's identifier at its organisation is its authoritative number: two different ones never become one incident.
Names of elements are read in either spelling (``LONG`` and ``lon``, ``RCLASS`` and ``class``): the technical report and
the schemas in use differ. EMSI has no place for callers: they stay behind. Missions and statuses are words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from lxml import etree

from feeds import fields, xml
from feeds.base import FeedContext
from feeds.emsi.words import EVENT_STATUS, FACETS, FROM_STATUS, STATUS, kind_of, scale_of, severity_of
from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.clock import from_ms
from picture.places import METRES_PER_DEGREE, distance_m
from picture.reports import INCIDENT_KINDS, IncidentReport, Report, UnitReport

NS: Final = "http://tacticalsituationobject.org/schemas/EMSI/2_0"
_FAMILY: Final = "tacticalsituationobject.org/"
SELF: Final = "self"
"""Key of a feed's ``names``: the organisation that we are in our own messages."""
MODE: Final = "mode"
"""Key of a feed's ``names``: ``EXERCS`` where a drill is to hear exercises; ``ACTUAL`` otherwise."""
_SAME: Final = {
    "decl_datime": "decl_datetime", "occ_datime": "occ_datetime", "obs_datime": "obs_datetime", "long": "lon",
    "rclass": "class", "link_role": "role",
}  # fmt: skip
_ID_LENGTH: Final = 40
_READ_LENGTH: Final = 80
"""Senders do not keep to the 40 characters of an identifier; with its organisation it has 80 at most."""
_FREETEXT: Final = 500
_ADDRESS: Final = 256
_MOST_POINTS: Final = 500
_TOO_MANY: Final = "TOC-2004"
_USUAL_M: Final = 50
_MAX_RADIUS_M: Final = 100_000
Mode = Literal["ACTUAL", "EXERCS"]


# --- in ---------------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The incident of an EMSI, then its units; nothing for another mode, an acknowledgement, or our own coming back.

    Raises ``InputError``: TOC-2003 with the element that breaks a rule, TOC-2006 where it is no EMSI, TOC-2009 for a
    place or time that cannot be.
    """
    root = xml.parse(data, context.limits)
    if _name(root) != "emsi" or _FAMILY not in (etree.QName(root).namespace or ""):
        refuse("emsi", f"not an EMSI but {etree.QName(root).text[:80]!a}", UNREAD)
    about, event = _required(root, "context"), _required(root, "event")
    organisation = _organisation(about, context)
    if why_not := _unheard(about, organisation, context.names):
        context.skip(why_not)
        return ()
    at_ms = _moment(event, "obs_datetime") or _moment(about, "creation") or _moment(event, "occ_datetime")
    if at_ms is None:
        refuse("event.obs_datetime", "neither it nor context.creation is there")
    incident = _incident(root, organisation, at_ms)
    units = (_unit(one, organisation, at_ms, context.names) for one in _all(root, "resource"))
    return (incident, *units)


def _organisation(about: etree._Element, context: FeedContext) -> str:
    origin = _first(about, "origin")
    said = _text(origin, "org_id") if origin is not None else ""
    return fields.text(said or context.feed, "context.origin.org_id", _READ_LENGTH)


def _unheard(about: etree._Element, organisation: str, names: Mapping[str, str]) -> str:
    """Why the message is no news; nothing where it is."""
    mode, kind = _text(about, "mode"), _text(about, "msgtype")
    if organisation == names.get(SELF):
        return "our own coming back"
    if mode != names.get(MODE, "ACTUAL"):
        return f"a message of mode {mode[:20]!a}"
    return f"a message of type {kind[:20]!a}" if kind in ("ACK", "ERROR") else ""


def _incident(root: etree._Element, organisation: str, at_ms: int) -> IncidentReport:
    about, event = _required(root, "context"), _required(root, "event")
    identifier = fields.text(_text(event, "id"), "event.id", _READ_LENGTH)
    if not identifier:
        refuse("event.id", "is missing")
    etype = _first(event, "etype")
    categories = [_content(one) for one in _all(etype, "category")] if etype is not None else []
    surroundings = [_content(one) for one in _all(etype, "env")] if etype is not None else []
    places = [_place(one, "event.egeo") for geo in _all(event, "egeo") for one in _all(geo, "position")]
    lon_e7, lat_e7, uncertainty_m = next((where for where, _ in places if where[0] is not None), (None, None, _USUAL_M))
    said = next((words for _, words in places if words), "")
    tracking = f"{identifier}:{organisation}"
    return fields.build(
        IncidentReport, "event", at_ms=at_ms, external_id=tracking,
        authoritative_id=fields.text(tracking, "event.id", _READ_LENGTH),
        incident_kind=kind_of(categories, surroundings), lon_e7=lon_e7, lat_e7=lat_e7, uncertainty_m=uncertainty_m,
        place_as_said=said or None, severity=_severity(event), reporter="agency", origin=organisation,
        text=fields.shortened("\n".join(filter(None, _words(root, about, event))), 16_000) or None,
    )  # fmt: skip


def _words(root: etree._Element, about: etree._Element, event: etree._Element) -> Iterator[str]:
    if _text(about, "msgtype") == "CANCEL":
        yield "Its sender cancels this message"
    name = _text(event, "name")
    yield "" if name in INCIDENT_KINDS.values() else name
    yield _text(event, "freetext")
    yield _text(about, "freetext")
    status = _text(event, "status")
    yield f"Status: {EVENT_STATUS[status]}" if status in EVENT_STATUS else ""
    for mission in _all(root, "mission"):
        told = [_text(mission, each) for each in ("name", "type", "status", "freetext")]
        yield f"Mission: {', '.join(filter(None, told))}"


def _severity(event: etree._Element) -> int | None:
    scale = _text(event, "scale")
    if not scale:
        return None
    if scale not in ("1", "2", "3", "4", "5"):
        refuse("event.scale", "not 1 to 5")
    return severity_of(int(scale))


Where = tuple[int | None, int | None, int]
"""(lon_e7, lat_e7, uncertainty in metres)."""


def _place(position: etree._Element, path: str) -> tuple[Where, str]:
    """The place and its words. A circle is centre and a point on it; of other shapes the middle of their corners."""
    points = [_coord(one, path) for one in _all(position, "coord")]
    if len(points) > _MOST_POINTS:
        refuse(f"{path}.coord", f"more than {_MOST_POINTS}", _TOO_MANY)
    said = "; ".join(filter(None, (_content(one) for one in _all(position, "address")))) or _text(position, "name")
    said = fields.shortened(said, 16_000)
    if not points:
        return (None, None, _USUAL_M), said
    if len(points) == 1:
        return (*points[0], _USUAL_M), said
    centre = points[0]
    if _text(position, "type") != "CIRCLE":
        centre = sum(lon for lon, _ in points) // len(points), sum(lat for _, lat in points) // len(points)
    reach_m = round(max(distance_m(*centre, *point) for point in points))
    if reach_m > _MAX_RADIUS_M:
        refuse(f"{path}.coord", "more than 100 km across", IMPOSSIBLE)
    return (*centre, reach_m), said


def _coord(element: etree._Element, path: str) -> tuple[int, int]:
    lat = fields.decimal(_text(element, "lat"), f"{path}.lat")
    return fields.e7(fields.decimal(_text(element, "lon"), f"{path}.lon"), lat, f"{path}.coord")


def _unit(element: etree._Element, organisation: str, at_ms: int, names: Mapping[str, str]) -> UnitReport:
    name = _text(element, "name") or _text(element, "id")
    if not name:
        refuse("resource.name", "neither it nor an id is there")
    callsign = f"{name}@{_text(element, 'org_id') or organisation}"
    geos = [one for one in _all(element, "rgeo") if _text(one, "type") == "CUR"]
    located = [(one, _place(place, "resource.rgeo")[0]) for one in geos for place in _all(one, "position")]
    geo, (lon_e7, lat_e7, _) = next(iter(located), (element, (None, None, 0)))
    status = _text(element, "status").replace(" ", "")
    return fields.build(
        UnitReport, "resource", at_ms=_moment(geo, "datime") or at_ms, external_id=_text(element, "id"),
        callsign=names.get(callsign, callsign), lon_e7=lon_e7, lat_e7=lat_e7, status=FROM_STATUS.get(status),
    )  # fmt: skip


def _name(element: etree._Element) -> str:
    name = str(element.tag).rpartition("}")[2].lower()
    return _SAME.get(name, name)


def _all(element: etree._Element, name: str) -> list[etree._Element]:
    return [one for one in element if _name(one) == name]


def _first(element: etree._Element, name: str) -> etree._Element | None:
    return next((one for one in element if _name(one) == name), None)


def _required(element: etree._Element, name: str) -> etree._Element:
    found = _first(element, name)
    if found is None:
        refuse(name, "is missing")
    return found


def _content(element: etree._Element) -> str:
    return (element.text or "").strip()


def _text(element: etree._Element, name: str) -> str:
    found = _first(element, name)
    return "" if found is None else _content(found)


def _moment(element: etree._Element, name: str) -> int | None:
    said = _text(element, name)
    return fields.instant(said, name) if said else None


# --- out --------------------------------------------------------------------------------------------------


def encode(
    report: IncidentReport, units: Sequence[UnitReport] = (), *, message: str, mode: Mode, replaces: str = "",
    name: str = "",
) -> bytes:  # fmt: skip
    """The EMSI that ``decode`` reads back as this incident and these units, to the second and without callers.

    ``report.authoritative_id`` is ``<event>:<organisation>`` with the organisation of ``report.origin``; ``message`` is
    this message's own identifier, ``replaces`` that of the one before it. Identifiers of more than 40 characters are
    ``InputError`` TOC-2003; words beyond 500 are cut with an ellipsis.
    """
    event_id = report.authoritative_id.removesuffix(f":{report.origin}")
    for field, value in (("event.id", event_id), ("context.id", message), ("org_id", report.origin),
                         ("link.id", replaces)):  # fmt: skip
        fields.text(value, field, _ID_LENGTH)
    root = etree.fromstring(f'<emsi xmlns="{NS}"/>')
    about = _put(root, "context")
    for key, value in (("id", message), ("mode", mode), ("msgType", "UPDATE" if replaces else "ALERT"),
                       ("creation", _stamp(report.at_ms))):  # fmt: skip
        _put(about, key, value)
    if replaces:
        link = _put(about, "link")
        _put(link, "id", replaces)
        _put(link, "role", "SPRSDS")
    origin = _put(about, "origin")
    _put(origin, "org_id", report.origin)
    if name:
        _put(origin, "name", name[:80])
    _put_event(root, report, event_id)
    for unit in units:
        _put_unit(root, unit, report)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _put(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NS}}}{name}")
    if text is not None:
        child.text = xml.legal(text)
    return child


def _put_event(root: etree._Element, report: IncidentReport, event_id: str) -> None:
    event = _put(root, "event")
    _put(event, "id", event_id)
    _put(event, "name", INCIDENT_KINDS[report.incident_kind])
    category, surroundings = FACETS[report.incident_kind]
    if category or surroundings:
        etype = _put(event, "etype")
        for key, value in (("category", category), ("env", surroundings)):
            if value:
                _put(etype, key, value)
    _put(event, "source", "HUMOBS")
    if report.severity is not None:
        _put(event, "scale", str(scale_of(report.severity)))
    _put(event, "obs_datetime", _stamp(report.at_ms))
    _put(event, "status", "IPR")
    if report.lon_e7 is not None or report.place_as_said:
        geo = _put(event, "egeo")
        _put(geo, "type", "GEN/EVENT")
        _put_position(geo, (report.lon_e7, report.lat_e7, report.uncertainty_m), report.place_as_said or "")
    if report.text:
        _put(event, "freetext", fields.shortened(report.text, _FREETEXT))


def _put_position(parent: etree._Element, where: Where, said: str = "") -> None:
    lon_e7, lat_e7, uncertainty_m = where
    position = _put(parent, "position")
    if lon_e7 is not None and lat_e7 is not None:
        circle = uncertainty_m != _USUAL_M
        _put(position, "type", "CIRCLE" if circle else "POINT")
        _put(position, "coordsys", "EPSG-4326")
        points = [(lon_e7, lat_e7)]
        if circle:  # towards the equator, so that it stays on the globe
            step = round(uncertainty_m / METRES_PER_DEGREE * fields.E7)
            points.append((lon_e7, lat_e7 - step if lat_e7 > 0 else lat_e7 + step))
        for lon, lat in points:
            coord = _put(position, "coord")
            _put(coord, "lat", fields.degrees(lat))
            _put(coord, "lon", fields.degrees(lon))
    if said:
        _put(position, "address", fields.shortened(said, _ADDRESS))


def _put_unit(root: etree._Element, unit: UnitReport, report: IncidentReport) -> None:
    resource = _put(root, "resource")
    _put(_put(resource, "rtype"), "class", "HUM/UNIT")
    for key, value in (("id", unit.external_id), ("org_id", report.origin)):
        if value:
            _put(resource, key, fields.text(value, f"resource.{key}", 80))
    _put(resource, "name", fields.text(unit.callsign, "resource.name", _ID_LENGTH))
    if unit.lon_e7 is not None:
        geo = _put(resource, "rgeo")
        _put(geo, "datime", _stamp(unit.at_ms))
        _put(geo, "type", "CUR")
        _put_position(geo, (unit.lon_e7, unit.lat_e7, _USUAL_M))
    if unit.status in STATUS:
        _put(resource, "status", STATUS[unit.status])


def _stamp(at_ms: int) -> str:
    """UTC as EMSI wants it written: with ``-00:00``, never with Z."""
    return from_ms(at_ms).strftime("%Y-%m-%dT%H:%M:%S-00:00")
