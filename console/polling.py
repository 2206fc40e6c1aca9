"""Fetches the feeds that have an address, each by a loop of its own; what arrives goes the way of every delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

import httpx

from feeds.config import FeedConfig
from feeds.gather import Gatherer
from feeds.intake import Intake
from feeds.poll import Fetched, Poller
from feeds.streams import is_stream

Deliver = Callable[[str, bytes], Awaitable[object]]
"""(feed, body); returns when it was taken, and until then nothing more is fetched of this feed."""
Failed = Callable[[str, str], object]
Unchanged = Callable[[str], object]
Listed = Callable[[str, frozenset[tuple[str, str]]], object]
"""(feed, the (sender, identifier) of all that stands in what it lists)."""


def _nobody(_feed: str, _listed: frozenset[tuple[str, str]]) -> None:
    """Default of ``listed``: nobody asked what stands."""


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
        listed: Listed = _nobody,
        rng: Random,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._feeds = [feed for feed in feeds if feed.url and not is_stream(feed.url)]
        self._intakes = intakes
        self._deliver, self._failed, self._unchanged, self._listed = deliver, failed, unchanged, listed
        self._rng = rng
        self._pause = pause
        self._stands: dict[str, bytes] = {}
        """What standing feeds said last: what holds of it changes with the time, also where no byte of it does."""
        self._unfinished: dict[str, bytes] = {}
        """Lists of which something could not be fetched."""

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
        new_gatherer = self._intakes[feed.id].new_gatherer
        gatherer = new_gatherer(feed, client, self._rng) if new_gatherer is not None else None
        while True:
            fetched = await poller.fetch()
            if gatherer is None:
                await self._take(feed.id, fetched)
            else:
                await self._gather(feed.id, gatherer, fetched)
            await self._pause(fetched.next_s)

    async def _gather(self, feed: str, gatherer: Gatherer, fetched: Fetched) -> None:
        """An answer that lists messages: the new ones are delivered in order, and then it is told what stands."""
        body = self._unfinished.get(feed) if fetched.outcome == "unchanged" else fetched.body
        if fetched.outcome == "failed" or body is None:
            await self._take(feed, fetched)
            return
        gathered = await gatherer.gather(body)
        for message in gathered.messages:
            await self._deliver(feed, message)
        gatherer.taken(gathered)
        if gathered.listed is not None:
            self._listed(feed, gathered.listed)
        if gathered.why:
            self._unfinished[feed] = body
            self._failed(feed, gathered.why)
            return
        self._unfinished.pop(feed, None)
        if not gathered.messages:
            self._unchanged(feed)

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
