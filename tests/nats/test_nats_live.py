"""A live world whose journal stands on a server: begun, resumed, rotated, forked, and the server lost while it runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console import commands as c
from console.cli_city import order_of
from console.config import Home, SiteConfig
from console.core import Draft, JournalAwayError
from console.forking import make
from console.gate import DrillGate
from console.link import Link, socket_of
from console.live import LivePacer, LiveWorld
from console.serving import Serving
from console.stopped import StoppedWorld
from picture import events as ev
from picture.clock import SteadyClock
from picture.entry import Actor, Ref
from picture.errors import TocsinError, UsageError
from picture.journal import JournalReader
from picture.journal.rotation import rotate
from picture.reports import IncidentReport
from tests.e2e.hands import Hand, tocsin
from tests.nats_world import needs_nats
from twin.source import ensure_pack

pytestmark = needs_nats
STREAM = "live-test-eoc"


class Site:
    """One server of the site's own, which can be killed and started again where it was."""

    def __init__(self, folder: Path) -> None:
        from picture.journal.nats.server import CoreUser
        from picture.journal.nats.server import Site as Settings
        from picture.journal.nats.serving import Server, provide

        self.folder = folder
        self._settings = Settings(name="here", port=0, cores=(CoreUser(stream=STREAM),))
        self._server = Server(self._settings, folder)
        self.url = self._server.start().url
        asyncio.run(provide(self._settings, folder, self.url))

    @property
    def seed(self) -> Path:
        return self.folder / "keys" / f"{STREAM}.seed"

    def kill(self) -> None:
        self._server.kill()

    def again(self) -> None:
        from picture.journal.nats.serving import Server

        port = int(self.url.rpartition(":")[2])
        self._server = Server(self._settings.model_copy(update={"port": port}), self.folder)
        self._server.start()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "nats")
    yield made
    made.kill()


@pytest.fixture
def home(tmp_path: Path, tocsin_home: Path, server: Site) -> Home:
    ensure_pack("port-meridian", tocsin_home / "cache")
    root = tmp_path / "home"
    root.mkdir()
    (root / "cache").symlink_to(tocsin_home / "cache")
    (root / "tocsin.toml").write_text(
        f'site = "Test EOC"\n[journal]\nnats = "{server.url}"\nseed = "file:{server.seed}"\n', encoding="utf-8"
    )
    return Home.at(root)


@contextmanager
def living(home: Home, config: SiteConfig | None = None, environ: dict[str, str] | None = None) -> Iterator[LiveWorld]:
    pack = ensure_pack("port-meridian", home.cache)
    world = LiveWorld(home, config or home.config(), pack, order_of(home, pack), environ=environ or {})
    try:
        yield world
    finally:
        world.close()


def called(world: LiveWorld, incident: str, caller: str) -> Ref:
    """The place of a caller's name in the journal."""
    now = world.core.now_ms()
    said = IncidentReport(
        at_ms=now, incident_kind="flood", lon_e7=0, lat_e7=0, text="water", caller=caller, origin=incident
    )
    entries = world.core.record(
        [
            Draft(ev.ReportReceived(report=said, size=0, sha256="", incident=incident), source="desk"),
            Draft(ev.IncidentOpened(incident=incident, incident_kind="flood", title="Flood", priority=2)),
        ]
    )
    return Ref(world.journal.stream, entries[0].seq, "report.caller")


def code_of(raised: pytest.ExceptionInfo[TocsinError]) -> str:
    return raised.value.code


# --- begun and resumed --------------------------------------------------------------------------------------


def test_a_live_world_begins_on_a_server_and_resumes_there_with_its_sealed_values(home: Home) -> None:
    with living(home) as world:
        ref = called(world, "I-1", "Ada Marsh")
        digest = world.core.picture.digest()
        assert world.journal.stream == STREAM
    assert not list((home.live / "journal").glob("segment-*")), "nothing of it stands in SQLite"
    with living(home) as world:
        assert world.core.picture.digest() == digest
        assert world.core.opened(ref) == "Ada Marsh"
        assert world.journal.verify().ok


