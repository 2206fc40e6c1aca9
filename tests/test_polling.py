"""Feeds with an address are fetched by the core's own loop, over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

from console.polling import Polling
from feeds.config import FeedConfig
from feeds.intake import Intake
from feeds.registry import installed


@contextmanager
def serving(answers: list[tuple[int, bytes]]) -> Iterator[str]:
    """A loopback server that gives these answers in turn, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.send_header("etag", '"1"')
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts"
        server.shutdown()
        thread.join()


async def heard(answers: list[tuple[int, bytes]], seconds: float) -> list[tuple[str, ...]]:
    with serving(answers) as url:
        feed = FeedConfig(id="met", wire="cap", url=url, poll_s=5)
        found: list[tuple[str, ...]] = []

        async def deliver(name: str, data: bytes) -> None:
            found.append(("new", name, data.decode()))

        polling = Polling(
            [feed, FeedConfig(id="quiet", wire="cap")], {"met": Intake(feed, installed())},
            deliver=deliver,
            failed=lambda name, why: found.append(("failed", name, why)),
            unchanged=lambda name: found.append(("unchanged", name)), rng=Random(1),
        )  # fmt: skip
        task = asyncio.create_task(polling.run())
        until = asyncio.get_running_loop().time() + seconds
        while not found and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found


async def test_what_is_fetched_is_delivered_to_its_feed() -> None:
    assert await heard([(200, b"<alert/>")], 5) == [("new", "met", "<alert/>")]


async def test_a_fetch_that_fails_is_said_in_words() -> None:
    assert await heard([(503, b"")], 5) == [("failed", "met", "HTTP 503")]


async def nobody(_feed: str, _data: bytes) -> None:
    raise AssertionError("nothing was to be delivered")


async def test_a_world_without_addresses_fetches_nothing() -> None:
    nothing = Polling(
        [FeedConfig(id="quiet", wire="cap")],
        {},
        deliver=nobody,
        failed=lambda *_: None,
        unchanged=lambda _: None,
        rng=Random(1),
    )
    await asyncio.wait_for(nothing.run(), 1)


async def test_nothing_more_is_fetched_of_a_feed_while_the_core_has_no_room_for_what_was() -> None:
    room, asked = asyncio.Event(), 0
    taken: list[str] = []

    async def deliver(name: str, data: bytes) -> None:
        await room.wait()
        taken.append(data.decode())

    async def pause(_seconds: float) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)

    with serving([(200, b"one"), (200, b"two")]) as url:
        feed = FeedConfig(id="met", wire="cap", url=url, poll_s=5)
        polling = Polling(
            [feed], {"met": Intake(feed, installed())}, deliver=deliver, failed=lambda *_: None,
            unchanged=lambda _: None, rng=Random(1), pause=pause,
        )  # fmt: skip
        task = asyncio.create_task(polling.run())
        await asyncio.sleep(0.3)
        assert (taken, asked) == ([], 0)
        room.set()
        while len(taken) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert taken[:2] == ["one", "two"]
