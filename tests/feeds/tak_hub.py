"""A TAK server as far as a test needs one: what a client sends goes to all others; questions are answered."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from feeds.tak import codec
from feeds.tak.stream import named


class Hub:
    """The server; ``answers`` and ``echoes`` may be switched while it runs."""

    def __init__(self) -> None:
        self.port = 0
        self.answers = True
        self.echoes = False
        """Whether a client gets its own events back."""
        self.seen: list[bytes] = []
        self.clients: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.add(writer)
        try:
            while True:
                event = await reader.readuntil(b"</event>")
                kind, _ = named(event)
                if kind == "t-x-c-t" and self.answers:
                    writer.write(codec.encode_ping("takPong", 1_800_000_000_000, answer=True))
                self.seen.append(event)
                for other in self.clients:
                    if (other is not writer or self.echoes) and not kind.startswith("t-x-c"):
                        other.write(event)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.clients.discard(writer)
            writer.close()

    def ask(self) -> None:
        """Asks every client whether it is there."""
        for client in self.clients:
            client.write(codec.encode_ping("takPing", 1_800_000_000_000))

    def drop(self) -> None:
        """Ends every connection."""
        for client in list(self.clients):
            client.transport.abort()


@asynccontextmanager
async def hub(tls: ssl.SSLContext | None = None) -> AsyncIterator[Hub]:
    one = Hub()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        one.drop()
        await asyncio.sleep(0.05)
