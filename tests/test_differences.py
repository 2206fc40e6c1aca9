"""Two instants compared are told in plain words: what is new, what changed field by field, what ended."""

from __future__ import annotations

from dataclasses import fields
from typing import get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture import differences as d
from picture import events as ev
from picture.differences import Difference, differences, grouped
from picture.events import Event
from picture.fold import Picture
from picture.model import StreamPicture
from picture.text import visible
from tests.event_strategies import EVENTS
from tests.scaffold import STREAM, drill, entries, entry, unit


def folded(*events: Event, stream: str = STREAM) -> Picture:
    return Picture(STREAM).apply_all(entries(events, stream=stream))


def then(before: Picture, *events: Event) -> tuple[Difference, ...]:
    after = before.copy()
    for event in events:
        after.apply(entry(event, after.home.seq + 1, at_ms=after.home.at_ms + 1000))
    return differences(before, after)


def words(found: tuple[Difference, ...]) -> list[str]:
    return [one.words for one in found]


def incident(name: str = "I-12", priority: int = 2, **more: object) -> Event:
    known = {"incident": name, "incident_kind": "flood", "title": "Flood", "priority": priority}
    return ev.IncidentOpened.model_validate(known | more)


PLACED = incident(lon_e7=103_000_000, lat_e7=540_000_000, place_label="Customs Quay")


def test_nothing_changed_is_no_difference() -> None:
    before = folded(drill(), unit(), PLACED)
    assert differences(before, before.copy()) == ()
    again = Picture.from_json(STREAM, before.as_json())
    assert differences(before, again) == ()


def test_a_new_incident_is_named_with_its_priority_and_place() -> None:
    (one,) = then(folded(drill()), PLACED)
    assert one == Difference("incident", "I-12", "I-12 new, Flood, priority 2, at Customs Quay", "added", 2)


def test_changes_are_told_field_by_field() -> None:
    before = folded(drill(), unit(), unit("E7"), PLACED)
    changed = ev.IncidentChanged(
        incident="I-12", priority=1, people_at_risk=4, lon_e7=103_000_000, lat_e7=540_010_000, place_label="Old Quay"
    )
    sent = ev.UnitAssigned(id="A-1", unit="E12", incident="I-12", to_lon_e7=1, to_lat_e7=2)
    incidents, crew, assignment = then(before, changed, sent)
    assert incidents.words == ("I-12 priority 2 -> 1; moved 111 m to Old Quay; units +E12; people at risk unknown -> 4")
    assert crew.words == "E12 status available -> dispatched; assignment none -> A-1"
    assert assignment.words == "A-1 new, E12 to I-12" and assignment.change == "added"


def test_what_ended_is_counted_as_ended_and_told_how() -> None:
    before = folded(drill(), unit(), incident(), ev.RoadClosed(id="C-1", name="Quay Road", edges=(1,), reason="water",
                    by="flood", depth_mm=350))  # fmt: skip
    closed = ev.IncidentClosed(incident="I-12", result_code="false alarm")
    found = then(before, closed, ev.RoadReopened(id="C-1"))
    assert [(one.subject, one.change) for one in found] == [("incident", "ended"), ("closure", "ended")]
    assert words(found) == [
        "I-12 status open -> closed; result code none -> false alarm", "C-1 status active -> lifted",
    ]  # fmt: skip


def test_levels_depths_values_and_deliveries_are_told_with_their_units() -> None:
    def water(level: int) -> Event:
        return ev.HazardChanged(id="H-1", hazard_kind="flood", title="Surge", level_mm=level)

    def closed(depth: int) -> Event:
        return ev.RoadClosed(id="C-1", name="Quay Road", edges=(1, 2), reason="water", by="flood", depth_mm=depth)

    def gauge(value: float) -> Event:
        return ev.SensorUpdated(id="TG-1", quantity="water_level", unit="m", value=value)

    alert = ev.AlertRequested.model_validate(
        {"id": "AL-1", "alert_kind": "agency", "headline": "Go", "body": "b", "recipients": (("port", "cap"),)}
    )
    before = folded(drill(), water(1250), closed(350), gauge(1.5), alert)
    seen = ev.DeliveryChanged(alert="AL-1", recipient="port", channel="cap", state="seen")
    assert words(then(before, water(-1255), closed(400), gauge(1.75), seen)) == [
        "H-1 level 1.25 m -> -1.25 m",
        "AL-1 port by cap queued -> seen",
        "C-1 depth 0.35 m -> 0.40 m",
        "TG-1 1.5 -> 1.75 m",
    ]


