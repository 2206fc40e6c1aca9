"""The fast engine: customizable contraction hierarchies by RoutingKit.

Binding rules, each learnt from a reproduced failure (routingkit-cch 0.1.4):

* errors arrive as ``PanicException``, a BaseException: ids are validated before, the rest translated here;
* query and updater objects are thread-bound, and a metric cannot change while a query lives: queries are
  dropped before every change and never leave this object;
* a query refuses to run while its last result lives: results are read out and dropped at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import current_thread, get_ident
from typing import TYPE_CHECKING

import numpy as np
import routingkit_cch as kit

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.engines import Ends

_NOWHERE = np.inf


def _named(error: BaseException) -> BaseException:
    """RoadError TOC-5201 for RoutingKit's PanicException, every other exception itself."""
    # A node out of range is OverflowError or TypeError at the border: our fault, too, but not a broken engine.
    return RoadError(str(error), code="TOC-5201") if type(error).__name__ == "PanicException" else error


@contextmanager
def _panics_named() -> Iterator[None]:
    """Turns RoutingKit's PanicException into RoadError TOC-5201 and lets every other exception through."""
    try:
        yield
    except BaseException as error:
        raise _named(error) from None


def inertial_order(node_xy: NDArray[np.float64], tail: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.int32]:
    """Elimination order int32 (n,) by inertial separators. Holds the GIL for seconds: not for a server."""
    with _panics_named():
        order = kit.compute_order_inertial(
            len(node_xy), tail.tolist(), head.tolist(), node_xy[:, 1].tolist(), node_xy[:, 0].tolist()
        )
    return np.asarray(order, dtype=np.int32)


class CchTopology:
    """The contracted network, shared by the engines of all profiles; 50 ms for 60,000 nodes."""

    def __init__(self, order: NDArray[np.int32], tail: NDArray[np.int32], head: NDArray[np.int32]) -> None:
        if not np.array_equal(np.sort(order), np.arange(len(order))):
            raise RoadError("The elimination order is not a permutation of the nodes.", code="TOC-5201")
        with _panics_named():
            self.cch = kit.CCH(order.tolist(), tail.tolist(), head.tolist(), False)
        self.node_count, self.arc_count = len(order), len(tail)
        self.tail: list[int] = tail.tolist()


