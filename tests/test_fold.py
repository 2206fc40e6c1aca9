"""The picture is a pure fold: the entries alone decide it, in any process, from any prefix, with no key."""

from __future__ import annotations

import ast
import json
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.core import Core, Draft
from picture import events as ev
from picture import fold, folding, folding_intentions
from picture.clock import VirtualClock
from picture.entry import Ref
from picture.events import Event
from picture.fold import FOLD_VERSION, Picture
from picture.journal.reader import JournalReader
from tests.event_strategies import EVENTS, of_model
from tests.scaffold import NOON_MS, STREAM, drill, entries, entry, open_journal, unit

FORBIDDEN_MODULES = {"time", "random", "os", "datetime", "math", "secrets", "uuid", "io", "pathlib", "socket", "numpy"}
FORBIDDEN_CALLS = {"float", "open", "print", "input", "hash", "id", "now", "round", "set"}


def folded(events: list[Event]) -> Picture:
    return Picture(STREAM).apply_all(entries(events))


# --- purity -------------------------------------------------------------------------------------------


@given(EVENTS)
def test_the_same_entries_give_the_same_picture(events: list[Event]) -> None:
    assert folded(events).digest() == folded(events).digest()


@given(EVENTS, st.integers(0, 30))
def test_a_prefix_and_then_the_rest_give_what_all_at_once_gives(events: list[Event], cut: int) -> None:
    all_entries = entries(events)
    picture = Picture(STREAM).apply_all(all_entries[:cut])
    resumed = Picture.from_json(STREAM, json.loads(json.dumps(picture.as_json())))
    for one in (picture, resumed):
        one.apply_all(all_entries[cut:])
    assert picture.digest() == resumed.digest() == folded(events).digest()


@given(EVENTS)
def test_json_gives_the_picture_back(events: list[Event]) -> None:
    picture = folded(events)
    assert Picture.from_json(STREAM, json.loads(json.dumps(picture.as_json()))).digest() == picture.digest()


@given(EVENTS, st.integers(0, 30))
def test_a_copy_shares_records_and_goes_its_own_way(events: list[Event], cut: int) -> None:
    all_entries = entries(events)
    picture = Picture(STREAM).apply_all(all_entries[:cut])
    before = picture.digest()
    assert picture.copy().apply_all(all_entries[cut:]).digest() == folded(events).digest()
    assert picture.digest() == before


@given(EVENTS)
def test_entries_at_or_below_the_cursor_change_nothing(events: list[Event]) -> None:
    picture = folded(events)
    before = picture.digest()
    assert not any(picture.apply(one) for one in entries(events))
    assert picture.digest() == before


@given(EVENTS, EVENTS, st.randoms(use_true_random=False))
def test_streams_may_arrive_in_any_order(here: list[Event], there: list[Event], dice: Random) -> None:
    ours, theirs = entries(here), entries(there, stream="drill.other")
    straight = Picture(STREAM).apply_all([*ours, *theirs])
    mixed = Picture(STREAM)
    while ours or theirs:
        mixed.apply((ours if not theirs or (ours and dice.random() < 0.5) else theirs).pop(0))
    assert mixed.digest() == straight.digest()
    assert list(mixed.incidents.items()) == list(straight.incidents.items())


def test_a_gap_is_refused_and_leaves_the_picture_as_it_was() -> None:
    picture = folded([drill(), unit()])
    before = picture.digest()
    for stranger in (STREAM, "drill.other"):
        with pytest.raises(ValueError, match="after"):
            picture.apply(entry(unit("E7"), 4, stream=stranger))
    assert picture.digest() == before and picture.cursor == {STREAM: 2}


@given(EVENTS, st.randoms(use_true_random=False))
def test_entries_that_may_not_be_read_move_the_cursor_and_are_never_missed(events: list[Event], dice: Random) -> None:
    picture = Picture(STREAM)
    for one in entries(events):
        if dice.random() < 0.5:
            before = picture.as_json()[STREAM]
            assert picture.skip(STREAM, one.seq, one.recorded_ms)
            assert picture.as_json()[STREAM] == before | {"seq": one.seq, "at_ms": one.recorded_ms}
        else:
            assert picture.apply(one)
    assert picture.cursor == {STREAM: len(events)}


def test_what_is_skipped_comes_in_order_and_once_like_any_entry() -> None:
    picture = folded([drill(), unit()])
    before = picture.digest()
    with pytest.raises(ValueError, match="after"):
        picture.skip(STREAM, 4, NOON_MS)
    assert not picture.skip(STREAM, 2, NOON_MS + 9000) and picture.digest() == before
    assert picture.skip(STREAM, 3, NOON_MS + 3000) and not picture.apply(entry(unit("E7"), 3))
    assert list(picture.units) == ["E12"]


