"""Ways and travel times over the roads as they are now: the service that planner, playbooks and drill ask.

One service per core and thread. It holds one engine per vehicle profile, changes weights in place when the
road state changes, and every answer is true at ``epoch``, the journal cursor of that state. The fast engine
needs an elimination order; until its file is there, and wherever RoutingKit cannot run, scipy answers the
same, slower. Among equally quick ways the two may choose differently: what must repeat exactly waits for
:meth:`wait_until_ready`. A core asks through ``twin.waiting`` and an event loop through ``twin.client``: there each
profile has a service, and a thread, of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError
from twin.alternatives import alternatives
from twin.hierarchy import Backend, Hierarchy
from twin.lane import Change, How, Lane
from twin.network import RoadNetwork
from twin.profiles import Profile, profile
from twin.road_state import CLOSED, TICKS_PER_S, RoadState
from twin.route import NoRoute, Reason, Route
from twin.snap import Place, Snap, Snapper, Snappers

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Update:
    """What one change of the roads did: how many edges differ, and how each profile's engine took it."""

    epoch: int
    changed_edges: int
    how: dict[str, How]


@dataclass(frozen=True, slots=True)
class Planned:
    """A change worked out for every lane and not yet taken: see :meth:`RoutingService.plan`."""

    state: RoadState
    changed_edges: int
    relaid: bool
    changes: dict[Profile, Change]


