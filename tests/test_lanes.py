"""Deliveries wait by lane: a lower one never delays or evicts a higher one, and nothing is lost in silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from console.lanes import GATHER_S, SLICE_S, Lanes
from feeds.config import Waiting
from feeds.intake import Accepted, Reading, Refused
from picture import events as ev
from picture.errors import InputError, InternalError, JournalError
from picture.reports import IncidentReport, Observation, Report, UnitReport, VesselReport

CITIZENS = Waiting("citizens", "refuse", 10)
FEEDS = {
    "app": CITIZENS,
    "app-2": CITIZENS,
    "calls": Waiting("calls", "refuse", 10),
    "met": Waiting("authorities", "refuse", 10),
    "gauges": Waiting("sensors", "newest", 10),
}


def call(number: int = 0) -> IncidentReport:
    return IncidentReport(at_ms=number, incident_kind="flood", external_id=str(number))


def gauge(name: str, at_ms: int, quantity: str = "water_level") -> Observation:
    return Observation(at_ms=at_ms, sensor=name, quantity=quantity, value=1.0, unit="m")


def delivery(*reports: Report) -> Reading:
    return Reading(tuple(Accepted(b"raw", (one,)) for one in reports))


@dataclass
class Hall:
    """A core that takes what the lanes give it, each in ``work_s`` of a clock that stands otherwise."""

    work_s: float = 0.0
    taken: list[tuple[str, tuple[Report, ...]]] = field(default_factory=list)
    told: list[ev.LoadChanged] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    flushed: int = 0
    fail: Exception | None = None
    over: bool = False
    now_s: float = 0.0
    rooms: dict[str, Waiting] = field(default_factory=lambda: dict(FEEDS))
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        self.lanes = Lanes(
            self.rooms, take=self.take, flush=self.flush, told=self.told.append,
            failed=lambda what, _error: self.faults.append(what), clock_s=lambda: self.now_s,
        )  # fmt: skip

    def take(self, feed: str, reading: Reading) -> bool:
        self.now_s += self.work_s
        if self.fail is not None:
            raise self.fail
        self.taken.append((feed, reading.reports))
        return self.over

    def flush(self) -> None:
        if self.fail is not None:
            raise self.fail
        self.flushed += 1

    async def put(self, feed: str, *reports: Report) -> asyncio.Task[int]:
        """A sender that waits for its answer."""
        task = asyncio.create_task(self.lanes.put(feed, delivery(*reports)))
        await asyncio.sleep(0)
        return task

    @property
    def feeds(self) -> list[str]:
        return [feed for feed, _ in self.taken]

    @property
    def levels(self) -> list[tuple[str, str]]:
        return [(one.queue, one.level) for one in self.told]


def test_what_came_last_in_a_higher_lane_is_taken_first() -> None:
    async def run() -> None:
        hall = Hall()
        for feed in ("app", "gauges", "met", "calls"):
            await hall.put(feed, call())
        assert not hall.lanes.drain()
        assert hall.feeds == ["calls", "met", "gauges", "app"]

    asyncio.run(run())


def test_a_call_waits_for_one_slice_however_many_citizens_wait() -> None:
    async def run() -> None:
        hall = Hall(work_s=SLICE_S)
        for number in range(9):
            await hall.put("app", call(number))
        assert hall.lanes.drain()  # one slice: one message of this cost
        await hall.put("calls", call())
        hall.lanes.drain()
        assert hall.feeds == ["app", "calls"]

    asyncio.run(run())


def test_a_call_does_not_wait_for_a_large_delivery_of_others_to_be_taken_whole() -> None:
    async def run() -> None:
        hall = Hall(work_s=SLICE_S)
        large = await hall.put("app", *(call(number) for number in range(9)))
        hall.lanes.drain()
        small = await hall.put("calls", call())
        hall.lanes.drain()
        assert hall.feeds == ["app", "calls"] and await small == 0 and not large.done()
        while hall.lanes.drain():
            continue
        assert await large == 0 and [reports[0].external_id for _, reports in hall.taken[2:]] == list("12345678")

    asyncio.run(run())


def test_what_was_refused_among_accepted_messages_goes_with_them() -> None:
    async def run() -> None:
        hall = Hall()
        bad = Refused(b"bad", InputError(code="TOC-2002"))
        good = Accepted(b"raw", (call(),))
        seen: list[Reading] = []
        hall.lanes = Lanes(
            FEEDS, take=lambda _feed, reading: bool(seen.append(reading)), flush=hall.flush, told=hall.told.append,  # type: ignore[func-returns-value]
            failed=lambda *_: None,
        )  # fmt: skip
        for messages in ((bad, good, bad, good, bad), (bad,), ()):
            task = asyncio.create_task(hall.lanes.put("calls", Reading(messages, missing=4)))
            await asyncio.sleep(0)
            hall.lanes.drain()
            await task
        assert [one.messages for one in seen] == [(bad, good), (bad, good, bad), (bad,), ()]
        assert [one.missing for one in seen] == [4, 0, 4, 4]

    asyncio.run(run())


def test_feeds_of_one_lane_take_turns() -> None:
    async def run() -> None:
        hall = Hall()
        for number in range(3):
            await hall.put("app", call(number))
        await hall.put("app-2", call())
        hall.lanes.drain()
        assert hall.feeds.index("app-2") < 2

    asyncio.run(run())


def test_a_sender_is_answered_when_its_message_was_taken_and_not_before() -> None:
    async def run() -> None:
        hall = Hall()
        sender = await hall.put("calls", call())
        assert not sender.done()
        hall.lanes.drain()
        assert await sender == 0

    asyncio.run(run())


def test_a_full_queue_refuses_by_code_and_no_other_feed_loses_its_room() -> None:
    async def run() -> None:
        hall = Hall()
        for number in range(10):
            await hall.put("app", call(number))
        assert hall.lanes.wait_s("app") > 0 and hall.lanes.wait_s("app-2") == 0 and hall.lanes.wait_s("calls") == 0
        with pytest.raises(InputError) as refused:
            await hall.lanes.put("app", delivery(call()))
        assert refused.value.code == "TOC-2010"
        await hall.put("calls", call())
        hall.lanes.drain()
        assert len(hall.taken) == 11
        assert (hall.told[-1].level, hall.told[-1].lost) == ("normal", 2)

    asyncio.run(run())


def test_a_delivery_is_taken_whole_or_not_at_all() -> None:
    async def run() -> None:
        hall = Hall()
        await hall.put("app", *(call(number) for number in range(6)))
        with pytest.raises(InputError):
            await hall.lanes.put("app", delivery(*(call(number) for number in range(5))))
        hall.lanes.drain()
        assert len(hall.taken) == 6
        whole = await hall.put("app", *(call(number) for number in range(25)))  # larger than all its room, alone
        hall.lanes.drain()
        assert len(hall.taken) == 31 and await whole == 0

    asyncio.run(run())


def test_watermarks_are_told_on_the_way_up_before_anything_is_lost_and_once_on_the_way_down() -> None:
    async def run() -> None:
        hall = Hall(work_s=SLICE_S)
        for number in range(10):
            await hall.put("app", call(number))
        assert hall.levels == [("app", "half"), ("app", "high"), ("app", "full")]
        assert [one.waiting for one in hall.told] == [5, 8, 10] and not any(one.lost for one in hall.told)
        while hall.lanes.drain():
            continue
        assert hall.levels[3:] == [("app", "high"), ("app", "half"), ("app", "normal")]

    asyncio.run(run())


def test_a_watermark_that_could_not_be_journalled_is_told_at_the_next_change() -> None:
    async def run() -> None:
        hall = Hall()
        away = True

        def told(change: ev.LoadChanged) -> None:
            if away:
                raise JournalError(code="TOC-3105")
            hall.told.append(change)

        hall.lanes = Lanes(FEEDS, take=hall.take, flush=hall.flush, told=told, failed=lambda *_: None)
        senders = [await hall.put("app", call(number)) for number in range(6)]
        assert not any(one.done() for one in senders)  # it waits all the same
        away = False
        await hall.put("app", call(7))
        assert [(one.level, one.waiting) for one in hall.told] == [("half", 7)]

    asyncio.run(run())


def test_a_queue_that_sways_about_a_watermark_is_told_once() -> None:
    async def run() -> None:
        hall = Hall(work_s=SLICE_S)
        for number in range(5):
            await hall.put("app", call(number))
        for number in range(20):
            hall.lanes.drain()
            await hall.put("app", call(number))
        assert hall.levels == [("app", "half")]

    asyncio.run(run())


def test_a_newer_reading_takes_the_place_of_the_older_one_and_is_counted() -> None:
    async def run() -> None:
        hall = Hall()
        senders = [await hall.put("gauges", gauge(f"G-{number}", 1)) for number in range(10)]
        fresh = await hall.put("gauges", gauge("G-3", 2))
        hall.lanes.drain()
        found = [report for _, reports in hall.taken for report in reports if isinstance(report, Observation)]
        assert [one.at_ms for one in found if one.sensor == "G-3"] == [2] and len(found) == 10
        assert await senders[3] == 1 and await senders[4] == 0 and await fresh == 0
        assert (hall.told[-1].level, hall.told[-1].replaced, hall.told[-1].lost) == ("normal", 1, 0)

    asyncio.run(run())


@pytest.mark.parametrize(
    "newcomer",
    [
        gauge("G-77", 9),
        gauge("G-3", 9, quantity="flow"),
        gauge("G-3", 0),
    ],
    ids=["another sensor", "another quantity", "an older reading"],
)
def test_what_replaces_nothing_is_refused_rather_than_pushing_another_out(newcomer: Report) -> None:
    async def run() -> None:
        hall = Hall()
        for number in range(10):
            await hall.put("gauges", gauge(f"G-{number}", 1))
        with pytest.raises(InputError):
            await hall.lanes.put("gauges", delivery(newcomer))
        hall.lanes.drain()
        assert len(hall.taken) == 10

    asyncio.run(run())


@pytest.mark.parametrize(
    ("waiting", "newcomer"),
    [
        (VesselReport(at_ms=1, mmsi=1, name="STELLA"), VesselReport(at_ms=2, mmsi=1, lon_e7=1, lat_e7=1)),
        (UnitReport(at_ms=1, callsign="E12", status="on_scene"), UnitReport(at_ms=2, callsign="E12", status="clear")),
        (call(1), call(2)),
    ],
    ids=["a name by a position", "a status by a later one", "an incident"],
)
def test_words_status_and_incidents_are_never_replaced(waiting: Report, newcomer: Report) -> None:
    async def run() -> None:
        hall = Hall(rooms={"gauges": Waiting("sensors", "newest", 1)})
        await hall.put("gauges", waiting)
        with pytest.raises(InputError):
            await hall.lanes.put("gauges", delivery(newcomer))
        hall.lanes.drain()
        assert hall.taken == [("gauges", (waiting,))]

    asyncio.run(run())


def test_who_can_wait_waits_and_loses_nothing() -> None:
    async def run() -> None:
        hall = Hall()
        for number in range(10):
            await hall.put("met", call(number))
        poller = asyncio.create_task(hall.lanes.wait("met", delivery(call(11))))
        await asyncio.sleep(0)
        assert not poller.done()
        hall.lanes.drain()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        hall.lanes.drain()
        assert await poller == 0 and len(hall.taken) == 11
        assert hall.told[-1].level == "normal" and hall.told[-1].lost == 0

    asyncio.run(run())


def test_what_is_over_quota_is_answered_when_it_was_journalled() -> None:
    async def run() -> None:
        hall = Hall(over=True)
        first, second = await hall.put("app", call(1)), await hall.put("app", call(2))
        hall.lanes.drain()
        await asyncio.sleep(0)
        assert hall.flushed == 0 and not first.done() and not second.done()
        hall.now_s += GATHER_S
        hall.lanes.drain()
        assert (await first, await second) == (0, 0) and hall.flushed == 1

    asyncio.run(run())


def test_senders_hear_that_there_was_no_room_to_keep_what_was_over_quota() -> None:
    async def run() -> None:
        hall = Hall(over=True)
        sender = await hall.put("app", call())
        hall.lanes.drain()
        hall.now_s, hall.fail = GATHER_S, InputError(code="TOC-2011")
        hall.lanes.drain()
        with pytest.raises(InputError, match="TOC-2011"):
            await sender
        assert not hall.faults

    asyncio.run(run())


def test_a_fault_ends_one_delivery_and_not_the_others() -> None:
    async def run() -> None:
        hall = Hall(fail=InternalError("broken"))
        sender = await hall.put("calls", call())
        hall.lanes.drain()
        with pytest.raises(InternalError):
            await sender
        hall.fail = ZeroDivisionError()
        sender = await hall.put("calls", call())
        hall.lanes.drain()
        assert hall.faults == ["a delivery of calls"]
        with pytest.raises(InternalError, match="ZeroDivisionError"):
            await sender
        hall.fail = None
        sender = await hall.put("calls", call())
        hall.lanes.drain()
        assert await sender == 0 and len(hall.taken) == 1

    asyncio.run(run())


def test_the_loop_turns_between_slices_of_a_flood() -> None:
    async def run() -> None:
        hall = Hall(work_s=SLICE_S, rooms={"app": Waiting("citizens", "refuse", 1000)})
        senders = [await hall.put("app", call(number)) for number in range(50)]
        draining = asyncio.create_task(hall.lanes.run())
        turns = 0
        while not senders[-1].done():
            await asyncio.sleep(0)  # as a command would get its turn
            turns += 1
        draining.cancel()
        assert turns >= 50 and len(hall.taken) == 50

    asyncio.run(run())
