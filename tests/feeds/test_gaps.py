"""What a feed's own numbers say was lost is counted and told, and never once a minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.config import FeedConfig
from feeds.gaps import MOST_SENDERS, Gaps
from feeds.health import HealthWatch
from feeds.intake import Intake, Reading
from feeds.registry import installed

T = 1_800_000_000_000
BODY = b"!AIVDM,1,1,,A,12w7sh5P00Mne8lJBdG>40`1P000,0*29"


def line(number: int, station: str = "quay") -> bytes:
    tags = f"s:{station},n:{number},c:1795195800".encode()
    total = 0
    for byte in tags:
        total ^= byte
    return b"\\" + tags + f"*{total:02X}".encode() + b"\\" + BODY + b"\r\n"


def ships() -> Intake:
    return Intake(FeedConfig(id="ships", wire="ais"), installed())


@given(st.integers(1, 999), st.lists(st.booleans(), min_size=1, max_size=60))
def test_what_is_left_out_between_two_numbers_that_arrived_is_counted_exactly(first: int, arrived: list[bool]) -> None:
    gaps = Gaps(last=999)
    numbers = [(first - 1 + step) % 999 + 1 for step in range(len(arrived))]
    seen = [number for number, here in zip(numbers, arrived, strict=True) if here]
    found = gaps.note(("quay", number) for number in seen)
    inner = "".join("x" if here else "." for here in arrived).strip(".")
    assert found == inner.count(".")


def test_repeats_late_numbers_and_other_senders_are_no_gaps() -> None:
    gaps = Gaps(last=999)
    told = [("a", 7), ("a", 7), ("a", 6), ("b", 500), ("a", 7), ("b", 501), ("a", 8)]
    assert gaps.note(told) == 0


def test_no_more_senders_are_kept_than_stated() -> None:
    gaps = Gaps(last=999)
    assert gaps.note((f"s{number}", 1) for number in range(MOST_SENDERS + 5)) == 0
    assert gaps.note([("s0", 9)]) == 0  # it gave way, so it is new
    assert gaps.note([(f"s{MOST_SENDERS}", 3)]) == 1


def test_the_numbers_of_ais_lines_are_followed_across_deliveries() -> None:
    intake = ships()
    assert [intake.read(line(number), T).missing for number in (998, 999, 1, 2, 6, 7)] == [0, 0, 0, 0, 3, 0]
    assert intake.read(BODY + b"\r\n", T).missing == 0  # a line without a number is no gap
    assert intake.read(line(100, station="mole"), T).missing == 0


def test_a_gap_is_told_at_the_next_look_and_then_only_when_it_has_doubled() -> None:
    watch = HealthWatch(FeedConfig(id="ships", wire="ais"), T)
    watch.arrived(Reading((), missing=3), T)
    told = watch.tick(T + 30_000)
    assert told is not None and (told.state, told.missing) == ("ok", 3) and "3 messages" in told.why
    assert watch.tick(T + 60_000) is None
    watch.arrived(Reading((), missing=2), T + 61_000)
    assert watch.tick(T + 90_000) is None
    watch.arrived(Reading((), missing=1), T + 91_000)
    told = watch.tick(T + 120_000)
    assert told is not None and told.missing == 6


def test_fetches_that_failed_are_told_when_the_feed_is_back_and_not_before() -> None:
    watch = HealthWatch(FeedConfig(id="met", wire="cap"), T)
    failed = [watch.fetch_failed("HTTP 503", T + minute * 60_000) for minute in range(5)]
    assert failed[0] is not None and failed[1:] == [None] * 4
    assert all(watch.tick(T + 300_000 + second) is None for second in range(0, 120_000, 30_000))
    back = watch.arrived(Reading(()), T + 400_000)
    assert back is not None and (back.state, back.missing) == ("ok", 5)
