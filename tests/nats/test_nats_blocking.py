"""The synchronous core runs over a server as it runs over a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.core import Core, Draft
from picture import events as ev
from picture.clock import VirtualClock
from picture.entry import Actor
from picture.errors import JournalError
from picture.journal import Head, SyncJournal
from picture.sealing import core_signing_key
from tests.journal_world import CALLER, NOON_MS, STREAM, World, call, vessel
from tests.nats_world import SHARED, needs_nats

pytestmark = needs_nats


def opened(folder: Path) -> SyncJournal:
    from picture.journal.nats import BlockingJournal

    world = World(folder)
    return BlockingJournal(
        SHARED.access(), STREAM, keyring=world.keyring(), signing_key=core_signing_key(world.keys)
    )  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SyncJournal]:
    import asyncio

    asyncio.run(SHARED.fresh(tmp_path))
    journal = opened(tmp_path)
    yield journal
    journal.close()


def core_over(journal: SyncJournal) -> Core:
    return Core(journal=journal, clock=VirtualClock(NOON_MS), seed="meridian", system=Actor("system"))


def test_a_core_journals_folds_and_reacts_over_a_server_and_finds_the_same_picture_again(
    journal: SyncJournal, tmp_path: Path
) -> None:
    core = core_over(journal)
    core.react_with("playbooks", lambda es: [Draft(ev.HandsOff(on=True))] if es[0].kind == "log.written" else [])
    core.record([Draft(ev.WorldOpened(site="meridian", world="drill", city="port-meridian", start_ms=NOON_MS))])
    core.record([Draft(ev.LogWritten(id="L-1", text="gate 4 is stuck"))])
    for number in range(700):
        core.record([Draft(vessel(number % 30).event)])
    assert core.home.seq == 703
    digest = core.picture.digest()
    journal.close()
    again = opened(tmp_path)
    try:
        restored = core_over(again)
        restored.restore()
        assert restored.picture.digest() == digest
        assert again.verify().ok
    finally:
        again.close()


def test_sealed_values_open_only_with_their_keys(journal: SyncJournal) -> None:
    receipt = journal.append_now([call()], commit_id="c-1")
    (entry,) = receipt.entries
    ref = entry.ref("report.caller")
    assert ref is not None
    assert journal.open_sealed(ref) == CALLER
    assert journal.opened(entry)["report.caller"] == CALLER


def test_a_listener_hears_each_new_head_in_the_thread_that_appended(journal: SyncJournal) -> None:
    heard: list[Head] = []
    stop = journal.listen(heard.append)
    journal.append_now([vessel(), vessel()], commit_id="c-1")
    journal.append_now([vessel(), vessel()], commit_id="c-1")
    stop()
    journal.append_now([vessel()], commit_id="c-2")
    assert [head.seq for head in heard] == [2]


def test_reading_may_be_left_before_its_end_and_gives_only_kinds_asked_for(journal: SyncJournal) -> None:
    journal.append_now([vessel(n) for n in range(1200)] + [call()], commit_id="c-1")
    assert next(iter(journal.read(900))).seq == 901
    assert [entry.seq for entry in journal.read(kinds=frozenset({"report.received"}))] == [1201]


def test_a_closed_journal_says_so(journal: SyncJournal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(JournalError) as refused:
        journal.append_now([vessel()], commit_id="c-1")
    assert refused.value.code == "TOC-3106"
