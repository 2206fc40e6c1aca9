"""The typed line means what an operator means by it, or is refused with examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import commands as c
from console.quick import understood
from picture import events as ev
from picture.errors import RefusedError
from picture.fold import Picture
from picture.model import UNIT_STATUSES
from tests.scaffold import STREAM, drill, entries, unit

OPENED = [
    ev.IncidentOpened(incident=name, incident_kind="flood", title="Flooding", priority=3) for name in ("I-1", "I-3")
]
HOME = Picture(STREAM).apply_all(entries([drill(), unit("E12"), unit("A3"), *OPENED])).home


def means(line: str, incident: str = "") -> c.Command:
    return understood(c.QuickLine(line=line, incident=incident), HOME)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("E12 enr", c.SetStatus(unit="E12", status="enr")),
        ("e12 On Scene", c.SetStatus(unit="E12", status="on_scene")),
        ("E12 I-3", c.Assign(unit="E12", incident="I-3")),
        ("a3 i1", c.Assign(unit="A3", incident="I-1")),
        ("E12 to Wharf Street 4", c.Assign(unit="E12", place=c.PlaceInput(said="Wharf Street 4"))),
        ("E12 stand down", c.StandDown(unit="E12")),
        ("E12 sd", c.StandDown(unit="E12")),
        ("I-3 p1", c.ChangeIncident(incident="I-3", priority=1)),
        ("i3 P4", c.ChangeIncident(incident="I-3", priority=4)),
        ("I-3 dup I-1", c.MarkDuplicate(incident="I-3", of="I-1")),
        ("I-3 undup", c.MarkDuplicate(incident="I-3")),
        ("I-3 close false alarm", c.CloseIncident(incident="I-3", result_code="false alarm")),
        ("I-3 reopen", c.ReopenIncident(incident="I-3")),
        ("log  gate  shut", c.WriteLog(text="gate  shut")),
        ("LOG gate shut", c.WriteLog(text="gate shut")),
    ],
)
def test_a_line_means_one_command(line: str, command: c.Command) -> None:
    assert means(line) == command


def test_a_log_line_goes_to_the_selected_incident() -> None:
    assert means("log gate shut", "I-3") == c.WriteLog(text="gate shut", incident="I-3")


@pytest.mark.parametrize("status", UNIT_STATUSES)
def test_every_status_has_a_short_word(status: str) -> None:
    assert means(f"E12 {UNIT_STATUSES[status][1]}") == c.SetStatus(unit="E12", status=UNIT_STATUSES[status][1])


@pytest.mark.parametrize(
    "line",
    ["E12", "E99 enr", "I-2 p1", "I-3", "I-3 p5", "I-3 dup I-9", "I-3 dup", "I-3 close", "E12 I-9", "E12 to", "log",
     "E12 fly away", "I-3 reopen now", "hello", "   ", "I-x p1"],
)  # fmt: skip
def test_what_means_nothing_is_refused_with_examples(line: str) -> None:
    with pytest.raises(RefusedError, match="Try: E12 enr"):
        means(line)


def test_words_too_long_for_a_command_are_refused_and_not_repeated() -> None:
    with pytest.raises(RefusedError) as caught:
        means("I-3 close " + "x" * 61)
    assert caught.value.code == "TOC-4011" and "xxx" not in caught.value.message


@given(
    st.text(min_size=1, max_size=40)
    | st.lists(st.sampled_from(["E12", "I-3", "log", "dup", "p1", "to", "close", "i²"])).map(" ".join)
)
def test_any_line_is_a_command_or_a_refusal(line: str) -> None:
    if not line:
        return
    try:
        assert means(line).do
    except RefusedError as error:
        assert error.code in ("TOC-4001", "TOC-4011")
