"""One profile on the roads as they are: its weights, the engine that holds them, and the ways off and onto places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from picture.errors import RoadError
from twin.engines.csgraph import ScipyEngine
from twin.network import NO_ARC
from twin.road_state import CLOSED, RoadState, arc_ticks, crawl_ticks, opens_against

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.engines import Engine
    from twin.hierarchy import Layout
    from twin.profiles import Profile
    from twin.snap import Snap

Answer = TypeVar("Answer")
How = Literal["nothing", "patch", "reset"]
Way = tuple[int, int, int]
"""(engine node, ticks between it and the place, arc driven in part or NO_ARC)."""

_LOCAL_SHARE = 0.003
_PATCH_SHARE = 0.05
_AT_NODE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """New weights int64 for some arcs, and the cheaper way to bring an engine to them.

    ``whole`` int64 (m,) takes their place where most arcs changed.
    """

    how: How
    state: RoadState
    arcs: NDArray[np.int32]
    ticks: NDArray[np.int64]
    whole: NDArray[np.int64] | None = None


class Lane:
    """Weights ``ticks`` int64 (m,) of one profile, and an engine that always holds the same. Thread-bound."""

    def __init__(self, layout: Layout, who: Profile, state: RoadState) -> None:
        self.layout, self.network, self.profile, self.state = layout, layout.network, who, state
        self.graph = layout.graph
        self.ticks = arc_ticks(layout.network, who, state)
        self.fault = ""
        self.usable = bool(np.any(layout.network.usable_edges(who)))
        self.engine: Engine = self._fast() or self._plain()

    def _plain(self) -> Engine:
        graph = self.graph
        return ScipyEngine(graph.node_count, graph.tail, graph.head, graph.spread(self.ticks))

    def _fast(self) -> Engine | None:
        if self.layout.topology is None:
            return None
        from twin.engines.cch import CchEngine

        try:
            return CchEngine(self.layout.topology, self.graph.spread(self.ticks))
        except RoadError as error:
            self.fault = error.message
            return None

    def raise_up(self) -> None:
        """Takes the fast engine into use as soon as there can be one; never again after it broke."""
        if self.engine.name == "scipy" and self.layout.topology is not None and not self.fault:
            self.engine = self._fast() or self.engine

    def ask(self, question: Callable[[Engine], Answer]) -> Answer:
        """The engine's answer; should the fast one break, scipy takes over and answers in its place."""
        try:
            return question(self.engine)
        except RoadError as error:
            self.fall_back(error)
            return question(self.engine)

    def fall_back(self, error: RoadError) -> None:
        """Puts the plain engine in the place of a broken fast one; raises what is no such thing."""
        if error.code != "TOC-5201" or self.engine.name == "scipy":
            raise error
        self.fault, self.engine = error.message, self._plain()

    # --- changes --------------------------------------------------------------------------------------------

    def plan(self, state: RoadState, arcs: NDArray[np.int32]) -> Change:
        """What the new state changes on the given arcs for this profile; changes nothing yet."""
        if 2 * len(arcs) > len(self.ticks):
            # Whole columns are twice as fast as picking nearly all of them.
            every = arc_ticks(self.network, self.profile, state)
            different = int(np.count_nonzero(every != self.ticks))
            if different > max(64, _PATCH_SHARE * len(self.ticks)):
                return Change("reset", state, arcs[:0], every[:0], every)
        fresh = arc_ticks(self.network, self.profile, state, arcs)
        differs = fresh != self.ticks[arcs]
        arcs, fresh = arcs[differs], fresh[differs]
        if not len(arcs):
            return Change("nothing", state, arcs, fresh)
        # Patching costs by the corners of the hierarchy it touches: cheap where changes lie together, dear
        # where they are scattered (63,000 nodes: a disc of 5,000 arcs 3 ms, 1,000 random ones 12).
        few = len(arcs) <= max(64, _PATCH_SHARE * len(self.ticks))
        local = few and len(np.unique(self.network.arc_cell[arcs])) <= _LOCAL_SHARE * len(self.ticks)
        return Change("patch" if local else "reset", state, arcs, fresh)

    def take(self, change: Change) -> None:
        """Brings weights and engine to a planned change."""
        self.adopt(change)
        if change.how == "patch":
            self.patch(change.arcs, change.ticks)
        elif change.how == "reset":
            self.ask(lambda engine: engine.reset(self.graph.spread(self.ticks)))

    def adopt(self, change: Change) -> None:
        """Brings the weights, not the engine, to a change: for whoever resets the engine elsewhere."""
        self.state = change.state
        if change.whole is not None:
            self.ticks = change.whole
        else:
            self.ticks[change.arcs] = change.ticks

    def after(self, change: Change) -> NDArray[np.int64]:
        """The weights int64 (m,) that a change leads to, without taking it."""
        if change.whole is not None:
            return change.whole
        ticks = self.ticks.copy()
        ticks[change.arcs] = change.ticks
        return ticks

    def patch(self, arcs: NDArray[np.int32], ticks: NDArray[np.int64]) -> None:
        """Sets weights in the engine alone; ``ticks`` of this lane stay, and are what it is restored to."""
        few, values = self.graph.spread_few(arcs, ticks)
        self.ask(lambda engine: engine.patch(few, values))

    # --- places ---------------------------------------------------------------------------------------------

    def cost(self, arc: int, edge: int, closed_too: bool) -> int | None:
        """Ticks for the whole arc; walking pace on a closed one where that is allowed, otherwise None."""
        ticks = int(self.ticks[arc])
        if ticks != CLOSED:
            return ticks
        if not closed_too:
            return None
        network = self.network
        dormant = network.first_dormant <= arc < network.first_link_arc
        if dormant and not opens_against(network, self.profile, self.state, edge):
            return None
        return crawl_ticks(network, arc)

    def off(self, place: Snap) -> list[Way]:
        """The ways off a place: along its edge to either end; one per node, the quicker."""
        edge, share = place.edge, place.fraction
        # Read from the arrays one by one: lists of all edges would cost a second on a large network.
        tail, head = int(self.network.edge_tail[edge]), int(self.network.edge_head[edge])
        forward, backward = self.network.edge_ways[edge].tolist()
        ways: dict[int, Way] = {}
        # A place at the very end of its edge stands on the crossing, open or one-way or not.
        if share <= _AT_NODE:
            ways[tail] = (tail, 0, NO_ARC)
        if share >= 1.0 - _AT_NODE:
            ways[head] = (head, 0, NO_ARC)
        # From a crossing the engine itself takes the open arcs: naming them as well would double the work.
        for arc, part in ((forward, 1.0 - share), (backward, share)):
            if arc == NO_ARC or (part >= 1.0 - _AT_NODE and int(self.ticks[arc]) != CLOSED):
                continue
            cost = self.cost(arc, edge, True)
            if cost is not None:
                node, ticks = int(self.graph.head[arc]), round(part * cost)
                if node not in ways or ticks < ways[node][1]:
                    ways[node] = (node, ticks, arc)
        return list(ways.values())

    def on(self, place: Snap, closed_too: bool) -> list[Way]:
        """The ways onto a place, as ``off``: from every node from which its edge may be entered."""
        edge, share = place.edge, place.fraction
        tail, head = int(self.network.edge_tail[edge]), int(self.network.edge_head[edge])
        forward, backward = self.network.edge_ways[edge].tolist()
        ways: dict[int, Way] = {}
        for there, node in ((share <= _AT_NODE, tail), (share >= 1.0 - _AT_NODE, head)):
            if there:
                for copy in self.graph.at(node):
                    ways[copy] = (copy, 0, NO_ARC)
        for arc, part, node in ((forward, share, tail), (backward, 1.0 - share, head)):
            if arc == NO_ARC or (part >= 1.0 - _AT_NODE and int(self.ticks[arc]) != CLOSED):
                continue
            cost = self.cost(arc, edge, closed_too)
            if cost is not None:
                ticks = round(part * cost)
                for copy in self.graph.before(arc, node):
                    if copy not in ways or ticks < ways[copy][1]:
                        ways[copy] = (copy, ticks, arc)
        return list(ways.values())

    def direct(self, a: Snap, b: Snap, closed_too: bool) -> tuple[int, tuple[int, ...]] | None:
        """(ticks, arcs) along the one edge that both places lie on, without passing a crossing."""
        if a.edge != b.edge:
            return None
        if abs(a.fraction - b.fraction) <= _AT_NODE:
            return 0, ()
        arc = int(self.network.edge_ways[a.edge, 0 if a.fraction < b.fraction else 1])
        cost = None if arc == NO_ARC else self.cost(arc, a.edge, closed_too)
        return None if cost is None else (round(abs(a.fraction - b.fraction) * cost), (arc,))

    # --- questions ------------------------------------------------------------------------------------------

    def ticks_between(self, a: Snap, b: Snap, enter_closed: bool) -> int | None:
        """Ticks of the quickest way, None where there is none."""
        off = [(node, ticks) for node, ticks, _ in self.off(a)]
        on = [(node, ticks) for node, ticks, _ in self.on(b, enter_closed)]
        try:
            found = self.engine.distance(off, on)
        except RoadError as error:
            self.fall_back(error)
            found = self.engine.distance(off, on)
        if a.edge == b.edge:
            direct = self.direct(a, b, enter_closed)
            if direct is not None:
                return direct[0] if found is None else min(found, direct[0])
        return found

    def way_between(self, a: Snap, b: Snap, enter_closed: bool) -> tuple[int, tuple[int, ...]] | None:
        """(ticks, the network's arcs) of the quickest way, None where there is none."""
        off, on = self.off(a), self.on(b, enter_closed)
        sources, targets = [(node, ticks) for node, ticks, _ in off], [(node, ticks) for node, ticks, _ in on]
        found = self.ask(lambda engine: engine.path(sources, targets))
        direct = self.direct(a, b, enter_closed)
        if direct is not None and (found is None or direct[0] <= found[0]):
            return direct
        if found is None:
            return None
        ticks, between, first = found
        last = int(self.graph.head[between[-1]]) if between else first
        before, after = _arc_by(off, first), _arc_by(on, last)
        if len(self.graph.arc_of) != self.network.arc_count:
            between = self.graph.arc_of[between].tolist()
        return ticks, (*([before] if before != NO_ARC else ()), *between, *([after] if after != NO_ARC else ()))


def _arc_by(ways: list[Way], node: int) -> int:
    return next(arc for at, _, arc in ways if at == node)
