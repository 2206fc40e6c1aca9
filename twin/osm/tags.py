"""What the tags of a way say to a driver: class, speed, direction, access and limits.

Meanings follow the OpenStreetMap wiki: Key:highway, Key:maxspeed, Key:oneway, Key:access, Key:maxheight,
Key:maxweight, Tag:route=ferry. A value that cannot be read counts as not given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from picture.text import visible
from twin.pack import NoAccess, RoadClass, RoadFlag

Tags = Mapping[str, str]

# highway value: class, free-flow speed in km/h where no limit is posted. Speeds are those of OSRM's car profile
# (profiles/car.lua, table `speeds`, version 5.27): what cars make on such roads, not what the law allows.
ROADS: dict[str, tuple[RoadClass, int]] = {
    "motorway": (RoadClass.MOTORWAY, 90),
    "motorway_link": (RoadClass.MOTORWAY, 45),
    "trunk": (RoadClass.PRIMARY, 85),
    "trunk_link": (RoadClass.PRIMARY, 40),
    "primary": (RoadClass.PRIMARY, 65),
    "primary_link": (RoadClass.PRIMARY, 30),
    "secondary": (RoadClass.SECONDARY, 55),
    "secondary_link": (RoadClass.SECONDARY, 25),
    "tertiary": (RoadClass.TERTIARY, 40),
    "tertiary_link": (RoadClass.TERTIARY, 20),
    "unclassified": (RoadClass.RESIDENTIAL, 25),
    "residential": (RoadClass.RESIDENTIAL, 25),
    "road": (RoadClass.RESIDENTIAL, 25),
    "living_street": (RoadClass.RESIDENTIAL, 10),
    "service": (RoadClass.SERVICE, 15),
    "busway": (RoadClass.SERVICE, 25),
    "track": (RoadClass.SERVICE, 10),
}
WALKING_KMH = 5
PATHS = frozenset({"footway", "path", "pedestrian", "steps", "cycleway", "bridleway", "corridor"})
FERRY_KMH = 5
"""Pace of a ferry whose crossing time is not given (OSRM, profiles/car.lua, ``route_speeds``); waiting counts in."""

# Limits by zone, km/h, where maxspeed names the zone: wiki, Key:maxspeed, "Implicit maxspeed values".
ZONES = {
    "urban": 50,
    "rural": 90,
    "trunk": 100,
    "motorway": 120,
    "living_street": 10,
    "walk": 7,
    "zone30": 30,
    "30": 30,
    "20": 20,
    "zone20": 20,
    "bicycle_road": 30,
}
KMH_PER_MPH = 1.609344
KMH_PER_KNOT = 1.852
M_PER_FOOT = 0.3048
KG_PER_TON = {
    "": 1000.0,
    "t": 1000.0,
    "kg": 1.0,
    "lbs": 0.45359237,
    "lb": 0.45359237,
    "st": 907.18474,
    "cwt": 50.80234544,
    "lt": 1016.0469,
}

KEYS = frozenset(
    {
        "highway",
        "route",
        "area",
        "oneway",
        "junction",
        "name",
        "ref",
        "layer",
        "bridge",
        "tunnel",
        "duration",
        "maxspeed",
        "maxspeed:forward",
        "maxspeed:backward",
        "maxheight",
        "maxheight:physical",
        "maxwidth",
        "maxwidth:physical",
        "maxweight",
        "access",
        "vehicle",
        "motor_vehicle",
        "motorcar",
        "hgv",
        "bus",
        "psv",
        "foot",
        "emergency",
    }
)
"""Every key that :func:`read_way` looks at: ways alike in these are read once."""

_YES = frozenset({"yes", "true", "1"})
_SHUT = frozenset({"no", "agricultural", "forestry"})
_OPEN = frozenset({"yes", "designated", "permissive", "destination", "official"})
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*(km/h|kmh|kph|mph|knots)?", re.IGNORECASE)
_LENGTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*(cm|m|ft)?", re.IGNORECASE)
_FEET = re.compile(r"""(\d+)\s*(?:'|′|ft)\s*(?:(\d+(?:\.\d+)?)\s*(?:"|″|''|in)?)?""", re.IGNORECASE)
_WEIGHT = re.compile(r"(\d+(?:[.,]\d+)?)\s*(kg|t|lbs?|st|cwt|lt)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RoadTags:
    """One way as drivers meet it.

    ``direction`` is 1 along the way, −1 against it, 0 both. Speeds are km/h along and against. A ferry with a
    known crossing time has ``crossing_s`` and its speed follows from the length. Equal values may be joined.
    """

    road_class: RoadClass
    forward_kmh: float
    backward_kmh: float
    direction: int
    flags: int
    access: int
    name: str
    height_cm: int = 0
    width_cm: int = 0
    weight_kg: int = 0
    layer: int = 0
    crossing_s: float = 0.0


def read_way(tags: Tags) -> RoadTags | None:
    """What the tags say of a routable way; None for one that is no road, path or ferry, or is reversible."""
    kind = tags.get("highway", "")
    ferry = not kind and tags.get("route") == "ferry"
    if (kind not in ROADS and kind not in PATHS and not ferry) or tags.get("area") == "yes":
        return None
    direction = _direction(tags, kind)
    if direction is None:
        return None
    access = _access(tags, kind, ferry=ferry)
    road_class, kmh = _class_of(kind, access, ferry=ferry)
    posted = speed_kmh(tags.get("maxspeed", "")) or kmh
    if road_class in (RoadClass.FOOTPATH, RoadClass.FERRY):
        posted = kmh
    return RoadTags(
        road_class,
        speed_kmh(tags.get("maxspeed:forward", "")) or posted,
        speed_kmh(tags.get("maxspeed:backward", "")) or posted,
        direction,
        _flags(tags, direction, ferry=ferry),
        access,
        plain(tags.get("name") or tags.get("ref") or ""),
        min(length_cm(tags.get("maxheight", "")) or length_cm(tags.get("maxheight:physical", "")), 65_535),
        min(length_cm(tags.get("maxwidth", "")) or length_cm(tags.get("maxwidth:physical", "")), 65_535),
        weight_kg(tags.get("maxweight", "")),
        _layer(tags),
        duration_s(tags.get("duration", "")) if ferry else 0.0,
    )


def plain(name: str) -> str:
    """A name as one line of plain text: invisible and steering characters show as marks."""
    return visible(" ".join(name.split()))


BARRIERS_SHUT = frozenset(
    {
        "block", "bollard", "bus_trap", "chain", "cycle_barrier", "debris", "full-height_turnstile", "jersey_barrier",
        "kissing_gate", "log", "motorcycle_barrier", "planter", "stile", "sump_buster", "turnstile",
    }
)  # fmt: skip
"""Barriers that stop motor vehicles where no access tag says otherwise; gates and lift gates let them pass
(OSRM, profiles/car.lua, ``barrier_whitelist``)."""
BARRIERS_OPENED = frozenset({"gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "hampshire_gate"})
_GIVES_WAY = frozenset({"removable", "rising", "foldable", "flexible"})


def read_barrier(tags: Tags) -> int:
    """:class:`NoAccess` bits of those whom a barrier on a road stops; 0 where it stops nobody.

    Emergency vehicles open gates, chains and bollards that give way, unless ``emergency=no``; walkers pass
    whatever does not name them.
    """
    kind = tags.get("barrier", "")
    if kind not in BARRIERS_SHUT and kind not in BARRIERS_OPENED:
        return 0
    general = tags.get("access", "")
    vehicle = tags.get("vehicle") or general
    motor = tags.get("motor_vehicle") or vehicle
    by_default = kind in BARRIERS_SHUT
    barred = 0
    for bit, said in (
        (NoAccess.MOTOR, tags.get("motorcar") or motor),
        (NoAccess.HEAVY, tags.get("hgv") or motor),
        (NoAccess.BUS, tags.get("bus") or tags.get("psv") or ("yes" if kind == "bus_trap" else motor)),
    ):
        if said in _SHUT or said == "private" or (by_default and said not in _OPEN):
            barred |= bit
    gives_way = kind in BARRIERS_OPENED or kind == "chain" or tags.get("bollard") in _GIVES_WAY
    emergency = tags.get("emergency", "")
    if barred & NoAccess.MOTOR and emergency not in _OPEN and (emergency == "no" or not gives_way):
        barred |= NoAccess.EMERGENCY
    if (tags.get("foot") or general) in (*_SHUT, "private"):
        barred |= NoAccess.FOOT
    return int(barred)


def behind(road: RoadTags, barred: int) -> RoadTags:
    """The road as it is where a barrier stands on it."""
    flags = road.flags
    if barred & NoAccess.MOTOR and not (road.access | barred) & NoAccess.EMERGENCY:
        flags |= int(RoadFlag.PRIVATE)
    return replace(road, access=road.access | barred, flags=flags)


def _class_of(kind: str, access: int, *, ferry: bool) -> tuple[RoadClass, int]:
    if ferry:
        return RoadClass.FERRY, FERRY_KMH
    if kind in ROADS:
        return ROADS[kind]
    return (RoadClass.FOOTPATH, WALKING_KMH) if access & NoAccess.MOTOR else (RoadClass.SERVICE, 10)


def _direction(tags: Tags, kind: str) -> int | None:
    """1, −1 or 0 as in :class:`RoadTags`; None where the direction changes with the time of day."""
    said = tags.get("oneway", "").lower()
    if said == "reversible":
        return None
    if said in ("-1", "reverse"):
        return -1
    if kind in PATHS or said in ("no", "false", "0", "alternating"):
        return 0
    if said in _YES or tags.get("junction") in ("roundabout", "circular") or kind == "motorway":
        return 1
    return 0


def _access(tags: Tags, kind: str, *, ferry: bool) -> int:
    """:class:`NoAccess` bits; the more particular tag wins over the more general (wiki, Key:access)."""
    general = tags.get("access", "")
    vehicle = tags.get("vehicle") or general
    motor = tags.get("motor_vehicle") or vehicle
    path = kind in PATHS
    barred = 0
    for bit, said in (
        (NoAccess.MOTOR, tags.get("motorcar") or motor),
        (NoAccess.HEAVY, tags.get("hgv") or motor),
        (NoAccess.BUS, tags.get("bus") or tags.get("psv") or motor),
    ):
        by_default = (path or ferry) and said not in _OPEN
        if by_default or said in _SHUT or said == "private" or (kind == "busway" and bit is not NoAccess.BUS):
            barred |= bit
    if path and not tags.get("motor_vehicle"):
        barred |= NoAccess.MOTOR | NoAccess.HEAVY | NoAccess.BUS
    foot = tags.get("foot") or general
    if foot in (*_SHUT, "private", "use_sidepath") or (kind.startswith("motorway") and foot not in _OPEN):
        barred |= NoAccess.FOOT
    return barred | _emergency(tags, general, kind, ferry=ferry, barred=barred)


def _emergency(tags: Tags, general: str, kind: str, *, ferry: bool, barred: int) -> int:
    """Emergency vehicles pass private gates and pedestrian streets, not paths and what is shut to everyone."""
    said = tags.get("emergency", "")
    if said in _OPEN:
        return 0
    shut = said == "no" or (general == "no" and tags.get("motor_vehicle") not in _OPEN)
    narrow = kind in PATHS and kind != "pedestrian" and bool(barred & NoAccess.MOTOR)
    aboard = ferry and bool(barred & NoAccess.MOTOR)
    return NoAccess.EMERGENCY if shut or narrow or aboard else 0


def _flags(tags: Tags, direction: int, *, ferry: bool) -> int:
    flags = RoadFlag.ONE_WAY if direction else RoadFlag(0)
    if tags.get("bridge", "no") != "no":
        flags |= RoadFlag.BRIDGE
    if tags.get("tunnel", "no") not in ("no", "building_passage"):
        flags |= RoadFlag.UNDERPASS
    if ferry:
        flags |= RoadFlag.FERRY
    if "private" in (tags.get("access"), tags.get("vehicle"), tags.get("motor_vehicle")):
        flags |= RoadFlag.PRIVATE
    return int(flags)


def _layer(tags: Tags) -> int:
    try:
        return max(-5, min(5, int(tags.get("layer", "0"))))
    except ValueError:
        return 0


@lru_cache(4096)
def speed_kmh(said: str) -> float:
    """The posted limit in km/h, the least of several ("50;30"); 0 where none is given ("none", "signals", "")."""
    found = [kmh for part in re.split(r"[;|]", said) if (kmh := _one_speed(part.strip()))]
    return min(found, default=0.0)


def _one_speed(said: str) -> float:
    if match := _NUMBER.fullmatch(said):
        value = float(match[1].replace(",", "."))
        unit = (match[2] or "").lower()
        value *= {"mph": KMH_PER_MPH, "knots": KMH_PER_KNOT}.get(unit, 1.0)
        return round(value, 1) if 1.0 <= value <= 300.0 else 0.0
    return float(ZONES.get(said.rsplit(":", 1)[-1].lower(), 0))


@lru_cache(4096)
def length_cm(said: str) -> int:
    """A height or width limit in centimetres: "3.5", "3.5 m", "12'6\\"", "350 cm"; 0 where none is given."""
    said = said.strip()
    if match := _FEET.fullmatch(said):
        return round((float(match[1]) + float(match[2] or 0) / 12) * M_PER_FOOT * 100)
    if match := _LENGTH.fullmatch(said):
        value = float(match[1].replace(",", "."))
        return round(value * {"cm": 1.0, "ft": M_PER_FOOT * 100}.get((match[2] or "").lower(), 100.0))
    return 0


@lru_cache(4096)
def weight_kg(said: str) -> int:
    """A weight limit in kilograms, tonnes where no unit stands (wiki, Key:maxweight); 0 where none is given."""
    match = _WEIGHT.fullmatch(said.strip())
    if match is None:
        return 0
    return min(round(float(match[1].replace(",", ".")) * KG_PER_TON[(match[2] or "").lower()]), 4_000_000)


def duration_s(said: str) -> float:
    """A crossing time: "25" minutes, "00:25", "01:10:30", "PT25M"; 0 where none is given."""
    if match := re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?", said):
        return 3600.0 * int(match[1] or 0) + 60.0 * int(match[2] or 0)
    if re.fullmatch(r"\d+(:\d+){0,2}", said) is None:
        return 0.0
    parts = [int(part) for part in said.split(":")]
    if len(parts) == 1:
        return 60.0 * parts[0]
    return 3600.0 * parts[0] + 60.0 * parts[1] + (parts[2] if len(parts) == 3 else 0)
