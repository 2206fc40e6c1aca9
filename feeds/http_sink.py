"""Messages posted to another organisation's HTTP endpoint, whatever their wire."""

from __future__ import annotations

from typing import Final

import httpx

from picture.errors import DeliveryError

TIMEOUT_S: Final = 15.0
_FAILED: Final = "TOC-7001"


class HttpSink:
    """Posts bytes of one media type. ``key`` goes out as ``Idempotency-Key``: a repeat after a lost answer is harmless.

    Redirects are not followed: where our messages go is configuration. ``headers`` carry what the far end asks for,
    as a token; they stand in no error.
    """

    def __init__(
        self, client: httpx.AsyncClient, url: str, media_type: str, *, wire: str, headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._client = client
        self._url = url
        self._media_type = media_type
        self._wire = wire
        self._headers = headers or {}
        self._timeout_s = timeout_s

    async def hand_over(self, body: bytes, *, key: str) -> str:
        """What the far end answered (``HTTP 202``); raises ``DeliveryError`` TOC-7001 for anything but success."""
        headers = self._headers | {"content-type": self._media_type, "idempotency-key": key}
        try:
            response = await self._client.post(
                self._url, content=body, headers=headers, timeout=self._timeout_s, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise DeliveryError(f"{self._wire}: {type(error).__name__}.", code=_FAILED) from None
        if not response.is_success:
            raise DeliveryError(f"{self._wire}: HTTP {response.status_code}.", code=_FAILED)
        return f"HTTP {response.status_code}"
