"""The picture as a pure fold over entries: same entries, same picture, byte for byte.

``Picture.apply`` depends on the entry alone. It mutates only the tables the picture owns, replaces frozen records,
and uses no clock, no randomness, no I/O and no floating-point arithmetic. One sub-picture per stream; the joined
views depend on the cursor only, never on the order in which streams arrived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import chain
from typing import Any, TypeVar

from pydantic import TypeAdapter

from picture.entry import Entry, canonical
from picture.folding_custody import HANDLERS
from picture.model import (
    Alarm,
    Alert,
    Assignment,
    Closure,
    Facility,
    Hazard,
    Incident,
    Proposal,
    Sensor,
    StreamPicture,
    Unit,
    Vessel,
)

FOLD_VERSION = "fold-4"
"""Changes whenever the same entries would give another picture; prefixes every digest."""

T = TypeVar("T")
_STREAMS = TypeAdapter(dict[str, StreamPicture])


def copied(sub: StreamPicture) -> StreamPicture:
    """A sub-picture with tables of its own and the same frozen records in them."""
    twin = StreamPicture(sub.stream)
    for field in fields(StreamPicture):
        part = getattr(sub, field.name)
        setattr(twin, field.name, dict(part) if isinstance(part, dict) else part)
    return twin


class Picture:
    """Everything known at a cursor. ``home`` names the stream of the core that holds it."""

    def __init__(self, home: str) -> None:
        self.home_stream = home
        self.streams: dict[str, StreamPicture] = {home: StreamPicture(home)}

    @property
    def home(self) -> StreamPicture:
        """This core's own sub-picture."""
        return self.streams[self.home_stream]

    @property
    def cursor(self) -> dict[str, int]:
        """How far each stream was applied."""
        return {name: sub.seq for name, sub in sorted(self.streams.items()) if sub.seq}

    def apply(self, entry: Entry) -> bool:
        """Takes one entry in; False if it is at or below the cursor and changed nothing.

        A gap in a stream is a ``ValueError``: entries come in order within their stream.
        """
        sub = self._moved(entry.stream, entry.seq, entry.recorded_ms)
        if sub is None:
            return False
        handler = HANDLERS.get(type(entry.event))
        if handler is not None:
            handler(sub, entry, entry.event)
        return True

    def skip(self, stream: str, seq: int, recorded_ms: int) -> bool:
        """Takes in that an entry exists which this holder may not read: the cursor moves, and nothing else.

        False, or ``ValueError``, as ``apply``.
        """
        return self._moved(stream, seq, recorded_ms) is not None

    def _moved(self, stream: str, seq: int, recorded_ms: int) -> StreamPicture | None:
        """The stream's sub-picture with its cursor at ``seq``; None if it stood there already."""
        sub = self.streams.get(stream) or StreamPicture(stream)
        if seq <= sub.seq:
            return None
        if seq != sub.seq + 1:
            raise ValueError(f"{stream}: entry {seq} after {sub.seq}")
        self.streams[stream] = sub
        sub.seq, sub.at_ms = seq, recorded_ms
        return sub

    def apply_all(self, entries: Iterable[Entry]) -> Picture:
        """Takes many entries in, and returns itself."""
        for entry in entries:
            self.apply(entry)
        return self

    def copy(self) -> Picture:
        """A picture of its own that shares every frozen record: what is applied to one does not show in the other."""
        twin = Picture(self.home_stream)
        twin.streams = {name: copied(sub) for name, sub in self.streams.items()}
        return twin

    # --- joined views ---------------------------------------------------------------------------------------

    def _joined(self, tables: Iterable[Mapping[Any, T]]) -> Mapping[Any, T]:
        found = list(tables)
        return found[0] if len(found) == 1 else dict(chain.from_iterable(table.items() for table in found))

    def _subs(self) -> list[StreamPicture]:
        return [self.streams[name] for name in sorted(self.streams)]

    @property
    def incidents(self) -> Mapping[str, Incident]:
        return self._joined(sub.incidents for sub in self._subs())

    @property
    def units(self) -> Mapping[str, Unit]:
        return self._joined(sub.units for sub in self._subs())

    @property
    def assignments(self) -> Mapping[str, Assignment]:
        return self._joined(sub.assignments for sub in self._subs())

    @property
    def facilities(self) -> Mapping[str, Facility]:
        return self._joined(sub.facilities for sub in self._subs())

    @property
    def vessels(self) -> Mapping[str, Vessel]:
        """By MMSI as text."""
        return self._joined(sub.vessels for sub in self._subs())

    @property
    def sensors(self) -> Mapping[str, Sensor]:
        return self._joined(sub.sensors for sub in self._subs())

    @property
    def hazards(self) -> Mapping[str, Hazard]:
        return self._joined(sub.hazards for sub in self._subs())

    @property
    def closures(self) -> Mapping[str, Closure]:
        return self._joined(sub.closures for sub in self._subs())

    @property
    def alarms(self) -> Mapping[str, Alarm]:
        return self._joined(sub.alarms for sub in self._subs())

    @property
    def proposals(self) -> Mapping[str, Proposal]:
        return self._joined(sub.proposals for sub in self._subs())

    @property
    def alerts(self) -> Mapping[str, Alert]:
        return self._joined(sub.alerts for sub in self._subs())

    # --- spelling -------------------------------------------------------------------------------------------

    def digest(self) -> str:
        """The fold version, a colon and the SHA-256 of the whole picture as canonical JSON; needs no key."""
        return f"{FOLD_VERSION}:{hashlib.sha256(canonical(self.as_json())).hexdigest()}"

    def as_json(self) -> dict[str, Any]:
        """The whole picture as JSON-plain data, for a snapshot or the digest."""
        plain: dict[str, Any] = _STREAMS.dump_python(self.streams, mode="json")
        return plain

    @classmethod
    def from_json(cls, home: str, data: Mapping[str, Any]) -> Picture:
        """The picture that ``as_json`` spelled."""
        picture = cls(home)
        picture.streams = _STREAMS.validate_python(data)
        picture.streams.setdefault(home, StreamPicture(home))
        return picture
