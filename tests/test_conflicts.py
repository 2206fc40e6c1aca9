"""Streams join into one picture whatever the order they come in, and what they contradict each other on is shown."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture import events as ev
from picture.conflicts import Conflict, conflicts
from picture.events import Event
from picture.fold import Picture
from picture.text import visible
from tests.event_strategies import EVENTS
from tests.scaffold import drill, entries, unit

NORTH, SOUTH, HARBOUR = "live.north", "live.south", "live.harbour"


def joined(north: Sequence[Event], south: Sequence[Event] = (), harbour: Sequence[Event] = ()) -> Picture:
    picture = Picture(NORTH)
    for stream, events in ((NORTH, north), (SOUTH, south), (HARBOUR, harbour)):
        picture.apply_all(entries([drill(), *events], stream=stream))
    return picture


def only(picture: Picture) -> Conflict:
    (one,) = conflicts(picture)
    return one


def incident(name: str = "I-1", number: str = "", title: str = "Flood") -> Event:
    return ev.IncidentOpened(incident=name, incident_kind="flood", title=title, priority=2, authoritative_id=number)


def sent(name: str = "A-1", incident: str = "I-1") -> Event:
    return ev.UnitAssigned(id=name, unit="E12", incident=incident, to_lon_e7=1, to_lat_e7=2)


def closed(name: str = "C-1", edges: tuple[int, ...] = (7, 8)) -> Event:
    return ev.RoadClosed(id=name, name="Quay Road", edges=edges, reason="water", by="flood")


# --- the pure join --------------------------------------------------------------------------------------


@given(st.lists(EVENTS, min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_the_joined_picture_depends_on_the_cursor_alone(journals: list[list[Event]], dice: Random) -> None:
    names = [NORTH, SOUTH, HARBOUR][: len(journals)]
    streams = {name: entries(events, stream=name) for name, events in zip(names, journals, strict=True)}
    straight = {home: Picture(home) for home in names}
    mixed = {home: Picture(home) for home in names}
    for home in names:
        for name in names:
            straight[home].apply_all(streams[name])
        waiting = {name: list(made) for name, made in streams.items()}
        while left := [name for name in names if waiting[name]]:
            one = waiting[dice.choice(left)].pop(0)
            mixed[home].apply(one)
            if dice.random() < 0.2:
                mixed[home].apply(one)  # heard again over another link
    pictures = [*straight.values(), *mixed.values()]
    assert len({picture.digest() for picture in pictures}) == 1, "the same at every core"
    assert len({conflicts(picture) for picture in pictures}) == 1
    for table in ("incidents", "units", "closures", "alarms"):
        assert len({repr(list(getattr(picture, table).items())) for picture in pictures}) == 1


@given(EVENTS)
def test_one_stream_alone_contradicts_nobody(events: list[Event]) -> None:
    assert conflicts(Picture(NORTH).apply_all(entries(events, stream=NORTH))) == ()


@given(EVENTS, EVENTS)
def test_every_conflict_names_entries_that_are_there(north: list[Event], south: list[Event]) -> None:
    picture = joined(north, south)
    for one in conflicts(picture):
        assert one.words == visible(one.words) and len({stream for stream, _ in one.entries}) > 1
        assert all(1 <= seq <= picture.cursor[stream] for stream, seq in one.entries)


# --- each contradiction ---------------------------------------------------------------------------------


def test_a_unit_sent_by_two_cores_is_shown_with_both_entries() -> None:
    one = only(joined([unit(), sent()], [unit(), sent("A-9", "I-9")]))
    assert (one.kind, one.subject) == ("unit", "E12")
    assert one.entries == ((NORTH, 3), (SOUTH, 3))
    assert one.words == (
        "E12 is assigned twice: to I-1 since 12:00:03Z (live.north, entry 3);"
        " to I-9 since 12:00:03Z (live.south, entry 3)"
    )


def test_a_conflict_is_gone_once_one_core_stands_its_unit_down() -> None:
    ended = ev.AssignmentEnded(id="A-1", status="stood_down")
    assert conflicts(joined([unit(), sent(), ended], [unit(), sent("A-9")])) == ()


def test_a_road_closed_here_and_reopened_there_is_shown_by_the_segments_it_shares() -> None:
    other = [closed("C-5", (8, 9)), unit(), unit("E7"), ev.RoadReopened(id="C-5")]
    one = only(joined([closed()], other))
    assert one.kind == "closure" and one.entries == ((NORTH, 2), (SOUTH, 5))
    assert one.words.startswith("Quay Road is closed and reopened: closed since ") and "reopened at " in one.words


def test_roads_that_share_nothing_or_were_reopened_before_do_not_contradict() -> None:
    assert conflicts(joined([closed()], [closed("C-5", (9,)), ev.RoadReopened(id="C-5")])) == ()
    earlier = [closed("C-5"), ev.RoadReopened(id="C-5")]
    assert conflicts(joined([unit(), unit("E7"), closed()], earlier)) == ()


def test_one_authoritative_number_open_at_two_cores_is_shown() -> None:
    one = only(joined([incident("I-1", "FIRE-77")], [incident("I-2", "FIRE-77", "Smoke")]))
    assert (one.kind, one.subject) == ("incident number", "FIRE-77")
    assert "I-1, Flood (live.north, entry 2); I-2, Smoke (live.south, entry 2)" in one.words
    done = ev.IncidentClosed(incident="I-2", result_code="duplicate")
    assert conflicts(joined([incident("I-1", "FIRE-77")], [incident("I-2", "FIRE-77"), done])) == ()


def test_one_id_for_two_incidents_is_shown() -> None:
    one = only(joined([incident()], [incident(title="Smoke")]))
    assert one.kind == "incident id" and one.words.startswith("I-1 means two incidents: Flood ")


def test_a_claim_of_two_persons_on_one_thing_is_shown() -> None:
    def claim(person: str) -> Event:
        return ev.ClaimChanged(subject="I-1", person=person, position="duty officer", held=True)

    one = only(joined([claim("Ines")], [claim("Omar")]))
    assert one.kind == "claim" and "Ines, duty officer, since" in one.words and "Omar" in one.words
    assert conflicts(joined([claim("Ines")], [claim("Ines")])) == ()


def test_a_request_answered_twice_is_shown() -> None:
    asked = ev.RequestMade(id="RQ-1", to="port", what="berth 9", subject="S-1")
    yes, no = (ev.RequestAnswered.model_validate({"id": "RQ-1", "status": s}) for s in ("accepted", "refused"))
    one = only(joined([asked, yes], [asked, no]))
    assert one.kind == "request" and "accepted at" in one.words and "refused at" in one.words
    assert one.entries == ((NORTH, 3), (SOUTH, 3))
    assert conflicts(joined([asked, yes], [asked])) == () == conflicts(joined([asked, yes], [asked, yes]))


def test_a_proposal_decided_both_ways_is_shown() -> None:
    def decided(verdict: str) -> Event:
        known = {"id": f"D-{verdict}", "proposal": "P-1", "digest": "d", "public_key": "", "signature": ""}
        return ev.DecisionMade.model_validate(known | {"verdict": verdict})

    one = only(joined([decided("approve")], [decided("reject")]))
    assert (one.kind, one.subject) == ("decision", "P-1") and "approve by t" in one.words
    assert conflicts(joined([decided("approve")], [decided("approve")])) == ()


def test_cores_that_see_the_barrier_otherwise_are_named_first() -> None:
    north = [ev.BarrierChanged(state="closed"), unit(), sent()]
    found = conflicts(joined(north, [ev.BarrierChanged(state="failed"), unit(), sent("A-2")], [unit()]))
    assert [one.kind for one in found] == ["barrier", "unit"]
    assert HARBOUR not in found[0].words, "who never heard of it says nothing about it"


@pytest.mark.parametrize("bad", ["\x1b[2J", "\u202eevil"])
def test_text_from_outside_steers_no_terminal(bad: str) -> None:
    assert bad not in only(joined([incident(title=bad)], [incident()])).words
