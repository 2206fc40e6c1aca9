"""Any instant of a journal is seen again as it was, from whatever snapshots there are, and from none."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture import columns, fold, model
from picture import history as history_module
from picture.columns import columns_of
from picture.entry import Entry
from picture.errors import JournalError
from picture.events import CursorReceived, Event, LogWritten
from picture.fold import Picture
from picture.history import History
from picture.journal import JournalReader
from picture.journal import snapshots as snapshots_module
from picture.journal.pages import shape
from picture.journal.protocol import Head
from picture.journal.snapshots import Snapshots, snapshot_key
from picture.sealing import Keyring, core_signing_key
from tests.event_strategies import EVENTS
from tests.past_world import KEY, happenings, past_journal, straight, write
from tests.scaffold import NOON_MS, STREAM, entries

LENGTH = 1500


class Past:
    """A journal of some length, its entries, and its snapshots every hundred entries or more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = past_journal(folder)
        self.entries = write(self.journal, happenings(LENGTH, Random(7)))

    def snapshots(self, *, key: bytes = KEY, share: int = 1000, spacing: int = 100) -> Snapshots:
        return Snapshots(self.folder / "snapshots", self.journal, key=key, spacing=spacing, share=share)

    @property
    def file(self) -> Path:
        (found,) = (self.folder / "snapshots").glob("*.sqlite")
        return found


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    made = Past(tmp_path_factory.mktemp("past"))
    yield made
    made.journal.close()


@pytest.fixture
def kept(past: Past, tmp_path: Path) -> Iterator[Past]:
    """The same past with a folder of its own for snapshots, filled by one look at the end."""
    own = object.__new__(Past)
    own.folder, own.journal, own.entries = tmp_path, past.journal, past.entries
    snapshots = own.snapshots()
    History(own.journal, snapshots).at_seq(LENGTH)
    assert len(snapshots.seqs()) >= 10
    snapshots.close()
    yield own


# --- any instant ----------------------------------------------------------------------------------------


def test_every_instant_is_as_it_was_forwards_backwards_and_at_random(kept: Past) -> None:
    snapshots = kept.snapshots()
    history = History(kept.journal, snapshots)
    dice = Random(3)
    asked = [*range(0, LENGTH, 97), *range(LENGTH, 0, -89), *(dice.randrange(LENGTH) for _ in range(12)), 700, 699, 698]
    for seq in asked:
        assert history.at_seq(seq).digest() == straight(kept.entries, seq).digest(), seq
    snapshots.close()


def test_without_snapshots_the_past_is_the_same_and_only_slower(past: Past) -> None:
    assert History(past.journal).at_seq(900).digest() == straight(past.entries, 900).digest()


def test_a_time_finds_the_last_entry_recorded_by_then(past: Past) -> None:
    history = History(past.journal)
    at = past.entries[699].recorded_ms
    assert [history.seq_at(at + wait) for wait in (-1, 0, 999, 1000)] == [699, 700, 700, 701]
    assert history.seq_at(NOON_MS) == 0 and history.seq_at(at * 2) == LENGTH
    assert history.at(at).digest() == straight(past.entries, 700).digest()
    assert history.at(0).cursor == {}


@pytest.mark.parametrize("seq", [-1, LENGTH + 1])
def test_an_instant_outside_the_journal_is_refused_by_name(past: Past, seq: int) -> None:
    with pytest.raises(JournalError) as refused:
        History(past.journal).at_seq(seq)
    assert refused.value.code == "TOC-3160"


def test_what_is_done_to_a_past_picture_stays_with_whoever_asked(kept: Past) -> None:
    history = History(kept.journal, kept.snapshots())
    first = history.at_seq(800)
    first.home.units.clear()
    first.apply(kept.entries[800])
    assert history.at_seq(800).digest() == straight(kept.entries, 800).digest()


def test_a_copied_journal_is_looked_back_on_with_snapshots_in_memory(kept: Past, tmp_path: Path) -> None:
    kept.journal.checkpoint()
    with JournalReader(kept.journal.path) as reader:
        snapshots = Snapshots(None, reader, key=KEY, spacing=100, share=1000)
        history = History(reader, snapshots)
        assert history.at_seq(LENGTH).digest() == straight(kept.entries, LENGTH).digest()
        assert len(snapshots.seqs()) >= 10 and snapshots.path is None
        assert history.at_seq(450).digest() == straight(kept.entries, 450).digest()
        snapshots.close()


