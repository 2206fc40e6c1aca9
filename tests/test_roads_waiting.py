"""Roads asked by a core that waits: every answer at the newest state, changes for nothing, engines that may break."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from picture.errors import RoadError
from tests.roadtown import build_town
from twin.client import RoutingClient
from twin.network import Link, RoadNetwork
from twin.profiles import PROFILES
from twin.road_state import RoadState
from twin.route import Route
from twin.routing import RoutingService, keep_order
from twin.snap import Snap
from twin.waiting import WaitingRoads


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> RoadNetwork:
    return RoadNetwork(build_town(tmp_path_factory.mktemp("town") / "town.pack"))


@pytest.fixture(scope="module")
def order(network: RoadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("order") / "town.order"
    keep_order(network, path)
    return path


@pytest.fixture
def roads(network: RoadNetwork, order: Path) -> Iterator[WaitingRoads]:
    roads = WaitingRoads(network, order_cache=order)
    yield roads
    roads.close()


def places_of(network: RoadNetwork, count: int) -> list[Snap]:
    rng = np.random.default_rng(5)
    edges, fractions = rng.integers(0, network.edge_count, count).tolist(), rng.random(count).tolist()
    return [Snap(e, f, 0.0, "", 0, 0) for e, f in zip(edges, fractions, strict=True)]


def shut(network: RoadNetwork, epoch: int) -> RoadState:
    rng = np.random.default_rng(epoch)
    closed = rng.choice(network.edge_count, network.edge_count // 4, replace=False).tolist()
    return RoadState.free(network).with_changes(epoch, closed_edges=closed, time_factor={epoch: 4.0})


def test_a_question_waits_for_every_change_handed_in_before_it(network: RoadNetwork, roads: WaitingRoads) -> None:
    places, oracle = places_of(network, 6), RoutingService(network)
    for epoch in range(1, 15):
        state = shut(network, epoch)
        roads.update(state)
        oracle.update(state)
        table = roads.matrix("engine", places, places)
        assert table.epoch == epoch == roads.epoch
        assert np.array_equal(table.seconds, oracle.matrix("engine", places, places))
        route = roads.route("engine", places[0], places[1])
        assert route.epoch == epoch == roads.eta("engine", places[0], places[1]).epoch


def test_a_change_at_the_same_epoch_is_waited_for_as_well(network: RoadNetwork, roads: WaitingRoads) -> None:
    a, b = places_of(network, 2)
    before = roads.route("car", a, b)
    assert isinstance(before, Route)
    roads.update(roads.state.with_changes(0, closed_edges=before.edges[1:-1]))
    after = roads.route("car", a, b)
    assert not isinstance(after, Route) or not set(before.edges[1:-1]) & set(after.edges)


def test_changes_that_nobody_asks_about_cost_the_caller_nothing_and_are_taken_as_one(
    network: RoadNetwork, roads: WaitingRoads
) -> None:
    a, b = places_of(network, 2)
    roads.eta("car", a, b)
    owner, hold = roads.owners.of("car"), threading.Event()
    owner.ask(lambda service: hold.wait(10.0), lambda *_: None)
    for epoch in range(1, 30):
        roads.update(shut(network, epoch))
    # The owner stands still, and all of it has been handed in.
    assert roads.epoch == 29 and owner.epoch == 0
    hold.set()
    assert roads.eta("car", a, b).epoch == 29 and owner.swaps == 1


def test_roads_avoided_are_closed_for_that_answer_alone(network: RoadNetwork, roads: WaitingRoads) -> None:
    a, b = places_of(network, 2)
    free = roads.route("car", a, b)
    assert isinstance(free, Route)
    off = frozenset(free.edges[1:-1])
    state = RoadState.free(network).with_changes(0, closed_edges=off)
    other = RoutingService(network, state=state).matrix("car", [a], [b])
    assert np.array_equal(roads.matrix("car", [a], [b], avoid=off).seconds, other)
    way = roads.route("car", a, b, avoid=off)
    assert isinstance(way, Route) and not off & set(way.edges) and way.duration_s == other[0, 0] > free.duration_s
    again = roads.route("car", a, b)
    assert isinstance(again, Route) and again.arcs == free.arcs and not roads.state.closed.any()


def test_bad_links_are_refused_at_once_and_good_ones_are_laid_by_the_owner(
    network: RoadNetwork, roads: WaitingRoads
) -> None:
    places = places_of(network, 8)
    dry = roads.matrix("car", places, places).seconds
    with pytest.raises(RoadError, match="TOC-5206"):
        roads.update(roads.state.with_changes(1, links=[Link("nowhere", 0, network.node_count, 5.0, 5.0)]))
    assert roads.epoch == 0
    roads.update(roads.state.with_changes(2, links=[Link("pontoon", 5, network.node_count - 8, 400.0, 15.0)]))
    linked = roads.matrix("car", places, places)
    assert linked.epoch == 2 and bool(np.any(linked.seconds < dry))
    roads.update(roads.state.with_changes(3, links=()))
    assert np.array_equal(roads.matrix("car", places, places).seconds, dry)


def test_errors_of_a_question_reach_who_asked_and_the_next_one_is_answered(
    network: RoadNetwork, roads: WaitingRoads
) -> None:
    with pytest.raises(RoadError, match="TOC-5203"):
        roads.eta("hovercraft", *places_of(network, 2))
    with pytest.raises(RoadError, match="TOC-5003"):
        roads.route("car", (0.0, 0.0), (1.0, 1.0))
    assert roads.eta("car", *places_of(network, 2)).seconds > 0


@pytest.mark.parametrize("asked", ["eta", "route", "avoid"])
def test_a_panic_while_a_question_is_answered_is_named_and_the_plain_engine_answers_it(
    network: RoadNetwork, roads: WaitingRoads, asked: str
) -> None:
    places, held = places_of(network, 5), list[object]()
    a, b = places[:2]
    known = roads.eta("car", a, b).seconds

    def sabotage(service: RoutingService) -> None:
        # RoutingKit refuses to run a query while its last result lives: a real panic, from the real engine.
        query = service.lane("car").engine._query  # type: ignore[attr-defined]
        held.append(query.run_multi([(0, 0)], [(1, 0)]))

    roads._ask(PROFILES["car"], sabotage, ())
    if asked == "eta":
        assert roads.eta("car", a, b).seconds == known
    elif asked == "route":
        route = roads.route("car", a, b)
        assert isinstance(route, Route) and route.duration_s == known and route.backend == "scipy"
    else:
        shut_off = RoadState.free(network).with_changes(0, closed_edges=[7, 8])
        expected = RoutingService(network, state=shut_off).eta("car", a, b)
        assert roads.eta("car", a, b, avoid=[7, 8]).seconds == expected
    assert roads.degraded
    # What is bound to the owner's thread is let go there; afterwards the roads change and answer as ever.
    roads._ask(PROFILES["car"], lambda service: held.clear(), ())
    for epoch in (1, 2):
        state = shut(network, epoch)
        roads.update(state)
        expected_all = RoutingService(network, state=state).matrix("car", places, places)
        assert np.array_equal(roads.matrix("car", places, places).seconds, expected_all)
    assert roads.degraded == ""


def test_an_engine_that_fails_outside_every_fallback_is_named_to_who_asked(
    network: RoadNetwork, roads: WaitingRoads
) -> None:
    a, b = places_of(network, 2)
    known = roads.eta("car", a, b)

    def break_it(service: RoutingService) -> None:
        service.lane("car").engine.patch(np.array([10**7], dtype=np.int32), np.array([5]))

    with pytest.raises(RoadError, match="TOC-5201"):
        roads._ask(PROFILES["car"], break_it, ())
    assert roads.eta("car", a, b) == known


def test_a_service_of_an_owner_is_of_no_use_to_who_waits_for_it(network: RoadNetwork, roads: WaitingRoads) -> None:
    a, b = places_of(network, 2)
    leaked, _ = roads._ask(PROFILES["car"], lambda service: service, ())
    known = roads.eta("car", a, b)
    for attempt in (
        lambda: leaked.eta("car", a, b),
        lambda: leaked.update(shut(network, 1)),
        lambda: leaked.avoiding([1]).__enter__(),
        leaked.close,
    ):
        with pytest.raises(RoadError, match="TOC-5202"):
            attempt()
    assert roads.eta("car", a, b) == known


def test_an_owner_that_dies_answers_with_its_error_and_a_new_one_takes_its_place(
    network: RoadNetwork, roads: WaitingRoads
) -> None:
    a, b = places_of(network, 2)
    known = roads.eta("car", a, b)
    owner = roads.owners.of("car")

    def unheard_of(*_: object) -> None:
        raise MemoryError("no room for an answer")

    owner.ask(lambda service: None, unheard_of)
    owner._thread.join(10.0)
    assert not owner.alive and owner.last_fault == "no room for an answer"
    roads.update(RoadState.free(network, 7))
    again = roads.eta("car", a, b)
    assert again.seconds == known.seconds and again.epoch == 7 and roads.owners.of("car") is not owner


def test_a_city_that_is_forgotten_leaves_no_thread_behind(network: RoadNetwork, order: Path) -> None:
    roads = WaitingRoads(network, order_cache=order)
    roads.eta("car", *places_of(network, 2))
    thread = roads.owners.of("car")._thread
    del roads
    gc.collect()
    thread.join(10.0)
    assert not thread.is_alive()


def test_without_a_file_the_order_is_computed_by_another_process_and_scipy_answers_meanwhile(
    network: RoadNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: object) -> None:
        raise AssertionError("the order was computed in this process")

    monkeypatch.setattr("twin.hierarchy.order_of", never)
    roads, other = WaitingRoads(network), RoutingClient(network)
    a, b = places_of(network, 2)
    early = roads.route("car", a, b)
    assert isinstance(early, Route) and early.backend == "scipy"
    assert roads.degraded == other.degraded == "the order of the roads is being computed"
    assert roads.wait_until_ready(60.0)
    late = roads.route("car", a, b)
    assert isinstance(late, Route) and late.backend == "cch" and late.duration_s == early.duration_s
    assert roads.degraded == ""
    roads.close()
    other.owners.close()
