"""The page of an incident."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.details.knowledge import reports
from console.tui.lines import Col, Item, fact, heading, plain, row
from picture.model import Incident


def incident_page(desk: Desk, name: str, width: int) -> list[Item]:
    """What it is, who is on it, how we know, what is intended and why, and its log."""
    one = desk.home.incidents[name]
    found = _facts(desk, one, width)
    found += _units(desk, one, width)
    found += reports(desk, one.reports, width, one.opened_by)
    found += _twins(desk, one, width)
    found += _intended(desk, one, width)
    found += _log(desk, one, width)
    return found


def _facts(desk: Desk, one: Incident, width: int) -> list[Item]:
    now = desk.now_ms
    state = "open" if one.status == "open" else f"closed: {one.result_code}"
    if one.duplicate_of:
        state += f", marked as duplicate of {one.duplicate_of}"
    found = [
        Item(
            "",
            (
                (
                    (f" {one.priority} ", f"p{one.priority}"),
                    (f" {words.PRIORITY[one.priority]}, ", "text"),
                    (words.kind(one.kind), "text"),
                    (f"   {state}", "strong"),
                    ("   unread" if one.unread else "", "unack"),
                ),
            ),
        ),
    ]
    if pending := desk.pending_words(f"incident:{one.id}"):
        found.append(plain(pending, width, "pending"))
    if one.place:
        sure = f" ± {one.place.uncertainty_m} m" if one.place.uncertainty_m else ""
        found.append(fact("where", f"{words.where(one.place)}{sure} (by {one.place.how})", width))
        found.append(fact("", words.degrees(one.place.lon_e7, one.place.lat_e7), width, "dim"))
    else:
        found.append(fact("where", "place unknown: ask the caller", width, "warn"))
    found.append(
        fact(
            "opened",
            f"{words.clock(one.opened_ms)}, {words.age(now, one.opened_ms)} ago"
            f"{f', by {one.opened_by}' if one.opened_by else ''}; last word {words.age(now, one.updated_ms)} ago",
            width,
        )
    )
    people = "not known" if one.people_at_risk is None else str(one.people_at_risk)
    trapped = ", trapped" if one.people_trapped else ""
    missing = f", {one.people_unaccounted} unaccounted for" if one.people_unaccounted else ""
    found.append(fact("people", f"{people}{trapped}{missing}", width, "strong" if one.people_trapped else "text"))
    if one.authoritative_ids:
        found.append(fact("other numbers", ", ".join(one.authoritative_ids), width))
    if one.tags:
        found.append(fact("tags", ", ".join(one.tags), width, "dim"))
    return found


def _units(desk: Desk, one: Incident, width: int) -> list[Item]:
    now = desk.now_ms
    short = len(one.units) < one.units_needed
    found = [heading(f"units {len(one.units)} of {one.units_needed}{'  short' if short else ''}")]
    for name in one.units:
        unit = desk.home.units.get(name)
        if unit is None:
            continue
        assignment = desk.home.assignments.get(unit.assignment)
        eta = ""
        if assignment and assignment.eta_ms and unit.local_status in ("dispatched", "enroute"):
            left = assignment.eta_ms - now
            eta = (
                f"there in {words.minutes(left / 1000)}"
                if left > 0
                else f"expected {words.age(now, assignment.eta_ms)} ago"
            )
        pending = desk.pending_words(f"unit:{name}")
        found.append(
            Item(
                f"unit:{name}",
                (
                    row(
                        width,
                        Col("", width=1),
                        Col(unit.name, "strong", 8),
                        Col(pending or words.status(unit), "pending" if pending else "text", 16),
                        Col(words.age(now, unit.since_ms), "dim", 5),
                        Col(eta, "text"),
                        Col(", ".join(assignment.streets[-2:]) if assignment else "", "dim"),
                    ),
                ),
                stamp=unit.local_status,
            )
        )
    if not one.units:
        found.append(plain("Nobody is assigned. d sends a unit.", width, "warn" if one.status == "open" else "dim"))
    return found


def _twins(desk: Desk, one: Incident, width: int) -> list[Item]:
    names = [*one.possible_duplicate_of, *([one.duplicate_of] if one.duplicate_of else [])]
    known = [desk.home.incidents[name] for name in names if name in desk.home.incidents]
    if not known:
        return []
    found = [heading("may be the same as")]
    for twin in known:
        found.append(
            Item(
                f"incident:{twin.id}",
                (
                    row(
                        width,
                        Col("", width=1),
                        Col(twin.id, "dim", 6),
                        Col(twin.title, "text"),
                        Col(words.where(twin.place), "dim"),
                    ),
                ),
            )
        )
    found.append(plain("y marks or unmarks it as a duplicate.", width, "faint"))
    return found


def _intended(desk: Desk, one: Incident, width: int) -> list[Item]:
    found: list[Item] = []
    home = desk.home
    for proposal in home.proposals.values():
        if proposal.incident != one.id:
            continue
        found.append(
            Item(
                f"proposal:{proposal.id}",
                (
                    row(
                        width,
                        Col("", width=1),
                        Col(proposal.status, "strong" if proposal.status == "waiting" else "dim", 10),
                        Col(proposal.title, "text"),
                    ),
                ),
                stamp=proposal.status,
            )
        )
        found += [plain(f"because {line}", width, "dim", indent=12) for line in proposal.evidence[:3]]
        found += [
            plain(f"not instead: {other.title}: {other.reason}", width, "dim", indent=12)
            for other in proposal.alternatives
        ]
    for request in home.requests.values():
        if request.subject == one.id or (
            request.proposal in home.proposals and home.proposals[request.proposal].incident == one.id
        ):
            found.append(
                Item(
                    f"request:{request.id}",
                    (
                        row(
                            width,
                            Col("", width=1),
                            Col(request.status, "text", 10),
                            Col(f"asked {request.to}: {request.what}"),
                        ),
                    ),
                )
            )
    for alert in home.alerts.values():
        if alert.incident == one.id:
            found.append(
                Item(
                    f"alert:{alert.id}",
                    (row(width, Col("", width=1), Col(f"alert {alert.status}", "text", 16), Col(alert.headline)),),
                )
            )
    return [heading("why, and why not"), *found] if found else []


def _log(desk: Desk, one: Incident, width: int) -> list[Item]:
    lines = sorted((line for line in desk.home.log.values() if line.incident == one.id), key=lambda line: -line.at_ms)
    if not lines:
        return []
    return [
        heading("log"),
        *(fact(words.clock(line.at_ms), f"{desk.said(line.text)}  ({line.actor.person})", width) for line in lines),
    ]
