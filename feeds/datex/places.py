"""Where a DATEX II record holds: its points and lines with coordinates, whatever way of referencing they come in.

Read are points by coordinates, GML line strings (latitude first), TPEG and OpenLR by the coordinates of their points,
and the coordinates for display. Alert-C and linear references name places in tables that are not sent along.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from lxml import etree

from feeds import fields
from feeds.fields import IMPOSSIBLE, refuse
from picture.places import distance_m

Position = tuple[int, int]
"""(lon_e7, lat_e7)."""
Line = tuple[Position, ...]
_TOO_MANY: Final = "TOC-2004"
MOST_POSITIONS: Final = 2_000
_WGS84: Final = frozenset({"", "wgs84", "epsg:4326", "urn:ogc:def:crs:epsg::4326", "4326"})
_MEMBERS: Final = ("{*}location", "{*}locationContainedInGroup")


def local(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child of that name in whatever namespace; profiles of the standard have their own."""
    return element.find(f"{{*}}{name}")


def words(element: etree._Element | None) -> str:
    """An element's own text, with its edges trimmed; nothing for no element."""
    return "" if element is None else (element.text or "").strip()


def locations(reference: etree._Element) -> list[etree._Element]:
    """The single locations of a reference: itself, or the members of an itinerary or group."""
    return list(reference.iter(*_MEMBERS)) or [reference]


def line_of(location: etree._Element, path: str) -> Line:
    """The positions a location is drawn by, one for a point; empty where it has no coordinates of WGS 84."""
    for read in (_gml, _open_lr, _tpeg, _points):
        line = tuple(read(location, path))
        if line:
            return line
    return ()


def middle(line: Line) -> Position:
    """The position half way along a line."""
    lengths = [distance_m(*a, *b) for a, b in pairwise(line)]
    left = sum(lengths) / 2
    for (a, b), length in zip(pairwise(line), lengths, strict=True):
        if length > 0 and left <= length:
            share = left / length
            return round(a[0] + (b[0] - a[0]) * share), round(a[1] + (b[1] - a[1]) * share)
        left -= length
    return line[0]


def _gml(location: etree._Element, path: str) -> Iterator[Position]:
    for string in named(location, "gmlLineString"):
        if string.get("srsName", "").replace(" ", "").lower() not in _WGS84:
            continue
        numbers = words(child(string, "posList")).split()
        size = 3 if string.get("srsDimension") == "3" else 2
        if len(numbers) % size or len(numbers) > size * MOST_POSITIONS:
            code = _TOO_MANY if len(numbers) > size * MOST_POSITIONS else fields.BROKEN
            refuse(f"{path}.posList", f"{len(numbers)} numbers", code)
        for at in range(0, len(numbers), size):
            yield _position(numbers[at + 1], numbers[at], f"{path}.posList")
        return


def _open_lr(location: etree._Element, path: str) -> Iterator[Position]:
    for line in named(location, "firstDirection"):
        for coordinate in named(line, "openlrCoordinates"):
            yield _pair(coordinate, f"{path}.openlr")


def _tpeg(location: etree._Element, path: str) -> Iterator[Position]:
    """From where to where; the standard writes the end first."""
    for line in named(location, "tpegLinearLocation"):
        for name in ("from", "to"):
            end = child(line, name)
            for coordinates in named(end, "pointCoordinates") if end is not None else ():
                yield _pair(coordinates, f"{path}.{name}")
                break


def _points(location: etree._Element, path: str) -> Iterator[Position]:
    for name in ("pointCoordinates", "coordinatesForDisplay"):
        for coordinates in named(location, name):
            yield _pair(coordinates, f"{path}.{name}")
            return


def named(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The elements of that name within this one, at whatever depth, in their order."""
    return element.iter(f"{{*}}{name}")


def _pair(element: etree._Element, path: str) -> Position:
    return _position(words(child(element, "longitude")), words(child(element, "latitude")), path)


def _position(lon: str, lat: str, path: str) -> Position:
    found = fields.e7(fields.decimal(lon, path), fields.decimal(lat, path), path)
    if found == (0, 0):
        refuse(path, "latitude and longitude are 0", IMPOSSIBLE)
    return found
