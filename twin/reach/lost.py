"""Whose ring shrank: what a hospital or shelter reached in time on dry roads, and no longer does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twin.network import RoadNetwork
from twin.profiles import Profile
from twin.reach.isochrone import ReachGraph, edge_lengths_m
from twin.road_state import RoadState
from twin.snap import Snap


@dataclass(frozen=True, slots=True)
class RingLoss:
    """The ring of one place, before and now.

    ``lost_edges``: ascending ids of the roads of which less is reached than before. Metres count each road once.
    ``people_lost`` counts those of ``people`` who are no longer within the ring; None where nobody was named.
    """

    place: str
    limit_s: float
    metres_before: float
    metres_now: float
    lost_edges: tuple[int, ...]
    people_before: int | None
    people_lost: int | None

    @property
    def share_lost(self) -> float:
        """0 (nothing) to 1 (all of it)."""
        return 1.0 - self.metres_now / self.metres_before if self.metres_before else 0.0

    def in_words(self, name: str = "") -> str:
        """One sentence for an operator."""
        who = name or self.place
        minutes = f"{self.limit_s / 60:g}-minute ring"
        if not self.lost_edges:
            return f"{who} keeps its {minutes}."
        roads = "1 road" if len(self.lost_edges) == 1 else f"{len(self.lost_edges)} roads"
        people = f", {self.people_lost} people with them" if self.people_lost else ""
        return (
            f"{who} has lost {self.share_lost:.0%} of its {minutes}: "
            f"{(self.metres_before - self.metres_now) / 1000:.1f} km on {roads}{people}."
        )


def lost_rings(
    network: RoadNetwork,
    dry: RoadState,
    now: RoadState,
    places: Mapping[str, Snap],
    who: str | Profile = "ambulance",
    *,
    limit_s: float = 600.0,
    towards: bool = True,
    people: Mapping[str, tuple[Snap, int]] | None = None,
) -> list[RingLoss]:
    """The rings of all places, most metres lost first (ties: by id).

    ``towards``: the ring of those who can get to the place in time; otherwise of those it gets to. ``people``:
    where how many are, by any id.
    """
    before, after = ReachGraph(network, dry, who), ReachGraph(network, now, who)
    length_m = edge_lengths_m(network)
    found: list[RingLoss] = []
    for name, place in places.items():
        ring, rest = (graph.reach([place], limit_s, towards=towards) for graph in (before, after))
        lost = np.flatnonzero((ring.edge_share - rest.edge_share) * length_m > 0.5)
        within = (
            None
            if people is None
            else [
                (count, bool(rest.seconds_at(at) <= limit_s))
                for at, count in people.values()
                if ring.seconds_at(at) <= limit_s
            ]
        )
        found.append(
            RingLoss(
                name,
                limit_s,
                ring.length_m,
                rest.length_m,
                tuple(lost.tolist()),
                None if within is None else sum(count for count, _ in within),
                None if within is None else sum(count for count, still in within if not still),
            )
        )
    return sorted(found, key=lambda loss: (loss.metres_now - loss.metres_before, loss.place))
