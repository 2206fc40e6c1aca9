"""CAP messages to another organisation's HTTP endpoint."""

from __future__ import annotations

from typing import Final

import httpx

from picture.errors import DeliveryError

TIMEOUT_S: Final = 15.0
_FAILED: Final = "TOC-7001"


class CapSink:
    """Posts CAP XML. ``key`` goes out as ``Idempotency-Key``, so that a repeat after a lost answer does no harm."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client = client
        self._url = url
        self._timeout_s = timeout_s

    async def hand_over(self, body: bytes, *, key: str) -> str:
        """What the far end answered (``HTTP 202``); raises ``DeliveryError`` TOC-7001 for anything but success."""
        headers = {"content-type": "application/cap+xml", "idempotency-key": key}
        try:
            response = await self._client.post(
                self._url, content=body, headers=headers, timeout=self._timeout_s, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise DeliveryError(f"CAP: {type(error).__name__}.", code=_FAILED) from None
        if not response.is_success:
            raise DeliveryError(f"CAP: HTTP {response.status_code}.", code=_FAILED)
        return f"HTTP {response.status_code}"
