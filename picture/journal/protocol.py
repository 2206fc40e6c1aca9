"""The port every journal stands behind: what is promised about commits, order, durability and tampering.

Promised by every implementation (``tests/test_journal_contract.py`` holds them to it):

1. A commit is visible whole or not at all, and an acknowledged one is never lost by a crash of the process.
2. Order is total and without a gap within a stream: 1, 2, 3 …; across streams there is only causality.
3. ``expect`` compares and appends, or refuses with ``TOC-3003``.
4. The same ``commit_id`` again, however late, returns the first receipt and writes nothing.
5. The receipt names its durability; whoever fires something irreversible looks at it.
6. Entries are chained by hash and heads are signed; ``verify`` names the first entry that was altered or lost.
7. A lease has one holder at a time, and a token greater than every one given before, across restarts too.
8. ``follow`` is at-least-once from a position; what a handle was acknowledged, that handle reads.

Not promised: order across streams, exactly-once effects outside, or an answer from somebody who holds no
old head to whether the newest entries of a journal were cut off together with every trace of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from picture.entry import Entry, NewEntry, Ref

START: Final = 0
"""The position before the first entry of a stream."""

GENESIS: Final = "0" * 64
"""What the first entry of a stream names as its predecessor's hash."""

Durability = Literal["process", "disk", "quorum", "quorum+disk"]
"""What an acknowledged commit survives: a crash of the process, of the machine, of a minority of machines, or both."""


class Head(NamedTuple):
    """The newest entry of a stream; ``seq`` 0 and ``GENESIS`` while it is empty."""

    stream: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Commit:
    """What is appended together: visible whole or not at all."""

    entries: Sequence[NewEntry]
    commit_id: str
    """Chosen by the writer, for ever unique in the stream."""
    expect: int | None = None
    """Sequence number the stream's head must have, or None to append wherever it stands."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an append wrote."""

    stream: str
    first_seq: int
    last_seq: int
    entries: tuple[Entry, ...]
    """Everything this append added, in order, decoded from the bytes that were stored: fold these and nothing is
    missed. Where the journal opened a segment for this commit, its ``segment.opened`` comes first, before
    ``first_seq``."""
    durability: Durability
    duplicate: bool = False
    """The commit was there already: the entries are the first append's, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A lease as it was given: what its holder shows to whoever acts for him."""

    name: str
    holder: str
    token: int
    """Greater than that of every lease given before; an actor refuses one smaller than it has seen."""
    expires_ms: int
    """When it ends, by the holder's clock."""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a verification found, from the stored bytes alone."""

    stream: str
    entries: int
    """How many entries were read and found whole, before the first bad one."""
    commits: int
    segments: int
    head: str
    """Hash of the last good entry; compare it with a head noted elsewhere."""
    first_bad: int | None = None
    """Sequence number of the first entry altered, lost or unreadable; None where no entry is concerned."""
    why: str = ""
    """In plain words, what is wrong; empty if nothing is."""
    signatures: int = 0
    """Signed headers and checkpoints that were checked and fit."""
    public_keys: tuple[str, ...] = ()
    """Who signed them, base64 Ed25519: compare with the core's key noted elsewhere."""

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return not self.why


class Journal(Protocol):
    """One stream of entries, written by one core."""

    @property
    def stream(self) -> str:
        """The stream's name."""
        ...

    async def append(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        """The receipt, once the commit is as durable as it says. Refuses with a ``JournalError``.

        If the caller is cancelled the commit may have been written: append it again with the same
        ``commit_id``.
        """
        ...

    def read(
        self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None
    ) -> AsyncIterator[Entry]:
        """Entries with ``after < seq <= upto`` in order; without ``upto``, to the head as it is at the call.

        ``kinds`` gives only entries of these kinds.
        """
        ...

    def follow(self, after: int = START) -> AsyncIterator[Entry]:
        """Entries after a position, and then every new one as it is acknowledged; never ends."""
        ...

    async def head(self) -> Head:
        """Where the stream stands."""
        ...

    async def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """A lease, with a token greater than any before it in this journal; ``TOC-3149`` while another holds it.

        Whoever holds it already gets a new one, with a greater token.
        """
        ...

    async def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease with the same token, from now on for ``ttl_s``; ``TOC-3149`` if it was lost."""
        ...

    async def release(self, fence: Fence) -> None:
        """Frees a lease for the next; one that was lost is left alone."""
        ...

    async def verify(self) -> ChainReport:
        """What recomputing the whole chain from the stored bytes finds."""
        ...


class SyncJournal(Protocol):
    """A journal as the synchronous core of a world uses it: every call blocks until it is answered.

    ``SqliteJournal`` is one as it stands; ``nats.BlockingJournal`` gives one over a server.
    """

    @property
    def stream(self) -> str:
        """The stream's name."""
        ...

    def append_now(self, entries: Sequence[NewEntry], *, commit_id: str, expect: int | None = None) -> Receipt:
        """The receipt of one commit (see ``Journal.append``)."""
        ...

    def read(self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
        """Entries with ``after < seq <= upto`` in order (see ``Journal.read``)."""
        ...

    def head(self) -> Head:
        """The newest acknowledged entry."""
        ...

    def opened(self, entry: Entry) -> dict[str, object]:
        """Every sealed value of an entry that can still be opened, by path."""
        ...

    def open_sealed(self, ref: Ref) -> object | None:
        """The value at a Ref, typed as its event's field; None if its key was destroyed or is not here."""
        ...

    def listen(self, listener: Callable[[Head], None]) -> Callable[[], None]:
        """Calls ``listener`` with the new head after each append; returns how to stop it."""
        ...

    def verify(self) -> ChainReport:
        """What recomputing the whole chain from the stored bytes finds."""
        ...

    def close(self) -> None:
        """Signs the head and lets go; closing twice is fine."""
        ...
