"""The storm surge playbook: what fires it, what it asks, what happens once people have decided."""

from __future__ import annotations

from small_core import SmallCore, flood, level

from picture import events as ev


def surge(core: SmallCore) -> None:
    core.say(level("G-QUAY", 2.2), source="gauges-port")
    core.say(level("G-OLDDOCK", 2.15), source="gauges-city")


def test_one_gauge_alone_does_not_fire_it_and_two_do(core: SmallCore) -> None:
    core.say(level("G-QUAY", 2.2))
    core.say(level("G-QUAY", 2.3))
    assert not core.home.runs
    trace = core.engine.explain(core.picture)[0]
    assert trace.words.startswith("1 of 2 within 10 min: G-QUAY")
    core.say(level("G-OLDDOCK", 2.15))
    (run,) = core.home.runs.values()
    assert run.playbook == "surge-at-quay"
    assert "G-QUAY" in run.trigger
    assert "value 2.15" in run.trigger


def test_a_stuck_gauge_a_late_one_and_one_below_the_level_do_not_count(core: SmallCore) -> None:
    core.say(level("G-QUAY", 2.2))
    core.say(level("G-OLDDOCK", 2.9, state="stuck"))
    core.say(level("G-BARRIER", 2.05))
    core.wait(11)
    core.say(level("G-BARRIER", 2.2))
    assert not core.home.runs


def test_one_gauge_is_enough_while_an_official_flood_warning_stands(core: SmallCore) -> None:
    core.say(level("G-QUAY", 2.2))
    assert not core.home.runs
    core.say(ev.HazardChanged(id="H-9", hazard_kind="warning", title="Storm surge warning", sender="met"))
    assert [run.playbook for run in core.home.runs.values()] == ["surge-at-quay"]


def test_it_proposes_with_evidence_alternative_and_final_arguments(core: SmallCore) -> None:
    surge(core)
    proposal = core.proposal("close roads")
    assert [effect.verb for effect in proposal.effects] == [
        "road.close", "road.close", "road.close", "road.close", "unit.assign", "alert.agency", "alert.agency",
        "request.make"]  # fmt: skip
    assign = dict(proposal.effects[4].args)
    assert (assign["unit"], assign["streets"]) == ("E12", ["High Street"])
    assert proposal.alternatives[0].reason == "it would leave its district uncovered"
    assert any(line.startswith("Fired by: 2 within 10 min") for line in proposal.evidence)
    assert {one.name for one in proposal.watched} == {"unit:E12.local_status", "stream.barrier"}
    assert not core.home.closures
    assert not core.home.alerts


def test_what_was_approved_is_carried_out_exactly_and_once(core: SmallCore) -> None:
    surge(core)
    proposal = core.proposal("close roads")
    assert core.approve(proposal, "Ines") == "Released"
    assert sorted(one.name for one in core.home.closures.values()) == sorted(
        ["Wharf Street Underpass", "Customs Quay", "Shipwrights Quay", "Wharf Street"]
    )
    assert [one.edges for one in core.home.closures.values() if one.name == "Customs Quay"] == [(10, 11, 12)]
    assert core.home.units["E12"].local_status == "dispatched"
    (request,) = core.home.requests.values()
    assert (request.to, request.what, request.subject) == ("PMHA", "close the storm barrier", "BARRIER")
    outcomes = dict(next(iter(core.home.runs.values())).steps)
    assert {outcomes[name] for name in ("close_roads", "move_units", "tell_port", "tell_utilities", "ask_barrier")} == {
        "done"
    }
    assert len(core.of(ev.RoadClosed)) == 4


def test_the_public_is_warned_by_a_proposal_of_its_own_that_two_persons_approve(core: SmallCore) -> None:
    surge(core)
    core.approve(core.proposal("close roads"), "Ines")
    proposal = core.proposal("warn the public")
    assert (proposal.quorum, proposal.effects[0].act_class) == (2, "two_person")
    assert core.approve(proposal, "Ines") == "Pending"
    assert not [one for one in core.home.alerts.values() if one.kind == "public"]
    assert core.approve(proposal, "Jonas") == "Released"
    (alert,) = [one for one in core.home.alerts.values() if one.kind == "public"]
    assert (alert.area, len(alert.rings)) == ("Fishmarket, Shipwrights", 2)