@settings(max_examples=6)
@given(EVENTS)
def test_the_journal_read_back_without_keys_folds_to_the_picture_of_the_core(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        core = Core(journal=open_journal(folder), clock=VirtualClock(NOON_MS), seed="s")
        for event in [drill(), *events]:
            core.record([Draft(event)])
        core.journal.close()
        with JournalReader(folder / "journal") as reader:
            again = Picture(STREAM).apply_all(reader.read())
        assert again.digest() == core.picture.digest()


def test_the_digest_names_the_version_of_the_fold() -> None:
    assert folded([drill()]).digest().startswith(f"{FOLD_VERSION}:")


def test_the_digest_covers_one_field_of_one_record() -> None:
    here = folded([drill(), unit(crew=4)])
    assert here.digest() != folded([drill(), unit(crew=5)]).digest()


# --- completeness -------------------------------------------------------------------------------------


def test_every_kind_of_event_is_folded_or_is_silent_on_purpose() -> None:
    kinds = set(ev.KINDS.values())
    assert kinds == set(folding.HANDLERS) | folding.SILENT
    assert not set(folding.HANDLERS) & folding.SILENT


def test_every_kind_of_event_stands_in_one_namespace() -> None:
    assert {kind.__name__ for kind in ev.KINDS.values()} <= set(ev.__all__)
    assert all(hasattr(ev, name) for name in ev.__all__)


@given(st.sampled_from(sorted(folding.SILENT, key=str)).flatmap(of_model))
def test_what_is_silent_moves_the_cursor_and_nothing_else(event: Event) -> None:
    picture = folded([drill(), unit()])
    before = picture.as_json()[STREAM]
    picture.apply(entry(event, 3, at_ms=NOON_MS + 2000))
    assert picture.as_json()[STREAM] == before | {"seq": 3}


@pytest.mark.parametrize("module", [fold, folding, folding_intentions])
def test_the_fold_uses_no_floats_clock_chance_or_outside_world(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            assert not {name.partition(".")[0] for name in names} & FORBIDDEN_MODULES, ast.unparse(node)
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), ast.unparse(node)
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow)), ast.unparse(node)
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in FORBIDDEN_CALLS, ast.unparse(node)


# --- what it makes of some entries ----------------------------------------------------------------------


def incident(**fields: object) -> ev.IncidentOpened:
    known = {"incident": "I-1", "incident_kind": "trapped", "title": "People trapped", "priority": 1}
    return ev.IncidentOpened.model_validate(known | fields)


def test_sealed_values_stand_on_the_picture_as_references_only() -> None:
    picture = folded([drill(), unit(), ev.UnitLocated(unit="E12", lon_e7=-300_001_234, lat_e7=460_005_678)])
    assert picture.units["E12"].position == (Ref(STREAM, 3, "lon_e7"), Ref(STREAM, 3, "lat_e7"))
    assert "300001234" not in json.dumps(picture.as_json())


@pytest.mark.parametrize(("at_risk", "trapped", "unaccounted"), [(4, True, 4), (None, True, 1), (4, False, 0)])
def test_trapped_people_are_unaccounted_for_and_are_at_least_one(
    at_risk: int | None, trapped: bool, unaccounted: int
) -> None:
    picture = folded([drill(), incident(people_at_risk=at_risk, people_trapped=trapped)])
    assert picture.incidents["I-1"].people_unaccounted == unaccounted


def test_a_later_report_of_more_trapped_people_raises_the_count() -> None:
    link = ev.ReportLinked(
        incident="I-1", report_entry=2, feed="f", report_at_ms=NOON_MS, score_c=0, evidence=(), people_at_risk=3,
        people_trapped=True,
    )  # fmt: skip
    assert folded([drill(), incident(people_at_risk=1), link]).incidents["I-1"].people_unaccounted == 3


def test_an_older_position_does_not_replace_a_newer_one() -> None:
    picture = folded([drill(), unit()])
    located = ev.UnitLocated(unit="E12", lon_e7=1, lat_e7=2)
    picture.apply(entry(located, 3, at_ms=NOON_MS + 9000))
    picture.apply(entry(located, 4, at_ms=NOON_MS + 8000))
    assert picture.units["E12"].position == (Ref(STREAM, 3, "lon_e7"), Ref(STREAM, 3, "lat_e7"))


def test_ending_an_assignment_frees_unit_and_incident() -> None:
    sent = ev.UnitAssigned(id="A-1", unit="E12", incident="I-1", to_lon_e7=1, to_lat_e7=2)
    picture = folded([drill(), unit(), incident(), sent])
    assert list(picture.incidents["I-1"].units) == ["E12"] and picture.units["E12"].status == "assigned"
    picture.apply(entry(ev.AssignmentEnded(id="A-1", status="stood_down", why="not needed"), 5))
    assert list(picture.incidents["I-1"].units) == [] and picture.units["E12"].assignment == ""
    assert picture.assignments["A-1"].status == "stood_down"
