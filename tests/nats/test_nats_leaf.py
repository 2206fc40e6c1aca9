"""A leaf works while its hub is gone, and its mirror there is whole soon after the hub is back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from picture.errors import JournalError
from picture.journal import Head
from tests.journal_world import STREAM, World, call, vessel
from tests.nats_world import needs_nats, open_journal

if TYPE_CHECKING:
    from picture.journal.nats import Access
    from picture.journal.nats.replicate import Replicator
    from picture.journal.nats.serving import Server

pytestmark = needs_nats


@dataclass
class Sites:
    """A hub that keeps a mirror, and a leaf whose core writes."""

    hub: Server
    leaf: Server
    hub_url: str
    leaf_url: str

    def at_hub(self, who: str = STREAM) -> Access:
        return self.hub.site.access(self.hub.folder, self.hub_url, who)

    def at_leaf(self, who: str = STREAM) -> Access:
        return self.leaf.site.access(self.leaf.folder, self.leaf_url, who)


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[Sites]:
    from picture.journal.nats.server import CoreUser, Site, public_key, seed_file
    from picture.journal.nats.serving import Server, provide
    from tests.nats_cluster import free_ports

    hub_port, leaf_in = free_ports(2)
    core = (CoreUser(stream=STREAM),)
    hub = Server(
        Site(name="hub", port=hub_port, domain="hub", leaf_port=leaf_in, cores=core, mirrors=(STREAM,)),
        tmp_path / "hub",
    )
    leaf_folder = tmp_path / "leaf"
    public_key(leaf_folder, "hub")
    seed_file(leaf_folder, "hub").write_bytes(seed_file(hub.folder, STREAM).read_bytes())
    leaf = Server(Site(name="leaf", port=0, domain="leaf", hub=f"127.0.0.1:{leaf_in}", cores=core), leaf_folder)
    try:
        hub_url, leaf_url = hub.start().url, leaf.start().url
        await provide(hub.site, hub.folder, hub_url)
        await provide(leaf.site, leaf.folder, leaf_url)
        yield Sites(hub, leaf, hub_url, leaf_url)
    finally:
        hub.kill()
        leaf.kill()


@asynccontextmanager
async def copying(sites: Sites) -> AsyncIterator[Replicator]:
    from picture.journal.nats.replicate import Replicator

    replicator = Replicator(sites.at_leaf(), sites.at_hub(), STREAM, rng=random.Random(4))
    task = asyncio.create_task(replicator.run())
    try:
        yield replicator
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def mirrored(replicator: Replicator, head: Head) -> None:
    """Waits until the mirror has come so far."""
    grown = asyncio.Event()
    stop = replicator.listen(lambda _: grown.set())
    while replicator.mirrored.seq < head.seq:
        await grown.wait()
        grown.clear()
    stop()
    assert replicator.mirrored == head


async def test_a_leaf_writes_while_the_hub_is_gone_and_the_mirror_becomes_the_same_bytes(
    sites: Sites, tmp_path: Path
) -> None:
    from picture.journal.nats import NatsReader
    from picture.journal.nats.names import Names
    from picture.journal.nats.wire import Wire

    world = World(tmp_path / "world")
    async with await open_journal(world, sites.at_leaf()) as journal, copying(sites) as replicator:
        await journal.append([call(), vessel()], commit_id="c-0")
        await mirrored(replicator, await journal.head())
        sites.hub.kill()
        await asyncio.gather(*(journal.append([vessel(n)] * 3, commit_id=f"c-{n}") for n in range(1, 200)))
        sites.hub.start()
        await mirrored(replicator, await journal.head())
        await journal.append([vessel()], commit_id="c-after")
        head = await journal.head()
        await mirrored(replicator, head)
        everything = [entry async for entry in journal.read()]
    async with await NatsReader.open(sites.at_hub(), STREAM, mirror=True) as reader:
        assert (await reader.verify()).head == head.hash
        assert [entry async for entry in reader.read()] == everything
    leaf, hub = await Wire.open(sites.at_leaf()), await Wire.open(sites.at_hub())
    here = [message.body async for message in leaf.messages(Names(STREAM), 0, 201)]
    there = [message.body async for message in hub.messages(Names(STREAM, mirror=True), 0, 201)]
    await leaf.close()
    await hub.close()
    assert here == there


async def test_copying_goes_on_where_another_copier_stopped(sites: Sites, tmp_path: Path) -> None:
    async with await open_journal(World(tmp_path / "world"), sites.at_leaf()) as journal:
        for round_ in range(3):
            await asyncio.gather(*(journal.append([vessel(n)], commit_id=f"c-{round_}-{n}") for n in range(50)))
            async with copying(sites) as replicator:
                await mirrored(replicator, await journal.head())
        assert (await journal.head()).seq == 150


async def test_a_mirror_of_another_stream_is_left_alone(sites: Sites, tmp_path: Path) -> None:
    from picture.journal.nats.names import Names
    from picture.journal.nats.replicate import Replicator
    from picture.journal.nats.serving import provide
    from picture.journal.nats.wire import Wire

    async with await open_journal(World(tmp_path / "one"), sites.at_leaf()) as journal:
        await journal.append([vessel(1)], commit_id="c-1")
        async with copying(sites) as replicator:
            await mirrored(replicator, await journal.head())
    admin = await Wire.open(sites.at_leaf("admin"))
    await admin.api(f"STREAM.DELETE.{Names(STREAM).on_server}")
    await admin.close()
    await provide(sites.leaf.site, sites.leaf.folder, sites.leaf_url)
    async with await open_journal(World(tmp_path / "two"), sites.at_leaf()) as journal:
        for number in range(2):
            await journal.append([vessel(7)], commit_id=f"c-{number}")
        with pytest.raises(JournalError) as refused:
            await Replicator(sites.at_leaf(), sites.at_hub(), STREAM, rng=random.Random(4)).run()
    assert refused.value.code == "TOC-3148"
