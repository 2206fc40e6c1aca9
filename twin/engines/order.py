"""The elimination order of the fast engine: computed once per network in its own process, kept in a file.

``python -m twin.engines.order PACK OUT`` computes it: the computation holds the GIL for seconds and would
stall every thread of a serving process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twin.turns import TurnGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.network import RoadNetwork


def load_order(path: Path, network: RoadNetwork) -> NDArray[np.int32] | None:
    """The kept order int32 (n,), or None where it is absent, damaged or of another network."""
    try:
        with path.open("rb") as file:
            digest = np.load(file, allow_pickle=False)
            order = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if digest.tobytes() != network.topology_digest or not _is_order(order, TurnGraph(network).node_count):
        return None
    return np.asarray(order, dtype=np.int32)


def _is_order(order: NDArray[np.int32], count: int) -> bool:
    return order.shape == (count,) and np.array_equal(np.sort(order), np.arange(count))


def order_of(network: RoadNetwork) -> NDArray[np.int32]:
    """The elimination order of a network's roads, split crossings included; int32, seconds, holds the GIL."""
    from twin.engines.cch import inertial_order

    graph = TurnGraph(network)
    # Dormant arcs and links add no neighbours that an order could care for; it must not depend on them.
    lasting = graph.arc_of < network.first_dormant
    return inertial_order(network.node_xy[graph.base_node], graph.tail[lasting], graph.head[lasting])


def save_order(path: Path, network: RoadNetwork, order: NDArray[np.int32]) -> None:
    """Keeps an order beside its pack; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, np.frombuffer(network.topology_digest, dtype=np.uint8))
            np.save(file, order.astype(np.int32))
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def compute_order(pack_path: Path, out: Path) -> None:
    """Computes the order of a pack's roads and keeps it in ``out``; about a second for 30,000 nodes."""
    from twin.network import RoadNetwork
    from twin.pack import CityPack

    network = RoadNetwork(CityPack.open(pack_path))
    save_order(out, network, order_of(network))


def start_order_process(pack_path: Path, out: Path) -> subprocess.Popen[bytes]:
    """A running child process that computes the order; poll it, then load ``out``."""
    return subprocess.Popen(
        [sys.executable, "-m", "twin.engines.order", str(pack_path), str(out)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    compute_order(Path(sys.argv[1]), Path(sys.argv[2]))
