"""The Entry: one fact in a journal, with who said it, when, why, and its place in the chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from picture.event import Event


def canonical(value: Any) -> bytes:
    """The one JSON spelling of a value: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class Ref(NamedTuple):
    """Where a sealed value lies: the picture holds this, never the value, so destroying a key forgets it everywhere."""

    stream: str
    seq: int
    path: str
    """Field within the event: ``text``, ``report.caller`` …"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a person in a position at an agency, or a part of the console (``system:fusion``)."""

    person: str
    position: str = ""
    agency: str = ""
    simulated: bool = False

    def __hash__(self) -> int:
        return hash(self.person)  # asked for with every entry that is chained; few actors share a person


class NewEntry(NamedTuple):
    """What is handed to a journal; the journal adds stream, seq and the chain."""

    event: Event
    """With its sealed fields filled; the journal seals them."""
    at_ms: int
    """When it happened."""
    recorded_ms: int
    """When this core wrote it down."""
    actor: Actor
    source: str = ""
    """Feed id, for what a feed brought."""
    grade: str = ""
    """Source reliability A–F and credibility 1–6 (Admiralty code), ``B2``."""
    agreement: str = ""
    cause: tuple[int, ...] = ()
    """Sequence numbers in this stream of what led to it."""
    cause_index: tuple[int, ...] = ()
    """Indices within the same commit of what led to it; the journal turns them into ``cause``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact as stored. ``event`` is the clear part: every sealed field of it is None."""

    v: int
    stream: str
    seq: int
    """1, 2, 3 … without a gap in its stream."""
    commit_id: str
    index: int
    kind: str
    kind_v: int
    at_ms: int
    recorded_ms: int
    actor: Actor
    source: str
    grade: str
    agreement: str
    cause: tuple[int, ...]
    payload_digest: str
    prev: str
    hash: str
    event: Event
    sealed: tuple[str, ...] = ()
    """Paths of the values that were sealed."""

    def ref(self, path: str) -> Ref | None:
        """Where the sealed value at this path lies, or None if there was none."""
        return Ref(self.stream, self.seq, path) if path in self.sealed else None
