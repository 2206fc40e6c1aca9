"""Recomputing a journal from its stored bytes: no key, no other file, no network is needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from picture.errors import JournalError
from picture.journal.chain import Row, entry_hash, from_columns, payload_digest
from picture.journal.protocol import GENESIS, ChainReport
from picture.journal.rotation import ROTATED, vouched_for
from picture.journal.segments import (
    COLUMNS,
    Header,
    checkpoint_bytes,
    first_mistyped,
    last_head,
    open_for_reading,
    read_header,
    segment_files,
    segment_name,
    segment_number,
    storage_errors,
)
from picture.journal.wal import commits_cut_off
from picture.sealing import signature_fits

_ENTRIES: Final = f"SELECT {COLUMNS} FROM entries ORDER BY seq"
_COMMITS: Final = "SELECT commit_id, first_seq, last_seq, typeof(commit_id) FROM commits ORDER BY rowid"


def verify(path: Path) -> ChainReport:
    """What is wrong with a journal's folder, or with one segment file, and at which entry it begins.

    A folder is followed from segment to segment. A file stands on its own; where its neighbours lie beside
    it, the heads at both ends are compared with theirs. Damage to bytes that hold nothing is not reported.
    """
    files = segment_files(path) if path.is_dir() else [path]
    scan = _Scan()
    try:
        if not files:
            raise _Broken(None, f"{path.name} holds no segment.")
        for file in files:
            scan.segment(file)
        if path.is_file():
            _compare_neighbours(path, scan)
    except _Broken as broken:
        return scan.report(broken.seq, broken.why)
    return scan.report(None, "")


class _Broken(Exception):
    """The first thing that is wrong."""

    def __init__(self, seq: int | None, why: str) -> None:
        super().__init__(why)
        self.seq = seq
        self.why = why


class _Scan:
    """How far a verification has come."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.first: Header | None = None
        self.seq = 0
        self.head = GENESIS
        self.entries = 0
        self.commits = 0
        self.segments = 0
        self.signatures = 0
        self.signer = ""
        """Public key that signs from here on: the first header's, and then whom each rotation names."""
        self.keys: dict[str, None] = {}

    def report(self, first_bad: int | None, why: str) -> ChainReport:
        return ChainReport(
            stream=self.first.stream if self.first else "", entries=self.entries, commits=self.commits,
            segments=self.segments, head=self.head, first_bad=first_bad, why=why, signatures=self.signatures,
            public_keys=tuple(self.keys),
        )  # fmt: skip

    def segment(self, file: Path) -> None:
        """Follows one segment to its end, or raises what is wrong first."""
        connection = None
        try:
            with storage_errors(file.name):
                connection = open_for_reading(file)
            self._open(file, connection)
            marks = self._marks(connection)
            self._follow(connection, marks)
            self._finish(connection, marks)
            if cut := commits_cut_off(file):
                raise _Broken(
                    self.seq + 1, f"{file.name}-wal is damaged: commits after entry {self.seq} are lost ({cut})."
                )
        except JournalError as error:
            raise _Broken(self.seq + 1, error.message) from error
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _Broken(self.seq + 1, f"{file.name}: reading stopped after entry {self.seq}: {error}.") from error
        finally:
            if connection is not None:
                connection.close()

    def _open(self, file: Path, connection: sqlite3.Connection) -> None:
        before = self.header
        try:
            header = read_header(connection, file.name)
        except JournalError as error:
            seq = self.seq + 1 if before else _first_there(connection)
            raise _Broken(seq, f"{file.name}: {error.message}") from error
        if before is None:
            self.first, self.seq, self.head = header, header.first_seq - 1, header.predecessor_head
            if header.number == 1 and (self.seq, self.head) != (0, GENESIS):
                raise _Broken(1, f"The header of {file.name} names a predecessor that a first segment cannot have.")
        elif (header.stream, header.number) != (before.stream, before.number + 1):
            raise _Broken(self.seq + 1, f"Segment {before.number + 1} is missing before {file.name}.")
        elif (header.first_seq, header.predecessor_head) != (self.seq + 1, self.head):
            raise _Broken(min(self.seq, header.first_seq - 1) + 1, f"{file.name} does not go on from {before.number}.")
        elif header.public_key != self.signer:
            raise _Broken(self.seq + 1, f"{file.name} is signed by a key that the one before it does not vouch for.")
        self.header, self.signer = header, header.public_key
        self.segments += 1
        self.signatures += 1
        self.keys[header.public_key] = None

    def _marks(self, connection: sqlite3.Connection) -> dict[int, tuple[bytes, bytes]]:
        return {seq: (head, sig) for seq, head, sig in connection.execute("SELECT * FROM checkpoints ORDER BY seq")}

    def _follow(self, connection: sqlite3.Connection, marks: dict[int, tuple[bytes, bytes]]) -> None:
        commits = connection.execute(_COMMITS)
        commit, first = "", self.seq + 1
        for row in self._rows(connection):
            if row.commit_index == 0 and commit:
                self._commit(commits, commit, first)
            if row.commit_index == 0:
                commit, first = row.commit_id, row.seq
            self._entry(row, first, commit)
            self.seq, self.head = row.seq, row.hash
            self.entries += 1
            if (mark := marks.pop(row.seq, None)) is not None:
                self._mark(*mark)
            if row.kind == ROTATED:
                self._rotated(row)
        if commit:
            self._commit(commits, commit, first)
        if (extra := commits.fetchone()) is not None:
            raise _Broken(self.seq + 1, f"Commit {extra[0]!r} is recorded, but its entries are missing.")

    def _rows(self, connection: sqlite3.Connection) -> Iterator[Row]:
        for columns in connection.execute(_ENTRIES):
            try:
                row = from_columns(columns)
            except (ValueError, TypeError):
                raise _Broken(self.seq + 1, f"Entry {self.seq + 1} cannot be read.") from None
            yield row

    def _entry(self, row: Row, first: int, commit: str) -> None:
        expected = self.seq + 1
        if row.seq != expected:
            raise _Broken(expected, f"Entry {expected} is missing: {row.seq} stands in its place.")
        if payload_digest(row.payload, row.sealed) != row.payload_digest:
            raise _Broken(expected, f"The content of entry {expected} was altered.")
        if row.prev != self.head:
            raise _Broken(expected, f"Entry {expected} does not follow the entry before it.")
        assert self.header is not None
        if entry_hash(self.header.stream, row) != row.hash:
            raise _Broken(expected, f"Entry {expected} was altered.")
        if (row.commit_id, row.commit_index) != (commit, row.seq - first):
            raise _Broken(expected, f"Entry {expected} is not in its place in commit {commit!r}.")

    def _rotated(self, row: Row) -> None:
        assert self.header is not None
        self.signer = vouched_for(row.payload, self.signer, self.header.stream)
        if not self.signer:
            raise _Broken(row.seq, f"Entry {row.seq} names a new key that the one before it does not vouch for.")

    def _commit(self, commits: sqlite3.Cursor, commit: str, first: int) -> None:
        if commits.fetchone() != (commit.encode(), first, self.seq, b"text"):
            raise _Broken(first, f"Commit {commit!r} from entry {first} is not recorded as it was written.")
        self.commits += 1

    def _mark(self, head: Any, signature: Any) -> None:
        assert self.header is not None
        signed = checkpoint_bytes(self.header.stream, self.seq, self.head)
        fits = head == self.head.encode() and isinstance(signature, bytes)
        if not fits or not signature_fits(self.signer, signed, signature.decode("ascii", "replace")):
            raise _Broken(self.seq, f"The signed checkpoint at entry {self.seq} does not fit.")
        self.signatures += 1

    def _finish(self, connection: sqlite3.Connection, marks: dict[int, tuple[bytes, bytes]]) -> None:
        if marks:
            raise _Broken(self.seq + 1, f"Entries after {self.seq} are missing: {min(marks)} was signed.")
        if (mistyped := first_mistyped(connection)) is not None:
            raise _Broken(mistyped, f"A column of entry {mistyped} is not of the type it was written with.")
        finding = connection.execute("PRAGMA integrity_check(1)").fetchone()[0].decode("utf-8", "replace")
        if finding != "ok":
            raise _Broken(None, f"Every entry is whole, but the file is damaged beside them: {finding}.")


