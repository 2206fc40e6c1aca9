"""A record made or changed fast is the record that the plain way gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, is_dataclass, replace
from inspect import isclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture import keeping, model
from picture.entry import Actor, Entry
from picture.events import VesselUpdated
from picture.records import changed, filled

VALUES = (
    1, "core", 7, "c-1", 0, "vessel.updated", 1, 5, 6, Actor("a"), "ais", "B2", "", (1, 2), "d", "p", "h",
    VesselUpdated(mmsi=1), ("text",),
)  # fmt: skip


def records() -> Iterator[Any]:
    for module in (model, keeping):
        found: Any
        for found in vars(module).values():
            if isclass(found) and is_dataclass(found) and vars(found)["__dataclass_params__"].frozen:
                yield found


def test_a_filled_entry_is_an_entry() -> None:
    fast = filled(Entry, *VALUES)
    assert type(fast) is Entry
    assert (fast, hash(fast), repr(fast)) == (Entry(*VALUES), hash(Entry(*VALUES)), repr(Entry(*VALUES)))
    with pytest.raises(FrozenInstanceError):
        fast.seq = 8  # type: ignore[misc]


@pytest.mark.parametrize("record", sorted(set(records()), key=str))
@settings(max_examples=20)
@given(data=st.data())
def test_any_record_of_the_picture_is_changed_as_replace_would(record: Any, data: st.DataObject) -> None:
    names = list(record.__slots__)
    known = record(*range(len(names)))
    changes = data.draw(st.dictionaries(st.sampled_from(names), st.integers()))
    fresh = changed(known, **changes)
    assert (type(fresh), fresh) == (record, replace(known, **changes))
    assert known == record(*range(len(names)))


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(AttributeError):
        changed(Actor("a"), no_such_field=1)


@dataclass(frozen=True, slots=True)
class _Derived:
    one: int
    two: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "two", self.one * 2)


def test_a_record_that_works_out_a_field_is_refused() -> None:
    with pytest.raises(TypeError):
        changed(_Derived(1), one=2)
