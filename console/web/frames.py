"""What core and client say to each other over the socket: JSON frames, entries encoded once for everybody.

``hello`` names the versions; ``entries``, ``snapshot`` and ``flood`` carry the picture; ``beat`` carries the clock and
the head; ``mark`` and ``digest`` compare pictures; ``command`` asks and ``answer`` answers; ``past`` and ``journal``
look back. Values that were sealed travel opened, beside the entry, to those who may read.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from picture.entry import Actor, Entry
from picture.errors import JournalError
from picture.events import KINDS

PROTOCOL = "tocsin.link/2"
NEVER_SENT = frozenset({"raw", "head"})
"""Sealed raw bytes stay in the core; nobody reads them on a screen."""
DEPTH_STEP_M = 0.02
"""Flood depths travel as bytes in steps of 2 cm, 5.1 m at most."""

Frame = dict[str, Any]


def entry_frame(entry: Entry, opened: Mapping[str, object]) -> Frame:
    """One entry as JSON-plain data, with the sealed values that may be shown under its last key."""
    return {
        "v": entry.v,
        "stream": entry.stream,
        "seq": entry.seq,
        "commit_id": entry.commit_id,
        "index": entry.index,
        "kind": entry.kind,
        "kind_v": entry.kind_v,
        "at_ms": entry.at_ms,
        "recorded_ms": entry.recorded_ms,
        "actor": [entry.actor.person, entry.actor.position, entry.actor.agency, entry.actor.simulated],
        "source": entry.source,
        "grade": entry.grade,
        "agreement": entry.agreement,
        "cause": entry.cause,
        "payload_digest": entry.payload_digest,
        "prev": entry.prev,
        "hash": entry.hash,
        "payload": entry.event.model_dump(mode="json"),
        "sealed": entry.sealed,
        "opened": {path: value for path, value in opened.items() if path not in NEVER_SENT},
    }


def withheld_frame(entry: Entry) -> Frame:
    """An entry for those who may not read it: that it exists, of what kind, and its place in the chain."""
    return {"withheld": [entry.stream, entry.seq, entry.kind, entry.hash, entry.recorded_ms]}


def entry_of(frame: Frame) -> Entry:
    """The entry a frame carries; ``JournalError`` TOC-3004 where its kind is not known here."""
    event = KINDS.get(frame["kind"])
    if event is None or event.version != frame["kind_v"]:
        raise JournalError(f"{frame['kind']} v{frame['kind_v']}", code="TOC-3004")
    person, position, agency, simulated = frame["actor"]
    return Entry(
        v=frame["v"],
        stream=frame["stream"],
        seq=frame["seq"],
        commit_id=frame["commit_id"],
        index=frame["index"],
        kind=frame["kind"],
        kind_v=frame["kind_v"],
        at_ms=frame["at_ms"],
        recorded_ms=frame["recorded_ms"],
        actor=Actor(person, position, agency, simulated),
        source=frame["source"],
        grade=frame["grade"],
        agreement=frame["agreement"],
        cause=tuple(frame["cause"]),
        payload_digest=frame["payload_digest"],
        prev=frame["prev"],
        hash=frame["hash"],
        event=event.model_validate(frame["payload"]),
        sealed=tuple(frame["sealed"]),
    )


def refs_in(value: Any, streams: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    """Every reference to a sealed value in a picture's JSON: (stream, seq, path)."""
    if isinstance(value, dict):
        for one in value.values():
            yield from refs_in(one, streams)
    elif isinstance(value, list):
        if (
            len(value) == 3
            and isinstance(value[0], str)
            and value[0] in streams
            and isinstance(value[1], int)
            and isinstance(value[2], str)
        ):
            yield value[0], value[1], value[2]
        else:
            for one in value:
                yield from refs_in(one, streams)


def flood_frame(depth_cm2: bytes, shape: Sequence[int]) -> Frame:
    """The water over the terrain's grid; ``depth_cm2`` is one byte a cell, in steps of ``DEPTH_STEP_M``."""
    return {
        "type": "flood",
        "rows": shape[0],
        "columns": shape[1],
        "depth": base64.b64encode(zlib.compress(depth_cm2, 3)).decode(),
    }


def depth_bytes(frame: Frame) -> bytes:
    """The bytes that ``flood_frame`` packed; a size that does not fit is a ``ValueError``."""
    size = int(frame["rows"]) * int(frame["columns"])
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(frame["depth"]), size + 1)
    if len(data) != size:
        raise ValueError("the flood's size does not fit its grid")
    return data


def encode(frame: Frame, world: str = "") -> str:
    """The frame as text, naming its world where one is given."""
    frame = {**frame, "world": world} if world else frame
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
