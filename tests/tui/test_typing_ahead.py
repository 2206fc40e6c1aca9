"""What was typed counts, however fast the key that sends it came after."""

from __future__ import annotations

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.hands import console, keys
from tests.tui.scene import FakeSession


async def in_one_breath(pilot: Pilot[None], text: str, last: str) -> None:
    """All of it arrives before any of it is looked at, as when a terminal is slow."""
    for letter in text:
        pilot.app.post_message(events.Key("space" if letter == " " else letter, letter))
    pilot.app.post_message(events.Key(last, None))
    await pilot.pause(0.2)


async def test_a_log_entry_keeps_letters_typed_just_before_it_is_sent(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "n")
        await in_one_breath(pilot, "gate seven shut", "ctrl+s")
        assert [one.text for one in session.commands if one.do == "write_log"] == ["gate seven shut"]


async def test_a_line_keeps_letters_typed_just_before_enter(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, ":")
        await in_one_breath(pilot, "log gate seven shut", "enter")
        assert [one.line for one in session.commands if one.do == "quick"] == ["log gate seven shut"]


async def test_a_report_keeps_letters_typed_just_before_it_is_sent(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "r", "down")
        await in_one_breath(pilot, "water in the cellar", "ctrl+s")
        assert [one.text for one in session.commands if one.do == "take_report"] == ["water in the cellar"]


async def test_what_is_typed_after_enter_in_one_burst_stands_in_the_next_line(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "r")
        for key in ("f", "i", "r", "e", "enter", "s", "m", "o", "k", "e"):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause(0.2)
        values = [pilot.app.screen.query_one(f"#{name}", Input).value for name in ("kind", "text")]
        assert values == ["fire", "smoke"]
