"""Which single road's loss would hurt most: candidates by sampled betweenness, then each one closed for real.

Only a road on some quickest way between the places that matter can make those ways longer. So quickest ways from
every facility to every district and to a sample of crossings are laid over each other. The candidates are the roads
that carry most, and every road that all ways to one district, or all ways from one facility, have in common: among
them are all whose loss cuts one off. Each is closed in turn while the routing service answers the whole demand anew; a
place on the lost road itself is still come to, at walking pace from its end.
Everything else stays as the roads are now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError
from twin.network import RoadNetwork
from twin.profiles import Profile, profile
from twin.reach.isochrone import ReachGraph
from twin.route import Route
from twin.routing import RoutingService
from twin.snap import Snap

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CARRIES_DISTRICT = 10.0
"""What a demanded district counts in the betweenness beside a sampled crossing."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Who must get where: from each facility to each district, ``weight`` float64 (f, d) ≥ 0 per pair."""

    facilities: Mapping[str, Snap]
    districts: Mapping[str, Snap]
    weight: NDArray[np.float64] | None = None

    def weights(self) -> NDArray[np.float64]:
        """float64 (f, d); 1 for every pair where none were given. RoadError TOC-5206 for a wrong shape."""
        shape = len(self.facilities), len(self.districts)
        weight = np.ones(shape) if self.weight is None else np.asarray(self.weight, dtype=np.float64)
        if weight.shape != shape or not bool(np.all(np.isfinite(weight) & (weight >= 0.0))):
            raise RoadError("Demand needs one weight of at least 0 per facility and district.", code="TOC-5206")
        return weight


@dataclass(frozen=True, slots=True)
class RoadLoss:
    """What the loss of one road does to the demand.

    ``cut`` names (facility, district) pairs that lose their only way; ``added_s`` is the weighted mean of the
    seconds the other pairs take longer; ``worst`` the pair that is delayed most, with its seconds.
    """

    edge: int
    name: str
    between: tuple[str, str]
    carried: float
    cut: tuple[tuple[str, str], ...]
    added_s: float
    worst: tuple[str, str, float] | None

    @property
    def hurts(self) -> bool:
        """Whether anything at all gets worse."""
        return bool(self.cut) or self.added_s > 0.0

    def in_words(self) -> str:
        """What happens, in plain words."""
        road = self.name or "an unnamed road"
        ends = [end for end in self.between if end]
        where = f" between {ends[0]} and {ends[1]}" if len(ends) == 2 else f" at {ends[0]}" if ends else ""
        if not self.hurts:
            return f"Without {road}{where} nobody comes later."
        parts = []
        if self.cut:
            districts = sorted({district for _, district in self.cut})
            shown = ", ".join(districts[:3]) + (f" and {len(districts) - 3} more" if len(districts) > 3 else "")
            ways = "1 way is" if len(self.cut) == 1 else f"{len(self.cut)} ways are"
            parts.append(f"{ways} lost altogether, to {shown}")
        if self.worst is not None and self.added_s > 0.0:
            facility, district, seconds = self.worst
            parts.append(
                f"ways take {self.added_s:.0f} s longer on average, "
                f"most from {facility} to {district} ({seconds:.0f} s)"
            )
        return f"Without {road}{where} {'; '.join(parts)}."


@dataclass(frozen=True, slots=True)
class Criticality:
    """The roads examined, the most critical first, true at ``epoch``.

    ``finished`` is False where it was cancelled: the roads examined until then are ranked, the rest is not known.
    """

    epoch: int
    profile: str
    losses: tuple[RoadLoss, ...]
    candidates: int
    finished: bool

    def in_words(self) -> str:
        """The answer in a sentence or two."""
        if not self.losses or not self.losses[0].hurts:
            done = f"None of the {len(self.losses)} roads examined makes anybody late by its loss alone."
        else:
            done = self.losses[0].in_words()
        return done if self.finished else f"{done} Stopped after {len(self.losses)} of {self.candidates} roads."


