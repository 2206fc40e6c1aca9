"""Configuration, manifests, health, counting of refusals, recordings and polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.config import load, resolve_secret
from feeds.health import HealthWatch
from feeds.incident import codec as incident
from feeds.intake import Intake
from feeds.manifest import parse_manifest
from feeds.poll import Poller
from feeds.refusals import RefusalMeter, refusal
from feeds.registry import BUILT_IN, installed
from feeds.replay import INDEX, Recorded, Recording, write
from picture.errors import InputError, UsageError
from picture.reports import IncidentReport

T = 1_800_000_000_000 // 60_000 * 60_000
GOOD = incident.encode(IncidentReport(at_ms=T, incident_kind="flood"))

# --- configuration and manifests ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"id": "x", "wire": "ais", "silent_after": 5}, "did you mean 'silent_after_s'"),
        ({"id": "x", "wire": "ais", "grade": "G7"}, "grade"),
        ({"id": "x", "wire": "ais", "secret": "hunter2"}, "secret"),
        ({"id": "x", "wire": "ais", "may_speak": ["vesel"]}, "did you mean 'vessel'"),
        ({"id": "../x", "wire": "ais"}, "id"),
    ],
)
def test_a_wrong_feed_configuration_is_refused_by_key(values: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        load(values)
    assert refused.value.code == "TOC-1003"
    assert "hunter2" not in str(refused.value)


def test_a_secret_comes_from_the_environment_or_a_private_file_and_from_nowhere_else(tmp_path: Path) -> None:
    secret = "a secret of enough bytes"
    path = tmp_path / "met.key"
    path.write_text(secret + "\n")
    path.chmod(0o600)
    assert resolve_secret("env:MET", {"MET": secret}, tmp_path) == secret.encode()
    assert resolve_secret("file:met.key", {}, tmp_path) == secret.encode()
    path.chmod(0o644)
    for reference, environ in (("file:met.key", {}), ("env:MET", {}), ("env:MET", {"MET": "short"}), ("file:no", {})):
        with pytest.raises(UsageError) as refused:
            resolve_secret(reference, environ, tmp_path)
        assert secret not in str(refused.value)


@pytest.mark.parametrize("wire", BUILT_IN)
def test_each_built_in_wire_is_whole(wire: str) -> None:
    found = installed().wire(wire)
    assert found.manifest.wire == wire
    assert found.manifest.limits.max_bytes <= 1_048_576
    assert callable(found.codec.decode) and found.new_framer() is not found.new_framer()


def test_an_unknown_wire_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'incident'"):
        installed().wire("incidnt")


def test_a_manifest_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'transports'"):
        parse_manifest("wire: x\ntransport: [inbox]\n" + "title: t\nstandard: s\ndirections: [in]\n"
                       "transports: [inbox]\nquality: gold\ncontent_types: []\nreads: [vessel]\n"
                       "limits: {max_bytes: 1}\n", "x")  # fmt: skip


# --- health ------------------------------------------------------------------------------------------


def test_a_feeds_state_changes_only_when_something_changes() -> None:
    config = load({"id": "calls", "wire": "incident", "silent_after_s": 60, "data_old_after_s": 600})
    intake, watch = Intake(config, installed()), HealthWatch(config, T)
    assert watch.arrived(intake.read(GOOD, T), T) is None
    assert watch.silent_due_ms() == T + 60_000
    assert watch.tick(T + 59_999) is None
    silent = watch.tick(T + 60_000)
    assert silent and silent.state == "silent"
    assert watch.tick(T + 120_000) is None
    back = watch.arrived(intake.read(GOOD, T), T + 130_000)
    assert back and (back.state, back.since_ms) == ("ok", T + 130_000)
    broken = watch.arrived(intake.read(b"{", T), T + 131_000)
    assert broken and broken.state == "malformed" and "TOC-2002" in broken.why
    old = watch.arrived(intake.read(GOOD, T), T + 700_000)
    assert old and old.state == "data_old"
    failed = watch.fetch_failed("HTTP 503", T + 701_000)
    assert failed and (failed.state, failed.why) == ("fetch_failed", "HTTP 503")
    again = watch.unchanged(T + 702_000)
    assert again and again.state == "ok"


# --- refusals ----------------------------------------------------------------------------------------


def test_repeats_within_a_minute_are_counted_and_journalled_when_it_ends() -> None:
    meter = RefusalMeter()
    first = refusal("met", "TOC-2002", "one", b"a", T)
    assert meter.note(first) == (first,)
    assert meter.note(refusal("met", "TOC-2002", "two", b"b", T + 1)) == ()
    assert meter.note(refusal("met", "TOC-2002", "three", b"c", T + 59_999)) == ()
    other = refusal("met", "TOC-2005", "other", b"d", T + 2)
    assert meter.note(other) == (other,)
    assert meter.due(T + 59_999) == ()
    (counted,) = meter.due(T + 60_000)
    assert (counted.repeats, counted.minute_ms, counted.detail) == (2, T, "three")
    assert meter.due(T + 60_000) == ()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["TOC-2001", "TOC-2002"]), st.integers(0, 200_000)),
                max_size=40))  # fmt: skip
def test_no_refusal_is_lost_and_a_flood_makes_two_entries_a_minute_at_most(drawn: list[tuple[str, str, int]]) -> None:
    meter = RefusalMeter()
    journalled = []
    for feed, code, offset in sorted(drawn, key=lambda each: each[2]):
        journalled += meter.note(refusal(feed, code, "x", b"", T + offset))
    journalled += meter.due(T + 10_000_000)
    assert sum(each.repeats for each in journalled) == len(drawn)
    booked = [(each.feed, each.code, (each.minute_ms or each.at_ms) // 60_000) for each in journalled]
    assert all(booked.count(key) <= 2 for key in booked)


def test_a_refusal_keeps_a_kilobyte_and_the_size_and_hash_of_all() -> None:
    kept = refusal("met", "TOC-2001", "x", b"z" * 5000, T)
    assert (len(kept.head), kept.size, len(kept.sha256)) == (1024, 5000, 64)


# --- recordings --------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.binary(max_size=40) | st.text(max_size=20).map(
    lambda text: text.encode("utf-8", "replace"))), max_size=8))  # fmt: skip
def test_a_recording_reads_back_the_very_bytes(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("recording")
    messages = [Recorded(at, "ships", body) for at, body in sorted(drawn, key=lambda each: each[0])]
    assert write(folder, messages) == len(messages)
    assert list(Recording(folder)) == messages


def test_a_recording_may_keep_a_message_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "warning.xml").write_bytes(b"<alert/>")
    (tmp_path / INDEX).write_text('{"at": 1.5, "feed": "met", "file": "warning.xml"}\n\n')
    assert list(Recording(tmp_path)) == [Recorded(1500, "met", b"<alert/>")]


@pytest.mark.parametrize(
    "line",
    [
        '{"at": 1, "feed": "met"}', '{"at": 1, "feed": "met", "body": "a", "b64": "YQ=="}',
        '{"at": 1, "feed": "met", "file": "../../etc/passwd"}', '{"at": 1, "feed": "met", "file": "/etc/passwd"}',
        '{"at": 1, "feed": "met", "file": "missing.xml"}', '{"at": -1, "feed": "met", "body": "a"}',
        '{"at": 1, "feed": "met", "b64": "?"}', '{"at": 1, "feed": "met", "body": "a", "when": 2}', "not json",
    ],
)  # fmt: skip
def test_a_wrong_line_of_a_recording_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text('{"at": 0, "feed": "met", "body": "ok"}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2") as refused:
        list(Recording(tmp_path))
    assert refused.value.code == "TOC-2103"


def test_a_recording_out_of_order_is_refused_on_writing_and_on_reading(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="earlier"):
        write(tmp_path, [Recorded(2, "a", b""), Recorded(1, "a", b"")])
    (tmp_path / INDEX).write_text('{"at": 2, "feed": "a", "body": ""}\n{"at": 1, "feed": "a", "body": ""}\n')
    with pytest.raises(InputError, match="line 2"):
        list(Recording(tmp_path))


# --- polling -----------------------------------------------------------------------------------------


@asynccontextmanager
async def _server(answers: list[bytes], seen: list[bytes]) -> AsyncIterator[str]:
    """A loopback HTTP server that gives these raw answers one after the other."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers.pop(0))
        with suppress(ConnectionError):  # the client had enough
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"