class RoutingService:
    """Routes, travel-time matrices and ETAs for every profile over one network in its current state.

    ``order_cache`` is where the elimination order is kept. Found there, the fast engine serves at once;
    otherwise a child process computes it while scipy serves. Without a path it is computed here (seconds on a
    large network). ``backend="scipy"`` never takes the fast engine. Belongs to the thread that made it: any
    other gets RoadError TOC-5202. Services over one city share a ``hierarchy`` and ``snappers``.
    ``degraded`` says in plain words why the fast engine is not in use, "" while it is.
    """

    def __init__(
        self,
        network: RoadNetwork,
        *,
        order_cache: Path | None = None,
        snapper: Snapper | None = None,
        state: RoadState | None = None,
        backend: Backend = "auto",
        hierarchy: Hierarchy | None = None,
        snappers: Snappers | None = None,
    ) -> None:
        self._owns_hierarchy = hierarchy is None
        self._hierarchy = hierarchy or Hierarchy(network, order_cache, backend, here=True)
        self._snappers = snappers or Snappers(network, snapper)
        self._state = state or RoadState.free(network)
        self._layout = self._hierarchy.layout(self._state.links)
        self._owner = threading.get_ident()
        self._lanes: dict[Profile, Lane] = {}
        self._waiting = self._hierarchy.waiting

    def _enter(self) -> None:
        """Every public call: the right thread, and a look whether the order has arrived."""
        if threading.get_ident() != self._owner:
            raise RoadError(threading.current_thread().name, code="TOC-5202")
        if self._waiting:
            self._hierarchy.poll()
            self._waiting = self._hierarchy.waiting
            if not self._waiting:
                for lane in self._lanes.values():
                    lane.raise_up()

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Whether the fast engine serves, after waiting at most ``timeout_s`` for its order."""
        self._enter()
        self._hierarchy.wait(timeout_s)
        self._enter()
        return not self._waiting and not self.degraded

    def close(self) -> None:
        """Ends a running order computation and lets go of the engines; call it in the owning thread."""
        self._enter()
        for lane in self._lanes.values():
            lane.engine.rest()
        self._lanes.clear()
        if self._owns_hierarchy:
            self._hierarchy.close()

    @property
    def network(self) -> RoadNetwork:
        """The roads that answers are about, with the temporary links of the current state."""
        return self._layout.network

    @property
    def snapper(self) -> Snapper:
        """The roads of motor vehicles to snap places to."""
        return self._snappers.plain

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
        return self._hierarchy.why_not or next((lane.fault for lane in self._lanes.values() if lane.fault), "")

    # --- changes --------------------------------------------------------------------------------------------

    def update(self, state: RoadState) -> Update:
        """Takes a new state of the roads into use for every profile; returns what changed."""
        self._enter()
        return self.take(self.plan(state))

    def plan(self, state: RoadState) -> Planned:
        """What a new state changes in every lane; changes nothing yet."""
        self._enter()
        edges = state.changed_edges(self._state)
        if state.links != self._state.links:
            return Planned(state, len(edges), True, {})
        arcs = self.network.arcs_of_edges(edges)
        return Planned(state, len(edges), False, {who: lane.plan(state, arcs) for who, lane in self._lanes.items()})

    def take(self, planned: Planned) -> Update:
        """Takes a planned change into use."""
        self._enter()
        how: dict[str, How] = {}
        if planned.relaid:
            # Other links are another topology: lanes are made anew over it, on the order that there is.
            self._layout = self._hierarchy.layout(planned.state.links)
            self._state = planned.state
            before, self._lanes = self._lanes, {}
            for who in before:
                how[self._lane(who).profile.name] = "reset"
            return Update(planned.state.epoch, planned.changed_edges, how)
        self._state = planned.state
        for who, change in planned.changes.items():
            self._lanes[who].take(change)
            how[who.name] = change.how
        return Update(planned.state.epoch, planned.changed_edges, how)

    def adopt(self, planned: Planned) -> None:
        """As ``take`` for engines that were reset elsewhere (see ``twin.owner``): only the weights follow."""
        self._enter()
        self._state = planned.state
        for who, change in planned.changes.items():
            self._lanes[who].adopt(change)

    @contextmanager
    def avoiding(self, edges: Iterable[int]) -> Iterator[None]:
        """Inside, these edges are closed to everybody as well, at the same epoch; afterwards all is as it was."""
        standing = self._state
        self.update(standing.with_changes(standing.epoch, closed_edges=standing.closed_edges.union(edges)))
        try:
            yield
        finally:
            self.update(standing)

    # --- questions ------------------------------------------------------------------------------------------

    def route(self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False) -> Route | NoRoute:
        """The quickest way from ``start`` to ``end`` for a profile, or why there is none.

        A vehicle that stands on a closed road may leave it at walking pace. With ``enter_closed`` the last
        road may be closed too (somebody is to be fetched from it). No other closed road is used.
        """
        self._enter()
        lane = self._lane(profile(who))
        if not lane.usable:
            return self._none("profile not on roads")
        a, b = self._snapped(lane, start), self._snapped(lane, end)
        found = lane.way_between(a, b, enter_closed)
        if found is None:
            return self._none("no open road" if lane.on(b, enter_closed) else "target on a closed road")
        return self._route(lane, a, b, *found)

    def routes(
        self, who: str | Profile, start: Place, end: Place, *, count: int = 3, enter_closed: bool = False
    ) -> tuple[Route, ...]:
        """The quickest way and up to ``count - 1`` meaningfully different ones, quickest first; () for none.

        Different as ``twin.alternatives`` defines it: at most 1.4 times as long in time, at most 70 % shared.
        """
        self._enter()
        lane = self._lane(profile(who))
        if not lane.usable:
            return ()
        a, b = self._snapped(lane, start), self._snapped(lane, end)
        found = alternatives(lane, a, b, count=count, enter_closed=enter_closed)
        return tuple(self._route(lane, a, b, ticks, arcs) for ticks, arcs in found)

    def eta(self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False) -> float:
        """Travel time in seconds, as ``route(...).duration_s`` without the way; inf where there is none."""
        self._enter()
        lane = self._lane(profile(who))
        if not lane.usable:
            return np.inf
        a = start if isinstance(start, Snap) else self._snapped(lane, start)
        b = end if isinstance(end, Snap) else self._snapped(lane, end)
        ticks = lane.ticks_between(a, b, enter_closed)
        return np.inf if ticks is None else ticks / TICKS_PER_S

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
        if not lane.usable or not len(sources) or not len(targets):
            return np.full((len(sources), len(targets)), np.inf)
        a, b = self._all_snapped(lane, sources), self._all_snapped(lane, targets)
        off = [[way[:2] for way in lane.off(place)] for place in a]
        on = [[way[:2] for way in lane.on(place, enter_closed)] for place in b]
        ticks = lane.ask(lambda engine: engine.table(off, on))
        by_edge: dict[int, list[int]] = {}
        for column, place in enumerate(b):
            by_edge.setdefault(place.edge, []).append(column)
        for row, place in enumerate(a):
            for column in by_edge.get(place.edge, ()):
                direct = lane.direct(place, b[column], enter_closed)
                if direct is not None:
                    ticks[row, column] = min(ticks[row, column], direct[0])
        return ticks / TICKS_PER_S

    def etas(
        self, who: str | Profile, sources: Sequence[Place], target: Place, *, enter_closed: bool = False
    ) -> NDArray[np.float64]:
        """Travel times in seconds from each source to one target; float64 (s,), inf where there is no way."""
        return self.matrix(who, sources, [target], enter_closed=enter_closed)[:, 0]

    # --- inside ---------------------------------------------------------------------------------------------

    def lane(self, who: str | Profile) -> Lane:
        """The lane of a profile, made if it was never asked for; in the owning thread only."""
        self._enter()
        return self._lane(profile(who))

    def _lane(self, who: Profile) -> Lane:
        lane = self._lanes.get(who)
        if lane is None:
            lane = self._lanes[who] = Lane(self._layout, who, self._state)
        return lane

    def _snapped(self, lane: Lane, place: Place) -> Snap:
        return place if isinstance(place, Snap) else self._snappers.of(lane.profile).snap(*place)

    def _all_snapped(self, lane: Lane, places: Sequence[Place]) -> list[Snap]:
        loose = [place for place in places if not isinstance(place, Snap)]
        if not loose:
            return [place for place in places if isinstance(place, Snap)]
        many = self._snappers.of(lane.profile).snap_many([lon for lon, _ in loose], [lat for _, lat in loose])
        snapped = iter(many)
        return [place if isinstance(place, Snap) else next(snapped) for place in places]

    def _none(self, reason: Reason) -> NoRoute:
        return NoRoute(reason, self._state.epoch)

    def _route(self, lane: Lane, a: Snap, b: Snap, ticks: int, arcs: tuple[int, ...]) -> Route:
        network = lane.network

        def shut(arc: int, edge: int) -> bool:
            return int(lane.ticks[arc]) == CLOSED and int(network.arc_edge[arc]) == edge

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
            network=network,
        )


def keep_order(network: RoadNetwork, order_cache: Path) -> None:
    """Computes and keeps the elimination order now, in this process: for builders of a pack."""
    from twin.engines.order import order_of, save_order

    save_order(order_cache, network, order_of(network))
