"""The drill's receiver shows what a responder would have got, and takes nothing from strangers."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from console.drill.receiver import MAX_BODY_BYTES, Receiver
from picture.clock import VirtualClock
from picture.errors import DeliveryError
from tests.outbox_core import START_MS

KEY = "0123456789abcdef" * 2


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(VirtualClock(START_MS), out=tmp_path / "received") as one:
        yield one


def call(
    receiver: Receiver, method: str, path: str, body: bytes = b"", *, key: str = KEY, to: str = "Zoë",
    media: str = "application/json", secret: str | None = None,
) -> tuple[int, dict[str, object]]:  # fmt: skip
    parts = urlsplit(receiver.address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        headers = {"X-Tocsin-Key": key, "X-Tocsin-Recipient": quote(to), "Content-Type": media}
        connection.request(method, f"/{secret or parts.path[1:]}/{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def text(title: str = "Quay floods", message: str = "Go up.") -> bytes:
    return json.dumps({"title": title, "message": message}).encode()


def test_a_message_is_kept_shown_and_confirmed(receiver: Receiver, tmp_path: Path) -> None:
    assert call(receiver, "POST", "text/sms", text()) == (200, {"received": True, "key": KEY})
    (one,) = receiver.received()
    assert (one.recipient, one.channel, one.title, one.body, one.at_ms) == (
        "Zoë",
        "sms",
        "Quay floods",
        "Go up.",
        START_MS,
    )
    assert call(receiver, "GET", f"receipts/{KEY}") == (200, {"received": True, "key": KEY})
    (line,) = (tmp_path / "received" / "received.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["recipient"] == "Zoë"


def test_a_repeat_is_confirmed_and_kept_once(receiver: Receiver, tmp_path: Path) -> None:
    for _ in range(3):
        assert call(receiver, "POST", "text/sms", text())[0] == 200
    assert len(receiver.received()) == 1 and receiver.tries(KEY) == 3
    assert len((tmp_path / "received" / "received.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_cap_is_kept_byte_for_byte_in_a_file_of_its_own(receiver: Receiver, tmp_path: Path) -> None:
    data = "<alert>Öl</alert>".encode()
    assert call(receiver, "POST", "cap/cap", data, media="application/cap+xml; charset=utf-8")[0] == 200
    assert (tmp_path / "received" / "cap" / f"{KEY}.xml").read_bytes() == data


@pytest.mark.parametrize(
    ("path", "body", "key", "media"),
    [
        ("text/sms", b"{", KEY, "application/json"),
        ("text/sms", b"[" * 100_000, KEY, "application/json"),
        ("text/sms", b"\xff", KEY, "application/json"),
        ("text/sms", b'"title"', KEY, "application/json"),
        ("text/sms", text(), "../../etc", "application/json"),
        ("text/sms", text(), "", "application/json"),
        ("cap/cap", b"<alert/>", KEY, "text/html"),
        ("other/sms", text(), KEY, "application/json"),
        ("text", text(), KEY, "application/json"),
        ("text/sms", b"x" * (MAX_BODY_BYTES + 1), KEY, "application/json"),
    ],
)
def test_what_is_no_message_is_refused_and_not_kept(
    receiver: Receiver, tmp_path: Path, path: str, body: bytes, key: str, media: str
) -> None:
    try:
        status = call(receiver, "POST", path, body, key=key, media=media)[0]
    except (BrokenPipeError, ConnectionResetError):  # it stopped reading what is too large
        status = 400
    assert status == 400
    assert receiver.received() == [] and not (tmp_path / "received" / "received.jsonl").exists()


def test_a_stranger_without_the_secret_is_told_nothing(receiver: Receiver) -> None:
    call(receiver, "POST", "text/sms", text())
    assert call(receiver, "POST", "text/sms", text(), key="f" * 32, secret="0" * 16)[0] == 400
    assert call(receiver, "GET", f"receipts/{KEY}", secret="0" * 16) == (404, {"received": False})
    assert len(receiver.received()) == 1


def test_a_channel_told_to_fail_does_so_and_the_others_do_not(receiver: Receiver) -> None:
    receiver.behave("sms", "fail")
    assert call(receiver, "POST", "text/sms", text())[0] == 503
    assert call(receiver, "GET", f"receipts/{KEY}")[0] == 404
    assert call(receiver, "POST", "text/push", text())[0] == 200


def test_no_more_than_its_limit_is_kept() -> None:
    with Receiver(VirtualClock(START_MS), limit=2) as one:
        for number in range(3):
            call(one, "POST", "text/sms", text(f"T{number}"), key=f"{number:032x}")
        assert [message.title for message in one.received()] == ["T1", "T2"]


def test_closing_lets_silent_calls_go() -> None:
    receiver = Receiver(VirtualClock(START_MS))
    receiver.behave("sms", "silent")
    ended: list[str] = []

    def wait() -> None:
        try:
            call(receiver, "POST", "text/sms", text())
        except http.client.HTTPException as error:
            ended.append(type(error).__name__)

    caller = threading.Thread(target=wait)
    caller.start()
    deadline = time.monotonic() + 5
    while not receiver.tries(KEY) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == []
    receiver.close()
    caller.join(5)
    assert ended == ["RemoteDisconnected"] and receiver.received() == []


def test_a_folder_that_cannot_be_made_is_named_by_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliveryError, match="TOC-7104"):
        Receiver(VirtualClock(START_MS), out=tmp_path / "file")
