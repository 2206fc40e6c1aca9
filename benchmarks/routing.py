"""Routing against networkx and scipy, in one run on one graph: ``python -m benchmarks.routing``.

Measures the shipped city, a city pack (``--pack FILE``) or a DIMACS graph (``--graph FILE.gr.xz``, synthetic
speeds and places). Prints a table, or writes JSON with ``--json FILE``. All figures are medians through the
service's own interface; only ratios mean something on another machine. Every answer is compared with networkx
before anything is timed; a difference ends the run with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np

from twin.client import RoutingClient
from twin.network import RoadNetwork
from twin.pack import CityPack
from twin.profiles import PROFILES
from twin.road_state import CLOSED, RoadState, arc_ticks
from twin.routing import RoutingService, keep_order
from twin.snap import Snap

CAR = PROFILES["car"]
Open = Callable[[], RoadNetwork]


def timed_s(call: Callable[[], object], repeats: int) -> float:
    """Median seconds of one call."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def at_nodes(network: RoadNetwork, state: RoadState, rng: np.random.Generator, count: int) -> list[Snap]:
    """Places on crossings of open roads, where all three engines answer the same question (no leaving a closure)."""
    edges = rng.choice(np.flatnonzero(network.usable_edges(CAR) & ~state.closed), count)
    return [Snap(int(edge), 0.0, 0.0, "", 0.0, 0.0) for edge in edges]


class Plain:
    """The same question for networkx: split crossings and open arcs with the same weights, as a MultiDiGraph."""

    def __init__(self, network: RoadNetwork, service: RoutingService) -> None:
        self.turns = service.lane("car").graph
        self.network = network
        ticks = self.turns.spread(arc_ticks(network, CAR, service.state))
        usable = np.flatnonzero(ticks != CLOSED)
        self.graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        self.graph.add_nodes_from(range(self.turns.node_count))
        columns = (self.turns.tail[usable].tolist(), self.turns.head[usable].tolist(), ticks[usable].tolist())
        self.graph.add_weighted_edges_from(zip(*columns, strict=True), weight="ticks")
        self.turned = self.graph.reverse(copy=False)

    def node(self, place: Snap) -> int:
        return self.network.edge_nodes[place.edge][0]

    def column_s(self, sources: list[Snap], target: Snap) -> list[float]:
        """Seconds from each source to one target: one search on the turned graph (the smaller side)."""
        reach: dict[int, float] = {}
        for node in self.turns.at(self.node(target)):
            for start, ticks in nx.single_source_dijkstra_path_length(self.turned, node, weight="ticks").items():
                reach[start] = min(ticks, reach.get(start, np.inf))
        return [reach.get(self.node(source), np.inf) / 10 for source in sources]

    def path(self, a: Snap, b: Snap) -> None:
        """The quickest single-pair search, with its path."""
        with suppress(nx.NetworkXNoPath):
            nx.bidirectional_dijkstra(self.graph, self.node(a), self.node(b), weight="ticks")


