"""Segment files: one SQLite database each, opened by a signed header, chained head to head.

``segment-000001.sqlite``, ``segment-000002.sqlite`` … in one folder. A segment's header names its
predecessor's file and head; the core's key signs it. A new segment is filled under another name and
renamed: it is there whole or not.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import canonical
from picture.errors import JournalError
from picture.journal.chain import Row
from picture.journal.protocol import START, Head
from picture.sealing import public_key_text, sign, signature_fits

APPLICATION_ID: Final = 0x546F6353  # "TocS", at a fixed place in the file's first page
FORMAT: Final = 1
PAGE_BYTES: Final = 4096
BUSY_MS: Final = 5_000
_NAME = re.compile(r"segment-(\d{6})\.sqlite")

COLUMNS: Final = ", ".join(f'"{name}"' for name in Row._fields)
_VALUES: Final = ", ".join("CAST(? AS TEXT)" if name in ("payload", "sealed") else "?" for name in Row._fields)
INSERT: Final = f"INSERT INTO entries ({COLUMNS}) VALUES ({_VALUES})"  # every text as text, for SQLite's own tools
_TOGETHER: Final = 50  # a statement for each row costs a third more
_INSERT_MANY: Final = f"{INSERT}{f', ({_VALUES})' * (_TOGETHER - 1)}"
_INTEGERS: Final = frozenset({"seq", "commit_index", "kind_v", "at_ms", "recorded_ms"})
_MISTYPED: Final = "SELECT min(seq) FROM entries WHERE " + " OR ".join(
    f"typeof(\"{n}\") != '{'integer' if n in _INTEGERS else 'text'}'" for n in Row._fields
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says of itself, under the core's signature."""

    v: int
    stream: str
    number: int
    predecessor: str
    """File name of the segment before, empty for the first."""
    predecessor_head: str
    first_seq: int
    public_key: str
    schema: str
    """SHA-256 of its table definitions: a column that changed its meaning changes every entry."""

    def signed_bytes(self) -> bytes:
        return b"tocsin segment\n" + canonical(asdict(self))


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"segment-{number:06d}.sqlite"


def segment_files(folder: Path) -> list[Path]:
    """The segment files of a journal, oldest first."""
    return sorted(path for path in folder.glob("segment-*.sqlite") if _NAME.fullmatch(path.name))


def segment_number(path: Path) -> int | None:
    """The number in a segment's file name, None for another file."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def checkpoint_bytes(stream: str, seq: int, head: str) -> bytes:
    """What a signed checkpoint signs."""
    return b"tocsin checkpoint\n" + canonical({"head": head, "seq": seq, "stream": stream})


def create_segment(
    path: Path,
    *,
    stream: str,
    number: int,
    predecessor: str,
    after: Head,
    key: Ed25519PrivateKey,
    first: Row | None,
) -> None:
    """Makes a segment file that goes on after a head; ``first`` is its ``segment.opened`` row, if it has one."""
    from sqlite_utils import Database

    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with storage_errors(path.name):
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with storage_errors(path.name), closing_connection(fresh) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        database = Database(connection)
        database.table("entries").create(
            {name: int if name in _INTEGERS else str for name in Row._fields},
            pk="seq",
            not_null=set(Row._fields),
        )
        database.table("commits").create(
            {"commit_id": str, "first_seq": int, "last_seq": int},
            pk="commit_id", not_null={"commit_id", "first_seq", "last_seq"},
        )  # fmt: skip
        database.table("checkpoints").create(
            {"seq": int, "head": str, "signature": str}, pk="seq", not_null={"seq", "head", "signature"}
        )
        database.table("header").create({"id": int, "text": str, "signature": str}, pk="id")
        public_key, schema = public_key_text(key), _schema_digest(connection)
        header = Header(FORMAT, stream, number, predecessor, after.hash, after.seq + 1, public_key, schema)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO header VALUES (1, ?, ?)",
            (canonical(asdict(header)).decode(), sign(key, header.signed_bytes())),
        )
        if first is not None:
            connection.execute(INSERT, first)
            connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (first.commit_id, first.seq, first.seq))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    with storage_errors(path.name):
        fresh.replace(path)


def insert_entries(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Adds entries to a segment, in the caller's transaction."""
    whole = len(rows) - len(rows) % _TOGETHER
    for at in range(0, whole, _TOGETHER):
        connection.execute(_INSERT_MANY, list(chain.from_iterable(rows[at : at + _TOGETHER])))
    connection.executemany(INSERT, rows[whole:])


