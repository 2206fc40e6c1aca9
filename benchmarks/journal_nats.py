"""The journal on NATS against plain nats-py, in one run: ``python -m benchmarks.journal_nats``.

``ours``: the same events, validated, chained, signed, a hundred in one commit, each commit one message; many commits
under way, or each waited for. ``plain``: nats-py publishing one message per validated event to a stream of the same
settings, 500 under way. Servers sync each write, on one server and on three (same machine, same disk: a network is
not measured). ``--catch-up``: a hub is killed, a leaf goes on writing, the hub comes back; seconds until our mirror and
a stream that sources the leaf the plain way have everything. A journal that does not verify ends with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats

from benchmarks.journal import ACTOR, NOON_MS, tracks
from picture.entry import NewEntry
from picture.events import VesselUpdated
from picture.journal import ChainReport
from picture.journal.nats import Access, NatsJournal
from picture.journal.nats.names import Names
from picture.journal.nats.replicate import Replicator
from picture.journal.nats.server import ADMIN, CoreUser, Site, public_key, seed_file
from picture.journal.nats.serving import Server, provide
from picture.journal.nats.wire import Wire
from picture.sealing import Keyring, core_signing_key
from tests.journal_world import STREAM
from tests.nats_cluster import ThreeNodes, free_ports

BATCH = 100
UNDER_WAY = 500


@asynccontextmanager
async def one_server(folder: Path) -> AsyncIterator[Callable[[str], Access]]:
    site = Site(name="one", port=0, cores=(CoreUser(stream=STREAM),))
    server = Server(site, folder)
    url = server.start().url
    try:
        await provide(site, folder, url)
        yield lambda who: site.access(folder, url, who)
    finally:
        server.kill()


@asynccontextmanager
async def three_servers(folder: Path) -> AsyncIterator[Callable[[str], Access]]:
    async with ThreeNodes(folder) as nodes:
        yield nodes.access


async def opened(folder: Path, access: Access) -> NatsJournal:
    keyring = Keyring(folder / "keys")
    return await NatsJournal.open(access, STREAM, keyring=keyring, signing_key=core_signing_key(folder / "keys"))


def entries(texts: list[bytes]) -> list[NewEntry]:
    return [NewEntry(VesselUpdated.model_validate_json(text), NOON_MS, NOON_MS, ACTOR, source="ais") for text in texts]


async def rate(work: Awaitable[object], events: int) -> float:
    started = time.perf_counter()
    await work
    return events / (time.perf_counter() - started)


async def commits(journal: NatsJournal, documents: list[bytes], turn: str, *, together: int) -> None:
    """Appends commits of a hundred, so many under way."""
    numbers = iter(range(0, len(documents), BATCH))

    async def writer() -> None:
        for at in numbers:
            await journal.append(entries(documents[at : at + BATCH]), commit_id=f"{turn}-{at}")

    await asyncio.gather(*(writer() for _ in range(together)))


async def messages(stream: Any, documents: list[bytes]) -> None:
    """Publishes one message per event, ``UNDER_WAY`` at once."""
    for at in range(0, len(documents), UNDER_WAY):
        made = [VesselUpdated.model_validate_json(text) for text in documents[at : at + UNDER_WAY]]
        await asyncio.gather(*(stream.publish("plain.commit", event.model_dump_json().encode()) for event in made))


async def compare(folder: Path, access: Callable[[str], Access], replicas: int, count: int, rounds: int) -> Any:
    """Median rates of both and the ratio; rounds alternate."""
    documents = tracks(count)
    ours: list[float] = []
    waited: list[float] = []
    plain: list[float] = []
    admin = access(ADMIN)
    client = await nats.connect(list(admin.servers), nkeys_seed=str(admin.seed))
    stream = client.jetstream(timeout=30)
    await stream.add_stream(name="PLAIN", subjects=["plain.commit"], num_replicas=replicas)
    async with await opened(folder / "world", access(STREAM)) as journal:
        for turn in range(rounds):
            ours.append(await rate(commits(journal, documents, f"t{turn}", together=16), count))
            waited.append(await rate(commits(journal, documents[: count // 4], f"w{turn}", together=1), count // 4))
            plain.append(await rate(messages(stream, documents), count))
        report: ChainReport = await journal.verify()
        durability = journal.durability
    await client.close()
    best, alone, theirs = (statistics.median(rates) for rates in (ours, waited, plain))
    return {
        "durability": durability,
        "verified": report.ok,
        "ours_per_s": round(best),
        "ours_one_by_one_per_s": round(alone),
        "plain_per_s": round(theirs),
        "ratio": round(best / theirs, 1),
        "ratio_one_by_one": round(alone / theirs, 1),
    }


async def catch_up(folder: Path, count: int) -> Any:
    """Seconds from the hub's restart until each copy has what the leaf wrote meanwhile, one entry a commit."""
    hub_port, leaf_in = free_ports(2)
    core = (CoreUser(stream=STREAM),)
    hub = Server(
        Site(name="hub", port=hub_port, domain="hub", leaf_port=leaf_in, cores=core, mirrors=(STREAM,)), folder / "hub"
    )
    public_key(folder / "leaf", "hub")
    seed_file(folder / "leaf", "hub").write_bytes(seed_file(hub.folder, ADMIN).read_bytes())
    leaf = Server(Site(name="leaf", port=0, domain="leaf", hub=f"127.0.0.1:{leaf_in}", cores=core), folder / "leaf")
    try:
        hub_url, leaf_url = hub.start().url, leaf.start().url
        await provide(hub.site, hub.folder, hub_url)
        await provide(leaf.site, leaf.folder, leaf_url)
        at_hub, at_leaf = (one.site.access(one.folder, url, STREAM) for one, url in ((hub, hub_url), (leaf, leaf_url)))
        wire = await Wire.open(hub.site.access(hub.folder, hub_url))
        source = {"name": Names(STREAM).on_server, "external": {"api": "$JS.leaf.API", "deliver": ""}}
        await wire.api("STREAM.CREATE.COP", {"name": "COP", "storage": "file", "sources": [source]})
        replicator = Replicator(at_leaf, at_hub, STREAM, rng=random.Random(1))
        copying = asyncio.create_task(replicator.run())
        async with await opened(folder / "world", at_leaf) as journal:
            await commits(journal, tracks(BATCH), "before", together=1)
            await asyncio.gather(sourced(wire, 1), mirrored(replicator, BATCH))
            hub.kill()
            new = entries(tracks(count))
            await asyncio.gather(*(journal.append([one], commit_id=f"gone-{n}") for n, one in enumerate(new)))
            hub.start()
            started = time.perf_counter()
            ours, plain = await asyncio.gather(mirrored(replicator, BATCH + count), sourced(wire, count + 1))
            verified = (await journal.verify()).ok
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
        await wire.close()
    finally:
        hub.kill()
        leaf.kill()
    ours_s, plain_s = ours - started, plain - started
    return {
        "entries": count,
        "ours_s": round(ours_s, 2),
        "sources_s": round(plain_s, 2),
        "ratio": round(plain_s / ours_s, 1),
        "verified": verified,
    }


