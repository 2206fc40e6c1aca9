"""How far a delivery got, when it is tried again, and the key that makes a repeat harmless. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from picture.entry import canonical

Rung = Literal["queued", "handed_over", "delivered", "seen", "accepted", "failed", "dead"]
RUNGS: Final[dict[str, int]] = {
    "queued": 0, "failed": 0, "dead": 0, "handed_over": 1, "delivered": 2, "seen": 3, "accepted": 4,
}  # fmt: skip
"""How much is known to have reached the recipient; a delivery never goes down."""


class Slot(NamedTuple):
    """One delivery: an alert to a recipient on a channel. Sorts as a replay needs it."""

    alert: str
    recipient: str
    channel: str


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a failed delivery is tried again: ``first_ms`` doubled each time, up to ``cap_ms``."""

    first_ms: int = 1_000
    cap_ms: int = 300_000
    attempts: int = 8
    """After this many failures a delivery is dead."""

    def wait_ms(self, attempts: int, key: str) -> int:
        """Milliseconds to wait after so many failures: three quarters to five quarters of the step, by the key.

        The spread keeps a gateway that comes back from being hit by everybody at once, and is the same in a replay.
        """
        step_ms = min(self.cap_ms, self.first_ms << min(max(attempts - 1, 0), 30))
        spread = int.from_bytes(hashlib.sha256(f"{key}:{attempts}".encode()).digest()[:4])
        return step_ms * 3 // 4 + step_ms * spread // (2 * 2**32)


def idempotency_key(world: str, stream: str, slot: Slot) -> str:
    """32 hex digits, the same for every attempt of one delivery and for no other; carried in every message."""
    return hashlib.sha256(canonical(["tocsin.delivery/1", world, stream, *slot])).hexdigest()[:32]
