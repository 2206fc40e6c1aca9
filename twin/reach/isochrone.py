"""What can be reached in how many seconds: every crossing, and every road as far as it is driven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from twin.network import NO_ARC, RoadNetwork
from twin.profiles import Profile, profile
from twin.road_state import CLOSED, TICKS_PER_S, RoadState, arc_ticks, crawl_ticks, opens_against
from twin.snap import Snap
from twin.turns import TurnGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from twin.routing import RoutingService

_AT_NODE = 1e-9
Span = tuple[int, float, float, float, float]


@dataclass(frozen=True, eq=False)
class Reach:
    """What a profile reaches, true at ``epoch``.

    ``towards`` turns the question round: from where the places are reached in time. ``node_s`` float64 (n,):
    seconds to each crossing, inf beyond ``limit_s``. Roads are listed in spans: on ``span_edge[k]`` the part
    from fraction ``span_share[k, 0]`` to ``span_share[k, 1]`` (along the edge's geometry) is driven, at
    ``span_s[k]`` seconds at its two ends. A road driven from both ends has two spans, which may overlap.
    """

    network: RoadNetwork
    profile: str
    towards: bool
    limit_s: float
    epoch: int
    node_s: NDArray[np.float64]
    span_edge: NDArray[np.int32]
    span_share: NDArray[np.float64]
    span_s: NDArray[np.float64]

    @cached_property
    def nodes(self) -> NDArray[np.intp]:
        """Ascending ids of the crossings reached."""
        return np.flatnonzero(np.isfinite(self.node_s))

    @cached_property
    def edges(self) -> NDArray[np.int32]:
        """Ascending ids of the roads reached, wholly or in part."""
        return np.unique(self.span_edge)

    @cached_property
    def edge_share(self) -> NDArray[np.float64]:
        """float64 (e,): the part of each road that is reached, 0 to 1."""
        low, high = self.span_share.min(axis=1, initial=np.inf), self.span_share.max(axis=1, initial=-np.inf)
        share = np.zeros(self.network.edge_count)
        share[self.span_edge[(low <= 0.0) & (high >= 1.0)]] = 1.0
        # The few roads at the edge of time: their stretches in order, each counted from where the last one ended.
        part = np.flatnonzero(share[self.span_edge] < 1.0)
        covered_to = np.zeros(self.network.edge_count)
        for k in part[np.lexsort((high[part], low[part], self.span_edge[part]))].tolist():
            edge = int(self.span_edge[k])
            start = max(float(low[k]), float(covered_to[edge]))
            if high[k] > start:
                share[edge] += high[k] - start
                covered_to[edge] = high[k]
        return share

    @property
    def length_m(self) -> float:
        """Metres of road reached, each road once whatever its directions."""
        return float((self.edge_share * edge_lengths_m(self.network)).sum())

    def seconds_at(self, place: Snap) -> float:
        """Seconds to a place on a road; inf where it is not reached."""
        on = np.flatnonzero(self.span_edge == place.edge)
        tail, head = int(self.network.edge_tail[place.edge]), int(self.network.edge_head[place.edge])
        found = [float(self.node_s[tail])] if place.fraction <= _AT_NODE else []
        if place.fraction >= 1.0 - _AT_NODE:
            found.append(float(self.node_s[head]))
        for (a, b), (a_s, b_s) in zip(self.span_share[on].tolist(), self.span_s[on].tolist(), strict=True):
            if min(a, b) - _AT_NODE <= place.fraction <= max(a, b) + _AT_NODE:
                found.append(a_s if a == b else a_s + (place.fraction - a) / (b - a) * (b_s - a_s))
        return min(found, default=float("inf"))


class ReachGraph:
    """The roads as one profile finds them in one state, ready to be searched by scipy; a few milliseconds to make.

    Weights, forbidden turns and what may be driven against a one-way are those of the routing service, so that
    both give the same seconds. ``turns`` and ``ticks`` int64 (m,) spare the making of what is at hand already.
    """

    def __init__(
        self,
        network: RoadNetwork,
        state: RoadState,
        who: str | Profile,
        *,
        turns: TurnGraph | None = None,
        ticks: NDArray[np.int64] | None = None,
    ) -> None:
        self.network, self.state, self.profile = network, state, profile(who)
        self.ticks = arc_ticks(network, self.profile, state) if ticks is None else ticks
        self.turns = turns or TurnGraph(network)

    @cached_property
    def _usable(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.turns.spread(self.ticks) != CLOSED)

    @cached_property
    def _onward(self) -> csr_array:
        return self._graph(self.turns.tail, self.turns.head)

    @cached_property
    def _backward(self) -> csr_array:
        return self._graph(self.turns.head, self.turns.tail)

    def _graph(self, tail: NDArray[np.int32], head: NDArray[np.int32]) -> csr_array:
        usable = self._usable
        return _graph(tail[usable], head[usable], self.turns.spread(self.ticks)[usable], self.turns.node_count)

    def reach(self, places: Sequence[Snap], limit_s: float = np.inf, *, towards: bool = False) -> Reach:
        """What is reached from the nearest of the places within ``limit_s`` seconds (or reaches it, ``towards``).

        The search stops at the limit: eight minutes from twenty stations cost milliseconds at any size of
        network. A vehicle that stands on a closed road leaves it at walking pace; none enters one.
        """
        starts = [way for place in places for way in self._ways(place, towards)]
        return self.of(self._search(starts, limit_s, towards), places, limit_s, towards=towards)

    def _search(self, starts: list[tuple[int, int]], limit_s: float, towards: bool) -> NDArray[np.float64]:
        """Ticks from the nearest start to every node of the turn graph; float64 (k,), inf beyond the limit."""
        from scipy.sparse.csgraph import dijkstra

        count = self.turns.node_count
        if not starts:
            return np.full(count, np.inf)
        whole = self._entered(self._backward if towards else self._onward, starts)
        found = dijkstra(whole, indices=[count], limit=limit_s * TICKS_PER_S + 1.0)
        ticks_to: NDArray[np.float64] = found[0, :count] - 1.0
        return ticks_to

    def carried(self, places: Sequence[Snap], passengers: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (e,): how many pass each road, if those bound for each crossing start at the nearest place.

        ``passengers`` float64 (n,), most of them 0. Whole roads only, without the stretch to the first crossing.
        """
        from scipy.sparse.csgraph import dijkstra

        count = self.turns.node_count
        carried = np.zeros(self.network.edge_count)
        starts = [way for place in places for way in self._ways(place, False)]
        if not starts:
            return carried
        ticks, before = dijkstra(self._entered(self._onward, starts), indices=[count], return_predecessors=True)
        reached, parent, through = ticks[0], before[0], dict[int, float]()
        bound = np.flatnonzero(passengers > 0.0)
        for crossing, many in zip(bound.tolist(), passengers[bound].tolist(), strict=True):
            node = min(self.turns.at(crossing), key=lambda copy: float(reached[copy]))
            while node != count and np.isfinite(reached[node]):
                through[node] = through.get(node, 0.0) + many
                node = int(parent[node])
        for node, many in through.items():
            if int(parent[node]) != count:
                carried[self._edge_between(int(parent[node]), node)] += many
        return carried

    def _edge_between(self, tail: int, head: int) -> int:
        """The quickest of the parallel roads; the lowest arc among equals."""
        first, last = np.searchsorted(self._key, (tail * self.turns.node_count + head) + np.array([0, 1]))
        arcs = self.turns.arc_of[self._by_key[first:last]]
        return int(self.network.arc_edge[arcs[np.lexsort((arcs, self.ticks[arcs]))[0]]])

    @cached_property
    def _by_key(self) -> NDArray[np.intp]:
        """Usable arcs by tail and head."""
        usable = self._usable
        return usable[np.lexsort((self.turns.head[usable], self.turns.tail[usable]))]

    @cached_property
    def _key(self) -> NDArray[np.int64]:
        turns, arcs = self.turns, self._by_key
        return turns.tail[arcs].astype(np.int64) * turns.node_count + turns.head[arcs]

    def _entered(self, graph: csr_array, starts: list[tuple[int, int]]) -> csr_array:
        """The graph with one node more, from which all starts are entered."""
        from scipy.sparse import csr_array

        count = graph.shape[0]
        best: dict[int, int] = {}
        for node, ticks in starts:
            best[node] = min(ticks, best.get(node, ticks))
        # One tick more because scipy reads 0 as "no arc".
        data = np.concatenate((graph.data, np.array(list(best.values()), dtype=np.float64) + 1.0))
        indices = np.concatenate((graph.indices, np.array(list(best), dtype=graph.indices.dtype)))
        indptr = np.append(graph.indptr, len(data))
        return csr_array((data, indices, indptr), shape=(count + 1, count + 1))

    def of(
        self, ticks_to: NDArray[np.float64], places: Sequence[Snap], limit_s: float = np.inf, *, towards: bool = False
    ) -> Reach:
        """The reach of places from the ticks float64 (k,) to (or from) every node of the turn graph."""
        there_s, count = ticks_to / TICKS_PER_S, self.network.node_count
        node_s = there_s[:count].copy()
        np.minimum.at(node_s, self.turns.base_node[count:], there_s[count:])
        edge, share, seconds = self._spans(there_s, limit_s, towards)
        near = [span for place in places for span in self._spans_at(place, limit_s, towards)]
        return Reach(
            self.network,
            self.profile.name,
            towards,
            limit_s,
            self.state.epoch,
            node_s,
            np.append(edge, np.array([span[0] for span in near], dtype=np.int32)),
            np.concatenate((share, np.array([span[1:3] for span in near]).reshape(-1, 2))),
            np.concatenate((seconds, np.array([span[3:] for span in near]).reshape(-1, 2))),
        )

    def _spans(
        self, there_s: NDArray[np.float64], limit_s: float, towards: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """The roads driven from (or to) every crossing reached, each as far as the time lasts."""
        network, turns = self.network, self.turns
        if towards:
            at = there_s[turns.head[: turns.arc_count]]
        else:
            # An arc is entered from its crossing, or from a copy of it where the turn into it is allowed.
            at = there_s[turns.tail[: turns.arc_count]]
            np.minimum.at(at, turns.arc_of[turns.arc_count :], there_s[turns.tail[turns.arc_count :]])
        arcs = np.flatnonzero((self.ticks != CLOSED) & (at < limit_s))
        start_s, end_s = at[arcs], at[arcs] + self.ticks[arcs] / TICKS_PER_S
        from_tail = network.arc_is_forward[arcs] != towards
        share = np.empty((len(arcs), 2))
        share[:, 0], share[:, 1] = ~from_tail, from_tail
        late = np.flatnonzero(end_s > limit_s)
        driven = (limit_s - start_s[late]) / (end_s[late] - start_s[late])
        share[late, 1] = np.where(from_tail[late], driven, 1.0 - driven)
        end_s[late] = limit_s
        return network.arc_edge[arcs], share, np.column_stack((start_s, end_s))

    def _spans_at(self, place: Snap, limit_s: float, towards: bool) -> list[Span]:
        """The two ways along the road that the place itself stands on."""
        spans: list[Span] = []
        forward, backward = self.network.edge_ways[place.edge].tolist()
        for arc, far in ((forward, 0.0 if towards else 1.0), (backward, 1.0 if towards else 0.0)):
            if arc == NO_ARC or int(self.ticks[arc]) == CLOSED:
                continue
            part_s = abs(far - place.fraction) * int(self.ticks[arc]) / TICKS_PER_S
            driven = 1.0 if part_s <= limit_s else limit_s / part_s
            end = place.fraction + driven * (far - place.fraction)
            spans.append((place.edge, place.fraction, end, 0.0, driven * part_s))
        return spans

    def _ways(self, place: Snap, towards: bool) -> list[tuple[int, int]]:
        """(node, ticks): the ways off the place, or onto it, along its road to either end."""
        turns, edge, share = self.turns, place.edge, place.fraction
        tail, head = int(self.network.edge_tail[edge]), int(self.network.edge_head[edge])
        forward, backward = self.network.edge_ways[edge].tolist()
        ways: list[tuple[int, int]] = []
        for there, node in ((share <= _AT_NODE, tail), (share >= 1.0 - _AT_NODE, head)):
            if there:
                ways += [(copy, 0) for copy in (turns.at(node) if towards else (node,))]
        for arc, before, after, node in ((forward, share, 1.0 - share, tail), (backward, 1.0 - share, share, head)):
            ticks = None if arc == NO_ARC else self._cost(arc, edge, towards)
            if ticks is None:
                continue
            if towards:
                ways += [(copy, round(before * ticks)) for copy in turns.before(arc, node)]
            else:
                ways.append((int(turns.head[arc]), round(after * ticks)))
        return ways

    def _cost(self, arc: int, edge: int, towards: bool) -> int | None:
        """Ticks for the whole arc; walking pace to leave a closed one, otherwise None."""
        network, ticks = self.network, int(self.ticks[arc])
        if ticks != CLOSED:
            return ticks
        dormant = network.first_dormant <= arc < network.first_link_arc
        if towards or (dormant and not opens_against(network, self.profile, self.state, edge)):
            return None
        return crawl_ticks(network, arc)


def reach_through(
    service: RoutingService, who: str | Profile, places: Sequence[Snap], *, towards: bool = False
) -> Reach:
    """What is reached with no limit of time, asked of the routing service's engine in one sweep.

    The same seconds as ``ReachGraph.reach`` without a limit. In the service's own thread only.
    """
    lane = service.lane(who)
    graph = ReachGraph(service.network, service.state, who, turns=lane.graph, ticks=lane.ticks)
    ends = [way[:2] for place in places for way in (lane.on(place, False) if towards else lane.off(place))]
    return graph.of(lane.ask(lambda engine: engine.sweep(ends, towards=towards)), places, towards=towards)


def edge_lengths_m(network: RoadNetwork) -> NDArray[np.float64]:
    """float64 (e,): length of each road, from its arcs."""
    lengths = np.zeros(network.edge_count)
    lengths[network.arc_edge] = network.arc_length_m
    return lengths


def _graph(tail: NDArray[np.int32], head: NDArray[np.int32], ticks: NDArray[np.int64], count: int) -> csr_array:
    """Sparse matrix of ticks; of parallel arcs the quickest (scipy would add them up)."""
    from scipy.sparse import csr_array

    key = tail.astype(np.int64) * count + head
    order = np.lexsort((ticks, key))
    _, first = np.unique(key[order], return_index=True)
    kept = order[first]
    indptr = np.searchsorted(tail[kept], np.arange(count + 1)).astype(np.int32)
    return csr_array((ticks[kept].astype(np.float64), head[kept].astype(np.int32), indptr), shape=(count, count))
