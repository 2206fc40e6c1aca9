"""Which road is meant: the nearest point on the nearest road segment, exact."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from picture.errors import RoadError
from twin.profiles import FERRY, FOOTPATH, Profile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from twin.network import RoadNetwork
    from twin.pack import CityPack

_SPACING_M = 50.0
_NEIGHBOURS = 8
_MARGIN_M = 1_000.0


@dataclass(frozen=True, slots=True)
class Snap:
    """A place on the road network.

    ``fraction`` runs from 0 at the edge's tail to 1 at its head, along its geometry; ``distance_m`` is how
    far the place asked for lies from it; ``name`` the street's ("" where unnamed); ``x``, ``y`` the point on
    the road in projected metres.
    """

    edge: int
    fraction: float
    distance_m: float
    name: str
    x: float
    y: float

    @property
    def xy(self) -> tuple[float, float]:
        """The point on the road, projected metres."""
        return self.x, self.y


Place = Snap | tuple[float, float]
"""A place on the network, or (longitude, latitude) still to be snapped to the nearest road."""


class Snapper:
    """Nearest roads of a pack; built once (100 ms for 60,000 nodes), 30 µs a look-up, 4 µs each in a batch.

    Every geometry segment is sampled so that no point of it lies further than 25 m from a sample of its own;
    the exact distance to the segments of the nearest samples is then certain, or the search is widened until
    it is.
    """

    def __init__(
        self,
        pack: CityPack,
        *,
        without_classes: frozenset[int] = frozenset({FOOTPATH, FERRY}),
        usable: NDArray[np.bool_] | None = None,
    ) -> None:
        """``usable`` bool (e,) chooses the roads; without it, all but those of ``without_classes``."""
        self._pack = pack
        counts = np.diff(pack.geom_start)
        point_edge = np.repeat(np.arange(len(counts)), counts)
        # A segment joins two consecutive geometry points of one edge.
        first = np.flatnonzero(point_edge[:-1] == point_edge[1:])
        if usable is None:
            usable = ~np.isin(pack.edge_class, list(without_classes))
        first = first[usable[point_edge[first]]]
        if not len(first):
            raise RoadError("The pack has no roads to snap to.", code="TOC-5204")
        points = pack.geom_xy.astype(np.float64)
        self._edge = point_edge[first]
        self._start = points[first]
        self._vector = points[first + 1] - self._start
        self._length = np.hypot(self._vector[:, 0], self._vector[:, 1])
        along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
        self._along = along[first] - along[pack.geom_start[self._edge]]
        ends = np.asarray(pack.geom_start[1:]) - 1
        self._edge_length = np.maximum(along[ends] - along[pack.geom_start[:-1]], 1e-9)
        samples = np.maximum(np.ceil(self._length / _SPACING_M), 1).astype(np.int64)
        self._segment = np.repeat(np.arange(len(first)), samples)
        rank = np.arange(len(self._segment)) - np.repeat(np.cumsum(samples) - samples, samples)
        share = (rank + 0.5) / samples[self._segment]
        self._tree = cKDTree(self._start[self._segment] + share[:, None] * self._vector[self._segment])

    def snap(self, lon: float, lat: float) -> Snap:
        """The nearest point on a road; RoadError TOC-5003 for a position outside the pack."""
        return self.candidates(lon, lat, 1)[0]

    def candidates(self, lon: float, lat: float, k: int) -> list[Snap]:
        """Up to ``k`` nearest roads, each edge once, nearest first (ties: lower edge id)."""
        x, y = self._pack.to_xy(lon, lat)
        self._check_inside(np.array([[x, y]]))
        return self.candidates_xy(float(x), float(y), k)

    def candidates_xy(self, x: float, y: float, k: int = 1) -> list[Snap]:
        """As ``candidates``, for projected metres."""
        point = np.array([x, y])
        wanted = _NEIGHBOURS * k
        while True:
            reach, sample = self._tree.query(point, k=min(wanted, self._tree.n))
            segments = np.unique(self._segment[np.atleast_1d(sample)])
            distance, share = self._distances(point, segments)
            order = np.lexsort((self._edge[segments], distance))
            edges, chosen = self._edge[segments[order]], list[int]()
            for position, edge in enumerate(edges.tolist()):
                if all(edge != int(edges[other]) for other in chosen):
                    chosen.append(position)
                    if len(chosen) == k:
                        break
            certain_m = float(np.atleast_1d(reach)[-1]) - _SPACING_M / 2
            full = len(chosen) == k and float(distance[order[chosen[-1]]]) <= certain_m
            if full or wanted >= self._tree.n:
                return [
                    self._snap(int(segments[order[i]]), float(share[order[i]]), float(distance[order[i]]))
                    for i in chosen
                ]
            wanted *= 4

    def snap_many(self, lon: ArrayLike, lat: ArrayLike) -> list[Snap]:
        """The nearest road of each position; as ``snap``, but 4 µs each."""
        x, y = self._pack.to_xy(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        points = np.column_stack((np.atleast_1d(x), np.atleast_1d(y)))
        if not len(points):
            return []
        self._check_inside(points)
        found = self._tree.query(points, k=min(_NEIGHBOURS, self._tree.n))
        reach, sample = (np.asarray(part).reshape(len(points), -1) for part in found)
        segments = self._segment[sample.astype(np.intp)]
        distance, share = self._distances(points[:, None, :], segments)
        # Equal distances happen at every crossing; the lower edge id decides, as in a single look-up.
        nearest = distance.min(axis=1, keepdims=True)
        best = np.argmin(np.where(distance == nearest, self._edge[segments], len(self._edge_length)), axis=1)
        rows = np.arange(len(points))
        certain = distance[rows, best] <= reach[:, -1] - _SPACING_M / 2
        return [
            self._snap(int(segments[i, best[i]]), float(share[i, best[i]]), float(distance[i, best[i]]))
            if certain[i]
            else self.candidates_xy(float(points[i, 0]), float(points[i, 1]))[0]
            for i in rows.tolist()
        ]

    def _distances(
        self, point: NDArray[np.float64], segments: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance in metres to each segment, and the share of the segment at which it is reached."""
        vector, offset = self._vector[segments], point - self._start[segments]
        square = np.maximum(np.einsum("...i,...i->...", vector, vector), 1e-12)
        share = np.clip(np.einsum("...i,...i->...", offset, vector) / square, 0.0, 1.0)
        gap = offset - share[..., None] * vector
        return np.hypot(gap[..., 0], gap[..., 1]), share

    def _snap(self, segment: int, share: float, distance_m: float) -> Snap:
        edge = int(self._edge[segment])
        x, y = (self._start[segment] + share * self._vector[segment]).tolist()
        along = self._along[segment] + share * self._length[segment]
        name = int(self._pack.edge_name[edge])
        return Snap(
            edge,
            min(1.0, max(0.0, float(along / self._edge_length[edge]))),
            distance_m,
            self._pack.names[name] if name else "",
            x,
            y,
        )

    def _check_inside(self, points: NDArray[np.float64]) -> None:
        x_min, y_min, x_max, y_max = self._pack.meta["bounds_xy"]
        low, high = np.array([x_min, y_min]) - _MARGIN_M, np.array([x_max, y_max]) + _MARGIN_M
        # Written so that nan, too, counts as outside.
        outside = ~np.all((points >= low) & (points <= high), axis=1)
        if bool(np.any(outside)):
            lon, lat = self._pack.to_lonlat(*points[int(np.argmax(outside))])
            raise RoadError(f"{float(lat):.5f}, {float(lon):.5f} (latitude, longitude).", code="TOC-5003")


