"""What is approved is carried out exactly and at once, or refused with the difference; silence carries out nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console import commands as c
from picture import events as ev
from picture.errors import PlaybookError, RefusedError
from tests.scaffold import INES, MINUTE_MS, OMAR, Room, build, decision, effect, key_of, proposal

AVAILABLE = (ev.WatchedModel(name="unit:E12.local_status", value="available", words="engine E12"),)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with build(tmp_path) as room:
        yield room


def refused(room: Room, command: c.Command, person: object = INES) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        room.commander.give(command, person)  # type: ignore[arg-type]
    last = list(room.core.journal.read())[-1]
    assert isinstance(last.event, ev.CommandRefused) and last.event.code == caught.value.code
    return caught.value


def test_an_approval_is_carried_out_with_its_settlement_in_one_commit(room: Room) -> None:
    room.record(proposal(effect(1), effect(2)))
    answer = room.do(decision(room, "P-1"))
    assert answer == {"status": "executed", "diff": []}
    made, settled, *effects = list(room.core.journal.read())[-4:]
    assert [made.kind, settled.kind] == ["decision.made", "proposal.settled"]
    assert [one.event.what for one in effects if isinstance(one.event, ev.RequestMade)] == ["ask for 1", "ask for 2"]
    assert {one.commit_id for one in effects} == {settled.commit_id} != {made.commit_id}
    assert all(one.cause == (made.seq,) for one in (settled, *effects))


def test_a_rejection_settles_it_and_carries_out_nothing(room: Room) -> None:
    room.record(proposal())
    assert room.do(decision(room, "P-1", "reject"))["status"] == "rejected"
    assert room.carried == [] and room.core.home.requests == {}


def test_the_reason_of_a_decision_is_a_sealed_log_line_of_the_same_commit(room: Room) -> None:
    room.record(proposal())
    room.do(decision(room, "P-1", "reject").model_copy(update={"reason": "the crew is exhausted"}))
    made, line = list(room.core.journal.read())[-3:-1]
    assert [made.kind, line.kind] == ["decision.made", "log.written"] and made.commit_id == line.commit_id
    assert isinstance(line.event, ev.LogWritten) and line.event.text is None and line.sealed == ("text",)
    assert (line.actor.person, line.event.subject) == ("Ines Prado", "P-1")


def test_a_changed_precondition_is_refused_with_the_difference(room: Room) -> None:
    room.record(proposal(watched=AVAILABLE))
    signed = decision(room, "P-1")
    room.record(ev.UnitStatusChanged(unit="E12", local_status="out_of_service"))
    answer = room.do(signed)
    assert answer == {"status": "refused", "diff": ["engine E12: was available, is out_of_service"]}
    assert room.carried == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"digest": "0" * 64}, "TOC-4005"),
        ({"signature": "00" * 64}, "TOC-4005"),
        ({"verdict": "reject"}, "TOC-4005"),  # signed to approve
        ({"shown": "something else"}, "TOC-4005"),
        ({"public_key": key_of("Mallory").public_key().public_bytes_raw().hex()}, "TOC-4005"),
        ({"proposal": "P-9"}, "TOC-4008"),
    ],
)
def test_a_decision_that_is_not_as_signed_is_refused(room: Room, changes: dict[str, str], code: str) -> None:
    room.record(proposal())
    assert refused(room, decision(room, "P-1").model_copy(update=changes)).code == code
    assert room.core.home.proposals["P-1"].status == "waiting" and room.core.home.decisions == {}


def test_a_decision_under_anothers_key_is_refused(room: Room) -> None:
    room.record(proposal())
    hers = replace(INES, public_key=key_of("Ines at her own desk").public_key().public_bytes_raw().hex())
    assert refused(room, decision(room, "P-1"), hers).code == "TOC-4005"


def test_the_wrong_position_may_not_decide(room: Room) -> None:
    room.record(proposal(positions=("port_captain",)))
    error = refused(room, decision(room, "P-1"))
    assert error.code == "TOC-4004" and "port_captain" in error.message
    assert room.do(decision(room, "P-1", person=OMAR), OMAR)["status"] == "executed"


def test_an_observer_may_not_decide(room: Room) -> None:
    room.record(proposal())
    assert refused(room, decision(room, "P-1"), replace(INES, role="observer")).code == "TOC-4004"


def test_nobody_decides_twice_nor_after_it_is_settled(room: Room) -> None:
    room.record(proposal(quorum=2))
    assert room.do(decision(room, "P-1"))["status"] == "waiting"
    assert refused(room, decision(room, "P-1")).code == "TOC-4009"
    assert room.do(decision(room, "P-1", person=OMAR), OMAR)["status"] == "executed"
    li = replace(INES, name="Li Wen")
    assert refused(room, decision(room, "P-1", person=li), li).code == "TOC-4009"
    assert len(room.carried) == 1


def test_a_simulated_person_is_refused_outside_a_drill(tmp_path: Path) -> None:
    with build(tmp_path, opened=False) as room:
        room.record(ev.WorldOpened(site="s", world="live", city="c", start_ms=0), proposal())
        assert refused(room, decision(room, "P-1"), replace(INES, simulated=True)).code == "TOC-4004"
        assert room.core.home.proposals["P-1"].status == "waiting"


def test_an_edit_has_a_new_digest_and_replaces_the_old_one(room: Room) -> None:
    room.record(proposal(effect(1), effect(2), watched=AVAILABLE))
    old = room.core.home.proposals["P-1"]
    before = decision(room, "P-1")
    identifier = room.do(c.EditProposal(proposal="P-1", drop=("F-2",)))["proposal"]
    new = room.core.home.proposals[identifier]
    assert room.core.home.proposals["P-1"].status == "replaced"
    assert [one.id for one in new.effects] == ["F-1"] and new.digest != old.digest
    assert (new.replaces, new.edited_by, new.watched, new.due_ms) == ("P-1", "Ines Prado", old.watched, old.due_ms)
    assert new.evidence[-1] == "Ines Prado took out: ask for 2"
    assert refused(room, before).code == "TOC-4009"
    assert room.core.agenda.next_ms() == new.due_ms
    room.do(decision(room, identifier))
    assert [[one.id for one in each.effects] for each in room.carried] == [["F-1"]]


@pytest.mark.parametrize("drop", [(), ("F-9",), ("F-1", "F-2")])
def test_an_edit_that_changes_nothing_or_leaves_nothing_is_refused(room: Room, drop: tuple[str, ...]) -> None:
    room.record(proposal(effect(1), effect(2)))
    refused(room, c.EditProposal.model_construct(do="edit_proposal", proposal="P-1", drop=drop))
    assert list(room.core.home.proposals) == ["P-1"]


def test_who_edited_a_two_person_proposal_is_not_one_of_the_two(room: Room) -> None:
    room.record(proposal(effect(1, "two_person"), effect(2)))
    identifier = room.do(c.EditProposal(proposal="P-1", drop=("F-2",)))["proposal"]
    assert room.core.home.proposals[identifier].quorum == 2
    assert refused(room, decision(room, identifier)).code == "TOC-4004"
    li = replace(INES, name="Li Wen")
    assert room.do(decision(room, identifier, person=li), li)["status"] == "waiting"
    assert room.do(decision(room, identifier, person=OMAR), OMAR)["status"] == "executed"


def test_what_cannot_be_carried_out_whole_is_refused_and_not_left_hanging(tmp_path: Path) -> None:
    def fails(_proposal: object) -> list[ev.Event]:
        raise PlaybookError("The unit is gone.", code="TOC-6109")

    with build(tmp_path, carry_out=fails) as room:
        room.record(proposal())
        answer = room.do(decision(room, "P-1"))
        assert answer["status"] == "refused" and "The unit is gone." in answer["diff"][0]
        assert room.kinds()[-2:] == ["decision.made", "proposal.settled"]


def test_a_deadline_that_passes_carries_out_nothing_and_a_late_yes_is_refused(room: Room) -> None:
    room.record(proposal())
    signed = decision(room, "P-1")
    room.wait(10 * MINUTE_MS)
    room.record(ev.ProposalSettled(id="P-1", status="escalated"))
    assert room.core.home.proposals["P-1"].escalated and room.carried == []
    room.wait(16 * MINUTE_MS)
    assert room.do(signed) == {"status": "refused", "diff": ["it expired before this was decided"]}
    assert room.carried == []


def test_a_decision_after_the_escalation_still_counts_and_returns_its_alarm(room: Room) -> None:
    room.record(
        proposal(),
        ev.ProposalSettled(id="P-1", status="escalated"),
        ev.AlarmRaised(
            id="AL-1", priority=1, title="Nobody decided", cause_words="late", consequence="nothing", action="decide",
            time_to_act_s=60, subject="P-1", key="proposal:P-1",
        ),
    )  # fmt: skip
    assert room.do(decision(room, "P-1"))["status"] == "executed"
    assert room.core.home.alarms["AL-1"].state == "returned_unacknowledged"
