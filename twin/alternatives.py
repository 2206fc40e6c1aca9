"""Other ways that are worth having: meaningfully different from the quickest, and not much slower.

The penalty method: the arcs of every way found so far are made dearer and the search is run again, until a way
comes up that takes at most ``MAX_STRETCH`` times as long as the quickest and shares at most ``MAX_SHARED`` of its
length with each way kept so far. A closed arc has no weight to be made dearer: it stays closed throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.road_state import CLOSED, crawl_ticks

if TYPE_CHECKING:
    from twin.lane import Lane
    from twin.snap import Snap

MAX_STRETCH = 1.4
MAX_SHARED = 0.7
_DEARER = 1.4
_ROUNDS = 6

Found = tuple[int, tuple[int, ...]]
"""(ticks, arcs in driving order)."""


def alternatives(lane: Lane, a: Snap, b: Snap, *, count: int, enter_closed: bool) -> list[Found]:
    """The quickest way, then up to ``count - 1`` others as the module defines them, by time; [] for no way.

    The lane's engine is back at its weights on return, whatever happened.
    """
    quickest = lane.way_between(a, b, enter_closed)
    if quickest is None:
        return []
    kept, others = [quickest], list[Found]()
    penalty: dict[int, float] = {}
    way = quickest
    try:
        for _ in range(_ROUNDS * (count - 1)):
            _make_dearer(lane, way[1], penalty)
            again = lane.way_between(a, b, enter_closed)
            if again is None:
                break
            way = (_honest_ticks(lane, again[1], a, b), again[1])
            if way[0] <= MAX_STRETCH * quickest[0] and _differs(lane, way, kept):
                kept.append(way)
                others.append(way)
            if len(kept) >= count:
                break
    finally:
        if penalty:
            arcs = np.fromiter(penalty, dtype=np.int32)
            lane.patch(arcs, lane.ticks[arcs])
    return [quickest, *sorted(others)]


def _make_dearer(lane: Lane, way: tuple[int, ...], penalty: dict[int, float]) -> None:
    """Raises the engine's weights along a way, both directions, so that no other hugs it."""
    edges = np.unique(lane.network.arc_edge[list(way)]).astype(np.intp)
    for arc in lane.network.arcs_of_edges(edges).tolist():
        if int(lane.ticks[arc]) != CLOSED:
            penalty[arc] = penalty.get(arc, 1.0) * _DEARER
    if not penalty:
        return
    arcs = np.fromiter(penalty, dtype=np.int32)
    factor = np.fromiter(penalty.values(), dtype=np.float64)
    dearer = np.minimum(np.rint(lane.ticks[arcs] * factor), CLOSED - 1).astype(np.int64)
    lane.patch(arcs, dearer)


def _parts(lane: Lane, way: tuple[int, ...], a: Snap, b: Snap) -> list[float]:
    """The share of each arc that is driven."""
    network = lane.network
    parts = [1.0] * len(way)
    if way and int(network.arc_edge[way[0]]) == a.edge:
        parts[0] = 1.0 - a.fraction if network.arc_is_forward[way[0]] else a.fraction
    if way and int(network.arc_edge[way[-1]]) == b.edge:
        missing = 1.0 - b.fraction if network.arc_is_forward[way[-1]] else b.fraction
        parts[-1] = max(0.0, parts[-1] - missing)
    return parts


def _honest_ticks(lane: Lane, way: tuple[int, ...], a: Snap, b: Snap) -> int:
    """What a way takes without any penalty; walking pace on a closed first or last road."""
    total = 0
    for arc, part in zip(way, _parts(lane, way, a, b), strict=True):
        ticks = int(lane.ticks[arc])
        total += round(part * (crawl_ticks(lane.network, arc) if ticks == CLOSED else ticks))
    return total


def _differs(lane: Lane, way: Found, kept: list[Found]) -> bool:
    """Whether at most ``MAX_SHARED`` of a way's length runs on the roads of any way kept."""
    network = lane.network
    edges = network.arc_edge[list(way[1])]
    length = network.arc_length_m[list(way[1])].astype(np.float64)
    total = float(length.sum())
    return total > 0.0 and all(
        float(length[np.isin(edges, network.arc_edge[list(other)])].sum()) <= MAX_SHARED * total for _, other in kept
    )