class Snappers:
    """A snapper for each set of roads that some profile may use; built on first use, shared between threads.

    A place is snapped to the nearest road that the profile could use in free conditions: a lorry to no
    footpath, a boat to no street. Closures do not move it.
    """

    def __init__(self, network: RoadNetwork, plain: Snapper | None = None) -> None:
        self._network, self._plain = network, plain
        self._lock = threading.Lock()
        self._by_profile: dict[Profile, Snapper] = {}
        self._by_roads: dict[bytes, Snapper] = {}

    @property
    def plain(self) -> Snapper:
        """All roads for vehicles, whoever may use them: what places on the map are snapped to."""
        with self._lock:
            return self._plain_snapper()

    def _plain_snapper(self) -> Snapper:
        if self._plain is None:
            self._plain = Snapper(self._network.pack)
        return self._plain

    def of(self, who: Profile) -> Snapper:
        """The roads of a profile; RoadError TOC-5204 where it has none."""
        known = self._by_profile.get(who)
        if known is not None:
            return known
        with self._lock:
            pack = self._network.pack
            usable = self._network.usable_edges(who)[: len(pack.edge_class)]
            # Off ferries: a place in a harbour is on its quay, unless who asks keeps to the water.
            ashore = usable & (pack.edge_class != FERRY)
            if bool(ashore.any()):
                usable = ashore
            if np.array_equal(usable, (pack.edge_class != FERRY) & (pack.edge_class != FOOTPATH)):
                snapper = self._plain_snapper()
            else:
                key = np.packbits(usable).tobytes()
                snapper = self._by_roads.setdefault(key, self._by_roads.get(key) or Snapper(pack, usable=usable))
            self._by_profile[who] = snapper
            return snapper
