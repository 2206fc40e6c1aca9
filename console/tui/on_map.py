"""From the picture to the map's marks: what stands where, in which shape and state. Pure; draws nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from console.tui import peers
from console.tui.map.marks import Mark
from picture.model import Closure, Facility, Incident, RoadChange, Sensor, Unit, Vessel

if TYPE_CHECKING:
    from console.tui.desk import Desk

STALE_MS = {"unit": 180_000, "vessel": 360_000, "sensor": 1_800_000}
MOVING_STATUSES = frozenset({"enroute", "transporting", "returning"})
AT_ANCHOR_MMPS = 250
ADRIFT = frozenset({"dragging", "adrift", "mayday", "breakaway"})
TROUBLE = frozenset({"tripped", "flooded", "failed", "isolated", "evacuated", "closed", "suspended", "at_risk"})
VARIANT_WORDS = ("ambulance", "ems", "medic", "boat", "police", "rescue", "utility", "power", "works", "bus", "drone",
                 "engine", "fire")  # fmt: skip


def marks(desk: Desk) -> list[Mark]:
    """Everything that has a place now; ids are the keys of the lists (``incident:I-3``)."""
    home, now = desk.home, desk.now_ms
    found = [_facility(one) for one in home.facilities.values()]
    found += [mark for one in home.sensors.values() if (mark := _sensor(one, now))]
    found += [mark for one in home.units.values() if (mark := _unit(desk, one, now))]
    found += [mark for one in home.vessels.values() if (mark := _vessel(one, now))]
    found += [mark for one in home.incidents.values() if (mark := _incident(one))]
    found += [mark for one in home.closures.values() if one.by != "flood" and (mark := _road(desk, one))]
    found += [mark for one in home.road_changes.values() if (mark := _road(desk, one))]
    for stream, sub in peers.others(desk):
        found += [_theirs(mark, stream) for one in sub.units.values() if (mark := _unit(desk.beside(stream), one, now))]
        found += [_theirs(mark, stream) for one in sub.incidents.values() if (mark := _incident(one))]
    return found


def _theirs(mark: Mark, stream: str) -> Mark:
    """Another core's mark: with its core's name, and never in the reverse of what waits for us."""
    named = f"{peers.whose(stream)} {mark.label or mark.id.partition(':')[2]}"
    return replace(mark, id=peers.key_of(stream, mark.id), label=named, unack=False)


def closed_edges(desk: Desk) -> NDArray[np.int32]:
    """Ids of the road segments that are closed to somebody now."""
    edges = [edge for one in desk.home.closures.values() if one.status == "active" for edge in one.edges]
    return np.array(sorted(set(edges)), dtype=np.int32)


def route(desk: Desk, key: str) -> list[tuple[float, float]] | None:
    """The way to show for what is selected: a unit's, or that of the first unit on its way to an incident."""
    kind, _, name = key.partition(":")
    home = desk.home
    if kind == "proposal" and name in home.proposals:
        kind, name = "incident", home.proposals[name].incident
    wanted = [
        one
        for one in home.assignments.values()
        if one.status == "active"
        and name == (one.unit if kind == "unit" else one.incident if kind == "incident" else None)
    ]
    for one in wanted:
        if len(way := desk.route(one)) >= 2:
            return way
    return None


def place_of(desk: Desk, key: str) -> tuple[float, float] | None:
    """(lon, lat) of anything that can be opened; None where it has no place."""
    stream, inner = peers.split(key)
    if stream:
        return place_of(desk.beside(stream), inner)
    kind, _, name = key.partition(":")
    home = desk.home
    if kind == "unit" and name in home.units:
        return desk.position_of(home.units[name])
    if kind == "proposal" and name in home.proposals:
        one = home.proposals[name]
        if one.place:
            return one.place.lon_e7 / 1e7, one.place.lat_e7 / 1e7
        return place_of(desk, f"incident:{one.incident}") if one.incident else None
    if kind in ("closure", "road_change"):
        road = {"closure": home.closures, "road_change": home.road_changes}[kind].get(name)  # type: ignore[attr-defined]
        return None if road is None else _road_place(desk, road)
    if kind in ("incident", "alarm"):
        tables: dict[str, Mapping[str, object]] = {
            "incident": home.incidents, "alarm": home.alarms}  # fmt: skip
        thing = tables[kind].get(name)
        place = getattr(thing, "place", None)
        if place is not None:
            return place.lon_e7 / 1e7, place.lat_e7 / 1e7
        subject = getattr(thing, "subject", "")
        return place_of(desk, subject_key(desk, subject)) if subject else None
    places: dict[str, Mapping[str, object]] = {
        "vessel": home.vessels, "facility": home.facilities, "sensor": home.sensors}  # fmt: skip
    record = places.get(kind, {}).get(name)
    lon, lat = getattr(record, "lon_e7", None), getattr(record, "lat_e7", None)
    return None if lon is None or lat is None else (lon / 1e7, lat / 1e7)


