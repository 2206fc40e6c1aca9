"""One picture per clearance: what a client of that clearance folds, kept by the core to greet and to check it.

Most views are the core's own picture without a few tables; a view that also misses what others rest on is folded
entry by entry, first from the journal's start in a thread, then with every commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from console.clearance import CLEARANCES, Clearance
from console.core import Core
from picture.entry import Entry
from picture.fold import Picture, copied
from picture.history import History


class View:
    """The picture of one clearance."""

    def __init__(self, core: Core, name: str) -> None:
        self.name = name
        self.clearance: Clearance = CLEARANCES[name]
        self._core = core
        self._own: Picture | None = None
        """The view folded by itself; None where it is made of the core's picture."""

    @property
    def ready(self) -> bool:
        return self.clearance.without is not None or self._own is not None

    async def open(self) -> None:
        """Returns when the view stands where the core's picture does; the fold is done in a thread."""
        if self.ready:
            return
        own = Picture(self._core.picture.home_stream)
        while own.home.seq < (head := self._core.home.seq):
            if head - own.home.seq < 500:
                fold(own, self._core.journal.read(own.home.seq, head), self.clearance)
            else:
                await asyncio.to_thread(self._fold_to, own, head)
        self._own = self._own or own

    def _fold_to(self, own: Picture, head: int) -> None:
        fold(own, self._core.journal.read(own.home.seq, head), self.clearance)

    def take(self, entries: Sequence[Entry]) -> None:
        """Takes in what the core has just folded; a view folded by itself holds this core's stream alone."""
        if self._own is not None:
            home = self._core.home.stream
            fold(self._own, [entry for entry in entries if entry.stream == home], self.clearance)

    def copy(self) -> Picture:
        """The view as it is now, with tables of its own: it stays as it is while the core goes on."""
        return self._reduced(self._own or self._core.picture)

    def past(self, history: History, seq: int) -> Picture:
        """The view after an entry; may be asked in a thread."""
        if self.clearance.without is not None:
            return self._reduced(history.at_seq(seq))
        return history.seen_without(self.clearance.withheld).at_seq(seq)

    def _reduced(self, whole: Picture) -> Picture:
        picture = Picture(whole.home_stream)
        picture.streams = {name: copied(sub) for name, sub in whole.streams.items()}
        for sub in picture.streams.values():
            for table in self.clearance.without or ():
                setattr(sub, table, {})
        return picture


def fold(picture: Picture, entries: Iterable[Entry], clearance: Clearance) -> None:
    """Applies entries as a client of this clearance does: past the withheld ones the cursor only moves."""
    for entry in entries:
        if entry.kind in clearance.withheld:
            picture.skip(entry.stream, entry.seq, entry.recorded_ms)
        else:
            picture.apply(entry)


class Views:
    """The views in use, by clearance."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._views: dict[str, View] = {}

    async def view(self, name: str) -> View:
        """The view of a clearance, made when first asked for."""
        view = self._views.setdefault(name, View(self._core, name))
        await view.open()
        return view

    def take(self, entries: Sequence[Entry]) -> None:
        for view in self._views.values():
            view.take(entries)
