"""What citizens report is heard and trusted less; over quota it is counted, and none of it is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console import commands as c
from console.commander import Commander
from console.ingest import Ingest
from console.quota import MINUTE_MS, Quota, opened
from feeds.config import Waiting, load, waiting
from feeds.intake import Accepted, Reading
from feeds.registry import BUILT_IN, installed
from picture import events as ev
from picture.errors import InputError, RefusedError
from picture.fusion import CITIZENS_ONLY, by_citizens_alone
from picture.journal import BlobStore
from picture.model import Incident
from picture.reports import IncidentReport
from picture.sealing import Keyring
from tests.scaffold import INES, NOON_MS, Room, build

LON_E7, LAT_E7 = -300_098_000, 459_923_000
ROOMS = {
    "app": Waiting("citizens", "refuse", 100, quota_source=3, quota_feed=5),
    "calls": Waiting("calls", "refuse", 100),
    "police": Waiting("authorities", "refuse", 100),
}


class Town:
    """A city where every place is the market."""

    def find(self, said: str) -> tuple[()]:
        return ()

    def describe(self, lon: float, lat: float) -> str:
        return f"market {lon:.2f} {lat:.2f}"

    def follow(self, picture: object) -> None:
        return


class Ear:
    """A room that hears citizens and others."""

    def __init__(self, folder: Path, room: Room, *, blob_bytes: int = 1 << 20) -> None:
        self.room = room
        self.store = BlobStore(folder / "kept", Keyring(folder / "kept-keys"), quota_bytes=blob_bytes)
        town: Any = Town()
        self.ingest = Ingest(room.core, town, {}, ROOMS, self.store)
        room.core.listen(self.ingest.follow)
        for feed, spec in ROOMS.items():
            room.record(ev.FeedRegistered(id=feed, wire="incident", lane=spec.lane))

    def hear(self, feed: str, **fields: Any) -> None:
        self.deliver(feed, report(**fields))

    def deliver(self, feed: str, *reports: IncidentReport, gather: bool = False) -> None:
        messages = tuple(Accepted(one.model_dump_json().encode(), (one,)) for one in reports)
        self.ingest.take_in(feed, Reading(messages), gather=gather)

    @property
    def incidents(self) -> list[Incident]:
        return list(self.room.core.home.incidents.values())

    def raw(self, source: str = "app", minute_ms: int = NOON_MS) -> list[bytes]:
        entries = self.room.core.journal.read(kinds=frozenset({"reports.counted"}))
        return list(opened(self.store, entries, source, minute_ms))


def report(**fields: Any) -> IncidentReport:
    known = {"at_ms": NOON_MS, "incident_kind": "vehicle_in_water", "lon_e7": LON_E7, "lat_e7": LAT_E7}
    return IncidentReport.model_validate(known | fields)


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    with build(tmp_path) as room:
        yield Ear(tmp_path, room)


# --- one alone --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"people_trapped": True}, {"severity": 1}, {"reporter": "officer"}], ids=str)
def test_citizens_alone_open_no_priority_1_whatever_they_say(ear: Ear, fields: dict[str, Any]) -> None:
    ear.hear("app", **fields)
    (one,) = ear.incidents
    assert one.priority == 2 and CITIZENS_ONLY in one.tags and by_citizens_alone(one)
    assert not any(alarm.priority == 1 for alarm in ear.room.core.home.alarms.values())


def test_a_call_taker_opens_priority_1_by_the_same_words(ear: Ear) -> None:
    ear.hear("calls", people_trapped=True)
    (one,) = ear.incidents
    assert one.priority == 1 and not one.tags


def test_more_citizens_confirm_nothing(ear: Ear) -> None:
    for number in range(4):
        ear.hear("app", origin=f"phone {number}", authoritative_id="APP-1")
    assert all(one.priority == 2 and by_citizens_alone(one) for one in ear.incidents)


@pytest.mark.parametrize("feed", ["calls", "police"])
def test_an_independent_word_of_others_lifts_it_to_priority_1_with_an_alarm(ear: Ear, feed: str) -> None:
    ear.hear("app", origin="phone", authoritative_id="APP-1")
    ear.hear(feed, origin="caller", authoritative_id="APP-1", reporter="call_taker")
    (one,) = ear.incidents
    assert (one.priority, one.tags, len(one.reports)) == (1, (), 2)
    (alarm,) = ear.room.core.home.alarms.values()
    assert alarm.priority == 1 and alarm.subject == one.id and f"confirmed by {feed}" in alarm.cause


def test_people_in_danger_told_by_a_call_taker_confirm_what_stands_beside_them(ear: Ear) -> None:
    ear.hear("app", origin="phone")
    ear.hear("calls", origin="caller", reporter="call_taker")
    first, second = ear.incidents  # people in danger are never absorbed: the call stands alone
    assert (first.priority, first.tags) == (1, ()) and second.priority == 1
    assert second.possible_duplicate_of == (first.id,)


def test_a_report_elsewhere_confirms_nothing(ear: Ear) -> None:
    ear.hear("app", origin="phone")
    ear.hear("calls", origin="caller", reporter="call_taker", lat_e7=LAT_E7 + 200_000)
    assert by_citizens_alone(ear.incidents[0])


def test_a_citizens_word_passed_on_by_another_confirms_nothing(ear: Ear) -> None:
    ear.hear("app", origin="phone", authoritative_id="APP-1", reporter="citizen")
    ear.hear("police", origin="phone", authoritative_id="APP-1", reporter="citizen")
    (one,) = ear.incidents
    assert len(one.reports) == 2 and by_citizens_alone(one)


def test_a_priority_that_an_operator_set_stays_when_others_confirm(ear: Ear) -> None:
    ear.hear("app", origin="phone", authoritative_id="APP-1")
    ear.room.record(ev.IncidentChanged(incident="I-1", priority=3))
    ear.hear("calls", origin="caller", authoritative_id="APP-1")
    (one,) = ear.incidents
    assert (one.priority, one.tags) == (3, ())


def test_what_an_operator_lifted_is_no_longer_by_citizens_alone(ear: Ear) -> None:
    ear.hear("app", origin="phone")
    ear.room.record(ev.IncidentChanged(incident="I-1", priority=1))
    assert not by_citizens_alone(ear.incidents[0])


# --- quota ------------------------------------------------------------------------------------------------


def flood(ear: Ear, count: int, origin: str = "phone {}", **options: Any) -> list[IncidentReport]:
    reports = [report(incident_kind="tree", origin=origin.format(n), external_id=f"{n}") for n in range(count)]
    ear.deliver("app", *reports, **options)
    return reports


def test_over_the_feeds_quota_reports_become_one_counted_line_and_none_is_lost(ear: Ear) -> None:
    sent = flood(ear, 12)
    home = ear.room.core.home
    assert home.feeds["app"].received == 5
    (line,) = home.counted.values()
    assert (line.source, line.lane, line.count, line.minute_ms) == ("app", "citizens", 7, NOON_MS)
    assert line.area == "market -30.01 45.99"
    assert ear.raw() == [one.model_dump_json().encode() for one in sent[5:]]
    assert ear.room.kinds().count("reports.counted") == 1
    (alarm,) = [one for one in home.alarms.values() if one.subject == "app"]
    assert alarm.title and alarm.cause and alarm.consequence and alarm.action and alarm.time_to_act_s


def test_one_source_over_its_quota_leaves_the_others_theirs(ear: Ear) -> None:
    flood(ear, 6, origin="same phone")
    ear.hear("app", origin="another phone", incident_kind="tree")
    home = ear.room.core.home
    assert home.feeds["app"].received == 4 and [one.count for one in home.counted.values()] == [3]


def test_lines_of_one_minute_are_one_and_the_next_minute_begins_another(ear: Ear) -> None:
    flood(ear, 6)
    flood(ear, 2)
    assert [one.count for one in ear.room.core.home.counted.values()] == [3] and len(ear.raw()) == 3
    ear.room.wait(MINUTE_MS)
    flood(ear, 6)
    assert [one.count for one in ear.room.core.home.counted.values()] == [3, 1]
    assert len(ear.raw(minute_ms=NOON_MS + MINUTE_MS)) == 1
    assert len([one for one in ear.room.kinds() if one == "alarm.raised"]) == 2


def test_what_is_gathered_is_journalled_when_it_is_asked_for(ear: Ear) -> None:
    flood(ear, 8, gather=True)
    assert ear.ingest.held("app") == 3 and not ear.room.core.home.counted
    ear.ingest.count_over_quota()
    assert ear.ingest.held("app") == 0 and [one.count for one in ear.room.core.home.counted.values()] == [3]


def test_call_takers_have_no_quota(ear: Ear) -> None:
    ear.deliver("calls", *(report(incident_kind="tree", origin="same") for _ in range(50)))
    assert ear.room.core.home.feeds["calls"].received == 50 and not ear.room.core.home.counted


def test_raw_words_of_counted_reports_stand_nowhere_in_clear(ear: Ear, tmp_path: Path) -> None:
    ear.deliver("app", *(report(text="my name is Iris Quill", origin=str(n)) for n in range(8)))
    assert any(b"Iris Quill" in one for one in ear.raw())
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"Iris Quill" not in path.read_bytes()


@pytest.mark.parametrize("gather", [False, True])
def test_without_room_for_it_nothing_over_quota_is_acknowledged(tmp_path: Path, gather: bool) -> None:
    with build(tmp_path) as room:
        ear = Ear(tmp_path, room, blob_bytes=10)
        flood(ear, 7, gather=gather)
        if gather:
            with pytest.raises(InputError, match="TOC-2011"):
                ear.ingest.count_over_quota()
        else:  # nobody waits for an answer: it is journalled as refused
            assert [one.code for one in room.core.home.refusals.values()] == ["TOC-2011"]
        assert not room.core.home.counted


def commander(ear: Ear) -> Commander:
    room = ear.room
    return Commander(room.core, room.desk, room.executor, counted=ear.raw)


def test_an_operator_opens_a_counted_line_and_the_journal_says_so_first(ear: Ear) -> None:
    sent = flood(ear, 12)
    ask = c.OpenCounted(source="app", minute_ms=NOON_MS, after=2, limit=3, why="is there a fire among them?")
    answer = commander(ear).give(ask, INES)
    assert [json.loads(one)["external_id"] for one in answer["messages"]] == ["7", "8", "9"] and answer["count"] == 7
    assert json.loads(answer["messages"][0])["origin"] == sent[7].origin
    (entry,) = ear.room.core.journal.read(kinds=frozenset({"value.read"}))
    assert isinstance(entry.event, ev.ValueRead) and entry.actor.person == INES.name
    assert entry.event.why == "is there a fire among them?"


def test_a_counted_line_that_is_not_there_or_not_for_them_is_refused(ear: Ear) -> None:
    ask = c.OpenCounted(source="app", minute_ms=NOON_MS, why="x")
    with pytest.raises(RefusedError, match="TOC-4008"):
        commander(ear).give(ask, INES)
    flood(ear, 12)
    with pytest.raises(RefusedError, match="TOC-4004"):
        commander(ear).give(ask, replace(INES, role="observer"))
    assert "value.read" not in ear.room.kinds()


def test_a_line_whose_key_was_destroyed_opens_empty(ear: Ear) -> None:
    flood(ear, 6)
    (entry,) = ear.room.core.journal.read(kinds=frozenset({"reports.counted"}))
    assert isinstance(entry.event, ev.ReportsCounted)
    empty = BlobStore(ear.store.folder.parent / "elsewhere", Keyring(ear.store.folder.parent / "other"))
    assert not list(opened(empty, [entry], "app", NOON_MS)) and len(ear.raw()) == 1


def test_a_quota_holds_no_more_than_it_may_show_in_a_minute() -> None:
    quota = Quota({"app": ROOMS["app"]})
    shown = [quota.over("app", [report(origin=f"{n}")], NOON_MS) for n in range(1000)].count(False)
    assert shown == 5
    assert not quota.over("app", [report(origin="1")], NOON_MS + MINUTE_MS)
    assert not quota.over("calls", [report()] * 99, NOON_MS)


# --- configuration ----------------------------------------------------------------------------------------


def test_every_wire_names_a_lane_and_a_feed_may_name_another() -> None:
    lanes = {wire: installed().wire(wire).manifest.lane for wire in BUILT_IN}
    assert lanes["incident"] == lanes["tak"] == "calls" and lanes["cap"] == "authorities"
    assert lanes["ais"] == lanes["sensorthings"] == lanes["ngsi"] == "sensors"
    app = load({"id": "app", "wire": "incident", "lane": "citizens", "room": 7, "quota_feed": 9})
    assert waiting(app, "calls") == Waiting("citizens", "refuse", 7, quota_source=6, quota_feed=9)


def test_a_quota_binds_citizens_only() -> None:
    calls = load({"id": "calls", "wire": "incident", "quota_feed": 1, "when_full": "newest"})
    assert waiting(calls, "calls") == Waiting("calls", "newest", 1000)


def test_a_feed_that_is_given_another_lane_keeps_its_counts(ear: Ear) -> None:
    ear.hear("calls")
    ear.room.record(ev.FeedRegistered(id="calls", wire="incident", lane="authorities", silent_after_s=9))
    feed = ear.room.core.home.feeds["calls"]
    assert (feed.lane, feed.received, feed.silent_after_s, feed.state) == ("authorities", 1, 9, "ok")
