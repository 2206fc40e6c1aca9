"""Cores of one domain follow each other: a partition ends in one picture, and silence is seen within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from console import commands as c
from console.canary import BEHIND_S, SILENT_S, Canary
from console.core import Core, Draft
from console.desk import Desk
from console.federation import Federation
from picture import events as ev
from picture.clock import VirtualClock
from picture.conflicts import conflicts
from picture.entry import Entry
from picture.errors import JournalError, RefusedError
from picture.journal import SqliteJournal
from picture.journal.protocol import Head
from picture.sealing import Keyring, core_signing_key
from tests.scaffold import INES, NOON_MS, Nowhere, build, drill, entries, hear, unit

NAMES = ("core-north", "core-south")


@dataclass
class Cable:
    """What lies between two cores; it may be cut, or go on standing open in silence."""

    cut: bool = False
    muted: bool = False
    heard: dict[str, list[Callable[[Head], None]]] = field(default_factory=dict)

    async def tell(self, head: Head) -> None:
        if self.cut:
            raise JournalError(code="TOC-3142")
        for call in self.heard.get(head.stream, ()) if not self.muted else ():
            call(head)

    async def hear(self, stream: str, call: Callable[[Head], None]) -> None:
        self.heard.setdefault(stream, []).append(call)


@dataclass
class Site:
    """A core, its way to the other, and a clock of its own."""

    core: Core
    cable: Cable
    other: Site | None = None
    now_s: float = 0.0
    federation: Federation = field(init=False)

    @property
    def stream(self) -> str:
        """As the other's peer: the name of this core's stream."""
        return self.core.home.stream

    def join(self, other: Site) -> None:
        self.other = other
        self.federation = Federation(self.core, [other], self.cable, clock_s=lambda: self.now_s)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Site]:
        if self.cable.cut:
            raise JournalError(code="TOC-3141")
        yield self

    async def follow(self, after: int = 0) -> AsyncIterator[Entry]:
        while True:
            if self.cable.cut:
                raise JournalError(code="TOC-3142")
            for entry in [] if self.cable.muted else list(self.core.journal.read(after)):
                yield entry
                after = entry.seq
            await asyncio.sleep(0.005)

    def say(self, *events: ev.Event) -> list[Entry]:
        return self.core.record([Draft(one) for one in events])

    def pull(self) -> None:
        """What arrives when the way is open, one look at the canaries included."""
        assert self.other is not None
        for entry in self.other.core.journal.read(self.federation.received[self.other.stream]):
            self.federation.take(self.other.stream, entry)
        self.federation.look()

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.core.journal.read()]


def site(folder: Path, name: str, cable: Cable, number: int) -> Site:
    journal = SqliteJournal(
        folder / name, name, keyring=Keyring(folder / f"{name}-keys"), signing_key=core_signing_key(folder / name)
    )
    core = Core(journal=journal, clock=VirtualClock(NOON_MS), seed=name)
    core.record([Draft(drill()), Draft(unit(f"E{number}", agency=name))])
    return Site(core, cable)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    cable = Cable()
    north, south = (site(tmp_path, name, cable, number) for number, name in enumerate(NAMES, 1))
    north.join(south)
    south.join(north)
    yield north, south
    north.core.journal.close()
    south.core.journal.close()


def incident(name: str) -> ev.IncidentOpened:
    return ev.IncidentOpened(incident=name, incident_kind="fire", title="Fire", priority=2, authoritative_id="CAD-7")


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


# --- following --------------------------------------------------------------------------------------------


def test_incidents_and_units_of_the_other_stand_on_the_picture(two: tuple[Site, Site]) -> None:
    north, south = two
    south.say(incident("I-S1"))
    north.pull()
    assert set(north.core.picture.incidents) == {"I-S1"} and set(north.core.picture.units) == {"E1", "E2"}
    assert not north.core.home.incidents


def test_how_far_the_other_was_received_is_journalled_once_for_all_that_came(two: tuple[Site, Site]) -> None:
    north, south = two
    for number in range(5):
        south.say(incident(f"I-{number}"))
    north.pull()
    north.pull()
    assert north.kinds.count("cursor.received") == 1
    assert north.core.home.received == {"core-south": south.core.home.seq}
    (entry,) = north.core.journal.read(kinds=frozenset({"cursor.received"}))
    assert isinstance(entry.event, ev.CursorReceived)
    assert entry.event.cursor == (("core-south", south.core.home.seq, south.core.journal.head().hash),)


def test_two_cores_that_hear_each_other_come_to_rest_with_one_digest(two: tuple[Site, Site]) -> None:
    north, south = two
    for _ in range(6):
        north.pull()
        south.pull()
    assert (north.kinds.count("cursor.received"), south.kinds.count("cursor.received")) == (1, 1)
    assert north.core.picture.digest() == south.core.picture.digest()
    assert north.core.picture.cursor == south.core.picture.cursor


def test_what_two_cores_contradict_each_other_on_is_shown_on_both(two: tuple[Site, Site]) -> None:
    north, south = two
    north.say(incident("I-N1"))
    south.say(incident("I-S1"))
    for _ in range(3):
        north.pull()
        south.pull()
    found = conflicts(north.core.picture)
    assert [one.kind for one in found] == ["incident number"] and found == conflicts(south.core.picture)


def test_an_entry_that_does_not_follow_is_not_applied(two: tuple[Site, Site]) -> None:
    north, south = two
    south.say(incident("I-1"))
    told = list(south.core.journal.read())
    north.federation.take("core-south", told[0])
    forged = replace(told[1], prev="0" * 64)
    for entry in (told[2], forged):
        with pytest.raises(JournalError, match="TOC-3002"):
            north.federation.take("core-south", entry)
    assert north.federation.received == {"core-south": 1}


def test_entries_received_twice_change_nothing(two: tuple[Site, Site]) -> None:
    north, south = two
    north.pull()
    digest = north.core.picture.digest()
    assert north.core.receive(list(south.core.journal.read())) == []
    assert north.core.picture.digest() == digest


def test_nobody_here_reacts_to_what_another_core_journalled(two: tuple[Site, Site]) -> None:
    north, south = two
    seen: list[str] = []
    north.core.react_with("spy", lambda found: seen.extend(one.stream for one in found) or ())  # type: ignore[func-returns-value]
    told: list[str] = []
    north.core.follow_with(lambda found: told.extend(one.kind for one in found))
    south.say(incident("I-1"))
    north.pull()
    assert set(seen) == {"core-north"} and "incident.opened" in told


# --- a partition, on the loop -------------------------------------------------------------------------------


async def test_a_partition_ends_in_one_picture(two: tuple[Site, Site]) -> None:
    north, south = two
    cable = north.cable
    tasks = [asyncio.create_task(one.federation.run()) for one in two]
    await until(lambda: all(one.federation.received[one.other.stream] >= 2 for one in two if one.other))
    cable.cut = True
    for number in range(300):
        north.say(incident(f"I-N{number}"))
        south.say(incident(f"I-S{number}"))
    assert "I-S0" not in north.core.picture.incidents
    cable.cut = False
    await until(lambda: north.core.picture.digest() == south.core.picture.digest())
    assert len(north.core.picture.incidents) == 600
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_altered_stream_is_followed_no_further_and_told(two: tuple[Site, Site]) -> None:
    north, south = two
    north.pull()
    north.federation._hashes["core-south"] = "f" * 64
    south.say(incident("I-1"))
    task = asyncio.create_task(north.federation._follow(south))
    await asyncio.wait_for(task, 5)
    north.federation.look()
    assert north.core.home.links["core-south"].state == "differs"
    assert "I-1" not in north.core.picture.incidents
    (alarm,) = north.core.home.alarms.values()
    assert alarm.priority == 2 and alarm.cause and alarm.action


# --- canaries -----------------------------------------------------------------------------------------------


def test_an_open_but_silent_link_is_seen_within_seconds_and_its_return_too(two: tuple[Site, Site]) -> None:
    north, south = two
    north.pull()
    canary = north.federation.canaries["core-south"]
    for north.now_s in (1.0, 2.0, 3.0):
        canary.beat(north.now_s, south.core.home.seq, south.core.journal.head().hash)
        north.federation.look()
    assert "link.changed" not in north.kinds  # being well is no news, however often it is told
    north.now_s = 3.0 + SILENT_S + 1
    north.federation.look()
    north.now_s += 60
    north.federation.look()
    assert north.core.home.links["core-south"].state == "silent" and SILENT_S + 1 <= 5
    assert north.kinds.count("link.changed") == 1
    (alarm,) = north.core.home.alarms.values()
    canary.beat(north.now_s, south.core.home.seq, south.core.journal.head().hash)
    north.federation.look()
    assert north.core.home.links["core-south"].state == "ok"
    assert north.core.home.alarms[alarm.id].state == "returned_unacknowledged"


async def test_a_link_that_stands_open_and_says_nothing_is_told_on_both_sides(two: tuple[Site, Site]) -> None:
    north, _ = two
    tasks = [asyncio.create_task(one.federation.run()) for one in two]
    await until(lambda: all(one.federation.received[one.other.stream] >= 2 for one in two if one.other))
    north.cable.muted = True
    for one in two:
        one.now_s += 5.0
    await until(
        lambda: [[link.state for link in one.core.home.links.values()] for one in two] == [["silent"], ["silent"]]
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_falling_behind_is_told_and_catching_up_too() -> None:
    canary = Canary("south", 0.0)
    canary.arrived(0.0, 5, "a")
    for second in range(int(BEHIND_S) + 2):
        canary.beat(float(second), 9, "b")
    told = canary.judge(BEHIND_S + 1.5)
    assert told is not None and told.state == "behind" and "9 entries, 5 are here" in told.why
    canary.arrived(7.0, 9, "b")
    back = canary.judge(7.0)
    assert back is not None and back.state == "ok"


def test_a_head_with_another_hash_differs_until_somebody_looks() -> None:
    canary = Canary("south", 0.0)
    canary.arrived(0.0, 9, "a")
    canary.beat(0.5, 9, "b")
    told = canary.judge(1.0)
    assert told is not None and told.state == "differs"
    canary.beat(1.5, 10, "c")
    assert canary.judge(2.0) is None


def test_a_restarted_core_does_not_tell_again_what_its_journal_says_of_a_link() -> None:
    assert Canary("south", 0.0, "silent").judge(SILENT_S + 1) is None
    back = Canary("south", 0.0, "silent").judge(0.0)
    assert back is not None and back.state == "ok"


# --- other agencies' units ------------------------------------------------------------------------------------


def test_a_unit_of_another_core_is_asked_for_and_not_sent(two: tuple[Site, Site]) -> None:
    north, _ = two
    north.pull()
    desk = Desk(north.core, Nowhere())
    with pytest.raises(RefusedError) as refused:
        desk.assign(c.Assign(unit="E2", incident=""), INES)
    assert (
        refused.value.code == "TOC-4070" and "core-south" in refused.value.detail and "request" in refused.value.remedy
    )
    assert "unit.assigned" not in north.kinds


def test_what_fusion_knows_is_not_moved_by_another_core(tmp_path: Path) -> None:
    with build(tmp_path) as room:

        class Town(Nowhere):
            def follow(self, picture: object) -> None:
                raise AssertionError("roads follow this core's own stream")

        town = Town()
        town.follow = lambda picture: None  # type: ignore[method-assign]
        ingest = hear(room, town, {})  # type: ignore[arg-type]
        room.core.receive(entries([drill(), incident("I-1")], stream="core-south"))
        assert "I-1" in room.core.picture.incidents and not ingest.fusion._live