async def mirrored(replicator: Replicator, seq: int) -> float:
    while replicator.mirrored.seq < seq:
        await asyncio.sleep(0.01)
    return time.perf_counter()


async def sourced(wire: Wire, wanted: int) -> float:
    while True:
        info = await wire.api("STREAM.INFO.COP")
        if info.get("state", {}).get("messages", 0) >= wanted:
            return time.perf_counter()
        await asyncio.sleep(0.05)


async def measure(count: int, rounds: int, left_out: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="tocsin-nats-") as name:
        folder = Path(name)
        async with one_server(folder / "one") as access:
            single = await compare(folder / "a", access, 1, count, rounds)
        async with three_servers(folder / "three") as access:
            three = await compare(folder / "b", access, 3, count, rounds)
        found = {"schema": "tocsin.bench/1", "one": single, "three": three}
        if left_out:
            found["catch_up"] = await catch_up(folder / "c", left_out)
    return found | {"load_average": os.getloadavg()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--catch-up", action="store_true", help="also the hub that comes back (up to two minutes)")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    count, rounds = (4_000, 2) if asked.quick else (20_000, 5)
    found = asyncio.run(measure(count, rounds, 5_000 if asked.catch_up else 0))
    text = json.dumps(found, indent=2)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    if not all(part["verified"] for part in found.values() if isinstance(part, dict)):
        sys.exit(1)


if __name__ == "__main__":
    main()
