"""Nothing in a journal can be altered, lost or moved without being named. The oracle is SQLite, read plainly."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from picture.entry import canonical
from picture.journal import ChainReport, verify
from picture.sealing import core_signing_key, sign
from tests.journal_world import World, assignment, call, opened, vessel

FLIPS = 600


def write(folder: Path, commits: int = 30, roll_after: int | None = 18) -> World:
    world = World(folder, random.Random(folder.name).randbytes)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-0")
        for number in range(1, commits):
            journal.append_now([vessel(number), call(f"I-{number % 3}"), assignment()], commit_id=f"c-{number}")
            if number == roll_after:
                journal.roll()
    return world


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write(tmp_path_factory.mktemp("written"))


@pytest.fixture
def copy(written: World, tmp_path: Path) -> Path:
    """A journal's folder copied without its keys."""
    return Path(shutil.copytree(written.journal, tmp_path / "copy"))


def segment(folder: Path, number: int) -> Path:
    return folder / f"segment-{number:06d}.sqlite"


def change(file: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        assert connection.execute(sql, values).rowcount > 0


def test_a_copy_verifies_without_keys_and_leaves_no_trace(copy: Path) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    report = verify(copy)
    assert (report.ok, report.entries, report.commits, report.segments) == (True, 89, 31, 2)
    assert report.signatures == 4  # two headers, two heads: one when it rolled, one when it closed
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_segment_stands_on_its_own(copy: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(segment(copy, 2), tmp_path / "evidence.sqlite"))
    report = verify(alone)
    assert (report.ok, report.entries, report.segments) == (True, 34, 1)


def _content(file: Path) -> tuple[dict[str, list[Any]], str]:
    """Every table's rows, as far as SQLite can read them, and what stopped it."""
    tables: dict[str, list[Any]] = {}
    stopped = ""
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as connection:
        connection.text_factory = bytes
        for table in ("entries", "commits", "checkpoints", "header"):
            rows = tables.setdefault(table, [])
            try:
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid"):
                    rows.append(row)
            except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a damaged name of a column
                stopped = f"{table}: {error}"
    return tables, stopped


def test_any_one_flipped_byte_that_changes_what_is_stored_is_named_by_entry(written: World, tmp_path: Path) -> None:
    rng = random.Random(7)
    noticed = 0
    for number, first_seq in ((1, 1), (2, 56)):
        source = segment(written.journal, number)
        whole, data = _content(source)[0], source.read_bytes()
        file = tmp_path / "flipped.sqlite"
        for _ in range(FLIPS // 2):
            offset, mask = rng.randrange(len(data)), rng.randrange(1, 256)
            file.write_bytes(data[:offset] + bytes([data[offset] ^ mask]) + data[offset + 1 :])
            tables, stopped = _content(file)
            report = verify(file)
            where = f"offset {offset} mask {mask:#x} of segment {number}: {stopped} {report}"
            if tables == whole and not stopped:
                continue
            noticed += 1
            assert not report.ok, where
            if tables["entries"] != whole["entries"]:
                pairs = zip([*tables["entries"], None], whole["entries"], strict=False)
                changed = next((at for at, (now, then) in enumerate(pairs) if now != then), len(whole["entries"]))
                assert report.first_bad is not None, where
                assert report.first_bad <= first_seq + changed, where
                if tables["header"] == whole["header"] and tables["checkpoints"] == whole["checkpoints"]:
                    assert report.first_bad >= first_seq + changed - 3 or not report.segments, where
    assert noticed > FLIPS / 3


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload", '{"unit":"E99"}'),
        ("sealed", ""),
        ("actor", canonical({"agency": "port", "person": "Eve", "position": "", "simulated": False}).decode()),
        ("kind", "vessel.lost"),
        ("kind_v", 2),
        ("at_ms", 1),
        ("recorded_ms", 1),
        ("source", "radar"),
        ("grade", "A1"),
        ("agreement", "dsp-1"),
        ("cause", "[1]"),
        ("commit_id", "c-99"),
        ("commit_index", 9),
        ("payload_digest", "0" * 64),
        ("prev", "0" * 64),
        ("hash", "0" * 64),
    ],
)
def test_an_altered_column_is_named_by_its_entry(copy: Path, column: str, value: object) -> None:
    change(segment(copy, 1), f"UPDATE entries SET {column} = ? WHERE seq = 42", value)
    report = verify(copy)
    assert (report.first_bad, report.entries) == (42, 41)
    assert "42" in report.why


def test_a_number_stored_as_text_is_named(copy: Path) -> None:
    change(segment(copy, 1), "UPDATE entries SET payload = CAST(payload AS BLOB) WHERE seq = 42")
    assert verify(copy).first_bad == 42


def test_a_removed_entry_is_named(copy: Path) -> None:
    change(segment(copy, 1), "DELETE FROM entries WHERE seq = 30")
    report = verify(copy)
    assert (report.first_bad, report.why) == (30, "Entry 30 is missing: 31 stands in its place.")


def test_entries_that_changed_places_are_named(copy: Path) -> None:
    for sql in ("SET seq = -1 WHERE seq = 20", "SET seq = 20 WHERE seq = 21", "SET seq = 21 WHERE seq = -1"):
        change(segment(copy, 1), f"UPDATE entries {sql}")
    assert verify(copy).first_bad == 20


