"""A drill's core goes on after its world was kept while it was stopped: rotated, erased, with old keys put back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from console.config import Home
from console.core import Draft
from console.drill.scenario import load
from console.drill.world import DrillWorld, Options
from console.stopped import StoppedWorld
from picture.entry import Actor, Ref
from picture.errors import JournalError
from picture.events import LogWritten
from picture.journal import verify
from picture.journal.custody import ask_erasure, change_hold, confirm_erasure, open_for, signed_erasure
from picture.journal.rotation import rotate
from picture.sealing import drill_signing_key
from tests.e2e.hands import write_scenario
from twin.source import ensure_pack

WHO = Actor("Ada", "duty_officer", "EOC")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "world"


def core(folder: Path) -> DrillWorld:
    """The core of a quiet drill, started, or started again."""
    source = folder.parent / "scenario"
    if not source.exists():
        write_scenario(source, minutes=5)
    cache = Home.find().cache
    pack = ensure_pack("port-meridian", cache)
    return DrillWorld(load(source), source, folder, pack, cache / f"{pack.stem}.order.npy", Options())


def test_a_running_core_forgets_holds_and_reads_by_the_same_rules(folder: Path) -> None:
    world = core(folder)
    (entry,) = world.core.record([Draft(LogWritten(id="L-1", incident="I-1", text="zebra"))])
    ref = Ref(entry.stream, entry.seq, "text")
    keeping = world.keeping(WHO)
    assert open_for(world.journal, [ref], record=keeping.record, why="to see") == {ref: "zebra"}
    change_hold(keeping, "I-1", on=True, why="inquiry")
    ada, ben = (signed_erasure(drill_signing_key("7", name), entry.stream, "ER-1", "I-1", "", name) for name in "AB")
    with pytest.raises(JournalError) as refused:
        ask_erasure(keeping, "I-1", ada, request="ER-1", why="asked")
    assert refused.value.code == "TOC-3120"
    change_hold(keeping, "I-1", on=False, why="closed")
    ask_erasure(keeping, "I-1", ada, request="ER-1", why="asked")
    confirm_erasure(keeping, "ER-1", ben, now_ms=world.core.now_ms())
    assert world.core.opened(ref) is None and world.core.home.erasures == {}
    kinds = [one.kind for one in world.journal.read(entry.seq)]
    assert kinds == ["value.read", "hold.changed", "hold.changed", "erasure.asked", "payload.shredded"]
    assert {one.actor.person for one in world.journal.read(entry.seq)} == {"Ada"}
    world.close()
    assert verify(folder / "journal").ok


def test_a_core_goes_on_under_its_new_key_and_cannot_read_what_was_erased(folder: Path) -> None:
    world = core(folder)
    (entry,) = world.core.record([Draft(LogWritten(id="L-1", incident="I-1", text="zebra"))])
    ref = Ref(entry.stream, entry.seq, "text")
    assert world.core.opened(ref) == "zebra"
    world.close()
    keys = Path(shutil.copytree(folder / "keys", folder.parent / "keys of yesterday"))
    with StoppedWorld(folder, WHO) as stopped:
        stopped.fold(rotate(stopped.journal, stopped.keys, actor=WHO, now_ms=stopped.now_ms(), why="yearly"))
        for person in ("Ada", "Ben"):
            key = drill_signing_key("7", person)
            signed = signed_erasure(key, stopped.picture.stream, "ER-1", "I-1", "", person)
            if person == "Ada":
                ask_erasure(stopped.keeping, "I-1", signed, request="ER-1", why="asked")
            else:
                confirm_erasure(stopped.keeping, "ER-1", signed, now_ms=stopped.now_ms())
        moment = stopped.now_ms()
    for path in keys.glob("*.key"):  # and somebody restores a backup
        shutil.copy(path, folder / "keys")
    again = core(folder)
    assert again.core.now_ms() == moment == world.core.now_ms()
    assert again.core.opened(ref) is None
    again.core.record([Draft(LogWritten(id="L-2", incident="I-1", text="later"))])
    newest = again.core.home.seq
    assert again.core.opened(Ref(entry.stream, newest, "text")) == "later"
    digest = again.core.picture.digest()
    again.close()
    report = verify(folder / "journal")
    assert report.ok and len(report.public_keys) == 2 and report.entries == newest
    third = core(folder)
    assert third.core.picture.digest() == digest
    third.close()
