"""Says what must not be committed: registry hosts, machine paths, and shipped data over 8 MB.

Prints one line per finding and exits 1; silent and 0 where the tree is clean.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA_LIMIT_BYTES = 8_000_000
CODE_SUFFIXES = frozenset({".py", ".tcss", ".md"})
DATA_ROOMS = ("picture", "feeds", "twin", "playbooks", "agents", "console", "sample_incidents")
# Written in pieces, so that this file does not find itself.
HOST = re.compile(r"(?:pypi|pythonhosted|npmjs|anaconda)" + r"\.(?:org|com)\b", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.$}>)/~-])/" + r"(?:work|root|home|Users|opt)/[\w.-]+")


def committed(root: Path) -> list[Path]:
    """The files git tracks that still exist."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True)
    return [path for name in listing.stdout.split("\0") if name and (path := root / name).is_file()]


def text_findings(name: str, text: str) -> Iterator[str]:
    """One line for each registry host or machine path in a text."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, what in ((HOST, "registry host"), (MACHINE_PATH, "machine path")):
            if hit := pattern.search(line):
                yield f"{name}:{number}: {what} {hit.group()}"


def data_bytes(root: Path, paths: Iterable[Path]) -> int:
    """The size of all data that ships inside the wheel."""
    inside = (path for path in paths if path.relative_to(root).parts[0] in DATA_ROOMS)
    return sum(path.stat().st_size for path in inside if path.suffix not in CODE_SUFFIXES)


def findings(root: Path) -> list[str]:
    """Everything wrong with the tracked files under ``root``."""
    paths = committed(root)
    found: list[str] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # binary: only its size counts
        found += text_findings(str(path.relative_to(root)), text)
    if (size := data_bytes(root, paths)) > DATA_LIMIT_BYTES:
        found.append(f"shipped data: {size} bytes, more than {DATA_LIMIT_BYTES}")
    return found


if __name__ == "__main__":
    problems = findings(ROOT)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)
