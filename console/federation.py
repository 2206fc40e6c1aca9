"""The cores of one trust domain follow each other: each folds the others' streams beside its own.

A stream is written by its own core alone; what arrives of another is applied to the picture and never journalled again.
Recorded is how far it was received, at most once a second, and only when more arrived than the others' own records of
that kind. Streams join in the picture; what two cores contradict each other on is shown by ``picture.conflicts``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from console.canary import BEAT_S, Canary, State
from console.core import Core, Draft
from picture import alarms
from picture import events as ev
from picture.entry import Actor, Entry
from picture.errors import JournalError, TocsinError
from picture.journal.protocol import Head

RETRY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
PIECE: Final = 200
"""Entries applied before commands and clients get their turn."""
_ALTERED: Final = frozenset({"TOC-3002", "TOC-3148"})
_STATES: Final[dict[str, State]] = {"ok": "ok", "silent": "silent", "behind": "behind", "differs": "differs"}


class Stream(Protocol):
    """Another core's stream, open for reading."""

    def follow(self, after: int = 0) -> AsyncIterator[Entry]:
        """Its entries after a position and every new one, proved; ``JournalError`` where that cannot be."""


class Peer(Protocol):
    """The way to another core of the domain."""

    @property
    def stream(self) -> str: ...

    def open(self) -> AbstractAsyncContextManager[Stream]:
        """Its stream; ``JournalError`` while it cannot be reached."""


class Beats(Protocol):
    """How cores tell each other that they are there."""

    async def tell(self, head: Head) -> None:
        """Says where our stream ends; ``JournalError`` while nobody can be reached."""

    async def hear(self, stream: str, call: Callable[[Head], None]) -> None:
        """Calls ``call`` with where another core's stream ends, whenever it says so."""


class Federation:
    """This core's view of the others. Everything happens on the core's loop."""

    def __init__(
        self,
        core: Core,
        peers: Sequence[Peer],
        beats: Beats,
        *,
        catch_up: Callable[[], None] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``catch_up`` brings the world's clock to now before anything is journalled."""
        self._core, self._peers, self._beats = core, peers, beats
        self._catch_up, self._clock_s = catch_up, clock_s
        now_s = clock_s()
        links = core.home.links
        self.canaries = {
            one.stream: Canary(one.stream, now_s, _STATES[links[one.stream].state] if one.stream in links else None)
            for one in peers
        }
        self._hashes: dict[str, str] = {}
        self._news = False
        self._head = core.journal.head()
        core.listen(self._grew)

    def _grew(self, entries: Sequence[Entry]) -> None:
        self._head = Head(entries[-1].stream, entries[-1].seq, entries[-1].hash)

    @property
    def received(self) -> Mapping[str, int]:
        """How far each of the others' streams stands on our picture."""
        streams = self._core.picture.streams
        return {one.stream: streams[one.stream].seq if one.stream in streams else 0 for one in self._peers}

    async def run(self) -> None:
        """Follows until it is cancelled, whoever is away for however long."""
        async with asyncio.TaskGroup() as group:
            for peer in self._peers:
                group.create_task(self._follow(peer))
            group.create_task(self._sing())

    # --- following ------------------------------------------------------------------------------------------

    async def _follow(self, peer: Peer) -> None:
        canary, attempt = self.canaries[peer.stream], 0
        while True:
            before = self.received[peer.stream]
            try:
                async with peer.open() as stream:
                    await self._take_in(peer.stream, stream)
            except JournalError as error:
                if error.code in _ALTERED:
                    canary.contradicts(str(error))
                    return  # nothing that comes after it can be believed; the operator is told by the link's state
            attempt = 0 if self.received[peer.stream] > before else attempt + 1
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])

    async def _take_in(self, name: str, stream: Stream) -> None:
        count = 0
        async for entry in stream.follow(self.received[name]):
            self.take(name, entry)
            count += 1
            if count % PIECE == 0:
                await asyncio.sleep(0)

    def take(self, name: str, entry: Entry) -> None:
        """Applies one entry of another core; ``JournalError`` TOC-3002 where it is not the next one of its stream."""
        known = self._hashes.get(name)
        if entry.stream != name or entry.seq > self.received[name] + 1 or (known and known != entry.prev):
            raise JournalError(f"Entry {entry.seq} of {entry.stream} does not follow what was here.", code="TOC-3002")
        if not self._core.receive([entry]):
            return
        self._hashes[name] = entry.hash
        self.canaries[name].arrived(self._clock_s(), entry.seq, entry.hash)
        # Cores that told each other of nothing but having heard would never come to rest.
        self._news = self._news or not isinstance(entry.event, ev.CursorReceived)

    # --- telling --------------------------------------------------------------------------------------------

    async def _sing(self) -> None:
        hearing: set[str] = set()
        while True:
            try:
                for peer in self._peers:
                    if peer.stream not in hearing:
                        await self._beats.hear(peer.stream, self._heard(peer.stream))
                        hearing.add(peer.stream)
                await self._beats.tell(self._head)
            except JournalError:
                pass  # the others' silence is seen by their canaries
            self.look()
            await asyncio.sleep(BEAT_S)

    def _heard(self, name: str) -> Callable[[Head], None]:
        return lambda head: self.canaries[name].beat(self._clock_s(), head.seq, head.hash)

    def look(self) -> None:
        """Journals how far others were received, if anything came, and what changed of the links; once a second."""
        now_s, before = self._clock_s(), {canary: canary.state for canary in self.canaries.values()}
        events: list[ev.Event] = [one for canary in self.canaries.values() if (one := canary.judge(now_s)) is not None]
        if self._news:
            cursor = tuple(
                (name, seq, self._hashes[name]) for name, seq in sorted(self.received.items()) if name in self._hashes
            )
            events.append(ev.CursorReceived(cursor=cursor))
        if not events:
            return
        self._catch_up()
        events += alarms.judge(events, self._core.home, self._core.ids)
        try:
            self._core.record([Draft(one) for one in events], actor=Actor("system:federation"))
        except TocsinError:
            for canary, state in before.items():  # our own journal is away: told once it is back
                canary.state = state
        else:
            self._news = False
