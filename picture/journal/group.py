"""Group commit: a journal behind one writer thread, so that an event loop never waits for the disk.

Lock order: the writer thread takes the journal's writing lock and nothing else while it holds it; the loop
takes none. Queue: bounded; when it is full, ``append`` waits (it never drops). Acknowledgement comes after
the sync to disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Final, NamedTuple, Self

from picture.entry import Entry, NewEntry
from picture.errors import InternalError, JournalError, TocsinError
from picture.journal.protocol import START, ChainReport, Commit, Fence, Head, Receipt
from picture.journal.sqlite import SqliteJournal

MAX_GROUP: Final = 500
"""Entries written in one transaction at most, unless one commit alone has more."""
MAX_QUEUED: Final = 1024
"""Commits that may wait; the next caller waits before it is let in."""
_READ_AHEAD: Final = 500


class _Asked(NamedTuple):
    commit: Commit
    answer: asyncio.Future[Receipt]


class GroupCommit:
    """A ``Journal`` for one event loop over a ``SqliteJournal``: commits that wait together share one sync."""

    def __init__(self, store: SqliteJournal) -> None:
        """Starts the writer thread. To be called in the loop; ``close`` it there too."""
        self.store = store
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(MAX_QUEUED)
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._grown = asyncio.Event()
        self._closed = False
        self._stop_listening = store.listen(self._on_head)
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    @property
    def stream(self) -> str:
        return self.store.stream

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def append(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        """The receipt, once the commit is on disk (see ``Journal.append``)."""
        async with self._room:
            if self._closed:
                raise JournalError(code="TOC-3106")
            answer: asyncio.Future[Receipt] = self._loop.create_future()
            self._asked.put(_Asked(Commit(tuple(entries), commit_id, expect), answer))
            return await answer

    async def read(
        self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None
    ) -> AsyncIterator[Entry]:
        """Entries in order, read piece by piece off the loop (see ``Journal.read``)."""
        entries = self.store.read(after, upto, kinds)
        while piece := await asyncio.to_thread(_piece, entries):
            for entry in piece:
                yield entry

    async def follow(self, after: int = START) -> AsyncIterator[Entry]:
        """Entries after a position and every new one; ends only when the journal is closed."""
        while not self._closed:
            grown = self._grown
            async for entry in self.read(after):
                yield entry
                after = entry.seq
            if self.store.head().seq <= after and not self._closed:
                await grown.wait()

    async def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """A lease of this world (see ``Journal.lease``)."""
        return await asyncio.to_thread(self.store.lease, name, holder, ttl_s)

    async def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease, prolonged (see ``Journal.renew``)."""
        return await asyncio.to_thread(self.store.renew, fence, ttl_s)

    async def release(self, fence: Fence) -> None:
        """Frees a lease (see ``Journal.release``)."""
        await asyncio.to_thread(self.store.release, fence)

    async def head(self) -> Head:
        """The newest acknowledged entry."""
        return self.store.head()

    async def verify(self) -> ChainReport:
        """What recomputing everything from the stored bytes finds, off the loop."""
        return await asyncio.to_thread(self.store.verify)

    async def close(self) -> None:
        """Writes what was asked for, then closes the journal."""
        if self._closed:
            return
        self._closed = True
        self._asked.put(None)
        await asyncio.to_thread(self._thread.join)
        self._stop_listening()
        self._wake()
        await asyncio.to_thread(self.store.close)

    # --- the writer thread ----------------------------------------------------------------------------------

    def _write(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._group()
            if group:
                answers = self._append(group)
                self._loop.call_soon_threadsafe(_resolve, [asked.answer for asked in group], answers)

    def _group(self) -> tuple[list[_Asked], bool]:
        # Nothing waits for company: what is queued while one sync runs is the next group.
        asked = self._asked.get()
        group: list[_Asked] = []
        entries = 0
        while asked is not None:
            group.append(asked)
            entries += len(asked.commit.entries)
            if entries >= MAX_GROUP:
                return group, True
            try:
                asked = self._asked.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _append(self, group: list[_Asked]) -> Sequence[Receipt | TocsinError]:
        try:
            return self.store.append_many([asked.commit for asked in group])
        except TocsinError as error:
            return [error] * len(group)
        except Exception as error:  # supervisor: the writer must outlive a fault, and every caller must hear of it
            return [InternalError(f"The journal's writer: {type(error).__name__}.")] * len(group)

    def _on_head(self, head: Head) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


def _piece(entries: Iterator[Entry]) -> list[Entry]:
    return list(islice(entries, _READ_AHEAD))


def _resolve(waiting: list[asyncio.Future[Receipt]], answers: Sequence[Receipt | TocsinError]) -> None:
    for future, answer in zip(waiting, answers, strict=True):
        if future.done():  # its caller was cancelled; the commit stands
            continue
        if isinstance(answer, TocsinError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
