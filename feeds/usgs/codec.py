"""Earthquakes of a USGS list (``FeatureCollection``) or one by one, each to an ``AlertMessage``.

A quake is revised for days under one identifier, so each report is an *update* of itself; a deleted one is a cancel.
It counts for a day after it happened. The epicentre is drawn a kilometre wide: it is no extent of damage.
"""

from __future__ import annotations

import math
from typing import Any, Final

from feeds import fields, strict_json
from feeds.base import FeedContext
from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.clock import rfc3339
from picture.reports import AlertMessage, Report, Ring

STANDS_MS: Final = 24 * 3600 * 1000
SENDER: Final = "earthquake.usgs.gov"
_PAGER: Final = {"green": "Minor", "yellow": "Moderate", "orange": "Severe", "red": "Extreme"}
"""PAGER's level of impact by USGS's own thresholds of deaths and losses."""
_LATEST_MS: Final = 4_102_444_800_000
_RADIUS_DEG: Final = 0.5 / 111.195  # half a kilometre of latitude
_CORNERS: Final = 16


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The earthquakes of a list or the one earthquake, in order; explosions and quakes older than a day are skipped.

    Raises ``InputError``: TOC-2003 with the field that breaks a rule, TOC-2006 for something else, TOC-2009 for a
    value that cannot be.
    """
    document = strict_json.parse(data, context.limits)
    found: list[Report] = []
    for number, one in enumerate(features(document)):
        report = _quake(one, f"features[{number}]", context)
        if report is not None:
            found.append(report)
    return tuple(found)


def features(document: Any) -> list[dict[str, Any]]:
    """The features of a parsed document; raises ``InputError`` TOC-2006 where these are no seismic events."""
    if not isinstance(document, dict):
        refuse("document", "not a JSON object", UNREAD)
    if document.get("type") == "Feature":
        document = {"type": "FeatureCollection", "features": [document]}
    found = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(found, list):
        refuse("type", "neither a FeatureCollection nor a Feature", UNREAD)
    for number, one in enumerate(found):
        values = one.get("properties") if isinstance(one, dict) else None
        if not isinstance(values, dict) or "mag" not in values or "time" not in values:
            refuse(f"features[{number}].properties", "not a seismic event", UNREAD)
    return found


def _quake(feature: dict[str, Any], path: str, context: FeedContext) -> AlertMessage | None:
    values = feature["properties"]
    kind = values.get("type")
    if kind != "earthquake":
        context.skip(f"{path}: {str(kind)[:40]!a} is no earthquake")
        return None
    identifier = fields.text(feature.get("id"), f"{path}.id", 120)
    if not identifier or any(mark in identifier for mark in ", "):
        refuse(f"{path}.id", "empty, or holds a comma or a space")
    time_ms, updated_ms = _moment(values, "time", path), _moment(values, "updated", path)
    deleted = values.get("status") == "deleted"
    if not deleted and time_ms + STANDS_MS <= context.received_ms:
        context.skip(f"{path}: older than a day")
        return None
    lon, lat, depth_km = _where(feature.get("geometry"), f"{path}.geometry")
    place = _text(values, "place")
    title = _text(values, "title") or " - ".join(filter(None, ("Earthquake", place)))
    return fields.build(
        AlertMessage, path, at_ms=time_ms, sent_ms=updated_ms, external_id=identifier, sender=SENDER, status="Actual",
        msg_type="Cancel" if deleted else "Update", references=(f"{SENDER},{identifier},{rfc3339(time_ms)}",),
        event="Earthquake", urgency="Past", severity=_severity(values, path), certainty="Observed",
        headline=fields.shortened(title, 200), area=fields.shortened(place, 200),
        rings=(_circle(lon, lat, f"{path}.geometry"),), effective_ms=time_ms, expires_ms=time_ms + STANDS_MS,
        parameters=_parameters(values, depth_km, path),
    )  # fmt: skip


def _moment(values: dict[str, Any], key: str, path: str) -> int:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(f"{path}.{key}", "not epoch milliseconds")
    if not 0 <= value <= _LATEST_MS:
        refuse(f"{path}.{key}", "before 1970 or after 2100", IMPOSSIBLE)
    return value


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    return value.strip() if isinstance(value, str) else ""


def _where(geometry: Any, path: str) -> tuple[float, float, float | None]:
    """(longitude, latitude, depth in kilometres below the surface)."""
    corners = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(corners, list) or len(corners) < 2:
        refuse(path, "not a Point")
    depth = corners[2] if len(corners) > 2 else None
    return (
        fields.number(corners[0], path), fields.number(corners[1], path),
        None if depth is None else fields.number(depth, path),
    )  # fmt: skip


def _circle(lon: float, lat: float, path: str) -> Ring:
    centre_lon, centre_lat = fields.e7(lon, lat, path)
    stretch = max(math.cos(math.radians(lat)), 0.01)
    corners = []
    for step in range(_CORNERS):
        bearing = 2 * math.pi * step / _CORNERS
        east = centre_lon + round(_RADIUS_DEG * math.sin(bearing) / stretch * fields.E7)
        north = centre_lat + round(_RADIUS_DEG * math.cos(bearing) * fields.E7)
        wrapped = (east + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
        corners.append((wrapped, max(-900_000_000, min(900_000_000, north))))
    return (*corners, corners[0])


def _severity(values: dict[str, Any], path: str) -> str:
    """PAGER's colour where there is one, else the strongest shaking (MMI), else unknown; never the magnitude alone."""
    colour = values.get("alert")
    if isinstance(colour, str) and colour in _PAGER:
        return _PAGER[colour]
    shaking = values.get("mmi")
    if shaking is None:
        return "Unknown"
    mmi = fields.number(shaking, f"{path}.mmi")
    return "Extreme" if mmi >= 8 else "Severe" if mmi >= 6 else "Moderate" if mmi >= 4 else "Minor"


def _parameters(values: dict[str, Any], depth_km: float | None, path: str) -> tuple[tuple[str, str], ...]:
    named: dict[str, Any] = {"magnitude": values["mag"], "depth_km": depth_km}
    named |= {key: values.get(key) for key in ("magType", "mmi", "cdi", "felt", "alert", "status", "url")}
    if values["mag"] is not None:
        fields.number(values["mag"], f"{path}.mag")
    if values.get("tsunami") == 1:
        named["tsunami"] = "see tsunami.gov"
    return tuple((key, fields.shortened(str(value), 200)) for key, value in named.items() if value is not None)
