"""What changed since an operator's screen showed it, so that two who work on one thing do not overwrite each other.

Each command touches a few fields (``touched``). Whoever gives one says how far their screen had read; a change of a
touched field after that, by anybody else, refuses the command with the difference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from console import commands as c
from console.core import Core
from picture.alarms import standing
from picture.entry import Entry
from picture.errors import RefusedError
from picture.model import Place, StreamPicture

MOST = 50_000
"""Changes that are remembered; a screen from before the oldest of them is refused."""
TABLES = ("incidents", "units", "alarms", "proposals", "alerts", "claims", "closures", "road_changes")
ROADS = ("closures", "road_changes")
_ONLY_STATUS = frozenset(ROADS)
"""Of these tables nothing else is remembered: a flood closes roads by the hundred."""
_SPELLED = {"incident_kind": "kind"}
"""Fields that a command spells otherwise than the picture."""
_NAMES = ("id", "incident", "unit", "proposal", "alert", "subject", "of")


class Field(NamedTuple):
    """A field of a thing on the picture; ``table`` is empty for the stream's own."""

    table: str
    id: str
    field: str


@dataclass(frozen=True, slots=True)
class _Change:
    seq: int
    at: Field
    before: object
    after: object
    person: str


def touched(command: c.Command, home: StreamPicture) -> Iterator[Field]:
    """The fields that a command is about to change, or whose value it rests on."""
    if isinstance(command, c.ChangeIncident):
        yield from _corrected(command)
    elif isinstance(command, (c.CloseIncident, c.ReopenIncident)):
        yield Field("incidents", command.incident.upper(), "status")
    elif isinstance(command, c.MarkDuplicate):
        yield Field("incidents", command.incident.upper(), "duplicate_of")
    elif isinstance(command, (c.Assign, c.SetStatus, c.StandDown)):
        unit = _unit_id(command.unit, home)
        yield Field("units", unit, "assignment" if isinstance(command, c.StandDown) else "local_status")
    elif isinstance(command, (c.Decide, c.EditProposal)):
        yield Field("proposals", command.proposal, "status")
    elif isinstance(command, (c.AckAlarm, c.ClearAlarm)):
        yield Field("alarms", _alarm_id(command.alarm, home), "state")
    elif isinstance(command, c.CancelAlert):
        yield Field("alerts", command.alert, "status")
    elif isinstance(command, (c.Claim, c.Release)):
        yield Field("claims", command.subject, "person")
    elif isinstance(command, c.ReopenRoad):
        yield from _reopened(command, home)
    elif isinstance(command, c.SetHandsOff):
        yield Field("", "", "hands_off")


def _reopened(command: c.ReopenRoad, home: StreamPicture) -> Iterator[Field]:
    """What a reopening would lift: one that was closed after the screen was drawn must not be lifted unseen."""
    wanted = command.road.casefold()
    for table in ROADS:
        for one in getattr(home, table).values():
            named = one.status == "active" and one.by != "flood" and wanted == one.name.casefold()
            if one.id == command.closure if command.closure else named:
                yield Field(table, one.id, "status")


def _corrected(command: c.ChangeIncident) -> Iterator[Field]:
    for name in ("title", "incident_kind", "priority", "units_needed", "people_unaccounted", "place"):
        if getattr(command, name) is not None:
            yield Field("incidents", command.incident.upper(), _SPELLED.get(name, name))


def _alarm_id(said: str, home: StreamPicture) -> str:
    """The alarm of this id; or, by its key, the one that stands."""
    by_key = None if said in home.alarms else standing(home.alarms, said)
    return by_key.id if by_key else said


def _unit_id(said: str, home: StreamPicture) -> str:
    if said in home.units:
        return said
    return next(
        (one.id for one in home.units.values() if said.casefold() in (one.id.casefold(), one.name.casefold())), ""
    )


