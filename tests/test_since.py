"""Two operators on one thing: the second is refused with the difference, and nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console import commands as c
from console.core import Draft
from console.pacer import Pacer
from console.people import Person
from picture import events as ev
from picture.errors import RefusedError
from tests.scaffold import INES, OMAR, Room, build, proposal, unit

PLACE = c.PlaceInput(lon=-30.0, lat=46.0, how="cursor")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with build(tmp_path) as room:
        yield room


def refused(room: Room, command: c.Command, person: Person) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        room.do(command, person)
    return caught.value


def test_a_field_changed_by_another_since_it_was_seen_refuses_with_the_difference(room: Room) -> None:
    room.do(c.TakeReport(incident_kind="fire", place=PLACE))
    seen = room.core.home.seq
    room.do(c.ChangeIncident(incident="I-1", priority=2, seen=seen), OMAR)
    error = refused(room, c.ChangeIncident(incident="I-1", priority=3, seen=seen), INES)
    assert (error.code, error.diff) == ("TOC-4030", ("I-1 priority 1 → 2 (by Omar Haddad)",))
    assert room.core.home.incidents["I-1"].priority == 2
    room.do(c.ChangeIncident(incident="I-1", title="Quay", seen=seen), INES)  # another field of the same thing
    room.do(c.ChangeIncident(incident="I-1", priority=3, seen=room.core.home.seq), INES)  # having looked again
    assert room.core.home.incidents["I-1"].priority == 3


def test_ones_own_changes_and_changes_that_were_undone_stand_in_nobodys_way(room: Room) -> None:
    room.do(c.TakeReport(incident_kind="fire", place=PLACE))
    seen = room.core.home.seq
    for priority in (2, 3):
        room.do(c.ChangeIncident(incident="I-1", priority=priority, seen=seen), INES)
    seen = room.core.home.seq
    for priority in (4, 3):
        room.do(c.ChangeIncident(incident="I-1", priority=priority), OMAR)
    room.do(c.ChangeIncident(incident="I-1", priority=1, seen=seen), INES)
    assert room.core.home.incidents["I-1"].priority == 1


def test_a_unit_that_another_sent_is_not_sent_again_nor_recalled_unseen(room: Room) -> None:
    room.record(unit("E44"))
    room.do(c.TakeReport(incident_kind="fire", place=PLACE))
    seen = room.core.home.seq
    room.do(c.Assign(unit="E44", incident="I-1", seen=seen), OMAR)
    for second in (c.Assign(unit="e44", incident="I-1", seen=seen), c.QuickLine(line="E44 I-1", seen=seen)):
        error = refused(room, second, INES)
        assert error.code == "TOC-4030" and error.diff == ("E44 local status available → dispatched (by Omar Haddad)",)
    assert refused(room, c.StandDown(unit="E44", seen=seen), INES).code == "TOC-4030"
    room.do(c.StandDown(unit="E44", seen=room.core.home.seq), INES)


def test_a_proposal_settled_meanwhile_and_an_alarm_taken_meanwhile_are_refused_alike(room: Room) -> None:
    room.record(proposal())
    seen = room.core.home.seq
    room.record(ev.ProposalSettled(id="P-1", status="rejected"))
    error = refused(room, c.EditProposal(proposal="P-1", drop=("x",), seen=seen), INES)
    assert error.code == "TOC-4030" and "waiting → rejected" in error.message


def test_a_kind_that_another_corrected_is_not_overwritten(room: Room) -> None:
    room.do(c.TakeReport(incident_kind="fire", place=PLACE))
    seen = room.core.home.seq
    room.do(c.ChangeIncident(incident="I-1", incident_kind="flood", seen=seen), OMAR)
    error = refused(room, c.ChangeIncident(incident="I-1", incident_kind="collapse", seen=seen), INES)
    assert error.diff == ("I-1 kind fire → flood (by Omar Haddad)",)


def test_a_road_that_another_closed_meanwhile_is_not_reopened_unseen(room: Room) -> None:
    closed = {"name": "Wharf Street", "edges": (7,), "reason": "debris"}
    room.record(ev.RoadClosed(id="C-1", by=INES.name, **closed))
    seen = room.core.home.seq
    room.core.record([Draft(ev.RoadClosed(id="C-2", by=OMAR.name, **closed))], actor=OMAR.actor)
    error = refused(room, c.ReopenRoad(road="wharf street", seen=seen), INES)
    assert (error.code, error.diff) == ("TOC-4030", ("C-2 status none → active (by Omar Haddad)",))
    room.do(c.ReopenRoad(closure="C-1", seen=seen), INES)  # the one that the screen showed
    assert room.core.home.closures["C-2"].status == "active"
    error = refused(room, c.ReopenRoad(closure="C-1", seen=seen), OMAR)
    assert error.diff == ("C-1 status active → lifted (by Ines Prado)",)


def test_an_alarm_that_is_named_by_its_key_is_compared_like_any_other(room: Room) -> None:
    room.record(
        ev.AlarmRaised(
            id="AL-1", priority=2, title="Gauge silent", cause_words="x", consequence="y", action="z",
            time_to_act_s=60, subject="TG-1", key="feed:TG-1",
        )
    )  # fmt: skip
    seen = room.core.home.seq
    room.do(c.AckAlarm(alarm="feed:TG-1", seen=seen), OMAR)
    assert refused(room, c.ClearAlarm(alarm="feed:TG-1", why="x", seen=seen), INES).code == "TOC-4030"


def test_a_screen_that_says_it_showed_what_is_yet_to_come_is_refused(room: Room) -> None:
    room.do(c.TakeReport(incident_kind="fire", place=PLACE))
    ahead = room.core.home.seq + 1_000
    assert refused(room, c.ChangeIncident(incident="I-1", priority=2, seen=ahead), INES).code == "TOC-4041"


def test_a_pacer_that_comes_later_leaves_one_memory_of_changes(room: Room) -> None:
    pacer, listening = Pacer(room.core), len(room.core._listeners)
    room.commander.paced_by(pacer)
    assert len(room.core._listeners) == listening
    room.do(c.ControlDrill(action="pause"), Person("Eva", "control", "EOC", "exercise_control"))
    assert pacer.paused


def test_a_screen_from_before_the_core_restarted_is_asked_to_look_again(room: Room) -> None:
    room.record(unit("E44"))
    room.commander._since.start()
    head = room.core.home.seq
    assert refused(room, c.SetStatus(unit="E44", status="oos", seen=head - 1), INES).code == "TOC-4041"
    room.do(c.WriteLog(text="touches nothing", seen=1))
    room.do(c.SetStatus(unit="E44", status="oos", seen=head))


def test_what_was_on_the_screen_stands_beside_what_was_done_last_in_its_commit(room: Room) -> None:
    room.do(c.WriteLog(text="x", seen=1, shown="d" * 64, shown_s=4.2))
    *_, line, screen = room.core.journal.read()
    assert (line.kind, screen.kind, line.commit_id) == ("log.written", "command.given", screen.commit_id)
    assert screen.event.model_dump() == {"command": "write_log", "seen": 1, "shown": "d" * 64, "shown_ms": 4200}
    assert screen.actor == INES.actor
    room.do(c.WriteLog(text="y", seen=2))
    assert list(room.core.journal.read())[-1].kind == "log.written"
