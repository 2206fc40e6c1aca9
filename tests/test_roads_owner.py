"""Roads asked from an event loop: true at the epoch they carry, whatever changes, breaks or is tried from outside."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
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


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> RoadNetwork:
    return RoadNetwork(build_town(tmp_path_factory.mktemp("town") / "town.pack"))


@pytest.fixture(scope="module")
def order(network: RoadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("order") / "town.order"
    keep_order(network, path)
    return path


@pytest.fixture
async def client(network: RoadNetwork, order: Path) -> AsyncIterator[RoutingClient]:
    client = RoutingClient(network, order_cache=order)
    yield client
    await client.close()


def places_of(network: RoadNetwork, count: int, seed: int = 3) -> list[Snap]:
    rng = np.random.default_rng(seed)
    edges, fractions = rng.integers(0, network.edge_count, count).tolist(), rng.random(count).tolist()
    return [Snap(e, f, 0.0, "", 0, 0) for e, f in zip(edges, fractions, strict=True)]


def states_of(network: RoadNetwork, count: int) -> list[RoadState]:
    """Alternating local and scattered changes, up to half of everything closed."""
    rng = np.random.default_rng(7)
    middle = network.node_xy[network.edge_tail]
    states = [RoadState.free(network)]
    for epoch in range(1, count):
        if epoch % 2:
            at = middle[int(rng.integers(0, network.edge_count))]
            shut = np.flatnonzero(np.hypot(*(middle - at).T) < 250).tolist()
        else:
            share = float(rng.uniform(0, 0.5))
            shut = rng.choice(network.edge_count, int(share * network.edge_count), replace=False).tolist()
        states.append(states[0].with_changes(epoch, closed_edges=shut, time_factor={epoch: 3.0}))
    return states


async def test_every_answer_is_true_at_the_epoch_it_carries_while_roads_keep_changing(
    network: RoadNetwork, client: RoutingClient
) -> None:
    states, places = states_of(network, 40), places_of(network, 8)
    oracle = RoutingService(network)
    truth = []
    for state in states:
        oracle.update(state)
        truth.append(oracle.matrix("car", places, places))
    seen: set[int] = set()

    async def ask(times: int) -> None:
        for turn in range(times):
            a, b = turn % 8, (3 * turn + 1) % 8
            table = await client.matrix("car", places, places)
            assert np.array_equal(table.seconds, truth[table.epoch])
            eta = await client.eta("car", places[a], places[b])
            assert eta.seconds == truth[eta.epoch][a, b]
            route = await client.route("car", places[a], places[b])
            seen.update((table.epoch, eta.epoch, route.epoch))
            if isinstance(route, Route):
                assert route.duration_s == truth[route.epoch][a, b]
                shut = states[route.epoch].closed_edges
                assert not (set(route.edges) - {places[a].edge}) & shut

    async def change() -> None:
        for state in states[1:]:
            client.update(state)
            await asyncio.sleep(0.004)

    await asyncio.gather(change(), *(ask(60) for _ in range(4)))
    assert await client.settle() == 39 == client.epochs["car"]
    assert len(seen) > 5
    last = await client.matrix("car", places, places)
    assert last.epoch == 39 and np.array_equal(last.seconds, truth[39])
    assert client.degraded == ""


async def test_who_asks_for_a_fresh_answer_gets_no_older_one(network: RoadNetwork, client: RoutingClient) -> None:
    a, b = Snap(3, 0.5, 0.0, "", 0, 0), Snap(700, 0.5, 0.0, "", 0, 0)
    for state in states_of(network, 12)[1:]:
        client.update(state)
        assert (await client.eta("car", a, b, fresh=True)).epoch == state.epoch
        assert (await client.pairs("engine", [(a, b)], fresh=True)).epoch == state.epoch


async def test_changes_that_queue_are_taken_as_one(network: RoadNetwork, client: RoutingClient) -> None:
    places = places_of(network, 2)
    await client.eta("car", *places)
    owner = client.owners.of("car")
    hold = threading.Event()
    owner.ask(lambda service: hold.wait(5.0), lambda *_: None)
    states = states_of(network, 30)
    for state in states[1:]:
        client.update(state)
    hold.set()
    await client.settle()
    assert owner.epoch == 29 and owner.swaps == 1


async def test_a_change_waits_for_a_pause_but_not_for_long(network: RoadNetwork, client: RoutingClient) -> None:
    places = places_of(network, 2)
    await client.eta("car", *places)
    owner = client.owners.of("car")
    epochs: list[int] = []

    def answered(value: object, epoch: int, error: BaseException | None) -> None:
        epochs.append(epoch)
        if epoch == 0 and len(epochs) < 10_000:
            # Two questions always wait: the queue is never empty.
            owner.ask(lambda service: time.sleep(0.001), answered)

    for _ in range(2):
        owner.ask(lambda service: None, answered)
    client.update(states_of(network, 2)[1])
    await client.settle()
    assert 0 < epochs.count(0) < 300


async def test_links_and_reopening_restore_every_answer(network: RoadNetwork, client: RoutingClient) -> None:
    places, free = places_of(network, 10), RoadState.free(network)
    before = await client.matrix("ambulance", places, places)
    client.update(free.with_changes(1, links=[Link("Bailey bridge", 5, network.node_count - 8, 500.0, 15.0)]))
    bridged = await client.matrix("ambulance", places, places, fresh=True)
    assert bridged.epoch == 1 and bool(np.any(bridged.seconds < before.seconds))
    client.update(free.with_changes(2))
    after = await client.matrix("ambulance", places, places, fresh=True)
    assert after.epoch == 2 and np.array_equal(after.seconds, before.seconds)
    with pytest.raises(RoadError, match="TOC-5206"):
        client.update(free.with_changes(3, links=[Link("nowhere", 0, network.node_count, 5.0, 5.0)]))
    assert (await client.matrix("ambulance", places, places, fresh=True)).epoch == 2


async def test_the_owner_thread_rule_cannot_be_broken_from_outside(network: RoadNetwork, client: RoutingClient) -> None:
    places, free = places_of(network, 2), RoadState.free(network)
    await client.eta("car", *places)
    owner = client.owners.of("car")
    leaked: list[RoutingService] = []
    owner.ask(leaked.append, lambda *_: None)
    await client.settle()
    service = leaked[0]
    lane = service._lanes[PROFILES["car"]]
    tries = [
        lambda: service.eta("car", *places),
        lambda: service.route("car", *places),
        lambda: service.routes("car", *places),
        lambda: service.matrix("car", places, places),
        lambda: service.update(free),
        lambda: service.plan(free),
        lambda: service.lane("car"),
        service.close,
        lambda: lane.ticks_between(places[0], places[1], False),
        lambda: lane.way_between(places[0], places[1], False),
        lambda: lane.engine.table([[(0, 0)]], [[(1, 0)]]),
        lambda: lane.engine.reset(lane.ticks),
        lambda: lane.engine.patch(np.array([0], np.int32), np.array([1])),
        lane.engine.rest,
    ]
    for attempt in tries:
        with pytest.raises(RoadError, match="TOC-5202"):
            attempt()
    # Nothing is locked: the metric still changes and answers, at full speed.
    for state in states_of(network, 8)[1:]:
        client.update(state)
        assert (await client.eta("car", *places, fresh=True)).epoch == state.epoch
    assert client.degraded == ""


@pytest.mark.parametrize("when", ["patch", "reset", "build"])
async def test_a_panic_while_roads_change_becomes_a_named_fault_and_the_answers_stay_right(
    network: RoadNetwork, client: RoutingClient, when: str
) -> None:
    import routingkit_cch

    places, states = places_of(network, 6), states_of(network, 4)
    await client.matrix("car", places, places)
    owner, held = client.owners.of("car"), []

    def sabotage(service: RoutingService) -> None:
        # A live query makes RoutingKit refuse any change of the metric: a real panic, from the real engine.
        back = owner._ready_back()
        held.append(routingkit_cch.CCHQuery(back.lane("car").engine._metric))  # type: ignore[attr-defined]

    owner.ask(sabotage, lambda *_: None)
    state = states[1 if when == "patch" else 2]
    client.update(state)
    while when == "build" and client.epochs["car"] != state.epoch:
        await asyncio.sleep(0.005)
    table = await client.matrix("car", places, places, fresh=True)
    expected = RoutingService(network, state=state).matrix("car", places, places)
    assert table.epoch == state.epoch and np.array_equal(table.seconds, expected)
    assert "while there are active" in client.degraded
    client.update(states[3])
    table = await client.matrix("car", places, places, fresh=True)
    expected = RoutingService(network, state=states[3]).matrix("car", places, places)
    assert table.epoch == 3 and np.array_equal(table.seconds, expected)
    assert client.degraded == "" and "while there are active" in owner.last_fault
    owner.ask(lambda service: held.clear(), lambda *_: None)
    await client.settle()


async def test_a_question_that_fails_is_answered_with_its_error_and_the_next_one_as_ever(
    network: RoadNetwork, client: RoutingClient
) -> None:
    with pytest.raises(RoadError, match="TOC-5203"):
        await client.eta("hovercraft", *places_of(network, 2))
    with pytest.raises(RoadError, match="TOC-5003"):
        await client.route("car", (0.0, 0.0), (1.0, 1.0))
    with pytest.raises(IndexError):
        await client.eta("car", Snap(10**6, 0.5, 0.0, "", 0, 0), Snap(1, 0.5, 0.0, "", 0, 0))
    assert (await client.eta("car", *places_of(network, 2))).seconds > 0


async def test_a_cancelled_question_disturbs_nobody_and_a_closed_client_says_so(network: RoadNetwork) -> None:
    client = RoutingClient(network, backend="scipy")
    a, b = places_of(network, 2)
    waiting = asyncio.ensure_future(client.eta("car", a, b))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await client.eta("car", a, b)).seconds == RoutingService(network).eta("car", a, b)
    owner = client.owners.of("car")
    await client.close()
    assert not owner._thread.is_alive()
    with pytest.raises(RoadError, match="TOC-5201"):
        owner.ask(lambda service: None, lambda *_: None)


async def test_scipy_answers_until_the_order_is_there_and_the_owners_move_up(
    network: RoadNetwork, tmp_path: Path
) -> None:
    client = RoutingClient(network, order_cache=tmp_path / "town.order")
    a, b = places_of(network, 2)
    early = await client.route("car", a, b)
    assert isinstance(early, Route) and early.backend == "scipy" and client.degraded
    for _ in range(600):
        route = await client.route("car", a, b)
        if isinstance(route, Route) and route.backend == "cch":
            break
        await asyncio.sleep(0.05)
    assert isinstance(route, Route) and route.backend == "cch" and route.duration_s == early.duration_s
    assert client.degraded == ""
    await client.close()
