"""Multi-stop tours on the shipped city, ours against the greedy baseline: ``python -m benchmarks.tours``.

40 crews, 100 tasks, real travel times, skills and priorities. Prints a table, or writes JSON with ``--json FILE``. The
figure that counts is the priority-weighted mean arrival; seconds mean something on one machine only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from twin.assign import PRIORITY_WEIGHT
from twin.network import RoadNetwork
from twin.pack import CityPack
from twin.routing import RoutingService
from twin.snap import Snap
from twin.tours import Tours, greedy_tours, tours

CREWS, TASKS = 40, 100


def question(network: RoadNetwork, seed: int) -> dict[str, Any]:
    """One instance: crews and tasks on roads anywhere, half the crews able to do each task, ten minutes' work."""
    rng = np.random.default_rng(seed)
    service = RoutingService(network)
    roads = rng.choice(np.flatnonzero(network.pack.edge_class <= 4), CREWS + TASKS, replace=False)
    places = [Snap(int(edge), 0.5, 0.0, "", 0.0, 0.0) for edge in roads]
    crews, tasks = places[:CREWS], places[CREWS:]
    return {
        "start_s": service.matrix("engine", crews, tasks),
        "between_s": service.matrix("engine", tasks, tasks),
        "priorities": rng.choice([1, 2, 3, 4], TASKS, p=[0.15, 0.25, 0.35, 0.25]).tolist(),
        "service_s": 600.0,
        "eligible": rng.random((CREWS, TASKS)) < 0.5,
    }


def row(asked: dict[str, Any], found: Tours, seconds: float) -> dict[str, float]:
    """The figures of one solver."""
    weight = sum(PRIORITY_WEIGHT[level] for level in asked["priorities"])
    arrivals = [stop.arrival_s for tour in found.stops for stop in tour]
    return {
        "weighted_arrival_s": found.weighted_s / weight,
        "latest_arrival_s": max(arrivals, default=0.0),
        "drive_s": found.drive_s,
        "unserved": len(found.unserved),
        "took_s": seconds,
    }


def run(pack: CityPack, *, quick: bool, seed: int = 1) -> dict[str, Any]:
    """Figures by solver, mean over the instances."""
    network = RoadNetwork(pack)
    budgets = (200,) if quick else (400, 2_000, 8_000)
    rows: dict[str, list[dict[str, float]]] = {}
    for number in range(1 if quick else 3):
        asked = question(network, seed + number)
        started = time.perf_counter()
        found = greedy_tours(**asked)
        rows.setdefault("greedy", []).append(row(asked, found, time.perf_counter() - started))
        for budget in budgets:
            started = time.perf_counter()
            found = tours(**asked, iterations=budget, seed=seed)
            rows.setdefault(f"ours, {budget} iterations", []).append(row(asked, found, time.perf_counter() - started))
    means = {name: {key: float(np.mean([one[key] for one in many])) for key in many[0]} for name, many in rows.items()}
    base = means["greedy"]["weighted_arrival_s"]
    for figures in means.values():
        figures["of_greedy"] = figures["weighted_arrival_s"] / base
    return {"schema": "tocsin.benchmark.tours/1", "crews": CREWS, "tasks": TASKS, "solvers": means}


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark; exit status 1 where ours is no better than greedy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one instance, few iterations")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--pack", type=Path, help="measure on this city pack instead of the shipped city")
    chosen = parser.parse_args(arguments)
    if chosen.pack:
        pack = CityPack.open(chosen.pack)
    else:
        from twin.source import ensure_pack

        pack = CityPack.open(ensure_pack("port-meridian", Path(tempfile.gettempdir()) / "tocsin-benchmark"))
    figures = run(pack, quick=chosen.quick)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, values in figures["solvers"].items():
        print(f"{name:24}" + "  ".join(f"{key} {value:.4g}" for key, value in values.items()))
    ours = [values["of_greedy"] for name, values in figures["solvers"].items() if name != "greedy"]
    return 0 if max(ours) < 1.0 else 1


if __name__ == "__main__":
    sys.exit(main())
