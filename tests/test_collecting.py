"""The collector stands still while much is built, and finds it among the old afterwards."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from picture import collecting
from picture.collecting import MANY, without_collection

pytestmark = pytest.mark.skipif(sys.implementation.name != "cpython", reason="generations are CPython's")


@pytest.fixture(autouse=True)
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(collecting, "_PAUSE", collecting._Pause())
    gc.enable()
    gc.unfreeze()
    yield
    gc.enable()
    gc.unfreeze()


def built() -> list[list[int]]:
    return [[n] for n in range(MANY * 2)]


def test_the_collector_goes_on_after_the_last_who_builds_and_stays_off_where_it_was_off() -> None:
    with without_collection():
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    with without_collection():
        pass
    assert not gc.isenabled()


def test_much_that_was_built_is_not_walked_through_by_the_next_young_collection() -> None:
    with without_collection():
        kept = built()
    assert any(one is kept[0] for one in gc.get_objects(generation=2))


def test_what_a_process_froze_stays_frozen() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    with without_collection():
        kept = built()
    assert gc.get_freeze_count() >= frozen - 1000 > 0 and kept
