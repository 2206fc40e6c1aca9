"""What a drill came to: one JSON object, and which expectations were met."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from geopy.distance import geodesic

from console.drill.scenario import Expected, ExpectedIncident, Scenario
from picture.clock import rfc3339
from picture.decisions import observe
from picture.fold import Picture
from picture.model import Incident, Place, StreamPicture

SCHEMA = "tocsin.drill/1"


def lonlat(place: Place | None) -> list[float] | None:
    return None if place is None else [place.lon_e7 / 1e7, place.lat_e7 / 1e7]


def check(expected: Expected, picture: StreamPicture, start_ms: int) -> tuple[list[str], list[str]]:
    """(met, missed): the ids of expectations, the missed ones with why."""
    met: list[str] = []
    missed: list[str] = []
    for identifier, why in _judged(expected, picture, start_ms):
        if why:
            missed.append(f"{identifier}: {why}")
        else:
            met.append(identifier)
    return met, missed


def _judged(expected: Expected, p: StreamPicture, start_ms: int) -> Iterable[tuple[str, str]]:
    def late(moments: list[int], by_s: float) -> str:
        if not moments:
            return "never happened"
        after_s = (min(moments) - start_ms) / 1000
        return "" if after_s <= by_s else f"only after {after_s / 60:.1f} min, expected by {by_s / 60:.1f}"

    for one in expected.incidents:
        yield one.id, _incidents(one, p, start_ms)
    for proposal in expected.proposals:
        yield (
            proposal.id,
            late(
                [
                    known.made_ms
                    for known in p.proposals.values()
                    if fnmatchcase(known.playbook, proposal.playbook)
                    and fnmatchcase(known.title, proposal.title)
                    and fnmatchcase(known.status, proposal.status)
                ],
                proposal.by_s,
            ),
        )
    for closure in expected.closures:
        yield (
            closure.id,
            late(
                [known.since_ms for known in p.closures.values() if fnmatchcase(known.name, closure.name)], closure.by_s
            ),
        )
    for alert in expected.alerts:
        yield (
            alert.id,
            late(
                [
                    delivery.at_ms
                    for known in p.alerts.values()
                    if known.kind == alert.kind
                    for delivery in known.deliveries
                    if fnmatchcase(delivery.recipient, alert.recipient) and fnmatchcase(delivery.state, alert.state)
                ],
                alert.by_s,
            ),
        )
    for alarm in expected.alarms:
        yield (
            alarm.id,
            late([known.raised_ms for known in p.alarms.values() if fnmatchcase(known.title, alarm.title)], alarm.by_s),
        )
    for fact in expected.facts:
        found = observe(fact.name, p)
        yield fact.id, "" if found == fact.equals else f"{fact.name} is {found!r}, expected {fact.equals!r}"
    for code, least in sorted(expected.refused.items()):
        count = sum(refusal.count for refusal in p.refusals.values() if refusal.code == code)
        yield f"refused {code}", "" if count >= least else f"{count} refused, expected at least {least}"


def _incidents(one: ExpectedIncident, p: StreamPicture, start_ms: int) -> str:
    found = [incident for incident in p.incidents.values() if _fits(one, incident)]
    in_time = [incident for incident in found if incident.opened_ms - start_ms <= one.by_s * 1000]
    if len(in_time) < one.count:
        return f"{len(in_time)} of {one.count} by {one.by_s / 60:.1f} min ({len(found)} in all)"
    if one.at_most is not None and len(found) > one.at_most:
        return f"{len(found)} incidents, expected at most {one.at_most}: {', '.join(i.id for i in found)}"
    return ""


def _fits(one: ExpectedIncident, incident: Incident) -> bool:
    if not fnmatchcase(incident.kind, one.kind) or incident.duplicate_of:
        return False
    if one.near is None:
        return True
    place = incident.place
    if place is None:
        return False
    lon, lat = one.near
    return float(geodesic((place.lat_e7 / 1e7, place.lon_e7 / 1e7), (lat, lon)).m) <= one.within_m


def summary(scenario: Scenario, expected: Expected, picture: Picture, seed: int, journal: Path) -> dict[str, Any]:
    """The object that ``tocsin drill --json`` prints. Nothing in it but ``journal`` depends on where it ran."""
    p = picture.home
    met, missed = check(expected, p, p.drill.start_ms)
    return {
        "schema": SCHEMA,
        "scenario": scenario.id,
        "world": p.world,
        "seed": seed,
        "virtual_seconds": (p.at_ms - p.drill.start_ms) / 1000,
        "counts": {
            "entries": p.seq,
            "reports": sum(feed.received for feed in p.feeds.values()),
            "refused": sum(refusal.count for refusal in p.refusals.values()),
            "incidents": len(p.incidents),
            "alarms": len(p.alarms),
            "proposals": len(p.proposals),
            "decisions": len(p.decisions),
            "assignments": len(p.assignments),
            "closures": len(p.closures),
            "requests": len(p.requests),
            "alerts": len(p.alerts),
            "deliveries": sum(len(alert.deliveries) for alert in p.alerts.values()),
        },
        "incidents": [
            {
                "id": one.id,
                "kind": one.kind,
                "title": one.title,
                "priority": one.priority,
                "status": one.status,
                "place": one.place.label if one.place else "",
                "at": lonlat(one.place),
                "opened": rfc3339(one.opened_ms),
                "reports": len(one.reports),
                "units": list(one.units),
                "duplicate_of": one.duplicate_of,
                "possible_duplicate_of": list(one.possible_duplicate_of),
            }
            for one in p.incidents.values()
        ],
        "proposals": [
            {
                "id": one.id,
                "title": one.title,
                "playbook": f"{one.playbook}@{one.playbook_version}",
                "made": rfc3339(one.made_ms),
                "status": one.status,
                "digest": one.digest,
                "effects": [effect.summary for effect in one.effects],
                "refusal": list(one.refusal),
            }
            for one in p.proposals.values()
        ],
        "decisions": [
            {
                "id": one.id,
                "proposal": one.proposal,
                "verdict": one.verdict,
                "person": one.actor.person,
                "position": one.actor.position,
                "simulated": one.actor.simulated,
                "at": rfc3339(one.at_ms),
            }
            for one in p.decisions.values()
        ],
        "closures": [
            {
                "id": one.id,
                "name": one.name,
                "reason": one.reason,
                "by": one.by,
                "status": one.status,
                "since": rfc3339(one.since_ms),
                "edges": len(one.edges),
            }
            for one in p.closures.values()
        ],
        "alerts": [
            {
                "id": one.id,
                "kind": one.kind,
                "headline": one.headline,
                "status": one.status,
                "made": rfc3339(one.made_ms),
                "deliveries": [
                    {"recipient": d.recipient, "channel": d.channel, "state": d.state} for d in one.deliveries
                ],
            }
            for one in p.alerts.values()
        ],
        "journal": str(journal),
        "cursor": picture.cursor,
        "picture_digest": picture.digest(),
        "expected": {"met": met, "missed": missed},
    }


def in_words(result: dict[str, Any]) -> list[str]:
    """The summary as lines for a person."""
    counts = result["counts"]
    lines = [
        f"{result['scenario']}: {result['virtual_seconds'] / 60:.0f} simulated minutes, seed {result['seed']}",
        f"{counts['reports']} reports ({counts['refused']} refused) became {counts['incidents']} incidents"
        f" and {counts['alarms']} alarms",
        f"{counts['proposals']} proposals, {counts['decisions']} decisions, {counts['assignments']} assignments,"
        f" {counts['closures']} closures, {counts['requests']} requests, {counts['alerts']} alerts",
        f"picture {result['picture_digest']}",
        f"journal {result['journal']}",
        f"expectations: {len(result['expected']['met'])} met, {len(result['expected']['missed'])} missed",
    ]
    return [*lines, *(f"  missed: {one}" for one in result["expected"]["missed"])]
