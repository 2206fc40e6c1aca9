"""A whole drill headless, as fast as it goes: ``python -m benchmarks.drill``.

Seconds and entries a second of the storm-surge drill, in fresh processes, by the shipped command line; apart from
that, in this process, its journal folded alone (``fold_only``: the least that any core must do with the same entries)
and appended entry by entry with plain sqlite-utils (``plain``: no chain, no fold, no reactions, one commit an entry).
Exit status 1 where two runs differ in their picture or a run takes longer than 20 s.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from picture.entry import Entry
from picture.fold import Picture
from picture.journal import JournalReader

ROOT = Path(__file__).resolve().parent.parent
BAR_S = 20.0
MISSED = 1


def drill(home: Path, out: Path) -> tuple[float, dict[str, Any]]:
    """Wall seconds of the command from start to exit, and its summary."""
    env = dict(os.environ) | {"TOCSIN_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "console.cli", "drill", "storm-surge", "--headless", "--json", "--out", str(out)]
    started = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True, text=True)
    took = time.perf_counter() - started
    if done.returncode not in (0, MISSED):
        raise SystemExit(done.stderr[-2000:])
    summary: dict[str, Any] = json.loads(done.stdout)
    return took, summary


def fold_only(entries: list[Entry], stream: str) -> tuple[float, str]:
    """Seconds to fold the entries, and the picture's digest."""
    started = time.perf_counter()
    picture = Picture(stream).apply_all(entries)
    took = time.perf_counter() - started
    return took, picture.digest()


def plain(entries: list[Entry], path: Path) -> float:
    """Seconds to append them one by one with sqlite-utils, waiting for the disk each time."""
    database = Database(path)
    database.enable_wal()
    database.execute("pragma synchronous=full")
    rows = [{"seq": one.seq, "kind": one.kind, "recorded_ms": one.recorded_ms,
             "event": one.event.model_dump_json()} for one in entries]  # fmt: skip
    table: Any = database["entries"]
    started = time.perf_counter()
    for row in rows:
        table.insert(row, pk="seq")
    took = time.perf_counter() - started
    database.close()
    return took


def run(repeats: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first_s, summary = drill(folder / "home", folder / "out-0")
        times, digests = [], {summary["picture_digest"]}
        for number in range(1, repeats + 1):
            took, again = drill(folder / "home", folder / f"out-{number}")
            times.append(took)
            digests.add(again["picture_digest"])
        with JournalReader(folder / "out-0" / "journal") as reader:
            stream, entries = reader.stream, list(reader.read())
        folds = [fold_only(entries, stream) for _ in range(3)]
        digests |= {digest for _, digest in folds}
        plain_s = statistics.median(plain(entries, folder / f"plain-{number}.db") for number in range(3))
    drill_s, fold_s = statistics.median(times), statistics.median(took for took, _ in folds)
    return {
        "schema": "tocsin.benchmark.drill/1", "runs": repeats, "entries": len(entries),
        "virtual_seconds": summary["virtual_seconds"], "first_run_s": first_s, "drill_s": drill_s,
        "slowest_s": max([first_s, *times]), "entries_per_s": len(entries) / drill_s,
        "times_real_time": summary["virtual_seconds"] / drill_s, "fold_only_s": fold_s, "plain_s": plain_s,
        "drill_times_fold_only": drill_s / fold_s, "drill_times_plain": drill_s / plain_s,
        "same_picture": len(digests) == 1, "load_average": os.getloadavg()[0],
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 where pictures differ or the bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one run after the first")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    chosen = parser.parse_args(arguments)
    found = run(1 if chosen.quick else 5)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for name, value in found.items():
        print(f"{name:24}{value:.3g}" if isinstance(value, float) else f"{name:24}{value}")
    return 0 if found["same_picture"] and found["slowest_s"] <= BAR_S else 1


if __name__ == "__main__":
    sys.exit(main())
