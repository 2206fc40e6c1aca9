"""The page of a unit."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Item, fact, heading, plain
from picture.model import UNIT_STATUSES, Assignment


def unit_page(desk: Desk, name: str, width: int) -> list[Item]:
    """What it is, what it is doing and since when, which statuses may follow, where it is and how we know."""
    one, now, home = desk.home.units[name], desk.now_ms, desk.home
    agency = home.agencies[one.agency].name if one.agency in home.agencies else one.agency
    found = [
        Item(
            "",
            (
                (
                    (f" {words.status(one)}", "strong"),
                    (f"  for {words.age(now, one.since_ms)}", "text"),
                    (f"   {one.nims_kind}, type {one.nims_type}, {agency}", "dim"),
                ),
            ),
        )
    ]
    if pending := desk.pending_words(f"unit:{name}"):
        found.append(plain(pending, width, "pending"))
    found.append(fact("crew", f"{one.crew}", width))
    found.append(fact("can", ", ".join(one.skills) or "no particular skill stated", width))
    station = home.facilities.get(one.station)
    found.append(
        fact(
            "station", station.name if station else one.station, width, key=f"facility:{one.station}" if station else ""
        )
    )
    found.append(fact("goes by", f"{one.profile}, wades {one.wading_mm / 1000:.2f} m", width))
    assignment = home.assignments.get(one.assignment)
    if assignment is not None:
        found += _assignment(desk, assignment, width)
    legal = UNIT_STATUSES.get(one.local_status, ("", "", ()))[2]
    found.append(heading("may become"))
    found += [plain(f"{UNIT_STATUSES[status][1]:<5} {words.STATUS.get(status, status)}", width) for status in legal]
    found.append(heading("how do we know"))
    if one.position_at_ms:
        lon, lat = desk.position_of(one)
        said = words.degrees(round(lon * 1e7), round(lat * 1e7))
        found.append(fact("position", f"{said}, reported {words.age(now, one.position_at_ms)} ago", width))
    else:
        found.append(fact("position", "never reported: shown at its station", width, "dim"))
    earlier = [a for a in home.assignments.values() if a.unit == name and a.status != "active"]
    for past in earlier[-5:]:
        found.append(
            fact(
                words.clock(past.made_ms),
                f"{past.incident or past.to.label}: {past.status.replace('_', ' ')}",
                width,
                "dim",
                key=f"incident:{past.incident}" if past.incident else "",
            )
        )
    return found


def _assignment(desk: Desk, one: Assignment, width: int) -> list[Item]:
    now = desk.now_ms
    found = [heading("sent to")]
    incident = desk.home.incidents.get(one.incident)
    title = f"{one.incident} {incident.title}" if incident else one.to.label
    found.append(fact("incident", title, width, "strong", key=f"incident:{one.incident}" if incident else ""))
    found.append(fact("where", words.where(one.to), width))
    if one.eta_ms:
        late = now > one.eta_ms
        found.append(
            fact(
                "arrives",
                f"{words.clock(one.eta_ms)}"
                f"{', overdue' if late else f', in {words.minutes((one.eta_ms - now) / 1000)}'}",
                width,
            )
        )
    if one.length_m is not None:
        found.append(
            fact("by road", f"{words.distance(one.length_m)} over {', '.join(one.streets) or 'unnamed roads'}", width)
        )
    if one.flagged:
        found.append(fact("look out", one.flagged, width, "warn"))
    found.append(fact("sent by", f"{one.by or 'hand'} at {words.clock(one.made_ms)}", width, "dim"))
    return found
