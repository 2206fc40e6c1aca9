"""The road engine against reference answers: ``python -m scripts.check_routing [--queries N] [--sets N]``.

1. RoutingKit's 100,000 reference answers for Luxembourg, two metrics, by distance and by path re-added arc by arc.
2. Random queries on the same roads under sets of changes (closures up to half of all arcs, slow-downs,
   reopenings; patched and reset in turn) against scipy, and a share of the ways re-added arc by arc.

Reads ``../shared/osm/luxembourg`` beside the repository. Exit status 1 where any answer differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.engines.cch import CchEngine, CchTopology
from twin.engines.csgraph import ScipyEngine
from twin.road_state import CLOSED

LUXEMBOURG = Path(__file__).resolve().parents[2] / "shared" / "osm" / "luxembourg"


def vector(name: str) -> NDArray[np.int64]:
    """One reference vector; little-endian uint32 in the file."""
    return np.fromfile(LUXEMBOURG / name, dtype="<u4").astype(np.int64)


@cache
def roads() -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], CchTopology]:
    """(tail, head, travel time in ms, hierarchy) of Luxembourg."""
    first, head = vector("first_out"), vector("head").astype(np.int32)
    tail = np.repeat(np.arange(len(first) - 1, dtype=np.int32), np.diff(first))
    return tail, head, vector("travel_time"), CchTopology(vector("cch_order").astype(np.int32), tail, head)


def check_luxembourg(metric: str, queries: int, *, paths: int = 500) -> tuple[int, int]:
    """(answers checked, answers wrong) of the first ``queries``; the ways of the first ``paths`` re-added."""
    tail, head, _, topology = roads()
    ticks = vector(metric)
    engine = CchEngine(topology, ticks)
    expected = vector(f"query_reference_{metric}_length")[:queries].tolist()
    ends = zip(vector("source_node")[:queries].tolist(), vector("target_node")[:queries].tolist(), strict=True)
    wrong = 0
    for number, ((source, target), length) in enumerate(zip(ends, expected, strict=True)):
        right = engine.distance([(source, 0)], [(target, 0)]) == (None if length >= CLOSED else length)
        if number < paths and right and length < CLOSED:
            found = engine.path([(source, 0)], [(target, 0)])
            right = found is not None and re_added(found[1], tail, head, ticks, source, target) == length
        wrong += not right
    return len(expected), wrong


def re_added(
    arcs: list[int],
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    ticks: NDArray[np.int64],
    source: int,
    target: int,
) -> int | None:
    """What a way costs, arc by arc; None where it has a gap, a closed arc or other ends."""
    if not arcs:
        return 0 if source == target else None
    joined = bool(np.all(head[arcs[:-1]] == tail[arcs[1:]]))
    if not joined or tail[arcs[0]] != source or head[arcs[-1]] != target or bool(np.any(ticks[arcs] == CLOSED)):
        return None
    return int(ticks[arcs].sum())


def check_changes(*, sets: int, sources: int, seed: int) -> tuple[int, int]:
    """(answers checked, answers wrong): from each source to 20,000 nodes and 20 ways, after each set of changes."""
    tail, head, free, topology = roads()
    rng, count = np.random.default_rng(seed), len(head)
    nodes = int(max(tail.max(), head.max())) + 1
    ticks = free.copy()
    fast, plain = CchEngine(topology, ticks), ScipyEngine(nodes, tail, head, ticks)
    checked = wrong = 0
    for number in range(sets):
        arcs = np.unique(rng.integers(0, count, int(rng.choice([50, 800, 5_000, count // 2]))))
        fresh = np.where(rng.random(len(arcs)) < 0.8, CLOSED, free[arcs] * rng.integers(1, 6, len(arcs)))
        if number % 4 == 3:
            arcs, fresh = np.arange(count), free
        ticks[arcs] = fresh
        if number % 2:
            fast.reset(ticks)
        else:
            fast.patch(arcs.astype(np.int32), np.asarray(fresh, dtype=np.int64))
        plain.reset(ticks)
        starts = rng.integers(0, nodes, sources).tolist()
        ends = np.unique(rng.integers(0, nodes, 20_000)).tolist()
        from_each = [[(start, 0)] for start in starts], [[(end, 0)] for end in ends]
        expected = plain.table(*from_each)
        wrong += int(np.count_nonzero(fast.table(*from_each) != expected))
        checked += expected.size
        for row, start in enumerate(starts):
            for column in rng.integers(0, len(ends), 20).tolist():
                found = fast.path([(start, 0)], [(ends[column], 0)])
                cost = None if found is None else re_added(found[1], tail, head, ticks, start, ends[column])
                wrong += (np.inf if found is None else cost) != expected[row, column]
                checked += 1
    return checked, wrong


def main(arguments: list[str] | None = None) -> int:
    """Runs both checks; exit status 0, or 1 where an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=100_000, help="reference answers for each metric")
    parser.add_argument("--sets", type=int, default=24, help="sets of changes, 60,000 answers or so each")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    if not LUXEMBOURG.exists():
        print(f"There are no reference vectors at {LUXEMBOURG}.")
        return 1
    bad = 0
    for metric in ("travel_time", "geo_distance"):
        started = time.perf_counter()
        checked, wrong = check_luxembourg(metric, chosen.queries)
        print(f"Luxembourg, {metric}: {checked:,} answers, {wrong} wrong, {time.perf_counter() - started:.1f} s")
        bad += wrong
    started = time.perf_counter()
    checked, wrong = check_changes(sets=chosen.sets, sources=4, seed=chosen.seed)
    took_s = time.perf_counter() - started
    print(f"Under {chosen.sets} sets of changes: {checked:,} answers, {wrong} wrong, {took_s:.1f} s")
    return 1 if bad + wrong else 0


if __name__ == "__main__":
    sys.exit(main())
