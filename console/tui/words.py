"""The words an operator reads: ages, clocks, distances, priorities, statuses. Pure functions of values."""

from __future__ import annotations

from typing import Final

from picture.clock import from_ms
from picture.model import Alarm, Evidence, Place, Proposal, Unit
from picture.reports import INCIDENT_KINDS

PRIORITY: Final = {1: "life at risk", 2: "urgent", 3: "soon", 4: "when possible"}
STATUS: Final = {
    "available": "available", "dispatched": "dispatched", "staged": "staged", "enroute": "en route",
    "on_scene": "on scene",
    "transporting": "transporting", "at_hospital": "at hospital", "returning": "returning",
    "out_of_service": "out of service",
}  # fmt: skip
ALARM_STATE: Final = {
    "unacknowledged": "not acknowledged", "acknowledged": "acknowledged", "cleared": "cleared",
    "returned_unacknowledged": "gone, not acknowledged", "shelved": "shelved",
}  # fmt: skip
FEED_STATE: Final = {
    "waiting": "nothing yet", "ok": "ok", "fetch_failed": "cannot fetch", "data_old": "data is old",
    "malformed": "malformed", "silent": "silent", "connecting": "connecting", "connected": "connected",
}  # fmt: skip
DELIVERY: Final = ("queued", "handed_over", "delivered", "seen", "accepted")
RELIABILITY: Final = {
    "A": "completely reliable", "B": "usually reliable", "C": "fairly reliable", "D": "not usually reliable",
    "E": "unreliable", "F": "reliability unknown",
}  # fmt: skip
CREDIBILITY: Final = {
    "1": "confirmed", "2": "probably true", "3": "possibly true", "4": "doubtful", "5": "improbable",
    "6": "cannot be judged",
}  # fmt: skip
RESULT_CODES: Final = (
    ("resolved", "Dealt with on scene"), ("handed_over", "Handed over to another service"),
    ("no_action", "Nothing to be done on arrival"), ("false_alarm", "False alarm, well meant"),
    ("malicious", "False alarm, malicious"), ("duplicate", "Duplicate of another incident"),
    ("cancelled", "Cancelled by the caller"),
)  # fmt: skip


def clock(at_ms: int, *, seconds: bool = True) -> str:
    """Time of day in UTC; dashes where none is known yet."""
    if at_ms <= 0:
        return "--:--:--" if seconds else "--:--"
    return from_ms(at_ms).strftime("%H:%M:%S" if seconds else "%H:%M")


def age(now_ms: int, then_ms: int) -> str:
    """How long ago, short: ``12s``, ``4m``, ``1.5h``, ``3d``; a time ahead reads ``0s``."""
    seconds = max(0, now_ms - then_ms) // 1000
    if seconds < 100:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    return f"{seconds / 3600:.1f}h" if seconds < 36_000 else span_h(seconds)


def span_h(seconds: int) -> str:
    """Hours below two days, else days."""
    return f"{seconds // 3600}h" if seconds < 172_800 else f"{seconds // 86_400}d"


def countdown(now_ms: int, due_ms: int) -> str:
    """``due in 4:12`` or ``overdue 0:30``."""
    left = (due_ms - now_ms) // 1000
    if left < -3600:
        return f"overdue {age(now_ms, due_ms)}"
    minutes, seconds = divmod(abs(left), 60)
    return f"due in {minutes}:{seconds:02d}" if left >= 0 else f"overdue {minutes}:{seconds:02d}"


def minutes(seconds: float) -> str:
    """A travelling time: ``40 s``, ``6 min``."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def distance(metres: float) -> str:
    """``350 m`` or ``2.4 km``."""
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def metres(value_mm: int | None) -> str:
    """A level on the city's datum: ``1.42 m``."""
    return "unknown" if value_mm is None else f"{value_mm / 1000:.2f} m"


def degrees(lon_e7: int, lat_e7: int) -> str:
    """``51.50123 N 0.12345 W``."""
    lon, lat = lon_e7 / 1e7, lat_e7 / 1e7
    return f"{abs(lat):.5f} {'N' if lat >= 0 else 'S'} {abs(lon):.5f} {'E' if lon >= 0 else 'W'}"


def kind(incident_kind: str) -> str:
    """An incident's kind as read; an unknown one as it is."""
    return INCIDENT_KINDS.get(incident_kind, incident_kind.replace("_", " ").capitalize())


def where(place: Place | None) -> str:
    """The place's label, or its coordinates, or that it is unknown."""
    if place is None:
        return "place unknown"
    return place.label or degrees(place.lon_e7, place.lat_e7)


def status(unit: Unit) -> str:
    """A unit's local status in words."""
    return STATUS.get(unit.local_status, unit.local_status)


def grade(code: str) -> str:
    """An Admiralty grade in words: ``B2: usually reliable, probably true``."""
    if len(code) != 2:
        return "not graded"
    return f"{code}: {RELIABILITY.get(code[0], '?')}, {CREDIBILITY.get(code[1], '?')}"


def evidence(term: Evidence) -> str:
    """One term of a judgement with its weight: ``+2.10  place  140 m apart``."""
    said = f"  {term.words}" if term.words else ""
    return f"{term.weight_c / 100:+.2f}  {term.term.replace('_', ' ')}{said}"


def alarm_active(alarm: Alarm) -> bool:
    """Whether an alarm still belongs on the list."""
    return alarm.state in ("unacknowledged", "acknowledged", "returned_unacknowledged")


def unacknowledged(alarm: Alarm) -> bool:
    """Whether nobody has taken notice of it yet."""
    return alarm.state in ("unacknowledged", "returned_unacknowledged")


def outward(proposal: Proposal) -> bool:
    """Whether carrying it out reaches people outside: an alert or a request."""
    return any(effect.verb.startswith(("alert.", "request.")) for effect in proposal.effects)


def bearing(value: float) -> str:
    """A compass point for degrees."""
    return ("N", "NE", "E", "SE", "S", "SW", "W", "NW")[round(value / 45) % 8]


def sparkline(values: list[float]) -> str:
    """The values as blocks of eight heights between their least and greatest; empty for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return "▄" * len(values)
    return "".join("▁▂▃▄▅▆▇█"[min(7, int((value - low) / (high - low) * 8))] for value in values)


def event_time(said: str, now_ms: int) -> int | None:
    """Epoch milliseconds for ``14:32``, ``14:32:08`` (the last time it was that o'clock, UTC) or ``-5`` (minutes ago).

    Empty is now; None where it cannot be read.
    """
    if not said:
        return now_ms
    if said.startswith("-") and said[1:].isdigit():
        return now_ms - int(said[1:]) * 60_000
    parts = said.split(":")
    if len(parts) not in (2, 3) or not all(part.isdigit() and len(part) <= 2 for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in [*parts, "0"][:3])
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    day = now_ms // 86_400_000 * 86_400_000
    at = day + ((hours * 60 + minutes) * 60 + seconds) * 1000
    return at if at <= now_ms else at - 86_400_000
