"""How fast one client may speak: whoever is faster waits at the socket, and nobody else waits for them.

Every command that is refused is an entry, on disk before the answer: without this a script at one socket, even of
somebody who only looks on, fills the journal and takes the core's time from everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BURST, PER_S = 200, 100.0
"""What a client may send at once, and how many frames a second after that: no pair of hands comes near."""
LOOKING_BURST, LOOKING_PER_S = 20, 5.0
"""The same for somebody who only looks on."""


class Turnstile:
    """Lets frames through at a pace."""

    def __init__(self, burst: int, per_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._burst_s, self._each_s, self._now_s = burst / per_s, 1.0 / per_s, now_s
        self._free_s = now_s()
        """When the next frame would be through at the steady pace; ``burst`` frames may be ahead of it."""

    def wait_s(self) -> float:
        """How long the next frame has to wait, which is thereby counted."""
        now = self._now_s()
        self._free_s = max(self._free_s, now) + self._each_s
        return max(self._free_s - now - self._burst_s, 0.0)

    async def through(self) -> None:
        """Returns when the next frame may be heard."""
        wait_s = self.wait_s()
        if wait_s > 0:
            await asyncio.sleep(wait_s)


def turnstile_for(role: str) -> Turnstile:
    """A fresh one for a client of this role."""
    return Turnstile(LOOKING_BURST, LOOKING_PER_S) if role == "observer" else Turnstile(BURST, PER_S)
