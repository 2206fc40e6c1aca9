"""The way to other cores of a domain over its NATS server: their streams, and the beats of all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from console.core import Core
from console.federation import Federation
from picture.journal.protocol import Head

if TYPE_CHECKING:
    from picture.journal.nats import Access, NatsReader
    from picture.journal.nats.canary import NatsBeats as Opened

PATIENCE_S: Final = 1.0
"""For how long a server is asked to let us in before it counts as away; asked again then."""


class NatsPeer:
    """Another core's stream on the server that ``access`` leads to, or its mirror there."""

    def __init__(self, access: Access, stream: str, *, mirror: bool = False, cache: Path | None = None) -> None:
        self.stream = stream
        self._access, self._mirror, self._cache = access, mirror, cache

    @asynccontextmanager
    async def open(self) -> AsyncIterator[NatsReader]:
        """Its stream, read and proved from the server's messages."""
        from picture.journal.nats import NatsReader

        async with await NatsReader.open(
            self._access, self.stream, mirror=self._mirror, cache=self._cache, patience_s=PATIENCE_S
        ) as reader:
            yield reader


async def federate(core: Core, access: Access, streams: tuple[str, ...]) -> None:
    """Follows these cores' streams for ever, and tells them of ours; returns only when it is cancelled.

    The server may be away for as long as it likes; links that cannot be made are silent ones, with an alarm.
    """
    async with NatsBeats(access, core.home.stream) as beats:
        await Federation(core, [NatsPeer(access, stream) for stream in streams], beats).run()


class NatsBeats:
    """The beats of all cores on a server; connected when first used."""

    def __init__(self, access: Access, stream: str) -> None:
        self._access, self._stream = access, stream
        self._open: Opened | None = None

    async def tell(self, head: Head) -> None:
        await (await self._opened()).tell(head)

    async def hear(self, stream: str, call: Callable[[Head], None]) -> None:
        await (await self._opened()).hear(stream, call)

    async def _opened(self) -> Opened:
        from picture.journal.nats.canary import NatsBeats as Opened

        if self._open is None:
            self._open = await Opened.open(self._access, self._stream, PATIENCE_S)
        return self._open

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            await self._open.close()
