"""The headless core of one world: what arrives becomes entries, entries become the picture, the picture gets answers.

Everything happens on one thread, one thing at a time: a commit is journalled, folded, published and then shown to
the reactors (flood watch, playbooks, executor, outbox, the drill's people) in a fixed order; what they answer is
recorded in later commits that name their cause. Nothing here knows a screen, a wire or a socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from console.agenda import Agenda
from picture.clock import MovingClock
from picture.entry import Actor, Entry, NewEntry, Ref
from picture.errors import InternalError
from picture.events import Event
from picture.fold import Picture
from picture.ids import Ids
from picture.journal.protocol import SyncJournal
from picture.journal.snapshots import Snapshots
from picture.model import StreamPicture

MAX_ROUNDS = 200
"""Reactions to reactions to one arrival; more is a loop in a playbook and stops the core's reaction, not the core."""


NUMBERED = (
    "incidents",
    "assignments",
    "hazards",
    "closures",
    "alarms",
    "proposals",
    "decisions",
    "requests",
    "alerts",
    "runs",
    "log",
)
"""Tables of the picture whose keys are ids that a core handed out."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event on its way into the journal, with what the core does not fill in by itself."""

    event: Event
    at_ms: int | None = None
    actor: Actor | None = None
    source: str = ""
    grade: str = ""
    cause: tuple[int, ...] = ()


Reactor = Callable[[Sequence[Entry]], Iterable[Draft]]
"""Looks at entries just folded and answers with what follows from them."""
Listener = Callable[[Sequence[Entry]], None]
Looking = Callable[[int], Sequence[tuple[int, frozenset[str] | None]]]
"""Of a snapshot's entry: (after which entry, which kinds are wanted from there on), in order."""


class Core:
    """One world's journal, picture, clock and agenda, and the loop that ties them."""

    def __init__(self, *, journal: SyncJournal, clock: MovingClock, seed: str, system: Actor | None = None) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = Ids(seed)
        self.agenda = Agenda()
        self.picture = Picture(journal.stream)
        self.snapshots: Snapshots | None = None
        """Where pictures are kept beside the journal, so that a restart need not fold all of it."""
        self.system = system or Actor("system")
        self._reactors: list[tuple[str, Reactor]] = []
        self._listeners: list[Listener] = []
        self._followers: list[Listener] = []
        self._fresh: deque[list[Entry]] = deque()
        self._reacting = False

    @property
    def home(self) -> StreamPicture:
        """This core's own sub-picture."""
        return self.picture.home

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def react_with(self, name: str, reactor: Reactor) -> None:
        """Adds a reactor; they are asked in the order in which they were added."""
        self._reactors.append((name, reactor))

    def listen(self, listener: Listener) -> None:
        """Adds somebody who is told of every commit after it was folded (clients, summaries)."""
        self._listeners.append(listener)

    def follow_with(self, listener: Listener) -> None:
        """Adds somebody who is told of other cores' entries after they were folded: clients; nobody who judges."""
        self._followers.append(listener)

    def receive(self, entries: Sequence[Entry]) -> list[Entry]:
        """Folds entries of other cores of the domain, and gives those that were new; nothing here reacts to them.

        Each core answers for what it journals itself: what follows from it stands in its own stream.
        """
        fresh = [entry for entry in entries if entry.stream != self.home.stream and self.picture.apply(entry)]
        for follower in self._followers if fresh else ():
            follower(fresh)
        return fresh

    def restore(self) -> int:
        """Folds what the journal already holds, and moves ids past what is in use; returns how many entries."""
        before = self.picture.home.seq
        for _ in self.replay(frozenset()):
            continue
        return self.picture.home.seq - before

    def replay(self, kinds: frozenset[str] | None = None, looking: Looking | None = None) -> Iterator[Entry]:
        """Folds what the journal holds, giving out each entry of these kinds as it goes; all of them by default.

        Where there is a snapshot only what follows it is folded, and ``looking`` says what is given out of what came
        before. Once it is through, the clock stands at the last entry and ids go on behind those in use.
        """
        at = self._begin_at_snapshot()
        steps = looking(at) if looking is not None and at else [(0, kinds)]
        for number, (after, wanted) in enumerate(steps):
            upto = steps[number + 1][0] if number + 1 < len(steps) else at
            if after < upto:
                yield from self.journal.read(after, upto, wanted)
        last: Entry | None = None
        for entry in self.journal.read(at):
            self.picture.apply(entry)
            last = entry
            if kinds is None or entry.kind in kinds:
                yield entry
        if last is not None and self.snapshots is not None:
            self.snapshots.offer(self.picture, last)
        home = self.home
        self.clock.advance_to(home.at_ms)
        for table in NUMBERED:
            for identifier in getattr(home, table):
                self.ids.saw(identifier)

    def _begin_at_snapshot(self) -> int:
        """The entry that the newest snapshot stands at, which the picture then shows; 0 without one."""
        found = self.snapshots.newest(self.journal.head().seq) if self.snapshots is not None else None
        if found is None or self.home.seq:
            return 0
        self.picture.streams[self.journal.stream] = found.home
        return found.home.seq

    def record(
        self, drafts: Sequence[Draft], *, actor: Actor | None = None, cause: tuple[int, ...] = ()
    ) -> list[Entry]:
        """Journals the drafts as one commit, folds them, tells everybody, and lets the reactors answer.

        Returns the entries of this commit. Called again from a reactor's listener it only queues the reaction.
        """
        if not drafts:
            return []
        now = self.now_ms()
        head = self.home.seq
        receipt = self.journal.append_now(
            [self._new(draft, actor, cause, now) for draft in drafts],
            commit_id=self.ids.opaque("commit", str(head + 1)),
            expect=head,
        )
        entries = list(receipt.entries)
        for entry in entries:
            self.picture.apply(entry)
        if self.snapshots is not None:
            self.snapshots.offer(self.picture, entries[-1])
        for listener in self._listeners:
            listener(entries)
        self._fresh.append(entries)
        self._settle()
        return entries

    def _new(self, draft: Draft, actor: Actor | None, cause: tuple[int, ...], now: int) -> NewEntry:
        return NewEntry(
            event=draft.event,
            at_ms=now if draft.at_ms is None else draft.at_ms,
            recorded_ms=now,
            actor=draft.actor or actor or self.system,
            source=draft.source,
            grade=draft.grade,
            cause=draft.cause or cause,
        )

    def _settle(self) -> None:
        """Lets the reactors answer until nothing is left to say."""
        if self._reacting:
            return
        self._reacting = True
        try:
            for _ in range(MAX_ROUNDS):
                if not self._fresh:
                    return
                self._react(self._fresh.popleft())
            if not self._fresh:
                return
            self._fresh.clear()
            raise InternalError("reactions to one arrival did not end; a playbook answers itself")
        finally:
            self._reacting = False

    def _react(self, entries: list[Entry]) -> None:
        for name, reactor in self._reactors:
            drafts = list(reactor(entries))
            if drafts:
                self.record(drafts, actor=Actor(f"system:{name}"), cause=tuple(entry.seq for entry in entries[:8]))

    def step(self) -> bool:
        """Does the next thing due, moving the clock to it; False if nothing is planned."""
        if not len(self.agenda):
            return False
        due = self.agenda.pop()
        self.clock.advance_to(due.at_ms)
        due.what()
        return True

    def opened(self, ref: Ref | None) -> object | None:
        """The sealed value at a reference, or None where its key is gone."""
        return None if ref is None else self.journal.open_sealed(ref)
