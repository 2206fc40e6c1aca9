"""Port calls: what a berth is told, which ship it is told of, and what is refused or left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.ingest import Ingest
from feeds.base import FeedContext
from feeds.config import FeedConfig, load
from feeds.intake import Intake
from feeds.portcall import codec
from feeds.registry import installed
from picture import events as ev
from picture.errors import CATALOGUE, InputError
from picture.reports import FacilityReport, Report, VesselReport
from tests.feeds.test_eido import json_values
from tests.scaffold import Room, build, hear, shipped_city
from tests.test_standing import Desk, polled, publishing

LIMITS = installed().wire("portcall").manifest.codec_limits()
T = 1_800_000_000_000
AT = "2027-01-15T08:00:00Z"
ETA = "2027-01-15T11:30:00Z"


def event(identifier: str = "E1", *, at: str = AT, **parts: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {
        "portCall": {"UNLocationCode": "NLRTM"},
        "portCallService": {
            "portCallServiceTypeCode": "BERTH", "portCallServiceEventTypeCode": "ARRI", "portCallPhaseTypeCode": "INBD",
            "serviceLocation": {"UNLocationCode": "NLRTM", "facility": {"facilityCode": "ECTDD",
                                                                        "facilityCodeListProvider": "SMDG"}},
        },
        "vessel": {"vesselMMSINumber": "244660001", "vesselName": "King of the Seas", "lengthOverall": 245.45,
                   "vesselSizeUnit": "MTR", "draft": 12.5, "draftUnit": "MTR"},
        "timestamp": {"classifierCode": "EST", "serviceDateTime": ETA},
    }  # fmt: skip
    merged = {name: known.get(name, {}) | parts.get(name, {}) for name in known.keys() | parts.keys()}
    return {"eventID": identifier, "eventUpdatedDateTime": at, **merged}


def message(*events: dict[str, Any]) -> bytes:
    return json.dumps({"events": events}).encode()


def read(*events: dict[str, Any], names: dict[str, str] | None = None, skip: Any = None) -> tuple[Report, ...]:
    context = FeedContext("port", T, names=names or {}, limits=LIMITS, skip=skip or (lambda _: None))
    return codec.decode(message(*events), context)


def told(reports: tuple[Report, ...]) -> dict[str, Any]:
    return {one.attribute: one.value for one in reports if isinstance(one, FacilityReport)}


def test_an_estimated_arrival_is_told_to_the_berth_and_the_ship_is_known_by_its_particulars() -> None:
    *attributes, ship = read(event())
    assert told(tuple(attributes)) == {
        "berth_arrival_estimated": ETA, "berth_vessel": "KING OF THE SEAS (MMSI 244660001)",
    }  # fmt: skip
    assert {one.facility for one in attributes if isinstance(one, FacilityReport)} == {"NLRTM:ECTDD"}
    assert ship == VesselReport(
        at_ms=T, external_id="E1", mmsi=244_660_001, name="KING OF THE SEAS", length_m=245, draught_dm=125,
        destination="NLRTM",
    )  # fmt: skip


@pytest.mark.parametrize(("what", "state", "vessel"), [
    ("ARRI", "occupied", "KING OF THE SEAS (MMSI 244660001)"), ("DEPA", "free", ""),
])  # fmt: skip
def test_an_actual_arrival_occupies_the_berth_and_an_actual_departure_frees_it(
    what: str, state: str, vessel: str
) -> None:
    service = event()["portCallService"] | {"portCallServiceEventTypeCode": what}
    found = told(read(event(portCallService=service, timestamp={"classifierCode": "ACT"})))
    assert (found["state"], found["vessel"]) == (state, vessel)
    assert "state" not in told(read(event(portCallService=service)))


def test_a_cancelled_service_is_said_to_be_so_and_its_time_is_told_no_more() -> None:
    service = event()["portCallService"] | {"isCanceled": True}
    found = told(read(event(portCallService=service, timestamp={"classifierCode": "ACT"})))
    assert found["berth_state"] == "cancelled"
    assert not {"berth_arrival_actual", "state"} & set(found)


@pytest.mark.parametrize("part", ["portCall", "terminalCall"])
def test_a_call_that_is_left_out_is_said_to_be_so(part: str) -> None:
    assert told(read(event(**{part: {"isOmitted": True}})))["berth_state"] == "omitted"


def test_a_pilots_delay_is_told_with_its_reason() -> None:
    service = event()["portCallService"] | {
        "portCallServiceTypeCode": "PILOTAGE", "portCallServiceEventTypeCode": "STRT",
    }  # fmt: skip
    late = {"delayReasonCodes": ["WEA"], "remark": "wind above\n limits"}
    found = told(read(event(portCallService=service, timestamp=late)))
    assert found["pilotage_started_estimated"] == ETA
    assert found["pilotage_remark"] == "WEA: wind above limits"
    assert "state" not in found


@pytest.mark.parametrize(
    ("names", "facility"),
    [({}, "NLRTM:ECTDD"), ({"NLRTM:ECTDD": "BERTH-4"}, "BERTH-4"), ({"NLRTM": "PORT"}, "PORT"),
     ({"NLRTM": "PORT", "NLRTM:ECTDD": "BERTH-4"}, "BERTH-4")],
)  # fmt: skip
def test_the_feeds_names_turn_codes_of_terminals_and_ports_into_ours(names: dict[str, str], facility: str) -> None:
    found = read(event(), names=names)
    assert {one.facility for one in found if isinstance(one, FacilityReport)} == {facility}


def test_a_ships_own_word_of_where_it_is_is_not_taken_over() -> None:
    (*_, ship) = read(event(vessel={"vesselPosition": {"geoCoordinate": {"latitude": "1", "longitude": "2"}}}))
    assert isinstance(ship, VesselReport) and ship.lon_e7 is None


def test_feet_are_metres_here() -> None:
    (*_, ship) = read(event(vessel={"lengthOverall": 1000, "vesselSizeUnit": "FOT", "draft": 41, "draftUnit": "FOT"}))
    assert isinstance(ship, VesselReport) and (ship.length_m, ship.draught_dm) == (305, 125)


def test_an_event_without_a_place_is_noted_and_its_ship_still_known() -> None:
    noted: list[str] = []
    bare = event()
    del bare["portCallService"]["serviceLocation"], bare["portCall"]
    (ship,) = read(bare, skip=noted.append)
    assert isinstance(ship, VesselReport) and noted == ["event E1 without a place"]


def test_a_list_that_holds_a_ships_whole_stay_tells_how_it_ended_and_nothing_before() -> None:
    gone = event()["portCallService"] | {"portCallServiceEventTypeCode": "DEPA"}
    actual = {"classifierCode": "ACT"}
    left = event("E9", at="2027-01-16T08:00:00Z", portCallService=gone, timestamp=actual)
    found = read(left, event("E1", timestamp=actual))
    assert [one.value for one in found if isinstance(one, FacilityReport) and one.attribute == "state"] == ["free"]
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)


def test_events_are_told_oldest_first_so_that_the_last_word_stands() -> None:
    later = event("E2", at="2027-01-15T09:00:00Z", timestamp={"serviceDateTime": "2027-01-15T12:00:00Z"})
    assert told(read(later, event()))["berth_arrival_estimated"] == "2027-01-15T12:00:00Z"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("eventID",), "", "TOC-2003"), (("eventUpdatedDateTime",), "2027-01-15T08:00:00", "TOC-2003"),
        (("portCallService", "portCallServiceTypeCode"), "Berth!", "TOC-2003"),
        (("portCallService", "portCallServiceEventTypeCode"), "GONE", "TOC-2003"),
        (("portCallService", "isCanceled"), "yes", "TOC-2003"),
        (("portCallService", "serviceLocation", "UNLocationCode"), "nl123", "TOC-2003"),
        (("timestamp", "classifierCode"), "XXX", "TOC-2003"), (("timestamp", "serviceDateTime"), None, "TOC-2003"),
        (("timestamp", "delayReasonCodes"), "STR", "TOC-2003"), (("vessel", "vesselMMSINumber"), "12", "TOC-2003"),
        (("vessel", "vesselSizeUnit"), "YRD", "TOC-2003"), (("vessel", "lengthOverall"), 5000, "TOC-2009"),
        (("vessel", "draft"), "deep", "TOC-2003"), (("vessel",), [], "TOC-2003"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_for_what_it_is(path: tuple[str, ...], value: Any, code: str) -> None:
    broken = event()
    part = broken
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(InputError) as refused:
        read(broken)
    assert refused.value.code == code


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_value_in_any_field_is_read_or_refused_with_a_code(data: st.DataObject) -> None:
    value: Any = {"events": [event()]}
    part = value
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not isinstance(part[key], dict | list) or not part[key] or data.draw(st.booleans()):
            part[key] = data.draw(json_values)
            break
        part = part[key]
    try:
        codec.decode(json.dumps(value).encode(), FeedContext("port", T, limits=LIMITS))
    except InputError as error:
        assert error.code in CATALOGUE


# --- other people's messages ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["portcall-api-200-post-request.json", "portcall-api-200-get-response.json"])
def test_the_published_messages_are_read(name: str, corpus: Path) -> None:
    data = (corpus / "portcall/dcsa" / name).read_bytes()
    found = codec.decode(data, FeedContext("port", T, limits=LIMITS))
    assert told(found)["berth_started_estimated"] == "2025-01-23T01:23:45Z"
    assert told(found)["berth_remark"] == "STR: Port closed due to strike"
    assert [one.mmsi for one in found if isinstance(one, VesselReport)] == [278_111_222]


def test_every_file_of_the_corpus_is_read_or_refused_with_a_code(corpus: Path) -> None:
    intake = Intake(load({"id": "port", "wire": "portcall"}), installed())
    files = [path for path in (corpus / "portcall").rglob("*") if path.is_file()]
    refused = {path.name: intake.read(path.read_bytes(), T).refused for path in files}
    assert sum(not each for each in refused.values()) == 2
    assert {one.error.code for each in refused.values() for one in each} == {"TOC-2002", "TOC-2006"}


# --- over HTTP, into the picture -----------------------------------------------------------------------


@pytest.fixture
def port(tmp_path: Path, tocsin_home: Path) -> Iterator[tuple[Room, Ingest]]:
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room:
        room.record(ev.FeedRegistered(id="port", wire="portcall"))
        room.record(
            ev.FacilityRegistered(
                id="BERTH-4", facility_kind="berth", name="Berth 4", lon_e7=1, lat_e7=2, attributes=()
            )
        )
        yield room, hear(room, city)


async def test_a_berth_learns_over_http_which_ship_it_waits_for(port: tuple[Room, Ingest]) -> None:
    room, ingest = port
    with publishing(message(event())) as (url, asked):
        feed = FeedConfig(id="port", wire="portcall", url=url, poll_s=5, names={"NLRTM:ECTDD": "BERTH-4"})
        await polled(Desk(room, ingest), feed, lambda: len(asked) > 1)
    berth = dict(room.core.home.facilities["BERTH-4"].attributes)
    assert berth["berth_vessel"] == "KING OF THE SEAS (MMSI 244660001)"
    assert berth["berth_arrival_estimated"] == ETA
    assert room.core.home.vessels["244660001"].name == "KING OF THE SEAS"
