"""An official warning is changed by its issuer alone; a forged cancel is kept, disputed, and ends nothing."""

from __future__ import annotations

from typing import Any

import pytest

from picture import alarms, warnings
from picture import events as ev
from picture.fold import Picture
from picture.ids import Ids
from picture.model import Hazard
from picture.reports import AlertMessage
from picture.warnings import Disbelieved
from tests.scaffold import NOON_MS, STREAM, drill, entry

MET = "warnings@met.example"
SENT = "2026-11-20T12:00:00-00:00"
RING = ((0, 0), (10, 0), (10, 10), (0, 0))


def message(identifier: str = "MET-1", **fields: Any) -> AlertMessage:
    known = {
        "at_ms": NOON_MS, "external_id": identifier, "sender": MET, "sent_ms": NOON_MS, "status": "Actual",
        "msg_type": "Alert", "event": "Storm surge", "headline": "Storm surge warning", "severity": "Severe",
        "rings": (RING,), "expires_ms": NOON_MS + 3_600_000,
    }  # fmt: skip
    return AlertMessage.model_validate(known | fields)


def about(identifier: str = "MET-1", sender: str = MET) -> tuple[str, ...]:
    return (f"{sender},{identifier},{SENT}",)


class Office:
    """A picture that warnings come to over named feeds."""

    def __init__(self, world: str = "drill") -> None:
        self.ids = Ids("s")
        self.picture = Picture(STREAM).apply_all([entry(drill(world=world), 1)])

    def hear(self, report: AlertMessage, feed: str = "met") -> list[ev.Event] | Disbelieved:
        judged = warnings.judge(report, feed=feed, picture=self.picture.home, ids=self.ids)
        events, source = ([judged.hazard], "met") if isinstance(judged, Disbelieved) else (judged, feed)
        for event in events:
            self.apply(event, source)
        return judged

    def apply(self, event: ev.Event, source: str) -> None:
        self.picture.apply(entry(event, self.picture.home.seq + 1, source=source))

    @property
    def hazards(self) -> list[Hazard]:
        return list(self.picture.hazards.values())


@pytest.fixture
def office() -> Office:
    office = Office()
    office.hear(message())
    return office


def test_a_warning_becomes_an_active_hazard(office: Office) -> None:
    (hazard,) = office.hazards
    assert (hazard.kind, hazard.title, hazard.status) == ("warning", "Storm surge warning", "active")
    assert (hazard.rings, hazard.external_id, hazard.sender, hazard.source) == ((RING,), "MET-1", MET, "met")


def test_the_same_warning_again_is_the_same_hazard(office: Office) -> None:
    assert office.hear(message()) == [] and len(office.hazards) == 1


def test_its_issuer_updates_it_in_place_and_cancels_it(office: Office) -> None:
    office.hear(message("MET-2", msg_type="Update", references=about(), severity="Extreme", rings=()))
    (hazard,) = office.hazards
    assert (hazard.severity, hazard.external_id, hazard.rings) == ("Extreme", "MET-2", (RING,))
    office.hear(message("MET-3", msg_type="Cancel", references=about("MET-2")))
    assert office.hazards[0].status == "cancelled"


@pytest.mark.parametrize("msg_type", ["Cancel", "Update"])
@pytest.mark.parametrize(("sender", "feed"), [("someone@else.example", "met"), (MET, "citizens")])
def test_a_forged_cancel_or_update_is_not_believed_and_the_warning_stands(
    office: Office, msg_type: str, sender: str, feed: str
) -> None:
    forged = message("X-1", msg_type=msg_type, references=about(), sender=sender, severity="Minor", rings=())
    judged = office.hear(forged, feed)
    assert isinstance(judged, Disbelieved)
    (hazard,) = office.hazards
    assert (hazard.status, hazard.severity, hazard.rings, hazard.source) == ("active", "Severe", (RING,), "met")
    assert hazard.disputed == judged.why and sender in judged.why and feed in judged.why


def test_a_true_cancel_after_a_forged_one_still_ends_it(office: Office) -> None:
    office.hear(message("X-1", msg_type="Cancel", references=about(), sender="x@y.example"))
    office.hear(message("MET-2", msg_type="Cancel", references=about()))
    assert office.hazards[0].status == "cancelled" and office.hazards[0].disputed


@pytest.mark.parametrize("status", ["Test", "Draft", "System"])
def test_a_test_does_nothing(status: str) -> None:
    office = Office()
    assert office.hear(message(status=status)) == [] and not office.hazards


