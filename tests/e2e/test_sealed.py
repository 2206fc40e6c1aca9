"""Nothing personal stands in clear in what a drill leaves: journal, logs, received alerts, summary, printed journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.city import City
from console.config import sample_incidents
from console.drill.scenario import load
from console.site import roster
from feeds.intake import Intake
from feeds.registry import installed
from feeds.replay import Recording
from picture import events as ev
from picture.event import sealed_values
from picture.journal import BlobStore, JournalReader
from picture.sealing import Keyring
from tests.e2e.conftest import DrillRun
from tests.e2e.hands import tocsin
from tests.scaffold import shipped_city

STORM = sample_incidents() / "storm-surge"
NAMES = frozenset({"report.caller", "report.call_back"})
HOSTILE = frozenset({"B [/]", "[@click=app.approve('x')]A[/]"})
"""Also the names of a ship and a gauge in the scenario, which are public."""
SHORTEST = 12
"""Characters: shorter words stand everywhere for other reasons."""


def planted() -> Iterator[tuple[str, str | int]]:
    """(path, value) of everything in the scenario's messages that must be sealed, as the codecs read it."""
    scenario, registry = load(STORM), installed()
    intakes = {feed.id: Intake(feed, registry) for feed in scenario.feeds}
    start_ms = round(scenario.start.timestamp() * 1000)
    for message in Recording(STORM):
        for report in intakes[message.feed].read(message.body, start_ms + message.offset_ms).reports:
            yield from sealed_values(ev.ReportReceived(report=report, size=0, sha256=""))


def _public(city: City, said: str) -> bool:
    """Whether these are the words of the map: a name the gazetteer knows, or a facility's address."""
    known = [place.label for place in city.find(said)[:3]]
    addresses = [str(event) for event in roster(city.pack, (), installed())]
    return any(said.casefold() in words.casefold() for words in (*known, *addresses))


def needles(city: City) -> dict[str, set[bytes]]:
    """What must not be found. A caller who only said the public name of a place has told nothing."""
    found: dict[str, set[bytes]] = {}
    for path, value in planted():
        text = str(value)
        if text in HOSTILE or (path == "report.place_as_said" and _public(city, text)):
            continue
        if (path in NAMES and len(text) > 3) or len(text) >= SHORTEST:
            found.setdefault(path, set()).add(text.encode())
    return found


@pytest.fixture(scope="module")
def secrets(tocsin_home: Path) -> dict[str, set[bytes]]:
    return needles(shipped_city(tocsin_home))


def test_the_scenario_plants_people_words_and_positions(secrets: dict[str, set[bytes]]) -> None:
    assert len(secrets["report.caller"]) > 20 and len(secrets["report.call_back"]) > 10
    assert len(secrets["report.text"]) > 50


def leaks(data: bytes, secrets: dict[str, set[bytes]], *paths: str) -> list[bytes]:
    return sorted({one for path in paths or secrets for one in secrets[path] if one in data})


def test_no_byte_of_the_drills_folder_holds_them(storm: DrillRun, secrets: dict[str, set[bytes]]) -> None:
    looked = 0
    for file in storm.out.rglob("*"):
        if file.is_file() and file.relative_to(storm.out).parts[0] not in ("received", "keys"):
            assert leaks(file.read_bytes(), secrets) == [], file.name
            looked += 1
    assert looked


def test_the_folders_of_keys_hold_keys_and_no_words(storm: DrillRun, secrets: dict[str, set[bytes]]) -> None:
    for file in (storm.out / "keys").iterdir():
        assert leaks(file.read_bytes(), secrets) == [], file.name
        assert file.stat().st_mode & 0o077 == 0, "keys are nobody else's to read"


def test_no_recipient_was_told_a_callers_name_or_number(storm: DrillRun, secrets: dict[str, set[bytes]]) -> None:
    for file in (storm.out / "received").rglob("*"):
        if file.is_file():
            found = leaks(file.read_bytes(), secrets, "report.caller", "report.call_back", "report.text")
            assert found == [], file.name


def test_neither_the_summary_nor_the_printed_journal_holds_them(
    storm: DrillRun, secrets: dict[str, set[bytes]]
) -> None:
    assert leaks(storm.stdout.encode() + storm.stderr.encode(), secrets) == []
    for words in ((), ("--json",)):
        shown = tocsin("journal", "show", storm.segment, *words)
        assert shown.stdout.count("\n") == storm.result["counts"]["entries"]
        assert leaks(shown.stdout.encode(), secrets) == []


def test_who_holds_the_keys_reads_every_planted_caller(storm: DrillRun, secrets: dict[str, set[bytes]]) -> None:
    keyring = Keyring(storm.out / "keys")
    with JournalReader(storm.segment, keyring=keyring, blobs=BlobStore(storm.out / "blobs", keyring)) as reader:
        read = {
            str(value).encode()
            for entry in reader.read()
            if entry.kind == "report.received"
            for path, value in reader.opened(entry).items()
            if path == "report.caller"
        }
    missing = secrets["report.caller"] - read
    assert not missing, "what was refused aside, each caller is there for who may read"


def test_where_crews_and_ships_people_are_stands_nowhere_in_clear(storm: DrillRun) -> None:
    keyring = Keyring(storm.out / "keys")
    with JournalReader(storm.segment, keyring=keyring, blobs=BlobStore(storm.out / "blobs", keyring)) as reader:
        entries = list(reader.read())
        homes = {getattr(e.event, name, 0) for e in entries for name in ("home_lon_e7", "to_lon_e7")}
        where = {
            value
            for e in entries
            if e.kind == "unit.located"
            for path, value in reader.opened(e).items()
            if path == "lon_e7"
        } - homes
    where = {value for value in where if value % 1000}  # one typed into the scenario stands elsewhere too
    assert len(where) > 50
    data = b"".join(f.read_bytes() for f in Path(storm.out).rglob("*") if f.is_file() and f.parent.name != "keys")
    assert [one for one in where if str(one).encode() in data] == []
