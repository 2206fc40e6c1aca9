"""What goes out arrives at the other end as it was rendered, or fails in words."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from feeds.base import FeedContext
from feeds.cap.sink import CapSink
from feeds.tak import codec as tak
from feeds.tak.sink import TakSink
from picture.errors import DeliveryError
from picture.reports import UnitReport

UNIT = UnitReport(at_ms=1_800_000_000_000, external_id="E12", callsign="E12", lon_e7=40_000_000, lat_e7=520_000_000)


async def test_a_cot_event_reaches_a_listener_over_tcp() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await TakSink("127.0.0.1", port).hand_over(tak.encode(UNIT), key="k") == "written"
        assert tak.decode(await heard, FeedContext()) == (UNIT,)


async def test_a_tak_server_that_is_not_there_is_a_failed_delivery() -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(DeliveryError, match="ConnectionRefusedError"):
        await TakSink("127.0.0.1", port).hand_over(b"<event/>", key="k")


@pytest.mark.parametrize(("status", "delivered"), [(202, True), (200, True), (302, False), (503, False)])
async def test_cap_is_posted_once_per_key_and_only_success_counts(status: int, delivered: bool) -> None:
    app, seen = FastAPI(), []

    @app.post("/cap")
    async def receive(request: Request) -> Response:
        seen.append((request.headers["idempotency-key"], request.headers["content-type"], await request.body()))
        return Response(status_code=status)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        sink = CapSink(client, "http://partner.example/cap")
        if delivered:
            assert await sink.hand_over(b"<alert/>", key="A-1") == f"HTTP {status}"
        else:
            with pytest.raises(DeliveryError, match=str(status)):
                await sink.hand_over(b"<alert/>", key="A-1")
    assert seen == [("A-1", "application/cap+xml", b"<alert/>")]
