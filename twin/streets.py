"""Streets as people know them: edges of one name in a row, their house numbers and their crossings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from twin.network import cut_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.pack import CityPack

HOUSE_M = 8.0
"""One house number for every 8 m of street: the pack knows no houses."""
_SAMPLE_M = 5.0
Point = tuple[float, float]


class Streets:
    """The named streets of a pack, each known by its index in ``pack.names``. Positions: projected metres."""

    def __init__(self, pack: CityPack) -> None:
        self._pack = pack
        self._by_name = np.argsort(pack.edge_name, kind="stable")
        self._start = np.searchsorted(pack.edge_name[self._by_name], np.arange(len(pack.names) + 1))
        self.ids = [name for name in range(1, len(pack.names)) if self._start[name] < self._start[name + 1]]
        ends = np.concatenate((pack.edge_tail, pack.edge_head))
        order = np.argsort(ends, kind="stable")
        self._edges_at = order % len(pack.edge_tail)
        self._node_start = np.searchsorted(ends[order], np.arange(len(pack.node_xy) + 1))
        self._walk = lru_cache(maxsize=512)(self._walk_street)

    def edges(self, name: int) -> list[int]:
        """Edge ids of a street, ascending."""
        ids: list[int] = self._by_name[self._start[name] : self._start[name + 1]].tolist()
        return ids

    def house(self, name: int, number: int) -> tuple[Point, bool]:
        """Where a house number stands, and whether the street reaches that far; past its end, the end."""
        walk, along = self._walk(name)
        at = (number - 0.5) * HOUSE_M
        inside = 0.0 < at <= along[-1]
        at = min(max(at, 0.0), along[-1])
        leg = min(int(np.searchsorted(along, at, side="left")), len(along) - 1)
        leg = max(leg, 1)
        edge, forward = walk[leg - 1]
        share = (at - along[leg - 1]) / max(along[leg] - along[leg - 1], 1e-9)
        return self._point(edge, share if forward else 1.0 - share), inside

    def last_house(self, name: int) -> int:
        """The highest house number of a street, at least 1."""
        return max(1, int(self._walk(name)[1][-1] / HOUSE_M + 0.5))

    def middle(self, name: int) -> Point:
        """Half-way along the street."""
        return self.house(name, max(1, self.last_house(name) // 2))[0]

    def crossing(self, first: int, second: int) -> Point | None:
        """Where two streets meet; of several places the one nearest the origin. None where they do not."""
        shared = np.intersect1d(self._nodes(first), self._nodes(second))
        if not len(shared):
            return None
        xy = self._pack.node_xy[shared]
        x, y = xy[int(np.argmin(np.hypot(xy[:, 0], xy[:, 1])))].tolist()
        return x, y

    def approach(self, first: int, second: int) -> tuple[Point, float]:
        """Where two streets come nearest to each other, between them, and the metres that part them there."""
        from scipy.spatial import cKDTree

        one, other = self._samples(first), self._samples(second)
        gaps, nearest = (np.asarray(found) for found in cKDTree(other).query(one))
        at = int(np.argmin(gaps))
        x, y = ((one[at] + other[int(nearest[at])]) / 2).tolist()
        return (x, y), float(gaps[at])

    def _samples(self, name: int) -> NDArray[np.float64]:
        """float64 (k, 2): a point for every ``_SAMPLE_M`` of a street, and all its corners."""
        pack = self._pack
        lines = [pack.geom_xy[int(pack.geom_start[e]) : int(pack.geom_start[e + 1])] for e in self.edges(name)]
        ends = np.concatenate([np.hstack((line[:-1], line[1:])) for line in lines]).astype(np.float64)
        along = ends[:, 2:] - ends[:, :2]
        count = np.maximum(1, np.ceil(np.hypot(along[:, 0], along[:, 1]) / _SAMPLE_M)).astype(np.int64)
        which = np.repeat(np.arange(len(ends)), count)
        share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
        between: NDArray[np.float64] = ends[which, :2] + along[which] * share[:, None]
        return np.concatenate((between, ends[:, 2:]))

    def nearest_crossing(self, edge: int, fraction: float) -> str:
        """Name of the next street met from a place on an edge, nearer end first; "" if unnamed."""
        own = int(self._pack.edge_name[edge])
        ends = (int(self._pack.edge_tail[edge]), int(self._pack.edge_head[edge]))
        for node in ends if fraction <= 0.5 else ends[::-1]:
            here = self._pack.edge_name[self._edges_at[self._node_start[node] : self._node_start[node + 1]]]
            others = here[(here != own) & (here != 0)]
            if len(others):
                return self._pack.names[int(others.min())]
        return ""

    def _nodes(self, name: int) -> NDArray[np.int32]:
        edges = self.edges(name)
        nodes: NDArray[np.int32] = np.unique((self._pack.edge_tail[edges], self._pack.edge_head[edges]))
        return nodes

    def _point(self, edge: int, share: float) -> Point:
        pack = self._pack
        line = pack.geom_xy[int(pack.geom_start[edge]) : int(pack.geom_start[edge + 1])]
        x, y = cut_line(line, share, share)[0].tolist()
        return x, y

    def _walk_street(self, name: int) -> tuple[list[tuple[int, bool]], list[float]]:
        """The street's edges in walking order with their direction, and the metres walked up to each end.

        From the end nearest the origin along edges not yet walked (lowest id first); where it ends, on to
        the nearest end not yet walked. The order is a convention, but always the same.
        """
        pack = self._pack
        left = dict.fromkeys(self.edges(name))
        degree: dict[int, int] = {}
        for edge in left:
            for node in (int(pack.edge_tail[edge]), int(pack.edge_head[edge])):
                degree[node] = degree.get(node, 0) + 1
        walk: list[tuple[int, bool]] = []
        along = [0.0]
        node, at = -1, (0.0, 0.0)
        while left:
            onward = [edge for edge in left if node in (int(pack.edge_tail[edge]), int(pack.edge_head[edge]))]
            if onward:
                edge = min(onward)
            else:
                edge, node = self._next_end(left, degree, at)
            del left[edge]
            forward = int(pack.edge_tail[edge]) == node
            line = pack.geom_xy[int(pack.geom_start[edge]) : int(pack.geom_start[edge + 1])]
            walk.append((edge, forward))
            along.append(along[-1] + float(np.hypot(*np.diff(line.astype(np.float64), axis=0).T).sum()))
            node = int(pack.edge_head[edge]) if forward else int(pack.edge_tail[edge])
            at = (float(pack.node_xy[node, 0]), float(pack.node_xy[node, 1]))
        return walk, along

    def _next_end(self, left: dict[int, None], degree: dict[int, int], at: Point) -> tuple[int, int]:
        """(edge, node) to go on from: a street end if any, nearest to ``at``, then lowest ids."""
        pack = self._pack
        ends = [
            (degree[node] != 1, float(np.hypot(*(pack.node_xy[node] - at))), edge, node)
            for edge in left
            for node in (int(pack.edge_tail[edge]), int(pack.edge_head[edge]))
        ]
        _, _, edge, node = min(ends)
        return edge, node
