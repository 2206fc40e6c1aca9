"""Fetching a feed over HTTP at intervals, asking only for what has changed and never trusting the answer's size.

The poller sleeps nowhere and reads no clock: ``fetch`` does one request and says when the next is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

import httpx

MAX_BACKOFF_S: Final = 900.0
TIMEOUT_S: Final = 15.0
USER_AGENT: Final = "tocsin (disaster response console)"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one request gave: a new body, nothing new, or a failure in words; and in how many seconds to ask again."""

    outcome: Literal["new", "unchanged", "failed"]
    next_s: float
    body: bytes = b""
    why: str = ""


class Poller:
    """Polls one address. Remembers its validators (ETag, Last-Modified) and its failures in a row, nothing else.

    Redirects are not followed: a feed's address is configuration, and another host must not be able to change it. The
    interval between attempts doubles with each failure up to 15 minutes, with jitter from ``rng``.
    """

    def __init__(
        self, client: httpx.AsyncClient, url: str, *, interval_s: float, max_bytes: int, rng: Random,
        timeout_s: float = TIMEOUT_S, accept: str = "",
    ) -> None:  # fmt: skip
        """``accept`` names the content type that is wanted, where the far end has several."""
        self._client = client
        self._url = url
        self._interval_s = interval_s
        self._max_bytes = max_bytes
        self._rng = rng
        self._timeout_s = timeout_s
        self._accept = {"accept": accept} if accept else {}
        self._validators: dict[str, str] = {}
        self._failures = 0

    async def fetch(self) -> Fetched:
        """One request's result; never raises for what the far end does."""
        headers = {"user-agent": USER_AGENT, "accept-encoding": "identity"} | self._accept | self._validators
        try:
            async with self._client.stream(
                "GET", self._url, headers=headers, timeout=self._timeout_s, follow_redirects=False
            ) as response:
                return await self._read(response)
        except httpx.TimeoutException:
            return self._failed("no answer in time")
        except httpx.HTTPError as error:
            return self._failed(f"{type(error).__name__}")

    async def _read(self, response: httpx.Response) -> Fetched:
        if response.status_code == httpx.codes.NOT_MODIFIED:
            self._failures = 0
            return Fetched("unchanged", self._interval_s)
        if response.is_redirect:
            return self._failed(f"HTTP {response.status_code}: it has moved; correct the feed's url")
        if response.status_code != httpx.codes.OK:
            return self._failed(f"HTTP {response.status_code}", response.headers.get("retry-after", ""))
        if response.headers.get("content-encoding", "identity") != "identity":
            return self._failed("a compressed answer that was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                return self._failed(f"more than {self._max_bytes} bytes")
        self._failures = 0
        self._validators = _validators(response.headers)
        return Fetched("new", self._interval_s, bytes(body))

    def _failed(self, why: str, retry_after: str = "") -> Fetched:
        self._failures += 1
        wait_s = min(self._interval_s * 2.0 ** min(self._failures - 1, 16), MAX_BACKOFF_S)
        wait_s = max(wait_s, self._interval_s) * self._rng.uniform(0.8, 1.2)
        if retry_after.isascii() and retry_after.isdigit():
            wait_s = max(wait_s, min(float(retry_after), MAX_BACKOFF_S))
        return Fetched("failed", wait_s, why=why)


def _validators(headers: httpx.Headers) -> dict[str, str]:
    """What to send next time, so that the far end can say that nothing changed."""
    pairs = (("if-none-match", headers.get("etag")), ("if-modified-since", headers.get("last-modified")))
    return {name: value for name, value in pairs if value and len(value) <= 500}
