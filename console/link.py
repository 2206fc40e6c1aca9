"""A client's end of a core: follows it over its socket or TLS, folds its own picture, sends commands, never blocks."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import WebSocketException

from console.canary import BEAT_S, SILENT_S
from console.commands import Command, Decide, Lock, Unlock
from console.course import Course
from console.web.frames import DEPTH_STEP_M, PROTOCOL, Frame, depth_bytes, encode, entry_of
from picture.decisions import sign
from picture.entry import Ref
from picture.errors import CATALOGUE, RefusedError, TocsinError, UsageError
from picture.fold import FOLD_VERSION, Picture, copied
from picture.model import Assignment, Proposal, Unit
from picture.sealing import core_signing_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
MAX_FRAME = 64 * 1024 * 1024
ANSWER_S = 20.0
MAX_SOCKET_PATH = 100
"""Bytes; systems allow 104 to 108."""
State = Literal["connecting", "live", "down", "log_in"]
"""``log_in``: the core asks for token or second factor; ``why`` says what, ``log_in`` gives it."""
ASKS_FOR_LOG_IN = frozenset({"TOC-4031", "TOC-4032", "TOC-4033", "TOC-4034", "TOC-4036"})
WRITES_LATER = "TOC-4023"
"""The core cannot journal that somebody sat down; it will be able to."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a frame changed, for screens to repaint by."""

    kinds: frozenset[str] = frozenset()
    entries: int = 0
    snapshot: bool = False
    state_changed: bool = False
    flood: bool = False


@dataclass(frozen=True, slots=True)
class PastPicture:
    """A picture as it was known after an entry, in this client's clearance."""

    picture: Picture
    seq: int
    at_ms: int
    """Recorded time of that entry; 0 before the first."""
    opened: Mapping[Ref, object]


@dataclass(frozen=True, slots=True)
class PastEntry:
    """One entry of the core's journal in a line, for stepping; ``words`` are empty where it is withheld."""

    seq: int
    at_ms: int
    kind: str
    words: str


class Session(Protocol):
    """What a screen sees of a core."""

    picture: Picture
    state: State
    person: str
    position: str
    world: str
    speed: float
    paused: bool
    lag_ms: int
    why: str
    role: str
    clearance: str
    locked: bool
    differs: str
    """Why this picture is not the core's, in words; empty while it is."""

    async def run(self, on_change: Callable[[Change], None]) -> None: ...
    async def command(self, command: Command) -> dict[str, Any]: ...
    def decide(
        self,
        proposal: Proposal,
        verdict: Literal["approve", "reject"],
        shown: str = "",
        reason: str = "",
        totp: str = "",
    ) -> Decide: ...
    def log_in(self, token: str, totp: str = "") -> None: ...
    async def lock(self, pin: str = "") -> None: ...
    async def unlock(self, *, token: str = "", totp: str = "", pin: str = "") -> None: ...
    async def past(self, seq: int | None = None, at_ms: int | None = None) -> PastPicture: ...
    async def entries_around(self, seq: int, limit: int = 50) -> list[PastEntry]: ...
    def now_ms(self) -> int: ...
    def silent_s(self) -> float: ...
    def text(self, ref: Ref | None) -> str | None: ...
    def position_of(self, unit: Unit) -> tuple[float, float]: ...
    def route(self, assignment: Assignment) -> list[tuple[float, float]]: ...
    def flood_depth(self) -> NDArray[np.float32] | None: ...


class LinkDown(RefusedError):
    """The core cannot be reached now; nothing was done."""

    default = "TOC-4012"


