"""What changed between two instants, in words an operator reads: what is new, what changed field by field, what ended.

Pure, over two pictures that may be of any age or cursor. Sealed values are not opened: a new position of a crew is
said to be new, not where it is. All words are plain text, safe for a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from picture.clock import from_ms
from picture.fold import Picture
from picture.model import Place, StreamPicture
from picture.places import distance_m
from picture.text import visible

Get = Callable[[Any], Any]
Say = Callable[[Any, Any], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise than before."""

    subject: str
    """Kind of thing: incident, unit, closure …"""
    what: str
    """Its id, as it stands on the picture: text from outside, not made safe to show."""
    words: str
    """``I-12 priority 2 -> 1; units +E12``."""
    change: str = "changed"
    """added, changed, ended."""
    importance: int = 5
    """1 to 5: its own priority where it has one, else that of its kind."""


@dataclass(frozen=True, slots=True)
class Group:
    """How many differences of one kind there are."""

    subject: str
    added: int
    changed: int
    ended: int

    @property
    def words(self) -> str:
        """``incident: 3 new, 12 changed, 1 ended``."""
        counts = ((self.added, "new"), (self.changed, "changed"), (self.ended, "ended"))
        return f"{self.subject}: {', '.join(f'{count} {name}' for count, name in counts if count)}"


def differences(before: Picture, after: Picture) -> tuple[Difference, ...]:
    """Everything that is otherwise in ``after``, the most important first, then by kind and id."""
    found: list[tuple[int, int, list[str | int], Difference]] = []
    for stream in sorted(before.streams.keys() | after.streams.keys()):
        old, new = (picture.streams.get(stream) or StreamPicture(stream) for picture in (before, after))
        of = "" if stream == after.home_stream else f" ({visible(stream)})"
        for rank, one in _in_stream(old, new, of):
            found.append((one.importance, rank, _natural(one.what), one))
    found.sort(key=lambda entry: entry[:3])
    return tuple(entry[3] for entry in found)


def grouped(found: Iterable[Difference]) -> tuple[Group, ...]:
    """The differences counted by kind, in the order in which the kinds come first."""
    counts: dict[str, dict[str, int]] = {}
    for one in found:
        of = counts.setdefault(one.subject, {"added": 0, "changed": 0, "ended": 0})
        of[one.change] += 1
    return tuple(Group(subject, **of) for subject, of in counts.items())


# --- how a value is said ----------------------------------------------------------------------------------------


