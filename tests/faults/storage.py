"""What happens to a journal's bytes: no room for more, a write that was torn, a bit that flipped."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from picture.entry import NewEntry
from picture.errors import JournalError
from picture.journal import JournalReader, SqliteJournal, verify
from picture.journal.segments import PAGE_BYTES, segment_files
from tests.faults.outcome import Acknowledged, Outcome, nothing_lost, whole
from tests.journal_world import World, call, log, vessel

_ROOM_BYTES: Final = 1 << 20
_TABLES: Final = ("header", "entries", "commits", "checkpoints")

# --- no room --------------------------------------------------------------------------------------------


class _Limited:
    """A journal with little room, and how to give it more: a small file system, or else SQLite's own limit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.mounted = _run("mount", "-t", "tmpfs", "-o", f"size={_ROOM_BYTES}", "tmpfs", str(folder))
        self.how = "a file system of 1 MB" if self.mounted else "SQLite's max_page_count (no right to mount)"

    def room(self, journal: SqliteJournal, size: int) -> None:
        if self.mounted:
            _run("mount", "-o", f"remount,size={size}", str(self.folder))
        else:
            journal._opened_writer().execute(f"PRAGMA max_page_count = {size // PAGE_BYTES}")

    def close(self) -> None:
        if self.mounted:
            _run("umount", str(self.folder))


def _run(*command: str) -> bool:
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def full(folder: Path, rounds: int, dice: Random) -> Outcome:
    """The disk fills while a journal is written, a restart included; then there is room again."""
    outcome = Outcome("disk full")
    for number in range(rounds):
        limited = _Limited(folder / str(number))
        outcome.how = limited.how
        try:
            _fill(outcome, World(limited.folder), limited, dice)
        finally:
            limited.close()
        outcome.rounds += 1
    return outcome


def _fill(outcome: Outcome, world: World, limited: _Limited, dice: Random) -> None:
    acknowledged: list[Acknowledged] = []
    refused: tuple[str, list[NewEntry]] | None = None
    journal = world.open()
    limited.room(journal, _ROOM_BYTES)
    while refused is None:
        refused = _write(outcome, journal, acknowledged, dice)
    head = journal.head()
    outcome.hold((head.seq, head.hash) == acknowledged[-1][1:], "what was refused moved the head")
    nothing_lost(outcome, world.journal, acknowledged)
    if dice.random() < 0.5:  # started again while there is no room
        with suppress(JournalError):
            journal.close()
        with suppress(JournalError):
            world.open().close()
        nothing_lost(outcome, world.journal, acknowledged)
        limited.room(journal, 8 * _ROOM_BYTES) if limited.mounted else None
        journal = world.open()
    limited.room(journal, 8 * _ROOM_BYTES)
    commit_id, entries = refused
    receipt = journal.append_now(entries, commit_id=commit_id)  # the same again, now that it can be
    outcome.hold(not receipt.duplicate, "a commit that was refused had been written")
    outcome.hold(receipt.first_seq == head.seq + 1, "the journal did not go on where it stood")
    for _ in range(20):
        outcome.hold(_write(outcome, journal, acknowledged, dice) is None, "with room again it still refused")
    journal.close()
    nothing_lost(outcome, world.journal, acknowledged)
    whole(outcome, world.journal)


def _write(
    outcome: Outcome, journal: SqliteJournal, acknowledged: list[Acknowledged], dice: Random
) -> tuple[str, list[NewEntry]] | None:
    entries = [vessel(n) for n in range(dice.randint(1, 60))] + [log("noted")]
    commit_id = f"c-{journal.head().seq}"
    try:
        last = journal.append_now(entries, commit_id=commit_id).entries[-1]
    except JournalError as error:
        outcome.hold(error.code == "TOC-3101", f"a full disk was named {error.code}: {error.message}")
        outcome.counts["commits refused"] += 1
        return commit_id, entries
    acknowledged.append(Acknowledged(commit_id, last.seq, last.hash))
    return None


# --- bytes ----------------------------------------------------------------------------------------------


@contextmanager
def _being_written(folder: Path) -> Iterator[tuple[Path, list[list[int]]]]:
    """A copy of a journal as a crash would leave it, newest commits in its log only, and the numbers in each commit."""
    world = World(folder / "world", Random(7).randbytes)
    commits: list[list[int]] = []
    with world.open() as journal:
        journal._cleaner.stop()  # so that the log stays
        for number in range(60):
            receipt = journal.append_now([vessel(number), call(), log("x" * 900)], commit_id=f"c-{number}")
            commits.append([entry.seq for entry in receipt.entries])
            if number == 20:
                commits.append([journal.roll().seq])
            if number == 40:
                journal.checkpoint()
        yield Path(shutil.copytree(world.journal, folder / "left", ignore=shutil.ignore_patterns("*-shm"))), commits


