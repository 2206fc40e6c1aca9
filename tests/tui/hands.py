"""An operator's hands on the console: keys, typing, choosing a row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from console.tui.app import TocsinApp
from tests.tui.scene import FakeSession

SIZES = [(80, 24), (200, 60), (300, 90)]
SETTLE_S = 0.55  # a row that changed under the cursor holds the keys for half a second


SENDING = frozenset({"enter", "ctrl+s"})
SENT_S = 0.05  # a dialog answers once the letters before have reached their line


@asynccontextmanager
async def console(session: FakeSession, size: tuple[int, int] = (200, 60)) -> AsyncIterator[Pilot[None]]:
    """The console on a session, its first frame drawn."""
    app = TocsinApp(session, session.pack)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.15)
        yield pilot


async def keys(pilot: Pilot[None], *pressed: str) -> None:
    for key in pressed:
        await pilot.press(key)
        await pilot.pause(SENT_S if key in SENDING else 0.0)


async def typed(pilot: Pilot[None], text: str) -> None:
    """What a paste or fast typing puts into the focused line."""
    line = pilot.app.focused
    assert isinstance(line, Input)
    line.insert_text_at_cursor(text)
    await pilot.pause()


async def choose(pilot: Pilot[None], key: str) -> None:
    """Puts the cursor of the focused list on a row."""
    rows: Any = pilot.app.focused
    rows.choose(key)
    await pilot.pause(0.02)
