"""Road authorities' situations: what is closed to everybody, now, and where; all else is counted and closes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from feeds.base import FeedContext
from feeds.datex import codec
from feeds.datex.places import middle
from feeds.registry import installed
from picture.clock import rfc3339
from picture.errors import CATALOGUE, InputError
from picture.reports import RoadReport
from tests.feeds import strategies as reports

T = 1_800_000_000_000
HOUR = 3_600_000
LIMITS = installed().wire("datex").manifest.codec_limits()
LINE = '<loc:gmlLineString srsName="WGS 84"><loc:posList>52.0 4.0 52.0 4.01 52.0 4.02</loc:posList></loc:gmlLineString>'
POINT = (
    "<loc:pointByCoordinates><loc:pointCoordinates><loc:latitude>51.9</loc:latitude><loc:longitude>4.1</loc:longitude>"
    "</loc:pointCoordinates></loc:pointByCoordinates>"
)
ALERT_C = (
    '<loc:alertCPoint xsi:type="loc:AlertCMethod2Point"><loc:alertCLocationCountryCode>8'
    "</loc:alertCLocationCountryCode><loc:alertCLocationTableNumber>6.13</loc:alertCLocationTableNumber><loc:alertCLocationTableVersion>A"
    "</loc:alertCLocationTableVersion><loc:alertCDirection><loc:alertCDirectionCoded>positive</loc:alertCDirectionCoded>"
    "<loc:alertCAffectedDirection>both</loc:alertCAffectedDirection>"
    "</loc:alertCDirection><loc:alertCMethod2PrimaryPointLocation><loc:alertCLocation><loc:specificLocation>1"
    "</loc:specificLocation></loc:alertCLocation></loc:alertCMethod2PrimaryPointLocation></loc:alertCPoint>"
)


def linear(inner: str = LINE, where: str = "") -> str:
    return f'<sit:locationReference xsi:type="loc:SingleRoadLinearLocation">{where}{inner}</sit:locationReference>'


def point(inner: str = POINT, where: str = "") -> str:
    return f'<sit:locationReference xsi:type="loc:PointLocation">{where}{inner}</sit:locationReference>'


def on(carriageway: str = "mainCarriageway", road: str = "A12") -> str:
    return (
        "<loc:supplementaryPositionalDescription><loc:carriageway><loc:carriageway>"
        f"{carriageway}</loc:carriageway></loc:carriageway><loc:roadInformation><loc:roadNumber>{road}</loc:roadNumber>"
        "</loc:roadInformation></loc:supplementaryPositionalDescription>"
    )


def overall(start_ms: int = T - HOUR, end_ms: int | None = None, periods: str = "", status: str = "") -> str:
    end = "" if end_ms is None else f"<com:overallEndTime>{rfc3339(end_ms)}</com:overallEndTime>"
    return (
        f"<sit:validity><com:validityStatus>{status or 'definedByValidityTimeSpec'}</com:validityStatus>"
        f"<com:validityTimeSpecification><com:overallStartTime>{rfc3339(start_ms)}</com:overallStartTime>{end}{periods}"
        "</com:validityTimeSpecification></sit:validity>"
    )


def period(start_ms: int, end_ms: int, kind: str = "validPeriod", more: str = "") -> str:
    return (
        f"<com:{kind}><com:startOfPeriod>{rfc3339(start_ms)}</com:startOfPeriod>"
        f"<com:endOfPeriod>{rfc3339(end_ms)}</com:endOfPeriod>{more}</com:{kind}>"
    )


def record(
    identifier: str = "N1", *, valid: str | None = None, where: str | None = None, how: str = "roadClosed",
    status: str = "implemented", some: str = "",
) -> str:  # fmt: skip
    return (
        f'<sit:situationRecord xsi:type="sit:RoadOrCarriagewayOrLaneManagement" id="{identifier}" version="1">'
        f"<sit:situationRecordCreationTime>{rfc3339(T - HOUR)}</sit:situationRecordCreationTime>"
        f"<sit:situationRecordVersionTime>{rfc3339(T - HOUR)}</sit:situationRecordVersionTime>"
        f"<sit:probabilityOfOccurrence>certain</sit:probabilityOfOccurrence>{valid or overall()}"
        f"<sit:cause><sit:causeType>roadMaintenance</sit:causeType></sit:cause>{where or linear(where=on())}"
        f"<sit:operatorActionStatus>{status}</sit:operatorActionStatus>"
        f"<sit:complianceOption>mandatory</sit:complianceOption>{some}"
        f"<sit:roadOrCarriagewayOrLaneManagementType>{how}</sit:roadOrCarriagewayOrLaneManagementType>"
        "</sit:situationRecord>"
    )


def obstruction(impact: str) -> str:
    return (
        '<sit:situationRecord xsi:type="sit:VehicleObstruction" id="V1" version="1">'
        f"<sit:situationRecordCreationTime>{rfc3339(T)}</sit:situationRecordCreationTime>"
        f"<sit:situationRecordVersionTime>{rfc3339(T)}</sit:situationRecordVersionTime>"
        f"<sit:probabilityOfOccurrence>certain</sit:probabilityOfOccurrence>{overall()}"
        f"<sit:impact>{impact}</sit:impact>{point(where=on())}"
        "<sit:vehicleObstructionType>abandonedVehicle</sit:vehicleObstructionType></sit:situationRecord>"
    )


def publication(*records: str, status: str = "real") -> bytes:
    situation = (
        f'<sit:situation id="S1"><sit:headerInformation><com:informationStatus>{status}</com:informationStatus>'
        f"</sit:headerInformation>{''.join(records)}</sit:situation>"
    )
    return (
        '<d2:payload xmlns:d2="http://datex2.eu/schema/3/d2Payload" xmlns:com="http://datex2.eu/schema/3/common" '
        'xmlns:sit="http://datex2.eu/schema/3/situation" xmlns:loc="http://datex2.eu/schema/3/locationReferencing" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="sit:SituationPublication" lang="en" '
        f'modelBaseVersion="3"><com:publicationTime>{rfc3339(T)}</com:publicationTime><com:publicationCreator>'
        "<com:country>nl</com:country><com:nationalIdentifier>NLX</com:nationalIdentifier></com:publicationCreator>"
        f"{situation if records else ''}</d2:payload>"
    ).encode()


def read(data: bytes, now_ms: int = T, skip: Callable[[str], None] = lambda _: None) -> list[RoadReport]:
    found = codec.decode(data, FeedContext("roads", now_ms, limits=LIMITS, skip=skip))
    return [one for one in found if isinstance(one, RoadReport)]


def counted(data: bytes) -> list[str]:
    noted: list[str] = []
    assert read(data, skip=noted.append) == []
    return noted


def test_a_closed_road_is_named_by_road_and_record_and_lies_in_the_middle_of_its_line() -> None:
    assert read(publication(record())) == [
        RoadReport(
            at_ms=T - HOUR, external_id="N1", road="A12 (N1)", closed=True, reason="Road closed: road maintenance",
            lon_e7=40_100_000, lat_e7=520_000_000,
            line=((40_000_000, 520_000_000), (40_100_000, 520_000_000), (40_200_000, 520_000_000)),
        )
    ]  # fmt: skip


def test_a_point_is_a_position_without_a_line() -> None:
    (report,) = read(publication(record(where=point())))
    assert (report.road, report.lon_e7, report.lat_e7, report.line) == ("Road (N1)", 41_000_000, 519_000_000, ())


def test_each_place_of_an_itinerary_is_a_closure_of_its_own_and_one_told_twice_is_one() -> None:
    one = f'<loc:location xsi:type="loc:LinearLocation">{LINE}</loc:location>'
    other = f'<loc:location xsi:type="loc:PointLocation">{POINT}</loc:location>'
    members = "".join(
        f'<loc:locationContainedInItinerary index="{k}">{each}</loc:locationContainedInItinerary>'
        for k, each in enumerate((one, other, one))
    )
    where = f'<sit:locationReference xsi:type="loc:ItineraryByIndexedLocations">{members}</sit:locationReference>'
    assert [each.road for each in read(publication(record(where=where)))] == ["Road (N1)", "Road (N1/2)"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"how": "laneClosures"}, "closes no road"),
        ({"status": "approved"}, "closure that is approved"),
        ({"some": "<sit:applicableForTrafficType>localTraffic</sit:applicableForTrafficType>"}, "for some traffic"),
        ({"some": "<sit:forVehiclesWithCharacteristicsOf><com:vehicleType>lorry</com:vehicleType>"
                  "</sit:forVehiclesWithCharacteristicsOf>"}, "for some vehicles"),
        ({"where": linear(where=on("cycleTrack"))}, "cycle tracks or footpaths"),
        ({"where": point(ALERT_C)}, "without coordinates"),
        ({"where": linear(LINE.replace("WGS 84", "EPSG:28992"))}, "without coordinates"),
        ({"valid": overall(T + 1)}, "closure later"),
        ({"valid": overall(end_ms=T)}, "closure over"),
        ({"valid": overall(status="suspended")}, "closure suspended"),
        ({"valid": overall(status="planned")}, "closure later"),
        ({"valid": overall(periods=period(T - HOUR, T) + period(T + HOUR, T + 2 * HOUR))}, "between its periods"),
        ({"valid": overall(periods=period(T - HOUR, T + HOUR, "exceptionPeriod"))}, "between its periods"),
    ],
)  # fmt: skip
def test_what_does_not_stop_everybody_now_is_counted_and_closes_nothing(changes: dict[str, str], why: str) -> None:
    (noted,) = counted(publication(record(**changes)))
    assert noted.startswith("1 × ") and why in noted


def test_an_exercise_closes_nothing() -> None:
    assert counted(publication(record(), status="securityExercise")) == ["1 × situation for securityExercise"]


def test_a_closure_begins_and_ends_with_its_period() -> None:
    data = publication(record(valid=overall(periods=period(T, T + HOUR))))
    assert [len(read(data, now_ms)) for now_ms in (T - 1, T, T + HOUR - 1, T + HOUR)] == [0, 1, 1, 0]


def test_what_its_sender_calls_active_holds_whatever_its_times_say() -> None:
    assert len(read(publication(record(valid=overall(end_ms=T - 1, status="active"))))) == 1


def test_hours_within_a_period_are_told_and_not_judged() -> None:
    hours = (
        "<com:recurringTimePeriodOfDay><com:startTimeOfPeriod>20:00:00</com:startTimeOfPeriod>"
        "<com:endTimeOfPeriod>05:00:00</com:endTimeOfPeriod></com:recurringTimePeriodOfDay>"
    )
    (report,) = read(publication(record(valid=overall(periods=period(T - HOUR, T + HOUR, more=hours)))))
    assert report.reason == "Road closed, at certain hours: road maintenance"


def test_an_obstruction_that_leaves_no_lane_closes_the_road_and_one_that_leaves_one_does_not() -> None:
    lanes = "<sit:numberOfOperationalLanes>{}</sit:numberOfOperationalLanes>"
    (report,) = read(publication(obstruction(lanes.format(0))))
    assert (report.road, report.reason) == ("A12 (V1)", "Road blocked")
    assert len(counted(publication(obstruction(lanes.format(1))))) == 1


def test_a_publication_without_situations_says_that_every_road_is_open() -> None:
    assert read(publication()) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("52.0 4.0 ", "52.0 ", "TOC-2003"),
        ("52.0 4.0 ", "152.0 4.0 ", "TOC-2009"),
        ("52.0 4.0 ", "0 0 ", "TOC-2009"),
        ('id="N1"', 'id=""', "TOC-2003"),
        ("sit:SituationPublication", "sit:SomethingElse", "TOC-2006"),
        ("schema/3/d2Payload", "schema/2/2_0", "TOC-2006"),
        (f"<com:overallStartTime>{rfc3339(T - HOUR)}", "<com:overallStartTime>soon", "TOC-2003"),
    ],
)
def test_what_breaks_a_rule_is_refused_for_what_it_is(old: str, new: str, code: str) -> None:
    data = publication(record()).decode()
    assert old in data
    with pytest.raises(InputError) as refused:
        read(data.replace(old, new).encode())
    assert refused.value.code == code


def test_two_records_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="stands twice"):
        read(publication(record(), record(where=point(where=on()))))


def test_a_delta_is_refused_because_what_it_leaves_out_may_still_stand(corpus: Path) -> None:
    data = (corpus / "datex2/datasets/netherlands/situations.xml").read_bytes()
    with pytest.raises(InputError) as refused:
        read(data.replace(b"snapshotPull", b"deltaPull"))
    assert refused.value.code == "TOC-2110"


def test_the_publications_of_these_tests_are_valid_by_the_schema(corpus: Path) -> None:
    xsd = etree.XMLSchema(etree.parse(str(corpus / "datex2/xsd-3.5/DATEXII_3_D2Payload.xsd")))
    lanes = "<sit:numberOfOperationalLanes>0</sit:numberOfOperationalLanes>"
    data = publication(record(), record("N2", where=point(ALERT_C)), obstruction(lanes))
    xsd.assertValid(etree.fromstring(data))
    assert [one.road for one in read(data)] == ["A12 (N1)", "A12 (V1)"]


def test_of_the_dutch_publication_only_the_slip_road_is_closed_to_all_and_only_that_night(corpus: Path) -> None:
    data = (corpus / "datex2/datasets/netherlands/situations.xml").read_bytes()
    noted: list[str] = []
    (closed,) = read(data, 1_784_927_520_000, skip=noted.append)  # 2026-07-24T21:12Z
    assert closed.external_id == "RWS01_M1168188_JUNCTION_CLOSURE_2_D2_WWA"
    assert "1 × closure for some vehicles" in noted and "1 × closure without coordinates" in noted
    assert read(data, 1_784_927_520_000 + 7 * HOUR) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(reports.lon_e7, reports.lat_e7), min_size=1, max_size=8))
def test_the_middle_of_a_line_lies_within_it(line: list[tuple[int, int]]) -> None:
    lon, lat = middle(tuple(line))
    assert min(x for x, _ in line) <= lon <= max(x for x, _ in line)
    assert min(y for _, y in line) <= lat <= max(y for _, y in line)


_WHOLE = publication(record())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(_WHOLE)), st.integers(0, 60), st.binary(max_size=12) | st.sampled_from([b"<", b"&x;", b"/>"]))
def test_a_damaged_publication_is_read_or_refused_with_a_code(at: int, gone: int, put: bytes) -> None:
    try:
        read(_WHOLE[:at] + put + _WHOLE[at + gone :])
    except InputError as error:
        assert error.code in CATALOGUE
