"""The projection shows what the journal holds, and nothing that is sealed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from picture.events import KINDS, Event
from picture.journal import JournalReader
from picture.journal.projections import project, shown
from tests.journal_world import PLANTED, World, assignment, call, new, opened, vessel


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-0")
        journal.append_now([call("I-1"), new(assignment().event, cause_index=(0,), cause=(1,))], commit_id="c-1")
        journal.roll()
        journal.append_now([vessel()], commit_id="c-2")
    return world


def test_entries_are_shown_with_readable_times_people_and_words(world: World) -> None:
    with JournalReader(world.journal) as reader:
        lines = list(shown(reader))
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0]["at"] == "2026-11-22T12:00:00Z"
    assert lines[0]["recorded"] == "2026-11-22T12:00:00.250Z"
    assert (lines[1]["person"], lines[1]["position"], lines[1]["agency"]) == ("Ines Prado", "duty officer", "port")
    assert lines[1]["sealed"] == "raw report.call_back report.caller report.text"
    assert "unit=E12 incident=I-1" in lines[2]["what"]
    assert "incident_kind=flood" in lines[1]["what"]


def test_kinds_and_their_families_can_be_asked_for(world: World) -> None:
    with JournalReader(world.journal) as reader:
        assert [line["kind"] for line in shown(reader, kinds=["unit", "vessel.updated"])] == [
            "unit.assigned",
            "vessel.updated",
        ]
        assert [line["seq"] for line in shown(reader, after=1, upto=3)] == [2, 3]


def test_a_projection_goes_on_where_it_stopped(world: World, tmp_path: Path) -> None:
    with closing(Database(tmp_path / "projection.sqlite")) as database:
        with closing(JournalReader(world.journal)) as reader:
            assert (project(reader, database), project(reader, database)) == (5, 0)
        with world.open() as journal:
            journal.append_now([vessel(2)], commit_id="c-3")
            assert project(journal, database) == 1
        counted = {row["kind"]: row["entries"] for row in database.query("SELECT * FROM kinds")}
        assert counted["vessel.updated"] == 2
        assert list(database.query("SELECT cause FROM causes WHERE effect = 3 ORDER BY cause")) == [
            {"cause": 1}, {"cause": 2},
        ]  # fmt: skip
        assert [row["commit_id"] for row in database.query("SELECT * FROM commits ORDER BY first")] == [
            "c-0", "c-1", "segment-000002", "c-2", "c-3",
        ]  # fmt: skip


def test_no_sealed_value_reaches_a_projection(world: World, tmp_path: Path) -> None:
    file = tmp_path / "projection.sqlite"
    with closing(Database(file)) as database, JournalReader(world.journal, keyring=world.keyring()) as reader:
        project(reader, database)
    data = file.read_bytes()
    assert b"report.received" in data
    assert [word for word in PLANTED if word.encode() in data] == []


def test_an_entry_of_an_unknown_kind_is_shown_all_the_same(tmp_path: Path) -> None:
    class Strange(Event):
        kind = "test.strange"
        colour: str

    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([new(Strange(colour="grue"))], commit_id="c-0")
        del KINDS["test.strange"]
        (line,) = shown(journal)
    assert (line["kind"], line["what"], line["event"]) == ("test.strange", "colour=grue", '{"colour":"grue"}')
