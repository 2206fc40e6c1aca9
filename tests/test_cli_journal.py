"""The journal's commands: what they say, what they refuse, and that a running core's journal is left alone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pyotp
import pytest

from console.cli import main
from console.user_secrets import UserSecrets
from picture.clock import SystemClock
from picture.events import DrillControlled, UserChanged
from picture.journal import JournalReader, verify
from picture.sealing import Keyring
from tests.custody_desk import Desk, key_of
from tests.e2e.hands import error_of
from tests.journal_world import CALLER, World

DAY_S = 86_400


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TOCSIN_HOME", str(home))
    return home


def tocsin(*words: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """The whole command line within this process, ``typed`` on its stdin: what it wrote, and how it exited."""
    out, err, code = StringIO(), StringIO(), 0
    argv = ["tocsin", *map(str, words)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", argv)
        patch.setattr(sys, "stdin", StringIO(typed))
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())


@pytest.fixture
def drill(tmp_path: Path) -> World:
    """A stopped drill with an open incident I-1 and a call in it."""
    world = World(tmp_path / "drill")
    with Desk(world).begin_in("drill", people=False):
        return world


@pytest.fixture
def live(tmp_path: Path) -> World:
    """A stopped live world with supervisors Ada and Ben, operator Cleo, and a call in I-1."""
    world = World(tmp_path / "live")
    with Desk(world).begin_in("live"):
        return world


def said(*words: str | Path, typed: str = "") -> Any:
    run = tocsin(*words, "--json", typed=typed)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def refused(*words: str | Path, typed: str = "") -> str:
    run = tocsin(*words, typed=typed)
    assert run.returncode in (2, 3) and run.stdout == "", run.stdout
    return error_of(run)["code"]


def sealed_entry(world: World) -> int:
    with JournalReader(world.journal) as reader:
        return next(entry.seq for entry in reader.read() if "report.caller" in entry.sealed)


def caller(world: World) -> object:
    with JournalReader(world.journal, keyring=Keyring(world.keys)) as reader:
        entry = reader.entry(sealed_entry(world))
        assert entry is not None
        return reader.opened(entry).get("report.caller")


def key_file(folder: Path, person: str) -> Path:
    path = folder / f"{person}.key"
    path.write_text(base64.b64encode(key_of(person).private_bytes_raw()).decode() + "\n", encoding="ascii")
    return path


# --- reading ----------------------------------------------------------------------------------------------------


def test_verify_says_who_signed_and_names_the_first_bad_entry(drill: World) -> None:
    good = said("journal", "verify", drill.folder)
    assert good["ok"] and good["public_keys"] and good["entries"] == 3
    with closing(sqlite3.connect(drill.journal / "segment-000001.sqlite")) as file, file:
        file.execute("UPDATE entries SET source = 'x' WHERE seq = 2")
    run = tocsin("journal", "verify", drill.journal)
    assert run.returncode == 3 and "entry 2 is bad" in run.stdout


def test_info_lists_head_keys_holds_and_what_waits(drill: World) -> None:
    tocsin("journal", "hold", drill.folder, "units", "--on", "--why", "inquiry", "--person", "Ada")
    tocsin("journal", "erase", drill.folder, "--incident", "I-1", "--why", "asked", "--person", "Ada")
    one = said("journal", "info", drill.folder)
    assert (one["stream"], one["world"], one["entries"]) == ("core-meridian", "drill", 5)
    assert one["head"]["hash"] == verify(drill.journal).head
    assert list(one["holds"]) == ["units"] and one["erasures"][0]["person"] == "Ada"
    assert {(key["scope"], key["class"]) for key in one["keys"]} >= {("I-1", "personal")}
    shown = tocsin("journal", "info", drill.journal).stdout
    assert "hold on units" in shown and "Ada asked to forget I-1" in shown
    secret = json.loads(next(iter(drill.keys.glob("*.key"))).read_bytes())["key"]
    assert secret not in shown and secret not in json.dumps(one)


def test_opening_a_sealed_value_journals_who_and_why_before_it_is_shown(drill: World) -> None:
    seq = sealed_entry(drill)
    one = said("journal", "open", drill.folder, str(seq), "report.caller", "--why", "to call back", "--person", "Ada")
    assert one["values"] == {"report.caller": CALLER}
    rows = tocsin("journal", "show", drill.folder, "--kind", "value.read", "--json").stdout.splitlines()
    (row,) = map(json.loads, rows)
    assert row["person"] == "Ada" and json.loads(row["event"])["why"] == "to call back"
    assert CALLER in tocsin("journal", "open", drill.journal, str(seq), "--why", "again").stdout
    assert verify(drill.journal).ok


def test_what_cannot_be_opened_is_refused_by_name_and_journals_nothing(drill: World) -> None:
    seq, head = str(sealed_entry(drill)), verify(drill.journal).head
    assert refused("journal", "open", drill.folder, seq) == "TOC-3123"
    assert refused("journal", "open", drill.folder, "1", "--why", "to see") == "TOC-3124"
    assert refused("journal", "open", drill.folder, "999", "--why", "to see") == "TOC-3124"
    assert refused("journal", "open", drill.folder, seq, "report.nothing", "--why", "to see") == "TOC-3124"
    assert verify(drill.journal).head == head


# --- keeping ----------------------------------------------------------------------------------------------------


def test_two_persons_erase_an_incident_of_a_drill(drill: World) -> None:
    words = ("journal", "erase", drill.folder, "--incident", "I-1", "--why", "asked to be forgotten")
    first = said(*words, "--person", "Ada")
    assert first["state"] == "asked" and caller(drill) == CALLER
    assert refused(*words, "--person", "Ada") == "TOC-3121"
    second = said(*words, "--person", "Ben")
    assert (second["state"], second["by"], second["request"]) == ("erased", ["Ada", "Ben"], first["request"])
    assert second["keys"] and caller(drill) is None
    assert verify(drill.journal).ok
    seq = str(sealed_entry(drill))
    assert "forgotten" in tocsin("journal", "open", drill.folder, seq, "report.caller", "--why", "to see").stdout
    assert refused(*words, "--person", "Ada") == "TOC-3122"


class LogIn:
    """What a user of a stopped live world types: their token and what their authenticator shows."""

    def __init__(self, world: World, person: str, later: int = 0) -> None:
        """``later``: the code of so many steps on, because a code fits once."""
        secrets = UserSecrets(world.keys, Keyring(world.keys), SystemClock().now_ms)
        self.token = secrets.new_token(person, 1)
        second = pyotp.parse_uri(secrets.new_totp(person, "test"))
        assert isinstance(second, pyotp.TOTP)
        self.typed = f"{self.token}\n{second.at(int(time.time()), counter_offset=later)}\n"


def test_a_live_world_wants_its_own_supervisors_keys(live: World, tmp_path: Path) -> None:
    words = ("journal", "erase", live.folder, "--scope", "I-1", "--why", "asked")
    assert refused(*words, "--person", "Ada") == "TOC-1002"
    of = {name: LogIn(live, name) for name in ("Ada", "Ben", "Cleo", "Dora")}

    def signed(person: str, key_of_: str) -> tuple[str | Path, ...]:
        return *words, "--person", person, "--key", key_file(tmp_path, key_of_)

    for person in ("Cleo", "Dora"):
        assert refused(*signed(person, person), typed=of[person].typed) == "TOC-3121"
    assert refused(*signed("Ada", "Ben"), typed=LogIn(live, "Ada").typed) == "TOC-3121"
    assert said(*signed("Ada", "Ada"), typed=LogIn(live, "Ada", 1).typed)["state"] == "asked"
    assert refused(*signed("Ben", "Ada"), typed=LogIn(live, "Ben").typed) == "TOC-3121"
    assert caller(live) == CALLER
    assert said(*signed("Ben", "Ben"), typed=LogIn(live, "Ben", 1).typed)["state"] == "erased"
    assert caller(live) is None
    assert not (live.folder / "people").exists()


def test_two_keys_in_one_hand_do_not_make_two_persons(live: World, tmp_path: Path) -> None:
    words = ("journal", "erase", live.folder, "--scope", "I-1", "--why", "asked")
    ada, ben = LogIn(live, "Ada"), LogIn(live, "Ben")
    assert said(*words, "--person", "Ada", "--key", key_file(tmp_path, "Ada"), typed=ada.typed)["state"] == "asked"
    as_ben = (*words, "--person", "Ben", "--key", key_file(tmp_path, "Ben"))
    for typed in ("", ada.typed, f"{ben.token}\n000000\n", f"{ben.token}\n"):
        assert refused(*as_ben, typed=typed) == "TOC-4031"
    assert caller(live) == CALLER


def test_a_hold_refuses_an_erasure_until_it_is_lifted(drill: World) -> None:
    words = ("journal", "erase", drill.folder, "--scope", "I-1", "--why", "asked", "--person")
    assert said("journal", "hold", drill.folder, "I-1", "--on", "--why", "inquiry")["changed"]
    assert not said("journal", "hold", drill.folder, "I-1", "--on", "--why", "inquiry")["changed"]
    assert refused(*words, "Ada") == "TOC-3120"
    assert said("journal", "hold", drill.folder, "I-1", "--off", "--why", "closed")["changed"]
    assert said(*words, "Ada")["state"] == "asked"


def test_a_scope_is_named_once(drill: World) -> None:
    assert refused("journal", "erase", drill.folder, "--why", "x") == "TOC-1002"
    assert refused("journal", "erase", drill.folder, "--scope", "I-1", "--incident", "I-1", "--why", "x") == "TOC-1002"


def test_retention_says_first_and_destroys_only_when_told(live: World, own_home: Path) -> None:
    with Desk(live) as desk:
        desk.now_ms = time.time_ns() // 1_000_000 - 40 * DAY_S * 1000
        desk.close_incident()
        gone = UserChanged(name="Eve", agency="port", role="operator", positions=())
        desk.record([gone])
    (own_home / "tocsin.toml").write_text("[retention]\npersonal_days = 30\n", encoding="utf-8")
    head = verify(live.journal).head
    looked = said("journal", "retention", live.folder)
    assert {row["fate"] for row in looked["keys"] if row["scope"] == "I-1"} == {"due"}
    assert verify(live.journal).head == head and caller(live) == CALLER
    assert "--apply" in tocsin("journal", "retention", live.folder, "--dry-run").stderr
    said("journal", "hold", live.folder, "I-1", "--on", "--why", "inquiry")
    held = said("journal", "retention", live.folder, "--apply")
    assert {row["fate"] for row in held["keys"] if row["scope"] == "I-1"} == {"held"}
    assert caller(live) == CALLER
    said("journal", "hold", live.folder, "I-1", "--off", "--why", "closed")
    done = said("journal", "retention", live.folder, "--apply")
    assert {row["fate"] for row in done["keys"] if row["scope"] == "I-1"} == {"destroyed"}
    assert caller(live) is None and verify(live.journal).ok


def test_retention_follows_the_law_of_the_home_that_the_world_lies_in(
    live: World, own_home: Path, tmp_path: Path
) -> None:
    with Desk(live) as desk:
        desk.now_ms = time.time_ns() // 1_000_000 - 400 * DAY_S * 1000
        desk.close_incident()
    site = tmp_path / "site"
    (site / "worlds").mkdir(parents=True)
    (site / "tocsin.toml").write_text('[retention]\npersonal_days = "keep"\n', encoding="utf-8")
    live.folder.rename(site / "worlds" / "live")
    there = site / "worlds" / "live"
    fates = {row["class"]: row["fate"] for row in said("journal", "retention", there, "--apply")["keys"]}
    assert fates["personal"] == "kept"  # whatever the home of whoever asks says
    assert not (own_home / "tocsin.toml").exists()


def test_a_hold_on_what_there_is_not_is_refused_and_lifting_one_is_not(drill: World) -> None:
    for slip in ("i-1", "I-77"):
        assert refused("journal", "hold", drill.folder, slip, "--on", "--why", "inquiry") == "TOC-3122"
    assert not said("journal", "hold", drill.folder, "I-77", "--off", "--why", "x")["changed"]
    assert said("journal", "hold", drill.folder, "general", "--on", "--why", "inquiry")["changed"]


def test_a_drill_that_lies_for_days_reaches_its_own_end(drill: World) -> None:
    with Desk(drill) as desk:
        desk.record([DrillControlled(action="finish", why="finished")])
    file = drill.journal / "segment-000001.sqlite"
    assert {row["fate"] for row in said("journal", "retention", drill.folder)["keys"]} == {"waits"}
    then = time.time() - 31 * DAY_S
    os.utime(file, (then, then))
    said("journal", "retention", drill.folder, "--apply")
    assert caller(drill) is None


def test_rotating_the_key_is_an_entry_and_the_world_goes_on(drill: World) -> None:
    old = verify(drill.journal).public_keys[-1]
    one = said("journal", "rotate-key", drill.folder, "--why", "yearly", "--sealing", "--person", "Ada")
    assert one["old"] == old != one["new"] and one["sealing_keys"] >= 1
    assert said("journal", "open", drill.folder, str(sealed_entry(drill)), "--why", "to see")["values"]
    report = verify(drill.journal)
    assert report.ok and report.public_keys == (old, one["new"])
    rows = tocsin("journal", "show", drill.folder, "--kind", "key.rotated", "--json").stdout.splitlines()
    assert [json.loads(row)["person"] for row in rows] == ["Ada"]


@pytest.mark.parametrize(
    "words",
    [
        ("open", "2", "--why", "x"),
        ("hold", "I-1", "--on", "--why", "x"),
        ("erase", "--scope", "I-1", "--why", "x"),
        ("retention", "--apply"),
        ("rotate-key", "--why", "x"),
    ],
    ids=lambda words: words[0],
)
def test_a_running_cores_journal_is_left_alone(drill: World, words: tuple[str, ...]) -> None:
    with drill.open():
        head = verify(drill.journal).head
        run = tocsin("journal", words[0], drill.folder, *words[1:])
        assert run.returncode == 3
        error = error_of(run)
        assert error["code"] == "TOC-3103" and "stop" in error["remedy"]
        assert verify(drill.journal).head == head


def test_a_copy_without_keys_is_read_but_not_kept(drill: World, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(drill.journal, tmp_path / "copy" / "journal"))
    assert said("journal", "verify", copy)["ok"] and said("journal", "info", copy)["keys"] == []
    assert refused("journal", "hold", copy, "I-1", "--on", "--why", "x") == "TOC-3108"
    assert {path.name for path in copy.parent.iterdir()} == {"journal"}


def test_a_folder_without_a_journal_is_said_to_be_none(tmp_path: Path) -> None:
    assert refused("journal", "hold", tmp_path, "I-1", "--on", "--why", "x") == "TOC-3105"
    assert refused("journal", "info", tmp_path) == "TOC-3105"


# --- carrying ---------------------------------------------------------------------------------------------------


def test_a_journal_goes_out_on_a_stick_and_in_again_step_by_step(drill: World, tmp_path: Path) -> None:
    stick, there = tmp_path / "stick", tmp_path / "there" / "journal"
    stick.mkdir()
    out = said("journal", "export", drill.folder, "--to", stick)
    assert Path(out["file"]).parent == stick and out["head"]["hash"] == verify(drill.journal).head
    taken = said("journal", "import", out["file"], "--to", there)
    assert taken["entries"] == out["head"]["seq"] == 3 and taken["public_keys"] == out["public_keys"]
    said("journal", "rotate-key", drill.folder, "--why", "yearly")
    later = said("journal", "export", drill.folder, "--to", stick / "later.zip", "--after", "3")
    assert said("journal", "import", later["file"], "--to", there)["entries"] == 2
    assert verify(there).head == verify(drill.journal).head
    assert refused("journal", "import", out["file"], "--to", there) == "TOC-3127"
    assert refused("journal", "export", drill.folder, "--to", stick / "later.zip") == "TOC-3128"
    assert refused("journal", "export", drill.folder, "--to", stick, "--after", "5") == "TOC-3127"
    assert "5 entries are new here" in tocsin("journal", "import", _whole(drill, stick), "--to", tmp_path / "j").stdout


def _whole(world: World, stick: Path) -> str:
    return str(said("journal", "export", world.folder, "--to", stick)["file"])


def test_a_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK no")
    assert refused("journal", "import", tmp_path / "x.zip", "--to", tmp_path / "j") == "TOC-3125"
    assert refused("journal", "import", tmp_path / "none.zip", "--to", tmp_path / "j") == "TOC-3001"
