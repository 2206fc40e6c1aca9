"""What arrives is judged once and journalled whole; a refusal changes nothing else; nothing personal is in clear."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import commands as c
from console.ingest import Ingest
from feeds.config import FeedConfig
from feeds.intake import Intake
from feeds.registry import installed
from picture import events as ev
from picture.clock import rfc3339
from picture.entry import Entry
from picture.fold import Picture
from picture.journal import JournalReader
from picture.reports import (
    AlertMessage,
    DistressReport,
    FacilityReport,
    IncidentReport,
    Observation,
    RequestReply,
    RoadReport,
    UnitReport,
    VesselReport,
)
from tests.scaffold import MINUTE_MS, NOON_MS, STREAM, Room, build, hear, shipped_city

LON_E7, LAT_E7 = -300_098_000, 459_923_000
WATER_LON_E7, WATER_LAT_E7 = -300_983_913, 459_577_319  # Sandhaven Anchorage
GRADES = {"calls": "B2", "tak-units": "A1", "ais": "C3", "met": "A1"}


class Ear:
    """A room that hears."""

    def __init__(self, room: Room, ingest: Ingest) -> None:
        self.room, self.ingest, self.home = room, ingest, room.core.home
        self.intake = Intake(FeedConfig(id="calls", wire="incident"), installed())

    def hear(self, *reports: Any, feed: str = "calls", raw: bytes = b"raw") -> list[Entry]:
        return self.ingest.accept(feed, raw, reports)

    def post(self, body: bytes) -> list[Entry]:
        return self.ingest.take_in("calls", self.intake.read(body, self.room.core.now_ms()))

    def kinds(self) -> list[str]:
        return self.room.kinds()


@pytest.fixture
def ear(tmp_path: Path, tocsin_home: Path) -> Iterator[Ear]:
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room:
        for feed, wire in (("calls", "incident"), ("met", "cap"), ("tak-units", "tak"), ("ais", "ais")):
            room.record(ev.FeedRegistered(id=feed, wire=wire, grade=GRADES[feed]))
        room.record(
            ev.FacilityRegistered(
                id="BARRIER", facility_kind="barrier", name="Meridian Storm Barrier", lon_e7=1, lat_e7=2,
                attributes=(("state", "open"),),
            )
        )  # fmt: skip
        yield Ear(room, hear(room, city, GRADES))


def call(*, at_s: float = 0, **fields: Any) -> IncidentReport:
    known = {"at_ms": NOON_MS + round(at_s * 1000), "incident_kind": "flood", "lon_e7": LON_E7, "lat_e7": LAT_E7}
    return IncidentReport.model_validate(known | fields)


def distress(**fields: Any) -> DistressReport:
    known = {"at_ms": NOON_MS, "signal": "ais_mob", "subject": "970123456", "lon_e7": 1, "lat_e7": 2}
    return DistressReport.model_validate(known | fields)


def form(**fields: Any) -> bytes:
    known = {"schema": "tocsin.incident/1", "type": "report", "kind": "flood", "time": rfc3339(NOON_MS)}
    return json.dumps(known | fields).encode()


# --- one commit ---------------------------------------------------------------------------------------


def test_a_report_and_what_it_means_are_one_commit_of_its_source_and_grade(ear: Ear) -> None:
    ear.room.wait(MINUTE_MS)
    found = ear.hear(call(people_trapped=True, text="help"))
    assert [one.kind for one in found] == ["report.received", "incident.opened", "report.linked", "alarm.raised"]
    assert len({one.commit_id for one in found}) == 1
    assert {(one.source, one.grade, one.at_ms) for one in found} == {("calls", "B2", NOON_MS)}
    assert {one.actor.person for one in found} == {"feed:calls"}
    (link,) = ear.home.incidents["I-1"].reports
    assert link.entry == found[0].seq and ear.room.core.opened(link.text) == "help"


def test_each_report_of_a_message_is_a_commit_and_the_bytes_go_with_the_first(ear: Ear) -> None:
    found = ear.hear(call(), call(at_s=1, lat_e7=LAT_E7 + 100_000), raw=b"one message")
    received = [one for one in found if one.kind == "report.received"]
    assert len({one.commit_id for one in received}) == 2
    assert ["raw" in one.sealed for one in received] == [True, False]
    assert all(isinstance(one.event, ev.ReportReceived) and one.event.size == 11 for one in received)


def test_a_report_of_the_future_is_not_believed_about_its_time(ear: Ear) -> None:
    found = ear.hear(call(at_s=3600))
    assert {one.at_ms for one in found} == {NOON_MS}


def test_a_place_in_words_is_resolved_and_kept_as_said(ear: Ear) -> None:
    found = ear.hear(call(lon_e7=None, lat_e7=None, place_as_said="27 Hatter Yard"))
    place = ear.home.incidents["I-1"].place
    assert place is not None and abs(place.lon_e7 - LON_E7) < 500_000 and place.label
    assert isinstance(found[0].event, ev.ReportReceived) and isinstance(found[0].event.report, IncidentReport)
    assert found[0].event.report.lon_e7 is None
    assert ear.room.core.opened(found[0].ref("report.place_as_said")) == "27 Hatter Yard"


def test_fusion_knows_calls_taken_by_hand_and_before_a_restart(ear: Ear, tmp_path: Path, tocsin_home: Path) -> None:
    words = "water over the wall by the herring sheds"
    place = c.PlaceInput(lon=LON_E7 / 1e7, lat=LAT_E7 / 1e7, how="cursor")
    ear.room.do(c.TakeReport(incident_kind="flood", text=words, place=place))
    anchored = VesselReport(
        at_ms=NOON_MS, mmsi=211_000_001, lon_e7=WATER_LON_E7, lat_e7=WATER_LAT_E7, speed_mmps=0, nav_status=1
    )
    ear.hear(anchored, feed="ais")
    ear.room.core.journal.close()
    with build(tmp_path, locator=shipped_city(tocsin_home), opened=False) as room:
        ingest = hear(room, shipped_city(tocsin_home), GRADES)
        for entry in room.core.replay(ingest.restart_kinds):
            ingest.remember(entry)
        ingest.recall()
        again = Ear(room, ingest)
        (_, link) = again.hear(call(at_s=60, text="the herring sheds stand in water"))
        assert isinstance(link.event, ev.ReportLinked) and link.event.incident == "I-1"
        assert "words" in [term for term, _, _ in link.event.evidence]
        moved = anchored.model_copy(
            update={"at_ms": NOON_MS + 300_000, "lat_e7": WATER_LAT_E7 + 9000, "speed_mmps": 600}
        )
        again.room.wait(5 * MINUTE_MS)
        again.hear(moved, feed="ais")
        assert again.home.vessels["211000001"].judgement == "dragging"


def test_the_whole_journal_folds_again_to_the_same_picture(ear: Ear, tmp_path: Path) -> None:
    ear.hear(call(people_trapped=True), distress(), call(at_s=5))
    ear.post(b"{")
    with JournalReader(tmp_path / "journal") as reader:
        assert Picture(STREAM).apply_all(reader.read()).digest() == ear.room.core.picture.digest()


# --- what is refused --------------------------------------------------------------------------------------


def test_a_refused_message_changes_the_refusals_and_the_feed_and_nothing_else(ear: Ear) -> None:
    before = ear.room.core.picture.as_json()[STREAM]
    (entry,) = ear.post(form(kidn="flood"))
    after = ear.room.core.picture.as_json()[STREAM]
    assert entry.kind == "report.refused" and set(entry.sealed) == {"head", "detail"}
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"seq", "feeds", "refusals"}
    assert (ear.home.feeds["calls"].refused, ear.home.feeds["calls"].received) == (1, 0)
    (one,) = ear.home.refusals.values()
    assert (one.source, one.code, one.count, one.first_entry) == ("calls", "TOC-2003", 1, entry.seq)


def test_at_most_a_kilobyte_of_a_refused_message_is_kept(ear: Ear) -> None:
    (entry,) = ear.post(b"{" + b"x" * 5000)
    head = ear.room.core.opened(entry.ref("head"))
    assert isinstance(head, str) and len(head) == 1368  # base64 of 1,024 bytes
    assert isinstance(entry.event, ev.ReportRefused) and entry.event.size == 5001


def test_repeats_are_counted_per_source_code_and_minute(ear: Ear) -> None:
    for _ in range(5):
        ear.post(b"{")
    ear.post(form(kidn="flood"))
    assert ear.kinds().count("report.refused") == 2
    assert ear.ingest.count_refusals() == []
    ear.room.wait(MINUTE_MS)
    (counted,) = ear.ingest.count_refusals()
    assert isinstance(counted.event, ev.ReportRefused) and counted.event.repeats == 4
    by_code = {one.code: one.count for one in ear.home.refusals.values()}
    assert by_code == {"TOC-2002": 5, "TOC-2003": 1} and ear.home.feeds["calls"].refused == 6
    assert ear.ingest.count_refusals() == []


def warning(**fields: Any) -> AlertMessage:
    known = {
        "at_ms": NOON_MS, "external_id": "MET-1", "sender": "met@met.example", "sent_ms": NOON_MS, "status": "Exercise",
        "msg_type": "Alert", "headline": "Storm surge", "severity": "Severe", "expires_ms": NOON_MS + 3_600_000,
    }  # fmt: skip
    return AlertMessage.model_validate(known | fields)


def test_a_forged_cancel_is_refused_disputed_and_rings_once_however_often_it_comes(ear: Ear) -> None:
    ear.hear(warning(), feed="met")
    about = (f"met@met.example,MET-1,{rfc3339(NOON_MS)}",)
    forged = warning(external_id="X-1", msg_type="Cancel", references=about, sender="x@y.example")
    found = ear.hear(forged, feed="calls")
    assert [one.kind for one in found] == ["report.refused", "hazard.changed", "alarm.raised"]
    assert isinstance(found[0].event, ev.ReportRefused) and found[0].event.code == "TOC-2008"
    assert [ear.hear(forged, feed="calls") for _ in range(3)] == [[], [], []]
    (hazard,) = ear.home.hazards.values()
    assert (hazard.status, hazard.source) == ("active", "met") and "x@y.example" in hazard.disputed
    assert [one.title for one in ear.home.alarms.values() if "not believed" in one.title] == [
        "Storm surge: a cancellation was not believed"
    ]
    ear.hear(warning(external_id="MET-2", msg_type="Cancel", references=forged.references), feed="met")
    assert hazard.id in ear.home.hazards and ear.home.hazards[hazard.id].status == "cancelled"


def test_a_source_without_room_is_still_heard(tmp_path: Path, tocsin_home: Path) -> None:
    with build(tmp_path, blob_bytes=1000) as room:
        ear = Ear(room, hear(room, shipped_city(tocsin_home)))
        found = ear.hear(call(), raw=b"x" * 200_000)
        assert [one.kind for one in found][:2] == ["report.received", "incident.opened"]
        assert isinstance(found[0].event, ev.ReportReceived) and found[0].event.size == 200_000
        assert "raw" not in found[0].sealed


# --- nothing personal in clear ----------------------------------------------------------------------------

CALLER, CALL_BACK, SAID, WORDS = "Quintessa Planted", "+1-555-0199-77", "planted boathouse", "zebra planted words"
PLANTS = (CALLER, CALL_BACK, SAID, WORDS, "planted key", "planted reply", "planted unit words", "planted distress")
POSITIONS = ("-30.0176543", "45.9912345", "300176543", "459912345")


def test_no_caller_casualty_position_or_free_text_stands_anywhere_in_clear(
    ear: Ear, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ear.post(form(caller=CALLER, call_back=CALL_BACK, place=SAID, text=WORDS, people_trapped=True))
    ear.post(form(caller=CALLER, text=WORDS, **{"planted key": CALLER}))  # refused: the key is not known
    ear.post(form(caller=[CALLER], text=WORDS))  # refused: of the wrong type
    ear.post(form(time=WORDS))  # refused: no time
    ear.post(form(kind=WORDS, caller=CALLER))
    ear.post((CALLER + WORDS).encode())
    located = UnitReport(
        at_ms=NOON_MS, callsign="E12", lon_e7=-300_176_543, lat_e7=459_912_345, text="planted unit words"
    )
    ear.hear(located, feed="tak-units", raw=b'<event lon="-30.0176543" lat="45.9912345"/>')
    ear.room.record(ev.RequestMade(id="RQ-1", to="grid", what="isolate", subject="SUB-4"))
    ear.hear(RequestReply(at_ms=NOON_MS, request="RQ-1", answer="countered", text="planted reply"))
    ear.hear(distress(text="planted distress"))
    ear.hear(call(text=WORDS), raw=WORDS.encode() * 9000)  # large: to the blob store
    said = "".join(repr(one) + one.event.model_dump_json() for one in ear.room.core.journal.read())
    said += json.dumps(ear.room.core.picture.as_json()) + caplog.text
    ear.room.core.journal.checkpoint()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(len(data) > 70_000 for path, data in files.items() if "blobs" in path.parts)
    for plant in (*PLANTS, *POSITIONS):
        assert plant not in said, plant
        assert not [path.name for path, data in files.items() if plant.encode() in data], plant
    opened = [value for one in ear.room.core.journal.read() for value in ear.room.core.journal.opened(one).values()]
    assert CALLER in opened and WORDS in opened and "planted reply" in opened


# --- life safety ------------------------------------------------------------------------------------------


def test_a_distress_signal_opens_its_own_incident_and_rings_once(ear: Ear) -> None:
    ear.hear(distress())
    (incident,) = ear.home.incidents.values()
    assert (incident.priority, incident.kind, incident.tags) == (1, "person_in_water", ("ais_mob:970123456",))
    (alarm,) = ear.home.alarms.values()
    assert alarm.life_safety and alarm.subject == incident.id
    ear.hear(distress(at_ms=NOON_MS + 1000))
    assert len(ear.home.incidents) == 1 and [one.count for one in ear.home.alarms.values()] == [2]
    ear.hear(distress(subject="970999999"))
    assert len(ear.home.incidents) == 2 == len(ear.home.alarms)


def test_only_a_person_clears_a_distress_alarm_whatever_the_sender_says(ear: Ear) -> None:
    ear.hear(distress())
    ear.hear(distress(ended=True))
    assert ear.home.alarms["AL-1"].state == "unacknowledged"
    assert "a person must confirm" in ear.home.incidents["I-1"].reports[-1].evidence[0].words
    ear.room.do(c.AckAlarm(alarm="AL-1"))
    ear.hear(distress(ended=True))
    assert ear.home.alarms["AL-1"].state == "acknowledged"
    ear.room.do(c.ClearAlarm(alarm="AL-1", why="picked up"))
    assert (ear.home.alarms["AL-1"].state, ear.home.alarms["AL-1"].cleared_by) == ("cleared", "Ines Prado")


def test_the_end_of_a_signal_never_heard_opens_nothing(ear: Ear) -> None:
    assert [one.kind for one in ear.hear(distress(ended=True))] == ["report.received"]


# --- the other reports ------------------------------------------------------------------------------------


def test_a_stale_value_or_track_is_journalled_and_judged_no_more(ear: Ear) -> None:
    ear.room.wait(10 * MINUTE_MS)
    new, old = (
        [
            Observation(at_ms=at_ms, sensor="G-1", quantity="water_level", value=2.0, unit="m"),
            VesselReport(at_ms=at_ms, mmsi=211_000_001, lon_e7=WATER_LON_E7, lat_e7=WATER_LAT_E7),
        ]
        for at_ms in (NOON_MS + 2000, NOON_MS + 1000)
    )
    assert [one.kind for one in ear.hear(*new)] == [
        "report.received", "sensor.updated", "report.received", "vessel.updated",
    ]  # fmt: skip
    assert [one.kind for one in ear.hear(*old)] == ["report.received", "report.received"]
    assert ear.home.vessels["211000001"].at_ms == NOON_MS + 2000


def test_a_ship_on_land_is_doubted(ear: Ear) -> None:
    ear.hear(VesselReport(at_ms=NOON_MS, mmsi=211_000_002, lon_e7=LON_E7, lat_e7=LAT_E7), feed="ais")
    ear.hear(VesselReport(at_ms=NOON_MS, mmsi=211_000_003, lon_e7=WATER_LON_E7, lat_e7=WATER_LAT_E7), feed="ais")
    doubts = {key: vessel.doubt for key, vessel in ear.home.vessels.items()}
    assert doubts == {"211000002": "its position is on land", "211000003": ""}


def test_a_crew_reports_its_status_and_an_illegal_one_changes_nothing(ear: Ear) -> None:
    ear.hear(call())
    ear.room.do(c.Assign(unit="E12", incident="I-1"))
    for status, known in (("on_scene", "dispatched"), ("enroute", "enroute"), ("dancing", "enroute")):
        ear.hear(UnitReport(at_ms=NOON_MS, callsign="e12", status=status), feed="tak-units")
        assert ear.home.units["E12"].local_status == known
    ear.hear(UnitReport(at_ms=NOON_MS, callsign="E12", status="available"), feed="tak-units")
    assert ear.home.assignments["A-1"].status == "done" and ear.home.incidents["I-1"].units == ()


def test_a_stranger_and_an_unknown_place_are_journalled_and_move_nothing(ear: Ear) -> None:
    before = ear.room.core.picture.as_json()[STREAM]
    for report in (
        UnitReport(at_ms=NOON_MS, callsign="X99", status="enroute"),
        FacilityReport(at_ms=NOON_MS, facility="nowhere", attribute="state", value="x"),
        RoadReport(at_ms=NOON_MS, road="No Such Street", closed=True),
        RequestReply(at_ms=NOON_MS, request="RQ-9", answer="accepted"),
    ):
        assert [one.kind for one in ear.hear(report)] == ["report.received"]
    after = ear.room.core.picture.as_json()[STREAM]
    assert {name for name in after if after[name] != before[name]} == {"seq", "feeds"}


def test_the_barrier_moves_by_its_owners_word(ear: Ear) -> None:
    ear.hear(FacilityReport(at_ms=NOON_MS, facility="meridian storm barrier", attribute="state", value="closing"))
    assert ear.home.barrier == "closing" and dict(ear.home.facilities["BARRIER"].attributes)["state"] == "closing"
    ear.hear(FacilityReport(at_ms=NOON_MS, facility="BARRIER", attribute="state", value="dancing"))
    assert ear.home.barrier == "closing"


def test_a_road_is_closed_and_opened_by_the_feed_that_closed_it(ear: Ear) -> None:
    closed = RoadReport(at_ms=NOON_MS, road="Wharf Street", closed=True, reason="tree down")
    ear.hear(closed)
    (closure,) = ear.home.closures.values()
    assert closure.edges and (closure.status, closure.reason, closure.by) == ("active", "tree down", "calls")
    ear.hear(closed.model_copy(update={"closed": False}), feed="tak-units")
    assert ear.home.closures[closure.id].status == "active"
    ear.hear(closed.model_copy(update={"closed": False}))
    assert ear.home.closures[closure.id].status == "lifted"
