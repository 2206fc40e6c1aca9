"""A window of values is put together again from what slid into it, whatever happened between two snapshots."""

from __future__ import annotations

from itertools import pairwise
from operator import is_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture.journal.sliding import gathered, slid
from picture.model import Sensor

ROOM = 5
VALUES = st.sampled_from([0.0, -0.0, 1.0, 2.5])
CHANGES = st.lists(st.tuples(st.sampled_from("AB"), st.one_of(st.none(), VALUES)), max_size=8)
"""Sensors that get a value, or are registered anew (None) and lose theirs."""


def gone_on(table: dict[str, Sensor], changes: list[tuple[str, float | None]]) -> dict[str, Sensor]:
    after = dict(table)
    for name, value in changes:
        known = after.get(name) or Sensor(name, "level")
        recent = () if value is None else (*known.recent, (7, value))[-ROOM:]
        after[name] = Sensor(name, "level", value=value, recent=recent)
    return after


@given(st.lists(CHANGES, min_size=1, max_size=12), st.integers(0, 11))
def test_steps_bring_any_earlier_table_forward(rounds: list[list[tuple[str, float | None]]], at: int) -> None:
    tables: list[dict[str, Sensor]] = [{}]
    for changes in rounds:
        tables.append(gone_on(tables[-1], changes))
    steps = []
    for before, after in pairwise(tables):
        rows = [(name, one) for name, one in after.items() if before.get(name) is not one]
        steps.append(([name for name, _ in rows], slid(rows, before)))
    start = min(at, len(rounds))
    found = dict(tables[start])
    gathered(found, steps[start:])
    assert repr(found) == repr(tables[-1])  # its order too, and -0.0 is not 0.0


def test_only_what_came_in_is_kept_of_a_window_that_slid() -> None:
    before = gone_on({}, [("A", float(n)) for n in range(9)])
    after = gone_on(before, [("A", 9.0), ("A", 10.0)])
    (one,) = slid([("A", after["A"])], before)
    assert one.came == ((7, 9.0), (7, 10.0)) and one.length == ROOM and one.bare.recent == ()


def test_a_window_of_equal_values_that_are_not_the_same_is_kept_whole() -> None:
    before = gone_on({}, [("A", 0.0), ("A", 0.0)])
    other = gone_on({}, [("A", -0.0), ("A", 0.0)])
    (one,) = slid([("A", other["A"])], before)
    assert len(one.came) == 2 and all(map(is_, one.came, other["A"].recent))


def test_a_step_whose_values_are_missing_does_not_fit() -> None:
    before = gone_on({}, [("A", 1.0), ("A", 2.0)])
    rows = [("A", gone_on(before, [("A", 3.0)])["A"])]
    with pytest.raises(ValueError, match="missing"):
        gathered({}, [(["A"], slid(rows, before))])
