"""What happens to a core's process: killed, stopped for a while, or started twice."""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random

from tests.faults.outcome import Acknowledged, Outcome, nothing_lost, whole
from tests.faults.writing import drafts, restarted, writer
from tests.journal_world import World

LENGTH = 100_000
_VERIFY_EVERY = 20


def kill(folder: Path, rounds: int, dice: Random) -> Outcome:
    """SIGKILL at any moment while a core writes, and again and again after its restart."""
    outcome = Outcome("kill -9")
    world = World(folder)
    seq = 0
    for number in range(rounds):
        with writer(folder) as core:
            if isinstance(core.first, str):
                outcome.broken.append(f"round {number}: the restart was refused with {core.first}")
                return outcome
            outcome.most("restart at most s", core.first[0])
            outcome.hold(core.first[1] >= seq, f"round {number}: the core restarted at {core.first[1]} of {seq}")
            acknowledged = core.acknowledged_for(dice.uniform(0.005, 0.25)) + core.killed()
        seq = nothing_lost(outcome, world.journal, acknowledged, seq)
        outcome.rounds += 1
        if number % _VERIFY_EVERY == 0:
            whole(outcome, world.journal)
    whole(outcome, world.journal)
    return outcome


def restart(folder: Path, rounds: int, dice: Random) -> Outcome:
    """SIGKILL at 100,000 entries: how long until the core is ready again, imports not counted."""
    outcome = Outcome("kill -9 at 100,000 entries")
    world = World(folder)
    core = restarted(world)
    while core.home.seq < LENGTH:
        core.record([draft for _ in range(25) for draft in drafts(dice)])
    assert core.snapshots is not None
    core.snapshots.close()
    core.journal.close()
    seq = core.home.seq
    for _ in range(max(1, rounds // 20)):
        with writer(folder) as again:
            assert not isinstance(again.first, str)
            outcome.most("ready after at most s", again.first[0])
            outcome.hold(again.first[1] >= seq, f"the core restarted at {again.first[1]} of {seq}")
            acknowledged = again.acknowledged_for(0.1) + again.killed()
        seq = nothing_lost(outcome, world.journal, acknowledged, seq)
        outcome.rounds += 1
    whole(outcome, world.journal)
    return outcome


def stall(folder: Path, rounds: int, dice: Random) -> Outcome:
    """SIGSTOP in the middle of writing: the journal can be read meanwhile, by nobody be written, and goes on after."""
    outcome = Outcome("stall")
    world = World(folder)
    with writer(folder) as core:
        acknowledged: list[Acknowledged] = []
        for _ in range(rounds):
            acknowledged += core.acknowledged_for(dice.uniform(0.005, 0.1))
            core.signal(signal.SIGSTOP)
            acknowledged += core.acknowledged_for(0.02)
            nothing_lost(outcome, world.journal, acknowledged)
            with writer(folder) as other:
                outcome.hold(other.first == "TOC-3103", f"beside a stopped core another got {other.first}")
            core.signal(signal.SIGCONT)
            more = core.acknowledged_for(0.1)
            outcome.hold(bool(more), "a core that was stopped did not go on")
            acknowledged += more
            outcome.rounds += 1
        acknowledged += core.killed()
    nothing_lost(outcome, world.journal, acknowledged)
    whole(outcome, world.journal)
    return outcome


def two_writers(folder: Path, rounds: int, dice: Random) -> Outcome:
    """Cores started on one folder: one writes, the others are refused by name, and the next one may when it is gone."""
    outcome = Outcome("two writers")
    world = World(folder)
    seq = 0
    for _ in range(rounds):
        with writer(folder) as one, writer(folder) as two:
            first = [core for core in (one, two) if not isinstance(core.first, str)]
            refused = [core.first for core in (one, two) if isinstance(core.first, str)]
            outcome.hold((len(first), refused) == (1, ["TOC-3103"]), f"of two cores {len(first)} opened it: {refused}")
            acknowledged = [
                one for core in first for one in core.acknowledged_for(dice.uniform(0.0, 0.1)) + core.killed()
            ]
        seq = nothing_lost(outcome, world.journal, acknowledged, seq)
        outcome.rounds += 1
    whole(outcome, world.journal)
    return outcome
