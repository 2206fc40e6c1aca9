"""Each wire reads back what it wrote."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from feeds.ais import codec as ais
from feeds.base import FeedContext
from feeds.cap import codec as cap
from feeds.incident import codec as incident
from feeds.ngsi import codec as ngsi
from feeds.sensorthings import codec as sensorthings
from feeds.tak import codec as tak
from picture.errors import InputError
from picture.reports import (
    AlertMessage,
    DistressReport,
    IncidentReport,
    Observation,
    Report,
    UnitReport,
    VesselReport,
)
from tests.feeds import strategies as reports

few = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CONTEXT = FeedContext("test", 1_700_000_000_000)
T = 1_800_000_000_000


@few
@given(reports.incident_json)
def test_incident_json_reads_back_what_it_wrote(report: Report) -> None:
    assert incident.decode(incident.encode(report), CONTEXT) == (report,)


@few
@given(reports.observation())
def test_sensorthings_reads_back_what_it_wrote(report: Observation) -> None:
    assert sensorthings.decode(sensorthings.encode(report), CONTEXT) == (report,)


@few
@given(reports.ngsi)
def test_ngsi_reads_back_what_it_wrote_normalized_and_simplified(report: Report) -> None:
    assert ngsi.decode(ngsi.encode(report), CONTEXT) == (report,)
    assert ngsi.decode(ngsi.encode(report, simplified=True), CONTEXT) == (report,)


@few
@given(reports.tak)
def test_tak_reads_back_what_it_wrote(report: Report) -> None:
    assert tak.decode(tak.encode(report), CONTEXT) == (report,)


@few
@given(reports.ais)
def test_ais_reads_back_what_it_wrote(report: Report) -> None:
    assert ais.decode(ais.encode(report), CONTEXT) == (report,)


@few
@given(reports.cap())
def test_cap_reads_back_what_it_wrote(report: AlertMessage) -> None:
    assert cap.decode(cap.encode(report), CONTEXT) == (report,)


# --- cap ---------------------------------------------------------------------------------------------


def _alert(**changes: object) -> AlertMessage:
    values: dict[str, object] = {
        "at_ms": T, "sent_ms": T, "external_id": "a1", "sender": "met@example.org", "status": "Exercise",
        "msg_type": "Alert", "event": "Surge", "headline": "Surge", "area": "Old Quay",
    }  # fmt: skip
    return AlertMessage(**(values | changes))


def test_a_circle_becomes_a_closed_ring_of_thirty_two_corners_at_its_radius() -> None:
    data = cap.encode(_alert()).replace(
        b"<areaDesc>Old Quay</areaDesc>", b"<areaDesc>Old Quay</areaDesc><circle>52,4 10</circle>"
    )
    (alert,) = cap.decode(data, CONTEXT)
    assert isinstance(alert, AlertMessage)
    (ring,) = alert.rings
    assert len(ring) == 33 and ring[0] == ring[-1]
    north = max(lat for _, lat in ring)
    assert (north - 520_000_000) / 1e7 * 111.195 == pytest.approx(10.0, rel=1e-3)


def test_of_several_languages_english_is_read_and_the_others_are_counted() -> None:
    data = cap.encode(_alert(headline="Hochwasser"), language="de")
    english = cap.encode(_alert(headline="High water"), language="en-GB").split(b"<info>")[1].split(b"</info>")[0]
    data = data.replace(b"</alert>", b"<info>" + english + b"</info></alert>")
    (alert,) = cap.decode(data, CONTEXT)
    assert isinstance(alert, AlertMessage)
    assert alert.headline == "High water"
    assert (cap.OTHER_INFOS, "1") in alert.parameters


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"<event>Surge</event>", b"", "info.event"),
        (b"<urgency>Unknown</urgency>", b"<urgency>Soon</urgency>", "info.urgency"),
        (b"<sender>met@example.org</sender>", b"<sender>a b</sender>", "alert.sender"),
        (b"<scope>Public</scope>", b"<scope>Restricted</scope>", "alert.restriction"),
        (b"<msgType>Alert</msgType>", b"<msgType>Cancel</msgType>", "alert.references"),
        (b"<areaDesc>Old Quay</areaDesc>", b"<areaDesc>Q</areaDesc><polygon>1,1 2,2 3,3</polygon>", "polygon"),
        (b"<areaDesc>Old Quay</areaDesc>", b"<areaDesc>Q</areaDesc><polygn>1</polygn>", "polygon"),
        (b"<category>Safety</category>", b"", "info.category"),
        (b"<sent>2027-01-15T08:00:00-00:00</sent>", b"<sent>2027-13-15T08:00:00-00:00</sent>", "alert.sent"),
    ],
)
def test_a_broken_cap_rule_is_refused_with_its_field(old: bytes, new: bytes, field: str) -> None:
    data = cap.encode(_alert())
    assert old in data
    with pytest.raises(InputError, match=field) as refused:
        cap.decode(data.replace(old, new), CONTEXT)
    assert refused.value.code == "TOC-2003"


def test_a_cap_area_off_the_globe_is_impossible() -> None:
    data = cap.encode(_alert()).replace(
        b"<areaDesc>Old Quay</areaDesc>", b"<areaDesc>Q</areaDesc><polygon>91,1 2,2 3,3 91,1</polygon>"
    )
    with pytest.raises(InputError) as refused:
        cap.decode(data, CONTEXT)
    assert refused.value.code == "TOC-2009"


def test_cap_never_writes_what_it_would_refuse_to_read() -> None:
    with pytest.raises(InputError, match=r"alert\.references"):
        cap.encode(_alert(msg_type="Cancel", event=""))
    with pytest.raises(InputError, match=r"alert\.identifier"):
        cap.encode(_alert(external_id="two words"))


# --- ais ---------------------------------------------------------------------------------------------


def test_what_ais_says_is_not_available_is_none_and_not_a_number() -> None:
    (vessel,) = ais.decode(ais.encode(VesselReport(at_ms=T, mmsi=211_234_567)), CONTEXT)
    assert vessel == VesselReport(at_ms=T, mmsi=211_234_567)


def test_standing_still_is_a_speed_of_zero_and_not_unknown() -> None:
    (vessel,) = ais.decode(ais.encode(VesselReport(at_ms=T, mmsi=211_234_567, speed_mmps=0)), CONTEXT)
    assert isinstance(vessel, VesselReport) and vessel.speed_mmps == 0


def test_without_a_tag_block_the_time_of_receipt_counts() -> None:
    (vessel,) = ais.decode(b"!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*23", CONTEXT)
    assert vessel.at_ms == CONTEXT.received_ms


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*24", "TOC-2002"),
        (b"\\c:1800000000*51\\!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*23", "TOC-2002"),
        (b"!AIVDM,2,1,1,A,55?MbV02;H;s<HtKR20EHE:0@T4@Dn2222222216L961O5Gf0NSQEp6ClRp8,0*1C", "TOC-2002"),
        (b"$GPGGA,184353.07,1929.045,S,02410.506,E,1,04,2.6,100.00,M,-33.9,M,,0000*6D", "TOC-2006"),
        (b"ship ahoy", "TOC-2002"),
        (b"\xff\xfe\x00", "TOC-2002"),
        (b"", "TOC-2002"),
    ],
)
def test_a_line_that_is_no_whole_ais_message_is_refused(line: bytes, code: str) -> None:
    with pytest.raises(InputError) as refused:
        ais.decode(line, CONTEXT)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("mmsi", "text", "expected"),
    [
        (211_234_567, "MAYDAY MAYDAY TAKING WATER", DistressReport(
            at_ms=T, signal="mayday", subject="211234567", text="MAYDAY MAYDAY TAKING WATER")),
        (970_123_456, "SART TEST", DistressReport(
            at_ms=T, signal="ais_sart", subject="970123456", text="SART TEST", ended=True)),
        (211_234_567, "ADRIFT OFF PIER 4", IncidentReport(
            at_ms=T, incident_kind="vessel_adrift", text="ADRIFT OFF PIER 4", reporter="agency",
            origin="211234567", uncertainty_m=100_000)),
    ],
)  # fmt: skip
def test_a_safety_text_is_read_for_what_it_says(mmsi: int, text: str, expected: Report) -> None:
    assert ais.decode(ais.encode_text(mmsi, text, T), CONTEXT) == (expected,)


def test_a_ship_whose_name_looks_like_markup_keeps_it_as_plain_text() -> None:
    (vessel,) = ais.decode(ais.encode(VesselReport(at_ms=T, mmsi=211_234_567, name="B [/]")), CONTEXT)
    assert isinstance(vessel, VesselReport) and vessel.name == "B [/]"


# --- tak ---------------------------------------------------------------------------------------------


def test_a_cancelled_emergency_is_ended_but_still_a_distress() -> None:
    data = tak.encode(DistressReport(at_ms=T, external_id="u", signal="cot_alert", subject="E12", ended=True))
    assert b'type="b-a-o-can"' in data
    (report,) = tak.decode(data, CONTEXT)
    assert isinstance(report, DistressReport) and report.ended


def test_a_team_without_a_fix_has_no_position_rather_than_null_island() -> None:
    data = tak.encode(UnitReport(at_ms=T, external_id="u", callsign="E12"))
    assert b'lat="0" lon="0"' in data
    (report,) = tak.decode(data, CONTEXT)
    assert isinstance(report, UnitReport) and report.lon_e7 is None


def test_a_hazard_area_is_drawn_with_all_its_corners() -> None:
    ring = ((40_000_000, 520_000_000), (41_000_000, 520_000_000), (41_000_000, 521_000_000), (40_000_000, 520_000_000))
    data = tak.encode_area("H1", "Flood", ring, T)
    assert data.count(b"<link point=") == 4 and b'type="u-d-f"' in data


def test_a_cot_type_that_is_not_read_says_so() -> None:
    data = tak.encode(UnitReport(at_ms=T, external_id="u", callsign="E12")).replace(b"a-f-G-U-C", b"b-t-f")
    with pytest.raises(InputError, match=r"event\.type") as refused:
        tak.decode(data, CONTEXT)
    assert refused.value.code == "TOC-2006"


# --- ngsi and sensorthings ---------------------------------------------------------------------------


def test_entities_of_unknown_type_are_skipped_in_a_batch_and_noted_and_refused_alone() -> None:
    noted: list[str] = []
    gauge = ngsi.encode(Observation(at_ms=T, sensor="TG", quantity="water_level", value=1.0, unit="m"))
    strange = b'{"id":"urn:ngsi-ld:Robot:R2","type":"Robot"}'
    batch = ngsi.encode_notification([strange, gauge], T)
    reports_read = ngsi.decode(batch, FeedContext(received_ms=T, skip=noted.append))
    assert [report.report for report in reports_read] == ["observation"]
    assert len(noted) == 1 and "Robot" in noted[0]
    with pytest.raises(InputError) as refused:
        ngsi.decode(strange, CONTEXT)
    assert refused.value.code == "TOC-2006"


def test_units_are_converted_to_ours() -> None:
    entity = b'{"id":"g","type":"WaterObserved","level":{"type":"Property","value":150,"unitCode":"CMT"}}'
    (level,) = ngsi.decode(entity, CONTEXT)
    assert isinstance(level, Observation) and (level.value, level.unit) == (1.5, "m")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"4000", "TOC-2009"),
        (b'"high"', "TOC-2003"),
        (b"true", "TOC-2003"),
        (b"1e999", "TOC-2009"),
        (b"NaN", "TOC-2002"),
    ],
)
def test_a_water_level_that_is_none_is_refused(value: bytes, code: str) -> None:
    data = b'{"id":"g","type":"WaterObserved","waterLevel":' + value + b"}"
    with pytest.raises(InputError) as refused:
        ngsi.decode(data, CONTEXT)
    assert refused.value.code == code


def test_a_data_stream_known_only_by_number_is_named_by_the_feeds_configuration() -> None:
    when = b'"phenomenonTime": "2027-01-15T08:00:00Z/2027-01-15T08:10:00Z"'
    data = b'{"result": 2.5, ' + when + b', "Datastream": {"@iot.id": 7}}'
    context = FeedContext(names={"Datastream(7)": "TG-OLDQUAY/water_level/m"})
    (level,) = sensorthings.decode(data, context)
    assert level == Observation(at_ms=T + 600_000, sensor="TG-OLDQUAY", quantity="water_level", value=2.5, unit="m")
    with pytest.raises(InputError, match=r"Datastream\(7\)"):
        sensorthings.decode(data, CONTEXT)


def test_a_data_array_gives_an_observation_for_each_row() -> None:
    data = (b'[{"Datastream": {"id": 7}, "components": ["phenomenonTime", "result"], "dataArray":'
            b'[["2027-01-15T08:00:00Z", 1], ["2027-01-15T08:05:00Z", 1.5]]}]')  # fmt: skip
    context = FeedContext(names={"Datastream(7)": "TG/water_level/m"})
    assert [each.value for each in sensorthings.decode(data, context) if isinstance(each, Observation)] == [1.0, 1.5]


# --- incident ----------------------------------------------------------------------------------------


def test_a_misspelt_key_is_refused_with_the_nearest_one() -> None:
    data = incident.encode(IncidentReport(at_ms=T, incident_kind="flood", people_trapped=True))
    with pytest.raises(InputError, match="did you mean 'people_trapped'"):
        incident.decode(data.replace(b"people_trapped", b"people_traped"), CONTEXT)


def test_an_unknown_kind_of_incident_becomes_other_and_its_word_is_kept() -> None:
    data = incident.encode(IncidentReport(at_ms=T, incident_kind="flood", text="on the roof"))
    (report,) = incident.decode(data.replace(b'"flood"', b'"swarm of bees"'), CONTEXT)
    assert isinstance(report, IncidentReport)
    assert (report.incident_kind, report.text) == ("other", "swarm of bees: on the roof")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"position":[4.0,52.0]', b'"position":[4.0]', "position"),
        (b'"position":[4.0,52.0]', b'"position":["4","52"]', "position"),
        (b'"time":"2027-01-15T08:00:00Z"', b'"time":"2027-01-15T08:00:00"', "time zone"),
        (b'"uncertainty_m":50', b'"uncertainty_m":"50"', "uncertainty_m"),
        (b'"uncertainty_m":50', b'"uncertainty_m":50.5', "uncertainty_m"),
        (b'"people_trapped":true', b'"people_trapped":1', "people_trapped"),
    ],
)
def test_a_wrong_type_is_refused_with_its_field(old: bytes, new: bytes, field: str) -> None:
    data = incident.encode(
        IncidentReport(at_ms=T, incident_kind="flood", people_trapped=True, lon_e7=40_000_000, lat_e7=520_000_000)
    )
    assert old in data
    with pytest.raises(InputError, match=field) as refused:
        incident.decode(data.replace(old, new), CONTEXT)
    assert refused.value.code == "TOC-2003"
