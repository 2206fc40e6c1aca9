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
from picture.errors import InternalError, JournalError, RefusedError
from picture.events import Event
from picture.fold import Picture
from picture.ids import Ids
from picture.journal.protocol import SyncJournal
from picture.journal.snapshots import Snapshots
from picture.model import StreamPicture

AWAY = frozenset({"TOC-3141", "TOC-3142"})
"""What a journal says while its server does not answer; everything else it refuses is about what it was given."""
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


class JournalAwayError(RefusedError):
    """The journal cannot be written just now; the core does what is owed as soon as it can be."""

    default = "TOC-4023"


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
        self._turn = 0
        """Which reactor is asked next about the oldest of ``_fresh``."""
        self._owed: list[Draft] | None = None
        """What the last one answered, until it is journalled."""
        self._late: deque[tuple[Sequence[Draft], Actor | None]] = deque()
        """What ``note`` could not journal yet."""
        self._doubtful = False
        """Whether a commit is in doubt: the journal's answer was lost."""

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
        ``JournalAwayError`` (TOC-4023) while the journal's server is away; what was asked last may stand nevertheless.
        """
        if not drafts:
            return []
        if not self._reacting:
            self.mend()
        entries = self._commit(drafts, actor, cause)
        self._fresh.append(entries)
        self._settle()
        return entries

    def note(self, drafts: Sequence[Draft], *, actor: Actor | None = None) -> None:
        """Records what nobody waits for, now or as soon as the journal can be written."""
        try:
            self.record(drafts, actor=actor)
        except JournalAwayError:
            self._late.append((drafts, actor))

    def mend(self) -> None:
        """Does what was left undone while the journal was away, oldest first; nothing where all is well.

        ``JournalAwayError`` while it is still away.
        """
        if self._doubtful and (head := self.journal.head().seq) > self.home.seq:
            self._fresh.append(self._taken_in(self._stood(head)))
            self._doubtful = False
        if self._fresh and not self._reacting and (away := self._settle()) is not None:
            raise away
        while self._late:
            drafts, actor = self._late[0]
            self._fresh.append(self._commit(drafts, actor, ()))
            self._late.popleft()
            if (away := self._settle()) is not None:
                raise away

    def _stood(self, upto: int) -> list[Entry]:
        """What stands in the journal although its answer was lost."""
        try:
            return list(self.journal.read(self.home.seq, upto))
        except JournalError as error:
            if error.code not in AWAY:
                raise
            raise JournalAwayError(error.detail) from error

    def _commit(self, drafts: Sequence[Draft], actor: Actor | None, cause: tuple[int, ...]) -> list[Entry]:
        while True:
            now = self.now_ms()
            head = self.home.seq
            try:
                receipt = self.journal.append_now(
                    [self._new(draft, actor, cause, now) for draft in drafts],
                    commit_id=self.ids.opaque("commit", str(head + 1)),
                    expect=head,
                )
            except JournalError as error:
                if error.code not in AWAY:
                    raise
                self._doubtful = True
                raise JournalAwayError(error.detail) from error
            entries = self._taken_in(list(receipt.entries))
            self._doubtful = False
            if not receipt.duplicate:
                return entries
            self._fresh.append(entries)  # an earlier commit stands whose answer was lost: these drafts follow it

    def _taken_in(self, entries: list[Entry]) -> list[Entry]:
        for entry in entries:
            self.picture.apply(entry)
        if self.snapshots is not None:
            self.snapshots.offer(self.picture, entries[-1])
        for listener in self._listeners:
            listener(entries)
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

    def _settle(self) -> JournalAwayError | None:
        """Lets the reactors answer until nothing is left to say, or the journal is away: then what they said waits."""
        if self._reacting:
            return None
        self._reacting = True
        try:
            for _ in range(MAX_ROUNDS):
                if not self._fresh:
                    return None
                try:
                    self._react(self._fresh[0])
                except JournalAwayError as away:
                    return away
                except BaseException:
                    self._reacted()
                    raise
                self._reacted()
            if not self._fresh:
                return None
            self._fresh.clear()
            raise InternalError("reactions to one arrival did not end; a playbook answers itself")
        finally:
            self._reacting = False

    def _reacted(self) -> None:
        self._fresh.popleft()
        self._turn, self._owed = 0, None

    def _react(self, entries: list[Entry]) -> None:
        while self._turn < len(self._reactors):
            name, reactor = self._reactors[self._turn]
            if self._owed is None:
                self._owed = list(reactor(entries))
            self.record(self._owed, actor=Actor(f"system:{name}"), cause=tuple(entry.seq for entry in entries[:8]))
            self._turn, self._owed = self._turn + 1, None

    def step(self) -> bool:
        """Does the next thing due, moving the clock to it; False if nothing is planned.

        ``JournalAwayError`` while the journal is away: then it is due again.
        """
        if not len(self.agenda):
            return False
        self.mend()
        due = self.agenda.pop()
        self.clock.advance_to(due.at_ms)
        try:
            due.what()
        except JournalAwayError:
            self.agenda.add(due.at_ms, due.cause, due.what)
            raise
        return True

    def opened(self, ref: Ref | None) -> object | None:
        """The sealed value at a reference, or None where its key is gone."""
        return None if ref is None else self.journal.open_sealed(ref)
