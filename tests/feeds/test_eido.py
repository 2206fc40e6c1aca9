"""Incidents between control rooms: read as told, under their own number, with callers where they are sealed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from feeds.base import FeedContext
from feeds.config import load
from feeds.eido import codec
from feeds.eido.sink import MEDIA_TYPE, sink
from feeds.eido.words import FROM_APCO, TO_APCO, marked_up, plain, priority_of, severity_of
from feeds.handover import of_incident
from feeds.intake import Intake
from feeds.registry import installed
from picture.errors import CATALOGUE, InputError
from picture.model import Incident, Place
from picture.reports import INCIDENT_KINDS, IncidentReport, Report, UnitReport
from tests.feeds import strategies as reports
from tests.scaffold import Room, build, hear, shipped_city

T = 1_800_000_000_000
LIMITS = installed().wire("eido").manifest.codec_limits()
CONTEXT = FeedContext("north", T, limits=LIMITS)
NORTH = "north.example"


def incident(**changes: Any) -> IncidentReport:
    known = {
        "at_ms": T, "external_id": f"{codec.INCIDENT_URN}77:{NORTH}", "authoritative_id": f"77:{NORTH}",
        "incident_kind": "flood", "lon_e7": 41_021_000, "lat_e7": 519_312_000, "uncertainty_m": 120,
        "place_as_said": "the blue house", "text": "Water up to the windows", "caller": "J. Maas",
        "call_back": "+31 10 555 0142", "severity": 1, "reporter": "agency", "origin": NORTH,
    }  # fmt: skip
    return IncidentReport.model_validate(known | changes)


def form(*units: UnitReport, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(codec.encode(incident(**changes), units, issuer=f"cad.{NORTH}"))
    return found


def read(value: dict[str, Any], context: FeedContext = CONTEXT) -> tuple[Report, ...]:
    return codec.decode(json.dumps(value).encode(), context)


@st.composite
def handed(draw: st.DrawFn) -> tuple[IncidentReport, tuple[UnitReport, ...]]:
    """What an EIDO carries without loss: an incident under its agency's number, and units named by their agency."""
    agency = draw(reports.slug.map("{}.example".format))
    tracking = f"{draw(reports.slug)}:{agency}"
    lon, lat = draw(reports.position)
    told = incident(
        at_ms=draw(reports.at_ms), external_id=codec.INCIDENT_URN + tracking, authoritative_id=tracking, origin=agency,
        incident_kind=draw(reports.kinds), lon_e7=lon, lat_e7=lat,
        uncertainty_m=draw(st.integers(0, 100_000)) if lon is not None else 50,
        place_as_said=draw(st.none() | reports.name), text=draw(st.none() | reports.name),
        caller=draw(st.none() | reports.name), call_back=draw(st.none() | reports.name),
        severity=draw(st.none() | st.integers(1, 4)),
    )  # fmt: skip
    names = draw(st.lists(reports.slug, max_size=3, unique=True))
    return told, tuple(
        UnitReport(at_ms=draw(reports.at_ms), external_id=f"unit-{name}", callsign=f"{name}@{agency}", lon_e7=lon,
                   lat_e7=lat, status=draw(st.none() | reports.snake))
        for name in names
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(handed())
def test_eido_reads_back_what_it_wrote(drawn: tuple[IncidentReport, tuple[UnitReport, ...]]) -> None:
    told, units = drawn
    ours = [unit.model_copy(update={"callsign": unit.callsign.partition("@")[0]}) for unit in units]
    data = codec.encode(told, ours, issuer=f"cad.{told.origin}")
    assert codec.decode(data, CONTEXT) == (told, *units)


def test_an_incident_of_the_picture_is_handed_over_and_read_by_the_other_room() -> None:
    known = Incident("I-7", "trapped", "People trapped, Wharf Street", 1,
                     Place(41_021_000, 519_312_000, "Wharf Street", 40), T - 1000, T, people_at_risk=2,
                     people_trapped=True)  # fmt: skip
    told = of_incident(
        known, agency="meridian.example", prefix=codec.INCIDENT_URN, text="Two in the attic", caller="J. Maas"
    )
    (heard,) = codec.decode(codec.encode(told, issuer="tocsin.meridian.example", linked=["77:north.example"]), CONTEXT)
    assert isinstance(heard, IncidentReport)
    assert (heard.authoritative_id, heard.origin, heard.severity) == ("I-7:meridian.example", "meridian.example", 1)
    assert heard.text == (
        "People trapped, Wharf Street\nPeople at risk: 2\nPeople trapped\nTwo in the attic\nrelated: 77:north.example"
    )
    assert (heard.lon_e7, heard.uncertainty_m, heard.place_as_said) == (41_021_000, 40, "Wharf Street")


def test_a_unit_of_another_agency_is_not_ours_of_the_same_name_unless_the_feed_says_so() -> None:
    value = form(UnitReport(at_ms=T, external_id="u12", callsign="E12", status="enroute"))
    (_, unit) = read(value)
    assert isinstance(unit, UnitReport) and (unit.callsign, unit.status) == ("E12@north.example", "enroute")
    (_, unit) = read(value, FeedContext("north", T, names={"E12@north.example": "N12"}, limits=LIMITS))
    assert isinstance(unit, UnitReport) and unit.callsign == "N12"


def test_what_we_sent_ourselves_is_noted_when_it_comes_back_and_reported_no_more() -> None:
    noted: list[str] = []
    context = FeedContext("north", T, names={"self": NORTH}, limits=LIMITS, skip=noted.append)
    assert read(form(), context) == ()
    assert noted == ["our own 77 coming back"]


def test_a_merge_that_another_room_tells_of_is_words_and_merges_nothing() -> None:
    value = form()
    value["mergeComponent"] = [
        {"$id": "m", "incidentTrackingIdentifier": f"{codec.INCIDENT_URN}I-7:meridian.example",
         "incidentMergeDirectionCode": "REPLACING"}
    ]  # fmt: skip
    (told,) = read(value)
    assert isinstance(told, IncidentReport) and told.authoritative_id == "77:north.example"
    assert told.text == "Water up to the windows\nreplacing: I-7:meridian.example"


def test_a_type_of_the_registry_is_read_as_ours_and_its_senders_words_are_kept() -> None:
    value = form()
    del value["incidentComponent"]["incidentTypeInternalCode"]
    value["incidentComponent"] |= {"incidentTypeCommonRegistryText": "FSTRU", "incidentTypeInternalText": "House fire"}
    (told,) = read(value)
    assert isinstance(told, IncidentReport)
    assert (told.incident_kind, told.text) == ("fire", "House fire\nWater up to the windows")


def test_every_kind_of_ours_has_a_registered_type_and_every_type_read_is_a_kind_of_ours() -> None:
    assert set(TO_APCO) == set(INCIDENT_KINDS)
    assert set(FROM_APCO.values()) <= set(INCIDENT_KINDS)


def test_priorities_run_the_other_way_and_come_back() -> None:
    assert [severity_of(priority) for priority in range(11)] == [4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1]
    assert [severity_of(priority_of(severity)) for severity in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_notes_are_read_oldest_first_without_their_markup() -> None:
    value = form()
    note = value["notesComponent"][0]
    value["notesComponent"] = [
        note | {"$id": "late", "notesActionComments": "<p>Boat <b>sent</b> &amp; waiting</p>"},
        note | {"$id": "early", "notesActionComments": "A<br/>B", "lastUpdateTimeStamp": "2026-01-01T00:00:00Z"},
    ]
    (told,) = read(value)
    assert isinstance(told, IncidentReport) and told.text == "A\nB\nBoat sent & waiting"


@given(st.text(max_size=80))
def test_words_survive_being_marked_up(text: str) -> None:
    assert plain(marked_up(text)) == text.strip()


@given(st.text(st.sampled_from("<>&!-/brp; ;#x0a"), max_size=60))
def test_any_markup_is_read_as_words(html: str) -> None:
    assert isinstance(plain(html), str)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda value: value.update(eidoVersion="2.0"), "TOC-2006"),
        (lambda value: value.pop("eidoVersion"), "TOC-2006"),
        (lambda value: value.pop("incidentComponent"), "TOC-2006"),
        (lambda value: value.pop("$id"), "TOC-2003"),
        (lambda value: value.update(lastUpdateTimeStamp="2026-01-01T00:00:00"), "TOC-2003"),
        (lambda value: value.update({"$id": codec.INCIDENT_URN + "x" * 81}), "TOC-2003"),
        (lambda value: value.update(notesComponent={}), "TOC-2003"),
        (lambda value: value.update(notesComponent=[1]), "TOC-2003"),
        (lambda value: value["incidentComponent"].update(incidentCommonPriorityNumber=11), "TOC-2003"),
        (lambda value: value["incidentComponent"].update(locationReference=["place"]), "TOC-2003"),
        (lambda value: value["personComponent"][0].update(personIncidentRoleRegistryText=7), "TOC-2003"),
        (lambda value: value["callbackComponent"][0].update(callBackInformationUri=7), "TOC-2003"),
        (lambda value: value["locationComponent"][0].update(locationByValue="<presence>"), "TOC-2002"),
        (lambda value: value["locationComponent"][0].update(locationByValue="<!DOCTYPE a><a/>"), "TOC-2005"),
        (lambda value: value["locationComponent"][0].update(locationByValue="<a><pos>95 4</pos></a>"), "TOC-2009"),
        (lambda value: value["locationComponent"][0].update(locationByValue="<a><pos>5</pos></a>"), "TOC-2003"),
        (lambda value: value.update(notesComponent=value["notesComponent"] * 501), "TOC-2004"),
    ],
)
def test_what_breaks_a_rule_is_refused_for_what_it_is(change: Callable[[dict[str, Any]], object], code: str) -> None:
    value = form()
    change(value)
    with pytest.raises(InputError) as refused:
        read(value)
    assert refused.value.code == code


_leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6)
json_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_value_in_any_field_is_read_or_refused_with_a_code(data: st.DataObject) -> None:
    value = form(UnitReport(at_ms=T, external_id="u12", callsign="E12", lon_e7=1, lat_e7=2))
    part: Any = value
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not isinstance(part[key], dict | list) or not part[key] or data.draw(st.booleans()):
            part[key] = data.draw(json_values)
            break
        part = part[key]
    try:
        read(value)
    except InputError as error:
        assert error.code in CATALOGUE


# --- other people's messages, and their schema ---------------------------------------------------------


def test_the_published_sample_is_read_with_its_number_place_and_call_back(corpus: Path) -> None:
    (told,) = codec.decode((corpus / "eido/Samples/Sample_call_transfer_EIDO.json").read_bytes(), CONTEXT)
    assert isinstance(told, IncidentReport)
    assert (told.authoritative_id, told.origin) == ("a56e556d871:bcf.state.pa.us", "state.pa.us")
    assert (told.place_as_said, told.call_back) == ("42 W Cellular Street Wilmington DE US", "8195551212")


def test_every_file_of_the_corpus_is_read_or_refused_with_a_code(corpus: Path) -> None:
    intake = Intake(load({"id": "north", "wire": "eido"}), installed())
    outcomes = {
        path.name: next(iter(intake.read(path.read_bytes(), T).refused), None)
        for path in (corpus / "eido").rglob("*")
        if path.is_file()
    }
    assert [name for name, refused in outcomes.items() if refused is None] == ["Sample_call_transfer_EIDO.json"]


