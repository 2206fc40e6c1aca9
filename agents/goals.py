"""What a plan can be asked for: crews for open incidents, crews to the dry side, a crew by a dry road to a facility."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict, Field

from agents.score import Slot, slots_of
from picture.conditions.types import suggestion
from picture.errors import PlaybookError
from picture.model import Facility, StreamPicture, Unit
from picture.places import distance_m
from playbooks.context import Context, LonLatE7
from playbooks.dispatch import (
    ANYBODY,
    FACILITY_ROLES,
    GROUND_MARGIN_MM,
    Eligibility,
    Role,
    Task,
    flood_level_mm,
    is_kind,
    task_of,
)

THERE_M = 150.0
"""A unit this near to where it would be moved stands there already."""
THREATENED_S = 900
"""Getting a crew out before the water comes is worth a quarter of an hour's drive, no more: it can drive out later,
at walking pace, from a road that closed under it."""
PACKAGE = (
    Role("an engine", ("fire",)),
    Role("a high-wheel vehicle", ("water_transport",)),
    Role("an ambulance", ("medical_advanced",)),
)
"""What the first call behind the water needs, where nobody says what is to be moved up."""
AT_MOST = 5
"""Crews moved at once where nobody says how many: one leader's span of control (ICS: three to seven, ideally five)."""
STAGING = ("fire_station", "ambulance_station", "police_station", "public_works", "utility_depot", "shelter", "school")
"""Facilities with a yard that crews may wait in."""
SITES = 3
"""How many dry sites of an area are compared."""


class Wish(BaseModel):
    """What the planner was asked, as a playbook's step writes it; what it does not know is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    goal: str
    incident: str = ""
    facility: str = ""
    area: str = ""
    kinds: tuple[str, ...] = ()
    units: int = Field(default=0, ge=0)
    avoid_edges: frozenset[int] = frozenset()
    candidates: int = Field(default=200, ge=1)
    seed: int = 0
    """Of the search for rounds, where crews have several errands."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One reading of a wish: the crews wanted where, and under which conditions. Several compete."""

    title: str
    tasks: tuple[Task, ...]
    slots: tuple[Slot, ...]
    kinds: tuple[str, ...] = ()
    """NIMS kinds that may go at all; empty: any."""
    dry: bool = False
    """Only by roads that no water closes, for anybody."""
    targets: dict[str, dict[str, object]] = field(default_factory=dict)
    """Per task: how an assignment names where it goes."""
    stays: dict[str, str] = field(default_factory=dict)
    """Units left where they are from the start, and why."""
    missing: tuple[str, ...] = ()
    limit: int = 0
    """At most so many crews are sent, to the most urgent that can be served; 0: as many as are wanted."""


def settings_of(wish: Wish, ctx: Context, eligibility: Eligibility) -> list[Setting]:
    """The readings of a wish, best guess first; PlaybookError TOC-6109 for a goal or place that is not known."""
    goal = GOALS.get(wish.goal)
    if goal is None:
        raise unknown("goal", wish.goal, GOALS)
    return goal(wish, ctx, eligibility)


def unknown(what: str, name: str, known: Sequence[str] | dict[str, object] | object) -> PlaybookError:
    """The error for a name that is not known, with the nearest one that is."""
    names = sorted(known) if isinstance(known, (dict, list, tuple)) else []
    return PlaybookError(f"The planner knows no {what} {name!r}.{suggestion(name, names)}", code="TOC-6109")


# --- crews for incidents --------------------------------------------------------------------------------------


def allocate(wish: Wish, ctx: Context, eligibility: Eligibility) -> list[Setting]:
    """Free units to open incidents that lack crews, or to the one incident named."""
    home = ctx.picture.home
    missing: list[str] = []
    found: list[Task] = []
    if wish.incident and wish.incident not in home.incidents:
        raise unknown("incident", wish.incident, list(home.incidents))
    inside = _inside(wish.area, ctx) if wish.area else None
    for incident in sorted(home.incidents.values(), key=lambda one: one.id):
        if incident.status != "open" or incident.duplicate_of or wish.incident not in ("", incident.id):
            continue
        if incident.place is None:
            missing.append(f"{incident.id}: nobody can be sent while its place is not known")
            continue
        if inside is not None and not inside((incident.place.lon_e7, incident.place.lat_e7)):
            continue
        if wish.incident and wish.units:
            more = replace(incident, units_needed=len(incident.units) + wish.units)
            task = task_of(more, home)
        else:
            task = task_of(incident, home)
        if task is not None:
            found.append(task)
    tasks = tuple(found)
    targets: dict[str, dict[str, object]] = {task.id: {"incident": task.id} for task in tasks}
    title = f"crews for {wish.incident}" if wish.incident else "crews for open incidents"
    limit = 0 if wish.incident else wish.units
    return [Setting(title, tasks, slots_of(tasks), wish.kinds, False, targets, {}, tuple(missing), limit)]


def _inside(area: str, ctx: Context) -> Callable[[LonLatE7], bool]:
    named = area if ":" in area else f"district:{area}"
    found = ctx.services.directory.area(named)
    if found is None:
        raise PlaybookError(f"No area is known as {area!r}.", code="TOC-6109")
    rings = found.rings
    return lambda place: any(_in_ring(place, ring) for ring in rings)


