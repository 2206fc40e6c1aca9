"""Everything an operator does by hand, with no feed, planner, twin or network: and what the rules refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console import commands as c
from console.desk import Located, Way
from console.people import Person
from picture import events as ev
from picture.errors import RefusedError
from picture.model import UNIT_STATUSES, Incident, Unit
from tests.scaffold import INES, MINUTE_MS, NOON_MS, OMAR, Nowhere, Room, build, shipped_city

HERE = c.PlaceInput(said="the yellow crane by the fish hall", lon=-30.0, lat=46.0, how="cursor")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with build(tmp_path) as room:
        yield room


def refused(room: Room, command: c.Command, person: Person = INES) -> RefusedError:
    """The refusal; it is journalled and changes nothing of the picture."""
    before = room.core.picture.as_json()
    with pytest.raises(RefusedError) as caught:
        room.do(command, person)
    after = room.core.picture.as_json()
    last = list(room.core.journal.read())[-1]
    assert isinstance(last.event, ev.CommandRefused) and last.event.code == caught.value.code
    stream = room.core.picture.home_stream
    assert after[stream] | {"seq": 0, "at_ms": 0} == before[stream] | {"seq": 0, "at_ms": 0}
    return caught.value


def taken(room: Room, **fields: Any) -> Incident:
    answer = room.do(c.TakeReport.model_validate({"incident_kind": "flood", "text": "water", "place": HERE} | fields))
    return room.core.home.incidents[answer["incident"]]


def status_of(room: Room, name: str = "E12") -> Unit:
    return room.core.home.units[name]


# --- reports and incidents ------------------------------------------------------------------------------


def test_an_incident_is_corrected_to_kinds_that_there_are_only(room: Room) -> None:
    known = taken(room)
    error = refused(room, c.ChangeIncident(incident=known.id, incident_kind="dragon"))
    assert "dragon" in error.message and "collapse" in error.message
    room.do(c.ChangeIncident(incident=known.id, incident_kind="collapse"))
    assert room.core.home.incidents[known.id].kind == "collapse"


def test_a_report_keeps_caller_call_back_and_exact_words_as_said_and_the_place_as_resolved(room: Room) -> None:
    incident = taken(room, caller="Ada Quay", call_back="+1 555 0100", text="  it's  coming IN ", people_at_risk=2)
    (link,) = incident.reports
    opened = [room.core.opened(ref) for ref in (link.caller, link.call_back, link.text, link.place_as_said)]
    assert opened == ["Ada Quay", "+1 555 0100", "  it's  coming IN ", HERE.said]
    assert incident.place is not None and incident.place.how == "cursor"
    assert (incident.place.lon_e7, incident.place.lat_e7) == (-300_000_000, 460_000_000)
    assert (incident.opened_by, incident.unread, link.grade) == ("Ines Prado", False, "B2")


def test_a_report_whose_place_nobody_knows_opens_an_incident_all_the_same(room: Room) -> None:
    incident = taken(room, place=c.PlaceInput(said="behind the old mill"))
    assert incident.place is None
    assert room.core.opened(incident.reports[0].place_as_said) == "behind the old mill"


def test_a_second_report_joins_the_incident_it_names_and_gives_it_a_place(room: Room) -> None:
    first = taken(room, place=None)
    again = taken(room, incident=first.id.lower(), people_at_risk=3)
    assert again.id == first.id and len(again.reports) == 2 and again.people_at_risk == 3
    assert again.place is not None and again.place.lon_e7 == -300_000_000
    moved = taken(room, incident=first.id, place=HERE.model_copy(update={"lon": -29.9}))
    assert moved.place == again.place


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({}, 3),
        ({"people_trapped": True}, 1),
        ({"incident_kind": "fire"}, 1),
        ({"priority": 4, "incident_kind": "fire"}, 4),
    ],
)
def test_the_operator_sets_the_priority_else_the_danger_does(room: Room, fields: dict[str, Any], priority: int) -> None:
    assert taken(room, **fields).priority == priority


def test_an_unknown_kind_becomes_other(room: Room) -> None:
    assert (taken(room, incident_kind="dragon").kind, taken(room, title="A dragon").title) == ("other", "A dragon")


def test_event_time_and_entry_time_are_both_kept(room: Room) -> None:
    room.wait(10 * MINUTE_MS)
    incident = taken(room, at_ms=NOON_MS + MINUTE_MS)
    assert (incident.opened_ms, incident.updated_ms) == (NOON_MS + MINUTE_MS, NOON_MS + 10 * MINUTE_MS)
    answer = room.do(c.WriteLog(text="gate shut", at_ms=NOON_MS + MINUTE_MS, incident=incident.id))
    line = room.core.home.log[answer["log"]]
    assert (line.at_ms, line.entered_ms) == (NOON_MS + MINUTE_MS, NOON_MS + 10 * MINUTE_MS)
    assert (room.core.opened(line.text), line.incident, line.actor) == ("gate shut", incident.id, INES.actor)


def test_a_change_sets_what_it_names_and_nothing_else(room: Room) -> None:
    before = taken(room)
    room.do(c.ChangeIncident(incident=before.id, priority=1, title="Quay wall gone"))
    after = room.core.home.incidents[before.id]
    assert replace(after, priority=before.priority, title=before.title) == before


def test_close_is_refused_with_every_reason_and_then_done_and_undone(room: Room) -> None:
    incident = taken(room, people_trapped=True, people_at_risk=2)
    room.do(c.Assign(unit="E12", incident=incident.id))
    alert = {"id": "AT-1", "alert_kind": "agency", "headline": "h", "body": "b", "incident": incident.id}
    room.record(ev.AlertRequested.model_validate(alert | {"recipients": [("port", "sms")]}))
    close = c.CloseIncident(incident=incident.id, result_code="resolved")
    error = refused(room, close)
    assert error.code == "TOC-4006"
    assert error.diff == ("assigned: E12", "alerts active: AT-1", "2 people unaccounted for")
    room.do(c.StandDown(unit="E12"))
    assert refused(room, close).diff == ("alerts active: AT-1", "2 people unaccounted for")
    room.do(c.CancelAlert(alert="AT-1"))
    assert refused(room, close).diff == ("2 people unaccounted for",)
    room.do(c.ChangeIncident(incident=incident.id, people_unaccounted=0))
    room.do(close)
    assert room.core.home.incidents[incident.id].result_code == "resolved"
    assert refused(room, close).code == "TOC-4009"
    room.do(c.ReopenIncident(incident=incident.id))
    assert room.core.home.incidents[incident.id].status == "open"
    assert refused(room, c.ReopenIncident(incident=incident.id)).code == "TOC-4009"


def test_a_duplicate_is_marked_and_unmarked(room: Room) -> None:
    taken(room), taken(room)
    room.do(c.MarkDuplicate(incident="I-2", of="I-1"))
    assert room.core.home.incidents["I-2"].duplicate_of == "I-1"
    room.do(c.MarkDuplicate(incident="I-2"))
    assert room.core.home.incidents["I-2"].duplicate_of == ""
    assert refused(room, c.MarkDuplicate(incident="I-2")).code == "TOC-4009"


def test_no_incident_is_its_own_duplicate_not_even_through_others(room: Room) -> None:
    for _ in range(3):
        taken(room)
    refused(room, c.MarkDuplicate(incident="I-1", of="I-1"))
    room.do(c.MarkDuplicate(incident="I-2", of="I-1"))
    refused(room, c.MarkDuplicate(incident="I-1", of="I-2"))
    room.do(c.MarkDuplicate(incident="I-3", of="I-2"))
    refused(room, c.MarkDuplicate(incident="I-1", of="I-3"))


@pytest.mark.parametrize(
    "command",
    [
        c.TakeReport(incident="I-9"), c.ChangeIncident(incident="I-9"), c.ReopenIncident(incident="I-9"),
        c.CloseIncident(incident="I-9", result_code="x"), c.MarkDuplicate(incident="I-9", of="I-9"),
        c.WriteLog(text="x", incident="I-9"), c.Assign(unit="E99", place=HERE), c.Assign(unit="E12", incident="I-9"),
        c.StandDown(unit="E99"), c.SetStatus(unit="E99", status="av"), c.AckAlarm(alarm="AL-9"),
        c.ClearAlarm(alarm="AL-9", why="x"), c.CancelAlert(alert="AT-9"),
    ],
    ids=lambda command: command.do,
)  # fmt: skip
def test_what_is_not_there_is_refused_by_name(room: Room, command: c.Command) -> None:
    error = refused(room, command)
    assert error.code == "TOC-4008" and "9" in error.message


# --- units ----------------------------------------------------------------------------------------------


def test_a_unit_is_assigned_and_stood_down_without_any_road(room: Room) -> None:
    incident = taken(room)
    answer = room.do(c.Assign(unit="e12", incident=incident.id))
    assert answer["eta_s"] is None
    assignment = room.core.home.assignments[answer["assignment"]]
    assert (assignment.unit, assignment.incident, assignment.flagged[:12]) == ("E12", incident.id, "no open road")
    assert (status_of(room).status, status_of(room).local_status) == ("assigned", "dispatched")
    room.do(c.StandDown(unit="E12", why="not needed"))
    assert (status_of(room).status, status_of(room).assignment) == ("available", "")
    assert room.core.home.incidents[incident.id].units == ()
    refused(room, c.StandDown(unit="E12"))


def test_an_assignment_needs_an_open_incident_with_a_place_or_a_place(room: Room) -> None:
    nowhere = taken(room, place=None)
    refused(room, c.Assign(unit="E12", incident=nowhere.id))
    refused(room, c.Assign(unit="E12"))
    closed = taken(room)
    room.do(c.CloseIncident(incident=closed.id, result_code="resolved"))
    refused(room, c.Assign(unit="E12", incident=closed.id))
    answer = room.do(c.Assign(unit="E12", place=HERE))
    assert room.core.home.assignments[answer["assignment"]].to.lon_e7 == -300_000_000


def test_a_unit_that_is_busy_is_not_assigned_again(room: Room) -> None:
    room.do(c.Assign(unit="E12", place=HERE))
    assert refused(room, c.Assign(unit="E12", place=HERE)).code == "TOC-4003"


def test_the_way_begins_where_the_unit_last_said_it_was(tmp_path: Path) -> None:
    asked: list[tuple[float, float] | None] = []

    class Roads(Nowhere):
        def way(self, unit: Unit, lon: float, lat: float, start: tuple[float, float] | None = None) -> Way | None:
            asked.append(start)
            return Way(120.0, 900.0, ("Quay Street",), ((1, 2), (3, 4)))

    with build(tmp_path, locator=Roads()) as room:
        answer = room.do(c.Assign(unit="E12", place=HERE))
        assert answer["eta_s"] == 120.0
        assignment = room.core.home.assignments[answer["assignment"]]
        assert (assignment.eta_ms, assignment.length_m) == (NOON_MS + 120_000, 900)
        assert room.core.opened(assignment.route) == ((1, 2), (3, 4))
        room.record(ev.UnitLocated(unit="E7", lon_e7=-300_100_000, lat_e7=460_200_000))
        room.do(c.Assign(unit="E7", place=HERE))
    assert asked == [None, (-30.01, 46.02)]


PAIRS = [(now, then) for now in UNIT_STATUSES for then in UNIT_STATUSES]


@pytest.mark.parametrize(("now", "then"), PAIRS)
def test_a_status_may_follow_only_where_the_table_says_so(room: Room, now: str, then: str) -> None:
    if UNIT_STATUSES[now][0] == "assigned":
        room.do(c.Assign(unit="E12", place=HERE))
    room.record(ev.UnitStatusChanged(unit="E12", local_status=now))
    room.wait(1000)
    command = c.SetStatus(unit="E12", status=UNIT_STATUSES[then][1])
    if then in UNIT_STATUSES[now][2] and then != "dispatched":
        room.do(command)
        unit = status_of(room)
        assert (unit.local_status, unit.status, unit.since_ms) == (then, UNIT_STATUSES[then][0], NOON_MS + 1000)
        assert bool(unit.assignment) == (unit.status == "assigned")
        return
    error = refused(room, command)
    assert error.code == "TOC-4003"
    if then != "dispatched":
        assert all(name.replace("_", " ") in error.message for name in UNIT_STATUSES[now][2])


@pytest.mark.parametrize("word", ["on scene", "On_Scene", "onsc"])
def test_a_status_is_understood_by_name_and_by_short_word(room: Room, word: str) -> None:
    assert room.desk.status(word) == "on_scene"


def test_an_unknown_status_is_refused_with_all_that_are_known(room: Room) -> None:
    message = refused(room, c.SetStatus(unit="E12", status="flying")).message
    assert all(short in message for _, short, _ in UNIT_STATUSES.values())


# --- alarms, hands off, the desk ------------------------------------------------------------------------


def alarm(room: Room, **fields: Any) -> None:
    known = {"id": "AL-1", "priority": 1, "title": "MOB", "cause_words": "c", "consequence": "c", "action": "a"}
    room.record(ev.AlarmRaised.model_validate(known | {"time_to_act_s": 30, "subject": "1", "key": "k"} | fields))


def test_an_alarm_is_acknowledged_once_and_cleared_once_by_name(room: Room) -> None:
    alarm(room, life_safety=True)
    room.do(c.AckAlarm(alarm="AL-1"))
    assert room.core.home.alarms["AL-1"].acknowledged_by == "Ines Prado"
    assert refused(room, c.AckAlarm(alarm="AL-1")).code == "TOC-4009"
    room.do(c.ClearAlarm(alarm="AL-1", why="picked up by lifeboat"), OMAR)
    one = room.core.home.alarms["AL-1"]
    assert (one.state, one.cleared_by) == ("cleared", "Omar Haddad")
    assert refused(room, c.ClearAlarm(alarm="AL-1", why="again")).code == "TOC-4009"


def test_acknowledging_an_alarm_that_returned_clears_it(room: Room) -> None:
    alarm(room)
    room.record(ev.AlarmChanged(id="AL-1", state="returned_unacknowledged"))
    room.do(c.AckAlarm(alarm="AL-1"))
    assert room.core.home.alarms["AL-1"].state == "cleared"


def test_hands_off_is_journalled_both_ways(room: Room) -> None:
    for on in (True, False):
        room.do(c.SetHandsOff(on=on))
        assert room.core.home.hands_off is on
    assert room.kinds()[-2:] == ["hands_off", "hands_off"]


def test_the_desk_is_handed_over_with_a_brief_to_the_one_it_was_offered_to(room: Room) -> None:
    room.record(ev.ShiftChanged(step="taken", person="Ines Prado", position="duty_officer"))
    refused(room, c.HandOver(step="offer"))
    assert refused(room, c.HandOver(step="offer", to="Mallory"), OMAR).code == "TOC-4004"
    taken(room, incident_kind="fire")
    offer = room.do(c.HandOver(step="offer", to="Omar Haddad", brief="barrier closes at 21:40"))
    mallory = replace(OMAR, name="Mallory")
    assert refused(room, c.HandOver(step="accept"), mallory).code == "TOC-4004"
    assert refused(room, c.HandOver(step="accept"), OMAR).code == "TOC-4040"
    assert refused(room, c.HandOver(step="confirm"), OMAR).code == "TOC-4004"
    assert refused(room, c.HandOver(step="confirm", digest="0" * 64)).code == "TOC-4030"
    room.do(c.HandOver(step="confirm", digest=offer["digest"]))
    assert room.core.home.shift.person == "Ines Prado"
    room.wait(MINUTE_MS)
    room.do(c.HandOver(step="accept"), OMAR)
    shift = room.core.home.shift
    assert (shift.person, shift.position, shift.handed_over_by) == ("Omar Haddad", "port_captain", "Ines Prado")
    brief = str(room.core.opened(shift.brief))
    assert brief == offer["brief"] and brief.endswith("own words\nbarrier closes at 21:40") and "1 I-1" in brief
    assert shift.since_ms == NOON_MS + MINUTE_MS
    assert refused(room, c.HandOver(step="accept"), OMAR).code == "TOC-4004"


def test_an_offered_desk_is_refused_by_the_incoming_or_withdrawn_by_the_outgoing(room: Room) -> None:
    room.record(ev.ShiftChanged(step="taken", person="Ines Prado", position="duty_officer"))
    assert refused(room, c.HandOver(step="refuse"), OMAR).code == "TOC-4040"
    for person in (OMAR, INES):
        room.do(c.HandOver(step="offer", to="Omar Haddad"))
        room.do(c.HandOver(step="confirm"))
        assert refused(room, c.HandOver(step="refuse"), replace(OMAR, name="Mallory")).code == "TOC-4004"
        room.do(c.HandOver(step="refuse", brief="I have been up for twenty hours"), person)
        assert refused(room, c.HandOver(step="accept"), OMAR).code == "TOC-4004"
    assert room.core.home.shift.person == "Ines Prado"


def test_one_holds_a_thing_at_a_time_and_taking_it_over_is_said(room: Room) -> None:
    incident = taken(room).id
    room.do(c.Claim(subject=incident))
    error = refused(room, c.Claim(subject=incident), OMAR)
    assert error.code == "TOC-4038" and "Ines Prado" in error.message
    assert refused(room, c.Release(subject=incident), OMAR).code == "TOC-4038"
    assert room.do(c.Claim(subject=incident, take_over=True), OMAR)["taken_from"] == "Ines Prado"
    assert room.core.home.claims[incident].person == "Omar Haddad"
    assert refused(room, c.Release(subject=incident)).code == "TOC-4038"
    room.do(c.Release(subject=incident), OMAR)
    assert not room.core.home.claims
    assert refused(room, c.Release(subject=incident), OMAR).code == "TOC-4009"
    assert refused(room, c.Claim(subject="I-99")).code == "TOC-4008"


def test_an_observer_looks_and_touches_nothing(room: Room) -> None:
    observer = replace(INES, role="observer")
    assert room.do(c.ResolvePlace(said="x"), observer) == {"places": []}
    assert refused(room, c.TakeReport(), observer).code == "TOC-4004"


def test_what_was_typed_by_hand_stands_in_no_entry_in_clear(room: Room, tmp_path: Path) -> None:
    plants = [f"planted-{k}" for k in range(9)]
    taken(room, caller=plants[0], call_back=plants[1], text=plants[2], place=c.PlaceInput(said=plants[3]))
    room.do(c.WriteLog(text=plants[4]))
    room.do(c.Assign(unit="E12", place=HERE))
    room.do(c.StandDown(unit="E12", why=plants[5]))
    alarm(room)
    room.do(c.ClearAlarm(alarm="AL-1", why=plants[6]))
    room.do(c.HandOver(step="offer", to="Omar Haddad", brief=plants[7]))
    refused(room, c.QuickLine(line=f"lgo {plants[8]} is trapped"))
    said = " ".join(repr(one) for one in room.core.journal.read()) + repr(room.core.picture.as_json())
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [plant for plant in plants if plant in said or plant.encode() in files]


# --- places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "how", "label"),
    [
        ("27 Hatter Yard", "address", "St Anne"),
        ("St Anne's Hospital", "facility", "St Anne"),
        ("Container Berth 1", "berth", "Berth 1"),
        ("45.9980, -30.0100", "coordinates", ""),
        ("Wharf Street", "street", "Wharf Street"),
        ("Old Town", "district", "Old Town"),
    ],
)
def test_a_place_is_found_however_it_is_said(
    tmp_path: Path, tocsin_home: Path, said: str, how: str, label: str
) -> None:
    with build(tmp_path, locator=shipped_city(tocsin_home)) as room:
        (best, *_) = room.do(c.ResolvePlace(said=said))["places"]
        assert best["how"] == how and label in best["label"]
        incident = taken(room, place=c.PlaceInput(said=said))
        assert incident.place is not None and incident.place.how == how
        assert room.core.opened(incident.reports[0].place_as_said) == said


def test_a_picked_position_beats_the_words_and_is_described(tmp_path: Path, tocsin_home: Path) -> None:
    with build(tmp_path, locator=shipped_city(tocsin_home)) as room:
        incident = taken(room, place=c.PlaceInput(said="Old Town", lon=-30.0099, lat=45.9923, how="cursor"))
        assert incident.place is not None
        assert (incident.place.lon_e7, incident.place.how) == (-300_099_000, "cursor") and incident.place.label
        room.do(c.Assign(unit="E12", incident=incident.id))
        assignment = room.core.home.assignments["A-1"]
        assert assignment.eta_ms is not None and assignment.streets and not assignment.flagged


def test_an_empty_label_is_not_resolved_to_half_a_position(room: Room) -> None:
    assert room.desk.locate(c.PlaceInput(lon=-30.0)) is None
    assert room.desk.locate(HERE) == Located(-30.0, 46.0, "", "cursor")
