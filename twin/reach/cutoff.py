"""Who is cut off: the places that no open road joins with the main part of the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from twin.network import NO_ARC, RoadNetwork
from twin.profiles import Profile, profile
from twin.road_state import CLOSED, RoadState, arc_ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.snap import Snap


def main_part(network: RoadNetwork, state: RoadState, who: str | Profile) -> NDArray[np.bool_]:
    """bool (n,): the largest set of nodes a profile can drive between, both ways; ties: lowest node."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    is_open = arc_ticks(network, profile(who), state) != CLOSED
    ends = (network.arc_tail[is_open], network.arc_head[is_open])
    graph = csr_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(network.node_count, network.node_count))
    _, part = connected_components(graph, directed=True, connection="strong")
    sizes = np.bincount(part)
    first = int(np.flatnonzero(sizes[part] == sizes.max())[0])
    main: NDArray[np.bool_] = part == part[first]
    return main


def cut_off(
    network: RoadNetwork, state: RoadState, places: Mapping[str, Snap], who: str | Profile = "car"
) -> list[str]:
    """Ids, sorted, of the places that a profile cannot both reach from the main part and leave for it.

    A place on a road that is closed to the profile is cut off, unless it stands on a crossing of the main
    part.
    """
    main = main_part(network, state, who)
    open_arc = arc_ticks(network, profile(who), state) != CLOSED
    return sorted(name for name, place in places.items() if not _joined(network, main, open_arc, place))


def _joined(network: RoadNetwork, main: NDArray[np.bool_], open_arc: NDArray[np.bool_], place: Snap) -> bool:
    tail, head = network.edge_nodes[place.edge]
    if (place.fraction <= 0.0 and main[tail]) or (place.fraction >= 1.0 and main[head]):
        return True
    forward, backward = (arc != NO_ARC and bool(open_arc[arc]) for arc in network.edge_ways[place.edge].tolist())
    reached = (forward and bool(main[tail])) or (backward and bool(main[head]))
    left = (forward and bool(main[head])) or (backward and bool(main[tail]))
    return reached and left
