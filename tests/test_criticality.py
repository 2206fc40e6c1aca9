"""The road whose loss hurts most: found exactly, the same each time, stoppable, and nothing stays closed."""

from __future__ import annotations

import numpy as np
import pytest

from picture.errors import RoadError
from tests.roadtown import build_town, lonlat
from twin.criticality import Demand, criticality
from twin.network import RoadNetwork
from twin.reach import ReachGraph
from twin.road_state import RoadState
from twin.routing import RoutingService


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> RoutingService:
    network = RoadNetwork(build_town(tmp_path_factory.mktemp("town") / "town.pack"))
    # Of the ways over the river all but three are shut.
    x = network.node_xy[:, 0]
    pack = network.pack
    over = np.flatnonzero((x[pack.edge_tail] < 1430) != (x[pack.edge_head] < 1430))
    shut = RoadState.free(network).with_changes(4, closed_edges=over[3:].tolist())
    return RoutingService(network, state=shut)


@pytest.fixture(scope="module")
def demand(service: RoutingService) -> Demand:
    snap = service.snapper.snap
    return Demand(
        {"West Hospital": snap(*lonlat(850, 610)), "North Hospital": snap(*lonlat(700, 1700))},
        {
            "Eastside": snap(*lonlat(2300, 900)),
            "Old Harbour": snap(*lonlat(700, 300)),
            "East Quay": snap(*lonlat(2500, 200)),
        },
    )


def brute_force(service: RoutingService, demand: Demand) -> dict[int, tuple[int, float]]:
    """(pairs cut, mean seconds added) by the loss of each open road, one by one."""
    standing = service.state
    ends = list(demand.facilities.values()), list(demand.districts.values())
    before = service.matrix("car", *ends, enter_closed=True)
    found = {}
    for edge in np.flatnonzero(~standing.closed).tolist():
        service.update(standing.with_changes(4, closed_edges=standing.closed_edges | {edge}))
        after = service.matrix("car", *ends, enter_closed=True)
        still = np.isfinite(after) & np.isfinite(before)
        found[edge] = (
            int((np.isfinite(before) & ~np.isfinite(after)).sum()),
            float((after - before)[still].sum() / still.sum()) if still.any() else 0.0,
        )
    service.update(standing)
    return found


def test_the_most_critical_road_is_the_one_that_closing_every_road_in_turn_finds(
    service: RoutingService, demand: Demand
) -> None:
    everything = brute_force(service, demand)
    found = criticality(service, demand, "car", candidates=400, samples=50)
    assert found.finished and found.epoch == 4
    worst = max(everything.values())
    assert worst > (0, 1.0), "the town must have a road that matters"
    assert (len(found.losses[0].cut), found.losses[0].added_s) == pytest.approx(worst)
    for loss in found.losses:
        assert (len(loss.cut), loss.added_s) == pytest.approx(everything[loss.edge])
    missed = [edge for edge, hurt in everything.items() if hurt > (0, 0.05)]
    assert set(missed) <= {loss.edge for loss in found.losses}, "every road that matters is a candidate"


def test_roads_that_cut_a_district_off_come_first_whatever_the_delays(service: RoutingService, demand: Demand) -> None:
    standing, network = service.state, service.network
    x = network.node_xy[:, 0]
    over = [
        e
        for e in range(network.edge_count)
        if (x[network.pack.edge_tail[e]] < 1430) != (x[network.pack.edge_head[e]] < 1430)
    ]
    open_over = [e for e in over if not standing.closed[e]]
    # With one way over the river left, its loss cuts the east off.
    service.update(standing.with_changes(5, closed_edges=standing.closed_edges | set(open_over[1:])))
    try:
        worst = criticality(service, demand, "car", candidates=400).losses[0]
    finally:
        service.update(standing)
    assert worst.edge == open_over[0] and worst.hurts
    assert {district for _, district in worst.cut} >= {"Eastside", "East Quay"}
    assert "lost altogether" in worst.in_words() and "Eastside" in worst.in_words()


def test_the_same_seed_gives_the_same_answer_and_the_roads_are_as_before(
    service: RoutingService, demand: Demand
) -> None:
    standing = service.state
    first, second = (criticality(service, demand, "car", candidates=30, seed=9) for _ in range(2))
    assert first == second and len(first.losses) >= 30
    assert service.state is standing


def test_progress_is_told_and_a_stop_is_heard_at_the_next_road(service: RoutingService, demand: Demand) -> None:
    told: list[tuple[int, int]] = []
    found = criticality(
        service,
        demand,
        "car",
        candidates=20,
        progress=lambda done, of: told.append((done, of)),
        cancelled=lambda: len(told) >= 7,
    )
    assert told == [(k, found.candidates) for k in range(1, 8)] and found.candidates >= 20
    assert not found.finished and len(found.losses) == 7
    assert f"Stopped after 7 of {found.candidates} roads" in found.in_words()


def test_a_pair_without_weight_does_not_count(service: RoutingService, demand: Demand) -> None:
    nobody = Demand(demand.facilities, demand.districts, np.zeros((2, 3)))
    found = criticality(service, nobody, "car", candidates=10)
    assert not any(loss.hurts for loss in found.losses) and "makes anybody late" in found.in_words()
    with pytest.raises(RoadError, match="TOC-5206"):
        criticality(service, Demand(demand.facilities, demand.districts, np.ones((1, 3))), "car")


def test_the_only_road_to_a_district_is_found_however_little_it_carries(
    service: RoutingService, demand: Demand
) -> None:
    network, standing = service.network, service.state
    place = demand.districts["East Quay"]
    tail, head = int(network.edge_tail[place.edge]), int(network.edge_head[place.edge])
    around = [
        e
        for e in range(network.edge_count)
        if e != place.edge
        and not standing.closed[e]
        and {tail, head} & {int(network.edge_tail[e]), int(network.edge_head[e])}
    ]
    expected = {edge for edge, hurt in brute_force(service, demand).items() if hurt[0]}
    # All but one of the roads at the district are shut: what is left is its only way in.
    for left in around:
        shut = standing.with_changes(6, closed_edges=standing.closed_edges | (set(around) - {left}))
        service.update(shut)
        try:
            few = criticality(service, demand, "car", candidates=1, samples=0)
            cutting = {edge for edge, hurt in brute_force(service, demand).items() if hurt[0]}
        finally:
            service.update(standing)
        if left in cutting - expected:
            assert left in {loss.edge for loss in few.losses if loss.cut}
            return
    pytest.fail("no road at the district became its only one")


def test_as_many_pass_the_roads_at_a_place_as_are_bound_elsewhere(service: RoutingService) -> None:
    network = service.network
    graph = ReachGraph(network, RoadState.free(network), "car")
    start = service.snapper.snap(*lonlat(850, 610))
    passengers = np.zeros(network.node_count)
    reached = graph.reach([start]).nodes
    far = [node for node in reached.tolist() if node not in network.edge_nodes[start.edge]][:50]
    passengers[far] = 2.0
    carried = graph.carried([start], passengers)
    leaving = [
        arc for node in network.edge_nodes[start.edge] for arc in np.flatnonzero(network.arc_tail == node).tolist()
    ]
    edges = {int(network.arc_edge[arc]) for arc in leaving} - {start.edge}
    assert carried[sorted(edges)].sum() >= 2.0 * len(far) and carried.max() <= 2.0 * len(far)
