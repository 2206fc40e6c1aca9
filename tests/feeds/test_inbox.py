"""Posting to the inbox: who may, how much, once, and what is answered and booked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from feeds.config import load
from feeds.inbox import InboxFeed, inbox_app
from feeds.incident import codec as incident
from feeds.intake import Accepted, Intake, Reading
from feeds.refusals import Refusal, refusal
from feeds.registry import installed
from feeds.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, WINDOW_MS, Verifier, sign
from picture.clock import VirtualClock
from picture.errors import InputError, TocsinError
from picture.reports import FacilityReport, IncidentReport, Report

SECRET = b"sixteen bytes at least"
OTHER = b"another feed's own secret"
REAL_MS = 1_790_000_000_000
WORLD_MS = 1_800_000_000_000
CALL = IncidentReport(at_ms=WORLD_MS, incident_kind="flood", text="water in the cellar")


@dataclass
class Desk:
    """What a core would do with what the inbox gives it."""

    delivered: list[tuple[str, bytes, tuple[Report, ...]]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    real: VirtualClock = field(default_factory=lambda: VirtualClock(REAL_MS))

    full: bool = False
    replaced: int = 0
    no_room: str = ""

    def wait_s(self, feed: str) -> int:
        return 7 if self.full else 0

    async def put(self, feed: str, reading: Reading) -> int:
        if self.no_room:
            raise TocsinError(code=self.no_room)
        for message in reading.messages:
            if isinstance(message, Accepted):
                self.delivered.append((feed, message.raw, message.reports))
            else:
                error = message.error
                self.refused.append(refusal(feed, error.code, error.detail, message.raw, WORLD_MS))
        return self.replaced

    async def refuse(self, refusal: Refusal) -> None:
        self.refused.append(refusal)

    def app(self, **options: object) -> FastAPI:
        registry = installed()
        feeds = {
            "calls": InboxFeed(Intake(load({"id": "calls", "wire": "incident"}), registry), Verifier(SECRET)),
            "utility": InboxFeed(
                Intake(load({"id": "utility", "wire": "incident", "may_speak": ["facility:SUB-*"]}), registry),
                Verifier(OTHER),
            ),
            "met": InboxFeed(Intake(load({"id": "met", "wire": "cap"}), registry), Verifier(SECRET)),
        }
        return inbox_app(
            feeds, lanes=self, refuse=self.refuse, real_clock=self.real,
            world_clock=VirtualClock(WORLD_MS), **options,  # type: ignore[arg-type]
        )  # fmt: skip

    def client(self, **options: object) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app(**options)), base_url="http://127.0.0.1:8321")


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def _post(desk: Desk, body: bytes, *, feed: str = "calls", secret: bytes = SECRET) -> httpx.Response:
    async with desk.client() as client:
        return await client.post(f"/inbox/{feed}", content=body, headers=sign(secret, REAL_MS, body))


async def test_a_signed_report_is_delivered_with_its_raw_bytes_and_answered_202(desk: Desk) -> None:
    body = incident.encode(CALL)
    answer = await _post(desk, body)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert desk.delivered == [("calls", body, (CALL,))]
    assert desk.refused == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {TIMESTAMP_HEADER: str(REAL_MS), SIGNATURE_HEADER: "sha256=" + "0" * 64},
        {TIMESTAMP_HEADER: "yesterday", SIGNATURE_HEADER: "sha256=" + "0" * 64},
        sign(OTHER, REAL_MS, incident.encode(CALL)),
        sign(SECRET, REAL_MS, b"another body"),
        sign(SECRET, REAL_MS - WINDOW_MS - 1, incident.encode(CALL)),
        sign(SECRET, REAL_MS + WINDOW_MS + 1, incident.encode(CALL)),
    ],
)
async def test_a_missing_wrong_or_stale_signature_is_refused_and_booked_on_nobody(
    desk: Desk, headers: dict[str, str]
) -> None:
    async with desk.client() as client:
        answer = await client.post("/inbox/calls", content=incident.encode(CALL), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOC-2007")
    assert desk.delivered == []
    assert [(each.feed, each.code) for each in desk.refused] == [("inbox", "TOC-2007")]
    assert "calls" in desk.refused[0].detail


async def test_the_same_message_is_taken_once(desk: Desk) -> None:
    body = incident.encode(CALL)
    headers = sign(SECRET, REAL_MS, body)
    async with desk.client() as client:
        answers = [await client.post("/inbox/calls", content=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 401]
    assert len(desk.delivered) == 1


async def test_while_the_queue_is_full_a_signed_message_is_told_to_come_again_and_is_not_read(desk: Desk) -> None:
    desk.full = True
    answer = await _post(desk, b"{ this would be refused if it were read")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["code"] == "TOC-2010" and answer.json()["error"]["remedy"]
    assert desk.delivered == [] and desk.refused == []


async def test_a_full_queue_is_no_answer_to_a_stranger(desk: Desk) -> None:
    desk.full = True
    answer = await _post(desk, incident.encode(CALL), secret=OTHER)
    assert answer.status_code == 401


@pytest.mark.parametrize("code", ["TOC-2010", "TOC-2011"])
async def test_what_found_no_room_after_all_is_told_when_to_come_again(desk: Desk, code: str) -> None:
    desk.no_room = code
    answer = await _post(desk, incident.encode(CALL))
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, code)
    assert int(answer.headers["retry-after"]) > 0 and desk.delivered == []


async def test_while_the_journal_is_away_a_sender_is_told_to_come_again(desk: Desk) -> None:
    desk.no_room = "TOC-3105"
    answer = await _post(desk, incident.encode(CALL))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "TOC-3105")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_sender_hears_how_many_messages_newer_ones_replaced(desk: Desk) -> None:
    desk.replaced = 1
    assert (await _post(desk, incident.encode(CALL))).json()["replaced"] == 1


async def test_one_feeds_secret_does_not_open_another(desk: Desk) -> None:
    answer = await _post(desk, incident.encode(CALL), feed="utility", secret=SECRET)
    assert answer.status_code == 401


async def test_the_credential_and_not_the_body_says_for_whom_a_feed_may_speak(desk: Desk) -> None:
    foreign = incident.encode(FacilityReport(at_ms=WORLD_MS, facility="HOSP-1", attribute="power", value="none"))
    answer = await _post(desk, foreign, feed="utility", secret=OTHER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "TOC-2008")
    assert [(each.feed, each.code) for each in desk.refused] == [("utility", "TOC-2008")]


async def test_an_unknown_feed_is_answered_like_a_wrong_signature(desk: Desk) -> None:
    body = incident.encode(CALL)
    unknown = await _post(desk, body, feed="nosuch")
    wrong = await _post(desk, body, secret=OTHER)
    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", ""])
async def test_a_foreign_host_name_is_refused(desk: Desk, host: str) -> None:
    body = incident.encode(CALL)
    async with desk.client() as client:
        answer = await client.post("/inbox/calls", content=body, headers=sign(SECRET, REAL_MS, body) | {"host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "TOC-2101")
    assert desk.delivered == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "[::1]:8321", "LOCALHOST"])
async def test_loopback_by_any_of_its_names_is_let_in(desk: Desk, host: str) -> None:
    body = incident.encode(CALL)
    async with desk.client() as client:
        answer = await client.post("/inbox/calls", content=body, headers=sign(SECRET, REAL_MS, body) | {"host": host})
    assert answer.status_code == 202


async def test_a_web_page_cannot_post(desk: Desk) -> None:
    body = incident.encode(CALL)
    headers = sign(SECRET, REAL_MS, body)
    async with desk.client() as client:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:8321"):
            answer = await client.post("/inbox/calls", content=body, headers=headers | {"origin": origin})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "TOC-2101")
    async with desk.client(allowed_origins=["https://desk.example"]) as client:
        answer = await client.post("/inbox/calls", content=body, headers=headers | {"origin": "https://desk.example"})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"\xff\xfe", 400, "TOC-2002"), (b"[" * 5000, 422, "TOC-2004"), (b'{"schema":"x"}', 415, "TOC-2006"),
        (b'{"schema":"tocsin.incident/1","type":"report","time":5,"kind":"flood"}', 422, "TOC-2003"),
    ],
)  # fmt: skip
async def test_a_bad_message_is_refused_with_code_and_remedy_and_booked_on_its_feed(
    desk: Desk, body: bytes, status: int, code: str
) -> None:
    answer = await _post(desk, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["remedy"]
    (refused,) = desk.refused
    assert (refused.feed, refused.code, refused.size, refused.at_ms) == ("calls", code, len(body), WORLD_MS)
    assert refused.head == body[:1024] and len(refused.sha256) == 64


async def test_a_refused_message_does_not_keep_the_next_one_out(desk: Desk) -> None:
    assert (await _post(desk, b"rubbish")).status_code == 400
    assert (await _post(desk, incident.encode(CALL))).status_code == 202


async def test_an_oversized_message_is_refused_while_it_still_streams_in(desk: Desk) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10 * 1024 * 1024:
            sent += 65_536
            yield b"x" * 65_536

    async with desk.client() as client:
        answer = await client.post("/inbox/calls", content=endless(), headers=sign(SECRET, REAL_MS, b""))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOC-2001")
    assert sent < 512 * 1024
    (refused,) = desk.refused
    assert len(refused.head) == 1024 and refused.size >= 65_536


async def test_a_sender_that_dawdles_is_cut_off(desk: Desk) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    async with desk.client(read_timeout_s=0.05) as client:
        answer = await client.post("/inbox/calls", content=slow(), headers=sign(SECRET, REAL_MS, b"{}"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "TOC-2102")


async def test_nothing_but_post_to_the_inbox_is_served(desk: Desk) -> None:
    async with desk.client() as client:
        statuses = [(await client.get(path)).status_code for path in ("/inbox/calls", "/", "/docs", "/openapi.json")]
    assert statuses == [405, 404, 404, 404]


@contextmanager
def _bound() -> Iterator[socket.socket]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    try:
        yield listener
    finally:
        listener.close()


async def test_ten_megabytes_over_a_real_connection_are_refused_and_the_next_report_gets_in(desk: Desk) -> None:
    with _bound() as listener:
        server = uvicorn.Server(uvicorn.Config(desk.app(), log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            base = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
                huge = b"[" * (10 * 1024 * 1024)
                try:
                    answer = await client.post("/inbox/calls", content=huge, headers=sign(SECRET, REAL_MS, huge))
                    assert answer.status_code == 413
                except (httpx.WriteError, httpx.ReadError):
                    pass  # the connection was closed while the sender still wrote
                body = incident.encode(CALL)
                answer = await client.post("/inbox/calls", content=body, headers=sign(SECRET, REAL_MS, body))
                assert answer.status_code == 202
            assert [each.code for each in desk.refused] == ["TOC-2001"]
        finally:
            server.should_exit = True
            await serving


def test_a_full_replay_store_refuses_rather_than_forgets_and_recovers_when_the_window_is_over() -> None:
    verifier = Verifier(SECRET, capacity=2)

    def check(body: bytes, now_ms: int) -> None:
        headers = sign(SECRET, now_ms, body)
        verifier.check(headers[TIMESTAMP_HEADER], headers[SIGNATURE_HEADER], body, now_ms)

    check(b"1", REAL_MS)
    check(b"2", REAL_MS)
    with pytest.raises(InputError, match="Too many"):
        check(b"3", REAL_MS)
    check(b"3", REAL_MS + WINDOW_MS + 1)
