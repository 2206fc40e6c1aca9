"""Hostile posts to a running core's inbox: refused with code and remedy, journalled as refused, nothing else moved."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from console import commands as c
from feeds.signing import sign
from picture.entry import Entry, Ref
from picture.journal import BlobStore, JournalReader, verify
from picture.sealing import Keyring
from tests.e2e.hands import CoreProcess, core, hand, post, report, tocsin, write_scenario

MIB = 1024 * 1024
DEEP = b'{"schema":"tocsin.incident/1","type":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><alert>&b;</alert>'
CAP = b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + CAP + b"&x;</alert>"
FORGED = (
    CAP
    + b"""<identifier>X-1</identifier><sender>mayor@evil.example</sender>
<sent>2026-11-20T17:30:00-00:00</sent><status>Exercise</status><msgType>Alert</msgType><scope>Public</scope><info>
<category>Met</category><event>Flood</event><urgency>Immediate</urgency><severity>Extreme</severity>
<certainty>Observed</certainty><headline>x</headline><area><areaDesc>All</areaDesc></area></info></alert>"""
)

BAD_MESSAGES: dict[str, tuple[str, bytes, int, str]] = {
    "entities that expand": ("met-office", LAUGHS, 422, "TOC-2005"),
    "an entity that reads a file": ("met-office", FILE, 422, "TOC-2005"),
    "a drone's entity": ("tak-units", FILE, 422, "TOC-2005"),
    "ten megabytes": ("calls-112", b"[" + b"1," * (5 * MIB), 413, "TOC-2001"),
    "deep json": ("calls-112", DEEP, 422, "TOC-2004"),
    "wrong types": ("calls-112", report("x", people_at_risk="many"), 422, "TOC-2003"),
    "a position as words": ("calls-112", report("x", position=["here", "there"]), 422, "TOC-2003"),
    "an unknown key": ("calls-112", report("x", peopel_trapped=True), 422, "TOC-2003"),
    "another schema": ("calls-112", b'{"schema":"tocsin.incident/9"}', 415, "TOC-2006"),
    "a place off the earth": ("calls-112", report("x", position=[200, 95]), 422, "TOC-2009"),
    "bad utf-8": ("calls-112", b'{"schema":"tocsin.incident/1","text":"\xc3\x28"}', 400, "TOC-2002"),
    "not a number": ("gauges", b'{"result":NaN}', 400, "TOC-2002"),
    "nothing": ("calls-112", b"", 400, "TOC-2002"),
    "words of somebody else": ("calls-112", report("x", reporter="officer"), 403, "TOC-2008"),
    "a warning of a stranger": ("met-office", FORGED, 403, "TOC-2008"),
    "garbage for ships": ("ais", b"\x00\xff" * 40, 400, "TOC-2002"),
}  # fmt: skip
"""What is posted -> feed, body, status, code."""


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory, tocsin_home: Path) -> Iterator[CoreProcess]:
    """A core with an inbox, its clock all but standing."""
    source = write_scenario(tmp_path_factory.mktemp("ear"))
    with core(tmp_path_factory.mktemp("inbox") / "drill", source, tocsin_home, speed=0.001) as running:
        yield running


def entries(running: CoreProcess, after: int = 0) -> list[Entry]:
    with JournalReader(running.journal) as reader:
        return list(reader.read(after))


def head(running: CoreProcess) -> int:
    with JournalReader(running.journal) as reader:
        return reader.head().seq


def sense(picture: Any) -> dict[str, Any]:
    """The picture but for what a refusal may change: its books, the feed's health, and how far the journal is."""
    plain: dict[str, Any] = picture.as_json()[picture.home.stream]
    plain["alarms"] = {name: one for name, one in plain["alarms"].items() if not one["key"].startswith("feed:")}
    return {part: value for part, value in plain.items() if part not in ("seq", "at_ms", "refusals", "feeds")}


