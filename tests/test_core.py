"""The core journals, folds, tells and reacts in one order, and goes on after a restart where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from console import commands as c
from console.commander import Commander
from console.core import MAX_ROUNDS, Core, Draft, JournalAwayError
from console.pacer import Pacer
from picture import events as ev
from picture.clock import VirtualClock
from picture.entry import Entry, NewEntry
from picture.errors import InternalError, JournalError, RefusedError
from picture.ids import Ids
from picture.journal import Head, Receipt, SqliteJournal
from picture.sealing import core_signing_key
from tests.journal_world import World
from tests.scaffold import INES, MINUTE_MS, NOON_MS, Room, build


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with build(tmp_path) as room:
        yield room


def log(number: int = 1) -> ev.LogWritten:
    return ev.LogWritten(id=f"L-{number}", text="x")


def test_a_reaction_is_a_later_commit_that_names_its_cause_and_its_part(room: Room) -> None:
    def answers(entries: Sequence[Entry]) -> list[Draft]:
        return [Draft(ev.HandsOff(on=True)) for entry in entries if isinstance(entry.event, ev.LogWritten)]

    room.core.react_with("playbooks", answers)
    (written,) = room.record(log())
    reaction = list(room.core.journal.read())[-1]
    assert (reaction.kind, reaction.cause, reaction.actor.person) == ("hands_off", (written.seq,), "system:playbooks")
    assert reaction.commit_id != written.commit_id


def test_everybody_is_told_of_a_commit_after_it_was_folded_and_in_order(room: Room) -> None:
    heard: list[tuple[int, int]] = []
    room.core.listen(lambda entries: heard.extend((one.seq, room.core.home.seq) for one in entries))
    room.core.react_with("x", lambda es: [Draft(ev.HandsOff(on=True))] if es[0].kind == "log.written" else [])
    room.record(log())
    assert heard == [(5, 5), (6, 6)]


@pytest.mark.parametrize("rounds", [MAX_ROUNDS - 1, MAX_ROUNDS + 5])
def test_reactions_without_end_are_cut_off_and_the_core_goes_on(room: Room, rounds: int) -> None:
    left = [rounds]

    def again(entries: Sequence[Entry]) -> list[Draft]:
        left[0] -= 1
        return [Draft(log())] if left[0] > 0 else []

    room.core.react_with("loop", again)
    if rounds > MAX_ROUNDS:
        with pytest.raises(InternalError):
            room.record(log())
        left[0] = 0
    room.record(log())
    assert room.core.home.seq == len(list(room.core.journal.read()))


def test_a_restarted_core_goes_on_with_its_picture_clock_and_numbers(room: Room, tmp_path: Path) -> None:
    room.wait(MINUTE_MS)
    first = room.do(c.TakeReport(text="one"))["incident"]
    room.record(ev.SensorUpdated(id="gauge-²", quantity="water_level", unit="m", value=1.0))
    digest = room.core.picture.digest()
    room.core.journal.close()
    with build(tmp_path, opened=False) as again:
        assert again.core.restore() == again.core.home.seq > 0
        assert (again.core.picture.digest(), again.core.now_ms()) == (digest, NOON_MS + MINUTE_MS)
        assert [first, again.do(c.TakeReport(text="two"))["incident"]] == ["I-1", "I-2"]


def test_ids_of_other_forms_move_no_counter() -> None:
    ids = Ids("s")
    for strange in ("I-²", "I-", "-7", "I-1x", "", "I-٣"):
        ids.saw(strange)
    assert ids.new("I") == "I-1"
    ids.saw("I-41")
    assert ids.new("I") == "I-42" and ids.opaque("a", "b") == Ids("s").opaque("a", "b") != Ids("t").opaque("a", "b")


# --- the clock of a drill -------------------------------------------------------------------------------


def planned(room: Room, *seconds: int) -> list[int]:
    done: list[int] = []
    for second in seconds:
        room.core.agenda.add(NOON_MS + second * 1000, "x", lambda: done.append(room.core.now_ms() - NOON_MS))
    return done


def test_a_jump_does_everything_due_on_the_way_at_its_own_time(room: Room) -> None:
    done, pacer = planned(room, 50, 10, 70), Pacer(room.core)
    pacer.control(c.ControlDrill(action="jump", by_s=60))
    assert done == [10_000, 50_000] and room.core.now_ms() == NOON_MS + 60_000


def test_a_step_does_the_next_thing_only(room: Room) -> None:
    done, pacer = planned(room, 50, 10), Pacer(room.core)
    pacer.control(c.ControlDrill(action="pause"))
    pacer.control(c.ControlDrill(action="step"))
    assert done == [10_000] and pacer.paused


async def test_a_pace_of_0_runs_as_fast_as_it_can(room: Room) -> None:
    done, pacer = planned(room, 3600, 7200), Pacer(room.core, speed=0)
    running = asyncio.create_task(pacer.run())
    async with asyncio.timeout(5):
        while len(done) < 2:
            await asyncio.sleep(0.001)
    pacer.control(c.ControlDrill(action="stop"))
    await running
    assert done == [3_600_000, 7_200_000]


def test_only_a_drill_that_still_runs_has_a_clock_to_move(room: Room) -> None:
    pacer, trainer = Pacer(room.core), replace(INES, role="exercise_control")
    commander = Commander(room.core, room.desk, room.executor, pace=pacer)
    commander.give(c.ControlDrill(action="stop"), trainer)
    assert pacer.stopped and room.core.home.drill.stopped == "real emergency"
    for command, giver, code in (("resume", trainer, "TOC-4013"), ("pause", INES, "TOC-4004")):
        with pytest.raises(RefusedError) as caught:
            commander.give(c.ControlDrill.model_validate({"action": command}), giver)
        assert caught.value.code == code


class Losing(SqliteJournal):
    """A journal whose answers are lost for a while, with or without what was sent."""

    lost = ""
    blind = False
    """Whether what stands although its answer was lost is not seen yet."""

    def head(self) -> Head:
        head = super().head()
        return Head(head.stream, head.seq - 1, "") if self.blind else head

    def append_now(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        if self.lost == "before":
            raise JournalError(code="TOC-3142")
        receipt = super().append_now(entries, commit_id=commit_id, expect=expect)
        if self.lost == "after":
            self.lost = "before"  # and from then on nothing gets through
            raise JournalError(code="TOC-3142")
        return receipt


@pytest.fixture
def losing(tmp_path: Path) -> Iterator[tuple[Core, Losing]]:
    world = World(tmp_path)
    journal = Losing(
        world.folder / "journal", "drill.test", keyring=world.keyring(), signing_key=core_signing_key(world.keys)
    )
    yield Core(journal=journal, clock=VirtualClock(NOON_MS), seed="test"), journal
    journal.close()


def texts(core: Core) -> list[object]:
    """What the journal's log entries say, in order."""
    written = [entry for entry in core.journal.read() if entry.kind == "log.written"]
    return [core.journal.opened(entry)["text"] for entry in written]


