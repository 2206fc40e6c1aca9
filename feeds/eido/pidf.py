"""PIDF-LO both ways: where something is, as XML inside of EIDO's JSON (RFC 4119, RFC 5139, RFC 5491).

Read are a point, a circle and a civic address; of several location-infos the first of each. Latitude comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml import etree

from feeds import fields, xml
from feeds.base import Limits
from feeds.fields import IMPOSSIBLE, refuse
from picture.errors import InputError

_LIMITS: Final = Limits(max_bytes=65_536, max_depth=24, max_parts=2_000)
_CIVIC: Final = ("HNO", "HNS", "PRD", "RD", "STS", "POD", "LMK", "LOC", "BLD", "UNIT", "FLR", "NAM", "A6", "A5", "A4",
                 "A3", "A2", "A1", "PC", "country")  # fmt: skip
_TEMPLATE: Final = (
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" '
    'xmlns:gml="http://www.opengis.net/gml" xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:incident">'
    '<tuple id="t1"><status><gp:geopriv><gp:location-info><gs:Circle srsName="urn:ogc:def:crs:EPSG::4326">'
    '<gml:pos>{lat} {lon}</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9001">{radius}</gs:radius></gs:Circle>'
    "</gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple></presence>"
)


@dataclass(frozen=True, slots=True)
class Located:
    """A place as far as it was said: position with its uncertainty, address in one line."""

    lon_e7: int | None = None
    lat_e7: int | None = None
    uncertainty_m: int = 50
    address: str = ""


def read(text: str, path: str) -> Located:
    """The place in a PIDF-LO document.

    Raises ``InputError`` with the field's name: TOC-2002, TOC-2004 and TOC-2005 as all XML, TOC-2003, TOC-2009.
    """
    try:
        root = xml.parse(text.encode("utf-8"), _LIMITS)
    except InputError as error:
        raise InputError(f"{path}: {error.detail}", code=error.code) from None
    found: dict[str, etree._Element] = {}
    civic: dict[str, str] = {}
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in ("pos", "radius"):
            found.setdefault(name, element)
        elif name in _CIVIC and (element.text or "").strip():
            civic.setdefault(name, (element.text or "").strip())
    address = fields.shortened(" ".join(civic[name] for name in _CIVIC if name in civic), 500)
    if "pos" not in found:
        return Located(address=address)
    numbers = (found["pos"].text or "").split()
    if len(numbers) not in (2, 3):
        refuse(f"{path}.pos", "not latitude and longitude")
    position = fields.e7(fields.decimal(numbers[1], path), fields.decimal(numbers[0], path), f"{path}.pos")
    return Located(*position, _radius(found.get("radius"), path), address)


def _radius(element: etree._Element | None, path: str) -> int:
    if element is None:
        return 50
    radius = fields.decimal(element.text, f"{path}.radius")
    if not 0.0 <= radius <= 100_000.0:
        refuse(f"{path}.radius", "outside 0 to 100 km", IMPOSSIBLE)
    return round(radius)


def write(lon_e7: int, lat_e7: int, uncertainty_m: int) -> str:
    """A PIDF-LO document of a circle; ``read`` gives the same back."""
    return _TEMPLATE.format(lat=fields.degrees(lat_e7), lon=fields.degrees(lon_e7), radius=uncertainty_m)
