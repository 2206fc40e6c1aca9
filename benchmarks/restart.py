"""A live core's restart, against folding its journal from the start: ``python -m benchmarks.restart``.

A journal is written as a live core writes it: gauges, ships and crews, in commits of 500, at a pace that puts all of it
within the longest window that any playbook looks back; the worst a restart can meet. Then a process of its own opens
the world until it could listen, its imports not counted: from the snapshots as a core does (``ours``), and with the
snapshots folder gone (``folded``), which is the baseline. Processor time of the whole process is told too: the wall
clock also counts what else the machine did. Exit 1 where the two pictures differ, or ours needs over 1 s of processor.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from console.cli_city import order_of
from console.config import Home, SiteConfig
from console.core import Draft
from console.live import LiveWorld
from picture import events as ev
from picture.clock import SteadyClock
from twin.source import ensure_pack

START_MS: Final = 1_800_000_000_000
COMMIT: Final = 500
LIMIT_S: Final = 1.0


def opened(home: Home, pack: Path, at_ms: int) -> LiveWorld:
    """The live world of a home, by a clock that stands at a time."""
    clock = SteadyClock(lambda: at_ms, lambda: 0.0)
    return LiveWorld(home, SiteConfig(), pack, order_of(home, pack), environ={}, clock=clock)


def written(home: Home, pack: Path, entries: int) -> None:
    """A world's journal of so many entries, its snapshots with it."""
    dice = Random(7)
    now = [START_MS]
    clock = SteadyClock(lambda: now[0], lambda: (now[0] - START_MS) / 1000)
    world = LiveWorld(home, SiteConfig(), pack, order_of(home, pack), environ={}, clock=clock)
    core = world.core
    core._reactors.clear()  # what would follow from them is not asked here
    step_ms = world.engine.longest_window_ms * COMMIT // entries
    while core.home.seq < entries:
        now[0] += step_ms
        core.record([Draft(one) for one in _moves(world, dice)])
    world.snapshots.settle()
    world.close()


def _moves(world: LiveWorld, dice: Random) -> list[ev.Event]:
    sensors, units = list(world.core.home.sensors.values()), list(world.core.home.units)
    found: list[ev.Event] = []
    for number in range(COMMIT):
        if number % 5 < 3:
            one = dice.choice(sensors)
            value = round(dice.uniform(0.0, 1.5), 2)
            found.append(ev.SensorUpdated(id=one.id, quantity=one.quantity, unit="m", value=value))
        elif number % 5 == 3:
            said = dice.choice(("available", "en_route"))
            found.append(ev.UnitStatusChanged(unit=dice.choice(units), local_status=said))
        else:
            lon, lat = -300_000_000 + dice.randrange(1_000_000), 460_000_000 + dice.randrange(1_000_000)
            found.append(ev.VesselUpdated(mmsi=200_000_000 + dice.randrange(300), lon_e7=lon, lat_e7=lat))
    return found


def timed(root: Path, pack: Path) -> dict[str, Any]:
    """What opening the world took in this process, which imported everything before."""
    for late in ("scipy.ndimage", "sqlite_utils"):  # what opening a world imports on its way
        importlib.import_module(late)
    home = Home.at(root)
    wall, ran = time.perf_counter(), time.process_time()
    world = opened(home, pack, START_MS + 10**9)
    took = {"s": time.perf_counter() - wall, "ran_s": time.process_time() - ran, "entries": world.core.home.seq}
    digest = world.core.picture.digest()
    world.close()
    return took | {"digest": digest}


def asked(root: Path, pack: Path) -> dict[str, Any]:
    """The same in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.restart", "--opened", str(root), str(pack)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(entries: int, rounds: int) -> dict[str, Any]:
    """The best of some rounds, each way in turn."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-restart-"))
    try:
        home = Home.at(folder)
        cache = Home.find().cache
        pack = ensure_pack("port-meridian", cache)
        home.root.mkdir(exist_ok=True)
        (home.root / "cache").symlink_to(cache)
        written(home, pack, entries)
        ours, folded = [], []
        kept = folder / "kept"
        shutil.copytree(home.live / "snapshots", kept)
        for _ in range(rounds):
            ours.append(asked(home.root, pack))
            shutil.rmtree(home.live / "snapshots")
            folded.append(asked(home.root, pack))
            shutil.rmtree(home.live / "snapshots", ignore_errors=True)
            shutil.copytree(kept, home.live / "snapshots")
        one, base = min(ours, key=lambda x: float(x["ran_s"])), min(folded, key=lambda x: float(x["ran_s"]))
        return {
            "schema": "tocsin.bench.restart/1", "entries": one["entries"], "load": os.getloadavg()[0],
            "ours": one, "folded": base, "ratio": base["ran_s"] / one["ran_s"],
            "same": len({each["digest"] for each in (*ours, *folded)}) == 1,
        }  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(words: Sequence[str] | None = None) -> int:
    """Exit status."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--quick", action="store_true", help="20,000 entries, one round")
    given.add_argument("--entries", type=int, default=100_000)
    given.add_argument("--json", action="store_true")
    given.add_argument("--opened", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = given.parse_args(words)
    if args.opened:
        print(json.dumps(timed(*args.opened)))
        return 0
    found = measured(20_000 if args.quick else args.entries, 1 if args.quick else 3)
    if args.json:
        print(json.dumps(found))
    else:
        for name in ("ours", "folded"):
            print(f"{name:8} {found[name]['s']:.2f} s, ran {found[name]['ran_s']:.2f} s")
        print(f"{found['entries']} entries: {found['ratio']:.1f} times less processor; load {found['load']:.1f}")
    return 0 if found["same"] and found["ours"]["ran_s"] <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
