"""An alarm has a cause, a consequence, an action and a time; one cause is one alarm, life safety is never grouped."""

from __future__ import annotations

from typing import Any

import pytest

from picture import alarms
from picture import events as ev
from picture.fold import Picture
from picture.ids import Ids
from picture.model import Alarm
from picture.reports import DistressReport
from tests.scaffold import NOON_MS, STREAM, drill, entry


class Board:
    """A picture to which events come with the alarms they raise, as in a commit of the core."""

    def __init__(self) -> None:
        self.ids = Ids("s")
        self.picture = Picture(STREAM)
        self.add(drill())

    def add(self, *events: ev.Event) -> list[ev.Event]:
        raised = alarms.judge(events, self.picture.home, self.ids)
        for event in (*events, *raised):
            self.apply(event)
        return raised

    def apply(self, event: ev.Event) -> None:
        seq = self.picture.home.seq + 1
        self.picture.apply(entry(event, seq, at_ms=NOON_MS + seq * 1000, actor="Ines Prado"))

    def state(self, state: str, identifier: str = "AL-1") -> None:
        self.apply(ev.AlarmChanged.model_validate({"id": identifier, "state": state}))

    def alarm(self, identifier: str = "AL-1") -> Alarm:
        return self.picture.alarms[identifier]


def feed(state: str, why: str = "no word for 300 s") -> ev.FeedChanged:
    return ev.FeedChanged.model_validate({"id": "ais", "state": state, "why": why})


def distress(subject: str = "970123456", signal: str = "ais_mob", **fields: Any) -> ev.ReportReceived:
    report = DistressReport.model_validate({"at_ms": NOON_MS, "signal": signal, "subject": subject} | fields)
    return ev.ReportReceived(report=report, size=1, sha256="0" * 64)


def opened(number: int = 1, **fields: Any) -> ev.IncidentOpened:
    known = {"incident": f"I-{number}", "incident_kind": "trapped", "title": "People trapped", "priority": 1}
    return ev.IncidentOpened.model_validate(known | fields)


def sensor(state: str) -> ev.SensorUpdated:
    return ev.SensorUpdated.model_validate(
        {"id": "G-1", "quantity": "water_level", "unit": "m", "value": 1.0, "state": state, "why": "as told"}
    )


def vessel(**fields: str) -> ev.VesselUpdated:
    return ev.VesselUpdated.model_validate({"mmsi": 211_000_001, "name": "NORDSTJERNEN"} | fields)


EVERY_CAUSE: list[ev.Event] = [
    feed("silent"), distress(), opened(people_trapped=True), sensor("stuck"), vessel(judgement="dragging"),
    vessel(doubt="its position is on land"),
    ev.HazardChanged(id="H-1", hazard_kind="warning", title="Storm surge warning", severity="Extreme"),
    ev.HazardChanged(id="H-1", hazard_kind="warning", title="Storm surge warning", disputed="a cancellation by x"),
    ev.DeliveryChanged(alert="AT-1", recipient="port", channel="sms", state="dead", detail="gateway refused"),
]  # fmt: skip


@pytest.mark.parametrize("event", EVERY_CAUSE, ids=lambda one: one.kind)
def test_every_alarm_says_cause_consequence_action_and_time(event: ev.Event) -> None:
    board = Board()
    (raised,) = board.add(event)
    assert isinstance(raised, ev.AlarmRaised)
    assert raised.title and raised.consequence and raised.action and raised.time_to_act_s > 0
    assert raised.cause_words


@pytest.mark.parametrize(
    "event", [feed("ok"), distress(ended=True), opened(priority=2), sensor("ok"), vessel()], ids=lambda one: one.kind
)
def test_what_asks_nothing_of_an_operator_raises_nothing(event: ev.Event) -> None:
    assert Board().add(event) == []


def test_the_same_cause_counts_up_instead_of_raising_another() -> None:
    board = Board()
    board.add(feed("silent"))
    board.add(feed("malformed", "bad bytes"))
    assert list(board.picture.alarms) == ["AL-1"] and board.alarm().count == 2
    assert board.alarm().title == "Feed ais: malformed" and board.alarm().last_ms > board.alarm().raised_ms


def test_the_same_cause_twice_in_one_commit_is_one_alarm() -> None:
    board = Board()
    board.add(feed("silent"), feed("malformed"))
    assert list(board.picture.alarms) == ["AL-1"] and board.alarm().count == 2


def test_a_cleared_alarm_that_comes_again_is_a_new_one() -> None:
    board = Board()
    board.add(feed("silent"))
    board.state("cleared")
    board.add(feed("silent"))
    assert list(board.picture.alarms) == ["AL-1", "AL-2"]


def test_each_life_safety_subject_has_an_alarm_of_its_own() -> None:
    board = Board()
    for one in (distress("970000001"), distress("970000002"), distress("970000001", "ais_sart"), opened(1), opened(2)):
        board.add(one)
    assert len(board.picture.alarms) == 5
    assert [one.life_safety for one in board.picture.alarms.values()] == [True, True, True, False, False]


