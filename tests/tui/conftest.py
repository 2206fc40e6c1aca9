"""The town under the screens, built once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.roadtown import build_town
from tests.tui.scene import FakeSession, fill
from twin.pack import CityPack


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    """Road Town's pack."""
    return build_town(Path(tmp_path_factory.mktemp("town")) / "town.pack")


@pytest.fixture
def session(town: CityPack) -> Iterator[FakeSession]:
    """A session on a storm-surge evening."""
    yield fill(FakeSession(town))
