"""The journal in SQLite: synchronous, one writer, every commit one place in one chain.

This is the whole journal for a caller that waits for its own disk, such as a headless drill.
``GroupCommit`` puts it behind a thread for an event loop. Readers may be many, in any thread or process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.clock import SystemClock
from picture.entry import Actor, Entry, NewEntry
from picture.errors import JournalError
from picture.events import KeyRotated, SegmentOpened
from picture.journal.blobs import BlobStore
from picture.journal.chain import Row, chained, decoded, encoded, entry_hash
from picture.journal.cleaning import WAL_CAP_BYTES, WAL_IDLE_BYTES, Cleaner, checkpoint, wal_bytes
from picture.journal.leases import SqliteLeases
from picture.journal.protocol import GENESIS, START, Commit, Durability, Fence, Head, Receipt
from picture.journal.reader import JournalReader
from picture.journal.rotation import next_signer
from picture.journal.segments import (
    PAGE_BYTES,
    checkpoint_bytes,
    create_segment,
    insert_entries,
    last_head,
    open_for_writing,
    read_header,
    segment_files,
    segment_name,
    segment_number,
    storage_errors,
)
from picture.journal.staging import staged
from picture.sealing import Keyring, endorse, public_key_text, sign

SEGMENT_BYTES: Final = 1 << 30
CHECKPOINT_EVERY: Final = 1000
"""Entries between two signed heads."""
_COMMIT: Final = "SELECT first_seq, last_seq FROM commits WHERE commit_id = ?"
_SYSTEM: Final = Actor("system:journal")
_WALL_MS: Final = SystemClock().now_ms
_LOCK_S: Final = 0.5


class SqliteJournal(JournalReader):
    """A world's journal, open for writing. Calls from several threads take turns."""

    def __init__(
        self,
        folder: Path,
        stream: str,
        *,
        keyring: Keyring,
        signing_key: Ed25519PrivateKey,
        blobs: BlobStore | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL",
        now_ms: Callable[[], int] = _WALL_MS,
    ) -> None:
        """Opens the journal in ``folder``, making it if there is none.

        ``TOC-3103`` if another core has it open, ``TOC-3002`` if its newest entry was altered, ``TOC-3108``
        if it was signed with another key. ``synchronous`` below FULL gives receipts of durability
        ``process``. ``now_ms`` tells when leases end; it dates no entry.
        """
        self._writing = threading.RLock()
        self._leases = SqliteLeases(folder, now_ms)
        self._key = signing_key
        self._keys = keyring
        self._segment_bytes = segment_bytes
        self._synchronous = synchronous
        self._durability: Durability = "disk" if synchronous == "FULL" else "process"
        self._undelivered: list[Entry] = []
        self._listeners: list[Callable[[Head], None]] = []
        self._since_checkpoint = 0
        self._cleaner = Cleaner(self._clean)
        self._writer: sqlite3.Connection | None = None
        self._head = Head(stream, START, GENESIS)
        self._file = folder / segment_name(1)
        with storage_errors(folder.name):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._claim = claim_writer(folder)
        try:
            if not segment_files(folder):
                create_segment(
                    self._file,
                    stream=stream,
                    number=1,
                    predecessor="",
                    after=self._head,
                    key=signing_key,
                    first=None,
                )
            files = segment_files(folder)
            self._oldest = segment_number(files[0]) or 1
            self._take(files[-1], stream)
            super().__init__(folder, keyring=keyring, blobs=blobs)
            self._check_tail()
            if self._signer != public_key_text(self._key):  # a rotation stopped before the next segment was there
                self._roll(None)
                self._undelivered.clear()  # whoever reads the journal from here on reads it there
        except BaseException:
            self._let_go()
            raise

    # --- writing ------------------------------------------------------------------------------------------

    def append_now(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        """The receipt of one commit, on disk. Refuses with a ``JournalError`` and then has written nothing."""
        (outcome,) = self.append_many([Commit(entries, commit_id, expect)])
        if isinstance(outcome, JournalError):
            raise outcome
        return outcome

    def append_many(self, commits: Sequence[Commit]) -> list[Receipt | JournalError]:
        """What became of each commit, all written in one transaction.

        A commit that is refused leaves the others alone; if the disk refuses, all of them are and it is
        raised.
        """
        with self._writing:
            writer = self._opened_writer()
            if self._segment_full(writer) and any(commit.entries for commit in commits):
                self._roll(commits[0].entries[0].recorded_ms if commits[0].entries else None)
                writer = self._opened_writer()
            before = self._head
            batch = _Batch(self._head)
            try:
                outcomes = [self._staged(commit, batch) for commit in commits]
                self._store(writer, batch)
            except BaseException:
                self._head = before
                raise
            self._deliver(outcomes, batch)
        return outcomes

    def roll(self, recorded_ms: int | None = None) -> Entry:
        """Closes the segment and opens the next; returns its first entry, to be folded like any other.

        ``recorded_ms`` defaults to the newest entry's.
        """
        with self._writing:
            self._opened_writer()
            entry = self._roll(recorded_ms)
            self._undelivered.remove(entry)
            self._tell()
            return entry

    def rotate_key(
        self, new: Ed25519PrivateKey, *, actor: Actor, recorded_ms: int, why: str = "", sealing: tuple[str, ...] = ()
    ) -> tuple[Entry, ...]:
        """The entries of a change of keys, to be folded like any other: from here on ``new`` signs.

        The old key signs up to ``key.rotated``, which closes its segment. ``picture.journal.rotation`` keeps the
        keys on disk in step with it.
        """
        with self._writing:
            old, public = public_key_text(self._key), public_key_text(new)
            event = KeyRotated(
                old=old, new=public, endorsement=endorse(self._key, public, self.stream), why=why, sealing=sealing
            )
            receipt = self.append_now([NewEntry(event, recorded_ms, recorded_ms, actor)], commit_id=f"key:{public}")
            self._sign_head(self._opened_writer(), self._head)
            self._key = new
            return (*receipt.entries, self.roll(recorded_ms))

    def checkpoint(self) -> None:
        """Moves what it can from the WAL into the segment file, without holding anybody up."""
        checkpoint(self._file)

    def listen(self, listener: Callable[[Head], None]) -> Callable[[], None]:
        """Calls ``listener`` with the new head after each append, in the appending thread; returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """A lease of this world (see ``SqliteLeases.lease``)."""
        return self._leases.lease(name, holder, ttl_s)

    def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease, prolonged (see ``SqliteLeases.renew``)."""
        return self._leases.renew(fence, ttl_s)

    def release(self, fence: Fence) -> None:
        """Frees a lease (see ``SqliteLeases.release``)."""
        self._leases.release(fence)

    def head(self) -> Head:
        """The newest acknowledged entry."""
        return self._head  # set once a commit is on disk: who asks need not wait for the one being written

    def close(self) -> None:
        """Signs the head and lets go of the files; closing twice is fine."""
        self._cleaner.stop()
        with self._writing:
            if self._writer is None:
                return
            super().close()
            try:
                self._sign_head(self._writer, self._head)
            finally:
                self._let_go()

    def _let_go(self) -> None:
        # After every reader of ours: the last to close empties the WAL into the file and removes it.
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._claim.close()

    def _clean(self) -> None:
        before, file = self._head, self._file
        checkpoint(file)
        grown = wal_bytes(file) > (WAL_IDLE_BYTES if self._head == before else WAL_CAP_BYTES)
        # Not for ever: whoever waits for this thread to end may hold the lock.
        if grown and self._writing.acquire(timeout=_LOCK_S):
            try:  # most of it is moved: this is short
                if self._writer is not None and self._file == file:
                    checkpoint(file, "TRUNCATE")
            finally:
                self._writing.release()

    def _files(self) -> list[Path]:
        return [self.path / segment_name(number) for number in range(self._oldest, self._number + 1)]

    # --- how ----------------------------------------------------------------------------------------------

    def _staged(self, commit: Commit, batch: _Batch) -> Receipt | JournalError:
        try:
            if (earlier := self._earlier(commit.commit_id, batch)) is not None:
                return earlier
            if commit.expect is not None and commit.expect != self._visible_head(batch.head):
                raise JournalError(f"It is at {batch.head.seq}, not {commit.expect}.", code="TOC-3003")
            return self._stage(commit, batch)
        except JournalError as error:
            return error

    def _stage(self, commit: Commit, batch: _Batch) -> Receipt:
        rows, entries = staged(
            commit.entries, commit_id=commit.commit_id, after=batch.head, keyring=self._keys, blobs=self._blobs
        )
        receipt = Receipt(self.stream, rows[0].seq, rows[-1].seq, tuple(entries), self._durability)
        batch.add(rows, receipt, commit.commit_id)
        return receipt

    def _store(self, writer: sqlite3.Connection, batch: _Batch) -> None:
        if not batch.rows:
            return
        due = self._since_checkpoint + len(batch.rows) >= CHECKPOINT_EVERY
        with storage_errors(self._file.name):
            try:
                writer.execute("BEGIN IMMEDIATE")
                insert_entries(writer, batch.rows)
                writer.executemany(
                    "INSERT INTO commits VALUES (?, ?, ?)",
                    [(name, receipt.first_seq, receipt.last_seq) for name, receipt in batch.receipts.items()],
                )
                if due:
                    self._sign_head(writer, batch.head)
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        self._head = batch.head
        self._since_checkpoint = 0 if due else self._since_checkpoint + len(batch.rows)
        self._cleaner.wake()

    def _deliver(self, outcomes: list[Receipt | JournalError], batch: _Batch) -> None:
        if not batch.rows:
            return
        if self._undelivered:
            at, first = next(
                (i, found) for i, found in enumerate(outcomes) if isinstance(found, Receipt) and not found.duplicate
            )
            outcomes[at] = Receipt(
                first.stream,
                first.first_seq,
                first.last_seq,
                (*self._undelivered, *first.entries),
                first.durability,
            )
            self._undelivered.clear()
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener(self._head)

    def _visible_head(self, head: Head) -> int:
        # A writer that has not been handed our segment.opened yet cannot expect it.
        return head.seq - len(self._undelivered) if head == self._head else head.seq

    def _earlier(self, commit_id: str, batch: _Batch) -> Receipt | None:
        if (staged := batch.receipts.get(commit_id)) is not None:
            return _again(staged)
        with self._reading, storage_errors(self.path.name):
            older = (self._segment(file).connection for file in reversed(self._files()[:-1]))
            for connection in chain([self._opened_writer()], older):
                found = connection.execute(_COMMIT, (commit_id,)).fetchone()
                if found is not None:
                    first, last = found
                    entries = tuple(self.read(first - 1, last))
                    return Receipt(self.stream, first, last, entries, self._durability, duplicate=True)
        return None

    def _roll(self, recorded_ms: int | None) -> Entry:
        writer, file = self._opened_writer(), self._file
        number = self._number + 1
        newest = self._row(self._head.seq)
        at_ms = recorded_ms if recorded_ms is not None else newest.recorded_ms if newest else 0
        event = SegmentOpened(number=number, predecessor=file.name, predecessor_head=self._head.hash)
        payload, back = encoded(event)
        commit_id = segment_name(number).removesuffix(".sqlite")
        row = chained(
            self.stream, NewEntry(event, at_ms, at_ms, _SYSTEM), seq=self._head.seq + 1, commit_id=commit_id,
            index=0, clear=(payload, b""), prev=self._head.hash,
        )  # fmt: skip
        self._sign_head(writer, self._head)
        following = self.path / segment_name(number)
        create_segment(
            following, stream=self.stream, number=number, predecessor=file.name, after=self._head, key=self._key,
            first=row,
        )  # fmt: skip
        super().close()
        writer.close()
        self._take(following, self.stream)
        entry = decoded(self.stream, row, back)
        self._undelivered.append(entry)
        return entry

    def _take(self, file: Path, stream: str) -> None:
        with storage_errors(file.name):
            writer = open_for_writing(file, self._synchronous)
        self._writer, self._file = writer, file
        header = read_header(writer, file.name)
        self._number = header.number
        if header.stream != stream:
            raise JournalError(f"It is the journal of {header.stream}, not of {stream}.", code="TOC-3105")
        self._signer = header.public_key
        with storage_errors(file.name):
            signer = next_signer(writer, header.public_key)
        if signer != public_key_text(self._key):
            raise JournalError(f"{file.name} names another core's key.", code="TOC-3108")
        with storage_errors(file.name):
            self._head = last_head(writer, header)

    def _check_tail(self) -> None:
        row = self._row(self._head.seq)
        if row is not None and entry_hash(self.stream, row) != row.hash:
            raise JournalError(f"Entry {row.seq} was altered.", code="TOC-3002")

    def _sign_head(self, writer: sqlite3.Connection, head: Head) -> None:
        if head.seq == START or self._signer != public_key_text(self._key):  # a segment is signed by one key
            return
        signature = sign(self._key, checkpoint_bytes(head.stream, head.seq, head.hash))
        with storage_errors(self._file.name):
            writer.execute("INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?)", (head.seq, head.hash, signature))

    def _segment_full(self, writer: sqlite3.Connection) -> bool:
        with storage_errors(self._file.name):
            return int(writer.execute("PRAGMA page_count").fetchone()[0]) * PAGE_BYTES >= self._segment_bytes

    def _opened_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            raise JournalError(code="TOC-3106")
        return self._writer


class _Batch:
    """What one transaction will write."""

    __slots__ = ("head", "receipts", "rows")

    def __init__(self, head: Head) -> None:
        self.head = head
        self.rows: list[Row] = []
        self.receipts: dict[str, Receipt] = {}

    def add(self, rows: list[Row], receipt: Receipt, commit_id: str) -> None:
        self.rows += rows
        self.receipts[commit_id] = receipt
        self.head = Head(receipt.stream, rows[-1].seq, rows[-1].hash)


def _again(receipt: Receipt) -> Receipt:
    return Receipt(
        receipt.stream,
        receipt.first_seq,
        receipt.last_seq,
        receipt.entries,
        receipt.durability,
        duplicate=True,
    )


def claim_writer(folder: Path) -> IO[bytes]:
    """The lock that makes this the journal's only writer; the system frees it however the process ends."""
    path = folder / "writer.lock"
    with storage_errors(path.name):
        file = path.open("ab")
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise JournalError(f"{folder.name} is open elsewhere.", code="TOC-3103") from error
    return file
