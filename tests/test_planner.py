"""The planner: hand-solved towns, brute force on small boards, and the promises it makes about any board."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.candidates import NEAREST, Search, compare
from agents.goals import GOALS
from agents.planner import planner
from agents.score import NOBODY, SECOND_CHOICE_S, Board, Plan, slots_of
from console.city import City
from console.services import CityRoads
from picture.entry import Ref
from picture.errors import PlaybookError
from picture.model import Closure, Hazard, Place, Unit
from playbooks.context import NoWay
from playbooks.dispatch import CoverArea, Role, Task
from playbooks.effects import Draft
from tests.line_town import Town, at
from tests.roadtown import build_town, lonlat


def sent(draft: Draft) -> dict[str, str]:
    """Unit -> where it goes."""
    return {str(one["unit"]): str(one.get("incident") or one["facility"]) for one in draft.results["assignments"]}


def why(draft: Draft, unit: str) -> str:
    return next(str(one["why"]) for one in draft.results["passed_over"] if one["unit"] == unit)


def plan(town: Town, goal: str = "allocate", **args: Any) -> Draft:
    return planner(goal, args, town.context())


def rivals() -> Town:
    """E1 is nearest to both fires, E2 far from the one at 0 m: greedy by order takes the wrong one."""
    town = Town()
    town.unit("E1", 1_000)
    town.unit("E2", 3_000)
    town.incident("I-1", 2_000, priority=2, opened_ms=1)
    town.incident("I-2", 0, priority=2, opened_ms=2)
    return town


# --- hand-solved towns ------------------------------------------------------------------------------------------


def test_the_best_plan_is_found_where_the_nearest_unit_plan_is_not() -> None:
    # Nearest first: E1 to I-1 (100 s), E2 to I-2 (300 s). Best: E2 to I-1 (100 s), E1 to I-2 (100 s).
    draft = plan(rivals())
    assert sent(draft) == {"E2": "I-1", "E1": "I-2"}
    nearest = draft.alternatives[0]
    assert nearest.title == "Nearest-unit plan: I-1: E1 instead of E2, I-2: E2 instead of E1"
    assert nearest.reason.startswith("2 min later on average to priority 2")
    # Priority 2 weighs 4: (100 + 300 - 100 - 100) s · 4 / 60.
    assert draft.results["baseline_score"] - draft.results["score"] == pytest.approx(200 * 4 / 60, abs=0.11)
    assert nearest.score == draft.results["baseline_score"]


def test_the_only_unit_goes_to_the_most_urgent_and_the_other_waits_with_a_reason() -> None:
    town = Town()
    town.unit("E1", 0)
    town.incident("I-1", 100, priority=3)
    town.incident("I-2", 50_000, priority=1)
    draft = plan(town)
    assert sent(draft) == {"E1": "I-2"}
    assert draft.results["missing"] == ["I-1 waits for an engine: all that could come are needed elsewhere"]
    assert "I-1 waits for an engine: all that could come are needed elsewhere" in draft.consequence


def test_without_a_boat_the_person_in_water_waits_and_it_is_said() -> None:
    town = Town()
    town.unit("E1", 0)
    town.incident("I-7", 100, "person_in_water", 1)
    draft = plan(town)
    assert sent(draft) == {}
    assert "I-7 waits for water rescue: none is free" in draft.evidence
    assert why(draft, "E1") == "has no skill that is wanted now"


def test_a_closed_road_changes_the_plan() -> None:
    town = Town()
    town.unit("E1", 0)
    town.unit("E2", 9_000)
    town.incident("I-1", 2_000)
    assert sent(plan(town)) == {"E1": "I-1"}
    closing = plan(town, avoid_edges=[10])
    assert sent(closing) == {"E2": "I-1"} and why(closing, "E1") == "no open road to I-1"
    town.roads.closed = {10, 50}
    cut_off = plan(town)
    assert sent(cut_off) == {} and cut_off.results["missing"] == ["I-1 waits for an engine: no open road for E1, E2"]


def test_a_nearer_engine_stays_when_its_area_would_lose_its_last() -> None:
    town = Town()
    town.station("North", 0)
    town.station("South", 4_000)
    town.unit("E1", 0, station="North")
    town.unit("E2", 4_000, station="South")
    town.unit("E3", 4_000, station="South")
    # 190 s from North, 210 s from South; without E1 the next engine in North is 400 s away.
    town.incident("I-1", 1_900, priority=3)
    draft = plan(town)
    assert sent(draft) == {"E2": "I-1"}
    assert "kept as cover" in why(draft, "E1") and "North comes 7 min later" in why(draft, "E1")
    assert draft.alternatives[0].title == "Nearest-unit plan: I-1: E1 instead of E2"
    assert "leaves North without an engine (the next is 7 min away)" in draft.alternatives[0].reason


def test_cover_is_given_up_for_somebody_in_mortal_danger() -> None:
    town = Town()
    town.unit("E1", 0, station="North")
    town.unit("E2", 9_000, station="South")
    town.incident("I-1", 100, priority=1)
    draft = plan(town)
    assert sent(draft) == {"E1": "I-1"}
    assert draft.consequence[0].endswith("is left without an engine (the next is 15 min away)")


@pytest.mark.parametrize(("team_m", "first"), [(2_000, "HZ1"), (10_000, "E1")])
def test_a_crew_that_can_only_begin_goes_first_when_it_is_much_nearer(team_m: int, first: str) -> None:
    assert 2_000 / 10 < SECOND_CHOICE_S < 10_000 / 10
    town = Town()
    town.unit("E1", 100, station="North")
    town.unit("E2", 110, station="North")
    town.unit("HZ1", team_m, ("hazmat",), nims_kind="Hazardous Materials Response Team")
    town.incident("I-1", 0, "hazmat", 2)
    assert sent(plan(town)) == {first: "I-1"}


def test_a_unit_is_planned_from_where_it_reported_and_named_where_nobody_knows() -> None:
    town = Town()
    town.unit("E1", 0, position=(Ref("home", 1, "lon_e7"), Ref("home", 1, "lat_e7")))
    town.unit("E2", 1_000)
    town.incident("I-1", 5_000)
    place = dict(zip(("lon_e7", "lat_e7"), at(4_900), strict=True))
    draft = planner("allocate", {}, town.context(lambda ref: place[ref.path]))
    assert sent(draft) == {"E1": "I-1"} and draft.results["assignments"][0]["eta_s"] == 10
    assert not any("position" in line for line in draft.evidence)
    forgotten = plan(town)
    assert sent(forgotten) == {"E2": "I-1"}
    assert "Taken to be at their station, no position reported: E2" in forgotten.evidence


def test_only_as_many_as_asked_for_go_and_to_the_most_urgent_that_can_be_served() -> None:
    town = rivals()
    town.incident("I-0", 500, "mayday", 1)
    draft = plan(town, units=1)
    assert sent(draft) == {"E1": "I-1"}
    assert draft.results["missing"][-1] == "1 more crew is wanted than the plan was asked to send"
    assert "I-0 waits for water rescue: none is free" in draft.results["missing"]


def test_incidents_can_be_narrowed_by_id_area_and_kind_of_unit() -> None:
    town = rivals()
    town.incident("I-3", 6_000)
    assert set(sent(plan(town, incident="I-2")).values()) == {"I-2"}
    assert set(sent(plan(town, area="East")).values()) == {"I-3"}
    none = plan(town, kinds=["ambulance"])
    assert sent(none) == {} and why(none, "E1") == "not of the kind asked for (ambulance)"


def test_an_incident_that_nobody_can_place_is_named() -> None:
    town = rivals()
    town.incident("I-5", None)
    assert "I-5: nobody can be sent while its place is not known" in plan(town).results["missing"]


def test_nothing_to_do_is_said_and_is_no_error() -> None:
    town = Town()
    town.unit("E1", 0)
    draft = plan(town)
    assert sent(draft) == {} and draft.watched == () and "No open incident lacks a crew" in draft.evidence
    assert why(draft, "E1") == "nothing needs a crew"


@pytest.mark.parametrize(
    ("goal", "args", "words"),
    [("alocate", {}, "allocate"), ("send_crew", {"facility": "SUB-9"}, "SUB-4"),
     ("allocate", {"area": "Nowhere"}, "Nowhere"), ("allocate", {"incident": "I-99"}, "I-99"),
     ("stage_units", {"area": "Nowhere"}, "Nowhere")],
)  # fmt: skip
def test_names_that_are_not_known_are_refused(goal: str, args: dict[str, Any], words: str) -> None:
    town = Town()
    town.station("SUB-4", 0, kind="substation")
    with pytest.raises(PlaybookError, match=words) as refused:
        plan(town, goal, **args)
    assert refused.value.code == "TOC-6109"


# --- before a flood, and to plant -----------------------------------------------------------------------------


def surge() -> Town:
    town = Town()
    town.home.hazards["F"] = Hazard("F", "flood", "Flood", 0, level_mm=2_100)
    town.station("FS-1", 0, elevation_mm=7_500)
    town.station("FS-2", 3_000, elevation_mm=2_500)
    town.unit("E11", 0, station="FS-1")
    town.unit("E21", 3_000, station="FS-2")
    town.unit("E22", 3_000, station="FS-2")
    town.unit("M1", 1_000, ("medical_advanced",), profile="ambulance", nims_kind="Ambulance (Ground)")
    return town


def test_threatened_crews_and_what_the_first_call_needs_go_to_the_dry_side() -> None:
    draft = plan(surge(), "protect_quay", facility="FS-1")
    assert set(sent(draft)) == {"M1", "E21", "E22"} and set(sent(draft).values()) == {"FS-1"}
    assert why(draft, "E11") == "stands at FS-1 already"
    assert "FS-1 waits for a high-wheel vehicle: none is free" in draft.results["missing"]
    other = draft.alternatives[0]
    assert "leaves a threatened crew where it is; though it keeps an engine in FS-2" in other.reason


def test_roads_about_to_be_closed_are_not_planned_over() -> None:
    draft = plan(surge(), "protect_quay", facility="FS-1", avoid_edges=[20])
    assert set(sent(draft)) == {"M1"} and why(draft, "E21") == "no open road to FS-1"


def test_of_an_area_the_driest_sites_are_compared_and_the_flooded_are_not() -> None:
    town = surge()
    town.station("SCH-1", 500, kind="school", district="Hill", elevation_mm=9_000)
    town.station("SCH-2", 2_500, kind="school", district="Hill", elevation_mm=8_000)
    town.station("SCH-3", 2_900, kind="school", district="Hill", elevation_mm=2_600)
    draft = plan(town, "stage_units", area="Hill", kinds=["engine"], units=2)
    assert set(sent(draft).values()) <= {"SCH-1", "SCH-2"} and len(sent(draft)) == 2
    other = ({"SCH-1", "SCH-2"} - set(sent(draft).values())).pop()
    assert any(one.title.startswith(f"crews to {other}") for one in draft.alternatives)
    assert not any("SCH-3" in one.title for one in draft.alternatives)


def test_a_crew_reaches_plant_by_a_dry_road_or_not_at_all() -> None:
    town = surge()
    town.station("SUB-4", 5_000, kind="substation")
    town.unit("U1", 4_000, ("switching",), profile="high_wheel", wading_mm=600)
    town.unit("U2", 9_000, ("switching",), profile="high_wheel", wading_mm=600)
    assert sent(plan(town, "stage_at_substation", facility="SUB-4")) == {"U1": "SUB-4"}
    town.home.closures["C-F1"] = Closure("C-F1", "Wharf Street", (45,), "water", 0, "flood", depth_mm=200,
                                         place=Place(*at(4_500)))  # fmt: skip
    wet = plan(town, "stage_at_substation", facility="SUB-4")
    assert sent(wet) == {"U2": "SUB-4"} and why(wet, "U1") == "no open road to SUB-4"


# --- promises about every plan --------------------------------------------------------------------------------


def test_every_unit_is_sent_or_has_a_reason_and_every_goal_answers_in_plain_json() -> None:
    town = surge()
    town.boat("RB1", 0)
    town.unit("E9", 0, local_status="on_scene")
    town.unit("X1", 0, profile="hovercraft")
    town.incident("I-1", 2_000, "trapped", 1, units_needed=2)
    for goal in GOALS:
        draft = plan(town, goal, facility="FS-1", candidates=50)
        passed = {one["unit"]: one["why"] for one in draft.results["passed_over"]}
        assert set(sent(draft)) ^ set(passed) == set(town.home.units) and all(passed.values())
        assert json.loads(json.dumps(draft.results)) == draft.results
        assert draft.effects == ()


def test_what_the_plan_rests_on_is_watched() -> None:
    town = rivals()
    town.unit("E1", 1_000, local_status="on_scene")
    town.unit("E3", 100, local_status="returning")
    watched = {one.name: one.value for one in plan(town).watched}
    assert watched == {
        "unit:E3.local_status": "returning", "unit:E2.local_status": "available",
        "incident:I-1.status": "open", "incident:I-2.status": "open",
    }  # fmt: skip


def test_the_same_question_gives_the_same_answer_whatever_order_things_were_met_in() -> None:
    one, other = rivals(), Town()
    for name, unit in reversed(one.home.units.items()):
        other.home.units[name] = unit
    for name, incident in reversed(one.home.incidents.items()):
        other.home.incidents[name] = incident
    assert plan(one) == plan(one) == plan(other)


def test_travel_times_are_asked_once_per_profile() -> None:
    town = rivals()
    for number in range(20):
        town.unit(f"M{number}", number, ("medical_advanced",), profile="ambulance")
    plan(town)
    assert town.roads.sweeps == 2


# --- boards at large --------------------------------------------------------------------------------------------


@st.composite
def boards(draw: st.DrawFn, units: int = 4, slots: int = 3) -> Board:
    """Small boards with unreachable and ineligible pairs, second choices, two crews for a task, and cover."""
    count = draw(st.integers(1, units))
    crew = [
        Unit(f"E{k}", f"E{k}", "", "Engine", 1, f"S{k % 2}", 0, 0, "engine", 0, 4,
             ("fire",) if draw(st.booleans()) else ("hazmat", "fire"))
        for k in range(count)
    ]  # fmt: skip
    role = Role("a team", ("hazmat",), ("fire",))
    wanted = [
        Task(f"I-{k}", "", "hazmat", draw(st.integers(1, 4)), 0, 0, (role,) * draw(st.integers(1, 2)), k)
        for k in range(draw(st.integers(1, slots)))
    ]
    all_slots = slots_of(wanted)
    time = st.one_of(st.none(), st.integers(0, 1_500))
    eta = tuple(tuple(draw(time) for _ in wanted) for _ in crew)
    why_not = tuple(tuple(draw(st.sampled_from(["", "", "", "no"])) for _ in all_slots) for _ in crew)
    areas = tuple(CoverArea(f"S{k}", f"S{k}", 0, 0) for k in range(draw(st.integers(0, 2))))
    cover = tuple(tuple(draw(time) for _ in crew) for _ in areas)
    return Board(tuple(crew), tuple(wanted), all_slots, eta, why_not, areas, cover)


def every_plan(board: Board) -> list[Plan]:
    choices = [[NOBODY, *(u for u, cost in enumerate(row) if cost >= 0)] for row in board.weighted]
    return [one for one in product(*choices) if _once(one)]


def _once(one: Plan) -> bool:
    sent_units = [u for u in one if u != NOBODY]
    return len(set(sent_units)) == len(sent_units)


@given(board=boards(), budget=st.integers(1, 300))
def test_the_plan_is_allowed_within_budget_and_never_worse_than_the_nearest_units(board: Board, budget: int) -> None:
    search = compare(board, budget)
    assert search.nearest.name == NEAREST and len(search.seen) <= budget
    assert search.best.worth.rank <= search.nearest.worth.rank
    allowed = set(every_plan(board))
    assert all(one.plan in allowed for one in search.seen.values())
    again = compare(board, budget)
    assert list(again.seen.values()) == list(search.seen.values())


@given(board=boards())
def test_no_single_change_of_the_plan_found_would_help(board: Board) -> None:
    best = compare(board, 10_000).best
    near = [one for one in every_plan(board) if sum(a != b for a, b in zip(one, best.plan, strict=True)) == 1]
    assert all(board.worth(one).score >= best.worth.score for one in near)


@given(board=boards())
def test_without_cover_to_lose_no_plan_at_all_is_better(board: Board) -> None:
    board = Board(board.units, board.tasks, board.slots, board.eta_s, board.why_not)
    assert compare(board, 10_000).best.worth.score == min(board.worth(one).score for one in every_plan(board))


@given(board=boards())
def test_the_other_plan_is_another_in_substance(board: Board) -> None:
    search: Search = compare(board, 100)
    other = search.other_than(search.best)
    if other is not None:
        assert board.errands(other.plan) != board.errands(search.best.plan)
        assert other.worth.rank >= search.best.worth.rank


# --- on real roads ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town_roads(tmp_path_factory: pytest.TempPathFactory) -> CityRoads:
    pack = build_town(tmp_path_factory.mktemp("town") / "town.pack")
    pack.meta.setdefault("gauges", [])
    return CityRoads(City(pack))


def e7(x_m: float, y_m: float) -> tuple[int, int]:
    lon, lat = lonlat(x_m, y_m)
    return round(lon * 1e7), round(lat * 1e7)


def test_the_table_of_times_says_what_each_way_says_with_and_without_roads_avoided(town_roads: CityRoads) -> None:
    starts, ends = [e7(100, 100), e7(2_500, 900), e7(700, 1_700)], [e7(2_000, 300), e7(300, 1_500)]
    first = town_roads.way("engine", starts[0], ends[0])
    assert not isinstance(first, NoWay)
    for avoid in (frozenset(), frozenset(first.edges[2:-2])):
        table = town_roads.matrix("engine", starts, ends, avoid)
        for row, a in zip(table, starts, strict=True):
            for seconds, b in zip(row, ends, strict=True):
                way = town_roads.way("engine", a, b, avoid)
                assert not isinstance(way, NoWay) and seconds is not None and round(seconds) == way.eta_s
    assert town_roads.matrix("engine", starts, ends)[0][0] != table[0][0]


def test_a_place_off_the_map_costs_the_others_nothing(town_roads: CityRoads) -> None:
    here, there, nowhere = e7(100, 100), e7(2_000, 300), (0, 0)
    table = town_roads.matrix("engine", [here, nowhere], [nowhere, there])
    assert table[0][0] is None and table[1] == [None, None] and table[0][1] is not None
    assert town_roads.matrix("engine", [], [there]) == [] and town_roads.matrix("engine", [here], []) == [[]]


def test_boats_need_no_road(town_roads: CityRoads) -> None:
    # 900 m at 9 m/s.
    assert town_roads.matrix("boat", [e7(100, -200)], [e7(1_000, -200)])[0][0] == pytest.approx(100.0, rel=0.01)
