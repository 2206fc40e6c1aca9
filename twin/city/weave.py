"""One road graph out of lines and streets: crossings become nodes, near nodes one, dead stubs go, the core stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from twin.city.mainroads import KMH, Line
from twin.city.shapes import Floats, tenth
from twin.city.streets import Streets
from twin.pack import RoadFlag

Ints = NDArray[np.int64]
MERGE_M = 14.0
STUB_M = 34.0


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes (n, 2) and edges running tail→head with class, flags, speed and course; ``bends`` between the ends."""

    xy: Floats
    tail: Ints
    head: Ints
    road_class: Ints
    flags: Ints
    kmh: Ints
    course: Ints
    bends: list[Floats]

    def only(self, keep: NDArray[np.bool_]) -> Graph:
        """The graph of some of its edges and of the nodes they use."""
        used, ends = np.unique(np.concatenate([self.tail[keep], self.head[keep]]), return_inverse=True)
        half = len(ends) // 2
        return Graph(
            self.xy[used],
            ends[:half],
            ends[half:],
            self.road_class[keep],
            self.flags[keep],
            self.kmh[keep],
            self.course[keep],
            [self.bends[k] for k in np.flatnonzero(keep)],
        )


@dataclass(slots=True)
class _Threads:
    """Straight pieces: ends, class, flags, speed, course, and whether they pass above or below what they cross."""

    a: Floats
    b: Floats
    facts: Ints  # (n, 4): class, flags, kmh, course
    above: NDArray[np.bool_]


def weave(lines: list[Line], streets: Streets) -> tuple[Graph, dict[int, str]]:
    """The strongly connected road graph, and the names of the courses that were drawn with one."""
    threads, named = _threads(lines, streets)
    graph = _graph(_split_at_crossings(threads))
    graph = _without_stubs(graph)
    return _contracted(_core(graph)), named


def _threads(lines: list[Line], streets: Streets) -> tuple[_Threads, dict[int, str]]:
    names: dict[str, int] = {}
    a, b, facts, above = [], [], [], []
    for line in lines:
        where, xy = line.vertices()
        for k in range(len(xy) - 1):
            part = line.stretch_at((where[k] + where[k + 1]) / 2)
            flags = (part.flags if part else 0) | (RoadFlag.ONE_WAY if line.one_way else 0)
            course = names.setdefault(part.name if part else line.name, 20_000_000 + len(names))
            a.append(xy[k])
            b.append(xy[k + 1])
            facts.append((line.road_class, int(flags), line.kmh or KMH[line.road_class], course))
            above.append(part.above if part else line.above)
    local = np.column_stack([streets.road_class, streets.flags, streets.kmh, streets.course])
    threads = _Threads(
        np.vstack([np.array(a), streets.a]),
        np.vstack([np.array(b), streets.b]),
        np.vstack([np.array(facts), local]),
        np.append(above, np.zeros(len(streets.a), dtype=bool)),
    )
    return threads, {course: name for name, course in names.items()}


def _split_at_crossings(threads: _Threads) -> _Threads:
    """The same threads cut wherever two at the same level cross."""
    level = np.flatnonzero(~threads.above)
    i, j = _near_pairs(threads.a[level], threads.b[level])
    i, j = level[i], level[j]
    r, s = threads.b[i] - threads.a[i], threads.b[j] - threads.a[j]
    gap = threads.a[j] - threads.a[i]
    cross = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
    safe = np.where(np.abs(cross) < 1e-6, 1, cross)
    t = (gap[:, 0] * s[:, 1] - gap[:, 1] * s[:, 0]) / safe
    u = (gap[:, 0] * r[:, 1] - gap[:, 1] * r[:, 0]) / safe
    hit = (np.abs(cross) >= 1e-6) & (t > 0) & (t < 1) & (u > 0) & (u < 1)
    i, j, t, u = i[hit], j[hit], t[hit], u[hit]
    point = tenth(threads.a[i] + (threads.b[i] - threads.a[i]) * t[:, None])
    owner = np.concatenate([np.arange(len(threads.a)), i, j])
    share = np.concatenate([np.zeros(len(threads.a)), t, u])
    start = np.vstack([threads.a, point, point])
    order = np.lexsort((share, owner))
    owner, start = owner[order], start[order]
    last = np.append(owner[1:] != owner[:-1], True)
    stop = np.where(last[:, None], threads.b[owner], np.roll(start, -1, axis=0))
    return _Threads(start, stop, threads.facts[owner], threads.above[owner])


