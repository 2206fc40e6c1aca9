"""What is due when: a heap ordered by due time, then cause, then order of arrival, so that a replay is exact."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count


@dataclass(order=True, slots=True)
class Due:
    """Something that will happen at ``at_ms``; ``cause`` orders what is due at the same instant."""

    at_ms: int
    cause: str
    number: int
    what: Callable[[], object] = field(compare=False)


class Agenda:
    """The core's only timetable."""

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._count = count()

    def add(self, at_ms: int, cause: str, what: Callable[[], object]) -> None:
        """Plans a call; ``cause`` names why (``1-message``, ``5-timer:T-3``) and orders ties."""
        heapq.heappush(self._heap, Due(at_ms, cause, next(self._count), what))

    def next_ms(self) -> int | None:
        """When the next thing is due, or None."""
        return self._heap[0].at_ms if self._heap else None

    def pop(self) -> Due:
        """Takes the next thing off; an empty agenda is an ``IndexError``."""
        return heapq.heappop(self._heap)

    def __len__(self) -> int:
        return len(self._heap)