def test_what_we_send_has_all_that_the_schema_requires_and_nothing_it_does_not_know(corpus: Path) -> None:
    schemas = YAML(typ="safe", pure=True).load((corpus / "eido/Schema/openapi.yaml").read_text())["components"][
        "schemas"
    ]
    value = form(UnitReport(at_ms=T, external_id="u12", callsign="E12", lon_e7=1, lat_e7=2, status="enroute"))
    value |= json.loads(codec.encode(incident(), issuer="x", linked=["1:south.example"])) | {
        "emergencyResourceComponent": value["emergencyResourceComponent"], "agentComponent": value["agentComponent"],
    }  # fmt: skip
    missing = list(_differences("EmergencyIncidentDataObjectType", value, schemas))
    assert missing == []
    assert "personComponent" in value and "linkComponent" in value


def _differences(name: str, value: Any, schemas: dict[str, Any]) -> Iterator[str]:
    """Keys that the named type requires and the value lacks, or that the value has and the type does not know."""
    parts = list(_parts(name, schemas))
    known = {key: spec for part in parts for key, spec in part.get("properties", {}).items()}
    yield from (f"{name} lacks {key}" for part in parts for key in part.get("required", ()) if key not in value)
    yield from (f"{name} has {key}" for key in value if key not in known)
    for key in value.keys() & known.keys():
        spec = known[key].get("items", known[key])
        inner = spec.get("$ref", "").removeprefix("#/components/schemas/")
        if inner in schemas:
            for each in value[key] if isinstance(value[key], list) else [value[key]]:
                if isinstance(each, dict):
                    yield from _differences(inner, each, schemas)