def subject_key(desk: Desk, subject: str) -> str:
    """The key of whatever has this id; empty if nothing has."""
    home = desk.home
    everything: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("incident", home.incidents),
        ("unit", home.units),
        ("vessel", home.vessels),
        ("facility", home.facilities),
        ("sensor", home.sensors),
        ("hazard", home.hazards),
        ("closure", home.closures),
        ("road_change", home.road_changes),
        ("proposal", home.proposals),
        ("alert", home.alerts),
        ("request", home.requests),
        ("feed", home.feeds),
        ("alarm", home.alarms),
    )
    return next((f"{kind}:{subject}" for kind, table in everything if subject in table), "")


def _road(desk: Desk, one: Closure | RoadChange) -> Mark | None:
    """A mark on what a person closed or changed; what water closed is drawn as a whole."""
    at = _road_place(desk, one) if one.status == "active" else None
    if at is None:
        return None
    shut = isinstance(one, Closure)
    kind = "closure" if shut else "road_change"
    return Mark(f"{kind}:{one.id}", *at, kind, "road closed by hand" if shut else "road changed", "×" if shut else "~")


def _road_place(desk: Desk, one: Closure | RoadChange) -> tuple[float, float] | None:
    """Where it was picked, else the middle of its middle segment."""
    if one.place is not None:
        return one.place.lon_e7 / 1e7, one.place.lat_e7 / 1e7
    if isinstance(one, RoadChange) and one.link is not None and one.link.points:
        lon_e7, lat_e7 = one.link.points[0]
        return lon_e7 / 1e7, lat_e7 / 1e7
    pack = desk.pack
    edges = [edge for edge in one.edges if 0 <= edge < len(pack.edge_class)]
    if not edges:
        return None
    edge = edges[len(edges) // 2]
    middle = int(pack.geom_start[edge] + pack.geom_start[edge + 1]) // 2
    lon, lat = pack.to_lonlat(float(pack.geom_xy[middle, 0]), float(pack.geom_xy[middle, 1]))
    return lon, lat


def _incident(one: Incident) -> Mark | None:
    if one.place is None or one.status != "open" or one.duplicate_of:
        return None
    label = one.title if one.priority == 1 else ""
    return Mark(
        f"incident:{one.id}",
        one.place.lon_e7 / 1e7,
        one.place.lat_e7 / 1e7,
        "incident",
        one.kind,
        priority=one.priority,
        label=label,
        unack=one.unread,
    )


def _unit(desk: Desk, one: Unit, now: int) -> Mark | None:
    if one.local_status == "out_of_service":
        return None
    lon, lat = desk.position_of(one)
    said = f"{one.nims_kind} {one.profile} {one.agency}".lower()
    moving = one.local_status in MOVING_STATUSES
    stale = moving and one.position_at_ms > 0 and now - one.position_at_ms > STALE_MS["unit"]
    return Mark(
        f"unit:{one.id}",
        lon,
        lat,
        "unit",
        next((word for word in VARIANT_WORDS if word in said), said),
        label=one.name,
        moving=moving or one.status == "assigned",
        stale=stale,
    )


def _vessel(one: Vessel, now: int) -> Mark | None:
    if one.lon_e7 is None or one.lat_e7 is None:
        return None
    moving = (one.speed_mmps or 0) > AT_ANCHOR_MMPS
    heading = one.course_cdeg / 100 if one.course_cdeg is not None else one.heading_deg
    adrift = one.judgement in ADRIFT
    return Mark(
        f"vessel:{one.mmsi}",
        one.lon_e7 / 1e7,
        one.lat_e7 / 1e7,
        "vessel",
        one.judgement,
        label=one.name or str(one.mmsi),
        moving=moving,
        priority=2 if adrift else None,
        stale=bool(one.doubt) or (one.at_ms > 0 and now - one.at_ms > STALE_MS["vessel"]),
        heading_deg=heading if heading is not None and math.isfinite(heading) else None,
    )


def _facility(one: Facility) -> Mark:
    state = str(dict(one.attributes).get("state", "")).lower()
    kind = "berth" if one.kind == "berth" else "anchorage" if one.kind == "anchorage" else "facility"
    return Mark(
        f"facility:{one.id}",
        one.lon_e7 / 1e7,
        one.lat_e7 / 1e7,
        kind,
        one.kind.replace(" ", "_"),
        label=one.name,
        priority=2 if state in TROUBLE else None,
    )


def _sensor(one: Sensor, now: int) -> Mark | None:
    if one.lon_e7 is None or one.lat_e7 is None:
        return None
    old = one.at_ms > 0 and now - one.at_ms > STALE_MS["sensor"]
    return Mark(
        f"sensor:{one.id}",
        one.lon_e7 / 1e7,
        one.lat_e7 / 1e7,
        "sensor",
        one.quantity,
        label=one.name or one.id,
        stale=one.state != "ok" or old,
    )
