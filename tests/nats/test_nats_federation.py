"""Two cores on one NATS server follow each other; a server that is gone for a while ends in one picture again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console.core import Core, Draft
from picture import events as ev
from picture.clock import VirtualClock
from picture.conflicts import conflicts
from picture.errors import JournalError
from picture.sealing import Keyring, core_signing_key
from tests.nats_world import needs_nats
from tests.scaffold import NOON_MS, drill, unit
from tests.stalling_proxy import StallingProxy

if TYPE_CHECKING:
    from picture.journal.nats import Access
    from picture.journal.nats.serving import Server

pytestmark = [
    needs_nats,
    # nats-py leaves the streams of a connection that was cut to the collector, which says so.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NAMES = ("core-north", "core-south")


@dataclass
class Domain:
    """A server that may be stopped, and two cores on it."""

    server: Server
    url: str
    cores: dict[str, Core]

    def access(self, name: str) -> Access:
        return self.server.site.access(self.server.folder, self.url, name)

    @property
    def digests(self) -> set[str]:
        return {core.picture.digest() for core in self.cores.values()}


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    from picture.journal.nats.blocking import BlockingJournal
    from picture.journal.nats.server import CoreUser, Site
    from picture.journal.nats.serving import Server, provide
    from tests.nats_cluster import free_ports

    (port,) = free_ports(1)
    cores = tuple(CoreUser(stream=name) for name in NAMES)
    server = Server(Site(name="domain", port=port, cores=cores), tmp_path / "server")
    found = Domain(server, "", {})
    try:
        found.url = (await asyncio.to_thread(server.start)).url
        await provide(server.site, server.folder, found.url)
        for number, name in enumerate(NAMES, 1):
            keys = tmp_path / name
            journal = await asyncio.to_thread(
                BlockingJournal, found.access(name), name, keyring=Keyring(keys), signing_key=core_signing_key(keys)
            )
            found.cores[name] = core = Core(journal=journal, clock=VirtualClock(NOON_MS), seed=name)
            core.record([Draft(drill()), Draft(unit(f"E{number}"))])
        yield found
    finally:
        for core in found.cores.values():
            try:
                core.journal.close()
            except JournalError:
                continue
        server.kill()


@asynccontextmanager
async def federated(domain: Domain) -> AsyncIterator[StallingProxy]:
    """Both cores follow each other by a way of their own to the server; their journals keep theirs."""
    from console.federation_nats import federate

    host, port = domain.url.removeprefix("nats://").split(":")
    async with StallingProxy(lambda: asyncio.open_connection(host, int(port))) as way:
        tasks = []
        for name, other in (NAMES, NAMES[::-1]):
            access = replace(domain.access(name), servers=(f"nats://127.0.0.1:{way.port}",))
            tasks.append(asyncio.create_task(federate(domain.cores[name], access, (other,))))
        try:
            yield way
            for task in tasks:
                assert not task.done(), task.exception()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


def incident(name: str) -> Draft:
    return Draft(ev.IncidentOpened(incident=name, incident_kind="fire", title="Fire", priority=2, authoritative_id="7"))


async def test_two_cores_show_each_others_units_and_end_with_one_digest(domain: Domain) -> None:
    async with federated(domain):
        await until(lambda: all({"E1", "E2"} == set(core.picture.units) for core in domain.cores.values()))
        await until(lambda: all(core.home.received for core in domain.cores.values()))
        await until(lambda: len(domain.digests) == 1)


async def test_a_partition_ends_in_one_picture_with_its_conflicts(domain: Domain) -> None:
    north, south = domain.cores.values()
    async with federated(domain) as way:
        await until(lambda: len(domain.digests) == 1 and "E2" in north.picture.units)
        way.cut()
        north.record([incident("I-N")])
        south.record([incident("I-S")])
        await asyncio.sleep(0.5)
        assert "I-S" not in north.picture.incidents and "I-N" not in south.picture.incidents
        way.flow()
        await until(lambda: {"I-N", "I-S"} <= set(north.picture.incidents) & set(south.picture.incidents), 10.0)
        await until(lambda: len(domain.digests) == 1)
        assert [one.kind for one in conflicts(north.picture)] == ["incident number"]


async def test_a_way_that_stands_open_and_passes_nothing_is_seen_on_both_sides_within_seconds(domain: Domain) -> None:
    north, south = domain.cores.values()
    async with federated(domain) as way:
        await until(lambda: len(domain.digests) == 1 and "E2" in north.picture.units)
        way.stall()
        await until(lambda: bool(north.home.links and south.home.links))
        states = {one.state for core in (north, south) for one in core.home.links.values()}
        assert states == {"silent"}
        way.flow()
        await until(lambda: {one.state for core in (north, south) for one in core.home.links.values()} == {"ok"})


async def test_a_core_that_follows_nobody_is_seen_as_silent(domain: Domain) -> None:
    from console.federation_nats import federate

    north = domain.cores["core-north"]
    task = asyncio.create_task(federate(north, domain.access("core-north"), ("core-south",)))
    try:
        await until(lambda: bool(north.home.links), 8.0)
        assert north.home.links["core-south"].state == "silent"  # its stream is there to read, its core is not
        assert "E2" in north.picture.units
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_server_that_does_not_let_us_in_is_a_silent_link_and_ends_nothing(domain: Domain) -> None:
    from console.federation_nats import federate

    north = domain.cores["core-north"]
    stranger = replace(domain.access("core-north"), seed=None, seed_text="")
    task = asyncio.create_task(federate(north, stranger, ("core-south",)))
    try:
        await until(lambda: bool(north.home.links), 15.0)
        assert north.home.links["core-south"].state == "silent" and not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_nobody_beats_in_another_cores_name(domain: Domain) -> None:
    from picture.journal.nats.canary import NatsBeats
    from picture.journal.nats.wire import Wire
    from picture.journal.protocol import Head

    heard: list[Head] = []
    async with await NatsBeats.open(domain.access("core-north"), "core-north") as north:
        await north.hear("core-south", heard.append)
        async with await NatsBeats.open(domain.access("core-south"), "core-south") as south:
            forger = await Wire.open(domain.access("core-north"))
            await forger.tell("tocsin.core-south.canary", b'{"head": 99, "hash": "forged"}')
            await forger.close()
            for body in (b"", b"[]", b'{"head": "many", "hash": 1}', b"x" * 5000):
                await south._wire.tell("tocsin.core-south.canary", body)
            await south.tell(Head("core-south", 3, "abc"))
            await until(lambda: bool(heard))
    assert heard == [Head("core-south", 3, "abc")]
