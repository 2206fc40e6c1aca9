"""The way to other cores of a domain over its NATS server: their streams, and the beats of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.core import Core
from console.federation import Federation
from picture.errors import JournalError

if TYPE_CHECKING:
    from picture.journal.nats import Access, NatsReader

AWAY: Final = frozenset({"TOC-3141", "TOC-3142"})
RETRY_S: Final = 1.0
PATIENCE_S: Final = 2.0


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

    The server may be away at first. Raises ``JournalError`` where it does not let us in (``TOC-3143``).
    """
    from picture.journal.nats.canary import NatsBeats

    while True:
        try:
            beats = await NatsBeats.open(access, core.home.stream, PATIENCE_S)
            break
        except JournalError as error:
            if error.code not in AWAY:
                raise
            await asyncio.sleep(RETRY_S)
    async with beats:
        await Federation(core, [NatsPeer(access, stream) for stream in streams], beats).run()
