"""CAP 1.2 messages both ways: ``decode`` to an ``AlertMessage``, ``encode`` to XML that fits the OASIS schema.

Rules beyond the schema are CAP 1.2 §3.2 (identifiers, references, scope) and our own for what we can act upon: an
Alert or Update carries an info block. Free words longer than ours are cut with an ellipsis (the raw message stays in
the journal); what identifies is never cut.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from feeds import fields, xml
from feeds.base import FeedContext
from feeds.cap import profiles
from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.clock import from_ms
from picture.reports import AlertMessage, Report, Ring

NS: Final = "urn:oasis:names:tc:emergency:cap:1.2"
OTHER_INFOS: Final = "infos_not_shown"
"""Parameter we add where a message has more info blocks than the one we read: how many."""
CIRCLE_CORNERS: Final = 32
_EARTH_RADIUS_KM: Final = 6371.0088  # IUGG mean radius; CAP circles are in kilometres
_MAX_RINGS: Final = 200
_MAX_CORNERS: Final = 5_000
_MAX_CIRCLE_KM: Final = 2_000.0
_DSIG: Final = "{http://www.w3.org/2000/09/xmldsig#}"

_ALERT: Final = ("identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses",
                 "code", "note", "references", "incidents", "info")  # fmt: skip
_INFO: Final = ("language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience",
                "eventCode", "effective", "onset", "expires", "senderName", "headline", "description", "instruction",
                "web", "contact", "parameter", "resource", "area")  # fmt: skip
_AREA: Final = ("areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling")
_MANY: Final = frozenset({"code", "info", "category", "responseType", "eventCode", "parameter", "resource", "area",
                          "polygon", "circle", "geocode"})  # fmt: skip
_VALUES: Final = {
    "status": ("Actual", "Exercise", "System", "Test", "Draft"),
    "msgType": ("Alert", "Update", "Cancel", "Ack", "Error"),
    "scope": ("Public", "Restricted", "Private"),
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
    "category": ("Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE",
                 "Other"),
}  # fmt: skip


# --- in ---------------------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """One ``AlertMessage``: of several info blocks the first in English, else the first; none of MeteoAlarm's green.

    Where the feed has ``signers``, what is read is what one of them signed.

    Raises ``InputError``: TOC-2003 with the element that breaks a rule, TOC-2006 for another root or CAP version,
    TOC-2150 unsigned and TOC-2151 wrongly signed where the feed must sign, TOC-2152 outside the feed's profile.
    """
    root = xml.parse(data, context.limits)
    name = etree.QName(root)
    if name.localname != "alert" or name.namespace != NS:
        refuse("alert", f"not a CAP 1.2 alert but {name.text[:80]!a}", UNREAD)
    if context.signers:
        from feeds.cap.signature import verified  # only feeds that must sign pay for it

        root = verified(data, context.signers, context.received_ms, context.limits)
    _check_children(root, "alert", _ALERT)
    infos = root.findall(f"{{{NS}}}info")
    _check_profile(root, infos)
    profiles.check(context.profile, root)
    if context.profile == "meteoalarm" and infos:
        infos = [info for info in infos if profiles.awareness_level(info) != profiles.GREEN]
        if not infos:
            context.skip("a green level of awareness warns of nothing")
            return ()
    sent_ms = fields.instant(_required(root, "sent", "alert"), "alert.sent")
    values: dict[str, object] = {
        "at_ms": sent_ms, "sent_ms": sent_ms,
        "external_id": _name(root, "identifier"), "sender": _name(root, "sender"),
        "status": _one_of(root, "status", "alert"), "msg_type": _one_of(root, "msgType", "alert"),
        "references": _references(root),
    }  # fmt: skip
    if infos:
        info = _chosen(infos)
        values |= _read_info(info, len(infos) - 1)
    return (fields.build(AlertMessage, "alert", **values),)


def _check_children(element: etree._Element, path: str, allowed: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for child in element:
        name = str(child.tag).removeprefix(f"{{{NS}}}")
        if name.startswith(_DSIG) and path == "alert":
            continue
        if name not in allowed:
            refuse(path, f"unknown element {name[:80]!a}{fields.near(name, allowed)}")
        if name in seen and name not in _MANY:
            refuse(f"{path}.{name}", "stands more than once")
        seen.add(name)


def _check_profile(root: etree._Element, infos: list[etree._Element]) -> None:
    """The rules of CAP 1.2 §3.2.1 that the schema cannot say, and ours on what an alert must hold."""
    scope = _one_of(root, "scope", "alert")
    kind = _one_of(root, "msgType", "alert")
    if scope == "Restricted" and not _optional(root, "restriction"):
        refuse("alert.restriction", "required where the scope is Restricted")
    if scope == "Private" and not _optional(root, "addresses"):
        refuse("alert.addresses", "required where the scope is Private")
    if kind in ("Update", "Cancel", "Ack", "Error") and not _optional(root, "references"):
        refuse("alert.references", f"required in a message of type {kind}")
    if kind in ("Alert", "Update") and not infos:
        refuse("alert.info", f"required in a message of type {kind}")


def _chosen(infos: list[etree._Element]) -> etree._Element:
    for info in infos:
        language = _optional(info, "language") or "en-US"  # the schema's default
        if language.lower().split("-")[0] == "en":
            return info
    return infos[0]


def _read_info(info: etree._Element, others: int) -> dict[str, object]:
    _check_children(info, "info", _INFO)
    categories = info.findall(f"{{{NS}}}category")
    for word in [_content(category) for category in categories] or [""]:
        if word not in _VALUES["category"]:
            refuse("info.category", f"not one of {', '.join(_VALUES['category'])}")
    areas = info.findall(f"{{{NS}}}area")
    rings = tuple(ring for number, area in enumerate(areas) for ring in _rings(area, f"info.area[{number}]"))
    if len(rings) > _MAX_RINGS:
        refuse("info.area", f"more than {_MAX_RINGS} polygons and circles", "TOC-2004")
    parameters = tuple(_parameters(info))
    if others:
        parameters = (*parameters, (OTHER_INFOS, str(others)))
    described = "; ".join(_required(area, "areaDesc", "info.area") for area in areas)
    return {
        "event": fields.shortened(_required(info, "event", "info"), 200),
        "urgency": _one_of(info, "urgency", "info"), "severity": _one_of(info, "severity", "info"),
        "certainty": _one_of(info, "certainty", "info"),
        "headline": fields.shortened(_optional(info, "headline"), 200),
        "description": fields.shortened(_optional(info, "description"), 16_000) or None,
        "area": fields.shortened(described, 200), "rings": rings,
        "effective_ms": _moment(info, "effective"), "expires_ms": _moment(info, "expires"),
        "parameters": parameters,
    }  # fmt: skip


def _parameters(info: etree._Element) -> Iterator[tuple[str, str]]:
    for element in info.findall(f"{{{NS}}}parameter"):
        name = _required(element, "valueName", "info.parameter")
        yield fields.shortened(name, 80), fields.shortened(_optional(element, "value"), 200)


def _rings(area: etree._Element, path: str) -> Iterator[Ring]:
    _check_children(area, path, _AREA)
    _required(area, "areaDesc", path)
    for polygon in area.findall(f"{{{NS}}}polygon"):
        if _content(polygon):  # some senders write an empty element for "none"
            yield _polygon(_content(polygon), f"{path}.polygon")
    for circle in area.findall(f"{{{NS}}}circle"):
        if _content(circle):
            yield _circle(_content(circle), f"{path}.circle")


def _polygon(content: str, path: str) -> Ring:
    pairs = content.split()
    if len(pairs) > _MAX_CORNERS:
        refuse(path, f"more than {_MAX_CORNERS} corners", "TOC-2004")
    ring = tuple(_corner(pair, path) for pair in pairs)
    if len(ring) < 4 or ring[0] != ring[-1]:
        refuse(path, "needs at least four pairs, and the last must repeat the first")
    return ring


def _corner(pair: str, path: str) -> tuple[int, int]:
    lat, comma, lon = pair.partition(",")
    if not comma:
        refuse(path, "not pairs of latitude,longitude")
    return fields.e7(fields.decimal(lon, path), fields.decimal(lat, path), path)


def _circle(content: str, path: str) -> Ring:
    """A closed ring of 32 corners on the sphere around the circle's centre; a circle of no radius is a metre wide."""
    parts = content.split()
    if len(parts) != 2:
        refuse(path, "not latitude,longitude and a radius")
    lon_e7, lat_e7 = _corner(parts[0], path)
    radius_km = fields.decimal(parts[1], path)
    if not 0.0 <= radius_km <= _MAX_CIRCLE_KM:
        refuse(path, f"radius outside 0 to {_MAX_CIRCLE_KM:g} km", IMPOSSIBLE)
    lat, lon = math.radians(lat_e7 / fields.E7), math.radians(lon_e7 / fields.E7)
    reach = max(radius_km, 0.001) / _EARTH_RADIUS_KM
    corners = [_at_bearing(lon, lat, reach, 2 * math.pi * step / CIRCLE_CORNERS) for step in range(CIRCLE_CORNERS)]
    return (*corners, corners[0])


