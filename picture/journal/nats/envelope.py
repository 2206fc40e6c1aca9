"""One commit as one message: the rows exactly as SQLite stores them, and in the headers what finds and signs them.

The body is a JSON list of rows, each the list of its columns, compressed where it is large. The headers
repeat what an index needs (commit, first and last entry, head before and after), name the writing handle,
and carry the core's signature over the head. They are outside the hash chain, so reading holds them against
the body; the signature covers the head.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic_core import from_json, to_json

from picture.errors import JournalError
from picture.journal.chain import Row, entry_hash, payload_digest
from picture.journal.protocol import Head
from picture.journal.rotation import ROTATED, vouched_for
from picture.journal.segments import checkpoint_bytes
from picture.sealing import public_key_text, sign, signature_fits

LARGE: Final = 64 << 10
"""Bytes from which a body is compressed."""
MAX_BODY: Final = 64 << 20
"""Bytes that a compressed body may have when it is opened."""

COMMIT: Final = "Tocsin-Commit"
_FIRST, _LAST, _PREV, _HEAD = "Tocsin-First", "Tocsin-Last", "Tocsin-Prev", "Tocsin-Head"
_WRITER, _KEY, _SIGNATURE, _ENCODING = "Tocsin-Writer", "Tocsin-Key", "Tocsin-Signature", "Tocsin-Encoding"
CARRIED: Final = frozenset({COMMIT, _FIRST, _LAST, _PREV, _HEAD, _WRITER, _KEY, _SIGNATURE, _ENCODING})
"""Headers that belong to the commit and are copied with it."""
_TYPES: Final = tuple(int if name in ("seq", "commit_index", "kind_v", "at_ms", "recorded_ms") else str
                      for name in Row._fields)  # fmt: skip
_PAYLOAD, _SEALED = Row._fields.index("payload"), Row._fields.index("sealed")


class Message(NamedTuple):
    """A message as it is stored."""

    at: int
    """Its sequence number on the server; not that of an entry."""
    headers: Mapping[str, str]
    body: bytes


class Envelope(NamedTuple):
    """A commit as read from a message; ``checked`` tells whether it is whole."""

    at: int
    commit_id: str
    first: int
    last: int
    prev: str
    head: str
    writer: str
    public_key: str
    signature: str
    rows: tuple[Row, ...]


def packed(stream: str, rows: Sequence[Row], *, writer: str, key: Ed25519PrivateKey) -> tuple[dict[str, str], bytes]:
    """Headers and body of the message that carries these rows, which are one commit."""
    body = to_json([tuple(row) for row in rows])
    first, last = rows[0], rows[-1]
    headers = {
        COMMIT: quote(first.commit_id, safe=""),
        _FIRST: str(first.seq),
        _LAST: str(last.seq),
        _PREV: first.prev,
        _HEAD: last.hash,
        _WRITER: writer,
        _KEY: public_key_text(key),
        _SIGNATURE: sign(key, checkpoint_bytes(stream, last.seq, last.hash)),
    }
    if len(body) >= LARGE:
        headers[_ENCODING] = "zlib"
        body = zlib.compress(body, 1)
    return headers, body


def unpacked(message: Message) -> Envelope:
    """The commit in a message; ``TOC-3002`` if it cannot be read. Nothing is proved yet: see ``checked``."""
    headers = message.headers
    try:
        rows = tuple(row_of(columns) for columns in from_json(_inflated(message)))
        return Envelope(
            message.at, unquote(headers[COMMIT]), int(headers[_FIRST]), int(headers[_LAST]), headers[_PREV],
            headers[_HEAD], headers[_WRITER], headers[_KEY], headers[_SIGNATURE], rows,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise JournalError(f"Message {message.at} of the stream cannot be read.", code="TOC-3002") from error


def checked(envelope: Envelope, after: Head) -> Head:
    """The head after a commit that goes on from ``after``; ``TOC-3002`` names the first entry that does not fit."""
    seq, head = after.seq, after.hash
    for index, row in enumerate(envelope.rows):
        seq += 1
        if row.seq != seq:
            raise _altered(seq, f"Entry {seq} is missing: {row.seq} stands in its place.")
        if payload_digest(row.payload, row.sealed) != row.payload_digest:
            raise _altered(seq, f"The content of entry {seq} was altered.")
        if row.prev != head:
            raise _altered(seq, f"Entry {seq} does not follow the entry before it.")
        if entry_hash(after.stream, row) != row.hash:
            raise _altered(seq, f"Entry {seq} was altered.")
        if (row.commit_id, row.commit_index) != (envelope.commit_id, index):
            raise _altered(seq, f"Entry {seq} is not in its place in commit {envelope.commit_id!r}.")
        head = row.hash
    if (after.seq + 1, seq, after.hash, head) != (envelope.first, envelope.last, envelope.prev, envelope.head):
        raise _altered(after.seq + 1, f"Commit {envelope.commit_id!r} from entry {after.seq + 1} is not as written.")
    return Head(after.stream, seq, head)


def signature_holds(stream: str, envelope: Envelope) -> bool:
    """Whether the key that the message names signed the head after it."""
    signed = checkpoint_bytes(stream, envelope.last, envelope.head)
    return signature_fits(envelope.public_key, signed, envelope.signature)


def signer_after(stream: str, envelope: Envelope) -> str:
    """The public key that signs the next commit: another one after a ``key.rotated`` that this one vouches for.

    ``TOC-3002`` if it does not.
    """
    signer = envelope.public_key
    for row in envelope.rows:
        if row.kind == ROTATED and not (signer := vouched_for(row.payload, signer, stream)):
            raise _altered(row.seq, f"Entry {row.seq} names a new key that the one before it does not vouch for.")
    return signer


class AlteredError(JournalError):
    """An entry is not what was written; ``seq`` says which."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(why, code="TOC-3002")
        self.seq = seq


def _altered(seq: int, why: str) -> AlteredError:
    return AlteredError(seq, why)


def _inflated(message: Message) -> bytes:
    encoding = message.headers.get(_ENCODING, "")
    if not encoding:
        return message.body
    if encoding != "zlib":
        raise ValueError(encoding)
    opener = zlib.decompressobj()
    body = opener.decompress(message.body, MAX_BODY)
    if not opener.eof:
        raise ValueError("too large or cut")
    return body


def row_of(columns: list[object]) -> Row:
    """The row of columns as JSON gives them back; ``ValueError`` if they cannot be one."""
    if len(columns) != len(_TYPES) or any(type(value) is not kind for value, kind in zip(columns, _TYPES, strict=True)):
        raise ValueError("not the columns of an entry")
    values: list[object] = [*columns]
    for at in (_PAYLOAD, _SEALED):
        values[at] = str(columns[at]).encode()
    return Row(*values)  # type: ignore[arg-type]
