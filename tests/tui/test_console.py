"""The screens themselves: the world's badge, sizes, reachability, themes, the bell, a lost link, hostile names."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from console import commands as c
from console.tui.alert_bell import REPEAT_S, AlertBell
from console.tui.keys import KEYS
from console.tui.widgets.rows import Rows
from picture import events as ev
from tests.tui.cells import difference, runs_of, style_at, text_of
from tests.tui.hands import SIZES, choose, console, keys, typed
from tests.tui.scene import HOSTILE, FakeChange, FakeSession, at


@pytest.mark.parametrize("size", [(80, 24), (110, 30), (170, 50), (200, 60), (300, 90)])
async def test_the_world_stands_in_reverse_on_every_screen_at_every_size(
    session: FakeSession, size: tuple[int, int]
) -> None:
    async with console(session, size) as pilot:
        for key in ("m", "2", "5", "escape", "7", "escape", "question_mark", "escape", "2", "enter", "escape", "r"):
            await keys(pilot, key)
            await pilot.pause(0.03)
            assert "DRILL" in text_of(pilot.app)
        await keys(pilot, "escape")
        first = text_of(pilot.app).splitlines()[0]
        assert " DRILL " in first and "UTC" in first
        assert "╱╱" in text_of(pilot.app) or size == (80, 24)
        badge, other = style_at(pilot.app, " DRILL "), style_at(pilot.app, " tocsin ")
        assert badge.split(" on ")[-1] != other.split(" on ")[-1]


async def test_a_live_world_looks_different_from_a_drill(session: FakeSession) -> None:
    session.world = "live"
    async with console(session) as pilot:
        shown = text_of(pilot.app)
        assert " LIVE " in shown and "╱╱" not in shown and "DRILL" not in shown


@pytest.mark.parametrize("size", SIZES)
async def test_map_and_lists_share_the_room_there_is(session: FakeSession, size: tuple[int, int]) -> None:
    async with console(session, size) as pilot:
        main: Any = pilot.app.screen
        seen = {
            name: main.query_one(f"#{name}").display and main.query_one(f"#{name}").size.width > 0
            for name in ("map", "lists", "side")
        }
        if size[0] < 110:
            assert (seen["map"], seen["lists"]) == (True, False)
            await keys(pilot, "tab")
            await pilot.pause(0.05)
            assert "INCIDENTS" in text_of(pilot.app) and not main.query_one("#map").display
        else:
            assert seen["map"] and seen["lists"]
            assert seen["side"] == (size[0] >= 250)
            shown = text_of(pilot.app)
            for part in ("INCIDENTS", "APPROVALS", "ALARMS", "FEEDS"):
                assert part in shown
            assert ("RESOURCES" in shown and "LIFELINES" in shown and "BERTHS" in shown) == (size[0] >= 250)


@pytest.mark.parametrize("size", SIZES)
async def test_every_list_and_the_map_are_reached_and_read_with_the_keyboard_alone(
    session: FakeSession, size: tuple[int, int]
) -> None:
    async with console(session, size) as pilot:
        main: Any = pilot.app.screen
        reached = set()
        for _ in range(10):
            await keys(pilot, "tab")
            focused = pilot.app.focused
            assert focused is not None and focused.size.width > 0
            reached.add(focused.id or focused.parent.id)  # type: ignore[union-attr]
        wanted = {"map", "queue", "approvals", "alarms"}
        assert wanted | ({"feeds", "lifelines", "berths"} if size[0] >= 250 else set()) <= reached
        for key, name in (("1", "map"), ("2", "queue"), ("3", "approvals"), ("4", "alarms")):
            await keys(pilot, key)
            focused = pilot.app.focused
            assert focused is not None and name in (focused.id, focused.parent.id)  # type: ignore[union-attr]
            if isinstance(focused, Rows):
                await keys(pilot, "home")
                keys_there = [item.key for item in focused.items if item.key]
                for wanted_key in keys_there:
                    assert focused.key == wanted_key
                    await keys(pilot, "down")
        for key, title in (("5", "UNITS"), ("6", "ALERTS"), ("7", "LOG"), ("8", "FEEDS"), ("9", "WHAT IS ON THE MAP")):
            await keys(pilot, key)
            await pilot.pause(0.03)
            assert title in text_of(pilot.app)
            assert pilot.app.focused is not None
            await keys(pilot, "escape")
        assert pilot.app.screen is main


async def test_every_action_in_the_table_of_keys_exists(session: FakeSession) -> None:
    async with console(session) as pilot:
        for key in KEYS:
            assert hasattr(pilot.app, f"action_{key.action.partition('(')[0]}"), key
        taken: dict[str, str] = {}
        for key in KEYS:
            for one in key.key.split(","):
                assert one not in taken, f"{one} is bound twice"
                taken[one] = key.action


async def test_how_do_we_know_shows_words_caller_grade_and_every_term_with_its_weight(session: FakeSession) -> None:
    async with console(session, (120, 60)) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        shown = text_of(pilot.app)
        for part in (
            "HOW DO WE KNOW",
            "The water is up to the windows",
            "M. Ferreira",
            "+351 555 0102",
            "the old customs crane",
            "C2: fairly reliable, probably true",
            "+2.10  distance  40 m apart",
            "-0.30  caller  another number",
            "WHY, AND WHY NOT",
            "E14",
            "en route",
        ):
            assert part in shown


async def test_what_is_sealed_says_so_and_is_not_left_blank(session: FakeSession) -> None:
    session.texts.clear()
    async with console(session, (120, 60)) as pilot:
        await keys(pilot, "2")
        await choose(pilot, "incident:I-1")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        shown = text_of(pilot.app)
        assert "sealed: not readable from this position" in shown and "Ferreira" not in shown


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_hostile_names_are_letters_everywhere(session: FakeSession, size: tuple[int, int]) -> None:
    for n, name in enumerate(HOSTILE):
        session.happen(
            ev.IncidentOpened(
                incident=f"H-{n}",
                incident_kind="flood",
                title=name,
                priority=1,
                place_label=name,
                text=name,
                **at(session, 900 + 60 * n, 700),
            ),
            ev.VesselUpdated(mmsi=100 + n, name=name, destination=name, doubt=name, **at(session, 500 + 90 * n, -150)),
            ev.AlarmRaised(
                id=f"HA-{n}",
                priority=2,
                title=name,
                cause_words=name,
                consequence=name,
                action=name,
                time_to_act_s=60,
                subject=f"H-{n}",
                key=name,
            ),
            ev.LogWritten(id=f"HL-{n}", incident=f"H-{n}", text=name),
        )
    async with console(session, size) as pilot:
        frames = []
        for n in range(len(HOSTILE)):
            await keys(pilot, "2")
            await choose(pilot, f"incident:H-{n}")
            frames.append(text_of(pilot.app))
            rows: Any = pilot.app.focused
            line = next(at for at, (_, key) in enumerate(rows._lines) if key == f"incident:H-{n}") - round(
                rows.scroll_y
            )
            await pilot.click(rows, offset=(12, line))
            await pilot.pause(0.05)
            frames.append(text_of(pilot.app))
            await keys(pilot, "escape", "slash")
            await typed(pilot, f"vessel 10{n}")
            await pilot.pause(0.05)
            frames.append(text_of(pilot.app))
            await keys(pilot, "enter")
            await pilot.pause(0.05)
            frames.append(text_of(pilot.app))
            await keys(pilot, "escape")
        for key in ("7", "9"):
            await keys(pilot, key)
            await pilot.pause(0.05)
            frames.append(text_of(pilot.app))
            await keys(pilot, "escape")
        everything = "\n".join(frames)
        assert "[@click=app.approve('x')]" in everything and "B [/]" in everything and "C␛]52;c;" in everything
        assert "\x1b" not in everything and "\x07" not in everything
        assert all(one.do == "change_incident" and one.unread is False for one in session.commands)


async def test_a_priority_one_alarm_rings_once_and_life_safety_until_acknowledged(session: FakeSession) -> None:
    alarms = session.picture.home.alarms
    bell = AlertBell()
    only_p1 = [alarms["AL-1"], alarms["AL-2"]]
    assert bell.due(only_p1, 0.0)
    assert not bell.due(only_p1, 1000.0)
    life = [alarms["AL-3"]]
    assert bell.due(life, 1000.0)
    assert not bell.due(life, 1000.0 + REPEAT_S / 2)
    assert bell.due(life, 1000.0 + REPEAT_S)
    assert not bell.due([dataclasses.replace(alarms["AL-3"], state="acknowledged")], 5000.0)


async def test_a_new_priority_one_alarm_rings_the_terminal(session: FakeSession) -> None:
    async with console(session) as pilot:
        rung: list[int] = []
        pilot.app.bell = lambda: rung.append(1)  # type: ignore[method-assign]
        session.happen(
            ev.AlarmRaised(
                id="AL-9",
                priority=1,
                title="Gas",
                cause_words="",
                consequence="",
                action="",
                time_to_act_s=1,
                subject="",
                key="gas",
            )
        )
        await pilot.pause(0.3)
        assert rung == [1]


async def test_a_lost_link_is_told_with_the_age_of_the_picture_and_keys_still_answer(session: FakeSession) -> None:
    session.held = asyncio.Event()
    async with console(session) as pilot:
        session.state, session.lag_ms = "down", 42_000
        assert session.on_change is not None
        session.on_change(FakeChange(frozenset(), 0, state_changed=True))  # type: ignore[arg-type]
        await pilot.pause(0.2)
        assert "LINK DOWN: the picture is 42 s old" in text_of(pilot.app)
        await keys(pilot, "4")
        await choose(pilot, "alarm:AL-2")
        await pilot.press("space")
        assert "acknowledging…" in text_of(pilot.app)


async def test_pause_step_speed_and_jump_are_sent_and_the_state_is_visible(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "f2", "f3", "f4")
        await keys(pilot, "backspace", "backspace")
        await typed(pilot, "30")
        await keys(pilot, "enter", "f5")
        await typed(pilot, "5")
        await keys(pilot, "enter")
        assert session.commands == [
            c.ControlDrill(action="pause"),
            c.ControlDrill(action="step"),
            c.ControlDrill(action="speed", speed=30.0),
            c.ControlDrill(action="jump", by_s=300.0),
        ]
        session.paused = True
        await pilot.pause(2.3)
        assert "PAUSED" in text_of(pilot.app)
        await keys(pilot, "f2")
        assert session.commands[-1] == c.ControlDrill(action="resume")


@pytest.mark.parametrize("first", ["m", "r", "colon", "question_mark"])
async def test_one_chord_stops_the_exercise_from_anywhere_after_the_words_are_typed(
    session: FakeSession, first: str
) -> None:
    async with console(session, (80, 24)) as pilot:
        await keys(pilot, first, "ctrl+r")
        await pilot.pause(0.05)
        await keys(pilot, "ctrl+r", "enter")
        assert session.commands == []
        await typed(pilot, "real emergency")
        await keys(pilot, "enter")
        assert session.commands == [c.ControlDrill(action="stop")]
        session.happen(ev.DrillControlled(action="stop", why="real emergency"))
        await pilot.pause(0.2)
        if first != "r" and first != "colon":
            assert "EXERCISE STOPPED: real emergency" in text_of(pilot.app)


async def test_the_palette_goes_to_things_runs_actions_and_shows_traces(session: FakeSession) -> None:
    session.answers["explain"] = {
        "traces": [
            {
                "playbook": "surge/quay",
                "version": 1,
                "state": "near",
                "words": "G-QUAY: needs value > level_hi (short by 0.15)",
                "clause": "any[0]",
                "thing": "G-QUAY",
                "lines": [{"text": "value > level_hi", "holds": False, "values": {"value": 1.2, "level_hi": 1.35}}],
            }
        ]
    }
    async with console(session) as pilot:
        await keys(pilot, "ctrl+p")
        await typed(pilot, "go incident I-7")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        assert "Tree down on power line" in text_of(pilot.app) and "HOW DO WE KNOW" in text_of(pilot.app)
        await keys(pilot, "escape", "ctrl+p")
        await typed(pilot, "why surge")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        shown = text_of(pilot.app)
        assert "did not fire" in shown.casefold() and "short by 0.15" in shown and "value 1.20, level_hi 1.35" in shown
        await keys(pilot, "escape", "ctrl+p")
        await typed(pilot, "unit board")
        await keys(pilot, "enter")
        await pilot.pause(0.1)
        assert "UNITS" in text_of(pilot.app).splitlines()[1]


async def test_units_show_time_in_status_and_alerts_show_how_far_they_got(session: FakeSession) -> None:
    async with console(session) as pilot:
        await keys(pilot, "5")
        await pilot.pause(0.05)
        line = next(one for one in text_of(pilot.app).splitlines() if " E14 " in one)
        assert "en route" in line and "1m" in line and "in 3 min" in line and "I-1" in line
        await keys(pilot, "escape", "6")
        await pilot.pause(0.05)
        shown = text_of(pilot.app)
        assert (
            "●●●●●" in shown
            and "accepted" in shown
            and "▲ failed" in shown
            and "EXERCISE Water over Customs Quay" in shown
        )


async def test_themes_change_colours_and_nothing_else(session: FakeSession) -> None:
    async with console(session) as pilot:
        dark, words = runs_of(pilot.app), text_of(pilot.app)
        await keys(pilot, "t")
        await pilot.pause(0.1)
        light = runs_of(pilot.app)
        assert text_of(pilot.app) == words
        assert len(difference(dark, light)) == len(dark)
        await keys(pilot, "t", "t")
        await pilot.pause(0.1)
        assert difference(dark, runs_of(pilot.app)) == []


async def test_nothing_is_repainted_where_nothing_changed(session: FakeSession) -> None:
    async with console(session) as pilot:
        before = runs_of(pilot.app)
        session.happen(ev.IncidentChanged(incident="I-4", priority=1))
        await pilot.pause(0.2)
        changed = difference(before, runs_of(pilot.app))
        assert changed and len(changed) < 12


async def test_unacknowledged_is_reverse_video_and_priority_a_digit(session: FakeSession) -> None:
    async with console(session) as pilot:
        unread, read = style_at(pilot.app, "I-3  "), style_at(pilot.app, "I-5  ")
        assert unread.split(" on ")[-1] != read.split(" on ")[-1]
        line = next(one for one in text_of(pilot.app).splitlines() if "Vehicle stranded" in one)
        assert "2 I-3" in line


def test_the_console_loads_no_solver_and_no_network_client() -> None:
    code = (
        "import sys, console.tui.app\n"
        "print([m for m in ('scipy', 'networkx', 'shapely', 'httpx', 'apprise', 'fastapi') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


async def test_why_the_core_will_not_have_us_stands_in_the_banner(session: FakeSession) -> None:
    session.state, session.why = "connecting", "Client and core are of different versions. Use the same. (TOC-4010)"
    async with console(session) as pilot:
        await pilot.pause(0.1)
        assert "NO CORE" in text_of(pilot.app) and "TOC-4010" in text_of(pilot.app)


async def test_opening_an_incident_reads_it(session: FakeSession) -> None:
    async with console(session) as pilot:
        unread = next(one.id for one in session.picture.home.incidents.values() if one.unread)
        await keys(pilot, "2")
        await choose(pilot, f"incident:{unread}")
        await keys(pilot, "enter")
        await pilot.pause(0.05)
        assert session.commands == [c.ChangeIncident(incident=unread, unread=False)]
