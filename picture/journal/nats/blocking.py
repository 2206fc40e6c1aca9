"""The journal on NATS for the synchronous core: the same calls, each blocking until its answer.

The connection lives on an event loop in a thread of its own, so it heals and answers pings while the core
works or sleeps. Calls may come from any thread but that one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import Actor, Entry, NewEntry, Ref
from picture.errors import JournalError
from picture.journal.blobs import BlobStore
from picture.journal.nats.journal import NatsJournal
from picture.journal.nats.wire import PATIENCE_S, Access
from picture.journal.protocol import START, ChainReport, Durability, Fence, Head, Receipt
from picture.sealing import Keyring

_PIECE: Final = 500
_T = TypeVar("_T")


class BlockingJournal:
    """A core's stream, open for writing, as a ``SyncJournal``."""

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
    ) -> None:
        """Opens it; the arguments and refusals are those of ``NatsJournal.open``."""
        self._listeners: list[Callable[[Head], None]] = []
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"journal {stream}", daemon=True)
        self._thread.start()
        try:
            self._journal = self._do(
                NatsJournal.open(
                    access, stream, keyring=keyring, signing_key=signing_key, blobs=blobs, cache=cache, create=create,
                    patience_s=patience_s,
                )
            )  # fmt: skip
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

    def read(self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
        """Entries with ``after < seq <= upto`` in order; without ``upto``, to the head as it is now."""
        upto = self.head().seq if upto is None else upto
        entries = self._journal.read(after, upto, kinds)
        try:
            while piece := self._do(_piece(entries)):
                yield from piece
        finally:
            if not self._closed:
                self._do(_closing(entries))

    def head(self) -> Head:
        """The newest acknowledged entry."""
        return self._do(self._journal.head())

    def opened(self, entry: Entry) -> dict[str, object]:
        """Every sealed value of an entry that can still be opened, by path."""
        return self._do(self._journal.opened(entry)) if entry.sealed else {}

    def open_sealed(self, ref: Ref) -> object | None:
        """The value at a Ref, typed as its event's field; None if its key was destroyed or is not here."""
        return self._do(self._journal.open_sealed(ref))

    def listen(self, listener: Callable[[Head], None]) -> Callable[[], None]:
        """Calls ``listener`` with the new head after each append, in the appending thread; returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def verify(self) -> ChainReport:
        """What recomputing everything from the stored messages finds."""
        return self._do(self._journal.verify())

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

    def close(self) -> None:
        """Lets go of the connection; closing twice is fine."""
        if not self._closed:
            self._do(self._journal.close())
            self._closed = True
            self._end()

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._closed:
            work.close()
            raise JournalError(code="TOC-3106")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _piece(entries: AsyncIterator[Entry]) -> list[Entry]:
    found: list[Entry] = []
    async for entry in entries:
        found.append(entry)
        if len(found) == _PIECE:
            break
    return found


async def _closing(entries: AsyncIterator[Entry]) -> None:
    close = getattr(entries, "aclose", None)
    if close is not None:
        await close()
