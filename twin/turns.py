"""Forbidden turns as plain topology: the crossings they stand at are split, all others stay as they are.

An arc from which some turns are forbidden ends at a copy of its crossing that lacks the forbidden ways on. The
engines then need no notion of turns, and the hierarchy hardly grows (63,000 nodes, 3,085 restrictions: +5 %).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.network import RoadNetwork


class TurnGraph:
    """What the engines search: the network's arcs, then copies of arcs that leave the split crossings.

    ``tail``, ``head`` int32 (k,) node ids below ``node_count``; ``arc_of`` int32 (k,) is the network's arc of
    each, the arc itself for the first m. ``base_node`` int32 (node_count,) the crossing of each node. Raises
    RoadError TOC-5204 where a forbidden turn joins arcs that do not meet.
    """

    def __init__(self, network: RoadNetwork) -> None:
        self.arc_count = network.arc_count
        turn_from, turn_to = network.optional("turn_from"), network.optional("turn_to")
        forbidden = self._forbidden(network, turn_from, turn_to)
        copies: dict[tuple[int, frozenset[int]], int] = {}
        self.head = network.arc_head.copy()
        for arc in sorted(forbidden):
            node = int(network.arc_head[arc])
            self.head[arc] = copies.setdefault((node, forbidden[arc]), network.node_count + len(copies))
        self.node_count = network.node_count + len(copies)
        self.base_node = np.concatenate(
            (np.arange(network.node_count, dtype=np.int32), np.array([node for node, _ in copies], dtype=np.int32))
        )
        self._at: dict[int, list[int]] = {}
        self._before: dict[int, list[int]] = {}
        self._copy_arcs(network, copies)

    @staticmethod
    def _forbidden(
        network: RoadNetwork, turn_from: NDArray[np.integer] | None, turn_to: NDArray[np.integer] | None
    ) -> dict[int, frozenset[int]]:
        if turn_from is None or turn_to is None:
            return {}
        last = min(int(turn_from.min()), int(turn_to.min())), max(int(turn_from.max()), int(turn_to.max()))
        if len(turn_from) != len(turn_to) or last[0] < 0 or last[1] >= network.first_dormant:
            raise RoadError("A forbidden turn names a road that does not exist.", code="TOC-5204")
        if not np.array_equal(network.arc_head[turn_from], network.arc_tail[turn_to]):
            raise RoadError("A forbidden turn joins roads that do not meet.", code="TOC-5204")
        found: dict[int, set[int]] = {}
        for before, after in zip(turn_from.tolist(), turn_to.tolist(), strict=True):
            found.setdefault(before, set()).add(after)
        return {arc: frozenset(turns) for arc, turns in found.items()}

    def _copy_arcs(self, network: RoadNetwork, copies: dict[tuple[int, frozenset[int]], int]) -> None:
        """Copies the permitted ways on from every split crossing."""
        leaving: dict[int, list[int]] = {node: [] for node, _ in copies}
        if copies:
            split = np.isin(network.arc_tail, list(leaving))
            for arc in np.flatnonzero(split).tolist():
                leaving[int(network.arc_tail[arc])].append(arc)
        tails, arcs = list[int](), list[int]()
        for (node, turns), copy in copies.items():
            self._at.setdefault(node, [node]).append(copy)
            for arc in leaving[node]:
                before = self._before.setdefault(arc, [node])
                if arc not in turns:
                    before.append(copy)
                    tails.append(copy)
                    arcs.append(arc)
        more = np.array(arcs, dtype=np.int32)
        self._copied = more
        self.arc_of = np.concatenate((np.arange(self.arc_count, dtype=np.int32), more))
        self.tail = np.concatenate((network.arc_tail, np.array(tails, dtype=np.int32)))
        self.head = np.concatenate((self.head, self.head[more]))

    @cached_property
    def ends(self) -> list[int]:
        """The node at which each of the network's arcs ends, for walks in Python."""
        ends: list[int] = self.head[: self.arc_count].tolist()
        return ends

    def before(self, arc: int, tail: int) -> list[int]:
        """The nodes from which an arc that leaves crossing ``tail`` may be entered."""
        return self._before.get(arc) or [tail]

    def at(self, node: int) -> list[int]:
        """The nodes that stand for a crossing."""
        return self._at.get(node) or [node]

    def spread(self, ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Weights int64 (m,) of the network's arcs for all arcs here (k,)."""
        return ticks if not len(self._copied) else ticks[self.arc_of]

    def spread_few(
        self, arcs: NDArray[np.int32], ticks: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The given arcs, without repetition, and their copies, with the weight of each."""
        if not len(self._copied):
            return arcs, ticks
        copies = np.flatnonzero(np.isin(self._copied, arcs))
        order = np.argsort(arcs)
        place = order[np.searchsorted(arcs, self._copied[copies], sorter=order)]
        more = (self.arc_count + copies).astype(np.int32)
        return np.concatenate((arcs, more)), np.concatenate((ticks, ticks[place]))
