"""NWS alerts both as a list (``FeatureCollection``) and one by one (``Feature``), each to an ``AlertMessage``.

The fields are those of CAP 1.2 under names of the API's own. The warning ends at ``ends`` where that is given: its
``expires`` is when the *message* is to be replaced by a newer one.
"""

from __future__ import annotations

from typing import Any, Final

from feeds import fields, strict_json
from feeds.base import FeedContext
from feeds.fields import UNREAD, refuse
from picture.reports import AlertMessage, Report, Ring

_WORDS: Final = {
    "status": ("Actual", "Exercise", "System", "Test", "Draft"),
    "messageType": ("Alert", "Update", "Cancel", "Ack", "Error"),
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
}
MAX_RINGS: Final = 200
MAX_CORNERS: Final = 5_000
_TOO_MANY: Final = "TOC-2004"


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The alerts of a list, or the one alert, in order; none where nothing is in force.

    Raises ``InputError``: TOC-2003 with the field that breaks a rule, TOC-2004 too many parts, TOC-2006 for something
    else than alerts (forecasts, stations), TOC-2009 off the globe.
    """
    document = strict_json.parse(data, context.limits)
    found = features(document)
    return tuple(_alert(one, f"features[{number}]", context) for number, one in enumerate(found))


def features(document: Any) -> list[dict[str, Any]]:
    """The alerts' features in a parsed document; raises ``InputError`` TOC-2006 where it is not alerts."""
    if not isinstance(document, dict):
        refuse("document", "not a JSON object", UNREAD)
    if document.get("type") == "Feature":
        document = {"type": "FeatureCollection", "features": [document]}
    found = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(found, list):
        refuse("type", "neither a FeatureCollection nor a Feature", UNREAD)
    for number, one in enumerate(found):
        properties = one.get("properties") if isinstance(one, dict) else None
        if not isinstance(properties, dict) or properties.get("@type") != "wx:Alert":
            refuse(f"features[{number}].properties", "not an alert", UNREAD)
    return found


def _alert(feature: dict[str, Any], path: str, context: FeedContext) -> AlertMessage:
    values = feature["properties"]
    path = f"{path}.properties"
    kind = _word(values, "messageType", path)
    sent_ms = fields.instant(values.get("sent"), f"{path}.sent")
    ends_ms = _moment(values, "ends", path)
    event = _text(values, "event", path)
    if not event and kind in ("Alert", "Update"):
        refuse(f"{path}.event", "required")
    return fields.build(
        AlertMessage, path, at_ms=sent_ms, sent_ms=sent_ms, external_id=_name(values, "id", path),
        sender=_name(values, "sender", path), status=_word(values, "status", path), msg_type=kind,
        references=_references(values, path), event=fields.shortened(event, 200),
        urgency=_word(values, "urgency", path), severity=_word(values, "severity", path),
        certainty=_word(values, "certainty", path),
        headline=fields.shortened(_text(values, "headline", path) or event, 200),
        description=fields.shortened(_description(values, path), 16_000) or None,
        area=fields.shortened(_text(values, "areaDesc", path), 200),
        rings=_rings(feature.get("geometry"), f"{path.rpartition('.')[0]}.geometry"),
        effective_ms=_moment(values, "effective", path),
        expires_ms=_moment(values, "expires", path) if ends_ms is None else ends_ms,
        parameters=_parameters(values),
    )  # fmt: skip


def _text(values: dict[str, Any], key: str, path: str) -> str:
    value = values.get(key)
    return "" if value is None else fields.text(value, f"{path}.{key}", 64_000).strip()


def _name(values: dict[str, Any], key: str, path: str) -> str:
    found = fields.text(_text(values, key, path), f"{path}.{key}", 200)
    if not found or any(mark in found for mark in ", <&"):
        refuse(f"{path}.{key}", "empty, or holds a space, a comma, < or &")
    return found


def _word(values: dict[str, Any], key: str, path: str) -> str:
    value = values.get(key)
    if value not in _WORDS[key]:
        refuse(f"{path}.{key}", f"{str(value)[:40]!a} is not one of {', '.join(_WORDS[key])}")
    return str(value)


def _moment(values: dict[str, Any], key: str, path: str) -> int | None:
    value = values.get(key)
    return None if value is None else fields.instant(value, f"{path}.{key}")


def _references(values: dict[str, Any], path: str) -> tuple[str, ...]:
    """The newest 64 triples ``sender,identifier,sent``: long chains name every message since the first."""
    found: list[tuple[int, str]] = []
    given = values.get("references") or []
    if not isinstance(given, list):
        refuse(f"{path}.references", "not a list")
    for one in given:
        if not isinstance(one, dict):
            refuse(f"{path}.references", "not objects")
        sent_ms = fields.instant(one.get("sent"), f"{path}.references.sent")
        triple = f"{_name(one, 'sender', path)},{_name(one, 'identifier', path)},{one['sent']}"
        found.append((sent_ms, fields.text(triple, f"{path}.references", 200)))
    return tuple(triple for _, triple in sorted(found)[-64:])


def _description(values: dict[str, Any], path: str) -> str:
    parts = (_text(values, "description", path), _text(values, "instruction", path))
    return "\n\n".join(part for part in parts if part)


def _parameters(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = [("senderName", values.get("senderName")), ("response", values.get("response"))]
    codes = values.get("geocode")
    if isinstance(codes, dict):
        found += list(codes.items())
    given = values.get("parameters")
    if isinstance(given, dict):
        found += list(given.items())
    said = ((name, " ".join(map(str, value)) if isinstance(value, list) else value) for name, value in found)
    return tuple(
        (fields.shortened(str(name), 80), fields.shortened(value, 200))
        for name, value in said if isinstance(value, str) and value
    )[:100]  # fmt: skip


def _rings(geometry: Any, path: str) -> tuple[Ring, ...]:
    """The outer rings; alerts by county or zone have no geometry and are known by their codes."""
    if geometry is None:
        return ()
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        refuse(path, "neither a Polygon nor a MultiPolygon")
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    if not isinstance(polygons, list) or not all(isinstance(one, list) and one for one in polygons):
        refuse(f"{path}.coordinates", "not lists of rings")
    if len(polygons) > MAX_RINGS:
        refuse(path, f"more than {MAX_RINGS} polygons", _TOO_MANY)
    return tuple(_ring(one[0], f"{path}.coordinates") for one in polygons)


def _ring(corners: Any, path: str) -> Ring:
    if not isinstance(corners, list) or not all(isinstance(one, list) and len(one) >= 2 for one in corners):
        refuse(path, "not pairs of longitude and latitude")
    if len(corners) > MAX_CORNERS:
        refuse(path, f"more than {MAX_CORNERS} corners", _TOO_MANY)
    ring = tuple(fields.e7(fields.number(one[0], path), fields.number(one[1], path), path) for one in corners)
    if len(ring) < 4 or ring[0] != ring[-1]:
        refuse(path, "needs at least four pairs, and the last must repeat the first")
    return ring
