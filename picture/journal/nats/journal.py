"""The journal on NATS JetStream: one message is one commit, written by one core, each expecting the one before.

Commits are sent one after another without waiting for each answer (at most ``WINDOW`` under way), each with
the number of the message it must follow: the server takes them in order or not at all. Where an answer is
lost, the stream itself is read: what stands there is acknowledged, what does not is sent again byte for
byte. A commit that another handle wrote ends this one (``TOC-3103``): one core writes one stream.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import nats.errors
import nats.js.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import Actor, Entry, NewEntry
from picture.errors import InternalError, JournalError, TocsinError
from picture.events import KeyRotated
from picture.journal.blobs import BlobStore
from picture.journal.nats.envelope import COMMIT, Envelope, checked, packed, signer_after, unpacked
from picture.journal.nats.index import Index, Place
from picture.journal.nats.leases import NatsLeases
from picture.journal.nats.names import Names, stream_config
from picture.journal.nats.reader import NatsReader, standing
from picture.journal.nats.wire import ASK_S, PATIENCE_S, Access, Wire
from picture.journal.protocol import Durability, Fence, Head, Receipt
from picture.journal.staging import staged
from picture.sealing import Keyring, endorse, public_key_text

WINDOW: Final = 128
"""Commits under way at most."""
WINDOW_BYTES: Final = 8 << 20
MAX_QUEUED: Final = 1024
"""Commits that may wait; the next caller waits before it is let in."""
_HEADERS_BYTES: Final = 1024
"""Room that the headers of one commit take besides its id."""
_FULL: Final = frozenset({10023, 10047, 10077})
"""JetStream's error codes for: no more resources, no more storage, stream at its limit."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True, eq=False)
class _Waiting:
    """A commit that was chained and is not acknowledged yet."""

    envelope: Envelope
    headers: dict[str, str]
    body: bytes
    entries: tuple[Entry, ...]
    answer: asyncio.Future[Receipt]
    ack: asyncio.Future[int] | None = None


