"""Runs every feed that has a connection: opened, kept alone under its identity, and heard by way of the lanes."""

from __future__ import annotations

import asyncio
import ssl
import stat
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from console.lanes import Lanes
from console.outward import OnTak
from console.world import World
from feeds.base import Heard, StreamSource
from feeds.config import FeedConfig
from feeds.registry import Registry
from feeds.streams import Spec, StreamConfig, address_of, is_stream
from picture.clock import SystemClock
from picture.errors import InputError, TocsinError, UsageError

Pause = Callable[[float], Awaitable[object]]


class Streaming:
    """The connections of one served world. The clock here is the real one."""

    def __init__(
        self,
        world: World,
        lanes: Lanes,
        *,
        catch_up: Callable[[], None],
        failed: Callable[[str, Exception], None],
        rng: Random,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """Opens nothing yet. ``failed`` hears of faults of ours, which end no connection for good.

        Raises:
            UsageError: TOC-1003, TOC-2130 two feeds of one identity, TOC-2132 a wire without such a transport.
        """
        self._world, self._lanes = world, lanes
        self._catch_up, self._failed = catch_up, failed
        self._pause = pause
        feeds = [feed for feed in world.plan.feeds if is_stream(feed.url)]
        for feed in world.plan.feeds:
            check_stream(feed)
        self._boards = {feed.id: self._board(feed) for feed in feeds if feed.stream.send}
        specs = {feed.id: self._spec(feed, rng) for feed in feeds}
        refuse_twice(list(specs.values()))
        self.sources = {feed.id: source_of(feed, specs[feed.id], world.registry) for feed in feeds}

    def _board(self, feed: FeedConfig) -> OnTak:
        if feed.wire != "tak" or address_of(feed.url).scheme not in ("tcp", "tls"):
            raise UsageError(f"feed {feed.id}: stream.send is for TAK over tcp:// and tls://.", code="TOC-2132")
        world = self._world
        return OnTak(
            world.core,
            world.city,
            world=world.plan.world,
            wants=feed.stream.send,
            where=world.where,
            now_ms=SystemClock().now_ms,
        )

    def _spec(self, feed: FeedConfig, rng: Random) -> Spec:
        try:
            address = address_of(feed.url)
        except UsageError as error:
            raise UsageError(f"feed {feed.id}: {error.detail}", code=error.code) from None
        config = feed.stream
        return Spec(
            feed=feed.id,
            address=address,
            config=config,
            max_bytes=self._world.intakes[feed.id].max_bytes,
            rng=rng,
            client_id=config.client_id or f"tocsin.{self._world.plan.stream}.{feed.id}",
            password=self._world.stream_password(config.password) if config.password else "",
            tls=tls_of(feed, self._world.stream_file) if address.scheme in ("tls", "mqtts") else None,
            shows=self._boards.get(feed.id),
            pause=self._pause,
        )

    async def run(self) -> None:
        """Returns at once where no feed has a connection."""
        async with asyncio.TaskGroup() as group:
            for name, source in self.sources.items():
                group.create_task(self._follow(name, source))

    async def _follow(self, feed: str, source: StreamSource) -> None:
        async def deliver(heard: Heard) -> None:
            await self._hear(feed, heard)

        def state(became: Any, why: str) -> None:
            self._catch_up()
            self._world.link_changed(feed, became, why)

        while True:
            try:
                await source.run(deliver, state)
            except Exception as error:  # the supervisor of this connection: told, and begun anew
                self._failed(f"the connection of feed {feed}", error)
                await self._pause(60.0)

    async def _hear(self, feed: str, heard: Heard) -> None:
        """Returns when the journal has it, or it was turned away as the feed's policy says."""
        reading = self._world.intakes[feed].hear(heard, self._world.core.now_ms())
        if not reading.messages:
            self._catch_up()
            self._world.judge_health(feed, reading)  # it is there, though it says nothing that is read
            return
        if (board := self._boards.get(feed)) is not None:
            board.heard(reading.reports)
        try:
            if self._world.intakes[feed].waiting.when_full == "newest":
                await self._lanes.put(feed, reading)
            else:
                await self._lanes.wait(feed, reading)
        except InputError:
            return  # counted by the lane, which has told the operator
        except TocsinError as error:
            self._failed(f"what feed {feed} said", error)


def check_stream(feed: FeedConfig) -> None:
    """Returns where nothing that a feed says of its connection would be passed over; else ``UsageError`` TOC-1003."""
    config = feed.stream
    if not is_stream(feed.url) and config != StreamConfig():
        raise UsageError(f"feed {feed.id}: stream: its url is no connection.", code="TOC-1003")
    mqtt = feed.url.startswith("mqtt")
    if mqtt and config.server_name:
        raise UsageError(f"feed {feed.id}: stream.server_name: MQTT goes by the host of its url.", code="TOC-1003")
    if not mqtt and (config.topics or config.client_id or config.user or config.password):
        raise UsageError(f"feed {feed.id}: stream: topics and log-in are of MQTT.", code="TOC-1003")


def refuse_twice(specs: Sequence[Spec]) -> None:
    """Returns where every connection has an identity of its own; else ``UsageError`` TOC-2130 names two feeds."""
    known: dict[str, str] = {}
    for spec in specs:
        other = known.setdefault(spec.identity, spec.feed)
        if other != spec.feed:
            raise UsageError(f"feeds: {other} and {spec.feed} are one connection.", code="TOC-2130")


def source_of(feed: FeedConfig, spec: Spec, registry: Registry) -> StreamSource:
    """The connection of a feed, not yet opened; ``UsageError`` TOC-2132 where its wire has none of that kind."""
    wire = registry.wire(feed.wire)
    mqtt = spec.address.scheme in ("mqtt", "mqtts")
    if mqtt and "mqtt" in wire.manifest.transports:
        from feeds.mqtt.source import MqttSource

        return MqttSource(spec)
    if mqtt or wire.new_stream is None:
        kind = "MQTT" if mqtt else spec.address.scheme
        raise UsageError(f"feed {feed.id}: {feed.wire} is not heard over {kind}.", code="TOC-2132")
    return wire.new_stream(spec)


def tls_of(feed: FeedConfig, file_of: Callable[[str], Path]) -> ssl.SSLContext:
    """What a feed's TLS trusts and is known by; certificates are always verified.

    Raises:
        UsageError: TOC-1003 where a file is missing, of another form, or a key that others may read.
    """
    config = feed.stream
    try:
        context = ssl.create_default_context(cafile=str(file_of(config.ca)) if config.ca else None)
        if config.certificate:
            key = file_of(config.key or config.certificate)
            if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(f"feed {feed.id}: {key.name} can be read by others.", code="TOC-1003")
            context.load_cert_chain(file_of(config.certificate), key, password=_no_password)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"feed {feed.id}: a file of its stream cannot be used: {why}.", code="TOC-1003") from None
    return context


def _no_password() -> str:
    """Of an encrypted key: without this OpenSSL would ask at the terminal."""
    return ""
