"""Starting and finding worlds: their folders, and the core processes of drills and what-ifs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from console.config import Home, sample_incidents
from console.link import socket_of
from picture.errors import UsageError
from picture.text import visible

STARTS = {"run.json": "console.drill.process", "fork.json": "console.forked"}
"""What lies in a prepared folder -> the module that runs its core. A live world is never started from here."""
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
            folder.mkdir(mode=0o700)
            return folder
        except FileExistsError:
            number += 1


def listens(folder: Path) -> bool:
    """Whether a core answers for the world in this folder; a socket that a killed core left does not count."""
    path = socket_of(folder)
    if not path.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(str(path))
        except OSError:
            return False
    return True


def worlds(home: Home) -> list[Path]:
    """The folders of every world of this home: the live one first, then drills and what-ifs, newest first."""
    live = [home.live] if (home.live / "journal").is_dir() else []
    played = [path.parent for kind in (home.drills, home.whatifs) for name in STARTS for path in kind.glob(f"*/{name}")]
    return live + sorted(played, key=lambda folder: folder.stat().st_mtime, reverse=True)


def running(home: Home) -> list[Path]:
    """The folders of drills and what-ifs whose core listens, newest first."""
    return [folder for folder in worlds(home) if folder != home.live and listens(folder)]


def module_of(folder: Path) -> str:
    """The module that runs the core of a prepared folder; ``UsageError`` TOC-1012 where it is none."""
    for name, module in STARTS.items():
        if (folder / name).is_file():
            return module
    raise UsageError(f"{folder} is no drill's and no what-if's.", code="TOC-1012")


def start_core(folder: Path) -> Callable[[], str]:
    """Starts the core of a prepared drill or what-if as a process of its own, which outlives this one.

    Returns who tells why it ended, in its own last words; empty while it runs.
    """
    module = module_of(folder)
    with (folder / "core.log").open("ab") as log:
        core = subprocess.Popen(
            [sys.executable, "-m", module, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=allowed_environment(os.environ) | _path(),
        )
    return lambda: "" if core.poll() is None else _last_words(folder)


def _last_words(folder: Path) -> str:
    """What a core said last, its error in words; the log has the rest."""
    log = (folder / "core.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if not log:
        return "It ended and says nothing."
    try:
        error = json.loads(log[-1])["error"]
        return visible(f"{error['message']} {error['remedy']} ({error['code']})")
    except (ValueError, KeyError, TypeError):
        return visible(log[-1])


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
    raise UsageError(_last_words(folder), code="TOC-1005")