def test_a_middle_segment_cut_short_is_named_even_if_every_trace_in_it_was_removed(copy: Path) -> None:
    file = segment(copy, 1)
    change(file, "DELETE FROM entries WHERE seq >= 53")
    assert verify(copy).first_bad == 53
    change(file, "DELETE FROM commits WHERE first_seq >= 53")
    assert "was signed" in verify(copy).why
    change(file, "DELETE FROM checkpoints")
    assert verify(copy).first_bad == 53
    assert verify(file).first_bad == 53  # its neighbour knows its head


def test_the_newest_segment_cut_short_is_named_by_its_signed_head(copy: Path) -> None:
    file = segment(copy, 2)
    change(file, "DELETE FROM entries WHERE seq >= 87")
    change(file, "DELETE FROM commits WHERE first_seq >= 87")
    report = verify(copy)
    assert (report.first_bad, report.entries) == (87, 86)


def test_a_missing_segment_is_named(written: World, tmp_path: Path) -> None:
    world = write(tmp_path / "three", commits=6, roll_after=2)
    with world.open() as journal:
        journal.roll()
    segment(world.journal, 2).unlink()
    report = verify(world.journal)
    assert (report.first_bad, report.why) == (8, "Segment 2 is missing before segment-000003.sqlite.")


def test_a_segment_of_another_journal_does_not_fit_in(copy: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other")
    shutil.copy(segment(other.journal, 2), segment(copy, 2))
    report = verify(copy)
    assert (report.first_bad, report.entries) == (56, 55)


def test_an_entry_rewritten_with_its_whole_chain_fails_at_the_next_signature(copy: Path) -> None:
    from picture.journal.chain import Row, entry_hash, payload_digest
    from picture.journal.reader import JournalReader

    reader = JournalReader(segment(copy, 1))
    rows, stream = list(reader.rows()), reader.stream
    reader.close()
    prev = rows[9].prev
    for row in rows[9:]:
        payload = row.payload.replace(b"E12", b"E99")
        forged = row._replace(payload=payload, payload_digest=payload_digest(payload, row.sealed), prev=prev)
        forged = Row._make((*forged[:-1], entry_hash(stream, forged)))
        prev = forged.hash
        change(
            segment(copy, 1), "UPDATE entries SET payload = ?, payload_digest = ?, prev = ?, hash = ? WHERE seq = ?",
            forged.payload.decode(), forged.payload_digest, forged.prev, forged.hash, row.seq,
        )  # fmt: skip
    report = verify(segment(copy, 1))
    assert (report.first_bad, report.why) == (55, "The signed checkpoint at entry 55 does not fit.")


def test_a_forger_with_a_key_of_his_own_is_seen_by_the_public_key(copy: Path, tmp_path: Path) -> None:
    forger = core_signing_key(tmp_path / "forger")
    change(segment(copy, 1), "UPDATE header SET signature = ?", sign(forger, b"tocsin segment\n"))
    report = verify(copy)
    assert (report.first_bad, "header" in report.why) == (1, True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not a database at all" * 400,
        lambda data: data[:20_000],
        lambda data: data[:8192] + bytes(4096) + data[12288:],
    ],
    ids=["empty", "text", "cut", "page of zeros"],
)
def test_a_damaged_file_is_reported_with_where_reading_stopped(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    file = segment(copy, 1)
    file.write_bytes(damage(file.read_bytes()))
    report: ChainReport = verify(copy)
    assert not report.ok
    assert report.first_bad == report.entries + 1


def test_damage_beside_the_entries_is_reported_as_such(copy: Path) -> None:
    file = segment(copy, 2)
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name LIKE 'sqlite_autoindex%'"
        ).fetchone()
    data = bytearray(file.read_bytes())
    page = (root - 1) * 4096
    at = data.index(b"c-25", page, page + 4096)
    data[at + 3] ^= 1
    file.write_bytes(data)
    report = verify(copy)
    assert (report.ok, report.first_bad, report.entries) == (False, None, 89)
    assert "Every entry is whole" in report.why


def test_a_folder_without_segments_does_not_pass(tmp_path: Path) -> None:
    assert not verify(tmp_path).ok


def test_commits_cut_off_by_a_damaged_write_ahead_log_are_named(tmp_path: Path) -> None:
    world = World(tmp_path / "world", random.Random(1).randbytes)
    with world.open() as journal:
        for number in range(40):
            journal.append_now([vessel(number)], commit_id=f"c-{number}")
        whole = Path(shutil.copytree(world.journal, tmp_path / "whole"))
    assert verify(whole).entries == 40
    size = (whole / "segment-000001.sqlite-wal").stat().st_size
    rng, named = random.Random(5), 0
    for number in range(60):
        copy = Path(shutil.copytree(whole, tmp_path / f"copy-{number}"))
        wal = copy / "segment-000001.sqlite-wal"
        data = bytearray(wal.read_bytes())
        data[rng.randrange(size)] ^= rng.randrange(1, 256)
        wal.write_bytes(data)
        (copy / "segment-000001.sqlite-shm").unlink(missing_ok=True)
        report = verify(copy)
        if report.entries < 39:  # the last commit may be what a crash left half written
            assert report.first_bad == report.entries + 1, report
            named += 1
        else:
            assert report.ok
    assert named > 40
