"""Ways become a road graph: cut at junctions, joined where nothing changes, the largest drivable part kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from picture.errors import RoadError
from twin.osm.chains import Chain, chains
from twin.osm.turns import ArcEnds, Turns, resolve
from twin.pack import EARTH_RADIUS_M, NoAccess, RoadClass, RoadFlag, project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.osm.reading import Extract
    from twin.osm.tags import RoadTags

_SHORTEST_M = 0.1  # no arc costs nothing, or engines could turn in circles on it


@dataclass(frozen=True, slots=True)
class Pieces:
    """Roads between junctions: piece k runs over the points ``first[k]..last[k]`` of the extract's road points."""

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    line: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Roads:
    """The graph as a pack holds it, and what was left out."""

    arrays: dict[str, NDArray[Any]]
    names: list[str]
    turns: Turns
    dropped_nodes: int
    dropped_arcs: int
    dropped_parts: int
    dropped_ways: int


def build_roads(extract: Extract, origin: tuple[float, float]) -> Roads:
    """The road graph of an extract in metres about ``origin``; RoadError TOC-5305 where no vehicle can drive."""
    if not extract.roads.way:
        raise RoadError(code="TOC-5305")
    lonlat = extract.roads.points()
    node_of, refs, pieces = _cut(extract)
    pieces, dropped = _largest_part(extract, pieces)
    attribute, directed = _attributes(extract)
    joined = chains(pieces.tail, pieces.head, attribute[pieces.line], directed[pieces.line], _kept_nodes(extract, refs))
    edges = _Edges(extract, pieces, joined, lonlat, _speeds(extract, lonlat))
    return _assemble(extract, edges, dropped, _Frame(lonlat, node_of, refs, origin))


@dataclass(frozen=True, slots=True)
class _Dropped:
    nodes: int
    arcs: int
    parts: int


@dataclass(frozen=True, slots=True)
class _Frame:
    lonlat: NDArray[np.float64]
    node_of: NDArray[np.int64]
    refs: NDArray[np.int64]
    origin: tuple[float, float]


def _cut(extract: Extract) -> tuple[NDArray[np.int64], NDArray[np.int64], Pieces]:
    """Node index of every road point, the OSM id of each node, and the pieces between junctions."""
    lines = extract.roads
    refs, node_of = np.unique(np.frombuffer(lines.refs, dtype=np.int64), return_inverse=True)
    start = np.frombuffer(lines.start, dtype=np.int64)
    uses = np.bincount(node_of, minlength=len(refs))
    uses[node_of[start[:-1]]] += 1
    uses[node_of[start[1:] - 1]] += 1
    vias = np.array([rule.via for rule in extract.restrictions if rule.via > 0], dtype=np.int64)
    at = uses[node_of] > 1
    at |= np.isin(refs, vias)[node_of]
    position = np.flatnonzero(at)
    line = np.repeat(np.arange(len(start) - 1), np.diff(start))[position]
    same = np.flatnonzero(line[1:] == line[:-1])
    first, last = position[same], position[same + 1]
    tail, head = node_of[first], node_of[last]
    solid = (tail != head) | (last - first > 1)  # a node named twice in a row makes no road
    return node_of, refs, Pieces(tail[solid], head[solid], first[solid], last[solid], line[same][solid])


def _attributes(extract: Extract) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Per line what must be alike for two pieces to be joined, every ferry alone; and whether direction matters."""
    owner = np.frombuffer(extract.roads.owner, dtype=np.int64)
    attribute = owner.copy()
    alone = np.array([tags.road_class is RoadClass.FERRY for tags in extract.road_tags])[owner]
    attribute[alone] = len(extract.road_tags) + np.arange(int(alone.sum()))
    directed = np.array([tags.direction != 0 or tags.forward_kmh != tags.backward_kmh for tags in extract.road_tags])
    return attribute, directed[owner]


def _kept_nodes(extract: Extract, refs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Nodes at which nothing may be joined, because a turn restriction speaks of them."""
    vias = np.array([rule.via for rule in extract.restrictions if rule.via > 0], dtype=np.int64)
    kept: NDArray[np.bool_] = np.isin(refs, vias)
    return kept