@pytest.mark.parametrize(("lost", "stands"), [("before", []), ("after", ["first"])])
@pytest.mark.parametrize("by", ["mend", "record", "its commit id"])
def test_a_commit_in_doubt_is_on_the_picture_if_it_stands_and_nothing_after_it_is_lost(
    losing: tuple[Core, Losing], lost: str, stands: list[str], by: str
) -> None:
    core, journal = losing
    core.record([Draft(ev.WorldOpened(site="here", world="drill", city="port-meridian", start_ms=NOON_MS))])
    journal.lost = lost
    with pytest.raises(JournalAwayError):
        core.record([Draft(ev.LogWritten(id="L-1", text="first"))])
    core.note([Draft(ev.LogWritten(id="L-2", text="noted"))])
    journal.lost, journal.blind = "", by == "its commit id"
    if by == "mend":
        core.mend()
    core.record([Draft(ev.LogWritten(id="L-3", text="third"))])
    journal.blind = False
    assert texts(core) == [*stands, "noted", "third"]
    assert core.home.seq == journal.head().seq and journal.verify().ok
    assert len(core.home.log) == len(texts(core))


def test_what_a_reactor_answered_while_the_journal_was_away_is_journalled_once_and_in_its_turn(
    losing: tuple[Core, Losing],
) -> None:
    core, journal = losing
    asked: list[str] = []

    def first(entries: Sequence[Entry]) -> list[Draft]:
        if entries[0].kind != "hands_off":
            return []
        asked.append("first")
        journal.lost = "before"
        return [Draft(ev.LogWritten(id="L-1", text="first"))]

    def second(entries: Sequence[Entry]) -> list[Draft]:
        if entries[0].kind != "hands_off":
            return []
        asked.append("second")
        return [Draft(ev.LogWritten(id="L-2", text="second"))]

    core.react_with("one", first)
    core.react_with("two", second)
    (entry,) = core.record([Draft(ev.HandsOff(on=True))])
    assert entry.kind == "hands_off" and asked == ["first"], "its own commit stands: it is no refusal"
    with pytest.raises(JournalAwayError):
        core.record([Draft(ev.HandsOff(on=False))])
    journal.lost = ""
    core.mend()
    assert asked == ["first", "second"] and texts(core) == ["first", "second"]


def test_what_is_due_while_the_journal_is_away_is_done_once_it_is_back(losing: tuple[Core, Losing]) -> None:
    core, journal = losing
    core.agenda.add(NOON_MS + 1, "6-timer", lambda: core.record([Draft(ev.LogWritten(id="L-1", text="due"))]))
    journal.lost = "before"
    for _ in range(3):
        with pytest.raises(JournalAwayError):
            core.step()
    journal.lost = ""
    assert core.step() and texts(core) == ["due"] and not core.step()
