"""A new world out of another's past: what the parent's journal says up to a cursor, told again in a journal of its own.

A fork carries no sealed value and nobody who could be reached: the clear part of what was known goes along; runs,
proposals, decisions, requests, deliveries, timers, sessions, users and claims do not, and what stands under an
agreement does not either. How much of each was left behind is its second entry. The parent is only read, also while
its core runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from console.credentials import WorldName, claim
from console.journals import WorldReader
from picture import events as ev
from picture.clock import rfc3339, to_ms
from picture.entry import Actor, Entry, NewEntry
from picture.errors import JournalError, UsageError
from picture.journal import SqliteJournal
from picture.sealing import Keyring, core_signing_key

BATCH: Final = 1000
"""Entries written in one commit."""
FORKED_AT: Final = 2
"""The entry of a fork that says where it comes from."""
UNDER_AGREEMENT: Final = "under an agreement"
SEALED: Final = "sealed values"
"""What ``left_out`` calls the entries that stand under an agreement, and the values that were sealed."""

_RUN: Final = re.compile(r"[RP]-\d+")
"""Ids of runs and proposals, which a fork does not have and gives out anew."""
_Told = Callable[[Entry], ev.Event]


def _clear(entry: Entry) -> ev.Event:
    return entry.event


def _report(entry: Entry) -> ev.Event:
    return entry.event.model_copy(update={"blob": ""})


def _unaddressed(entry: Entry) -> ev.Event:
    return entry.event.model_copy(update={"recipients": (), "proposal": "", "effect": ""})


def _unproposed(entry: Entry) -> ev.Event:
    by = str(getattr(entry.event, "by", ""))
    return entry.event.model_copy(update={"by": ""}) if _RUN.fullmatch(by) else entry.event


def _counted(entry: Entry) -> ev.Event:
    return entry.event.model_copy(update={"blobs": ()})


CARRIED: Final[dict[str, _Told]] = {
    # kind: how it is told again
    "agency.registered": _clear,
    "facility.registered": _clear,
    "unit.registered": _clear,
    "sensor.registered": _clear,
    "report.received": _report,
    "reports.counted": _counted,
    "incident.opened": _clear,
    "report.linked": _clear,  # see _Teller: its reports have other numbers here, and no words
    "incident.changed": _clear,
    "incident.duplicate": _clear,
    "incident.closed": _clear,
    "incident.reopened": _clear,
    "vessel.updated": _clear,
    "sensor.updated": _clear,
    "facility.updated": _clear,
    "hazard.changed": _clear,
    "barrier.changed": _clear,
    "road.closed": _unproposed,
    "road.reopened": _clear,
    "road.changed": _clear,
    "alarm.raised": _clear,
    "alarm.changed": _clear,
    "unit.status": _clear,
    "unit.assigned": _unproposed,
    "assignment.ended": _clear,
    "alert.requested": _unaddressed,
    "alert.ended": _clear,
    "hands_off": _clear,
}
"""Every kind that a fork carries. A kind that is not named here is left behind, also one that is yet to be invented."""


@dataclass(frozen=True, slots=True)
class Forked:
    """What a fork came to."""

    stream: str
    parent: str
    seq: int
    at_ms: int
    """The parent's recorded time at the cursor: when the fork's clock begins."""
    carried: int
    left_out: tuple[tuple[str, int], ...]


def cursor_of(reader: WorldReader, words: str) -> int:
    """The entry that ``now``, a number or a time (RFC 3339) names; ``UsageError`` TOC-1012 where there is none."""
    head = reader.head().seq
    if words in ("", "now", "head"):
        seq = head
    elif words.isascii() and words.isdigit():
        seq = int(words)
    else:
        seq = _at(reader, words)
    if not 0 < seq <= head:
        raise UsageError(f"{reader.stream} has entries 1 to {head}, not {words[:40]!a}.", code="TOC-1012")
    return seq


def _at(reader: WorldReader, words: str) -> int:
    from datetime import datetime

    try:
        wanted_ms = to_ms(datetime.fromisoformat(words))
    except ValueError:
        raise UsageError(f"{words[:40]!a} is neither now, a number nor a time.", code="TOC-1012") from None
    low, high = 0, reader.head().seq
    while low < high:  # recorded time never goes back
        middle = (low + high + 1) // 2
        entry = reader.entry(middle)
        if entry is not None and entry.recorded_ms <= wanted_ms:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        raise UsageError(f"{reader.stream} begins after {rfc3339(wanted_ms)}.", code="TOC-1012")
    return low


def fork(reader: WorldReader, seq: int, folder: Path, world: WorldName, name: str) -> Forked:
    """Writes the new world's journal into ``folder``, which must hold none: ``UsageError`` TOC-1013.

    Every entry keeps who said it and when it happened and was recorded; stream, numbers and chain are the fork's own.
    """
    if (folder / "journal").exists():
        raise UsageError(f"{folder.name} holds a journal.", code="TOC-1013")
    if world == "live":
        raise UsageError("Nothing becomes live by being forked.", code="TOC-1012")
    cursor = reader.entry(seq)
    opened = next(reader.read(0, seq, frozenset({"world.opened"})), None)
    if cursor is None or opened is None or not isinstance(opened.event, ev.WorldOpened):
        raise JournalError(f"{reader.stream} does not say which world it is.", code="TOC-3105")
    left_out = tuple(sorted(_left_out(reader, seq).items()))
    claim(folder, world)
    keyring = Keyring(folder / "keys")
    journal = SqliteJournal(
        folder / "journal",
        f"{world}.{name}",
        keyring=keyring,
        signing_key=core_signing_key(folder / "keys"),
        segment_bytes=1 << 50,  # one segment while it is written: a segment's own entry would shift every number
    )
    try:
        teller = _Teller(journal, cursor.recorded_ms, opened.recorded_ms)
        teller.begin(opened.event, world, cursor, left_out)
        for entry in reader.read(0, seq):
            if entry.kind in CARRIED and not entry.agreement:
                teller.tell(entry)
        teller.flush()
    finally:
        journal.close()
    return Forked(journal.stream, reader.stream, seq, cursor.recorded_ms, teller.told, left_out)


def _left_out(reader: WorldReader, seq: int) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for entry in reader.read(0, seq):
        if entry.agreement:
            counts[UNDER_AGREEMENT] += 1
        elif entry.kind not in CARRIED:
            counts[entry.kind] += 1
        elif entry.sealed:
            counts[SEALED] += len(entry.sealed)
    return counts


@dataclass(slots=True)
class _Teller:
    """Tells entries again, with references turned to their new numbers."""

    journal: SqliteJournal
    now_ms: int
    began_ms: int
    """When the parent's journal begins: a stream's recorded time never goes back."""
    told: int = 0
    _numbers: dict[int, int] = field(default_factory=dict)
    _waiting: list[NewEntry] = field(default_factory=list)
    _next: int = 1

    def begin(
        self, opened: ev.WorldOpened, world: WorldName, cursor: Entry, left_out: tuple[tuple[str, int], ...]
    ) -> None:
        """The fork's own first words: what it is, and where it comes from."""
        first = opened.model_copy(
            update={"world": world, "start_ms": cursor.recorded_ms, "end_ms": 0, "title": f"Fork of {opened.title}"}
        )
        origin = ev.WorldForked(
            parent_stream=cursor.stream,
            parent_world=opened.world,
            parent_seq=cursor.seq,
            parent_hash=cursor.hash,
            left_out=left_out,
        )
        for event in (first, origin):
            self._put(NewEntry(event, self.now_ms, self.began_ms, Actor("system:fork")))

    def tell(self, entry: Entry) -> None:
        """One carried entry, written with the next batch."""
        event = CARRIED[entry.kind](entry)
        if isinstance(event, ev.ReportLinked):
            # Where its report stays behind, what fusion judged of it is known by the fork alone.
            report = self._numbers.get(event.report_entry, FORKED_AT)
            event = event.model_copy(update={"report_entry": report, "has": ()})
        first = self._next - len(self._waiting)
        causes = [number for seq in entry.cause if (number := self._numbers.get(seq)) is not None]
        self._numbers[entry.seq] = self._next
        self.told += 1
        self._put(
            NewEntry(
                event,
                entry.at_ms,
                entry.recorded_ms,
                entry.actor,
                entry.source,
                entry.grade,
                cause=tuple(number for number in causes if number < first),
                cause_index=tuple(number - first for number in causes if number >= first),
            )
        )

    def _put(self, new: NewEntry) -> None:
        self._waiting.append(new)
        self._next += 1
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Writes what waits as one commit."""
        if self._waiting:
            self.journal.append_now(self._waiting, commit_id=f"fork:{self._next}")
            self._waiting.clear()
