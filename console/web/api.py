"""The core's own door: one WebSocket for clients that follow, ask and command; on a unix socket, or over TLS.

A client says who it is and how far it has read; it gets a snapshot or the missing entries, then every commit as it is
folded, in what its clearance may know (``console.web.fanout``). A client that does not read fast enough is let go and
resumes by its cursor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import TypeAdapter, ValidationError

from console.commander import Commander
from console.commands import COMMAND, Command
from console.core import Core
from console.gate import Gate, Hello
from console.sessions import AtSeat, Sessions
from console.web.fanout import Client, Fanout
from console.web.frames import PROTOCOL, Frame, encode, flood_frame
from console.web.past import AskJournal, AskPast, Past
from console.web.turnstile import turnstile_for
from picture.custody import UserChanged
from picture.entry import Entry
from picture.errors import InternalError, RefusedError, TocsinError
from picture.fold import FOLD_VERSION
from picture.history import History

BEAT_S = 1.0
DIGEST_S = 15.0
"""How often clients compare their pictures with the core's, if anything happened."""
CATCH_UP_ENTRIES = 2_000
"""A client further behind than this gets a snapshot."""
MOST_QUESTIONS = 4
"""About the past, of one client, at the same time."""
MAX_HELLO = 64 * 1024
HELLO_S = 10.0
"""How long a connection may stay without having said who it is."""
MOST_SILENT = 100
"""Connections that have not said who they are: more would take the files that the journal needs."""
MOST_LOOKING_ON = 200
"""Of those who look on; above this nobody does without a log-in."""
_ASK: TypeAdapter[AskPast | AskJournal] = TypeAdapter(AskPast | AskJournal)


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
        history: History | None = None,
    ) -> None:
        """``history`` answers about the past; without one the journal itself is read, from its start."""
        self._core = core
        self._commander = commander
        self._clock = clock
        self._gate = gate
        self._flood = flood
        self._pack = pack
        self.fanout = Fanout(core, self._time)
        self._past = Past(core, self.fanout, history or History(core.journal))
        self._sessions = Sessions(core, gate)
        self._flood_sent: bytes | None = None
        self._hash = core.journal.head().hash
        self._compared = 0
        self._silent = 0
        core.listen(self._notice)

    def _notice(self, entries: Sequence[Entry]) -> None:
        """Listener of the core: notes the head, and lets go who may not sit where they sit any more."""
        self._hash = entries[-1].hash
        changed = {entry.event.name for entry in entries if isinstance(entry.event, UserChanged)}
        for client in [one for one in self.fanout.clients if one.seat.person.name in changed]:
            if not self._gate.still(client.seat):
                self.fanout.dismiss(client)

    @property
    def clients(self) -> int:
        """How many follow now."""
        return len(self.fanout.clients)

    def app(self, hosts: Collection[str] = ("core",)) -> FastAPI:
        """The ASGI application, for who calls it by one of these names; docs and schema pages are off."""
        names = frozenset(host.lower() for host in hosts)
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        async def link(socket: WebSocket) -> None:
            if not _called_right(socket, names):
                await socket.close(code=1008)  # before it is accepted: answered as HTTP 403
                return
            await self.serve(socket)

        app.add_api_websocket_route("/link", link)
        app.add_api_route("/health", self.health, methods=["GET"])
        return app

    async def health(self) -> dict[str, Any]:
        """Whether the core is up, and where its picture stands."""
        silent = sum(client.silent for client in self.fanout.clients)
        return {
            "schema": "tocsin.health/1", "world": self._core.home.world, "cursor": self._core.picture.cursor,
            "clients": self.clients, "silent": silent,
        }  # fmt: skip

    # --- telling --------------------------------------------------------------------------------------------

    @property
    def _world(self) -> str:
        """Which world every frame says it comes from."""
        return self._core.home.world

    def _time(self) -> Frame:
        return {
            "world": self._world,
            "now_ms": max(self._clock.target_ms(), self._core.now_ms()),
            "speed": self._clock.speed,
            "paused": self._clock.paused,
        }

    async def beat(self) -> None:
        """Tells time and head every second, so that a silent link is seen as silent; the flood if it moved."""
        self._clock.catch_up()
        self._sessions.tidy()
        comparing: asyncio.Task[None] | None = None
        beats = 0
        while True:
            await asyncio.sleep(BEAT_S)
            beats += 1
            if not self.clients:
                continue
            self.fanout.flush()
            self.fanout.send_all(encode(self._beat(), self._world))
            self._tell_flood()
            if beats * BEAT_S >= DIGEST_S and (comparing is None or comparing.done()):
                beats = 0
                if self._compared != self._core.home.seq:
                    self._compared = self._core.home.seq
                    comparing = asyncio.create_task(self.fanout.tell_digests())

    def _beat(self) -> Frame:
        return {"type": "beat", "head": self._core.home.seq, "hash": self._hash, **self._time()}

    def _tell_flood(self) -> None:
        field = self._flood()
        data = field[0] if field else b""
        if data != self._flood_sent:
            self._flood_sent = data
            dry: Frame = {"type": "flood", "rows": 0, "columns": 0, "depth": ""}
            self.fanout.send_all(encode(flood_frame(*field) if field else dry, self._world))

    # --- one client -----------------------------------------------------------------------------------------

    async def serve(self, socket: WebSocket) -> None:
        """One client from hello to goodbye."""
        if self._silent >= MOST_SILENT:
            await socket.close(code=1013)  # before it is accepted: answered as HTTP 403
            return
        await socket.accept()
        client: Client | None = None
        try:
            hello = _hello_of(await self._first_words(socket))
            client = self._welcome(hello)
            await self._greet(client, hello)
            writer = asyncio.create_task(_write(socket, client))
            asking: set[asyncio.Task[None]] = set()
            try:
                turnstile = turnstile_for(client.seat.person.role)
                while not client.gone:
                    text = await _text_from(socket)
                    await turnstile.through()
                    await self._hear(text, client, asking)
            finally:
                for task in (writer, *asking):
                    task.cancel()
                await asyncio.wait([writer, *asking])
        except WebSocketDisconnect:
            return
        except TimeoutError:
            await socket.close(code=1008)
        except TocsinError as error:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # gone: nobody is there to be told
                await socket.send_text(encode({"type": "refused", **error.as_json()}, self._world))
                await socket.close()
        finally:
            if client is not None:
                self.fanout.clients.discard(client)
                self._left(client)

    async def _first_words(self, socket: WebSocket) -> str:
        self._silent += 1
        try:
            return await asyncio.wait_for(_text_from(socket), HELLO_S)
        finally:
            self._silent -= 1

    def _welcome(self, hello: Hello) -> Client:
        if hello.protocol != PROTOCOL or hello.fold != FOLD_VERSION:
            raise RefusedError(
                f"This core speaks {PROTOCOL} and {FOLD_VERSION}; use the same version of Tocsin.", code="TOC-4010"
            )
        self._clock.catch_up()
        seat = self._gate.admit(hello)
        looking_on = [one for one in self.fanout.clients if one.seat.clearance == "observer"]
        if seat.proof == "name" and seat.clearance == "observer" and len(looking_on) >= MOST_LOOKING_ON:
            raise RefusedError("Too many look on already.", code="TOC-4036")
        self._sessions.open(seat)
        return Client(seat)

    def _left(self, client: Client) -> None:
        try:
            self._clock.catch_up()
            self._sessions.close(client.seat)
        except TocsinError as error:
            # The core is closing: its next start closes the sessions that were left.
            logging.info("%s", error)

    async def _greet(self, client: Client, hello: Hello) -> None:
        view = await self.fanout.views.view(client.seat.clearance)
        home, seat = self._core.home, client.seat
        self.fanout.join(client)
        client.put(
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
                    "role": seat.person.role,
                    "clearance": seat.clearance,
                    "session": seat.session,
                    "locked": seat.locked,
                    "ticket": self._gate.ticket(seat),
                    **self._time(),
                }
            )
        )
        seen = hello.cursor.get(home.stream, 0)
        alone = len(self._core.picture.streams) == 1  # what came of other cores meanwhile is not in our journal
        if alone and 0 < seen <= home.seq and home.seq - seen <= CATCH_UP_ENTRIES:
            client.put(self.fanout.entries(list(self._core.journal.read(after=seen)), client.channel, view))
        else:
            client.put(self.fanout.snapshot(view, client.channel))
        field = self._flood()
        if field:
            client.put(encode(flood_frame(*field), self._world))

    async def _hear(self, text: str, client: Client, asking: set[asyncio.Task[None]]) -> None:
        kind = _type_of(text)
        client.heard_s = time.monotonic()
        if kind == "beat":
            return
        if kind in ("past", "journal"):
            asking -= {task for task in asking if task.done()}
            if len(asking) >= MOST_QUESTIONS:
                client.put(
                    encode(_no(_number_of(text), RefusedError("One question at a time.", code="TOC-4044")), self._world)
                )
                return
            asking.add(asyncio.create_task(self._look_back(text, client)))
        elif kind == "resync":
            await self._resync(client)
        else:
            locked = client.seat.locked
            answer = self._answer(text, client)
            self.fanout.flush()
            if locked and not client.seat.locked:
                await self._resync(client)  # with what was sealed while it was locked
            client.put(encode(answer, self._world))

    async def _resync(self, client: Client) -> None:
        view = await self.fanout.views.view(client.seat.clearance)
        self.fanout.flush()
        client.put(self.fanout.snapshot(view, client.channel))

    async def _look_back(self, text: str, client: Client) -> None:
        try:
            client.put(await self._past.answer(_ASK.validate_json(text), client))
        except ValueError as error:
            client.put(encode(_no(_number_of(text), RefusedError(_why_not(error), code="TOC-4044")), self._world))
        except TocsinError as error:
            client.put(encode(_no(_number_of(text), error), self._world))
        except Exception as error:
            log_fault("past", error)
            client.put(encode(_no(_number_of(text), InternalError(f"past: {type(error).__name__}.")), self._world))

    def _answer(self, text: str, client: Client) -> Frame:
        number: Any = None
        try:
            frame = json.loads(text)
            number = frame.get("id")
            command = COMMAND.validate_python(frame["command"])
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            return _no(number, RefusedError(_why_not(error), code="TOC-4011"))
        try:
            return {"type": "answer", "id": number, "ok": True, "result": self._give(command, client)}
        except TocsinError as error:
            return _no(number, error)
        except Exception as error:
            # The supervisor of commands: a fault of ours ends this command, neither the client nor the core.
            log_fault(command.do, error)
            return _no(number, InternalError(f"{command.do}: {type(error).__name__}."))

    def _give(self, command: Command, client: Client) -> dict[str, Any]:
        self._clock.catch_up()
        seat = client.seat
        return self._commander.give(command, seat.person, AtSeat(seat, self._gate, self._sessions))


