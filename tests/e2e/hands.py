"""What the end-to-end tests hold in their hands: the real command, real core processes, real clients and posts."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console import commands as c
from console.drill.process import Run
from console.link import Link, socket_of
from console.starting import allowed_environment
from feeds.signing import sign
from picture.fold import Picture
from picture.journal import JournalReader

ROOT = Path(__file__).resolve().parent.parent.parent
START = "2026-11-20T17:30:00Z"
PATIENCE_S = 20.0


# --- the command line -------------------------------------------------------------------------------------


def tocsin(
    *words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it, with neither a terminal nor anything on stdin."""
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | dict(env or {})
    return subprocess.run(
        [sys.executable, "-m", "console.cli", *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environ,
        cwd=cwd or ROOT,
        timeout=timeout,
        check=False,
    )


def error_of(run: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The one JSON object that a refused command says on stderr."""
    assert "Traceback" not in run.stderr
    return json.loads(run.stderr.strip().splitlines()[-1])["error"]  # type: ignore[no-any-return]


# --- scenarios --------------------------------------------------------------------------------------------

FEEDS: list[dict[str, Any]] = [
    {"id": "tak-units", "wire": "tak", "may_speak": ["unit", "distress"]},
    {"id": "calls-112", "wire": "incident", "grade": "B2", "may_speak": ["incident:call_taker"]},
    {"id": "gauges", "wire": "sensorthings", "grade": "A2", "may_speak": ["observation:G-*"]},
    {"id": "met-office", "wire": "cap", "may_speak": ["alert:duty.forecaster@met.meridian.example"]},
    {"id": "ais", "wire": "ais", "may_speak": ["vessel", "distress"]},
    {"id": "city-broker", "wire": "ngsi", "may_speak": ["observation:W-*", "facility:H-*"]},
]  # fmt: skip
"""One feed of each wire."""


def write_scenario(folder: Path, *, messages: Sequence[Mapping[str, Any]] = (), **keys: Any) -> Path:
    """A scenario of one's own in ``folder``; ``keys`` add to a quiet hour with nobody in it, or replace its parts."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario = {
        "schema": "tocsin.scenario/1", "id": "quiet", "title": "A quiet hour", "city": "port-meridian", "start": START,
        "minutes": 60, "seed": 7, "feeds": FEEDS, "people": [], "playbooks": ["surge-at-quay"],
    } | keys  # fmt: skip
    (folder / "scenario.yaml").write_text(json.dumps(scenario), encoding="utf-8")  # JSON is YAML
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    (folder / "messages.jsonl").write_text(lines, encoding="utf-8")
    return folder


def water_level(gauge: str, level_m: float, after_s: int) -> dict[str, Any]:
    """A recorded SensorThings observation of a tide gauge."""
    at = f"2026-11-20T17:{30 + after_s // 60:02d}:{after_s % 60:02d}Z"
    body = {
        "phenomenonTime": at, "resultTime": at, "result": level_m,
        "Datastream": {
            "name": f"{gauge} water_level", "unitOfMeasurement": {"name": "m", "symbol": "m", "definition": "m"},
            "Thing": {"name": gauge}, "ObservedProperty": {"name": "water_level"}},
    }  # fmt: skip
    return {"at": after_s, "feed": "gauges", "body": json.dumps(body)}


def report(text: str, **keys: Any) -> bytes:
    """An incident report as a call taker sends it."""
    form = {"schema": "tocsin.incident/1", "type": "report", "time": START, "kind": "flood", "text": text,
            "reporter": "call_taker"}  # fmt: skip
    return json.dumps(form | keys).encode()


# --- a core of one's own ----------------------------------------------------------------------------------


@dataclass
class CoreProcess:
    """A drill's core, started as the console starts it, whose process the test may kill."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Returns when the core listens on both its doors."""
        (self.folder / "inbox.json").unlink(missing_ok=True)
        environ = allowed_environment(os.environ) | {"PYTHONPATH": str(ROOT)} | self.environ
        with (self.folder / "core.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "console.drill.process", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environ,
            )
        until = time.monotonic() + PATIENCE_S
        while not ((self.folder / "inbox.json").exists() and socket_of(self.folder).exists()):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.02)

    def log(self) -> str:
        return (self.folder / "core.log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """As a power cut would: no goodbye."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    @property
    def journal(self) -> Path:
        return self.folder / "journal"


def prepare(folder: Path, scenario: Path, home: Path, **run: Any) -> CoreProcess:
    """A folder with its ``run.json``, ready for a core; paused pace and a duty officer who plays, unless told."""
    from twin.source import ensure_pack

    pack = ensure_pack("port-meridian", home / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    known = {"seed": 7, "speed": 1.0, "person": "Ines Prado", "position": "duty_officer"} | run
    written = Run(scenario=scenario, pack=pack, order=home / "cache" / f"{pack.stem}.order.npy", **known)
    (folder / "run.json").write_text(written.model_dump_json(), encoding="utf-8")
    return CoreProcess(folder)


@contextmanager
def core(folder: Path, scenario: Path, home: Path, **run: Any) -> Iterator[CoreProcess]:
    """A running core; it is killed at the end of the test."""
    one = prepare(folder, scenario, home, **run)
    try:
        one.start()
        yield one
    finally:
        one.kill()


@dataclass
class Hand:
    """A client that follows a core and gives commands, with no screen."""

    link: Link

    @property
    def picture(self) -> Picture:
        return self.link.picture

    async def do(self, command: c.Command) -> dict[str, Any]:
        """The core's answer, once what it caused is on this client's picture too."""
        answer = await self.link.command(command)
        if "seq" in answer:
            await self.until(lambda: self.picture.home.seq >= answer["seq"])
        return answer

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Returns when it holds on this client's picture."""
        until = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < until, what or "it never came to hold"
            await asyncio.sleep(0.01)

    async def settled(self) -> str:
        """The picture's digest once nothing more arrives."""
        seq, since = self.picture.home.seq, time.monotonic()
        while time.monotonic() - since < 0.15:
            await asyncio.sleep(0.02)
            if self.picture.home.seq != seq:
                seq, since = self.picture.home.seq, time.monotonic()
        return self.picture.digest()


@asynccontextmanager
async def hand(core: CoreProcess, person: str = "Ines Prado", position: str = "duty_officer") -> AsyncIterator[Hand]:
    """A client at the desk, live and up to date."""
    key = Ed25519PrivateKey.from_private_bytes(person.encode().ljust(32, b".")[:32])
    one = Hand(Link(socket_of(core.folder), person, position, key))
    following = asyncio.create_task(one.link.run(lambda change: None))
    try:
        until = time.monotonic() + PATIENCE_S
        while not (one.link.state == "live" and one.picture.cursor):
            assert time.monotonic() < until and not following.done(), core.log()
            await asyncio.sleep(0.01)
        yield one
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def digest_of(journal: Path) -> str:
    """The picture that a journal folds to, here and without keys."""
    with JournalReader(journal) as reader:
        return Picture(reader.stream).apply_all(reader.read()).digest()


# --- the inbox --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("error", {}).get("code", ""))


def post(core: CoreProcess, feed: str, body: bytes, *, headers: Mapping[str, str] | None = None, signed: bool = True,
         at_ms: int | None = None) -> Answer:  # fmt: skip
    """One POST to the core's inbox; ``headers`` replace the right ones."""
    url = urlsplit(json.loads((core.folder / "inbox.json").read_text(encoding="utf-8"))["url"])
    right: dict[str, str] = {}
    if signed:
        secret = (core.folder / "secrets" / f"{feed}.secret").read_bytes()
        right = sign(secret, round(time.time() * 1000) if at_ms is None else at_ms, body)
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 0, timeout=PATIENCE_S)
    try:
        with contextlib.suppress(ConnectionError):  # what is far too large is answered before it was sent whole
            connection.request("POST", f"{url.path}{feed}", body, right | dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, json.loads(answer.read()))
    finally:
        connection.close()
