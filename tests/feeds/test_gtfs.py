"""Service alerts of public transport: what is in force is an alert, and what the feed no longer holds is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, text_format
from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.base import FeedContext
from feeds.gtfs import codec
from feeds.registry import installed
from picture.errors import CATALOGUE, InputError
from picture.reports import AlertMessage
from tests.feeds import strategies as reports

T_S = 1_800_000_000
LIMITS = installed().wire("gtfs").manifest.codec_limits()
CONTEXT = FeedContext("metro", T_S * 1000, limits=LIMITS)


def message(*alerts: pb.Alert, **header: Any) -> pb.FeedMessage:
    known: dict[str, Any] = {"gtfs_realtime_version": "2.0", "timestamp": T_S - 30}
    found = pb.FeedMessage(header=pb.FeedHeader(**(known | header)))
    for number, alert in enumerate(alerts):
        found.entity.append(pb.FeedEntity(id=f"a{number}", alert=alert))
    return found


def said(text: str, language: str = "") -> pb.TranslatedString:
    one = pb.TranslatedString.Translation(text=text)
    if language:
        one.language = language
    return pb.TranslatedString(translation=[one])


def closed_stop(**changes: Any) -> pb.Alert:
    known: dict[str, Any] = {
        "effect": pb.Alert.NO_SERVICE, "cause": pb.Alert.WEATHER, "severity_level": pb.Alert.SEVERE,
        "header_text": said("Old Quay is closed"), "description_text": said("Trains pass without stopping."),
        "informed_entity": [pb.EntitySelector(route_id="M1", stop_id="OQ"), pb.EntitySelector(stop_id="OQ")],
        "active_period": [pb.TimeRange(start=T_S - 600, end=T_S + 600)],
    }  # fmt: skip
    return pb.Alert(**(known | changes))


def read(found: pb.FeedMessage, context: FeedContext = CONTEXT) -> list[AlertMessage]:
    alerts = codec.decode(found.SerializeToString(), context)
    return [alert for alert in alerts if isinstance(alert, AlertMessage)]


def refused(found: pb.FeedMessage) -> str:
    with pytest.raises(InputError) as error:
        read(found)
    return error.value.code


def test_a_closed_stop_is_an_alert_with_its_routes_stops_cause_and_period() -> None:
    assert read(message(closed_stop())) == [
        AlertMessage(
            at_ms=(T_S - 30) * 1000, sent_ms=(T_S - 30) * 1000, external_id="a0", sender="metro", status="Actual",
            msg_type="Alert", event="No service", severity="Severe", headline="Old Quay is closed",
            description="Trains pass without stopping.", area="routes M1; stops OQ", effective_ms=(T_S - 600) * 1000,
            expires_ms=(T_S + 600) * 1000,
            parameters=(("cause", "Weather"), ("routes", "M1"), ("stops", "OQ")),
        )
    ]  # fmt: skip


def test_who_issues_the_alerts_is_the_feed_unless_its_configuration_names_another() -> None:
    context = FeedContext("metro", T_S * 1000, names={"sender": "control@metro.example"}, limits=LIMITS)
    assert [alert.sender for alert in read(message(closed_stop()), context)] == ["control@metro.example"]


@pytest.mark.parametrize(
    ("start", "end", "in_force"),
    [(0, 0, True), (T_S, 0, True), (T_S + 1, 0, False), (0, T_S, False), (0, T_S + 1, True), (0, 2**63, True)],
)
def test_a_period_holds_from_its_start_and_before_its_end_at_the_time_of_receipt(
    start: int, end: int, in_force: bool
) -> None:
    noted: list[str] = []
    context = FeedContext("metro", T_S * 1000, limits=LIMITS, skip=noted.append)
    found = read(message(closed_stop(active_period=[pb.TimeRange(start=start, end=end)])), context)
    assert (len(found), len(noted)) == ((1, 0) if in_force else (0, 1))
    if in_force and end != T_S + 1:
        assert found[0].expires_ms is None


def test_between_two_periods_an_alert_is_not_in_force() -> None:
    periods = [pb.TimeRange(end=T_S - 60), pb.TimeRange(start=T_S + 60)]
    assert read(message(closed_stop(active_period=periods))) == []


def test_of_several_languages_english_is_read_else_the_one_without_a_language() -> None:
    header = pb.TranslatedString()
    for text, language in (("Gesloten", "nl"), ("Closed", "en-GB")):
        header.translation.add(text=text, language=language)
    assert read(message(closed_stop(header_text=header)))[0].headline == "Closed"
    header.translation[1].ClearField("language")
    assert read(message(closed_stop(header_text=header)))[0].headline == "Closed"


def test_without_a_time_of_its_own_the_time_of_receipt_counts() -> None:
    assert read(message(closed_stop(), timestamp=0))[0].sent_ms == T_S * 1000


def test_a_feed_without_alerts_says_that_all_is_well_and_one_of_vehicles_is_not_read() -> None:
    assert read(message()) == []
    found = message()
    found.entity.append(pb.FeedEntity(id="v", vehicle=pb.VehiclePosition()))
    assert refused(found) == "TOC-2006"


def test_a_differential_feed_is_refused_because_what_it_leaves_out_may_still_stand() -> None:
    assert refused(message(closed_stop(), incrementality=pb.FeedHeader.DIFFERENTIAL)) == "TOC-2110"


def test_an_alert_that_cannot_be_named_or_stands_twice_is_refused() -> None:
    for name in ("", "a,b", "a b", "x" * 121):
        found = message(closed_stop())
        found.entity[0].id = name
        assert refused(found) == "TOC-2003"
    found = message(closed_stop(), closed_stop())
    found.entity[1].id = "a0"
    assert refused(found) == "TOC-2003"


def test_a_text_that_is_not_utf8_is_refused_and_not_shown() -> None:
    data = message(closed_stop()).SerializeToString()
    with pytest.raises(InputError, match="not UTF-8") as error:
        codec.decode(data.replace(b"Old Quay", b"Old \xff\xfe\xfd\xfc"), CONTEXT)
    assert error.value.code == "TOC-2002"


def test_more_parts_than_the_limit_are_refused() -> None:
    many = closed_stop(informed_entity=[pb.EntitySelector(stop_id="x")] * (LIMITS.max_parts + 1))
    assert refused(message(many)) == "TOC-2004"


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: message(closed_stop()).SerializeToString() + tail)
)
def test_any_bytes_are_read_or_refused_with_a_code(data: bytes) -> None:
    try:
        codec.decode(data, CONTEXT)
    except InputError as error:
        assert error.code in CATALOGUE


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(reports.slug, reports.json_text, st.sampled_from(sorted(pb.Alert.Effect.values()))), max_size=4,
             unique_by=lambda one: one[0])
)  # fmt: skip
def test_every_alert_in_force_is_read_with_its_own_words(drawn: list[tuple[str, str, Any]]) -> None:
    found = message(*(closed_stop(header_text=said(text), effect=effect) for _, text, effect in drawn))
    for entity, (name, _, _) in zip(found.entity, drawn, strict=True):
        entity.id = name
    alerts = read(found)
    assert [alert.external_id for alert in alerts] == [name for name, _, _ in drawn]
    assert all(
        alert.headline == (text.strip() or alert.event) for alert, (_, text, _) in zip(alerts, drawn, strict=True)
    )


# --- other people's messages ---------------------------------------------------------------------------


def test_the_alerts_that_bart_published_are_read_as_their_own_json_tells_them(corpus: Path) -> None:
    folder = corpus / "gtfs-rt/transitland"
    (alert,) = codec.decode((folder / "rt/bart-alerts.pb").read_bytes(), CONTEXT)
    assert isinstance(alert, AlertMessage)
    assert (alert.event, dict(alert.parameters)["agencies"]) == ("Significant delays", "BART")
    truth = json_format.Parse((folder / "server/rt/BA-alerts.json").read_text(encoding="utf-8"), pb.FeedMessage())
    told = {entity.id: entity.alert for entity in truth.entity}
    assert len(told) > 3
    context = FeedContext("bart", truth.header.timestamp * 1000, limits=LIMITS)
    for one in read(truth, context):
        assert one.description == told[one.external_id].description_text.translation[0].text.strip()


def test_the_example_of_the_reference_is_read_while_its_period_lasts(corpus: Path) -> None:
    text = (corpus / "gtfs-rt/google-transit/alerts.asciipb").read_text(encoding="utf-8")
    found = text_format.Parse(text, pb.FeedMessage())
    assert read(found) == []
    (alert,) = read(found, FeedContext("metro", 1_284_457_468_000, limits=LIMITS))
    assert (alert.event, alert.area) == ("Detour", "routes 219, 100; stops 16230, 16299")