def test_a_new_position_of_a_crew_is_told_without_saying_where() -> None:
    found = then(folded(drill(), unit()), ev.UnitLocated(unit="E12", lon_e7=-300_001_234, lat_e7=460_005_678))
    assert words(found) == ["E12 new position"]


def test_the_barrier_and_hands_off_come_first() -> None:
    before = folded(drill(), incident(priority=1))
    found = then(
        before, ev.IncidentChanged(incident="I-12", title="Big flood"), ev.BarrierChanged(state="failed"),
        ev.HandsOff(on=True),
    )  # fmt: skip
    assert words(found) == [
        "barrier state open -> failed", "hands off on no -> yes", "I-12 title Flood -> Big flood",
    ]  # fmt: skip


def test_what_matters_most_comes_first_and_ids_are_in_the_order_people_count() -> None:
    found = then(folded(drill()), incident("I-10", 3), incident("I-9", 3), incident("I-2", 1), unit())
    assert [one.what for one in found] == ["I-2", "I-9", "I-10", "E12"]


def test_something_in_hand_that_was_let_go_is_gone() -> None:
    held = ev.ClaimChanged(subject="I-12", person="Ines", position="duty", held=True)
    found = then(folded(drill(), held), held.model_copy(update={"held": False}))
    assert [(one.words, one.change) for one in found] == [("I-12 is gone", "ended")]


def test_another_core_is_named() -> None:
    before = folded(drill())
    after = before.copy().apply_all(entries([drill(), incident()], stream="drill.harbour"))
    assert "I-12 (drill.harbour) new, Flood, priority 2" in words(differences(before, after))


def test_looking_back_tells_what_was_not_there_yet() -> None:
    after, before = folded(drill(), incident()), folded(drill())
    assert words(differences(after, before)) == ["I-12 is gone"]


def test_hundreds_of_differences_are_counted_by_kind() -> None:
    before = folded(drill(), *(incident(f"I-{n}", 3) for n in range(200)))
    found = then(
        before, *(ev.IncidentChanged(incident=f"I-{n}", priority=2) for n in range(150)),
        *(ev.IncidentClosed(incident=f"I-{n}", result_code="done") for n in range(150, 160)),
        *(unit(f"U{n}") for n in range(60)),
    )  # fmt: skip
    assert len(found) == 220
    assert [one.words for one in grouped(found)] == ["incident: 150 changed, 10 ended", "unit: 60 new"]


def test_every_table_of_the_picture_is_told_or_left_out_on_purpose() -> None:
    hints = get_type_hints(StreamPicture)
    told = {kind.table for kind in d._KINDS}
    assert told | d.UNTOLD >= {name for name, hint in hints.items() if get_origin(hint) is dict}
    once = {"barrier", "hands_off", "drill", "shift"}
    assert told | d.UNTOLD | once == {field.name for field in fields(StreamPicture)}


@given(EVENTS, st.integers(0, 20))
def test_any_two_instants_compare_in_plain_words(events: list[Event], cut: int) -> None:
    made = entries(events)
    before, after = (Picture(STREAM).apply_all(made[:length]) for length in (cut, len(made)))
    for one in (*differences(before, after), *differences(after, before)):
        assert one.words and one.words == visible(one.words)
        assert one.change in ("added", "changed", "ended") and 1 <= one.importance <= 5


@pytest.mark.parametrize("bad", ["\x1b[2J", "a\nb", "\u202eevil"])
def test_text_from_outside_steers_no_terminal(bad: str) -> None:
    found = then(folded(drill()), incident(title=bad, place_label=bad, lon_e7=1, lat_e7=2), unit(bad))
    assert len(found) == 2 and all(bad not in one.words and one.words == visible(one.words) for one in found)
