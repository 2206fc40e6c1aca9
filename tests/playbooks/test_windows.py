"""k of n distinct within a time, against a slow count by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from playbooks.windows import DistinctWindow, Hit, Latch


def hit(at_ms: int, source: str = "a", subject: str = "s") -> Hit:
    return Hit(at_ms, source, subject, "")


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abcd"))), st.integers(1, 3), st.integers(1, 20))
def test_it_is_full_exactly_when_enough_different_things_lie_within(
    events: list[tuple[int, str]], at_least: int, within_ms: int
) -> None:
    window = DistinctWindow(within_ms, at_least)
    seen: list[tuple[int, str]] = []
    was_full = False
    for at_ms, thing in events:
        seen.append((at_ms, thing))
        newest = max(at for at, _ in seen)
        full = len({one for at, one in seen if at > newest - within_ms}) >= at_least
        fired = bool(window.add("", thing, hit(at_ms)))
        assert not fired or full
        if full and not was_full:
            assert fired
        was_full = full


def test_independent_sources_are_counted_by_feed() -> None:
    window = DistinctWindow(1_000, 2, sources=2)
    assert not window.add("", "G-1", hit(1, "one"))
    assert not window.add("", "G-2", hit(2, "one"))
    assert window.add("", "G-3", hit(3, "two"))


def test_keys_are_counted_apart() -> None:
    window = DistinctWindow(1_000, 2)
    assert not window.add("quay", "a", hit(1))
    assert not window.add("dock", "b", hit(2))
    assert [one.at_ms for one in window.add("quay", "c", hit(3))] == [1, 3]


def test_a_latch_opens_only_when_all_fire_within_its_time() -> None:
    latch = Latch(100, 2)
    assert not latch.set(0, hit(0))
    assert not latch.set(1, hit(200))
    assert [one.at_ms for one in latch.set(0, hit(250))] == [250, 200]
    assert not latch.set(1, hit(260))
