"""A client follows a core over its socket, folds the same picture, is answered, and comes back by its cursor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from console import commands as c
from console.commander import Commander
from console.gate import DrillGate, Gate
from console.link import MAX_SOCKET_PATH, Change, Link, LinkDown, socket_of
from console.pacer import Pacer
from console.web import api
from console.web.api import Door
from console.web.frames import PROTOCOL
from picture import events as ev
from picture.entry import Ref
from picture.errors import RefusedError, TocsinError
from picture.fold import FOLD_VERSION
from tests.scaffold import NOON_MS, Room, build, decision, drill, entries, key_of, proposal
from tests.stalling_proxy import StallingProxy

PLACE = c.PlaceInput(lon=-30.0, lat=46.0, how="cursor")
NAME = "Ines Prado"


class Site:
    """A core with its door on a real socket."""

    def __init__(self, room: Room, folder: Path, gate: Gate | None = None) -> None:
        self.room = room
        self.folder = folder
        self.gate = gate or DrillGate(lambda _: False)
        self.socket = folder / "core.sock"
        self.pacer = Pacer(room.core)
        self.pacer.paused = True
        self.depth: tuple[bytes, tuple[int, int]] | None = None
        self.changes: list[Change] = []
        self.on_change: Callable[[Change], None] = self.changes.append
        self.again()

    def again(self) -> None:
        """A new door before the same core, as after a restart."""
        core, commander = self.room.core, Commander(self.room.core, self.room.desk, self.room.executor, pace=self.pacer)
        self.door = Door(core, commander, self.pacer, self.gate, lambda: self.depth, self.folder / "city.pack")

    def told(self, change: Change) -> None:
        self.on_change(change)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serves until the block ends; clients are cut off."""
        self.socket.unlink(missing_ok=True)
        config = uvicorn.Config(
            self.door.app(), uds=str(self.socket), log_config=None, lifespan="off",
            timeout_graceful_shutdown=0,
        )  # fmt: skip
        server = uvicorn.Server(config)
        beating, serving = asyncio.create_task(self.door.beat()), asyncio.create_task(server._serve())
        await until(lambda: server.started)
        try:
            yield
        finally:
            server.should_exit = True
            await serving
            beating.cancel()
            await asyncio.wait([beating])

    @contextlib.asynccontextmanager
    async def link(self, name: str = NAME, *, wait: bool = True, position: str = "duty_officer") -> AsyncIterator[Link]:
        """A client that follows; ``wait``: once it has the whole picture."""
        link = Link(self.socket, name, position, key_of(name))
        running = asyncio.create_task(link.run(self.told))
        try:
            await until(lambda: not wait or self.same(link) or running.done())
            yield link
        finally:
            running.cancel()
            await asyncio.wait([running])

    def same(self, link: Link) -> bool:
        return link.picture.cursor == self.room.core.picture.cursor