@pytest.mark.parametrize("msg_type", ["Ack", "Error"])
def test_an_acknowledgement_does_nothing(office: Office, msg_type: str) -> None:
    assert office.hear(message("A-1", msg_type=msg_type, references=about())) == []


def test_an_exercise_warning_counts_in_a_drill_and_not_in_a_live_world() -> None:
    for world, count in (("drill", 1), ("live", 0)):
        office = Office(world)
        office.hear(message(status="Exercise"))
        assert len(office.hazards) == count


def test_an_update_of_a_warning_never_seen_warns_all_the_same() -> None:
    office = Office()
    office.hear(message("MET-9", msg_type="Update", references=about("MET-8")))
    assert [one.status for one in office.hazards] == ["active"]


def test_a_cancel_of_a_warning_never_seen_changes_nothing(office: Office) -> None:
    assert office.hear(message("MET-9", msg_type="Cancel", references=about("MET-8"))) == []


def test_another_sender_cannot_take_an_identifier_away(office: Office) -> None:
    office.hear(message("MET-1", sender="harbour@port.example", headline="Berth closed"), "port")
    assert [one.title for one in office.hazards] == ["Storm surge warning", "Berth closed"]
    office.hear(message("PORT-2", sender="harbour@port.example", msg_type="Cancel", headline="Berth closed",
                        references=about("MET-1", "harbour@port.example")), "port")  # fmt: skip
    assert [(one.title, one.status, one.disputed) for one in office.hazards] == [
        ("Storm surge warning", "active", ""), ("Berth closed", "cancelled", ""),
    ]  # fmt: skip


def test_an_alert_without_an_identifier_does_not_name_the_flood() -> None:
    office = Office()
    flood = ev.HazardChanged(id="H-FLOOD", hazard_kind="flood", title="Flood at 3.1 m", level_mm=3100)
    office.apply(flood, "twin:flood")
    assert office.hear(message("", msg_type="Cancel", sender="x@y.example")) == []
    office.hear(message("", sender="x@y.example"))
    assert len(office.hazards) == 2
    assert office.picture.hazards["H-FLOOD"].disputed == ""


def test_a_warning_runs_out_at_its_time_and_is_not_called_cancelled(office: Office) -> None:
    home = office.picture.home
    assert warnings.expired(home, NOON_MS + 3_599_999) == []
    (over,) = warnings.expired(home, NOON_MS + 3_600_000)
    office.apply(over, "met")
    (hazard,) = office.hazards
    assert (hazard.status, hazard.rings, hazard.severity) == ("expired", (RING,), "Severe")
    assert warnings.expired(home, NOON_MS + 9_999_999) == []


def test_an_update_of_a_warning_that_ran_out_makes_it_active_again(office: Office) -> None:
    office.apply(warnings.expired(office.picture.home, NOON_MS + 3_600_000)[0], "met")
    office.hear(message("MET-2", msg_type="Update", references=about(), expires_ms=NOON_MS + 9_000_000))
    assert [one.status for one in office.hazards] == ["active"]


# --- chains: update, cancel, expire and vanish are four things ------------------------------------------------------


def _listed(*identifiers: str) -> set[tuple[str, str]]:
    return {(MET, identifier) for identifier in identifiers}


def _vanish(office: Office, *listed: str, feed: str = "met", now_ms: int = NOON_MS) -> list[ev.HazardChanged]:
    found = warnings.vanished(office.picture.home, feed, _listed(*listed), now_ms)
    for event in found:
        office.apply(event, feed)
    return found


def test_what_its_feed_lists_no_longer_has_vanished_and_is_not_called_cancelled(office: Office) -> None:
    assert _vanish(office, "MET-1") == []
    assert len(_vanish(office, "MET-7")) == 1
    (hazard,) = office.hazards
    assert (hazard.status, hazard.rings, hazard.severity) == ("vanished", (RING,), "Severe")
    assert _vanish(office) == []


def test_only_the_feed_that_brought_a_warning_can_lose_it(office: Office) -> None:
    assert _vanish(office, feed="other") == []
    assert office.hazards[0].status == "active"


def test_what_ran_out_has_not_vanished(office: Office) -> None:
    assert _vanish(office, now_ms=NOON_MS + 3_600_000) == []


def test_a_vanished_warning_that_is_listed_again_stands_again(office: Office) -> None:
    _vanish(office)
    office.hear(message(), "other")
    assert office.hazards[0].status == "vanished"
    office.hear(message())
    assert [one.status for one in office.hazards] == ["active"]


