"""A bounded pool of threads for each channel, so that a silent gateway holds no other channel's hand-overs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Barrier

from feeds.ladder import Slot
from feeds.notify.channels import Channel, Channels
from feeds.notify.message import Outgoing
from feeds.notify.sink import Outcome
from picture.errors import DeliveryError


@dataclass(frozen=True, slots=True)
class Flight:
    """One attempt on its way."""

    slot: Slot
    attempts: int
    """Counting this one."""


class Lanes:
    """The threads of every channel, and the answers they bring. All methods but ``_land`` belong to one thread."""

    def __init__(self, channels: Channels, on_result: Callable[[], None] | None) -> None:
        self._channels = channels.by_name
        self._on_result = on_result
        self._pools = {one.name: _started(one) for one in channels.by_name.values()}
        self._busy: dict[str, int] = {}
        self._landed: SimpleQueue[tuple[Flight, Outcome]] = SimpleQueue()

    def channel(self, name: str) -> Channel | None:
        """The channel of this name; None where the world has none."""
        return self._channels.get(name)

    def room(self, name: str) -> bool:
        """Whether a hand-over on this channel would find a thread (or need none, the channel being unknown)."""
        channel = self._channels.get(name)
        return channel is None or self._busy.get(name, 0) < channel.pool

    def start(self, channel: Channel, flight: Flight, outgoing: Outgoing) -> None:
        """Gives one hand-over to the channel's threads."""
        self._busy[channel.name] = self._busy.get(channel.name, 0) + 1
        future = self._pools[channel.name].submit(channel.gateway.deliver, outgoing)
        future.add_done_callback(lambda done: self._land(flight, done))

    def _land(self, flight: Flight, done: Future[Outcome]) -> None:
        """On a pool's thread: puts the answer where ``landed`` finds it."""
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            outcome = Outcome("failed", "the core stopped")
        elif isinstance(error, DeliveryError):
            outcome = Outcome("dead", f"{error.code} {error.detail}")
        elif error is not None:
            outcome = Outcome("failed", f"a fault in the gateway's driver: {type(error).__name__}")
        else:
            outcome = done.result()
        self._landed.put((flight, outcome))
        wake = self._on_result
        if wake is not None:
            wake()

    def landed(self, wait_until: float | None = None) -> list[tuple[Flight, Outcome]]:
        """The answers that lie ready; until ``wait_until`` (``time.monotonic``), if given, waits for the first."""
        found: list[tuple[Flight, Outcome]] = []
        while True:
            patience = 0.0 if wait_until is None or found else wait_until - time.monotonic()
            try:
                one = self._landed.get(timeout=patience) if patience > 0 else self._landed.get_nowait()
            except Empty:
                return found
            self._busy[one[0].slot.channel] -= 1
            found.append(one)

    def close(self) -> None:
        """Starts nothing more and wakes nobody; calls on their way end in their own time."""
        self._on_result = None
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


def _started(channel: Channel) -> ThreadPoolExecutor:
    """A pool whose threads all run: starting one at a hand-over would hold the core's thread until it does."""
    pool = ThreadPoolExecutor(channel.pool, thread_name_prefix=f"outbox-{channel.name}")
    all_up = Barrier(channel.pool)
    for _ in range(channel.pool):
        pool.submit(all_up.wait)
    return pool
