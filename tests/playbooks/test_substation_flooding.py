"""The substation playbook: who is told first, and nobody enters live plant."""

from __future__ import annotations

from small_core import SmallCore, flood

from picture import events as ev


def asked(core: SmallCore) -> str:
    core.say(flood(2_450))
    core.approve(core.proposal("The SUB-4"), "Ines")
    (request,) = core.home.requests.values()
    return request.id


def entering(core: SmallCore) -> list[str]:
    return [one.headline for one in core.home.alerts.values() if "enter" in one.headline]


def test_water_within_the_margin_of_the_trip_level_fires_it_for_that_substation_only(core: SmallCore) -> None:
    core.say(flood(2_350))
    assert not core.home.runs
    trace = next(one for one in core.engine.explain(core.picture) if one.playbook == "substation-flooding")
    assert (trace.state, trace.thing) == ("near", "SUB-4")
    assert "city.flood_level_m is 2.35" in trace.words
    core.say(flood(2_450))
    assert [run.subject for run in core.home.runs.values()] == ["SUB-4"]


def test_hospital_and_pumps_are_told_before_the_operator_is_asked_and_the_crew_stages(core: SmallCore) -> None:
    asked(core)
    told = [
        entry.event
        for entry in core.entries
        if isinstance(entry.event, (ev.AlertRequested, ev.RequestMade, ev.UnitAssigned))
    ]
    first, second, third = told[0], told[1], told[2]
    assert first.recipients == (("facility:H-STANNE", "drill"),)
    assert second.recipients == (("facility:P-2", "drill"),)
    assert isinstance(third, ev.RequestMade)
    crew = next(one for one in core.home.alerts.values() if one.kind == "responder")
    assert "Do not enter: the plant is live." in crew.body
    assert entering(core) == []


def test_nobody_is_told_to_enter_before_the_operator_says_done(core: SmallCore) -> None:
    request = asked(core)
    core.say(ev.RequestAnswered(id=request, status="accepted"))
    assert entering(core) == []
    core.say(ev.RequestAnswered(id="Q-99", status="done"))
    assert entering(core) == []
    core.say(ev.RequestAnswered(id=request, status="done"))
    assert entering(core) == ["The SUB-4: isolated and earthed, enter"]
    recipients = {
        one.recipient for alert in core.home.alerts.values() if "enter" in alert.headline for one in alert.deliveries
    }
    assert recipients == {"unit:E12", "position:duty_officer"}


def test_a_counter_offer_is_told_inside_and_still_nobody_enters(core: SmallCore) -> None:
    request = asked(core)
    core.say(ev.RequestAnswered(id=request, status="countered", terms=(("offer", "load transfer"),)))
    assert [one.headline for one in core.home.alerts.values() if one.kind == "internal"] == [
        "The SUB-4: the operator offers something else"
    ]
    assert entering(core) == []
    core.say(ev.RequestAnswered(id=request, status="done"))
    assert len(entering(core)) == 1


def test_a_refusal_ends_it_with_the_plant_live(core: SmallCore) -> None:
    request = asked(core)
    core.say(ev.RequestAnswered(id=request, status="refused"))
    core.say(ev.RequestAnswered(id=request, status="done"))
    assert entering(core) == []
    assert any("stays live" in one.headline for one in core.home.alerts.values())


def test_no_answer_escalates_and_nobody_enters(core: SmallCore) -> None:
    asked(core)
    core.wait(16)
    assert any("answer failed" in alarm.title for alarm in core.home.alarms.values())
    assert entering(core) == []


def test_under_hands_off_no_notice_goes_out_by_itself(core: SmallCore) -> None:
    request = asked(core)
    core.say(ev.HandsOff(on=True))
    core.say(ev.RequestAnswered(id=request, status="done"))
    assert entering(core) == []
    run = next(iter(core.home.runs.values()))
    assert ("enter", "skipped") in run.steps
