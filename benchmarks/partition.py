"""Two cores of one domain that cannot hear each other for three days, and then can: ``python -m benchmarks.partition``.

Each writes its own stream on a simulated clock (``synchronous=OFF``: how it is written is not the question here).
Afterwards each takes in what it missed from the other's journal, in pieces of another size and while its own entries
go on, checking that every entry follows the one before. Both must come to the same picture and see the same
conflicts, and each must still show what it knew while they were apart. The baseline has no cursor: it builds both
joined pictures anew from the first entry. Exit 1 where anything differs.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.history import COMMIT, START_MS, SYSTEM, Town, World
from picture import events as ev
from picture.conflicts import conflicts
from picture.entry import NewEntry
from picture.events import Event
from picture.fold import Picture
from picture.history import History
from picture.journal import JournalReader

THREE_DAYS_MS: Final = 3 * 24 * 3600 * 1000
TOGETHER: Final = 2_000
"""Entries each writes while they still hear each other, and again while they catch up."""


class Core:
    """One core: its journal, its picture, its own simulated clock."""

    def __init__(self, folder: Path, name: str, live: int) -> None:
        self.name = f"live.{name}"
        self.world = World(folder / name, self.name)
        self.journal = self.world.journal()
        self.picture = Picture(self.name)
        self.town = Town(live, Random(name), prefix=name[0].upper())
        self.waiting: list[Event] = self.town.first()
        self.now_ms = START_MS
        self.heard = {self.name: ""}

    def write(self, count: int, span_ms: int) -> None:
        """``count`` entries, spread over a span of its clock."""
        end_ms, left = self.now_ms + span_ms, count
        while left:
            while len(self.waiting) < COMMIT:
                self.waiting += self.town.next()
            size = min(COMMIT, left)
            batch, self.waiting = self.waiting[:size], self.waiting[size:]
            step_ms = (end_ms - self.now_ms) // left
            times = [self.now_ms + step_ms * (n + 1) for n in range(size)]
            self.now_ms = times[-1]
            self._append([NewEntry(event, at, at, SYSTEM) for event, at in zip(batch, times, strict=True)])
            left -= size

    def hear(self, other: JournalReader, upto: int) -> int:
        """Takes in another core's entries up to one of them, and notes in its own journal how far it came."""
        before = after = self.picture.cursor.get(other.stream, 0)
        for entry in other.read(after, upto):
            if entry.prev != self.heard.get(other.stream, entry.prev):
                raise SystemExit(f"{other.stream}: entry {entry.seq} does not follow the one before")
            self.heard[other.stream] = entry.hash
            self.picture.apply(entry)
            after = entry.seq
        if after > before:
            self.now_ms += 1000
            event = ev.CursorReceived(cursor=((other.stream, after, self.heard[other.stream]),))
            self._append([NewEntry(event, self.now_ms, self.now_ms, SYSTEM)])
        return after - before

    def _append(self, entries: list[NewEntry]) -> None:
        written = self.journal.append_now(entries, commit_id=f"c-{self.picture.home.seq}").entries
        self.picture.apply_all(written)


def heal(north: Core, south: Core, readers: dict[str, JournalReader]) -> int:
    """Each takes in what it missed, in pieces and by turns, while its own entries go on; how many were heard."""
    heard, pieces, left = 0, {north.name: 1_700, south.name: 9_100}, TOGETHER
    while True:
        if left:
            size = min(200, left)
            north.write(size, 60_000)
            south.write(size, 60_000)
            left -= size
        ends = {core.name: core.picture.home.seq for core in (north, south)}
        moved = 0
        for core, other in ((north, south), (south, north)):
            known = core.picture.cursor.get(other.name, 0)
            moved += core.hear(readers[other.name], min(ends[other.name], known + pieces[core.name]))
        heard += moved
        behind = (
            north.picture.cursor[south.name] < ends[south.name],
            south.picture.cursor[north.name] < ends[north.name],
        )
        if not left and not any(behind):
            return heard


def settle(north: Core, south: Core, readers: dict[str, JournalReader]) -> None:
    """Both stop writing and take in the rest; the last word that each writes of the other is taken in as well."""
    ends = {core.name: core.picture.home.seq for core in (north, south)}
    for core, other in ((north, south), (south, north)):
        for entry in readers[other.name].read(core.picture.cursor[other.name], ends[other.name]):
            core.picture.apply(entry)


def rebuilt(home: str, readers: dict[str, JournalReader]) -> Picture:
    """The baseline: everything again, from the first entry of every stream."""
    picture = Picture(home)
    for reader in readers.values():
        picture.apply_all(reader.read())
    return picture


def run(*, entries: int, live: int) -> tuple[dict[str, Any], list[str]]:
    """Every figure, and what is wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        cores = [Core(Path(scratch), name, live) for name in ("north", "south")]
        north, south = cores
        readers = {core.name: JournalReader(core.world.folder / "journal") for core in cores}
        for core in cores:
            core.write(TOGETHER, 600_000)
        for core, other in ((north, south), (south, north)):
            core.hear(readers[other.name], TOGETHER)
        apart_at = north.picture.home.seq
        started = time.perf_counter()
        for core in cores:
            core.write(entries, THREE_DAYS_MS)
        wrote_s = time.perf_counter() - started
        during = north.picture.digest()
        during_at = north.picture.home.seq
        gc.collect()
        gc.freeze()
        started = time.perf_counter()
        heard = heal(north, south, readers)
        settle(north, south, readers)
        healed_s = time.perf_counter() - started
        started = time.perf_counter()
        plain = [rebuilt(core.name, readers) for core in cores]
        rebuilt_s = time.perf_counter() - started
        digests = {picture.digest() for picture in (north.picture, south.picture, *plain)}
        found = conflicts(north.picture)
        others = {south.name: History(readers[south.name])}
        past = History(readers[north.name], others=others)
        wrong = [] if len(digests) == 1 else ["the pictures differ"]
        wrong += [] if found == conflicts(south.picture) else ["the conflicts differ"]
        wrong += [one.words for one in past.conflicts(past.head()) if one.kind == "stream"]
        wrong += [] if past.at_seq(during_at).digest() == during else ["the past of the partition is another"]
        days = (north.now_ms - START_MS) // 86_400_000
        for core in cores:
            readers[core.name].close()
            core.journal.close()
    return {
        "entries_each": entries, "simulated_days": days, "apart_from_entry": apart_at, "heard_after": heard,
        "wrote_per_s": round(2 * entries / wrote_s), "healed_ms": round(healed_s * 1e3),
        "heard_per_s": round(heard / healed_s), "rebuilt_ms": round(rebuilt_s * 1e3),
        "ratio_rebuilt_to_healed": round(rebuilt_s / healed_s, 2), "same_digest": len(digests) == 1,
        "conflicts": dict(Counter(one.kind for one in found)), "digest": sorted(digests)[0],
    }, wrong  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 entries on each side instead of 100,000")
    parser.add_argument("--live", type=int, default=4_000, metavar="N", help="live entities of each core")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    found, wrong = run(entries=10_000 if options.quick else 100_000, live=options.live)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<26} {value}")
    for one in wrong:
        print(f"Wrong: {one}.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