def test_the_past_can_be_asked_from_threads_while_the_journal_is_written(tmp_path: Path) -> None:
    journal = past_journal(tmp_path)
    written = write(journal, happenings(400, Random(1)))
    found: list[bool] = []
    with JournalReader(journal.path) as reader:
        history = History(reader, Snapshots(tmp_path / "s", reader, key=KEY, spacing=50, share=1000))

        def look(dice: Random) -> None:
            for _ in range(12):
                seq = dice.randrange(400)
                found.append(history.at_seq(seq).digest() == straight(written, seq).digest())

        threads = [threading.Thread(target=look, args=(Random(n),)) for n in range(3)]
        for one in threads:
            one.start()
        for event in happenings(300, Random(2))[30:]:
            written += write(journal, [event])
        for one in threads:
            one.join()
        assert found == [True] * 36
        assert history.at_seq(len(written)).digest() == straight(written, len(written)).digest()
    journal.close()


def test_other_cores_stand_where_this_one_had_received_them(tmp_path: Path) -> None:
    there = past_journal(tmp_path / "there", "drill.harbour")
    theirs = write(there, happenings(200, Random(4)))
    here = past_journal(tmp_path / "here")
    events: list[Event] = happenings(60, Random(5))
    for at, received in ((30, 80), (50, 199)):
        events[at] = CursorReceived(cursor=(("drill.harbour", received, theirs[received - 1].hash),))
    ours = write(here, events)
    history = History(here, others={"drill.harbour": History(there)})
    for seq, received in ((20, 0), (31, 80), (50, 80), (51, 199)):
        expected = Picture(STREAM).apply_all([*theirs[:received], *ours[:seq]])
        assert history.at_seq(seq).digest() == expected.digest()
    here.close()
    there.close()


@pytest.mark.parametrize("within", [10, 4096])
def test_a_stream_that_is_not_what_was_received_is_named(
    tmp_path: Path, within: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "HEARD_WITHIN", within)
    there = past_journal(tmp_path / "there", "drill.harbour")
    theirs = write(there, happenings(200, Random(4)))
    here = past_journal(tmp_path / "here")
    events: list[Event] = happenings(120, Random(5))
    for at, received, hash_ in ((30, 80, theirs[79].hash), (50, 90, "0" * 64), (110, 300, "0" * 64)):
        events[at] = CursorReceived(cursor=(("drill.harbour", received, hash_), ("drill.gone", 5, "1" * 64)))
    write(here, events)
    history = History(here, others={"drill.harbour": History(there)})
    named = {seq: [one for one in history.conflicts(seq) if one.kind == "stream"] for seq in (20, 40, 51, 109, 120)}
    assert not named[20] and not named[40] and not named[120], "none received, as received, not here yet"
    assert named[51] == named[109] and len(named[51]) == 1
    (found,) = named[51]
    assert found.subject == "drill.harbour" and found.entries == ((STREAM, 51), ("drill.harbour", 90))
    assert found.words == (
        f"drill.harbour is not the stream that was received: received as 000000000000 ({STREAM}, entry 51); "
        f"here as {theirs[89].hash[:12]} (drill.harbour, entry 90)"
    )
    assert set(history.conflicts(51)) > set(named[51]), "and what the streams contradict each other in"
    here.close()
    there.close()


def test_the_past_is_seen_without_what_is_withheld_from_somebody(kept: Past) -> None:
    snapshots = kept.snapshots()
    history = History(kept.journal, snapshots)
    withheld = frozenset({"log.written", "claim.changed"})
    for _ in range(2):  # the second time from snapshots of the view
        for seq in (LENGTH, 640, 641):
            expected = Picture(STREAM)
            for one in kept.entries[:seq]:
                if one.kind in withheld:
                    expected.skip(STREAM, one.seq, one.recorded_ms)
                else:
                    expected.apply(one)
            found = history.seen_without(withheld).at_seq(seq)
            assert found.digest() == expected.digest() and not found.home.log
        history.close()
    assert history.at_seq(640).home.log and history.seen_without(frozenset()) is history
    assert len(list((kept.folder / "snapshots").glob("*.without-*.sqlite"))) == 1
    view = snapshots.seen_without(withheld)
    assert len(view.seqs()) >= 2 and view.seqs()[-1] <= LENGTH
    view.close()
    history.close()
    snapshots.close()