@pytest.mark.parametrize("attack", BAD_MESSAGES)
async def test_a_bad_message_is_refused_journalled_and_changes_nothing_else(ear: CoreProcess, attack: str) -> None:
    feed, body, status, code = BAD_MESSAGES[attack]
    async with hand(ear) as one:
        before, seq = sense(one.picture), head(ear)
        answer = post(ear, feed, body)
        assert (answer.status, answer.code) == (status, code), answer.body
        assert answer.body["error"]["remedy"] and answer.body["error"]["message"]
        await one.settled()
        after = sense(one.picture)
        assert [part for part in before if after[part] != before[part]] == []
    new = [e for e in entries(ear, seq) if e.kind != "session.changed"]  # who looked on before has left
    assert {e.kind for e in new} <= {"report.refused", "feed.changed", "alarm.raised", "alarm.changed"}
    for entry in (e for e in new if e.kind == "report.refused"):
        event: Any = entry.event
        assert event.code == code and event.size >= len(body) and len(event.sha256) == 64
        assert entry.source == feed or code == "TOC-2001"
        assert event.head is None and ("head" in entry.sealed or not body)


def unsigned(ear: CoreProcess, **how: Any) -> Any:
    return post(ear, "calls-112", report("let me in"), **how)


async def test_who_cannot_prove_who_they_are_changes_nothing(ear: CoreProcess) -> None:
    body = report("let me in")
    secret = (ear.folder / "secrets" / "calls-112.secret").read_bytes()
    now = round(time.time() * 1000)
    other = (ear.folder / "secrets" / "gauges.secret").read_bytes()
    async with hand(ear) as one:
        before = sense(one.picture)
        attempts = {
            "no signature": unsigned(ear, signed=False),
            "another feed's secret": unsigned(ear, headers=sign(other, now, body)),
            "six minutes old": unsigned(ear, at_ms=now - 360_000),
            "six minutes early": unsigned(ear, at_ms=now + 360_000),
            "another body": unsigned(ear, headers=sign(secret, now, body + b" ")),
            "a feed that does not exist": post(ear, "mayor", body, headers=sign(secret, now, body), signed=False),
        }  # fmt: skip
        assert {what: (answer.status, answer.code) for what, answer in attempts.items()} == dict.fromkeys(
            attempts, (401, "TOC-2007")
        )
        await one.settled()
        assert sense(one.picture) == before


async def test_a_signature_is_good_once(ear: CoreProcess) -> None:
    body = report("A tree has fallen", kind="tree")
    headers = sign((ear.folder / "secrets" / "calls-112.secret").read_bytes(), round(time.time() * 1000), body)
    assert post(ear, "calls-112", body, headers=headers, signed=False).status == 202
    async with hand(ear) as one:
        before = sense(one.picture)
        answer = post(ear, "calls-112", body, headers=headers, signed=False)
        assert (answer.status, answer.code) == (401, "TOC-2007")
        await one.settled()
        assert sense(one.picture) == before


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:80"}, {"Host": ""}, {"Origin": "https://evil.example"},
    {"Origin": "null"}, {"Origin": "http://127.0.0.1"},
], ids=str)  # fmt: skip
def test_a_web_page_or_another_host_name_is_refused(ear: CoreProcess, headers: dict[str, str]) -> None:
    answer = post(ear, "calls-112", report("from a page"), headers=headers)
    assert answer.status in (400, 403) and (answer.code == "TOC-2101" or answer.status == 400)


