"""The shipped drill from its command: the summary, the repeatable picture, the journal that proves it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from lxml import etree

from picture.fold import Picture
from picture.journal import JournalReader
from tests.e2e.conftest import DrillRun
from tests.e2e.hands import error_of, tocsin, write_scenario

KEYS = {
    "schema", "scenario", "world", "seed", "virtual_seconds", "counts", "incidents", "proposals", "decisions",
    "closures", "alerts", "journal", "cursor", "picture_digest", "expected",
}  # fmt: skip
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
PREFIX = "EXERCISE EXERCISE EXERCISE"


# --- the summary ------------------------------------------------------------------------------------------


def test_the_summary_is_one_json_object_with_exactly_the_documented_keys(storm: DrillRun) -> None:
    assert storm.stdout.count("\n") == 1 and storm.stdout.endswith("}\n")
    assert set(storm.result) == KEYS
    assert set(storm.result["expected"]) == {"met", "missed"}
    assert (storm.result["scenario"], storm.result["world"]) == ("storm-surge", "drill")
    assert storm.result["virtual_seconds"] == 5400
    assert storm.result["cursor"] == {"drill.storm-surge": storm.result["counts"]["entries"]}


def test_stderr_is_quiet_where_nobody_watches(storm: DrillRun) -> None:
    assert storm.stderr == ""


def test_the_shipped_drill_meets_every_expectation_and_says_so_by_its_exit_code(storm: DrillRun) -> None:
    assert storm.result["expected"]["missed"] == []
    assert storm.code == 0


def test_everything_the_drill_is_about_took_place(storm: DrillRun) -> None:
    assert all(storm.result[part] for part in ("incidents", "proposals", "decisions", "closures", "alerts"))
    assert {one["kind"] for one in storm.result["alerts"]} >= {"responder", "agency", "public"}
    assert storm.result["counts"]["refused"] > 0


def test_decisions_of_a_headless_drill_are_marked_as_simulated(storm: DrillRun) -> None:
    assert all(one["simulated"] for one in storm.result["decisions"])


def test_an_impossible_expectation_is_named_and_the_exit_code_is_one(tmp_path: Path) -> None:
    source = write_scenario(tmp_path / "mine", minutes=1)
    (source / "expected.yaml").write_text("incidents: [{id: a kraken, kind: fire, by_s: 10}]\n", encoding="utf-8")
    run = tocsin("drill", source, "--json", "--out", tmp_path / "out")
    assert run.returncode == 1
    assert [one.startswith("a kraken") for one in json.loads(run.stdout)["expected"]["missed"]] == [True]


def test_without_json_the_summary_is_words_on_stdout(tmp_path: Path) -> None:
    source = write_scenario(tmp_path / "mine", minutes=1)
    run = tocsin("drill", source, "--headless", "--out", tmp_path / "out")
    assert run.returncode == 0 and run.stderr == ""
    assert "0 missed" in run.stdout and "picture fold-4:" in run.stdout


def test_a_folder_that_holds_a_drill_is_not_written_again(storm: DrillRun) -> None:
    before = storm.segment.read_bytes()
    run = tocsin("drill", "storm-surge", "--json", "--out", storm.out)
    assert run.returncode == 2 and "empty folder" in error_of(run)["message"]
    assert storm.segment.read_bytes() == before


def test_a_paced_headless_drill_runs_and_ends(tmp_path: Path) -> None:
    source = write_scenario(tmp_path / "mine", minutes=20, messages=[water_level_at(60)])
    run = tocsin("drill", source, "--headless", "--json", "--speed", "600", "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["virtual_seconds"] == 1200 and result["counts"]["reports"] == 1


def water_level_at(after_s: int) -> dict[str, object]:
    from tests.e2e.hands import water_level

    return water_level("G-QUAY", 1.2, after_s)


# --- the same each time -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory, storm: DrillRun) -> dict[str, object]:
    """The same drill in another folder, time zone, locale and hash seed."""
    out = tmp_path_factory.mktemp("again") / "elsewhere"
    run = tocsin(
        "drill",
        "storm-surge",
        "--json",
        "--out",
        out,
        env={"PYTHONHASHSEED": "424242", "TZ": "America/St_Johns", "LC_ALL": "C"},
    )
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def test_two_runs_give_the_same_summary_but_for_where_they_ran(storm: DrillRun, again: dict[str, object]) -> None:
    assert again["picture_digest"] == storm.result["picture_digest"]
    assert again | {"journal": ""} == storm.result | {"journal": ""}


def test_a_copy_of_the_journal_alone_folds_to_the_same_picture(storm: DrillRun, tmp_path: Path) -> None:
    copy = tmp_path / "carried elsewhere.sqlite"
    shutil.copyfile(storm.segment, copy)
    run = tocsin("journal", "show", copy, "--digest", cwd=tmp_path, env={"PYTHONHASHSEED": "3"})
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said == {"schema": "tocsin.digest/1", "cursor": storm.result["cursor"],
                    "picture_digest": storm.result["picture_digest"]}  # fmt: skip


def test_every_prefix_of_the_journal_folds(storm: DrillRun) -> None:
    with JournalReader(storm.segment) as reader:
        picture = Picture(reader.stream)
        digests = set()
        for number, entry in enumerate(reader.read(), 1):
            assert picture.apply(entry)
            assert picture.cursor == {reader.stream: number}
            if number % 500 == 0:
                digests.add(picture.digest())
                half = Picture.from_json(reader.stream, json.loads(json.dumps(picture.as_json())))
                assert half.digest() == picture.digest()
    assert picture.digest() == storm.result["picture_digest"]
    assert len(digests) == number // 500


def test_another_seed_changes_ids_nobody_reads_and_nothing_that_happened(storm: DrillRun, tmp_path: Path) -> None:
    run = tocsin("drill", "storm-surge", "--json", "--seed", "99", "--out", tmp_path / "out")
    other = json.loads(run.stdout)
    assert other["seed"] == 99
    for part in ("virtual_seconds", "counts", "incidents", "closures", "expected"):
        assert other[part] == storm.result[part], part


# --- the chain --------------------------------------------------------------------------------------------


@pytest.fixture
def copied(storm: DrillRun, tmp_path: Path) -> Path:
    """A copy of the finished journal to spoil."""
    copy = tmp_path / "segment-000001.sqlite"
    shutil.copyfile(storm.segment, copy)
    return copy


def test_the_journal_of_the_drill_verifies(storm: DrillRun) -> None:
    run = tocsin("journal", "verify", storm.out / "journal", "--json")
    assert run.returncode == 0, run.stdout
    said = json.loads(run.stdout)
    assert said["ok"] and said["entries"] == storm.result["counts"]["entries"]
    assert tocsin("journal", "verify", storm.segment).returncode == 0


def test_one_flipped_byte_of_a_payload_is_named_by_its_entry(copied: Path) -> None:
    connection = sqlite3.connect(copied)
    rows = connection.execute("SELECT seq, cast(payload AS BLOB) FROM entries WHERE seq > 900")
    data = bytearray(copied.read_bytes())
    seq, payload = next((seq, payload) for seq, payload in rows if len(payload) > 60 and data.count(payload) == 1)
    connection.close()
    data[data.index(payload) + len(payload) // 2] ^= 0x01
    copied.write_bytes(data)
    run = tocsin("journal", "verify", copied, "--json")
    assert run.returncode == 3 and run.stderr == ""
    assert json.loads(run.stdout)["first_bad"] == seq
    assert f"entry {seq}" in tocsin("journal", "verify", copied).stdout


def test_a_removed_entry_is_named(copied: Path) -> None:
    connection = sqlite3.connect(copied)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute("DELETE FROM entries WHERE seq = 77")
    connection.commit()
    connection.close()
    run = tocsin("journal", "verify", copied, "--json")
    assert run.returncode == 3
    assert json.loads(run.stdout)["first_bad"] == 77


@pytest.mark.parametrize("share", [0.0, 0.00002, 0.5, 0.999])
def test_a_truncated_file_is_refused_in_words(copied: Path, share: float) -> None:
    data = copied.read_bytes()
    copied.write_bytes(data[: int(len(data) * share)])
    for words in (("journal", "verify", copied), ("journal", "show", copied, "--digest")):
        run = tocsin(*words)
        assert run.returncode == 3, (words, run.stdout, run.stderr)
        assert "Traceback" not in run.stderr and (run.stdout + run.stderr).strip()


def test_a_file_that_is_no_journal_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "holiday.sqlite").write_bytes(b"not a journal at all\n" * 400)
    for name in ("holiday.sqlite", "missing.sqlite"):
        for command in ("verify", "show"):
            run = tocsin("journal", command, tmp_path / name)
            assert run.returncode in (2, 3) and "Traceback" not in run.stderr, (name, command, run.stderr)
            assert (run.stdout + run.stderr).strip()


# --- what left the house ----------------------------------------------------------------------------------


def test_every_text_to_a_responder_says_first_that_it_is_an_exercise(storm: DrillRun) -> None:
    lines = [json.loads(line) for line in (storm.out / "received" / "received.jsonl").read_text("utf-8").splitlines()]
    texts = [one for one in lines if one["media"] == "text"]
    assert texts and all(one["title"].startswith(PREFIX) and one["body"].startswith(PREFIX) for one in texts)


def test_the_public_alert_left_as_valid_cap_with_status_exercise(storm: DrillRun, corpus: Path) -> None:
    files = sorted((storm.out / "received" / "cap").glob("*.xml"))
    public = [one for one in storm.result["alerts"] if one["kind"] == "public"]
    assert len(files) == sum(len(one["deliveries"]) for one in public) > 0
    schema = etree.XMLSchema(etree.parse(corpus / "cap" / "schema-wmo" / "CAP-v1.2-schema.xsd"))
    for file in files:
        document = etree.fromstring(file.read_bytes())
        schema.assertValid(document)
        assert document.findtext(f"{CAP}status") == "Exercise"
        assert document.findtext(f"{CAP}info/{CAP}headline", "").startswith(PREFIX)


def test_a_public_alert_was_released_by_two_people_with_two_keys(storm: DrillRun) -> None:
    public = [
        one for one in storm.result["proposals"] if "warn the public" in one["title"] and one["status"] == "executed"
    ]
    assert public
    with JournalReader(storm.segment) as reader:
        decided = [e for e in reader.read() if e.kind == "decision.made"]
    for proposal in public:
        yes = [e for e in decided if e.event.proposal == proposal["id"] and e.event.verdict == "approve"]  # type: ignore[attr-defined]
        assert len({e.actor.person for e in yes}) == 2
        assert len({e.event.public_key for e in yes}) == 2  # type: ignore[attr-defined]
