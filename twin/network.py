"""The road network of one city pack as arrays for the engines, as a networkx graph for people and tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    import networkx as nx
    from numpy.typing import NDArray

    from twin.pack import CityPack
    from twin.profiles import Profile

NO_ARC = -1
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Link:
    """A temporary road between two crossings: a bridge laid, a field track opened.

    ``start`` and ``end`` are node ids, ``one_way`` runs from start to end. It is driven by the classes of
    profiles that use ``road_class`` (default: residential).
    """

    name: str
    start: int
    end: int
    length_m: float
    speed_mps: float
    one_way: bool = False
    road_class: int = 4


class RoadNetwork:
    """Immutable road arrays of a pack, with any temporary links laid in.

    Nodes are crossings and ends (n), arcs are directed (m), edges are undirected road segments (e). Arc ids
    run: the pack's arcs, then one *dormant* arc against each one-way (from ``first_dormant`` on, closed until
    a contraflow opens it or a profile is not bound by one-ways), then those of ``links``. ``edge_arcs`` int32
    (e, 2) holds the arc tail→head and the arc head→tail of an edge's geometry, ``NO_ARC`` where a one-way has
    none; ``edge_ways`` has the dormant arcs in those places. Positions are projected metres. Raises RoadError
    TOC-5204 where arcs and edges of the pack do not fit together.
    """

    def __init__(self, pack: CityPack, links: tuple[Link, ...] = ()) -> None:
        self.pack, self.links = pack, links
        self.node_xy: NDArray[np.float64] = pack.node_xy
        self.node_count = len(pack.node_xy)
        self.pack_edge_count = len(pack.edge_tail)
        check_links(links, self.node_count)
        self.edge_tail = self._joined(pack.edge_tail, [link.start for link in links])
        self.edge_head = self._joined(pack.edge_head, [link.end for link in links])
        self.edge_class = self._joined(pack.edge_class, [link.road_class for link in links])
        self.edge_count = len(self.edge_tail)
        pairs = self._pair_arcs()
        self.first_dormant = len(pack.arc_tail)
        self._lay_arcs(pairs)

    @staticmethod
    def _joined(array: NDArray[Scalar], more: Sequence[object]) -> NDArray[Scalar]:
        return np.concatenate((array, np.asarray(more, dtype=array.dtype))) if len(more) else array

    def _pair_arcs(self) -> NDArray[np.int32]:
        """Arc ids of the pack's edges by direction; parallel roads are different edges: each slot has one."""
        pack, edge, count = self.pack, self.pack.arc_edge, len(self.pack.arc_tail)
        if count and (int(edge.min()) < 0 or int(edge.max()) >= self.pack_edge_count):
            raise RoadError("An arc names an edge that does not exist.", code="TOC-5204")
        forward = (pack.arc_tail == pack.edge_tail[edge]) & (pack.arc_head == pack.edge_head[edge])
        backward = (pack.arc_tail == pack.edge_head[edge]) & (pack.arc_head == pack.edge_tail[edge])
        if not bool(np.all(forward | backward)):
            raise RoadError("An arc does not join the ends of its edge.", code="TOC-5204")
        arcs = np.arange(count, dtype=np.int32)
        pairs = np.full((self.pack_edge_count, 2), NO_ARC, dtype=np.int32)
        # On a loop both directions join the same node: the first arc runs along the geometry.
        loop = forward & backward
        first_of_loop = np.zeros(count, dtype=bool)
        looped = np.flatnonzero(loop)
        first_of_loop[looped[np.unique(edge[looped], return_index=True)[1]]] = True
        forward &= ~loop | first_of_loop
        backward &= ~loop | ~first_of_loop
        pairs[edge[forward], 0] = arcs[forward]
        pairs[edge[backward], 1] = arcs[backward]
        if int(np.count_nonzero(pairs != NO_ARC)) != count:
            raise RoadError("An edge has two arcs in one direction.", code="TOC-5204")
        return pairs

    def _lay_arcs(self, pairs: NDArray[np.int32]) -> None:
        """The pack's arcs, the dormant ones and those of the links, in this order; ids never depend on links."""
        pack, links, first = self.pack, self.links, self.first_dormant
        lone, side = np.nonzero((pairs == NO_ARC) & (pairs[:, ::-1] != NO_ARC))
        other = pairs[lone, 1 - side]
        ways = pairs.copy()
        ways[lone, side] = first + np.arange(len(lone), dtype=np.int32)
        next_arc, laid = first + len(lone), list[tuple[int, int, int]]()
        link_pairs = np.full((len(links), 2), NO_ARC, dtype=np.int32)
        for number, link in enumerate(links):
            ends = ((link.start, link.end),) if link.one_way else ((link.start, link.end), (link.end, link.start))
            for direction, (tail, head) in enumerate(ends):
                link_pairs[number, direction] = next_arc + len(laid)
                laid.append((tail, head, number))
        owners = [links[number] for *_, number in laid]

        def stretched(array: NDArray[Scalar], dormant: NDArray[Scalar], more: Sequence[object]) -> NDArray[Scalar]:
            return frozen(self._joined(np.concatenate((array, dormant)), more))

        self.arc_tail = stretched(pack.arc_tail, pack.arc_head[other], [tail for tail, _, _ in laid])
        self.arc_head = stretched(pack.arc_head, pack.arc_tail[other], [head for _, head, _ in laid])
        self.arc_edge = stretched(
            pack.arc_edge, pack.arc_edge[other], [self.pack_edge_count + number for *_, number in laid]
        )
        self.arc_length_m = stretched(pack.arc_length_m, pack.arc_length_m[other], [o.length_m for o in owners])
        self.arc_speed_mps = stretched(pack.arc_speed_mps, pack.arc_speed_mps[other], [o.speed_mps for o in owners])
        self.arc_class = stretched(pack.arc_class, pack.arc_class[other], [o.road_class for o in owners])
        self.arc_count = len(self.arc_tail)
        self.first_link_arc = next_arc
        self.edge_arcs = frozen(np.concatenate((pairs, link_pairs)))
        self.edge_ways = frozen(np.concatenate((ways, link_pairs)))
        self._usable: dict[Profile, NDArray[np.bool_]] = {}
        self._free_s: dict[Profile, NDArray[np.float64]] = {}

    @cached_property
    def arc_is_dormant(self) -> NDArray[np.bool_]:
        """bool (m,): the arc runs against a one-way."""
        arcs = np.arange(self.arc_count)
        return (arcs >= self.first_dormant) & (arcs < self.first_link_arc)

    @cached_property
    def arc_pairs(self) -> list[tuple[int, int]]:
        """``edge_arcs`` as Python integers, for the scalar path of a single query."""
        return [(forward, backward) for forward, backward in self.edge_arcs.tolist()]

    @cached_property
    def way_pairs(self) -> list[tuple[int, int]]:
        """``edge_ways`` as Python integers, for walks in Python; slow to make on a large network."""
        return [(forward, backward) for forward, backward in self.edge_ways.tolist()]

    @cached_property
    def edge_nodes(self) -> list[tuple[int, int]]:
        """(tail node, head node) of every edge as Python integers."""
        return list(zip(self.edge_tail.tolist(), self.edge_head.tolist(), strict=True))

    @cached_property
    def arc_is_forward(self) -> NDArray[np.bool_]:
        """bool (m,): the arc runs along its edge's geometry, not against it."""
        forward = np.zeros(self.arc_count, dtype=bool)
        ids = self.edge_ways[:, 0]
        forward[ids[ids != NO_ARC]] = True
        return forward

    @cached_property
    def arc_cell(self) -> NDArray[np.int32]:
        """int32 (m,): id of the 500 m square an arc starts in; tells local changes from scattered ones."""
        cell = np.floor(self.node_xy[self.arc_tail] / 500.0).astype(np.int64)
        if not len(cell):
            return np.zeros(0, dtype=np.int32)
        cell -= cell.min(axis=0)
        flat: NDArray[np.int32] = np.asarray(cell[:, 0] * (int(cell[:, 1].max()) + 1) + cell[:, 1]).astype(np.int32)
        return flat

    def optional(self, name: str) -> NDArray[np.integer] | None:
        """An array that a pack may lack (turns, limits, access), or None."""
        array: NDArray[np.integer] | None = getattr(self.pack, name, None)
        return array if array is not None and len(array) else None

    def free_s(self, who: Profile) -> NDArray[np.float64]:
        """float64 (m,): seconds of a profile on every arc in free conditions."""
        known = self._free_s.get(who)
        if known is None:
            speed = np.minimum(self.arc_speed_mps.astype(np.float64) * who.speed_factor, who.top_speed_mps)
            if who.own_pace:
                speed[:] = who.top_speed_mps
            known = self._free_s[who] = frozen(self.arc_length_m.astype(np.float64) / speed)
        return known

    def usable_edges(self, who: Profile) -> NDArray[np.bool_]:
        """bool (e,): what a profile may use in free conditions, by class, access and limits."""
        usable = self._usable.get(who)
        if usable is None:
            classes = np.zeros(256, dtype=bool)
            classes[list(who.road_classes)] = True
            usable = classes[self.edge_class]
            known = usable[: self.pack_edge_count]
            access = self.optional("edge_access")
            if access is not None and who.barred_by:
                known &= (access & who.barred_by) == 0
            for name, size in (
                ("edge_max_height_cm", who.height_cm),
                ("edge_max_width_cm", who.width_cm),
                ("edge_max_weight_kg", who.weight_kg),
            ):
                limit = self.optional(name)
                if limit is not None and size:
                    known &= (limit == 0) | (limit >= size)
            self._usable[who] = frozen(usable)
        return usable

    @cached_property
    def topology_digest(self) -> bytes:
        """SHA-256 over node positions, arc ends and forbidden turns: an elimination order fits one network only."""
        count = len(self.pack.arc_tail)
        digest = hashlib.sha256(f"{self.node_count} {count}".encode())
        for array in (self.pack.arc_tail, self.pack.arc_head, self.node_xy):
            digest.update(np.ascontiguousarray(array).tobytes())
        for name in ("turn_from", "turn_to"):
            turns = self.optional(name)
            if turns is not None:
                digest.update(np.ascontiguousarray(turns, dtype=np.int32).tobytes())
        return digest.digest()

    def arcs_of_edges(self, edges: NDArray[np.intp]) -> NDArray[np.int32]:
        """Arc ids of the given edges, the dormant ones against one-ways among them."""
        arcs = self.edge_ways[edges].ravel()
        present: NDArray[np.int32] = arcs[arcs != NO_ARC]
        return present

    def edge_line(self, edge: int) -> NDArray[np.float32]:
        """float32 (k, 2) projected metres, from the edge's tail to its head; a view."""
        pack = self.pack
        if edge >= self.pack_edge_count:
            ends = [int(self.edge_tail[edge]), int(self.edge_head[edge])]
            return np.asarray(self.node_xy[ends], dtype=np.float32)
        line: NDArray[np.float32] = pack.geom_xy[int(pack.geom_start[edge]) : int(pack.geom_start[edge + 1])]
        return line

    def edge_name(self, edge: int) -> str:
        """Street name of an edge, "" where it has none."""
        if edge >= self.pack_edge_count:
            return self.links[edge - self.pack_edge_count].name
        index = int(self.pack.edge_name[edge])
        return self.pack.names[index] if index else ""

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """The network as a MultiDiGraph, keyed by arc id, so that parallel roads stay apart; no dormant arcs.

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
            if self.first_dormant <= arc < self.first_link_arc:
                continue
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


def check_links(links: Sequence[Link], node_count: int) -> None:
    """Nothing where every link can be laid; RoadError TOC-5206 for the first that joins no two crossings."""
    for link in links:
        inside = min(link.start, link.end) >= 0 and max(link.start, link.end) < node_count
        if not (inside and link.length_m > 0.0 and link.speed_mps > 0.0):
            raise RoadError(f"The link {link.name!r} joins no two crossings.", code="TOC-5206")


def frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The array, no longer writable."""
    array.setflags(write=False)
    return array


def cut_line(line: NDArray[np.floating], start: float, end: float) -> NDArray[np.float64]:
    """The part of a polyline between two fractions of its length; float64 (k, 2), turned if start > end."""
    points = np.asarray(line, dtype=np.float64)
    if start > end:
        return cut_line(points[::-1], 1.0 - start, 1.0 - end)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    total = float(along[-1])
    first, last = start * total, end * total
    inside = (along > first) & (along < last)
    ends = np.array([[np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])] for at in (first, last)])
    return np.concatenate((ends[:1], points[inside], ends[1:]))
