"""GTFS Realtime service alerts as alerts: ``decode`` gives one ``AlertMessage`` for each that is in force at receipt.

A feed message is the whole of what stands (``FULL_DATASET``): an alert it no longer holds is over, which whoever keeps
the picture works out (``standing`` in the manifest). Periods are judged at the time of receipt, half open as in the
reference: from ``start`` on, before ``end``. Trip updates and vehicle positions are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as pb

from feeds import fields
from feeds.base import FeedContext
from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.errors import InputError
from picture.reports import AlertMessage, Report

_TOO_LARGE: Final = "TOC-2001"
_MALFORMED: Final = "TOC-2002"
_TOO_MANY: Final = "TOC-2004"
_PARTIAL: Final = "TOC-2110"
SENDER: Final = "sender"
"""Key of a feed's ``names``: who issues the alerts, as no GTFS message says; the feed's id where it is not set."""
_LATEST_S: Final = 4_102_444_800  # 2100: agencies write years beyond it for "until further notice"

_SEVERITY: Final = {
    pb.Alert.INFO: "Minor", pb.Alert.WARNING: "Moderate", pb.Alert.SEVERE: "Severe",
}  # fmt: skip
_NO_EFFECT: Final = frozenset({pb.Alert.UNKNOWN_EFFECT, pb.Alert.OTHER_EFFECT})


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The alerts in force, in the feed's order; none where all is well.

    Raises ``InputError``: TOC-2002 where it is no feed message, TOC-2003 for an alert without an id, TOC-2004 for too
    many parts, TOC-2006 where it holds no alerts but trip updates or vehicles, TOC-2110 for a differential feed.
    """
    message = _parsed(data, context)
    if message.header.incrementality == pb.FeedHeader.DIFFERENTIAL:
        refuse("header.incrementality", "DIFFERENTIAL", _PARTIAL)
    alerts = [entity for entity in message.entity if entity.HasField("alert") and not entity.is_deleted]
    others = len(message.entity) - len(alerts)
    if others and not alerts:
        refuse("entity", "no service alerts but trip updates or vehicle positions", UNREAD)
    if others:
        context.skip(f"{others} entities that are no service alerts")
    _check_ids(alerts)
    sent_ms = _header_ms(message.header, context)
    found = (_alert(entity.id, entity.alert, sent_ms, context) for entity in alerts)
    return tuple(alert for alert in found if alert is not None)


def _parsed(data: bytes, context: FeedContext) -> pb.FeedMessage:
    if len(data) > context.limits.max_bytes:
        raise InputError(f"{len(data)} bytes; {context.limits.max_bytes} are allowed.", code=_TOO_LARGE)
    message = pb.FeedMessage()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise InputError("Protobuf: not a GTFS Realtime feed message.", code=_MALFORMED) from None
    if not message.IsInitialized():
        raise InputError("Protobuf: a field is missing that every feed message has.", code=_MALFORMED)
    parts = len(message.entity)
    if parts <= context.limits.max_parts:
        parts += sum(_parts(entity.alert) for entity in message.entity if entity.HasField("alert"))
    if parts > context.limits.max_parts:
        raise InputError(f"{parts} parts; {context.limits.max_parts} are allowed.", code=_TOO_MANY)
    return message


def _parts(alert: pb.Alert) -> int:
    texts = (alert.header_text, alert.description_text, alert.url)
    return len(alert.informed_entity) + len(alert.active_period) + sum(len(text.translation) for text in texts)


def _header_ms(header: pb.FeedHeader, context: FeedContext) -> int:
    if not header.timestamp:
        return context.received_ms
    if header.timestamp >= _LATEST_S:
        refuse("header.timestamp", "after 2100", IMPOSSIBLE)
    return header.timestamp * 1000


def _check_ids(alerts: Iterable[pb.FeedEntity]) -> None:
    seen: set[str] = set()
    for entity in alerts:
        identifier = _plain(entity.id, "entity.id")
        if not identifier or any(mark in identifier for mark in ", "):
            refuse("entity.id", "empty, or holds a comma or a space")
        if len(identifier) > 120:
            refuse("entity.id", "longer than 120 characters")
        if identifier in seen:
            refuse("entity.id", f"{identifier!a} stands twice")
        seen.add(identifier)


