"""The start-up check that the six packages are the ones that belong together."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from picture.errors import UsageError

PACKAGES = ("picture", "feeds", "twin", "playbooks", "agents", "console")


def check_house() -> Path:
    """Returns the one directory that holds all six packages.

    The packages have everyday names, so another distribution, or a folder in the working directory,
    can stand in front of one of ours; half of a strange house must not start. Nothing is imported to
    find out.

    Raises:
        UsageError: ``TOC-1001``, naming the packages that are missing or stand elsewhere.
    """
    parents = {name: _parent(name) for name in PACKAGES}
    home = Path(__file__).resolve().parent.parent
    astray = [f"{name}: {parent or 'not found'}" for name, parent in parents.items() if parent != home]
    if astray:
        raise UsageError(f"Expected in {home}; {'; '.join(astray)}.", code="TOC-1001")
    return home


def _parent(name: str) -> Path | None:
    """The directory that holds the package, or None where it is absent or has no ``__init__.py``."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent.parent
