"""Ways and travel times: three engines agree, no closed road is driven, and reopening restores exactly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from picture.errors import RoadError
from tests.roadtown import build_town, lonlat
from twin.network import NO_ARC, RoadNetwork
from twin.profiles import PROFILES
from twin.road_state import CLOSED, RoadState, arc_ticks, crawl_ticks
from twin.route import NoRoute, Route
from twin.routing import RoutingService, keep_order
from twin.snap import Snap

CAR = PROFILES["car"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> RoadNetwork:
    return RoadNetwork(build_town(tmp_path_factory.mktemp("town") / "town.pack"))


@pytest.fixture(scope="module", params=["auto", "scipy"])
def service(network: RoadNetwork, request: pytest.FixtureRequest) -> Iterator[RoutingService]:
    service = RoutingService(network, backend=request.param)
    assert (service.degraded == "") == (request.param == "auto")
    yield service
    service.close()


def random_places(network: RoadNetwork, rng: np.random.Generator, count: int) -> list[Snap]:
    edges = rng.integers(0, network.edge_count, count)
    fractions = rng.choice([0.0, 1.0, 0.25, 0.5, 0.8131], count)
    return [Snap(int(e), float(f), 0.0, "", 0.0, 0.0) for e, f in zip(edges, fractions, strict=True)]


def random_state(network: RoadNetwork, rng: np.random.Generator, share: float, epoch: int) -> RoadState:
    count = network.edge_count
    closed = rng.choice(count, int(share * count), replace=False).tolist()
    depth = np.where(rng.random(count) < share / 2, rng.uniform(0, 0.6, count), 0).astype(np.float32)
    slow = {int(e): float(rng.uniform(1, 5)) for e in rng.choice(count, count // 20, replace=False)}
    return RoadState.free(network).with_changes(epoch, closed_edges=closed, depth_m=depth, time_factor=slow)


def oracle(network: RoadNetwork, state: RoadState, a: Snap, b: Snap) -> float:
    """Ticks from a to b by networkx on a graph into which both places are built as nodes of their own."""
    ticks = arc_ticks(network, CAR, state)
    graph: nx.MultiDiGraph[object] = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.node_count))
    for arc in np.flatnonzero(ticks != CLOSED).tolist():
        graph.add_edge(int(network.arc_tail[arc]), int(network.arc_head[arc]), ticks=int(ticks[arc]))
    for place, label, out in ((a, "start", True), (b, "end", False)):
        graph.add_node(label)
        ends = network.edge_nodes[place.edge]
        for direction, arc in enumerate(network.arc_pairs[place.edge]):
            if arc == NO_ARC or (ticks[arc] == CLOSED and not out):
                continue
            cost = int(ticks[arc]) if ticks[arc] != CLOSED else crawl_ticks(network, arc)
            done = place.fraction if direction == 0 else 1.0 - place.fraction
            if out:
                graph.add_edge(label, ends[1 - direction], ticks=round((1.0 - done) * cost))
            else:
                graph.add_edge(ends[direction], label, ticks=round(done * cost))
        for at, node in ((0.0, ends[0]), (1.0, ends[1])):
            if place.fraction == at:
                graph.add_edge(*((label, node) if out else (node, label)), ticks=0)
    if a.edge == b.edge:
        if a.fraction == b.fraction:
            return 0.0
        arc = network.arc_pairs[a.edge][0 if a.fraction < b.fraction else 1]
        if arc != NO_ARC and ticks[arc] != CLOSED:
            graph.add_edge("start", "end", ticks=round(abs(a.fraction - b.fraction) * int(ticks[arc])))
    try:
        return float(nx.dijkstra_path_length(graph, "start", "end", weight="ticks"))
    except nx.NetworkXNoPath:
        return float("inf")


def check_whole(network: RoadNetwork, state: RoadState, route: Route) -> None:
    """The route hangs together, costs what it says, and drives no closed road except to leave its start."""
    ticks = arc_ticks(network, CAR, state)
    heads = [int(network.arc_head[arc]) for arc in route.arcs]
    tails = [int(network.arc_tail[arc]) for arc in route.arcs]
    assert heads[:-1] == tails[1:]
    total = 0
    for i, (arc, (edge, start, end)) in enumerate(zip(route.arcs, route.spans, strict=True)):
        assert edge == network.arc_edge[arc]
        cost = int(ticks[arc])
        if cost == CLOSED:
            assert i == 0 and route.leaves_closed and edge == route.start.edge
            cost = crawl_ticks(network, arc)
        total += round(abs(end - start) * cost)
    assert total == round(route.duration_s * 10)
    metres = sum(
        float(network.arc_length_m[arc]) * abs(end - start)
        for arc, (_, start, end) in zip(route.arcs, route.spans, strict=True)
    )
    assert route.length_m == pytest.approx(metres, abs=0.05)
    assert sum(length for _, length, _ in route.streets) == pytest.approx(metres, abs=0.05)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5])
def test_every_engine_finds_the_shortest_way_and_no_closed_road(
    network: RoadNetwork, service: RoutingService, share: float
) -> None:
    rng = np.random.default_rng(int(share * 100))
    found = 0
    for epoch in range(3):
        state = random_state(network, rng, share, epoch)
        service.update(state)
        starts, ends = random_places(network, rng, 7), random_places(network, rng, 5)
        ends.append(starts[0])
        ends.append(Snap(starts[1].edge, 0.4, 0.0, "", 0.0, 0.0))
        table = service.matrix("car", starts, ends)
        for row, a in enumerate(starts):
            for column, b in enumerate(ends):
                expected = oracle(network, state, a, b) / 10
                assert table[row, column] == expected
                answer = service.route("car", a, b)
                assert answer.epoch == epoch
                if isinstance(answer, NoRoute):
                    assert expected == float("inf")
                else:
                    found += 1
                    assert answer.duration_s == expected
                    check_whole(network, state, answer)
    assert found > (10 if share < 0.5 else 0)


def test_a_wide_matrix_equals_a_tall_one_turned(network: RoadNetwork, service: RoutingService) -> None:
    rng = np.random.default_rng(3)
    service.update(random_state(network, rng, 0.1, 9))
    few, many = random_places(network, rng, 3), random_places(network, rng, 30)
    wide = service.matrix("engine", few, many)
    tall = service.matrix("engine", many, few)
    assert wide.tolist() == [[service.etas("engine", few, b)[i] for b in many] for i in range(3)]
    assert tall[:, 1].tolist() == service.etas("engine", many, few[1]).tolist()


def test_reopening_restores_every_answer_exactly(network: RoadNetwork, service: RoutingService) -> None:
    rng = np.random.default_rng(8)
    places = random_places(network, rng, 25)
    service.update(RoadState.free(network))
    before = service.matrix("car", places, places)
    for epoch in range(1, 12):
        service.update(random_state(network, rng, float(rng.uniform(0, 0.5)), epoch))
    assert not np.array_equal(service.matrix("car", places, places), before)
    service.update(RoadState.free(network, 20))
    assert np.array_equal(service.matrix("car", places, places), before)


def test_small_and_large_changes_take_different_ways_to_the_same_weights(network: RoadNetwork) -> None:
    service = RoutingService(network)
    rng = np.random.default_rng(2)
    places = random_places(network, rng, 12)
    service.matrix("car", places, places)
    near = np.flatnonzero(np.hypot(*(network.node_xy[network.pack.edge_tail] - (900, 900)).T) < 120).tolist()
    state = RoadState.free(network).with_changes(1, closed_edges=near)
    assert service.update(state).how == {"car": "patch"}
    assert service.update(random_state(network, rng, 0.4, 2)).how == {"car": "reset"}
    assert service.update(state).how == {"car": "reset"}
    fresh = RoutingService(network, state=state)
    assert np.array_equal(service.matrix("car", places, places), fresh.matrix("car", places, places))


def test_parallel_roads_stay_apart(network: RoadNetwork, service: RoutingService) -> None:
    tail, head = network.pack.edge_tail, network.pack.edge_head
    ends: dict[tuple[int, int], list[int]] = {}
    for edge in range(network.edge_count):
        if network.arc_pairs[edge][0] != NO_ARC and tail[edge] != head[edge]:
            ends.setdefault((int(tail[edge]), int(head[edge])), []).append(edge)
    twins = [pair for pair in ends.values() if len(pair) == 2]
    assert len(twins) > 20
    for a, b in twins[:10]:
        start, end = Snap(a, 0.0, 0.0, "", 0, 0), Snap(a, 1.0, 0.0, "", 0, 0)
        service.update(RoadState.free(network))
        free = service.route("car", start, end)
        service.update(RoadState.free(network).with_changes(1, closed_edges=[a]))
        detour = service.route("car", start, end)
        assert isinstance(free, Route) and isinstance(detour, Route)
        assert a not in detour.edges and detour.duration_s >= free.duration_s
        by_twin = arc_ticks(network, CAR, service.state)[network.arc_pairs[b][0]] / 10
        assert detour.duration_s <= by_twin
    graph = network.to_networkx()
    count = len(network.pack.arc_tail)
    assert graph.number_of_edges() == count > len(nx.DiGraph(graph).edges)
    assert {key for *_, key in graph.edges(keys=True)} == set(range(count))


def test_who_stands_on_a_closed_road_may_leave_it_and_is_flagged(network: RoadNetwork, service: RoutingService) -> None:
    start, end = service.snapper.snap(*lonlat(1050, 900)), service.snapper.snap(*lonlat(300, 1500))
    service.update(RoadState.free(network).with_changes(1, closed_edges=[start.edge]))
    off = service.route("car", start, end)
    assert isinstance(off, Route) and off.leaves_closed and not off.enters_closed
    back = service.route("car", end, start)
    assert back == NoRoute("target on a closed road", 1)
    fetched = service.route("car", end, start, enter_closed=True)
    assert isinstance(fetched, Route) and fetched.enters_closed and not fetched.leaves_closed
    assert fetched.edges.count(start.edge) == 1 and fetched.edges[-1] == start.edge
    assert service.matrix("car", [end], [start])[0, 0] == float("inf")
    assert service.matrix("car", [end], [start], enter_closed=True)[0, 0] == fetched.duration_s


def test_water_closes_a_road_to_those_who_cannot_wade_it_and_slows_the_others(
    network: RoadNetwork, service: RoutingService
) -> None:
    start, end = service.snapper.snap(*lonlat(150, 900)), service.snapper.snap(*lonlat(1000, 900))
    service.update(RoadState.free(network))
    dry = service.route("high_wheel", start, end)
    depth = np.full(network.edge_count, 0.6, dtype=np.float32)
    depth[[start.edge, end.edge]] = 0.0
    service.update(RoadState.free(network).with_changes(2, depth_m=depth))
    wet = service.route("high_wheel", start, end)
    assert isinstance(dry, Route) and isinstance(wet, Route) and wet.duration_s > dry.duration_s
    assert service.route("car", start, end) == NoRoute("no open road", 2)


def test_a_boat_is_never_sent_over_a_road(network: RoadNetwork, service: RoutingService) -> None:
    assert service.route("boat", lonlat(100, 100), lonlat(900, 900)) == NoRoute("profile not on roads", service.epoch)
    with pytest.raises(RoadError, match="TOC-5203"):
        service.route("hovercraft", lonlat(100, 100), lonlat(900, 900))


def test_a_route_is_drawn_from_its_start_to_its_end_and_names_its_streets(
    network: RoadNetwork, service: RoutingService
) -> None:
    service.update(RoadState.free(network))
    start, end = service.snapper.snap(*lonlat(250, 503)), service.snapper.snap(*lonlat(2003, 1650))
    route = service.route("ambulance", start, end)
    assert isinstance(route, Route)
    assert np.hypot(*(route.line_xy[0] - start.xy)) < 0.5 and np.hypot(*(route.line_xy[-1] - end.xy)) < 0.5
    drawn = float(np.hypot(*np.diff(route.line_xy, axis=0).T).sum())
    assert drawn == pytest.approx(route.length_m, rel=1e-3)
    assert route.geometry[0] == pytest.approx(network.pack.to_lonlat(*start.xy), abs=1e-5)
    assert route.streets[0][0] == start.name and route.streets[0][2] == "start"
    assert route.streets[-1][0] == end.name
    assert {turn for *_, turn in route.streets[1:]} & {"left", "right", "slight left", "slight right"}


def test_turns_are_told_as_the_driver_sees_them() -> None:
    from twin.route import _turn

    east, north, south = (
        np.array([[0.0, 0], [9, 0]]),
        np.array([[9.0, 0], [9, 9]]),
        np.array([[9.0, 0], [9, -9]]),
    )
    assert _turn(east, north) == "left"
    assert _turn(east, south) == "right"
    assert _turn(east, east + 9) == "straight"
    assert _turn(east, np.array([[9.0, 0], [0, 0.1]])) == "turn round"


def test_another_thread_is_refused_by_name(network: RoadNetwork) -> None:
    service = RoutingService(network, backend="scipy")
    caught: list[str] = []

    def call() -> None:
        try:
            service.update(RoadState.free(network))
        except RoadError as error:
            caught.append(error.code)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert caught == ["TOC-5202"]


def test_a_broken_fast_engine_is_replaced_and_the_answer_still_comes(network: RoadNetwork) -> None:
    service = RoutingService(network)
    places = random_places(network, np.random.default_rng(4), 6)
    expected = service.matrix("car", places, places)
    lane = next(iter(service._lanes.values()))
    # A live query makes RoutingKit refuse a reset: a real panic, from the real engine.
    import routingkit_cch

    held = routingkit_cch.CCHQuery(lane.engine._metric)  # type: ignore[attr-defined]
    service.update(random_state(network, np.random.default_rng(4), 0.4, 1))
    del held
    assert lane.engine.name == "scipy" and "active queries" in service.degraded
    service.update(RoadState.free(network, 2))
    assert np.array_equal(service.matrix("car", places, places), expected)


def test_scipy_serves_until_the_order_is_there(network: RoadNetwork, tmp_path: Path) -> None:
    cache = tmp_path / "town.order"
    service = RoutingService(network, order_cache=cache)
    places = random_places(network, np.random.default_rng(6), 8)
    early = service.matrix("car", places, places)
    assert service.wait_until_ready(60.0) and service.degraded == ""
    late = service.matrix("car", places, places)
    assert np.array_equal(early, late)
    assert {lane.engine.name for lane in service._lanes.values()} == {"cch"}
    assert RoutingService(network, order_cache=cache).degraded == ""


def test_an_order_of_another_network_or_a_damaged_one_is_not_used(network: RoadNetwork, tmp_path: Path) -> None:
    from twin.engines.order import load_order

    other = RoadNetwork(build_town(tmp_path / "other.pack", seed=6))
    cache = tmp_path / "order"
    keep_order(other, cache)
    assert load_order(cache, other) is not None
    assert load_order(cache, network) is None
    cache.write_bytes(cache.read_bytes()[:300])
    assert load_order(cache, other) is None


def test_overlapping_closures_open_a_road_only_when_all_are_lifted(network: RoadNetwork) -> None:
    first, second = {4, 5, 6}, {6, 7}
    state = RoadState.free(network).with_changes(1, closed_edges=first | second)
    assert state.closed_edges == {4, 5, 6, 7}
    assert state.with_changes(2, closed_edges=second).closed_edges == {6, 7}
    with pytest.raises(RoadError, match="TOC-5206"):
        state.with_changes(3, closed_edges=[network.edge_count])
    with pytest.raises(RoadError, match="TOC-5206"):
        state.with_changes(3, depth_m=np.full(network.edge_count, np.nan, dtype=np.float32))
