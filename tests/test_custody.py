"""What is sealed is forgotten by two persons, kept by a hold, and read by name: and every time the journal says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from picture.entry import Entry, Ref
from picture.errors import JournalError
from picture.events import LogWritten, PayloadShredded, UnitAssigned, UserChanged, ValueRead
from picture.fold import Picture
from picture.journal import BlobStore, JournalReader, verify
from picture.journal.custody import (
    REQUEST_MS,
    Signed,
    ask_erasure,
    change_hold,
    confirm_erasure,
    erasure_bytes,
    finish_erasures,
    open_for,
    shred,
    waiting_erasure,
)
from picture.sealing import Keyring
from tests.custody_desk import Desk, key_of, public, signed
from tests.journal_world import CALLER, PLANTED, ROUTE, STREAM, World, call, new

WHY = "the caller asked to be forgotten"


def erase(desk: Desk, scope: str = "I-1", first: str = "Ada", second: str = "Ben") -> tuple[PayloadShredded, ...]:
    ask_erasure(desk.keeping, scope, signed(first, scope), request="ER-1", why=WHY)
    return confirm_erasure(desk.keeping, "ER-1", signed(second, scope), now_ms=desk.now_ms, why=WHY)


def long_assignment(incident: str) -> UnitAssigned:
    return UnitAssigned(id="A-9", unit="E12", incident=incident, to_lon_e7=1, to_lat_e7=2, route=ROUTE * 4000)


def note(incident: str) -> LogWritten:
    return LogWritten(id="L-9", incident=incident, text="zebra-striped boathouse")


def values(reader: JournalReader) -> list[dict[str, object]]:
    return [reader.opened(entry) for entry in reader.read() if entry.sealed]


def readable(value: object) -> bool:
    return any(word in json.dumps(value, default=str) for word in PLANTED)


# --- erasing --------------------------------------------------------------------------------------------------


def test_two_persons_forget_an_incident_everywhere_and_the_chain_still_verifies(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    with Desk(world).begin_in() as desk:
        desk.write([call("I-2"), new(long_assignment("I-1")), new(long_assignment("I-2")), new(note("I-1"))])
        past = json.dumps(desk.picture.as_json())
        copy = Path(shutil.copytree(world.journal, tmp_path / "copy"))
        digest = desk.picture.digest()
        events = erase(desk)
        assert {event.retention_class for event in events} == {"personal", "operations"}
        assert all(event.by == ("Ada", "Ben") and event.request == "ER-1" for event in events)
        assert len(list((world.folder / "blobs").glob("*/*"))) == 1  # the other incident's route
        assert values(desk.journal)[0] == {} and readable(values(desk.journal)[1])
    assert verify(world.journal).ok
    for ring in (desk.keyring, Keyring(world.keys)):
        for place in (world.journal, copy):
            with JournalReader(place, keyring=ring, blobs=BlobStore(world.folder / "blobs", ring)) as reader:
                mine = [reader.opened(e) for e in reader.read() if e.sealed and e.event.key_scope() == "I-1"]
                assert mine == [{}, {}, {}]
    snapshot = Picture.from_json(STREAM, json.loads(past))
    assert snapshot.digest() == digest and not readable(past)
    upto = snapshot.home.seq
    with JournalReader(world.journal, keyring=Keyring(world.keys)) as reader:
        assert Picture(STREAM).apply_all(reader.read(0, upto)).digest() == digest


def test_the_picture_says_what_was_forgotten_and_no_request_is_left(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        keys = {info.id for info in desk.keyring.inventory() if info.scope == "I-1"}
        erase(desk)
        assert keys <= set(desk.picture.home.shredded)
        assert desk.picture.home.erasures == {}
        assert not any(desk.keyring.holds(key) for key in keys)
        assert [path for path in (tmp_path / "keys").iterdir() if path.stem in keys] == []


def test_both_signatures_stand_in_the_journal_for_anybody_to_check(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    with Desk(World(tmp_path)).begin_in() as desk:
        erase(desk)
        (entry, *_) = desk.journal.read(kinds=frozenset({"payload.shredded"}))
    assert isinstance(entry.event, PayloadShredded)
    for person, key, signature in entry.event.signatures:
        message = erasure_bytes(STREAM, "ER-1", "I-1", "", person)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    assert {person for person, _, _ in entry.event.signatures} == {"Ada", "Ben"}
    assert WHY.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())


def test_nothing_is_forgotten_before_the_second_person(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
        assert readable(values(desk.journal))
        waiting = waiting_erasure(desk.picture.home, "I-1", "", desk.now_ms)
        assert waiting is not None and waiting.person == "Ada"
        assert waiting_erasure(desk.picture.home, "I-2", "", desk.now_ms) is None
        assert waiting_erasure(desk.picture.home, "I-1", "", desk.now_ms + REQUEST_MS + 1) is None


def test_a_request_survives_a_restart_and_is_confirmed_after_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    with Desk(world).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
    with Desk(world) as again:
        confirm_erasure(again.keeping, "ER-1", signed("Ben"), now_ms=again.now_ms)
        assert not readable(values(again.journal))


def test_only_one_class_is_forgotten_where_that_was_asked(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        (noted,) = desk.record([note("I-1")])
        one = signed("Ada", retention_class="personal"), signed("Ben", retention_class="personal")
        ask_erasure(desk.keeping, "I-1", one[0], request="ER-1", why=WHY, retention_class="personal")
        confirm_erasure(desk.keeping, "ER-1", one[1], now_ms=desk.now_ms)
        assert desk.journal.opened(noted) == {"text": "zebra-striped boathouse"}
        assert CALLER not in json.dumps(values(desk.journal))


def test_what_arrives_late_for_a_forgotten_incident_gets_a_fresh_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    with Desk(world).begin_in() as desk:
        erase(desk)
        (entry,) = desk.write([call("I-1")])
        assert readable(desk.journal.opened(entry))
    ring = Keyring(world.keys)
    with JournalReader(world.journal, keyring=ring) as reader:
        assert not readable(values(reader)[0])
        assert readable(reader.opened(entry))
    assert verify(world.journal).ok


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (signed("Ada"), "somebody else"),
        (Signed("Ben", public("Ada"), signed("Ada").signature), "does not hold"),
        (signed("Cleo"), "may not"),
        (signed("Dora"), "no user"),
        (signed("Ben", request="ER-2"), "does not hold"),
        (signed("Ben", scope="I-2"), "does not hold"),
        (Signed("Ben", "", ""), "does not hold"),
        (Signed("Ben", public("Cleo"), key_of("Cleo").sign(erasure_bytes(STREAM, "ER-1", "I-1", "", "Ben")).hex()),
         "not with this key"),
    ],
    ids=["same person", "borrowed key", "operator", "stranger", "other request", "other scope", "nothing", "own name"],
)  # fmt: skip
def test_a_second_word_that_does_not_count_destroys_nothing(tmp_path: Path, second: Signed, why: str) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
        head = desk.journal.head()
        with pytest.raises(JournalError, match=why) as refused:
            confirm_erasure(desk.keeping, "ER-1", second, now_ms=desk.now_ms)
        assert refused.value.code == "TOC-3121"
        assert readable(values(desk.journal)) and desk.journal.head() == head


def test_a_supervisor_who_was_closed_since_no_longer_counts(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
        gone = UserChanged(
            name="Ada", agency="port", role="supervisor", positions=(), public_keys=(public("Ada"),), active=False
        )
        desk.record([gone])
        with pytest.raises(JournalError, match="Ada may not"):
            confirm_erasure(desk.keeping, "ER-1", signed("Ben"), now_ms=desk.now_ms)


def test_a_request_that_is_too_old_is_not_confirmed(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
        with pytest.raises(JournalError, match="waits") as refused:
            confirm_erasure(desk.keeping, "ER-1", signed("Ben"), now_ms=desk.now_ms + REQUEST_MS + 1)
        assert refused.value.code == "TOC-3121"


def test_throw_away_keys_count_in_a_drill_and_nowhere_else(tmp_path: Path) -> None:
    with Desk(World(tmp_path / "drill")).begin_in("drill", people=False) as desk:
        erase(desk, first="Player One", second="Player Two")
        assert not readable(values(desk.journal))
    for world in ("live", "whatif"):
        with Desk(World(tmp_path / world)).begin_in(world, people=False) as desk:
            with pytest.raises(JournalError, match="no user"):
                erase(desk, first="Player One", second="Player Two")
            assert readable(values(desk.journal))


def test_a_scope_without_a_key_has_nothing_to_forget(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        with pytest.raises(JournalError) as refused:
            erase(desk, scope="I-77")
        assert refused.value.code == "TOC-3122"


# --- crashes --------------------------------------------------------------------------------------------------


class Killed(Exception):
    """The process died here."""


def test_a_kill_after_the_keys_were_doomed_ends_in_the_same_erasure(tmp_path: Path) -> None:
    world = World(tmp_path)
    with Desk(world).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
        keys = {info.id for info in desk.keyring.inventory() if info.scope == "I-1"}
        desk.keyring.doom(keys)  # and here the machine stopped
    with Desk(world) as again:
        assert not readable(values(again.journal))
        events = confirm_erasure(again.keeping, "ER-1", signed("Ben"), now_ms=again.now_ms)
        assert {key for event in events for key in event.keys} == keys
    assert [path for path in world.keys.iterdir() if path.stem in keys] == []


def test_a_kill_after_the_entry_is_finished_at_the_next_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    with Desk(world).begin_in() as desk:
        desk.record([long_assignment("I-1")])
        before = Path(shutil.copytree(world.folder, tmp_path / "before"))
        erase(desk)
        forgotten = set(desk.picture.home.shredded)
    for name in ("keys", "blobs"):  # somebody restores yesterday's copy of the keys
        shutil.rmtree(world.folder / name)
        shutil.copytree(before / name, world.folder / name)
    with Desk(world) as again:
        assert readable(values(again.journal))
        done = finish_erasures(again.picture.home, again.keyring, again.blobs)
        assert set(done) == forgotten
        assert not readable(values(again.journal))
        assert finish_erasures(again.picture.home, again.keyring, again.blobs) == ()
    assert list((world.folder / "blobs").glob("*/*")) == []


def test_where_the_journal_refuses_nothing_is_destroyed_for_good(tmp_path: Path) -> None:
    world = World(tmp_path)
    with Desk(world).begin_in() as desk:

        def refuse(_events: object) -> None:
            raise Killed

        keeping = desk.keeping.__class__(desk.picture.home, desk.keyring, desk.blobs, refuse)
        with pytest.raises(Killed):
            shred(keeping, desk.keyring.inventory(), by=())
    assert {path.suffix for path in world.keys.iterdir() if path.suffix != ".ed25519"} == {".doomed"}
    assert [info.doomed for info in Keyring(world.keys).inventory()] == [True]


# --- holding --------------------------------------------------------------------------------------------------


def test_a_legal_hold_keeps_its_scope_from_being_forgotten_until_it_is_lifted(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        ask_erasure(desk.keeping, "I-1", signed("Ada"), request="ER-1", why=WHY)
        assert change_hold(desk.keeping, "I-1", on=True, why="inquiry 7")
        assert not change_hold(desk.keeping, "I-1", on=True, why="again")
        with pytest.raises(JournalError) as asked:
            ask_erasure(desk.keeping, "I-1", signed("Ben", request="ER-2"), request="ER-2", why=WHY)
        with pytest.raises(JournalError) as confirmed:
            confirm_erasure(desk.keeping, "ER-1", signed("Ben"), now_ms=desk.now_ms)
        assert asked.value.code == confirmed.value.code == "TOC-3120"
        assert readable(values(desk.journal))
        assert change_hold(desk.keeping, "I-1", on=False, why="inquiry closed")
        confirm_erasure(desk.keeping, "ER-1", signed("Ben"), now_ms=desk.now_ms)
        assert CALLER not in json.dumps(values(desk.journal))


# --- reading --------------------------------------------------------------------------------------------------


def caller(desk: Desk) -> tuple[Entry, Ref]:
    entry = next(entry for entry in desk.journal.read() if entry.sealed)
    ref = entry.ref("report.caller")
    assert ref is not None
    return entry, ref


def test_reading_a_sealed_value_is_an_entry_that_says_who_and_why(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        entry, ref = caller(desk)
        assert open_for(desk.journal, [ref], record=desk.record, why="to call back") == {ref: CALLER}
        (read,) = desk.journal.read(kinds=frozenset({"value.read"}))
        assert read.event == ValueRead(refs=((STREAM, entry.seq, "report.caller"),), why="to call back")
        assert read.actor.person == "Tom Okafor"


@pytest.mark.parametrize("why", ["", "  "])
def test_nothing_is_read_without_a_reason(tmp_path: Path, why: str) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        with pytest.raises(JournalError) as refused:
            open_for(desk.journal, [caller(desk)[1]], record=desk.record, why=why)
        assert refused.value.code == "TOC-3123"


def test_nothing_is_read_where_the_journal_refuses_the_entry(tmp_path: Path) -> None:
    class Watched:
        opened = 0

        def open_sealed(self, _ref: Ref) -> object | None:
            self.opened += 1
            return None

    def refuse(_events: object) -> None:
        raise JournalError(code="TOC-3101")

    watched = Watched()
    with pytest.raises(JournalError):
        open_for(watched, [Ref(STREAM, 1, "raw")], record=refuse, why="to see")
    assert watched.opened == 0


def test_a_forgotten_value_that_is_asked_for_is_none_and_still_an_entry(tmp_path: Path) -> None:
    with Desk(World(tmp_path)).begin_in() as desk:
        _, ref = caller(desk)
        erase(desk)
        assert open_for(desk.journal, [ref], record=desk.record, why="to see") == {ref: None}
        assert len(list(desk.journal.read(kinds=frozenset({"value.read"})))) == 1


def test_blobs_give_their_room_back_when_they_are_forgotten(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys")
    store = BlobStore(tmp_path / "blobs", keyring, quota_bytes=1000)
    name = store.put(b"x" * 700, source="cap", scope="I-1", retention="personal")
    kept = store.put(b"y" * 700, source="ais", scope="I-2", retention="personal")
    assert store.remove(keyring.shred("I-1", "personal")) == (name,)
    assert store.used_bytes("cap") == 0 and store.get(name) is None and store.get(kept) == b"y" * 700
    assert store.put(b"z" * 700, source="cap", scope="I-3", retention="personal")
