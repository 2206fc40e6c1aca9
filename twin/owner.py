"""One thread that owns one metric: asked through a queue, changed on a back copy, never stopped by a change.

Rules, all learnt from RoutingKit (see ``twin.engines.cch``): queries live and die in one thread; a metric cannot
change while a query on it lives. So each owner has two services, live and back. Changes that queued are taken as
one, as soon as no question waits and after ``PATIENCE_S`` at the latest: worked out against the back copy, set
there, and the two are swapped. A small change is set by the owner in a millisecond; one of many arcs is set by a
builder thread, on a copy that nobody asks, while the owner answers on from the live one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from picture.errors import RoadError
from twin.engines.cch import CchEngine
from twin.hierarchy import Hierarchy
from twin.profiles import Profile
from twin.road_state import RoadState
from twin.routing import Planned, RoutingService
from twin.snap import Snappers

PATIENCE_S = 0.05
"""How long a change may wait while questions keep coming."""

Question = Callable[[RoutingService], Any]
Deliver = Callable[[Any, int, BaseException | None], None]
"""Called in the owner's thread with the value, the epoch it is true at, and the error if there is one."""


@dataclass(frozen=True, slots=True)
class _Asked:
    question: Question
    deliver: Deliver
    fresh: bool


class _Wake:
    """Something other than a question has come: a state, a finished build, the end."""


_WAKE = _Wake()


