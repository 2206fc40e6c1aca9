"""Where deliveries of feeds wait for the core: a bounded queue a feed, in lanes that are drained strictly in order.

While anything waits in a higher lane nothing is taken from a lower one, and no feed takes another's room. The core
takes one message at a time; after ``SLICE_S`` of work the loop turns, so that a command waits at most one slice. A
delivery is answered when the journal has it; what is turned away or replaced is counted, never lost in silence.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, Literal

from feeds.config import LANES, Waiting, subject
from feeds.intake import Accepted, Reading, Refused
from picture import events as ev
from picture.errors import InputError, InternalError, TocsinError
from picture.reports import Observation, Report, UnitReport, VesselReport

SLICE_S: Final = 0.005
"""Work after which commands and clients get their turn."""
GATHER_S: Final = 0.5
GATHER: Final = 500
"""How long, and how many deliveries, what is over quota is gathered for one entry."""
RETRY_AFTER_S: Final = 5
_FULL: Final = "TOC-2010"
Level = Literal["normal", "half", "high", "full"]
LEVELS: Final[tuple[Level, ...]] = ("normal", "half", "high", "full")
_RISES_AT: Final[dict[Level, int]] = {"half": 50, "high": 80, "full": 100}
_FALLS_BELOW: Final[dict[Level, int]] = {"half": 40, "high": 70, "full": 90}
"""Per cent of the room; falling lies under rising, so that a queue at a watermark does not flap."""

Take = Callable[[str, Reading], bool]
"""(feed, delivery): journals it; True where part of it was over quota and waits for ``Flush``."""
Flush = Callable[[], object]
Load = Callable[[ev.LoadChanged], object]


@dataclass(slots=True)
class _Delivery:
    reading: Reading
    done: asyncio.Future[int]
    """How many of its messages a newer one took the place of."""
    size: int
    replaced: int = 0
    held: bool = False
    """Part of it was over quota and waits for ``Flush``."""

    def part(self) -> Reading:
        """Its next message, which no longer waits; what was refused goes with the accepted one that follows it."""
        accepted = (at for at, one in enumerate(self.reading.messages, 1) if isinstance(one, Accepted))
        cut, more = next(accepted, 0), next(accepted, 0)
        part = self.reading
        if more:
            part = replace(part, messages=part.messages[:cut])
            self.reading = Reading(self.reading.messages[cut:])
        else:
            self.reading = Reading(())
        self.size -= len(part.messages)
        return part


@dataclass(slots=True)
class _Queue:
    """What waits of one feed, in order."""

    feed: str
    spec: Waiting
    waiting: deque[_Delivery] = field(default_factory=deque)
    messages: int = 0
    level: Level = "normal"
    lost: int = 0
    replaced: int = 0
    roomy: asyncio.Event = field(default_factory=asyncio.Event)

    def fits(self, size: int) -> bool:
        """Whether so many messages have room; a delivery larger than all the room fits while nothing waits."""
        return self.messages + size <= self.spec.room or not self.messages

    def judged(self) -> Level:
        """The level that this filling means, coming from the one it has."""
        filled = 100 * self.messages // self.spec.room
        known = LEVELS.index(self.level)
        risen = sum(filled >= _RISES_AT[one] for one in LEVELS[1:])
        return LEVELS[max(risen, sum(filled >= _FALLS_BELOW[one] for one in LEVELS[1 : known + 1]))]


class Lanes:
    """The queues of all feeds of a core. Lives on the core's loop; only ``run`` and ``drain`` take from it."""

    def __init__(
        self,
        feeds: Mapping[str, Waiting],
        *,
        take: Take,
        flush: Flush,
        told: Load,
        failed: Callable[[str, Exception], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``told`` hears of watermarks; ``failed`` of faults of ours, which end a delivery and not the core."""
        self._queues = {name: _Queue(name, spec) for name, spec in feeds.items()}
        self._lanes = [deque(one for one in self._queues.values() if one.spec.lane == lane) for lane in LANES]
        self._take, self._flush, self._told, self._failed, self._clock_s = take, flush, told, failed, clock_s
        self._wake = asyncio.Event()
        self._held: list[_Delivery] = []
        self._held_since_s = 0.0

    # --- arriving -------------------------------------------------------------------------------------------

    def wait_s(self, feed: str) -> int:
        """In how many seconds to come again; 0 where there may be room. Asked before a message is read."""
        queue = self._queues[feed]
        if queue.spec.when_full == "newest" or queue.fits(1):
            return 0
        self._turn_away(queue, 1)
        return RETRY_AFTER_S

    async def put(self, feed: str, reading: Reading) -> int:
        """How many of the delivery's messages newer ones replaced, once the journal has the others.

        Raises:
            InputError: TOC-2010 where there is no room by the feed's policy, TOC-2011 as ``take``; nothing was taken.
        """
        queue, size = self._queues[feed], len(reading.messages)
        if not queue.fits(size) and queue.spec.when_full == "newest":
            self._replace(queue, reading)
        if not queue.fits(size):
            self._turn_away(queue, size)
            raise InputError(f"{queue.messages} of {queue.spec.room} messages wait.", code=_FULL)
        return await self._queued(queue, reading, size)

    async def wait(self, feed: str, reading: Reading) -> int:
        """As ``put``, for who can wait: nothing is turned away or replaced."""
        queue, size = self._queues[feed], len(reading.messages)
        while not queue.fits(size):
            queue.roomy.clear()
            await queue.roomy.wait()
        return await self._queued(queue, reading, size)

    async def _queued(self, queue: _Queue, reading: Reading, size: int) -> int:
        delivery = _Delivery(reading, asyncio.get_running_loop().create_future(), size)
        queue.waiting.append(delivery)
        queue.messages += size
        self._judge(queue)
        self._wake.set()
        return await asyncio.shield(delivery.done)

    def _turn_away(self, queue: _Queue, size: int) -> None:
        queue.lost += max(size, 1)
        if queue.level != "full":
            self._tell(queue, "full")

    def _replace(self, queue: _Queue, reading: Reading) -> None:
        """Takes out of the queue what the newcomer says anew, the oldest first, until it fits."""
        fresh = [report for report in reading.reports if _moving(report)]
        for delivery in queue.waiting:
            if queue.fits(len(reading.messages)):
                return
            kept = [one for one in delivery.reading.messages if not _said_by(fresh, one)]
            gone = len(delivery.reading.messages) - len(kept)
            delivery.reading = replace(delivery.reading, messages=tuple(kept))
            delivery.size -= gone
            delivery.replaced += gone
            queue.messages -= gone
            queue.replaced += gone

    # --- watermarks -----------------------------------------------------------------------------------------

    def _judge(self, queue: _Queue) -> None:
        level = queue.judged()
        if level != queue.level:
            self._tell(queue, level)

    def _tell(self, queue: _Queue, level: Level) -> None:
        change = ev.LoadChanged(
            queue=queue.feed, level=level, waiting=queue.messages, room=queue.spec.room,
            lost=queue.lost, replaced=queue.replaced,
        )  # fmt: skip
        try:
            self._told(change)
        except TocsinError:
            return  # the journal is away: told at the next change, with the counts of then
        queue.level = level
        if level == "normal":
            queue.lost = queue.replaced = 0

    # --- draining -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Takes what waits, slice by slice, until it is cancelled."""
        while True:
            busy = self.drain()
            if busy:
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            patience = self._held_since_s + GATHER_S - self._clock_s() if self._held else None
            try:
                await asyncio.wait_for(self._wake.wait(), patience)
            except TimeoutError:
                continue

    def drain(self) -> bool:
        """Takes one slice's worth; whether anything still waits in a queue."""
        until_s = self._clock_s() + SLICE_S
        for queue in self._next():
            self._take_one(queue)
            if self._clock_s() >= until_s:
                break
        if self._held and (len(self._held) >= GATHER or self._clock_s() >= self._held_since_s + GATHER_S):
            self._settle()
        return any(queue.waiting for queue in self._queues.values())

    def _next(self) -> Iterator[_Queue]:
        """The queue to take from, again and again: the highest lane that waits, its feeds in turn."""
        while True:
            for lane in self._lanes:
                for _ in range(len(lane)):
                    queue = lane[0]
                    lane.rotate(-1)
                    if queue.waiting:
                        yield queue
                        break
                else:
                    continue
                break
            else:
                return

    def _take_one(self, queue: _Queue) -> None:
        delivery = queue.waiting[0]
        before, part = delivery.size, delivery.part()
        queue.messages -= before - delivery.size
        error = self._taken(queue.feed, delivery, part)
        if error is not None or not delivery.size:
            queue.waiting.popleft()
            queue.messages -= delivery.size
            if delivery.held and error is None:
                self._hold(delivery)
            else:
                _answer(delivery, error)
        queue.roomy.set()
        self._judge(queue)

    def _taken(self, feed: str, delivery: _Delivery, part: Reading) -> Exception | None:
        if not part.messages and delivery.replaced:
            return None  # newer messages have said all of it
        try:
            delivery.held = self._take(feed, part) or delivery.held
        except TocsinError as error:
            return error
        except Exception as error:
            # The supervisor of deliveries: a fault of ours ends this one, neither the others nor the core.
            self._failed(f"a delivery of {feed}", error)
            return InternalError(f"{type(error).__name__}.")
        return None

    def _hold(self, delivery: _Delivery) -> None:
        """Leaves it unanswered until what is over quota in it is in the journal."""
        if not self._held:
            self._held_since_s = self._clock_s()
        self._held.append(delivery)

    def _settle(self) -> None:
        held, self._held = self._held, []
        error: Exception | None = None
        try:
            self._flush()
        except TocsinError as refused:
            error = refused
        except Exception as fault:
            # As in ``_take_one``: the deliveries are answered that they were not taken.
            self._failed("counting reports over quota", fault)
            error = InternalError(f"{type(fault).__name__}.")
        for delivery in held:
            _answer(delivery, error)

    def close(self) -> None:
        """Ends what still waits: it was not acknowledged, so its sender has it."""
        for delivery in chain(self._held, *(queue.waiting for queue in self._queues.values())):
            delivery.done.cancel()


def _answer(delivery: _Delivery, error: Exception | None = None) -> None:
    if delivery.done.done():
        return  # whoever posted it has gone; the journal has it all the same
    if error is None:
        delivery.done.set_result(delivery.replaced)
    else:
        delivery.done.set_exception(error)
        delivery.done.exception()  # seen: nobody may be left to raise it to


def _moving(report: Report) -> bool:
    """Whether a newer report of this kind may say all that this one does: positions and values, no words or status."""
    spoken = isinstance(report, UnitReport) and (report.status is not None or report.text is not None)
    return isinstance(report, (Observation, VesselReport, UnitReport)) and not spoken


def _said_by(fresh: Sequence[Report], message: Accepted | Refused) -> bool:
    """Whether newer reports tell all that is in a message, and of a later time."""
    if not isinstance(message, Accepted) or not message.reports:
        return False
    return all(_moving(old) and any(_covers(new, old) for new in fresh) for old in message.reports)


def _covers(new: Report, old: Report) -> bool:
    if new.report != old.report or subject(new) != subject(old) or new.at_ms < old.at_ms:
        return False
    quantity = getattr(old, "quantity", None)
    if getattr(new, "quantity", None) != quantity:
        return False
    # A ship tells its name and its position in different messages: neither stands for the other.
    return all(getattr(new, name) is not None for name, value in old if value is not None)
