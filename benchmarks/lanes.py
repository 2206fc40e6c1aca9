"""Calls while citizens flood the core: ``python -m benchmarks.lanes [--quick] [--json FILE]``.

One core with a real journal in one process. Calls come five a second; the flood offers ten times what the core can
take, each report to be judged and journalled whole (no quota). A call's latency is from its bytes to the picture that
shows it. ``lanes`` is the product; ``fifo`` is one bounded queue for all feeds, drained in the same slices by the same
core: the named baseline; ``quiet`` is the product without the flood. Exit status 1 where ``lanes`` turns a call away,
where a report that was acknowledged is missing from the journal, or where the p99 of calls under the flood is not
below a tenth of the baseline's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from console.city import City
from console.config import Home
from console.core import Core, Draft
from console.ingest import Ingest
from console.lanes import SLICE_S, Lanes
from feeds.config import Waiting, load
from feeds.intake import Intake, Reading
from feeds.registry import installed
from picture import events as ev
from picture.clock import SteadyClock, rfc3339
from picture.errors import InputError
from picture.journal import SqliteJournal
from picture.sealing import Keyring, core_signing_key
from twin.pack import CityPack
from twin.source import ensure_pack

FEEDS = {"calls": Waiting("calls", "refuse", 1_000), "app": Waiting("citizens", "refuse", 1_000)}
CALL_EVERY_S = 0.2
OVERLOAD = 10
TICK_S = 0.01
BAR = 0.1
"""Of the baseline's p99."""


class Fifo:
    """One bounded queue for all feeds: what a core without lanes does."""

    def __init__(self, take: Any) -> None:
        self._take = take
        self._room = sum(one.room for one in FEEDS.values())
        self._waiting: deque[tuple[str, Reading, asyncio.Future[int]]] = deque()
        self._wake = asyncio.Event()

    def wait_s(self, _feed: str) -> int:
        return 5 if len(self._waiting) >= self._room else 0

    async def put(self, feed: str, reading: Reading) -> int:
        if self.wait_s(feed):
            raise InputError(code="TOC-2010")
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((feed, reading, done))
        self._wake.set()
        return await done

    async def run(self) -> None:
        while True:
            until_s = time.monotonic() + SLICE_S
            while self._waiting and time.monotonic() < until_s:
                feed, reading, done = self._waiting.popleft()
                self._take(feed, reading)
                done.set_result(0)
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(0)


class Stage:
    """A core that hears two feeds, and who sends on them."""

    def __init__(self, folder: Path, city: City, seed: int) -> None:
        keys = folder / "keys"
        journal = SqliteJournal(
            folder / "journal", "drill.lanes", keyring=Keyring(keys), signing_key=core_signing_key(keys)
        )
        self.core = Core(journal=journal, clock=SteadyClock(), seed="lanes")
        self.ingest = Ingest(self.core, city, {}, FEEDS)
        self.core.listen(self.ingest.follow)
        self.core.record([Draft(ev.FeedRegistered(id=one, wire="incident", lane=FEEDS[one].lane)) for one in FEEDS])
        registry = installed()
        self.intakes = {one: Intake(load({"id": one, "wire": "incident"}), registry) for one in FEEDS}
        self.rng, self.number = Random(seed), 0
        sites = city.pack.meta["facilities"]
        self.places = [(one["lon"], one["lat"]) for one in sites]
        self.taken = self.turned_away = self.calls_lost = 0
        self.latencies_ms: list[float] = []

    def take(self, feed: str, reading: Reading) -> bool:
        self.ingest.take_in(feed, reading)
        return False

    def body(self, feed: str) -> bytes:
        self.number += 1
        lon, lat = self.rng.choice(self.places)
        place = [lon + self.rng.uniform(-0.01, 0.01), lat + self.rng.uniform(-0.005, 0.005)]
        form = {"schema": "tocsin.incident/1", "type": "report", "kind": self.rng.choice(("tree", "flood", "power")),
                "time": rfc3339(self.core.now_ms()), "id": f"{feed}-{self.number}", "position": place,
                "text": f"report {self.number}", "origin": f"{feed} {self.number % 997}"}  # fmt: skip
        return json.dumps(form).encode()

    async def send(self, lanes: Any, feed: str, body: bytes) -> bool:
        """As the inbox does: asks for room, reads, waits for the answer."""
        if lanes.wait_s(feed):
            return False
        try:
            await lanes.put(feed, self.intakes[feed].read(body, self.core.now_ms()))
        except InputError:
            return False
        return True

    async def one_call(self, lanes: Any) -> None:
        body, started = self.body("calls"), time.perf_counter()
        if await self.send(lanes, "calls", body):
            self.latencies_ms.append((time.perf_counter() - started) * 1000)
        else:
            self.calls_lost += 1

    async def one_report(self, lanes: Any) -> None:
        if await self.send(lanes, "app", self.body("app")):
            self.taken += 1
        else:
            self.turned_away += 1

    async def flood(self, lanes: Any, per_s: float) -> None:
        owed, last = 0.0, time.monotonic()
        async with asyncio.TaskGroup() as group:
            while True:
                now = time.monotonic()
                owed += min(now - last, 0.1) * per_s
                last = now
                for _ in range(int(owed)):
                    group.create_task(self.one_report(lanes))
                owed -= int(owed)
                await asyncio.sleep(TICK_S)

    async def run(self, lanes: Any, seconds: float, flood_per_s: float) -> None:
        background = [asyncio.create_task(lanes.run())]
        if flood_per_s:
            background.append(asyncio.create_task(self.flood(lanes, flood_per_s)))
            await asyncio.sleep(1.0)  # until queues are as full as they get
        until, calls = time.monotonic() + seconds, []
        while time.monotonic() < until:
            calls.append(asyncio.create_task(self.one_call(lanes)))
            await asyncio.sleep(CALL_EVERY_S)
        await asyncio.gather(*calls)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)

    def journalled(self) -> int:
        return sum(1 for one in self.core.journal.read(kinds=frozenset({"report.received"})) if one.source == "app")


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)] if values else math.nan