def criticality(
    service: RoutingService,
    demand: Demand,
    who: str | Profile = "ambulance",
    *,
    candidates: int = 100,
    samples: int = 200,
    seed: int = 0,
    only: NDArray[np.bool_] | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Criticality:
    """Ranks the roads by what their loss does to the demand: pairs cut off first, then weighted seconds added.

    ``candidates`` is how many roads are examined by what they carry; those that all ways to a
    district or from a facility share come on top. ``only`` bool (e,) leaves out all other roads.
    The same seed over the same roads gives the same answer. ``progress(done, of)`` is called after each road;
    ``cancelled`` is asked before each. Closes roads in ``service`` while it runs and leaves it as it was, also
    after an error: use a service of its own where others ask meanwhile.
    """
    weight = demand.weights()
    network, standing = service.network, service.state
    sources, targets = list(demand.facilities.values()), list(demand.districts.values())
    ways = _ways(service, who, sources, targets)
    carried = _carried(ReachGraph(network, standing, who), sources, samples, np.random.default_rng(seed))
    for row, several in enumerate(ways):
        for column, way in enumerate(several):
            carried[list(way)] += _CARRIES_DISTRICT * weight[row, column]
    busy = np.flatnonzero(carried > 0.0 if only is None else (carried > 0.0) & only)
    busiest = busy[np.lexsort((busy, -carried[busy]))][:candidates].tolist()
    shared = [edge for edge in _shared(ways, weight) if only is None or only[edge]]
    chosen = list(dict.fromkeys((*busiest, *shared)))
    before = service.matrix(who, sources, targets, enter_closed=True)
    losses: list[RoadLoss] = []
    finished = True
    try:
        for done, edge in enumerate(chosen, start=1):
            if cancelled is not None and cancelled():
                finished = False
                break
            service.update(standing.with_changes(standing.epoch, closed_edges=standing.closed_edges | {edge}))
            after = service.matrix(who, sources, targets, enter_closed=True)
            losses.append(_loss(network, demand, weight, edge, float(carried[edge]), before, after))
            if progress is not None:
                progress(done, len(chosen))
    finally:
        service.update(standing)
    losses.sort(key=lambda loss: (-_cut_weight(loss, demand, weight), -loss.added_s, loss.edge))
    return Criticality(standing.epoch, profile(who).name, tuple(losses), len(chosen), finished)


def _ways(
    service: RoutingService, who: str | Profile, sources: Sequence[Snap], targets: Sequence[Snap]
) -> list[list[frozenset[int]]]:
    """The roads of each quickest way, by source and target; empty where there is none."""
    found = [[service.route(who, source, target) for target in targets] for source in sources]
    return [[frozenset(way.edges) if isinstance(way, Route) else frozenset() for way in row] for row in found]


def _shared(ways: list[list[frozenset[int]]], weight: NDArray[np.float64]) -> list[int]:
    """Ascending: roads that all ways to some target, or all ways from some source, have in common."""
    wanted = [[way if weight[r, c] > 0.0 else frozenset() for c, way in enumerate(row)] for r, row in enumerate(ways)]
    groups = [[way for way in group if way] for group in (*wanted, *zip(*wanted, strict=True))]
    return sorted({edge for group in groups if group for edge in frozenset.intersection(*group)})


def _carried(graph: ReachGraph, sources: Sequence[Snap], samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """float64 (e,): what each road carries from all sources to crossings drawn at random."""
    anywhere = np.zeros(graph.network.node_count)
    if samples and graph.network.node_count:
        np.add.at(anywhere, rng.integers(0, graph.network.node_count, samples), 1.0)
    carried = np.zeros(graph.network.edge_count)
    for source in sources:
        carried += graph.carried([source], anywhere)
    return carried


def _loss(
    network: RoadNetwork,
    demand: Demand,
    weight: NDArray[np.float64],
    edge: int,
    carried: float,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
) -> RoadLoss:
    names, districts = list(demand.facilities), list(demand.districts)
    wanted = weight > 0.0
    had = np.isfinite(before) & wanted
    cut = had & ~np.isfinite(after)
    both = had & ~cut
    added = np.where(both, np.where(both, after, 0.0) - np.where(both, before, 0.0), 0.0)
    total = float(weight[both].sum())
    row, column = np.unravel_index(int(np.argmax(added)), added.shape) if added.size else (0, 0)
    most = float(added[row, column]) if added.size else 0.0
    tail, head = int(network.edge_tail[edge]), int(network.edge_head[edge])
    own = network.edge_name(edge)
    return RoadLoss(
        edge,
        own,
        (_crossing(network, tail, own), _crossing(network, head, own)),
        carried,
        tuple((names[r], districts[c]) for r, c in np.argwhere(cut).tolist()),
        float((added * weight).sum()) / total if total else 0.0,
        (names[int(row)], districts[int(column)], most) if most > 0.0 else None,
    )


def _cut_weight(loss: RoadLoss, demand: Demand, weight: NDArray[np.float64]) -> float:
    row = {name: k for k, name in enumerate(demand.facilities)}
    column = {name: k for k, name in enumerate(demand.districts)}
    return float(sum(weight[row[facility], column[district]] for facility, district in loss.cut))


def _crossing(network: RoadNetwork, node: int, own: str) -> str:
    """The first other street name at a crossing, by its lowest road; "" where there is none."""
    at = np.flatnonzero((network.edge_tail == node) | (network.edge_head == node))
    return next((name for name in map(network.edge_name, at.tolist()) if name and name != own), "")