def _in_ring(place: LonLatE7, ring: Sequence[LonLatE7]) -> bool:
    """Whether a place lies in a ring (even-odd); integers throughout, so that it is the same everywhere."""
    (x, y), inside = place, False
    for (ax, ay), (bx, by) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (ay > y) != (by > y):
            left = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
            inside ^= (left > 0) == (by > ay)
    return inside


# --- crews to the dry side --------------------------------------------------------------------------------------


def stage(wish: Wish, ctx: Context, eligibility: Eligibility) -> list[Setting]:
    """Crews to a dry facility before the water comes: those it threatens, and what the first call will need.

    With an area instead of a facility, its highest dry sites are compared.
    """
    home = ctx.picture.home
    sites = [_facility(wish.facility, home)] if wish.facility else _dry_sites(wish.area, home)
    if not sites:
        raise PlaybookError(f"No dry place to wait is known in {wish.area or 'no area'}.", code="TOC-6109")
    return [_stage_at(site, wish, home, eligibility, _priority(wish, ctx)) for site in sites]


def _stage_at(site: Facility, wish: Wish, home: StreamPicture, eligibility: Eligibility, priority: int) -> Setting:
    free = [one for one in sorted(home.units.values(), key=lambda one: one.id) if not eligibility.why_not_now(one)]
    near = [one for one in free if _is_at(one, site)]
    roles = [Role(kind, kinds=(kind,)) for kind in wish.kinds] or list(PACKAGE)
    if wish.units:
        roles = [roles[k % len(roles)] for k in range(wish.units)]
    elif not wish.kinds:
        roles = [role for role in roles if not any(role.fits(one) for one in near)]
    task = Task(site.id, site.name, site.kind, priority, site.lon_e7, site.lat_e7, tuple(roles), is_incident=False)
    slots = slots_of([task])
    threatened = frozenset(
        one.id for one in free if one not in near and one.profile != "boat" and eligibility.threatened(one)
    )
    if not wish.units and not wish.kinds:
        out = Slot(0, Role("out of the water's way"), min(4, priority + 1), THREATENED_S, threatened)
        slots += (out,) * min(len(threatened), max(0, AT_MOST - len(slots)))
    stays = {one.id: f"stands at {site.name} already" for one in near}
    return Setting(
        f"crews to {site.name}", (task,), slots, wish.kinds, False, {task.id: {"facility": site.id}}, stays,
        _unmatched(wish.kinds, home),
    )  # fmt: skip


def _is_at(unit: Unit, site: Facility) -> bool:
    """By its home: where it really stands is sealed, and a free unit is mostly there."""
    return distance_m(unit.home_lon_e7, unit.home_lat_e7, site.lon_e7, site.lat_e7) <= THERE_M


def _dry_sites(area: str, home: StreamPicture) -> list[Facility]:
    wanted = area.removeprefix("district:").casefold()
    flood_mm = flood_level_mm(home)
    ground = flood_mm + GROUND_MARGIN_MM if flood_mm is not None else None
    found = [
        one
        for one in home.facilities.values()
        if one.kind in STAGING and one.district.casefold() == wanted and one.elevation_mm is not None
        and (ground is None or one.elevation_mm > ground)
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-(one.elevation_mm or 0), one.id))[:SITES]


# --- a crew to a facility ---------------------------------------------------------------------------------------


def crew(wish: Wish, ctx: Context, eligibility: Eligibility) -> list[Setting]:
    """One crew, or ``units`` of them, that can do what the facility needs, by roads that no water closes."""
    home = ctx.picture.home
    site = _facility(wish.facility, home)
    role = Role(" or ".join(wish.kinds), kinds=wish.kinds) if wish.kinds else FACILITY_ROLES.get(site.kind, ANYBODY)
    roles = (role,) * max(1, wish.units)
    task = Task(site.id, site.name, site.kind, _priority(wish, ctx), site.lon_e7, site.lat_e7, roles, is_incident=False)
    return [
        Setting(
            f"{role.words} to {site.name}", (task,), slots_of([task]), (), True, {task.id: {"facility": site.id}}, {},
            _unmatched(wish.kinds, home),
        )
    ]  # fmt: skip


def _facility(name: str, home: StreamPicture) -> Facility:
    facility = home.facilities.get(name)
    if facility is None:
        raise unknown("facility", name, list(home.facilities))
    return facility


def _priority(wish: Wish, ctx: Context) -> int:
    incident = ctx.picture.home.incidents.get(wish.incident or ctx.incident)
    return incident.priority if incident is not None else 2


def _unmatched(kinds: Sequence[str], home: StreamPicture) -> tuple[str, ...]:
    known = sorted({one.nims_kind for one in home.units.values()})
    return tuple(
        f"no unit here is a {kind!r}.{suggestion(kind, known)}"
        for kind in kinds
        if not any(is_kind(one, kind) for one in home.units.values())
    )


Goal = Callable[[Wish, Context, Eligibility], list[Setting]]
GOALS: dict[str, Goal] = {
    "allocate": allocate,
    "allocate_units": allocate,
    "protect_quay": stage,
    "stage_units": stage,
    "move_to_dry_side": stage,
    "stage_at_substation": crew,
    "send_crew": crew,
}
"""Goal as a playbook names it -> what is planned."""
