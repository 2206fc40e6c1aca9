"""Alerts leave through real apprise to a real receiver; nothing is lost, doubled, or waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core import Draft
from console.drill.receiver import Answer, Receiver
from feeds.ladder import Retry
from feeds.notify.channels import ChannelConfig, ChannelsConfig, open_channels
from feeds.outbox import Outbox
from picture.clock import VirtualClock
from picture.errors import RefusedError
from picture.events import AlertEnded
from picture.model import Alert
from tests.outbox_core import SENDER, START_MS, Desk, alert, free

Opener = Callable[..., Desk]
CREWS = tuple((f"Crew {number:03}", "drill") for number in range(200))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(VirtualClock(START_MS)) as one:
        yield one


@pytest.fixture
def desk(tmp_path: Path, receiver: Receiver) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []

    def opener(name: str = "world", **options: object) -> Desk:
        opened.append(Desk(tmp_path / name, receiver, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


def two_lanes(**values: float | int) -> ChannelsConfig:
    one = ChannelConfig.model_validate({"receiver": True, **values})
    return ChannelsConfig(world="drill", channels={"drill": one, "sms": one})


def test_an_alert_climbs_the_ladder_to_delivered_on_every_channel(desk: Opener, receiver: Receiver) -> None:
    one = desk()
    one.request(alert("AL-1", ("Harbour control", "drill"), ("Zoë", "sms"), ("Partner", "cap")))
    assert set(one.states().values()) == {"queued"}
    changes = one.settle()
    assert [(each.recipient, each.state) for each in changes] == [
        (who, state) for who in ("Harbour control", "Partner", "Zoë") for state in ("handed_over", "delivered")
    ]
    assert set(one.states().values()) == {"delivered"}
    assert {(m.recipient, m.channel, m.media) for m in receiver.received()} == {
        ("Harbour control", "drill", "text"), ("Zoë", "sms", "text"), ("Partner", "cap", "cap"),
    }  # fmt: skip
    assert one.outbox.outstanding == 0 and one.outbox.next_due_ms() is None


def test_noting_and_handing_over_answer_at_once_while_a_gateway_is_silent(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("sms", "silent")
    one = desk(config=two_lanes(timeout_s=1, pool=4))
    took: list[float] = []
    for number in range(20):
        name = f"AL-{number}"
        one.core.record([Draft(alert(name, ("Crew", "sms"), ("Harbour control", "drill")))])
        entries = list(one.journal.read(after=one.core.home.seq - 1))
        begun = time.perf_counter()
        one.outbox.react(entries, one.core.picture)
        one.outbox.hand_over(one.core.now_ms())
        took.append(time.perf_counter() - begun)
        one.record(one.outbox.results())
    deadline = time.monotonic() + 5
    while len(receiver.received()) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
        one.record(one.outbox.results())
        one.outbox.hand_over(one.core.now_ms())
    assert sorted(took)[len(took) // 2] < 0.005
    assert {message.channel for message in receiver.received()} == {"drill"}
    assert len(receiver.received()) == 20


def test_a_silent_gateway_holds_no_more_than_its_own_threads(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("sms", "silent")
    one = desk(config=two_lanes(timeout_s=0.5, pool=2))
    one.request(alert("AL-1", *((f"Crew {n}", "sms") for n in range(5))))
    one.outbox.hand_over(START_MS)
    assert one.outbox.outstanding == 2
    assert one.outbox.next_due_ms() is None
    one.record(one.outbox.results(wait=True))
    assert {state for (_, _, channel), state in one.states().items() if channel == "sms"} == {"failed"}


def test_with_one_in_ten_refused_everybody_is_reached_once(desk: Opener, receiver: Receiver) -> None:
    def one_in_ten(key: str, times: int) -> Answer:
        return "fail" if times == 1 and int(key, 16) % 10 == 0 else "accept"

    receiver.behave("drill", one_in_ten)
    one = desk()
    one.request(alert("AL-1", *CREWS))
    changes = one.settle(until_s=60)
    failed = [each for each in changes if each.state == "failed"]
    assert 0 < len(failed) < len(CREWS) / 2
    assert set(one.states().values()) == {"delivered"}
    keys = [message.key for message in receiver.received()]
    assert len(keys) == len(set(keys)) == len(CREWS)


def test_the_same_drill_gives_the_same_picture_again(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", lambda key, times: "fail" if int(key, 16) % 3 == 0 else "accept")
    digests = []
    for name in ("first", "second"):
        one = desk(name, retry=Retry(attempts=3))
        one.request(alert("AL-1", *CREWS[:40]), alert("AL-2", ("Zoë", "cap"), ("Nobody", "pager")))
        one.settle(until_s=600)
        assert {"delivered", "dead"} == set(one.states().values())
        digests.append(one.core.picture.digest())
    assert digests[0] == digests[1]


def test_a_killed_core_sends_again_under_the_same_key(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", lambda key, times: "silent" if times == 1 else "accept")
    first = desk()
    first.request(alert("AL-1", ("Harbour control", "drill"), ("Zoë", "sms")))
    first.outbox.hand_over(START_MS)
    key = first.key("AL-1", "Harbour control", "drill")
    deadline = time.monotonic() + 5
    while (not receiver.tries(key) or len(receiver.received()) < 1) and time.monotonic() < deadline:
        time.sleep(0.01)
    first.close()

    second = desk()
    assert second.core.picture.digest() == first.core.picture.digest()
    second.settle()
    assert set(second.states().values()) == {"delivered"}
    assert receiver.tries(key) == 2
    assert receiver.tries(second.key("AL-1", "Zoë", "sms")) == 2
    assert sorted(message.recipient for message in receiver.received()) == ["Harbour control", "Zoë"]


def test_a_restarted_core_goes_on_with_the_back_off_where_it_stood(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", "fail")
    first = desk()
    first.request(alert())
    first.settle(until_s=5)
    due_ms = first.outbox.next_due_ms()
    attempts = first.core.home.alerts["AL-1"].deliveries[0].attempts
    first.close()
    second = desk()
    assert second.outbox.next_due_ms() == due_ms and attempts > 1


def test_a_delivery_that_always_fails_is_given_up_after_its_attempts(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", "fail")
    one = desk(retry=Retry(attempts=3))
    one.request(alert())
    changes = one.settle(until_s=3600)
    assert [(each.state, each.attempts) for each in changes] == [("failed", 1), ("failed", 2), ("dead", 3)]
    assert "given up after 3 attempts" in changes[-1].detail
    assert one.outbox.next_due_ms() is None
    assert receiver.tries(one.key("AL-1", "Harbour control", "drill")) == 3


@given(attempts=st.integers(1, 60), key=st.text("0123456789abcdef", min_size=32, max_size=32))
def test_each_wait_is_the_doubled_step_give_or_take_a_quarter(attempts: int, key: str) -> None:
    step_ms = min(300_000, 1_000 * 2 ** (attempts - 1))
    wait_ms = Retry().wait_ms(attempts, key)
    assert step_ms * 0.75 <= wait_ms <= step_ms * 1.25
    assert wait_ms == Retry().wait_ms(attempts, key)


def test_waits_of_different_deliveries_are_spread() -> None:
    waits = {Retry().wait_ms(5, f"{number:032x}") for number in range(50)}
    assert len(waits) > 40


@pytest.mark.parametrize("why", ["expired", "cancelled", "refused"])
def test_what_may_no_longer_leave_dies_without_being_sent(desk: Opener, receiver: Receiver, why: str) -> None:
    def no(alert: Alert) -> tuple[str, ...]:
        return ("crew E12: was available, is out_of_service",)

    one = desk(released=no if why == "refused" else free)
    one.request(alert(expires_ms=START_MS if why == "expired" else None))
    if why == "cancelled":
        one.core.record([Draft(AlertEnded(id="AL-1", status="cancelled"))])
    changes = one.settle()
    assert [each.state for each in changes] == ["dead"]
    assert {"expired": "expired", "cancelled": "cancelled", "refused": "E12"}[why] in changes[0].detail
    assert receiver.received() == []


def test_release_is_asked_again_before_every_attempt(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", "fail")
    verdicts: list[tuple[str, ...]] = [(), (), ("the road is closed",)]
    one = desk(released=lambda alert: verdicts.pop(0))
    one.request(alert())
    assert [each.state for each in one.settle(until_s=60)] == ["failed", "failed", "dead"]
    assert receiver.tries(one.key("AL-1", "Harbour control", "drill")) == 2


def test_a_channel_that_the_world_lacks_leads_nowhere(desk: Opener, receiver: Receiver) -> None:
    one = desk()
    one.request(alert("AL-1", ("Harbour control", "live-sms")))
    changes = one.settle()
    assert [(each.state, each.attempts) for each in changes] == [("dead", 0)]
    assert "TOC-7101" in changes[0].detail and receiver.received() == []


def test_a_wait_has_a_ceiling_and_the_late_answer_changes_nothing(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", lambda key, times: "silent" if times == 1 else "accept")
    one = desk(config=two_lanes(timeout_s=1))
    one.request(alert())
    one.outbox.hand_over(START_MS)
    begun = time.monotonic()
    changes = one.record(one.outbox.results(wait=True, ceiling_s=0.2))
    assert time.monotonic() - begun < 0.9
    assert [(each.state, each.detail) for each in changes] == [("failed", "no answer")]
    time.sleep(1.0)
    assert one.outbox.results() == []
    one.settle(until_s=10)
    assert set(one.states().values()) == {"delivered"}


def test_receipts_only_ever_move_a_delivery_up(desk: Opener) -> None:
    one = desk()
    one.request(alert())
    key = one.key("AL-1", "Harbour control", "drill")
    one.settle()
    seen = one.outbox.receipt(key, "seen")
    assert seen is not None and seen.state == "seen"
    one.record([seen])
    assert one.outbox.receipt(key, "delivered") is None
    assert one.outbox.receipt(key, "seen") is None
    assert one.outbox.receipt("0" * 32, "accepted") is None
    accepted = one.outbox.receipt(key, "accepted", "on my way")
    assert accepted is not None and accepted.detail == "on my way"


def test_an_answer_that_comes_after_a_better_receipt_takes_nothing_back(desk: Opener, receiver: Receiver) -> None:
    receiver.behave("drill", "silent")
    one = desk(config=two_lanes(timeout_s=0.5))
    one.request(alert())
    one.outbox.hand_over(START_MS)
    accepted = one.outbox.receipt(one.key("AL-1", "Harbour control", "drill"), "accepted")
    assert accepted is not None
    one.record([accepted])
    assert one.outbox.results(wait=True) == []
    assert set(one.states().values()) == {"accepted"}
    assert one.outbox.next_due_ms() is None


def test_what_was_answered_is_not_sent_again_before_it_is_written_down(desk: Opener, receiver: Receiver) -> None:
    one = desk()
    one.request(alert("AL-1", ("Harbour control", "drill"), ("Zoë", "sms")))
    one.outbox.hand_over(START_MS)
    results = one.outbox.results(wait=True)
    one.record([each for each in results if each.channel == "sms"])  # touches the alert while the other is unwritten
    assert one.outbox.next_due_ms() is None
    one.record([each for each in results if each.channel == "drill"])
    one.settle()
    assert receiver.tries(one.key("AL-1", "Harbour control", "drill")) == 1


def test_a_result_wakes_the_core(tmp_path: Path, desk: Opener, receiver: Receiver) -> None:
    one = desk()
    woken: list[int] = []
    channels = open_channels("drill", one.config, environ={}, receiver=receiver.address)
    outbox = Outbox(
        world="drill", channels=channels, cap_sender=SENDER, released=free, on_result=lambda: woken.append(1)
    )
    one.request(alert())
    outbox.rebuild(one.core.picture)
    outbox.hand_over(START_MS)
    assert outbox.results(wait=True)
    outbox.close()
    deadline = time.monotonic() + 2
    while not woken and time.monotonic() < deadline:
        time.sleep(0.01)
    assert woken == [1]


def test_channels_of_another_world_are_refused(receiver: Receiver) -> None:
    channels = open_channels("drill", two_lanes(), environ={}, receiver=receiver.address)
    with pytest.raises(RefusedError, match="TOC-7103"):
        Outbox(world="live", channels=channels, cap_sender=SENDER, released=free)