def _at_bearing(lon: float, lat: float, reach: float, bearing: float) -> tuple[int, int]:
    north = math.asin(math.sin(lat) * math.cos(reach) + math.cos(lat) * math.sin(reach) * math.cos(bearing))
    east = lon + math.atan2(
        math.sin(bearing) * math.sin(reach) * math.cos(lat), math.cos(reach) - math.sin(lat) * math.sin(north)
    )
    wrapped = (math.degrees(east) + 180.0) % 360.0 - 180.0
    return round(wrapped * fields.E7), round(math.degrees(north) * fields.E7)


def _references(root: etree._Element) -> tuple[str, ...]:
    triples = tuple(_optional(root, "references").split())
    for triple in triples:
        parts = triple.split(",")
        if len(parts) != 3 or not all(parts):
            refuse("alert.references", "not triples of sender,identifier,sent")
        fields.instant(parts[2], "alert.references")
        fields.text(triple, "alert.references", 200)
    if len(triples) > 64:
        refuse("alert.references", "more than 64", "TOC-2004")
    return triples


def _moment(info: etree._Element, name: str) -> int | None:
    content = _optional(info, name)
    return fields.instant(content, f"info.{name}") if content else None


def _name(root: etree._Element, tag: str) -> str:
    """An identifier or sender: CAP 1.2 §3.2.1 forbids spaces, commas and the characters < and & in it."""
    content = fields.text(_required(root, tag, "alert"), f"alert.{tag}", 200)
    if re.search(r"[\s,<&]", content):
        refuse(f"alert.{tag}", "holds a space, a comma, < or &")
    return content


