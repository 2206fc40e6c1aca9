"""Pictures kept beside a journal, so that a restart or a look back need not begin at its first entry.

A cache, never truth: of one stream, in one SQLite file that may be deleted at any time. A picture is cut into
pages of records, each stored once under a keyed hash of its bytes, so that what did not change between two snapshots
costs nothing twice, on disk or in memory. The key is the core's, outside the journal: a file of another key, fold or
shape of the records is begun anew, and a snapshot that was altered or is of another journal is not looked at. A
sealed value is a ``Ref`` on the picture, so no snapshot holds one.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic_core import from_json, to_json

from picture.collecting import without_collection
from picture.entry import Entry, canonical
from picture.errors import JournalError
from picture.fold import FOLD_VERSION, Picture, copied
from picture.journal.pages import STEPS, Laid, Page, Table, laid_out, manifest_of, page_of, shape, sub_of, table_of
from picture.journal.protocol import START, Head
from picture.journal.segments import PAGE_BYTES, open_for_reading, segment_files, storage_errors
from picture.model import StreamPicture

SPACING: Final = 2048
"""Entries there are at least between two snapshots; how many there are follows from the share."""
SHARE_PERCENT: Final = 9
"""Of the journal's bytes, at any length: with what SQLite adds it stays below 10."""
VIEW_SHARE_PERCENT: Final = 2
"""The same for a view from which something is withheld: it is looked back on more rarely."""
CACHED_RECORDS: Final = 100_000
"""Records of decoded pages that are kept in memory, about 50 MB; more would cost more in the collector's walks."""
_ENTRY_BYTES: Final = 600  # what an entry takes at least, for a journal that has no file to measure
_ID_BYTES: Final = 16
FORMAT: Final = 2
"""How snapshots are spelled; another one is another's file."""


class Readable(Protocol):
    """What is read of a journal here; ``JournalReader`` and ``SyncJournal`` are."""

    @property
    def stream(self) -> str: ...

    def head(self) -> Head: ...

    def read(
        self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None
    ) -> Iterator[Entry]: ...


def snapshot_key(signing: Ed25519PrivateKey) -> bytes:
    """The key under which a core knows its own snapshots, derived from the one it signs with."""
    return blake2b(signing.private_bytes_raw(), digest_size=32, person=b"tocsin snapshot").digest()


