"""A TAK server over TCP or TLS, both ways over one connection: its events come in, our picture goes out.

CoT XML only. Both sides may ask whether the other is there; a server that has answered before and no longer does is
taken for gone. What any Tocsin core sent is never heard again as somebody else's word.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Final, Never

from feeds.base import Deliver, Heard, State
from feeds.cutters import Events
from feeds.sockets import PIECE, open_stream
from feeds.streams import LinkLost, Opened, Spec, first_to_end, keep
from feeds.tak import codec
from feeds.tak.codec import OURS
from feeds.tak.source import new_framer

STALE_S: Final = 180
REFRESH_S: Final = 60.0
"""What stands is said again so often, and forgotten by the others when it was not said for ``STALE_S``."""
LOOK_S: Final = 1.0
"""How often changes are looked for."""
UNANSWERED: Final = 3
WRITE_S: Final = 10.0
"""A far end that takes nothing for so long is given up."""
_SLICE: Final = 50
"""Events after which everything else has its turn."""
_START: Final = re.compile(rb"<event\s[^>]{1,2000}>")
_TYPE: Final = re.compile(rb"""\stype\s?=\s?["']([^"']{1,80})["']""")
_UID: Final = re.compile(rb"""\suid\s?=\s?["']([^"']{1,200})["']""")


class TakSource:
    """One connection to one server, in both directions."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    async def run(self, deliver: Deliver, state: State) -> Never:
        await keep(self._session, deliver, state, self._spec)

    async def _session(self, deliver: Deliver, opened: Opened) -> None:
        async with open_stream(self._spec) as (reader, writer):
            shows = self._spec.shows
            opened(f"goes out: {shows.words}" if shows is not None else "")
            talk = _Talk(self._spec, reader, writer)
            await first_to_end(talk.listen(deliver), talk.ask(), talk.show())


class _Talk:
    """One connection while it lasts."""

    def __init__(self, spec: Spec, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spec, self._reader, self._writer = spec, reader, writer
        self._answers = False
        """Whether the far end ever answered us."""
        self._unanswered = 0

    async def listen(self, deliver: Deliver) -> None:
        """Delivers what is theirs; answers and counts what belongs to the connection itself."""
        cutter = Events(self._spec.max_bytes)
        while piece := await self._reader.read(PIECE):
            self._unanswered = 0
            for whole in cutter.push(piece):
                theirs = [event for event in new_framer().push(whole) if not await self._own(event)]
                if theirs:
                    await deliver(Heard(b"\n".join(theirs)))
        raise LinkLost("the far end closed it")

    async def _own(self, event: bytes) -> bool:
        """Whether an event is no word of theirs: our own come back, or talk of the connection."""
        kind, uid = named(event)
        if kind == "t-x-c-t":
            await self._say(codec.encode_ping(f"{self._name}-pong", self._spec.now_ms(), answer=True))
        elif kind == "t-x-c-t-r":
            self._answers = True
        return kind.startswith("t-x-") or uid.startswith(OURS)

    async def ask(self) -> None:
        """Asks now and then whether the far end is there; ends when it has stopped to answer."""
        while True:
            await self._spec.pause(self._spec.config.ping_s)
            if self._answers and self._unanswered >= UNANSWERED:
                raise LinkLost("it answers no more")
            self._unanswered += 1
            await self._say(codec.encode_ping(f"{self._name}-ping", self._spec.now_ms()))

    async def show(self) -> None:
        """Says what stands, then what changes, and all of it again before it goes stale."""
        shows = self._spec.shows
        if shows is None:
            await asyncio.Event().wait()
            return
        while True:
            await self._say_all(shows.standing())
            for _ in range(round(REFRESH_S / LOOK_S)):
                await self._spec.pause(LOOK_S)
                await self._say_all(shows.changed())

    async def _say_all(self, events: Iterator[bytes]) -> None:
        for number, event in enumerate(events):
            await self._say(event)
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)

    async def _say(self, event: bytes) -> None:
        self._writer.write(event[event.find(b"<event") :])  # a declaration may stand but once in a stream
        try:
            async with asyncio.timeout(WRITE_S):
                await self._writer.drain()
        except TimeoutError:
            raise LinkLost("it takes nothing") from None

    @property
    def _name(self) -> str:
        return f"{OURS}{self._spec.client_id}"


def named(event: bytes) -> tuple[str, str]:
    """(type, uid) as an event's first tag says, empty where it says nothing; a glance, not a reading."""
    start = _START.match(event, max(event.find(b"<event"), 0))
    found = [pattern.search(start[0]) for pattern in (_TYPE, _UID)] if start is not None else []
    kind, uid = [one[1].decode("utf-8", "replace") if one is not None else "" for one in found] or ["", ""]
    return kind, uid
