"""Ways and travel times over the roads as they are now: the service that planner, playbooks and drill ask.

One service per core and thread. It holds one engine per vehicle profile, changes weights in place when the
road state changes, and every answer is true at ``epoch``, the journal cursor of that state. The fast engine
needs an elimination order; until its file is there, and wherever RoutingKit cannot run, scipy answers the
same, slower. Among equally quick ways the two may choose differently: what must repeat exactly waits for
:meth:`wait_until_ready`.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from picture.errors import RoadError
from twin.engines.csgraph import ScipyEngine
from twin.engines.order import load_order, save_order, start_order_process
from twin.network import NO_ARC, RoadNetwork
from twin.profiles import Profile, profile
from twin.road_state import CLOSED, TICKS_PER_S, RoadState, arc_ticks, crawl_ticks
from twin.route import NoRoute, Reason, Route
from twin.snap import Snap, Snapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.engines import Engine
    from twin.engines.cch import CchTopology

Answer = TypeVar("Answer")
Place = Snap | tuple[float, float]
"""A place on the network, or (longitude, latitude) still to be snapped to the nearest road."""

_LOCAL_SHARE = 0.003
_PATCH_SHARE = 0.05
_AT_NODE = 1e-9


@dataclass(frozen=True, slots=True)
class Update:
    """What one change of the roads did: how many edges differ, and how each profile's engine took it."""

    epoch: int
    changed_edges: int
    how: dict[str, Literal["nothing", "patch", "reset"]]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way off, or onto, a place: the node at its other end, its cost, and the arc driven in part."""

    node: int
    ticks: int
    arc: int


class _Lane:
    """One profile: its weights now and the engine that holds them."""

    def __init__(
        self, network: RoadNetwork, who: Profile, state: RoadState, topology: CchTopology | None
    ) -> None:
        self.network, self.profile = network, who
        self.ticks = arc_ticks(network, who, state)
        self.fault = ""
        self.engine: Engine = self._plain()
        if topology is not None:
            self.raise_to(topology)

    def _plain(self) -> Engine:
        network = self.network
        return ScipyEngine(network.node_count, network.arc_tail, network.arc_head, self.ticks)

    def raise_to(self, topology: CchTopology) -> None:
        """Takes the fast engine into use."""
        from twin.engines.cch import CchEngine

        try:
            self.engine = CchEngine(topology, self.ticks)
        except RoadError as error:
            self.fault = error.message

    def ask(self, question: Callable[[Engine], Answer]) -> Answer:
        """The engine's answer; should the fast one break, scipy takes over and answers in its place."""
        try:
            return question(self.engine)
        except RoadError as error:
            if error.code != "TOC-5201" or self.engine.name == "scipy":
                raise
            self.fault, self.engine = error.message, self._plain()
            return question(self.engine)

    def update(self, state: RoadState, arcs: NDArray[np.int32]) -> Literal["nothing", "patch", "reset"]:
        fresh = arc_ticks(self.network, self.profile, state, arcs)
        differs = fresh != self.ticks[arcs]
        arcs, fresh = arcs[differs], fresh[differs]
        if not len(arcs):
            return "nothing"
        self.ticks[arcs] = fresh
        # Patching costs by the corners of the hierarchy it touches: cheap where changes lie together, dear
        # where they are scattered (63,000 nodes: a disc of 5,000 arcs 3 ms, 1,000 random ones 12).
        spread = len(np.unique(self.network.arc_cell[arcs]))
        if spread <= _LOCAL_SHARE * len(self.ticks) and len(arcs) <= max(64, _PATCH_SHARE * len(self.ticks)):
            self.ask(lambda engine: engine.patch(arcs, fresh))
            return "patch"
        self.ask(lambda engine: engine.reset(self.ticks))
        return "reset"


