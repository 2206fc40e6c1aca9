"""A locked desk and a log-in: what they show, what they ask, and what never stands on the screen."""

from __future__ import annotations

from typing import Any

import pytest

from console import commands as c
from console.tui.app import TocsinApp
from picture import events as ev
from picture.errors import RefusedError
from tests.tui.cells import text_of
from tests.tui.hands import SIZES, console, keys, typed
from tests.tui.scene import FakeSession


@pytest.mark.parametrize("size", SIZES)
async def test_a_locked_desk_shows_its_alarms_and_nothing_else(session: FakeSession, size: tuple[int, int]) -> None:
    async with console(session, size) as pilot:
        await keys(pilot, "ctrl+l")
        await typed(pilot, "4711")
        assert "4711" not in text_of(pilot.app)
        await keys(pilot, "enter")
        await pilot.pause(0.2)
        shown = text_of(pilot.app)
        assert " LOCKED " in shown and "Mayday, MARSH LIGHT" in shown and "DRILL" in shown
        for hidden in ("Customs Quay", "INCIDENTS", "APPROVALS", "E14"):
            assert hidden not in shown
        await keys(pilot, "ctrl+r")
        assert "A locked desk stops nothing" in text_of(pilot.app)
        for key in ("2", "d", "r", "n", "N", "P", "escape", "ctrl+p", "tab", "ctrl+l"):
            await keys(pilot, key)
        assert " LOCKED " in text_of(pilot.app) and [one.do for one in session.commands] == ["lock"]


async def test_a_locked_desk_still_rings_and_shows_a_new_alarm(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "ctrl+l", "enter")
        await pilot.pause(0.2)
        rung: list[int] = []
        pilot.app.bell = lambda: rung.append(1)  # type: ignore[method-assign]
        session.happen(
            ev.AlarmRaised(id="AL-9", priority=1, title="Second barrier failed", cause_words="x", consequence="y",
                           action="z", time_to_act_s=60, subject="I-1", key="AL-9")
        )  # fmt: skip
        await pilot.pause(0.3)
        assert rung and "Second barrier failed" in text_of(pilot.app)


async def test_a_wrong_pin_leaves_it_locked_and_the_right_one_opens_it(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "ctrl+l")
        await typed(pilot, "4711")
        await keys(pilot, "enter")
        await pilot.pause(0.2)
        await typed(pilot, "1111")
        await keys(pilot, "enter")
        await pilot.pause(0.2)
        assert "does not fit" in text_of(pilot.app) and "1111" not in text_of(pilot.app)
        await typed(pilot, "4711")
        await keys(pilot, "enter")
        await pilot.pause(0.3)
        assert " LOCKED " not in text_of(pilot.app) and "INCIDENTS" in text_of(pilot.app)


async def test_a_desk_that_nobody_touches_locks_itself(session: FakeSession) -> None:
    app = TocsinApp(session, session.pack, lock_after_min=1)  # type: ignore[arg-type]
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.pause(0.2)
        app._last_key -= 61
        await pilot.pause(1.3)
        assert session.locked and " LOCKED " in text_of(app)


async def test_a_session_that_comes_back_locked_is_shown_locked(session: FakeSession) -> None:
    session.locked = True
    async with console(session) as pilot:
        await pilot.pause(0.2)
        assert " LOCKED " in text_of(pilot.app)


async def test_a_core_that_cannot_lock_says_so_and_the_desk_goes_on(session: FakeSession) -> None:
    session.answers["lock"] = RefusedError("A PIN has 4 characters or more.")
    async with console(session) as pilot:
        await keys(pilot, "ctrl+l")
        await typed(pilot, "1")
        await keys(pilot, "enter")
        await pilot.pause(0.3)
        shown = " ".join(text_of(pilot.app).split())
        assert "Not locked: " in shown and "A PIN has 4 characters or more" in shown and " LOCKED " not in shown


@pytest.mark.parametrize("size", SIZES)
async def test_the_log_in_says_what_was_wrong_and_shows_nothing_that_was_typed(
    session: FakeSession, size: tuple[int, int]
) -> None:
    session.state, session.why = "log_in", "Token or second factor does not fit. Try again. (TOC-4031)"
    async with console(session, size) as pilot:
        await pilot.pause(0.2)
        shown = text_of(pilot.app)
        assert " LOG IN " in shown and "j.okafor" in shown and "TOC-4031" in shown
        await typed(pilot, "tok-secret-1")
        await keys(pilot, "down")
        await typed(pilot, "123456")
        assert "secret" not in text_of(pilot.app) and "123456" not in text_of(pilot.app)
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        assert session.logged_in == [("tok-secret-1", "123456")]
        session.state, session.why = "live", ""
        session._say()
        await pilot.pause(0.3)
        assert " LOG IN " not in text_of(pilot.app) and "Palette" in text_of(pilot.app)


async def test_before_a_core_said_its_world_nothing_looks_like_a_drill(session: FakeSession) -> None:
    session.state, session.world, session.role = "log_in", "", ""
    async with console(session) as pilot:
        await pilot.pause(0.2)
        assert "NO WORLD YET" in text_of(pilot.app) and "DRILL" not in text_of(pilot.app)
        session.state, session.world = "live", "drill"
        session._say()
        await pilot.pause(0.3)
        shown = text_of(pilot.app).splitlines()
        assert " DRILL " in shown[0] and " DRILL " in shown[-1]


async def test_an_empty_token_is_not_sent(session: FakeSession) -> None:
    session.state = "log_in"
    async with console(session) as pilot:
        await pilot.pause(0.2)
        await keys(pilot, "enter")
        assert session.logged_in == [] and "Type your token" in text_of(pilot.app)


async def test_a_two_person_effect_of_a_live_world_takes_a_fresh_second_factor(session: FakeSession) -> None:
    session.world = "live"
    one = session.picture.home.proposals["P-3"]
    assert any(effect.act_class == "two_person" for effect in one.effects)
    async with console(session) as pilot:
        app: Any = pilot.app
        app.go_to("proposal:P-3")
        await pilot.pause(0.2)
        await keys(pilot, "a")
        await typed(pilot, one.incident)
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert "SECOND FACTOR" in text_of(pilot.app)
        await typed(pilot, "654321")
        assert "654321" not in text_of(pilot.app)
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        sent = session.commands[-1]
        assert isinstance(sent, c.Decide) and sent.totp == "654321"


async def test_the_brief_is_read_to_its_end_before_it_is_agreed_to_and_may_be_refused(session: FakeSession) -> None:
    session.person = "a.ruiz"
    brief = "\n".join(f"line {number}" for number in range(60))
    session.happen(
        ev.ShiftChanged(step="offered", person="j.okafor", position="duty officer", to="a.ruiz", brief=brief)
    )
    async with console(session, (80, 24)) as pilot:
        await keys(pilot, "b")
        await pilot.pause(0.1)
        await keys(pilot, "y")
        assert "Read the brief to its end" in text_of(pilot.app)
        await keys(pilot, "end")
        await pilot.pause(0.1)
        await keys(pilot, "y")
        assert "Type accept" in text_of(pilot.app)
        await keys(pilot, "escape", "x")
        await typed(pilot, "not rested")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert session.commands[-1] == c.HandOver(step="refuse", brief="not rested")
