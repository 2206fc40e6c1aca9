"""The pages of what stands in the city and on the water: vessels, facilities, sensors."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Item, fact, heading, plain
from picture.model import Facility

KNOT_MMPS = 514.444
NAVIGATION = {
    0: "under way using engine",
    1: "at anchor",
    2: "not under command",
    3: "restricted manoeuvrability",
    4: "constrained by draught",
    5: "moored",
    6: "aground",
    7: "fishing",
    8: "under way sailing",
}


def vessel_page(desk: Desk, name: str, width: int) -> list[Item]:
    """A ship as AIS last told of it, with any judgement and doubt."""
    one, now = desk.home.vessels[name], desk.now_ms
    speed = "speed unknown" if one.speed_mmps is None else f"{one.speed_mmps / KNOT_MMPS:.1f} kn"
    course = "" if one.course_cdeg is None else f", course {one.course_cdeg / 100:.0f}°"
    found = [
        Item(
            "",
            (
                (
                    (f" {speed}{course}", "strong"),
                    (
                        f"   {NAVIGATION.get(one.nav_status or 0, 'status not told')}"
                        if one.nav_status is not None
                        else "",
                        "dim",
                    ),
                ),
            ),
        )
    ]
    if one.judgement:
        found.append(fact("judgement", one.judgement, width, "warn"))
    if one.doubt:
        found.append(fact("doubt", one.doubt, width, "warn"))
    found.append(fact("MMSI", str(one.mmsi), width))
    if one.lon_e7 is not None and one.lat_e7 is not None:
        found.append(fact("position", words.degrees(one.lon_e7, one.lat_e7), width))
    if one.length_m:
        found.append(fact("length", f"{one.length_m} m", width))
    if one.draught_dm:
        found.append(fact("draught", f"{one.draught_dm / 10:.1f} m", width))
    if one.destination:
        found.append(fact("destination", one.destination, width))
    found += [
        heading("how do we know"),
        fact(
            "source", f"{one.feed or 'unknown feed'}, {words.clock(one.at_ms)}, {words.age(now, one.at_ms)} ago", width
        ),
    ]
    return found + _about(desk, name, width)


def facility_page(desk: Desk, name: str, width: int) -> list[Item]:
    """A place that matters, with what its owner last said of it."""
    one = desk.home.facilities[name]
    found = [
        Item(
            "",
            (
                (
                    (f" {one.kind.replace('_', ' ')}", "strong"),
                    (f"   {', '.join(filter(None, (one.address, one.district)))}", "text"),
                ),
            ),
        )
    ]
    found += _facility_facts(desk, one, width)
    if one.attributes:
        found.append(heading("as its owner last said"))
        found += [fact(attribute.replace("_", " "), str(value), width) for attribute, value in one.attributes]
        found.append(fact("told", f"{words.age(desk.now_ms, one.updated_ms)} ago", width, "dim"))
    return found + _about(desk, name, width)


def _facility_facts(desk: Desk, one: Facility, width: int) -> list[Item]:
    agency = desk.home.agencies[one.agency].name if one.agency in desk.home.agencies else one.agency
    found = [fact("operator", agency or "unknown", width)]
    if one.elevation_mm is not None:
        found.append(fact("elevation", f"{words.metres(one.elevation_mm)} on the city's datum", width))
    found.append(fact("position", words.degrees(one.lon_e7, one.lat_e7), width, "dim"))
    return found


def sensor_page(desk: Desk, name: str, width: int) -> list[Item]:
    """A sensor with its last values and why it is or is not believed."""
    one, now = desk.home.sensors[name], desk.now_ms
    value = "no value yet" if one.value is None else f"{one.value:g} {one.unit}"
    found = [
        Item(
            "",
            (
                (
                    (f" {value}", "strong"),
                    (f"   {one.quantity.replace('_', ' ')}", "dim"),
                    (f"   {one.state}" if one.state != "ok" else "", "warn"),
                ),
            ),
        )
    ]
    if one.why:
        found.append(fact("because", one.why, width, "warn" if one.state != "ok" else "text"))
    found.append(fact("ran", words.sparkline([v for _, v in one.recent]) or "too few values", width))
    found += [
        heading("how do we know"),
        fact(
            "source",
            f"{one.feed or 'unknown feed'}, {words.clock(one.at_ms)}, {words.age(now, one.at_ms)} ago"
            if one.at_ms
            else "nothing received",
            width,
        ),
    ]
    found += [fact(words.clock(at), f"{v:g} {one.unit}", width, "dim") for at, v in reversed(one.recent[-12:])]
    return found + _about(desk, name, width)


def _about(desk: Desk, name: str, width: int) -> list[Item]:
    """Alarms and requests that speak of it."""
    home = desk.home
    found: list[Item] = [
        fact(
            words.clock(one.raised_ms),
            f"{one.title} ({words.ALARM_STATE.get(one.state, one.state)})",
            width,
            key=f"alarm:{one.id}",
        )
        for one in home.alarms.values()
        if one.subject == name
    ]
    found += [
        fact(one.status, f"asked {one.to}: {one.what}", width, key=f"request:{one.id}")
        for one in home.requests.values()
        if one.subject == name
    ]
    return [heading("about it"), *found] if found else [plain("", width)]
