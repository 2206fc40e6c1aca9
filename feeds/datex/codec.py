"""DATEX II v3 situations as closed roads: ``decode`` gives a ``RoadReport`` for each place that is closed at receipt.

A publication is the whole of what stands: a record that it no longer holds, or whose time is over, is open again, which
whoever keeps the picture works out (``standing`` in the manifest). A record closes a road where it says that a road or
carriageway is closed to all, in real life, carried out, and now. Closed to lorries or wide loads is not closed; nor are
a lane, a cycle track and a footpath a road. What does not close a road is counted, not refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lxml import etree

from feeds import fields, xml
from feeds.base import FeedContext
from feeds.datex.places import Line, child, line_of, local, locations, middle, named, words
from feeds.datex.validity import holds
from feeds.fields import UNREAD, refuse
from picture.reports import Report, RoadReport

_PARTIAL: Final = "TOC-2110"
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_V3: Final = "http://datex2.eu/schema/3/"
_DELTAS: Final = frozenset({"deltaPull", "deltaPush", "simplePush"})
CLOSING: Final = {
    "roadClosed": "Road closed", "carriagewayClosures": "Carriageway closed",
    "closedPermanentlyForTheWinter": "Closed for the winter", "overnightClosures": "Closed overnight",
}  # fmt: skip
"""Values of ``roadOrCarriagewayOrLaneManagementType`` after which nobody gets through."""
BLOCKING: Final = frozenset({"roadBlocked", "carriagewayBlocked"})
"""Values of ``trafficConstrictionType`` in the impact of any other record, after which nobody does either."""
_NOT_YET: Final = frozenset({"requested", "approved", "rejected"})
_NOT_A_ROAD: Final = frozenset({"cycleTrack", "footpath"})


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The roads closed at ``context.received_ms``, a report for each place of each record; none where all are open.

    Raises ``InputError``: TOC-2003 with the field that breaks a rule, TOC-2006 for another publication or version,
    TOC-2009 for a place or time that cannot be, TOC-2110 for a delta.
    """
    root = xml.parse(data, context.limits)
    publications = _publications(root)
    exchange = child(root, "exchangeInformation")
    protocol = () if exchange is None else (words(one) for one in named(exchange, "codedExchangeProtocol"))
    if delta := next((word for word in protocol if word in _DELTAS), ""):
        refuse("codedExchangeProtocol", delta, _PARTIAL)
    skipped: Counter[str] = Counter()
    found: dict[str, RoadReport] = {}
    for record in (one for publication in publications for one in _records(publication, skipped)):
        for report in _closures(record, context.received_ms, skipped):
            if report.road in found:
                refuse(f"situationRecord {report.external_id[:80]!a}", "stands twice")
            found[report.road] = report
    for why, count in sorted(skipped.items()):
        context.skip(f"{count} × {why}")
    return tuple(found.values())


def _publications(root: etree._Element) -> list[etree._Element]:
    namespace = etree.QName(root).namespace or ""
    name = local(root)
    if not namespace.startswith(_V3) or name not in ("messageContainer", "payload"):
        refuse("document", f"no DATEX II v3 publication but {etree.QName(root).text[:80]!a}", UNREAD)
    payloads = [root] if name == "payload" else [one for one in root if local(one) == "payload"]
    found = [one for one in payloads if _type(one) == "SituationPublication"]
    if not found:
        refuse("payload", f"no SituationPublication but {', '.join(map(_type, payloads))[:80]!a}", UNREAD)
    return found


def _type(element: etree._Element) -> str:
    return element.get(_XSI_TYPE, "").rpartition(":")[2]


def _records(publication: etree._Element, skipped: Counter[str]) -> Iterator[etree._Element]:
    for situation in publication:
        if local(situation) != "situation":
            continue
        header = child(situation, "headerInformation")
        status = words(child(header, "informationStatus")) if header is not None else ""
        if status not in ("", "real"):
            skipped[f"situation for {status}"] += 1
            continue
        yield from (one for one in situation if local(one) == "situationRecord")


# --- one record -------------------------------------------------------------------------------------------


