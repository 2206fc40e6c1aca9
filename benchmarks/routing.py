"""Routing on the shipped city against networkx and scipy, in one run: ``python -m benchmarks.routing``.

Prints a table, or writes JSON with ``--json FILE``. Only the ratios mean something on another machine. Every answer
is compared with networkx before anything is timed; a difference ends the run with status 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from twin.network import RoadNetwork
from twin.pack import CityPack
from twin.profiles import PROFILES
from twin.road_state import CLOSED, RoadState, arc_ticks
from twin.routing import RoutingService, keep_order
from twin.snap import Snap

CAR = PROFILES["car"]


def timed_s(call: Callable[[], object], repeats: int) -> float:
    """Median seconds of one call."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def at_nodes(network: RoadNetwork, rng: np.random.Generator, count: int) -> list[Snap]:
    """Places that stand on crossings of car roads, so that all three engines answer the same question."""
    edges = rng.choice(np.flatnonzero(np.isin(network.pack.edge_class, list(CAR.road_classes))), count)
    return [Snap(int(edge), 0.0, 0.0, "", 0.0, 0.0) for edge in edges]


def graph_of(network: RoadNetwork, state: RoadState) -> nx.MultiDiGraph[int]:
    """The open roads with the same weights, as networkx wants them."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.node_count))
    ticks = arc_ticks(network, CAR, state)
    usable = np.flatnonzero(ticks != CLOSED)
    graph.add_weighted_edges_from(
        zip(network.arc_tail[usable].tolist(), network.arc_head[usable].tolist(), ticks[usable].tolist(), strict=True),
        weight="ticks",
    )
    return graph


def nx_matrix_s(graph: nx.MultiDiGraph[int], sources: list[int], targets: list[int]) -> np.ndarray:
    """Seconds from each source to each target: one search per target on the turned graph (the smaller side)."""
    turned = graph.reverse(copy=False)
    table = np.full((len(sources), len(targets)), np.inf)
    for column, target in enumerate(targets):
        reach = nx.single_source_dijkstra_path_length(turned, target, weight="ticks")
        table[:, column] = [reach.get(source, np.inf) / 10 for source in sources]
    return table


def run(pack: CityPack, *, quick: bool, seed: int = 1) -> dict[str, Any]:
    """Measured figures: milliseconds, and ratios to networkx and scipy."""
    network = RoadNetwork(pack)
    rng = np.random.default_rng(seed)
    state = RoadState.free(network).with_changes(
        1, closed_edges=rng.choice(network.edge_count, network.edge_count // 50, replace=False).tolist()
    )
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch) / "order"
        order_s = timed_s(lambda: keep_order(network, cache), 1)
        load_s = timed_s(lambda: RoutingService(network, order_cache=cache), 1)
        fast = RoutingService(network, order_cache=cache, state=state)
    plain = RoutingService(network, state=state, backend="scipy")
    graph = graph_of(network, state)
    units, incidents = at_nodes(network, rng, 200), at_nodes(network, rng, 20)
    nodes = [[network.edge_nodes[place.edge][0] for place in places] for places in (units, incidents)]
    expected = nx_matrix_s(graph, *nodes)
    for service in (fast, plain):
        if not np.array_equal(service.matrix("car", units, incidents), expected):
            raise SystemExit("the engines disagree with networkx")
    pairs = list(zip(units, incidents * 10, strict=True))[: 20 if quick else 200]
    repeats = 3 if quick else 15
    near = np.hypot(*(network.node_xy[pack.edge_tail] - network.node_xy.mean(axis=0)).T)
    disc = np.argsort(near)[:500].tolist()
    local = state.with_changes(2, closed_edges=[*state.closed_edges, *disc])

    def change() -> None:
        fast.update(local)
        fast.update(state)

    few = pairs[: 5 if quick else 20]
    figures: dict[str, Any] = {
        "order_ms": order_s * 1e3,
        "start_from_cached_order_ms": load_s * 1e3,
        "matrix_200x20_ms": {
            "cch": timed_s(lambda: fast.matrix("car", units, incidents), repeats) * 1e3,
            "scipy": timed_s(lambda: plain.matrix("car", units, incidents), 1 if quick else 3) * 1e3,
            "networkx": timed_s(lambda: nx_matrix_s(graph, *nodes), 1) * 1e3,
        },
        "route_with_path_ms": {
            "cch": each_ms(lambda a, b: fast.route("car", a, b), pairs),
            "scipy": each_ms(lambda a, b: plain.route("car", a, b), few),
            "networkx": each_ms(lambda a, b: nx_path(network, graph, a, b), few),
        },
        "etas_200_to_1_ms": timed_s(lambda: fast.etas("car", units, incidents[0]), repeats) * 1e3,
        "close_and_open_500_near_edges_ms": timed_s(change, repeats) * 1e3,
        "every_arc_reweighted_ms": reweighted_ms(network, fast, state),
        "snap_ms": timed_s(lambda: fast.snapper.candidates_xy(100.0, 200.0), 50) * 1e3,
    }
    for name in ("matrix_200x20_ms", "route_with_path_ms"):
        row = figures[name]
        row["times_scipy"], row["times_networkx"] = row["scipy"] / row["cch"], row["networkx"] / row["cch"]
    return {"schema": "tocsin.benchmark.routing/1", "nodes": network.node_count, "arcs": network.arc_count, **figures}


def each_ms(ask: Callable[[Snap, Snap], object], pairs: list[tuple[Snap, Snap]]) -> float:
    """Median milliseconds over the pairs."""
    return statistics.median(timed_s(lambda a=a, b=b: ask(a, b), 1) for a, b in pairs) * 1e3  # type: ignore[misc]


def nx_path(network: RoadNetwork, graph: nx.MultiDiGraph[int], a: Snap, b: Snap) -> float:
    """Ticks of networkx's quickest single-pair search, with its path; inf for none."""
    try:
        ends = network.edge_nodes[a.edge][0], network.edge_nodes[b.edge][0]
        return float(nx.bidirectional_dijkstra(graph, *ends, weight="ticks")[0])
    except nx.NetworkXNoPath:
        return float("inf")


def reweighted_ms(network: RoadNetwork, service: RoutingService, state: RoadState) -> float:
    """Milliseconds to change every arc's weight and be ready."""
    slow = state.with_changes(3, time_factor=dict.fromkeys(range(network.edge_count), 1.7))
    seconds = timed_s(lambda: service.update(slow), 1)
    service.update(state)
    return seconds * 1e3


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark; exit status 0, or 1 where the engines disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--pack", type=Path, help="measure this city pack instead of the shipped city")
    chosen = parser.parse_args(arguments)
    if chosen.pack:
        pack = CityPack.open(chosen.pack)
    else:
        from twin.source import ensure_pack

        pack = CityPack.open(ensure_pack("port-meridian", Path(tempfile.gettempdir()) / "tocsin-benchmark"))
    figures = run(pack, quick=chosen.quick)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        shown = "  ".join(f"{k} {v:.3g}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:36} {shown:.3g}" if isinstance(shown, float) else f"{name:36} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