def torn(folder: Path, rounds: int, dice: Random) -> Outcome:
    """The newest file or its log is cut at any byte: what is left is whole commits from the start, or is refused."""
    outcome = Outcome("torn write")
    with _being_written(folder) as (left, commits):
        everything = _content(left)
        for number in range(rounds):
            copy = Path(shutil.copytree(left, folder / f"copy-{number}"))
            file = dice.choice([segment_files(copy)[-1], Path(f"{segment_files(copy)[-1]}-wal")])
            with file.open("r+b") as opened:
                opened.truncate(dice.randrange(file.stat().st_size))
            content = _content(copy)
            report = verify(copy)
            seqs = [row[0] for row in content.get("entries", [])]
            whole_commits = seqs == [seq for commit in commits for seq in commit if commit[-1] <= len(seqs)]
            if report.ok:
                outcome.counts["cut back to a whole commit"] += 1
                outcome.hold(whole_commits, f"{file.name} was cut inside a commit, and it verifies")
                outcome.hold(
                    content["entries"] == everything["entries"][: len(seqs)], f"{file.name} cut: other entries"
                )
                _goes_on(outcome, folder, copy, len(seqs))
            else:
                outcome.counts["named"] += 1
                _refuses_or_reads(outcome, copy, everything)
            outcome.rounds += 1
            shutil.rmtree(copy)
    return outcome


def flipped(folder: Path, rounds: int, dice: Random) -> Outcome:
    """One bit flips anywhere in a journal's files, its log included: whatever holds something is named."""
    outcome = Outcome("flipped byte")
    with _being_written(folder) as (left, commits):
        everything = _content(left)
        for number in range(rounds):
            copy = Path(shutil.copytree(left, folder / f"copy-{number}"))
            file = dice.choice([path for path in sorted(copy.iterdir()) if path.stat().st_size])
            data = bytearray(file.read_bytes())
            at = dice.randrange(len(data))
            data[at] ^= 1 << dice.randrange(8)
            file.write_bytes(data)
            report = verify(copy)
            content = _content(copy)
            if not report.ok:
                outcome.counts["named"] += 1
                _refuses_or_reads(outcome, copy, everything)
            elif content == everything:
                outcome.counts["held nothing"] += 1
            else:  # damage to the last commit of a log is what a crash leaves behind
                outcome.counts["the torn end of a log"] += 1
                last = commits[-1][0] - 1
                fits = file.name.endswith("-wal") and content["entries"] == everything["entries"][:last]
                outcome.hold(fits, f"a bit of {file.name} at {at} flipped, and it verifies")
            outcome.rounds += 1
            shutil.rmtree(copy)
    return outcome


def _content(folder: Path) -> dict[str, list[Any]]:
    """Every table's rows in all segments, read plainly with SQLite, as far as it can."""
    tables: dict[str, list[Any]] = {}
    for file in segment_files(folder):
        with (
            suppress(sqlite3.Error, UnicodeDecodeError),
            closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as one,
        ):
            one.text_factory = bytes
            for table in _TABLES:
                tables.setdefault(table, []).extend(one.execute(f"SELECT * FROM {table} ORDER BY rowid"))
            tables.setdefault("fixed", []).append(one.execute("PRAGMA application_id").fetchone())
    return tables


def _refuses_or_reads(outcome: Outcome, copy: Path, everything: dict[str, list[Any]]) -> None:
    """Reading with the chain checked gives what was written, entry by entry, or a ``JournalError``; nothing else."""
    known = {row[0]: row[-1].decode() for row in everything["entries"]}
    with suppress(JournalError), JournalReader(copy) as reader:
        for entry in reader.replay():
            outcome.hold(known.get(entry.seq) == entry.hash, f"entry {entry.seq} reads as something else")


def _goes_on(outcome: Outcome, folder: Path, copy: Path, seq: int) -> None:
    """A core takes the journal up where the cut left it."""
    world = World(folder / "again")
    shutil.rmtree(world.folder, ignore_errors=True)
    shutil.copytree(folder / "world" / "keys", world.keys)
    shutil.copytree(copy, world.journal)
    with world.open() as journal:
        outcome.hold(journal.head().seq == seq, f"it opens at {journal.head().seq} of {seq}")
        journal.append_now([vessel()], commit_id="after the cut", expect=seq)
    whole(outcome, world.journal)
