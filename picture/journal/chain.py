"""One entry as bytes: how it is written, hashed and read back, the same whatever stores it.

The payload is the event's clear part as JSON, fields in declared order, absent ones left out; the sealed
part is canonical JSON ``{path: {key, nonce, ciphertext | blob}}``. ``payload_digest`` covers both, the hash
covers the envelope (canonical JSON of every other column, the digest and the predecessor's hash). Both can
be checked without any key.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from picture.entry import Actor, Entry, NewEntry, canonical
from picture.errors import JournalError
from picture.events import KINDS, UPCASTERS, Event
from picture.journal.proof import reads_back
from picture.records import filled

ENVELOPE_VERSION: Final = 1
MAX_PAYLOAD: Final = 16 << 20
"""Bytes an event's clear part may have."""

_quote = lru_cache(maxsize=4096)(json.JSONEncoder(ensure_ascii=False).encode)  # few sources, kinds and commits


class Row(NamedTuple):
    """An entry as its columns stand in a segment, in their order."""

    seq: int
    commit_id: str
    commit_index: int
    kind: str
    kind_v: int
    at_ms: int
    recorded_ms: int
    actor: str
    """Canonical JSON of the actor."""
    source: str
    grade: str
    agreement: str
    cause: str
    """JSON list of sequence numbers."""
    payload: bytes
    sealed: bytes
    """Empty if nothing is sealed."""
    payload_digest: str
    prev: str
    hash: str


def payload_digest(payload: bytes, sealed: bytes) -> str:
    """SHA-256 over both parts; the length in front keeps the border between them."""
    return sha256(b"%d:%b%b" % (len(payload), payload, sealed)).hexdigest()


def entry_hash(stream: str, row: Row) -> str:
    """The hash of an entry, from its other columns: SHA-256 of its envelope."""
    (seq, commit_id, index, kind, kind_v, at_ms, recorded_ms, actor, source, grade, agreement, cause, _, _, digest,
     prev, _) = row  # fmt: skip
    envelope = _envelope(stream, kind, actor, source, grade, agreement) % (
        at_ms, cause, _quote(commit_id), index, kind_v, digest, prev, recorded_ms, seq,
    )  # fmt: skip
    return sha256(envelope.encode()).hexdigest()


def chained(
    stream: str, new: NewEntry, *, seq: int, commit_id: str, index: int, clear: tuple[bytes, bytes], prev: str
) -> Row:
    """The row of a new entry at its place; ``clear`` is its payload and its sealed part."""
    return linked(stream, new, new.event, seq=seq, commit_id=commit_id, index=index, clear=clear, prev=prev)[0]


def linked(
    stream: str, new: NewEntry, event: Event, *, seq: int, commit_id: str, index: int, clear: tuple[bytes, bytes],
    prev: str,
) -> tuple[Row, Entry]:  # fmt: skip
    """The row of a new entry at its place, and the entry that reading it gives.

    ``event`` is what reading its payload gives; ``clear`` is the payload and the sealed part.
    """
    _, at_ms, recorded_ms, actor, source, grade, agreement, cause, cause_index = new
    payload, sealed = clear
    if cause_index:
        first_seq = seq - index
        cause = (*cause, *(first_seq + other for other in cause_index))
    kind, kind_v, actor_text = event.kind, event.version, _actor_text(actor)
    cause_text = f"[{','.join(map(str, cause))}]" if cause else "[]"
    digest = sha256(b"%d:%b%b" % (len(payload), payload, sealed)).hexdigest()
    envelope = _envelope(stream, kind, actor_text, source, grade, agreement) % (
        at_ms, cause_text, _quote(commit_id), index, kind_v, digest, prev, recorded_ms, seq,
    )  # fmt: skip
    hash_ = sha256(envelope.encode()).hexdigest()
    columns = (
        seq, commit_id, index, kind, kind_v, at_ms, recorded_ms, actor_text, source, grade, agreement, cause_text,
        payload, sealed, digest, prev, hash_,
    )  # fmt: skip
    row = tuple.__new__(Row, columns)  # what Row(...) does, without its call
    entry = filled(
        Entry, ENVELOPE_VERSION, stream, seq, commit_id, index, kind, kind_v, at_ms, recorded_ms, actor, source, grade,
        agreement, tuple(cause), digest, prev, hash_, event, tuple(sorted(json.loads(sealed))) if sealed else (),
    )  # fmt: skip
    return row, entry