def test_other_paths_and_methods_tell_nothing(ear: CoreProcess) -> None:
    url = urlsplit(json.loads((ear.folder / "inbox.json").read_text(encoding="utf-8"))["url"])
    for method, path in (("GET", "/inbox/calls-112"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/"),
                         ("POST", "/link"), ("GET", "/health")):  # fmt: skip
        connection = http.client.HTTPConnection(url.hostname or "", url.port or 0, timeout=10)
        connection.request(method, path)
        assert connection.getresponse().status in (404, 405), (method, path)
        connection.close()


def test_repeats_are_counted_not_piled_up(tmp_path: Path, tocsin_home: Path) -> None:
    with core(tmp_path / "drill", write_scenario(tmp_path / "quiet"), tocsin_home, speed=0.001) as running:
        for number in range(40):
            assert post(running, "calls-112", b"{%d" % number).code == "TOC-2002"
        refusals = [e for e in entries(running) if e.kind == "report.refused"]
        assert len(refusals) == 1


async def test_the_count_of_repeats_is_journalled_when_their_minute_is_over(tmp_path: Path, tocsin_home: Path) -> None:
    with core(tmp_path / "drill", write_scenario(tmp_path / "quiet"), tocsin_home, speed=0.001) as running:
        async with hand(running) as one:
            for number in range(7):
                post(running, "calls-112", b"{%d" % number)
            await one.do(c.ControlDrill(action="jump", by_s=120))
            await one.settled()
            refusals = one.picture.home.refusals
            assert sum(refusal.count for refusal in refusals.values()) == 7
        events: list[Any] = [e.event for e in entries(running) if e.kind == "report.refused"]
        assert [event.repeats for event in events] == [1, 6]


async def test_a_message_of_ten_megabytes_is_kept_as_at_most_a_kibibyte(ear: CoreProcess) -> None:
    body = b'{"planted":"' + b"Zebedee" * (10 * MIB // 7) + b'"}'
    seq = head(ear)
    before = sum(path.stat().st_size for path in ear.folder.rglob("*") if path.is_file())
    assert post(ear, "ais", body).code == "TOC-2001"
    after = sum(path.stat().st_size for path in ear.folder.rglob("*") if path.is_file())
    assert after - before < 128 * 1024
    assert all(e.kind == "report.refused" for e in entries(ear, seq))


def test_of_every_refused_message_at_most_a_kibibyte_is_kept_and_sealed(ear: CoreProcess) -> None:
    post(ear, "city-broker", b"{" + b"Zebedee " * 5000)
    keyring = Keyring(ear.folder / "keys")
    with JournalReader(ear.journal, keyring=keyring, blobs=BlobStore(ear.folder / "blobs", keyring)) as reader:
        heads = [reader.opened(e).get("head", "") for e in reader.read() if e.kind == "report.refused"]
    sizes = [len(base64.b64decode(str(one))) for one in heads]
    assert max(sizes) == 1024
    assert not any(b"Zebedee" in path.read_bytes() for path in ear.folder.rglob("*") if path.is_file())


HOSTILE_NAMES = ("[@click=app.approve('x')]A[/]", "B [/]", "C\x1b]52;c;aGVsbG8=\x07", "[bold]{request}[/bold] {plan}")


async def test_hostile_names_are_carried_as_plain_text(ear: CoreProcess) -> None:
    async with hand(ear) as one:
        for name in HOSTILE_NAMES:
            said = report(f"He says his name is {name}", caller=name, place=name, kind=name[:70])
            answer = post(ear, "calls-112", said)
            assert answer.status == 202, answer.body
        await one.settled()
        home = one.picture.home
        lines = [line for incident in home.incidents.values() for line in incident.reports]
        callers = {one.link.text(Ref(home.stream, line.entry, "report.caller")) for line in lines}
        assert callers >= set(HOSTILE_NAMES)
    shown = tocsin("journal", "show", ear.journal)
    assert shown.returncode == 0 and "\x1b" not in shown.stdout and "\x07" not in shown.stdout
    shown = tocsin("journal", "show", ear.journal, "--json")
    assert "\x1b" not in shown.stdout
    assert verify(ear.journal).ok


def test_the_core_still_serves_after_all_that(ear: CoreProcess) -> None:
    assert post(ear, "calls-112", report("A cellar is flooding")).status == 202
    assert "Traceback" not in ear.log() and "TOC-9001" not in ear.log()
    assert verify(ear.journal).ok
