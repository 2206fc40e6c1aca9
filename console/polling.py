"""Fetches the feeds that have an address, each by a loop of its own; what arrives goes the way of every delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

import httpx

from feeds.config import FeedConfig
from feeds.intake import Intake
from feeds.poll import Fetched, Poller
from feeds.streams import is_stream

Deliver = Callable[[str, bytes], Awaitable[object]]
"""(feed, body); returns when it was taken, and until then nothing more is fetched of this feed."""
Failed = Callable[[str, str], object]
Unchanged = Callable[[str], object]


class Polling:
    """Polls feeds until it is cancelled. One client, so one connection per host; the clock here is the real one."""

    def __init__(
        self,
        feeds: Sequence[FeedConfig],
        intakes: dict[str, Intake],
        *,
        deliver: Deliver,
        failed: Failed,
        unchanged: Unchanged,
        rng: Random,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._feeds = [feed for feed in feeds if feed.url and not is_stream(feed.url)]
        self._intakes = intakes
        self._deliver, self._failed, self._unchanged = deliver, failed, unchanged
        self._rng = rng
        self._pause = pause
        self._stands: dict[str, bytes] = {}
        """What standing feeds said last: what holds of it changes with the time, also where no byte of it does."""

    async def run(self) -> None:
        """Returns at once where no feed has an address."""
        if not self._feeds:
            return
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.TaskGroup() as group:
            for feed in self._feeds:
                group.create_task(self._follow(feed, client))

    async def _follow(self, feed: FeedConfig, client: httpx.AsyncClient) -> None:
        poller = Poller(
            client, feed.url, interval_s=feed.poll_s, max_bytes=self._intakes[feed.id].max_bytes, rng=self._rng
        )
        while True:
            fetched = await poller.fetch()
            await self._take(feed.id, fetched)
            await self._pause(fetched.next_s)

    async def _take(self, feed: str, fetched: Fetched) -> None:
        if fetched.outcome == "new":
            if self._intakes[feed].standing:
                self._stands[feed] = fetched.body
            await self._deliver(feed, fetched.body)
        elif fetched.outcome == "unchanged" and feed in self._stands:
            await self._deliver(feed, self._stands[feed])
        elif fetched.outcome == "failed":
            self._failed(feed, fetched.why)
        else:
            self._unchanged(feed)
