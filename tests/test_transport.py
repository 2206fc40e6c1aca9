"""A journal travels in one file: whole, still signed, without a key; and only what belongs here is taken in."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from picture.entry import Actor
from picture.errors import JournalError
from picture.events import UnitAssigned
from picture.fold import Picture
from picture.journal import BlobStore, JournalReader, verify
from picture.journal.arrival import Taken, take_in
from picture.journal.rotation import rotate
from picture.journal.sqlite import SqliteJournal
from picture.journal.transport import Manifest, export
from picture.sealing import Keyring
from tests.journal_world import CALLER, NOON_MS, PLANTED, ROUTE, STREAM, World, call, new, opened, vessel


def fill(journal: SqliteJournal, first: int, last: int, roll_after: int = 0) -> None:
    for number in range(first, last + 1):
        journal.append_now([vessel(number), call(f"I-{number % 3}")], commit_id=f"c-{number}")
        if number == roll_after:
            journal.roll()


def written(folder: Path, commits: int = 10, roll_after: int = 4) -> World:
    world = World(folder)
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-0")
        fill(journal, 1, commits, roll_after)
    return world


def packed(world: World, to: Path, after: int = 0) -> tuple[Path, Manifest]:
    return export(world.journal, to, made_ms=NOON_MS, blobs=world.folder / "blobs", after=after)


def taken(file: Path, folder: Path) -> Taken:
    return take_in(file, folder / "journal", blobs=folder / "blobs")


def rows(folder: Path) -> list[tuple[object, ...]]:
    """Every stored value of every table, read plainly."""
    found: list[tuple[object, ...]] = []
    for file in sorted(folder.glob("segment-*.sqlite")):
        with closing(sqlite3.connect(file)) as connection:
            for table, order in (
                ("header", "id"),
                ("entries", "seq"),
                ("commits", "first_seq"),
                ("checkpoints", "seq"),
            ):
                found += [
                    (file.name, table, *row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")
                ]
    return found


def refused(code: str, do: Callable[[], object]) -> str:
    with pytest.raises(JournalError) as error:
        do()
    assert error.value.code == code, error.value
    return str(error.value)


# --- out ------------------------------------------------------------------------------------------------------


def test_an_export_taken_in_elsewhere_is_the_same_journal_and_verifies(tmp_path: Path) -> None:
    world = written(tmp_path / "here")
    file, manifest = packed(world, tmp_path)
    assert file.name == "drill-core-meridian-1-22.tocsin.zip"
    result = taken(file, tmp_path / "there")
    report = verify(tmp_path / "there" / "journal")
    assert report.ok and report.head == manifest.head and result.entries == manifest.head_seq == report.entries == 22
    assert report.public_keys == manifest.public_keys == verify(world.journal).public_keys
    assert rows(tmp_path / "there" / "journal") == rows(world.journal)
    assert result.head.seq == 22 and manifest.world == "drill"


def test_no_key_and_no_sealed_value_is_in_an_export_and_without_keys_its_values_are_none(tmp_path: Path) -> None:
    world = written(tmp_path / "here")
    with world.open() as journal:
        journal.append_now([new(UnitAssigned(id="A-1", unit="E12", to_lon_e7=1, to_lat_e7=2, route=ROUTE * 4000))],
                           commit_id="long")  # fmt: skip
    file, manifest = packed(world, tmp_path)
    assert len(manifest.blobs) == 1
    with zipfile.ZipFile(file) as archive:
        data = b"\n".join(archive.read(name) for name in archive.namelist())
    secrets = [json.loads(path.read_bytes())["key"].encode() for path in world.keys.glob("*.key")]
    secrets.append((world.keys / "core.ed25519").read_bytes())
    assert [secret for secret in secrets if secret in data] == []
    assert [word for word in PLANTED if word.encode() in data] == []
    taken(file, tmp_path / "there")
    stranger = Keyring(tmp_path / "there" / "keys")
    for ring, known in ((stranger, False), (world.keyring(), True)):
        blobs = BlobStore(tmp_path / "there" / "blobs", ring)
        with JournalReader(tmp_path / "there" / "journal", keyring=ring, blobs=blobs) as reader:
            first = next(entry for entry in reader.read() if entry.sealed)
            last = list(reader.read())[-1]
            assert (reader.opened(first).get("report.caller") == CALLER) is known
            assert (reader.opened(last) == {"route": ROUTE * 4000}) is known


def test_the_copy_is_one_instant_of_a_journal_that_is_being_written(tmp_path: Path) -> None:
    world = World(tmp_path / "here")
    with world.open() as journal:
        journal.append_now([opened()], commit_id="c-0")
        fill(journal, 1, 300)
        number = 300

        def meanwhile(what: str, _share: float) -> None:
            nonlocal number
            if what.startswith("copying"):
                number += 1
                fill(journal, number, number)

        file, manifest = export(world.journal, tmp_path, made_ms=NOON_MS, progress=meanwhile)
        assert number > 300 and manifest.head_seq == 601
        fill(journal, number + 1, number + 1)
        assert journal.head().seq == 601 + 2 * (number + 1 - 300)
    assert taken(file, tmp_path / "there").entries == 601
    assert verify(world.journal).ok


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    world = written(tmp_path / "here")
    (tmp_path / "mine.zip").write_bytes(b"mine")
    refused("TOC-3128", lambda: packed(world, tmp_path / "mine.zip"))
    assert (tmp_path / "mine.zip").read_bytes() == b"mine"


def test_a_damaged_journal_is_not_exported_as_if_it_were_whole(tmp_path: Path) -> None:
    world = written(tmp_path / "here")
    with closing(sqlite3.connect(world.journal / "segment-000001.sqlite")) as file, file:
        file.execute("UPDATE entries SET grade = 'A1' WHERE seq = 5")
    assert "entry 5" in refused("TOC-3002", lambda: packed(world, tmp_path)).lower()
    assert list(tmp_path.glob("*.zip")) == []


def test_commits_that_a_damaged_log_hides_are_not_left_out_in_silence(tmp_path: Path) -> None:
    world = World(tmp_path / "here")
    with world.open() as journal:
        for number in range(40):
            journal.append_now([vessel(number)], commit_id=f"c-{number}")
        dead = World(Path(shutil.copytree(world.folder, tmp_path / "dead")))
    (dead.journal / "segment-000001.sqlite-shm").unlink(missing_ok=True)
    wal = dead.journal / "segment-000001.sqlite-wal"
    data = bytearray(wal.read_bytes())
    data[len(data) // 2] ^= 1
    wal.write_bytes(data)
    assert "wal" in refused("TOC-3002", lambda: packed(dead, tmp_path))


def test_the_same_journal_exported_twice_gives_the_same_entries(tmp_path: Path) -> None:
    world = written(tmp_path / "here")
    (one, manifest), (_, again) = packed(world, tmp_path / "1.zip"), packed(world, tmp_path / "2.zip")
    assert (manifest.head, manifest.stream) == (again.head, again.stream)
    assert one.stat().st_size < sum(part.bytes for part in manifest.segments) / 2


# --- in, step by step -----------------------------------------------------------------------------------------


def test_later_exports_carry_on_where_the_last_one_ended(tmp_path: Path) -> None:
    world, there = written(tmp_path / "here"), tmp_path / "there"
    assert taken(packed(world, tmp_path / "1.zip")[0], there).entries == 22
    for step, (first, last, roll) in enumerate([(11, 15, 0), (16, 30, 20), (31, 60, 45), (61, 61, 0)], 2):
        had = verify(there / "journal").entries
        with world.open() as journal:
            fill(journal, first, last, roll)
            if step == 3:
                rotate(journal, world.keys, actor=Actor("Tom"), now_ms=NOON_MS, why="")
        file, manifest = packed(world, tmp_path / f"{step}.zip", after=had)
        assert had + 1 >= manifest.first_seq > 1
        assert taken(file, there).entries == manifest.head_seq - had
        assert rows(there / "journal") == rows(world.journal) or _only_signatures_differ(there, world)
        assert verify(there / "journal").ok
    with JournalReader(there / "journal") as reader:
        digest = Picture(STREAM).apply_all(reader.read()).digest()
    with JournalReader(world.journal) as reader:
        assert Picture(STREAM).apply_all(reader.read()).digest() == digest


def _only_signatures_differ(there: Path, world: World) -> bool:
    """Each copy was signed at its own end too: more signatures than the original are no difference."""
    ours = {row for row in rows(world.journal) if row[1] != "checkpoints"}
    return {row for row in rows(there / "journal") if row[1] != "checkpoints"} == ours


def test_taking_the_same_export_again_changes_nothing(tmp_path: Path) -> None:
    world, there = written(tmp_path / "here"), tmp_path / "there"
    file, _ = packed(world, tmp_path)
    taken(file, there)
    before = rows(there / "journal")
    assert taken(file, there).entries == 0
    assert rows(there / "journal") == before


def test_a_gap_is_refused_and_the_message_says_after_what_to_export(tmp_path: Path) -> None:
    world, there = written(tmp_path / "here"), tmp_path / "there"
    first, _ = packed(world, tmp_path / "1.zip")
    with world.open() as journal:
        fill(journal, 11, 30, 20)
    later, manifest = packed(world, tmp_path / "2.zip", after=50)
    assert manifest.first_seq > 23
    assert "--after 0" in refused("TOC-3127", lambda: taken(later, there))
    taken(first, there)
    assert "--after 22" in refused("TOC-3127", lambda: taken(later, there))
    assert verify(there / "journal").entries == 22


def test_an_export_that_ends_before_what_is_here_is_refused(tmp_path: Path) -> None:
    world, there = written(tmp_path / "here"), tmp_path / "there"
    early, _ = packed(world, tmp_path / "1.zip")
    with world.open() as journal:
        fill(journal, 11, 12)
    taken(packed(world, tmp_path / "2.zip")[0], there)
    assert "ends at entry 22" in refused("TOC-3127", lambda: taken(early, there))


@pytest.mark.parametrize("common", [1, 4, 9, 10])
def test_a_forked_journal_is_refused_and_the_first_different_entry_is_named(tmp_path: Path, common: int) -> None:
    world = written(tmp_path / "here", commits=common, roll_after=3)
    twin = World(Path(shutil.copytree(world.folder, tmp_path / "twin")))
    for one, number in ((world, 500), (twin, 600)):
        with one.open() as journal:
            fill(journal, number, number + 8, roll_after=number + 2)
    there = tmp_path / "there"
    taken(packed(world, tmp_path / "1.zip")[0], there)
    with JournalReader(world.journal) as mine, JournalReader(twin.journal) as other:
        differs = next(a.seq for a, b in zip(mine.read(), other.read(), strict=True) if a.hash != b.hash)
    before = rows(there / "journal")
    said = refused("TOC-3126", lambda: taken(packed(twin, tmp_path / "2.zip")[0], there))
    assert f"from entry {differs} on" in said
    assert rows(there / "journal") == before


def test_a_journal_of_another_stream_is_refused(tmp_path: Path) -> None:
    there = tmp_path / "there"
    taken(packed(written(tmp_path / "here"), tmp_path / "1.zip")[0], there)
    stranger = World(tmp_path / "stranger")
    with SqliteJournal(stranger.journal, "core-elsewhere", keyring=stranger.keyring(),
                       signing_key=_key(stranger)) as journal:  # fmt: skip
        journal.append_now([vessel(n) for n in range(40)], commit_id="a")
    assert "core-elsewhere" in refused("TOC-3126", lambda: taken(packed(stranger, tmp_path / "2.zip")[0], there))


def _key(world: World):  # type: ignore[no-untyped-def]
    from picture.sealing import core_signing_key

    return core_signing_key(world.keys)


def test_a_journal_that_a_core_is_writing_is_left_alone(tmp_path: Path) -> None:
    world = written(tmp_path / "here")
    file, _ = packed(world, tmp_path)
    with world.open():
        refused("TOC-3103", lambda: take_in(file, world.journal))


# --- in, damaged ----------------------------------------------------------------------------------------------


def repacked(file: Path, to: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The export with its members changed, as somebody on the way might."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return to


def _without_manifest(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def _manifest(change: Callable[[dict[str, object]], None]) -> Callable[[dict[str, bytes]], None]:
    def changed(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["manifest.json"])
        change(manifest)
        members["manifest.json"] = json.dumps(manifest).encode()

    return changed


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("TOC-3125", lambda members: members.pop("manifest.json")),
        ("TOC-3125", lambda members: members.pop("segments/segment-000002.sqlite")),
        ("TOC-3125", lambda members: members.update({"../evil": b"x"})),
        ("TOC-3125", lambda members: members.update({"segments/segment-000001.sqlite": b"short"})),
        ("TOC-3125", _manifest(lambda said: said.update(head="0" * 64))),
        ("TOC-3125", _manifest(lambda said: said.update(stream="other"))),
        ("TOC-3125", _manifest(lambda said: said.update(public_keys=[]))),
        ("TOC-3125", _manifest(lambda said: said.update(first_seq=5))),
        ("TOC-3125", _manifest(lambda said: said.update(extra=1))),
        ("TOC-3125", _manifest(lambda said: said["segments"][0].update(name="../../evil"))),  # type: ignore[index]
        ("TOC-3125", _manifest(lambda said: said["segments"][0].update(name="/tmp/evil"))),  # type: ignore[index]
        ("TOC-3125", _manifest(lambda said: said["segments"][0].update(bytes=10))),  # type: ignore[index]
        ("TOC-3125", _manifest(lambda said: said["segments"][0].update(bytes=1 << 40))),  # type: ignore[index]
        ("TOC-3125", _manifest(lambda said: said.update(segments=[]))),
    ],
)
def test_a_changed_export_is_refused_and_nothing_is_taken(
    tmp_path: Path, code: str, change: Callable[[dict[str, bytes]], None]
) -> None:
    file, _ = packed(written(tmp_path / "here"), tmp_path)
    bad = repacked(file, tmp_path / "bad.zip", change)
    refused(code, lambda: taken(bad, tmp_path / "there"))
    assert {path.name for path in (tmp_path / "there" / "journal").iterdir()} == {"writer.lock"}
    assert not list(tmp_path.glob("**/evil"))


def test_a_segment_altered_with_its_digest_in_the_manifest_is_named_by_entry(tmp_path: Path) -> None:
    from hashlib import sha256

    world = written(tmp_path / "here")
    file, _ = packed(world, tmp_path)

    def forge(members: dict[str, bytes]) -> None:
        name = "segments/segment-000001.sqlite"
        copy = tmp_path / "forged.sqlite"
        copy.write_bytes(members[name])
        with closing(sqlite3.connect(copy)) as segment:
            segment.execute("UPDATE entries SET source = 'radar' WHERE seq = 3")
            segment.commit()
            segment.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        members[name] = copy.read_bytes()
        manifest = json.loads(members["manifest.json"])
        manifest["segments"][0] |= {"sha256": sha256(members[name]).hexdigest(), "bytes": len(members[name])}
        members["manifest.json"] = json.dumps(manifest).encode()

    bad = repacked(file, tmp_path / "bad.zip", forge)
    assert "Entry 3" in refused("TOC-3002", lambda: taken(bad, tmp_path / "there"))


def test_any_flipped_byte_of_an_export_is_refused_or_harmless(tmp_path: Path) -> None:
    world = written(tmp_path / "here", commits=3, roll_after=2)
    data = bytearray(packed(world, tmp_path)[0].read_bytes())
    rng, stopped = random.Random(3), 0
    for number in range(60):
        offset = rng.randrange(len(data))
        bad = tmp_path / "bad.zip"
        bad.write_bytes(
            bytes(data[:offset]) + bytes([data[offset] ^ (1 << rng.randrange(8))]) + bytes(data[offset + 1 :])
        )
        try:
            taken(bad, tmp_path / f"there-{number}")
        except JournalError as error:
            assert error.code in ("TOC-3125", "TOC-3002", "TOC-3105")
            stopped += 1
        else:
            assert verify(tmp_path / f"there-{number}" / "journal").entries == 8
    assert stopped > 40


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, keep: float) -> None:
    file, _ = packed(written(tmp_path / "here"), tmp_path)
    data = file.read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: int(len(data) * keep)])
    refused("TOC-3125", lambda: taken(tmp_path / "cut.zip", tmp_path / "there"))


def test_what_a_killed_import_left_behind_is_cleared_and_it_goes_on(tmp_path: Path) -> None:
    world, there = written(tmp_path / "here", commits=20, roll_after=8), tmp_path / "there"
    file, _ = packed(world, tmp_path)
    taken(file, there)
    (there / "journal" / "segment-000002.sqlite").unlink()  # as a kill between two segments leaves it
    (there / "journal" / ".arriving-dead").mkdir()
    assert taken(file, there).entries > 0
    assert rows(there / "journal") == rows(world.journal)
    assert not list((there / "journal").glob(".arriving*"))


def test_an_export_that_would_fill_the_disk_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    file, manifest = packed(written(tmp_path / "world"), tmp_path)
    said, claimed = manifest.model_dump(by_alias=True, mode="json"), 1 << 55
    said["segments"][-1]["bytes"] = claimed
    bomb = repacked(file, tmp_path / "bomb.zip", _without_manifest)
    with zipfile.ZipFile(bomb, "a") as archive:
        archive.writestr("manifest.json", json.dumps(said))
        archive.getinfo(manifest.segments[-1].name).file_size = claimed  # as its directory would say
    message = refused("TOC-3101", lambda: taken(bomb, tmp_path / "there"))
    assert "must stay" in message
    assert {path.name for path in (tmp_path / "there" / "journal").iterdir()} == {"writer.lock"}
