"""Where something on a known way is at a given moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from picture.places import distance_m


@dataclass(frozen=True, slots=True)
class Course:
    """A way through time: positions (lon_e7, lat_e7) and when each is reached, in ms after setting off."""

    points: tuple[tuple[int, int], ...]
    at_ms: tuple[int, ...]

    @classmethod
    def along(cls, points: Sequence[tuple[int, int]], duration_ms: int) -> Course:
        """The way driven evenly in ``duration_ms``."""
        steps = [distance_m(*a, *b) for a, b in pairwise(points)]
        total = sum(steps) or 1.0
        done, times = 0.0, [0]
        for step in steps:
            done += step
            times.append(round(duration_ms * done / total))
        return cls(tuple(points), tuple(times))

    def at(self, elapsed_ms: int) -> tuple[int, int]:
        """Where one is this long after setting off; the end thereafter."""
        k = bisect_right(self.at_ms, elapsed_ms)
        if k == 0 or k >= len(self.points):
            return self.points[0 if k == 0 else -1]
        (ax, ay), (bx, by) = self.points[k - 1], self.points[k]
        span = max(self.at_ms[k] - self.at_ms[k - 1], 1)
        share = (elapsed_ms - self.at_ms[k - 1]) / span
        return round(ax + (bx - ax) * share), round(ay + (by - ay) * share)
