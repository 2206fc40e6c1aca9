"""How cores on one server tell each other each second that they are there, and where their streams end."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from picture.journal.nats.names import Names
from picture.journal.nats.wire import PATIENCE_S, Access, Wire
from picture.journal.protocol import Head

_LONGEST: Final = 1_024


class NatsBeats:
    """The beats of a core. For one event loop."""

    def __init__(self, wire: Wire, stream: str) -> None:
        """Not to be called: see ``open``."""
        self._wire, self._own = wire, Names(stream)

    @classmethod
    async def open(cls, access: Access, stream: str, patience_s: float = PATIENCE_S) -> Self:
        """The beats of the core that writes ``stream``; ``TOC-3141`` without a server."""
        return cls(await Wire.open(access, patience_s), stream)

    async def tell(self, head: Head) -> None:
        """Says where our stream ends; ``TOC-3142`` while nobody can be reached."""
        await self._wire.tell(self._own.canary, json.dumps({"head": head.seq, "hash": head.hash}).encode())

    async def hear(self, stream: str, call: Callable[[Head], None]) -> None:
        """Calls ``call`` with where another core's stream ends, whenever it says so; what is no beat is passed over.

        A server lets each core beat for its own stream alone.
        """

        def heard(body: bytes) -> None:
            head = _read(stream, body)
            if head is not None:
                call(head)

        await self._wire.hear(Names(stream).canary, heard)

    async def close(self) -> None:
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _read(stream: str, body: bytes) -> Head | None:
    try:
        said = json.loads(body if len(body) <= _LONGEST else b"{}")
        seq, digest = said["head"], said["hash"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Head(stream, seq, digest) if isinstance(seq, int) and isinstance(digest, str) else None
