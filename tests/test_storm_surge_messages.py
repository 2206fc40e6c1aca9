"""The storm-surge recording is what its script writes, is read by every feed, and tells one coherent night."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from console.drill.scenario import load, load_expected
from feeds.intake import Accepted, Intake
from feeds.intake import Refused as RefusedMessage
from feeds.registry import installed
from feeds.replay import INDEX, Recording
from picture.places import distance_m
from picture.reports import AlertMessage, DistressReport, IncidentReport, Observation, Report, VesselReport
from picture.tracks import DRAG_M, DRAG_MMPS, STUCK_AFTER
from twin.gazetteer import Gazetteer
from twin.pack import CityPack, Ground

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "sample_incidents" / "storm-surge"
PLANTED_NAMES = (
    "Catriona Mulvey",
    "Roisin Delahunt",
    "Ambrose Quill",
    "Whitlock",
    "Ursula Greaves",
    "Terence Alford",
    "Tamsin Oduya",
    "Piotr Wolanski",
    "Halina Wolanska",
    "Fergus Tolland",
)
"""People of the night whose names must never stand in clear in a journal, a log or an export."""
MARKUP = "[@click=app.approve('x')]A[/]"


@cache
def author() -> ModuleType:
    """The author's script, loaded from its file."""
    spec = importlib.util.spec_from_file_location("storm_surge", ROOT / "scripts" / "storm_surge.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["storm_surge"] = module
    spec.loader.exec_module(module)
    return module


@cache
def heard() -> tuple[tuple[float, str, Accepted | RefusedMessage], ...]:
    """Every message of the recording as its feed reads it: (minute, feed, accepted or refused)."""
    scenario = load(FOLDER)
    registry = installed()
    intakes = {feed.id: Intake(feed, registry) for feed in scenario.feeds}
    start_ms = round(scenario.start.timestamp() * 1000)
    return tuple(
        (message.offset_ms / 60_000, message.feed, one)
        for message in Recording(FOLDER)
        for one in intakes[message.feed].read(message.body, start_ms + message.offset_ms).messages
    )


def reports() -> list[tuple[float, str, Report]]:
    return [
        (minute, feed, report) for minute, feed, one in heard() if isinstance(one, Accepted) for report in one.reports
    ]


def refusals() -> list[tuple[float, str, str]]:
    return [(minute, feed, one.error.code) for minute, feed, one in heard() if isinstance(one, RefusedMessage)]


def calls() -> list[tuple[float, str, IncidentReport]]:
    return [(minute, feed, one) for minute, feed, one in reports() if isinstance(one, IncidentReport)]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    from twin.source import ensure_pack

    return CityPack.open(ensure_pack("port-meridian", tmp_path_factory.mktemp("pack")))


def test_the_script_writes_the_very_bytes_that_are_shipped(tmp_path: Path) -> None:
    count = author().main(tmp_path)
    assert count > 400
    assert (tmp_path / INDEX).read_bytes() == (FOLDER / INDEX).read_bytes()


def test_scenario_and_expectations_are_read_strictly() -> None:
    scenario = load(FOLDER)
    assert scenario.minutes == 90
    assert len(load_expected(FOLDER).incidents) >= 25
    feeds = {feed.id for feed in scenario.feeds}
    assert {message.feed for message in Recording(FOLDER)} <= feeds
    assert {reply.feed for reaction in scenario.reactions for reply in reaction.replies} <= feeds
    assert all(feed.may_speak for feed in scenario.feeds), "every feed names what it may speak for"


def test_commands_and_decisions_are_given_by_people_of_the_scenario() -> None:
    scenario = load(FOLDER)
    people = {person.name for person in scenario.people}
    assert {line.person for line in scenario.script} <= people
    assert [line.id for line in scenario.injects] == sorted({line.id for line in scenario.injects})
    times = [line.at_s for line in scenario.script] + [line.at_s for line in scenario.injects]
    assert max(times) <= scenario.minutes * 60


def test_exactly_the_bad_messages_are_refused_each_for_its_reason() -> None:
    assert Counter((feed, code) for _, feed, code in refusals()) == {
        ("citizen-app", "TOC-2006"): 20,  # the same rubbish twenty times
        ("citizen-app", "TOC-2001"): 1,
        ("citizen-app", "TOC-2002"): 1,
        ("citizen-app", "TOC-2004"): 1,
        ("citizen-app", "TOC-2008"): 1,  # an app speaks for no hospital
        ("calls-112", "TOC-2002"): 1,
        ("ais", "TOC-2002"): 1,
        ("unknown-cap", "TOC-2005"): 1,
        ("city-broker", "TOC-2009"): 1,
    }


def test_the_rubbish_comes_within_one_minute_of_the_clock() -> None:
    minutes = [minute for minute, _, code in refusals() if code == "TOC-2006"]
    assert len({int(minute) for minute in minutes}) == 1


def test_the_night_has_enough_of_everything() -> None:
    kinds = Counter(report.report for _, _, report in reports())
    assert kinds["incident"] >= 85
    assert kinds["observation"] >= 200
    assert len({report.mmsi for _, _, report in reports() if isinstance(report, VesselReport)}) >= 12
    assert {feed for _, feed, _ in reports()} == {feed.id for feed in load(FOLDER).feeds}


def test_the_gauges_agree_but_for_the_one_that_stuck() -> None:
    read: dict[str, list[float]] = {}
    for _, feed, report in reports():
        if feed == "gauges" and isinstance(report, Observation):
            read.setdefault(report.sensor, []).append(report.value)
    assert len(read) == 6
    stuck = read.pop("G-OLDDOCK")
    assert len(set(stuck[-STUCK_AFTER:])) == 1
    for values in read.values():
        assert 2.9 < max(values) < 3.1
        assert all(abs(b - a) < 0.25 for a, b in pairwise(values)), "no gauge jumps, not even over its silence"
    assert values_lead(read["G-MOLE"], read["G-TANNERY"]), "the mole leads the river"


def values_lead(first: list[float], second: list[float]) -> bool:
    """Whether the first series passes 2.5 m in an earlier reading than the second."""
    return next(k for k, v in enumerate(first) if v > 2.5) < next(k for k, v in enumerate(second) if v > 2.5)


def test_the_gauges_fall_silent_longer_than_their_feed_may() -> None:
    minutes = [minute for minute, feed, _ in reports() if feed == "gauges"]
    limit_s = next(feed.silent_after_s for feed in load(FOLDER).feeds if feed.id == "gauges")
    assert max(b - a for a, b in pairwise(minutes)) * 60 > limit_s + 60


def test_only_the_issuer_updates_and_cancels_and_one_cancel_is_forged() -> None:
    alerts = [(feed, report) for _, feed, report in reports() if isinstance(report, AlertMessage)]
    assert [(feed, one.msg_type, one.status) for feed, one in alerts] == [
        ("met-office", "Alert", "Exercise"),
        ("met-office", "Alert", "Exercise"),
        ("met-office", "Alert", "Test"),
        ("met-office", "Update", "Exercise"),
        ("met-office", "Cancel", "Exercise"),
        ("unknown-cap", "Cancel", "Exercise"),
        ("met-office", "Update", "Exercise"),
    ]
    forged = alerts[5][1]
    update = alerts[3][1]
    assert forged.references[0].split(",")[1] == update.external_id
    assert forged.sender != update.sender


def test_the_ship_at_anchor_drags_and_no_other_does() -> None:
    tracks: dict[int, list[VesselReport]] = {}
    for _, _, report in reports():
        if isinstance(report, VesselReport) and report.lon_e7 is not None and report.nav_status in (1, 5):
            tracks.setdefault(report.mmsi, []).append(report)
    dragging = set()
    for mmsi, track in tracks.items():
        first = track[0]
        for one in track:
            assert first.lon_e7 is not None and first.lat_e7 is not None
            assert one.lon_e7 is not None and one.lat_e7 is not None
            away_m = distance_m(first.lon_e7, first.lat_e7, one.lon_e7, one.lat_e7)
            if away_m >= DRAG_M and (one.speed_mmps or 0) >= DRAG_MMPS:
                dragging.add(mmsi)
    assert dragging == {author().ORSA_BRISE}


def test_ships_beacons_and_partners_stay_on_the_water(pack: CityPack) -> None:
    ashore = [
        (minute, report)
        for minute, feed, report in reports()
        if isinstance(report, VesselReport | DistressReport)
        and feed == "ais"
        and report.lon_e7 is not None
        and report.lat_e7 is not None
        and not on_water(pack, report.lon_e7 / 1e7, report.lat_e7 / 1e7)
    ]
    assert ashore == []


def on_water(pack: CityPack, lon: float, lat: float) -> bool:
    """Whether water lies within one cell of the ground raster, as the core asks it."""
    x, y = pack.to_xy(lon, lat)
    column = int((x - pack.ground_x0) // pack.ground_cell_m)
    row = int((y - pack.ground_y0) // pack.ground_cell_m)
    near = pack.ground[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return bool(((near == Ground.WATER) | (near == Ground.OUTSIDE)).any())


def test_every_place_in_words_is_found_in_the_city(pack: CityPack) -> None:
    gazetteer = Gazetteer(pack)
    said = {one.place_as_said for _, _, one in calls() if one.place_as_said}
    lost = {words for words in said if not (found := gazetteer.find(words)) or found[0].score < 0.85}
    assert lost == set()


def test_two_trapped_callers_are_eighty_metres_and_two_people_apart() -> None:
    first, second = (one for _, _, one in calls() if one.incident_kind == "trapped")
    assert None not in (first.lon_e7, first.lat_e7, second.lon_e7, second.lat_e7)
    away_m = distance_m(first.lon_e7 or 0, first.lat_e7 or 0, second.lon_e7 or 0, second.lat_e7 or 0)
    assert 70 < away_m < 90
    assert first.caller != second.caller


def test_life_safety_signals_are_there_and_end_only_by_their_sender() -> None:
    signals = [(one.signal, one.ended) for _, _, one in reports() if isinstance(one, DistressReport)]
    assert Counter(signals) == {
        ("ais_mob", False): 4,
        ("ais_mob", True): 1,
        ("mayday", False): 1,
        ("cot_alert", False): 2,
        ("cot_alert", True): 1,
    }


def test_hostile_texts_arrive_unchanged_as_plain_text() -> None:
    callers = {one.caller for _, _, one in calls()}
    assert MARKUP in callers
    assert "B [/]" in callers
    assert any(caller and "\u001b]52;" in caller for caller in callers)
    assert any(one.text and "\u202e" in one.text and "\u001b[2J" in one.text for _, _, one in calls())
    assert any(one.origin == MARKUP for _, _, one in calls()), "a call sign over CoT"
    assert any(isinstance(one, Observation) and MARKUP in one.sensor for _, _, one in reports())
    assert any(isinstance(one, VesselReport) and one.name == "B [/]" for _, _, one in reports())


def test_planted_names_stand_only_where_they_are_sealed() -> None:
    sealed = ("text", "caller", "place_as_said", "call_back")
    for name in PLANTED_NAMES:
        assert any(name in (one.caller or "") or name in (one.text or "") for _, _, one in calls()), name
    for _, _, report in reports():
        clear: dict[str, Any] = report.model_dump(mode="json", exclude=set(sealed))
        assert not any(name in json.dumps(clear, ensure_ascii=False) for name in PLANTED_NAMES)


def test_planted_names_are_not_in_the_scenario_itself() -> None:
    for name in ("scenario.yaml", "expected.yaml"):
        words = (FOLDER / name).read_text(encoding="utf-8")
        assert [one for one in PLANTED_NAMES if one in words] == []
