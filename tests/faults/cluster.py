"""Nodes of a cluster are killed under sixteen writers: the leader again and again, or all three at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from picture.errors import JournalError
from tests.faults.outcome import Outcome
from tests.journal_world import World, vessel
from tests.nats_world import MISSING, open_journal

if TYPE_CHECKING:
    from picture.journal.nats import NatsJournal
    from tests.nats_cluster import ThreeNodes

_WRITERS = 16
_BETWEEN = 200
"""Commits that are acknowledged before and after each kill."""


class Load:
    """Writers that append until they are told to stop, and remember what was acknowledged."""

    def __init__(self, journal: NatsJournal) -> None:
        self.journal = journal
        self.acknowledged: dict[str, int] = {}
        self.asked_again = 0
        self._stop = False
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(_WRITERS)]

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._stop:
            name = f"w{writer}-{number}"
            try:
                receipt = await self.journal.append([vessel(writer), vessel(writer)], commit_id=name)
            except JournalError as error:  # a long election: asked again with the same commit id, as a core does
                if error.code != "TOC-3142":
                    raise
                self.asked_again += 1
                continue
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


def leader(folder: Path, rounds: int, dice: Random) -> Outcome:
    """The node that leads the stream is killed while it is written."""
    return asyncio.run(_killed(Outcome("leader killed"), folder, rounds, every=False))


def nodes(folder: Path, rounds: int, dice: Random) -> Outcome:
    """All three nodes are killed at once while the stream is written."""
    return asyncio.run(_killed(Outcome("all nodes killed"), folder, rounds, every=True))


async def _killed(outcome: Outcome, folder: Path, rounds: int, *, every: bool) -> Outcome:
    if MISSING:
        outcome.how = f"nothing: {MISSING}"
        outcome.broken.append(outcome.how)
        return outcome
    from tests.nats_cluster import ThreeNodes

    world = World(folder / "world")
    async with ThreeNodes(folder / "cluster") as cluster:
        async with await open_journal(world, cluster.access()) as journal:
            outcome.hold(journal.durability == "quorum+disk", f"receipts say {journal.durability}")
            load = Load(journal)
            for _ in range(rounds):
                await load.until(_BETWEEN)
                doomed = tuple(cluster.nodes) if every else (await cluster.leader(),)
                cluster.kill(*doomed)
                if not every:
                    await load.until(_BETWEEN)
                await cluster.restart(*doomed)
                await cluster.whole()
                outcome.rounds += 1
            await load.until(_BETWEEN)
            acknowledged = await load.end()
            outcome.counts["commits asked again"] += load.asked_again
        await stands(outcome, World(world.folder), cluster, acknowledged)
    return outcome


async def stands(outcome: Outcome, world: World, cluster: ThreeNodes, acknowledged: dict[str, int]) -> None:
    """Reads the stream afresh: everything acknowledged is there, where it was said to be, once."""
    (world.folder / "index.sqlite").unlink()
    async with await open_journal(world, cluster.access()) as journal:
        report = await journal.verify()
        outcome.hold(report.ok, f"the stream does not verify: {report.why}")
        found = [(entry.commit_id, entry.seq) async for entry in journal.read() if entry.index == 0]
    there = dict(found)
    lost = [name for name, seq in acknowledged.items() if there.get(name) != seq]
    twice = [name for name, times in Counter(name for name, _ in found).items() if times > 1]
    outcome.counts["acknowledged commits"] += len(acknowledged)
    outcome.counts["acknowledged commits lost"] += len(lost)
    outcome.counts["commits stored twice"] += len(twice)
    outcome.hold(not lost, f"{len(lost)} acknowledged commits are lost or elsewhere: {lost[:3]}")
    outcome.hold(not twice, f"{len(twice)} commits stand twice: {twice[:3]}")
