"""The composed screen of one evening at three sizes, held against stored scenes.

After a wanted change: ``TOCSIN_WRITE_SCENES=1 python -m pytest tests/tui/test_golden.py``, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tui.cells import text_of
from tests.tui.hands import console, keys
from tests.tui.scene import FakeSession

SCENES = Path(__file__).parent / "scenes"
SIDE, LISTS = 52, 92


@pytest.mark.parametrize(
    ("name", "size", "pressed"),
    [
        ("80x24-map", (80, 24), ()),
        ("80x24-lists", (80, 24), ("2",)),
        ("200x60", (200, 60), ()),
        ("300x90", (300, 90), ()),
    ],
)
async def test_the_screen_is_as_stored(
    session: FakeSession, name: str, size: tuple[int, int], pressed: tuple[str, ...]
) -> None:
    async with console(session, size) as pilot:
        await keys(pilot, *pressed)
        await pilot.pause(0.3)
        lines = text_of(pilot.app).split("\n")
    assert len(lines) == size[1]
    if size[0] >= 300:  # the wall's map is the same map with more ground: its columns are what is its own
        lines = [lines[0], *(f"{line[:SIDE]}│{line[-LISTS:]}" for line in lines[1:])]
    shown = "\n".join(line.rstrip() for line in lines) + "\n"
    path = SCENES / f"{name}.txt"
    if os.environ.get("TOCSIN_WRITE_SCENES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")