# --- snapshots ------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(events=EVENTS)
def test_a_snapshot_gives_back_every_record_of_every_kind(events: list[Event]) -> None:
    made = entries(events)
    picture = Picture(STREAM).apply_all(made)
    snapshots = Snapshots(None, _Listed(made), key=KEY, spacing=1, share=10**9)
    assert snapshots.keep(picture.copy().home, "")
    found = snapshots.newest()
    snapshots.close()
    assert found is not None and found.home == picture.home
    assert json.dumps(found.as_json()) == json.dumps(picture.as_json())  # tables in their order


def test_what_changed_since_a_snapshot_is_a_step_in_its_place_and_order(past: Past) -> None:
    snapshots = Snapshots(None, past.journal, key=KEY, spacing=1, share=10**6)
    picture = straight(past.entries, 1000)
    for seq in (1000, 1003, 1006, 1040):
        picture.apply_all(past.entries[picture.home.seq : seq])
        assert snapshots.keep(picture.copy().home, past.entries[seq - 1].hash)
        stepped = any(table.steps for table in snapshots._laid.values())
        assert stepped == (seq > 1000)
        found = snapshots.newest()
        assert found is not None and json.dumps(found.as_json()) == json.dumps(picture.as_json())
    snapshots.close()


def test_every_snapshot_gives_its_picture_back_over_steps_and_tables_laid_out_anew(tmp_path: Path) -> None:
    journal = past_journal(tmp_path)
    dice = Random(5)
    written = write(journal, happenings(2600, dice))
    snapshots = Snapshots(tmp_path / "s", journal, key=KEY, spacing=1, share=10**6)
    picture, texts = Picture(STREAM), {}
    sensors = []
    for entry in written:
        picture.apply(entry)
        if entry.seq > 1000 and dice.random() < 0.04:
            assert snapshots.keep(picture.copy().home, entry.hash)
            texts[entry.seq] = json.dumps(picture.as_json())
            sensors.append(len(snapshots._laid["sensors"].steps))
    assert max(sensors) > 3 and sensors.count(0) > 1, "steps, and begun anew"
    snapshots.close()
    snapshots = Snapshots(tmp_path / "s", journal, key=KEY, spacing=1, share=10**6)
    for seq in dice.sample(sorted(texts), len(texts)):
        found = snapshots.newest(seq)
        assert found is not None and found.home.seq == seq and json.dumps(found.as_json()) == texts[seq]
    snapshots.close()
    journal.close()


