"""How many messages a feed's own numbers say were lost on their way here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MOST_SENDERS: Final = 1_000
"""Whose last numbers are kept; the one not heard of for longest gives way."""


class Gaps:
    """Follows numbers that go up by one and begin again after ``last``; one count for each sender."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._heard: dict[str, int] = {}

    def note(self, numbered: Iterable[tuple[str, int]]) -> int:
        """How many numbers these leave out. The first of a sender, a repeat and one from before leave out none."""
        missing = 0
        for sender, number in numbered:
            before = self._heard.pop(sender, None)
            self._heard[sender] = number
            if before is not None:
                ahead = (number - before) % self._last
                # Further ahead than half the round is a number from before: late, not lost.
                missing += ahead - 1 if 0 < ahead <= self._last // 2 else 0
        while len(self._heard) > MOST_SENDERS:
            del self._heard[next(iter(self._heard))]
        return missing
