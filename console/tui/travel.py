"""Travel: where in recorded time one console stands, how it gets elsewhere, and back.

A step is shown as wanted in the same frame and asked of the core in a task of its own. While one answer is outstanding
only the newest wish is kept, so that holding a key down never builds up a queue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.tui.past import Past
from console.tui.words import event_time

if TYPE_CHECKING:
    from console.link import PastEntry, Session

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
AROUND = 60
"""Entries asked for at once around where we stand."""
AGO = re.compile(r"^-?(\d{1,5}) ?(s|m|min|h|d)?$")
UNIT_MS = {"s": 1000, "m": MINUTE_MS, "min": MINUTE_MS, "h": HOUR_MS, "d": 24 * HOUR_MS, None: MINUTE_MS}


@dataclass(frozen=True, slots=True)
class Instant:
    """Where one wants to be: after an entry (``seq``), else at a recorded time."""

    at_ms: int = 0
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant kept to compare with; its picture is asked for again when it is needed."""

    seq: int
    at_ms: int


class Travel:
    """Owns the past picture that is shown, if any."""

    def __init__(
        self,
        link: Session,
        *,
        start: Callable[[Coroutine[Any, Any, None]], object],
        changed: Callable[[], None],
        tell: Callable[[str, bool], None],
        reason: Callable[[Exception], str],
    ) -> None:
        self.past: Past | None = None
        self.wanted: Instant | None = None
        """Asked for and not there yet."""
        self.mark: Mark | None = None
        self.first_ms = 0
        """Recorded time of the journal's first entry; 0 until it is known."""
        self.entries: dict[int, PastEntry] = {}
        """Lines of entries that were told, by number."""
        self._link, self._start, self._changed, self._tell, self._reason = link, start, changed, tell, reason
        self._asking = False

    @property
    def away(self) -> bool:
        """Whether what is shown, or asked for, is not the present."""
        return self.past is not None or self.wanted is not None

    @property
    def now_seq(self) -> int:
        """The newest entry of the present."""
        return self._link.picture.home.seq

    # Going

    def to(self, instant: Instant) -> None:
        """Goes to an instant, once the core has told how it was; what lies ahead of now is now."""
        ahead = instant.seq is not None and instant.seq >= self.now_seq
        if ahead or (instant.seq is None and instant.at_ms >= self._link.now_ms()):
            self.back()
            return
        if instant.seq is None and self.first_ms and instant.at_ms < self.first_ms:
            instant = Instant(self.first_ms)
        self.wanted = instant
        self._changed()
        if not self._asking:
            self._asking = True
            self._start(self._ask())

    def by_time(self, step_ms: int) -> None:
        """Earlier or later by so much, counted from where one stands or already wants to be."""
        self.to(Instant(self._from_ms() + step_ms))

    def by_entry(self, step: int) -> None:
        """One entry back or on."""
        wanted = self.wanted.seq if self.wanted else None
        seq = wanted if wanted is not None else self.past.seq if self.past else self.now_seq
        self.to(Instant(seq=max(seq + step, 1)))

    def back(self) -> None:
        """The present, at once."""
        self.past = self.wanted = None
        self._changed()

    def keep_mark(self) -> Mark:
        """Marks the instant that is shown."""
        past = self.past
        self.mark = Mark(past.seq, past.at_ms) if past else Mark(self.now_seq, self._link.now_ms())
        return self.mark

    def _from_ms(self) -> int:
        if self.wanted is not None:
            if self.wanted.seq is None:
                return self.wanted.at_ms
            if (known := self.entries.get(self.wanted.seq)) is not None:
                return known.at_ms
        return self.past.at_ms if self.past else self._link.now_ms()

    # Asking

    async def _ask(self) -> None:
        try:
            while (wanted := self.wanted) is not None:
                try:
                    await self._fetch(wanted)
                except Exception as why:  # the screen's boundary: a refusal becomes words, one stays where one was
                    if self.wanted == wanted:
                        self.wanted = None
                    self._tell(f"That instant cannot be shown: {self._reason(why)}", True)
        finally:
            self._asking = False
        self._changed()

    async def _fetch(self, wanted: Instant) -> None:
        if wanted.seq is not None:
            found = await self._link.past(seq=wanted.seq)
        else:
            found = await self._link.past(at_ms=wanted.at_ms)
        if self.wanted is None:
            return  # back in the present meanwhile
        self.past = Past(found, found.at_ms if wanted.seq is not None else wanted.at_ms)
        if self.wanted == wanted:
            self.wanted = None
        self._changed()
        if self.wanted is None:
            await self.read_around(found.seq)

    async def read_around(self, seq: int) -> None:
        """Reads the lines of the entries around one, and the first one's time, where they are not known yet."""
        if not self.first_ms:
            first = await self._link.entries_around(1, 2)
            self.first_ms = first[0].at_ms if first else 0
        if any(one not in self.entries for one in (max(seq, 1), max(seq - AROUND // 3, 1))):
            self.entries |= {one.seq: one for one in await self._link.entries_around(max(seq, 1), AROUND)}
        self._changed()

    def words(self) -> str:
        """The last entry that was known then, in a line."""
        one = self.entries.get(self.past.seq) if self.past else None
        return "" if one is None else f"{one.kind} {one.words or '(withheld from this position)'}"


def instant(said: str, now_ms: int) -> Instant | None:
    """Where ``14:05``, ``14:05:30``, ``-20m``, ``-2h``, ``-45`` (minutes) or ``#812`` (an entry) lies; else None."""
    said = said.strip().lower()
    if said.startswith("#") and said[1:].isdigit() and len(said) < 16:
        return Instant(seq=max(1, int(said[1:])))
    if ":" in said:
        at_ms = event_time(said, now_ms)
        return None if at_ms is None else Instant(at_ms)
    found = AGO.match(said)
    return Instant(now_ms - int(found[1]) * UNIT_MS[found[2]]) if found else None


def gap(milliseconds: int) -> str:
    """A span in words: ``40 s``, ``20 min``, ``2 h 05 min``, ``3 d 4 h``."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 100:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
