"""Leases by key-value revisions: who may do what only one may do, and a token that proves it to whoever acts.

The server forgets a lease by its own clock when its time is up; ``expires_ms`` is what the holder's clock
makes of that. The token is the revision at which the lease was taken: it only ever grows in the bucket, so
an actor that refuses tokens smaller than one it has seen is safe from a holder who slept through the end.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from typing import Final, NamedTuple

import nats.js.errors

from picture.errors import JournalError
from picture.journal.nats.names import LEASES
from picture.journal.nats.wire import Wire
from picture.journal.protocol import Fence

_NAME = re.compile(r"[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*")
_WRONG_REVISION: Final = 10071
_NO_MESSAGE: Final = 10037


class _Held(NamedTuple):
    revision: int
    """0 while nobody has it."""
    holder: str
    token: int
    expires_ms: int


class NatsLeases:
    """The leases of a trust domain."""

    def __init__(self, wire: Wire, now_ms: Callable[[], int]) -> None:
        self._wire = wire
        self._now_ms = now_ms

    async def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """The lease, with a token greater than any before it; ``TOC-3149`` while another holds it.

        Whoever holds it already gets a new one: his earlier token is then the smaller. ``ttl_s`` is
        rounded up to whole seconds.
        """
        held = await self._held(name)
        if held.revision and held.holder and held.holder != holder:
            raise JournalError(f"{held.holder} holds {name}.", code="TOC-3149")
        return await self._put(name, holder, ttl_s, held.revision, token=0)

    async def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease with the same token, from now on for ``ttl_s``; ``TOC-3149`` if it was lost."""
        held = await self._held(fence.name)
        if (held.holder, held.token) != (fence.holder, fence.token):
            raise JournalError(f"{fence.holder} holds {fence.name} no longer.", code="TOC-3149")
        return await self._put(fence.name, fence.holder, ttl_s, held.revision, token=fence.token)

    async def release(self, fence: Fence) -> None:
        """Frees it for the next; a lease that was lost is left alone."""
        held = await self._held(fence.name)
        if (held.holder, held.token) == (fence.holder, fence.token):
            headers = {"KV-Operation": "DEL", **_expecting(held.revision)}
            await self._publish(fence.name, b"", headers)

    async def _held(self, name: str) -> _Held:
        if not _NAME.fullmatch(name):
            raise JournalError(f"{name!r}.", code="TOC-3146")
        answer = await self._wire.api(f"STREAM.MSG.GET.KV_{LEASES}", {"last_by_subj": f"$KV.{LEASES}.{name}"})
        if (error := answer.get("error")) is not None:
            if error.get("code") == 404 and error.get("err_code") == _NO_MESSAGE:
                return _Held(0, "", 0, 0)
            raise JournalError(f"{LEASES}: {error.get('description')}.", code="TOC-3145")
        message = answer["message"]
        revision, data = int(message["seq"]), base64.b64decode(message.get("data", ""))
        if not data:  # released, or its time was up
            return _Held(revision, "", 0, 0)
        said = json.loads(data)
        return _Held(revision, said["holder"], said["token"] or revision, said["expires_ms"])

    async def _revision_of(self, name: str, data: bytes) -> int:
        held = await self._held(name)
        said = json.loads(data)
        mine = (held.holder, held.expires_ms) == (said["holder"], said["expires_ms"])
        return held.revision if mine and said["token"] in (0, held.token) else 0

    async def _put(self, name: str, holder: str, ttl_s: float, revision: int, *, token: int) -> Fence:
        seconds = max(1, math.ceil(ttl_s))
        expires_ms = self._now_ms() + seconds * 1000
        data = json.dumps({"holder": holder, "token": token, "expires_ms": expires_ms}).encode()
        new = await self._publish(name, data, {"Nats-TTL": f"{seconds}s", **_expecting(revision)})
        return Fence(name, holder, token or new, expires_ms)

    async def _publish(self, name: str, data: bytes, headers: dict[str, str]) -> int:
        subject = f"$KV.{LEASES}.{name}"

        async def ask() -> int:
            try:
                return await self._wire.publish(subject, data, headers)
            except nats.js.errors.APIError as error:
                if error.err_code == _WRONG_REVISION:
                    if data and (mine := await self._revision_of(name, data)):
                        return mine  # it was written, and only the answer was lost
                    raise JournalError(f"Another was quicker to take {name}.", code="TOC-3149") from error
                raise

        return await self._wire.patiently(ask, subject)


def _expecting(revision: int) -> dict[str, str]:
    return {"Nats-Expected-Last-Subject-Sequence": str(revision)}
