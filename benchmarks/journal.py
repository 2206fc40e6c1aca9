"""The journal against sqlite-utils ``insert_all``, in one run: ``python -m benchmarks.journal``.

All take the same JSON documents, validate them with the same pydantic models, serialise them again and wait for the
disk (WAL, ``synchronous=FULL``). ``plain`` is one call of ``insert_all`` for each batch, which commits every 99 rows;
``one tx`` is the same inside one transaction; neither has a chain. ``alike`` is ``insert_all`` of our chained rows.
Ours alone also commits a batch whole, keeps commit ids, signs heads and hands back the entries that reading gives.

``paced`` are 10,000 events a second in batches of 100: how long a batch took, with the log moved in the background as
it is, and with SQLite's own automatic checkpoint instead. ``replay`` is decode, chain check and fold. Only the ratios
mean something on another machine. A journal that does not verify ends the run with status 1.
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
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from picture.entry import Actor, NewEntry, canonical
from picture.events import Event, ReportReceived, VesselUpdated
from picture.fold import Picture
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

    def __init__(self, folder: Path, *, chained: bool, together: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.database = Database(folder / "plain.sqlite")
        self.database.enable_wal()
        self.database.conn.execute("PRAGMA synchronous = FULL")
        self.table = self.database.table("entries", pk="seq")
        self.actor = canonical({"person": ACTOR.person}).decode()
        self.seq = self.commits = 0
        self.chained = chained
        self.together = together
        self.prev = GENESIS

    def append(self, model: type[Event], documents: list[bytes]) -> None:
        events = [model.model_validate_json(text) for text in documents]
        self.commits += 1
        with self.database.atomic() if self.together else nullcontext():
            self.table.insert_all(self._rows(events) if self.chained else self._plain(events))
        self.seq = self.seq if self.chained else self.seq + len(events)

    def _plain(self, events: list[Event]) -> Iterator[dict[str, Any]]:
        return (
            {
                "seq": self.seq + at, "commit_id": f"c-{self.commits}", "commit_index": at, "kind": event.kind,
                "kind_v": event.version, "at_ms": NOON_MS, "recorded_ms": NOON_MS, "actor": self.actor, "source": "ais",
                "payload": event.model_dump_json(exclude_none=True),
            }
            for at, event in enumerate(events, 1)
        )  # fmt: skip

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
    rates: dict[str, list[float]] = {"ours": [], "plain": [], "one_tx": [], "alike": []}
    latency: list[float] = []
    for turn in range(rounds):
        with closing(Ours(folder / f"ours-{batch}-{turn}")) as ours:
            rate, took = events_per_s(lambda texts: ours.append(VesselUpdated, texts), documents, batch)
            rates["ours"].append(rate)
            latency += took
        for name in ("plain", "one_tx", "alike"):
            one = SqliteUtils(folder / f"{name}-{batch}-{turn}", chained=name == "alike", together=name == "one_tx")
            with closing(one) as theirs:
                rates[name].append(events_per_s(lambda texts: theirs.append(VesselUpdated, texts), documents, batch)[0])
    cuts = statistics.quantiles(latency, n=100)
    median = {name: statistics.median(found) for name, found in rates.items()}
    ratios = {f"to_{name}": round(median["ours"] / rate, 2) for name, rate in median.items() if name != "ours"}
    per_s = {f"{name}_per_s": round(rate) for name, rate in median.items()}
    return {"batch": batch, **per_s, **ratios, "p50_ms": round(cuts[49] * 1e3, 3), "p99_ms": round(cuts[98] * 1e3, 3)}


PACED_PER_S = 10_000
PACED_BATCH = 100


def paced(folder: Path, seconds: float, rounds: int) -> dict[str, float]:
    """How long a batch took at a steady pace, in ms, both ways of moving the log in turn."""
    documents = tracks(PACED_BATCH)
    took: dict[str, list[float]] = {"background": [], "auto": []}
    for turn in range(rounds):
        for way, found in took.items():
            with closing(Ours(folder / f"{way}-{turn}")) as ours:
                if way == "auto":
                    ours.journal._cleaner.stop()
                    ours.journal._opened_writer().execute("PRAGMA wal_autocheckpoint = 1000")  # SQLite's default
                found.extend(_at_pace(ours, documents, round(seconds * PACED_PER_S / PACED_BATCH)))
    figures: dict[str, float] = {}
    for way, found in took.items():
        cuts = statistics.quantiles(found, n=1000)
        figures |= {
            f"{way}_p50_ms": cuts[499] * 1e3,
            f"{way}_p99_ms": cuts[989] * 1e3,
            f"{way}_p999_ms": cuts[998] * 1e3,
        }
    return {name: round(value, 2) for name, value in figures.items()}


def _at_pace(ours: Ours, documents: list[bytes], batches: int) -> list[float]:
    took = []
    due = time.perf_counter()
    for _ in range(batches):
        due += PACED_BATCH / PACED_PER_S
        time.sleep(max(0.0, due - time.perf_counter()))
        started = time.perf_counter()
        ours.append(VesselUpdated, documents)
        took.append(time.perf_counter() - started)
    return took


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
    """Rates of sealing, reading, replaying and verifying one journal of tracks and calls, and whether it verified."""
    with closing(Ours(folder)) as ours:
        sealed, _ = events_per_s(lambda texts: ours.append(ReportReceived, texts), calls(count // 4), 1000)
        events_per_s(lambda texts: ours.append(VesselUpdated, texts), tracks(count), 1000)
        total = ours.journal.head().seq
        read = sum(1 for _ in ours.journal.read())
        rates = {
            "sealed_calls": sealed,
            "read": _rate(total, lambda: deque(ours.journal.read(), maxlen=0)),
            "replay": _rate(total, lambda: Picture("core").apply_all(ours.journal.replay())),
        }
        started = time.perf_counter()
        report = ours.journal.verify()
        rates["verify"] = total / (time.perf_counter() - started)
    return {f"{name}_per_s": round(rate) for name, rate in rates.items()}, report.ok and read == total


def _rate(total: int, work: Callable[[], object]) -> float:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return total / statistics.median(took)


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
        pace = paced(folder / "paced", seconds=1.5 * scale, rounds=2)
    return {"batches": batches, "group_commit_64_writers_per_s": round(group), **rates, "paced": pace}, verified


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the events")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    figures, verified = run(quick=options.quick)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    columns = ("batch", "ours", "plain", "one_tx", "alike", "to_plain", "to_one_tx", "to_alike", "p50_ms", "p99_ms")
    print("  ".join(f"{name.replace('_', ' '):>9}" for name in columns))
    for line in figures["batches"]:
        print("  ".join(f"{line.get(name, line.get(f'{name}_per_s')):>9}" for name in columns))
    for name in ("group_commit_64_writers", "sealed_calls", "read", "replay", "verify"):
        print(f"{name.replace('_', ' ') + '/s':<32} {figures[f'{name}_per_s']:>9}")
    for name, value in figures["paced"].items():
        print(f"{'paced ' + name.replace('_', ' '):<32} {value:>9}")
    if not verified:
        print("The journal did not verify.", file=sys.stderr)
    return 0 if verified else 1


if __name__ == "__main__":
    sys.exit(main())
