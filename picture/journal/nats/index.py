"""Which commit stands where: commit ids for ever, the message that holds an entry, and the rows with sealed values.

A cache, never truth. Sealed rows are at hand so that what is on the picture can be opened while no server answers.

It is filled from the stream at open and with every message after. A file of it that does not belong to this
stream, does not cover it without a gap, or is damaged is thrown away and filled again.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from pydantic_core import from_json, to_json

from picture.journal.chain import Row
from picture.journal.nats.envelope import Envelope, row_of
from picture.journal.protocol import GENESIS, START, Head

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (stream TEXT NOT NULL, born TEXT NOT NULL, form INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS places (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT NULL, head TEXT NOT NULL,
    commit_id TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS sealed (seq INTEGER PRIMARY KEY, columns BLOB NOT NULL);
"""
_FORM: Final = 2
_BATCH: Final = 256
_COLUMNS: Final = "first, last, at, head"


class Place(NamedTuple):
    """Where a commit stands."""

    first: int
    last: int
    at: int
    """The message that holds it."""
    head: str
    """The hash of its last entry."""


NOWHERE: Final = Place(START, START, 0, GENESIS)


class Index:
    """The places of one stream's commits, in memory or in a file. For one thread."""

    def __init__(self, stream: str, born: str, file: Path | None = None) -> None:
        """Opens the index of the stream that was made at ``born``, empty where the file is of no use."""
        self._stream = stream
        self._file = file
        self._unsaved = 0
        self._about = (stream, born, _FORM)
        try:
            self._open()
            if not self._whole():
                self._afresh()
        except sqlite3.DatabaseError:
            self._afresh()
        self.last = self._last()

    def head(self) -> Head:
        """The newest entry it knows."""
        return Head(self._stream, self.last.last, self.last.head)

    def add(self, envelope: Envelope) -> None:
        """Takes in the commit that follows the last; it was checked."""
        self.last = Place(envelope.first, envelope.last, envelope.at, envelope.head)
        self._db.execute("INSERT INTO places VALUES (?, ?, ?, ?, ?)", (*self.last, envelope.commit_id))
        sealed = [(row.seq, to_json(tuple(row))) for row in envelope.rows if row.sealed]
        if sealed:
            self._db.executemany("INSERT INTO sealed VALUES (?, ?)", sealed)
        self._unsaved += 1
        if self._unsaved >= _BATCH:
            self.save()

    def commit(self, commit_id: str) -> Place | None:
        """Where a commit stands, or None if there is none of this name."""
        return self._one("commit_id = ?", commit_id)

    def holding(self, seq: int) -> Place | None:
        """Where the commit stands that holds an entry."""
        return self._one("first <= ? ORDER BY first DESC LIMIT 1", seq)

    def sealed(self, seq: int) -> Row | None:
        """The row of an entry with sealed values; None if it has none or is not known."""
        found = self._db.execute("SELECT columns FROM sealed WHERE seq = ?", (seq,)).fetchone()
        return None if found is None else row_of(from_json(found[0]))

    def before(self, place: Place) -> Head:
        """The head before a commit."""
        earlier = self.holding(place.first - 1) or NOWHERE
        return Head(self._stream, earlier.last, earlier.head)

    def save(self) -> None:
        self._unsaved = 0
        if self._db.in_transaction:
            self._db.commit()

    def forget(self) -> None:
        """Empties it: what it said did not fit the stream."""
        self._afresh()
        self.last = NOWHERE

    def close(self) -> None:
        self.save()
        self._db.close()

    def _one(self, where: str, value: object) -> Place | None:
        found = self._db.execute(f"SELECT {_COLUMNS} FROM places WHERE {where}", (value,)).fetchone()
        return Place(*found) if found is not None else None

    def _last(self) -> Place:
        return self._one("first > ? ORDER BY first DESC LIMIT 1", 0) or NOWHERE

    def _open(self) -> None:
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(self._file or ":memory:", check_same_thread=False)
        # After a power failure it may be older than the stream, which is caught up; it may not be torn.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        if self._db.execute("SELECT count(*) FROM about").fetchone() == (0,):
            self._db.execute("INSERT INTO about VALUES (?, ?, ?)", self._about)
            self._db.commit()

    def _whole(self) -> bool:
        if self._db.execute("SELECT stream, born, form FROM about").fetchall() != [self._about]:
            return False
        covered, last = self._db.execute("SELECT total(last - first + 1), ifnull(max(last), 0) FROM places").fetchone()
        return int(covered) == int(last)

    def _afresh(self) -> None:
        self._db.close()
        if self._file is not None:
            for suffix in ("", "-wal", "-shm"):
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._open()
