"""k of n distinct within a time, in event time: what has been seen, and whether it is enough.

Time is the newest event seen, so a replay gives the same answer whatever the clock. A window fires once when it fills
and again only after it has drained; late events count where they belong, and older ones than the window not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Hit:
    """One event that satisfied the window's condition."""

    at_ms: int
    source: str
    subject: str
    words: str
    citizens: bool = False
    """Whether nobody but citizens said it: it counts, and fills no window alone."""


@dataclass(slots=True)
class _Pane:
    hits: dict[Hashable, Hit] = field(default_factory=dict)
    newest_ms: int = 0
    full: bool = False


@dataclass(slots=True)
class DistinctWindow:
    """Counts different things within ``within_ms`` of the newest, per key."""

    within_ms: int
    at_least: int
    sources: int = 1
    """How many independent sources the counted events must come from."""
    panes: dict[Hashable, _Pane] = field(default_factory=dict)

    def add(self, key: Hashable, distinct: Hashable, hit: Hit) -> tuple[Hit, ...]:
        """The hits that filled the window with this one; empty while it is not full, or was full already."""
        pane = self.panes.setdefault(key, _Pane())
        self._forget(pane, max(pane.newest_ms, hit.at_ms))
        if hit.at_ms <= pane.newest_ms - self.within_ms:
            return ()
        known = pane.hits.get(distinct)
        if known is None or known.at_ms <= hit.at_ms:
            doubted = hit.citizens and (known is None or known.citizens)
            pane.hits[distinct] = hit if hit.citizens == doubted else replace(hit, citizens=doubted)
        full = self._enough(pane.hits.values()) and not all(one.citizens for one in pane.hits.values())
        fires = full and not pane.full
        pane.full = full
        return tuple(sorted(pane.hits.values(), key=lambda one: (one.at_ms, one.words))) if fires else ()

    def _enough(self, hits: Collection[Hit]) -> bool:
        return len(hits) >= self.at_least and len({one.source for one in hits}) >= self.sources

    def held(self, key: Hashable) -> tuple[Hit, ...]:
        """What the window holds for a key now, oldest first."""
        pane = self.panes.get(key)
        return tuple(sorted(pane.hits.values(), key=lambda one: (one.at_ms, one.words))) if pane else ()

    def rearm(self) -> None:
        """Forgets everything: what fired it is dealt with."""
        self.panes.clear()

    def _forget(self, pane: _Pane, newest_ms: int) -> None:
        pane.newest_ms = newest_ms
        old = [name for name, hit in pane.hits.items() if hit.at_ms <= newest_ms - self.within_ms]
        for name in old:
            del pane.hits[name]
        if len(pane.hits) < self.at_least:
            pane.full = False


@dataclass(slots=True)
class Latch:
    """Whether all of several clauses fired within a time of each other."""

    within_ms: int
    count: int
    fired: dict[int, Hit] = field(default_factory=dict)

    def set(self, index: int, hit: Hit) -> tuple[Hit, ...]:
        """The hits of all clauses once each has one within the time; empty before, and the latch opens again."""
        self.fired[index] = hit
        newest = max(one.at_ms for one in self.fired.values())
        self.fired = {key: one for key, one in self.fired.items() if one.at_ms > newest - self.within_ms}
        if len(self.fired) < self.count:
            return ()
        hits = tuple(self.fired[key] for key in sorted(self.fired))
        self.fired = {}
        return hits
