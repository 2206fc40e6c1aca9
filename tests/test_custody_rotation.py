"""The core's key can be replaced: the old one vouches for the new one, and nothing signed by anybody else passes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import Actor
from picture.errors import JournalError
from picture.events import KeyRotated
from picture.fold import Picture
from picture.journal import JournalReader, SqliteJournal, verify
from picture.journal.rotation import core_key, rotate, signer_of
from picture.journal.segments import checkpoint_bytes
from picture.sealing import (
    Keyring,
    core_signing_key,
    endorse,
    new_signing_key,
    public_key_text,
    put_next_core_key,
    sign,
)
from tests.journal_world import CALLER, NOON_MS, STREAM, World, call, new, vessel

WHO = Actor("Tom Okafor", "supervisor", "port")


def rotated(world: World, *, sealing: bool = False) -> SqliteJournal:
    """The world's journal, open, with three entries before a rotation and two after it."""
    journal = world.open()
    journal.append_now([vessel(1), vessel(2), call("I-1")], commit_id="before")
    keyring = journal._keys if sealing else None
    rotate(journal, world.keys, actor=WHO, now_ms=NOON_MS, why="yearly", keyring=keyring)
    journal.append_now([vessel(3), vessel(4)], commit_id="after")
    return journal


def test_a_rotation_is_an_entry_and_the_chain_verifies_across_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    old = public_key_text(core_signing_key(world.keys))
    with rotated(world) as journal:
        fresh = public_key_text(core_signing_key(world.keys))
    report = verify(world.journal)
    assert report.ok, report.why
    assert (report.public_keys, report.segments) == ((old, fresh), 2)
    kinds = [entry.kind for entry in JournalReader(world.journal).read()]
    assert kinds[3:5] == ["key.rotated", "segment.opened"]
    assert signer_of(world.journal) == fresh != old
    assert journal.head().seq == len(kinds) == 7


def test_what_a_rotation_wrote_folds_without_a_gap(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        picture = Picture(STREAM).apply_all(journal.append_now([vessel(1)], commit_id="a").entries)
        picture.apply_all(rotate(journal, world.keys, actor=WHO, now_ms=NOON_MS, why=""))
        picture.apply_all(journal.append_now([vessel(2)], commit_id="b", expect=picture.home.seq).entries)
        assert picture.home.seq == 4
        assert picture.digest() == Picture(STREAM).apply_all(journal.read()).digest()


def test_the_journal_opens_again_with_the_new_key_and_not_with_the_old_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    old = core_signing_key(world.keys)
    rotated(world).close()
    with world.open() as journal:
        journal.append_now([vessel(9)], commit_id="later")
    assert verify(world.journal).ok
    with pytest.raises(JournalError) as refused:
        SqliteJournal(world.journal, STREAM, keyring=world.keyring(), signing_key=old)
    assert refused.value.code == "TOC-3108"


def test_the_old_key_is_nowhere_on_disk_after_a_rotation(tmp_path: Path) -> None:
    world = World(tmp_path)
    core_signing_key(world.keys)
    secret = (world.keys / "core.ed25519").read_bytes()
    rotated(world).close()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()] == []
    assert {path.name for path in world.keys.glob("core*")} == {"core.ed25519"}
    if os.name == "posix":
        assert stat.S_IMODE((world.keys / "core.ed25519").stat().st_mode) == 0o600


def test_a_crash_before_the_journal_named_the_new_key_leaves_the_old_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open() as journal:
        journal.append_now([vessel(1)], commit_id="a")
    put_next_core_key(world.keys)
    with SqliteJournal(
        world.journal, STREAM, keyring=world.keyring(), signing_key=core_key(world.keys, world.journal)
    ) as journal:
        journal.append_now([vessel(2)], commit_id="b")
    assert verify(world.journal).ok


def test_a_crash_after_the_journal_named_the_new_key_goes_on_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    journal = world.open()
    journal.append_now([vessel(1)], commit_id="a")
    fresh, old = put_next_core_key(world.keys), core_signing_key(world.keys)
    event = KeyRotated(
        old=public_key_text(old), new=public_key_text(fresh), endorsement=endorse(old, public_key_text(fresh), STREAM)
    )
    journal.append_now([new(event)], commit_id="b")
    dead = Path(shutil.copytree(world.journal, tmp_path / "dead"))  # as a kill between entry and segment leaves it
    journal.close()
    with pytest.raises(JournalError):
        SqliteJournal(dead, STREAM, keyring=world.keyring(), signing_key=old)
    key = core_key(world.keys, dead)
    assert public_key_text(key) == public_key_text(fresh) == public_key_text(core_signing_key(world.keys))
    with SqliteJournal(dead, STREAM, keyring=world.keyring(), signing_key=key) as resumed:
        seen = resumed.head().seq
        assert [entry.seq for entry in resumed.read()] == [1, 2, 3]
        resumed.append_now([vessel(2)], commit_id="c", expect=seen)
    report = verify(dead)
    assert report.ok and report.entries == 4, report.why


