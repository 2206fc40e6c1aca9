"""What was not accepted, as it is journalled: the first of its kind in full, repeats within the minute counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

HEAD_BYTES: Final = 1024
MINUTE_MS: Final = 60_000
UNKNOWN_FEED: Final = "inbox"
"""Stands for the source where no credential named one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not accepted: why, how large, its SHA-256 and at most 1 KiB of it."""

    feed: str
    code: str
    detail: str
    size: int
    sha256: str
    head: bytes
    at_ms: int
    repeats: int = 1
    minute_ms: int = 0
    """Start of the minute that ``repeats`` counts; 0 for one refusal by itself."""


def refusal(feed: str, code: str, detail: str, body: bytes, at_ms: int, *, size: int | None = None) -> Refusal:
    """The refusal of this body. ``size`` says how large it claimed to be where it was not read to its end."""
    digest = hashlib.sha256(body).hexdigest()
    return Refusal(feed, code, detail[:500], len(body) if size is None else size, digest, body[:HEAD_BYTES], at_ms)


class RefusalMeter:
    """Lets the first refusal per source, code and minute through, and counts the rest until the minute is over.

    Pure of any clock: the refusals' own ``at_ms`` and ``due(now_ms)`` move it. It holds one entry per source and code.
    """

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], Refusal] = {}
        self._minutes: dict[tuple[str, str], int] = {}

    def note(self, refusal: Refusal) -> tuple[Refusal, ...]:
        """What is to be journalled now: the count of an earlier minute that is over, and this one if it is a first."""
        key = (refusal.feed, refusal.code)
        minute = refusal.at_ms // MINUTE_MS * MINUTE_MS
        if self._minutes.get(key) == minute:
            counted = self._counted.get(key)
            repeats = 1 if counted is None else counted.repeats + 1
            self._counted[key] = replace(refusal, repeats=repeats, minute_ms=minute)
            return ()
        self._minutes[key] = minute
        earlier = self._counted.pop(key, None)
        return (refusal,) if earlier is None else (earlier, refusal)

    def due(self, now_ms: int) -> tuple[Refusal, ...]:
        """The counts of minutes that ended, oldest first; each is given once, with the last repeat as its example."""
        minute = now_ms // MINUTE_MS * MINUTE_MS
        over = [key for key, started in self._minutes.items() if started < minute]
        for key in over:
            del self._minutes[key]
        ended = [self._counted.pop(key) for key in over if key in self._counted]
        return tuple(sorted(ended, key=lambda each: (each.minute_ms, each.feed, each.code)))