def test_a_vanished_warning_can_still_be_cancelled_by_its_issuer_and_by_nobody_else(office: Office) -> None:
    _vanish(office)
    forged = message("X", msg_type="Cancel", references=about(), sender="x@y.example")
    assert isinstance(office.hear(forged), Disbelieved)
    assert office.hazards[0].status == "vanished"
    office.hear(message("MET-2", msg_type="Cancel", references=about()))
    assert office.hazards[0].status == "cancelled"


@pytest.mark.parametrize("again", ["MET-1", "MET-2"])
def test_an_earlier_message_of_a_cancelled_chain_heard_again_brings_nothing_back(office: Office, again: str) -> None:
    update = message("MET-2", msg_type="Update", references=about())
    office.hear(update)
    office.hear(message("MET-3", msg_type="Cancel", references=about("MET-2")))
    assert office.hear(message() if again == "MET-1" else update) == []
    assert [one.status for one in office.hazards] == ["cancelled"]


def test_the_original_heard_again_after_its_update_is_no_second_warning(office: Office) -> None:
    office.hear(message("MET-2", msg_type="Update", references=about(), severity="Extreme"))
    assert office.hear(message()) == []
    assert [(one.external_id, one.severity) for one in office.hazards] == [("MET-2", "Extreme")]


def test_an_update_that_comes_before_what_it_updates_wins() -> None:
    office = Office()
    office.hear(message("MET-2", msg_type="Update", references=about(), severity="Extreme"))
    assert office.hear(message()) == []
    assert [one.severity for one in office.hazards] == ["Extreme"]


def test_nobody_else_can_mark_a_message_as_replaced() -> None:
    office = Office()
    office.hear(message("X-1", sender="x@y.example", msg_type="Update", references=about()), "elsewhere")
    office.hear(message())
    assert {(one.sender, one.status) for one in office.hazards} >= {(MET, "active")}


def test_a_severe_warning_that_vanishes_is_an_alarm_and_not_an_all_clear(office: Office) -> None:
    (event,) = warnings.vanished(office.picture.home, "met", set(), NOON_MS)
    (alarm,) = alarms.judge([event], office.picture.home, office.ids)
    assert isinstance(alarm, ev.AlarmRaised) and "no longer in its feed" in alarm.title


def test_a_cancel_that_names_several_warnings_of_its_issuer_calls_off_each_and_no_others(office: Office) -> None:
    office.hear(message("MET-5"))
    office.hear(message("MET-6"))
    office.hear(message("PORT-1", sender="harbour@port.example"), "port")
    named = (*about("MET-1"), *about("MET-5"), *about("PORT-1", "harbour@port.example"))
    office.hear(message("MET-7", msg_type="Cancel", references=named))
    assert [one.status for one in office.hazards] == ["cancelled", "cancelled", "active", "active"]


def test_an_update_in_the_place_of_several_warnings_leaves_one_of_them(office: Office) -> None:
    office.hear(message("MET-5"))
    office.hear(message("MET-6", msg_type="Update", references=(*about("MET-1"), *about("MET-5")), severity="Extreme"))
    assert sorted((one.status, one.severity) for one in office.hazards) == [("active", "Extreme"), ("ended", "Severe")]
    assert office.hear(message("MET-5")) == []


def test_an_update_of_its_own_and_a_foreign_warning_touches_its_own_alone(office: Office) -> None:
    office.hear(message("PORT-1", sender="harbour@port.example", severity="Minor"), "port")
    named = (*about("PORT-1", "harbour@port.example"), *about())
    office.hear(message("MET-2", msg_type="Update", references=named, severity="Extreme"))
    assert [(one.status, one.severity) for one in office.hazards] == [("active", "Extreme"), ("active", "Minor")]


@pytest.mark.parametrize("msg_type", ["Alert", "Cancel"])
def test_the_alarm_of_a_vanished_warning_goes_when_it_is_listed_again_or_called_off(
    office: Office, msg_type: str
) -> None:
    (event,) = _vanish(office)
    for alarm in alarms.judge([event], office.picture.home, office.ids):
        office.apply(alarm, "met")
    report = message() if msg_type == "Alert" else message("MET-2", msg_type="Cancel", references=about())
    judged = warnings.judge(report, feed="met", picture=office.picture.home, ids=office.ids)
    assert isinstance(judged, list)
    (back,) = alarms.judge(judged, office.picture.home, office.ids)
    assert isinstance(back, ev.AlarmChanged) and back.state == "returned_unacknowledged"
