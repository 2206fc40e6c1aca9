"""Connections that stay open: cut right, kept alone, opened again, and told apart by words."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ais import codec as ais
from feeds.ais.source import new_stream as ais_stream
from feeds.base import Heard, StreamSource
from feeds.config import FeedConfig, load
from feeds.cutters import Events, Lines
from feeds.health import HealthWatch
from feeds.incident import codec as incident
from feeds.incident.source import new_stream as incident_stream
from feeds.intake import Intake
from feeds.registry import installed
from feeds.streams import Spec, StreamConfig, address_of, wait_s
from picture.errors import UsageError
from picture.reports import IncidentReport, VesselReport

T = 1_800_000_000_000
SHIP = VesselReport(at_ms=T, mmsi=244_000_001, lon_e7=40_000_000, lat_e7=520_000_000, name="MARE", speed_mmps=5144)
PATIENCE_S = 20.0


def spec(url: str, *, feed: str = "x", max_bytes: int = 4096, **stream: Any) -> Spec:
    config = StreamConfig.model_validate(stream)
    return Spec(feed, address_of(url), config, max_bytes, Random(1), pause=lambda s: asyncio.sleep(s / 50))


class Ears:
    """What a connection delivered and what it said of itself."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.states: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    async def deliver(self, heard: Heard) -> None:
        self.heard.append(heard)
        self._changed.set()

    def state(self, became: str, why: str) -> None:
        self.states.append((became, why))
        self._changed.set()

    @property
    def bytes(self) -> bytes:
        return b"".join(one.data for one in self.heard)

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def running(source: StreamSource) -> AsyncIterator[Ears]:
    ears = Ears()
    task = asyncio.create_task(source.run(ears.deliver, ears.state))
    try:
        yield ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


# --- cutting ----------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=30).map(lambda one: one.replace(b"\n", b"") + b"\n"), max_size=20), st.data())
def test_lines_come_out_whole_and_in_order_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(lines) + b"unfinished"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    cutter = Lines(40)
    found = [
        one for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) for one in cutter.push(whole[a:b])
    ]  # fmt: skip
    assert b"".join(found) == b"".join(lines)
    assert all(one.endswith(b"\n") and len(one) <= 40 for one in found)


@given(st.integers(1, 60))
def test_events_are_cut_at_their_ends_also_across_pieces(step: int) -> None:
    events = [
        b'<?xml version="1.0"?>\n<event uid="a"><point/></event>',
        b'<event uid="b"></event  >',
        b'<event uid="c">',
    ]
    whole, cutter = b"".join(events), Events(500)
    found = [one for at in range(0, len(whole), step) for one in cutter.push(whole[at : at + step])]
    assert b"".join(found) == events[0] + events[1]


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_line_without_end_is_given_out_once_to_be_refused_and_the_next_is_read(step: int) -> None:
    whole, cutter = b"good\n" + b"x" * 900 + b"\nnext\n", Lines(100)
    found = [one for at in range(0, len(whole), step) for one in cutter.push(whole[at : at + step])]
    large = [one for one in found if len(one) > 100]
    assert len(large) == 1 and set(large[0].strip()) == set(b"x")
    assert b"".join(one for one in found if one not in large) == b"good\nnext\n"


# --- kept open --------------------------------------------------------------------------------------------------


