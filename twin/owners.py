"""The owner threads of one city, one per profile: asked and changed from any thread, started on the first question.

``twin.client`` asks them from an event loop, ``twin.waiting`` for a caller that waits. Nobody else needs them.
"""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twin.hierarchy import Backend, Hierarchy
from twin.network import RoadNetwork, check_links
from twin.owner import Deliver, MetricOwner, Question
from twin.profiles import Profile, profile
from twin.road_state import RoadState
from twin.snap import Snappers


class Owners:
    """Every profile's owner over one network, and the newest state they were handed. ``close`` ends their threads.

    ``order_cache`` and ``backend`` as in :class:`twin.routing.RoutingService`, but the order is never computed in
    the caller's thread: without a path it goes to a scratch file of the child process. Until it is there, scipy
    answers.
    """

    def __init__(
        self,
        network: RoadNetwork,
        *,
        order_cache: Path | None = None,
        state: RoadState | None = None,
        backend: Backend = "auto",
    ) -> None:
        self.hierarchy = Hierarchy(network, order_cache, backend)
        self.snappers = Snappers(network)
        self._network = network
        self._state = state or RoadState.free(network)
        self._lock = threading.Lock()
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="roads-builder")
        self._owners: dict[Profile, MetricOwner] = {}
        # A city that was forgotten must not leave threads behind that hold its roads.
        weakref.finalize(self, _end, self._owners, self._builder)

    @property
    def state(self) -> RoadState:
        """The newest state handed in; an owner may still be a moment behind."""
        return self._state

    @property
    def asked(self) -> tuple[Profile, ...]:
        """The profiles that somebody has asked for."""
        return tuple(self._owners)

    @property
    def epochs(self) -> dict[str, int]:
        """The epoch each profile's owner answers at now."""
        return {who.name: owner.epoch for who, owner in list(self._owners.items())}

    @property
    def degraded(self) -> str:
        """Why the fast engine does not serve everybody; "" while it does."""
        whys = (owner.degraded for owner in list(self._owners.values()) if owner.degraded)
        return self.hierarchy.why_not or next(whys, "")

    def of(self, who: str | Profile) -> MetricOwner:
        """The owner of a profile; RoadError TOC-5203 for a profile that there is not."""
        known = profile(who)
        with self._lock:
            owner = self._owners.get(known)
            if owner is None or not owner.alive:
                owner = MetricOwner(known, self.hierarchy, self.snappers, self._state, self._builder)
                self._owners[known] = owner
            return owner

    def update(self, state: RoadState) -> None:
        """Hands a new state to every owner and returns at once; RoadError TOC-5206 for links that join nothing."""
        check_links(state.links, self._network.node_count)
        with self._lock:
            self._state = state
            for owner in self._owners.values():
                owner.update(state)

    def ask(self, who: str | Profile, question: Question, deliver: Deliver, *, fresh: bool) -> None:
        """Has a question answered; ``fresh``: by every state that was handed in before."""
        self.of(who).ask(question, deliver, fresh)

    def close(self) -> None:
        """Answers what was asked, then ends every thread and a running order computation; waits for both."""
        with self._lock:
            owners = list(self._owners.values())
            self._owners.clear()
        for owner in owners:
            owner.close()
        self._builder.shutdown()
        self.hierarchy.close()


def _end(owners: dict[Profile, MetricOwner], builder: ThreadPoolExecutor) -> None:
    for owner in owners.values():
        owner.end()
    builder.shutdown(wait=False)
