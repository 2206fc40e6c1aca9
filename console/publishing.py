"""The picture to context brokers (NGSI-LD): what changed is upserted, until the broker has it as it stands.

It follows the picture and stores nothing: a restarted core states everything once more, which changes nothing there.
What goes out is chosen by configuration and holds nothing sealed. In a drill each name says that it is an exercise, and
a what-if publishes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

import httpx

from console.core import Draft
from console.world import World
from feeds.config import FeedConfig
from feeds.ngsi import publish
from feeds.ngsi.broker import Broker
from feeds.ngsi.publish import Thing
from feeds.ngsi.sink import NgsiSink
from feeds.notify.message import marked
from picture import events as ev
from picture.alarms import standing
from picture.errors import DeliveryError, UsageError
from picture.model import Hazard, Incident

EVERY_S: Final = 2.0
MAX_WAIT_S: Final = 300.0
TOLD_AFTER: Final = 3
"""Failures in a row after which an operator is told."""
_NOT_PUBLISHED: Final = "TOC-2154"


class Publishing:
    """What one served world publishes."""

    def __init__(
        self,
        world: World,
        *,
        catch_up: Callable[[], None],
        rng: Random,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Sends nothing yet; raises ``UsageError`` TOC-2154 where a feed's configuration cannot be published by."""
        self._world, self._catch_up, self._rng, self._pause = world, catch_up, rng, pause
        self._feeds = [feed for feed in world.plan.feeds if feed.publish]
        for feed in self._feeds:
            if feed.wire != "ngsi" or not feed.broker:
                raise UsageError(f"feed {feed.id}: publish: wire ngsi and a broker are needed.", code=_NOT_PUBLISHED)

    async def run(self) -> None:
        """Returns at once where nothing is to be published."""
        if not self._feeds or self._world.plan.world == "whatif":
            return
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.TaskGroup() as group:
            for feed in self._feeds:
                group.create_task(self._follow(feed, NgsiSink(Broker(client, feed.broker))))

    async def _follow(self, feed: FeedConfig, sink: NgsiSink) -> None:
        told: dict[str, Thing] = {}
        failures = 0
        while True:
            try:
                await self._round(feed, sink, told)
            except DeliveryError as error:
                failures += 1
                if failures == TOLD_AFTER:
                    self._tell(feed, error.detail)
            else:
                if failures >= TOLD_AFTER:
                    self._end(feed)
                failures = 0
            await self._pause(min(EVERY_S * 2.0**failures, MAX_WAIT_S) * self._rng.uniform(0.8, 1.2))

    async def _round(self, feed: FeedConfig, sink: NgsiSink, told: dict[str, Thing]) -> None:
        """Upserts each thing that changed since it was told; raises ``DeliveryError`` at the first not taken."""
        source = self._world.core.journal.stream
        for name, thing in list(self._things(feed)):
            if told.get(name) is thing:
                continue
            await sink.hand_over(publish.encode(self._said(thing), source=source), key=name)
            told[name] = thing

    def _things(self, feed: FeedConfig) -> Iterator[tuple[str, Thing]]:
        home = self._world.core.home
        every: dict[str, dict[str, Thing]] = {
            "incidents": {name: one for name, one in home.incidents.items() if not one.duplicate_of},
            "hazards": dict(home.hazards), "closures": dict(home.closures), "facilities": dict(home.facilities),
            "vessels": {str(mmsi): one for mmsi, one in home.vessels.items()},
        }  # fmt: skip
        for want in feed.publish:
            for name, thing in every[want].items():
                yield f"{want}.{name}", thing

    def _said(self, thing: Thing) -> Thing:
        world = self._world.plan.world
        if isinstance(thing, Incident | Hazard):
            return replace(thing, title=marked(thing.title, world))
        return replace(thing, name=marked(thing.name, world))

    def _tell(self, feed: FeedConfig, why: str) -> None:
        self._catch_up()
        core = self._world.core
        known = standing(core.home.alarms, _key(feed))
        alarm = ev.AlarmRaised(
            id=known.id if known else core.ids.new("AL"),
            priority=3,
            title=f"{feed.id}: the picture is not published",
            cause_words=why[:200],
            consequence="Others who look at this broker see an old picture.",
            action="Tell them by another way; check the broker and the feed's configuration.",
            time_to_act_s=1800,
            subject=feed.id,
            key=_key(feed),
        )
        core.record([Draft(alarm)])

    def _end(self, feed: FeedConfig) -> None:
        self._catch_up()
        core = self._world.core
        alarm = standing(core.home.alarms, _key(feed))
        if alarm is not None and alarm.state in ("unacknowledged", "acknowledged"):
            state = "cleared" if alarm.state == "acknowledged" else "returned_unacknowledged"
            core.record([Draft(ev.AlarmChanged.model_validate({"id": alarm.id, "state": state}))])


def _key(feed: FeedConfig) -> str:
    return f"publish:{feed.id}"
