"""The journal against sqlite-utils ``insert_all``, in one run: ``python -m benchmarks.journal``.

All take the same JSON documents, validate them with the same pydantic models and wait for the disk (WAL,
``synchronous=FULL``). ``alike`` is sqlite-utils storing the same chained rows; ``plain`` has no chain at all.
Ours alone also keeps commit ids, signs heads and hands back entries. Prints a table, or writes JSON with
``--json FILE``. Only the ratios mean something on another machine. A journal that does not verify ends the run
with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from picture.entry import Actor, NewEntry, canonical
from picture.events import Event, ReportReceived, VesselUpdated
from picture.journal import GENESIS, GroupCommit, SqliteJournal
from picture.journal.chain import chained, encoded
from picture.reports import IncidentReport
from picture.sealing import Keyring, core_signing_key

NOON_MS = 1_795_348_800_000
ACTOR = Actor("system:fusion")


def tracks(count: int) -> list[bytes]:
    """Vessel updates as JSON, about 250 bytes each."""
    return [
        VesselUpdated(
            mmsi=211_000_000 + n, name=f"MERIDIAN STAR {n}", ship_type=70, lon_e7=103_000_000 + n,
            lat_e7=540_000_000 - n, speed_mmps=5100, course_cdeg=27_100, heading_deg=271, nav_status=0, length_m=180,
            draught_dm=71,            destination="PORT MERIDIAN",
        ).model_dump_json().encode()
        for n in range(count)
    ]  # fmt: skip


def calls(count: int) -> list[bytes]:
    """Emergency calls as JSON: four sealed values each."""
    return [
        ReportReceived(
            report=IncidentReport(
                at_ms=NOON_MS, incident_kind="flood", text=f"water in the cellar {n}", caller="A",
                call_back="+1-555-0100",
            ),
            size=300, sha256="0" * 64, raw="eyJyZXBvcnQiOiAiZmxvb2QifQ==" * 10,
        ).model_dump_json().encode()
        for n in range(count)
    ]  # fmt: skip


class Ours:
    """A fresh journal in a folder."""

    def __init__(self, folder: Path) -> None:
        keys = folder / "keys"
        self.journal = SqliteJournal(
            folder / "journal", "core", keyring=Keyring(keys), signing_key=core_signing_key(keys)
        )
        self.commits = 0

    def append(self, model: type[Event], documents: list[bytes]) -> None:
        entries = [
            NewEntry(model.model_validate_json(text), NOON_MS, NOON_MS, ACTOR, source="ais") for text in documents
        ]
        self.commits += 1
        self.journal.append_now(entries, commit_id=f"c-{self.commits}")

    def close(self) -> None:
        self.journal.close()


class SqliteUtils:
    """The same documents through ``insert_all``: ``chained`` as our rows, or else the way one writes it first."""

    def __init__(self, folder: Path, *, chained: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.database = Database(folder / "plain.sqlite")
        self.database.enable_wal()
        self.database.conn.execute("PRAGMA synchronous = FULL")
        self.table = self.database.table("entries", pk="seq")
        self.actor = canonical({"person": ACTOR.person}).decode()
        self.seq = self.commits = 0
        self.chained = chained
        self.prev = GENESIS

    def append(self, model: type[Event], documents: list[bytes]) -> None:
        events = [model.model_validate_json(text) for text in documents]
        self.commits += 1
        if self.chained:
            self.table.insert_all(self._rows(events))
            return
        self.table.insert_all(
            {
                "seq": self.seq + at, "commit_id": f"c-{self.commits}", "commit_index": at, "kind": event.kind,
                "kind_v": event.version, "at_ms": NOON_MS, "recorded_ms": NOON_MS, "actor": self.actor, "source": "ais",
                "payload": event.model_dump_json(exclude_none=True),
            }
            for at, event in enumerate(events, 1)
        )  # fmt: skip
        self.seq += len(events)

    def _rows(self, events: list[Event]) -> Iterator[dict[str, Any]]:
        first = self.seq + 1
        for index, event in enumerate(events):
            new = NewEntry(event, NOON_MS, NOON_MS, ACTOR, source="ais")
            row = chained(
                "core", new, seq=first + index, commit_id=f"c-{self.commits}", index=index,
                clear=(encoded(event)[0], b""), prev=self.prev,
            )  # fmt: skip
            self.prev, self.seq = row.hash, row.seq
            yield row._asdict()

    def close(self) -> None:
        self.database.close()


def events_per_s(
    append: Callable[[list[bytes]], None], documents: list[bytes], batch: int
) -> tuple[float, list[float]]:
    """Events a second, and the seconds each batch took."""
    took = []
    for at in range(0, len(documents), batch):
        started = time.perf_counter()
        append(documents[at : at + batch])
        took.append(time.perf_counter() - started)
    return len(documents) / sum(took), took


def compare(folder: Path, batch: int, count: int, rounds: int) -> dict[str, float]:
    """Median rates of both, their ratio, and our latency; rounds alternate, so that both meet the same noise."""
    documents = tracks(count)
    ours_s: list[float] = []
    alike_s: list[float] = []
    plain_s: list[float] = []
    latency: list[float] = []
    for turn in range(rounds):
        with closing(Ours(folder / f"ours-{batch}-{turn}")) as ours:
            rate, took = events_per_s(lambda texts: ours.append(VesselUpdated, texts), documents, batch)
            ours_s.append(rate)
            latency += took
        for kept, rates in ((True, alike_s), (False, plain_s)):
            with closing(SqliteUtils(folder / f"theirs-{kept}-{batch}-{turn}", chained=kept)) as theirs:
                rates.append(events_per_s(lambda texts: theirs.append(VesselUpdated, texts), documents, batch)[0])
    cuts = statistics.quantiles(latency, n=100)
    ours_rate, alike, plain = (statistics.median(rates) for rates in (ours_s, alike_s, plain_s))
    return {
        "batch": batch, "ours_per_s": round(ours_rate), "alike_per_s": round(alike), "plain_per_s": round(plain),
        "to_alike": round(ours_rate / alike, 2), "to_plain": round(ours_rate / plain, 2),
        "p50_ms": round(cuts[49] * 1e3, 3), "p99_ms": round(cuts[98] * 1e3, 3),
    }  # fmt: skip


async def grouped(folder: Path, count: int, writers: int = 64) -> float:
    """Events a second of writers who each wait for their own commit of one event."""
    texts = tracks(count)
    async with GroupCommit(Ours(folder).journal) as journal:

        async def write(own: int) -> None:
            for at in range(own, count, writers):
                event = VesselUpdated.model_validate_json(texts[at])
                await journal.append([NewEntry(event, NOON_MS, NOON_MS, ACTOR)], commit_id=f"g-{at}")

        started = time.perf_counter()
        await asyncio.gather(*(write(own) for own in range(writers)))
        return count / (time.perf_counter() - started)


def reading(folder: Path, count: int) -> tuple[dict[str, float], bool]:
    """Rates of sealing, reading and verifying one journal of tracks and calls, and whether it verified."""
    with closing(Ours(folder)) as ours:
        sealed, _ = events_per_s(lambda texts: ours.append(ReportReceived, texts), calls(count // 4), 1000)
        events_per_s(lambda texts: ours.append(VesselUpdated, texts), tracks(count), 1000)
        total = ours.journal.head().seq
        started = time.perf_counter()
        read = sum(1 for _ in ours.journal.read())
        read_s = time.perf_counter() - started
        started = time.perf_counter()
        report = ours.journal.verify()
        verify_s = time.perf_counter() - started
    rates = {"sealed_calls_per_s": sealed, "read_per_s": read / read_s, "verify_per_s": total / verify_s}
    return {name: round(rate) for name, rate in rates.items()}, report.ok and read == total


def run(*, quick: bool) -> tuple[dict[str, Any], bool]:
    """Every figure, and whether the journals verified."""
    scale = 1 if quick else 5
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        gc.freeze()
        batches = [
            compare(folder, batch, count * scale, rounds=3)
            for batch, count in ((1, 300), (10, 2000), (100, 6000), (1000, 10_000))
        ]
        group = asyncio.run(grouped(folder / "group", 2000 * scale))
        rates, verified = reading(folder / "read", 8000 * scale)
    return {"batches": batches, "group_commit_64_writers_per_s": round(group), **rates}, verified


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the events")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    figures, verified = run(quick=options.quick)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(
        f"{'batch':>6} {'ours/s':>9} {'alike/s':>9} {'plain/s':>9} {'to alike':>8} {'to plain':>8}"
        f" {'p50 ms':>8} {'p99 ms':>8}"
    )
    for line in figures["batches"]:
        print(
            f"{line['batch']:>6} {line['ours_per_s']:>9} {line['alike_per_s']:>9} {line['plain_per_s']:>9}"
            f" {line['to_alike']:>8} {line['to_plain']:>8} {line['p50_ms']:>8} {line['p99_ms']:>8}"
        )
    for name in ("group_commit_64_writers_per_s", "sealed_calls_per_s", "read_per_s", "verify_per_s"):
        print(f"{name.replace('_', ' ').replace(' per s', '/s'):<32} {figures[name]:>9}")
    if not verified:
        print("The journal did not verify.", file=sys.stderr)
    return 0 if verified else 1


if __name__ == "__main__":
    sys.exit(main())
