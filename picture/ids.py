"""Names for things: short, readable, and the same again in every replay of a drill."""

from __future__ import annotations

import hashlib
from collections import defaultdict


class Ids:
    """Hands out ``I-1001``, ``P-7`` … in order, per prefix; and opaque ids derived from a seed.

    Counters start at ``first`` and are moved on by ``saw`` when a journal is replayed, so that a restarted
    core goes on where it stopped. Nothing random: the same calls give the same ids.
    """

    def __init__(self, seed: str, first: dict[str, int] | None = None) -> None:
        self._seed = seed
        self._next: defaultdict[str, int] = defaultdict(lambda: 1, first or {})

    def new(self, prefix: str) -> str:
        """The next id with this prefix."""
        number = self._next[prefix]
        self._next[prefix] = number + 1
        return f"{prefix}-{number}"

    def saw(self, identifier: str) -> None:
        """Moves the counter past an id that is already in use; ids of other forms are ignored."""
        prefix, _, digits = identifier.rpartition("-")
        if prefix and digits.isascii() and digits.isdigit():  # "²" is a digit that no int can read
            self._next[prefix] = max(self._next[prefix], int(digits) + 1)

    def opaque(self, *parts: str) -> str:
        """A 32-digit hex id that depends on the seed and the parts only."""
        return hashlib.sha256("\x1f".join((self._seed, *parts)).encode()).hexdigest()[:32]
