"""Everything an operator does by hand sends the right command, and says at once that it is on its way."""

from __future__ import annotations

import asyncio

import pytest

from console import commands as c
from picture import events as ev
from picture.errors import RefusedError
from picture.model import UNIT_STATUSES
from tests.tui.cells import text_of
from tests.tui.hands import SETTLE_S, SIZES, choose, console, keys, typed
from tests.tui.scene import FakeSession


@pytest.fixture
def silent(session: FakeSession) -> FakeSession:
    """A session whose core takes commands and does not answer."""
    session.held = asyncio.Event()
    return session


@pytest.mark.parametrize("size", SIZES)
async def test_a_report_stands_in_the_queue_before_the_core_has_answered(
    silent: FakeSession, size: tuple[int, int]
) -> None:
    async with console(silent, size) as pilot:
        await keys(pilot, "r")
        for value in (
            "trapped",
            "We are on the stairs [b]help[/b]",
            "M. Ferreira",
            "555 0102",
            "Customs Quay",
            "2",
            "y",
            "1",
            "2",
        ):
            await typed(pilot, value)
            await keys(pilot, "enter")
        await keys(pilot, "ctrl+s", "2")
        sent = next(one for one in silent.commands if one.do == "take_report")
        assert sent == c.TakeReport(
            incident_kind="trapped",
            text="We are on the stairs [b]help[/b]",
            caller="M. Ferreira",
            call_back="555 0102",
            place=c.PlaceInput(said="Customs Quay"),
            people_at_risk=2,
            people_trapped=True,
            priority=1,
            units_needed=2,
            at_ms=silent.at_ms,
        )
        assert "taking the report…" in text_of(pilot.app)


async def test_a_place_is_looked_up_while_typing_and_kept_as_said_and_as_chosen(session: FakeSession) -> None:
    session.answers["resolve_place"] = {
        "places": [
            {"label": "Wharf Street / Abbey Street", "lon": -29.99, "lat": 46.001, "how": "crossing", "score": 0.9}
        ]
    }
    async with console(session) as pilot:
        await keys(pilot, "r")
        pilot.app.screen.query_one("#place").focus()
        await pilot.pause()
        await typed(pilot, "wharf abbey")
        await pilot.pause(0.3)
        assert "Wharf Street / Abbey Street" in text_of(pilot.app)
        await keys(pilot, "down", "enter", "ctrl+s")
        sent = next(one for one in session.commands if one.do == "take_report")
        assert (sent.place.said, sent.place.label, sent.place.how) == (
            "wharf abbey",
            "Wharf Street / Abbey Street",
            "crossing",
        )
        assert (sent.place.lon, sent.place.lat) == (-29.99, 46.001)


async def test_the_crosshair_of_the_map_is_offered_as_the_place(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "m", "c")
        await pilot.pause(0.15)
        await keys(pilot, "r", "ctrl+s")
        sent = next(one for one in session.commands if one.do == "take_report")
        assert sent.place.how == "cursor"
        assert abs(sent.place.lon + 30) < 0.1 and abs(sent.place.lat - 46) < 0.1


async def test_coordinates_are_read_without_asking_anybody(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "r")
        pilot.app.screen.query_one("#place").focus()
        await pilot.pause()
        await typed(pilot, "46.002, -29.98")
        await keys(pilot, "ctrl+s")
        assert [one.do for one in session.commands] == ["take_report"]
        assert session.commands[0].place == c.PlaceInput(
            said="46.002, -29.98", lon=-29.98, lat=46.002, label="46.002, -29.98", how="coordinates"
        )


async def test_a_kind_that_does_not_exist_is_refused_in_the_form(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "r")
        await typed(pilot, "flod")
        await keys(pilot, "ctrl+s")
        await pilot.pause()
        assert session.commands == []
        assert "no such kind" in text_of(pilot.app) and "flood" in text_of(pilot.app)


