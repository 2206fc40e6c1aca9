"""The road network of one city pack as arrays for the engines, as a networkx graph for people and tests."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    import networkx as nx
    from numpy.typing import NDArray

    from twin.pack import CityPack

NO_ARC = -1


class RoadNetwork:
    """Immutable road arrays of a pack.

    Nodes are crossings and ends (n), arcs are directed (m), edges are undirected road segments (e). An edge
    has one or two arcs; ``edge_arcs`` int32 (e, 2) holds the arc tail→head and the arc head→tail of its
    geometry, ``NO_ARC`` where a one-way has none. Positions are projected metres. Raises RoadError TOC-5204
    where arcs and edges of the pack do not fit together.
    """

    def __init__(self, pack: CityPack) -> None:
        self.pack = pack
        self.node_xy: NDArray[np.float64] = pack.node_xy
        self.arc_tail: NDArray[np.int32] = pack.arc_tail
        self.arc_head: NDArray[np.int32] = pack.arc_head
        self.arc_edge: NDArray[np.int32] = pack.arc_edge
        self.arc_length_m: NDArray[np.float32] = pack.arc_length_m
        self.arc_speed_mps: NDArray[np.float32] = pack.arc_speed_mps
        self.arc_class: NDArray[np.uint8] = pack.arc_class
        self.node_count = len(pack.node_xy)
        self.arc_count = len(pack.arc_tail)
        self.edge_count = len(pack.edge_tail)
        self.edge_arcs = self._pair_arcs()

    def _pair_arcs(self) -> NDArray[np.int32]:
        """Arc ids of each edge by direction; parallel roads are different edges: each slot has one."""
        pack = self.pack
        edge = self.arc_edge
        if self.arc_count and (int(edge.min()) < 0 or int(edge.max()) >= self.edge_count):
            raise RoadError("An arc names an edge that does not exist.", code="TOC-5204")
        forward = (self.arc_tail == pack.edge_tail[edge]) & (self.arc_head == pack.edge_head[edge])
        backward = (self.arc_tail == pack.edge_head[edge]) & (self.arc_head == pack.edge_tail[edge])
        if not bool(np.all(forward | backward)):
            raise RoadError("An arc does not join the ends of its edge.", code="TOC-5204")
        arcs = np.arange(self.arc_count, dtype=np.int32)
        pairs = np.full((self.edge_count, 2), NO_ARC, dtype=np.int32)
        # On a loop both directions join the same node: the first arc runs along the geometry.
        loop = forward & backward
        first_of_loop = np.zeros(self.arc_count, dtype=bool)
        looped = np.flatnonzero(loop)
        first_of_loop[looped[np.unique(edge[looped], return_index=True)[1]]] = True
        forward &= ~loop | first_of_loop
        backward &= ~loop | ~first_of_loop
        pairs[edge[forward], 0] = arcs[forward]
        pairs[edge[backward], 1] = arcs[backward]
        if int(np.count_nonzero(pairs != NO_ARC)) != self.arc_count:
            raise RoadError("An edge has two arcs in one direction.", code="TOC-5204")
        pairs.setflags(write=False)
        return pairs

    @cached_property
    def arc_pairs(self) -> list[tuple[int, int]]:
        """``edge_arcs`` as Python integers, for the scalar path of a single query."""
        return [(forward, backward) for forward, backward in self.edge_arcs.tolist()]

    @cached_property
    def edge_nodes(self) -> list[tuple[int, int]]:
        """(tail node, head node) of every edge as Python integers."""
        return list(zip(self.pack.edge_tail.tolist(), self.pack.edge_head.tolist(), strict=True))

    @cached_property
    def arc_is_forward(self) -> NDArray[np.bool_]:
        """bool (m,): the arc runs along its edge's geometry, not against it."""
        forward = np.zeros(self.arc_count, dtype=bool)
        ids = self.edge_arcs[:, 0]
        forward[ids[ids != NO_ARC]] = True
        return forward

    @cached_property
    def arc_cell(self) -> NDArray[np.int32]:
        """int32 (m,): id of the 500 m square an arc starts in; tells local changes from scattered ones."""
        cell = np.floor(self.node_xy[self.arc_tail] / 500.0).astype(np.int64)
        if not len(cell):
            return np.zeros(0, dtype=np.int32)
        cell -= cell.min(axis=0)
        flat: NDArray[np.int32] = np.asarray(cell[:, 0] * (int(cell[:, 1].max()) + 1) + cell[:, 1]).astype(
            np.int32
        )
        return flat

    @cached_property
    def topology_digest(self) -> bytes:
        """SHA-256 over node positions and arc ends: an elimination order fits one network only."""
        digest = hashlib.sha256(f"{self.node_count} {self.arc_count}".encode())
        for array in (self.arc_tail, self.arc_head, self.node_xy):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def arcs_of_edges(self, edges: NDArray[np.intp]) -> NDArray[np.int32]:
        """Arc ids of the given edges, without the missing directions of one-ways."""
        arcs = self.edge_arcs[edges].ravel()
        present: NDArray[np.int32] = arcs[arcs != NO_ARC]
        return present

    def edge_line(self, edge: int) -> NDArray[np.float32]:
        """float32 (k, 2) projected metres, from the edge's tail to its head; a view."""
        pack = self.pack
        line: NDArray[np.float32] = pack.geom_xy[int(pack.geom_start[edge]) : int(pack.geom_start[edge + 1])]
        return line

    def edge_name(self, edge: int) -> str:
        """Street name of an edge, "" where it has none."""
        index = int(self.pack.edge_name[edge])
        return self.pack.names[index] if index else ""

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """The network as a MultiDiGraph, keyed by arc id, so that parallel roads stay apart.

        Node attributes: ``x``, ``y`` projected metres. Arc attributes: ``length_m``, ``time_s`` (free flow),
        ``name``, ``road_class``, ``edge`` and ``geometry`` float32 (k, 2) in driving direction.
        """
        import networkx as nx

        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(name=str(self.pack.meta.get("name", "")))
        for node, (x, y) in enumerate(self.node_xy.tolist()):
            graph.add_node(node, x=x, y=y)
        time_s = (self.arc_length_m.astype(np.float64) / self.arc_speed_mps).tolist()
        columns = zip(
            self.arc_tail.tolist(),
            self.arc_head.tolist(),
            self.arc_edge.tolist(),
            self.arc_length_m.tolist(),
            time_s,
            self.arc_class.tolist(),
            self.arc_is_forward.tolist(),
            strict=True,
        )
        for arc, (tail, head, edge, length_m, seconds, road_class, forward) in enumerate(columns):
            line = self.edge_line(edge)
            graph.add_edge(
                tail,
                head,
                key=arc,
                length_m=length_m,
                time_s=seconds,
                edge=edge,
                road_class=road_class,
                name=self.edge_name(edge),
                geometry=line if forward else line[::-1],
            )
        return graph


def cut_line(line: NDArray[np.floating], start: float, end: float) -> NDArray[np.float64]:
    """The part of a polyline between two fractions of its length; float64 (k, 2), turned if start > end."""
    points = np.asarray(line, dtype=np.float64)
    if start > end:
        return cut_line(points[::-1], 1.0 - start, 1.0 - end)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    total = float(along[-1])
    first, last = start * total, end * total
    inside = (along > first) & (along < last)
    ends = np.array(
        [[np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])] for at in (first, last)]
    )
    return np.concatenate((ends[:1], points[inside], ends[1:]))
