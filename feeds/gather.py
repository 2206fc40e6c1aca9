"""What a fetched list of alerts holds: the messages in it that are new, and which ones stand in it.

Publishers list alerts (Atom, RSS, GeoJSON) and take out of the list what is over, often without a word. Which messages
are new is remembered by their digest only while they are listed, so that one that comes back is heard again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import httpx

from feeds.config import FeedConfig

Name = tuple[str, str]
"""(sender, identifier) of an alert."""


@dataclass(frozen=True, slots=True)
class Part:
    """One alert of a list: its bytes, and as far as they can be read whose it is, when it was sent, what it names."""

    raw: bytes
    name: Name | None = None
    sent_ms: int = 0
    names: tuple[Name, ...] = ()
    """Earlier messages that it refers to: what they said is not missing from the list."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one list gave."""

    messages: tuple[bytes, ...]
    """Those that were not delivered before, in the order in which they were sent."""
    listed: frozenset[Name] | None = None
    """All that stands in it; None where that could not be read whole, so that nothing may be said to be missing."""
    why: str = ""
    """What could not be fetched, in words."""
    digests: frozenset[bytes] = field(default=frozenset(), repr=False)


class Gatherer(Protocol):
    """Reads the lists of one polled feed. Lives as long as the feed is polled."""

    async def gather(self, body: bytes) -> Gathered:
        """What the list in ``body`` holds; never raises for what it says or for what the far end does."""
        ...

    def taken(self, gathered: Gathered) -> None:
        """Call it once the core has taken the messages: they are not given again while they are listed."""
        ...


NewGatherer = Callable[[FeedConfig, httpx.AsyncClient, Random], Gatherer]


class Novelty:
    """Which alerts of a feed's lists were delivered already."""

    def __init__(self) -> None:
        self._delivered: frozenset[bytes] = frozenset()

    def of(self, parts: Iterable[Part], why: str = "") -> Gathered:
        """The list's news. Where a part cannot be named or ``why`` says what is missing, the list is not whole."""
        found = sorted(parts, key=lambda part: part.sent_ms)
        digests = {hashlib.sha256(part.raw).digest(): part for part in found}
        messages = tuple(part.raw for digest, part in digests.items() if digest not in self._delivered)
        whole = not why and all(part.name is not None for part in found)
        listed = {name for part in found for name in (part.name, *part.names) if name is not None}
        return Gathered(messages, frozenset(listed) if whole else None, why, frozenset(digests))

    def taken(self, gathered: Gathered) -> None:
        """Remembers what is listed now, and forgets what is not."""
        self._delivered = gathered.digests
