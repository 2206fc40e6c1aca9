"""What is meant to do harm is refused with a code or carried as plain text, and takes no time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import strict_json, xml
from feeds.base import Limits
from feeds.config import load
from feeds.incident import codec as incident
from feeds.intake import Accepted, Intake
from feeds.registry import BUILT_IN, installed
from picture.errors import CATALOGUE, InputError
from picture.reports import FacilityReport, IncidentReport, UnitReport

T = 1_800_000_000_000
MIB = 1024 * 1024
CAP_OPEN = b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]><alert>&j;</alert>"  # fmt: skip

HOSTILE: dict[str, tuple[bytes, frozenset[str]]] = {
    "billion laughs": (LAUGHS, frozenset({"TOC-2002", "TOC-2005"})),
    "external entity": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>',
                        frozenset({"TOC-2002", "TOC-2005"})),
    "utf-16 hiding a doctype": ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a []><alert/>'.encode("utf-16"),
                                frozenset({"TOC-2002"})),
    "utf-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-alert+AD4-', frozenset({"TOC-2002"})),
    "undeclared entity": (CAP_OPEN + b"&x;</alert>", frozenset({"TOC-2002", "TOC-2005"})),
    "ten megabytes": (b"[" + b"1," * (5 * MIB), frozenset({"TOC-2001"})),
    "ten megabytes of xml": (CAP_OPEN + b"<a/>" * (5 * MIB // 2), frozenset({"TOC-2001"})),
    "json a hundred thousand deep": (b"[" * 30_000 + b"]" * 30_000, frozenset({"TOC-2002", "TOC-2004"})),
    "xml thirty thousand deep": (b"<a>" * 8_000 + b"</a>" * 8_000, frozenset({"TOC-2002", "TOC-2004"})),
    "many attributes": (b"<alert " + b" ".join(b'a%d=""' % n for n in range(6_000)) + b"/>",
                        frozenset({"TOC-2002", "TOC-2004"})),
    "bad utf-8": (b'{"schema":"tocsin.incident/1","text":"\xc3\x28"}', frozenset({"TOC-2002"})),
    "not a number": (b'{"id":"a","type":"WaterObserved","waterLevel":NaN}', frozenset({"TOC-2002"})),
    "infinity": (b'{"result":-Infinity}', frozenset({"TOC-2002"})),
    "an integer of fifty thousand digits": (b'{"result":' + b"9" * 50_000 + b"}", frozenset({"TOC-2002", "TOC-2009"})),
    "duplicate keys": (b'{"result":1,"result":2}', frozenset({"TOC-2002"})),
    "lone surrogate": (b'{"result":"\\ud800"}', frozenset({"TOC-2002"})),
    "quotes without end": (b'"\\"' * 20_000, frozenset({"TOC-2002"})),
    "only a zero byte": (b"\x00", frozenset({"TOC-2002"})),
    "nothing": (b"", frozenset({"TOC-2002"})),
    "true": (b"true", frozenset({"TOC-2002", "TOC-2003"})),
    "escape to the terminal": (b"\x1b]52;c;AAAA\x07", frozenset({"TOC-2002"})),
}  # fmt: skip


@pytest.mark.parametrize("wire", BUILT_IN)
@pytest.mark.parametrize("attack", sorted(HOSTILE))
def test_no_wire_accepts_it_and_none_takes_a_second(wire: str, attack: str) -> None:
    data, _ = HOSTILE[attack]
    intake = Intake(load({"id": "x", "wire": wire}), installed())
    started = time.perf_counter()
    reading = intake.read(data, T)
    assert time.perf_counter() - started < 1.0
    assert reading.reports == ()
    assert all(each.error.code in CATALOGUE for each in reading.refused)


@pytest.mark.parametrize(
    ("wire", "attack"),
    [
        ("cap", "billion laughs"), ("cap", "external entity"), ("tak", "external entity"),
        ("cap", "utf-16 hiding a doctype"), ("tak", "utf-7"), ("cap", "undeclared entity"), ("tak", "many attributes"),
        ("cap", "xml thirty thousand deep"), ("cap", "ten megabytes of xml"), ("ngsi", "ten megabytes"),
        ("ngsi", "json a hundred thousand deep"), ("incident", "bad utf-8"), ("ngsi", "not a number"),
        ("sensorthings", "infinity"), ("sensorthings", "an integer of fifty thousand digits"),
        ("sensorthings", "duplicate keys"), ("sensorthings", "lone surrogate"), ("incident", "quotes without end"),
        ("ais", "escape to the terminal"), ("incident", "true"), ("cap", "nothing"), ("ngsi", "nothing"),
    ],
)  # fmt: skip
def test_each_attack_is_refused_for_what_it_is(wire: str, attack: str) -> None:
    data, codes = HOSTILE[attack]
    intake = Intake(load({"id": "x", "wire": wire}), installed())
    (refused,) = intake.read(data, T).refused
    assert refused.error.code in codes


@pytest.mark.parametrize(
    "text",
    [
        "[@click=app.approve('x')]A[/]",
        "B [/]",
        "C\x1b]52;c;AAAA\x07",
        "\u202eevil\u202c",
        "nul\x00byte",
        "a\u0301" * 300,
        "<script>alert(1)</script>",
        "'; DROP TABLE entry; --",
        "\ufeffzero\u200bwidth",
    ],
)
def test_markup_and_control_characters_are_carried_as_the_plain_text_they_are(text: str) -> None:
    intake = Intake(load({"id": "calls", "wire": "incident"}), installed())
    report = IncidentReport(at_ms=T, incident_kind="flood", text=text, caller=text[:200])
    assert intake.read(incident.encode(report), T).reports == (report,)


def test_a_refused_message_does_not_take_the_others_of_its_stream_with_it() -> None:
    good = b"!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*23"
    intake = Intake(load({"id": "ships", "wire": "ais"}), installed())
    reading = intake.read(good + b"\n" + good[:-1] + b"4\n" + good + b"\n", T)
    assert [type(each) is Accepted for each in reading.messages] == [True, False, True]


def test_a_feed_may_speak_only_for_what_it_was_granted() -> None:
    config = load({"id": "utility", "wire": "incident", "may_speak": ["facility:SUB-*", "incident:agency"]})
    intake = Intake(config, installed())
    own = FacilityReport(at_ms=T, facility="SUB-07", attribute="power", value="none")
    assert intake.read(incident.encode(own), T).reports == (own,)
    for other in (
        FacilityReport(at_ms=T, facility="HOSP-1", attribute="power", value="none"),
        IncidentReport(at_ms=T, incident_kind="fire", reporter="officer"),
        UnitReport(at_ms=T, callsign="E12"),
    ):
        (refused,) = intake.read(incident.encode(other), T).refused
        assert refused.error.code == "TOC-2008"


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(BUILT_IN), st.binary(max_size=200))
def test_any_bytes_at_all_are_read_or_refused_and_never_crash(wire: str, data: bytes) -> None:
    reading = Intake(load({"id": "x", "wire": wire}), installed()).read(data, T)
    assert all(each.error.code in CATALOGUE for each in reading.refused)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "type", "value", "result", "Datastream", "location", "coordinates", "schema", "time",
                         "data", "dataArray", "components", "waterLevel", "status", "position", "@value"]), inner,
        max_size=6),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["ngsi", "sensorthings", "incident"]), _values,
       st.sampled_from(["Alert", "Building", "RoadSegment", "WaterObserved", "report"]))  # fmt: skip
def test_values_of_the_wrong_shape_in_known_places_never_crash(wire: str, value: object, kind: str) -> None:
    import json

    frame = {"id": "a", "schema": "tocsin.incident/1"}
    document = frame | value | {"type": kind} if isinstance(value, dict) else value
    reading = Intake(load({"id": "x", "wire": wire}), installed()).read(json.dumps(document).encode(), T)
    assert all(each.error.code in CATALOGUE for each in reading.refused)


@settings(max_examples=50, deadline=None)
@given(_values)
def test_strict_json_agrees_with_json_on_what_both_accept(value: object) -> None:
    import json

    try:
        read = strict_json.parse(json.dumps(value).encode(), Limits())
    except InputError as refused:
        assert refused.code in ("TOC-2002", "TOC-2009")  # a lone surrogate, an integer of more than 20 digits
    else:
        assert read == value


def test_a_comment_or_stylesheet_beside_the_message_changes_nothing() -> None:
    data = b'<?xml version="1.0"?><?xml-stylesheet href="http://x/y.xsl"?><!-- hi --><a>t<!-- x --></a>'
    root = xml.parse(data, Limits())
    assert (root.tag, root.text, len(root)) == ("a", "t", 0)