class _Listed:
    """Entries in a list, read like a journal."""

    stream = STREAM

    def __init__(self, made: list[Entry]) -> None:
        self.made = made

    def head(self) -> Head:
        return Head(STREAM, len(self.made), "")

    def read(self, after: int = 0, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
        return (one for one in self.made[after:upto] if kinds is None or one.kind in kinds)


def test_the_newest_snapshot_and_the_tail_give_the_picture_of_the_core(kept: Past) -> None:
    snapshots = kept.snapshots()
    picture = snapshots.newest()
    assert picture is not None and LENGTH - 200 < picture.home.seq <= LENGTH
    assert picture.apply_all(kept.journal.read(picture.home.seq)).digest() == straight(kept.entries, LENGTH).digest()
    early = snapshots.newest(500)
    assert early is not None and 400 < early.home.seq <= 500 and snapshots.newest(50) is None
    snapshots.close()


def test_a_core_that_offers_its_picture_gets_snapshots_in_the_background(past: Past, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, past.journal, key=KEY, spacing=100, share=1000)
    picture = Picture(STREAM)
    for entry in past.entries:
        picture.apply(entry)
        if snapshots.offer(picture, entry):
            snapshots.settle()
    assert len(snapshots.seqs()) == LENGTH // 100
    for seq in snapshots.seqs():
        found = snapshots.newest(seq)
        assert found is not None and found.digest() == straight(past.entries, seq).digest()
    snapshots.close()


def test_a_core_is_told_what_is_due_while_somebody_looks_back(past: Past, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, past.journal, key=KEY, spacing=100, share=1000)
    answers: list[bool] = []
    with snapshots._lock:  # held as long as somebody loads a snapshot
        core = threading.Thread(target=lambda: answers.extend([snapshots.due(50), snapshots.due(500)]))
        core.start()
        core.join(timeout=10)
    assert answers == [False, True]
    snapshots.close()


def test_snapshots_stay_within_their_share_of_the_journal(past: Past, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, past.journal, key=KEY, spacing=10, share=20)
    History(past.journal, snapshots).at_seq(LENGTH)
    journal_bytes = sum(file.stat().st_size for file in past.journal.path.glob("segment-*"))
    assert snapshots.seqs() and sum(size for _, size in snapshots._rows) <= journal_bytes * 0.2
    assert len(snapshots.seqs()) < LENGTH // 10  # the share decided, not the spacing
    snapshots.close()


def test_what_did_not_change_is_stored_once(past: Past, tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, past.journal, key=KEY, spacing=1, share=10**6)
    picture = straight(past.entries, 1000)
    assert snapshots.keep(picture.copy().home, past.entries[999].hash)
    picture.skip(STREAM, 1001, NOON_MS)
    assert snapshots.keep(picture.copy().home, past.entries[1000].hash)
    (_, first), (_, second) = snapshots._rows
    assert second * 5 < first
    snapshots.close()


def test_no_sealed_value_stands_in_a_snapshot(kept: Past) -> None:
    snapshots = kept.snapshots()
    texts = [json.dumps(picture.as_json()) for seq in snapshots.seqs() if (picture := snapshots.newest(seq))]
    snapshots.close()
    assert len(texts) >= 10 and all('"text"]' in text for text in texts), "the references are there"
    assert not any("planted words" in text for text in texts)
    assert b"planted words" not in kept.file.read_bytes()


def test_a_destroyed_key_forgets_at_past_instants_too(tmp_path: Path) -> None:
    journal = past_journal(tmp_path)
    write(journal, [LogWritten(id="L-1", incident="I-1", text="planted words"), *happenings(150, Random(1))])
    snapshots = Snapshots(tmp_path / "s", journal, key=KEY, spacing=50, share=1000)
    line = History(journal, snapshots).at_seq(150).home.log["L-1"]
    assert line.text is not None and journal.open_sealed(line.text) == "planted words"
    journal.close()
    Keyring(tmp_path / "keys").shred("I-1", "operations")
    journal = past_journal(tmp_path)
    again = History(journal, Snapshots(tmp_path / "s", journal, key=KEY, spacing=50, share=1000))
    for seq in (1, 100, 150):
        assert again.at_seq(seq).home.log["L-1"] == line and journal.open_sealed(line.text) is None
    journal.close()


# --- snapshots that do not fit --------------------------------------------------------------------------


def damaged(past: Past, *statements: str) -> Snapshots:
    connection = sqlite3.connect(past.file)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return past.snapshots()


def still_right(past: Past, snapshots: Snapshots) -> None:
    history = History(past.journal, snapshots)
    for seq in (LENGTH, 777, 1300):
        assert history.at_seq(seq).digest() == straight(past.entries, seq).digest()
    assert len(snapshots.seqs()) >= 10, "rebuilt on the way"
    found = [picture.home.seq for seq in snapshots.seqs() if (picture := snapshots.newest(seq)) is not None]
    assert sorted(set(found)) == snapshots.seqs(), "and each of them fits, now that all were looked at"
    snapshots.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pages SET data = zeroblob(length(data))",
        "UPDATE pages SET data = substr(data, 1, 10)",
        "UPDATE pages SET data = 'text'",
        "DELETE FROM pages",
        "UPDATE snapshots SET body = (SELECT body FROM snapshots LIMIT 1)",
        "UPDATE snapshots SET body = 7",
        "UPDATE snapshots SET mac = 'none'",
        "UPDATE snapshots SET size = 'large'",
        "UPDATE snapshots SET seq = seq + 1",
        "DROP TABLE pages",
        "DROP TABLE snapshots",
    ],
)
def test_an_altered_snapshot_is_ignored_and_rebuilt(kept: Past, statement: str) -> None:
    still_right(kept, damaged(kept, statement))