def test_the_seed_may_come_from_the_environment_and_stands_nowhere_else(home: Home, server: Site) -> None:
    seed = server.seed.read_text("ascii")
    config = SiteConfig.model_validate({"site": "Test EOC", "journal": {"nats": server.url, "seed": "env:NATS_SEED"}})
    with living(home, config, {"NATS_SEED": seed}) as world:
        called(world, "I-1", "Ada Marsh")
    for file in home.root.rglob("*"):
        assert not file.is_file() or "cache" in file.parts or seed.encode() not in file.read_bytes(), file
    with pytest.raises(UsageError) as refused, living(home, config):
        pass
    assert code_of(refused) == "TOC-1003" and "NATS_SEED" in refused.value.message


def test_a_world_does_not_change_where_its_journal_stands(home: Home, server: Site) -> None:
    with living(home):
        pass
    for other in (None, {"nats": server.url, "seed": f"file:{server.seed}", "stream": "another"}):
        config = SiteConfig.model_validate({"site": "Test EOC"} | ({"journal": other} if other else {}))
        with pytest.raises(UsageError) as refused, living(home, config):
            pass
        assert code_of(refused) == "TOC-1015"


def test_without_a_server_the_core_does_not_start_and_says_why(
    home: Home, server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.journals.OPEN_S", 0.5)
    server.kill()
    with pytest.raises(TocsinError) as refused, living(home):
        pass
    assert code_of(refused) == "TOC-3141" and server.url in refused.value.message


def test_a_stopped_world_is_kept_described_and_rotated_on_its_server_and_goes_on(home: Home) -> None:
    with living(home):
        with pytest.raises(TocsinError) as refused, StoppedWorld(home.live, Actor("Ada")):
            pass
        assert code_of(refused) == "TOC-3103", "the core runs"
    env = {"TOCSIN_HOME": str(home.root)}
    words = ("user", "add", "Rosa Lund", "--agency", "EOC", "--role", "supervisor", "--position", "lead", "--admin")
    added = tocsin(*words, "--json", env=env)
    assert added.returncode == 0, added.stderr
    with StoppedWorld(home.live, Actor("Ada")) as stopped:
        rotate(stopped.journal, stopped.keys, actor=stopped.actor, now_ms=stopped.now_ms(), why="yearly")
    with living(home) as world:
        assert "Rosa Lund" in world.core.home.users
        world.core.record([Draft(ev.HandsOff(on=True))])
        assert world.journal.verify().ok and len(world.journal.verify().public_keys) == 2
    said = json.loads(tocsin("journal", "info", home.live, "--json", env=env).stdout)
    assert (said["stream"], said["durability"]) == (STREAM, "disk")
    assert said["servers"] and json.loads(tocsin("journal", "verify", home.live, "--json", env=env).stdout)["ok"]
    listed = json.loads(tocsin("world", "list", "--json", env=env).stdout)["worlds"]
    assert [(one["world"], one["stream"]) for one in listed] == [("live", STREAM)]
    looked = json.loads(tocsin("doctor", "--json", env=env).stdout)
    assert any("survives as disk" in json.dumps(one) for one in looked.get("findings", looked.get("checks", [])))


def test_a_what_if_is_forked_from_a_journal_on_a_server_while_its_core_runs(home: Home) -> None:
    with living(home) as world:
        called(world, "I-1", "Ada Marsh")
        made = make(home, "live@now", "whatif", "flood")
    assert made.forked.parent == STREAM
    with JournalReader(made.folder / "journal") as reader:
        kinds = [entry.kind for entry in reader.read()]
    assert kinds[:2] == ["world.opened", "world.forked"] and "incident.opened" in kinds


# --- lost while it runs -------------------------------------------------------------------------------------


def test_a_core_that_lost_its_server_refuses_shows_what_it_knows_and_owes_nothing_once_it_is_back(
    home: Home, server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.journals.ANSWER_S", 0.5)
    with living(home) as world:
        ref = called(world, "I-1", "Ada Marsh")
        answered: list[int] = []

        def answer(entries: Any) -> list[Draft]:
            if any(isinstance(entry.event, ev.HandsOff) for entry in entries):
                answered.append(entries[0].seq)
                return [Draft(ev.LogWritten(id="L-1", text="hands are off"))]
            return []

        world.core.react_with("test", answer)
        server.kill()
        for _ in range(3):
            with pytest.raises(JournalAwayError) as refused:
                world.core.record([Draft(ev.HandsOff(on=True))])
            assert code_of(refused) == "TOC-4023"
        world.core.note([Draft(ev.LogWritten(id="L-2", text="nobody waited for this"))])
        assert world.core.opened(ref) == "Ada Marsh" and "I-1" in world.core.home.incidents
        assert not answered and not world.core.home.log
        server.again()
        until = 400
        while until:
            try:
                world.core.mend()
                entries = world.core.record([Draft(ev.HandsOff(on=False))])
                break
            except JournalAwayError:
                until -= 1
                time.sleep(0.05)
        assert entries[-1].event == ev.HandsOff(on=False)
        assert set(world.core.home.log) == {"L-1", "L-2"}
        assert world.core.home.seq == world.journal.head().seq and world.journal.verify().ok
        digest = world.core.picture.digest()
    with living(home) as world:
        assert world.core.picture.digest() == digest


@asynccontextmanager
async def served(world: LiveWorld) -> AsyncIterator[Hand]:
    """The world at its socket, and a client that is live there."""
    serving = Serving(world, LivePacer(world.core), DrillGate(lambda _name: False))
    running = asyncio.create_task(serving.serve())
    one = Hand(Link(socket_of(world.folder), "Ines Prado", "duty_officer", Ed25519PrivateKey.generate()))
    while not socket_of(world.folder).exists():
        await asyncio.sleep(0.01)
    following = asyncio.create_task(one.link.run(lambda change: None))
    try:
        await one.until(lambda: one.link.state == "live" and bool(one.picture.cursor))
        yield one
    finally:
        following.cancel()
        serving.stop()
        await asyncio.gather(following, running, return_exceptions=True)


async def test_clients_keep_the_picture_while_the_server_is_away_and_those_that_came_meanwhile_get_in_when_it_is_back(
    home: Home, server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.journals.ANSWER_S", 0.5)
    pack = ensure_pack("port-meridian", home.cache)
    world = await asyncio.to_thread(
        LiveWorld, home, home.config(), pack, order_of(home, pack), environ={}, clock=SteadyClock()
    )
    async with served(world) as one:
        report = c.TakeReport(incident_kind="flood", text="water in the cellar", caller="Ada Marsh")
        first = await one.do(report)
        server.kill()
        with pytest.raises(TocsinError) as refused:
            await one.do(report)
        assert code_of(refused) == "TOC-4023"
        other = Hand(Link(socket_of(world.folder), "Omar Haddad", "duty_officer", Ed25519PrivateKey.generate()))
        following = asyncio.create_task(other.link.run(lambda change: None))
        await one.until(lambda: "TOC-4023" in other.link.why)
        assert one.link.state == "live" and first["incident"] in one.picture.home.incidents
        server.again()
        await other.until(lambda: other.link.state == "live" and bool(other.picture.cursor))
        assert first["incident"] in other.picture.home.incidents
        until = 100
        while until:
            try:
                again = await one.do(report)
                break
            except TocsinError as error:
                assert error.code == "TOC-4023"
                until -= 1
                await asyncio.sleep(0.1)
        assert again["incident"] in one.picture.home.incidents
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    with living(home) as after:
        assert again["incident"] in after.core.home.incidents and after.journal.verify().ok
