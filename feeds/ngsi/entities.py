"""NGSI-LD entities in any of their representations, read to one plain form; no ``@context`` is ever fetched.

Normalized, concise, simplified (keyValues) and NGSI v2 all become ``Attribute``s; a type or name written as IRI is
known by its last part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from feeds import fields
from feeds.base import FeedContext
from feeds.fields import UNREAD, refuse

_META: Final = frozenset({"id", "@id", "type", "@type", "@context"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute's value, with when and in which unit it was observed, where the sender says."""

    value: Any
    observed_ms: int | None = None
    unit_code: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its id as sent, our name for it, the last part of its type, its attributes by short name."""

    id: str
    name: str
    kind: str
    attributes: dict[str, Attribute]
    path: str
    notified_ms: int | None = None

    def text(self, key: str, limit: int) -> str:
        """A text attribute, cut with an ellipsis; empty where absent."""
        value = self.attributes[key].value if key in self.attributes else None
        if value is None:
            return ""
        if not isinstance(value, str):
            refuse(f"{self.path}.{key}", "not a text")
        return fields.shortened(value.strip(), limit)

    def at_ms(self, received_ms: int, attribute: Attribute | None = None) -> int:
        """When this was so: the attribute's ``observedAt``, the entity's own time, the notification's, the receipt."""
        if attribute is not None and attribute.observed_ms is not None:
            return attribute.observed_ms
        for key in ("dateObserved", "dateIssued", "accidentDate", "modifiedAt", "dateModified"):
            stamp = self.attributes[key].value if key in self.attributes else None
            if isinstance(stamp, str):
                return fields.instant(stamp.rpartition("/")[2], f"{self.path}.{key}", naive_is_utc=True)
        return received_ms if self.notified_ms is None else self.notified_ms

    def position(self) -> tuple[int, int] | None:
        """(lon_e7, lat_e7) of ``location``: a point, or the middle of a line's or an area's corners."""
        location = self.attributes.get("location")
        return None if location is None or location.value is None else _middle(location.value, f"{self.path}.location")


def read(document: Any, context: FeedContext) -> list[Entity]:
    """The entities of a notification, a batch or a single entity, in order."""
    notified_ms: int | None = None
    if isinstance(document, dict) and document.get("type") == "Notification":
        if document.get("notifiedAt") is not None:
            notified_ms = fields.instant(document["notifiedAt"], "notifiedAt", naive_is_utc=True)
        document = document.get("data")
    if isinstance(document, list):
        if not document:
            refuse("data", "holds no entity")
        return [_entity(item, f"[{number}]", context, notified_ms) for number, item in enumerate(document)]
    return [_entity(document, "entity", context, notified_ms)]


def last_part(name: str) -> str:
    """The last part of an IRI or a short name: ``https://…/dataModel.Alert/Alert`` -> ``Alert``."""
    return name.rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def short_name(entity_id: str) -> str:
    """``urn:ngsi-ld:Building:SUB-07`` -> ``SUB-07``; any other id as it is."""
    parts = entity_id.split(":", 3)
    return parts[3] if len(parts) == 4 and parts[0] == "urn" and parts[1] == "ngsi-ld" and parts[3] else entity_id


def _entity(item: Any, path: str, context: FeedContext, notified_ms: int | None) -> Entity:
    if not isinstance(item, dict):
        refuse(path, "not a JSON object")
    entity_id = item.get("id", item.get("@id"))
    kind = item.get("type", item.get("@type"))
    if isinstance(kind, list) and kind:
        kind = kind[0]
    if not isinstance(entity_id, str) or not entity_id or not isinstance(kind, str) or not kind:
        refuse(path, "not an NGSI-LD entity (id and type are required)", UNREAD)
    fields.text(entity_id, f"{path}.id", 200)
    attributes = {
        last_part(str(key)): _attribute(value, f"{path}.{str(key)[:80]}")
        for key, value in item.items() if key not in _META
    }  # fmt: skip
    name = context.names.get(entity_id, short_name(entity_id))
    return Entity(entity_id, name, last_part(kind), attributes, path, notified_ms)


def _attribute(value: Any, path: str) -> Attribute:
    if isinstance(value, list) and value and all(isinstance(each, dict) and "value" in each for each in value):
        value = next((each for each in value if "datasetId" not in each), value[0])
    if not isinstance(value, dict):
        return Attribute(value)
    for key in ("value", "object", "languageMap", "vocab"):
        if key in value:
            return Attribute(_plain(value[key]), _observed(value, path), _unit_code(value, path))
    return Attribute(_plain(value))


def _plain(value: Any) -> Any:
    """A JSON-LD value object's value; anything else unchanged."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _observed(value: dict[str, Any], path: str) -> int | None:
    stamp = _plain(value.get("observedAt"))
    return None if stamp is None else fields.instant(stamp, f"{path}.observedAt")


def _unit_code(value: dict[str, Any], path: str) -> str:
    return fields.text(value.get("unitCode", ""), f"{path}.unitCode", 80)


def _middle(geometry: Any, path: str) -> tuple[int, int]:
    if not isinstance(geometry, dict) or "coordinates" not in geometry:
        refuse(path, "not a GeoJSON geometry")
    corners = list(_corners(geometry["coordinates"], path))
    if geometry.get("type") == "Polygon" and len(corners) > 1:
        corners = corners[:-1]  # the closing corner would count twice
    if not corners:
        refuse(path, "holds no coordinates")
    placed = [fields.e7(lon, lat, path) for lon, lat in corners]
    return sum(lon for lon, _ in placed) // len(placed), sum(lat for _, lat in placed) // len(placed)


def _corners(coordinates: Any, path: str) -> Iterator[tuple[float, float]]:
    if not isinstance(coordinates, list):
        refuse(f"{path}.coordinates", "not a list")
    if coordinates and not isinstance(coordinates[0], list):
        if len(coordinates) < 2:
            refuse(f"{path}.coordinates", "not [longitude, latitude]")
        yield fields.number(coordinates[0], path), fields.number(coordinates[1], path)
        return
    for each in coordinates:
        yield from _corners(each, path)
