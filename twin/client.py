"""Road questions from an event loop: ``await`` a route, a time or a table; the loop itself never computes one.

One owner thread per profile, started on the first question for it. Every answer carries the epoch it is true at.
A change handed in with ``update`` is in force within milliseconds; who must not have an older answer says
``fresh=True``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from twin.hierarchy import Backend
from twin.network import RoadNetwork
from twin.owners import Owners
from twin.profiles import Profile, profile
from twin.road_state import RoadState
from twin.route import NoRoute, Route
from twin.snap import Place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.routing import RoutingService

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Travel times in seconds, inf where there is no way, and the epoch they are true at."""

    seconds: NDArray[np.float64]
    epoch: int


@dataclass(frozen=True, slots=True)
class Eta:
    """One travel time in seconds, inf where there is no way, and the epoch it is true at."""

    seconds: float
    epoch: int


class RoutingClient:
    """The road service for an event loop; belongs to the loop's thread. ``close`` ends its threads.

    ``order_cache`` and ``backend`` as in :class:`twin.owners.Owners`; until the order is there, scipy answers.
    """

    def __init__(
        self,
        network: RoadNetwork,
        *,
        order_cache: Path | None = None,
        state: RoadState | None = None,
        backend: Backend = "auto",
    ) -> None:
        self.owners = Owners(network, order_cache=order_cache, state=state, backend=backend)

    @property
    def state(self) -> RoadState:
        """The newest state handed in; an owner may still be a moment behind."""
        return self.owners.state

    @property
    def epochs(self) -> dict[str, int]:
        """The epoch each profile's owner answers at now."""
        return self.owners.epochs

    @property
    def degraded(self) -> str:
        """Why the fast engine does not serve everybody; "" while it does."""
        return self.owners.degraded

    def update(self, state: RoadState) -> None:
        """Hands a new state to every owner and returns at once; RoadError TOC-5206 for links that join nothing."""
        self.owners.update(state)

    async def settle(self) -> int:
        """Waits until every owner answers at the newest state; its epoch."""
        await asyncio.gather(*(self._ask(who, lambda _: None, True) for who in self.owners.asked))
        return self.owners.state.epoch

    async def route(
        self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False, fresh: bool = False
    ) -> Route | NoRoute:
        """As ``RoutingService.route``."""
        known = profile(who)
        value, _ = await self._ask(known, lambda s: s.route(known, start, end, enter_closed=enter_closed), fresh)
        return value

    async def routes(
        self,
        who: str | Profile,
        start: Place,
        end: Place,
        *,
        count: int = 3,
        enter_closed: bool = False,
        fresh: bool = False,
    ) -> tuple[Route, ...]:
        """As ``RoutingService.routes``: the quickest way and different ones."""
        known = profile(who)

        def question(service: RoutingService) -> tuple[Route, ...]:
            return service.routes(known, start, end, count=count, enter_closed=enter_closed)

        return (await self._ask(known, question, fresh))[0]

    async def eta(
        self, who: str | Profile, start: Place, end: Place, *, enter_closed: bool = False, fresh: bool = False
    ) -> Eta:
        """The travel time from one place to another."""
        known = profile(who)
        return Eta(*await self._ask(known, lambda s: s.eta(known, start, end, enter_closed=enter_closed), fresh))

    async def pairs(
        self,
        who: str | Profile,
        pairs: Sequence[tuple[Place, Place]],
        *,
        enter_closed: bool = False,
        fresh: bool = False,
    ) -> Times:
        """The travel time of each (start, end) pair in one question; seconds float64 (p,), one epoch for all."""
        known = profile(who)

        def question(service: RoutingService) -> NDArray[np.float64]:
            return np.array([service.eta(known, a, b, enter_closed=enter_closed) for a, b in pairs], dtype=np.float64)

        return Times(*await self._ask(known, question, fresh))

    async def matrix(
        self,
        who: str | Profile,
        sources: Sequence[Place],
        targets: Sequence[Place],
        *,
        enter_closed: bool = False,
        fresh: bool = False,
    ) -> Times:
        """As ``RoutingService.matrix``; seconds float64 (s, t)."""
        known = profile(who)

        def question(service: RoutingService) -> NDArray[np.float64]:
            return service.matrix(known, sources, targets, enter_closed=enter_closed)

        return Times(*await self._ask(known, question, fresh))

    async def etas(
        self,
        who: str | Profile,
        sources: Sequence[Place],
        target: Place,
        *,
        enter_closed: bool = False,
        fresh: bool = False,
    ) -> Times:
        """As ``RoutingService.etas``; seconds float64 (s,)."""
        table = await self.matrix(who, sources, [target], enter_closed=enter_closed, fresh=fresh)
        return Times(table.seconds[:, 0], table.epoch)

    async def close(self) -> None:
        """Answers what was asked, then ends every thread and a running order computation."""
        await asyncio.to_thread(self.owners.close)

    def _ask(
        self, who: Profile, question: Callable[[RoutingService], Value], fresh: bool
    ) -> asyncio.Future[tuple[Value, int]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Value, int]] = loop.create_future()

        def settle(value: Value, epoch: int, error: BaseException | None) -> None:
            if future.done():  # whoever asked has been cancelled
                return
            if error is None:
                future.set_result((value, epoch))
            else:
                future.set_exception(error)

        def deliver(value: Value, epoch: int, error: BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, value, epoch, error)

        self.owners.ask(who, question, deliver, fresh=fresh)
        return future
