"""Any instant of a long journal, from snapshots against plain replay, in one run: ``python -m benchmarks.history``.

The journal is generated with ``synchronous=OFF`` (how it is written is not the question here) and folded meanwhile
as a core does, which offers its picture to the snapshots after every commit. Ten thousand live entities move in it;
what has ended stays on the picture and grows with the length. Then instants are asked for over a reader of its own:
at random, forwards and backwards by large steps, and entry by entry in both directions. ``cold`` opens everything
anew for each instant. The baseline applies every entry from the first on. Exit 1 where a past picture is not the
replayed one, the snapshots take over 10 % of the journal, or an instant runs for over 500 ms: ``ran`` is time on a
processor, while the wall clock also counts what else the machine did.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count as count_ms
from operator import sub
from pathlib import Path
from random import Random
from typing import Any, Final

from picture import events as ev
from picture.entry import Actor, NewEntry
from picture.events import Event
from picture.fold import Picture
from picture.history import History
from picture.journal import JournalReader, SqliteJournal
from picture.journal.snapshots import Snapshots, snapshot_key
from picture.sealing import Keyring, core_signing_key

START_MS: Final = 1_795_348_800_000
LIMIT_MS: Final = 500
COMMIT: Final = 500
SYSTEM: Final = Actor("system:ingest")


class Town:
    """A town in which much goes on: ships, crews, gauges, calls, alarms. The same seed gives the same events."""

    def __init__(self, live: int, dice: Random, prefix: str = "") -> None:
        """``prefix`` keeps the ids of two cores apart."""
        self.dice = dice
        self.prefix = prefix
        self.ships, self.crews, self.gauges = live * 35 // 100, live * 20 // 100, live * 15 // 100
        self.open: list[str] = []
        self.sent: deque[str] = deque(maxlen=live * 7 // 100)
        self.standing: deque[str] = deque(maxlen=live * 3 // 100)
        self.wanted = live - self.ships - self.crews - self.gauges - live // 10
        self.count = 0

    def first(self) -> list[Event]:
        """The world and its crews."""
        world = ev.WorldOpened(site="Port Meridian", world="drill", city="port-meridian", start_ms=START_MS)
        crews = [
            ev.UnitRegistered(
                id=f"U{n}", name=f"Engine {n}", agency="MFD", nims_kind="Fire Engine", nims_type=1,
                station=f"FS-{n % 9}", home_lon_e7=n, home_lat_e7=n, profile="engine", wading_mm=500, crew=4,
            )
            for n in range(self.crews)
        ]  # fmt: skip
        return [world, *crews]

    def next(self) -> list[Event]:
        """What happens next: one event, or a few that belong together."""
        self.count += 1
        roll = self.dice.random()
        if len(self.open) < self.wanted and self.count % 4 == 0:
            return self.call()
        if roll < 0.55:
            return [self.ship()]
        if roll < 0.75:
            return [self.position()]
        if roll < 0.93:
            return [self.gauge()]
        return self.call() if roll < 0.95 else self.work()

    def ship(self) -> Event:
        n, dice = self.dice.randrange(self.ships), self.dice
        return ev.VesselUpdated(
            mmsi=211_000_000 + n, name=f"MERIDIAN STAR {n}", ship_type=70, lon_e7=103_000_000 + dice.randrange(10**6),
            lat_e7=540_000_000 + dice.randrange(10**6), speed_mmps=dice.randrange(9000),
            course_cdeg=dice.randrange(36_000), heading_deg=dice.randrange(360), nav_status=0, length_m=180,
            draught_dm=71, destination="PORT MERIDIAN",
        )  # fmt: skip

    def position(self) -> Event:
        n = self.dice.randrange(10**6)
        return ev.UnitLocated(unit=f"U{self.dice.randrange(self.crews)}", lon_e7=-300_000_000 + n, lat_e7=n)

    def gauge(self) -> Event:
        n = self.dice.randrange(self.gauges)
        return ev.SensorUpdated(
            id=f"TG-{n}", quantity="water_level", unit="m",
            value=(1500 + abs(self.count % 40_000 - 20_000) // 10 + self.dice.randrange(20)) / 1000,
            lon_e7=103_000_000 + n, lat_e7=540_000_000 + n,
        )  # fmt: skip

    def call(self) -> list[Event]:
        name = f"I-{self.prefix}{self.count}"
        self.open.append(name)
        opened = ev.IncidentOpened(
            incident=name, incident_kind="flood", title=f"Water in the cellar {self.count}",
            priority=1 + self.count % 4, lon_e7=103_000_000 + self.count, lat_e7=540_000_000,
            place_label="Customs Quay near Wharf Street",
        )  # fmt: skip
        linked = ev.ReportLinked(
            incident=name, report_entry=1, feed="calls", report_at_ms=START_MS, grade="B2", score_c=420,
            evidence=(("near", 220, "80 m away"), ("kind", 200, "the same kind")), has=("text", "caller"),
        )  # fmt: skip
        return [opened, linked]

    def work(self) -> list[Event]:
        """Somebody is sent, comes back, an alarm is raised, an incident ends."""
        at = self.dice.randrange(len(self.open)) if self.open else 0
        incident = self.open[at] if self.open else ""
        if self.count % 3 == 0 and len(self.open) >= self.wanted:
            self.open[at] = self.open[-1]
            self.open.pop()
            return [ev.IncidentClosed(incident=incident, result_code="done")]
        if self.count % 3 == 1:
            return self.send(incident)
        return self.alarm(incident)

    def send(self, incident: str) -> list[Event]:
        """A crew is sent; where enough are on their way, the first of them is done."""
        done = [ev.AssignmentEnded(id=self.sent[0], status="done")] if len(self.sent) == self.sent.maxlen else []
        self.sent.append(f"A-{self.prefix}{self.count}")
        sent = ev.UnitAssigned(
            id=self.sent[-1], unit=f"U{self.dice.randrange(self.crews)}", incident=incident, to_lon_e7=1,
            to_lat_e7=2, to_label="Customs Quay", streets=("Wharf Street", "Customs Quay"), length_m=2300,
        )  # fmt: skip
        return [*done, sent]

    def alarm(self, incident: str) -> list[Event]:
        """An alarm is raised; where enough of them stand, the oldest is cleared."""
        full = len(self.standing) == self.standing.maxlen
        cleared = [ev.AlarmChanged(id=self.standing[0], state="cleared")] if full else []
        self.standing.append(f"AL-{self.prefix}{self.count}")
        raised = ev.AlarmRaised(
            id=self.standing[-1], priority=2, title="Crew silent", cause_words="no position for ten minutes",
            consequence="nobody knows where it is", action="call it", time_to_act_s=120, subject=incident,
            key=f"silent/{self.count}",
        )  # fmt: skip
        return [*cleared, raised]


@dataclass
class World:
    """A generated journal, its snapshots' place and key."""

    folder: Path
    stream: str = "core"

    def journal(self) -> SqliteJournal:
        keys = self.folder / "keys"
        return SqliteJournal(
            self.folder / "journal", self.stream, keyring=Keyring(keys), signing_key=core_signing_key(keys),
            synchronous="OFF",
        )  # fmt: skip

    def snapshots(self, journal: Any) -> Snapshots:
        return Snapshots(self.folder / "snapshots", journal, key=snapshot_key(core_signing_key(self.folder / "keys")))

    def journal_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / "journal").glob("segment-*.sqlite"))


