"""Forbidden turns, limits, access, contraflow and temporary links: what a way may not or may now use."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture.errors import RoadError
from tests.roadtown import build_town
from twin.network import NO_ARC, Link, RoadNetwork
from twin.pack import CityPack
from twin.profiles import FERRY, NO_BUS, NO_FOOT, NO_MOTOR, PROFILES
from twin.road_state import CLOSED, RoadState, arc_ticks
from twin.route import NoRoute, Route
from twin.routing import Backend, RoutingService
from twin.snap import Snap, Snapper, Snappers

CAR = PROFILES["car"]


class Laid:
    """A pack with other or further arrays, as an import with restrictions would have them."""

    def __init__(self, pack: CityPack, **arrays: Any) -> None:
        self._pack, self._arrays = pack, arrays

    def __getattr__(self, name: str) -> Any:
        return self._arrays[name] if name in self._arrays else getattr(self._pack, name)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_town(tmp_path_factory.mktemp("town") / "town.pack")


def with_turns(pack: CityPack, rng: np.random.Generator, share: float) -> RoadNetwork:
    """A random share of all turns is forbidden, U-turns among them."""
    leaving: dict[int, list[int]] = {}
    for arc, tail in enumerate(pack.arc_tail.tolist()):
        leaving.setdefault(tail, []).append(arc)
    turns = [
        (before, after)
        for before, head in enumerate(pack.arc_head.tolist())
        for after in leaving.get(head, [])
        if rng.random() < share
    ]
    turns += turns[:5]
    first, second = np.array(turns, dtype=np.int32).T
    return RoadNetwork(Laid(pack, turn_from=first, turn_to=second))  # type: ignore[arg-type]


def forbidden_of(network: RoadNetwork) -> set[tuple[int, int]]:
    return set(zip(network.pack.turn_from.tolist(), network.pack.turn_to.tolist(), strict=True))  # type: ignore[attr-defined]


def by_arcs(network: RoadNetwork, ticks: Sequence[int], a: Snap, b: Snap) -> float:
    """Ticks between two places by Dijkstra over arcs (each a state of its own), which knows turns as pairs."""
    forbidden = forbidden_of(network)
    leaving: dict[int, list[int]] = {}
    for arc, tail in enumerate(network.arc_tail.tolist()):
        if ticks[arc] != CLOSED:
            leaving.setdefault(tail, []).append(arc)
    ends = network.edge_nodes[b.edge]
    last = {
        arc: round(part * ticks[arc])
        for arc, part in zip(network.arc_pairs[b.edge], (b.fraction, 1.0 - b.fraction), strict=True)
        if arc != NO_ARC and ticks[arc] != CLOSED
    }
    best = float("inf")
    if a.edge == b.edge:
        arc = network.arc_pairs[a.edge][0 if a.fraction <= b.fraction else 1]
        if a.fraction == b.fraction:
            return 0.0
        if arc != NO_ARC and ticks[arc] != CLOSED:
            best = round(abs(a.fraction - b.fraction) * ticks[arc])
    heap = [
        (round(part * ticks[arc]), arc)
        for arc, part in zip(network.arc_pairs[a.edge], (1.0 - a.fraction, a.fraction), strict=True)
        if arc != NO_ARC and ticks[arc] != CLOSED
    ]
    done: set[int] = set()
    heapq.heapify(heap)
    while heap:
        cost, arc = heapq.heappop(heap)
        if arc in done:
            continue
        done.add(arc)
        for after in leaving.get(int(network.arc_head[arc]), []):
            if (arc, after) in forbidden:
                continue
            if after in last:
                best = min(best, cost + last[after])
            heapq.heappush(heap, (cost + ticks[after], after))
    assert ends == network.edge_nodes[b.edge]
    return best


@pytest.mark.parametrize("backend", ["auto", "scipy"])
def test_no_way_makes_a_forbidden_turn_and_none_is_longer_than_it_must_be(pack: CityPack, backend: Backend) -> None:
    rng = np.random.default_rng(11)
    network = with_turns(pack, rng, 0.25)
    forbidden = forbidden_of(network)
    service = RoutingService(network, backend=backend)
    assert service.lane("car").graph.node_count > network.node_count
    detours = 0
    plain = RoutingService(RoadNetwork(pack), backend="scipy")
    for epoch in range(3):
        shut = rng.choice(network.edge_count, network.edge_count // 10 * epoch, replace=False).tolist()
        state = RoadState.free(network).with_changes(epoch, closed_edges=shut)
        service.update(state)
        plain.update(state)
        ticks = arc_ticks(network, CAR, state).tolist()
        open_edges = np.flatnonzero(~state.closed)
        edges = rng.choice(open_edges, 16).tolist()
        places = [Snap(edge, float(rng.uniform(0.1, 0.9)), 0.0, "", 0.0, 0.0) for edge in edges]
        table = service.matrix("car", places[:8], places[8:])
        for row, a in enumerate(places[:8]):
            for column, b in enumerate(places[8:]):
                expected = by_arcs(network, ticks, a, b) / 10
                assert table[row, column] == expected == service.eta("car", a, b)
                route = service.route("car", a, b)
                if isinstance(route, NoRoute):
                    assert expected == float("inf")
                    continue
                assert route.duration_s == expected
                moves = set(zip(route.arcs[:-1], route.arcs[1:], strict=True))
                assert not moves & forbidden
                detours += expected > plain.eta("car", a, b)
    assert detours > 20


def test_turns_that_join_nothing_are_refused_by_name(pack: CityPack) -> None:
    apart = np.array([0], np.int32), np.flatnonzero(pack.arc_tail != pack.arc_head[0])[:1].astype(np.int32)
    for first, second in (apart, (np.array([-1], np.int32), np.array([0], np.int32))):
        network = RoadNetwork(Laid(pack, turn_from=first, turn_to=second))  # type: ignore[arg-type]
        with pytest.raises(RoadError, match="TOC-5204"):
            RoutingService(network, backend="scipy")


def test_limits_and_access_keep_out_whom_they_name_and_nobody_else(pack: CityPack) -> None:
    count = len(pack.edge_tail)
    access, height = np.zeros(count, np.uint8), np.zeros(count, np.uint16)
    weight, width = np.zeros(count, np.uint32), np.zeros(count, np.uint16)
    access[0], access[1], height[2], weight[3], width[4] = NO_MOTOR | NO_FOOT, NO_BUS, 300, 7_500, 200
    network = RoadNetwork(
        Laid(pack, edge_access=access, edge_max_height_cm=height, edge_max_weight_kg=weight, edge_max_width_cm=width)
    )  # type: ignore[arg-type]

    def barred(name: str) -> list[int]:
        return np.flatnonzero(~network.usable_edges(PROFILES[name])).tolist()

    assert barred("car") == [0]
    assert barred("foot") == [0]
    assert barred("ambulance") == [4]
    assert barred("engine") == barred("high_wheel") == [2, 3, 4]
    assert barred("bus") == [1, 2, 3, 4]
    ticks = arc_ticks(network, PROFILES["engine"], RoadState.free(network))
    assert set(np.flatnonzero(ticks == CLOSED).tolist()) == {
        arc for edge in (2, 3, 4) for arc in network.edge_ways[edge].tolist() if arc != NO_ARC
    } | set(np.flatnonzero(network.arc_is_dormant).tolist())


def test_a_boat_keeps_to_water_links_and_a_car_takes_the_ferry_whatever_the_water_below(pack: CityPack) -> None:
    kind = pack.edge_class.copy()
    link = next(e for e in range(len(kind)) if np.count_nonzero(pack.arc_edge == e) == 2)
    kind[link] = FERRY
    network = RoadNetwork(Laid(pack, edge_class=kind, arc_class=kind[pack.arc_edge]))  # type: ignore[arg-type]
    service = RoutingService(network, backend="scipy")
    depth = np.zeros(network.edge_count, np.float32)
    depth[link] = 8.0
    service.update(RoadState.free(network).with_changes(1, depth_m=depth))
    start, end = Snap(link, 0.1, 0.0, "", 0, 0), Snap(link, 0.9, 0.0, "", 0, 0)
    by_boat = service.route("boat", start, end)
    assert isinstance(by_boat, Route) and by_boat.edges == (link,)
    assert by_boat.length_m / by_boat.duration_s == pytest.approx(9.0, rel=0.05)
    assert isinstance(service.route("car", start, end), Route)
    assert isinstance(service.route("boat", start, Snap(link + 1, 0.5, 0.0, "", 0, 0)), NoRoute)
    snappers = Snappers(network)
    assert snappers.of(PROFILES["boat"]).candidates_xy(1500.0, 900.0)[0].edge == link
    assert snappers.of(CAR).candidates_xy(*network.edge_line(link).mean(axis=0).tolist())[0].edge != link
    assert snappers.of(PROFILES["engine"]) is snappers.of(CAR) is snappers.plain


def one_way(network: RoadNetwork) -> int:
    """A one-way street against which the way round is long."""
    return next(e for e in range(network.edge_count) if NO_ARC in network.arc_pairs[e] and network.edge_name(e) != "")


@pytest.mark.parametrize("backend", ["auto", "scipy"])
def test_a_contraflow_opens_a_one_way_against_its_direction_until_it_is_lifted(
    pack: CityPack, backend: Backend
) -> None:
    network = RoadNetwork(pack)
    service = RoutingService(network, backend=backend)
    edge = one_way(network)
    end, start = Snap(edge, 0.1, 0.0, "", 0, 0), Snap(edge, 0.9, 0.0, "", 0, 0)
    round_about = service.route("car", start, end)
    assert isinstance(round_about, Route) and len(round_about.arcs) > 2
    on_foot = service.route("foot", start, end)
    assert isinstance(on_foot, Route) and on_foot.edges == (edge,)
    free = RoadState.free(network)
    service.update(free.with_changes(1, contraflow=[edge]))
    against = service.route("car", start, end)
    assert isinstance(against, Route) and against.edges == (edge,) and not against.leaves_closed
    with_it = service.route("car", end, start)
    assert isinstance(with_it, Route) and with_it.edges == (edge,)
    service.update(free.with_changes(2, contraflow=[edge], closed_edges=[edge]))
    assert service.route("car", start, end) == NoRoute("target on a closed road", 2)
    service.update(free.with_changes(3, contraflow=[]))
    again = service.route("car", start, end)
    assert isinstance(again, Route) and (again.arcs, again.duration_s) == (round_about.arcs, round_about.duration_s)


def test_nobody_leaves_a_closed_one_way_against_its_direction(pack: CityPack) -> None:
    network = RoadNetwork(pack)
    service = RoutingService(network, backend="scipy")
    edge = one_way(network)
    service.update(RoadState.free(network).with_changes(1, closed_edges=[edge]))
    for way in service.lane("car").off(Snap(edge, 0.5, 0.0, "", 0, 0)):
        assert way[2] in network.arc_pairs[edge]


@pytest.mark.parametrize("backend", ["auto", "scipy"])
def test_a_temporary_bridge_shortens_the_way_and_its_removal_restores_every_answer(
    pack: CityPack, backend: Backend
) -> None:
    network = RoadNetwork(pack)
    service = RoutingService(network, backend=backend)
    rng = np.random.default_rng(1)
    places = [Snap(int(e), 0.3, 0.0, "", 0, 0) for e in rng.integers(0, network.edge_count, 15)]
    before = service.matrix("car", places, places)
    a, b = 5, network.node_count - 8
    bridge = Link("Bailey bridge", a, b, 700.0, 10.0)
    free = RoadState.free(network)
    assert service.update(free.with_changes(1, links=[bridge])).how == {"car": "reset"}
    start, end = (Snap(int(np.flatnonzero(pack.edge_tail == n)[0]), 0.0, 0.0, "", 0, 0) for n in (a, b))
    route = service.route("car", start, end)
    assert isinstance(route, Route) and "Bailey bridge" in [step.street for step in route.steps]
    assert route.duration_s <= 70.0 and route.line_xy.shape[1] == 2
    oracle = RoutingService(service.network, backend="scipy", state=service.state)
    assert np.array_equal(service.matrix("car", places, places), oracle.matrix("car", places, places))
    closing = service.state.with_changes(2, closed_edges=[start.edge], time_factor={3: 4.0}, contraflow=[7])
    service.update(closing)
    assert service.network.links == (bridge,)
    service.update(free.with_changes(3))
    assert service.network is network
    assert np.array_equal(service.matrix("car", places, places), before)
    with pytest.raises(RoadError, match="TOC-5206"):
        service.update(free.with_changes(4, links=[Link("nowhere", 0, network.node_count, 5.0, 5.0)]))
    assert service.epoch == 3
    assert np.array_equal(service.matrix("car", places, places), before)


def test_a_closure_for_one_profile_leaves_the_others_their_way(pack: CityPack) -> None:
    network = RoadNetwork(pack)
    service = RoutingService(network)
    start, end = Snap(0, 0.5, 0.0, "", 0, 0), Snap(300, 0.5, 0.0, "", 0, 0)
    free = {name: service.route(name, start, end) for name in ("car", "bus")}
    inner = [e for e in free["bus"].edges if e not in (0, 300)]  # type: ignore[union-attr]
    service.update(RoadState.free(network).with_changes(1, closed_for={"bus": inner}))
    bus, car = service.route("bus", start, end), service.route("car", start, end)
    assert isinstance(bus, Route) and isinstance(car, Route) and isinstance(free["car"], Route)
    assert not set(bus.edges) & set(inner) and car.arcs == free["car"].arcs
    service.update(RoadState.free(network).with_changes(2, closed_for={}))
    assert service.eta("bus", start, end) == free["bus"].duration_s  # type: ignore[union-attr]


@pytest.mark.parametrize("backend", ["auto", "scipy"])
def test_alternatives_differ_are_not_much_slower_and_never_closed(pack: CityPack, backend: Backend) -> None:
    network = RoadNetwork(pack)
    service = RoutingService(network, backend=backend)
    rng = np.random.default_rng(5)
    shut = frozenset(rng.choice(network.edge_count, network.edge_count // 12, replace=False).tolist())
    service.update(RoadState.free(network).with_changes(4, closed_edges=shut))
    ticks = arc_ticks(network, CAR, service.state)
    with_others = 0
    places = [Snap(int(e), 0.4, 0.0, "", 0, 0) for e in np.flatnonzero(~service.state.closed)[::37]]
    before = service.matrix("car", places, places)
    for a, b in zip(places[:14], places[14:28], strict=True):
        found = service.routes("car", a, b, count=3)
        if not found:
            assert service.eta("car", a, b) == float("inf")
            continue
        assert found[0].duration_s == service.eta("car", a, b)
        assert [r.duration_s for r in found] == sorted(r.duration_s for r in found)
        with_others += len(found) >= 3
        for i, route in enumerate(found):
            assert route.epoch == 4 and not set(route.edges) & shut
            parts = zip(route.arcs, route.spans, strict=True)
            assert round(route.duration_s * 10) == sum(round(abs(t - f) * int(ticks[arc])) for arc, (_, f, t) in parts)
            assert route.duration_s <= 1.4 * found[0].duration_s
            for other in found[:i]:
                length = {e: float(network.arc_length_m[arc]) for arc, e in zip(route.arcs, route.edges, strict=True)}
                shared = sum(metres for e, metres in length.items() if e in other.edges)
                assert shared <= 0.7 * sum(length.values()) + 1e-6
    assert with_others >= 8
    assert np.array_equal(service.matrix("car", places, places), before)


def test_the_turn_list_adds_up_to_the_way(pack: CityPack) -> None:
    service = RoutingService(RoadNetwork(pack))
    route = service.route("engine", Snap(0, 0.5, 0.0, "", 0, 0), Snap(600, 0.5, 0.0, "", 0, 0))
    assert isinstance(route, Route) and len(route.steps) > 3
    assert sum(step.length_m for step in route.steps) == pytest.approx(route.length_m, abs=0.01)
    last = route.steps[-1]
    assert last.from_start_m + last.length_m == pytest.approx(route.length_m, abs=0.01)
    assert route.steps[0].maneuver == "start" and last.as_json()["street"] == last.street


@st.composite
def tangles(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int]], list[tuple[int, int]]]:
    """Nodes, (tail, head, ticks) arcs with parallels, loops and zeros, and forbidden turns; often disconnected."""
    nodes = draw(st.integers(1, 7))
    node = st.integers(0, nodes - 1)
    arcs = draw(st.lists(st.tuples(node, node, st.sampled_from([0, 0, 1, 2, 7, 30, CLOSED])), min_size=1, max_size=18))
    meets = [(i, j) for i, (_, h, _) in enumerate(arcs) for j, (t, _, _) in enumerate(arcs) if h == t]
    return nodes, arcs, draw(st.lists(st.sampled_from(meets), max_size=6)) if meets else []


class Tangle:
    """The little of a network that a turn graph asks for."""

    def __init__(self, nodes: int, arcs: list[tuple[int, int, int]], turns: list[tuple[int, int]]) -> None:
        self.node_count, self.arc_count, self.first_dormant = nodes, len(arcs), len(arcs)
        self.arc_tail, self.arc_head = (np.array([arc[i] for arc in arcs], np.int32) for i in (0, 1))
        self.turns = np.array(turns, np.int32).reshape(-1, 2)

    def optional(self, name: str) -> Any:
        return self.turns[:, 0 if name == "turn_from" else 1] if len(self.turns) else None


@settings(max_examples=150, deadline=None)
@given(tangle=tangles())
def test_both_engines_agree_with_a_search_over_arcs_on_any_small_multigraph(
    tangle: tuple[int, list[tuple[int, int, int]], list[tuple[int, int]]],
) -> None:
    from twin.engines.cch import CchEngine, CchTopology
    from twin.engines.csgraph import ScipyEngine
    from twin.turns import TurnGraph

    nodes, arcs, turns = tangle
    graph = TurnGraph(Tangle(nodes, arcs, turns))  # type: ignore[arg-type]
    ticks = graph.spread(np.array([arc[2] for arc in arcs], np.int64))
    order = np.random.default_rng(graph.node_count).permutation(graph.node_count).astype(np.int32)
    cch = CchEngine(CchTopology(order, graph.tail, graph.head), ticks)
    plain = ScipyEngine(graph.node_count, graph.tail, graph.head, ticks)
    for a in range(nodes):
        reach = _over_arcs(arcs, set(turns), a)
        for b in range(nodes):
            expected = reach.get(b)
            targets = [(node, 3) for node in graph.at(b)]
            for engine in (cch, plain):
                assert engine.distance([(a, 2)], targets) == (None if expected is None else expected + 5)
                found = engine.path([(a, 2)], targets)
                assert (found is None) == (expected is None)
                if found is None or expected is None:
                    continue
                way = graph.arc_of[found[1]].tolist() if found[1] else []
                assert sum(arcs[arc][2] for arc in way) == expected
                assert not set(pairwise(way)) & set(turns)


def _over_arcs(arcs: list[tuple[int, int, int]], turns: set[tuple[int, int]], start: int) -> dict[int, int]:
    """Least ticks from a node to every node it reaches, by search over arcs."""
    best = {start: 0}
    heap = [(w, i) for i, (t, _, w) in enumerate(arcs) if t == start and w != CLOSED]
    heapq.heapify(heap)
    done: set[int] = set()
    while heap:
        cost, arc = heapq.heappop(heap)
        if arc in done:
            continue
        done.add(arc)
        head = arcs[arc][1]
        best[head] = min(best.get(head, cost), cost)
        for i, (t, _, w) in enumerate(arcs):
            if t == head and w != CLOSED and (arc, i) not in turns:
                heapq.heappush(heap, (cost + w, i))
    return best


def test_a_place_is_snapped_to_roads_its_profile_may_use(tmp_path: Path, pack: CityPack) -> None:
    kind = pack.edge_class.copy()
    kind[10] = 6
    network = RoadNetwork(Laid(pack, edge_class=kind, arc_class=kind[pack.arc_edge]))  # type: ignore[arg-type]
    middle = network.edge_line(10)[1:3].mean(axis=0).tolist()
    snappers = Snappers(network, Snapper(network.pack))
    assert snappers.of(PROFILES["foot"]).candidates_xy(*middle)[0].edge == 10
    assert snappers.of(CAR).candidates_xy(*middle)[0].edge != 10


def test_a_profile_made_for_one_vehicle_is_a_lane_of_its_own(pack: CityPack) -> None:
    service = RoutingService(RoadNetwork(pack))
    slow = dataclasses.replace(CAR, name="tractor", top_speed_mps=4.0)
    a, b = Snap(0, 0.5, 0.0, "", 0, 0), Snap(300, 0.5, 0.0, "", 0, 0)
    assert service.eta(slow, a, b) > service.eta("car", a, b)
