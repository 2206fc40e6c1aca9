"""TAK both ways over one connection, with pytak as the other team's client."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from feeds.base import FeedContext
from feeds.config import FeedConfig
from feeds.intake import Intake
from feeds.registry import installed
from feeds.streams import Spec
from feeds.tak import codec
from feeds.tak.stream import TakSource, named
from picture.errors import InputError
from picture.reports import UnitReport
from tests.feeds.tak_hub import Hub, hub
from tests.feeds.test_streams import PATIENCE_S, running, spec
from tests.feeds.test_streams import server as tcp_server
from tests.nats_certificates import certificates

T = 1_800_000_000_000
UNIT = UnitReport(at_ms=T, external_id="E12", callsign="E12", lon_e7=40_000_000, lat_e7=520_000_000)
CONTEXT = FeedContext("teams", T)


class Shown:
    """Things that go out, in a test's hand."""

    words = "units"

    def __init__(self, *things: bytes) -> None:
        self.things = list(things)
        self.news: list[bytes] = []

    def standing(self) -> Iterator[bytes]:
        yield from self.things

    def changed(self) -> Iterator[bytes]:
        news, self.news = self.news, []
        yield from news


def to(server: Hub, shows: Shown | None = None, **stream: object) -> Spec:
    return replace(spec(f"tcp://127.0.0.1:{server.port}", max_bytes=131_072, **stream), shows=shows)


class Team:
    """A client made of pytak's own workers."""

    def __init__(self, tx: Any, received: asyncio.Queue[bytes]) -> None:
        self._tx, self._received = tx, received

    async def say(self, event: bytes) -> None:
        await self._tx.handle_data(event)

    async def hears(self) -> bytes:
        return await asyncio.wait_for(self._received.get(), PATIENCE_S)


@asynccontextmanager
async def team(server: Hub) -> AsyncIterator[Team]:
    pytak = pytest.importorskip("pytak", reason="no TAK client: pip install pytak")
    config = {"COT_URL": f"tcp://127.0.0.1:{server.port}", "TAK_PROTO": "0"}
    reader, writer = await pytak.protocol_factory(config)
    received: asyncio.Queue[bytes] = asyncio.Queue()
    tx, rx = pytak.TXWorker(asyncio.Queue(), config, writer), pytak.RXWorker(received, config, reader)
    listening = asyncio.create_task(rx.run())
    try:
        yield Team(tx, received)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        writer.close()


async def until(done: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.01)


async def test_what_a_pytak_client_says_is_heard_and_what_we_show_reaches_it() -> None:
    marker = codec.encode_marker("tocsin.x.incident.I-1", "Flood at Old Quay", 40_000_000, 520_000_000, T)
    async with hub() as server, team(server) as others:
        shows = Shown(marker)
        async with running(TakSource(to(server, shows))) as ears:
            await until(lambda: len(server.clients) == 2)
            found = await others.hears()
            assert named(found) == ("a-u-G", "tocsin.x.incident.I-1")
            await others.say(codec.encode(UNIT))
            await ears.until(lambda: bool(ears.heard))
            shows.news = [codec.encode_gone("tocsin.x.incident.I-1", T)]
            gone = etree.fromstring((await others.hears()).strip())
    (report,) = Intake(FeedConfig(id="teams", wire="tak"), installed()).hear(ears.heard[0], T).reports
    assert report == UNIT
    assert gone.get("type") == "t-x-d-d" and gone.find("detail/link").get("uid") == "tocsin.x.incident.I-1"  # type: ignore[union-attr]
    assert ears.states == [("connected", "goes out: units")]


async def test_our_own_words_that_come_back_are_not_heard() -> None:
    ours = codec.encode(UNIT.model_copy(update={"external_id": "tocsin.other-core.unit.E12"}))
    async with hub() as server:
        server.echoes = True
        async with running(TakSource(to(server, Shown(ours)))) as ears, team(server) as others:
            await until(lambda: any(b"tocsin.other" in event for event in server.seen))
            await others.say(codec.encode(UNIT))
            await ears.until(lambda: bool(ears.heard))
            await others.say(codec.encode(UNIT.model_copy(update={"callsign": "E13"})))
            await ears.until(lambda: len(ears.heard) >= 2)
    assert b"tocsin." not in ears.bytes


async def test_a_question_whether_we_are_there_is_answered_and_never_delivered() -> None:
    async with hub() as server, running(TakSource(to(server))) as ears:
        await until(lambda: bool(server.clients))
        server.ask()
        await until(lambda: any(named(event)[0] == "t-x-c-t-r" for event in server.seen))
    assert not ears.heard


