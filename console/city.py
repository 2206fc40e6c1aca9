"""The city as the core asks it: places, ways and water, over one pack and the roads as they are now.

The one place where the twin's services are put together. Each answer may be "I do not know": the desk works on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from console.desk import Located, Way
from picture.errors import InputError, RoadError
from picture.model import RoadLink, StreamPicture, Unit
from picture.places import distance_m, to_e7
from twin.along import edges_along
from twin.floodwatch import FloodWatch
from twin.gazetteer import Gazetteer
from twin.geometry import edges_touching, read_shape
from twin.hazards import FloodModel
from twin.network import NO_ARC, Link, RoadNetwork
from twin.pack import CityPack, Ground
from twin.profiles import PROFILES
from twin.road_state import RoadState
from twin.route import Route
from twin.waiting import WaitingRoads

if TYPE_CHECKING:
    from numpy.typing import NDArray

LonLat = tuple[float, float]
MOST_DRAWN = 500
"""Positions of a shape that a road command draws: what is finer takes the core seconds, and everybody waits."""
BOAT_MPS = 9.0
"""About 17 knots: what a rescue boat or lifeboat makes in a harbour in a gale."""


class City:
    """Everything the core knows of the ground. Ways and times are computed by the roads' own threads."""

    def __init__(self, pack: CityPack, order_cache: Path | None = None, *, wait_s: float = 20.0) -> None:
        self.pack = pack
        self.network = RoadNetwork(pack)
        self.routing = WaitingRoads(self.network, order_cache=order_cache)
        self.online: Callable[[str], Sequence[tuple[str, float, float]]] | None = None
        gauges = [gauge for gauge in pack.meta["gauges"] if gauge["kind"] == "water_level"]
        try:
            model = FloodModel(pack)
        except RoadError:  # an inland city, or one without heights: its drills and days go on without floods
            self.floodwatch = FloodWatch(None)
        else:
            outside = (one for one in gauges if not model.behind_barrier(one["lon"], one["lat"]))
            self.floodwatch = FloodWatch(model, frozenset(gauge["id"] for gauge in outside))
        self.routing.wait_until_ready(wait_s)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """Places by name; read on first use, or by ``warm``: a core that starts again need not wait for it."""
        return Gazetteer(self.pack, self.routing.snapper)

    def warm(self) -> None:
        """Reads what is read on first use. May be called in any thread."""
        _ = self.gazetteer

    # --- places ---------------------------------------------------------------------------------------------

    def find(self, said: str) -> Sequence[Located]:
        """Readings of a place as said, best first; where the pack has none, what an online geocoder has answered."""
        try:
            found = self.gazetteer.find(said)
        except RoadError:
            found = []
        if not found and self.online is not None:
            return [Located(lon, lat, name, "online", 0.5, uncertainty_m=250) for name, lon, lat in self.online(said)]
        return [Located(p.lon, p.lat, p.name, p.how, p.score, p.uncertainty_m) for p in found]

    def describe(self, lon: float, lat: float) -> str:
        """The place in words."""
        return self.gazetteer.describe(lon, lat)

    def on_water(self, lon: float, lat: float) -> bool:
        """Whether a position is water; outside the map everything may be."""
        pack = self.pack
        x, y = pack.to_xy(lon, lat)
        column = int((x - pack.ground_x0) // pack.ground_cell_m)
        row = int((y - pack.ground_y0) // pack.ground_cell_m)
        rows, columns = pack.ground.shape
        if not (0 <= row < rows and 0 <= column < columns):
            return True
        near = pack.ground[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        return bool(np.any((near == Ground.WATER) | (near == Ground.OUTSIDE)))

    # --- ways -----------------------------------------------------------------------------------------------

    def route(
        self,
        profile: str,
        start: LonLat,
        end: LonLat,
        *,
        enter_closed: bool = True,
        avoid: frozenset[int] = frozenset(),
    ) -> Route | None:
        """The quickest way over open roads, or None; the last road may be closed, and is flagged."""
        try:
            found = self.routing.route(profile, start, end, enter_closed=enter_closed, avoid=avoid)
        except RoadError:
            return None
        return found if isinstance(found, Route) else None

    def way(self, unit: Unit, lon: float, lat: float, start: LonLat | None = None) -> Way | None:
        """How a unit gets there from where it is (its base if nothing else is known)."""
        return self.travel(unit.profile, start or (unit.home_lon_e7 / 1e7, unit.home_lat_e7 / 1e7), (lon, lat))

    def travel(self, profile: str, start: LonLat, end: LonLat, avoid: frozenset[int] = frozenset()) -> Way | None:
        """The way of a profile, without the segments in ``avoid``; a boat goes straight, and that is said."""
        if profile == "boat":
            return self._by_water(start, end)
        route = self.route(profile, start, end, avoid=avoid)
        if route is None:
            return None
        streets = tuple(dict.fromkeys(name for name, metres, _ in route.streets if name and metres >= 20))
        geometry = tuple((to_e7(float(x)), to_e7(float(y))) for x, y in route.geometry)
        flagged = "ends on a closed road" if route.enters_closed else ""
        return Way(
            route.duration_s,
            route.length_m,
            streets,
            geometry,
            flagged or ("leaves a closed road" if route.leaves_closed else ""),
            route.edges,
            route.epoch,
        )

    def _by_water(self, start: LonLat, end: LonLat) -> Way:
        """A straight line at a rescue boat's pace: the water has no lanes, and the crew knows the way round."""
        a, b = (to_e7(start[0]), to_e7(start[1])), (to_e7(end[0]), to_e7(end[1]))
        length_m = distance_m(*a, *b)
        return Way(length_m / BOAT_MPS, length_m, (), (a, b), "straight over water", epoch=self.routing.epoch)

    def seconds(
        self,
        profile: str,
        starts: Sequence[LonLat],
        ends: Sequence[LonLat],
        avoid: frozenset[int] = frozenset(),
    ) -> NDArray[np.float64]:
        """Travel times in seconds, float64 (starts, ends), without the segments in ``avoid``; inf without a way."""
        if profile == "boat":
            return np.array([[self._by_water(a, b).duration_s for b in ends] for a in starts], dtype=np.float64)
        return self.routing.matrix(profile, list(starts), list(ends), enter_closed=True, avoid=avoid).seconds

    # --- the roads as they are ------------------------------------------------------------------------------

    def follow(self, picture: StreamPicture) -> None:
        """Hands the roads the state that the picture tells: closures by people and feeds, water by depth, changes."""
        closed: set[int] = set()
        closed_for: dict[str, set[int]] = {}
        for closure in picture.closures.values():
            if closure.status == "active" and closure.by != "flood":
                for edges in [closed_for.setdefault(who, set()) for who in closure.profiles] or [closed]:
                    edges.update(closure.edges)
        factor: dict[int, float] = {}
        contraflow: set[int] = set()
        links: list[Link] = []
        for change in sorted(picture.road_changes.values(), key=lambda one: one.id):
            if change.status != "active":
                continue
            if change.factor_pct is not None:
                # Two reports of one jam are one jam: the slowest word counts, never the product.
                factor |= {edge: max(change.factor_pct / 100, factor.get(edge, 0.0)) for edge in change.edges}
            if change.contraflow:
                contraflow.update(change.edges)
            if change.link is not None:
                links.append(self._link(change.name, change.link))
        flood = self.floodwatch.flood(picture)
        depth: NDArray[np.float32] = (
            flood.edge_depth_m if flood is not None else np.zeros(self.network.edge_count, dtype=np.float32)
        )
        state: RoadState = self.routing.state.with_changes(
            picture.seq,
            closed_edges=closed,
            closed_for=closed_for,
            depth_m=depth,
            time_factor=factor,
            contraflow=contraflow,
            links=links,
        )
        self.routing.update(state)

    def _link(self, name: str, link: RoadLink) -> Link:
        return Link(name, link.start, link.end, link.length_mm / 1000, link.speed_mmps / 1000, link.one_way)

    # --- which roads are meant ------------------------------------------------------------------------------

    def street_edges(self, name: str) -> tuple[int, ...]:
        """Every road segment of that name (case does not matter); empty where there is none."""
        wanted = " ".join(name.split()).casefold()
        index = next((k for k, known in enumerate(self.pack.names) if known.casefold() == wanted), None)
        return () if index is None else tuple(np.flatnonzero(self.pack.edge_name == index).tolist())

    def street_like(self, said: str) -> str:
        """The street whose name comes nearest to what was said; "" where none is near."""
        return next((one.label for one in self.find(said) if one.how == "street" and self.street_edges(one.label)), "")

    def road_at(self, lon: float, lat: float) -> tuple[int, float] | None:
        """(segment, metres away) of the nearest road for vehicles; None off the map."""
        try:
            found = self.routing.snapper.snap(lon, lat)
        except RoadError:
            return None
        return found.edge, found.distance_m

    def covers(self, lon: float, lat: float) -> bool:
        """Whether a position is on the map."""
        x, y = self.pack.to_xy(lon, lat)
        x_min, y_min, x_max, y_max = self.pack.meta["bounds_xy"]
        return bool(x_min <= x <= x_max and y_min <= y <= y_max)

    def road_along(self, line: Sequence[LonLat]) -> tuple[int, ...]:
        """The segments that a line drawn by somebody else runs along; none off the map or away from every road."""
        return edges_along(self.pack, self.routing.snapper, line)

    def crossing_at(self, lon: float, lat: float) -> tuple[int, LonLat] | None:
        """The crossing at the nearer end of the nearest road, and where it is; None off the map."""
        try:
            found = self.routing.snapper.snap(lon, lat)
        except RoadError:
            return None
        node = int((self.network.edge_tail if found.fraction < 0.5 else self.network.edge_head)[found.edge])
        x, y = self.network.node_xy[node].tolist()
        return node, self.pack.to_lonlat(x, y)

    def roads_in(self, shape: str) -> tuple[int, ...]:
        """The segments that a shape (WKT or GeoJSON) touches; InputError where it is none, or too finely drawn."""
        drawn = read_shape(shape)
        if drawn.positions > MOST_DRAWN:
            raise InputError(f"The shape has {drawn.positions} positions, at most {MOST_DRAWN} here.", code="TOC-2004")
        return tuple(edges_touching(self.pack, drawn).tolist())

    def names_of(self, edges: Iterable[int]) -> tuple[str, ...]:
        """The names of these segments, each once, those of most segments first."""
        counted = Counter(name for edge in edges if (name := self.network.edge_name(edge)))
        return tuple(sorted(counted, key=lambda name: (-counted[name], name)))

    def one_ways(self, edges: Iterable[int]) -> tuple[int, ...]:
        """Those of the segments that are open in one direction only."""
        arcs = self.network.edge_arcs
        return tuple(edge for edge in edges if NO_ARC in arcs[edge])

    def knows_profile(self, name: str) -> bool:
        """Whether there is a vehicle profile of this name."""
        return name in PROFILES

    def close(self) -> None:
        self.routing.close()
