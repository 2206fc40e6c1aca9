"""How a drill's clock is moved: at a pace, step by step, by a jump, or as fast as the core can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from console import commands as c
from console.core import Core, JournalAwayError

LONGEST_SLEEP_S = 0.25
OnFault = Callable[[str, Exception], None]
"""(what failed, with what)."""


class Pacer:
    """Runs a core's agenda against the real clock. Virtual time never runs ahead of what has been done."""

    def __init__(self, core: Core, *, speed: float = 1.0, on_fault: OnFault | None = None) -> None:
        """``speed`` is virtual seconds a second; 0: as fast as it can.

        A step that fails is told to ``on_fault`` and the clock goes on; without one it ends the run.
        """
        self._core = core
        self._on_fault = on_fault
        self.speed = speed
        self.paused = False
        self._stopped = False
        self._anchor_real = time.monotonic()
        self._anchor_ms = core.now_ms()
        self._wake: asyncio.Event | None = None

    @property
    def stopped(self) -> bool:
        """Whether the clock stands for good: the exercise is over, or its runner let go."""
        return self._stopped or bool(self._core.home.drill.stopped)

    def stop(self) -> None:
        """Ends ``run``."""
        self._stopped = True
        if self._wake is not None:
            self._wake.set()

    def target_ms(self) -> int:
        """Where the clock should be now."""
        if self.paused or self.stopped:
            return self._core.now_ms()
        return self._anchor_ms + round((time.monotonic() - self._anchor_real) * 1000 * self.speed)

    def catch_up(self) -> None:
        """Brings the clock to now without doing what is due: before a command, so that it is stamped right."""
        due = self._core.agenda.next_ms()
        target = self.target_ms()
        self._core.clock.advance_to(target if due is None else min(target, due))

    def control(self, command: c.ControlDrill) -> None:
        """Pause, resume, speed, step, jump, stop."""
        self._re_anchor()
        if command.action == "pause":
            self.paused = True
        elif command.action == "resume":
            self.paused = False
        elif command.action == "speed" and command.speed is not None:
            self.speed = command.speed
        elif command.action == "step":
            self._step()
        elif command.action == "jump" and command.by_s is not None:
            self._run_to(self._core.now_ms() + round(command.by_s * 1000))
        elif command.action == "stop":
            self.stop()
        self._re_anchor()
        if self._wake is not None:
            self._wake.set()

    def _run_to(self, to_ms: int) -> None:
        while not self.stopped and (due := self._core.agenda.next_ms()) is not None and due <= to_ms:
            if not self._step():
                return
        if not self.stopped:
            self._core.clock.advance_to(to_ms)

    def _step(self) -> bool:
        """Whether it is worth going on at once: not while the journal is away."""
        try:
            self._core.step()
        except JournalAwayError:
            return False
        except Exception as error:
            # The supervisor of the drill's timetable: one broken step must not stand the whole exercise still.
            if self._on_fault is None:
                raise
            self._on_fault("a step of the drill's timetable", error)
        return True

    def _re_anchor(self) -> None:
        self._anchor_real = time.monotonic()
        self._anchor_ms = self._core.now_ms()

    async def run(self) -> None:
        """Does what is due when it is due, until the exercise is stopped."""
        self._wake = asyncio.Event()
        self._re_anchor()
        while not self.stopped:
            due = self._core.agenda.next_ms()
            target = self.target_ms()
            if due is not None and not self.paused and (due <= target or self.speed == 0):
                await asyncio.sleep(0 if self._step() else LONGEST_SLEEP_S)
                continue
            wait_s = LONGEST_SLEEP_S
            if due is not None and not self.paused and self.speed > 0:
                wait_s = min(wait_s, max((due - target) / 1000 / self.speed, 0.001))
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                continue
