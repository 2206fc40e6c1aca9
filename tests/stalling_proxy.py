"""A way between two ends that a test may cut, or leave open and pass nothing on: connected, and silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class StallingProxy:
    """Passes bytes both ways between who connects to ``port`` and what ``far`` opens."""

    def __init__(self, far: Open, near: Path | None = None) -> None:
        """``near``: the socket it listens on; a port of this machine by default."""
        self._far, self._near = far, near
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._closed = False

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def stall(self) -> None:
        """From now on nothing passes; every connection stays open."""
        self._flowing.clear()

    def flow(self) -> None:
        """Passes on again, also what was held up."""
        self._flowing.set()
        self._closed = False

    def cut(self) -> None:
        """Ends every connection, and each new one at once, until ``flow``."""
        self._closed = True
        for writer in self._writers:
            writer.close()

    async def __aenter__(self) -> Self:
        if self._near is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        else:
            self._server = await asyncio.start_unix_server(self._connected, self._near)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            writer.close()
            return
        there, back = await self._far()
        self._writers |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            return
        finally:
            sink.close()
            self._writers.discard(sink)