def open_for_writing(path: Path, synchronous: str) -> sqlite3.Connection:
    """The one connection that writes a segment."""
    connection = _connect(f"{path.resolve().as_uri()}?mode=rw")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA fullfsync = 1")  # macOS: FULL alone leaves the data in the disk's own cache
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint inside a commit is the tail of its latency
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that leaves no trace on a copy: where there is no WAL, the file is read as it lies."""
    lies_still = not path.with_name(path.name + "-wal").exists()
    return _connect(f"{path.resolve().as_uri()}?{'immutable=1' if lies_still else 'mode=ro'}")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes  # bytes are hashed and parsed as they lie; a damaged text must not stop the scan
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return connection


@contextmanager
def closing_connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection that is closed at the end."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def read_header(connection: sqlite3.Connection, name: str) -> Header:
    """The header, its signature checked; ``TOC-3105`` if this is no segment, ``TOC-3002`` if it was altered."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        rows = connection.execute("SELECT text, signature FROM header").fetchall()
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{name}: {error}.", code="TOC-3105") from error
    if application != APPLICATION_ID or version != FORMAT or len(rows) != 1:
        raise JournalError(f"{name} is of another kind or version.", code="TOC-3105")
    text, signature = rows[0]
    try:
        header = Header(**json.loads(text))
        whole = canonical(asdict(header)) == text
    except (ValueError, TypeError):
        whole = False
    if not whole or not signature_fits(header.public_key, header.signed_bytes(), _ascii(signature)):
        raise JournalError(f"The header of {name} was altered.", code="TOC-3002")
    if _schema_digest(connection) != header.schema:
        raise JournalError(f"The table definitions of {name} were altered.", code="TOC-3002")
    return header


def last_head(connection: sqlite3.Connection, header: Header) -> Head:
    """The newest entry of a segment, or what it goes on from while it is empty."""
    row = connection.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        return Head(header.stream, header.first_seq - 1 if header.first_seq > 1 else START, header.predecessor_head)
    return Head(header.stream, row[0], _ascii(row[1]))


def _schema_digest(connection: sqlite3.Connection) -> str:
    rows = connection.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master ORDER BY rowid")
    texts = ("\x1f".join(_plain(value) for value in row) for row in rows)
    return sha256("\x1e".join(texts).encode()).hexdigest()


def _plain(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def first_mistyped(connection: sqlite3.Connection) -> int | None:
    """The first entry with a column that is not stored as the type it was written with."""
    found = connection.execute(_MISTYPED).fetchone()[0]
    return found if isinstance(found, int) else None


def _ascii(text: object) -> str:
    return text.decode("ascii", "replace") if isinstance(text, bytes) else ""


@contextmanager
def storage_errors(name: str) -> Iterator[None]:
    """Turns what SQLite and the file system refuse into a ``JournalError`` with the code that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise JournalError(f"{name}: {error}.", code=_SQLITE_CODES.get(code, "TOC-3001")) from error
    except UnicodeDecodeError as error:  # a damaged name in the schema
        raise JournalError(f"{name}: {error.reason}.", code="TOC-3105") from error
    except OSError as error:
        raise JournalError(f"{name}: {error.strerror}.", code=_OS_CODES.get(error.errno or 0, "TOC-3001")) from error


_SQLITE_CODES: Final = {
    sqlite3.SQLITE_FULL: "TOC-3101",
    sqlite3.SQLITE_READONLY: "TOC-3102", sqlite3.SQLITE_PERM: "TOC-3102", sqlite3.SQLITE_CANTOPEN: "TOC-3102",
    sqlite3.SQLITE_BUSY: "TOC-3103", sqlite3.SQLITE_LOCKED: "TOC-3103", sqlite3.SQLITE_CONSTRAINT: "TOC-3103",
    sqlite3.SQLITE_CORRUPT: "TOC-3105", sqlite3.SQLITE_NOTADB: "TOC-3105",
}  # fmt: skip
_OS_CODES: Final = {
    errno.ENOSPC: "TOC-3101",
    errno.EACCES: "TOC-3102", errno.EPERM: "TOC-3102", errno.EROFS: "TOC-3102",
}  # fmt: skip
