"""The command line: help for everything, data on stdout, one JSON error on stderr, exit codes as documented."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from console.cli import app
from console.config import sample_incidents
from tests.e2e.hands import error_of, tocsin, write_scenario
from twin.source import source_of


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


EVERY = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_and_option_says_what_it_does(path: tuple[str, ...]) -> None:
    command = EVERY[path]
    assert (command.help or "").strip(), path
    for parameter in command.params:
        if parameter.name != "help":
            assert (getattr(parameter, "help", "") or "").strip(), (path, parameter.name)


def test_help_is_printed_on_stdout_and_names_every_command() -> None:
    run = tocsin("--help")
    assert run.returncode == 0 and run.stderr == ""
    assert all(name in run.stdout for name in ("drill", "attach", "list", "journal", "playbook", "city", "doctor"))
    assert "--speed" in tocsin("drill", "--help").stdout


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "code", "named"), [
    (("drill", "no-such-night"), "TOC-1002", "no-such-night"),
    (("drill", "--speed", "0"), "TOC-1002", "--speed"),
    (("drill", "--speed", "fast"), "TOC-1002", "--speed"),
    (("drill", "--speed", "1e9"), "TOC-1002", "--speed"),
    (("drill", "--speed", "nan"), "TOC-1002", "--speed"),
    (("attach",), "TOC-1005", "No drill"),
    (("playbook", "lint", "/nowhere"), "TOC-1002", "/nowhere"),
], ids=" ".join)  # fmt: skip
def test_what_cannot_be_asked_exits_2_with_one_json_error_on_stderr(
    words: tuple[str, ...], code: str, named: str, tmp_path: Path, tocsin_home: Path
) -> None:
    run = tocsin(*words)
    assert run.returncode == 2 and run.stdout == ""
    error = error_of(run)
    assert set(error) == {"code", "message", "remedy"} and error["code"] == code and named in error["message"]


@pytest.mark.parametrize("words", [("drill", "--no-such-option"), ("fly",), ("journal",), ("drill", "--seed", "x")])
def test_a_mistyped_command_exits_2_and_keeps_stdout_clean_of_errors(words: tuple[str, ...]) -> None:
    run = tocsin(*words)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("scenario.yaml", "id: x\n", "scenario.yaml"),
        ("scenario.yaml", "{[", "scenario.yaml"),
        ("expected.yaml", "incidnets: []\n", "incidnets"),
        ("messages.jsonl", "not json\n", "line 1"),
        ("messages.jsonl", '{"at": 1, "feed": "nobody", "body": "x"}\n', "nobody"),
    ],
)
def test_a_scenario_with_a_mistake_is_refused_by_file_and_key(tmp_path: Path, file: str, text: str, named: str) -> None:
    source = write_scenario(tmp_path / "mine", minutes=1)
    (source / file).write_text(text, encoding="utf-8")
    run = tocsin("drill", source, "--headless", "--out", tmp_path / "out")
    assert run.returncode == 2 and run.stdout == "", run.stdout
    assert named in error_of(run)["message"]


def test_a_home_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder", encoding="utf-8")
    run = tocsin("drill", "--headless", env={"TOCSIN_HOME": str(tmp_path / "home")})
    assert run.returncode == 2 and error_of(run)["code"] == "TOC-1006"
    assert str(tmp_path / "home") in error_of(run)["message"]


# --- list, doctor -----------------------------------------------------------------------------------------


def test_list_names_every_shipped_scenario() -> None:
    shipped = {path.parent.name for path in sample_incidents().glob("*/scenario.yaml")}
    said = json.loads(tocsin("list", "--json").stdout)
    assert {one["name"] for one in said["scenarios"]} == shipped >= {"storm-surge"}
    assert said["running"] == []
    assert "storm-surge" in tocsin("list").stdout


def test_doctor_finds_nothing_missing_here_and_exits_0(tmp_path: Path) -> None:
    run = tocsin("doctor", "--json", env={"TOCSIN_HOME": str(tmp_path / "fresh")})
    said = json.loads(run.stdout)
    assert [one for one in said["findings"] if not one["ok"]] == []
    assert run.returncode == 0


def test_doctor_says_in_words_what_cannot_be_written_and_exits_3(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder", encoding="utf-8")
    run = tocsin("doctor", env={"TOCSIN_HOME": str(tmp_path / "home")})
    assert run.returncode == 3 and "Traceback" not in run.stderr
    lines = [line for line in run.stdout.splitlines() if line.startswith("MISSING")]
    assert [line.split()[1] for line in lines] == ["home", "cache"]
    assert "TOCSIN_HOME" in run.stdout


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_doctor_sees_a_folder_without_write_permission(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o500)
    run = tocsin("doctor", env={"TOCSIN_HOME": str(tmp_path / "home")})
    assert run.returncode == 3 and "Permission denied" in run.stdout


def test_doctor_names_a_wrong_key_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text('teh_site = "x"\n', encoding="utf-8")
    run = tocsin("doctor", "--json", env={"TOCSIN_HOME": str(tmp_path)})
    assert run.returncode == 3
    bad = next(one for one in json.loads(run.stdout)["findings"] if not one["ok"])
    assert bad["what"] == "configuration" and "teh_site" in bad["says"]


# --- playbook lint, city generate ---------------------------------------------------------------------------


def test_the_library_of_playbooks_has_no_problem() -> None:
    import playbooks

    library = Path(playbooks.__file__).parent / "library"
    run = tocsin("playbook", "lint", library, "--json")
    assert run.returncode == 0
    assert json.loads(run.stdout) == {"schema": "tocsin.lint/1", "checked": len(list(library.glob("*.yaml"))),
                                      "problems": []}  # fmt: skip


def test_a_broken_playbook_exits_3_and_names_line_and_suggestion(tmp_path: Path) -> None:
    import playbooks

    text = (Path(playbooks.__file__).parent / "library" / "surge-at-quay.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("guards:"))
    lines[number] = lines[number].replace("guards:", "gaurds:")
    broken = tmp_path / "broken.yaml"
    broken.write_text("\n".join(lines), encoding="utf-8")
    run = tocsin("playbook", "lint", broken)
    assert run.returncode == 3
    assert f"broken.yaml:{number + 1}:" in run.stdout and "guards" in run.stdout
    found = json.loads(tocsin("playbook", "lint", broken, "--json").stdout)["problems"]
    assert found[0]["line"] == number + 1


def test_the_city_generator_writes_the_shipped_bytes(tmp_path: Path) -> None:
    run = tocsin("city", "generate", "--out", tmp_path, "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    written = Path(said["path"])
    assert written.read_bytes() == source_of("port-meridian").read_bytes()
    assert written.stat().st_size == said["bytes"] <= 8 * 1024 * 1024


# --- journal show -------------------------------------------------------------------------------------------


def test_journal_show_filters_by_kind_place_and_number(tmp_path: Path) -> None:
    source = write_scenario(tmp_path / "mine", minutes=1)
    assert tocsin("drill", source, "--headless", "--out", tmp_path / "out").returncode == 0
    journal = tmp_path / "out" / "journal"
    lines = tocsin("journal", "show", journal, "--kind", "world", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["world.opened"]
    lines = tocsin("journal", "show", journal, "--after", "5", "--limit", "2", "--json").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [6, 7]