def test_the_same_subject_again_counts_up_and_keeps_its_acknowledgement() -> None:
    board = Board()
    board.add(distress())
    board.state("acknowledged")
    board.add(distress())
    assert board.alarm().count == 2 and board.alarm().state == "acknowledged"
    assert board.alarm().acknowledged_by == "Ines Prado"


def test_a_distress_signal_that_opens_an_incident_rings_once() -> None:
    board = Board()
    board.add(distress(), opened(tags=("ais_mob:970123456",)))
    assert [one.key for one in board.picture.alarms.values()] == ["distress:ais_mob:970123456"]


def test_a_cause_that_goes_unseen_returns_and_one_acknowledged_clears() -> None:
    for before, after in (("unacknowledged", "returned_unacknowledged"), ("acknowledged", "cleared")):
        board = Board()
        board.add(feed("silent"))
        board.state(before)
        board.add(feed("ok"))
        assert board.alarm().state == after


def test_a_cause_that_comes_back_rings_again() -> None:
    board = Board()
    for state in ("silent", "ok", "silent"):
        board.add(feed(state))
    assert list(board.picture.alarms) == ["AL-1"]
    assert board.alarm().state == "unacknowledged" and board.alarm().count == 2


@pytest.mark.parametrize(
    ("bad", "good"),
    [(sensor("stuck"), sensor("ok")), (vessel(judgement="dragging"), vessel()), (vessel(doubt="x"), vessel())],
)
def test_sensors_and_tracks_that_are_well_again_return_their_alarm(bad: ev.Event, good: ev.Event) -> None:
    board = Board()
    board.add(bad)
    board.add(good)
    assert board.alarm().state == "returned_unacknowledged"


def test_a_stuck_sensor_that_stays_stuck_rings_once() -> None:
    board = Board()
    board.add(sensor("stuck"))
    board.add(sensor("stuck"))
    assert board.alarm().count == 1


def test_no_event_clears_a_life_safety_alarm() -> None:
    board = Board()
    board.add(distress())
    for event in (distress(ended=True), ev.IncidentClosed(incident="I-1", result_code="resolved"), feed("ok")):
        board.add(event)
    assert board.alarm().state == "unacknowledged"
    board.state("cleared")
    assert board.alarm().state == "cleared" and board.alarm().cleared_by == "Ines Prado"


def test_a_cause_that_goes_does_not_return_a_life_safety_alarm() -> None:
    board = Board()
    (raised,) = board.add(distress())
    assert isinstance(raised, ev.AlarmRaised)
    board.apply(raised.model_copy(update={"id": "AL-9", "key": "feed:ais"}))
    assert board.add(feed("ok")) == [] and board.alarm("AL-9").state == "unacknowledged"


@pytest.mark.parametrize("answer", ["refused", "countered"])
def test_another_control_room_that_does_otherwise_rings_with_its_terms(answer: str) -> None:
    board = Board()
    board.add(ev.RequestMade(id="RQ-1", to="grid control", what="isolate SUB-4", subject="SUB-4"))
    terms = [("offer", "load transfer")]
    board.add(ev.RequestAnswered.model_validate({"id": "RQ-1", "status": answer, "terms": terms}))
    assert board.alarm().title == f"grid control {answer}: isolate SUB-4"
    assert board.alarm().cause == "offer: load transfer"


def test_a_late_decision_returns_the_alarm_that_nobody_decided() -> None:
    board = Board()
    known = {"id": "AL-1", "priority": 1, "title": "Nobody decided", "cause_words": "late", "consequence": "nothing"}
    board.apply(
        ev.AlarmRaised.model_validate(
            known | {"action": "decide", "time_to_act_s": 60, "subject": "P-1", "key": "proposal:P-1"}
        )
    )
    board.add(ev.ProposalSettled(id="P-1", status="executed"))
    assert board.alarm().state == "returned_unacknowledged"


# --- load and links -----------------------------------------------------------------------------------------


def load(level: str, waiting: int) -> ev.LoadChanged:
    return ev.LoadChanged.model_validate({"queue": "app", "level": level, "waiting": waiting, "room": 100})


def test_a_filling_queue_raises_one_alarm_before_anything_is_lost_and_it_returns_when_drained() -> None:
    board = Board()
    board.add(load("half", 50))
    first = board.alarm()
    assert (first.priority, first.subject) == (3, "app") and "50 of 100" in first.cause
    assert first.consequence and first.action and first.time_to_act_s
    board.add(load("high", 80))
    assert board.alarm().priority == 2 and board.alarm().count == 2
    assert board.add(load("half", 60)) == []  # on its way down there is nothing new to do
    board.add(load("normal", 10))
    assert board.alarm().state == "returned_unacknowledged" and len(board.picture.alarms) == 1


def test_a_link_that_went_silent_raises_an_alarm_and_its_return_ends_it() -> None:
    board = Board()
    board.add(ev.LinkChanged(id="core-south", state="silent", why="nothing heard for 4 s"))
    assert board.alarm().priority == 3 and board.alarm().cause == "nothing heard for 4 s"
    board.state("acknowledged")
    board.add(ev.LinkChanged(id="core-south", state="ok"))
    assert board.alarm().state == "cleared"
