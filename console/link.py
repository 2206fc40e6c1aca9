"""A client's end of a core: follows it over its socket, folds its own picture, sends commands, never blocks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException

from console.commands import Command, Decide
from console.course import Course
from console.web.frames import DEPTH_STEP_M, PROTOCOL, Frame, depth_bytes, encode, entry_of
from picture.decisions import sign
from picture.entry import Ref
from picture.errors import CATALOGUE, RefusedError, TocsinError
from picture.fold import FOLD_VERSION, Picture
from picture.model import Assignment, Proposal, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
MAX_FRAME = 64 * 1024 * 1024
ANSWER_S = 20.0
MAX_SOCKET_PATH = 100
"""Bytes; systems allow 104 to 108."""
State = Literal["connecting", "live", "down"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a frame changed, for screens to repaint by."""

    kinds: frozenset[str] = frozenset()
    entries: int = 0
    snapshot: bool = False
    state_changed: bool = False
    flood: bool = False


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

    async def run(self, on_change: Callable[[Change], None]) -> None: ...
    async def command(self, command: Command) -> dict[str, Any]: ...
    def decide(
        self, proposal: Proposal, verdict: Literal["approve", "reject"], shown: str = "", reason: str = ""
    ) -> Decide: ...
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

    def __init__(self, socket: Path, person: str, position: str, key: Ed25519PrivateKey) -> None:
        self._socket = socket
        self.person = person
        self.position = position
        self._key = key
        self.picture = Picture("none")
        self.state: State = "connecting"
        self.world = "drill"
        self.pack = ""
        self.speed = 1.0
        self.paused = False
        self.lag_ms = 0
        self.why = ""
        """Why the core will not have us, in its words; empty while it is only not there."""
        self._opened: dict[Ref, object] = {}
        self._flood: NDArray[np.float32] | None = None
        self._now_ms = 0
        self._heard = time.monotonic()
        self._wire: ClientConnection | None = None
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._numbers = count(1)
        self._courses: dict[str, Course] = {}

    # --- following ------------------------------------------------------------------------------------------

    async def run(self, on_change: Callable[[Change], None]) -> None:
        """Connects, follows, and connects again for ever; each change is told on the loop."""
        attempt = 0
        while True:
            try:
                async with unix_connect(
                    str(self._socket), "ws://core/link", max_size=MAX_FRAME, compression=None
                ) as wire:
                    await wire.send(encode(self._hello()))
                    self._wire = wire
                    async for text in wire:
                        attempt = 0
                        change = self._take(json.loads(text))
                        if change is not None:
                            on_change(change)
            except (OSError, WebSocketException, TimeoutError):
                pass
            finally:
                self._dropped()
            on_change(Change(state_changed=True))
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    def _hello(self) -> Frame:
        return {
            "protocol": PROTOCOL,
            "fold": FOLD_VERSION,
            "person": self.person,
            "position": self.position,
            "public_key": self._key.public_key().public_bytes_raw().hex(),
            "cursor": self.picture.cursor,
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
        if "now_ms" in frame:
            self._now_ms = max(int(frame["now_ms"]), self._now_ms if frame["paused"] else 0)
            self.speed, self.paused = float(frame["speed"]), bool(frame["paused"])
        kind = frame["type"]
        if kind == "entries":
            return self._entries(frame["entries"])
        if kind == "snapshot":
            return self._snapshot(frame)
        if kind == "answer":
            waiting = self._waiting.pop(int(frame["id"] or 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
            return None
        if kind == "flood":
            return self._take_flood(frame)
        if kind == "hello":
            self.world, self.pack = frame["world"], frame["pack"]
            self.state, self.why = "live", ""
            return Change(state_changed=True)
        if kind == "refused":
            error = _error_of(frame)
            self.why = f"{error.message} {error.remedy} ({error.code})"
            raise error
        return Change() if kind == "beat" else None

    def _entries(self, frames: list[Frame]) -> Change:
        kinds = set()
        for one in frames:
            entry = entry_of(one)
            for path, value in one["opened"].items():
                self._opened[Ref(entry.stream, entry.seq, path)] = value
            if self.picture.apply(entry):
                kinds.add(entry.kind)
        return Change(frozenset(kinds), len(frames))

    def _snapshot(self, frame: Frame) -> Change:
        self.picture = Picture.from_json(frame["home"], frame["picture"])
        self._opened = {Ref(stream, seq, path): value for stream, seq, path, value in frame["opened"]}
        self._courses.clear()
        return Change(snapshot=True, state_changed=True)

    def _take_flood(self, frame: Frame) -> Change:
        import numpy as np

        if not frame["rows"]:
            self._flood = None
        else:
            depth = np.frombuffer(depth_bytes(frame), dtype=np.uint8).astype(np.float32) * np.float32(DEPTH_STEP_M)
            self._flood = depth.reshape(frame["rows"], frame["columns"])
        return Change(flood=True)

    # --- asking ---------------------------------------------------------------------------------------------

    async def command(self, command: Command) -> dict[str, Any]:
        """The core's answer; raises what it refused with, or ``LinkDown``."""
        wire = self._wire
        if wire is None:
            raise LinkDown()
        number = next(self._numbers)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await wire.send(encode({"type": "command", "id": number, "command": command.model_dump(mode="json")}))
            frame = await asyncio.wait_for(answer, ANSWER_S)
        except (OSError, WebSocketException, TimeoutError) as error:
            raise LinkDown("The core did not answer.") from error
        finally:
            self._waiting.pop(number, None)
        if not frame["ok"]:
            raise _error_of(frame)
        result: dict[str, Any] = frame["result"]
        return result

    def decide(
        self, proposal: Proposal, verdict: Literal["approve", "reject"], shown: str = "", reason: str = ""
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


def socket_of(folder: Path) -> Path:
    """Where the core of a drill's folder listens; under the temporary directory where that path is too long for one."""
    path = folder.resolve() / "core.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    short = Path(tempfile.gettempdir()) / f"tocsin-{os.getuid()}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"
