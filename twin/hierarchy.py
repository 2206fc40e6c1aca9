"""What all metrics over one city share: its network with temporary links, its split crossings and its order.

One per city, used by any number of services in any threads. The elimination order is computed once in a child
process; links laid later keep it (a rebuild costs 50 ms at 63,000 nodes, a new order seconds).
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from picture.errors import RoadError
from twin.engines.order import load_order, order_of, start_order_process
from twin.network import Link, RoadNetwork
from twin.turns import TurnGraph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin.engines.cch import CchTopology

Backend = Literal["auto", "scipy"]


@dataclass(slots=True, eq=False)
class Layout:
    """One set of temporary links: the network, what the engines search, and its hierarchy once there is one."""

    network: RoadNetwork
    graph: TurnGraph
    topology: CchTopology | None = None


class Hierarchy:
    """The order of a network and the layouts over it. Every method may be called from any thread.

    ``order_cache`` is where the order is kept. What is not there is computed by a child process, without a path
    into a scratch file; or, with ``here``, without a path here and now. ``backend="scipy"`` never has one.
    ``why_not`` says in plain words why there is no fast engine, "" where there is one.
    """

    def __init__(self, network: RoadNetwork, order_cache: Path | None, backend: Backend, *, here: bool = False) -> None:
        self.why_not = "scipy was asked for"
        self._cache = order_cache
        self._lock = threading.Lock()
        self._order: NDArray[np.int32] | None = None
        self._job: subprocess.Popen[bytes] | None = None
        self._base = Layout(network, TurnGraph(network))
        self._laid: Layout | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        if backend == "auto":
            self._prepare(network, here)

    def _prepare(self, network: RoadNetwork, here: bool) -> None:
        try:
            import twin.engines.cch  # noqa: F401 (whether it can be loaded on this system)
        except ImportError as error:
            self.why_not = f"RoutingKit cannot be loaded: {error}"
            return
        order = load_order(self._cache, network) if self._cache else None
        if order is None and (self._cache is not None or not here):
            if self._cache is None:
                self._scratch = tempfile.TemporaryDirectory(prefix="tocsin-order-")
                self._cache = Path(self._scratch.name) / "order.npy"
            self._job = start_order_process(network.pack.path, self._cache)
            self.why_not = "the order of the roads is being computed"
        else:
            self._adopt(order if order is not None else order_of(network))

    def _adopt(self, order: NDArray[np.int32]) -> None:
        self._order = order
        try:
            for layout in (self._base, self._laid):
                if layout is not None:
                    layout.topology = self._contracted(layout.graph)
            self.why_not = ""
        except RoadError as error:
            self._order, self.why_not = None, error.message

    def _contracted(self, graph: TurnGraph) -> CchTopology | None:
        from twin.engines.cch import CchTopology

        return None if self._order is None else CchTopology(self._order, graph.tail, graph.head)

    @property
    def waiting(self) -> bool:
        """Whether an order is being computed."""
        return self._job is not None

    def poll(self) -> None:
        """Takes the order into use if it has arrived."""
        if self._job is None:
            return
        with self._lock:
            job = self._job
            if job is None or job.poll() is None:
                return
            order = load_order(self._cache, self._base.network) if self._cache else None
            if order is None:
                self.why_not = f"the order of the roads could not be computed (exit status {job.returncode})"
            else:
                self._adopt(order)
            self._job = None
            self._forget_scratch()

    def _forget_scratch(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def wait(self, timeout_s: float) -> bool:
        """Whether the fast engine can serve, after waiting at most ``timeout_s`` for its order."""
        job = self._job
        if job is not None:
            try:
                job.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return False
            self.poll()
        return not self.why_not

    def layout(self, links: tuple[Link, ...]) -> Layout:
        """The network with these links, and without any the very one that was given."""
        if links == self._base.network.links:
            return self._base
        with self._lock:
            if self._laid is None or self._laid.network.links != links:
                network = RoadNetwork(self._base.network.pack, links)
                graph = TurnGraph(network)
                self._laid = Layout(network, graph, self._contracted(graph))
            return self._laid

    def close(self) -> None:
        """Ends a running order computation."""
        with self._lock:
            if self._job is not None:
                self._job.kill()
                self._job.wait()
                self._job = None
            self._forget_scratch()