class MetricOwner:
    """The owner of one profile's metric. ``ask`` and ``update`` may be called from any thread, and never wait.

    ``epoch`` is that of the live metric, ``swaps`` counts the changes taken; ``degraded`` says why scipy answers
    now ("" while it does not), ``last_fault`` what went wrong last.
    """

    def __init__(
        self, who: Profile, hierarchy: Hierarchy, snappers: Snappers, state: RoadState, builder: Executor
    ) -> None:
        self.profile = who
        self._hierarchy, self._snappers, self._builder = hierarchy, snappers, builder
        self._queue: SimpleQueue[_Asked | _Wake] = SimpleQueue()
        self._lock = threading.RLock()  # a collector may end us in any thread, even one that holds it
        self._pending: RoadState | None = None
        self._pending_since_s = 0.0
        self._closing = False
        self._build: tuple[Planned, Future[None]] | None = None
        self._newest, self.epoch, self.swaps = state, state.epoch, 0
        self.degraded = self.last_fault = ""
        self._thread = threading.Thread(target=self._run, args=(state,), name=f"roads-{who.name}", daemon=True)
        self._thread.start()

    # --- from any thread ------------------------------------------------------------------------------------

    def ask(self, question: Question, deliver: Deliver, fresh: bool = False) -> None:
        """Has a question answered by the live metric; ``fresh``: once every state handed in before is in force."""
        with self._lock:
            if self._closing:
                raise RoadError("It has been closed.", code="TOC-5201")
            self._queue.put(_Asked(question, deliver, fresh))

    def update(self, state: RoadState) -> None:
        """Hands in a new state; one that has not been taken yet is replaced by it."""
        with self._lock:
            if self._pending is None:
                self._pending_since_s = time.monotonic()
            self._pending = state
        self._queue.put(_WAKE)

    @property
    def alive(self) -> bool:
        """Whether the thread still answers."""
        return not self._closing

    def close(self, timeout_s: float = 10.0) -> None:
        """Answers what was asked and ends the thread."""
        self.end()
        self._thread.join(timeout_s)

    def end(self) -> None:
        """As ``close`` without waiting."""
        with self._lock:
            self._closing = True
        self._queue.put(_WAKE)

    # --- in the owner's thread ------------------------------------------------------------------------------

    def _run(self, state: RoadState) -> None:
        self._back: RoutingService | None = None
        try:
            self._live = self._service(state)
            self._serve()
        except BaseException as error:  # supervisor: nobody may wait for a thread that is gone
            self.degraded = self.last_fault = str(error)
            with self._lock:
                self._closing = True
            while not self._queue.empty():
                item = self._queue.get()
                if isinstance(item, _Asked):
                    item.deliver(None, self.epoch, RoadError(self.last_fault, code="TOC-5201"))
        if self._build is not None:
            self._build[1].exception()
        # What is bound to this thread must end in it.
        for service in (getattr(self, "_live", None), self._back):
            if service is not None:
                service.close()

    def _serve(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, _Asked):
                self._answer(item)
            elif self._closing and self._queue.empty():
                return
            self._supervised(self._move_on)

    def _service(self, state: RoadState) -> RoutingService:
        # The network with links is found again through the hierarchy, by the state.
        return RoutingService(
            self._hierarchy.layout(()).network, hierarchy=self._hierarchy, snappers=self._snappers, state=state
        )

    def _answer(self, asked: _Asked) -> None:
        value: Any = None
        problem: BaseException | None = None
        try:
            if asked.fresh and self._change_is_on_its_way():
                self._supervised(lambda: self._apply(wait=True))
            value = asked.question(self._live)
        except Exception as error:  # supervisor: whoever asked is told, the thread carries on
            problem = error
        except BaseException as error:
            problem = RoadError(str(error), code="TOC-5201")
        self.degraded = self._live.degraded
        if problem is not None:
            # Frames would carry objects bound to this thread to wherever the error is kept.
            problem.__context__ = problem.__cause__ = None
            problem = problem.with_traceback(None)
        asked.deliver(value, self._live.epoch, problem)

    def _change_is_on_its_way(self) -> bool:
        return self._pending is not None or self._build is not None

    def _move_on(self) -> None:
        idle = self._queue.empty()
        waited = self._pending is not None and time.monotonic() - self._pending_since_s > PATIENCE_S
        built = self._build is not None and self._build[1].done()
        if built or (self._pending is not None and (idle or waited)):
            self._apply(wait=False)
        elif idle and self._back is None:
            self._ready_back()

    def _supervised(self, work: Callable[[], None]) -> None:
        """A change that fails on the back copy costs that copy: the live one is made anew on the newest state."""
        try:
            work()
        except BaseException as error:  # supervisor: no answer may stay at roads that have since been closed
            self.last_fault = str(error)
            with self._lock:
                state, self._pending = self._pending or self._newest, None
            self._build = self._back = None
            self._live = self._service(state)
            self._newest, self.epoch = state, state.epoch

    def _ready_back(self) -> RoutingService:
        if self._back is None or (self._back.degraded and not self._hierarchy.why_not):
            # A copy on which the fast engine broke is not mended but made anew.
            self._back = self._service(self._live.state)
        # The first change must not pay for what every change needs.
        self._back.lane(self.profile)
        _ = self._back.network.arc_cell
        return self._back

    def _apply(self, *, wait: bool) -> None:
        if self._build is not None:
            if not (wait or self._build[1].done()):
                return
            self._finish()
        with self._lock:
            state, self._pending = self._pending, None
        if state is None:
            return
        self._newest = state
        back = self._ready_back()
        planned = back.plan(state)
        change, lane = planned.changes.get(self.profile), back.lane(self.profile)
        long = change is not None and change.how == "reset" and isinstance(lane.engine, CchEngine)
        if change is None or wait or not long:
            back.take(planned)
            self._swap()
            return
        # From here to _finish the back engine is the builder's.
        lane.engine.rest()
        future = self._builder.submit(lane.engine.reset, lane.graph.spread(lane.after(change)))
        self._build = planned, future
        future.add_done_callback(lambda _: self._queue.put(_WAKE))

    def _finish(self) -> None:
        if self._build is None or self._back is None:
            return
        planned, future = self._build
        error = future.exception()
        self._build = None
        self._back.adopt(planned)
        if isinstance(error, RoadError):
            self._back.lane(self.profile).fall_back(error)
        elif error is not None:
            raise error
        self._swap()

    def _swap(self) -> None:
        if self._back is not None:
            self._live, self._back = self._back, self._live
            self.epoch = self._live.epoch
            self.swaps += 1
            self.degraded = self._live.degraded
            self.last_fault = self.degraded or self.last_fault