class RoutingService:
    """Routes, travel-time matrices and ETAs for every profile over one network in its current state.

    ``order_cache`` is where the elimination order is kept. Found there, the fast engine serves at once;
    otherwise a child process computes it while scipy serves. Without a path it is computed here (seconds on a
    large network). ``backend="scipy"`` never takes the fast engine. Belongs to the thread that made it: any
    other gets RoadError TOC-5202. ``degraded`` says in plain words why the fast engine is not in use, ""
    while it is.
    """

    def __init__(
        self,
        network: RoadNetwork,
        *,
        order_cache: Path | None = None,
        snapper: Snapper | None = None,
        state: RoadState | None = None,
        backend: Literal["auto", "scipy"] = "auto",
    ) -> None:
        self.network = network
        self.snapper = snapper or Snapper(network.pack)
        self._state = state or RoadState.free(network)
        self._owner = threading.get_ident()
        self._lanes: dict[Profile, _Lane] = {}
        self._topology: CchTopology | None = None
        self._order_cache = order_cache
        self._job: subprocess.Popen[bytes] | None = None
        self._degraded = "scipy was asked for"
        if backend == "auto":
            self._prepare()

    def _prepare(self) -> None:
        try:
            from twin.engines.cch import inertial_order
        except ImportError as error:
            self._degraded = f"RoutingKit cannot be loaded: {error}"
            return
        network, cache = self.network, self._order_cache
        order = load_order(cache, network) if cache else None
        if order is None and cache is not None:
            self._job = start_order_process(network.pack.path, cache)
            self._degraded = "the order of the roads is being computed"
            return
        if order is None:
            order = inertial_order(network.node_xy, network.arc_tail, network.arc_head)
        self._adopt(order)

    def _adopt(self, order: NDArray[np.int32]) -> None:
        from twin.engines.cch import CchTopology

        self._topology = CchTopology(order, self.network.arc_tail, self.network.arc_head)
        self._degraded = ""
        for lane in self._lanes.values():
            lane.raise_to(self._topology)

    def _enter(self) -> None:
        """Every public call: the right thread, and a look whether the order has arrived."""
        if threading.get_ident() != self._owner:
            raise RoadError(threading.current_thread().name, code="TOC-5202")
        if self._job is not None and self._job.poll() is not None:
            code, self._job = self._job.returncode, None
            order = load_order(self._order_cache, self.network) if self._order_cache else None
            if order is None:
                self._degraded = f"the order of the roads could not be computed (exit status {code})"
            else:
                self._adopt(order)

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Whether the fast engine serves, after waiting at most ``timeout_s`` for its order."""
        self._enter()
        if self._job is not None:
            try:
                self._job.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return False
            self._enter()
        return not self.degraded

    def close(self) -> None:
        """Ends a running order computation and lets go of the engines; call it in the owning thread."""
        self._lanes.clear()
        if self._job is not None:
            self._job.kill()
            self._job.wait()
            self._job = None

    @property
    def epoch(self) -> int:
        """Journal cursor of the state that answers are true at."""
        return self._state.epoch

    @property
    def state(self) -> RoadState:
        """The road state that answers are true at."""
        return self._state

    @property
    def degraded(self) -> str:
        """Why scipy answers for at least one profile; "" while the fast engine serves all."""
        return self._degraded or next((lane.fault for lane in self._lanes.values() if lane.fault), "")

    def update(self, state: RoadState) -> Update:
        """Takes a new state of the roads into use for every profile; returns what changed."""
        self._enter()
        edges = state.changed_edges(self._state)
        self._state = state
        arcs = self.network.arcs_of_edges(edges)
        how = {who.name: lane.update(state, arcs) for who, lane in self._lanes.items()}
        return Update(state.epoch, len(edges), how)

    def route(
        self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False
    ) -> Route | NoRoute:
        """The quickest way from ``start`` to ``end`` for a profile, or why there is none.

        A vehicle that stands on a closed road may leave it at walking pace. With ``enter_closed`` the last
        road may be closed too (somebody is to be fetched from it). No other closed road is used.
        """
        self._enter()
        lane = self._lane(profile(who))
        a, b = self._snapped(start), self._snapped(end)
        if not lane.profile.road_classes:
            return self._none("profile not on roads")
        direct = self._direct(lane, a, b, enter_closed)
        off, on = (
            self._ways(lane, a, leaving=True, closed_too=True),
            self._ways(lane, b, leaving=False, closed_too=enter_closed),
        )
        found = lane.ask(
            lambda engine: engine.path(
                [(way.node, way.ticks) for way in off], [(way.node, way.ticks) for way in on]
            )
        )
        if direct is not None and (found is None or direct[0] <= found[0]):
            return self._route(lane, a, b, direct[0], direct[1])
        if found is None:
            return self._none("no open road" if on else "target on a closed road")
        ticks, between, first = found
        last = int(self.network.arc_head[between[-1]]) if between else first
        before, after = _arc_by(off, first), _arc_by(on, last)
        arcs = (*([before] if before != NO_ARC else ()), *between, *([after] if after != NO_ARC else ()))
        return self._route(lane, a, b, ticks, arcs)

    def matrix(
        self,
        who: str | Profile,
        sources: Sequence[Place],
        targets: Sequence[Place],
        *,
        enter_closed: bool = False,
    ) -> NDArray[np.float64]:
        """Travel times in seconds from each source to each target; float64 (s, t), inf where there is no way.

        Equal to the durations of ``route``, in one sweep: 200 × 20 takes milliseconds.
        """
        self._enter()
        lane = self._lane(profile(who))
        a, b = self._all_snapped(sources), self._all_snapped(targets)
        if not lane.profile.road_classes or not a or not b:
            return np.full((len(a), len(b)), np.inf)
        off = [
            [(way.node, way.ticks) for way in self._ways(lane, place, leaving=True, closed_too=True)]
            for place in a
        ]
        on = [
            [(way.node, way.ticks) for way in self._ways(lane, place, leaving=False, closed_too=enter_closed)]
            for place in b
        ]
        ticks = lane.ask(lambda engine: engine.table(off, on))
        by_edge: dict[int, list[int]] = {}
        for column, place in enumerate(b):
            by_edge.setdefault(place.edge, []).append(column)
        for row, place in enumerate(a):
            for column in by_edge.get(place.edge, ()):
                direct = self._direct(lane, place, b[column], enter_closed)
                if direct is not None:
                    ticks[row, column] = min(ticks[row, column], direct[0])
        return ticks / TICKS_PER_S

    def etas(
        self, who: str | Profile, sources: Sequence[Place], target: Place, *, enter_closed: bool = False
    ) -> NDArray[np.float64]:
        """Travel times in seconds from each source to one target; float64 (s,), inf where there is no way."""
        return self.matrix(who, sources, [target], enter_closed=enter_closed)[:, 0]

    def _lane(self, who: Profile) -> _Lane:
        lane = self._lanes.get(who)
        if lane is None:
            lane = self._lanes[who] = _Lane(self.network, who, self._state, self._topology)
        return lane

    def _snapped(self, place: Place) -> Snap:
        return place if isinstance(place, Snap) else self.snapper.snap(*place)

    def _all_snapped(self, places: Sequence[Place]) -> list[Snap]:
        loose = [place for place in places if not isinstance(place, Snap)]
        snapped = iter(
            self.snapper.snap_many([lon for lon, _ in loose], [lat for _, lat in loose]) if loose else []
        )
        return [place if isinstance(place, Snap) else next(snapped) for place in places]

    def _none(self, reason: Reason) -> NoRoute:
        return NoRoute(reason, self._state.epoch)

    def _cost(self, lane: _Lane, arc: int, closed_too: bool) -> int | None:
        """Ticks for the whole arc; walking pace on a closed one where that is allowed, otherwise None."""
        ticks = int(lane.ticks[arc])
        if ticks != CLOSED:
            return ticks
        return crawl_ticks(self.network, arc) if closed_too else None

    def _ways(self, lane: _Lane, place: Snap, *, leaving: bool, closed_too: bool) -> list[_Way]:
        """The ways off (or onto) a place: along its edge to either end; one per node, the quicker."""
        tail, head = self.network.edge_nodes[place.edge]
        forward, backward = self.network.arc_pairs[place.edge]
        share = place.fraction
        if leaving:
            parts = ((head, forward, 1.0 - share), (tail, backward, share))
        else:
            parts = ((tail, forward, share), (head, backward, 1.0 - share))
        ways: dict[int, _Way] = {}
        # A place at the very end of its edge stands on the crossing, open or one-way or not.
        if share <= _AT_NODE:
            ways[tail] = _Way(tail, 0, NO_ARC)
        if share >= 1.0 - _AT_NODE:
            ways[head] = _Way(head, 0, NO_ARC)
        for node, arc, part in parts:
            cost = None if arc == NO_ARC else self._cost(lane, arc, closed_too)
            if cost is not None and (node not in ways or part * cost < ways[node].ticks):
                ways[node] = _Way(node, round(part * cost), arc)
        return list(ways.values())

    def _direct(
        self, lane: _Lane, a: Snap, b: Snap, enter_closed: bool
    ) -> tuple[int, tuple[int, ...]] | None:
        """(ticks, arcs) along the one edge that both places lie on, without passing a crossing."""
        if a.edge != b.edge:
            return None
        if abs(a.fraction - b.fraction) <= _AT_NODE:
            return 0, ()
        arc = self.network.arc_pairs[a.edge][0 if a.fraction < b.fraction else 1]
        cost = None if arc == NO_ARC else self._cost(lane, arc, enter_closed)
        return None if cost is None else (round(abs(a.fraction - b.fraction) * cost), (arc,))

    def _route(self, lane: _Lane, a: Snap, b: Snap, ticks: int, arcs: tuple[int, ...]) -> Route:
        def shut(arc: int, edge: int) -> bool:
            return int(lane.ticks[arc]) == CLOSED and int(self.network.arc_edge[arc]) == edge

        return Route(
            profile=lane.profile.name,
            start=a,
            end=b,
            arcs=arcs,
            duration_s=ticks / TICKS_PER_S,
            epoch=self._state.epoch,
            leaves_closed=bool(arcs) and shut(arcs[0], a.edge),
            enters_closed=bool(arcs) and shut(arcs[-1], b.edge),
            backend=lane.engine.name,
            network=self.network,
        )


def _arc_by(ways: list[_Way], node: int) -> int:
    return next(way.arc for way in ways if way.node == node)


def keep_order(network: RoadNetwork, order_cache: Path) -> None:
    """Computes and keeps the elimination order now, in this process: for builders of a pack."""
    from twin.engines.cch import inertial_order

    save_order(order_cache, network, inertial_order(network.node_xy, network.arc_tail, network.arc_head))