class Link:
    """The real ``Session``. Everything runs on the loop that calls ``run``."""

    def __init__(
        self,
        core: Path | str,
        person: str,
        position: str,
        key: Ed25519PrivateKey,
        *,
        token: str = "",
        totp: str = "",
        ca: Path | None = None,
        client: Literal["", "tui", "cli", "browser"] = "",
        why_ended: Callable[[], str] = str,
    ) -> None:
        """``core`` is a unix socket's path, or ``wss://host:port`` with a certificate ``ca`` (or the system) knows.

        ``why_ended`` tells why a core that was started for us is no more, empty while it runs.
        ``UsageError`` TOC-4039 for any other address: a token never travels in clear.
        """
        self._core = core
        self._tls = _tls_for(core, ca)
        self.person = person
        self.position = position
        self._key = key
        self._token, self._totp, self._ticket = token, totp, ""
        self._client = client
        self._why_ended = why_ended
        self.picture = Picture("none")
        self.state: State = "connecting"
        self.world = ""  # until the core has said it: a live world's log-in must not look like a drill
        self.pack = ""
        self.role = self.clearance = ""
        self.locked = False
        self.differs = ""
        self.speed = 1.0
        self.paused = False
        self.lag_ms = 0
        self.why = ""
        """Why the core will not have us, or ended, in its words; empty while it is only not there."""
        self._opened: dict[Ref, object] = {}
        self._flood: NDArray[np.float32] | None = None
        self._now_ms = 0
        self._heard = time.monotonic()
        self._wire: ClientConnection | None = None
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._numbers = count(1)
        self._courses: dict[str, Course] = {}
        self._last: dict[str, str] = {}
        """Hash of the newest entry of each stream, where it was told."""
        self._marked: Picture | None = None
        self._comparing: asyncio.Task[None] | None = None
        self._on_change: Callable[[Change], None] = lambda change: None
        self._answered = asyncio.Event()
        self._anew = False
        """Whether the whole picture is to come again, with what may be read of it now."""
        self._asking_anew: asyncio.Task[None] | None = None

    # --- following ------------------------------------------------------------------------------------------

    async def run(self, on_change: Callable[[Change], None]) -> None:
        """Connects, follows, and connects again for ever; each change is told on the loop."""
        attempt = 0
        self._on_change = on_change
        while True:
            try:
                async with self._connected() as wire:
                    await wire.send(encode(self._hello()))
                    self._wire = wire
                    beating = asyncio.create_task(self._beating(wire))
                    try:
                        async for text in wire:
                            attempt = 0
                            change = self._take(json.loads(text))
                            if change is not None:
                                on_change(change)
                    finally:
                        beating.cancel()
            except (OSError, WebSocketException, TimeoutError):
                self.why = self._why_ended()
            except RefusedError as error:
                if error.code in ASKS_FOR_LOG_IN:
                    await self._ask_for_log_in(on_change)
                    continue
                if error.code != WRITES_LATER:
                    raise
            finally:
                self._dropped()
            on_change(Change(state_changed=True))
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    async def _beating(self, wire: ClientConnection) -> None:
        """Tells the core every second that we are there and how far we are, once it has let us in."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self.state == "live":
                home = self.picture.home
                with contextlib.suppress(WebSocketException, OSError):  # whoever reads from it hears of its end
                    await wire.send(encode({"type": "beat", "head": home.seq, "hash": self._last.get(home.stream, "")}))

    def _connected(self) -> connect:
        options: dict[str, Any] = {"max_size": MAX_FRAME, "compression": None}
        if isinstance(self._core, Path):
            return unix_connect(str(self._core), "ws://core/link", **options)
        return connect(f"{self._core}/link", ssl=self._tls, **options)

    async def _ask_for_log_in(self, on_change: Callable[[Change], None]) -> None:
        self._ticket = self._token = self._totp = ""
        self._forget()
        self.state = "log_in"
        on_change(Change(state_changed=True))
        await self._answered.wait()

    def log_in(self, token: str, totp: str = "") -> None:
        """Gives what the core asked for and lets ``run`` try again; kept no longer than until it is taken."""
        self._token, self._totp = token, totp
        self._answered.set()

    def _hello(self) -> Frame:
        self._answered.clear()
        return {
            "protocol": PROTOCOL,
            "fold": FOLD_VERSION,
            "person": self.person,
            "position": self.position,
            "public_key": self._key.public_key().public_bytes_raw().hex(),
            "cursor": {} if self._anew else self.picture.cursor,
            "client": self._client,
            "token": self._token,
            "totp": self._totp,
            "ticket": self._ticket,
        }

    def _dropped(self) -> None:
        self._wire = None
        self.state = "down" if self.picture.cursor else "connecting"
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LinkDown("The link to the core broke; the answer is not known."))
        self._waiting.clear()

    def _take(self, frame: Frame) -> Change | None:
        self._heard = time.monotonic()
        if self.state == "live" and frame.get("world", "") != self.world:
            self.why = f"A frame came from the world {frame.get('world')!s:.10}; this is {self.world}."
            raise RefusedError(self.why, code="TOC-4022")
        if "now_ms" in frame:
            self._now_ms = max(int(frame["now_ms"]), self._now_ms if frame["paused"] else 0)
            self.speed, self.paused = float(frame["speed"]), bool(frame["paused"])
        taker = self._TAKERS.get(frame["type"])
        return None if taker is None else taker(self, frame)

    def _welcomed(self, frame: Frame) -> Change:
        self.world, self.pack = frame["world"], frame["pack"]
        if frame["locked"] or self.clearance not in ("", frame["clearance"]):
            self._forget()
            self._ask_anew()
        self.role, self.clearance, self.locked = frame["role"], frame["clearance"], frame["locked"]
        self._ticket = frame["ticket"]
        if self._ticket:
            self._token = self._totp = ""
        self.state, self.why = "live", ""
        return Change(state_changed=True)

    def _refused(self, frame: Frame) -> Change:
        error = _error_of(frame)
        self.why = f"{error.message} {error.remedy} ({error.code})"
        raise error

    def _answer(self, frame: Frame) -> None:
        waiting = self._waiting.pop(int(frame["id"] or 0), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)

    def _beat(self, frame: Frame) -> Change:
        stream = self.picture.home_stream
        known = self._last.get(stream)
        if known is not None and self.picture.home.seq == frame["head"] and known != frame["hash"]:
            return self._differs("the chain ends otherwise than the core's")
        return Change()

    def _mark(self, frame: Frame) -> None:
        self._marked = None
        if frame["cursor"] == self.picture.cursor:
            self._marked = Picture(self.picture.home_stream)
            self._marked.streams = {name: copied(sub) for name, sub in self.picture.streams.items()}

    def _compare(self, frame: Frame) -> None:
        """Digests the marked picture in a thread; says so where it is not the core's."""
        marked, self._marked = self._marked, None
        if marked is not None and marked.cursor == frame["cursor"]:
            self._comparing = asyncio.create_task(self._compared(marked, frame["view_digest"]))

    async def _compared(self, marked: Picture, core_says: str) -> None:
        if await asyncio.to_thread(marked.digest) != core_says:
            self._on_change(self._differs("its digest is not the core's"))
            if self._wire is not None:
                await self._resync(self._wire)
        elif self.differs:
            self.differs = ""
            self._on_change(Change(state_changed=True))

    def _differs(self, why: str) -> Change:
        self.differs = f"This picture is not the core's: {why}."
        return Change(state_changed=True)

    def _entries(self, frame: Frame) -> Change:
        frames: list[Frame] = frame["entries"]
        kinds = set()
        for one in frames:
            if "withheld" in one:
                stream, seq, kind, digest, recorded_ms = one["withheld"]
                if self.picture.skip(stream, seq, recorded_ms):
                    kinds.add(kind)
                    self._last[stream] = digest
                continue
            entry = entry_of(one)
            if self._last.get(entry.stream, entry.prev) != entry.prev and entry.seq > self.picture.home.seq:
                self._differs(f"entry {entry.seq} does not follow the one before it")
            self._last[entry.stream] = entry.hash
            for path, value in one["opened"].items():
                self._opened[Ref(entry.stream, entry.seq, path)] = value
            if self.picture.apply(entry):
                kinds.add(entry.kind)
        if "payload.shredded" in kinds:
            self._forget()
            self._ask_anew()
        return Change(frozenset(kinds), len(frames))

    def _forget(self) -> None:
        """Lets go of every value that was opened for this client, until the whole picture comes anew."""
        self._opened.clear()
        self._courses.clear()
        self._anew = True

    def _ask_anew(self) -> None:
        if self._wire is not None:
            self._asking_anew = asyncio.create_task(self._resync(self._wire))

    async def _resync(self, wire: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException, OSError):  # gone: the next hello asks for it
            await wire.send(encode({"type": "resync"}))

    def _snapshot(self, frame: Frame) -> Change:
        self.picture = Picture.from_json(frame["home"], frame["picture"])
        self._opened = {Ref(stream, seq, path): value for stream, seq, path, value in frame["opened"]}
        self._courses.clear()
        self._last.clear()
        self._anew = False
        return Change(snapshot=True, state_changed=True)

    def _take_flood(self, frame: Frame) -> Change:
        import numpy as np

        if not frame["rows"]:
            self._flood = None
        else:
            depth = np.frombuffer(depth_bytes(frame), dtype=np.uint8).astype(np.float32) * np.float32(DEPTH_STEP_M)
            self._flood = depth.reshape(frame["rows"], frame["columns"])
        return Change(flood=True)

    _TAKERS: ClassVar[dict[str, Callable[[Link, Frame], Change | None]]] = {
        "hello": _welcomed,
        "refused": _refused,
        "entries": _entries,
        "snapshot": _snapshot,
        "answer": _answer,
        "past": _answer,
        "journal": _answer,
        "flood": _take_flood,
        "beat": _beat,
        "mark": _mark,
        "digest": _compare,
    }

    # --- asking ---------------------------------------------------------------------------------------------

    async def command(self, command: Command) -> dict[str, Any]:
        """The core's answer; raises what it refused with, or ``LinkDown``. Says what this picture had read."""
        told = command if command.seen else command.model_copy(update={"seen": self.picture.home.seq})
        frame = await self._asked({"type": "command", "command": told.model_dump(mode="json")})
        result: dict[str, Any] = frame["result"]
        return result

    async def lock(self, pin: str = "") -> None:
        """Locks this client: what was opened for it is forgotten here, and nothing more is opened until ``unlock``."""
        await self.command(Lock(pin=pin))
        self.locked = True
        self._opened.clear()
        self._courses.clear()
        self._on_change(Change(state_changed=True))

    async def unlock(self, *, token: str = "", totp: str = "", pin: str = "") -> None:
        """Opens it again by one of the three; the whole picture comes anew."""
        await self.command(Unlock(token=token, totp=totp, pin=pin))
        self.locked = False
        self._on_change(Change(state_changed=True))

    async def past(self, seq: int | None = None, at_ms: int | None = None) -> PastPicture:
        """The picture as it was known after an entry of the core or at a recorded time; one of the two is given."""
        when = {"at_ms": at_ms} if seq is None else {"seq": seq}
        frame = await self._asked({"type": "past", **when})
        # In a thread: a large picture takes long to read, and screens go on meanwhile.
        picture = await asyncio.to_thread(Picture.from_json, frame["home"], frame["picture"])
        opened = {Ref(stream, number, path): value for stream, number, path, value in frame["opened"]}
        return PastPicture(picture, frame["seq"], frame["at_ms"], opened)

    async def entries_around(self, seq: int, limit: int = 50) -> list[PastEntry]:
        """The core's entries around one, half of them before it, a line each."""
        frame = await self._asked({"type": "journal", "after": max(seq - 1 - limit // 2, 0), "limit": limit})
        return [PastEntry(**one) for one in frame["entries"]]

    async def _asked(self, question: Frame) -> Frame:
        wire = self._wire
        if wire is None:
            raise LinkDown()
        number = next(self._numbers)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await wire.send(encode({**question, "id": number}))
            frame = await asyncio.wait_for(answer, ANSWER_S)
        except (OSError, WebSocketException, TimeoutError) as error:
            raise LinkDown("The core did not answer.") from error
        finally:
            self._waiting.pop(number, None)
        if not frame["ok"]:
            raise _error_of(frame)
        return frame

    def decide(
        self,
        proposal: Proposal,
        verdict: Literal["approve", "reject"],
        shown: str = "",
        reason: str = "",
        totp: str = "",
    ) -> Decide:
        """A decision on what is shown, signed with this person's key; the reason goes into the log, unsigned."""
        public, signature = sign(self._key, proposal.id, proposal.digest, verdict, self.person, self.position, shown)
        return Decide(
            proposal=proposal.id,
            digest=proposal.digest,
            verdict=verdict,
            public_key=public,
            signature=signature,
            shown=shown,
            reason=reason,
            totp=totp,
        )

    # --- reading --------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The world's time, carried on between beats; it stands while paused or cut off for long."""
        if self.paused or self.state != "live":
            return self._now_ms
        since_s = min(time.monotonic() - self._heard, 3.0)
        return self._now_ms + round(since_s * 1000 * self.speed)

    def silent_s(self) -> float:
        """Seconds since anything was heard from the core."""
        return time.monotonic() - self._heard

    @property
    def silent(self) -> bool:
        """Whether the core is connected and says nothing: it beats every second."""
        return self.state == "live" and self.silent_s() > SILENT_S

    def text(self, ref: Ref | None) -> str | None:
        """A sealed text as opened for this client; None where it is absent, forgotten or not for us."""
        value = None if ref is None else self._opened.get(Ref(*ref))
        return value if isinstance(value, str) else None

    def _point(self, pair: tuple[Ref, Ref]) -> tuple[float, float] | None:
        lon, lat = self._opened.get(Ref(*pair[0])), self._opened.get(Ref(*pair[1]))
        return (lon / 1e7, lat / 1e7) if isinstance(lon, int) and isinstance(lat, int) else None

    def position_of(self, unit: Unit) -> tuple[float, float]:
        """(lon, lat) where a unit is now: on its way by its route, else where it last said, else its base."""
        assignment = self.picture.home.assignments.get(unit.assignment)
        if assignment is not None and unit.local_status == "enroute":
            course = self._course(assignment)
            if course is not None:
                lon_e7, lat_e7 = course.at(self.now_ms() - unit.since_ms)
                return lon_e7 / 1e7, lat_e7 / 1e7
        told = self._point(unit.position) if unit.position else None
        return told or (unit.home_lon_e7 / 1e7, unit.home_lat_e7 / 1e7)

    def _course(self, assignment: Assignment) -> Course | None:
        known = self._courses.get(assignment.id)
        if known is None and assignment.eta_ms is not None:
            points = self._points(assignment)
            if len(points) > 1:
                start_ms = self.picture.home.units[assignment.unit].since_ms
                known = self._courses[assignment.id] = Course.along(points, max(assignment.eta_ms - start_ms, 1000))
        return known

    def _points(self, assignment: Assignment) -> list[tuple[int, int]]:
        value = self._opened.get(Ref(*assignment.route)) if assignment.route else None
        return [(int(x), int(y)) for x, y in value] if isinstance(value, (list, tuple)) else []

    def route(self, assignment: Assignment) -> list[tuple[float, float]]:
        """The way of an assignment as (lon, lat); empty where it has none."""
        return [(x / 1e7, y / 1e7) for x, y in self._points(assignment)]

    def flood_depth(self) -> NDArray[np.float32] | None:
        """Metres of water on the pack's terrain grid, or None while there is no flood."""
        return self._flood


def _error_of(frame: Mapping[str, Any]) -> TocsinError:
    error = frame["error"]
    code = error["code"] if error["code"] in CATALOGUE else "TOC-4001"
    detail = str(error["message"]).removeprefix(CATALOGUE[code][0]).strip()
    return RefusedError(detail, code=code, diff=tuple(frame.get("diff", ())))


def person_key(home: Path, person: str) -> Ed25519PrivateKey:
    """The key this person's decisions are signed with at this client: in ``people/`` of the home, mode 0600."""
    return core_signing_key(home / "people" / hashlib.sha256(person.encode()).hexdigest()[:16])


def _tls_for(core: Path | str, ca: Path | None) -> ssl.SSLContext | None:
    if isinstance(core, Path):
        return None
    if not core.startswith("wss://"):
        raise UsageError("Give wss://host:port, or the path of a socket.", code="TOC-4039")
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"{ca}: it holds no certificate.", code="TOC-4039") from error


def socket_of(folder: Path) -> Path:
    """Where the core of a drill's folder listens; under the temporary directory where that path is too long for one."""
    path = folder.resolve() / "core.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    short = Path(tempfile.gettempdir()) / f"tocsin-{os.getuid()}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"
