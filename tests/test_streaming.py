"""Feeds with a connection in a world that is served: by way of the lanes into the journal, their state beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree

from console.arrivals import lanes_of
from console.cli_city import order_of
from console.config import Home, SiteConfig
from console.core import Draft
from console.credentials import Vault
from console.drill.scenario import Scenario
from console.drill.world import refuse_live
from console.live import LiveWorld
from console.outward import OnTak
from console.streaming import Streaming, refuse_twice, tls_of
from feeds.ais import codec as ais
from feeds.base import FeedContext
from feeds.config import FeedConfig
from feeds.streams import Spec, StreamConfig, address_of
from feeds.tak import codec as tak
from feeds.tak.stream import named
from picture import events as ev
from picture.clock import SteadyClock
from picture.errors import RefusedError, UsageError
from picture.reports import IncidentReport, UnitReport, VesselReport
from tests.feeds.tak_hub import hub
from tests.feeds.test_streams import PATIENCE_S, server
from tests.nats_certificates import certificates
from twin.source import ensure_pack

T = 1_800_000_000_000
SHIP = VesselReport(at_ms=T, mmsi=244_000_001, lon_e7=40_000_000, lat_e7=520_000_000, speed_mmps=5144)


@pytest.fixture
def home(tmp_path: Path, tocsin_home: Path) -> Home:
    ensure_pack("port-meridian", tocsin_home / "cache")
    (tmp_path / "cache").symlink_to(tocsin_home / "cache")
    return Home.at(tmp_path)


def world_of(home: Home, *feeds: dict[str, Any]) -> LiveWorld:
    pack = ensure_pack("port-meridian", home.cache)
    config = SiteConfig.model_validate({"feeds": list(feeds)})
    clock = SteadyClock(lambda: T + 1000, lambda: 0.0)
    return LiveWorld(home, config, pack, order_of(home, pack), environ={}, clock=clock)


@asynccontextmanager
async def heard_by(world: LiveWorld) -> AsyncIterator[list[str]]:
    """The world with its lanes and connections running; the list holds faults of ours."""
    faults: list[str] = []

    def failed(what: str, error: Exception) -> None:
        faults.append(f"{what}: {error!r}")

    lanes = lanes_of(world, lambda: None, failed)
    streaming = Streaming(
        world, lanes, catch_up=lambda: None, failed=failed, rng=Random(1), pause=lambda s: asyncio.sleep(s / 50)
    )
    tasks = [asyncio.create_task(lanes.run()), asyncio.create_task(streaming.run())]
    try:
        yield faults
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        lanes.close()


async def until(done: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.01)


async def test_what_a_connection_brings_is_on_the_picture_and_its_loss_is_an_alarm_until_it_is_back(home: Home) -> None:
    gone = asyncio.Event()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ais.encode(SHIP) + b"!AIVDM,broken\r\n")
        await writer.drain()
        await gone.wait()

    async with server(talk) as port:
        world = world_of(home, {"id": "ships", "wire": "ais", "url": f"tcp://127.0.0.1:{port}"})
        picture = world.core.home
        async with heard_by(world) as faults:
            await until(lambda: "244000001" in picture.vessels and picture.feeds["ships"].state == "ok")
            gone.set()
            await until(lambda: any(one.key == "feed:ships" for one in picture.alarms.values()))
            gone.clear()
            await until(lambda: picture.feeds["ships"].state in ("connected", "ok"))
        kinds = [entry.event for entry in world.journal.read(0)]
        world.close()
    assert faults == []
    states = [event.state for event in kinds if isinstance(event, ev.FeedChanged)]
    assert states[:3] == ["connected", "ok", "connecting"]
    assert any(isinstance(event, ev.ReportRefused) and event.code == "TOC-2002" for event in kinds)


async def test_a_world_without_connections_opens_none(home: Home) -> None:
    world = world_of(home, {"id": "met", "wire": "cap", "url": "http://127.0.0.1:9/"})
    async with heard_by(world) as faults:
        await asyncio.sleep(0)
    world.close()
    assert faults == []


# --- shown to field teams ---------------------------------------------------------------------------------------

RING = ((41_000_000, 519_000_000), (41_100_000, 519_000_000), (41_100_000, 519_100_000), (41_000_000, 519_000_000))


def things(world: LiveWorld) -> list[ev.Event]:
    """An incident, an official warning with an outline and a road closed by an operator who gave no place."""
    incident = ev.IncidentOpened(
        incident="I-1", incident_kind="medical", title="Collapse at the quay", priority=1, lon_e7=41_000_000,
        lat_e7=519_000_000, place_label="quay", uncertainty_m=10, units_needed=1, people_at_risk=2,
        people_trapped=False,
    )  # fmt: skip
    hazard = ev.HazardChanged(id="H-1", hazard_kind="warning", title="Storm", status="active", rings=(RING,))
    road = ev.RoadClosed(id="C-1", name="Wharf Street", edges=(3, 4, 5), reason="debris", by="operator")
    return [incident, hazard, road]


def board_of(world: LiveWorld, *wants: str, kind: Any = "live") -> OnTak:
    return OnTak(world.core, world.city, world=kind, wants=wants, where=world.where, now_ms=lambda: T)


async def test_field_teams_see_units_incidents_hazards_and_closures_until_they_are_over(home: Home) -> None:
    async with hub() as server:
        every = ["units", "incidents", "hazards", "closures"]
        feed = {"id": "teams", "wire": "tak", "url": f"tcp://127.0.0.1:{server.port}", "stream": {"send": every}}
        world = world_of(home, feed)
        world.core.record([Draft(event) for event in things(world)])
        async with heard_by(world) as faults:
            await until(lambda: len(server.seen) >= len(world.core.home.units) + 3)
            found = {uid: (kind, event) for event in server.seen for kind, uid in [named(event)]}
            server.seen.clear()
            world.core.record([Draft(ev.RoadReopened(id="C-1"))])
            await until(lambda: any(named(event)[0] == "t-x-d-d" for event in server.seen))
            state = world.core.home.feeds["teams"].state
        gone = next(event for event in server.seen if named(event)[0] == "t-x-d-d")
        stream, units = world.core.journal.stream, set(world.core.home.units)
        told = [entry.event.why for entry in world.journal.read(0) if isinstance(entry.event, ev.FeedChanged)]
        world.close()
    assert told == ["goes out: units, incidents, hazards, closures"], "what is shown, and that it is, is on record"
    assert faults == [] and state == "connected"
    kinds = {uid.removeprefix(f"tocsin.{stream}."): kind for uid, (kind, _) in found.items()}
    shown = {"incident.I-1": "a-u-G", "hazard.H-1.0": "u-d-f", "closure.C-1": "b-m-p-s-m"}
    assert kinds == shown | {f"unit.{unit}": "a-f-G-U-C" for unit in units}
    assert f"tocsin.{stream}.closure.C-1".encode() in gone
    (mark,) = tak.decode(found[f"tocsin.{stream}.incident.I-1"][1].replace(b'uid="tocsin.', b'uid="'), FeedContext())
    assert isinstance(mark, IncidentReport) and (mark.lon_e7, mark.lat_e7) == (41_000_000, 519_000_000)


def test_a_unit_that_is_on_the_connection_itself_is_not_shown_there_twice(home: Home) -> None:
    world = world_of(home)
    board = board_of(world, "units")
    first, *_ = world.core.home.units.values()
    assert len(list(board.standing())) == len(world.core.home.units)
    board.heard([UnitReport(at_ms=T, callsign=first.name.upper())])
    (gone,) = board.changed()
    assert named(gone)[0] == "t-x-d-d" and first.id.encode() in gone
    world.close()


def test_only_what_changed_is_said_and_only_what_is_asked_for(home: Home) -> None:
    world = world_of(home)
    board = board_of(world, "incidents")
    world.core.record([Draft(event) for event in things(world)])
    assert [named(event)[1].rpartition(".")[2] for event in board.standing()] == ["I-1"]
    assert list(board.changed()) == []
    world.core.record([Draft(ev.IncidentChanged(incident="I-1", priority=2, why="seen"))])
    assert b"Priority 2" in next(board.changed())
    world.core.record([Draft(ev.IncidentClosed(incident="I-1", result_code="done"))])
    assert [named(event)[0] for event in board.changed()] == ["t-x-d-d"]
    world.close()


def test_whatever_leaves_a_drill_says_that_it_is_an_exercise(home: Home) -> None:
    world = world_of(home)
    world.core.record([Draft(event) for event in things(world)])
    board = board_of(world, "units", "incidents", "hazards", "closures", kind="drill")
    said = [etree.fromstring(event).find("detail/contact") for event in board.standing()]
    assert said and all(one is not None and one.get("callsign", "").startswith("EXERCISE") for one in said)
    world.close()


@pytest.mark.parametrize(
    ("feed", "code"),
    [
        ({"id": "a", "wire": "cap", "url": "tcp://127.0.0.1:1"}, "TOC-2132"),
        ({"id": "a", "wire": "gtfs", "url": "mqtt://127.0.0.1:1"}, "TOC-2132"),
        ({"id": "a", "wire": "ais", "url": "tcp://127.0.0.1:1", "stream": {"send": ["units"]}}, "TOC-2132"),
        ({"id": "a", "wire": "tak", "url": "udp://127.0.0.1:1", "stream": {"send": ["units"]}}, "TOC-2132"),
        ({"id": "a", "wire": "ais", "url": "tcp://127.0.0.1"}, "TOC-1003"),
        ({"id": "a", "wire": "cap", "url": "https://h/a", "stream": {"send": ["units"]}}, "TOC-1003"),
        ({"id": "a", "wire": "cap", "url": "mqtts://h", "stream": {"server_name": "x"}}, "TOC-1003"),
        ({"id": "a", "wire": "ais", "url": "tcp://h:1", "stream": {"user": "x"}}, "TOC-1003"),
        (
            {"id": "a", "wire": "cap", "url": "mqtt://127.0.0.1:1", "stream": {"password": "credential:none"}},
            "TOC-1010",
        ),
        ({"id": "a", "wire": "ais", "url": "tls://127.0.0.1:1", "stream": {"ca": "none.pem"}}, "TOC-1003"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_before_any_is_opened(
    home: Home, feed: dict[str, Any], code: str
) -> None:
    world = world_of(home, feed)
    with pytest.raises(UsageError) as refused:
        Streaming(world, None, catch_up=lambda: None, failed=lambda *_: None, rng=Random(1))  # type: ignore[arg-type]
    world.close()
    assert refused.value.code == code


def test_a_password_comes_out_of_the_live_worlds_own_credentials(home: Home) -> None:
    Vault(home.live, "live").add("broker", "hunter2")
    world = world_of(home)
    assert world.stream_password("credential:broker") == "hunter2"
    world.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("tcp://h:1", {}), ("tcp://h:1", {}), True),
        (("tcp://h:1", {}), ("tls://h:1", {}), False),
        (("tcp://h:1", {}), ("tcp://h:2", {}), False),
        (("mqtt://h:1", {"client_id": "a"}), ("mqtts://h:1", {"client_id": "a"}), True),
        (("mqtt://h:1", {"client_id": "a"}), ("mqtt://h:1", {"client_id": "b"}), False),
    ],
)
def test_two_feeds_are_never_one_connection(one: tuple[str, Any], other: tuple[str, Any], same: bool) -> None:
    specs = [
        Spec(name, address_of(url), StreamConfig(**config), 1000, Random(1), client_id=config.get("client_id", ""))
        for name, (url, config) in (("x", one), ("y", other))
    ]
    if not same:
        refuse_twice(specs)
        return
    with pytest.raises(UsageError, match="x and y") as refused:
        refuse_twice(specs)
    assert refused.value.code == "TOC-2130"


@pytest.mark.parametrize(
    "feed",
    [
        {"url": "mqtt://broker.example"},
        {"url": "udp://0.0.0.0:10110"},
        {"url": "file:///dev/ttyUSB0"},
        {"url": "mqtt://127.0.0.1", "stream": {"password": "env:X"}},
        {"url": "tls://127.0.0.1:1", "stream": {"certificate": "c.pem"}},
    ],
)
def test_a_drill_connects_to_this_machine_alone_and_names_no_secret(tmp_path: Path, feed: dict[str, Any]) -> None:
    config = FeedConfig.model_validate({"id": "x", "wire": "ais", **feed})
    scenario = Scenario.model_construct(feeds=(config,), directory=())
    with pytest.raises(RefusedError) as refused:
        refuse_live(scenario, tmp_path, tmp_path)
    assert refused.value.code == "TOC-4007"


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    files = certificates(tmp_path / "tls")
    feed = FeedConfig.model_validate(
        {"id": "x", "wire": "ais", "url": "tls://h:1", "stream": {"certificate": "cert.pem", "key": "key.pem"}}
    )
    (files / "key.pem").chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others"):
        tls_of(feed, lambda name: files / name)
    (files / "key.pem").chmod(0o600)
    assert tls_of(feed, lambda name: files / name).check_hostname
