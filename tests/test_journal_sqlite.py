"""The SQLite journal: segments, crashes, full disks, other writers, older versions."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from picture.errors import JournalError
from picture.events import KINDS, UPCASTERS, Event, SegmentOpened, WatchedModel
from picture.journal import Commit, GroupCommit, Head, JournalReader, Receipt, SqliteJournal, verify
from picture.journal.cleaning import wal_bytes
from picture.sealing import new_signing_key
from tests.journal_world import STREAM, WORDS, World, call, new, opened, vessel


def segments(world: World) -> list[str]:
    return sorted(path.name for path in world.journal.glob("segment-*"))


# --- segments -----------------------------------------------------------------------------------------


def test_a_rolled_segment_opens_with_its_predecessors_head(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        before = journal.append_now([opened(), vessel()], commit_id="c-1").entries[-1]
        entry = journal.roll()
        after = journal.append_now([vessel()], commit_id="c-2", expect=3)
        assert entry.event == SegmentOpened(number=2, predecessor="segment-000001.sqlite", predecessor_head=before.hash)
        assert (entry.seq, entry.prev, after.first_seq) == (3, before.hash, 4)
        assert [e.seq for e in journal.read()] == [1, 2, 3, 4]
    assert segments(world) == ["segment-000001.sqlite", "segment-000002.sqlite"]  # and no WAL is left behind
    assert verify(world.journal).ok


def test_a_full_segment_is_rolled_and_the_receipt_misses_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    seqs: list[int] = []
    with world.open(segment_bytes=100_000) as journal:
        for number in range(60):
            at = journal.head().seq
            receipt = journal.append_now([vessel(n) for n in range(10)], commit_id=f"c-{number}", expect=at)
            assert receipt.last_seq - receipt.first_seq == 9
            seqs += [entry.seq for entry in receipt.entries]
        assert seqs == list(range(1, journal.head().seq + 1))
        assert journal.append_now([vessel()], commit_id="c-3").first_seq == 31
    report = verify(world.journal)
    assert (report.ok, report.segments > 2) == (True, True)
    with world.open() as journal:
        assert journal.append_now([vessel()], commit_id="c-0").duplicate  # found in the oldest segment


def test_a_journal_of_the_first_format_opens_verifies_and_goes_on(tmp_path: Path) -> None:
    """The specimen is as the first version wrote it (``scripts/journal_specimen.py``) and is never made anew."""
    shutil.copytree(Path(__file__).parent / "data" / "journal-1", tmp_path / "world")
    world = World(tmp_path / "world")
    head = "4476963740a657a736f89da62c5eec5a50bc81e9ba926c6444d69123247e6d53"
    report = verify(world.journal)
    assert (report.why, report.segments, report.head) == ("", 2, head)
    with world.open() as journal:
        entries = list(journal.replay())
        assert (len(entries), entries[-1].hash) == (report.entries, head)
        assert {entry.kind for entry in entries} >= {"vessel.updated", "report.received", "proposal.made"}
        assert journal.opened(entries[1])["report.text"] == WORDS
        assert journal.append_now([vessel()], commit_id="now", expect=report.entries).first_seq == report.entries + 1
    assert verify(world.journal).ok


def test_few_entries_of_a_kind_are_found_across_segments(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        for number in range(4):
            journal.append_now([vessel(n) for n in range(1200)], commit_id=f"c-{number}")
            journal.append_now([call(text=f"call {number}")], commit_id=f"d-{number}")
            if number != 2:
                journal.roll()
        assert [entry.seq for entry in journal.read(kinds=frozenset({"report.received"}))] == [1201, 2403, 3605, 4806]
        assert [entry.seq for entry in journal.read(2403, 4807, frozenset({"report.received"}))] == [3605, 4806]
        assert sum(1 for _ in journal.read(kinds=frozenset({"vessel.updated", "segment.opened"}))) == 4803
        assert list(journal.read(kinds=frozenset({"unit.located"}))) == []


def test_a_segment_that_was_never_finished_is_made_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-1")
    (world.journal / "segment-000002.new").write_bytes(b"half a segment")
    with world.open() as journal:
        assert journal.roll().seq == 2
    assert verify(world.journal).segments == 2


def test_heads_are_signed_every_thousand_entries_and_on_closing(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        for number in range(5):
            journal.append_now([vessel(n) for n in range(500)], commit_id=f"c-{number}")
    with closing(sqlite3.connect(world.journal / "segment-000001.sqlite")) as connection:
        assert connection.execute("SELECT seq FROM checkpoints").fetchall() == [(1000,), (2000,), (2500,)]


# --- crashes ------------------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from tests.journal_world import World, call, vessel

with World(Path(sys.argv[1])).open(segment_bytes=400_000) as journal:
    start = journal.head().seq
    for number in range(1_000_000):
        receipt = journal.append_now([vessel(n) for n in range(20)] + [call()], commit_id=f"c-{start}-{number}")
        print(receipt.last_seq, receipt.entries[-1].hash, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_what_was_acknowledged_survives_a_kill_and_the_chain_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    root = Path(__file__).parent.parent
    for milliseconds in (150, 260, 420):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged = [process.stdout.readline()]
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().splitlines()
        process.wait()
        process.stdout.close()
        whole = [line.split() for line in acknowledged if len(line.split()) == 2 and len(line.split()[1]) == 64]
        report = verify(world.journal)
        assert report.ok, report
        assert report.entries >= int(whole[-1][0])
        reader = JournalReader(world.journal)
        entry = reader.entry(int(whole[-1][0]))
        assert entry is not None and entry.hash == whole[-1][1]
        reader.close()
        with world.open() as journal:
            before = journal.head()
            (added,) = journal.append_now([vessel()], commit_id=f"after-{milliseconds}").entries
            assert (added.seq, added.prev) == (before.seq + 1, before.hash)
    assert verify(world.journal).ok


# --- refusals -----------------------------------------------------------------------------------------


def refusal(code: str) -> Any:
    return pytest.raises(JournalError, match=code)


def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-1")
        assert journal._writer is not None
        (pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
        journal._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
        with refusal("TOC-3101"):
            journal.append_now([vessel(n) for n in range(500)], commit_id="c-2")
        assert journal.head().seq == 1
        journal._writer.execute("PRAGMA max_page_count = 1000000")
        assert journal.append_now([vessel(n) for n in range(500)], commit_id="c-2").first_seq == 2
    assert verify(world.journal).ok


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-1")
        with refusal("TOC-3103"):
            world.open()
        reader = JournalReader(world.journal)
        journal.append_now([vessel()], commit_id="c-2")
        assert [entry.seq for entry in reader.read()] == [1, 2]
        reader.close()
    with world.open() as journal:
        assert journal.head().seq == 2


def test_a_journal_locked_by_another_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picture.journal.segments.BUSY_MS", 20)
    world = World(tmp_path)
    with world.open() as journal, closing(sqlite3.connect(world.journal / "segment-000001.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        with refusal("TOC-3103"):
            journal.append_now([opened()], commit_id="c-1")
        other.execute("ROLLBACK")
        assert journal.append_now([opened()], commit_id="c-1").last_seq == 1


def test_a_journal_that_became_read_only_is_named(tmp_path: Path) -> None:
    with World(tmp_path).open() as journal:
        assert journal._writer is not None
        journal._writer.execute("PRAGMA query_only = ON")
        with refusal("TOC-3102"):
            journal.append_now([opened()], commit_id="c-1")
        journal._writer.execute("PRAGMA query_only = OFF")
        assert journal.append_now([opened()], commit_id="c-1").last_seq == 1


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open():
        pass
    (world.journal / "writer.lock").unlink()
    with unwritable(world.journal), refusal("TOC-3102"):
        world.open()


def test_a_journal_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    with refusal("TOC-3001"):
        World(tmp_path).open()


def test_a_journal_signed_with_another_key_or_of_another_stream_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open():
        pass
    with refusal("TOC-3108"):
        SqliteJournal(world.journal, STREAM, keyring=world.keyring(), signing_key=new_signing_key())
    (world.keys / "core.ed25519").rename(tmp_path / "moved")
    with refusal("TOC-3108"):
        world.open()
    (tmp_path / "moved").replace(world.keys / "core.ed25519")
    with world.open() as journal:
        assert journal.stream == STREAM


def test_a_journal_whose_newest_entry_was_altered_is_not_gone_on_with(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([opened(), vessel()], commit_id="c-1")
    with closing(sqlite3.connect(world.journal / "segment-000001.sqlite")) as connection, connection:
        connection.execute("UPDATE entries SET at_ms = 5 WHERE seq = 2")
    with refusal("TOC-3002"):
        world.open()


def test_a_folder_without_a_journal_and_a_file_that_is_none_cannot_be_read(tmp_path: Path) -> None:
    with refusal("TOC-3105"):
        JournalReader(tmp_path)
    (tmp_path / "notes.txt").write_text("not a journal")
    with refusal("TOC-3105"):
        JournalReader(tmp_path / "notes.txt")


def test_an_empty_commit_is_refused(tmp_path: Path) -> None:
    with World(tmp_path).open() as journal, refusal("TOC-3104"):
        journal.append_now([], commit_id="c-1")


def test_text_without_utf8_is_refused(tmp_path: Path) -> None:
    with World(tmp_path).open() as journal:
        with refusal("TOC-3104"):
            journal.append_now([new(opened().event, source="\ud800")], commit_id="c-1")
        assert journal.head().seq == 0


def test_of_a_batch_the_bad_commits_are_refused_and_the_good_ones_stand(tmp_path: Path) -> None:
    with World(tmp_path).open() as journal:
        outcomes = journal.append_many(
            [Commit([opened()], "c-1"), Commit([], "c-2"), Commit([vessel()], "c-3", expect=1), Commit([call()], "c-1")]
        )
        assert [type(outcome) for outcome in outcomes] == [Receipt, JournalError, Receipt, Receipt]
        assert [entry.commit_id for entry in journal.read()] == ["c-1", "c-3"]


async def test_the_writer_thread_outlives_a_full_disk(tmp_path: Path) -> None:
    store = World(tmp_path).open()
    async with GroupCommit(store) as journal:
        assert store._writer is not None
        store._writer.execute("PRAGMA max_page_count = 14")
        with refusal("TOC-3101"):
            await journal.append([vessel(n) for n in range(500)], commit_id="c-1")
        store._writer.execute("PRAGMA max_page_count = 1000000")
        assert (await journal.append([vessel()], commit_id="c-1")).first_seq == 1


async def test_closing_writes_what_was_asked_for_and_ends_the_followers(tmp_path: Path) -> None:
    import asyncio

    journal = GroupCommit(World(tmp_path).open())
    seen: list[int] = []

    async def follow() -> None:
        async for entry in journal.follow():
            seen.append(entry.seq)

    follower = asyncio.create_task(follow())
    await journal.append([opened()], commit_id="c-0")
    asked = [asyncio.create_task(journal.append([vessel(n)], commit_id=f"c-{n}")) for n in range(1, 30)]
    await asyncio.sleep(0)
    await journal.close()
    assert [(await task).last_seq for task in asked] == list(range(2, 31))
    await asyncio.wait_for(follower, 5)
    assert threading.active_count() < 5
    assert seen == list(range(1, len(seen) + 1))


# --- versions -----------------------------------------------------------------------------------------


@contextmanager
def kind(model: type[Event]) -> Iterator[None]:
    name = model.kind
    try:
        yield
    finally:
        KINDS.pop(name, None)
        for key in [key for key in UPCASTERS if key[0] == name]:
            del UPCASTERS[key]


def test_entries_of_an_older_version_are_lifted_when_they_are_read(tmp_path: Path) -> None:
    class Before(Event):
        kind = "test.gauge"
        level: float

    with kind(Before), World(tmp_path).open() as journal:
        journal.append_now([new(Before(level=1.25))], commit_id="c-1")

        class After(Event):
            kind = "test.gauge"
            version = 3
            level_mm: int
            datum: str

        with refusal("TOC-3004"):
            list(journal.read())
        UPCASTERS["test.gauge", 1] = lambda old: {"level_mm": int(old["level"] * 1000)}
        UPCASTERS["test.gauge", 2] = lambda old: old | {"datum": "NN"}
        (entry,) = journal.read()
        assert (entry.kind_v, entry.event) == (1, After(level_mm=1250, datum="NN"))
        assert journal.verify().ok


def test_a_kind_or_version_from_the_future_is_named_with_its_entry(tmp_path: Path) -> None:
    class Later(Event):
        kind = "test.later"
        version = 2

    with kind(Later), World(tmp_path).open() as journal:
        journal.append_now([opened(), new(Later())], commit_id="c-1")

        class Now(Event):
            kind = "test.later"

        with pytest.raises(JournalError, match=r"Entry 2: It is test.later version 2") as refused:
            list(journal.read())
        assert refused.value.code == "TOC-3004"
        del KINDS["test.later"]
        with pytest.raises(JournalError, match="TOC-3004"):
            list(journal.read())
        assert journal.verify().ok


def test_absent_fields_are_left_out_unless_their_absence_is_the_value(tmp_path: Path) -> None:
    from picture.events import EffectModel, ProposalMade

    effect = EffectModel(id="E-1", verb="v", act_class="read", summary="s", args={"depth_mm": None, "at": [1, None]})
    proposal = ProposalMade(
        id="P-1", title="t", playbook="p", playbook_version=1, effects=(effect,), due_ms=1, digest="d",
        watched=(WatchedModel(name="barrier", value=None),),
    )  # fmt: skip
    with World(tmp_path).open() as journal:
        journal.append_now([new(proposal), vessel()], commit_id="c-1")
        made, seen = journal.read()
        assert made.event == proposal
        assert b"heading_deg" not in next(journal.rows(1)).payload
        assert seen.event == vessel().event


def test_no_kind_has_a_field_that_may_be_none_but_defaults_to_something_else() -> None:
    for model in KINDS.values():
        for name, field in model.model_fields.items():
            nullable = type(None) in getattr(field.annotation, "__args__", ())
            assert not nullable or field.is_required() or field.default is None, f"{model.kind}.{name}"


# --- the write-ahead log ------------------------------------------------------------------------------


def _until(what: Callable[[], bool]) -> None:
    for _ in range(1000):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def test_a_synchronous_journal_has_its_log_moved_and_cut_back_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picture.journal.sqlite.WAL_IDLE_BYTES", 200_000)
    world = World(tmp_path)
    file = world.journal / "segment-000001.sqlite"
    with world.open() as journal:
        for number in range(10):
            journal.append_now([vessel(n) for n in range(100)], commit_id=f"c-{number}")
        assert wal_bytes(file) > 200_000
        _until(lambda: wal_bytes(file) == 0)
        assert file.stat().st_size > 200_000
        journal.append_now([vessel()], commit_id="c-last")
        assert len(list(journal.read())) == 1001
    assert verify(world.journal).ok


def test_who_listens_may_close_the_journal_while_its_log_is_being_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picture.journal.sqlite.WAL_CAP_BYTES", 1)
    monkeypatch.setattr("picture.journal.sqlite.WAL_IDLE_BYTES", 1)
    journal = World(tmp_path).open()
    journal.append_now([vessel()], commit_id="c-1")

    def close(head: Head) -> None:
        time.sleep(1)  # the log's thread has asked for the lock by now
        journal.close()

    journal.listen(close)
    assert journal.append_now([vessel()], commit_id="c-2").first_seq == 2
    with pytest.raises(JournalError):
        journal.append_now([vessel()], commit_id="c-3")
    assert verify(World(tmp_path).journal).entries == 2


def test_a_reader_in_the_middle_of_the_log_keeps_it_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picture.journal.sqlite.WAL_IDLE_BYTES", 1)
    world = World(tmp_path)
    with world.open() as journal, closing(sqlite3.connect(world.journal / "segment-000001.sqlite")) as reader:
        journal.append_now([vessel(n) for n in range(50)], commit_id="c-1")
        cursor = reader.execute("SELECT seq FROM entries")
        assert cursor.fetchone() == (1,)
        journal.append_now([vessel(n) for n in range(50)], commit_id="c-2")
        journal.checkpoint()
        assert len(cursor.fetchall()) == 49  # what it saw when it began
        assert sum(1 for _ in journal.read()) == 100


# --- leases -------------------------------------------------------------------------------------------


class _Clock:
    now = 1_000_000

    def now_ms(self) -> int:
        return self.now


def test_a_clock_set_back_or_forward_never_makes_a_token_smaller(tmp_path: Path) -> None:
    clock, world = _Clock(), World(tmp_path)
    with world.open(now_ms=clock.now_ms) as journal:
        first = journal.lease("outbox", "core-a", 10)
        clock.now -= 900_000
        with pytest.raises(JournalError):
            journal.lease("outbox", "core-b", 10)
        clock.now += 2_000_000
        second = journal.lease("outbox", "core-b", 10)
        with pytest.raises(JournalError):
            journal.renew(first, 10)
        clock.now -= 2_000_000
        other = journal.lease("pump", "core-a", 10)
    with world.open(now_ms=clock.now_ms) as journal:
        third = journal.lease("outbox", "core-b", 10)
    assert first.token < second.token < other.token < third.token


def test_leases_are_no_part_of_the_journal(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-1")
        before = journal.head()
        journal.lease("outbox", "core-a", 10)
        assert journal.head() == before
    report = verify(world.journal)
    assert (report.ok, report.entries) == (True, 1)
