"""The plain engine, Dijkstra by scipy: serves until the fast one can, and checks it in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.engines import Ends

_LIMIT = 2_147_483_646
_NO_PREDECESSOR = -9999


class ScipyEngine:
    """Exact answers in milliseconds; a change of weights costs one array write."""

    name = "scipy"

    def __init__(
        self, node_count: int, tail: NDArray[np.int32], head: NDArray[np.int32], ticks: NDArray[np.int64]
    ) -> None:
        self._nodes = node_count
        # A sparse matrix holds one number per (tail, head): parallel arcs share a slot with their minimum.
        key = tail.astype(np.int64) * node_count + head
        self._by_slot = np.argsort(key, kind="stable")
        slots, self._slot_start = np.unique(key[self._by_slot], return_index=True)
        self._slot_key = slots
        self._indices = (slots % node_count).astype(np.int32)
        rows = slots // node_count
        self._indptr = np.searchsorted(rows, np.arange(node_count + 1)).astype(np.int32)
        self._tail = tail
        self.reset(ticks)

    def reset(self, ticks: NDArray[np.int64]) -> None:
        """All weights anew; int64 (m,)."""
        if len(ticks) != len(self._by_slot):
            raise RoadError("Weights must be one number per arc.", code="TOC-5201")
        self._ticks = ticks.copy()
        self._rebuild()

    def patch(self, arcs: NDArray[np.int32], ticks: NDArray[np.int64]) -> None:
        """New weights for a few arcs."""
        self._ticks[arcs] = ticks
        self._rebuild()

    def _rebuild(self) -> None:
        weights = self._ticks[self._by_slot]
        data = np.minimum.reduceat(weights, self._slot_start) if len(weights) else weights
        # In a sparse graph scipy takes a stored 0 for a way of no length, which is what is meant.
        self._graph = csr_array(
            (data.astype(np.float64), self._indices, self._indptr),
            shape=(self._nodes, self._nodes),
        )

    def rest(self) -> None:
        """Nothing here is bound to a thread."""

    def distance(self, sources: Ends, targets: Ends) -> int | None:
        """Ticks with offsets of a shortest way, None where there is none."""
        ticks = float(self.table([sources], [targets])[0, 0])
        return None if ticks == np.inf else round(ticks)

    def path(self, sources: Ends, targets: Ends) -> tuple[int, list[int], int] | None:
        """(ticks with offsets, arc ids, start node) of a shortest way, None where there is none."""
        if not sources or not targets:
            return None
        nodes = [node for node, _ in sources]
        reach, before = dijkstra(self._graph, indices=nodes, limit=_LIMIT, return_predecessors=True)
        total, row, target = min(
            (float(reach[row, node]) + leave + arrive, row, node)
            for row, (_, leave) in enumerate(sources)
            for node, arrive in targets
        )
        if total > _LIMIT:
            return None
        arcs: list[int] = []
        node = target
        while node != nodes[row]:
            previous = int(before[row, node])
            if previous == _NO_PREDECESSOR:
                return None
            arcs.append(self._best_arc(previous, node))
            node = previous
        return round(total), arcs[::-1], nodes[row]

    def _best_arc(self, tail: int, head: int) -> int:
        """The quickest of the parallel arcs; the lowest id among equals."""
        slot = int(np.searchsorted(self._slot_key, tail * self._nodes + head))
        end = int(self._slot_start[slot + 1]) if slot + 1 < len(self._slot_start) else len(self._by_slot)
        arcs = self._by_slot[int(self._slot_start[slot]) : end]
        return int(arcs[int(np.argmin(self._ticks[arcs]))])

    def table(self, sources: Sequence[Ends], targets: Sequence[Ends]) -> NDArray[np.float64]:
        """Ticks from each source to each target with offsets; float64 (s, t), inf where there is no way."""
        turned = len(targets) < len(sources)
        rows, columns = (targets, sources) if turned else (sources, targets)
        answer = np.full((len(rows), len(columns)), np.inf)
        graph = self._graph.T.tocsr() if turned else self._graph
        starts = sorted({node for ends in rows for node, _ in ends})
        owner = np.array([column for column, ends in enumerate(columns) for _ in ends], dtype=np.intp)
        if starts and len(owner):
            place = {node: row for row, node in enumerate(starts)}
            reach = np.atleast_2d(dijkstra(graph, indices=starts, limit=_LIMIT))
            onward = reach[:, [node for ends in columns for node, _ in ends]]
            onward = onward + np.array([ticks for ends in columns for _, ticks in ends], dtype=np.float64)
            for row, ends in enumerate(rows):
                for node, ticks in ends:
                    np.minimum.at(answer[row], owner, onward[place[node]] + ticks)
        answer[answer > _LIMIT] = np.inf
        return answer.T if turned else answer

    def sweep(self, ends: Ends, *, towards: bool) -> NDArray[np.float64]:
        """Ticks with offsets from the nearest of ``ends`` to every node, or ``towards`` them; float64 (n,), or inf."""
        if not ends:
            return np.full(self._nodes, np.inf)
        graph = self._graph.T.tocsr() if towards else self._graph
        reach = np.atleast_2d(dijkstra(graph, indices=[node for node, _ in ends], limit=_LIMIT))
        reach += np.array([[ticks] for _, ticks in ends], dtype=np.float64)
        nearest: NDArray[np.float64] = reach.min(axis=0)
        nearest[nearest > _LIMIT] = np.inf
        return nearest