async def test_sentences_over_tcp_are_heard_also_a_message_cut_in_the_middle() -> None:
    sent = ais.encode(SHIP)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (sent[:40], sent[40:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        await asyncio.sleep(PATIENCE_S)

    async with server(talk) as port, running(ais_stream(spec(f"tcp://127.0.0.1:{port}"))) as ears:
        await ears.until(lambda: len(ears.bytes) == len(sent))
        intake = Intake(FeedConfig(id="ships", wire="ais"), installed())
        reports = [one for heard in ears.heard for one in intake.hear(heard, T + 5000).reports]
    assert {one.report for one in reports} == {"vessel"} and ears.states == [("connected", "")]
    assert any(isinstance(one, VesselReport) and one.name == "MARE" for one in reports)


@pytest.mark.parametrize("name", ["pyais/nmea_data_sample.txt", "libais/tagblock.nmea"])
async def test_a_receivers_stream_gives_what_its_file_gives_however_it_is_cut(corpus: Path, name: str) -> None:
    data, rng = (corpus / "ais" / name).read_bytes().rstrip() + b"\n", Random(7)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = 0
        while at < len(data):
            piece = data[at : at + rng.randint(1, len(data) // 20)]
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)
            at += len(piece)
        await asyncio.sleep(PATIENCE_S)

    feed = FeedConfig(id="ships", wire="ais", max_bytes=16_000_000)
    async with (
        server(talk) as port,
        running(ais_stream(spec(f"tcp://127.0.0.1:{port}", max_bytes=65_536))) as ears,
    ):
        await ears.until(lambda: len(ears.bytes) == len(data))
    intake = Intake(feed, installed())
    streamed = [one for heard in ears.heard for one in intake.hear(heard, T).reports]
    assert streamed == list(Intake(feed, installed()).read(data, T).reports) and streamed


async def test_a_connection_that_ends_is_made_again_and_never_twice_at_once() -> None:
    at_once, most = 0, 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        writer.write(b"!line\n")
        await writer.drain()
        await asyncio.sleep(0.02)
        at_once -= 1

    async with server(talk) as port, running(ais_stream(spec(f"tcp://127.0.0.1:{port}"))) as ears:
        await ears.until(lambda: len(ears.heard) >= 4)
    assert most == 1
    assert ears.states[:3] == [("connected", ""), ("connecting", "the far end closed it"), ("connected", "")]


async def test_a_far_end_that_is_not_there_is_connecting_with_its_reason_until_it_is() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with running(ais_stream(spec(f"tcp://127.0.0.1:{port}"))) as ears:
            await ears.until(lambda: len(ears.states) >= 2)
    assert set(ears.states) == {("connecting", "ConnectionRefusedError")}


def test_attempts_come_slower_and_slower_up_to_a_minute_and_not_in_step() -> None:
    waits = [[wait_s(failures, Random(seed)) for failures in range(1, 12)] for seed in range(50)]
    for number in range(11):
        step = min(2.0**number, 60.0)
        assert all(step * 0.5 <= one[number] <= step * 1.5 for one in waits)
        assert len({one[number] for one in waits}) > 40


async def test_documents_come_one_a_line() -> None:
    sent = [IncidentReport(at_ms=T, incident_kind=kind) for kind in ("flood", "fire")]

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\n".join(incident.encode(one) for one in sent) + b"\n")
        await writer.drain()
        await asyncio.sleep(PATIENCE_S)

    async with server(talk) as port, running(incident_stream(spec(f"tcp://127.0.0.1:{port}"))) as ears:
        await ears.until(lambda: len(ears.heard) == 2)
    intake = Intake(FeedConfig(id="calls", wire="incident"), installed())
    assert [one for heard in ears.heard for one in intake.hear(heard, T).reports] == sent


async def test_datagrams_are_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with running(ais_stream(spec(f"udp://127.0.0.1:{port}"))) as ears:
        await ears.until(lambda: ("connected", "") in ears.states)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(ais.encode(SHIP), ("127.0.0.1", port))
        await ears.until(lambda: bool(ears.heard))
    assert ears.bytes == ais.encode(SHIP)


async def test_a_file_is_followed_from_its_end_and_through_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "ships.log"
    path.write_bytes(b"old\n")
    async with running(ais_stream(spec(f"file://{path}"))) as ears:
        await ears.until(lambda: ("connected", "") in ears.states)
        with path.open("ab") as log:
            log.write(b"first\nsec")
            log.flush()
            await ears.until(lambda: ears.bytes == b"first\n")
            log.write(b"ond\n")
        await ears.until(lambda: ears.bytes == b"first\nsecond\n")
        fresh = tmp_path / "fresh"
        fresh.write_bytes(b"third\n")
        fresh.replace(path)
        await ears.until(lambda: ears.bytes == b"first\nsecond\nthird\n")
    assert ("connecting", "the file was replaced") in ears.states


async def test_a_named_pipe_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    async with running(ais_stream(spec(f"file://{path}"))) as ears:
        await ears.until(lambda: bool(ears.states))
        with path.open("wb") as pipe:
            pipe.write(b"one\ntwo\n")
        await ears.until(lambda: ears.bytes == b"one\ntwo\n")


# --- configuration, states, what was kept ---------------------------------------------------------------------


@pytest.mark.parametrize("url", ["tcp://host", "mqtt://user:pw@host", "udp://:5", "tcp://host:99999"])
def test_an_address_without_port_or_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        address_of(url)
    assert refused.value.code == "TOC-1003" and "pw" not in str(refused.value)


def test_a_password_is_named_in_the_configuration_and_never_written() -> None:
    with pytest.raises(UsageError, match="password") as refused:
        load({"id": "x", "wire": "ais", "stream": {"password": "hunter2"}})
    assert "hunter2" not in str(refused.value)


def test_connecting_connected_and_silent_are_different_states() -> None:
    watch = HealthWatch(FeedConfig(id="x", wire="ais", silent_after_s=10), 0)

    def became(health: Any) -> str:
        return health.state if health is not None else ""

    assert became(watch.connecting("ConnectionRefusedError", 1000)) == "connecting"
    assert became(watch.connecting("ConnectionRefusedError", 2000)) == "", "only changes are told"
    assert became(watch.tick(60_000)) == "", "what cannot be reached is not silent"
    assert became(watch.connected("", 60_000)) == "connected"
    assert became(watch.tick(69_999)) == "", "the silence is counted from the connection on"
    assert became(watch.tick(70_000)) == "silent"


def test_what_a_broker_kept_is_marked_and_must_say_when_it_was_said() -> None:
    intake = Intake(FeedConfig(id="g", wire="sensorthings", names={"Datastream(7)": "TG-1/water_level/m"}), installed())
    topic = "v1.1/Datastreams(7)/Observations"
    (told,) = intake.hear(Heard(b'{"result":1.2,"phenomenonTime":"2026-11-22T19:00:00Z"}', topic, True), T).messages
    assert getattr(told, "retained", False)
    (timeless,) = intake.hear(Heard(b'{"result":1.2}', topic, True), T).refused
    assert timeless.error.code == "TOC-2131"
    (now,) = intake.hear(Heard(b'{"result":1.2}', topic), T).reports
    assert now.at_ms == T


def test_what_a_wire_does_not_read_is_ordinary_on_a_connection() -> None:
    intake = Intake(FeedConfig(id="x", wire="tak"), installed())
    chat = b'<event version="2.0" uid="c" type="b-t-f" time="2026-11-22T19:00:00Z" stale="2026-11-22T19:05:00Z"/>'
    assert intake.read(chat, T).refused
    reading = intake.hear(Heard(chat), T)
    assert not reading.messages and reading.skipped