class Snapshots:
    """Pictures of one stream, by the entry they stand at. Safe to share between threads.

    Nothing here raises because of what lies in the file: what does not fit is dropped, a file that is no database any
    more is begun anew, and where none can be written snapshots live in memory. One process at a time may have a
    folder; somebody else who reads the same journal keeps his in memory.
    """

    def __init__(
        self, folder: Path | None, journal: Readable, *, key: bytes, spacing: int = SPACING, share: int = SHARE_PERCENT,
        withheld: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        """``folder`` None keeps them in memory; ``share`` is a percentage of the journal's bytes.

        ``withheld`` are kinds of entries that the pictures skip: each set of them has a file of its own.
        """
        self.spacing = spacing
        self.withheld = withheld
        self.path = None if folder is None else folder / _file_name(journal.stream, withheld)
        self._journal = journal
        self._key = key
        self._share = share
        self._lock = threading.RLock()
        self._pages: OrderedDict[tuple[str, bytes], Page] = OrderedDict()
        self._cached = 0
        self._laid: Laid = {}
        self._fitting: set[int] = set()
        self._next_bytes = 0
        self._tried = START
        self._entry_bytes = _ENTRY_BYTES
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._writing: Future[bool] | None = None
        self._rows: list[tuple[int, int]] = []
        self._mended = _Mended(self._begin_anew)
        self._connection = self._opened()

    # --- reading ------------------------------------------------------------------------------------------

    def newest(self, upto: int | None = None) -> Picture | None:
        """The newest picture at or before an entry, for its holder to go on with; None if there is none that fits."""
        with self._lock:
            while (seq := self.nearest(upto)) is not None:
                sub = self._loaded(seq)
                if sub is not None:
                    picture = Picture(sub.stream)
                    picture.streams[sub.stream] = sub
                    return picture
                self._drop(seq)
        return None

    def nearest(self, upto: int | None = None) -> int | None:
        """Which entry the newest snapshot at or before ``upto`` stands at, unless it turns out not to fit."""
        with self._lock:
            at = len(self._rows) if upto is None else bisect_right(self._rows, (upto, 1 << 62))
            return self._rows[at - 1][0] if at else None

    def seqs(self) -> list[int]:
        """Which entries there are snapshots at."""
        with self._lock:
            return [seq for seq, _ in self._rows]

    @property
    def used_bytes(self) -> int:
        """What they take on disk."""
        with self._lock, self._mended:
            return self._file_bytes()
        return 0

    # --- writing ------------------------------------------------------------------------------------------

    def offer(self, picture: Picture, entry: Entry) -> bool:
        """Keeps the picture as it stands after this entry, in the background, if one is due here; says whether it is.

        Costs nothing when none is due, and a copy of the tables when one is.
        """
        if entry.stream != self._journal.stream or not self.due(entry.seq):
            return False
        if self._writing is not None and not self._writing.done():
            return False
        sub = copied(picture.streams[entry.stream])
        self._writing = self._writer.submit(self.keep, sub, entry.hash)
        return True

    def due(self, seq: int) -> bool:
        """Whether a snapshot at this entry is far enough from the others, and there is room for one like the last.

        Never waits: a core asks after every commit, also while somebody looks back.
        """
        if seq < self.spacing:
            return False
        rows = self._rows
        at = bisect_right(rows, (seq, 1 << 62))
        # Even steps: where the last one left off with all the room there was, the next is not due at once.
        steps = max(self.spacing, self._mean_bytes(at) * 90 // (self._entry_bytes * self._share))
        far = all(abs(seq - other) >= steps for other, _ in rows[max(0, at - 1) : at + 1])
        return far and abs(seq - self._tried) >= self.spacing // 4 and self._has_room(seq, self._next_bytes)

    def keep(self, sub: StreamPicture, entry_hash: str) -> bool:
        """Writes a snapshot of a picture that nobody changes any more; False if there is no room for it.

        ``entry_hash`` is the hash of the entry that the picture stands at.
        """
        laid, fresh = laid_out(sub, self._laid, self._name)
        body = zlib.compress(to_json({"hash": entry_hash, **manifest_of(sub, laid)}))
        size = len(body) + sum(map(len, fresh.values()))
        with self._lock:
            self._next_bytes, self._tried, self._entry_bytes = size, sub.seq, self._mean_entry()
            if not self._has_room(sub.seq, size):
                return False
            with self._mended:
                self._write(sub.seq, size, body, fresh)
                self._laid = laid
                self._next_bytes = self._mean_bytes(bisect_right(self._rows, (sub.seq, 1 << 62)))
                return True
        return False

    def seen_without(self, kinds: frozenset[str], *, share: int = VIEW_SHARE_PERCENT) -> Snapshots:
        """Snapshots of the same stream as somebody sees it from whom entries of these kinds are withheld."""
        folder = None if self.path is None else self.path.parent
        return Snapshots(folder, self._journal, key=self._key, spacing=self.spacing, share=share, withheld=kinds)

    def settle(self) -> None:
        """Waits until what was offered is written."""
        if self._writing is not None:
            self._writing.result()

    def close(self) -> None:
        """Lets go of the file, after what was offered is written."""
        self._writer.shutdown()
        with self._lock:
            self._connection.close()

    # --- how ----------------------------------------------------------------------------------------------

    def _loaded(self, seq: int) -> StreamPicture | None:
        """The sub-picture of a snapshot; None if anything about it does not fit."""
        with self._mended:
            body, mac = self._connection.execute("SELECT body, mac FROM snapshots WHERE seq = ?", (seq,)).fetchone()
            if not compare_digest(mac, self._mac(seq, body)):
                return None
            manifest = from_json(zlib.decompress(body))
            if not self._fits(seq, manifest["hash"]):
                return None
            with without_collection():
                laid = {name: self._table(name, *parts) for name, parts in manifest["tables"].items()}
            sub = sub_of(manifest, laid)
            if not self._laid:
                self._laid = laid
            return sub
        return None

    def _table(self, name: str, pages: list[str], steps: list[str]) -> Table:
        return table_of(
            name,
            [self._page(bytes.fromhex(one), name, step=False) for one in pages],
            [self._page(bytes.fromhex(one), name, step=True) for one in steps],
        )

    def _page(self, name: bytes, table: str, *, step: bool) -> Page:
        place = table, name
        known = self._pages.get(place)
        if known is None:
            row = self._connection.execute("SELECT data FROM pages WHERE id = ?", (name,)).fetchone()
            if row is None or self._name(row[0]) != name:
                raise ValueError("a page is missing or was altered")
            known = self._pages[place] = page_of(name, table, row[0], step=step)
            self._cached += len(known.keys)
            while self._cached > CACHED_RECORDS and len(self._pages) > 1:
                self._cached -= len(self._pages.popitem(last=False)[1].keys)
        else:
            self._pages.move_to_end(place)
        return known

    def _fits(self, seq: int, entry_hash: str) -> bool:
        """Whether the journal still has the entry that the picture stood at."""
        if seq not in self._fitting:
            entry = next(iter(self._journal.read(seq - 1, seq)), None)
            if entry is None or entry.hash != entry_hash:
                return False
            self._fitting.add(seq)
        return True

    def _name(self, data: bytes) -> bytes:
        return blake2b(data, key=self._key, digest_size=_ID_BYTES, person=b"page").digest()

    def _mac(self, seq: int, body: bytes) -> bytes:
        bound = canonical([FORMAT, FOLD_VERSION, shape(), self._journal.stream, sorted(self.withheld), seq])
        return blake2b(bound + body, key=self._key, digest_size=32, person=b"snapshot").digest()

    # --- the file -----------------------------------------------------------------------------------------

    def _write(self, seq: int, size: int, body: bytes, fresh: dict[bytes, bytes]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT OR REPLACE INTO pages VALUES (?, ?)", fresh.items())
            row = (seq, size, self._mac(seq, body), body)
            connection.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", row)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        rows = [row for row in self._rows if row[0] != seq]
        insort(rows, (seq, size))
        self._rows = rows  # whole at any time: ``due`` reads it without the lock

    def _drop(self, seq: int) -> None:
        """Forgets a snapshot that does not fit, and the pages that no other one needs."""
        self._rows = [row for row in self._rows if row[0] != seq]
        self._fitting.discard(seq)
        self._laid = {}
        with self._mended:
            self._connection.execute("DELETE FROM snapshots WHERE seq = ?", (seq,))
            if not self._rows:
                self._connection.execute("DELETE FROM pages")

    def _has_room(self, seq: int, size: int) -> bool:
        """Whether the snapshots up to here with one more stay within their share of the journal up to here."""
        used = sum(other for at, other in self._rows if at <= seq)
        return (used + size) * 100 <= self._entry_bytes * seq * self._share

    def _mean_bytes(self, at: int) -> int:
        """The bytes of a snapshot, by the rows before a place: one with many pages anew stands for those of steps."""
        sizes = [size for _, size in self._rows[max(0, at - STEPS) : at]]
        return sum(sizes) // len(sizes) if sizes else self._next_bytes

    def _mean_entry(self) -> int:
        """The bytes of an entry, by the journal's files."""
        path, head = getattr(self._journal, "path", None), self._journal.head()
        if not isinstance(path, Path) or head.seq == START:
            return _ENTRY_BYTES
        files = [path] if path.is_file() else segment_files(path)
        return sum(map(_database_bytes, files)) // head.seq or _ENTRY_BYTES

    def _file_bytes(self) -> int:
        pages, page = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages) * int(page)

    def _opened(self) -> sqlite3.Connection:
        """The file with its snapshots listed; begun anew if it is damaged or another's, in memory if it cannot be."""
        for attempt in (self._listed, self._listed_anew):
            try:
                return attempt()
            except (sqlite3.OperationalError, OSError):
                break  # busy, full or not ours to write: then it is left alone
            except sqlite3.Error:
                continue
        self.path = None
        return self._listed()

    def _listed_anew(self) -> sqlite3.Connection:
        assert self.path is not None
        for suffix in ("", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        return self._listed()

    def _listed(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self.path or ":memory:", isolation_level=None, check_same_thread=False, timeout=2)
        try:
            self._prepare(connection)
            self._rows = connection.execute(
                "SELECT seq, coalesce(CAST(size AS INTEGER), 0) FROM snapshots ORDER BY seq"
            ).fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        owner = int.from_bytes(self._mac(START, b"")[:3])
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, owner):
            raise sqlite3.DatabaseError("of another key, fold or shape")
        connection.executescript(
            # Small pages waste little behind each blob. A crash of the machine may cost the cache, never an answer.
            "PRAGMA page_size = 1024; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF;"
            f"PRAGMA user_version = {owner};"
            "CREATE TABLE IF NOT EXISTS pages (id BLOB PRIMARY KEY, data BLOB NOT NULL);"
            "CREATE TABLE IF NOT EXISTS snapshots"
            " (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, mac BLOB NOT NULL, body BLOB NOT NULL);"
        )

    def _begin_anew(self) -> None:
        self._connection.close()
        self._pages.clear()
        self._cached = 0
        self._laid = {}
        try:
            if self.path is not None:
                self._connection = self._listed_anew()
                return
        except (sqlite3.Error, OSError):
            self.path = None
        self._connection = self._listed()


class _Mended:
    """Swallows what a damaged file makes of reading it: whoever asked gets no answer, and drops what he asked for."""

    def __init__(self, begin_anew: Callable[[], None]) -> None:
        self.begin_anew = begin_anew

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, sqlite3.Error):
            self.begin_anew()
            return True
        return isinstance(error, ValueError | KeyError | TypeError | IndexError | zlib.error)


def _file_name(stream: str, withheld: frozenset[str]) -> str:
    view = f".without-{blake2b(canonical(sorted(withheld)), digest_size=4).hexdigest()}" if withheld else ""
    return f"{quote(stream, safe='').replace('.', '%2E')}{view}.sqlite"


def _database_bytes(file: Path) -> int:
    """What a segment holds, also where much of it still lies in its log; 0 if it cannot be asked now."""
    with (
        suppress(JournalError, sqlite3.Error),
        storage_errors(file.name),
        closing(open_for_reading(file)) as connection,
    ):
        return int(connection.execute("PRAGMA page_count").fetchone()[0]) * PAGE_BYTES
    return 0