def generate(world: World, count: int, town: Town, *, step_ms: int = 250) -> tuple[Picture, float]:
    """A journal of ``count`` entries as a core writes, folds and snapshots it: its last picture, and the seconds."""
    journal = world.journal()
    snapshots = world.snapshots(journal)
    picture = Picture(world.stream)
    waiting = town.first()
    started, seq = time.perf_counter(), 0
    while seq < count:
        while len(waiting) < COMMIT:
            waiting += town.next()
        batch, waiting = waiting[: min(COMMIT, count - seq)], waiting[COMMIT:]
        entries = [
            NewEntry(event, at_ms - town.dice.randrange(900), at_ms, SYSTEM, source="town")
            for at_ms, event in zip(count_ms(START_MS + seq * step_ms, step_ms), batch, strict=False)
        ]
        for entry in journal.append_now(entries, commit_id=f"c-{seq}").entries:
            picture.apply(entry)
        seq = picture.home.seq
        snapshots.offer(picture, entry)
    took = time.perf_counter() - started
    snapshots.close()
    journal.close()
    return picture, took


def figures(latencies: Iterable[Timed]) -> dict[str, float]:
    """p50, p95 (nearest rank) and the largest in milliseconds, of the wall clock and of what was run (``ran``)."""
    found: dict[str, float] = {}
    for name, seconds in zip(("", "ran_"), zip(*latencies, strict=True), strict=True):
        ms = sorted(one * 1e3 for one in seconds)
        found["trials"] = len(ms)
        found |= {
            f"{name}p50_ms": round(statistics.median(ms), 1),
            f"{name}p95_ms": round(ms[-(-len(ms) * 95 // 100) - 1], 1),
            f"{name}max_ms": round(ms[-1], 1),
        }
    return found


Timed = tuple[float, float]
"""Seconds of the wall clock, and of this process on a processor."""


def timed(look: Callable[[], Any]) -> Timed:
    started, ran = time.perf_counter(), time.process_time()
    look()
    return time.perf_counter() - started, time.process_time() - ran


def ask(world: World, count: int, trials: int, dice: Random) -> dict[str, dict[str, float]]:
    """How long instants take, by how one comes to them."""
    stride = count // (trials + 1)
    places = {
        "random": [dice.randrange(count) + 1 for _ in range(trials)],
        "forwards": [stride * n + 1 for n in range(1, trials + 1)],
        "backwards": [stride * n for n in range(trials, 0, -1)],
        "entry by entry, forwards": [count // 2 + n for n in range(trials)],
        "entry by entry, backwards": [count // 3 - n for n in range(trials)],
    }
    found: dict[str, dict[str, float]] = {}

    def cold() -> None:
        with JournalReader(world.folder / "journal") as reader:
            snapshots = world.snapshots(reader)
            History(reader, snapshots).at_seq(dice.randrange(count) + 1)
            snapshots.close()

    found["cold"] = figures(timed(cold) for _ in range(trials // 2))
    for name, instants in places.items():
        with JournalReader(world.folder / "journal") as reader:
            snapshots = world.snapshots(reader)
            history = History(reader, snapshots)
            found[name] = figures([timed(partial(history.at_seq, at)) for at in instants])
            snapshots.close()
    return found


def run(*, quick: bool, count: int, live: int) -> tuple[dict[str, Any], list[str]]:
    """Every figure, and what is wrong."""
    dice = Random(4)
    with tempfile.TemporaryDirectory() as scratch:
        world = World(Path(scratch))
        picture, generated_s = generate(world, count, Town(live, dice))
        records, last = sum(len(table) for table in _tables(picture)), picture.digest()
        del picture
        gc.collect()
        asked = ask(world, count, 12 if quick else 40, dice)
        with JournalReader(world.folder / "journal") as reader:
            snapshots = world.snapshots(reader)
            middle, plain = count // 2, Picture(world.stream)
            plain_s, plain_ran_s = timed(lambda: plain.apply_all(reader.read(0, middle)))
            same = History(reader, snapshots).at_seq(middle).digest() == plain.digest()
            restart_s, restart_ran_s = timed(lambda: _restarted(snapshots, reader))
            whole = _restarted(snapshots, reader).digest() == last
            share = snapshots.used_bytes / world.journal_bytes()
            places = snapshots.seqs()
            kept, gap = len(places), max(map(sub, [*places, count], [0, *places]))
            snapshots.close()
    slowest = max(one["ran_max_ms"] for one in asked.values())
    wrong = [] if same and whole else ["a past picture is not the replayed one"]
    wrong += [f"snapshots take {share:.1%} of the journal"] if share > 0.10 else []
    wrong += [f"an instant ran for {slowest:.0f} ms"] if slowest > LIMIT_MS else []
    return {
        "entries": count, "live": live, "records_at_end": records, "asked": asked,
        "generated_per_s": round(count / generated_s), "plain_replay_to_middle_ms": round(plain_s * 1e3),
        "plain_ran_per_s": round(middle / plain_ran_s),
        "ratio_to_random_p50": round(plain_ran_s * 1e3 / asked["random"]["ran_p50_ms"]),
        "snapshots": kept, "largest_gap": gap, "snapshot_share_percent": round(share * 100, 2),
        "restart_ms": round(restart_s * 1e3),
        "restart_ran_ms": round(restart_ran_s * 1e3), "load_average": round(os.getloadavg()[0], 2),
    }, wrong  # fmt: skip


def _restarted(snapshots: Snapshots, reader: JournalReader) -> Picture:
    picture = snapshots.newest() or Picture(reader.stream)
    return picture.apply_all(reader.read(picture.home.seq))


def _tables(picture: Picture) -> list[dict[str, Any]]:
    return [part for name in picture.home.__slots__ if isinstance(part := getattr(picture.home, name), dict)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="60,000 entries instead of a million")
    parser.add_argument("--entries", type=int, metavar="N", help="another length")
    parser.add_argument("--live", type=int, default=10_000, metavar="N", help="live entities (default 10,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    count = options.entries or (60_000 if options.quick else 1_000_000)
    found, wrong = run(quick=options.quick, count=count, live=options.live)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{found['entries']:,} entries, {found['live']:,} live, {found['records_at_end']:,} records at the end")
    print(f"{'':<28} {'trials':>6} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8} {'ran p50':>8} {'p95':>8} {'max':>8}")
    for name, one in found["asked"].items():
        print(f"{name:<28} {one['trials']:>6}", *(f"{value:>8}" for key, value in one.items() if key != "trials"))
    for name, value in found.items():
        if not isinstance(value, dict):
            print(f"{name.replace('_', ' '):<28} {value:>6}")
    for one in wrong:
        print(f"Wrong: {one}.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
