"""Cursor-on-Target events both ways (MITRE CoT base schema 2.0, TAK's ``detail`` elements).

Read: ``a-f-*`` a unit of ours, ``b-a-o-*`` an emergency, ``b-r-f-h-c`` a casualty evacuation, ``a-u-G*`` something seen
on the ground. Our own words travel in ``<_tocsin_>``, which other TAK clients pass over. Every other type is TOC-2006.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from feeds import fields, xml
from feeds.base import FeedContext
from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.clock import rfc3339
from picture.reports import INCIDENT_KINDS, DistressReport, IncidentReport, Report, Ring, UnitReport

UNKNOWN_M: Final = 9_999_999.0
"""CoT's word for "not known" in height and error."""
DEFAULT_STALE_S: Final = 300
_CASEVAC: Final = "b-r-f-h-c"
_SEEN: Final = "a-u-G"
_ENDED: Final = "b-a-o-can"
_MAX_MPS: Final = 400.0
_OURS: Final = "_tocsin_"
OURS: Final = "tocsin."
"""Begins the uid of everything that a core shows to others."""
_RED: Final = "-65536"
_GONE_STALE_S: Final = 20
_CASUALTIES: Final = ("urgent", "urgent_surgical", "priority", "routine", "convenience")


# --- in ---------------------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The one report in a CoT event. ``external_id`` is the event's uid, ``at_ms`` its ``time``.

    Raises ``InputError``: TOC-2003 with the attribute that breaks a rule, TOC-2006 for a type that is not read.
    """
    event = xml.parse(data, context.limits)
    if event.tag != "event":
        refuse("event", f"not a CoT event but {str(event.tag)[:80]!a}", UNREAD)
    kind = _attribute(event, "type", 80)
    if _attribute(event, "uid", 200).startswith(OURS):
        refuse("event.uid", "what a Tocsin core showed confirms nothing when it comes back", UNREAD)
    at_ms = fields.instant(_attribute(event, "time", 64), "event.time")
    if fields.instant(_attribute(event, "stale", 64), "event.stale") < at_ms:
        refuse("event.stale", "before the event's time")
    values: dict[str, object] = {"at_ms": at_ms, "external_id": _attribute(event, "uid", 200)}
    detail = event.find("detail")
    detail = etree.Element("detail") if detail is None else detail
    if kind.startswith("b-a-o-"):
        return (_distress(event, detail, kind, values),)
    if kind.startswith("a-f-"):
        return (_unit(event, detail, values),)
    if kind in (_CASEVAC, _SEEN) or kind.startswith(f"{_SEEN}-"):
        return (_incident(event, detail, kind, values),)
    refuse("event.type", f"{kind!a} is not read", UNREAD)


def _unit(event: etree._Element, detail: etree._Element, values: dict[str, object]) -> UnitReport:
    lon_e7, lat_e7, _ = _point(event)
    speed_mmps, course_cdeg = _track(detail)
    status = _detail(detail, _OURS, "status")
    return fields.build(
        UnitReport, "event", **values, lon_e7=lon_e7, lat_e7=lat_e7, speed_mmps=speed_mmps, course_cdeg=course_cdeg,
        callsign=fields.text(_callsign(event, detail), "contact.callsign", 80),
        status=fields.text(status, f"{_OURS}.status", 80) or None, text=_remarks(detail),
    )  # fmt: skip


def _distress(event: etree._Element, detail: etree._Element, kind: str, values: dict[str, object]) -> DistressReport:
    """An emergency: its subject is the call sign it names, else the uid it links to, else its own."""
    lon_e7, lat_e7, _ = _point(event)
    emergency = detail.find("emergency")
    named = (emergency.text or "").strip() if emergency is not None else ""
    linked = next((link.get("uid", "") for link in detail.findall("link") if link.get("relation") == "p-p"), "")
    cancelled = emergency is not None and (emergency.get("cancel") or "").lower() in ("true", "1")
    return fields.build(
        DistressReport, "event", **values, lon_e7=lon_e7, lat_e7=lat_e7, signal="cot_alert",
        subject=fields.shortened(named or linked or _callsign(event, detail), 80),
        ended=cancelled or kind == _ENDED, text=_remarks(detail),
    )  # fmt: skip


def _incident(event: etree._Element, detail: etree._Element, kind: str, values: dict[str, object]) -> IncidentReport:
    lon_e7, lat_e7, error_m = _point(event)
    said = _detail(detail, _OURS, "kind")
    medical = kind == _CASEVAC
    incident_kind = said if said in INCIDENT_KINDS else "medical" if medical else "other"
    return fields.build(
        IncidentReport, "event", **values, lon_e7=lon_e7, lat_e7=lat_e7, incident_kind=incident_kind,
        uncertainty_m=50 if error_m is None else min(round(error_m), 100_000), reporter="officer",
        text=_remarks(detail), people_at_risk=_casualties(detail),
        people_trapped=_detail(detail, _OURS, "trapped") == "true",
        origin=fields.shortened(_detail(detail, "contact", "callsign"), 80),
    )  # fmt: skip


def _casualties(detail: etree._Element) -> int | None:
    medevac = detail.find("_medevac_")
    if medevac is None:
        return None
    counts = [fields.decimal(medevac.get(name), f"_medevac_.{name}") for name in _CASUALTIES if medevac.get(name)]
    if any(count < 0 or count != int(count) or count > 10_000 for count in counts):
        refuse("_medevac_", "not a number of people", IMPOSSIBLE)
    return int(sum(counts)) if counts else None


def _point(event: etree._Element) -> tuple[int | None, int | None, float | None]:
    """(lon_e7, lat_e7, circular error in metres); TAK's 0,0 with unknown error means that there is no position."""
    point = event.find("point")
    if point is None:
        refuse("event.point", "required")
    lat = fields.decimal(point.get("lat"), "point.lat")
    lon = fields.decimal(point.get("lon"), "point.lon")
    error_m = fields.decimal(point.get("ce"), "point.ce")
    if error_m < 0:
        refuse("point.ce", "below zero", IMPOSSIBLE)
    unknown = error_m >= UNKNOWN_M
    if unknown and lat == 0.0 and lon == 0.0:
        return None, None, None
    return (*fields.e7(lon, lat, "point"), None if unknown else error_m)