def _plain(value: str | bytes, field: str) -> str:
    """A text of the message. What is not UTF-8 comes out of the bindings as bytes, whatever their types say."""
    if isinstance(value, bytes):
        raise InputError(f"{field}: not UTF-8.", code=_MALFORMED)
    return value


def _alert(identifier: str, alert: pb.Alert, sent_ms: int, context: FeedContext) -> AlertMessage | None:
    period = _in_force(alert, context.received_ms)
    if period is None:
        context.skip(f"the alert {identifier[:80]} is not in force")
        return None
    event = _event(alert)
    return fields.build(
        AlertMessage, "alert", at_ms=sent_ms, sent_ms=sent_ms, external_id=identifier,
        sender=context.names.get(SENDER, context.feed or "gtfs"), status="Actual", msg_type="Alert",
        event=event, severity=_SEVERITY.get(alert.severity_level, "Unknown"), urgency="Unknown", certainty="Unknown",
        headline=fields.shortened(_translated(alert.header_text, "header_text") or event, 200),
        description=fields.shortened(_translated(alert.description_text, "description_text"), 16_000) or None,
        area=fields.shortened(_area(alert), 200), effective_ms=period[0], expires_ms=period[1],
        parameters=_parameters(alert),
    )  # fmt: skip


def _in_force(alert: pb.Alert, now_ms: int) -> tuple[int | None, int | None] | None:
    """(from, until) of the period that ``now_ms`` lies in, None for an open side; None where it lies in none."""
    if not alert.active_period:
        return None, None
    for period in alert.active_period:
        start_ms = _moment(period.start)
        end_ms = _moment(period.end)
        if (start_ms is None or start_ms <= now_ms) and (end_ms is None or now_ms < end_ms):
            begins = start_ms if period.start < _LATEST_S else None
            return begins, end_ms if period.end < _LATEST_S else None
    return None


def _moment(seconds: int) -> int | None:
    """Epoch milliseconds; zero is how protobuf says that there is none."""
    return min(seconds, _LATEST_S) * 1000 if seconds else None


def _event(alert: pb.Alert) -> str:
    if alert.effect in _NO_EFFECT:
        return "Service alert"
    return _words(pb.Alert.Effect.Name(alert.effect))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _translated(text: pb.TranslatedString, field: str) -> str:
    """The English text, else the one without a language, else the first; line ends stay."""
    said = [(_plain(one.language, field).lower(), _plain(one.text, field).strip()) for one in text.translation]
    ranked = sorted(said, key=lambda one: (one[0].split("-")[0] != "en", one[0] != ""))
    return ranked[0][1] if ranked else ""


def _selected(alert: pb.Alert) -> dict[str, list[str]]:
    """What the alert is about, by kind, each once and in its order."""
    found: dict[str, dict[str, None]] = {"agencies": {}, "routes": {}, "stops": {}, "trips": {}}
    for entity in alert.informed_entity:
        route = entity.route_id or entity.trip.route_id
        for kind, value in (("agencies", entity.agency_id), ("routes", route), ("stops", entity.stop_id),
                            ("trips", entity.trip.trip_id)):  # fmt: skip
            name = _plain(value, "informed_entity")
            if name:
                found[kind][name] = None
    return {kind: list(names) for kind, names in found.items() if names}


def _area(alert: pb.Alert) -> str:
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in _selected(alert).items())


def _parameters(alert: pb.Alert) -> tuple[tuple[str, str], ...]:
    named = {"cause": _words(pb.Alert.Cause.Name(alert.cause)) if alert.HasField("cause") else ""}
    named |= {kind: ", ".join(names) for kind, names in _selected(alert).items()}
    named["url"] = _translated(alert.url, "url")
    return tuple((name, fields.shortened(value, 200)) for name, value in named.items() if value)
