"""What is missing, in plain words: every part, file, port and permission that Tocsin needs, each with its remedy."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from console.config import Home, sample_incidents
from console.house import check_house
from console.journals import stream_of, told_by_servers
from picture.errors import TocsinError

PARTS = {
    "textual": "the full-screen console",
    "numpy": "map and roads",
    "scipy": "flood fill and assignment",
    "routingkit_cch": "fast routing (without it, scipy answers, slower)",
    "fastapi": "the core's doors",
    "uvicorn": "the core's doors",
    "websockets": "clients of a core",
    "apprise": "alerts",
    "pyais": "the AIS wire",
    "lxml": "the CAP and TAK wires",
    "cryptography": "signatures and sealing",
    "networkx": "roads for people and tests",
    "geopy": "distances on display",
    "sqlite_utils": "journal schema and queries",
    "ruamel.yaml": "playbooks and scenarios",
}
MIN_FREE_MB = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    says: str
    remedy: str = ""


def examine(home: Home) -> Iterator[Finding]:
    """Everything that a drill needs, looked at one by one; nothing is changed but a probe file that is removed."""
    yield _python()
    yield _asked("packages", lambda: f"six packages in {check_house()}")
    for part, use in PARTS.items():
        there = importlib.util.find_spec(part) is not None
        yield Finding(
            part, there, use if there else f"missing: {use}", "" if there else f"pip install {part.replace('_', '-')}"
        )
    yield _asked("configuration", lambda: f"{home.root / 'tocsin.toml'}: {home.config().site}")
    yield from _journal(home)
    yield _writable("home", home.root)
    yield _writable("cache", home.cache)
    yield _space(home.root)
    scenarios = sorted(path.parent.name for path in sample_incidents().glob("*/scenario.yaml"))
    yield Finding(
        "sample incidents",
        bool(scenarios),
        ", ".join(scenarios) or f"none in {sample_incidents()}",
        "" if scenarios else "Reinstall Tocsin; its wheel carries them.",
    )
    yield _port()
    yield _terminal()


def _python() -> Finding:
    words = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, words, "" if good else "Install Python 3.11 or newer.")


def _asked(what: str, question: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, question())
    except TocsinError as error:
        return Finding(what, False, error.message, error.remedy)


def _journal(home: Home) -> Iterator[Finding]:
    """Where the live world's journal stands, if on servers: whether they answer, and what they promise."""
    try:
        config = home.config()
        if config.journal is None:
            return
        place = config.journal.place(home.root, stream_of(config.site))
        head, _, durability = told_by_servers(place)
    except TocsinError as error:
        yield Finding("journal", False, error.message, error.remedy)
        return
    safe = durability in ("disk", "quorum+disk")
    remedy = "" if safe else "Set sync_interval: always on every server; docs/nats.md says why."
    yield Finding("journal", safe, f"{head.stream} on {place.servers[0]}, survives as {durability}", remedy)


def _writable(what: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding(
            what, False, f"{folder}: {error.strerror}", "Give this user write permission, or set TOCSIN_HOME."
        )
    return Finding(what, True, str(folder))


def _space(folder: Path) -> Finding:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free_mb = shutil.disk_usage(there).free // 2**20
    return Finding(
        "disk",
        free_mb >= MIN_FREE_MB,
        f"{free_mb} MB free",
        "" if free_mb >= MIN_FREE_MB else "Free some space: a journal that cannot be written stops the core.",
    )


def _port() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return Finding("loopback", True, "a port on 127.0.0.1 can be opened (inbox, drill receiver)")
    except OSError as error:
        return Finding("loopback", False, str(error), "Allow listening on 127.0.0.1.")


def _terminal() -> Finding:
    size = shutil.get_terminal_size()
    if not sys.stdout.isatty():
        return Finding("terminal", True, "stdout is no terminal: drills run headless")
    good = size.columns >= 80 and size.lines >= 24
    return Finding("terminal", good, f"{size.columns}x{size.lines}", "" if good else "Make it at least 80x24.")
