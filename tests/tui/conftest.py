"""The town under the screens, built once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual.app
import textual.pilot

from tests.roadtown import build_town
from tests.tui.scene import FakeSession, fill
from twin.pack import CityPack


@pytest.fixture(autouse=True)
def _no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pilot waits for an idle processor around each key, which a console that ticks never quite is."""

    async def a_moment(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
        await asyncio.sleep(max(min_sleep, 0.01))

    for module in (textual.app, textual.pilot):
        monkeypatch.setattr(module, "wait_for_idle", a_moment)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    """Road Town's pack."""
    return build_town(Path(tmp_path_factory.mktemp("town")) / "town.pack")


@pytest.fixture
def session(town: CityPack) -> Iterator[FakeSession]:
    """A session on a storm-surge evening."""
    yield fill(FakeSession(town))