@lru_cache(maxsize=4096)
def _envelope(stream: str, kind: str, actor: str, source: str, grade: str, agreement: str) -> str:
    """Canonical JSON with a place for each value that differs from entry to entry.

    The stored actor, cause and digests stand in it verbatim.
    """
    texts = (actor, _quote(agreement), _quote(grade), _quote(kind), _quote(source), _quote(stream))
    actor, agreement, grade, kind, source, stream = (text.replace("%", "%%") for text in texts)
    return (
        f'{{"actor":{actor},"agreement":{agreement},"at_ms":%s,"cause":%s,"commit_id":%s,"grade":{grade},"index":%s,'
        f'"kind":{kind},"kind_v":%s,"payload_digest":"%s","prev":"%s","recorded_ms":%s,"seq":%s,'
        f'"source":{source},"stream":{stream},"v":{ENVELOPE_VERSION}}}'
    )


def encoded(event: Event) -> tuple[bytes, Event]:
    """The payload of a clear event, and the event that reading it gives: what is folded now and in every replay.

    An event that its own bytes do not give back is ``TOC-3104``.
    """
    try:
        payload = event.__pydantic_serializer__.to_json(event, exclude_none=True)
        back = event if reads_back(event, payload) else _back(event, payload)
        if back is None:  # a field without default may be None: then None is written
            payload = event.__pydantic_serializer__.to_json(event)
            back = type(event).model_validate_json(payload)
    except (ValidationError, PydanticSerializationError) as error:
        raise JournalError(f"An event {event.kind} does not read back as written.", code="TOC-3104") from error
    if len(payload) > MAX_PAYLOAD:
        raise JournalError(f"An event {event.kind} has {len(payload)} bytes, of {MAX_PAYLOAD}.", code="TOC-3104")
    return payload, back


def _back(event: Event, payload: bytes) -> Event | None:
    try:
        return type(event).model_validate_json(payload)
    except ValidationError:
        return None


def decoded_event(kind: str, version: int, payload: bytes) -> Event:
    """The event in its present version; ``TOC-3004`` where this version of Tocsin does not know it."""
    model = KINDS.get(kind)
    if model is None or version > model.version or version < 1:
        raise JournalError(f"It is {kind} version {version}.", code="TOC-3004")
    try:
        if version == model.version:
            event: Event = model.__pydantic_validator__.validate_json(payload)  # model_validate_json without its call
            return event
        values: dict[str, Any] = json.loads(payload)
        for old in range(version, model.version):
            if (lift := UPCASTERS.get((kind, old))) is None:
                raise JournalError(f"Nothing lifts {kind} version {old}.", code="TOC-3004")
            values = lift(values)
        return model.model_validate(values)
    except ValueError as error:
        raise JournalError(f"It does not fit {kind} version {version}.", code="TOC-3004") from error


def decoded(stream: str, row: Row, event: Event | None = None) -> Entry:
    """The entry of a row, whose event may be at hand already."""
    (seq, commit_id, index, kind, kind_v, at_ms, recorded_ms, actor, source, grade, agreement, cause, payload, sealed,
     digest, prev, hash_) = row  # fmt: skip
    return filled(
        Entry, ENVELOPE_VERSION, stream, seq, commit_id, index, kind, kind_v, at_ms, recorded_ms, _actor(actor), source,
        grade, agreement, () if cause == "[]" else tuple(json.loads(cause)), digest, prev, hash_,
        event or decoded_event(kind, kind_v, payload), tuple(sorted(json.loads(sealed))) if sealed else (),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _actor_text(actor: Actor) -> str:
    return canonical(
        {
            "agency": actor.agency,
            "person": actor.person,
            "position": actor.position,
            "simulated": actor.simulated,
        }
    ).decode()


@lru_cache(maxsize=4096)
def _actor(text: str) -> Actor:
    return Actor(**json.loads(text))


def from_columns(columns: tuple[Any, ...]) -> Row:
    """The row of columns read as integers and bytes; ``ValueError`` or ``TypeError`` if they cannot be one."""
    seq, commit_id, index, kind, kind_v, at_ms, recorded_ms, *texts, payload, sealed, digest, prev, hash_ = columns
    actor, source, grade, agreement, cause = (str(text, "utf-8") for text in texts)
    return Row(
        seq, str(commit_id, "utf-8"), index, str(kind, "utf-8"), kind_v, at_ms, recorded_ms, actor, source, grade,
        agreement, cause, payload, sealed, str(digest, "ascii"), str(prev, "ascii"), str(hash_, "ascii"),
    )  # fmt: skip
