"""Fifty clients at one core: ``python -m benchmarks.fanout [--quick] [--json FILE]``.

A core with its door in one process, fifty clients on real sockets in another, entries at 200/s and at 1,000/s in
commits of five, a third of them with sealed values. ``shared`` is the product; ``per_client`` is the same door encoding
each commit anew for every client, the named baseline. Exit status 1 where clients of one clearance do not end with the
core's view digest, where entries are not encoded once, where the core grows past its bound with one client that does
not read, or where an entry-to-client p99 of ``shared`` misses 250 ms at 200/s or 1 s at 1,000/s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import unix_connect

from console.clearance import clearance_of
from console.commander import Commander
from console.core import Core, Draft
from console.desk import Desk, Located, Way
from console.executor import Executor
from console.gate import DrillGate, Hello, Seat
from console.link import MAX_FRAME, Link
from console.people import Person
from console.web import fanout
from console.web.api import Door
from console.web.frames import encode, entry_frame
from picture import events as ev
from picture.clock import SteadyClock
from picture.journal import SqliteJournal
from picture.model import Proposal, Unit
from picture.sealing import Keyring, core_signing_key

ROOT = Path(__file__).resolve().parent.parent
SEATS = (*["operator"] * 30, *["observer"] * 15, *["supervisor"] * 5)
"""Who the fifty are; the position says the role here."""
RATES = {200: 250.0, 1000: 1000.0}
"""Entries a second: the p99 to reach, in ms."""
COMMIT = 5
UNITS, SENSORS = 60, 200
BURST = 36_000
SLACK_MB = 48
"""What the core may grow by in a burst besides what may wait for one client."""


class Nowhere:
    """A city that knows nothing: nobody asks the way here."""

    def find(self, said: str) -> Sequence[Located]:
        return ()

    def describe(self, lon: float, lat: float) -> str:
        return ""

    def way(self, unit: Unit, lon: float, lat: float, start: tuple[float, float] | None = None) -> Way | None:
        return None


class ByPosition(DrillGate):
    """Takes the role from the position, so that clearances differ."""

    def admit(self, hello: Hello) -> Seat:
        person = Person(hello.person, hello.position, "EOC", hello.position)
        return Seat(person, clearance_of(hello.position), hello.client)


class PerClient(fanout.Fanout):
    """The baseline: every commit spelled anew for every client, as soon as it is there."""

    def flush(self) -> None:
        entries, self._pending = self._pending, []
        if not entries:
            return
        for client in list(self.clients):
            name, unsealed = client.channel
            withheld = fanout.CLEARANCES[name].withheld
            frames = []
            for entry in entries:
                if entry.kind in withheld:
                    frames.append(fanout.withheld_frame(entry))
                    continue
                self.encoded += 1
                values = self._core.journal.opened(entry) if unsealed and entry.sealed else {}
                frames.append(entry_frame(entry, values))
            self._put(client, encode({"type": "entries", "entries": frames, **self._time()}))


class RealTime:
    """The clock a live core tells."""

    speed, paused = 1.0, False

    def target_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def catch_up(self) -> None:
        """It is always now."""


# --- the core's process -------------------------------------------------------------------------------------------


class CoreProcess:
    """A core, its door and its load; takes orders as lines of JSON and answers each with one."""

    def __init__(self, folder: Path, naive: bool) -> None:
        if naive:
            fanout.Fanout = PerClient  # type: ignore[misc]
            from console.web import api

            api.Fanout = PerClient  # type: ignore[misc]
            fanout.TICK_S = 0.0
        keys = folder / "keys"
        journal = SqliteJournal(
            folder / "journal", "live.bench", keyring=Keyring(keys), signing_key=core_signing_key(keys)
        )
        self.core = Core(journal=journal, clock=SteadyClock(), seed="bench")
        nothing: Sequence[ev.Event] = ()

        def carry_out(proposal: Proposal) -> Sequence[ev.Event]:
            return nothing

        desk, executor = Desk(self.core, Nowhere()), Executor(self.core, carry_out)
        self.core.record([Draft(event) for event in self._first_words()])
        commander = Commander(self.core, desk, executor)
        gate = ByPosition(lambda _name: False)
        self.door = Door(self.core, commander, RealTime(), gate, lambda: None, folder / "city.pack")
        self.socket = folder / "core.sock"
        self.rng = Random(7)

    def _first_words(self) -> Iterable[ev.Event]:
        yield ev.WorldOpened(site="Bench", world="live", city="none", start_ms=time.time_ns() // 1_000_000)
        for number in range(UNITS):
            yield ev.UnitRegistered(
                id=f"E{number}", name=f"E{number}", agency="MFD", nims_kind="Fire Engine", nims_type=1, station="FS-1",
                home_lon_e7=-300_000_000, home_lat_e7=460_000_000, profile="engine", wading_mm=500, crew=4,
            )  # fmt: skip
        for number in range(SENSORS):
            yield ev.SensorRegistered(id=f"G-{number}", quantity="water_level", name=f"Gauge {number}",
                                      lon_e7=-300_000_000, lat_e7=460_000_000)  # fmt: skip

    def _drafts(self, count: int) -> list[Draft]:
        drafts = []
        for _ in range(count):
            if self.rng.random() < 1 / 3:
                lon, lat = (base + self.rng.randrange(10**6) for base in (-300_000_000, 460_000_000))
                event: ev.Event = ev.UnitLocated(unit=f"E{self.rng.randrange(UNITS)}", lon_e7=lon, lat_e7=lat)
            else:
                value = self.rng.randrange(4000) / 1000
                name = f"G-{self.rng.randrange(SENSORS)}"
                event = ev.SensorUpdated(id=name, quantity="water_level", unit="m", value=value)
            drafts.append(Draft(event))
        return drafts

    async def run(self) -> None:
        config = uvicorn.Config(self.door.app(), uds=str(self.socket), log_config=None, lifespan="off",
                                timeout_graceful_shutdown=0)  # fmt: skip
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        beating = asyncio.create_task(self.door.beat())
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            answer = await getattr(self, order.pop("do"))(**order)
            print(json.dumps(answer), flush=True)
        server.should_exit = True
        beating.cancel()
        await asyncio.wait([serving, beating])
        self.core.journal.close()

    async def state(self) -> dict[str, Any]:
        return {"clients": self.door.clients, "head": self.core.home.seq, "mb": _rss_mb()}

    async def load(self, rate: int, seconds: float) -> dict[str, Any]:
        """Entries at a pace, and what they cost this process."""
        encoded, head = self.door.fanout.encoded, self.core.home.seq
        cpu, began, sent = time.process_time(), time.monotonic(), 0
        while sent < rate * seconds:
            due = int((time.monotonic() - began) * rate) - sent
            if due >= COMMIT:
                self.core.record(self._drafts(COMMIT))
                sent += COMMIT
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(0.002)
        took = time.monotonic() - began
        await asyncio.sleep(0.5)
        return {
            "entries": self.core.home.seq - head,
            "per_s": round(sent / took),
            "pace_kept": sent / took >= 0.9 * rate,
            "encoded": self.door.fanout.encoded - encoded,
            "core_cpu_ms_per_entry": round((time.process_time() - cpu) * 1000 / sent, 3),
        }

    async def burst(self, count: int) -> dict[str, Any]:
        """As fast as it can, with whoever does not read: how much it grows."""
        before, clients, most = _rss_mb(), self.door.clients, 0.0
        for _ in range(count // 100):
            self.core.record(self._drafts(100))
            most = max(most, _rss_mb())
            await asyncio.sleep(fanout.TICK_S / 2)
        return {"entries": count, "grew_mb": round(most - before, 1), "let_go": clients - self.door.clients}

    async def digests(self) -> dict[str, Any]:
        views = {name: (await self.door.fanout.views.view(name)).copy() for name in ("observer", "operator", "full")}
        return {name: view.digest() for name, view in views.items()}


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


# --- the clients ----------------------------------------------------------------------------------------------------


class Client:
    """A real ``Link``, read from a real socket at once and folded after the load: one machine cannot fold fifty times
    what fifty machines fold once each, and the question is when an entry reaches a client."""

    def __init__(self, core: Path, number: int) -> None:
        key = Ed25519PrivateKey.from_private_bytes(bytes([number + 1]) * 32)
        self.link = Link(core, f"P-{number}", SEATS[number], key)
        self.core = core
        self.heard: list[tuple[float, str]] = []

    async def follow(self) -> None:
        async with unix_connect(str(self.core), "ws://core/link", max_size=MAX_FRAME, compression=None) as wire:
            await wire.send(encode(self.link._hello()))
            async for text in wire:
                self.heard.append((time.time() * 1000, str(text)))

    def fold(self) -> list[float]:
        """Folds what was heard; milliseconds from recording to arrival of each entry that came as one."""
        waits = []
        for at_ms, text in self.heard:
            frame = json.loads(text)
            if frame["type"] not in ("entries", "snapshot", "hello"):
                continue
            seen = self.link.picture.home.seq
            self.link._take(frame)
            waits += [
                at_ms - (one["withheld"][4] if "withheld" in one else one["recorded_ms"])
                for one in frame.get("entries", ())
                if (one["withheld"][1] if "withheld" in one else one["seq"]) > seen
            ]
        self.heard.clear()
        return waits


class Stage:
    """A core process and its clients."""

    def __init__(self, folder: Path, naive: bool = False, count: int = len(SEATS)) -> None:
        self.folder, self.naive = folder, naive
        self.clients = [Client(folder / "core.sock", number) for number in range(count)]

    async def __aenter__(self) -> Stage:
        command = [sys.executable, "-m", "benchmarks.fanout", "--core", str(self.folder)]
        self.process = await asyncio.create_subprocess_exec(
            *command, *(["--naive"] if self.naive else []), cwd=ROOT, limit=1 << 20,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        while not (self.folder / "core.sock").exists():
            await asyncio.sleep(0.05)
        self.following = [asyncio.create_task(one.follow()) for one in self.clients]
        while (await self.order("state"))["clients"] < len(self.clients):
            await asyncio.sleep(0.1)
        await self.caught_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.following:
            task.cancel()
        await asyncio.wait(self.following)
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()

    async def order(self, what: str, **given: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **given}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer

    async def caught_up(self) -> list[float]:
        """Waits until nothing more arrives, folds it all, and gives the waits of every entry at every client."""
        while not self._have((await self.order("state"))["head"]):
            await asyncio.sleep(0.2)
        return [wait for one in self.clients for wait in one.fold()]

    def _have(self, head: int) -> bool:
        """Whether a beat told every client of this head; beats come after what they speak of."""
        return all(any(f'"head":{head},' in text for _, text in one.heard[-3:]) for one in self.clients)

    async def measured(self, rate: int, seconds: float) -> dict[str, Any]:
        cost = await self.order("load", rate=rate, seconds=seconds)
        waits = sorted(await self.caught_up())
        return cost | {"p50_ms": round(_rank(waits, 0.5), 1), "p99_ms": round(_rank(waits, 0.99), 1),
                       "arrivals": len(waits)}  # fmt: skip

    async def agree(self) -> bool:
        """Whether all clients of one clearance hold the core's view."""
        views = await self.order("digests")
        return all(one.link.picture.digest() == views[clearance_of(one.link.position)] for one in self.clients)

    async def stalled(self, count: int) -> dict[str, Any]:
        """A burst, with one more client that says hello and never reads."""
        loop, slow = asyncio.get_running_loop(), socket.socket(socket.AF_UNIX)
        slow.setblocking(False)
        await loop.sock_connect(slow, str(self.folder / "core.sock"))
        await loop.sock_sendall(
            slow,
            b"GET /link HTTP/1.1\r\nHost: core\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        await loop.sock_recv(slow, 4096)
        link = Link(self.folder / "core.sock", "Slow", "operator", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
        text = encode(link._hello()).encode()
        await loop.sock_sendall(slow, bytes([0x81, 0xFE]) + len(text).to_bytes(2, "big") + bytes(4) + text)
        while (await self.order("state"))["clients"] <= len(self.clients):
            await asyncio.sleep(0.05)
        found = await self.order("burst", count=count)
        slow.close()
        await self.caught_up()
        return found


def _rank(values: Sequence[float], share: float) -> float:
    return values[min(math.ceil(share * len(values)), len(values)) - 1] if values else math.nan


# --- the whole ------------------------------------------------------------------------------------------------------


async def run(quick: bool) -> dict[str, Any]:
    """The figures of both ways, and whether what must hold does."""
    seconds = 4.0 if quick else 20.0
    found: dict[str, Any] = {"clients": len(SEATS), "load_average": os.getloadavg()[0]}
    missed: list[str] = []
    for name in ("shared", "per_client"):
        with tempfile.TemporaryDirectory(prefix="tf") as folder:
            async with Stage(Path(folder), name == "per_client") as stage:
                found[name] = {str(rate): await stage.measured(rate, seconds) for rate in RATES}
                found[name]["agree"] = await stage.agree()
                if not found[name]["agree"]:
                    missed.append(f"{name}: a client's picture is not the core's view")
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        async with Stage(Path(folder), count=4) as stage:
            found["stalled"] = await stage.stalled(BURST)
            found["stalled"]["agree"] = await stage.agree()
    missed += _misses(found)
    slow, fast = (found[name]["1000"]["core_cpu_ms_per_entry"] for name in ("per_client", "shared"))
    found["cpu_ratio_at_1000"] = round(slow / fast, 2)
    found["missed"] = missed
    return found


def _misses(found: dict[str, Any]) -> Iterable[str]:
    for rate, bar_ms in RATES.items():
        one = found["shared"][str(rate)]
        if one["encoded"] != one["entries"]:
            yield f"{one['encoded']} encodings of {one['entries']} entries at {rate}/s"
        if not one["p99_ms"] <= bar_ms:
            yield f"p99 {one['p99_ms']} ms at {rate}/s"
    stalled = found["stalled"]
    if stalled["let_go"] != 1 or not stalled["agree"]:
        yield "the client that does not read was not let go, or others suffered"
    if stalled["grew_mb"] > fanout.QUEUE_BYTES / 2**20 + SLACK_MB:
        yield f"the core grew by {stalled['grew_mb']} MB with one client stalled"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four seconds at each pace")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--core", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--naive", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.core:
        asyncio.run(_core(chosen.core, chosen.naive))
        return 0
    found = asyncio.run(run(chosen.quick))
    text = json.dumps(found, indent=2)
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 1 if found["missed"] else 0


async def _core(folder: Path, naive: bool) -> None:
    await CoreProcess(folder, naive).run()


if __name__ == "__main__":
    sys.exit(main())
