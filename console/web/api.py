"""The core's own door: one WebSocket on a unix socket, for clients that follow, ask and command.

A client says who it is and how far it has read; it gets a snapshot or the missing entries, then every commit as it is
folded. Frames are encoded once for all. A client that does not read fast enough is let go and resumes by its cursor.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from console.commander import Commander
from console.commands import COMMAND
from console.core import Core
from console.gate import Gate, Hello, Seat
from console.web.frames import NEVER_SENT, PROTOCOL, Frame, encode, entry_frame, flood_frame, refs_in
from picture.entry import Entry, Ref
from picture.errors import InternalError, RefusedError, TocsinError
from picture.fold import FOLD_VERSION

BEAT_S = 1.0
QUEUE_FRAMES = 2_000
"""Frames a client may lag behind before it is let go."""
CATCH_UP_ENTRIES = 2_000
"""A client further behind than this gets a snapshot."""


class Clock(Protocol):
    """What a beat tells of the drill's clock."""

    speed: float
    paused: bool

    def target_ms(self) -> int: ...

    def catch_up(self) -> None: ...


class Door:
    """Serves clients of one core. Lives on the core's loop; nothing here waits for a client."""

    def __init__(
        self,
        core: Core,
        commander: Commander,
        clock: Clock,
        gate: Gate,
        flood: Callable[[], tuple[bytes, tuple[int, int]] | None],
        pack: Path,
    ) -> None:
        self._core = core
        self._commander = commander
        self._clock = clock
        self._gate = gate
        self._flood = flood
        self._pack = pack
        self._clients: set[asyncio.Queue[str | None]] = set()
        self._flood_sent: bytes | None = None
        core.listen(self.publish)

    @property
    def clients(self) -> int:
        """How many follow now."""
        return len(self._clients)

    def app(self) -> FastAPI:
        """The ASGI application; docs and schema pages are off."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.add_api_websocket_route("/link", self.serve)
        app.add_api_route("/health", self.health, methods=["GET"])
        return app

    async def health(self) -> dict[str, Any]:
        """Whether the core is up, and where its picture stands."""
        return {"schema": "tocsin.health/1", "world": self._core.home.world, "cursor": self._core.picture.cursor}

    # --- telling --------------------------------------------------------------------------------------------

    def publish(self, entries: Sequence[Entry]) -> None:
        """Listener of the core: one frame for everybody."""
        if self._clients:
            self._send_all(encode(self._entries(entries)))

    def _entries(self, entries: Sequence[Entry]) -> Frame:
        frames = [entry_frame(entry, self._core.journal.opened(entry) if entry.sealed else {}) for entry in entries]
        return {"type": "entries", "entries": frames, **self._time()}

    def _time(self) -> Frame:
        return {
            "now_ms": max(self._clock.target_ms(), self._core.now_ms()),
            "speed": self._clock.speed,
            "paused": self._clock.paused,
        }

    def _send_all(self, text: str) -> None:
        for queue in list(self._clients):
            self._put(queue, text)

    def _put(self, queue: asyncio.Queue[str | None], text: str) -> None:
        try:
            queue.put_nowait(text)
        except asyncio.QueueFull:
            self._clients.discard(queue)
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)

    async def beat(self) -> None:
        """Tells the time and the head every second, so that a silent link is seen as silent; the flood if it moved."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._clients:
                self._send_all(encode({"type": "beat", "head": self._core.home.seq, **self._time()}))
                self._tell_flood()

    def _tell_flood(self) -> None:
        field = self._flood()
        data = field[0] if field else b""
        if data != self._flood_sent:
            self._flood_sent = data
            dry: Frame = {"type": "flood", "rows": 0, "columns": 0, "depth": ""}
            self._send_all(encode(flood_frame(*field) if field else dry))

    def _snapshot(self) -> Frame:
        picture = self._core.picture.as_json()
        opened = []
        for stream, seq, path in sorted(set(refs_in(picture, frozenset(self._core.picture.streams)))):
            value = None if path in NEVER_SENT else self._core.opened(Ref(stream, seq, path))
            if value is not None:
                opened.append([stream, seq, path, value])
        return {
            "type": "snapshot",
            "home": self._core.picture.home_stream,
            "picture": picture,
            "opened": opened,
            **self._time(),
        }

    # --- one client -----------------------------------------------------------------------------------------

    async def serve(self, socket: WebSocket) -> None:
        """One client from hello to goodbye."""
        await socket.accept()
        queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_FRAMES)
        try:
            hello = _hello_of(await socket.receive_text())
            seat = self._welcome(hello)
            self._greet(queue, hello)
            writer = asyncio.create_task(self._write(socket, queue))
            try:
                async for text in socket.iter_text():
                    self._put(queue, encode(self._answer(text, seat)))
            finally:
                writer.cancel()
                await asyncio.wait([writer])
        except WebSocketDisconnect:
            return
        except TocsinError as error:
            await socket.send_text(encode({"type": "refused", **error.as_json()}))
            await socket.close()
        finally:
            self._clients.discard(queue)

    def _welcome(self, hello: Hello) -> Seat:
        if hello.protocol != PROTOCOL or hello.fold != FOLD_VERSION:
            raise RefusedError(
                f"This core speaks {PROTOCOL} and {FOLD_VERSION}; use the same version of Tocsin.", code="TOC-4010"
            )
        return self._gate.admit(hello)

    def _greet(self, queue: asyncio.Queue[str | None], hello: Hello) -> None:
        home = self._core.home
        queue.put_nowait(
            encode(
                {
                    "type": "hello",
                    "protocol": PROTOCOL,
                    "fold": FOLD_VERSION,
                    "world": home.world,
                    "site": home.site,
                    "stream": home.stream,
                    "head": home.seq,
                    "pack": str(self._pack),
                    **self._time(),
                }
            )
        )
        seen = hello.cursor.get(home.stream, 0)
        if 0 < seen <= home.seq and home.seq - seen <= CATCH_UP_ENTRIES:
            queue.put_nowait(encode(self._entries(list(self._core.journal.read(after=seen)))))
        else:
            queue.put_nowait(encode(self._snapshot()))
        field = self._flood()
        if field:
            queue.put_nowait(encode(flood_frame(*field)))
        self._clients.add(queue)

    async def _write(self, socket: WebSocket, queue: asyncio.Queue[str | None]) -> None:
        try:
            while (text := await queue.get()) is not None:
                await socket.send_text(text)
            await socket.close(code=1013, reason="too slow; resume by cursor")
        except WebSocketDisconnect:
            return  # gone while we wrote: whoever reads from it hears of it too

    def _answer(self, text: str, seat: Seat) -> Frame:
        number: Any = None
        try:
            frame = json.loads(text)
            number = frame.get("id")
            command = COMMAND.validate_python(frame["command"])
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            return _no(number, RefusedError(_why_not(error), code="TOC-4011"))
        try:
            self._clock.catch_up()
            result = self._commander.give(command, seat.person)
            return {"type": "answer", "id": number, "ok": True, "result": result}
        except TocsinError as error:
            return _no(number, error)
        except Exception as error:
            # The supervisor of commands: a fault of ours ends this command, neither the client nor the core.
            log_fault(command.do, error)
            return _no(number, InternalError(f"{command.do}: {type(error).__name__}."))


def _no(number: Any, error: TocsinError) -> Frame:
    return {"type": "answer", "id": number, "ok": False, **error.as_json(), "diff": list(error.diff)}


def _why_not(error: Exception) -> str:
    """What is wrong with a command, without what was typed."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return f"It cannot be read: {type(error).__name__}."


def log_fault(what: str, error: Exception) -> None:
    """Writes where a fault of ours happened to the log; never its message, which may quote a caller."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    logging.error("TOC-9001 %s: %s at %s", what, type(error).__name__, where)


def _hello_of(text: str) -> Hello:
    """A client's first frame; ``RefusedError`` TOC-4011 where it is none."""
    try:
        return Hello.model_validate_json(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError("The link begins with a hello.", code="TOC-4011") from error
