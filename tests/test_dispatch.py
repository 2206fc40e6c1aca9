"""Who may go: skills, status, water and wading; every refusal has its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from picture.model import UNIT_STATUSES, Closure, Effect, Hazard, Place, Proposal
from picture.reports import INCIDENT_KINDS
from playbooks.dispatch import (
    NEEDS,
    Eligibility,
    Role,
    Task,
    cover_areas,
    flooded_roads,
    is_kind,
    roles_wanted,
    task_of,
)
from tests.line_town import Town, at
from twin.city.units import KINDS


def task(town: Town, name: str) -> Task:
    found = task_of(town.home.incidents[name], town.home)
    assert found is not None
    return found


def flood(town: Town, edges: tuple[int, ...], depth_mm: int, x_m: int) -> None:
    town.home.hazards["F"] = Hazard("F", "flood", "Flood", 0, level_mm=2_000)
    town.home.closures["C-F1"] = Closure(
        "C-F1", "Wharf Street", edges, "water", 0, "flood", depth_mm=depth_mm, place=Place(*at(x_m)),
        profiles=("car", "ambulance"),
    )  # fmt: skip


def waiting(name: str, unit: str, priority: int) -> Proposal:
    effect = Effect("e", "unit.assign", "act_if_approved", "", (("unit", unit),))
    return Proposal(name, "", "", 1, "", "", "", priority, (effect,), (), (), (), (), 0, 0, "")


def test_every_kind_of_incident_has_a_need_that_some_unit_of_the_city_fills() -> None:
    skills = {skill for *_, of_kind in KINDS.values() for skill in of_kind}
    assert set(NEEDS) == set(INCIDENT_KINDS)
    for need in NEEDS.values():
        assert need.doctrine
        assert all(set(role.best) <= skills and set(role.instead) <= skills and role.best for role in need.roles)


def test_a_unit_goes_only_where_its_skills_are_wanted() -> None:
    town = Town()
    town.unit("E1", 0)
    town.unit("P1", 0, ("traffic_control",), profile="car")
    town.incident("I-1", 500)
    may = Eligibility(town.home)
    fire = task(town, "I-1")
    assert may.why_not(town.home.units["E1"], fire, fire.roles[0]) == ""
    assert may.why_not(town.home.units["P1"], fire, fire.roles[0]) == "cannot do what is needed: an engine"


@pytest.mark.parametrize("status", sorted(UNIT_STATUSES))
def test_only_available_returning_and_staged_units_are_free(status: str) -> None:
    town = Town()
    town.unit("E1", 0, local_status=status)
    why = Eligibility(town.home).why_not_now(town.home.units["E1"])
    assert why == ("" if status in ("available", "returning", "staged") else status.replace("_", " "))


def test_a_boat_goes_to_people_in_water_and_not_to_a_dry_house() -> None:
    town = Town()
    town.boat("RB1", 0)
    town.incident("I-1", 500, "trapped")
    town.incident("I-2", 5_000, "person_in_water")
    may, boat = Eligibility(town.home), town.home.units["RB1"]
    assert may.why_not(boat, task(town, "I-2"), task(town, "I-2").roles[0]) == ""
    dry = task(town, "I-1")
    assert may.why_not(boat, dry, dry.roles[0]) == "a boat, and no water is known within 150 m"


@pytest.mark.parametrize(("water_m", "goes"), [(560, True), (800, False)])
def test_a_boat_goes_to_people_trapped_beside_a_flooded_street(water_m: int, goes: bool) -> None:
    town = Town()
    town.incident("I-1", 500, "trapped")
    flood(town, (5,), 600, water_m)
    assert Eligibility(town.home).afloat(task(town, "I-1")) is goes


def test_a_report_of_flooding_is_water_for_a_boat_only_while_a_flood_stands() -> None:
    town = Town()
    town.incident("I-1", 500, "flood")
    assert not Eligibility(town.home).afloat(task(town, "I-1"))
    town.home.hazards["F"] = Hazard("F", "flood", "Flood", 0, level_mm=2_000)
    assert Eligibility(town.home).afloat(task(town, "I-1"))


def test_a_unit_keeps_off_streets_deeper_than_it_wades_though_its_profile_may_drive_there() -> None:
    town = Town()
    flood(town, (3, 4), 700, 350)
    town.unit("U1", 0, ("switching",), profile="high_wheel", wading_mm=600)
    town.unit("HW1", 0, ("evacuation",), profile="high_wheel", wading_mm=1_100)
    may = Eligibility(town.home)
    assert may.too_deep_for(town.home.units["U1"], 900) == {3, 4}
    assert may.too_deep_for(town.home.units["HW1"], 900) == frozenset()
    assert flooded_roads(town.home) == {3, 4}


def test_what_is_assigned_fills_a_role_and_the_rest_is_still_wanted() -> None:
    town = Town()
    town.unit("M1", 0, ("medical_advanced",), profile="ambulance")
    town.incident("I-1", 500, "trapped", units_needed=2, units=("M1",))
    assert [role.words for role in task(town, "I-1").roles] == ["a rescue crew"]
    enough = replace(town.home.incidents["I-1"], units_needed=1)
    assert roles_wanted(enough, [town.home.units["M1"]]) == ()
    assert task_of(enough, town.home) is None


def test_people_trapped_bring_a_rescue_crew_before_the_usual_first_crew() -> None:
    town = Town()
    town.incident("I-1", 500, "traffic", people_trapped=True)
    assert [role.words for role in task(town, "I-1").roles] == ["a rescue crew"]


def test_closed_incidents_duplicates_and_incidents_nowhere_are_no_tasks() -> None:
    town = Town()
    town.incident("I-1", None)
    town.incident("I-2", 1, status="closed")
    town.incident("I-3", 1, duplicate_of="I-9")
    assert [task_of(one, town.home) for one in town.home.incidents.values()] == [None, None, None]


@pytest.mark.parametrize(("priority", "free"), [(1, True), (2, False), (3, False)])
def test_a_unit_in_a_waiting_proposal_is_left_to_it_unless_the_new_task_is_more_urgent(
    priority: int, free: bool
) -> None:
    town = Town()
    town.unit("E1", 0)
    town.incident("I-1", 500, priority=priority)
    town.home.proposals["P-7"] = waiting("P-7", "E1", 2)
    one = task(town, "I-1")
    why = Eligibility(town.home).why_not(town.home.units["E1"], one, one.roles[0])
    assert (why == "") is free and (free or "P-7" in why)


def test_cover_is_kept_for_every_station_that_houses_an_engine() -> None:
    town = Town()
    town.station("North", 0)
    town.unit("E1", 0, station="North")
    town.unit("E2", 0, station="North", local_status="out_of_service")
    town.unit("M1", 9_000, ("medical_advanced",), station="South")
    town.boat("RB1", 5_000, ("fire", "water_rescue"))
    assert [(area.station, area.label) for area in cover_areas(town.home)] == [("North", "North")]


def test_units_are_asked_for_by_nims_kind_skill_or_profile() -> None:
    town = Town()
    town.unit("E1", 0)
    unit = town.home.units["E1"]
    assert is_kind(unit, "fire engine") and is_kind(unit, "fire") and is_kind(unit, "engine")
    assert not is_kind(unit, "ambulance") and not is_kind(unit, "")
    assert Role("x", kinds=("Ambulance",)).fits(unit) == ""
