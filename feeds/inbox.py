"""The inbox: HTTP POST ``/inbox/{feed}``, signed with the feed's own secret, which names the source; the body does not.

Order of checks: host, origin, size (while the body streams in), signature, then the codec and what the feed may speak
for. What fails before its signature is verified is booked on ``inbox``, not on the feed that it claims to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from feeds.intake import Intake, Reading
from feeds.refusals import UNKNOWN_FEED, Refusal, refusal
from feeds.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, TokenVerifier, Verifier
from picture.clock import Clock
from picture.errors import InputError, TocsinError

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
READ_TIMEOUT_S: Final = 10.0
_ANY_FEED_BYTES: Final = 64 * 1024  # read of a message for a feed that does not exist, before it is refused
_TOO_LARGE: Final = "TOC-2001"
_UNSIGNED: Final = "TOC-2007"
_NOT_ALLOWED: Final = "TOC-2101"
_TOO_SLOW: Final = "TOC-2102"
_FULL: Final = "TOC-2010"
_NO_ROOM: Final = "TOC-2011"
_COME_AGAIN_S: Final = {_FULL: 5, _NO_ROOM: 60}
_STATUS: Final = {
    _TOO_LARGE: 413, "TOC-2002": 400, "TOC-2006": 415, _UNSIGNED: 401, "TOC-2008": 403, _NOT_ALLOWED: 403,
    _TOO_SLOW: 408, _FULL: 429, _NO_ROOM: 429,
}  # fmt: skip

Refuse = Callable[[Refusal], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class InboxFeed:
    """A feed that may post: how it is read, and whose signature it must bear."""

    intake: Intake
    verifier: Verifier | TokenVerifier


class Lanes(Protocol):
    """Where what was read waits for the core, which judges what was accepted and books what was refused."""

    def wait_s(self, feed: str) -> int:
        """In how many seconds to come again; 0 where there may be room."""

    async def put(self, feed: str, reading: Reading) -> int:
        """How many messages newer ones replaced, once the journal has the others; an error if none was taken."""


class _Rejected(Exception):
    """A request that is answered before its message is read."""

    def __init__(self, error: InputError, body: bytes, size: int | None = None) -> None:
        super().__init__(str(error))
        self.error, self.body, self.size = error, body, size


class Inbox:
    """Takes requests in; holds no state but the intakes' and verifiers'."""

    def __init__(
        self, feeds: Mapping[str, InboxFeed], *, lanes: Lanes, refuse: Refuse, real_clock: Clock, world_clock: Clock,
        allowed_hosts: Collection[str] = LOOPBACK, allowed_origins: Collection[str] = (),
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._feeds = feeds
        self._lanes = lanes
        self._refuse = refuse
        self._real_clock, self._world_clock = real_clock, world_clock
        self._hosts = {host.lower() for host in allowed_hosts}
        self._origins = frozenset(allowed_origins)
        self._read_timeout_s = read_timeout_s

    async def post(self, name: str, request: Request) -> JSONResponse:
        """The answer to one POST: 202 with counts, or the error as JSON with its code and remedy."""
        received_ms = self._world_clock.now_ms()
        try:
            self._check_host(request)
            feed = self._feeds.get(name)
            limit = _ANY_FEED_BYTES if feed is None else feed.intake.max_bytes
            body = await self._body(request, limit)
            self._check_signature(feed, request, body)
        except _Rejected as rejected:
            return await self._answer_rejected(name, rejected, received_ms)
        assert feed is not None
        return await self._take(name, feed, body, received_ms)

    def _check_host(self, request: Request) -> None:
        host = request.headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in self._hosts:
            raise _Rejected(InputError(f"host {name[:80]!a}.", code=_NOT_ALLOWED), b"")
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            raise _Rejected(InputError(f"origin {origin[:80]!a}.", code=_NOT_ALLOWED), b"")

    async def _body(self, request: Request, limit: int) -> bytes:
        """The whole body; reading stops at the first byte beyond the limit, and when the time is over."""
        claimed = request.headers.get("content-length", "")
        size = int(claimed) if claimed.isascii() and claimed.isdigit() and len(claimed) < 16 else None
        too_large = InputError(f"{limit} bytes are allowed.", code=_TOO_LARGE)
        body = bytearray()
        try:
            async with asyncio.timeout(self._read_timeout_s):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limit or (size or 0) > limit:
                        raise _Rejected(too_large, bytes(body[:limit]), max(size or 0, len(body)))
        except (TimeoutError, ClientDisconnect):
            raise _Rejected(InputError(code=_TOO_SLOW), bytes(body), size) from None
        return bytes(body)

    def _check_signature(self, feed: InboxFeed | None, request: Request, body: bytes) -> None:
        stamp, signature = request.headers.get(TIMESTAMP_HEADER), request.headers.get(SIGNATURE_HEADER)
        try:
            if feed is None:  # answered as any wrong signature: a stranger learns no feed's name
                raise InputError("The signature does not fit.", code=_UNSIGNED)
            if isinstance(feed.verifier, TokenVerifier):
                feed.verifier.check_token(request.headers.get("authorization"))
                return
            feed.verifier.check(stamp, signature, body, self._real_clock.now_ms())
        except InputError as error:
            raise _Rejected(error, body) from None

    async def _answer_rejected(self, name: str, rejected: _Rejected, at_ms: int) -> JSONResponse:
        error = rejected.error
        detail = f"to feed {name[:40]!a}: {error.detail}".strip()
        await self._refuse(refusal(UNKNOWN_FEED, error.code, detail, rejected.body, at_ms, size=rejected.size))
        # What was not read must not be taken for the next request on this connection.
        return JSONResponse(error.as_json(), _STATUS.get(error.code, 422), headers={"connection": "close"})

    async def _take(self, name: str, feed: InboxFeed, body: bytes, at_ms: int) -> JSONResponse:
        """The answer once the core has taken it, or at once that there is no room: then nothing was read of it."""
        wait_s = self._lanes.wait_s(name)
        if wait_s:
            return _come_again(InputError(code=_FULL), wait_s)
        reading = feed.intake.read(body, at_ms)
        try:
            replaced = await self._lanes.put(name, reading)
        except TocsinError as error:  # full after all, or the journal is away: nothing was taken
            return _come_again(error, _COME_AGAIN_S.get(error.code, 10))
        return _answer(reading, replaced)


def _answer(reading: Reading, replaced: int = 0) -> JSONResponse:
    refused = reading.refused
    if refused and not reading.reports:
        first = refused[0].error
        return JSONResponse(first.as_json(), _STATUS.get(first.code, 422))
    return JSONResponse(
        {
            "schema": "tocsin.inbox/1", "accepted": len(reading.reports), "skipped": len(reading.skipped),
            "refused": [each.error.as_json()["error"] for each in refused[:20]],
        } | ({"replaced": replaced} if replaced else {}),
        202,
    )  # fmt: skip


def _come_again(error: TocsinError, after_s: int) -> JSONResponse:
    return JSONResponse(error.as_json(), _STATUS.get(error.code, 503), headers={"retry-after": str(after_s)})


def inbox_app(
    feeds: Mapping[str, InboxFeed], *, lanes: Lanes, refuse: Refuse, real_clock: Clock, world_clock: Clock,
    allowed_hosts: Collection[str] = LOOPBACK, allowed_origins: Collection[str] = (),
    read_timeout_s: float = READ_TIMEOUT_S,
) -> FastAPI:  # fmt: skip
    """An ASGI application with the one route ``POST /inbox/{feed}``; the core serves or mounts it.

    ``real_clock`` judges signatures, ``world_clock`` stamps receipt. Feeds without a secret are not in ``feeds``.
    Any ``Origin`` that is not in ``allowed_origins`` is refused: no web page may post here unasked.
    ``refuse`` books what failed before it was read; the rest waits in ``lanes``.
    """
    inbox = Inbox(
        feeds, lanes=lanes, refuse=refuse, real_clock=real_clock, world_clock=world_clock,
        allowed_hosts=allowed_hosts, allowed_origins=allowed_origins, read_timeout_s=read_timeout_s,
    )  # fmt: skip
    app = FastAPI(title="Tocsin inbox", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/inbox/{feed}")
    async def post(feed: str, request: Request) -> JSONResponse:
        return await inbox.post(feed, request)

    return app
