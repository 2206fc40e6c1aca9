"""A stopped world, opened for its keeping: the only writer of its journal while it is open, so no core runs on it.

What a running core does by command (``picture.journal.custody``), this does for one whose core is not running.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from console.journals import open_journal, place_of, reading
from picture.entry import Actor, Entry, NewEntry
from picture.errors import JournalError
from picture.events import Event
from picture.fold import Picture
from picture.journal import BlobStore
from picture.journal.custody import Keeping, finish_erasures
from picture.journal.segments import segment_files
from picture.journal.sqlite import claim_writer
from picture.model import StreamPicture
from picture.sealing import Keyring

KEEPING_KINDS: Final = frozenset(
    {"world.opened", "user.changed", "hold.changed", "erasure.asked", "payload.shredded"}
)  # fmt: skip
"""All that erasing, holding and reading need to know."""


def journal_of(path: Path) -> Path:
    """The journal's folder, or its file, given that or the world's folder around it."""
    return path / "journal" if (path / "journal").is_dir() else path


class StoppedWorld:
    """One world's journal, keys and blobs, with as much of its picture as was asked for."""

    def __init__(self, path: Path, actor: Actor, *, kinds: frozenset[str] | None = KEEPING_KINDS) -> None:
        """Opens the world around a journal's folder, and finishes an erasure that a crash interrupted.

        ``TOC-3103`` while its core is running, ``TOC-3105`` if there is no journal, ``TOC-3108`` if its keys are not
        there: a copy that came without keys can be read and verified, but not kept.
        """
        journal = journal_of(path)
        files = segment_files(journal) if journal.is_dir() else []
        on_servers = place_of(journal)
        if not files and on_servers is None:
            raise JournalError(f"{path} holds no journal.", code="TOC-3105")
        self.folder = journal.resolve().parent
        self.keys = self.folder / "keys"
        if not (self.keys / "core.ed25519").exists():
            raise JournalError(f"{self.keys} holds no key.", code="TOC-3108")
        claim_writer(journal).close()  # nothing of a running core's keys is looked at, let alone touched
        self.actor = actor
        self._written_s = files[-1].stat().st_mtime if files else time.time()
        self.keyring = Keyring(self.keys)
        self.blobs = BlobStore(self.folder / "blobs", self.keyring)
        stream = on_servers.stream if on_servers is not None else ""
        if not stream:
            with reading(journal) as reader:
                stream = reader.stream
        self.journal, _ = open_journal(journal, stream, keys=self.keys, keyring=self.keyring, blobs=self.blobs)
        try:
            self._picture = self._folded(kinds)
            finish_erasures(self.picture, self.keyring, self.blobs)
        except BaseException:
            self.journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()

    @property
    def picture(self) -> StreamPicture:
        """The world's own sub-picture, as far as it was asked for."""
        return self._picture.home

    @property
    def keeping(self) -> Keeping:
        """What the functions of custody act on."""
        return Keeping(self.picture, self.keyring, self.blobs, self.record)

    def now_ms(self) -> int:
        """The time that entries are recorded at: a drill's clock stands still while it is not played."""
        newest = self.picture.at_ms
        return max(newest, time.time_ns() // 1_000_000) if self.picture.world == "live" else newest

    def aged_ms(self) -> int:
        """The time that what is kept has reached: in a drill its own, and the days it has lain since."""
        if self.picture.world == "live":
            return self.now_ms()
        return self.now_ms() + max(0, round((time.time() - self._written_s) * 1000))

    def record(self, events: Sequence[Event]) -> tuple[Entry, ...]:
        """Journals events as one commit, in the actor's name, and folds them."""
        now = self.now_ms()
        receipt = self.journal.append_now(
            [NewEntry(event, now, now, self.actor) for event in events],
            commit_id=f"keeping:{self.journal.head().seq + 1}",
        )
        self._picture.apply_all(receipt.entries)
        return receipt.entries

    def fold(self, entries: Sequence[Entry]) -> None:
        """Takes in what was journalled otherwise."""
        self._picture.apply_all(entries)

    def _folded(self, kinds: frozenset[str] | None) -> Picture:
        picture = Picture(self.journal.stream)
        for entry in self.journal.read(kinds=kinds):
            picture.home.seq = entry.seq - 1  # what was passed over is not needed here
            picture.apply(entry)
        head = self.journal.head().seq
        newest = next(self.journal.read(head - 1, head), None) if head else None
        picture.home.seq = head
        picture.home.at_ms = newest.recorded_ms if newest else 0
        return picture