@pytest.mark.parametrize("data", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_file_that_is_no_database_is_begun_anew(kept: Past, data: bytes) -> None:
    kept.file.write_bytes(data)
    still_right(kept, kept.snapshots())


def test_flipped_bytes_anywhere_in_the_file_never_change_the_past(kept: Past) -> None:
    whole = kept.file.read_bytes()
    dice = Random(11)
    for _ in range(12):
        torn = bytearray(whole)
        for _ in range(40):
            torn[dice.randrange(len(torn))] ^= 1 << dice.randrange(8)
        kept.file.write_bytes(torn)
        snapshots = kept.snapshots()
        assert History(kept.journal, snapshots).at_seq(1200).digest() == straight(kept.entries, 1200).digest()
        snapshots.close()


def test_snapshots_under_another_key_are_not_looked_at(kept: Past) -> None:
    other = kept.snapshots(key=b"o" * 32)
    assert other.newest() is None
    other.close()
    core_key = snapshot_key(core_signing_key(kept.folder / "keys"))
    assert core_key == snapshot_key(core_signing_key(kept.folder / "keys")) and len(core_key) == 32


@pytest.mark.parametrize("what", ["FOLD_VERSION", "shape"])
def test_another_fold_or_shape_of_the_records_begins_anew(
    kept: Past, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots_module, what, "other" if what == "FOLD_VERSION" else lambda: "other")
    snapshots = kept.snapshots()
    assert snapshots.newest() is None
    still_right(kept, snapshots)


def test_a_snapshot_of_another_journal_is_ignored(kept: Past, tmp_path: Path) -> None:
    journal = past_journal(tmp_path / "other")
    written = write(journal, happenings(LENGTH, Random(8)))
    snapshots = Snapshots(kept.folder / "snapshots", journal, key=KEY, spacing=100, share=1000)
    assert snapshots.newest() is None
    assert History(journal, snapshots).at_seq(1000).digest() == straight(written, 1000).digest()
    snapshots.close()
    journal.close()


def test_where_no_file_can_be_written_snapshots_live_in_memory(past: Past, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    snapshots = Snapshots(tmp_path / "taken", past.journal, key=KEY, spacing=100, share=1000)
    assert snapshots.path is None
    still_right(past, snapshots)


# --- columns --------------------------------------------------------------------------------------------


def test_columns_tell_equal_values_of_different_types_apart() -> None:
    mixed = columns_of(tuple[tuple[str, str | int | float | bool], ...])
    values = [(("a", 1), ("a", True)), (), (("a", 1.0),), (("a", 0.0), ("a", -0.0))]
    out: list[list[object]] = []
    mixed.put(values, out)
    found = mixed.take(iter(json.loads(json.dumps(out))), len(values))
    assert repr(list(found)) == repr(values)


@given(st.lists(st.one_of(st.integers(), st.integers(10**12, 10**12 + 9), st.booleans(), st.none()), max_size=6))
def test_a_column_gives_back_its_values(values: list[int | bool | None]) -> None:
    out: list[list[object]] = []
    columns_of(object).put(values, out)
    assert repr(list(columns_of(object).take(iter(json.loads(json.dumps(out))), len(values)))) == repr(values)


@given(st.lists(st.one_of(st.sampled_from(["", "a", "b"]), st.text(max_size=1)), max_size=40))
def test_words_that_stand_again_and_again_lie_in_columns_as_numbers(words: list[str]) -> None:
    out: list[list[object]] = []
    columns_of(str).put(words, out)
    assert list(columns_of(str).take(iter(json.loads(json.dumps(out))), len(words))) == words
    many: list[list[object]] = []
    columns_of(str).put(["closed", "open"] * 20, many)
    assert many == [[["closed", "open"], *[0, 1] * 20]]


def test_times_lie_in_columns_as_short_steps() -> None:
    out: list[list[object]] = []
    columns_of(int).put([NOON_MS + n * 250 for n in range(100)], out)
    assert len(json.dumps(out)) < 700 and len(json.dumps([NOON_MS] * 100)) > 1400


def test_a_type_that_is_not_on_the_picture_has_no_columns() -> None:
    with pytest.raises(TypeError, match="columns"):
        columns_of(dict[str, int])


def test_the_shape_names_every_field() -> None:
    assert columns.columns_of(model.Place).shape == ("Place(lon_e7:int,lat_e7:int,label:str,uncertainty_m:int,how:str)")
    assert fold.FOLD_VERSION not in shape() and len(shape()) == 64


def test_entries_between_two_instants_are_there_to_step_through(past: Past) -> None:
    assert [entry.seq for entry in History(past.journal).entries(10, 13)] == [11, 12, 13]