def _one_of(parent: etree._Element, tag: str, path: str) -> str:
    content = _required(parent, tag, path)
    if content not in _VALUES[tag]:
        refuse(f"{path}.{tag}", f"{content[:40]!a} is not one of {', '.join(_VALUES[tag])}")
    return content


def _required(parent: etree._Element, tag: str, path: str) -> str:
    content = _optional(parent, tag)
    if not content:
        refuse(f"{path}.{tag}", "required")
    return content


def _optional(parent: etree._Element, tag: str) -> str:
    child = parent.find(f"{{{NS}}}{tag}")
    return "" if child is None else _content(child)


def _content(element: etree._Element) -> str:
    if len(element):
        refuse(str(etree.QName(element).localname), "holds elements where a text belongs")
    return (element.text or "").strip()


# --- out --------------------------------------------------------------------------------------------------------


def encode(
    alert: AlertMessage,
    *,
    scope: str = "Public",
    addresses: str = "",
    restriction: str = "",
    category: str = "Safety",
    language: str = "en",
    sender_name: str = "",
    instruction: str = "",
    response_type: str = "",
    contact: str = "",
) -> bytes:
    """CAP 1.2 XML (UTF-8) of the alert, valid against the OASIS schema.

    Times are written in whole seconds UTC. Characters XML cannot carry become U+FFFD. A Cancel, Ack or Error without an
    event has no info block. The caller has put any exercise prefix into the headline and Exercise into ``status``.

    Raises:
        InputError: TOC-2003 naming the field, where the alert breaks a rule that ``decode`` would refuse.
    """
    root = etree.Element(f"{{{NS}}}alert", nsmap={None: NS})  # type: ignore[dict-item]
    _put(root, "identifier", alert.external_id)
    _put(root, "sender", alert.sender)
    _put(root, "sent", stamp(alert.sent_ms))
    _put(root, "status", alert.status)
    _put(root, "msgType", alert.msg_type)
    _put(root, "scope", scope)
    _put(root, "restriction", restriction)
    _put(root, "addresses", addresses)
    _put(root, "references", " ".join(alert.references))
    if alert.event or alert.msg_type in ("Alert", "Update"):
        info = etree.SubElement(root, f"{{{NS}}}info")
        for tag, content in (
            ("language", language), ("category", category), ("event", alert.event), ("responseType", response_type),
            ("urgency", alert.urgency), ("severity", alert.severity), ("certainty", alert.certainty),
            ("effective", stamp(alert.effective_ms)), ("expires", stamp(alert.expires_ms)),
            ("senderName", sender_name), ("headline", alert.headline), ("description", alert.description or ""),
            ("instruction", instruction), ("contact", contact),
        ):  # fmt: skip
            _put(info, tag, content)
        _put_details(info, alert)
    _check_profile(root, root.findall(f"{{{NS}}}info"))
    _name(root, "identifier")
    _name(root, "sender")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def stamp(at_ms: int | None) -> str:
    """``2026-11-20T18:04:05-00:00``, as CAP 1.2 §3.3.2 writes UTC (never ``Z``); empty for None."""
    return "" if at_ms is None else from_ms(at_ms).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def reference(alert: AlertMessage) -> str:
    """``sender,identifier,sent`` of an alert, as a later message of the same sender cites it."""
    return f"{alert.sender},{alert.external_id},{stamp(alert.sent_ms)}"


def _put_details(info: etree._Element, alert: AlertMessage) -> None:
    if not alert.event:
        refuse("info.event", "required")
    for name, value in alert.parameters:
        parameter = etree.SubElement(info, f"{{{NS}}}parameter")
        _put(parameter, "valueName", name)
        etree.SubElement(parameter, f"{{{NS}}}value").text = xml.legal(value)
    if not alert.area:
        if alert.rings:
            refuse("info.area.areaDesc", "required where an area is drawn")
        return
    area = etree.SubElement(info, f"{{{NS}}}area")
    _put(area, "areaDesc", alert.area)
    for ring in alert.rings:
        _put(area, "polygon", " ".join(f"{fields.degrees(lat)},{fields.degrees(lon)}" for lon, lat in ring))


def _put(parent: etree._Element, tag: str, content: str) -> None:
    if content:
        etree.SubElement(parent, f"{{{NS}}}{tag}").text = xml.legal(content)