async def until(holds: Callable[[], Any], seconds: float = 5.0) -> None:
    """Waits for something to hold; a test fails where it never does."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with build(tmp_path) as room, tempfile.TemporaryDirectory(prefix="tl") as short:
        yield Site(room, Path(short))


def hello(**changes: Any) -> str:
    known = {"protocol": PROTOCOL, "fold": FOLD_VERSION, "person": "x", "position": "y", "public_key": "", "cursor": {}}
    return json.dumps(known | changes)


@contextlib.asynccontextmanager
async def raw(site: Site, first: str) -> AsyncIterator[Any]:
    async with unix_connect(str(site.socket), "ws://core/link", max_size=None) as wire:
        await wire.send(first)
        yield wire


# --- following ------------------------------------------------------------------------------------------


async def test_a_client_gets_a_snapshot_then_every_entry_and_folds_the_same_picture(site: Site) -> None:
    async with site.open(), site.link() as link:
        assert link.state == "live" and link.world == "drill" and link.pack.endswith("city.pack")
        assert site.changes[0].state_changed and any(one.snapshot for one in site.changes)
        assert link.picture.digest() == site.room.core.picture.digest()
        site.room.do(c.TakeReport(incident_kind="flood", text="water", place=PLACE))
        site.room.record(proposal(), ev.SensorUpdated(id="G-1", quantity="water_level", unit="m", value=2.0))
        await until(lambda: site.same(link))
        assert link.picture.digest() == site.room.core.picture.digest()
        assert site.changes[-1].kinds == {"proposal.made", "sensor.updated"}


async def test_sealed_words_reach_the_client_opened_beside_the_entry_and_in_the_snapshot(site: Site) -> None:
    site.room.do(c.TakeReport(caller="Ada Quay", text="water", place=PLACE))
    async with site.open(), site.link() as link:
        site.room.do(c.TakeReport(caller="Ben Dock", text="more water", place=PLACE))
        await until(lambda: site.same(link))
        callers = [link.text(one.reports[0].caller) for one in link.picture.incidents.values()]
        assert callers == ["Ada Quay", "Ben Dock"]
        assert "Ada Quay" not in json.dumps(link.picture.as_json())


async def test_raw_bytes_of_messages_never_leave_the_core(site: Site) -> None:
    refused = ev.ReportRefused(code="TOC-2002", detail="quoted", size=9, sha256="0" * 64, head="cGxhbnRlZA==")
    async with site.open(), raw(site, hello()) as wire:
        frames = [await wire.recv(), await wire.recv()]
        assert site.door.clients == 1
        site.room.record(refused)
        frames.append(await wire.recv())
        assert json.loads(frames[2])["entries"][0]["kind"] == "report.refused"
        assert not [one for one in frames if "cGxhbnRlZA==" in one]


async def test_a_client_comes_back_by_its_cursor_after_the_core_was_gone(site: Site) -> None:
    async with site.link(wait=False) as link:
        async with site.open():
            await until(lambda: site.same(link))
        await until(lambda: link.state == "down")
        with pytest.raises(LinkDown):
            await link.command(c.SetHandsOff(on=True))
        site.room.do(c.WriteLog(text="while you were away"))
        site.changes.clear()
        async with site.open():
            await until(lambda: site.same(link))
            assert link.state == "live" and not [one for one in site.changes if one.snapshot]
            told = {kind for one in site.changes for kind in one.kinds}
            assert told == {"log.written", "session.changed"}
            assert link.picture.digest() == site.room.core.picture.digest()
            (line,) = link.picture.home.log.values()
            assert link.text(line.text) == "while you were away"


async def test_a_client_far_behind_gets_a_snapshot(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "CATCH_UP_ENTRIES", 2)
    stream = site.room.core.picture.home_stream
    async with site.open():
        # Greeting a client is an entry itself: it is one more behind than it was before it came.
        for behind, kind in ((0, "entries"), (1, "entries"), (2, "snapshot"), (-99, "snapshot")):
            cursor = site.room.core.home.seq - behind
            async with raw(site, hello(cursor={stream: cursor})) as wire:
                types = [json.loads(await wire.recv())["type"] for _ in range(2)]
                assert types == ["hello", kind]
            await until(lambda: not site.room.core.home.sessions)


async def test_a_client_that_does_not_read_is_let_go_and_holds_nobody_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.web.fanout.QUEUE_FRAMES", 8)
    async with site.open(), site.link() as link:
        loop, slow = asyncio.get_running_loop(), sockets.socket(sockets.AF_UNIX)
        slow.setblocking(False)
        await loop.sock_connect(slow, str(site.socket))
        request = "GET /link HTTP/1.1\r\nHost: core\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        await loop.sock_sendall(slow, request.encode())
        await loop.sock_recv(slow, 4096)
        text = hello().encode()
        await loop.sock_sendall(slow, bytes([0x81, 0xFE]) + len(text).to_bytes(2, "big") + bytes(4) + text)
        await until(lambda: site.door.clients == 2)
        for _ in range(400):
            site.room.record(ev.LogWritten(id="L-1", text="x" * 9000))
            await until(lambda: site.same(link))
            if site.door.clients == 1:
                break
        assert site.door.clients == 1
        assert link.state == "live" and link.picture.digest() == site.room.core.picture.digest()
        slow.close()


async def test_the_flood_reaches_the_client_when_it_moves_and_when_it_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "BEAT_S", 0.02)
    site.depth = (bytes([0, 50, 100, 255, 0, 0]), (2, 3))
    async with site.open(), site.link() as link:
        await until(lambda: link.flood_depth() is not None)
        depth = link.flood_depth()
        assert depth is not None
        np.testing.assert_allclose(depth, [[0, 1.0, 2.0], [5.1, 0, 0]], atol=1e-6)
        site.depth = None
        await until(lambda: link.flood_depth() is None)


async def test_beats_carry_the_clock_and_a_paused_clock_stands(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BEAT_S", 0.02)
    async with site.open(), site.link() as link:
        assert (link.paused, link.now_ms()) == (True, NOON_MS)
        site.room.wait(5000)
        await until(lambda: link.now_ms() == NOON_MS + 5000)
        await link.command(c.ControlDrill(action="speed", speed=600))
        await link.command(c.ControlDrill(action="resume"))
        await until(lambda: not link.paused and link.now_ms() > NOON_MS + 6000)
        assert link.speed == 600


# --- asking ---------------------------------------------------------------------------------------------


async def test_a_command_is_answered_and_its_entries_come_to_everybody(site: Site) -> None:
    async with site.open(), site.link() as one, site.link("Omar Haddad") as other:
        answer = await one.command(c.TakeReport(incident_kind="fire", place=PLACE))
        assert answer["incident"] == "I-1"
        await until(lambda: "I-1" in other.picture.incidents)
        assert other.picture.incidents["I-1"].opened_by == NAME


async def test_a_refusal_comes_with_its_code_words_and_difference(site: Site) -> None:
    async with site.open(), site.link() as link:
        await link.command(c.TakeReport(people_trapped=True, people_at_risk=2, place=PLACE))
        with pytest.raises(RefusedError) as caught:
            await link.command(c.CloseIncident(incident="I-1", result_code="resolved"))
        assert caught.value.code == "TOC-4006" and caught.value.diff == ("2 people unaccounted for",)
        assert caught.value.message.count("cannot be closed yet") == 1


async def test_a_decision_signed_by_the_client_is_carried_out(site: Site) -> None:
    site.room.record(proposal())
    async with site.open(), site.link() as link:
        decided = link.decide(link.picture.proposals["P-1"], "approve")
        assert decided == decision(site.room, "P-1")
        assert await link.command(decided) == {"status": "executed", "diff": []}
        site.room.record(proposal(identifier="P-2"))
        await until(lambda: site.same(link))
        forged = link.decide(link.picture.proposals["P-2"], "approve").model_copy(update={"signature": "00" * 64})
        with pytest.raises(RefusedError) as caught:
            await link.command(forged)
        assert caught.value.code == "TOC-4005"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '{"id": 1}', '{"id": 1, "command": {"do": "fly"}}', '{"id": 1, "command": {"do": "quick"}}',
     '{"id": 1, "command": {"do": "assign", "unit": "E12", "extra": 1}}', "[" * 100_000,
     '{"id": 1, "command": {"do": "write_log", "text": "x", "at_ms": -1}}',
     '{"id": 1, "command": {"do": "take_report", "at_ms": 99999999999999999999}}',
     '{"id": 1, "command": {"do": "take_report", "people_at_risk": 99999999999999999999}}'],
)  # fmt: skip
async def test_what_is_no_command_is_refused_and_the_link_stays(site: Site, text: str) -> None:
    async with site.open(), raw(site, hello()) as wire:
        await wire.recv(), await wire.recv()
        before = site.room.core.home.seq
        await wire.send(text)
        answer = json.loads(await wire.recv())
        assert (answer["ok"], answer["error"]["code"]) == (False, "TOC-4011")
        await wire.send('{"id": 2, "command": {"do": "explain"}}')
        told = {"type": "answer", "id": 2, "ok": True, "result": {"traces": []}, "world": "drill"}
        assert json.loads(await wire.recv()) == told
        assert site.room.core.home.seq == before


# --- who may come in --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "version"), [("protocol", "tocsin.link/0"), ("fold", "fold-0")])
async def test_another_version_is_refused_by_name(site: Site, name: str, version: str) -> None:
    async with site.open(), raw(site, hello(**{name: version})) as wire:
        frame = json.loads(await wire.recv())
        assert frame["type"] == "refused" and frame["error"]["code"] == "TOC-4010"
        assert PROTOCOL in frame["error"]["message"] and FOLD_VERSION in frame["error"]["message"]
        assert site.door.clients == 0


async def test_a_client_of_another_version_stops_with_the_reason(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.link.FOLD_VERSION", "fold-0")
    link = Link(site.socket, NAME, "duty_officer", key_of(NAME))
    async with site.open(), asyncio.timeout(5):
        with pytest.raises(TocsinError) as caught:
            await link.run(lambda change: None)
    assert caught.value.code == "TOC-4010" and link.state != "live"


@pytest.mark.parametrize("first", ["", "{", "[]", "{}", "null", hello(cursor={"a": "b"}), hello(cursor=[])])
async def test_a_hello_that_is_none_is_refused_by_name(site: Site, first: str) -> None:
    async with site.open(), raw(site, first) as wire:
        frame = json.loads(await wire.recv())
        assert frame["type"] == "refused" and frame["error"]["code"] in ("TOC-4010", "TOC-4011")


# --- what a screen reads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("said_hello", [False, True])
async def test_a_frame_that_is_no_text_is_refused_by_name_and_no_fault_of_ours(
    site: Site, said_hello: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.open(), unix_connect(str(site.socket), "ws://core/link") as wire:
        if said_hello:
            await wire.send(hello())
            await wire.recv(), await wire.recv()
        await wire.send(b"\x00\xff")
        frame = json.loads(await wire.recv())
        assert (frame["type"], frame["error"]["code"]) == ("refused", "TOC-4011")
    assert "Traceback" not in caplog.text and "Exception" not in caplog.text


async def test_a_client_that_is_cut_off_while_it_speaks_is_no_fault_of_ours(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.open(), raw(site, hello()) as wire:
        await wire.recv(), await wire.recv()
        for number in range(400):
            await wire.send(json.dumps({"type": "command", "id": number, "command": {"do": "explain"}}))
        wire.transport.abort()
        await until(lambda: not site.door.clients)
    assert "Traceback" not in caplog.text and "Exception" not in caplog.text


async def test_a_client_that_is_let_go_while_it_speaks_is_no_fault_of_ours(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.open(), raw(site, hello()) as wire:
        await wire.recv(), await wire.recv()
        for client in list(site.door.fanout.clients):
            site.door.fanout.dismiss(client)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                await wire.send('{"id": 2, "command": {"do": "explain"}}')
        with pytest.raises(ConnectionClosed):
            while True:
                await wire.recv()
        await until(lambda: not site.room.core.home.sessions)
    assert "Traceback" not in caplog.text and "Exception" not in caplog.text


async def test_a_unit_is_on_its_way_where_it_last_said_or_at_its_base(site: Site) -> None:
    async with site.open(), site.link() as link:
        base = (-30.0, 46.0)
        assert link.position_of(link.picture.units["E12"]) == base
        site.room.record(ev.UnitLocated(unit="E12", lon_e7=-300_100_000, lat_e7=460_200_000))
        await until(lambda: site.same(link))
        assert link.position_of(link.picture.units["E12"]) == (-30.01, 46.02)
        way = ((-300_000_000, 460_000_000), (-299_000_000, 460_000_000))
        site.room.record(
            ev.UnitAssigned(id="A-1", unit="E12", to_lon_e7=way[1][0], to_lat_e7=way[1][1], eta_ms=NOON_MS + 100_000,
                            route=way),
            ev.UnitStatusChanged(unit="E12", local_status="enroute"),
        )  # fmt: skip
        site.room.wait(50_000)
        site.room.record(ev.HandsOff(on=False))
        await until(lambda: site.same(link))
        assert link.route(link.picture.assignments["A-1"]) == [(-30.0, 46.0), (-29.9, 46.0)]
        assert link.position_of(link.picture.units["E12"]) == pytest.approx((-29.95, 46.0))


def test_a_text_that_was_forgotten_is_none() -> None:
    link = Link(Path("nowhere"), NAME, "duty_officer", key_of(NAME))
    assert link.text(None) is None and link.text(Ref("drill.test", 1, "text")) is None


def test_a_socket_stands_in_the_folder_unless_its_path_is_too_long(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tl") as short:
        assert socket_of(Path(short)) == Path(short).resolve() / "core.sock"
    long = tmp_path / ("x" * 120)
    assert len(str(socket_of(long)).encode()) <= MAX_SOCKET_PATH
    assert socket_of(long) == socket_of(long) != socket_of(tmp_path / ("y" * 120))


async def test_every_frame_names_its_world_and_one_of_another_world_ends_the_link(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    take = Link._take

    def noted(link: Link, frame: dict[str, Any]) -> Change | None:
        seen.append(frame)
        return take(link, frame)

    monkeypatch.setattr(Link, "_take", noted)
    async with site.open(), site.link() as link:
        site.room.do(c.TakeReport(incident_kind="flood", text="water", place=PLACE))
        with contextlib.suppress(RefusedError):
            await link.command(c.AckAlarm(alarm="none"))
        await until(lambda: {"hello", "snapshot", "entries", "answer", "beat"} <= {one["type"] for one in seen})
        assert {one["world"] for one in seen} == {"drill"}
        with pytest.raises(RefusedError) as refused:
            link._take(seen[-1] | {"world": "live"})
        assert refused.value.code == "TOC-4022"


# --- connected but silent -----------------------------------------------------------------------------------


async def test_a_way_that_stands_open_and_passes_nothing_is_seen_at_both_ends_within_seconds(site: Site) -> None:
    near = site.folder / "near.sock"
    async with site.open(), StallingProxy(lambda: asyncio.open_unix_connection(str(site.socket)), near) as way:
        link = Link(near, NAME, "duty_officer", key_of(NAME))
        running = asyncio.create_task(link.run(site.told))
        try:
            await until(lambda: site.same(link) and site.door.fanout.clients)
            (client,) = site.door.fanout.clients
            assert not link.silent and not client.silent
            way.stall()
            await until(lambda: link.silent and client.silent)
            assert link.state == "live" and (await site.door.health())["silent"] == 1  # both still stand connected
            way.flow()
            await until(lambda: not link.silent and not client.silent)
            assert (await site.door.health())["silent"] == 0
        finally:
            running.cancel()
            await asyncio.wait([running])


# --- other cores --------------------------------------------------------------------------------------------


async def test_what_another_core_journalled_reaches_clients_that_are_there_and_that_come_later(site: Site) -> None:
    fire = ev.IncidentOpened(incident="I-S", incident_kind="fire", title="Fire", priority=2, text="sealed elsewhere")
    more = ev.IncidentOpened(incident="I-T", incident_kind="fire", title="Fire", priority=2)
    told = entries([drill(), fire, more], stream="core-south")
    async with site.open(), site.link() as link:
        site.room.core.receive(told[:2])
        await until(lambda: "I-S" in link.picture.incidents)
        async with site.link("Omar Haddad") as late:
            assert "I-S" in late.picture.incidents
            site.room.core.receive(told[2:])
            await until(lambda: "I-T" in link.picture.incidents and "I-T" in late.picture.incidents)
            assert link.picture.digest() == late.picture.digest() == site.room.core.picture.digest()
    assert "I-S" not in site.room.core.home.incidents