def test_a_changed_precondition_is_refused_and_offered_again_with_the_difference(core: SmallCore) -> None:
    surge(core)
    first = core.proposal("close roads")
    core.say(ev.UnitStatusChanged(unit="E12", local_status="out_of_service"))
    assert core.approve(first, "Ines") == "Refused"
    again = core.proposal("close roads")
    assert again.replaces == first.id
    assert again.evidence[0] == "Offered again: E12 is free: was available, is out_of_service"
    assert not core.home.closures
    assert [dict(effect.args)["unit"] for effect in again.effects if effect.verb == "unit.assign"] == ["E21"]
    assert "unit:E12.local_status" not in {one.name for one in again.watched}
    assert core.approve(again, "Ines") == "Released"
    assert len(core.home.closures) == 4


def test_when_no_unit_is_left_the_rest_is_offered_again_without_one(core: SmallCore) -> None:
    surge(core)
    first = core.proposal("close roads")
    core.say(*(ev.UnitStatusChanged(unit=name, local_status="out_of_service") for name in ("E12", "E21", "E31")))
    core.approve(first, "Ines")
    again = core.proposal("close roads")
    assert "unit.assign" not in {effect.verb for effect in again.effects}
    assert any("No new plan" in line for line in again.evidence)
    assert core.approve(again, "Ines") == "Released"


def test_rejecting_the_closures_still_asks_about_the_public(core: SmallCore) -> None:
    surge(core)
    core.reject(core.proposal("close roads"))
    assert not core.home.closures
    assert [one.title for one in core.waiting()] == ["Surge at the quay: warn the public"]


def test_it_is_cleared_with_hysteresis_and_asks_before_it_undoes(core: SmallCore) -> None:
    surge(core)
    core.approve(core.proposal("close roads"), "Ines")
    core.approve(core.proposal("warn the public"), "Ines", "Jonas")
    core.say(level("G-QUAY", 1.95))
    core.say(level("G-OLDDOCK", 1.95))
    core.say(level("G-BARRIER", 1.0))
    core.wait(20)
    assert not core.waiting()
    core.say(level("G-QUAY", 1.7), level("G-OLDDOCK", 1.7))
    core.wait(14)
    assert not core.waiting()
    core.wait(2)
    undo = core.proposal("cleared")
    assert {effect.verb for effect in undo.effects} == {"request.withdraw", "unit.release", "road.reopen"}
    assert core.approve(undo, "Ines") == "Released"
    assert {one.status for one in core.home.closures.values()} == {"lifted"}
    assert core.home.units["E12"].local_status == "available"
    assert {run.status for run in core.home.runs.values()} == {"done"}
    surge(core)
    assert len(core.home.runs) == 2


def test_while_a_run_goes_on_the_trigger_starts_no_other(core: SmallCore) -> None:
    surge(core)
    core.say(level("G-BARRIER", 2.4))
    core.wait(30)
    surge(core)
    assert len(core.home.runs) == 1


def test_hands_off_turns_what_waits_into_advice_and_back(core: SmallCore) -> None:
    surge(core)
    first = core.proposal("close roads")
    core.say(ev.HandsOff(on=True))
    advice = core.proposal("close roads")
    assert core.home.proposals[first.id].status == "replaced"
    assert {effect.act_class for effect in advice.effects} == {"advise"}
    assert core.approve(advice, "Ines") == "Refused"
    assert not core.home.closures
    core.say(ev.HandsOff(on=False))
    assert core.approve(core.proposal("close roads"), "Jonas") == "Released"
    assert len(core.home.closures) == 4


def test_a_high_flood_level_alone_does_not_fire_it(core: SmallCore) -> None:
    core.say(flood(1_000))
    assert not core.home.runs
