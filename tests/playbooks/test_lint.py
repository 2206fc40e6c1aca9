"""Playbooks with planted mistakes are refused, with the line and what would mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from picture.errors import PlaybookError
from playbooks.engine import Engine
from playbooks.library import library_paths
from playbooks.lint import Problem, lint, lint_text
from playbooks.schema import load
from playbooks.verbs import standard_verbs

GOOD = """\
playbook: close-the-quay
version: 1
title: Close the quay
doctrine: "Close before it floods."
vars:
  level_hi: {type: double, unit: m, value: 2.1}
  roads: {type: strings, value: [Customs Quay]}
trigger:
  any:
    - window: {on: sensor.updated, where: 'value > level_hi', count_distinct: id, at_least: 2, within: 10m}
steps:
  - id: decide
    approve: {of: [close, warn], positions: [duty_officer], quorum: 2, within: 5m}
  - id: close
    do: road.close
    with: {roads: ["{roads}"], reason: "water above {level_hi} m"}
    undo: road.reopen
  - id: warn
    do: alert.public
    with: {areas: ["district:Fishmarket"], headline: "Leave the quay"}
  - id: told
    wait: {event: delivery.changed, where: 'state == "seen"', within: 5m}
    on_timeout: escalate
"""


def problems(old: str, new: str) -> list[Problem]:
    assert GOOD.count(old) == 1, old
    return lint_text(GOOD.replace(old, new))


def test_what_ships_and_the_example_have_no_fault() -> None:
    assert lint_text(GOOD) == []
    for path in library_paths().values():
        assert lint(path) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "code", "words", "near"),
    [
        ("title: Close the quay", "titel: Close the quay", 3, "TOC-6103", "'titel'", "title"),
        ("count_distinct: id", "count_distinkt: id", 10, "TOC-6103", "'count_distinkt'", "count_distinct"),
        ("version: 1", "version: one", 2, "TOC-6104", "version", ""),
        ("within: 10m", "within: soon", 10, "TOC-6104", "90s, 10m or 2h", ""),
        ("unit: m, ", "", 6, "TOC-6104", "needs its unit", ""),
        ("value > level_hi", "valu > level_hi", 10, "TOC-6002", "'valu'", "value"),
        ("on: sensor.updated", "on: sensor.update", 10, "TOC-6104", "'sensor.update'", "sensor.updated"),
        ("count_distinct: id", "count_distinct: ids", 10, "TOC-6104", "'ids'", ""),
        ("of: [close, warn]", "of: [clsoe, warn]", 13, "TOC-6105", "'clsoe'", "close"),
        ("do: road.close", "do: road.clos", 15, "TOC-6107", "'road.clos'", "road.close"),
        ("do: road.close", "do: gate.close", 15, "TOC-6110", "'gate.close'", ""),
        ("do: road.close", "do: pump.start", 15, "TOC-6110", "'pump.start'", ""),
        ("reason:", "because:", 16, "TOC-6107", "'because'", ""),
        ('["{roads}"]', "7", 16, "TOC-6107", "roads:", ""),
        ('"{roads}"', '"{raods}"', 16, "TOC-6107", "{raods}", "roads"),
        ("    undo: road.reopen\n", "", 15, "TOC-6108", "undo: road.reopen", "road.reopen"),
        ("undo: road.reopen", "undo: unit.release", 17, "TOC-6108", "does not undo", "road.reopen"),
        ("of: [close, warn]", "of: [warn]", 15, "TOC-6106", "'close'", ""),
        ("quorum: 2", "quorum: 1", 19, "TOC-6106", "two persons", ""),
        ('state == "seen"', 'state == "sene"', 22, "TOC-6002", "'sene'", "seen"),
        ("on_timeout: escalate", "on_timeout: escalat", 23, "TOC-6105", "'escalat'", "escalate"),
        ("undo: road.reopen", "undo: road.reopen\n    next: told", 19, "TOC-6105", "no step leads to 'warn'", ""),
        ("undo: road.reopen", "undo: road.reopen\n    next: close", 14, "TOC-6105", "back to itself", ""),
        ("id: told", "id: warn", 21, "TOC-6105", "two steps", ""),
        (
            "do: alert.public",
            "do: alert.public\n    wait: {event: alert.ended, within: 1m}",
            18,
            "TOC-6104",
            "exactly one",
            "",
        ),
        ("version: 1", "version: &v 1", 2, "TOC-6102", "anchors", ""),
        ("version: 1", "version: !!python/name:os.system 1", 2, "TOC-6102", "tags", ""),
        ("version: 1", "version: 1\nversion: 2", 3, "TOC-6102", "duplicate", ""),
    ],
)
def test_a_planted_mistake_is_named_with_its_line(
    old: str, new: str, line: int, code: str, words: str, near: str
) -> None:
    found = problems(old, new)
    assert [(one.line, one.code) for one in found if words in one.message] == [(line, code)], found
    if near:
        assert near in [one.suggestion for one in found]


def test_an_approval_after_the_deed_is_refused() -> None:
    late = GOOD.replace(
        "  - id: decide\n    approve: {of: [close, warn], positions: [duty_officer], quorum: 2, within: 5m}\n", ""
    )
    late += "  - id: decide\n    approve: {of: [close, warn], positions: [duty_officer], quorum: 2, within: 5m}\n"
    assert {one.message for one in lint_text(late)} >= {
        "'close' stands before its approval.",
        "'warn' stands before its approval.",
    }


def test_a_file_that_is_no_playbook_is_refused_and_never_loaded(tmp_path: Path) -> None:
    for name, raw in {
        "list": b"[1, 2]",
        "bytes": b"\xff\xfe",
        "deep": b"a: " + b"[" * 500,
        "huge": b"a: " + b"x" * 300_000,
    }.items():
        path = tmp_path / f"{name}.yaml"
        path.write_bytes(raw)
        assert [one.code for one in lint(path)] == ["TOC-6102"], name
        with pytest.raises(PlaybookError):
            load(path)
    assert lint(tmp_path / "absent.yaml")[0].code == "TOC-6102"


def test_an_unknown_playbook_is_refused_with_a_suggestion() -> None:
    with pytest.raises(PlaybookError, match="'surge-at-quay'"):
        Engine.from_library(["surge-at-kay"])


def test_the_example_of_the_authors_guide_has_no_fault_and_every_verb_and_argument_is_in_it() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "playbooks.md").read_text(encoding="utf-8")
    assert lint_text(guide.partition("```yaml\n")[2].partition("```")[0]) == []
    for verb in standard_verbs():
        assert f"`{verb.name}`" in guide
        if verb.name not in {"alert.public", "alert.responder", "notice.internal"}:
            row = next(line for line in guide.splitlines() if line.startswith("|") and f"`{verb.name}`" in line)
            assert [name for name in verb.Args.model_fields if f"`{name}`" not in row] == []