class NatsJournal(NatsReader):
    """A core's stream, open for writing. For the event loop it was opened in."""

    _key: Ed25519PrivateKey
    _writer: str
    _durability: Durability
    _sender: asyncio.Task[None]
    _leases: NatsLeases

    @classmethod
    async def open(  # type: ignore[override]
        cls,
        access: Access,
        stream: str,
        *,
        keyring: Keyring,
        signing_key: Ed25519PrivateKey,
        blobs: BlobStore | None = None,
        cache: Path | None = None,
        create: int = 0,
        patience_s: float = PATIENCE_S,
        now_ms: Callable[[], int] = _wall_ms,
    ) -> Self:
        """The journal of ``stream``, every commit since the cached index checked.

        ``create`` makes the stream with so many replicas where there is none; otherwise that is
        ``TOC-3145``. ``TOC-3141`` without a server, ``TOC-3002`` if a commit was altered, ``TOC-3108`` if
        the newest was signed with another key. ``cache`` is a file for the index, which may be lost.
        """
        names = Names(stream)
        wire = await Wire.open(access, patience_s)
        try:
            if create and await wire.info(names) is None:
                await make_stream(wire, names, create)
            info = await standing(wire, names)
            journal = cls(wire, names, Index(stream, str(info["created"]), cache), keyring=keyring, blobs=blobs)
            journal._begin(keyring, signing_key)
            journal._leases = NatsLeases(wire, now_ms)
            journal._durability = await wire.durability(info)
            await journal._settle()
            await journal._check_signer()
        except BaseException:
            await wire.close()
            raise
        journal._sender = asyncio.create_task(journal._send(), name=f"journal {stream}")
        return journal

    def _begin(self, keyring: Keyring, key: Ed25519PrivateKey) -> None:
        self._keys = keyring
        self._key = key
        self._public = self._signer = public_key_text(key)
        self._catching = asyncio.Lock()
        self._writer = secrets.token_hex(8)
        self._staging = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_QUEUED)
        self._work = asyncio.Event()
        self._waiting: deque[_Waiting] = deque()
        self._unsent: deque[_Waiting] = deque()
        self._by_commit: dict[str, _Waiting] = {}
        self._listeners: list[Callable[[Head], None]] = []
        self._unsure = False
        self._superseded = False
        self._returned = self._denied = 0
        self._wire.on_return(self._work.set)

    async def _check_signer(self) -> None:
        at = self._index.last.at
        async for message in self._wire.messages(self._names, max(0, at - 1), at):
            self._signer = signer_after(self.stream, unpacked(message))
        self._check_key()

    def _check_key(self) -> None:
        if self._signer != self._public:
            raise JournalError(f"{self._names.on_server} names another core's key.", code="TOC-3108")

    async def close(self) -> None:
        """Waits for what is under way, then lets go; closing twice is fine."""
        if self._closed:
            return
        for waiting in tuple(self._waiting):
            with suppress(TocsinError):
                await asyncio.shield(waiting.answer)
        self._closed = True
        self._sender.cancel()
        with suppress(asyncio.CancelledError):
            await self._sender
        self._closed = False
        await super().close()

    async def head(self) -> Head:
        """The newest acknowledged entry."""
        return self._index.head()

    @property
    def durability(self) -> Durability:
        """What an acknowledged commit survives, as the server said when it was last asked."""
        return self._durability

    def listen(self, listener: Callable[[Head], None]) -> Callable[[], None]:
        """Calls ``listener`` with the new head after each append, in the loop; returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """A lease of the trust domain (see ``NatsLeases.lease``)."""
        self._check_open()
        return await self._leases.lease(name, holder, ttl_s)

    async def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease, prolonged (see ``NatsLeases.renew``)."""
        self._check_open()
        return await self._leases.renew(fence, ttl_s)

    async def release(self, fence: Fence) -> None:
        """Frees a lease (see ``NatsLeases.release``)."""
        self._check_open()
        await self._leases.release(fence)

    # --- appending ----------------------------------------------------------------------------------------

    async def append(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        """The receipt of one commit (see ``Journal.append``).

        ``TOC-3142`` where no answer came in time: the commit may or may not stand, and is appended again
        with the same ``commit_id``. ``TOC-3144`` where it is larger than a message may be.
        """
        async with self._room:
            async with self._staging:
                self._check_open()
                await self._be_sure()
                place = self._index.commit(commit_id)
                twin = self._by_commit.get(commit_id)
                if place is None and twin is None:
                    waiting = self._staged(entries, commit_id, expect)
            if place is not None:
                return await self._first_receipt(place)
            if twin is not None:
                return _again(await asyncio.shield(twin.answer))
            return await asyncio.shield(waiting.answer)

    async def _be_sure(self) -> None:
        """Finds out what became of commits that were given up, before anything is chained after them."""
        if self._unsure:
            try:
                await self._catch_up()
            except JournalError as error:
                raise _doubtful(error) from error
        if self._superseded:
            raise _superseded()

    async def rotate_key(
        self, new: Ed25519PrivateKey, *, actor: Actor, recorded_ms: int, why: str = "", sealing: tuple[str, ...] = ()
    ) -> tuple[Entry, ...]:
        """The entry of a change of keys, to be folded like any other: from here on ``new`` signs.

        Where it ends with ``TOC-3142`` it is to be asked again with the same key; until then nothing is
        appended if it stands.
        """
        public = public_key_text(new)
        event = KeyRotated(
            old=self._public, new=public, endorsement=endorse(self._key, public, self.stream), why=why, sealing=sealing
        )
        async with self._staging:
            self._check_open()
            for waiting in tuple(self._waiting):
                with suppress(TocsinError):
                    await asyncio.shield(waiting.answer)
            await self._be_sure()
            commit_id = f"key:{public}"
            place = self._index.commit(commit_id)
            if place is None:
                rotated = self._staged([NewEntry(event, recorded_ms, recorded_ms, actor)], commit_id, None)
                receipt = await asyncio.shield(rotated.answer)
            else:
                receipt = await self._first_receipt(place)
            self._key, self._public, self._signer = new, public, public
        return receipt.entries

    def _staged(self, entries: Sequence[NewEntry], commit_id: str, expect: int | None) -> _Waiting:
        self._check_key()
        after = self._after()
        if expect is not None and expect != after.seq:
            raise JournalError(f"It is at {after.seq}, not {expect}.", code="TOC-3003")
        rows, decoded = staged(entries, commit_id=commit_id, after=after, keyring=self._keys, blobs=self._blobs)
        headers, body = packed(self.stream, rows, writer=self._writer, key=self._key)
        if (size := len(body) + len(headers[COMMIT]) * 2 + _HEADERS_BYTES) > self._wire.max_message:
            raise JournalError(f"It has {size} bytes, of {self._wire.max_message}.", code="TOC-3144")
        at = (self._waiting[-1].envelope.at if self._waiting else self._index.last.at) + 1
        headers["Nats-Msg-Id"] = headers[COMMIT]
        headers["Nats-Expected-Last-Sequence"] = str(at - 1)
        headers["Nats-Expected-Stream"] = self._names.on_server
        envelope = Envelope(
            at, commit_id, rows[0].seq, rows[-1].seq, after.hash, rows[-1].hash, self._writer, self._public, "",
            tuple(row for row in rows if row.sealed),
        )  # fmt: skip
        waiting = _Waiting(envelope, headers, body, tuple(decoded), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._unsent.append(waiting)
        self._by_commit[commit_id] = waiting
        self._work.set()
        return waiting

    def _after(self) -> Head:
        if not self._waiting:
            return self._index.head()
        newest = self._waiting[-1].envelope
        return Head(self.stream, newest.last, newest.head)

    async def _first_receipt(self, place: Place) -> Receipt:
        entries = tuple([entry async for entry in self.read(place.first - 1, place.last)])
        return Receipt(self.stream, place.first, place.last, entries, self._durability, duplicate=True)

    # --- sending ------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        while True:
            try:
                await self._turn()
            except TocsinError as error:
                self._give_up(_doubtful(error))
            except Exception as error:  # supervisor: the sender must outlive a fault, and every caller must hear of it
                self._give_up(InternalError(f"The journal's sender: {type(error).__name__}."))

    async def _turn(self) -> None:
        """Sends what there is room for, takes the answers in order, and mends what went wrong."""
        self._work.clear()
        if len(self._wire.denied) > self._denied:
            self._denied, since = len(self._wire.denied), self._denied
            self._wire.check_denied(self._names.commits, since)
        if self._wire.returned != self._returned:
            await self._mend()
        while self._waiting and (ack := self._waiting[0].ack) is not None and ack.done():
            if not self._fits(ack):
                await self._mend()
                break
            self._acknowledged(self._waiting[0].envelope)
        await self._fill()
        if self._waiting:
            try:
                async with asyncio.timeout(ASK_S):
                    await self._work.wait()
            except TimeoutError:
                await self._mend()
        else:
            await self._work.wait()

    async def _fill(self) -> None:
        under_way = len(self._waiting) - len(self._unsent)
        size = 0
        while self._unsent and under_way < WINDOW and size < WINDOW_BYTES:
            waiting = self._unsent.popleft()
            under_way, size = under_way + 1, size + len(waiting.body)
            try:
                ack = await self._wire.send(self._names.commits, waiting.body, waiting.headers)
            except (TimeoutError, nats.errors.Error, OSError):
                waiting.ack = None
                await self._mend()
                return
            ack.add_done_callback(self._answered)
            waiting.ack = ack

    def _answered(self, ack: asyncio.Future[int]) -> None:
        if not ack.cancelled():
            ack.exception()  # looked at in order, or not at all once it was sent again
        self._work.set()

    def _fits(self, ack: asyncio.Future[int]) -> bool:
        return ack.exception() is None and ack.result() == self._waiting[0].envelope.at

    async def _mend(self) -> None:
        """Finds out what stands, and makes the rest ready to be sent again; gives up when patience ends."""
        deadline = time.monotonic() + self._wire.patience_s
        self._returned = self._wire.returned
        self._check_fatal()
        before = self._index.last.at
        await self._catch_up()
        info = await standing(self._wire, self._names)
        self._durability = await self._wire.durability(info)
        self._send_again()
        if self._index.last.at == before and self._waiting:
            await self._insist(deadline)

    async def _insist(self, deadline: float) -> None:
        """Sends the oldest commit until it stands: while there is no leader, nothing else helps."""
        oldest = self._waiting[0]
        pause = 0.05
        while self._waiting and self._waiting[0] is oldest:
            denied = len(self._wire.denied)
            try:
                at = await self._wire.publish(self._names.commits, oldest.body, oldest.headers)
                if at == oldest.envelope.at:
                    self._unsent.remove(oldest)
                    self._acknowledged(oldest.envelope)
                    return
            except (TimeoutError, nats.errors.Error, OSError) as error:
                _raise_fatal(error)
                self._wire.check_denied(self._names.commits, denied)
                if time.monotonic() >= deadline:
                    raise JournalError(str(error).removeprefix("nats: ").rstrip(".") + ".", code="TOC-3142") from error
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)
            await self._catch_up()
            self._send_again()

    def _send_again(self) -> None:
        self._unsent = deque(self._waiting)
        for waiting in self._waiting:
            if waiting.ack is not None:
                waiting.ack.cancel()
            waiting.ack = None

    def _check_fatal(self) -> None:
        ack = self._waiting[0].ack if self._waiting else None
        if ack is not None and ack.done() and not ack.cancelled() and (error := ack.exception()) is not None:
            _raise_fatal(error)

    async def _catch_up(self) -> None:
        """Takes in what stands on the stream beyond what was acknowledged; another handle's commit ends ours."""
        async with self._catching:
            newest = await self._wire.last(self._names)
            if newest is not None and newest.at > self._index.last.at:
                async for message in self._wire.messages(self._names, self._index.last.at, newest.at):
                    envelope = unpacked(message)
                    checked(envelope, self._index.head())
                    if envelope.writer != self._writer:
                        self._superseded = True
                        raise _superseded()
                    self._signer = signer_after(self.stream, envelope)
                    self._acknowledged(envelope)
            self._unsure = False

    def _acknowledged(self, envelope: Envelope) -> None:
        self._adopt(envelope)
        if self._waiting and self._waiting[0].envelope.head == envelope.head:
            waiting = self._waiting.popleft()
            del self._by_commit[envelope.commit_id]
            if self._unsent and self._unsent[0] is waiting:
                self._unsent.popleft()
            if not waiting.answer.done():
                waiting.answer.set_result(
                    Receipt(self.stream, envelope.first, envelope.last, waiting.entries, self._durability)
                )
        head = self._index.head()
        for listener in tuple(self._listeners):
            listener(head)

    def _give_up(self, error: TocsinError) -> None:
        lost, self._waiting, self._unsent = self._waiting, deque(), deque()
        self._by_commit.clear()
        self._unsure = True
        for waiting in lost:
            if waiting.ack is not None:
                waiting.ack.cancel()
            if not waiting.answer.done():
                waiting.answer.set_exception(error)
                waiting.answer.exception()  # its caller may have been cancelled


async def make_stream(wire: Wire, names: Names, replicas: int) -> None:
    """Makes a stream with so many replicas; one that stands already is left as it is."""
    answer = await wire.api(f"STREAM.CREATE.{names.on_server}", stream_config(names, replicas))
    error = answer.get("error")
    if error is not None and error.get("err_code") != _STANDS_ALREADY:
        raise JournalError(f"{names.on_server}: {error.get('description', 'refused')}.", code="TOC-3145")


_STANDS_ALREADY: Final = 10058


def _raise_fatal(error: BaseException) -> None:
    if isinstance(error, nats.js.errors.APIError) and error.err_code in _FULL:
        raise JournalError(f"{error.description}.", code="TOC-3101") from error


def _doubtful(error: TocsinError) -> TocsinError:
    # Whoever waits for an answer has been sent already: that no server can be reached now is no answer.
    return JournalError(error.detail, code="TOC-3142") if error.code == "TOC-3141" else error


def _superseded() -> JournalError:
    return JournalError("Another handle has appended to the stream since.", code="TOC-3103")


def _again(receipt: Receipt) -> Receipt:
    return Receipt(
        receipt.stream, receipt.first_seq, receipt.last_seq, receipt.entries, receipt.durability, duplicate=True
    )  # fmt: skip
