"""Writes requirements.txt and requirements-dev.txt: every pin, hashed, for all our Pythons and platforms.

Pins that stand are kept; ``--upgrade`` or ``--upgrade-package NAME`` moves them. Needs ``uv`` on the path.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [
    *("uv", "pip", "compile", "--quiet"),
    *("--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-header", "--no-emit-index-url", "--no-emit-find-links"),
]


def lock(target: str, *extra: str) -> None:
    """Writes one file of pins from pyproject.toml."""
    subprocess.run(
        [*COMMAND, *extra, *sys.argv[1:], "--output-file", target, "pyproject.toml"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def main() -> None:
    """Locks the run requirements first, then the test requirements on top of the same pins."""
    lock("requirements.txt")
    lock("requirements-dev.txt", "--extra", "test", "--constraints", "requirements.txt")


if __name__ == "__main__":
    main()
