"""Road questions from one plain thread that waits for the answer: what a synchronous core asks.

The computing is done by the owner threads. Handing in a change costs nothing; a question waits for every change that
was handed in before it, so the same questions in the same order have the same answers, run after run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from picture.errors import RoadError
from twin.client import Eta, Times
from twin.hierarchy import Backend
from twin.network import RoadNetwork
from twin.owners import Owners
from twin.profiles import Profile, profile
from twin.road_state import RoadState
from twin.route import NoRoute, Route
from twin.snap import Place, Snapper

if TYPE_CHECKING:
    from twin.routing import RoutingService

Value = TypeVar("Value")

LONGEST_S = 60.0
"""A question takes milliseconds; one that takes a minute will not come, and whoever waits must go on."""


class WaitingRoads:
    """Routes and travel times at the newest state handed in. Parameters as of :class:`twin.owners.Owners`.

    ``avoid`` in every question closes these edges for that answer alone.
    """

    def __init__(
        self,
        network: RoadNetwork,
        *,
        order_cache: Path | None = None,
        state: RoadState | None = None,
        backend: Backend = "auto",
    ) -> None:
        self._network = network
        self.owners = Owners(network, order_cache=order_cache, state=state, backend=backend)

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Whether the fast engine serves, after waiting at most ``timeout_s`` for its order."""
        return self.owners.hierarchy.wait(timeout_s)

    @property
    def network(self) -> RoadNetwork:
        """The roads of the pack, without temporary links."""
        return self._network

    @property
    def snapper(self) -> Snapper:
        """The roads of motor vehicles to snap places to."""
        return self.owners.snappers.plain

    @property
    def state(self) -> RoadState:
        """The newest state handed in: what the next answer is true at."""
        return self.owners.state

    @property
    def epoch(self) -> int:
        """Journal cursor of ``state``."""
        return self.owners.state.epoch

    @property
    def degraded(self) -> str:
        """Why the fast engine does not serve everybody; "" while it does."""
        return self.owners.degraded

    def update(self, state: RoadState) -> None:
        """Hands in a new state and returns at once; one that nobody asked about before the next is passed over."""
        self.owners.update(state)

    def route(
        self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False, avoid: Iterable[int] = ()
    ) -> Route | NoRoute:
        """As ``RoutingService.route``."""
        known = profile(who)
        value, _ = self._ask(known, lambda s: s.route(known, start, end, enter_closed=enter_closed), avoid)
        return value

    def eta(
        self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False, avoid: Iterable[int] = ()
    ) -> Eta:
        """The travel time from one place to another, and its epoch."""
        known = profile(who)
        return Eta(*self._ask(known, lambda s: s.eta(known, start, end, enter_closed=enter_closed), avoid))

    def matrix(
        self,
        who: str | Profile,
        sources: Sequence[Place],
        targets: Sequence[Place],
        *,
        enter_closed: bool = False,
        avoid: Iterable[int] = (),
    ) -> Times:
        """As ``RoutingService.matrix``; seconds float64 (s, t), and their epoch."""
        known = profile(who)
        return Times(*self._ask(known, lambda s: s.matrix(known, sources, targets, enter_closed=enter_closed), avoid))

    def close(self) -> None:
        """Ends the owner threads."""
        self.owners.close()

    def _ask(
        self, who: Profile, question: Callable[[RoutingService], Value], avoid: Iterable[int]
    ) -> tuple[Value, int]:
        """RoadError TOC-5210 where no answer comes."""
        future: Future[tuple[Value, int]] = Future()
        shut = frozenset(avoid)

        def inside(service: RoutingService) -> Value:
            with service.avoiding(shut):
                return question(service)

        def deliver(value: Value, epoch: int, error: BaseException | None) -> None:
            if error is None:
                future.set_result((value, epoch))
            else:
                future.set_exception(error)

        self.owners.ask(who, inside if shut else question, deliver, fresh=True)
        try:
            return future.result(LONGEST_S)
        except TookTooLong as error:
            raise RoadError(f"{who.name}: nothing after {LONGEST_S:.0f} s.", code="TOC-5210") from error
