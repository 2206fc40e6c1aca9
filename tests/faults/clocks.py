"""The clock on the wall jumps: order is the entries' own, and a core's clock never goes back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

from console.core import Core
from picture.clock import SteadyClock
from picture.errors import JournalError
from picture.journal import SqliteJournal
from tests.faults.outcome import Acknowledged, Outcome, nothing_lost, whole
from tests.faults.writing import drafts
from tests.journal_world import NOON_MS, World, vessel

_DAY_MS = 86_400_000


class _Wall:
    """A wall clock that is set at will, over a second hand that only goes on."""

    def __init__(self) -> None:
        self.ms = NOON_MS
        self.elapsed = 0.0

    def tick(self, ms: int) -> None:
        self.ms, self.elapsed = self.ms + ms, self.elapsed + ms / 1000

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.ms, lambda: self.elapsed)


def jump(folder: Path, rounds: int, dice: Random) -> Outcome:
    """The wall is set back and forward while a core writes and between its restarts; leases change hands meanwhile."""
    outcome = Outcome("clock jump")
    world, wall = World(folder), _Wall()
    acknowledged: list[Acknowledged] = []
    tokens = [0]
    for _ in range(rounds):
        wall.ms += dice.randint(-_DAY_MS, _DAY_MS)
        with world.open(now_ms=lambda: wall.ms) as journal:
            core = Core(journal=journal, clock=wall.clock(), seed="faults")
            core.restore()
            for _ in range(4):
                last = core.record(drafts(dice))[-1]
                acknowledged.append(Acknowledged(last.commit_id, last.seq, last.hash))
                wall.tick(dice.randint(0, 2_000))
                wall.ms += dice.choice((0, 0, -3_600_000, 3_600_000))
                tokens += list(_leased(journal, dice))
        outcome.rounds += 1
    with world.open() as journal:
        moments = [entry.recorded_ms for entry in journal.replay()]
        outcome.hold(
            all(one <= two for one, two in pairwise(moments)), "a core recorded an entry before its predecessor"
        )
        outcome.hold(all(one < two for one, two in pairwise(tokens)), "a lease's token did not grow")
        journal.append_now([vessel(), vessel()], commit_id="from another clock")  # its times lie before the others
        outcome.hold([e.index for e in journal.read(len(moments))] == [0, 1], "order depends on the times in entries")
    nothing_lost(outcome, world.journal, acknowledged)
    whole(outcome, world.journal)
    outcome.counts["leases"] = len(tokens) - 1
    return outcome


def _leased(journal: SqliteJournal, dice: Random) -> Iterator[int]:
    try:
        yield journal.lease("outbox", f"core-{dice.randrange(2)}", 5).token
    except JournalError as error:
        if error.code != "TOC-3149":
            raise
