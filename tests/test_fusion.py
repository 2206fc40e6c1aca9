"""Fusion joins what is one incident, keeps apart what is two, and says why; people in danger are never absorbed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture import events as ev
from picture.fold import Picture
from picture.fusion import LINK, REVIEW, Fusion
from picture.ids import Ids
from picture.reports import IncidentReport
from tests.scaffold import NOON_MS, STREAM, drill, entry

LON_E7, LAT_E7 = -300_072_000, 459_994_000
METRE_E7 = 89.932
"""1e-7 degrees of latitude in a metre."""
WORDS = "water is running over the quay wall into the fish market hall"
OTHER_WORDS = "the quay at the fish market hall is flooding fast"


def call(*, north_m: float = 0, at_s: float = 0, **fields: Any) -> IncidentReport:
    known = {
        "at_ms": NOON_MS + round(at_s * 1000), "incident_kind": "flood", "lon_e7": LON_E7,
        "lat_e7": LAT_E7 + round(north_m * METRE_E7), "text": WORDS,
    }  # fmt: skip
    return IncidentReport.model_validate(known | fields)


class Control:
    """Fusion over a picture of its own, as the core keeps them."""

    def __init__(self) -> None:
        self.fusion = Fusion()
        self.ids = Ids("s")
        self.picture = Picture(STREAM).apply_all([entry(drill(), 1)])

    def hear(self, report: IncidentReport, feed: str = "calls") -> list[ev.Event]:
        judged = self.fusion.judge(
            report, feed=feed, grade="B2", incidents=self.picture.home.incidents, ids=self.ids, label="Fish Quay"
        )
        for event in judged:
            self.apply(event, report.at_ms)
        link = judged[-1]
        assert isinstance(link, ev.ReportLinked)
        self.fusion.saw(link.incident, report)
        self.fusion.place(self.picture.incidents[link.incident])
        return judged

    def apply(self, event: ev.Event, at_ms: int = NOON_MS) -> None:
        self.picture.apply(entry(event, self.picture.home.seq + 1, at_ms=at_ms))

    def incidents_after(self, *reports: IncidentReport) -> int:
        for report in reports:
            self.hear(report)
        return len(self.picture.incidents)


def test_a_second_call_in_other_words_joins_with_every_term_of_the_evidence() -> None:
    control = Control()
    control.hear(call())
    (link,) = control.hear(call(north_m=60, at_s=240, text=OTHER_WORDS))
    assert isinstance(link, ev.ReportLinked) and link.incident == "I-1"
    assert [term for term, _, _ in link.evidence] == ["place", "time", "kind", "words"]
    assert link.score_c == sum(weight for _, weight, _ in link.evidence) and link.score_c >= LINK * 100
    assert "60 m apart" in link.evidence[0][2]
    assert len(control.picture.incidents["I-1"].reports) == 2


def test_a_joined_report_moves_the_position_towards_the_surer_one() -> None:
    control = Control()
    control.hear(call(uncertainty_m=200))
    control.hear(call(north_m=100, uncertainty_m=20))
    place = control.picture.incidents["I-1"].place
    assert place is not None and place.uncertainty_m < 21
    assert 90 < (place.lat_e7 - LAT_E7) / METRE_E7 <= 100


def test_two_trapped_callers_80_m_apart_stay_two_and_are_possible_duplicates() -> None:
    control = Control()
    control.hear(call(incident_kind="trapped", people_trapped=True, text="we are two on the roof of the bakery"))
    judged = control.hear(
        call(north_m=80, at_s=60, incident_kind="trapped", people_trapped=True, text="water to my neck in the bakery")
    )
    assert len(control.picture.incidents) == 2
    assert isinstance(judged[0], ev.IncidentOpened) and judged[0].possible_duplicate_of == ("I-1",)
    assert control.picture.incidents["I-2"].priority == 1


@pytest.mark.parametrize("kind", ["trapped", "vehicle_in_water", "mayday", "person_in_water", "fire", "collapse"])
def test_a_report_of_people_in_danger_is_never_absorbed(kind: str) -> None:
    assert Control().incidents_after(call(incident_kind=kind), call(incident_kind=kind)) == 2


def test_two_different_numbers_of_other_control_rooms_never_merge() -> None:
    control = Control()
    assert control.incidents_after(call(authoritative_id="CAD-17"), call(at_s=5, authoritative_id="CAD-18")) == 2
    assert control.picture.incidents["I-2"].possible_duplicate_of == ("I-1",)


def test_the_same_number_joins_however_far_and_late_and_grave() -> None:
    control = Control()
    far = call(north_m=5000, at_s=7200, authoritative_id="CAD-17", incident_kind="trapped", people_trapped=True)
    assert control.incidents_after(call(authoritative_id="CAD-17"), far) == 1
    assert control.picture.incidents["I-1"].reports[1].evidence[0].term == "authority"


def test_the_number_of_a_closed_incident_opens_a_new_one() -> None:
    control = Control()
    control.hear(call(authoritative_id="CAD-17"))
    control.apply(ev.IncidentClosed(incident="I-1", result_code="resolved"))
    control.fusion.place(control.picture.incidents["I-1"])
    assert control.incidents_after(call(authoritative_id="CAD-17")) == 2


@pytest.mark.parametrize("kind", ["mayday", "person_in_water", "vehicle_in_water", "collapse", "trapped"])
def test_a_citizen_alone_opens_no_priority_1(kind: str) -> None:
    control = Control()
    control.hear(call(incident_kind=kind))
    assert control.picture.incidents["I-1"].priority == 2


def test_a_citizen_who_reports_people_trapped_opens_priority_1() -> None:
    control = Control()
    control.hear(call(incident_kind="flood", people_trapped=True))
    assert control.picture.incidents["I-1"].priority == 1


def test_an_officer_opens_the_priority_of_the_kind_not_the_one_they_claim() -> None:
    control = Control()
    control.hear(call(incident_kind="person_in_water", reporter="officer"))
    control.hear(call(incident_kind="tree", reporter="officer", severity=1, north_m=3000))
    assert [one.priority for one in control.picture.incidents.values()] == [1, 4]


@pytest.mark.parametrize("elsewhere", [{"north_m": 450}, {"at_s": 3700}, {"lon_e7": None}])
def test_far_or_late_or_nowhere_never_joins(elsewhere: dict[str, Any]) -> None:
    assert Control().incidents_after(call(), call(**elsewhere)) == 2


def test_another_kind_at_the_same_place_does_not_join() -> None:
    assert Control().incidents_after(call(text=None), call(incident_kind="unrest", text=None, north_m=60)) == 2


def test_the_same_origin_is_named_and_weighs_nothing() -> None:
    first, again = call(origin="caller-9"), call(at_s=30, origin="caller-9")
    other = again.model_copy(update={"origin": "caller-10"})
    scores = {}
    for name, second in (("same", again), ("other", other)):
        control = Control()
        control.hear(first)
        scores[name] = control.fusion.score(second, control.picture.incidents["I-1"])
    same, stranger = scores["same"], scores["other"]
    assert same is not None and stranger is not None
    assert same.terms[-1] == ("origin", 0.0, "same origin: corroborates nothing")
    assert same.total == stranger.total and "origin" not in [term for term, _, _ in stranger.terms]


def test_a_closed_or_duplicate_incident_takes_no_more_reports() -> None:
    for event in (
        ev.IncidentClosed(incident="I-1", result_code="resolved"),
        ev.IncidentMarkedDuplicate(incident="I-1", of="I-0"),
    ):
        control = Control()
        control.hear(call())
        control.apply(event)
        control.fusion.place(control.picture.incidents["I-1"])
        assert control.incidents_after(call(at_s=10)) == 2


def test_of_two_that_fit_alike_the_older_takes_the_report() -> None:
    control = Control()
    for number in range(2, 12):  # I-2 and I-11: text order would name the younger first
        far = number not in (2, 11)
        opened = ev.IncidentOpened(
            incident=f"I-{number}", incident_kind="flood", title="Flooding", priority=3, lon_e7=LON_E7,
            lat_e7=LAT_E7 + (number * 50_000 if far else 0), uncertainty_m=50,
        )  # fmt: skip
        control.apply(opened, NOON_MS + number)
        control.fusion.place(control.picture.incidents[f"I-{number}"])
    found = control.fusion.best(call(text=None), control.picture.incidents)
    assert found is not None and found[0].id == "I-2"


@pytest.mark.parametrize("lat_e7", [454_999_000, 455_000_500, 499_999_900])
def test_neighbours_on_both_sides_of_a_line_of_latitude_find_each_other(lat_e7: int) -> None:
    near = [call(lat_e7=lat_e7), call(lat_e7=lat_e7 + 1800, at_s=20, text=OTHER_WORDS)]  # 20 m
    assert Control().incidents_after(*near) == 1


reports = st.lists(
    st.builds(
        call,
        north_m=st.integers(-600, 600),
        at_s=st.integers(0, 5000),
        incident_kind=st.sampled_from(["flood", "trapped", "road_blocked", "power"]),
        text=st.sampled_from([WORDS, OTHER_WORDS, None]),
        authoritative_id=st.sampled_from(["", "", "CAD-1", "CAD-2"]),
        people_trapped=st.booleans(),
    ),
    max_size=8,
)


@given(reports)
def test_the_same_reports_in_the_same_order_are_judged_the_same(calls: list[IncidentReport]) -> None:
    once, again = Control(), Control()
    assert [once.hear(one) for one in calls] == [again.hear(one) for one in calls]


@given(reports)
def test_no_incident_ever_carries_two_numbers_and_no_danger_is_absorbed(calls: list[IncidentReport]) -> None:
    control = Control()
    for one in calls:
        judged = control.hear(one)
        if one.people_trapped and not one.authoritative_id:
            assert isinstance(judged[0], ev.IncidentOpened)
        if isinstance(judged[0], ev.IncidentOpened) and judged[0].possible_duplicate_of:
            link = judged[1]
            assert isinstance(link, ev.ReportLinked) and link.score_c >= REVIEW * 100
    assert all(len(one.authoritative_ids) <= 1 for one in control.picture.incidents.values())