def _parts(name: str, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in schemas[name].get("allOf", [schemas[name]]):
        if "$ref" in part:
            yield from _parts(part["$ref"].removeprefix("#/components/schemas/"), schemas)
        else:
            yield part


# --- both rooms ----------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path: Path, tocsin_home: Path) -> Iterator[tuple[Room, Any]]:
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as built:
        yield built, hear(built, city)


def test_two_numbers_at_one_place_stay_two_incidents_and_one_number_stays_one(room: tuple[Room, Any]) -> None:
    built, ingest = room
    now = built.core.now_ms()
    for number, at_ms in (("77", now), ("78", now), ("77", now + 1)):
        tracking = f"{number}:{NORTH}"
        told = incident(at_ms=at_ms, external_id=codec.INCIDENT_URN + tracking, authoritative_id=tracking)
        data = codec.encode(told, issuer=f"cad.{NORTH}")
        ingest.accept("north", data, codec.decode(data, CONTEXT))
    found = {one.authoritative_ids: len(one.reports) for one in built.core.home.incidents.values()}
    assert found == {("77:north.example",): 2, ("78:north.example",): 1}


def test_what_another_room_says_of_an_incident_under_our_number_joins_it(room: tuple[Room, Any]) -> None:
    built, ingest = room
    call = incident(authoritative_id="", external_id="", origin="caller", reporter="call_taker", text=None)
    ingest.accept("calls", b"raw", [call])
    (ours,) = built.core.home.incidents.values()
    handed_over = of_incident(ours, agency="meridian.example", prefix=codec.INCIDENT_URN)
    answered = json.loads(codec.encode(handed_over, issuer=f"cad.{NORTH}"))
    answered["updatedByAgencyReference"] = {"$ref": NORTH}
    del answered["locationComponent"]  # so that nothing but the number joins them
    context = FeedContext("north", T, names={"self": "meridian.example"}, limits=LIMITS)
    ingest.accept("north", b"raw", read(answered, context))
    (ours,) = built.core.home.incidents.values()
    assert [link.origin for link in ours.reports][-1] == NORTH


def test_the_caller_of_an_eido_stands_in_no_entry_in_clear(room: tuple[Room, Any], tmp_path: Path) -> None:
    _, ingest = room
    data = codec.encode(incident(caller="Jantine Maas"), issuer=f"cad.{NORTH}")
    ingest.accept("north", data, codec.decode(data, CONTEXT))
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert NORTH.encode() in stored and b"Jantine" not in stored


async def test_an_eido_is_posted_to_the_other_room_which_reads_it() -> None:
    app, seen = FastAPI(), list[tuple[str, tuple[Report, ...]]]()

    @app.post("/eido")
    async def receive(request: Request) -> Response:
        seen.append((request.headers["content-type"], codec.decode(await request.body(), CONTEXT)))
        return Response(status_code=201)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        data = codec.encode(incident(), issuer=f"cad.{NORTH}")
        assert await sink(client, "https://south.example/eido").hand_over(data, key="I-7") == "HTTP 201"
    assert seen == [(MEDIA_TYPE, (incident(),))]
