"""How much of what citizens report is shown one by one; the rest becomes a counted line a minute, and is kept whole.

The messages of a line lie sealed in the blob store under digests that its entries name; ``opened`` gives them back.
"""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from feeds.config import Waiting
from feeds.intake import Accepted
from picture import events as ev
from picture.entry import Entry
from picture.errors import InputError, JournalError
from picture.reports import Report

MINUTE_MS: Final = 60_000
_SCHEMA: Final = "tocsin.counted/1"
_STORE_FULL: Final = "TOC-3107"
_NO_ROOM: Final = "TOC-2011"
_ABOUT_1_KM: Final = 100_000
"""1e-7 degrees of the cells in which reports are gathered to say where most of them come from."""


class Store(Protocol):
    """The part of a blob store that a counted line needs."""

    def put(self, value: bytes, *, source: str, scope: str, retention: str) -> str: ...
    def get(self, name: str) -> bytes | None: ...


@dataclass(slots=True)
class _Line:
    """What one feed sent over its quota and is not journalled yet."""

    minute_ms: int
    messages: list[bytes] = field(default_factory=list)
    count: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)


class Quota:
    """Counts reports by feed and by origin within the minute of the world's clock.

    A report that names no origin counts for its feed alone. Nothing outlives its minute, so what it holds is bounded
    by what may be shown in one.
    """

    def __init__(self, feeds: Mapping[str, Waiting]) -> None:
        self._feeds = {name: spec for name, spec in feeds.items() if spec.quota_feed}
        self._minute: dict[str, int] = {}
        self._shown: Counter[str] = Counter()
        self._by_origin: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def over(self, feed: str, reports: Iterable[Report], now_ms: int) -> bool:
        """Whether a message goes over its feed's quota or its origin's; one that does not is counted as shown."""
        spec = self._feeds.get(feed)
        if spec is None:
            return False
        minute = now_ms // MINUTE_MS
        if self._minute.get(feed) != minute:
            self._minute[feed], self._shown[feed], self._by_origin[feed] = minute, 0, Counter()
        origins = Counter(getattr(one, "origin", "") for one in reports)
        told = self._by_origin[feed]
        if self._shown[feed] + origins.total() > spec.quota_feed or any(
            origin and told[origin] + count > spec.quota_source for origin, count in origins.items()
        ):
            return True
        self._shown[feed] += origins.total()
        told.update(origins)
        return False


class CountedLines:
    """Gathers what is over quota until it is journalled."""

    def __init__(self, store: Store, describe: Callable[[float, float], str]) -> None:
        """``describe`` gives the words for a place in degrees (lon, lat)."""
        self._store = store
        self._describe = describe
        self._lines: dict[str, _Line] = {}

    def held(self, feed: str) -> int:
        """Messages of this feed that wait to be journalled."""
        line = self._lines.get(feed)
        return len(line.messages) if line else 0

    def add(self, feed: str, message: Accepted, now_ms: int) -> None:
        """Takes a message into its feed's line; it is safe once ``take`` was journalled."""
        line = self._lines.setdefault(feed, _Line(now_ms // MINUTE_MS * MINUTE_MS))
        line.messages.append(message.raw)
        line.count += len(message.reports)
        for one in message.reports:
            lon_e7, lat_e7 = getattr(one, "lon_e7", None), getattr(one, "lat_e7", None)
            if lon_e7 is not None and lat_e7 is not None:
                line.places.append((lon_e7, lat_e7))

    def take(self) -> list[ev.ReportsCounted]:
        """An event for each feed that has anything, its messages already in the store.

        Raises:
            InputError: TOC-2011 where the store has no room; then all that was gathered is dropped and nobody may
                acknowledge it.
        """
        lines, self._lines = self._lines, {}
        return [self._counted(feed, line) for feed, line in sorted(lines.items())]

    def _counted(self, feed: str, line: _Line) -> ev.ReportsCounted:
        packed = {"schema": _SCHEMA, "messages": [base64.b64encode(raw).decode() for raw in line.messages]}
        try:
            name = self._store.put(json.dumps(packed).encode(), source=feed, scope="general", retention="personal")
        except JournalError as error:
            if error.code != _STORE_FULL:
                raise
            raise InputError(f"{line.count} reports of {feed}.", code=_NO_ROOM) from None
        return ev.ReportsCounted(
            source=feed, lane="citizens", minute_ms=line.minute_ms, count=line.count, area=self._area(line),
            blobs=(name,),
        )  # fmt: skip

    def _area(self, line: _Line) -> str:
        if not line.places:
            return ""
        cells = Counter((lon // _ABOUT_1_KM, lat // _ABOUT_1_KM) for lon, lat in line.places)
        most = max(cells.values())
        cell = min(one for one, count in cells.items() if count == most)
        lon, lat = next(one for one in line.places if (one[0] // _ABOUT_1_KM, one[1] // _ABOUT_1_KM) == cell)
        return self._describe(lon / 1e7, lat / 1e7)


def opened(store: Store, entries: Iterable[Entry], source: str, minute_ms: int) -> Iterator[bytes]:
    """The messages of one counted line, in order; those whose key was destroyed are left out.

    ``entries`` are the journal's of kind ``reports.counted``. Whoever shows them journals ``value.read`` first.
    """
    for entry in entries:
        event = entry.event
        if isinstance(event, ev.ReportsCounted) and (event.source, event.minute_ms) == (source, minute_ms):
            for name in event.blobs:
                packed = store.get(name)
                for one in json.loads(packed)["messages"] if packed is not None else ():
                    yield base64.b64decode(one)