async def test_a_refused_report_is_not_lost(session: FakeSession) -> None:
    session.answers["take_report"] = RefusedError("the desk is somebody else's", code="TOC-4004")
    async with console(session) as pilot:
        await keys(pilot, "r")
        await typed(pilot, "fire")
        await keys(pilot, "enter")
        await typed(pilot, "smoke")
        await keys(pilot, "ctrl+s")
        await pilot.pause(0.1)
        assert "TOC-4004" in text_of(pilot.app)
        await keys(pilot, "r")
        await pilot.pause(0.05)
        assert "smoke" in text_of(pilot.app)


@pytest.mark.parametrize("size", SIZES)
async def test_units_can_be_sent_before_the_roads_have_answered(silent: FakeSession, size: tuple[int, int]) -> None:
    async with console(silent, size) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-3")
        await keys(pilot, "d")
        await pilot.pause(0.05)
        assert "P21" in text_of(pilot.app)
        await typed(pilot, "engine")
        await keys(pilot, "enter")
        sent = [one for one in silent.commands if one.do == "assign"]
        assert sent == [c.Assign(unit="E12", incident="I-3")]
        assert "sending E12" in text_of(pilot.app)


async def test_times_by_road_arrive_in_the_open_picker_and_order_it(session: FakeSession) -> None:
    session.delay_s = 0.2
    session.answers["nearest_units"] = {
        "units": [
            {"unit": "P22", "eta_s": 540, "length_m": 1900, "why_not": None},
            {"unit": "E12", "eta_s": 700, "length_m": 2900, "why_not": None},
            {"unit": "B1", "eta_s": None, "why_not": "no water leads there"},
        ]
    }
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-3")
        await keys(pilot, "d")
        assert "9 min" not in text_of(pilot.app)
        await pilot.pause(0.4)
        shown = text_of(pilot.app)
        assert "9 min" in shown and "no water leads there" in shown
        await keys(pilot, *["up"] * 8, "space", "down", "space", "enter")
        assert [one.unit for one in session.commands if one.do == "assign"] == ["P22", "E12"]


async def test_a_unit_is_stood_down_with_a_reason(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "5")
        await pilot.pause(0.05)
        await choose(pilot, "unit:E14")
        await keys(pilot, "s")
        await typed(pilot, "not needed")
        await keys(pilot, "enter")
        assert session.commands == [c.StandDown(unit="E14", why="not needed")]
        await pilot.pause(0.05)
        assert "standing down" in text_of(pilot.app)


async def test_a_status_is_set_from_the_board_with_the_legal_ones_first(silent: FakeSession) -> None:
    async with console(silent) as pilot:
        await keys(pilot, "5")
        await pilot.pause(0.05)
        await choose(pilot, "unit:E14")
        await keys(pilot, "e")
        await pilot.pause(0.05)
        assert UNIT_STATUSES["enroute"][2][0] == "on_scene"
        await keys(pilot, "enter")
        assert silent.commands == [c.SetStatus(unit="E14", status="on_scene")]
        await pilot.pause(0.05)
        assert "on scene…" in text_of(pilot.app)


@pytest.mark.parametrize("size", SIZES)
async def test_an_illegal_quick_line_is_refused_in_words_with_its_code(
    session: FakeSession, size: tuple[int, int]
) -> None:
    session.answers["quick"] = RefusedError(
        "E12 is available; from there: dispatched, out_of_service.", code="TOC-4003"
    )
    async with console(session, size) as pilot:
        await keys(pilot, "colon")
        await typed(pilot, "E12 enr")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert session.commands[-1].line == "E12 enr"
        shown = text_of(pilot.app)
        assert "refused" in shown and "TOC-4003" in shown and "dispatched" in shown


async def test_duplicates_are_marked_with_the_likely_one_first_and_unmarked_with_the_same_key(
    session: FakeSession,
) -> None:
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-8")
        await keys(pilot, "y")
        await pilot.pause(0.05)
        assert "likely" in text_of(pilot.app)
        await keys(pilot, "enter")
        assert session.commands == [c.MarkDuplicate(incident="I-8", of="I-1")]
        session.happen(ev.IncidentMarkedDuplicate(incident="I-8", of="I-1"))
        await pilot.pause(SETTLE_S + 0.2)
        await choose(pilot, "incident:I-8")
        await keys(pilot, "y")
        assert session.commands[-1] == c.MarkDuplicate(incident="I-8")