def _track(detail: etree._Element) -> tuple[int | None, int | None]:
    track = detail.find("track")
    if track is None:
        return None, None
    speed_mps = fields.decimal(track.get("speed"), "track.speed") if track.get("speed") else None
    course = fields.decimal(track.get("course"), "track.course") if track.get("course") else None
    if speed_mps is not None and not 0.0 <= speed_mps <= _MAX_MPS:
        refuse("track.speed", f"outside 0 to {_MAX_MPS:g} m/s", IMPOSSIBLE)
    if course is not None and not -360.0 <= course <= 360.0:
        refuse("track.course", "outside ±360°", IMPOSSIBLE)
    return (
        None if speed_mps is None else round(speed_mps * 1000),
        None if course is None else round(course * 100) % 36_000,
    )


def _callsign(event: etree._Element, detail: etree._Element) -> str:
    return _detail(detail, "contact", "callsign") or (event.get("uid") or "")


def _remarks(detail: etree._Element) -> str | None:
    content = (detail.findtext("remarks") or "").strip()
    return fields.shortened(content, 16_000) or None


def _detail(detail: etree._Element, tag: str, attribute: str) -> str:
    element = detail.find(tag)
    return "" if element is None else (element.get(attribute) or "").strip()


def _attribute(event: etree._Element, name: str, limit: int) -> str:
    content = (event.get(name) or "").strip()
    if not content:
        refuse(f"event.{name}", "required")
    return fields.text(content, f"event.{name}", limit)


# --- out --------------------------------------------------------------------------------------------------------


def encode(report: UnitReport | DistressReport | IncidentReport, *, stale_s: int = DEFAULT_STALE_S) -> bytes:
    """One CoT event that ``decode`` reads back as this report. ``external_id`` becomes the uid and must be set.

    A unit is ``a-f-G-U-C``, a casualty evacuation (kind medical) ``b-r-f-h-c``, another incident ``a-u-G``, an
    emergency ``b-a-o-tbl`` or, ended, ``b-a-o-can``. What CoT has no place for (caller, call-back, place as said) is
    not written: it would leave sealed words with every team.
    """
    if isinstance(report, UnitReport):
        return _encode_unit(report, stale_s)
    if isinstance(report, DistressReport):
        event, detail = _event(report, "b-a-o-can" if report.ended else "b-a-o-tbl", None, stale_s)
        emergency = etree.SubElement(detail, "emergency")
        emergency.set("cancel" if report.ended else "type", "true" if report.ended else "911 Alert")
        emergency.text = xml.legal(report.subject)
    else:
        medical = report.incident_kind == "medical"
        event, detail = _event(report, _CASEVAC if medical else _SEEN, report.uncertainty_m, stale_s)
        _set(detail, "contact", callsign=report.origin)
        _set(detail, _OURS, kind=report.incident_kind, trapped="true" if report.people_trapped else "")
        if report.people_at_risk is not None:
            _set(detail, "_medevac_", urgent=str(report.people_at_risk))
    _remark(detail, report.text)
    return _bytes(event)


def encode_marker(
    uid: str, title: str, lon_e7: int, lat_e7: int, at_ms: int, *, incident_kind: str = "other", remarks: str = "",
    stale_s: int = DEFAULT_STALE_S,
) -> bytes:  # fmt: skip
    """A marker for field teams: an incident of our picture as ``a-u-G`` with its title as call sign."""
    report = IncidentReport(
        at_ms=at_ms, external_id=uid, incident_kind=incident_kind, lon_e7=lon_e7, lat_e7=lat_e7, uncertainty_m=50,
        text=remarks or None, origin=title[:80], reporter="officer",
    )  # fmt: skip
    return encode(report, stale_s=stale_s)