async def _text_from(socket: WebSocket) -> str:
    """The next frame; ``RefusedError`` TOC-4011 where it is no text."""
    try:
        return await socket.receive_text()
    except KeyError:
        raise RefusedError("Frames are text.", code="TOC-4011") from None
    except RuntimeError:  # whoever writes to it found it gone first
        raise WebSocketDisconnect from None


async def _write(socket: WebSocket, client: Client) -> None:
    try:
        while (text := await client.next()) is not None:
            await socket.send_text(text)
        await socket.close(code=1013, reason="let go; come back by cursor")
    except WebSocketDisconnect:
        return  # gone while we wrote: whoever reads from it hears of it too


def _called_right(socket: WebSocket, names: frozenset[str]) -> bool:
    """Whether a client calls this core by a name of its own, and is no page that a browser loaded from elsewhere."""
    host = socket.headers.get("host", "").lower()
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name.strip("[]") in names and "origin" not in socket.headers


def _type_of(text: str) -> str:
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(frame.get("type", "")) if isinstance(frame, dict) else ""


def _number_of(text: str) -> Any:
    number = json.loads(text).get("id")
    return number if isinstance(number, int) else None


def _no(number: Any, error: TocsinError) -> Frame:
    return {"type": "answer", "id": number, "ok": False, **error.as_json(), "diff": list(error.diff)}


def _why_not(error: Exception) -> str:
    """What is wrong with a command, without what was typed."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])[:100]}: {first['msg'][:200]}"
    return f"It cannot be read: {type(error).__name__}."


def log_fault(what: str, error: Exception) -> None:
    """Writes where a fault of ours happened to the log; never its message, which may quote a caller."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    logging.error("TOC-9001 %s: %s at %s", what, type(error).__name__, where)


def _hello_of(text: str) -> Hello:
    """A client's first frame; ``RefusedError`` TOC-4011 where it is none."""
    try:
        if len(text) > MAX_HELLO:
            raise ValueError("too long")
        return Hello.model_validate_json(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError("The link begins with a hello.", code="TOC-4011") from error