def _first_there(connection: sqlite3.Connection) -> int:
    """The first entry of a segment whose header is no guide, or 1."""
    try:
        found = connection.execute("SELECT min(rowid) FROM entries").fetchone()[0]
    except (sqlite3.Error, UnicodeDecodeError):
        return 1
    return found if isinstance(found, int) and found > 0 else 1


def _compare_neighbours(file: Path, scan: _Scan) -> None:
    number = segment_number(file)
    if number is None or scan.first is None:
        return
    before, after = file.with_name(segment_name(number - 1)), file.with_name(segment_name(number + 1))
    if before.is_file() and _ends(before)[1] != (scan.first.first_seq - 1, scan.first.predecessor_head):
        raise _Broken(scan.first.first_seq, f"{file.name} does not go on from {before.name}.")
    if after.is_file() and _ends(after)[0] != (scan.seq, scan.head):
        raise _Broken(scan.seq + 1, f"{after.name} does not go on from {file.name}: the end was altered or lost.")


def _ends(file: Path) -> tuple[tuple[int, str], tuple[int, str]]:
    connection = None
    try:
        connection = open_for_reading(file)
        header = read_header(connection, file.name)
        last = last_head(connection, header)
    except (JournalError, sqlite3.Error) as error:
        raise _Broken(None, f"The neighbour {file.name} cannot be read: {error}") from error
    finally:
        if connection is not None:
            connection.close()
    return (header.first_seq - 1, header.predecessor_head), (last.seq, last.hash)
