"""Situations of other control rooms: read in either spelling, under their own number, exercises apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from feeds.base import FeedContext
from feeds.emsi import codec
from feeds.emsi.sink import sink
from feeds.emsi.words import FACETS, FROM_STATUS, kind_of, scale_of, severity_of
from feeds.handover import of_incident
from feeds.registry import installed
from picture.errors import CATALOGUE, InputError
from picture.model import Incident, Place
from picture.reports import INCIDENT_KINDS, IncidentReport, Report, UnitReport
from tests.feeds import strategies as reports

T = 1_800_000_000_000
LIMITS = installed().wire("emsi").manifest.codec_limits()
CONTEXT = FeedContext("sdis", T, limits=LIMITS)
ORG = "fr.fire.cgo690"


def incident(**changes: Any) -> IncidentReport:
    known = {
        "at_ms": T, "external_id": f"F-77:{ORG}", "authoritative_id": f"F-77:{ORG}", "incident_kind": "flood",
        "lon_e7": 48_306_080, "lat_e7": 457_601_690, "uncertainty_m": 120, "place_as_said": "Quai des Célestins",
        "text": "Eau dans les caves", "severity": 2, "reporter": "agency", "origin": ORG,
    }  # fmt: skip
    return IncidentReport.model_validate(known | changes)


def encoded(*units: UnitReport, mode: codec.Mode = "ACTUAL", replaces: str = "", **changes: Any) -> bytes:
    return codec.encode(incident(**changes), units, message="M-1", mode=mode, replaces=replaces, name="SDIS 69")


@st.composite
def handed(draw: st.DrawFn) -> tuple[IncidentReport, tuple[UnitReport, ...]]:
    """What an EMSI carries without loss: whole seconds, no caller, units named by their organisation."""
    organisation, at_ms = draw(reports.slug), draw(reports.whole_s)
    tracking = f"{draw(reports.slug)}:{organisation}"
    lon, lat = draw(reports.position)
    told = incident(
        at_ms=at_ms, external_id=tracking, authoritative_id=tracking, origin=organisation,
        incident_kind=draw(reports.kinds), lon_e7=lon, lat_e7=lat,
        uncertainty_m=draw(st.integers(0, 20_000)) if lon is not None else 50,
        place_as_said=draw(st.none() | reports.name), severity=draw(st.none() | st.integers(1, 4)),
        text=draw(st.none() | reports.name),
    )  # fmt: skip
    names = draw(st.lists(reports.slug, max_size=3, unique=True))
    statuses = st.sampled_from([None, "available", "dispatched", "on_scene", "out_of_service"])
    return told, tuple(
        UnitReport(at_ms=at_ms, external_id=f"u-{name}", callsign=f"{name}@{organisation}", lon_e7=lon, lat_e7=lat,
                   status=draw(statuses))
        for name in names
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(handed())
def test_emsi_reads_back_what_it_wrote(drawn: tuple[IncidentReport, tuple[UnitReport, ...]]) -> None:
    told, units = drawn
    ours = [unit.model_copy(update={"callsign": unit.callsign.partition("@")[0]}) for unit in units]
    data = codec.encode(told, ours, message="M-1", mode="ACTUAL")
    assert codec.decode(data, CONTEXT) == (told, *units)


def test_an_incident_of_the_picture_is_handed_over_and_read_by_the_other_room() -> None:
    known = Incident("I-7", "fire", "Fire, Wharf Street", 1, Place(41_021_000, 519_312_000, "Wharf Street", 40), T, T)
    told = of_incident(known, agency="meridian", caller="J. Maas")
    data = codec.encode(told, message="M-9", mode="EXERCS")
    assert b"Maas" not in data
    context = FeedContext("meridian", T, names={"mode": "EXERCS"}, limits=LIMITS)
    (heard,) = codec.decode(data, context)
    assert isinstance(heard, IncidentReport)
    assert (heard.authoritative_id, heard.severity, heard.uncertainty_m) == ("I-7:meridian", 1, 40)
    assert (heard.text, heard.place_as_said) == ("Fire, Wharf Street", "Wharf Street")


@pytest.mark.parametrize(
    ("names", "mode", "heard"),
    [({}, "ACTUAL", 1), ({}, "EXERCS", 0), ({"mode": "EXERCS"}, "EXERCS", 1), ({"mode": "EXERCS"}, "ACTUAL", 0),
     ({"self": ORG}, "ACTUAL", 0)],
)  # fmt: skip
def test_exercises_real_messages_and_our_own_are_heard_only_where_they_belong(
    names: dict[str, str], mode: codec.Mode, heard: int
) -> None:
    noted: list[str] = []
    context = FeedContext("sdis", T, names=names, limits=LIMITS, skip=noted.append)
    assert len(codec.decode(encoded(mode=mode), context)) == heard
    assert len(noted) == 1 - heard


def test_a_cancelled_message_is_words_and_ends_nothing() -> None:
    data = encoded(replaces="M-0").replace(b"<msgType>UPDATE", b"<msgType>CANCEL")
    (told,) = codec.decode(data, CONTEXT)
    assert isinstance(told, IncidentReport)
    assert told.text == "Its sender cancels this message\nEau dans les caves"


def test_an_acknowledgement_is_no_report() -> None:
    assert codec.decode(encoded().replace(b"<msgType>ALERT", b"<msgType>ACK"), CONTEXT) == ()


def test_a_resource_is_named_by_the_organisation_that_runs_it() -> None:
    unit = UnitReport(at_ms=T, external_id="77_22247", callsign="VSAV 1", status="on_scene")
    data = encoded(unit)
    assert b"<status>IN_USE / ON_SCENE</status>" in data
    (_, told) = codec.decode(data, CONTEXT)
    assert isinstance(told, UnitReport) and (told.callsign, told.status) == (f"VSAV 1@{ORG}", "on_scene")


def test_every_kind_of_ours_has_facets_of_its_own_and_other_peoples_fall_to_the_nearest() -> None:
    assert set(FACETS) == set(INCIDENT_KINDS)
    assert all(kind_of([c] if c else [], [e] if e else []) == kind for kind, (c, e) in FACETS.items())
    assert kind_of(["FIR/CLB"], []) == "fire"
    assert kind_of(["XXX", "TRP/COL"], ["TER"]) == "traffic"
    assert kind_of(["FIRX"], []) == "other"
    assert kind_of([], ["DIS/EARTH"]) == "other"


def test_scales_run_the_other_way_and_come_back() -> None:
    assert [severity_of(scale) for scale in (1, 2, 3, 4, 5)] == [4, 3, 2, 1, 1]
    assert [severity_of(scale_of(severity)) for severity in (1, 2, 3, 4)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"<id>F-77</id>", b"<id/>", "TOC-2003"),
        (b"<id>F-77</id>", b"<id>" + b"x" * 70 + b"</id>", "TOC-2003"),
        (b"<scale>3</scale>", b"<scale>6</scale>", "TOC-2003"),
        (b"<lat>45.760169</lat>", b"<lat>91</lat>", "TOC-2009"),
        (b"<lat>45.760169</lat>", b"<lat>-45.760169</lat>", "TOC-2009"),
        (b"<lat>45.760169</lat>", b"", "TOC-2003"),
        (b"tacticalsituationobject.org", b"example.org", "TOC-2006"),
        (b"<event>", b"<event2>", "TOC-2002"),
        (b"-00:00</obs_datetime>", b"</obs_datetime>", "TOC-2003"),
    ],
)
def test_what_breaks_a_rule_is_refused_for_what_it_is(old: bytes, new: bytes, code: str) -> None:
    data = encoded()
    assert old in data
    with pytest.raises(InputError) as refused:
        codec.decode(data.replace(old, new), CONTEXT)
    assert refused.value.code == code


def test_we_send_no_identifier_that_others_may_not_read() -> None:
    with pytest.raises(InputError, match=r"context\.id"):
        codec.encode(incident(), message="x" * 41, mode="ACTUAL")


_WHOLE = encoded(UnitReport(at_ms=T, external_id="u", callsign="VSAV 1", lon_e7=1, lat_e7=2))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(_WHOLE)), st.integers(0, 60), st.binary(max_size=12) | st.sampled_from([b"<", b"&x;", b"/>"]))
def test_a_damaged_message_is_read_or_refused_with_a_code(at: int, gone: int, put: bytes) -> None:
    try:
        codec.decode(_WHOLE[:at] + put + _WHOLE[at + gone :], CONTEXT)
    except InputError as error:
        assert error.code in CATALOGUE


async def test_an_emsi_is_posted_to_the_other_room_which_reads_it() -> None:
    app, seen = FastAPI(), list[tuple[str, tuple[Report, ...]]]()

    @app.post("/emsi")
    async def receive(request: Request) -> Response:
        seen.append((request.headers["content-type"], codec.decode(await request.body(), CONTEXT)))
        return Response(status_code=202)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        assert await sink(client, "https://sdis.example/emsi").hand_over(encoded(), key="M-1") == "HTTP 202"
    assert seen == [("application/xml", (incident(),))]


# --- other people's messages, and their words ----------------------------------------------------------


def test_the_words_we_send_are_those_of_the_published_lists(corpus: Path) -> None:
    schema = json.loads((corpus / "edxl/samu-hub-sante-schemas/EMSI.schema.json").read_text(encoding="utf-8"))
    lists = schema["definitions"]
    categories = lists["etype"]["properties"]["CATEGORY"]["items"]["enum"]
    assert {category for category, _ in FACETS.values()} <= {"", *categories}
    assert {env for _, env in FACETS.values()} <= {"", *lists["etype"]["properties"]["ENV"]["enum"]}
    assert set(FROM_STATUS) - {"IN_USE"} <= set(lists["resource"]["properties"]["STATUS"]["enum"])
    for key, field in (("context", "MODE"), ("context", "MSGTYPE"), ("event", "STATUS"), ("event", "SOURCE")):
        (said,) = set(re.findall(rf"<{field}>([^<]+)</".encode(), encoded(), re.IGNORECASE)) or {b""}
        assert said.decode() in lists[key]["properties"][field]["enum"]
    assert "GEN/EVENT" in lists["egeo"]["properties"]["TYPE"]["enum"]


def _as_xml(name: str, value: Any) -> list[etree._Element]:
    """The French hub writes EMSI as JSON of the report's own names; here they are elements again."""
    found = []
    for each in value if isinstance(value, list) else [value]:
        element = etree.Element(f"{{{codec.NS}}}{name}")
        if isinstance(each, dict):
            for key, inner in each.items():
                element.extend(_as_xml(key, inner))
        else:
            element.text = str(each)
        found.append(element)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EMSI-Complet-DC-RDC-OPG-message.json", lambda one: one.place_as_said == "8 Qaui des Célestin, Lyon"),
        ("EMSI-OPG-message.json", lambda one: "OPERATION_GLOBALE" in (one.text or "")),
        ("EMSI-RDC-message.json", lambda one: one.authoritative_id != ""),
        ("emsi-DC-message.json", lambda one: one.reporter == "agency"),
    ],
)
def test_the_messages_of_the_french_hub_are_read_in_their_own_spelling(
    name: str, expected: Callable[[IncidentReport], bool], corpus: Path
) -> None:
    folder = corpus / "edxl/samu-hub-sante/web/lrm/client/public/examples"
    value = json.loads((folder / name).read_text(encoding="utf-8"))
    (root,) = _as_xml("emsi", value.get("emsi", value))
    told, *units = codec.decode(etree.tostring(root), CONTEXT)
    assert isinstance(told, IncidentReport) and expected(told)
    assert (told.incident_kind, told.lon_e7) == ("traffic", 48_306_080)
    assert all(isinstance(unit, UnitReport) and "@" in unit.callsign for unit in units)