class CchEngine:
    """One customized metric over a topology; answers in microseconds."""

    name = "cch"

    def __init__(self, topology: CchTopology, ticks: NDArray[np.int64]) -> None:
        self._check(ticks, topology.arc_count)
        with _panics_named():
            self._metric = kit.CCHMetric(topology.cch, ticks.tolist())
        self._topology = topology
        self._count = topology.arc_count
        self._tail = topology.tail
        self._query: kit.CCHQuery | None = None
        self._owner = get_ident()

    def _enter(self) -> None:
        """Only the owner's thread may come near a query: one dropped elsewhere locks the metric for ever."""
        if get_ident() != self._owner:
            raise RoadError(current_thread().name, code="TOC-5202")

    @staticmethod
    def _check(ticks: NDArray[np.int64], count: int) -> None:
        if len(ticks) != count or (count and (int(ticks.min()) < 0 or int(ticks.max()) > 2_147_483_647)):
            raise RoadError("Weights must be one number from 0 to 2147483647 per arc.", code="TOC-5201")

    def reset(self, ticks: NDArray[np.int64]) -> None:
        """All weights anew; 15 ms for 60,000 nodes. At rest, in any thread."""
        if self._query is not None:
            self._enter()
        self._check(ticks, self._count)
        self._query = None
        with _panics_named():
            self._metric.reset(ticks.tolist())

    def patch(self, arcs: NDArray[np.int32], ticks: NDArray[np.int64]) -> None:
        """New weights for a few arcs that lie close together; 0.2 to 3 ms at any size of network."""
        self._enter()
        self._check(ticks, len(arcs))
        self._query = None
        with _panics_named():
            # An updater is bound to its thread and costs 3 µs: never keep one.
            updater = kit.CCHMetricPartialUpdater(self._topology.cch)
            updater.apply(self._metric, dict(zip(arcs.tolist(), ticks.tolist(), strict=True)))

    def rest(self) -> None:
        """Lets go of the query, so that another thread may change the weights; call in the owning thread."""
        self._enter()
        self._query = None

    def distance(self, sources: Ends, targets: Ends) -> int | None:
        """Ticks with offsets of a shortest way, None where there is none; 10 to 30 µs."""
        if not sources or not targets:
            return None
        self._enter()
        # The hot path: written out, for a context manager costs a tenth of the search.
        try:
            if self._query is None:
                self._query = kit.CCHQuery(self._metric)
            result = self._query.run_multi(sources, targets)
            ticks: int | None = result.distance
            del result
        except BaseException as error:
            raise _named(error) from None
        return ticks

    def path(self, sources: Ends, targets: Ends) -> tuple[int, list[int], int] | None:
        """(ticks with offsets, arc ids, start node) of a shortest way, None where there is none."""
        if not sources or not targets:
            return None
        self._enter()
        with _panics_named():
            if self._query is None:
                self._query = kit.CCHQuery(self._metric)
            result = self._query.run_multi(sources, targets)
            ticks = result.distance
            if ticks is None:
                del result
                return None
            arcs = result.arc_path
            # Unpacking the nodes as well would cost as much as half the search.
            start = self._tail[arcs[0]] if arcs else result.node_path[0]
            del result
        return ticks, arcs, start

    def table(self, sources: Sequence[Ends], targets: Sequence[Ends]) -> NDArray[np.float64]:
        """Ticks from each source to each target with offsets; float64 (s, t), inf where there is no way.

        The larger side is pinned (three times faster); pinned places have no offsets in RoutingKit, so each
        is pinned by its ways off or on, and its offsets are added to the answer.
        """
        self._enter()
        answer = np.full((len(sources), len(targets)), _NOWHERE)
        if len(sources) >= len(targets):
            self._sweep(sources, targets, answer, many_to_one=True)
        else:
            self._sweep(targets, sources, answer.T, many_to_one=False)
        return answer

    def sweep(self, ends: Ends, *, towards: bool) -> NDArray[np.float64]:
        """Ticks with offsets from the nearest of ``ends`` to every node, or ``towards`` them; float64 (n,), or inf.

        One walk down the hierarchy however many ends there are; 9 ms for 70,000 nodes.
        """
        self._enter()
        count = self._topology.node_count
        if not ends:
            return np.full(count, _NOWHERE)
        every = list(range(count))
        with _panics_named():
            found = (
                kit.CCHManyToOne(self._metric, every).distances_to_multi(ends)
                if towards
                else kit.CCHOneToMany(self._metric, every).distances_from_multi(ends)
            )
        # None (no way) becomes nan.
        ticks = np.array(found, dtype=np.float64)
        ticks[np.isnan(ticks)] = _NOWHERE
        return ticks

    def _sweep(
        self, pinned: Sequence[Ends], swept: Sequence[Ends], answer: NDArray[np.float64], *, many_to_one: bool
    ) -> None:
        """Fills ``answer`` (pinned, swept), one sweep of the hierarchy per swept place."""
        rows = [row for row, ends in enumerate(pinned) if ends]
        if not rows:
            return
        columns = [column for column, ends in enumerate(swept) if ends]
        counts = np.array([len(pinned[row]) for row in rows], dtype=np.intp)
        first: NDArray[np.intp] = np.cumsum(counts) - counts
        nodes = [node for row in rows for node, _ in pinned[row]]
        offset = np.array([ticks for row in rows for _, ticks in pinned[row]], dtype=np.float64)
        with _panics_named():
            sweep: Callable[[list[tuple[int, int]]], list[int | None]] = (
                kit.CCHManyToOne(self._metric, nodes).distances_to_multi
                if many_to_one
                else kit.CCHOneToMany(self._metric, nodes).distances_from_multi
            )
            reach = [sweep(list(swept[column])) for column in columns]
        # None (no way) becomes nan, which fmin passes over.
        ticks = np.array(reach, dtype=np.float64).reshape(len(columns), len(nodes)) + offset
        best = np.fmin.reduceat(ticks, first, axis=1)
        answer[np.ix_(rows, columns)] = np.where(np.isnan(best), _NOWHERE, best).T
