"""Shortest-path engines behind one interface: RoutingKit CCH, and scipy as fallback and oracle.

May import numpy, scipy and routingkit_cch. Knows nodes, arcs and integer weights; no streets, vehicles or
water.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Ends = list[tuple[int, int]]
"""(node, ticks to or from it) pairs: the ways off, or onto, one place; empty where there is none."""


class Engine(Protocol):
    """Shortest paths of one profile over one topology with replaceable weights.

    Weights and answers are whole ticks; ``CLOSED`` (2147483647) or a sum reaching it means there is no way.
    An engine belongs to the thread that made it. May raise RoadError TOC-5201; it is then not to be used
    again.
    """

    name: str

    def reset(self, ticks: NDArray[np.int64]) -> None:
        """All weights anew; int64 (m,)."""

    def patch(self, arcs: NDArray[np.int32], ticks: NDArray[np.int64]) -> None:
        """New weights for a few arcs that lie close together."""

    def rest(self) -> None:
        """Lets go of whatever is bound to this thread; the engine can be asked again."""

    def distance(self, sources: Ends, targets: Ends) -> int | None:
        """Ticks with offsets of a shortest way, None where there is none."""

    def path(self, sources: Ends, targets: Ends) -> tuple[int, list[int], int] | None:
        """(ticks with offsets, arc ids, start node) of a shortest way, None where there is none."""

    def table(self, sources: Sequence[Ends], targets: Sequence[Ends]) -> NDArray[np.float64]:
        """Ticks from each source to each target with offsets; float64 (s, t), inf where there is no way."""

    def sweep(self, ends: Ends, *, towards: bool) -> NDArray[np.float64]:
        """Ticks with offsets from the nearest of ``ends`` to every node, or ``towards`` them; float64 (n,), or inf."""
