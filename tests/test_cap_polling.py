"""A polled list of alerts on the picture: update, cancel, expire and vanish are four different things."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

from console.ingest import Ingest
from console.polling import Polling
from feeds.cap import codec as cap
from feeds.config import FeedConfig
from feeds.intake import Intake
from feeds.registry import installed
from picture import events as ev
from picture.reports import AlertMessage
from tests.scaffold import NOON_MS, Room, build, hear, shipped_city

MET = "met@example.org"


def alert(identifier: str, **changes: Any) -> AlertMessage:
    values: dict[str, Any] = {
        "at_ms": NOON_MS, "sent_ms": NOON_MS, "external_id": identifier, "sender": MET, "status": "Actual",
        "msg_type": "Alert", "event": "Surge", "headline": f"Surge {identifier}", "area": "Old Quay",
        "severity": "Severe", "expires_ms": NOON_MS + 3_600_000,
    }  # fmt: skip
    return AlertMessage(**(values | changes))


class Publisher:
    """An HTTP server that lists alerts by Atom and says 304 while nothing changed."""

    def __init__(self) -> None:
        self.listed: dict[str, bytes] = {}
        self.broken = False
        self.host = ""
        self.asked: list[tuple[str, int]] = []

    def publish(self, *alerts: AlertMessage) -> None:
        self.listed = {f"/{one.external_id}": cap.encode(one) for one in alerts}

    def body(self, path: str) -> bytes | None:
        if path != "/feed":
            return None if self.broken else self.listed.get(path)
        links = "".join(
            f'<entry><id>{path}</id><link type="application/cap+xml" href="http://{self.host}{path}"/></entry>'
            for path in self.listed
        )
        return f'<feed xmlns="http://www.w3.org/2005/Atom">{links}</feed>'.encode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = publisher.body(self.path)
                tag = f'"{hash(body)}"'
                status = 404 if body is None else 304 if self.headers.get("if-none-match") == tag else 200
                publisher.asked.append((self.path, status))
                self.send_response(status)
                self.send_header("etag", tag)
                self.send_header("content-length", str(len(body or b"") if status == 200 else 0))
                self.end_headers()
                if status == 200:
                    self.wfile.write(body or b"")

            def log_message(self, format: str, *args: Any) -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.host = f"127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            yield
            server.shutdown()
            thread.join()


class Site:
    """A core that polls the publisher, one round at a time."""

    def __init__(self, room: Room, publisher: Publisher, ingest: Ingest) -> None:
        self.room, self.ingest = room, ingest
        feed = FeedConfig(id="met", wire="cap", url=f"http://{publisher.host}/feed", poll_s=5)
        self.intake = Intake(feed, installed())
        self.failures: list[str] = []
        self._turns = asyncio.Semaphore(0)
        self._done = asyncio.Event()
        self.polling = Polling(
            [feed], {"met": self.intake}, deliver=self._deliver, failed=lambda _, why: self.failures.append(why),
            unchanged=lambda _: None, listed=ingest.vanish, rng=Random(1), pause=self._pause,
        )  # fmt: skip
        self.task = asyncio.create_task(self.polling.run())

    async def _deliver(self, feed: str, data: bytes) -> None:
        self.ingest.take_in(feed, self.intake.read(data, NOON_MS))

    async def _pause(self, _seconds: float) -> None:
        self._done.set()
        await self._turns.acquire()

    async def poll(self) -> dict[str, str]:
        """After one round: title -> status of every warning."""
        await asyncio.wait_for(self._done.wait(), 20)
        found = {one.title: one.status for one in self.room.core.home.hazards.values() if one.kind == "warning"}
        return found

    async def again(self) -> dict[str, str]:
        self._done.clear()
        self._turns.release()
        return await self.poll()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_update_cancel_and_vanish_of_a_polled_list_are_three_things_on_the_picture(
    tmp_path: Path, tocsin_home: Path
) -> None:
    publisher = Publisher()
    first = [alert("a"), alert("b"), alert("c")]
    publisher.publish(*first)
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room, publisher.serving():
        room.record(ev.FeedRegistered(id="met", wire="cap"))
        site = Site(room, publisher, hear(room, city))
        assert await site.poll() == {"Surge a": "active", "Surge b": "active", "Surge c": "active"}
        assert await site.again() == {"Surge a": "active", "Surge b": "active", "Surge c": "active"}
        assert publisher.asked[-1] == ("/feed", 304)
        update = alert("a2", msg_type="Update", references=(cap.reference(first[0]),), sent_ms=NOON_MS + 1000)
        cancel = alert("b2", msg_type="Cancel", references=(cap.reference(first[1]),), headline="Surge b")
        publisher.publish(update, cancel)
        assert await site.again() == {"Surge a2": "active", "Surge b": "cancelled", "Surge c": "vanished"}
        publisher.publish(update, cancel, first[2])
        assert await site.again() == {"Surge a2": "active", "Surge b": "cancelled", "Surge c": "active"}
        await site.stop()
    assert site.failures == []


async def test_a_restarted_core_brings_nothing_back_that_its_issuer_replaced(tmp_path: Path, tocsin_home: Path) -> None:
    publisher = Publisher()
    first = alert("a")
    update = alert("a2", msg_type="Update", references=(cap.reference(first),), sent_ms=NOON_MS + 1000)
    over = NOON_MS + 2000
    cancel = alert("a3", msg_type="Cancel", references=(cap.reference(update),), headline="Over", sent_ms=over)
    publisher.publish(cancel, update, first)
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room, publisher.serving():
        room.record(ev.FeedRegistered(id="met", wire="cap"))
        for _ in range(2):
            site = Site(room, publisher, hear(room, city))
            assert await site.poll() == {"Over": "cancelled"}
            await site.stop()


async def test_while_links_fail_nothing_is_said_to_have_vanished(tmp_path: Path, tocsin_home: Path) -> None:
    publisher = Publisher()
    publisher.publish(alert("a"), alert("b"))
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room, publisher.serving():
        room.record(ev.FeedRegistered(id="met", wire="cap"))
        site = Site(room, publisher, hear(room, city))
        await site.poll()
        publisher.publish(alert("a"), alert("c"))
        publisher.broken = True
        assert await site.again() == {"Surge a": "active", "Surge b": "active"}
        assert site.failures == ["1 of 1 linked alerts: HTTP 404"]
        publisher.broken = False
        assert await site.again() == {"Surge a": "active", "Surge b": "vanished", "Surge c": "active"}
        assert publisher.asked[-2:] == [("/feed", 304), ("/c", 200)]
        await site.stop()
