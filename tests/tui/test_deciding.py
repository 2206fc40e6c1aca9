"""Approvals: what was shown is what is signed, outward acts are typed, and nothing is decided on a row that moved."""

from __future__ import annotations

import asyncio

import pytest

from console import commands as c
from picture import events as ev
from picture.errors import RefusedError
from tests.tui.cells import text_of
from tests.tui.hands import SETTLE_S, choose, console, keys, typed
from tests.tui.scene import START_MS, FakeSession, proposal


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (300, 90)])
async def test_an_inward_proposal_is_approved_with_a_and_a_confirming_key(
    session: FakeSession, size: tuple[int, int]
) -> None:
    session.held = asyncio.Event()
    async with console(session, size) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        shown = text_of(pilot.app)
        for part in ("IT WOULD", "Send E12 to Customs Quay", "CONSEQUENCE", "BECAUSE"):
            assert part in shown
        await keys(pilot, "a", "n")
        assert session.commands == []
        await keys(pilot, "a", "y")
        sent = session.commands[-1]
        assert isinstance(sent, c.Decide)
        assert (sent.proposal, sent.verdict) == ("P-1", "approve")
        assert sent.digest == session.picture.home.proposals["P-1"].digest
        assert sent.shown.startswith(sent.digest[:16])
        assert "approving…" in text_of(pilot.app)


async def test_the_whole_page_says_what_a_person_must_know(session: FakeSession) -> None:
    async with console(session, (120, 60)) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        shown = text_of(pilot.app)
        digest = session.picture.home.proposals["P-1"].digest
        for part in (
            "due in 4:12",
            "Gauge TG-1 reads 1.42 m",
            "E12 arrives in 6 min",
            "E12 is available: available, holds",
            "E14 by the ring road",
            "crosses the closed underpass",
            "duty officer",
            digest,
            "undo: stand the unit down",
        ):
            assert part in shown


async def test_an_outward_act_is_approved_only_by_typing_the_incident_number(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-2")
        await keys(pilot, "enter", "a", "y", "enter")
        assert session.commands == []
        await typed(pilot, "I-7")
        await keys(pilot, "enter")
        assert session.commands == []
        await keys(pilot, *["backspace"] * 4)
        await typed(pilot, "I-2")
        await keys(pilot, "enter")
        assert [(one.do, one.proposal) for one in session.commands] == [("decide", "P-2")]


async def test_a_rejection_and_its_reason_are_one_act(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter", "x")
        await typed(pilot, "crew is exhausted")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert [one.do for one in session.commands] == ["decide"]
        assert session.commands[0].verdict == "reject"
        assert session.commands[0].reason == "crew is exhausted"


async def test_effects_are_left_out_and_the_rest_is_offered_again_before_it_is_approved(session: FakeSession) -> None:
    session.answers["edit_proposal"] = {"proposal": "P-9"}
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        await choose(pilot, "effect:e2")
        await keys(pilot, "space")
        assert "(left out)" in text_of(pilot.app)
        await keys(pilot, "a")
        assert session.commands == [c.EditProposal(proposal="P-1", drop=("e2",))]
        session.happen(proposal("P-9", "Engine to Customs Quay", replaces="P-1"))
        await pilot.pause(0.2)
        shown = text_of(pilot.app)
        assert "P-9" in shown and "Look at it, then approve it" in shown


async def test_a_refused_approval_shows_the_difference_and_leads_to_what_is_offered_instead(
    session: FakeSession,
) -> None:
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter")
        session.happen(
            ev.ProposalSettled(id="P-1", status="refused", diff=("E12 is available: was available, is dispatched",)),
            proposal("P-8", "Engine E14 to Customs Quay", replaces="P-1"),
        )
        await pilot.pause(0.2)
        assert "was available, is dispatched" in text_of(pilot.app)
        await keys(pilot, "a", "y")
        assert session.commands == []
        await keys(pilot, "n")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        assert "P-8" in shown and "offered again" in shown.casefold() and "was available, is dispatched" in shown


async def test_keys_are_ignored_for_half_a_second_after_the_open_proposal_changed(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        session.happen(proposal("P-1", "Engine and boat to Customs Quay", due_ms=START_MS + 300_000))
        await pilot.pause(0.12)
        await keys(pilot, "a")
        assert "look again" in text_of(pilot.app)
        await pilot.pause(SETTLE_S)
        await keys(pilot, "a", "y")
        assert session.commands[-1].digest == session.picture.home.proposals["P-1"].digest


async def test_a_key_is_ignored_when_the_row_under_the_cursor_has_just_changed(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "4")
        await choose(pilot, "alarm:AL-1")
        session.happen(ev.AlarmChanged(id="AL-1", state="cleared"))
        await pilot.pause(0.12)
        await keys(pilot, "space")
        assert session.commands == []
        assert "Key ignored" in text_of(pilot.app) and "half a second ago" in text_of(pilot.app)
        await pilot.pause(SETTLE_S)
        await keys(pilot, "space")
        assert len(session.commands) == 1


async def test_a_failing_core_is_told_in_words_and_nothing_stays_pending(session: FakeSession) -> None:
    session.answers["decide"] = RuntimeError("502 from the core's socket")
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter", "a", "y")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        assert "the core did not take it" in shown and "502" in shown and "approving…" not in shown


async def test_a_decision_that_no_longer_fits_is_refused_with_remedy(session: FakeSession) -> None:
    session.answers["decide"] = RefusedError("P-1", code="TOC-4005", diff=("due time: 14:36, now 14:40",))
    async with console(session) as pilot:
        await keys(pilot, "3")
        await choose(pilot, "proposal:P-1")
        await keys(pilot, "enter", "a", "y")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        assert "TOC-4005" in shown and "due time: 14:36, now 14:40" in shown and "Open the proposal again" in shown


async def test_an_alarm_that_keeps_repeating_can_be_acknowledged_and_a_second_press_says_by_whom_it_was(
    session: FakeSession,
) -> None:
    async with console(session) as pilot:
        await keys(pilot, "4")
        await choose(pilot, "alarm:AL-1")
        again = session.picture.home.alarms["AL-1"]
        session.happen(
            ev.AlarmRaised(id="AL-1", priority=1, title=again.title, cause_words="x", consequence="y", action="z",
                           time_to_act_s=60, subject="I-2", key="AL-1")
        )  # fmt: skip
        await pilot.pause(0.2)
        assert session.picture.home.alarms["AL-1"].count == 2
        await keys(pilot, "space")
        assert session.commands == [c.AckAlarm(alarm="AL-1")]
        await pilot.pause(0.05)
        assert "Acknowledged: Water in Substation 4" in text_of(pilot.app)
        session.happen(ev.AlarmChanged(id="AL-1", state="acknowledged"), person="b.lee")
        await pilot.pause(SETTLE_S + 0.2)
        await choose(pilot, "alarm:AL-1")
        await keys(pilot, "space")
        assert "acknowledged already by b.lee" in text_of(pilot.app) and len(session.commands) == 1
