"""What every test stands on: a home of its own, the real data beside the repository, patience."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# Machines that share cores miss per-example deadlines; on CI the examples are the same every time.
settings.register_profile("tocsin", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tocsin")


@pytest.fixture(scope="session", autouse=True)
def tocsin_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of this run alone: the user's stays untouched, and a city pack is built once per run."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        yield home


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The directory that holds the six packages."""
    return ROOT


def _beside(name: str) -> Path:
    folder = ROOT.parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"real data not present: shared/{name} beside the repository")
    return folder


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Recorded messages of real senders and the standards' schemas; skips where absent."""
    return _beside("corpus")


@pytest.fixture(scope="session")
def osm_extracts() -> Path:
    """Real road extracts; skips where absent."""
    return _beside("osm")
