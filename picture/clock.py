"""Time as everything below the edges sees it: integer milliseconds since the epoch, from a clock passed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time of one world."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z in this world."""
        ...


class MovingClock(Clock, Protocol):
    """A clock that never goes back, and that a journal read again brings to where it was."""

    def advance_to(self, at_ms: int) -> None:
        """From now on it tells ``at_ms`` or later."""
        ...


class SystemClock:
    """The clock on the wall, for a live world."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteadyClock:
    """A live world's clock: the wall's, but it never goes back.

    Where the wall's clock is set back, this one runs on at ``SLEW`` of its pace until the two meet again: time that
    stood still would hold up every deadline. ``advance_to`` is for a journal that was written later than the wall's
    clock says now.
    """

    SLEW = 0.5

    def __init__(self, wall: Callable[[], int] | None = None, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        wall = wall or SystemClock().now_ms
        self._wall, self._elapsed_s = wall, elapsed_s
        self._told = float(wall())
        self._since_s = elapsed_s()

    def now_ms(self) -> int:
        since_s = self._elapsed_s()
        slewed = self._told + (since_s - self._since_s) * 1000 * self.SLEW
        self._told, self._since_s = max(float(self._wall()), slewed), since_s
        return int(self._told)

    def advance_to(self, at_ms: int) -> None:
        self._told = max(self._told, float(at_ms))

    def ahead_ms(self) -> int:
        """How far the wall's clock lies behind; 0 while it does not."""
        return max(self.now_ms() - self._wall(), 0)


class VirtualClock:
    """A drill's clock: it stands still until somebody moves it, and never goes back."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance_to(self, at_ms: int) -> None:
        self._now_ms = max(self._now_ms, at_ms)


_FIRST_MS, _LAST_MS = -62_135_510_400_000, 253_402_214_400_000
"""A day inside the years 1 and 9999, so that every zone has a time there too."""


def to_ms(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime; a naive one is a ``ValueError``."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is not a time")
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_ms(at_ms: int) -> datetime:
    """The aware UTC datetime of epoch milliseconds; the ends of the calendar for what lies beyond them.

    A source may claim any instant, and one absurd entry must not keep a journal from being shown.
    """
    at_ms = min(max(at_ms, _FIRST_MS), _LAST_MS)
    return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)


def rfc3339(at_ms: int) -> str:
    """``2026-11-20T18:04:05.120Z``; whole seconds are written without a fraction."""
    text = from_ms(at_ms).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at_ms % 1000:03d}Z" if at_ms % 1000 else f"{text}Z"
