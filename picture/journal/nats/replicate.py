"""A mirror of a core's stream on another server, kept by pulling: the same bytes at the same numbers.

JetStream's own sources find a hub again only after many seconds, because they retry with growing pauses. This
one looks at once when either connection is back, and otherwise after a pause with jitter of at most
``LONGEST_S``. It holds no state: the mirror's newest message says where to go on, each message is sent with
the number it must get, and chain and signature are checked before anything is copied.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Final

import nats.errors

from picture.errors import JournalError
from picture.journal.nats.envelope import (
    CARRIED,
    COMMIT,
    AlteredError,
    Message,
    checked,
    signature_holds,
    signer_after,
    unpacked,
)
from picture.journal.nats.names import Names
from picture.journal.nats.reader import standing
from picture.journal.nats.wire import ASK_S, Access, Wire
from picture.journal.protocol import GENESIS, START, Head

LONGEST_S: Final = 2.0
_FIRST_S: Final = 0.1
_PATIENCE_S: Final = 3.0
_WINDOW: Final = 256
_AWAY: Final = frozenset({"TOC-3141", "TOC-3142"})
"""What passes by itself; everything else ends the copying, for somebody must look at it."""


class Replicator:
    """Copies one stream from where it is written to a mirror. For one event loop."""

    def __init__(self, source: Access, destination: Access, stream: str, *, rng: random.Random) -> None:
        """Nothing is connected before ``run``; ``rng`` spreads the pauses of many."""
        self.stream = stream
        self.mirrored = Head(stream, START, GENESIS)
        """The newest entry of which the mirror is known to have a copy."""
        self._source_access = source
        self._destination_access = destination
        self._rng = rng
        self._origin = Names(stream)
        self._mirror = Names(stream, mirror=True)
        self._woken = asyncio.Event()
        self._signer = ""
        self._sure = False
        self._listeners: list[Callable[[Head], None]] = []

    def listen(self, listener: Callable[[Head], None]) -> Callable[[], None]:
        """Calls ``listener`` with what the mirror has, whenever it grew; returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Copies until it is cancelled, whoever of the two is away for however long.

        ``TOC-3148`` if the mirror is not a copy of this stream, ``TOC-3002`` if the stream was altered,
        ``TOC-3143`` or ``TOC-3145`` if a server does not let us.
        """
        source = await self._opened(self._source_access)
        try:
            destination = await self._opened(self._destination_access)
            try:
                await self._copy(source, destination)
            finally:
                await destination.close()
        finally:
            await source.close()

    async def _opened(self, access: Access) -> Wire:
        pause = _FIRST_S
        while True:
            try:
                wire = await Wire.open(access, _PATIENCE_S)
            except JournalError as error:
                if error.code not in _AWAY:
                    raise
                pause = await self._pause(pause)
            else:
                wire.on_return(self._woken.set)
                return wire

    async def _copy(self, source: Wire, destination: Wire) -> None:
        await source.listen(self._origin.stored, self._woken.set)
        pause = _FIRST_S
        while True:
            self._woken.clear()
            try:
                await self.catch_up(source, destination)
                pause = _FIRST_S
                await self._sleep(LONGEST_S)
            except JournalError as error:
                if error.code not in _AWAY:
                    raise
                pause = await self._pause(pause)

    async def catch_up(self, source: Wire, destination: Wire) -> int:
        """How many commits were copied: all that the mirror lacked."""
        newest = await source.last(self._origin)
        there = await destination.last(self._mirror)
        if there is None:
            await standing(destination, self._mirror)
        at = there.at if there is not None else 0
        if (newest.at if newest is not None else 0) < at:
            raise JournalError(f"It has {at} commits, the stream fewer.", code="TOC-3148")
        if there is None:
            self.mirrored, self._signer = Head(self.stream, START, GENESIS), ""
        else:
            await self._compare(source, there)
        if newest is None or newest.at == at:
            return 0
        under_way: deque[tuple[Head, asyncio.Future[int]]] = deque()
        head, denied, self._sure = self.mirrored, len(destination.denied), False
        try:
            async for message in source.messages(self._origin, at, newest.at):
                head = self._proved(message, head)
                under_way.append((head, await self._sent(destination, message)))
                if len(under_way) >= _WINDOW:
                    await self._taken(under_way)
            while under_way:
                await self._taken(under_way)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            destination.check_denied(self._mirror.commits, denied)
            raise JournalError(str(error).removeprefix("nats: ").rstrip(".") + ".", code="TOC-3142") from error
        finally:
            for _, ack in under_way:
                ack.cancel()
        return newest.at - at

    async def _compare(self, source: Wire, there: Message) -> None:
        """Takes over where the mirror stands, if that is a place of this very stream."""
        copy = unpacked(there)
        if self._sure and self.mirrored.hash == copy.head:
            return
        async for message in source.messages(self._origin, there.at - 1, there.at):
            original = unpacked(message)
            if (message.body, original) != (there.body, copy):
                raise JournalError(f"Its commit {there.at} is another.", code="TOC-3148")
        self.mirrored = Head(self.stream, copy.last, copy.head)
        self._signer = signer_after(self.stream, copy)

    def _proved(self, message: Message, after: Head) -> Head:
        envelope = unpacked(message)
        head = checked(envelope, after)
        if self._signer not in ("", envelope.public_key) or not signature_holds(self.stream, envelope):
            raise AlteredError(head.seq, f"The signed checkpoint at entry {head.seq} does not fit.")
        self._signer = signer_after(self.stream, envelope)
        return head

    async def _sent(self, destination: Wire, message: Message) -> asyncio.Future[int]:
        headers = {name: value for name, value in message.headers.items() if name in CARRIED}
        headers["Nats-Msg-Id"] = headers[COMMIT]
        headers["Nats-Expected-Last-Sequence"] = str(message.at - 1)
        headers["Nats-Expected-Stream"] = self._mirror.on_server
        return await destination.send(self._mirror.commits, message.body, headers)

    async def _taken(self, under_way: deque[tuple[Head, asyncio.Future[int]]]) -> None:
        head, ack = under_way[0]
        async with asyncio.timeout(ASK_S):
            await asyncio.shield(ack)
        under_way.popleft()
        self.mirrored = head
        for listener in tuple(self._listeners):
            listener(head)

    async def _pause(self, pause: float) -> float:
        """Waits, but not past anybody's return; gives the next pause."""
        await self._sleep(pause * self._rng.uniform(0.5, 1.0))
        return min(LONGEST_S, pause * 2)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