class Since:
    """Remembers the last changes on the picture, field by field."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[str, dict[str, Any]] = {}
        self._hands_off = False
        self._from = self._head = 0
        self._changes: deque[_Change] = deque()
        self._newest: dict[Field, list[_Change]] = {}
        self.start()
        core.listen(self.take)

    def start(self) -> None:
        """Compares from the picture as it is now on: after a restart nothing before that is known."""
        home = self._core.home
        self._known = {table: dict(getattr(home, table)) for table in TABLES}
        self._hands_off = home.hands_off
        self._from = self._head = home.seq
        self._changes.clear()
        self._newest.clear()

    def take(self, entries: Sequence[Entry]) -> None:
        """Listener of the core: notes which fields just changed."""
        if entries[0].seq != self._head + 1:
            self.start()  # the core folded entries that nobody was told of, as on a restart
            return
        home = self._core.home
        for entry in entries:
            for name in _ids_in(entry, home):
                for table in TABLES:
                    self._compare(table, name, entry)
            if home.hands_off != self._hands_off:
                self._note(_Change(entry.seq, Field("", "", "hands_off"), self._hands_off, home.hands_off, _who(entry)))
                self._hands_off = home.hands_off
        self._head = entries[-1].seq

    def _compare(self, table: str, name: str, entry: Entry) -> None:
        now: Any = getattr(self._core.home, table).get(name)
        before: Any = self._known[table].get(name)
        if now is before:
            return
        if now is None:
            del self._known[table][name]
        else:
            self._known[table][name] = now
        for one in fields(before if now is None else now):
            if table in _ONLY_STATUS and one.name != "status":
                continue
            old, new = getattr(before, one.name, None), getattr(now, one.name, None)
            if old != new:
                self._note(_Change(entry.seq, Field(table, name, one.name), old, new, _who(entry)))

    def _note(self, change: _Change) -> None:
        self._changes.append(change)
        self._newest.setdefault(change.at, []).append(change)
        if len(self._changes) > MOST:
            oldest = self._changes.popleft()
            self._from = oldest.seq
            known = self._newest[oldest.at]
            known.pop(0)
            if not known:
                del self._newest[oldest.at]

    def require(self, command: c.Command, person: str) -> None:
        """Nothing if what the command touches is as its screen showed it.

        ``RefusedError`` TOC-4030 with a line per changed field, and TOC-4041 for a screen too old to tell, or
        that says it showed what is yet to come.
        """
        if not command.seen:
            return
        asked = list(touched(command, self._core.home))
        if asked and not self._from <= command.seen <= self._core.home.seq:
            raise RefusedError(f"It showed entry {command.seen} of {self._core.home.seq}.", code="TOC-4041")
        diff = [line for at in asked for line in self._line(at, command.seen, person)]
        if diff:
            raise RefusedError("; ".join(diff) + ".", code="TOC-4030", diff=tuple(diff))

    def _line(self, at: Field, seen: int, person: str) -> Iterator[str]:
        later = [one for one in self._newest.get(at, ()) if one.seq > seen]
        others = [one for one in later if one.person != person]
        if others and _word(later[0].before) != _word(later[-1].after):
            what = f"{at.id} {at.field.replace('_', ' ')}".strip()
            by = others[-1].person
            yield f"{what} {_word(later[0].before)} → {_word(later[-1].after)} (by {by})"


def _ids_in(entry: Entry, home: StreamPicture) -> set[str]:
    """Ids of everything that an entry may have changed."""
    found = {value for name in _NAMES if isinstance(value := getattr(entry.event, name, None), str) and value}
    for assignment in [home.assignments[one] for one in found if one in home.assignments]:
        found |= {assignment.unit, assignment.incident}
    return found - {""}


def _who(entry: Entry) -> str:
    return entry.actor.person


def _word(value: object) -> str:
    """A value as an operator reads it; places by their label."""
    if value is None or value == "":
        return "none"
    if isinstance(value, Place):
        return value.label or f"{value.lon_e7 / 1e7:.5f} {value.lat_e7 / 1e7:.5f}"
    return str(value).replace("_", " ")