async def test_a_refused_close_says_which_rule_and_what_to_do(session: FakeSession) -> None:
    session.answers["close_incident"] = RefusedError("E14 is still assigned.", code="TOC-4006")
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-1")
        await keys(pilot, "x", "enter")
        assert session.commands == [c.CloseIncident(incident="I-1", result_code="resolved")]
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        assert "E14 is still assigned" in shown and "Stand down its units" in shown


async def test_a_closed_incident_is_reopened(session: FakeSession) -> None:
    session.happen(ev.IncidentClosed(incident="I-7", result_code="resolved"))
    async with console(session) as pilot:
        await keys(pilot, "2")
        assert "closed resolved" in text_of(pilot.app)
        await choose(pilot, "incident:I-7")
        await keys(pilot, "o")
        assert session.commands == [c.ReopenIncident(incident="I-7")]


async def test_priority_and_facts_of_an_incident_are_changed(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-4")
        await keys(pilot, "p", "down", "enter")
        assert session.commands[-1] == c.ChangeIncident(incident="I-4", priority=2)
        await keys(pilot, "E", "down", "down", "down")
        await keys(pilot, "end", "backspace", "3", "ctrl+s")
        assert session.commands[-1] == c.ChangeIncident(incident="I-4", units_needed=3, seen=session.picture.home.seq)


async def test_an_alarm_is_acknowledged_with_space_and_marked_in_the_same_frame(silent: FakeSession) -> None:
    async with console(silent) as pilot:
        await keys(pilot, "4")
        await choose(pilot, "alarm:AL-2")
        await pilot.press("space")
        assert silent.commands == [c.AckAlarm(alarm="AL-2")]
        assert "acknowledging…" in text_of(pilot.app)


async def test_a_life_safety_alarm_is_cleared_by_a_person_with_a_reason(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "4")
        await choose(pilot, "alarm:AL-3")
        await keys(pilot, "x", "enter")
        assert session.commands == []
        await typed(pilot, "both aboard the lifeboat")
        await keys(pilot, "enter")
        assert session.commands == [c.ClearAlarm(alarm="AL-3", why="both aboard the lifeboat")]


async def test_a_log_entry_keeps_when_it_happened(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-1")
        await keys(pilot, "n")
        await typed(pilot, "gate shut")
        await keys(pilot, "enter")
        await typed(pilot, "-5")
        await keys(pilot, "ctrl+s")
        assert session.commands == [c.WriteLog(text="gate shut", incident="I-1", at_ms=session.at_ms - 300_000)]


async def test_the_log_shows_event_time_and_entry_time(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "7")
        await pilot.pause(0.1)
        line = next(one for one in text_of(pilot.app).splitlines() if "hands off Berth 6" in one)
        assert "17:40:00" in line and "17:42:00" in line


async def test_the_desk_is_handed_over_with_a_brief_read_to_its_end_and_a_typed_word(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "b")
        await typed(pilot, "a.ruiz")
        await keys(pilot, "ctrl+s")
        sent = session.commands[-1]
        assert (sent.step, sent.to) == ("offer", "a.ruiz")
        await pilot.pause(0.1)
        assert "y confirms this brief" in text_of(pilot.app)
        await keys(pilot, "y")
        await typed(pilot, "confirm")
        await keys(pilot, "enter")
        assert session.commands[-1] == c.HandOver(step="confirm")
        session.person = "a.ruiz"
        session.happen(
            ev.ShiftChanged(
                step="offered", person="j.okafor", position="duty officer", to="a.ruiz", brief="Mind berth 6"
            )
        )
        await pilot.pause(0.2)
        assert "The desk is offered to you" in text_of(pilot.app)
        await keys(pilot, "b")
        await pilot.pause(0.1)
        assert "Mind berth 6" in text_of(pilot.app)
        await keys(pilot, "y")
        await typed(pilot, "accept")
        await keys(pilot, "enter")
        assert session.commands[-1] == c.HandOver(step="accept")
