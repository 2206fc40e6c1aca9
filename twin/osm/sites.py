"""Sites and districts of an extract, and the list of facilities that an operator edits beside the pack."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from picture.errors import RoadError
from twin.osm.tags import plain

# place value: rank of the name on the map, 1 first (wiki, Key:place).
DISTRICT_RANKS = {
    "city": 1,
    "town": 1,
    "borough": 2,
    "suburb": 2,
    "village": 2,
    "quarter": 3,
    "neighbourhood": 4,
    "hamlet": 4,
}

_KINDS: dict[str, dict[str, str]] = {
    "amenity": {
        "hospital": "hospital",
        "fire_station": "fire_station",
        "police": "police_station",
        "school": "school",
        "ferry_terminal": "ferry_terminal",
        "shelter": "",
        "community_centre": "shelter",
        "nursing_home": "care_home",
        "university": "university",
        "college": "school",
        "kindergarten": "school",
        "townhall": "city_hall",
        "prison": "prison",
    },
    "emergency": {
        "ambulance_station": "ambulance_station",
        "assembly_point": "shelter",
        "fire_station": "fire_station",
    },
    "social_facility": {"shelter": "shelter", "nursing_home": "care_home", "assisted_living": "care_home"},
    "power": {"substation": "substation", "station": "substation", "plant": "power_plant"},
    "man_made": {"pier": "pier"},
}
_PREFIX = {
    "hospital": "H",
    "fire_station": "FS",
    "police_station": "PD",
    "school": "SCH",
    "ferry_terminal": "FT",
    "shelter": "SH",
    "care_home": "CARE",
    "university": "UNI",
    "city_hall": "CITY",
    "prison": "PRIS",
    "ambulance_station": "AMB",
    "substation": "SUB",
    "power_plant": "PWR",
    "pier": "PIER",
}
_HEAD = """# Facilities of {name}. Correct, add or remove lines; this list wins over the extract on the next import.
# Each needs id, kind, name, lon and lat; address, district, agency, capacity and elevation_m may follow.
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A facility as the extract has it; position in WGS 84 degrees, NaN while it is not known."""

    id: str
    kind: str
    name: str
    lon: float
    lat: float
    address: str = ""

    def at(self, lon: float, lat: float) -> Site:
        """The same site there."""
        return replace(self, lon=lon, lat=lat)


@dataclass(frozen=True, slots=True)
class District:
    """A named place; ``rank`` 1 is the most important."""

    name: str
    lon: float
    lat: float
    rank: int


class Facility(BaseModel):
    """One entry of the list. Other keys are kept as they stand."""

    model_config = ConfigDict(extra="allow", strict=False)

    id: str = Field(min_length=1, max_length=80)
    kind: str = Field(min_length=1, max_length=40)
    name: str = Field(min_length=1, max_length=200)
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    address: str = ""
    district: str = ""
    agency: str = ""
    capacity: int | None = Field(default=None, ge=0)
    elevation_m: float | None = None


_LIST = TypeAdapter(list[Facility])


def site_kind(tags: Mapping[str, str]) -> str:
    """The kind of facility that tags make, "" for none. Minor substations on poles and in cabinets are none."""
    for key, kinds in _KINDS.items():
        kind = kinds.get(tags.get(key, ""), "")
        if kind == "substation" and tags.get("substation") in ("minor_distribution", "traction", "compensation"):
            return ""
        if kind == "pier" and "name" not in tags:
            return ""
        if kind:
            return kind
    return ""


def site_of(tags: Mapping[str, str], number: str, lon: float, lat: float) -> Site:
    """The facility with these tags; ``number`` is its OSM type letter and id, which makes the id stable."""
    kind = site_kind(tags)
    name = tags.get("name") or tags.get("operator") or kind.replace("_", " ").capitalize()
    address = " ".join(part for part in (tags.get("addr:housenumber", ""), tags.get("addr:street", "")) if part)
    return Site(f"{_PREFIX.get(kind, 'F')}-{number}", kind, plain(name)[:200] or kind, lon, lat, plain(address))


def start_list(sites: Sequence[Site], bounds: tuple[float, float, float, float]) -> list[dict[str, Any]]:
    """Facilities inside the bounds (west, south, east, north) by kind and name; a site mapped twice stands once."""
    west, south, east, north = bounds
    found: dict[tuple[str, str, float, float], dict[str, Any]] = {}
    for site in sorted(sites, key=lambda one: (one.kind, one.name, one.id)):
        if west <= site.lon <= east and south <= site.lat <= north:
            same = (site.kind, site.name, round(site.lon, 3), round(site.lat, 3))
            found.setdefault(
                same,
                {
                    "id": site.id,
                    "kind": site.kind,
                    "name": site.name,
                    "lon": round(site.lon, 7),
                    "lat": round(site.lat, 7),
                    **({"address": site.address} if site.address else {}),
                },
            )
    return list(found.values())


def read_list(path: Path) -> list[dict[str, Any]] | None:
    """The list beside the pack, None where there is none; RoadError TOC-5306 naming the entry that is wrong."""
    if not path.exists():
        return None
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        entries = _LIST.validate_python(YAML(typ="safe").load(path.read_text(encoding="utf-8")) or [])
    except ValidationError as why:
        first = why.errors()[0]
        place = first["loc"][0] if first["loc"] else 0
        raise RoadError(
            f"{path.name}, entry {int(place) + 1 if isinstance(place, int) else place}: {first['msg']}", code="TOC-5306"
        ) from why
    except (OSError, UnicodeDecodeError, YAMLError) as why:
        raise RoadError(f"{path.name}: {why}", code="TOC-5306") from why
    ids = [entry.id for entry in entries]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise RoadError(f"{path.name}: {twice} stands there more than once", code="TOC-5306")
    return [entry.model_dump(exclude_none=True, exclude_defaults=True) for entry in entries]


def write_list(path: Path, name: str, facilities: Sequence[Mapping[str, Any]]) -> None:
    """Leaves the whole list at ``path`` or none: YAML, one entry to a line."""
    text = _HEAD.format(name=" ".join(name.split()))
    lines = [f"- {json.dumps(dict(entry), ensure_ascii=False)}\n" for entry in facilities] or ["[]\n"]
    handle, written = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "".join(lines))
        Path(written).replace(path)
    except BaseException:
        Path(written).unlink(missing_ok=True)
        raise