def capacity(folder: Path, city: City, seconds: float) -> float:
    """Citizens' reports that this core takes a second with nothing else to do."""
    stage = Stage(folder, city, 1)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        stage.take("app", stage.intakes["app"].read(stage.body("app"), stage.core.now_ms()))
        count += 1
    stage.core.journal.close()
    return count / (time.perf_counter() - started)


def measured(folder: Path, city: City, kind: str, seconds: float, flood_per_s: float) -> dict[str, Any]:
    """One run: latencies of calls in ms, and what became of the citizens' reports."""
    stage = Stage(folder, city, 7)

    async def run() -> None:
        lanes: Any = Fifo(stage.take)
        if kind != "fifo":
            lanes = Lanes(FEEDS, take=stage.take, flush=stage.ingest.count_over_quota, told=_nothing, failed=_raise)
        await stage.run(lanes, seconds, flood_per_s)

    asyncio.run(run())
    took = stage.latencies_ms
    found = {
        "calls": len(took), "calls_turned_away": stage.calls_lost,
        "p50_ms": round(percentile(took, 0.5), 2), "p99_ms": round(percentile(took, 0.99), 2),
        "citizens_taken": stage.taken, "citizens_turned_away": stage.turned_away,
        "missing": stage.taken - min(stage.taken, stage.journalled()),
    }  # fmt: skip
    stage.core.journal.close()
    return found


def _nothing(_change: ev.LoadChanged) -> None:
    return


def _raise(_what: str, error: Exception) -> None:
    raise error


def run(seconds: float) -> dict[str, Any]:
    """All figures."""
    pack = ensure_pack("port-meridian", Home.find().cache)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        city = City(CityPack.open(pack), folder / "order")
        per_s = capacity(folder / "capacity", city, 2.0)
        found: dict[str, Any] = {"capacity_per_s": round(per_s), "overload": OVERLOAD}
        for kind, flood in (("quiet", 0.0), ("lanes", per_s * OVERLOAD), ("fifo", per_s * OVERLOAD)):
            found[kind] = measured(folder / kind, city, kind, seconds, flood)
        city.close()
    found["p99_lanes_to_fifo"] = round(found["lanes"]["p99_ms"] / found["fifo"]["p99_ms"], 4)
    found["p99_lanes_to_quiet"] = round(found["lanes"]["p99_ms"] / found["quiet"]["p99_ms"], 2)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = run(5.0 if options.quick else 30.0)
    text = json.dumps(found, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    lanes = found["lanes"]
    return int(bool(lanes["calls_turned_away"] or lanes["missing"] or not found["p99_lanes_to_fifo"] < BAR))


if __name__ == "__main__":
    sys.exit(main())