def _forged(world: World, event: KeyRotated, fresh: Ed25519PrivateKey) -> None:
    """A rotation written by somebody who holds the journal but not the old key."""
    journal = world.open()
    journal.append_now([vessel(1)], commit_id="a")
    journal.append_now([new(event)], commit_id="b")
    journal._key = fresh
    journal.roll(NOON_MS)
    journal.append_now([vessel(2)], commit_id="c")
    journal.close()


@pytest.mark.parametrize("forgery", ["endorsed by the new key", "for another stream", "of another key", "of nothing"])
def test_a_rotation_that_the_old_key_did_not_endorse_is_named(tmp_path: Path, forgery: str) -> None:
    world, fresh = World(tmp_path), new_signing_key()
    old = core_signing_key(world.keys)
    public = public_key_text(fresh)
    endorsement = {
        "endorsed by the new key": endorse(fresh, public, STREAM),
        "for another stream": endorse(old, public, "core-elsewhere"),
        "of another key": endorse(old, public_key_text(new_signing_key()), STREAM),
        "of nothing": "",
    }[forgery]
    _forged(world, KeyRotated(old=public_key_text(old), new=public, endorsement=endorsement), fresh)
    report = verify(world.journal)
    assert (report.first_bad, report.entries) == (2, 2)
    assert "vouch" in report.why


def test_a_segment_by_a_key_that_no_rotation_named_is_bad(tmp_path: Path) -> None:
    world = World(tmp_path)
    journal = world.open()
    journal.append_now([vessel(1)], commit_id="a")
    journal._sign_head(journal._opened_writer(), journal.head())
    journal._key = new_signing_key()
    journal.roll(NOON_MS)
    journal.close()
    report = verify(world.journal)
    assert (report.first_bad, report.entries) == (2, 1)
    assert "segment-000002.sqlite" in report.why and "vouch" in report.why


def test_a_signature_of_the_old_key_after_the_rotation_does_not_fit(tmp_path: Path) -> None:
    world = World(tmp_path)
    old = core_signing_key(world.keys)
    journal = rotated(world)
    head = journal.head()
    journal.close()
    with closing(sqlite3.connect(world.journal / "segment-000002.sqlite")) as file, file:
        signature = sign(old, checkpoint_bytes(STREAM, head.seq, head.hash))
        file.execute("UPDATE checkpoints SET signature = ? WHERE seq = ?", (signature, head.seq))
    assert "checkpoint at entry 7" in verify(world.journal).why


def test_an_altered_rotation_is_named_like_any_entry(tmp_path: Path) -> None:
    world = World(tmp_path)
    rotated(world).close()
    with closing(sqlite3.connect(world.journal / "segment-000001.sqlite")) as file, file:
        file.execute("UPDATE entries SET payload = replace(payload, 'yearly', 'monthly') WHERE seq = 4")
    assert verify(world.journal).first_bad == 4


def test_renewed_sealing_keys_seal_what_comes_and_the_old_ones_still_open(tmp_path: Path) -> None:
    world = World(tmp_path)
    with rotated(world, sealing=True) as journal:
        (entry,) = journal.append_now([call("I-1")], commit_id="new").entries
        (rotation,) = journal.read(kinds=frozenset({"key.rotated"}))
        assert isinstance(rotation.event, KeyRotated)
        for ring in (journal._keys, Keyring(world.keys)):
            older, newer = ring.inventory()
            assert (older.generation, newer.generation, older.retired_ms) == (1, 2, NOON_MS)
            assert rotation.event.sealing == (newer.id,)
            assert newer.retired_ms is None and newer.made_ms == NOON_MS
            with JournalReader(world.journal, keyring=ring) as reader:
                before = reader.entry(3)
                assert before is not None
                assert reader.opened(before)["report.caller"] == reader.opened(entry)["report.caller"] == CALLER
        sealed = Keyring(world.keys).seal(b"x", scope="I-1", retention="personal", binding=b"")
        assert sealed.key == newer.id
