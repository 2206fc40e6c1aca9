"""How far an import is: a share, what is being done, how fast, and how long it will still take."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]

_BYTES_PER_OBJECT = 38.0
"""Of a .osm.pbf, for each way and named point that is read; measured on five extracts, 28 to 62."""
_BYTES_PER_XML_OBJECT = 900.0


class Ticker:
    """Tells ``progress`` the words and a share that never falls. ``clock`` gives seconds from any start."""

    def __init__(self, progress: Progress, clock: Callable[[], float], size_bytes: int, *, pbf: bool) -> None:
        self._progress = progress
        self._clock = clock
        self._start = clock()
        self._expected = max(1.0, size_bytes / (_BYTES_PER_OBJECT if pbf else _BYTES_PER_XML_OBJECT))
        self._share = 0.0

    def step(self, words: str, share: float) -> None:
        """A new stage at this share of the whole."""
        self._tell(words, share)

    def count(self, words: str, done: int) -> None:
        """So many objects read; reading is the first 60 % of the whole, its length is estimated from the size."""
        seconds = max(self._clock() - self._start, 1e-3)
        self._tell(f"{words}: {done:,} objects, {done / seconds:,.0f} a second", 0.6 * min(0.97, done / self._expected))

    def _tell(self, words: str, share: float) -> None:
        self._share = max(self._share, min(1.0, share))
        seconds = self._clock() - self._start
        left = seconds * (1 - self._share) / self._share if self._share > 0.05 else 0.0
        self._progress(f"{words}, about {left:.0f} s left" if left >= 0.5 else words, self._share)
