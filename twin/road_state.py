"""What is the matter with the roads right now: closures, water and slow traffic laid over the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError
from twin.network import Link, frozen
from twin.profiles import CRAWL_MPS, FERRY, MOTORWAY, Profile, speed_in_water_mps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.network import RoadNetwork

CLOSED = 2_147_483_647
"""Weight of a closed arc, in ticks; RoutingKit's infinity."""
TICKS_PER_S = 10
"""Weights count tenths of a second: sums stay far below the closed weight."""


@dataclass(frozen=True, slots=True, eq=False)
class RoadState:
    """The overlay at one journal cursor; arrays are read-only and have one value per edge.

    ``epoch`` is the sequence number of the journal this state was derived from. ``closed`` bool: closed to
    everybody whatever the water. ``depth_m`` float32: water over the road's lowest point. ``time_factor``
    float32 ≥ 0.1: multiplies the travel time (2 = takes twice as long). ``closed_for`` has the edges closed
    to one profile alone, by its name; ``contraflow`` the one-way edges opened against their direction as
    well; ``links`` the temporary roads that now exist.
    """

    epoch: int
    closed: NDArray[np.bool_]
    depth_m: NDArray[np.float32]
    time_factor: NDArray[np.float32]
    closed_for: Mapping[str, frozenset[int]] = field(default_factory=dict)
    contraflow: frozenset[int] = frozenset()
    links: tuple[Link, ...] = ()

    @classmethod
    def free(cls, network: RoadNetwork, epoch: int = 0) -> RoadState:
        """Everything open, dry and flowing."""
        count = network.pack_edge_count
        return cls(
            epoch,
            frozen(np.zeros(count, dtype=bool)),
            frozen(np.zeros(count, dtype=np.float32)),
            frozen(np.ones(count, dtype=np.float32)),
        )

    @property
    def closed_edges(self) -> frozenset[int]:
        """Ids of the edges closed to everybody; closures by depth or for one profile are not among them."""
        return frozenset(np.flatnonzero(self.closed).tolist())

    def with_changes(
        self,
        epoch: int,
        *,
        closed_edges: Iterable[int] | None = None,
        depth_m: NDArray[np.float32] | None = None,
        time_factor: Mapping[int, float] | None = None,
        closed_for: Mapping[str, Iterable[int]] | None = None,
        contraflow: Iterable[int] | None = None,
        links: Iterable[Link] | None = None,
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
            changed = replace(changed, closed=frozen(closed))
        if depth_m is not None:
            depth = np.array(depth_m, dtype=np.float32)
            if depth.shape != (count,) or not bool(np.all(np.isfinite(depth) & (depth >= 0.0))):
                raise RoadError("Depths must be one finite number of metres per edge.", code="TOC-5206")
            changed = replace(changed, depth_m=frozen(depth))
        if time_factor is not None:
            factor = np.ones(count, dtype=np.float32)
            factor[_edge_ids(time_factor.keys(), count)] = np.maximum(list(time_factor.values()), 0.1)
            changed = replace(changed, time_factor=frozen(factor))
        if closed_for is not None:
            by_name = {name: frozenset(_edge_ids(ids, count).tolist()) for name, ids in closed_for.items()}
            changed = replace(changed, closed_for={name: ids for name, ids in by_name.items() if ids})
        if contraflow is not None:
            changed = replace(changed, contraflow=frozenset(_edge_ids(contraflow, count).tolist()))
        if links is not None:
            changed = replace(changed, links=tuple(links))
        return changed

    def changed_edges(self, other: RoadState) -> NDArray[np.intp]:
        """Ascending ids of the edges on which two states differ; links are not edges of the pack."""
        differs = np.zeros(len(self.closed), dtype=bool)
        if self.closed is not other.closed:
            differs |= self.closed != other.closed
        if self.depth_m is not other.depth_m:
            differs |= self.depth_m != other.depth_m
        if self.time_factor is not other.time_factor:
            differs |= self.time_factor != other.time_factor
        differs[list(self.contraflow ^ other.contraflow)] = True
        if self.closed_for != other.closed_for:
            for name in {*self.closed_for, *other.closed_for}:
                here, there = self.closed_for.get(name, frozenset()), other.closed_for.get(name, frozenset())
                differs[list(here ^ there)] = True
        return np.flatnonzero(differs)

    def closed_to(self, profile: Profile) -> NDArray[np.bool_]:
        """bool (e,): closed to this profile, by a closure or because the water is deeper than it wades."""
        shut: NDArray[np.bool_] = self.closed | (self.depth_m > np.float32(profile.wading_m))
        shut[list(self.closed_for.get(profile.name, ()))] = True
        return shut


def arc_ticks(
    network: RoadNetwork, profile: Profile, state: RoadState, arcs: NDArray[np.int32] | slice = slice(None)
) -> NDArray[np.int64]:
    """Travel time of arcs in ticks (0.1 s), at least 1; ``CLOSED`` where the profile may not drive.

    Free-flow time of the profile, slowed by water that it can wade and multiplied by the traffic factor.
    Ferry links lie on water and are not flooded by it.
    """
    edge, kind = network.arc_edge[arcs], network.arc_class[arcs]
    shut, depth, factor = state.closed, state.depth_m, state.time_factor
    closed_for = state.closed_for.get(profile.name)
    if closed_for:
        shut = shut.copy()
        shut[list(closed_for)] = True
    missing = network.edge_count - len(shut)
    if missing:
        # Temporary links are open, dry and free for as long as they exist.
        shut = np.concatenate((shut, np.zeros(missing, dtype=np.bool_)))
        depth = np.concatenate((depth, np.zeros(missing, dtype=np.float32)))
        factor = np.concatenate((factor, np.ones(missing, dtype=np.float32)))
    seconds = network.free_s(profile)[arcs]
    water_m = depth[edge]
    if bool(np.any(water_m)):
        water_m = np.where(kind == FERRY, np.float32(0.0), water_m)
        in_water_s = network.arc_length_m[arcs].astype(np.float64) / speed_in_water_mps(water_m, profile.wading_m)
        seconds = np.maximum(seconds, in_water_s)
    seconds = seconds * factor[edge]
    ticks: NDArray[np.int64] = np.clip(np.rint(seconds * TICKS_PER_S), 1, CLOSED - 1).astype(np.int64)
    barred = ~network.usable_edges(profile)[edge] | shut[edge] | (water_m > np.float32(profile.wading_m))
    ticks[barred | _against(network, profile, state, arcs, edge, kind)] = CLOSED
    return ticks


def _against(
    network: RoadNetwork,
    profile: Profile,
    state: RoadState,
    arcs: NDArray[np.int32] | slice,
    edge: NDArray[np.int32],
    kind: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """bool: the arc runs against a one-way that binds this profile now."""
    against: NDArray[np.bool_] = network.arc_is_dormant[arcs]
    if profile.against_one_way:
        against = against & (kind == MOTORWAY)
    if state.contraflow:
        against = against & ~np.isin(edge, list(state.contraflow))
    return against


def opens_against(network: RoadNetwork, profile: Profile, state: RoadState, edge: int) -> bool:
    """Whether a one-way edge may be driven against its direction, were it open."""
    return edge in state.contraflow or (profile.against_one_way and int(network.edge_class[edge]) != MOTORWAY)


def crawl_ticks(network: RoadNetwork, arc: int) -> int:
    """Ticks to drive a closed arc at walking pace, for a vehicle that stands on it and must leave."""
    return max(1, round(float(network.arc_length_m[arc]) / CRAWL_MPS * TICKS_PER_S))


def _edge_ids(ids: Iterable[int], count: int) -> NDArray[np.int64]:
    edges = np.fromiter(ids, dtype=np.int64)
    if len(edges) and (int(edges.min()) < 0 or int(edges.max()) >= count):
        raise RoadError(f"Road ids run from 0 to {count - 1}.", code="TOC-5206")
    return edges
