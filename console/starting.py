"""Starting and finding drills: their folders, their core process, and the console on top."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from console.config import Home, sample_incidents
from console.link import socket_of
from picture.errors import UsageError

CITY = "port-meridian"
ALLOWED_ENVIRONMENT = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "USER",
        "LOGNAME",
        "TOCSIN_HOME",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "VIRTUAL_ENV",
        "COVERAGE_PROCESS_START",
        "TERM",
        "COLORTERM",
        "NO_COLOR",
        "COLUMNS",
        "LINES",
    }
)
"""What a drill may see of its environment: no credential hides in what is not there."""


def allowed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a drill is run with."""
    return {name: value for name, value in environ.items() if name in ALLOWED_ENVIRONMENT}


def keep_allowed_environment() -> None:
    """Forgets everything else of this process's own environment."""
    kept = allowed_environment(os.environ)
    os.environ.clear()
    os.environ.update(kept)


def scenarios() -> dict[str, Path]:
    """The sample incidents by name."""
    return {path.parent.name: path.parent for path in sorted(sample_incidents().glob("*/scenario.yaml"))}


def scenario_folder(name: str) -> Path:
    """The folder of a sample incident, or of a scenario of one's own given as a path."""
    known = scenarios()
    if name in known:
        return known[name]
    path = Path(name)
    if (path / "scenario.yaml").is_file():
        return path.resolve()
    raise UsageError(f"There is no sample incident {name!r}; there are: {', '.join(known) or 'none'}.")


def fresh_folder(home: Home, scenario: str) -> Path:
    """A new folder for a drill of this scenario: ``…/storm-surge-3``."""
    home.drills.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = home.drills / f"{scenario}-{number}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def running(home: Home) -> list[Path]:
    """The folders of drills whose core listens, newest first."""
    folders = [path.parent for path in home.drills.glob("*/run.json")] if home.drills.is_dir() else []
    alive = [folder for folder in folders if socket_of(folder).exists()]
    return sorted(alive, key=lambda folder: folder.stat().st_mtime, reverse=True)


def start_core(folder: Path) -> None:
    """Starts the core of a prepared folder as a process of its own, which outlives this one."""
    with (folder / "core.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "console.drill.process", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=allowed_environment(os.environ) | _path(),
        )


def _path() -> dict[str, str]:
    """The packages as this process found them, also when they are not installed."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


def wait_for_core(folder: Path, seconds: float = 30.0) -> None:
    """Returns when the core listens; ``UsageError`` TOC-1005 with its last words where it does not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if socket_of(folder).exists():
            return
        time.sleep(0.05)
    log = (folder / "core.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise UsageError(log[-1] if log else "It says nothing.", code="TOC-1005")
