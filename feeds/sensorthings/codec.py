"""SensorThings observations (OGC 18-088) both ways: single, collections (``value``) and data arrays.

Which sensor and quantity an observation is of stands in its expanded ``Datastream``; where only a number is sent, the
feed's configuration names it: ``names: {"Datastream(7)": "TG-OLDQUAY/water_level/m"}``. No link is followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from feeds import fields, quantities, strict_json
from feeds.base import FeedContext
from feeds.fields import UNREAD, refuse
from picture.clock import rfc3339
from picture.reports import Observation, Report

_LINK: Final = re.compile(r"(?:^|/)(?:Multi)?Datastreams?\(('?)([^()']{1,80})\1\)$")
_ID_KEYS: Final = ("@iot.id", "id")


@dataclass(frozen=True, slots=True)
class _Stream:
    sensor: str
    quantity: str
    unit: str
    position: tuple[int, int] | None


# --- in ----------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """An ``Observation`` for each result. ``at_ms`` is the phenomenon's time (its end, for an interval).

    Raises ``InputError``: TOC-2003 with the path that breaks a rule, TOC-2006 where nothing is an observation,
    TOC-2009 for a value that cannot be.
    """
    document = strict_json.parse(data, context.limits)
    if isinstance(document, dict) and isinstance(document.get("value"), list):
        document = document["value"]
    if isinstance(document, list):
        if not document:
            refuse("value", "holds no observation", UNREAD)
        found = [each for number, item in enumerate(document) for each in _item(item, f"[{number}]", context)]
    else:
        found = list(_item(document, "", context))
    return tuple(found)


def _item(item: Any, path: str, context: FeedContext) -> Iterator[Observation]:
    if not isinstance(item, dict):
        refuse(path or "document", "not a JSON object")
    if "dataArray" in item:
        yield from _data_array(item, path, context)
    elif "result" in item:
        yield _observation(item, _stream(item, path, context), path, context)
    else:
        refuse(path or "document", "not an observation (no result)", UNREAD)


def _data_array(item: dict[str, Any], path: str, context: FeedContext) -> Iterator[Observation]:
    components, rows = item.get("components"), item["dataArray"]
    if not isinstance(components, list) or not all(isinstance(name, str) for name in components):
        refuse(f"{path}.components", "not a list of names")
    if "result" not in components or not isinstance(rows, list):
        refuse(f"{path}.dataArray", "holds no results")
    stream = _stream(item, path, context)
    for number, row in enumerate(rows):
        where = f"{path}.dataArray[{number}]"
        if not isinstance(row, list) or len(row) != len(components):
            refuse(where, "does not fit its components")
        yield _observation(dict(zip(components, row, strict=True)), stream, where, context)


def _observation(item: dict[str, Any], stream: _Stream, path: str, context: FeedContext) -> Observation:
    result = fields.number(item["result"], f"{path}.result".lstrip("."))
    value, unit = quantities.measured(stream.quantity, result, stream.unit, f"{path}.result".lstrip("."))
    position = _feature(item.get("FeatureOfInterest"), f"{path}.FeatureOfInterest") or stream.position
    lon_e7, lat_e7 = position or (None, None)
    return fields.build(
        Observation, path, at_ms=_time(item, path, context), external_id=_id(item), sensor=stream.sensor,
        quantity=stream.quantity, value=value, unit=unit, lon_e7=lon_e7, lat_e7=lat_e7,
    )  # fmt: skip


def _time(item: dict[str, Any], path: str, context: FeedContext) -> int:
    for key in ("phenomenonTime", "resultTime"):
        if item.get(key) is not None:
            stamp = fields.text(item[key], f"{path}.{key}", 80)
            return fields.instant(stamp.rpartition("/")[2], f"{path}.{key}".lstrip("."))
    return context.received_ms


def _stream(item: dict[str, Any], path: str, context: FeedContext) -> _Stream:
    """Sensor, quantity and unit: as configured for the data stream, else as the expanded stream says."""
    expanded = item.get("Datastream")
    if expanded is not None and not isinstance(expanded, dict):
        refuse(f"{path}.Datastream", "not a JSON object")
    number = _id(expanded or {}) or _linked(item.get("Datastream@iot.navigationLink"))
    number = number or _linked(context.topic.removesuffix("/Observations"))
    configured = context.names.get(f"Datastream({number})") if number else None
    if configured:
        sensor, quantity, unit = (*configured.split("/"), "", "")[:3]
        unit = unit or _unit(expanded or {})
        return _Stream(sensor, quantity, unit, _thing_position(expanded or {}))
    thing, observed = (expanded or {}).get("Thing"), (expanded or {}).get("ObservedProperty")
    sensor = _named(thing) or _named(expanded)
    quantity = quantities.quantity_named(_named(observed))
    if not sensor or not quantity:
        which = f"Datastream({number})" if number else "its Datastream"
        refuse(f"{path}.Datastream".lstrip("."), f"{which} is neither expanded nor named in the feed's configuration")
    return _Stream(sensor, quantity, _unit(expanded or {}), _thing_position(expanded or {}))


def _linked(link: Any) -> str:
    match = _LINK.search(link) if isinstance(link, str) and len(link) < 500 else None
    return match[2] if match else ""


def _named(entity: Any) -> str:
    name = entity.get("name") if isinstance(entity, dict) else None
    return fields.text(name, "name", 80).strip() if name is not None else ""


def _unit(stream: dict[str, Any]) -> str:
    unit = stream.get("unitOfMeasurement")
    if not isinstance(unit, dict):
        return ""
    symbol = unit.get("symbol") or unit.get("definition") or ""
    return fields.text(symbol, "Datastream.unitOfMeasurement.symbol", 80)


def _thing_position(stream: dict[str, Any]) -> tuple[int, int] | None:
    thing = stream.get("Thing")
    locations = thing.get("Locations") if isinstance(thing, dict) else None
    if not isinstance(locations, list) or not locations or not isinstance(locations[0], dict):
        return None
    return _point(locations[0].get("location"), "Datastream.Thing.Locations[0].location")


def _feature(feature: Any, path: str) -> tuple[int, int] | None:
    return _point(feature.get("feature"), f"{path}.feature") if isinstance(feature, dict) else None


def _point(geometry: Any, path: str) -> tuple[int, int] | None:
    """A GeoJSON point, or a feature that holds one; other shapes give no position."""
    if isinstance(geometry, dict) and geometry.get("type") == "Feature":
        geometry = geometry.get("geometry")
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return None
    pair = geometry.get("coordinates")
    if not isinstance(pair, list) or len(pair) not in (2, 3):
        refuse(f"{path}.coordinates", "not [longitude, latitude]")
    return fields.e7(fields.number(pair[0], path), fields.number(pair[1], path), path)


def _id(entity: dict[str, Any]) -> str:
    for key in _ID_KEYS:
        value = entity.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return fields.text(str(value), key, 200)
    return ""


# --- out ---------------------------------------------------------------------------------------------


def encode(report: Observation) -> bytes:
    """One observation with its ``Datastream`` expanded, so that it can be read without configuration."""
    item: dict[str, Any] = {
        "phenomenonTime": rfc3339(report.at_ms), "resultTime": rfc3339(report.at_ms), "result": report.value,
        "Datastream": {
            "name": f"{report.sensor} {report.quantity}",
            "unitOfMeasurement": {"name": report.unit, "symbol": report.unit, "definition": report.unit},
            "Thing": {"name": report.sensor}, "ObservedProperty": {"name": report.quantity},
        },
    }  # fmt: skip
    if report.external_id:
        item["@iot.id"] = report.external_id
    if report.lon_e7 is not None and report.lat_e7 is not None:
        point = {"type": "Point", "coordinates": [report.lon_e7 / fields.E7, report.lat_e7 / fields.E7]}
        item["FeatureOfInterest"] = {"name": report.sensor, "encodingType": "application/geo+json",
                                     "feature": point}  # fmt: skip
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
