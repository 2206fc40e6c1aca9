"""The journal on NATS for the synchronous core: the same calls, each blocking until its answer.

The connection lives on an event loop in a thread of its own, so it heals and answers pings while the core
works or sleeps. Calls may come from any thread but that one. Where the server was asked in vain, the next
calls fail at once until the connection is back or some time went by: a core that waits serves nobody.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import Actor, Entry, NewEntry, Ref
from picture.errors import JournalError
from picture.journal.blobs import BlobStore
from picture.journal.chain import Row
from picture.journal.nats.journal import NatsJournal
from picture.journal.nats.reader import NatsReader
from picture.journal.nats.wire import PATIENCE_S, Access
from picture.journal.protocol import START, ChainReport, Durability, Fence, Head, Receipt
from picture.sealing import Keyring

AWAY: Final = frozenset({"TOC-3141", "TOC-3142"})
"""Codes that say no server answered: nothing is wrong with what was asked."""
_PIECE: Final = 500
_REST: Final = 2.0
"""How many times its patience a handle rests after it was left without an answer."""
_T = TypeVar("_T")


class BlockingReader:
    """A stream, open for reading, as a ``JournalReader`` is."""

    _journal: NatsReader

    def __init__(
        self, access: Access, stream: str, *, keyring: Keyring | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        """Opens it; the refusals are those of ``NatsReader.open``."""
        self._begin(stream, lambda: NatsReader.open(access, stream, keyring=keyring, patience_s=patience_s), patience_s)

    def _begin(self, stream: str, opening: Callable[[], Coroutine[Any, Any, NatsReader]], patience_s: float) -> None:
        self._closed = False
        self._patience_s = patience_s
        self._on_close: Callable[[], None] | None = None
        self._rests_until = 0.0
        self._returned = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"journal {stream}", daemon=True)
        self._thread.start()
        try:
            self._journal = asyncio.run_coroutine_threadsafe(opening(), self._loop).result()
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def stream(self) -> str:
        return self._journal.stream

    def read(self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
        """Entries with ``after < seq <= upto`` in order; without ``upto``, to the head as it is now."""
        upto = self.head().seq if upto is None else upto
        if after >= upto:
            return
        entries = self._journal.read(after, upto, kinds)
        try:
            while piece := self._do(_piece(entries)):
                yield from piece
        finally:
            if not self._closed:
                asyncio.run_coroutine_threadsafe(_closing(entries), self._loop).result()

    def rows(self, after: int = START, upto: int | None = None) -> Iterator[Row]:
        """The same entries as their columns are stored."""
        rows = self._journal.rows(after, self.head().seq if upto is None else upto)
        while piece := self._do(_piece(rows)):
            yield from piece

    def about(self) -> tuple[int, Durability]:
        """Bytes that the stream takes on the server, and what an acknowledged commit survives there."""
        return self._do(self._journal.about())

    def entry(self, seq: int) -> Entry | None:
        """One entry, or None if there is none with this number."""
        return next(self.read(seq - 1, seq), None) if seq > START else None

    def head(self) -> Head:
        """The newest entry."""
        return self._do(self._journal.head())

    def opened(self, entry: Entry) -> dict[str, object]:
        """Every sealed value of an entry that can still be opened, by path."""
        return self._do(self._journal.opened(entry), rests=False) if entry.sealed else {}

    def open_sealed(self, ref: Ref) -> object | None:
        """The value at a Ref, typed as its event's field; None if its key was destroyed or is not here."""
        return self._do(self._journal.open_sealed(ref), rests=False)

    def verify(self) -> ChainReport:
        """What recomputing everything from the stored messages finds."""
        return self._do(self._journal.verify())

    def close(self) -> None:
        """Lets go of the connection; closing twice is fine."""
        if not self._closed:
            asyncio.run_coroutine_threadsafe(self._journal.close(), self._loop).result()
            self._closed = True
            self._end()

    def _do(self, work: Coroutine[Any, Any, _T], *, rests: bool = True) -> _T:
        if self._closed:
            work.close()
            raise JournalError(code="TOC-3106")
        if rests and self._resting():
            work.close()
            raise JournalError("It did not answer a moment ago.", code="TOC-3141")
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except JournalError as error:
            if error.code in AWAY:
                self._returned = self._journal.returned
                self._rests_until = time.monotonic() + _REST * self._patience_s
            raise

    def _resting(self) -> bool:
        return time.monotonic() < self._rests_until and self._journal.returned == self._returned

    def _end(self) -> None:
        if self._on_close is not None:
            self._on_close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BlockingJournal(BlockingReader):
    """A core's stream, open for writing, as a ``SyncJournal``."""

    _journal: NatsJournal

    def __init__(
        self,
        access: Access,
        stream: str,
        *,
        keyring: Keyring,
        signing_key: Ed25519PrivateKey,
        blobs: BlobStore | None = None,
        cache: Path | None = None,
        create: int = 0,
        patience_s: float = PATIENCE_S,
        answer_s: float | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """Opens it; the arguments and refusals are those of ``NatsJournal.open``.

        ``answer_s`` is how long an answer is waited for once it is open; ``patience_s`` if it is not given.
        ``on_close`` is called when it was closed.
        """
        self._listeners: list[Callable[[Head], None]] = []

        async def opening() -> NatsJournal:
            journal = await NatsJournal.open(
                access, stream, keyring=keyring, signing_key=signing_key, blobs=blobs, cache=cache, create=create,
                patience_s=patience_s,
            )  # fmt: skip
            if answer_s is not None:
                journal.be_patient(answer_s)
            return journal

        self._begin(stream, opening, patience_s if answer_s is None else answer_s)
        self._on_close = on_close

    @property
    def durability(self) -> Durability:
        """What an acknowledged commit survives."""
        return self._journal.durability

    def append_now(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        """The receipt of one commit (see ``NatsJournal.append``)."""
        receipt = self._do(self._journal.append(entries, commit_id=commit_id, expect=expect))
        if not receipt.duplicate:
            head = Head(receipt.stream, receipt.last_seq, receipt.entries[-1].hash)
            for listener in tuple(self._listeners):
                listener(head)
        return receipt

    def listen(self, listener: Callable[[Head], None]) -> Callable[[], None]:
        """Calls ``listener`` with the new head after each append, in the appending thread; returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def head(self) -> Head:
        """The newest acknowledged entry; no server is asked."""
        return self._do(self._journal.head(), rests=False)

    def rotate_key(
        self, new: Ed25519PrivateKey, *, actor: Actor, recorded_ms: int, why: str = "", sealing: tuple[str, ...] = ()
    ) -> tuple[Entry, ...]:
        """The entry of a change of keys (see ``NatsJournal.rotate_key``)."""
        return self._do(
            self._journal.rotate_key(new, actor=actor, recorded_ms=recorded_ms, why=why, sealing=sealing)
        )  # fmt: skip

    def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """A lease of the trust domain (see ``NatsLeases.lease``)."""
        return self._do(self._journal.lease(name, holder, ttl_s))

    def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease, prolonged (see ``NatsLeases.renew``)."""
        return self._do(self._journal.renew(fence, ttl_s))

    def release(self, fence: Fence) -> None:
        """Frees a lease (see ``NatsLeases.release``)."""
        self._do(self._journal.release(fence))


async def _piece(entries: AsyncIterator[_T]) -> list[_T]:
    found: list[_T] = []
    async for entry in entries:
        found.append(entry)
        if len(found) == _PIECE:
            break
    return found


async def _closing(entries: AsyncIterator[Entry]) -> None:
    close = getattr(entries, "aclose", None)
    if close is not None:
        await close()
