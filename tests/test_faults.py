"""Each fault of ``python -m tests.faults``, a few times; and that a broken promise would be seen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import pytest

from tests.faults import processes
from tests.faults.__main__ import FAULTS, main, run
from tests.faults.outcome import Acknowledged, Outcome, nothing_lost, whole
from tests.journal_world import World, vessel

ROUNDS = {"kill": 3, "restart": 1, "stall": 10, "two-writers": 10, "full": 10, "clock": 4, "torn": 15, "flipped": 20}


@pytest.mark.skipif(os.name != "posix", reason="signals and limits are POSIX")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_breaks_a_promise(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LENGTH", 3_000)
    outcome = run(fault, ROUNDS[fault])
    assert outcome.broken == []
    assert outcome.rounds > 0


def test_what_is_lost_or_changed_is_noticed(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        first = journal.append_now([vessel(1)], commit_id="c-1").entries[-1]
        second = journal.append_now([vessel(2)], commit_id="c-2").entries[-1]
    there = [Acknowledged(entry.commit_id, entry.seq, entry.hash) for entry in (first, second)]
    for acknowledged, broken in (
        (there, 0), ([*there, Acknowledged("c-3", 3, "0" * 64)], 1), ([there[0], there[1]._replace(hash="0" * 64)], 1),
    ):  # fmt: skip
        outcome = Outcome("none", rounds=1)
        assert nothing_lost(outcome, world.journal, acknowledged) == 2
        assert len(outcome.broken) == broken
    file = world.journal / "segment-000001.sqlite"
    file.write_bytes(file.read_bytes().replace(b"211000002", b"211000003"))
    outcome = Outcome("none", rounds=1)
    nothing_lost(outcome, world.journal, there)
    whole(outcome, world.journal)
    assert [line.split(":")[0] for line in outcome.broken] == [
        "after entry 1", "1 acknowledged commits are lost, the first ends at entry 2", "the journal does not verify",
    ]  # fmt: skip


def test_the_command_says_what_was_held_in_words_and_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "faults.json"
    assert main(["--only", "clock", "--only", "torn", "--rounds", "4", "--json", str(file)]) == 0
    said = json.loads(file.read_text())
    assert [(one["fault"], one["ok"], one["broken"]) for one in said] == [
        ("clock jump", True, []), ("torn write", True, []),
    ]  # fmt: skip
    assert said[0]["counts"]["acknowledged commits lost"] == 0
    assert capsys.readouterr().out.startswith("held   clock jump: 2 rounds; acknowledged commits: 8;")


def test_faults_are_the_same_with_the_same_seed(tmp_path: Path) -> None:
    one, two = (FAULTS["flipped"][0](tmp_path / name, 5, Random(3)) for name in ("one", "two"))
    assert (one.counts, one.rounds) == (two.counts, two.rounds)
