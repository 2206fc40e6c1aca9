"""Reading a journal: a folder of segments, or one segment file copied somewhere, while it is written or long after."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, get_type_hints

from picture.entry import Entry, Ref
from picture.errors import JournalError
from picture.journal.blobs import BlobStore
from picture.journal.boxes import unboxed
from picture.journal.chain import Row, decoded, entry_hash, payload_digest
from picture.journal.protocol import GENESIS, START, ChainReport, Head
from picture.journal.segments import (
    Header,
    last_head,
    open_for_reading,
    read_header,
    segment_files,
    storage_errors,
)
from picture.sealing import Keyring

_CHUNK: Final = 1000  # a cursor left open would hold the WAL; so reads come in pieces
_TYPES: Final = [get_type_hints(Row)[name] for name in Row._fields]
_AS_READ: Final = ", ".join(
    f'CAST("{n}" AS BLOB)' if t is bytes else f'"{n}"' for n, t in zip(Row._fields, _TYPES, strict=True)
)
_RANGE: Final = f"SELECT {_AS_READ} FROM entries WHERE seq > ? AND seq <= ?"
_ORDER: Final = f" ORDER BY seq LIMIT {_CHUNK}"


class _Segment(NamedTuple):
    header: Header
    connection: sqlite3.Connection
    still: bool
    """Read as it lies, because nobody was writing it when it was opened."""


class JournalReader:
    """The entries of a journal. Values that are sealed open only with a keyring that still holds their keys."""

    def __init__(self, path: Path, *, keyring: Keyring | None = None, blobs: BlobStore | None = None) -> None:
        """Opens a journal's folder or one of its files; ``TOC-3105`` if it is none."""
        self.path = path
        self._keyring = keyring
        self._blobs = blobs
        self._reading = threading.RLock()
        self._open: dict[Path, _Segment] = {}
        segments = self._segments()
        if not segments:
            raise JournalError(f"{path.name} holds no segment.", code="TOC-3105")
        self.stream = segments[-1].header.stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files."""
        with self._reading:
            for segment in self._open.values():
                segment.connection.close()
            self._open.clear()

    def head(self) -> Head:
        """The newest entry as stored now."""
        with self._reading, storage_errors(self.path.name):
            segment = self._segments()[-1]
            return last_head(segment.connection, segment.header)

    def read(self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
        """Entries with ``after < seq <= upto`` in order; without ``upto``, to the head as it is now.

        ``kinds`` gives only entries of these kinds; the others are passed over unread. Stored bytes are lifted to
        the present version of their kind; ``TOC-3004`` where one is not known.
        """
        for row in self.rows(after, upto, kinds):
            yield self._decoded(row)

    def replay(self, after: int = START, upto: int | None = None) -> Iterator[Entry]:
        """Entries as ``read`` gives them, each checked: its content against its digest, its place in the chain.

        ``TOC-3002`` names the first that was altered or lost, before it is given. For whoever rebuilds what is known;
        ``verify`` also looks at signatures, commits and what lies beside the entries.
        """
        before = self._row(after)
        prev = GENESIS if after == START else before.hash if before is not None else None
        for row in self.rows(after, upto):
            if (
                payload_digest(row.payload, row.sealed) != row.payload_digest
                or entry_hash(self.stream, row) != row.hash
            ):
                raise JournalError(f"Entry {row.seq} was altered.", code="TOC-3002")
            if row.prev != prev and (prev is not None and row.seq == after + 1):
                raise JournalError(f"Entry {row.seq} does not follow the entry before it.", code="TOC-3002")
            after, prev = row.seq, row.hash
            yield self._decoded(row)

    def rows(self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Row]:
        """The same entries as their columns are stored."""
        upto = self.head().seq if upto is None else upto
        while after < upto and (kinds is None or kinds):
            chunk, end = self._chunk(after, upto, kinds)
            for row in chunk:
                if kinds is None and row.seq != after + 1 and after:
                    raise JournalError(f"Entry {after + 1} is missing.", code="TOC-3002")
                after = row.seq
                yield row
            if len(chunk) < _CHUNK and kinds is not None:
                after = max(after, end)
            elif not chunk:
                return

    def entry(self, seq: int) -> Entry | None:
        """One entry, or None if there is none with this number."""
        return next(self.read(seq - 1, seq), None) if seq > START else None

    def open_sealed(self, ref: Ref) -> object | None:
        """The value at a Ref, typed as its event's field; None if its key was destroyed or is not here."""
        if ref.stream != self.stream or (row := self._row(ref.seq)) is None:
            return None
        return self._opened(row, ref.path)

    def opened(self, entry: Entry) -> dict[str, object]:
        """Every sealed value of an entry that can still be opened, by path."""
        row = self._row(entry.seq) if entry.sealed else None
        if row is None:
            return {}
        values = ((path, self._opened(row, path)) for path in entry.sealed)
        return {path: value for path, value in values if value is not None}

    def verify(self) -> ChainReport:
        """What recomputing everything from the stored bytes finds."""
        from picture.journal.verify import verify

        return verify(self.path)

    def _row(self, seq: int) -> Row | None:
        return next(self.rows(seq - 1, seq), None) if seq > START else None

    def _chunk(self, after: int, upto: int, kinds: frozenset[str] | None) -> tuple[list[Row], int]:
        """The next rows of one segment, and how far that segment was looked through if these are all."""
        where, wanted = _RANGE + _ORDER, tuple[str, ...]()
        if kinds is not None:
            where, wanted = f"{_RANGE} AND kind IN ({','.join('?' * len(kinds))}){_ORDER}", tuple(sorted(kinds))
        with self._reading, storage_errors(self.path.name):
            segments = self._segments()
            for at, segment in enumerate(segments):
                end = segments[at + 1].header.first_seq - 1 if at + 1 < len(segments) else upto
                if after < end:
                    end = min(upto, end)
                    found = _rows(segment.connection, where, (after, end, *wanted))
                    break
            else:
                return [], upto
        return found, end

    def _decoded(self, row: Row) -> Entry:
        try:
            return decoded(self.stream, row)
        except JournalError as error:
            raise JournalError(f"Entry {row.seq}: {error.detail}", code=error.code) from error
        except (ValueError, TypeError) as error:
            raise JournalError(f"Entry {row.seq} cannot be read.", code="TOC-3002") from error

    def _opened(self, row: Row, path: str) -> object | None:
        return unboxed(self.stream, row, path, keyring=self._keyring, blobs=self._blobs)

    def _segments(self) -> list[_Segment]:
        return [self._segment(file) for file in self._files()]

    def _files(self) -> list[Path]:
        return [self.path] if self.path.is_file() else segment_files(self.path)

    def _segment(self, file: Path) -> _Segment:
        known = self._open.get(file)
        written = file.with_name(file.name + "-wal").exists()
        if known is not None and not (known.still and written):
            return known
        if known is not None:
            known.connection.close()
        with storage_errors(file.name):
            connection = open_for_reading(file)
        try:
            self._open[file] = _Segment(read_header(connection, file.name), connection, not written)
        except BaseException:
            connection.close()
            raise
        return self._open[file]


_row_of: Final = partial(tuple.__new__, Row)  # Row._make without its call: rows are read by the hundred thousand


def _rows(connection: sqlite3.Connection, where: str, bounds: tuple[int | str, ...]) -> list[Row]:
    connection.text_factory = str  # this once: decoding here costs a third of what it costs row by row
    try:
        found = list(map(_row_of, connection.execute(where, bounds)))
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):  # its words quote the text
            raise
        raise JournalError(f"An entry after {bounds[0]} cannot be read.", code="TOC-3002") from None
    finally:
        connection.text_factory = bytes
    columns = zip(*found, strict=True)  # all rows of a column at once: a third of the time of row by row
    if any(set(map(type, column)) != {kind} for column, kind in zip(columns, _TYPES, strict=False)):
        wrong = next(row for row in found if [*map(type, row)] != _TYPES)
        raise JournalError(f"Entry {wrong.seq} cannot be read.", code="TOC-3002")
    return found
