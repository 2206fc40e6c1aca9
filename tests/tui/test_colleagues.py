"""Several at one core: claims, refusals with their difference, who sits where, conflicts, links and queues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from console import commands as c
from picture import events as ev
from picture.errors import RefusedError
from picture.fold import Picture
from tests.tui.cells import text_of
from tests.tui.hands import SETTLE_S, SIZES, choose, console, keys
from tests.tui.scene import START_MS, FakeSession

CLASH = RefusedError(
    "I-2 priority 2 → 1 (by b.lee).",
    code="TOC-4030",
    diff=("I-2 priority 2 → 1 (by b.lee)", "I-2 title A → B (by b.lee)"),
)


def _claim(session: FakeSession, subject: str, person: str = "b.lee") -> None:
    session.happen(ev.ClaimChanged(subject=subject, person=person, position="port captain", held=True), ago_s=60)


async def test_what_somebody_holds_stands_on_its_row_and_page(session: FakeSession) -> None:
    for subject in ("I-1", "AL-1", "P-1"):
        _claim(session, subject)
    async with console(session) as pilot:
        shown = text_of(pilot.app)
        assert shown.count("held by b.lee") == 2 and "in the hands of b.lee" in shown
        await keys(pilot, "2")
        await choose(pilot, "incident:I-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        assert "Held by b.lee, port captain" in text_of(pilot.app)


async def test_one_key_takes_and_lets_go(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-2")
        await keys(pilot, "G")
        assert session.commands[-1] == c.Claim(subject="I-2")
        _claim(session, "I-2", "j.okafor")
        await pilot.pause(SETTLE_S + 0.15)
        await keys(pilot, "G")
        assert session.commands[-1] == c.Release(subject="I-2")


async def test_taking_over_from_another_needs_a_yes(session: FakeSession) -> None:
    _claim(session, "I-2")
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-2")
        await keys(pilot, "G")
        assert "in the hands of b.lee" in text_of(pilot.app) and session.commands == []
        await keys(pilot, "k")
        assert session.commands == []
        await keys(pilot, "G", "y")
        await pilot.pause(0.05)
        assert session.commands == [c.Claim(subject="I-2", take_over=True)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_refusal_for_an_unseen_change_shows_all_of_it_and_the_ways_on(
    session: FakeSession, size: tuple[int, int]
) -> None:
    session.answers["ack_alarm"] = CLASH
    async with console(session, size) as pilot:
        await keys(pilot, "4", "space")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        for words in ("NOT DONE", "I-2 priority 2 → 1 (by b.lee)", "I-2 title A → B (by b.lee)", "TOC-4030"):
            assert words in shown
        assert "looks at it" in shown and "gives your command again" in shown


async def test_a_refused_command_is_given_again_only_by_a_key_that_was_meant(session: FakeSession) -> None:
    session.answers["ack_alarm"] = CLASH
    async with console(session) as pilot:
        await keys(pilot, "4", "space")
        await pilot.pause(0.1)
        given = len(session.commands)
        await keys(pilot, "g")
        assert len(session.commands) == given
        session.answers["ack_alarm"] = {}
        await pilot.pause(0.8)
        await keys(pilot, "g")
        await pilot.pause(0.1)
        assert len(session.commands) == given + 1 and session.commands[-1] == session.commands[0]


async def test_a_refusal_does_not_cover_what_somebody_types(session: FakeSession) -> None:
    session.answers["ack_alarm"] = CLASH
    session.delay_s = 0.2
    async with console(session) as pilot:
        await keys(pilot, "4", "space", "n")
        await pilot.pause(0.4)
        assert "LOG ENTRY" in text_of(pilot.app) and "NOT DONE" not in text_of(pilot.app)


@pytest.mark.parametrize("size", SIZES)
async def test_people_are_listed_with_position_lock_and_what_they_hold(
    session: FakeSession, size: tuple[int, int]
) -> None:
    seat = {"person": "b.lee", "position": "port captain", "role": "operator", "client": "tui"}
    session.happen(ev.SessionChanged(id="S-1", state="opened", **seat))  # type: ignore[arg-type]
    session.happen(ev.SessionChanged(id="S-1", state="locked", **seat))  # type: ignore[arg-type]
    _claim(session, "I-1")
    async with console(session, size) as pilot:
        await keys(pilot, "P")
        await pilot.pause(0.1)
        line = next(line for line in text_of(pilot.app).splitlines() if "LOCKED" in line)
        assert "b.lee" in line and "port captain" in line and "I-1" in line


async def test_conflicts_between_cores_stand_with_their_entries_and_what_to_do(session: FakeSession) -> None:
    _claim(session, "I-1")
    other = Picture("north/drill")
    held = session.picture.home.claims["I-1"]
    other.home.claims["I-1"] = type(held)("I-1", "c.diaz", "duty officer", held.since_ms, 7)
    session.picture.streams["north/drill"] = other.home
    async with console(session) as pilot:
        await keys(pilot, "C")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        assert "I-1 is in two hands" in shown and "north/drill entry 7" in shown and "lets go of it" in shown


async def test_a_link_that_stands_and_says_nothing_is_called_silent(session: FakeSession) -> None:
    async with console(session, (80, 24)) as pilot:
        assert "SILENT" not in text_of(pilot.app)
        session.silent = 6.0
        await pilot.pause(1.2)
        assert "CONNECTED BUT SILENT for 6 s" in text_of(pilot.app)


async def test_a_screen_that_differs_from_the_core_says_so(session: FakeSession) -> None:
    session.differs = "This picture is not the core's: its digest is not the core's."
    async with console(session, (80, 24)) as pilot:
        assert "DIFFERS FROM THE CORE" in text_of(pilot.app)


@pytest.mark.parametrize("size", SIZES)
async def test_full_queues_counted_reports_and_silent_cores_stand_on_one_page(
    session: FakeSession, size: tuple[int, int]
) -> None:
    session.happen(
        ev.LoadChanged(queue="citizens", level="high", waiting=420, room=512),
        ev.ReportsCounted(source="citizens", lane="citizens", minute_ms=START_MS - 60_000, count=214),
        ev.LinkChanged(id="north", state="silent", why="nothing for 6 s"),
    )
    async with console(session, size) as pilot:
        assert "queue" in text_of(pilot.app).splitlines()[0]
        await keys(pilot, "Q")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        for words in ("420/512", "PAST 80 %", "214 more reports", "SILENT"):
            assert words in shown


def _lifted(session: FakeSession) -> Any:
    return next(one for one in session.commands if isinstance(one, c.ReopenRoad))


async def test_a_road_is_closed_with_a_reason_and_a_yes_and_reopened_with_another(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "X")
        from tests.tui.hands import typed

        await typed(pilot, "Wharf Street")
        await keys(pilot, "down")
        await typed(pilot, "tree down")
        await keys(pilot, "ctrl+s")
        await pilot.pause(0.1)
        assert "whole street" in text_of(pilot.app) and session.commands == []
        await keys(pilot, "y")
        await pilot.pause(0.1)
        assert session.commands == [c.CloseRoad(road="Wharf Street", reason="tree down")]
        session.happen(ev.RoadClosed(id="C-9", name="Wharf Street", edges=(3, 4), reason="tree down", by="j.okafor"))
        await keys(pilot, "W")
        await pilot.pause(0.1)
        assert "tree down" in text_of(pilot.app)
        await choose(pilot, "closure:C-9")
        await pilot.pause(SETTLE_S)
        await keys(pilot, "o")
        await typed(pilot, "cleared, seen by b.lee")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert (_lifted(session).closure, _lifted(session).why) == ("C-9", "cleared, seen by b.lee")


async def test_a_road_is_closed_under_the_crosshair(session: FakeSession) -> None:
    from tests.tui.hands import typed

    async with console(session) as pilot:
        await keys(pilot, "m", "c")
        await pilot.pause(0.2)
        await keys(pilot, "X")
        assert "the road at the crosshair" in text_of(pilot.app)
        await keys(pilot, "down")
        await typed(pilot, "police")
        await keys(pilot, "ctrl+s")
        await pilot.pause(0.1)
        await keys(pilot, "y")
        await pilot.pause(0.1)
        sent = session.commands[-1]
        assert isinstance(sent, c.CloseRoad) and sent.place is not None and sent.place.lon is not None


async def test_what_water_closed_is_not_reopened_by_hand(session: FakeSession) -> None:
    session.happen(ev.RoadClosed(id="C-8", name="Quay", edges=(7,), reason="0.4 m of water", by="flood"))
    async with console(session) as pilot:
        await keys(pilot, "W")
        await pilot.pause(0.1)
        await choose(pilot, "closure:C-8")
        await pilot.pause(SETTLE_S)
        await keys(pilot, "o")
        assert "under water" in text_of(pilot.app) and session.commands == []


async def test_a_road_closed_by_hand_has_a_mark_on_the_map_that_can_be_chosen(session: FakeSession) -> None:
    session.happen(
        ev.RoadClosed(id="C-9", name="Wharf Street", edges=(3, 4), reason="tree down", by="j.okafor"),
        ev.RoadChanged(id="RC-1", name="Abbey Street", edges=(10,), reason="crowd", by="j.okafor", factor_pct=200),
    )
    async with console(session) as pilot:
        app: Any = pilot.app
        assert {"closure:C-9", "road_change:RC-1"} <= {one.id for one in app.main.map.describe()}
        app.go_to("road_change:RC-1")
        await pilot.pause(0.1)
        assert "2 times as long" in text_of(pilot.app)


@pytest.mark.parametrize("size", SIZES)
async def test_another_cores_incidents_and_units_stand_beside_ours_marked_with_whose_they_are(
    session: FakeSession, size: tuple[int, int]
) -> None:
    other = Picture("north/drill")
    other.home.incidents["I-90"] = replace(session.picture.home.incidents["I-1"], id="I-90", title="Mill fire")
    other.home.units["N1"] = replace(session.picture.home.units["E14"], id="N1", name="N1", assignment="")
    session.picture.streams["north/drill"] = other.home
    async with console(session, size) as pilot:
        await keys(pilot, "2")
        await keys(pilot, "end")
        await pilot.pause(SETTLE_S)
        assert "⇄north" in text_of(pilot.app)
        for key in ("d", "x", "p", "G", "space"):
            await keys(pilot, key)
            assert "That is north's" in text_of(pilot.app) and not pilot.app.screen.is_modal
        assert session.commands == []
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert "Of north/drill" in text_of(pilot.app) and "Mill fire" in text_of(pilot.app)
        await keys(pilot, "escape", "5")
        await pilot.pause(0.1)
        await keys(pilot, "end")
        assert "N1" in text_of(pilot.app)
        app: Any = pilot.app
        assert {"peer:north/drill|incident:I-90", "peer:north/drill|unit:N1"} <= {
            one.id for one in app.main.map.describe()
        }


async def test_a_form_says_what_its_screen_had_read_when_it_was_opened(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-4")
        opened = session.picture.home.seq
        await keys(pilot, "E")
        session.happen(ev.IncidentChanged(incident="I-4", title="Changed by another"))
        await pilot.pause(0.1)
        from tests.tui.hands import typed

        await typed(pilot, " (mine)")
        await keys(pilot, "ctrl+s")
        await pilot.pause(0.1)
        sent = session.commands[-1]
        assert isinstance(sent, c.ChangeIncident) and sent.seen == opened < session.picture.home.seq
