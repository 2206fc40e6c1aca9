"""Looking back: what the screens show of a past instant, what may be done there, and the way to now."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console import commands as c
from console.tui.travel import Instant, gap, instant
from picture import events as ev
from picture.errors import RefusedError
from tests.tui.cells import text_of
from tests.tui.hands import SIZES, choose, console, keys, typed
from tests.tui.scene import START_MS, FakeSession


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("-20m", Instant(START_MS - 1_200_000)),
        ("-45", Instant(START_MS - 2_700_000)),
        ("2h", Instant(START_MS - 7_200_000)),
        ("17:40", Instant(START_MS // 86_400_000 * 86_400_000 + (17 * 60 + 40) * 60_000)),
        ("#812", Instant(seq=812)),
        ("soon", None),
        ("", None),
        ("25:00", None),
        ("#" + "9" * 40, None),
    ],
)
def test_an_instant_is_read_as_it_is_typed(said: str, where: Instant | None) -> None:
    assert instant(said, START_MS) == where


def test_spans_are_said_in_the_units_that_fit() -> None:
    assert [gap(ms) for ms in (40_000, 1_200_000, 7_500_000, 273_600_000)] == [
        "40 s",
        "20 min",
        "2 h 05 min",
        "3 d 4 h",
    ]


@pytest.mark.parametrize("size", SIZES)
async def test_every_screen_says_in_words_that_it_is_past_and_how_long_ago(
    session: FakeSession, size: tuple[int, int]
) -> None:
    async with console(session, size) as pilot:
        await keys(pilot, "left_square_bracket", "left_square_bracket")
        await pilot.pause(0.1)
        for key in ("m", "2", "5", "escape", "7", "escape", "W", "escape", "P", "escape", "Q", "escape", "C", "escape"):
            await keys(pilot, key)
            await pilot.pause(0.05)
            shown = text_of(pilot.app)
            assert "PAST  17:44:40 UTC, 2 min ago" in shown and "now: 3 alarms" in shown, key
        await keys(pilot, "n")
        assert " PAST 17:44:40 " in text_of(pilot.app)


async def test_the_picture_is_as_it_was_known_then_and_one_key_comes_back(session: FakeSession) -> None:
    before = session.picture.home.seq
    session.happen(ev.IncidentOpened(incident="I-77", incident_kind="fire", title="Late fire", priority=1))
    async with console(session) as pilot:
        await keys(pilot, "2")
        assert "I-77" in text_of(pilot.app)
        await keys(pilot, "less_than_sign")
        await pilot.pause(0.1)
        assert session.asked[-1] == before
        assert "I-77" not in text_of(pilot.app) and f"after entry {before} of {before + 1}" in text_of(pilot.app)
        await keys(pilot, "N")
        await pilot.pause(0.05)
        assert "I-77" in text_of(pilot.app) and "PAST" not in text_of(pilot.app)


async def test_what_happens_meanwhile_rings_and_is_counted_while_one_looks_back(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "left_square_bracket")
        await pilot.pause(0.1)
        rung: list[int] = []
        pilot.app.bell = lambda: rung.append(1)  # type: ignore[method-assign]
        session.happen(
            ev.AlarmRaised(id="AL-9", priority=1, title="Now", cause_words="x", consequence="y", action="z",
                           time_to_act_s=60, subject="I-1", key="AL-9")
        )  # fmt: skip
        await pilot.pause(0.3)
        assert rung and "now: 4 alarms" in text_of(pilot.app)


@pytest.mark.parametrize("key", ["d", "r", "space", "x", "s", "e", "p", "y", "z", "colon", "X", "G", "f2", "b"])
async def test_nothing_is_commanded_from_the_past_and_the_refusal_says_so(session: FakeSession, key: str) -> None:
    async with console(session) as pilot:
        await keys(pilot, "2", "left_square_bracket")
        await pilot.pause(0.1)
        await keys(pilot, key)
        assert "You look at the past" in text_of(pilot.app) and not pilot.app.screen.is_modal
        assert session.commands == []


async def test_a_note_can_be_written_while_one_looks_back_and_carries_the_present_time(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "left_square_bracket")
        await pilot.pause(0.1)
        await keys(pilot, "n")
        await typed(pilot, "seen at the review")
        await keys(pilot, "ctrl+s")
        await pilot.pause(0.1)
        assert [one.text for one in session.commands if isinstance(one, c.WriteLog)] == ["seen at the review"]


async def test_a_command_that_was_open_when_one_went_back_is_not_sent(session: FakeSession) -> None:
    async with console(session) as pilot:
        app: Any = pilot.app
        app.desk.travel.to(Instant(seq=5))
        await pilot.pause(0.1)
        app.desk.send(c.AckAlarm(alarm="AL-1"), "alarm:AL-1", "acknowledging…")
        assert session.commands == [] and "You look at the past" in app.desk.notice.words


async def test_holding_a_key_asks_only_for_where_it_ends(session: FakeSession) -> None:
    session.held = asyncio.Event()
    async with console(session) as pilot:
        for _ in range(10):
            await keys(pilot, "left_square_bracket")
        assert len(session.asked) == 1
        assert "◀ to 17:36:40…" in text_of(pilot.app)
        session.held.set()
        await pilot.pause(0.2)
        assert session.asked == [START_MS - 60_000, START_MS - 600_000]
        assert "PAST  17:36:40 UTC" in text_of(pilot.app)


async def test_an_instant_that_cannot_be_had_leaves_one_where_one_was(session: FakeSession) -> None:
    session.answers["past"] = RefusedError("Entry 5.", code="TOC-4044")
    async with console(session) as pilot:
        await keys(pilot, "T")
        await typed(pilot, "#5")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert "TOC-4044" in text_of(pilot.app) and "PAST" not in text_of(pilot.app)


async def test_coming_back_before_the_answer_stays_in_the_present(session: FakeSession) -> None:
    session.held = asyncio.Event()
    async with console(session) as pilot:
        await keys(pilot, "left_square_bracket", "N")
        session.held.set()
        await pilot.pause(0.2)
        assert "PAST" not in text_of(pilot.app)


async def test_what_changed_between_two_instants_stands_as_text(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "T")
        await typed(pilot, f"#{session.picture.home.seq - 1}")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        await keys(pilot, "M", "N")
        session.happen(ev.IncidentChanged(incident="I-1", priority=2))
        await pilot.pause(0.1)
        await keys(pilot, "D")
        await pilot.pause(0.2)
        shown = text_of(pilot.app)
        assert "WHAT CHANGED" in shown and "I-1 priority 1 -> 2" in shown


async def test_the_entries_page_goes_to_the_entry_that_is_chosen(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "S")
        await pilot.pause(0.1)
        await choose(pilot, "entry:80")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert session.asked[-1] == 80 and "after entry 80 of" in text_of(pilot.app)