async def test_a_server_that_stops_answering_is_left_and_one_that_never_did_is_not() -> None:
    async with hub() as server:
        async with running(TakSource(to(server, ping_s=1))) as ears:
            await until(lambda: sum(named(event)[0] == "t-x-c-t" for event in server.seen) >= 2)
            server.answers = False
            await ears.until(lambda: ("connecting", "it answers no more") in ears.states)
        server.seen.clear()
        async with running(TakSource(to(server, ping_s=1))) as ears:
            await until(lambda: sum(named(event)[0] == "t-x-c-t" for event in server.seen) >= 6)
        assert ears.states == [("connected", "")]


async def test_what_stands_is_said_again_when_the_connection_is_made_again() -> None:
    async with hub() as server:
        async with running(TakSource(to(server, Shown(codec.encode(UNIT))))) as ears:
            await until(lambda: any(named(event)[1] == "E12" for event in server.seen))
            server.seen.clear()
            server.drop()
            await until(lambda: any(named(event)[1] == "E12" for event in server.seen))
        assert [state for state, _ in ears.states][:3] == ["connected", "connecting", "connected"]


async def test_over_tls_both_sides_show_certificates(tmp_path: Path) -> None:
    files = certificates(tmp_path / "tls")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files / "ca.pem"))
    ours.load_cert_chain(files / "cert.pem", files / "key.pem")
    ours.verify_mode = ssl.CERT_REQUIRED
    ours.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 a client learns only later that it was refused
    async with hub(ours) as server:
        known = ssl.create_default_context(cafile=str(files / "ca.pem"))
        known.load_cert_chain(files / "cert.pem", files / "key.pem")
        secure = spec(f"tls://127.0.0.1:{server.port}", max_bytes=131_072)
        async with running(TakSource(replace(secure, tls=known, shows=Shown(codec.encode(UNIT))))) as ears:
            await until(lambda: any(named(event)[1] == "E12" for event in server.seen))
        assert ears.states == [("connected", "goes out: units")]
        nobody = ssl.create_default_context(cafile=str(files / "ca.pem"))
        async with running(TakSource(replace(secure, tls=nobody))) as ears:
            await ears.until(lambda: bool(ears.states))
        assert ears.states[0][0] == "connecting"


async def test_a_far_end_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.tak.stream.WRITE_S", 0.05)
    flood = [codec.encode(UNIT.model_copy(update={"text": "x" * 15_000}))] * 2000

    over = asyncio.Event()

    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.transport.abort()

    async with tcp_server(deaf) as port:
        made = replace(spec(f"tcp://127.0.0.1:{port}"), shows=Shown(*flood))
        async with running(TakSource(made)) as ears:
            await ears.until(lambda: ("connecting", "it takes nothing") in ears.states)
        over.set()
        await asyncio.sleep(0.05)


# --- what goes out ----------------------------------------------------------------------------------------------


def test_a_closed_road_is_a_spot_and_what_is_over_is_deleted_by_its_uid() -> None:
    spot = etree.fromstring(codec.encode_spot("u", "CLOSED Quay\x07", 40_000_000, 520_000_000, T, remarks="water"))
    assert spot.get("type") == "b-m-p-s-m" and spot.findtext("detail/remarks") == "water"
    assert spot.find("detail/contact").get("callsign", "").startswith("CLOSED Quay")  # type: ignore[union-attr]
    assert spot.find("point").get("lat") == "52"  # type: ignore[union-attr]


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda some: b"<event " + some + b">"))
def test_a_glance_at_any_bytes_ends_in_words(event: bytes) -> None:
    assert all(isinstance(one, str) for one in named(event))


@pytest.mark.parametrize("uid", ["tocsin.a.unit.E12", "&#116;ocsin.a.unit.E12"])
def test_what_any_core_showed_is_read_on_no_transport(uid: str) -> None:
    event = codec.encode(UNIT).replace(b'uid="E12"', f'uid="{uid}"'.encode())
    with pytest.raises(InputError) as refused:
        codec.decode(event, CONTEXT)
    assert refused.value.code == "TOC-2006"


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (b'<event version="2.0" uid="a" type="t-x-c-t">', ("t-x-c-t", "a")),
        (b"<?xml version='1.0'?><event type='a-f-G' uid='b'/>", ("a-f-G", "b")),
        (b"<events><event/></events>", ("", "")),
        (b"\xff\x00", ("", "")),
    ],
)
def test_a_glance_at_an_event_tells_type_and_uid(event: bytes, found: tuple[str, str]) -> None:
    assert named(event) == found
