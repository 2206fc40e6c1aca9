"""What is the matter with the roads right now: closures, water and slow traffic laid over the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from picture.errors import RoadError
from twin.profiles import CRAWL_MPS, Profile, speed_in_water_mps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.network import RoadNetwork

Scalar = TypeVar("Scalar", bound=np.generic)

CLOSED = 2_147_483_647
"""Weight of a closed arc, in ticks; RoutingKit's infinity."""
TICKS_PER_S = 10
"""Weights count tenths of a second: sums stay far below the closed weight."""


@dataclass(frozen=True, slots=True, eq=False)
class RoadState:
    """The overlay at one journal cursor; arrays are read-only and have one value per edge.

    ``epoch`` is the sequence number of the journal this state was derived from. ``closed`` bool: closed to
    everybody whatever the water. ``depth_m`` float32: water over the road's lowest point. ``time_factor``
    float32 ≥ 0.1: multiplies the travel time (2 = takes twice as long).
    """

    epoch: int
    closed: NDArray[np.bool_]
    depth_m: NDArray[np.float32]
    time_factor: NDArray[np.float32]

    @classmethod
    def free(cls, network: RoadNetwork, epoch: int = 0) -> RoadState:
        """Everything open, dry and flowing."""
        count = network.edge_count
        return cls(
            epoch,
            _frozen(np.zeros(count, dtype=bool)),
            _frozen(np.zeros(count, dtype=np.float32)),
            _frozen(np.ones(count, dtype=np.float32)),
        )

    @property
    def closed_edges(self) -> frozenset[int]:
        """Ids of the edges closed to everybody; closures by depth differ by profile: not among them."""
        return frozenset(np.flatnonzero(self.closed).tolist())

    def with_changes(
        self,
        epoch: int,
        *,
        closed_edges: Iterable[int] | None = None,
        depth_m: NDArray[np.float32] | None = None,
        time_factor: Mapping[int, float] | None = None,
    ) -> RoadState:
        """The same state at a later epoch with the named layers replaced *whole*; a layer not named stays.

        Layers are replaced and not edited, so a road lies closed exactly as long as some closure names it:
        two closures of one road, of which one is lifted, cannot open it. RoadError TOC-5206 for ids not in
        the network.
        """
        changed = replace(self, epoch=epoch)
        count = len(self.closed)
        if closed_edges is not None:
            closed = np.zeros(count, dtype=bool)
            closed[_edge_ids(closed_edges, count)] = True
            changed = replace(changed, closed=_frozen(closed))
        if depth_m is not None:
            depth = np.array(depth_m, dtype=np.float32)
            if depth.shape != (count,) or not bool(np.all(np.isfinite(depth) & (depth >= 0.0))):
                raise RoadError("Depths must be one finite number of metres per edge.", code="TOC-5206")
            changed = replace(changed, depth_m=_frozen(depth))
        if time_factor is not None:
            factor = np.ones(count, dtype=np.float32)
            factor[_edge_ids(time_factor.keys(), count)] = np.maximum(list(time_factor.values()), 0.1)
            changed = replace(changed, time_factor=_frozen(factor))
        return changed

    def changed_edges(self, other: RoadState) -> NDArray[np.intp]:
        """Ascending ids of the edges on which two states differ."""
        return np.flatnonzero(
            (self.closed != other.closed)
            | (self.depth_m != other.depth_m)
            | (self.time_factor != other.time_factor)
        )

    def closed_to(self, profile: Profile) -> NDArray[np.bool_]:
        """bool (e,): closed to this profile, by a closure or because the water is deeper than it wades."""
        shut: NDArray[np.bool_] = self.closed | (self.depth_m > np.float32(profile.wading_m))
        return shut


def arc_ticks(
    network: RoadNetwork, profile: Profile, state: RoadState, arcs: NDArray[np.int32] | slice = slice(None)
) -> NDArray[np.int64]:
    """Travel time of arcs in ticks (0.1 s), at least 1; ``CLOSED`` where the profile may not drive.

    Free-flow time of the profile, slowed by water that it can wade and multiplied by the traffic factor.
    """
    edge = network.arc_edge[arcs]
    free_mps = np.minimum(
        network.arc_speed_mps[arcs].astype(np.float64) * profile.speed_factor, profile.top_speed_mps
    )
    depth = state.depth_m[edge]
    if bool(np.any(depth)):
        free_mps = np.minimum(free_mps, speed_in_water_mps(depth, profile.wading_m))
    seconds = network.arc_length_m[arcs].astype(np.float64) / free_mps * state.time_factor[edge]
    ticks = np.clip(np.rint(seconds * TICKS_PER_S), 1, CLOSED - 1).astype(np.int64)
    allowed = np.isin(network.arc_class[arcs], list(profile.road_classes))
    ticks[~allowed | state.closed_to(profile)[edge]] = CLOSED
    return ticks


def crawl_ticks(network: RoadNetwork, arc: int) -> int:
    """Ticks to drive a closed arc at walking pace, for a vehicle that stands on it and must leave."""
    return max(1, round(float(network.arc_length_m[arc]) / CRAWL_MPS * TICKS_PER_S))


def _edge_ids(ids: Iterable[int], count: int) -> NDArray[np.int64]:
    edges = np.fromiter(ids, dtype=np.int64)
    if len(edges) and (int(edges.min()) < 0 or int(edges.max()) >= count):
        raise RoadError(f"Road ids run from 0 to {count - 1}.", code="TOC-5206")
    return edges


def _frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    array.setflags(write=False)
    return array