def encode_area(
    uid: str, title: str, ring: Ring, at_ms: int, *, remarks: str = "", stale_s: int = DEFAULT_STALE_S
) -> bytes:
    """A hazard's outline for field teams: TAK's free-form drawing ``u-d-f``, one link per corner of a closed ring."""
    corners = ring[:-1] if ring[0] == ring[-1] else ring
    middle_lon = sum(lon for lon, _ in corners) // len(corners)
    middle_lat = sum(lat for _, lat in corners) // len(corners)
    event, detail = _frame(uid, "u-d-f", at_ms, (middle_lon, middle_lat), None, stale_s)
    for lon_e7, lat_e7 in (*corners, corners[0]):
        etree.SubElement(detail, "link", point=f"{fields.degrees(lat_e7)},{fields.degrees(lon_e7)}")
    _set(detail, "contact", callsign=title)
    _remark(detail, remarks)
    return _bytes(event)


def encode_spot(
    uid: str, title: str, lon_e7: int, lat_e7: int, at_ms: int, *, remarks: str = "", stale_s: int = DEFAULT_STALE_S
) -> bytes:
    """A red spot on the map, ``b-m-p-s-m``, with words: a road that is closed."""
    event, detail = _frame(uid, "b-m-p-s-m", at_ms, (lon_e7, lat_e7), 50, stale_s)
    _set(detail, "contact", callsign=title)
    _set(detail, "color", argb=_RED)
    _remark(detail, remarks)
    return _bytes(event)


def encode_gone(uid: str, at_ms: int) -> bytes:
    """Takes what was sent under a uid off every screen (``t-x-d-d``)."""
    event, detail = _frame(f"{uid}.gone", "t-x-d-d", at_ms, None, None, _GONE_STALE_S)
    _set(detail, "link", uid=uid, relation="none", type="none")
    etree.SubElement(detail, "__forcedelete")
    return _bytes(event)


def encode_ping(uid: str, at_ms: int, *, answer: bool = False) -> bytes:
    """Asks whether the far end is there, or answers that we are."""
    return _bytes(_frame(uid, "t-x-c-t-r" if answer else "t-x-c-t", at_ms, None, None, _GONE_STALE_S)[0])


def _encode_unit(report: UnitReport, stale_s: int) -> bytes:
    event, detail = _event(report, "a-f-G-U-C", None, stale_s)
    _set(detail, "contact", callsign=report.callsign)
    speed = "" if report.speed_mmps is None else f"{report.speed_mmps / 1000:.3f}"
    course = "" if report.course_cdeg is None else f"{report.course_cdeg / 100:.2f}"
    _set(detail, "track", course=course, speed=speed)
    _set(detail, _OURS, status=report.status or "")
    _remark(detail, report.text)
    return _bytes(event)


def _event(
    report: UnitReport | DistressReport | IncidentReport, kind: str, error_m: int | None, stale_s: int
) -> tuple[etree._Element, etree._Element]:
    position = None if report.lon_e7 is None or report.lat_e7 is None else (report.lon_e7, report.lat_e7)
    return _frame(report.external_id, kind, report.at_ms, position, error_m, stale_s)


def _frame(
    uid: str, kind: str, at_ms: int, position: tuple[int, int] | None, error_m: int | None, stale_s: int
) -> tuple[etree._Element, etree._Element]:
    if not uid:
        refuse("event.uid", "required")
    time = rfc3339(at_ms)
    event = etree.Element(
        "event", version="2.0", uid=xml.legal(uid), type=kind, time=time, start=time,
        stale=rfc3339(at_ms + stale_s * 1000), how="m-g",
    )  # fmt: skip
    lon_e7, lat_e7 = position or (0, 0)
    ce = f"{UNKNOWN_M:.1f}" if error_m is None or position is None else str(error_m)
    etree.SubElement(
        event, "point", lat=fields.degrees(lat_e7), lon=fields.degrees(lon_e7), hae=f"{UNKNOWN_M:.1f}", ce=ce,
        le=f"{UNKNOWN_M:.1f}",
    )  # fmt: skip
    return event, etree.SubElement(event, "detail")


def _set(detail: etree._Element, tag: str, **attributes: str) -> None:
    present = {name: xml.legal(value) for name, value in attributes.items() if value}
    if present:
        etree.SubElement(detail, tag, present)


def _remark(detail: etree._Element, text: str | None) -> None:
    if text:
        etree.SubElement(detail, "remarks").text = xml.legal(text)


def _bytes(event: etree._Element) -> bytes:
    return etree.tostring(event, xml_declaration=True, encoding="UTF-8")
