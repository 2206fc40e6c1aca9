"""The picture as it was at any entry or time of a journal: the nearest snapshot, and what was recorded after it.

Works on a journal that is being written, over a connection of its own, and on a copied file. A sealed value is a
``Ref`` on every past picture as on the present one: once its key is destroyed it is forgotten there too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Set

from picture.collecting import without_collection
from picture.conflicts import Conflict, conflicts, other_stream
from picture.custody import CursorReceived
from picture.entry import Entry
from picture.errors import JournalError
from picture.fold import Picture, copied
from picture.journal.protocol import START
from picture.journal.snapshots import Readable, Snapshots
from picture.model import StreamPicture

KEPT_PICTURES = 6
"""Sub-pictures kept in memory to step on from; they share their records."""
LONG_WAY = 8
"""How many times the snapshots' least spacing is a long way without one."""
HEARD_WITHIN = 4096
"""Entries looked through at first for what was received last; as many again, doubled, where that is not enough."""
WAYPOINT = 256
"""How far before the asked entry one more is kept, so that stepping back is short too."""


class History:
    """Past pictures of one core: its own journal, and what it had received of others at that time.

    May be asked from any thread; questions take turns. A picture it gives is the caller's own.
    """

    def __init__(
        self,
        journal: Readable,
        snapshots: Snapshots | None = None,
        others: Mapping[str, History] | None = None,
        *,
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        """``snapshots`` are read, and made where a long way was gone without one; ``others`` by stream.

        Entries of the kinds ``withheld`` are skipped; the snapshots are then of that view.
        """
        self.stream = journal.stream
        self.withheld = withheld
        self._views: dict[frozenset[str], History] = {}
        self._journal = journal
        self._snapshots = snapshots
        self._others = dict(others or {})
        self._lock = threading.RLock()
        self._recent: OrderedDict[int, StreamPicture] = OrderedDict()

    def at_seq(self, seq: int) -> Picture:
        """The picture after an entry of this core, 0 being before the first; ``TOC-3160`` if it is not here.

        Other streams stand where the last ``cursor.received`` up to there said, or where what is here of them ends;
        ``conflicts`` tells of those that are not what was received.
        """
        picture = Picture(self.stream)
        own = picture.streams[self.stream] = self.sub(seq)
        for stream, upto in own.received.items():
            other = self._others.get(stream)
            if other is not None:
                picture.streams[stream] = other.sub(min(upto, other.head()))
        return picture

    def at(self, recorded_ms: int) -> Picture:
        """The picture as it was known at a recorded time of this core; empty before its first entry."""
        return self.at_seq(self.seq_at(recorded_ms))

    def conflicts(self, seq: int) -> tuple[Conflict, ...]:
        """What the streams joined at an entry of this core contradict each other in.

        Those of kind ``stream`` come first: under the number that this core had received of another one, there is
        an entry of another hash here. Such a stream was begun anew, put back from a copy, or altered.
        """
        picture = self.at_seq(seq)
        heard = self._heard(seq, picture.home.received.keys() & self._others.keys())
        found: list[Conflict] = []
        for stream, (entry, upto, hash_) in sorted(heard.items()):
            here = next(iter(self._others[stream].entries(upto - 1, upto)), None) if upto > START else None
            if here is not None and here.hash != hash_:
                found.append(other_stream((self.stream, entry), (stream, upto), hash_, here.hash))
        return (*found, *conflicts(picture))

    def _heard(self, seq: int, streams: Set[str]) -> dict[str, tuple[int, int, str]]:
        """What the last ``cursor.received`` up to an entry said of streams: which entry said it, seq and hash."""
        found: dict[str, tuple[int, int, str]] = {}
        high, width = seq, HEARD_WITHIN
        while high > START and streams - found.keys():
            low, said = max(START, high - width), dict[str, tuple[int, int, str]]()
            for entry in self._journal.read(low, high, frozenset({CursorReceived.kind})):
                if isinstance(entry.event, CursorReceived):
                    said |= {stream: (entry.seq, upto, hash_) for stream, upto, hash_ in entry.event.cursor}
            found = said | found
            high, width = low, width * 2
        return {stream: found[stream] for stream in streams & found.keys()}

    def seen_without(self, kinds: frozenset[str]) -> History:
        """The same past for somebody from whom entries of these kinds are withheld: past them the cursor only moves.

        The first look far back folds from the start and leaves snapshots of that view behind.
        """
        if kinds == self.withheld:
            return self
        with self._lock:
            if kinds not in self._views:
                snapshots = None if self._snapshots is None else self._snapshots.seen_without(kinds)
                others = {stream: other.seen_without(kinds) for stream, other in self._others.items()}
                self._views[kinds] = History(self._journal, snapshots, others, withheld=kinds)
            return self._views[kinds]

    def close(self) -> None:
        """Lets go of the snapshots of views; what was handed in belongs to whoever made it."""
        for view in self._views.values():
            if view._snapshots is not None:
                view._snapshots.close()
            view.close()
        self._views.clear()

    def entries(self, after: int = START, upto: int | None = None) -> Iterator[Entry]:
        """Entries of this core with ``after < seq <= upto``, in order."""
        return self._journal.read(after, upto)

    def head(self) -> int:
        """The newest entry there is."""
        return self._journal.head().seq

    def seq_at(self, recorded_ms: int) -> int:
        """The last entry recorded at or before a time, 0 if there was none yet.

        Where a clock was set back the journal's order counts: the answer is an entry recorded by then whose successor
        was not.
        """
        low, high = START, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            entry = next(iter(self._journal.read(middle - 1, middle)), None)
            if entry is None or entry.recorded_ms <= recorded_ms:  # removed with its segment: older than all that is
                low = middle
            else:
                high = middle - 1
        return low

    def sub(self, seq: int) -> StreamPicture:
        """This stream's own sub-picture after an entry; ``TOC-3160`` if it is not here."""
        head = self.head()
        if not START <= seq <= head:
            raise JournalError(f"Entry {seq} of {self.stream}, which ends at {head}.", code="TOC-3160")
        with self._lock:
            picture = Picture(self.stream)
            with without_collection():
                picture.streams[self.stream] = self._start(seq)
            self._replay(picture, seq)
            self._keep(picture.home)
            return copied(picture.home)

    def _start(self, seq: int) -> StreamPicture:
        """The nearest sub-picture at or before an entry that is at hand: from memory or a snapshot."""
        at = max((kept for kept in self._recent if kept <= seq), default=START)
        nearest = None if self._snapshots is None else self._snapshots.nearest(seq)
        if self._snapshots is not None and nearest is not None and nearest > at:
            found = self._snapshots.newest(seq)
            if found is not None and found.home.seq > at:
                return found.home
        if at == START:
            return StreamPicture(self.stream)
        self._recent.move_to_end(at)
        return copied(self._recent[at])

    def _replay(self, picture: Picture, seq: int) -> None:
        """Goes on from where the picture stands; a long way leaves snapshots behind, a short one has no time to."""
        snapshots = self._snapshots
        if snapshots is not None and seq - picture.home.seq < LONG_WAY * snapshots.spacing:
            with without_collection():
                self._follow(picture, seq, None)
        else:
            self._follow(picture, seq, snapshots)

    def _follow(self, picture: Picture, seq: int, snapshots: Snapshots | None) -> None:
        for entry in self._journal.read(picture.home.seq, seq):
            try:
                if entry.kind in self.withheld:
                    picture.skip(entry.stream, entry.seq, entry.recorded_ms)
                else:
                    picture.apply(entry)
            except ValueError as error:
                raise JournalError(f"Entry {entry.seq - 1} is not kept any more.", code="TOC-3160") from error
            if snapshots is not None and snapshots.due(entry.seq):
                snapshots.keep(copied(picture.home), entry.hash)
            if entry.seq == seq - WAYPOINT:
                self._keep(copied(picture.home))

    def _keep(self, sub: StreamPicture) -> None:
        self._recent[sub.seq] = sub
        self._recent.move_to_end(sub.seq)
        while len(self._recent) > KEPT_PICTURES:
            self._recent.popitem(last=False)
