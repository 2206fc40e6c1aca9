"""Association against two baselines on invented cities: ``python -m benchmarks.fusion [--quick] [--json FILE]``.

Baselines are tuned on the training seeds; everything is scored on held-out ones. ``merged`` is what the product joins
by itself, ``shown`` also counts what it puts before an operator as a possible duplicate.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any, get_args

from benchmarks.fusion import baselines
from benchmarks.fusion.generator import HELD_OUT_SEEDS, TRAINING_SEEDS, Density, Told, generate
from benchmarks.fusion.ours import judge
from benchmarks.fusion.scoring import fit


def _mean(told: Sequence[Sequence[Told]], groupings: Sequence[Sequence[int]]) -> dict[str, float]:
    fits = [asdict(fit([one.truth for one in city], groups)) for city, groups in zip(told, groupings, strict=True)]
    return {name: round(mean(one[name] for one in fits), 4) for name in fits[0]}


def measure(density: Density, seeds: Sequence[int]) -> dict[str, Any]:
    """Every way of grouping at one density, means over the seeds."""
    training = [generate(density, seed) for seed in TRAINING_SEEDS]
    cities = [generate(density, seed) for seed in seeds]
    started = time.perf_counter()
    judged = [judge(city) for city in cities]
    elapsed = time.perf_counter() - started
    found: dict[str, Any] = {
        "reports": sum(map(len, cities)),
        "reports_per_s": round(sum(map(len, cities)) / elapsed),
        "ours_merged": _mean(cities, [one.merged for one in judged]),
        "ours_shown": _mean(cities, [one.shown for one in judged]),
    }
    for name, make in (("same_kind_near", baselines.by_rule), ("dbscan", baselines.by_dbscan)):
        group, setting = baselines.tuned(make, training)
        found[name] = _mean(cities, [group(city) for city in cities]) | {"tuned": setting}
    return found


def main() -> int:
    """Prints a table, or writes JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.fusion", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one held-out seed, without the crowded city")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    densities = [one for one in get_args(Density) if not (options.quick and one == "crowded")]
    seeds = HELD_OUT_SEEDS[:1] if options.quick else HELD_OUT_SEEDS
    result: dict[str, Any] = {"schema": "tocsin.benchmark.fusion/1", "seeds": list(seeds)}
    result |= {density: measure(density, seeds) for density in densities}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        return 0
    for density in densities:
        one = result[density]
        print(f"{density}: {one['reports']} reports, {one['reports_per_s']} a second")
        for name in ("ours_merged", "ours_shown", "same_kind_near", "dbscan"):
            row = one[name]
            print(
                f"  {name:16} pairs P {row['pair_precision']:.3f} R {row['pair_recall']:.3f} F1 {row['pair_f1']:.3f}"
                f"   B3 {row['b3_f1']:.3f}   {row.get('tuned', '')}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