def _said(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return visible(str(value)) or "none"


def _metres(value: int | None) -> str:
    return "unknown" if value is None else f"{'-' * (value < 0)}{abs(value) // 1000}.{abs(value) % 1000 // 10:02} m"


def _clock(value: int | None) -> str:
    return "unknown" if value is None else from_ms(value).strftime("%H:%M:%SZ")


def _to(name: str, say: Callable[[Any], str] = _said) -> Say:
    """``name before -> after``."""
    return lambda old, new: f"{name} {say(old)} -> {say(new)}"


def _members(name: str) -> Say:
    """``name +E12 -E7``."""

    def words(old: Iterable[Any], new: Iterable[Any]) -> str:
        was, now = [_said(one) for one in old], [_said(one) for one in new]
        steps = [f"+{one}" for one in now if one not in was] + [f"-{one}" for one in was if one not in now]
        return f"{name} {' '.join(steps)}" if steps else ""

    return words


def _count(name: str) -> Say:
    return lambda old, new: f"{name} {len(old)} -> {len(new)}" if len(old) != len(new) else ""


def _moved(old: Any, new: Any) -> str:
    """How far a place moved, and what it is called now."""
    if old is None or new is None:
        return "place no longer known" if new is None else f"place known{_called(new)}"
    (lon_a, lat_a), (lon_b, lat_b) = _at(old), _at(new)
    metres = round(distance_m(lon_a, lat_a, lon_b, lat_b))
    if metres:
        return f"moved {metres} m{_called(new)}"
    return f"place named{_called(new)}" if _called(new) != _called(old) else ""


def _at(place: Any) -> tuple[int, int]:
    return (place.lon_e7, place.lat_e7) if isinstance(place, Place) else place


def _called(place: Any) -> str:
    return f" to {visible(place.label)}" if isinstance(place, Place) and place.label else ""


def _attributes(old: Iterable[tuple[str, Any]], new: Iterable[tuple[str, Any]]) -> str:
    was, now = dict(old), dict(new)
    names = sorted(was.keys() | now.keys())
    return ", ".join(
        f"{visible(name)} {_said(was.get(name))} -> {_said(now.get(name))}"
        for name in names
        if was.get(name) != now.get(name)
    )


def _deliveries(old: Any, new: Any) -> str:
    was = {(one.recipient, one.channel): one.state for one in old}
    steps = [
        f"{visible(one.recipient)} by {visible(one.channel)} {_said(was.get((one.recipient, one.channel), 'none'))}"
        f" -> {_said(one.state)}"
        for one in new
        if was.get((one.recipient, one.channel)) != one.state
    ]
    return ", ".join(steps)


def _new_position(old: Any, new: Any) -> str:
    return "new position"


def _natural(text: str) -> list[str | int]:
    """Sorts I-9 before I-12; words and numbers alternate, so that they are never compared with each other."""
    return [int(part) if at % 2 else part for at, part in enumerate(re.split("([0-9]+)", text))]


# --- what is said of each kind ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the records of one table are told of."""

    subject: str
    table: str
    importance: Get
    named: Get
    """What a new one is, after its id."""
    fields: tuple[tuple[str | Get, Say], ...] = ()
    over: frozenset[str] = frozenset()
    """Statuses in which it has ended."""
    status: str = "status"


def _fixed(importance: int) -> Get:
    return lambda record: importance


def _own(record: Any) -> int:
    return int(record.priority)


def _texts(*names: str) -> Get:
    return lambda record: ", ".join(visible(str(text)) for name in names if (text := getattr(record, name)))


def _lon_lat(record: Any) -> tuple[int, int] | None:
    return None if record.lon_e7 is None or record.lat_e7 is None else (record.lon_e7, record.lat_e7)


def _incident(record: Any) -> str:
    place = f", at {visible(record.place.label)}" if record.place and record.place.label else ""
    return f"{visible(record.title)}, priority {record.priority}{place}"


def _simple(*names: str) -> tuple[tuple[str | Get, Say], ...]:
    return tuple((name, _to(name.replace("_", " "))) for name in names)


_KINDS: Final = (
    _Kind("hazard", "hazards", _fixed(1), _texts("title", "severity"), (
        ("status", _to("status")), ("level_mm", _to("level", _metres)), ("inside_mm", _to("level inside", _metres)),
        ("barrier_closed", _to("barrier closed")), *_simple("title", "severity", "roads_closed", "disputed"),
        ("expires_ms", _to("expires", _clock)), ("rings", lambda old, new: "area changed"),
    ), frozenset({"expired", "cancelled", "ended", "vanished"})),
    _Kind("incident", "incidents", _own, _incident, (
        *_simple("priority", "status", "result_code", "title", "kind"), ("place", _moved), ("units", _members("units")),
        *_simple("units_needed", "people_at_risk", "people_trapped", "people_unaccounted"),
        ("reports", _count("reports")), ("possible_duplicate_of", _members("possible duplicate of")),
        *_simple("duplicate_of"), ("authoritative_ids", _members("authoritative ids")),
    ), frozenset({"closed"})),
    _Kind("alarm", "alarms", _own, _texts("title"), (
        *_simple("state", "priority", "title", "acknowledged_by", "cleared_by", "count"),
    ), frozenset({"cleared"}), "state"),
    _Kind("proposal", "proposals", _own, _texts("title"), (
        *_simple("status", "escalated"), ("decisions", _count("decisions")), ("refusal", _members("refused:")),
    ), frozenset({"rejected", "executed", "refused", "expired", "replaced"})),
    _Kind("decision", "decisions", _fixed(2), lambda one: f"{visible(one.verdict)} {visible(one.proposal)}"
          f" by {visible(one.actor.person)}"),
    _Kind("alert", "alerts", lambda one: 1 if one.kind == "public" else 2, _texts("kind", "headline"), (
        ("status", _to("status")), ("deliveries", _deliveries), ("expires_ms", _to("expires", _clock)),
    ), frozenset({"cancelled", "expired"})),
    _Kind("request", "requests", _fixed(2), lambda one: f"{visible(one.what)}, to {visible(one.to)}", (
        ("status", _to("status")), ("terms", _attributes),
    ), frozenset({"refused", "done", "withdrawn"})),
    _Kind("closure", "closures", _fixed(2), _texts("name", "reason"), (
        ("status", _to("status")), ("depth_mm", _to("depth", _metres)), ("reason", _to("reason")), ("place", _moved),
        ("edges", _count("segments")), ("profiles", _members("for")),
    ), frozenset({"lifted"})),
    _Kind("road change", "road_changes", _fixed(3), _texts("name", "reason"), (
        *_simple("status", "reason", "factor_pct", "contraflow"), ("place", _moved), ("edges", _count("segments")),
        ("link", lambda old, new: "link changed"),
    ), frozenset({"lifted"})),
    _Kind("unit", "units", _fixed(3), _texts("name", "agency", "nims_kind"), (
        ("local_status", _to("status")), ("assignment", _to("assignment")), ("crew", _to("crew")),
        ("position", _new_position),
    )),
    _Kind("assignment", "assignments", _fixed(3), lambda one: f"{visible(one.unit)} to"
          f" {visible(one.incident or one.to.label) or 'a place'}", (
        ("status", _to("status")), ("eta_ms", _to("arrival", _clock)), ("flagged", _to("flagged")), ("to", _moved),
    ), frozenset({"done", "stood_down"})),
    _Kind("facility", "facilities", _fixed(3), _texts("name", "kind"), (("attributes", _attributes),)),
    _Kind("feed", "feeds", _fixed(3), _texts("wire"), (*_simple("state", "why", "refused"),)),
    _Kind("link", "links", _fixed(3), _texts("state", "why"), _simple("state", "why")),
    _Kind("queue", "loads", _fixed(3), _texts("level"), _simple("level", "lost")),
    _Kind("legal hold", "holds", _fixed(3), lambda since: f"since {_clock(since)}"),
    _Kind("erasure asked for", "erasures", _fixed(3), lambda one: f"{visible(one.scope)} by {visible(one.person)}"),
    _Kind("destroyed key", "shredded", _fixed(3), lambda at: f"at {_clock(at)}"),
    _Kind("vessel", "vessels", lambda one: 2 if one.judgement or one.doubt else 4, _texts("name", "judgement"), (
        ("judgement", _to("judgement")), ("doubt", _to("doubt")), ("name", _to("name")), (_lon_lat, _moved),
        ("nav_status", _to("navigation status")), ("destination", _to("destination")),
        ("speed_mmps", _to("speed", lambda mmps: "unknown" if mmps is None else f"{mmps // 100 / 10} m/s")),
    )),
    _Kind("sensor", "sensors", _fixed(4), _texts("name", "quantity"), (
        *_simple("state", "why"),
        (lambda one: (one.value, one.unit), lambda old, new: f"{_said(old[0])} -> {_said(new[0])} {visible(new[1])}"),
    )),
    _Kind("run", "runs", _fixed(4), _texts("playbook", "trigger"), _simple("status", "step"),
          frozenset({"done", "failed", "stopped"})),
    _Kind("log", "log", _fixed(4), lambda one: f"written by {visible(one.actor.person)} at {_clock(one.at_ms)}"),
    _Kind("claim", "claims", _fixed(4), lambda one: f"held by {visible(one.person)}", _simple("person", "position")),
    _Kind("counted reports", "counted", _fixed(4), lambda one: f"{one.count} {visible(one.lane)} {visible(one.area)}",
          _simple("count", "area")),
    _Kind("refusal", "refusals", _fixed(5), _texts("code", "count"), _simple("count")),
    _Kind("session", "sessions", _fixed(5), _texts("person", "position", "client"), _simple("locked")),
    _Kind("user", "users", _fixed(5), _texts("agency", "role"), (
        *_simple("role", "agency", "active"), ("positions", _members("positions")),
        ("public_keys", _count("signing keys")),
    )),
    _Kind("agency", "agencies", _fixed(5), _texts("name", "kind"), _simple("name", "kind")),
)  # fmt: skip

_WORLD: Final[tuple[tuple[str, int, Get, Say], ...]] = (
    ("barrier", 1, lambda sub: sub.barrier, _to("state")),
    ("hands off", 1, lambda sub: sub.hands_off, _to("on")),
    ("desk", 3, lambda sub: (sub.shift.person, sub.shift.position, sub.shift.offered_to), lambda old, new: _desk(new)),
    ("exercise", 3, lambda sub: sub.drill.stopped, _to("stopped")),
    ("exercise", 4, lambda sub: sub.drill.paused, _to("paused")),
    ("exercise", 4, lambda sub: sub.drill.speed, _to("speed")),
    ("exercise", 4, lambda sub: sub.drill.injects, _count("injects")),
)
"""What a stream says once, not in a table: what, how important, where it stands, how it is told."""
UNTOLD: Final = frozenset(
    {"stream", "seq", "at_ms", "site", "world", "city", "barrier_since_ms", "barrier_entry", "received", "forked"}
)
"""What moves with every entry, or never after the first."""


def _desk(now: tuple[str, str, str]) -> str:
    person, position, offered = (visible(part) for part in now)
    return f"{person or 'nobody'} as {position or 'nobody'}" + (f", offered to {offered}" if offered else "")


# --- comparing --------------------------------------------------------------------------------------------------


def _in_stream(old: StreamPicture, new: StreamPicture, of: str) -> Iterator[tuple[int, Difference]]:
    for name, importance, get, say in _WORLD:
        if get(old) != get(new) and (words := say(get(old), get(new))):
            yield -1, Difference(name, name, f"{name} {words}{of}", importance=importance)
    for rank, kind in enumerate(_KINDS):
        was: Mapping[str, Any] = getattr(old, kind.table)
        now: Mapping[str, Any] = getattr(new, kind.table)
        for key, record in now.items():
            earlier = was.get(key)
            if record is not earlier and (one := _one(kind, key, earlier, record, of)) is not None:
                yield rank, one
        for key in was.keys() - now.keys():
            words = f"{_label(key)}{of} is gone"
            yield rank, Difference(kind.subject, key, words, "ended", kind.importance(was[key]))


def _one(kind: _Kind, key: str, old: Any, new: Any, of: str) -> Difference | None:
    over = getattr(new, kind.status, None) in kind.over
    if old is None:
        rest = f", {_said(getattr(new, kind.status))} already" if over else ""
        words, change = f"new, {kind.named(new)}{rest}".rstrip(", "), "ended" if over else "added"
    else:
        words = "; ".join(filter(None, _changes(kind, old, new)))
        change = "ended" if over and getattr(old, kind.status) not in kind.over else "changed"
    if not words:
        return None
    return Difference(kind.subject, key, f"{_label(key)}{of} {words}", change, kind.importance(new))


def _changes(kind: _Kind, old: Any, new: Any) -> Iterator[str]:
    for get, say in kind.fields:
        was, now = (getattr(one, get) if isinstance(get, str) else get(one) for one in (old, new))
        if was != now:
            yield say(was, now)


def _label(key: str) -> str:
    return visible(key) or "(no id)"
