"""How far one gets, drawn round: the same seconds by both engines, outlines that are true, rings that shrink."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from tests.roadtown import build_town, lonlat
from twin.network import RoadNetwork
from twin.pack import CityPack
from twin.reach import ReachGraph, cut_off, lost_rings, main_part, outline, reach_through
from twin.road_state import CLOSED, RoadState, arc_ticks
from twin.routing import RoutingService
from twin.snap import Snap, Snapper


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_town(tmp_path_factory.mktemp("town") / "town.pack")


@pytest.fixture(scope="module")
def network(town: CityPack) -> RoadNetwork:
    return RoadNetwork(town)


@pytest.fixture(scope="module")
def snapper(town: CityPack) -> Snapper:
    return Snapper(town)


@pytest.fixture(scope="module")
def closed(network: RoadNetwork) -> RoadState:
    shut = np.random.default_rng(3).choice(network.edge_count, network.edge_count // 5, replace=False)
    return RoadState.free(network).with_changes(7, closed_edges=shut.tolist())


def by_networkx(network: RoadNetwork, state: RoadState, node: int, towards: bool) -> dict[int, float]:
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.node_count))
    for arc, ticks in enumerate(arc_ticks(network, ReachGraph(network, state, "car").profile, state).tolist()):
        if ticks != CLOSED:
            ends = int(network.arc_tail[arc]), int(network.arc_head[arc])
            graph.add_edge(*(reversed(ends) if towards else ends), ticks=ticks)
    return nx.single_source_dijkstra_path_length(graph, node, weight="ticks")


@pytest.mark.parametrize("towards", [False, True])
def test_seconds_to_every_crossing_are_those_of_networkx(
    network: RoadNetwork, closed: RoadState, towards: bool
) -> None:
    # An open road: a closed one would be left at walking pace, which networkx knows not.
    edge = int(np.flatnonzero(~closed.closed)[300])
    node = network.edge_nodes[edge][0]
    reach = ReachGraph(network, closed, "car").reach([Snap(edge, 0.0, 0.0, "", 0, 0)], 240.0, towards=towards)
    expected = by_networkx(network, closed, node, towards)
    within = {n: t / 10 for n, t in expected.items() if t <= 2400}
    assert dict(zip(reach.nodes.tolist(), reach.node_s[reach.nodes].tolist(), strict=True)) == within
    assert 20 < len(within) < network.node_count
    assert reach.epoch == 7


@pytest.mark.parametrize("towards", [False, True])
@pytest.mark.parametrize("backend", ["auto", "scipy"])
def test_the_routing_service_and_the_unbounded_search_reach_the_same(
    network: RoadNetwork, closed: RoadState, snapper: Snapper, backend: str, towards: bool
) -> None:
    service = RoutingService(network, state=closed, backend=backend)  # type: ignore[arg-type]
    open_edges = np.flatnonzero(~closed.closed)[[5, 60, 400]].tolist()
    places = [Snap(edge, 0.3, 0.0, "", 0, 0) for edge in open_edges]
    ours = ReachGraph(network, closed, "car").reach(places, towards=towards)
    theirs = reach_through(service, "car", places, towards=towards)
    assert np.array_equal(ours.node_s, theirs.node_s)
    assert np.allclose(ours.edge_share, theirs.edge_share)


class Laid:
    """A pack with forbidden turns laid into it."""

    def __init__(self, pack: CityPack, **arrays: np.ndarray) -> None:
        self.__dict__ |= {name: getattr(pack, name) for name in pack.__slots__} | arrays
        self.to_xy, self.to_lonlat = pack.to_xy, pack.to_lonlat


@pytest.mark.parametrize("towards", [False, True])
def test_forbidden_turns_are_not_taken_and_cost_what_the_service_says(
    town: CityPack, network: RoadNetwork, towards: bool
) -> None:
    rng = np.random.default_rng(11)
    pairs = np.array(
        [
            (before, after)
            for before, head in enumerate(town.arc_head.tolist())
            for after in np.flatnonzero(town.arc_tail == head).tolist()
            if rng.random() < 0.3
        ],
        dtype=np.int32,
    )
    bound = RoadNetwork(Laid(town, turn_from=pairs[:, 0], turn_to=pairs[:, 1]))  # type: ignore[arg-type]
    state = RoadState.free(bound)
    start = Snap(60, 0.4, 0.0, "", 0, 0)
    reach = ReachGraph(bound, state, "car").reach([start], towards=towards)
    for backend in ("auto", "scipy"):
        service = RoutingService(bound, backend=backend)  # type: ignore[arg-type]
        theirs = reach_through(service, "car", [start], towards=towards)
        assert np.array_equal(reach.node_s, theirs.node_s) and np.array_equal(reach.span_s, theirs.span_s)
    there = [Snap(int(edge), float(rng.random()), 0.0, "", 0, 0) for edge in rng.integers(0, bound.edge_count, 80)]
    found = service.matrix("car", there, [start])[:, 0] if towards else service.matrix("car", [start], there)[0]
    got = np.array([reach.seconds_at(place) for place in there])
    assert np.array_equal(np.isfinite(got), np.isfinite(found))
    assert np.allclose(got[np.isfinite(got)], found[np.isfinite(found)], atol=0.11)
    free = ReachGraph(network, RoadState.free(network), "car").reach([start], towards=towards)
    assert np.count_nonzero(reach.node_s > free.node_s) > 100, "turns must matter here"


def test_a_street_that_only_forbidden_turns_lead_into_is_cut_off(town: CityPack, network: RoadNetwork) -> None:
    # A dead end is made: every other road at its far crossing is shut.
    dead_end = int(np.flatnonzero((network.edge_arcs >= 0).all(axis=1))[200])
    mouth, end = network.edge_nodes[dead_end]
    shut = [e for e, ends in enumerate(network.edge_nodes) if end in ends and e != dead_end]
    into, out = network.edge_arcs[dead_end].tolist()
    arriving = [a for a in np.flatnonzero(town.arc_head == mouth).tolist() if a != out]
    leaving = [a for a in np.flatnonzero(town.arc_tail == mouth).tolist() if a != into]
    places = {"end": Snap(dead_end, 0.5, 0.0, "", 0, 0)}

    def bound(turns: list[tuple[int, int]]) -> tuple[RoadNetwork, RoadState]:
        pairs = np.array(turns, dtype=np.int32)
        made = RoadNetwork(Laid(town, turn_from=pairs[:, 0], turn_to=pairs[:, 1]))  # type: ignore[arg-type]
        return made, RoadState.free(made).with_changes(1, closed_edges=shut)

    assert min(mouth, end, into, out, len(shut), len(arriving), len(leaving)) > 0
    assert cut_off(network, RoadState.free(network).with_changes(1, closed_edges=shut), places) == []
    for turns in ([(a, into) for a in arriving], [(out, a) for a in leaving]):
        roads, state = bound(turns)
        assert cut_off(roads, state, places) == ["end"]
        assert main_part(roads, state, "car")[mouth] and not main_part(roads, state, "car")[end]
    # With one turn left in, and one out again, it is not.
    roads, state = bound([(a, into) for a in arriving[1:]] + [(out, a) for a in leaving[1:]])
    assert cut_off(roads, state, places) == []


def test_a_contraflow_opens_a_one_way_and_who_walks_is_not_bound_by_it(network: RoadNetwork) -> None:
    lone = int(np.flatnonzero((network.edge_arcs == -1).any(axis=1))[0])
    head = Snap(lone, 1.0, 0.0, "", 0, 0)
    dry = RoadState.free(network)
    tail = int(network.edge_tail[lone])
    against = dry.with_changes(2, contraflow=[lone])
    before, after = (ReachGraph(network, state, "car").reach([head]).node_s[tail] for state in (dry, against))
    assert after < before
    walked = ReachGraph(network, dry, "foot").reach([head]).node_s[tail]
    length_m = float(network.arc_length_m[network.edge_arcs[lone].max()])
    assert walked <= length_m / 1.4 + 0.1


def test_no_closed_road_is_in_a_reach_and_none_is_passed(network: RoadNetwork, closed: RoadState) -> None:
    edge = int(np.flatnonzero(~closed.closed)[0])
    reach = ReachGraph(network, closed, "car").reach([Snap(edge, 0.5, 0.0, "", 0, 0)], 600.0)
    assert len(reach.edges) and not closed.closed[reach.edges].any()


def test_seconds_at_a_place_are_the_duration_of_its_route(
    network: RoadNetwork, closed: RoadState, snapper: Snapper
) -> None:
    service = RoutingService(network, state=closed, backend="scipy")
    start = snapper.snap(*lonlat(1000, 950))
    reach = ReachGraph(network, closed, "car").reach([start])
    rng = np.random.default_rng(2)
    there = [snapper.snap(*lonlat(*rng.uniform((0, 0), (2900, 1900)))) for _ in range(60)]
    found = service.matrix("car", [start], there)[0]
    got = np.array([reach.seconds_at(place) for place in there])
    assert np.isfinite(found).sum() > 20
    assert np.array_equal(np.isfinite(got), np.isfinite(found))
    # A service counts whole tenths on the last, partly driven road.
    assert np.allclose(got[np.isfinite(got)], found[np.isfinite(found)], atol=0.11)


def test_the_share_of_a_road_never_counts_a_stretch_twice(network: RoadNetwork, snapper: Snapper) -> None:
    graph = ReachGraph(network, RoadState.free(network), "car")
    start = snapper.snap(*lonlat(1000, 950))
    shares = [graph.reach([start], limit).edge_share for limit in (5.0, 60.0, 200.0, 1e6)]
    for less, more in pairwise(shares):
        assert np.all(more >= less - 1e-9)
    assert float(shares[-1].max()) <= 1.0 + 1e-9
    first = graph.reach([start], 5.0)
    assert 20.0 < first.length_m < 250.0, "five seconds at town speed, each way"


def inside(polygons: tuple[tuple[np.ndarray, ...], ...], lon: float, lat: float) -> bool:
    odd = False
    for ring in (ring for rings in polygons for ring in rings):
        for (x1, y1), (x2, y2) in pairwise(ring.tolist()):
            if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) * (x2 - x1) / (y2 - y1):
                odd = not odd
    return odd


def test_an_outline_holds_what_is_reached_and_leaves_out_what_lies_far_from_it(
    network: RoadNetwork, town: CityPack, snapper: Snapper
) -> None:
    start = snapper.snap(*lonlat(1000, 950))
    reach = ReachGraph(network, RoadState.free(network), "car").reach([start], 120.0)
    near, far = outline(reach, [60.0, 120.0], min_hole_m2=0.0)
    assert 0.0 < near.area_m2 < far.area_m2
    for band in (near, far):
        on_time = np.flatnonzero(reach.node_s <= band.seconds)
        for node in on_time.tolist():
            assert inside(band.polygons, *town.to_lonlat(*network.node_xy[node].tolist()))
    reached = network.node_xy[reach.nodes]
    outside = [node for node in range(network.node_count) if np.hypot(*(reached - network.node_xy[node]).T).min() > 260]
    assert len(outside) > 20
    assert not any(inside(far.polygons, *town.to_lonlat(*network.node_xy[node].tolist())) for node in outside)


def test_outlines_are_rings_as_geojson_wants_them(network: RoadNetwork, snapper: Snapper) -> None:
    start = snapper.snap(*lonlat(1000, 950))
    reach = ReachGraph(network, RoadState.free(network), "car").reach([start], 200.0)
    (band,) = outline(reach, [200.0], buffer_m=25.0, min_hole_m2=100.0)
    geometry = band.as_geojson()
    assert geometry["type"] == "MultiPolygon" and any(len(rings) > 1 for rings in band.polygons)
    for rings in geometry["coordinates"]:  # type: ignore[attr-defined]
        for k, ring in enumerate(rings):
            assert ring[0] == ring[-1] and len(ring) >= 4
            turn = sum(
                x1 * y2 - x2 * y1
                for (x1, y1), (x2, y2) in pairwise([(x - ring[0][0], y - ring[0][1]) for x, y in ring])
            )
            assert turn > 0 if k == 0 else turn < 0


def test_a_small_hole_is_filled_and_a_large_one_stays(network: RoadNetwork, snapper: Snapper) -> None:
    reach = ReachGraph(network, RoadState.free(network), "car").reach([snapper.snap(*lonlat(1000, 950))], 200.0)
    holes = [
        sum(len(rings) - 1 for rings in outline(reach, [200.0], buffer_m=25.0, min_hole_m2=least)[0].polygons)
        for least in (0.0, 4_000.0, 1e9)
    ]
    assert holes[0] > holes[1] > holes[2] == 0


def test_nothing_reached_is_no_area(network: RoadNetwork, snapper: Snapper) -> None:
    reach = ReachGraph(network, RoadState.free(network), "car").reach([])
    (band,) = outline(reach, [600.0])
    assert band.polygons == () and band.area_m2 == 0.0 and len(reach.nodes) == 0


def test_the_hospital_whose_streets_are_shut_has_lost_its_ring(network: RoadNetwork, snapper: Snapper) -> None:
    dry = RoadState.free(network)
    places = {"H-SOUTH": snapper.snap(*lonlat(700, 300)), "H-NORTH": snapper.snap(*lonlat(2300, 1700))}
    south = np.flatnonzero(network.node_xy[network.pack.edge_tail][:, 1] < 500).tolist()
    flooded = dry.with_changes(9, closed_edges=south)
    people = {"school": (snapper.snap(*lonlat(800, 300)), 400), "care": (snapper.snap(*lonlat(750, 900)), 60)}
    worst, best = lost_rings(network, dry, flooded, places, "car", limit_s=120.0, people=people)
    assert (worst.place, worst.metres_now, worst.share_lost) == ("H-SOUTH", 0.0, 1.0)
    assert worst.people_lost == worst.people_before == 460
    assert best.place == "H-NORTH" and best.share_lost < 0.2
    assert "lost 100% of its 2-minute ring" in worst.in_words("South Hospital")
    same = lost_rings(network, dry, dry, places, "car", limit_s=120.0)
    assert [loss.lost_edges for loss in same] == [(), ()]
    assert same[0].people_lost is None and "keeps" in same[0].in_words()