def _lengths(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres from each point to the next, float64 (n − 1,); equirectangular about the middle latitude."""
    step = np.radians(np.diff(lonlat, axis=0))
    middle = np.radians((lonlat[1:, 1] + lonlat[:-1, 1]) / 2)
    length: NDArray[np.float64] = EARTH_RADIUS_M * np.hypot(step[:, 0] * np.cos(middle), step[:, 1])
    return length


def _speeds(extract: Extract, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres a second along and against each line, float64 (lines, 2); a ferry's from its crossing time."""
    along = np.concatenate([[0.0], np.cumsum(_lengths(lonlat))])
    start = np.frombuffer(extract.roads.start, dtype=np.int64)
    length = along[start[1:] - 1] - along[start[:-1]]
    kmh = np.array(
        [
            (t.backward_kmh, t.forward_kmh) if t.direction < 0 else (t.forward_kmh, t.backward_kmh)
            for t in extract.road_tags
        ]
    )
    crossing = np.array([tags.crossing_s for tags in extract.road_tags])
    owner = np.frombuffer(extract.roads.owner, dtype=np.int64)
    speed: NDArray[np.float64] = kmh[owner] / 3.6
    timed = crossing[owner] > 0
    speed[timed] = np.clip(length[timed] / crossing[owner][timed], 0.3, 20.0)[:, None]
    return speed


class _Edges:
    """Joined pieces as columns; ``first_way`` and ``last_way`` are the OSM ways an edge begins and ends on."""

    def __init__(
        self,
        extract: Extract,
        pieces: Pieces,
        joined: list[Chain],
        lonlat: NDArray[np.float64],
        speeds: NDArray[np.float64],
    ) -> None:
        lead = np.array([chain.pieces[0] for chain in joined], dtype=np.int64)
        rear = np.array([chain.pieces[-1] for chain in joined], dtype=np.int64)
        way = np.frombuffer(extract.roads.way, dtype=np.int64)
        owner = np.frombuffer(extract.roads.owner, dtype=np.int64)[pieces.line[lead]]
        self.tail = np.array([chain.tail for chain in joined], dtype=np.int64)
        self.head = np.array([chain.head for chain in joined], dtype=np.int64)
        self.first_way, self.last_way = way[pieces.line[lead]], way[pieces.line[rear]]
        self.along = speeds[pieces.line[lead], 0]
        self.against = speeds[pieces.line[lead], 1]
        self.column = {
            name: np.array([getattr(tags, name) for tags in extract.road_tags])[owner]
            for name in ("road_class", "flags", "access", "height_cm", "width_cm", "weight_kg", "layer")
        }
        self.name_of = owner
        self.points, self.start = _points(pieces, joined)
        step = np.concatenate([[0.0], np.cumsum(_lengths(lonlat[self.points]))])
        self.length = np.maximum(step[self.start[1:] - 1] - step[self.start[:-1]], _SHORTEST_M)

    @property
    def one_way(self) -> NDArray[np.bool_]:
        return np.asarray((self.column["flags"] & int(RoadFlag.ONE_WAY)) != 0, dtype=np.bool_)


def _points(pieces: Pieces, joined: list[Chain]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of every edge's points from tail to head, and where each edge starts."""
    count = np.array([len(chain.pieces) for chain in joined], dtype=np.int64)
    piece = np.fromiter((one for chain in joined for one in chain.pieces), np.int64, int(count.sum()))
    backward = np.fromiter((one for chain in joined for one in chain.backward), np.bool_, len(piece))
    leads = np.concatenate([[0], np.cumsum(count)[:-1]])
    skip = np.ones(len(piece), dtype=np.int64)  # a later piece begins where the one before it ended
    skip[leads] = 0
    first, last = pieces.first[piece], pieces.last[piece]
    size = last - first + 1 - skip
    begin = np.where(backward, last - skip, first + skip)
    within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    index = np.repeat(begin, size) + np.repeat(np.where(backward, -1, 1), size) * within
    return index, np.concatenate([[0], np.cumsum(np.add.reduceat(size, leads))])


def _largest_part(extract: Extract, pieces: Pieces) -> tuple[Pieces, _Dropped]:
    """The largest strongly connected part for cars, with every path and ferry joined to it; what that leaves out.

    Cars here include emergency vehicles behind a private gate, or no fire engine could reach a gated street.
    """
    tags = extract.road_tags
    owner = np.frombuffer(extract.roads.owner, dtype=np.int64)[pieces.line]
    cars = np.array([_for_cars(one) for one in tags])[owner]
    one_way = np.array([one.direction != 0 for one in tags])[owner]
    if not cars.any():
        raise RoadError(code="TOC-5305")
    tail, head = pieces.tail, pieces.head
    both = cars & ~one_way
    part = _parts(np.concatenate([tail[cars], head[both]]), np.concatenate([head[cars], tail[both]]), strong=True)
    inside = part == np.bincount(part).argmax()
    if inside.sum() < 2:
        raise RoadError("No two places can be driven between, there and back.", code="TOC-5305")
    inside = np.concatenate([inside, np.zeros(int(max(tail.max(), head.max())) + 1 - len(inside), dtype=np.bool_)])
    keep = cars & inside[tail] & inside[head]
    near = keep | ~cars
    weak = _parts(tail[near], head[near], strong=False)
    joined = np.zeros(len(inside), dtype=np.bool_)
    joined[: len(weak)] = np.isin(weak, np.unique(weak[np.flatnonzero(inside)]))
    keep |= ~cars & joined[tail]
    gone = ~keep
    nodes = np.union1d(tail, head).size - np.union1d(tail[keep], head[keep]).size
    parts = np.unique(_parts(tail[gone], head[gone], strong=False)[tail[gone]]).size if gone.any() else 0
    dropped = _Dropped(nodes, int(np.where(one_way[gone], 1, 2).sum()), parts)
    return Pieces(tail[keep], head[keep], pieces.first[keep], pieces.last[keep], pieces.line[keep]), dropped


def _parts(tail: NDArray[np.int64], head: NDArray[np.int64], *, strong: bool) -> NDArray[np.int64]:
    """The connected part of each node, up to the highest that is named."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count = int(max(tail.max(), head.max())) + 1
    graph = csr_array((np.ones(len(tail), np.int8), (tail, head)), shape=(count, count))
    _, part = connected_components(graph, directed=strong, connection="strong")
    return np.asarray(part, dtype=np.int64)


def _for_cars(tags: RoadTags) -> bool:
    if not tags.access & NoAccess.MOTOR:
        return True
    return bool(tags.flags & RoadFlag.PRIVATE) and not tags.access & NoAccess.EMERGENCY


def _assemble(
    extract: Extract,
    edges: _Edges,
    dropped: _Dropped,
    frame: _Frame,
) -> Roads:
    used = np.union1d(edges.tail, edges.head)
    number = np.full(len(frame.refs), -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    where = np.zeros(len(frame.refs), dtype=np.int64)
    where[frame.node_of] = np.arange(len(frame.node_of))
    x, y = project(frame.origin, frame.lonlat[where[used], 0], frame.lonlat[where[used], 1])
    points = frame.lonlat[edges.points]
    names, name_of = _names(extract, edges.name_of)
    arrays: dict[str, NDArray[Any]] = {
        "node_xy": np.column_stack([x, y]).astype(np.float64),
        "edge_tail": number[edges.tail].astype(np.int32),
        "edge_head": number[edges.head].astype(np.int32),
        "edge_class": edges.column["road_class"].astype(np.uint8),
        "edge_name": name_of,
        "edge_flags": edges.column["flags"].astype(np.uint8),
        "edge_max_height_cm": edges.column["height_cm"].astype(np.uint16),
        "edge_max_width_cm": edges.column["width_cm"].astype(np.uint16),
        "edge_max_weight_kg": edges.column["weight_kg"].astype(np.uint32),
        "edge_access": edges.column["access"].astype(np.uint8),
        "edge_layer": edges.column["layer"].astype(np.int8),
        "geom_xy": np.column_stack(project(frame.origin, points[:, 0], points[:, 1])).astype(np.float32),
        "geom_start": edges.start.astype(np.int32),
    }
    arcs, ends = _arcs(arrays, edges)
    arrays |= arcs
    vias = {rule.via for rule in extract.restrictions if rule.via > 0}
    via_node = {
        ref: int(node) for ref, node in zip(frame.refs[used].tolist(), range(len(used)), strict=True) if ref in vias
    }
    turns = resolve(
        extract.restrictions, via_node, ArcEnds(list(via_node.values()), arrays["arc_tail"], arrays["arc_head"], *ends)
    )
    if len(turns.arc_from):
        arrays |= {"turn_from": turns.arc_from, "turn_to": turns.arc_to}
    return Roads(arrays, names, turns, dropped.nodes, dropped.arcs, dropped.parts, extract.reversible_ways)


def _arcs(
    arrays: dict[str, NDArray[Any]],
    edges: _Edges,
) -> tuple[dict[str, NDArray[Any]], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Directed arcs by tail, and the OSM ways each begins and ends on; a one-way edge has tail→head alone."""
    back = np.flatnonzero(~edges.one_way)
    edge = np.concatenate([np.arange(len(edges.tail)), back])
    tail = np.concatenate([arrays["edge_tail"], arrays["edge_head"][back]])
    head = np.concatenate([arrays["edge_head"], arrays["edge_tail"][back]])
    speed = np.concatenate([edges.along, edges.against[back]])
    first = np.concatenate([edges.first_way, edges.last_way[back]])
    last = np.concatenate([edges.last_way, edges.first_way[back]])
    order = np.argsort(tail, kind="stable")
    edge = edge[order]
    return {
        "arc_tail": tail[order],
        "arc_head": head[order],
        "arc_length_m": edges.length[edge].astype(np.float32),
        "arc_speed_mps": speed[order].astype(np.float32),
        "arc_class": arrays["edge_class"][edge],
        "arc_edge": edge.astype(np.int32),
        "arc_name": arrays["edge_name"][edge],
        "arc_flags": arrays["edge_flags"][edge],
    }, (first[order], last[order])


def _names(extract: Extract, owner: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int32]]:
    """Street names, the first empty, and each edge's index into them."""
    index: dict[str, int] = {"": 0}
    of_tags = np.zeros(len(extract.road_tags), dtype=np.int32)
    for k in np.unique(owner).tolist():
        of_tags[k] = index.setdefault(extract.road_tags[k].name, len(index))
    return list(index), of_tags[owner]
