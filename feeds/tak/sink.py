"""CoT events to a TAK server or client over TCP, as it streams them: one XML event after the other."""

from __future__ import annotations

import asyncio
from typing import Final

from picture.errors import DeliveryError

TIMEOUT_S: Final = 5.0
_FAILED: Final = "TOC-7001"


class TakSink:
    """Opens a connection for each event. Repeats do no harm: an event replaces the earlier one of its uid."""

    def __init__(self, host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s

    async def hand_over(self, body: bytes, *, key: str) -> str:
        """``written``: TAK acknowledges nothing, so it is no evidence of receipt. Raises ``DeliveryError`` TOC-7001."""
        try:
            async with asyncio.timeout(self._timeout_s):
                _, writer = await asyncio.open_connection(self._host, self._port)
                try:
                    writer.write(body)
                    await writer.drain()
                finally:
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            raise DeliveryError(f"TAK {key[:40]!a}: {type(error).__name__}.", code=_FAILED) from None
        return "written"
