"""The brief of a shift handover: what the picture says, line by line, and then the outgoing's own words."""

from __future__ import annotations

from collections.abc import Iterator

from picture.clock import rfc3339
from picture.model import StreamPicture

MOST_LINES = 12
"""Lines of one section; the rest is counted."""


def brief(home: StreamPicture, now_ms: int, own_words: str) -> str:
    """The whole brief as plain text; it holds clear values of the picture only, besides the own words."""
    sections = [
        ("Open incidents, by priority", list(_incidents(home))),
        ("Waiting for a decision", list(_proposals(home))),
        (
            "Alarms that stand",
            [f"{a.id} priority {a.priority}: {a.title}" for a in home.alarms.values() if _stands(a.state)],
        ),
        ("Alerts out", [f"{a.id} {a.kind}: {a.headline}" for a in home.alerts.values() if a.status == "active"]),
        ("Hazards", [f"{h.id} {h.title}" for h in home.hazards.values() if h.status == "active"]),
        ("In somebody's hands", [f"{c.subject}: {c.person}, {c.position}" for c in home.claims.values()]),
    ]
    lines = [f"As of {rfc3339(now_ms)}, entry {home.seq}. {_units(home)}"]
    if home.hands_off:
        lines.append("Hands off is on: playbooks only advise.")
    shut = sum(one.status == "active" for one in home.closures.values())
    lines.append(f"Barrier {home.barrier}; {shut} roads closed.")
    for title, found in sections:
        if found:
            lines += ["", f"{title} ({len(found)})", *(f"  {one}" for one in found[:MOST_LINES])]
            if len(found) > MOST_LINES:
                lines.append(f"  and {len(found) - MOST_LINES} more")
    if own_words.strip():
        lines += ["", "In the outgoing's own words", own_words.strip()]
    return "\n".join(lines)


def _incidents(home: StreamPicture) -> Iterator[str]:
    live = [one for one in home.incidents.values() if one.status == "open" and not one.duplicate_of]
    for one in sorted(live, key=lambda incident: (incident.priority, incident.opened_ms, incident.id)):
        units = f", {', '.join(one.units)}" if one.units else ", no unit yet" if one.units_needed else ""
        where = f", {one.place.label}" if one.place and one.place.label else ""
        missing = f", {one.people_unaccounted} unaccounted for" if one.people_unaccounted else ""
        yield f"{one.priority} {one.id} {one.title}{where}{units}{missing}"


def _proposals(home: StreamPicture) -> Iterator[str]:
    for one in home.proposals.values():
        if one.status == "waiting":
            yield f"{one.id} {one.title}, due {rfc3339(one.due_ms)}"


def _units(home: StreamPicture) -> str:
    free = sum(one.local_status == "available" for one in home.units.values())
    out = sum(one.local_status == "out_of_service" for one in home.units.values())
    return f"{free} of {len(home.units)} units available, {out} out of service."


def _stands(state: str) -> bool:
    return state not in ("cleared", "returned_unacknowledged")
