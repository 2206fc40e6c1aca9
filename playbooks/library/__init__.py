"""The playbooks that ship, as data, and the way to them by name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def library_paths() -> dict[str, Path]:
    """Name -> file of every playbook that ships, sorted by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
