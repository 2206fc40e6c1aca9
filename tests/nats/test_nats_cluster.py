"""Three nodes: what was acknowledged stays, whichever of them die, and nothing is stored twice.

``TOCSIN_KILLS=5`` kills the leader five times instead of once.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.journal_world import World, vessel
from tests.nats_world import needs_nats, open_journal

if TYPE_CHECKING:
    from picture.journal.nats import NatsJournal
    from tests.nats_cluster import ThreeNodes

pytestmark = needs_nats
KILLS = int(os.environ.get("TOCSIN_KILLS", "1"))
WRITERS = 16


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ThreeNodes]:
    from tests.nats_cluster import ThreeNodes

    async with ThreeNodes(tmp_path / "cluster") as cluster:
        yield cluster


class Load:
    """Writers that append until they are told to stop, and remember what was acknowledged."""

    def __init__(self, journal: NatsJournal) -> None:
        self.journal = journal
        self.acknowledged: dict[str, int] = {}
        self._stop = False
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(WRITERS)]

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._stop:
            name = f"w{writer}-{number}"
            receipt = await self.journal.append([vessel(writer), vessel(writer)], commit_id=name)
            self.acknowledged[name] = receipt.first_seq
            number += 1

    async def until(self, more: int) -> None:
        """Waits until so many more commits are acknowledged."""
        wanted = len(self.acknowledged) + more
        while len(self.acknowledged) < wanted:
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.02)

    async def end(self) -> dict[str, int]:
        self._stop = True
        await asyncio.gather(*self._tasks)
        return self.acknowledged


async def stands(world: World, cluster: ThreeNodes, acknowledged: dict[str, int]) -> None:
    """Reads the stream afresh: everything acknowledged is there, where it was said to be, once."""
    world = World(world.folder)
    (world.folder / "index.sqlite").unlink()
    async with await open_journal(world, cluster.access()) as journal:
        report = await journal.verify()
        assert report.ok, report
        found = [(entry.commit_id, entry.seq) async for entry in journal.read() if entry.index == 0]
    assert max(Counter(name for name, _ in found).values()) == 1
    assert acknowledged.items() <= dict(found).items()


async def test_a_leader_killed_while_writing_loses_and_doubles_nothing(cluster: ThreeNodes, tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    async with await open_journal(world, cluster.access()) as journal:
        assert journal.durability == "quorum+disk"
        load = Load(journal)
        for _ in range(KILLS):
            await load.until(200)
            leader = await cluster.leader()
            cluster.kill(leader)
            await load.until(200)
            await cluster.restart(leader)
        acknowledged = await load.end()
    await stands(world, cluster, acknowledged)


async def test_all_nodes_killed_at_once_lose_nothing(cluster: ThreeNodes, tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    async with await open_journal(world, cluster.access()) as journal:
        load = Load(journal)
        await load.until(300)
        cluster.kill(*cluster.nodes)
        await cluster.restart(*cluster.nodes)
        await load.until(100)
        acknowledged = await load.end()
    await stands(world, cluster, acknowledged)
