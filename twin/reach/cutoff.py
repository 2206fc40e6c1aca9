"""Who is cut off: the places that no open road joins with the main part of the network, forbidden turns obeyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.network import NO_ARC, RoadNetwork
from twin.profiles import Profile, profile
from twin.road_state import CLOSED, RoadState, arc_ticks
from twin.turns import TurnGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from twin.snap import Snap


def main_part(network: RoadNetwork, state: RoadState, who: str | Profile) -> NDArray[np.bool_]:
    """bool (n,): the largest set of crossings a profile can drive between, both ways; ties: lowest crossing."""
    return _Joined.of(network, state, who).main


def cut_off(
    network: RoadNetwork, state: RoadState, places: Mapping[str, Snap], who: str | Profile = "car"
) -> list[str]:
    """Ids, sorted, of the places that a profile cannot both reach from the main part and leave for it.

    A place on a road that is closed to the profile is cut off, unless it stands on a crossing of the main
    part. Whoever stands on a road may turn there; at a crossing the forbidden turns bind.
    """
    joined = _Joined.of(network, state, who)
    return sorted(name for name, place in places.items() if not joined.holds(place))


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """The main part, and the nodes of the turn graph (k,) that are ``reached`` from it and that ``lead`` to it."""

    network: RoadNetwork
    turns: TurnGraph
    is_open: NDArray[np.bool_]
    main: NDArray[np.bool_]
    reached: NDArray[np.bool_]
    lead: NDArray[np.bool_]

    @classmethod
    def of(cls, network: RoadNetwork, state: RoadState, who: str | Profile) -> _Joined:
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        turns = TurnGraph(network)
        ticks = arc_ticks(network, profile(who), state)
        is_open = turns.spread(ticks) != CLOSED
        count = turns.node_count
        tail, head = turns.tail[is_open], turns.head[is_open]
        onward = csr_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(count, count))
        _, part = connected_components(onward, directed=True, connection="strong")
        # A split crossing counts once, however many of its copies a part holds.
        once = np.unique(part.astype(np.int64) * network.node_count + turns.base_node) // max(network.node_count, 1)
        sizes = np.bincount(once)
        first = int(np.flatnonzero(sizes[part] == sizes.max())[0])
        inside = part == part[first]
        main = np.zeros(network.node_count, dtype=bool)
        main[turns.base_node[inside]] = True
        return cls(
            network, turns, ticks != CLOSED, main, _swept(onward, first, count), _swept(onward.T.tocsr(), first, count)
        )

    def holds(self, place: Snap) -> bool:
        """Whether a place is reached from the main part and left for it."""
        turns, tail, head = self.turns, *map(int, self.network.edge_nodes[place.edge])
        at = [node for node, there in ((tail, place.fraction <= 0.0), (head, place.fraction >= 1.0)) if there]
        forward, backward = self.network.edge_ways[place.edge].tolist()
        ways = [(arc, node) for arc, node in ((forward, tail), (backward, head)) if arc != NO_ARC and self.is_open[arc]]
        entries = [copy for node in at for copy in turns.at(node)]
        entries += [copy for arc, node in ways for copy in turns.before(arc, node)]
        # Nobody who stands on a crossing has come by a road that forbids the way on.
        exits = [*at, *(int(turns.head[arc]) for arc, _ in ways)]
        return bool(self.reached[entries].any() and self.lead[exits].any())


def _swept(graph: csr_array, start: int, count: int) -> NDArray[np.bool_]:
    """bool (count,): the nodes that are reached from ``start``, itself among them."""
    from scipy.sparse.csgraph import breadth_first_order

    found = np.zeros(count, dtype=bool)
    found[breadth_first_order(graph, start, directed=True, return_predecessors=False)] = True
    return found
