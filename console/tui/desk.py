"""What one operator has in hand: the picture to read, the selection, what was sent and not yet answered.

A key press ends here: the command leaves in a task of its own and a pending marker stands on its row in the same
frame. Nothing waits for the core; its answer, or its silence, is told when it comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.commands import ChangeIncident, ControlDrill, Unlock, WriteLog
from console.tui.travel import Travel
from picture.entry import Ref
from picture.errors import TocsinError
from picture.model import Assignment, StreamPicture, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from console.commands import Command
    from console.link import Session
    from twin.pack import CityPack

Answer = dict[str, Any]
NOTICE_S = 20.0
ACCEPTED_S = 1.0
SEEN_S = 0.2
"""An accepted marker stays at least this long, so that entries of others do not take it away unseen."""
SLOW_S = 3.0
CLASHES = frozenset({"TOC-4030", "TOC-4038"})
"""Refused because somebody else did something meanwhile, or has it in their hands."""
SILENT_S = 4.0
"""A core tells its time every second: after this long without a word the link is silent, whatever it says it is."""
IN_THE_PAST = (
    "You look at the past, and nothing is commanded from there: N comes back to now. Reading and notes (n) work."
)
LOCKED = "This desk is locked: unlock it first."


@dataclass(frozen=True, slots=True)
class Pending:
    """A command that was sent: what it is about to do, and whether the core has taken it."""

    words: str
    since: float
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What the console says to the operator in the line above the keys."""

    words: str
    refused: bool
    at: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that was refused because of what somebody else did: to be looked at, or given again."""

    command: Command
    key: str
    words: str
    why: TocsinError


class Desk:
    """One operator's side of the link: the present, or the instant of the past that they look at."""

    def __init__(
        self,
        link: Session,
        pack: CityPack,
        *,
        start: Callable[[Coroutine[Any, Any, None]], object],
        changed: Callable[[], None],
        clashed: Callable[[Refused], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.link, self.pack = link, pack
        self.selected = ""
        self.cursor: tuple[float, float] | None = None
        """The place under the map's crosshair, (lon, lat)."""
        self.pending: dict[str, Pending] = {}
        self.notice: Notice | None = None
        self.draft: dict[str, str] = {}
        """What stood in a report form that was refused, to be corrected."""
        self._start, self._changed, self._clock = start, changed, clock
        self._clashed = clashed
        self._beside = ""
        self._count = 0
        self.travel = Travel(link, start=start, changed=changed, tell=self.tell, reason=reason)

    # The present, or the past that is looked at

    @property
    def home(self) -> StreamPicture:
        """The picture of the core this console belongs to, as it is or as it was."""
        past = self.travel.past
        if self._beside:
            return self.streams.get(self._beside) or StreamPicture(self._beside)
        return past.home if past else self.live

    def beside(self, stream: str) -> Desk:
        """The same desk reading another core's part of the picture; for pages, never to command from."""
        other = copy(self)
        other._beside = stream
        return other

    @property
    def live(self) -> StreamPicture:
        """The same as it is now, also while one looks at the past."""
        return self.link.picture.home

    @property
    def streams(self) -> Mapping[str, StreamPicture]:
        """Every core's part of the picture that is shown, by stream."""
        past = self.travel.past
        return (past.found.picture if past else self.link.picture).streams

    @property
    def now_ms(self) -> int:
        """The world's clock at what is shown."""
        past = self.travel.past
        return past.at_ms if past else self.link.now_ms()

    def position_of(self, unit: Unit) -> tuple[float, float]:
        """(lon, lat) of a unit at what is shown."""
        return (self.travel.past or self.link).position_of(unit)

    def route(self, assignment: Assignment) -> list[tuple[float, float]]:
        """The way of an assignment at what is shown; empty where none is known."""
        return (self.travel.past or self.link).route(assignment)

    def flood_depth(self) -> NDArray[np.float32] | None:
        """Metres of water on the terrain grid; None in the past, whose depth nobody computes again."""
        return None if self.travel.past else self.link.flood_depth()

    @property
    def silent(self) -> bool:
        """Whether the link stands and yet nothing comes: not even the core's clock."""
        return self.link.state == "live" and self.link.silent_s() > SILENT_S

    def barred(self, command: Command | None = None) -> str:
        """Why nothing (or not this) may be commanded from here now; empty where it may."""
        if self.link.locked:
            return "" if isinstance(command, Unlock) else LOCKED
        if self.travel.away:
            stop = isinstance(command, ControlDrill) and command.action == "stop"
            return "" if stop or isinstance(command, WriteLog) else IN_THE_PAST
        return ""

    @property
    def age_s(self) -> float:
        """How old the picture is: its lag at the core, or the silence since anything was heard."""
        return max(self.link.lag_ms / 1000, self.link.silent_s())

    def said(self, ref: Ref | None, sealed: str = "(sealed: not readable from this position)") -> str:
        """The opened text of a reference; words in its place where it cannot be read, empty where there is none."""
        if ref is None:
            return ""
        text = (self.travel.past or self.link).text(ref)
        return sealed if text is None else text

    # Sending

    def send(
        self,
        command: Command,
        about: str,
        words: str,
        *,
        done: str = "",
        also: str = "",
        then: Callable[[Answer], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Sends a command; ``about`` is the row that shows ``words`` until the answer is in, ``also`` a second one."""
        if barred := self.barred(command):
            self.tell(barred, refused=True)
            return
        if about.startswith("new:"):
            self._count += 1
            about = f"{about}{self._count}"
        keys = (about, also) if also else (about,)
        for key in keys:
            self.pending[key] = Pending(words, self._clock())
        self.notice = None
        self._changed()
        self._start(self._deliver(command, keys, words, done, then, failed))

    def ask(self, command: Command, then: Callable[[Answer], None], failed: Callable[[str], None]) -> None:
        """Asks a question; exactly one of the two is called with the answer or with why there is none."""
        if barred := self.barred(command):
            failed(barred)
            return
        self._start(self._question(command, then, failed))

    def read(self, key: str) -> None:
        """Marks an unread incident as read, as whoever opens it has seen it; it is no matter if that is refused."""
        one = self.home.incidents.get(key.removeprefix("incident:"))
        if one is not None and one.unread and one.status == "open" and not self.barred():
            self.ask(ChangeIncident(incident=one.id, unread=False), lambda _: None, lambda _: None)

    def tell(self, words: str, refused: bool = False) -> None:
        """Puts words in the notice line."""
        self.notice = Notice(words, refused, self._clock())
        self._changed()

    async def _deliver(
        self,
        command: Command,
        keys: tuple[str, ...],
        words: str,
        done: str,
        then: Callable[[Answer], None] | None,
        failed: Callable[[], None] | None,
    ) -> None:
        try:
            answer = await self.link.command(command)
        except Exception as why:  # the screen's boundary: whatever went wrong becomes words, the console goes on
            for key in keys:
                self.pending.pop(key, None)
            self.tell(f"{words.rstrip('…')} refused: {reason(why)}", refused=True)
            if isinstance(why, TocsinError) and why.code in CLASHES and self._clashed is not None:
                self._clashed(Refused(command, keys[0], words.rstrip("…"), why))
            if failed is not None:
                failed()
            return
        for key in keys:
            if key in self.pending:
                self.pending[key] = Pending(words, self._clock(), accepted=True)
        if done:
            self.tell(done)
        if then is not None:
            then(answer)
        self._changed()

    async def _question(self, command: Command, then: Callable[[Answer], None], failed: Callable[[str], None]) -> None:
        try:
            answer = await self.link.command(command)
        except Exception as why:  # as above
            failed(reason(why))
            return
        then(answer)

    # Markers

    def pending_words(self, key: str) -> str:
        """What is on its way for a row, with how long if it takes long; empty if nothing is."""
        one = self.pending.get(key)
        if one is None:
            return ""
        waited = self._clock() - one.since
        if one.accepted or waited < SLOW_S:
            return one.words
        return f"{one.words} no answer for {waited:.0f} s"

    def new_pending(self, kind: str) -> list[tuple[str, str]]:
        """(key, words) of things being made that have no row of their own yet."""
        return [(key, self.pending_words(key)) for key in self.pending if key.startswith(f"new:{kind}:")]

    def tidy(self, *, arrived: bool) -> bool:
        """Drops accepted markers once entries arrived or a moment passed, and old notices; True if any went."""
        now = self._clock()
        gone = [
            key
            for key, one in self.pending.items()
            if one.accepted and now - one.since > (SEEN_S if arrived else ACCEPTED_S)
        ]
        for key in gone:
            del self.pending[key]
        if self.notice and not self.notice.refused and now - self.notice.at > NOTICE_S:
            self.notice = None
        return bool(gone)


def reason(why: Exception) -> str:
    """Why a command was not carried out, with code, difference and remedy."""
    if isinstance(why, TocsinError):
        news = [one for one in why.diff if one not in why.message]
        diff = f" [{'; '.join(news)}]" if news else ""
        # Some remedies only point at the message, which stands right before them here.
        remedy = "" if why.remedy.startswith("The message ") else f" {why.remedy}"
        return f"{why.message}{diff}{remedy} ({why.code})"
    return f"the core did not take it ({type(why).__name__}: {why})"


def kind_of(key: str) -> tuple[str, str]:
    """(kind, id) of a row's key ``incident:I-3``."""
    kind, _, name = key.partition(":")
    return kind, name