def _near_pairs(a: Floats, b: Floats, cell_m: float = 110.0) -> tuple[Ints, Ints]:
    """Pairs of segments whose boxes share a grid cell."""
    low = (np.minimum(a, b) // cell_m).astype(np.int64)
    high = (np.maximum(a, b) // cell_m).astype(np.int64)
    where, which = [], []
    span = high - low
    for dx in range(int(span[:, 0].max()) + 1):
        for dy in range(int(span[:, 1].max()) + 1):
            has = np.flatnonzero((span[:, 0] >= dx) & (span[:, 1] >= dy))
            where.append((low[has, 0] + dx + 5000) * 10_000 + low[has, 1] + dy + 5000)
            which.append(has)
    cell, segment = np.concatenate(where), np.concatenate(which)
    order = np.argsort(cell, kind="stable")
    cell, segment = cell[order], segment[order]
    pairs = []
    for step in range(1, int(np.bincount(np.unique(cell, return_inverse=True)[1]).max())):
        same = np.flatnonzero(cell[step:] == cell[:-step])
        if len(same):
            pairs.append(np.column_stack([segment[same], segment[same + step]]))
    unique = np.unique(np.sort(np.vstack(pairs), axis=1), axis=0)
    return unique[:, 0], unique[:, 1]


def _graph(threads: _Threads) -> Graph:
    """Nodes where ends meet or nearly meet; of parallel edges between the same nodes the most important."""
    ends = np.vstack([threads.a, threads.b])
    xy, node = np.unique(np.round(ends * 10).astype(np.int64), axis=0, return_inverse=True)
    node = node.reshape(-1)
    points = xy / 10
    rank = np.full(len(points), 9)
    np.minimum.at(rank, node, np.tile(threads.facts[:, 0], 2))
    fixed = np.zeros(len(points), dtype=bool)
    fixed[node[np.tile(threads.above, 2)]] = True
    into = _merged(points, rank, fixed)
    tail, head = into[node[: len(threads.a)]], into[node[len(threads.a) :]]
    order = np.lexsort((np.arange(len(tail)), threads.facts[:, 0]))
    low, high = np.minimum(tail, head)[order], np.maximum(tail, head)[order]
    _, first = np.unique(low * len(points) + high, return_index=True)
    keep = np.sort(order[first])
    keep = keep[tail[keep] != head[keep]]
    facts = threads.facts[keep]
    graph = Graph(
        points,
        tail[keep],
        head[keep],
        facts[:, 0],
        facts[:, 1],
        facts[:, 2],
        facts[:, 3],
        [np.zeros((0, 2))] * len(keep),
    )
    return graph.only(np.ones(len(keep), dtype=bool))


def _merged(points: Floats, rank: Ints, fixed: NDArray[np.bool_]) -> Ints:
    """For each node the node it becomes: near ones gather on the most important of them."""
    into = np.arange(len(points))
    pairs = cKDTree(points).query_pairs(MERGE_M, output_type="ndarray")
    pairs = np.sort(pairs, axis=1)
    gap = ((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2).sum(axis=1)
    for p, q in pairs[np.lexsort((pairs[:, 1], pairs[:, 0], np.round(gap, 2)))]:
        a, b = int(p), int(q)
        while into[a] != a:
            a = int(into[a])
        while into[b] != b:
            b = int(into[b])
        away = points[a] - points[b]
        if a == b or (fixed[a] and fixed[b]) or away @ away > (1.6 * MERGE_M) ** 2:
            continue
        if (fixed[b], -rank[b], -b) > (fixed[a], -rank[a], -a):
            a, b = b, a
        into[b] = a
    for k in range(len(into)):
        while into[k] != into[into[k]]:
            into[k] = into[into[k]]
    return into


def _lengths(graph: Graph) -> Floats:
    gap = graph.xy[graph.tail] - graph.xy[graph.head]
    length: Floats = np.sqrt((gap**2).sum(axis=1))
    return length


def _without_stubs(graph: Graph) -> Graph:
    """The graph without short dead ends of streets."""
    for _ in range(2):
        degree = np.bincount(np.concatenate([graph.tail, graph.head]), minlength=len(graph.xy))
        loose = (degree[graph.tail] == 1) | (degree[graph.head] == 1)
        graph = graph.only(~(loose & (graph.road_class >= 3) & (_lengths(graph) < STUB_M)))
    return graph


def _core(graph: Graph) -> Graph:
    """The largest part of the graph in which every node reaches every other by car."""
    back = (graph.flags & RoadFlag.ONE_WAY) == 0
    start = np.concatenate([graph.tail, graph.head[back]])
    stop = np.concatenate([graph.head, graph.tail[back]])
    matrix = coo_matrix((np.ones(len(start)), (start, stop)), shape=(len(graph.xy), len(graph.xy)))
    _, label = connected_components(matrix, directed=True, connection="strong")
    core = label == np.bincount(label).argmax()
    return graph.only(core[graph.tail] & core[graph.head])


def _contracted(graph: Graph, longest_m: float = 170.0) -> Graph:
    """The graph with bends of main roads as geometry instead of nodes."""
    tail, head = graph.tail.copy(), graph.head.copy()
    bends, length = list(graph.bends), _lengths(graph)
    at: list[list[int]] = [[] for _ in graph.xy]
    for k, (a, b) in enumerate(zip(tail, head, strict=True)):
        at[a].append(k)
        at[b].append(k)
    facts = np.column_stack([graph.road_class, graph.flags, graph.kmh, graph.course])
    alive = np.ones(len(tail), dtype=bool)
    for node in range(len(at)):
        if len(at[node]) != 2:
            continue
        one, two = at[node]
        long = 2000 if facts[one][1] & (RoadFlag.BRIDGE | RoadFlag.UNDERPASS) else longest_m
        if one == two or (facts[one] != facts[two]).any() or facts[one][0] > 3 or length[one] + length[two] > long:
            continue
        if tail[one] == node:
            one, two = two, one
        if tail[one] == node or tail[two] != node:
            if facts[one][1] & RoadFlag.ONE_WAY:
                continue
            one, two = _facing(one, two, node, tail, head, bends)
        if head[two] == tail[one]:
            continue
        bends[one] = np.vstack([bends[one], graph.xy[node][None, :], bends[two]])
        length[one] += length[two]
        head[one] = head[two]
        alive[two] = False
        at[head[two]][at[head[two]].index(two)] = one
        at[node] = []
    return Graph(graph.xy, tail, head, graph.road_class, graph.flags, graph.kmh, graph.course, bends).only(alive)


def _facing(one: int, two: int, node: int, tail: Ints, head: Ints, bends: list[Floats]) -> tuple[int, int]:
    """The two edges turned so that the first ends and the second starts at the node."""
    for edge, at_head in ((one, True), (two, False)):
        if (head[edge] == node) != at_head:
            tail[edge], head[edge] = head[edge], tail[edge]
            bends[edge] = bends[edge][::-1]
    return one, two
