"""What is sealed stands nowhere in clear, opens only where it belongs, and is forgotten with its key."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture.errors import JournalError
from picture.events import KINDS, UnitAssigned, UnitLocated
from picture.journal import BlobStore, JournalReader, verify
from picture.sealing import (
    Keyring,
    Sealed,
    core_signing_key,
    drill_signing_key,
    new_signing_key,
    public_key_text,
    sign,
    signature_fits,
)
from tests.journal_world import CALL_BACK, CALLER, PLANTED, RAW, ROUTE, WORDS, World, assignment, call, log, new


def bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_planted_names_stand_in_no_byte_of_the_journal_nor_of_its_write_ahead_log(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([call(), assignment(), log(f"{CALLER} rang {CALL_BACK}")], commit_id="c-1")
        position = UnitLocated(unit="E12", lon_e7=123_456_701, lat_e7=456_789_002)
        journal.append_now([new(position)], commit_id="c-2")
        long = UnitAssigned(id="A-2", unit="E12", to_lon_e7=1, to_lat_e7=2, route=ROUTE * 4000)
        (entry,) = journal.append_now([new(long)], commit_id="c-3").entries
        assert journal.opened(entry) == {"route": ROUTE * 4000}
        assert len(list((tmp_path / "blobs").glob("*/*"))) == 1
        assert (world.journal / "segment-000001.sqlite-wal").stat().st_size > 0
        while_open = bytes_below(tmp_path)
        journal.roll()
    for data in (while_open, bytes_below(tmp_path)):
        assert b"report.received" in data
        assert [word for word in PLANTED if word.encode() in data] == []


def test_sealed_values_open_typed_as_their_fields(tmp_path: Path) -> None:
    with World(tmp_path).open() as journal:
        receipt = journal.append_now([call(), assignment()], commit_id="c-1")
        called, assigned = receipt.entries
        assert journal.opened(called) == {
            "raw": RAW, "report.caller": CALLER, "report.call_back": CALL_BACK, "report.text": WORDS,
        }  # fmt: skip
        ref = assigned.ref("route")
        assert ref is not None and journal.open_sealed(ref) == ROUTE
        assert assigned.ref("unit") is None
        assert isinstance(assigned.event, UnitAssigned) and assigned.event.route is None


def test_destroying_a_key_forgets_its_incident_alone_and_the_chain_still_verifies(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    with world.open() as journal:
        one, other = journal.append_now([call("I-1"), call("I-2")], commit_id="c-1").entries
        backup = Path(shutil.copytree(world.journal, tmp_path / "backup"))
    keyring = world.keyring()
    assert len(keyring.shred("I-1", "personal")) == 1
    for ring in (keyring, world.keyring()):
        for place in (world.journal, backup):
            with JournalReader(place, keyring=ring) as reader:
                assert reader.opened(one) == {}
                assert reader.opened(other)["report.caller"] == CALLER
                assert list(reader.read()) == [one, other]
    assert verify(world.journal).ok


def test_a_shredded_scope_gets_a_new_key_for_what_comes_later(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    before = keyring.seal(b"a", scope="I-1", retention="personal", binding=b"")
    keyring.shred("I-1", "personal")
    after = keyring.seal(b"b", scope="I-1", retention="personal", binding=b"")
    assert before.key != after.key
    assert (keyring.open(before, binding=b""), keyring.open(after, binding=b"")) == (None, b"b")


def test_shredding_removes_the_key_file(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    keyring.seal(b"a", scope="I-1", retention="personal", binding=b"")
    (file,) = tmp_path.glob("*.key")
    secret = file.read_bytes()
    keyring.shred("I-1", "personal")
    assert secret not in bytes_below(tmp_path)
    assert keyring.shred("I-1", "personal") == ()


@given(value=st.binary(max_size=300), place=st.binary(max_size=40))
def test_what_is_sealed_opens_again_where_it_belongs(
    tmp_path_factory: pytest.TempPathFactory, value: bytes, place: bytes
) -> None:
    keyring = Keyring(tmp_path_factory.getbasetemp() / "ring")
    sealed = keyring.seal(value, scope="s", retention="r", binding=place)
    assert Keyring(keyring.folder).open(sealed, binding=place) == value


def test_a_value_moved_to_another_place_or_altered_does_not_open(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    sealed = keyring.seal(b"value", scope="s", retention="r", binding=b"here")
    flipped = Sealed(sealed.key, sealed.nonce, bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:])
    for box, place in ((sealed, b"there"), (flipped, b"here")):
        with pytest.raises(JournalError) as refused:
            keyring.open(box, binding=place)
        assert refused.value.code == "TOC-3002"
        assert 'value"' not in str(refused.value)


def test_another_world_opens_nothing(tmp_path: Path) -> None:
    world = World(tmp_path / "drill")
    with world.open() as journal:
        (entry,) = journal.append_now([call()], commit_id="c-1").entries
    for ring in (Keyring(tmp_path / "live"), None):
        with JournalReader(world.journal, keyring=ring) as stranger:
            assert stranger.opened(entry) == {}


def test_one_value_sealed_twice_looks_different(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    one, two = (keyring.seal(b"same", scope="s", retention="r", binding=b"") for _ in range(2))
    assert one.key == two.key
    assert (one.nonce, one.ciphertext) != (two.nonce, two.ciphertext)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    Keyring(folder).seal(b"a", scope="s", retention="r", binding=b"")
    core_signing_key(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("damage", ["", "{}", '{"key": "AA==", "scope": "s", "retention": "r"}', "[1]"])
def test_a_damaged_key_file_is_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "0123456789abcdef.key").write_text(damage)
    with pytest.raises(JournalError, match=r"0123456789abcdef\.key") as refused:
        Keyring(tmp_path)
    assert refused.value.code == "TOC-3108"


def test_every_sealed_field_of_every_kind_may_be_absent() -> None:
    from picture.events import sealed_paths

    for model in KINDS.values():
        for name in sealed_paths(model):
            assert model.model_fields[name].default is None, f"{model.kind}.{name}"


def test_a_core_keeps_its_signing_key(tmp_path: Path) -> None:
    assert public_key_text(core_signing_key(tmp_path)) == public_key_text(core_signing_key(tmp_path))


def test_a_signature_fits_its_message_and_its_key_only() -> None:
    key, other = new_signing_key(), new_signing_key()
    signature = sign(key, b"approve P-7")
    assert signature_fits(public_key_text(key), b"approve P-7", signature)
    assert not signature_fits(public_key_text(key), b"approve P-8", signature)
    assert not signature_fits(public_key_text(other), b"approve P-7", signature)


@pytest.mark.parametrize(("public", "signature"), [("", ""), ("AAAA", "AAAA"), ("é", "é"), ("=", "\x00")])
def test_malformed_signatures_do_not_fit(public: str, signature: str) -> None:
    assert not signature_fits(public, b"m", signature)


def test_a_drill_gives_a_person_the_same_key_in_every_run_and_nobody_elses() -> None:
    def key(seed: str, person: str) -> str:
        return public_key_text(drill_signing_key(seed, person))

    assert key("7", "Ines Prado") == key("7", "Ines Prado")
    assert len({key("7", "Ines Prado"), key("8", "Ines Prado"), key("7", "Tom Okafor")}) == 3


def test_blobs_come_back_sealed_and_named_by_content(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys")
    store = BlobStore(tmp_path / "blobs", keyring)
    name = store.put(WORDS.encode() * 4000, source="incident", scope="I-1", retention="personal")
    assert BlobStore(tmp_path / "blobs", keyring).get(name) == WORDS.encode() * 4000
    assert b"zebra" not in bytes_below(tmp_path / "blobs")
    keyring.shred("I-1", "personal")
    assert store.get(name) is None
    assert store.get("0" * 64) is None


def test_an_altered_blob_is_refused(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", Keyring(tmp_path / "keys"))
    name = store.put(b"x" * 100, source="cap", scope="s", retention="r")
    file = tmp_path / "blobs" / "cap" / name
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(JournalError, match="altered"):
        store.get(name)


def test_a_source_that_has_used_its_room_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys")
    store = BlobStore(tmp_path / "blobs", keyring, quota_bytes=1000)
    store.put(b"x" * 700, source="cap", scope="s", retention="r")
    again = BlobStore(tmp_path / "blobs", keyring, quota_bytes=1000)
    with pytest.raises(JournalError) as refused:
        again.put(b"x" * 700, source="cap", scope="s", retention="r")
    assert refused.value.code == "TOC-3107"
    assert again.put(b"x" * 700, source="ais", scope="s", retention="r")


@pytest.mark.parametrize("source", ["..", "../..", "a/b", "", "é\x00", "."])
def test_no_source_name_leaves_the_blob_folder(tmp_path: Path, source: str) -> None:
    store = BlobStore(tmp_path / "blobs", Keyring(tmp_path / "keys"))
    name = store.put(b"x", source=source, scope="s", retention="r")
    (file,) = (tmp_path / "blobs").glob("*/*")
    assert (file.name, store.get(name)) == (name, b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"blobs", "keys"}