def _closures(record: etree._Element, now_ms: int, skipped: Counter[str]) -> Iterator[RoadReport]:
    identifier = record.get("id", "")
    path = f"situationRecord {identifier[:80]!a}"
    if not identifier or len(identifier) > 120:
        refuse(f"{path}.id", "missing, or longer than 120 characters")
    what = _what(record)
    why_not = "" if what else f"{_type(record)[:60]} that closes no road"
    why_not = why_not or _partly(record)
    if why_not:
        skipped[why_not] += 1
        return
    when, at_hours = holds(record, now_ms, path)
    if when != "now":
        skipped[f"closure {'between its periods' if when == 'between' else when}"] += 1
        return
    reference = child(record, "locationReference")
    if reference is None:
        refuse(f"{path}.locationReference", "is missing")
    members = [one for one in locations(reference) if not _beside_the_road(one)]
    drawn = [(member, line) for member in members if (line := line_of(member, path))]
    if not drawn:
        skipped["closure without coordinates" if members else "closure of cycle tracks or footpaths"] += 1
    once: dict[Line, etree._Element] = {}
    for member, line in drawn:  # itineraries may tell one place twice
        once.setdefault(line, member)
    for number, (line, member) in enumerate(once.items(), start=1):
        yield _report(record, member, line, number, f"{what}{', at certain hours' if at_hours else ''}")


def _what(record: etree._Element) -> str:
    """How the record closes a road, in words; nothing where it does not."""
    management = words(child(record, "roadOrCarriagewayOrLaneManagementType"))
    if management:
        return CLOSING.get(management, "")
    impact = child(record, "impact")
    if impact is None:
        return ""
    constriction = next((words(one) for one in named(impact, "trafficConstrictionType")), "")
    blocked = constriction in BLOCKING or words(child(impact, "numberOfOperationalLanes")) == "0"
    return "Road blocked" if blocked else ""


def _partly(record: etree._Element) -> str:
    """Why a closure does not stop everybody, or does not stand yet; nothing where it does both."""
    if child(record, "forVehiclesWithCharacteristicsOf") is not None:
        return "closure for some vehicles"
    if child(record, "applicableForTrafficType") is not None:
        return "closure for some traffic"
    status = words(child(record, "operatorActionStatus"))
    return f"closure that is {status}" if status in _NOT_YET else ""


def _beside_the_road(location: etree._Element) -> bool:
    told = {words(one) for one in named(location, "carriageway") if not len(one)}
    return bool(told) and told <= _NOT_A_ROAD


def _report(record: etree._Element, location: etree._Element, line: Line, number: int, what: str) -> RoadReport:
    identifier = record.get("id", "")
    path = f"situationRecord {identifier[:80]!a}"
    version = child(record, "situationRecordVersionTime")
    if version is None:
        refuse(f"{path}.situationRecordVersionTime", "is missing")
    lon_e7, lat_e7 = middle(line)
    own = identifier if number == 1 else f"{identifier}/{number}"
    return fields.build(
        RoadReport, path, at_ms=fields.instant(words(version), f"{path}.situationRecordVersionTime", naive_is_utc=True),
        external_id=own, road=f"{_name(location)} ({own})", closed=True, reason=_reason(record, what), lon_e7=lon_e7,
        lat_e7=lat_e7, line=line if len(line) > 1 else (),
    )  # fmt: skip


def _name(location: etree._Element) -> str:
    """What the sender calls the road; its record's id is added, because a name alone would mean all of the street."""
    for name in ("roadName", "roadNumber"):
        found = next((words(one) for one in named(location, name) if words(one)), "")
        if found:
            return fields.shortened(found, 60)
    return "Road"


def _reason(record: etree._Element, what: str) -> str:
    cause = child(record, "cause")
    causes = [words(one) for one in cause if local(one) == "causeType"] if cause is not None else []
    spelled = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in "".join(causes[:1])).strip()
    comments = [one for one in record if local(one) == "generalPublicComment"]
    said = next((words(one) for each in comments for one in named(each, "value") if words(one)), "")
    parts = [part for part in (what, spelled, " ".join(said.split())) if part]
    return fields.shortened(": ".join(parts), 200)