def _answer(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def _poller(client: httpx.AsyncClient, url: str, **options: float) -> Poller:
    return Poller(client, url, interval_s=60, max_bytes=1000, rng=Random(7), **options)  # type: ignore[arg-type]


async def test_a_poll_asks_only_for_what_has_changed() -> None:
    seen: list[bytes] = []
    answers = [_answer("200 OK", 'ETag: "v1"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n', b"one"),
               _answer("304 Not Modified")]  # fmt: skip
    async with _server(answers, seen) as url, httpx.AsyncClient(trust_env=False) as client:
        poller = _poller(client, url)
        first, second = await poller.fetch(), await poller.fetch()
    assert (first.outcome, first.body, first.next_s) == ("new", b"one", 60)
    assert (second.outcome, second.body) == ("unchanged", b"")
    assert b"if-none-match" not in seen[0].lower()
    assert b'if-none-match: "v1"' in seen[1].lower() and b"if-modified-since: sat, 21 nov" in seen[1].lower()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_answer("503 Busy"), "HTTP 503"),
        (_answer("302 Found", "Location: http://169.254.169.254/\r\n"), "moved"),
        (_answer("200 OK", "", b"x" * 1001), "more than 1000 bytes"),
        (_answer("200 OK", "Content-Encoding: gzip\r\n", b"\x1f\x8b"), "compressed"),
        (b"rubbish\r\n\r\n", "RemoteProtocolError"),
    ],
)
async def test_a_poll_that_fails_says_why_and_never_raises(answer: bytes, why: str) -> None:
    seen: list[bytes] = []
    async with _server([answer], seen) as url, httpx.AsyncClient(trust_env=False) as client:
        result = await _poller(client, url).fetch()
    assert result.outcome == "failed" and why in result.why
    assert len(seen) == 1


async def test_failures_in_a_row_back_off_with_jitter_up_to_a_quarter_of_an_hour() -> None:
    answers = [_answer("500 Oops")] * 8 + [_answer("200 OK", "", b"x")]
    async with _server(answers, []) as url, httpx.AsyncClient(trust_env=False) as client:
        poller = _poller(client, url)
        waits = [(await poller.fetch()).next_s for _ in range(8)]
        recovered = await poller.fetch()
    assert 48 <= waits[0] <= 72 and 96 <= waits[1] <= 144 and 720 <= waits[-1] <= 1080
    assert recovered.next_s == 60


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks() -> None:
    answers = [_answer("429 Slow", "Retry-After: 600\r\n")]
    async with _server(answers, []) as url, httpx.AsyncClient(trust_env=False) as client:
        assert (await _poller(client, url).fetch()).next_s >= 600


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    hold = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        result = await _poller(client, url, timeout_s=0.1).fetch()
        hold.set()
    assert (result.outcome, result.why) == ("failed", "no answer in time")