def run(open_network: Open, order: Path, *, quick: bool, seed: int = 1) -> dict[str, Any]:
    """Measured figures: milliseconds, and ratios to networkx and scipy."""
    network = open_network()
    rng = np.random.default_rng(seed)
    order_s = 0.0 if order.exists() else timed_s(lambda: keep_order(network, order), 1)
    repeats = 3 if quick else 15
    shut = rng.choice(network.edge_count, network.edge_count // 50, replace=False).tolist()
    state = RoadState.free(network).with_changes(1, closed_edges=shut)
    units, incidents = at_nodes(network, state, rng, 200), at_nodes(network, state, rng, 20)
    pairs = [(units[i % 200], incidents[i % 20]) for i in range(200 if quick else 2_000)]
    first_s = timed_s(lambda: first_answer(open_network, order, pairs[0]), 1 if quick else 3)
    fast = RoutingService(network, order_cache=order, state=state)
    plain = RoutingService(network, state=state, backend="scipy")
    expected = plain.matrix("car", units, incidents)
    answer = fast.matrix("car", units, incidents)
    sampled = 1 if quick or network.node_count > 200_000 else 4
    oracle = Plain(network, fast)
    columns = [oracle.column_s(units, incidents[k]) for k in range(sampled)]
    if not (np.array_equal(answer, expected) and np.array_equal(answer[:, :sampled].T, columns)):
        raise SystemExit("the engines disagree")
    few, fewer = pairs[: 5 if quick else 20], pairs[: 3 if quick else 5]
    by_networkx_ms = each_ms(oracle.path, fewer)
    figures: dict[str, Any] = {
        "order_ms": order_s * 1e3,
        "open_to_first_answer_ms": first_s * 1e3,
        "point_to_point_ms": {
            "cch": each_ms(lambda a, b: fast.eta("car", a, b), pairs),
            "scipy": each_ms(lambda a, b: plain.eta("car", a, b), few),
            "networkx": by_networkx_ms,
        },
        "with_path_ms": {
            "cch": each_ms(lambda a, b: fast.route("car", a, b), pairs),
            "scipy": each_ms(lambda a, b: plain.route("car", a, b), few),
            "networkx": by_networkx_ms,
        },
        "matrix_200x20_ms": {
            "cch": timed_s(lambda: fast.matrix("car", units, incidents), repeats) * 1e3,
            "scipy": timed_s(lambda: plain.matrix("car", units, incidents), 1 if quick else 2) * 1e3,
            # One search a target, 20 targets: what one takes is measured, twenty are reckoned.
            "networkx": 20 * each_ms(lambda _, b: oracle.column_s(units, b), fewer[:1] if quick else fewer[:2]),
        },
        "etas_200_to_1_ms": timed_s(lambda: fast.etas("car", units, incidents[0]), repeats) * 1e3,
        "alternatives_ms": each_ms(lambda a, b: fast.routes("car", a, b), few),
        "snap_ms": timed_s(lambda: fast.snapper.candidates_xy(*network.node_xy[0].tolist()), 50) * 1e3,
    }
    fast.close()
    figures |= asyncio.run(from_the_loop(network, order, state, pairs, repeats))
    for row in figures.values():
        if isinstance(row, dict) and "networkx" in row:
            row["times_scipy"], row["times_networkx"] = row["scipy"] / row["cch"], row["networkx"] / row["cch"]
    split = oracle.turns.node_count - network.node_count
    size = {"nodes": network.node_count, "arcs": len(network.pack.arc_tail), "split_nodes": split}
    return {"schema": "tocsin.benchmark.routing/2", **size, **figures}


def first_answer(open_network: Open, order: Path, pair: tuple[Snap, Snap]) -> None:
    """From the file to the first answer of one profile, order kept."""
    service = RoutingService(open_network(), order_cache=order)
    service.eta("car", *pair)
    service.close()


def near_edges(network: RoadNetwork, arcs: int) -> list[int]:
    """The edges round the middle of the network, up to that many arcs: a flood."""
    middle = np.median(network.node_xy, axis=0)
    edges = np.argsort(np.hypot(*(network.node_xy[network.edge_tail] - middle).T), kind="stable")
    counted = np.cumsum(np.count_nonzero(network.edge_arcs[edges] >= 0, axis=1))
    return edges[counted <= arcs].tolist()


async def from_the_loop(
    network: RoadNetwork, order: Path, state: RoadState, pairs: list[tuple[Snap, Snap]], repeats: int
) -> dict[str, Any]:
    """The same asked from an event loop, and changes from handing in to the first answer at their epoch."""
    client = RoutingClient(network, order_cache=order, state=state)
    await client.eta("car", *pairs[0])
    await asyncio.sleep(1.0)
    asked = [await _timed(client.eta("car", a, b)) for a, b in pairs[:300]]
    batches = [await _timed(client.pairs("car", pairs[k : k + 100])) for k in range(0, len(pairs), 100)]
    free, flood = state.closed_edges, near_edges(network, 1_000)
    epoch, floods, resets = state.epoch, list[float](), list[float]()
    for turn in range(2 * repeats):
        epoch += 1
        wet = [*free, *flood] if turn % 2 == 0 else free
        floods.append(await _change(client, client.state.with_changes(epoch, closed_edges=wet), pairs[0]))
    for turn in range(repeats):
        epoch += 1
        slow = dict.fromkeys(range(network.edge_count), 1.7 + turn / 10)
        resets.append(await _change(client, client.state.with_changes(epoch, time_factor=slow), pairs[0]))
    await client.close()
    return {
        "from_the_loop_ms": statistics.median(asked),
        "in_batches_of_100_each_ms": statistics.median(batches) / 100,
        "flood_of_1000_arcs_live_ms": statistics.median(floods),
        "every_arc_reweighted_ms": statistics.median(resets),
    }


async def _timed(question: Any) -> float:
    started = time.perf_counter()
    await question
    return (time.perf_counter() - started) * 1e3


async def _change(client: RoutingClient, state: RoadState, pair: tuple[Snap, Snap]) -> float:
    """Milliseconds from handing a state in to the first answer that is true at it."""
    await asyncio.sleep(0.02)
    started = time.perf_counter()
    client.update(state)
    answer = await client.eta("car", *pair, fresh=True)
    took_ms = (time.perf_counter() - started) * 1e3
    if answer.epoch != state.epoch:
        raise SystemExit("an answer is not of the epoch asked for")
    return took_ms


def each_ms(ask: Callable[[Snap, Snap], object], pairs: list[tuple[Snap, Snap]]) -> float:
    """Median milliseconds over the pairs."""
    times = []
    for a, b in pairs:
        started = time.perf_counter()
        ask(a, b)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def dimacs(path: Path, scratch: Path) -> Open:
    """A DIMACS-like edge list (``p tw n m``, then one pair a line) as a network; places by hops from landmarks."""
    kept = scratch / f"{path.name}.npz"
    if not kept.exists():
        import lzma

        lines = lzma.decompress(path.read_bytes()).decode().splitlines()
        header = next(line for line in lines if line.startswith("p"))
        rows = np.array([line.split() for line in lines if line[:1].isdigit()], dtype=np.int32) - 1
        np.savez(kept, rows=rows, xy=_places(int(header.split()[2]), rows))
    with np.load(kept) as file:
        rows, xy = file["rows"], file["xy"]
    return lambda: RoadNetwork(_pack_of(rows, xy))


def _places(count: int, rows: np.ndarray) -> np.ndarray:
    """float64 (n, 2): hop distances from four far corners, turned to their main axes; 100 m a hop."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, dijkstra

    graph = csr_array((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), shape=(count, count))
    corners = [int(breadth_first_order(graph, 0, directed=False)[0][-1])]
    reach: list[np.ndarray] = []
    for _ in range(6):
        reach.append(dijkstra(graph, directed=False, indices=corners[-1], unweighted=True))
        reach[-1][~np.isfinite(reach[-1])] = 0.0
        corners.append(int(np.argmax(np.min(reach, axis=0))))
    table = np.column_stack(reach)
    table -= table.mean(axis=0)
    _, axes = np.linalg.eigh(table.T @ table)
    return np.asarray(table @ axes[:, -2:] * 100.0, dtype=np.float64)


def _pack_of(rows: np.ndarray, xy: np.ndarray) -> Any:
    """The arrays of a pack that a network reads; every edge both ways, lengths and speeds drawn once."""
    count = len(rows)
    rng = np.random.default_rng(2)
    both = np.arange(count, dtype=np.int32)
    length = rng.uniform(40.0, 400.0, count).astype(np.float32)
    speed = rng.choice([8.3, 13.9, 22.2], count).astype(np.float32)
    return SimpleNamespace(
        node_xy=xy,
        edge_tail=rows[:, 0],
        edge_head=rows[:, 1],
        edge_class=np.full(count, 4, np.uint8),
        edge_name=np.zeros(count, np.int32),
        arc_tail=np.concatenate((rows[:, 0], rows[:, 1])),
        arc_head=np.concatenate((rows[:, 1], rows[:, 0])),
        arc_edge=np.concatenate((both, both)),
        arc_length_m=np.concatenate((length, length)),
        arc_speed_mps=np.concatenate((speed, speed)),
        arc_class=np.full(2 * count, 4, np.uint8),
        geom_xy=np.column_stack((xy[rows[:, 0]], xy[rows[:, 1]])).reshape(-1, 2).astype(np.float32),
        geom_start=np.arange(0, 2 * count + 1, 2, dtype=np.int32),
        names=[""],
        meta={"bounds_xy": [*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()], "origin": (0.0, 0.0)},
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark; exit status 0, or 1 where the engines disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--pack", type=Path, help="measure this city pack instead of the shipped city")
    parser.add_argument("--graph", type=Path, help="measure this DIMACS graph instead")
    chosen = parser.parse_args(arguments)
    scratch = Path(tempfile.gettempdir()) / "tocsin-benchmark"
    scratch.mkdir(exist_ok=True)
    if chosen.graph:
        figures = run(dimacs(chosen.graph, scratch), scratch / f"{chosen.graph.name}.order", quick=chosen.quick)
    else:
        from twin.source import ensure_pack

        pack = chosen.pack or ensure_pack("port-meridian", scratch)
        with tempfile.TemporaryDirectory() as fresh:
            order = Path(fresh) / "order"
            figures = run(lambda: RoadNetwork(CityPack.open(pack)), order, quick=chosen.quick)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        shown = "  ".join(f"{k} {v:.3g}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:30} {shown:.3g}" if isinstance(shown, float) else f"{name:30} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
