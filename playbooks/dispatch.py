"""Who may go: which skills an incident needs, which units have them and are free, and why every other one is not sent.

The table of needs is data, apart from any playbook. Nothing here knows a travel time; ``agents.planner`` weighs those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from picture.model import UNIT_STATUSES, Closure, Incident, StreamPicture, Unit
from picture.places import distance_m

WATERSIDE_M = 150.0
"""How far from known water a boat's crew still gets to people: a line, a sled and wading on foot."""
COVER_SKILL = "fire"
"""What a station area must not be left without: an engine puts out fires and starts first aid."""
GROUND_MARGIN_MM = 1_000
"""Ground this little above the flood may be next: about what a surge rises in an hour."""
WATERSIDE_KINDS = frozenset({"berth", "anchorage", "barrier", "ferry_terminal", "outfall"})
"""Facilities that lie at the water's edge."""


@dataclass(frozen=True, slots=True)
class Role:
    """One crew that an incident needs. ``best``: any of these skills does the work; ``instead`` can begin it."""

    words: str
    best: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """NIMS kinds somebody asked for; then skills do not matter."""

    def fits(self, unit: Unit) -> Literal["best", "instead", ""]:
        """How well a unit fits; empty: not at all. A role that names nothing takes any unit."""
        if self.kinds:
            return "best" if any(is_kind(unit, kind) for kind in self.kinds) else ""
        skills = set(unit.skills)
        if not self.best or skills & set(self.best):
            return "best"
        return "instead" if skills & set(self.instead) else ""


@dataclass(frozen=True, slots=True)
class Need:
    """The crews a kind of incident needs, in the order they are sent, and the rule behind it."""

    roles: tuple[Role, ...]
    doctrine: str
    in_water: bool = False
    """Whether the kind says by itself that the place is in or on water."""


_RESCUE = Role("a rescue crew", ("water_rescue", "technical_rescue", "water_transport"))
_WADING = Role("water rescue", ("water_rescue", "water_transport"))
_SEA = Role("water rescue", ("water_rescue", "sea_search"))
_MEDIC = Role("an ambulance", ("medical_advanced",), ("medical_first_response",))
_ENGINE = Role("an engine", ("fire",))
_POLICE = Role("a patrol", ("traffic_control", "cordon"))

NEEDS: dict[str, Need] = {
    "flood": Need(
        (Role("a crew for deep water or pumping", ("water_rescue", "water_transport", "pumping")),),
        "Look first, from a vehicle or boat that the water cannot stop; pump when nobody is in danger.",
    ),
    "trapped": Need((_RESCUE, _MEDIC), "Whoever can get them out goes first; whoever treats them comes with it."),
    "vehicle_in_water": Need((_WADING, _MEDIC), "A car in water floats off or fills within minutes.", in_water=True),
    "fire": Need(
        (_ENGINE, _ENGINE, Role("an aerial", ("rescue_at_height",), ("fire",)), _MEDIC),
        "Two engines before anybody goes in: two in, two out (29 CFR 1910.134(g)(4)).",
    ),
    "medical": Need((_MEDIC, Role("hands", ("medical_first_response",))), "First aid now beats a paramedic later."),
    "power": Need(
        (Role("somebody to look after people", ("switching",), ("medical_first_response", "fire")),),
        "Supply is the network operator's work; lifts and life support are ours.",
    ),
    "substation": Need(
        (Role("a switching crew", ("switching", "earthing")), _POLICE),
        "Nobody enters until it is confirmed isolated and earthed; the crew stages on dry ground.",
    ),
    "hazmat": Need(
        (Role("a hazmat team", ("hazmat",), ("fire",)), _ENGINE, _POLICE),
        "An engine can cordon upwind and wait; only the team enters (29 CFR 1910.120(q)).",
    ),
    "gas": Need((Role("an engine or hazmat team", ("fire", "hazmat")), _POLICE), "Keep away, shut off, ventilate."),
    "collapse": Need(
        (Role("technical rescue", ("technical_rescue",), ("fire",)), _MEDIC, _ENGINE),
        "Surface victims are anybody's; voids are the rescue team's.",
    ),
    "road_blocked": Need(
        (Role("a patrol or works crew", ("traffic_control", "evacuation")),), "Stop the traffic, then clear."
    ),
    "traffic": Need(
        (Role("a crew that cuts and treats", ("fire", "technical_rescue", "medical_advanced")), _MEDIC, _POLICE),
        "Protect the scene, then the patient, then the traffic.",
    ),
    "vessel_adrift": Need((Role("a tug", ("towing",)),), "Only a tug holds a ship.", in_water=True),
    "mayday": Need(
        (_SEA, Role("a second boat", ("water_rescue", "sea_search", "towing"))),
        "Grave and imminent danger at sea: the nearest boat that can search, at once (SAR Convention).",
        in_water=True,
    ),
    "person_in_water": Need((_SEA, _MEDIC), "Minutes decide in cold water: the boat first.", in_water=True),
    "lift": Need((Role("a crew", ("technical_rescue", "fire")),), "Power off, then doors; nobody climbs out alone."),
    "tree": Need((Role("a patrol or works crew", ("traffic_control", "evacuation")),), "Stop the traffic, then clear."),
    "evacuation": Need(
        (Role("transport", ("evacuation", "water_transport")), _POLICE), "Those who cannot walk are fetched first."
    ),
    "unrest": Need((_POLICE, _POLICE), "Police lead; other crews wait for a cordon."),
    "missing": Need((Role("searchers", ("traffic_control", "cordon", "sea_search")),), "Last seen point first."),
    "other": Need(
        (Role("somebody to look", ("medical_first_response", "fire", "traffic_control")),), "Send eyes, then decide."
    ),
}
"""Kind of incident -> crews. Ours, checked against the cited rules; a city replaces it by its own run cards."""

WORK_S: dict[str, int] = {
    "medical": 1_200, "traffic": 2_400, "trapped": 2_400, "vehicle_in_water": 1_800, "fire": 3_600, "hazmat": 5_400,
    "collapse": 5_400, "substation": 3_600, "gas": 1_800, "lift": 1_500, "road_blocked": 1_800, "tree": 1_800,
    "evacuation": 2_400, "person_in_water": 1_800, "mayday": 3_600, "vessel_adrift": 3_600, "unrest": 3_600,
    "missing": 3_600, "flood": 2_700, "power": 1_500,
}  # fmt: skip
"""Seconds that a crew is bound by a kind of incident from its arrival on, as far as planning goes. Ours, rounded up:
a crew that is free sooner is planned again then."""
WORK_OTHER_S = 1_800

FACILITY_ROLES: dict[str, Role] = {
    "substation": Role("a switching crew", ("switching", "earthing")),
    "pump": Role("a pump crew", ("drainage",), ("pumping",)),
    "outfall": Role("a pump crew", ("drainage",), ("pumping",)),
    "hospital": Role("an ambulance", ("medical_advanced",), ("medical_first_response",)),
    "care_home": Role("transport", ("evacuation",), ("medical_first_response",)),
    "chemical_plant": Role("a hazmat team", ("hazmat",), ("fire",)),
}
"""What a crew sent to a facility must be able to do, where nobody says."""
ANYBODY = Role("any crew")


def is_kind(unit: Unit, kind: str) -> bool:
    """Whether a unit is what somebody calls ``kind``: a NIMS kind in full or in part, a skill, or a profile."""
    wanted = kind.casefold().strip()
    return bool(wanted) and (wanted in unit.nims_kind.casefold() or wanted in unit.skills or wanted == unit.profile)


@dataclass(frozen=True, slots=True)
class Task:
    """A place that crews are wanted at: an open incident, a facility, or a position."""

    id: str
    label: str
    kind: str
    priority: int
    lon_e7: int
    lat_e7: int
    roles: tuple[Role, ...]
    """One per crew still wanted, first wanted first."""
    opened_ms: int = 0
    present: int = 0
    """Crews assigned already."""
    is_incident: bool = True


def roles_wanted(incident: Incident, assigned: Iterable[Unit]) -> tuple[Role, ...]:
    """The crews an incident still lacks: as many as it needs, less those assigned, each of which fills one role."""
    need = NEEDS.get(incident.kind, NEEDS["other"])
    roles = need.roles
    if incident.people_trapped and incident.kind not in ("trapped", "vehicle_in_water", "collapse"):
        roles = (_RESCUE, *roles)
    wanted = [roles[number % len(roles)] for number in range(max(1, incident.units_needed))]
    for unit in assigned:
        if wanted:
            fitting = next((role for role in wanted if role.fits(unit)), wanted[-1])
            wanted.remove(fitting)
    return tuple(wanted)


def task_of(incident: Incident, picture: StreamPicture) -> Task | None:
    """What an open incident still lacks, or None where it lacks nothing or nobody knows where it is."""
    if incident.status != "open" or incident.place is None or incident.duplicate_of:
        return None
    assigned = [picture.units[name] for name in incident.units if name in picture.units]
    roles = roles_wanted(incident, assigned)
    if not roles:
        return None
    title = incident.title or incident.kind.replace("_", " ")
    return Task(
        incident.id,
        incident.place.label or title,
        incident.kind,
        incident.priority,
        incident.place.lon_e7,
        incident.place.lat_e7,
        roles,
        incident.opened_ms,
        len(assigned),
    )


@dataclass(frozen=True, slots=True)
class CoverArea:
    """A fire station's own area, in which the next engine must not be long in coming."""

    station: str
    label: str
    lon_e7: int
    lat_e7: int


def cover_areas(picture: StreamPicture) -> tuple[CoverArea, ...]:
    """The areas of all stations that house crews with ``COVER_SKILL``, by station id; units out of service count."""
    found: dict[str, CoverArea] = {}
    for unit in sorted(picture.units.values(), key=lambda one: one.id):
        if covers(unit) and unit.station not in found:
            facility = picture.facilities.get(unit.station)
            label = (facility.district or facility.name) if facility else unit.station
            found[unit.station] = CoverArea(unit.station, label, unit.home_lon_e7, unit.home_lat_e7)
    return tuple(found[name] for name in sorted(found))


def covers(unit: Unit) -> bool:
    """Whether a unit counts as cover of a station area."""
    return COVER_SKILL in unit.skills and unit.profile != "boat"


def flood_level_mm(picture: StreamPicture) -> int | None:
    """The highest level of a flood that stands, or None."""
    levels = [
        one.level_mm
        for one in picture.hazards.values()
        if one.kind == "flood" and one.status == "active" and one.level_mm is not None
    ]
    return max(levels, default=None)


def flooded_roads(picture: StreamPicture, deeper_than_mm: int = -1) -> frozenset[int]:
    """Segments of streets closed by water that is deeper somewhere than this; by default all of them."""
    return frozenset(
        edge for one in _flood_closures(picture) if (one.depth_mm or 0) > deeper_than_mm for edge in one.edges
    )


def _flood_closures(picture: StreamPicture) -> list[Closure]:
    return [one for one in picture.closures.values() if one.status == "active" and one.by == "flood"]


class Eligibility:
    """May this unit go there? At one moment of one picture; what costs a walk over the picture is done once."""

    def __init__(self, picture: StreamPicture) -> None:
        self._picture = picture
        self._spoken_for = _spoken_for(picture)
        self._flood_mm = flood_level_mm(picture)
        self._wet = _wet_places(picture, self._flood_mm)
        self._afloat: dict[str, bool] = {}

    def why_not_now(self, unit: Unit) -> str:
        """Why a unit can be sent nowhere at all; empty if it can."""
        if "dispatched" not in UNIT_STATUSES[unit.local_status][2]:
            assignment = self._picture.assignments.get(unit.assignment)
            where = (assignment.incident or assignment.to.label) if assignment is not None else ""
            return f"{unit.local_status.replace('_', ' ')}{f', {where}' if where else ''}"
        return "" if unit.crew > 0 else "nobody is aboard"

    def why_not(self, unit: Unit, task: Task, role: Role) -> str:
        """Why a free unit may not take this role there, roads aside; empty if it may."""
        if not role.fits(unit):
            return f"cannot do what is needed: {role.words}"
        if unit.profile == "boat" and not self.afloat(task):
            return f"a boat, and no water is known within {WATERSIDE_M:.0f} m"
        proposal, priority = self._spoken_for.get(unit.id, ("", 9))
        if priority <= task.priority:
            return f"asked for by {proposal}, which waits for a decision on something as urgent"
        return ""

    def afloat(self, task: Task) -> bool:
        """Whether a boat gets there: the incident's kind says so, a flood is reported there while one stands, or
        known water lies within ``WATERSIDE_M``.

        The picture has no map of the water, so this errs to the dry side: known water is streets closed by a
        flood, places at the water's edge, ground below the flood's level, and other incidents in water.
        """
        known = self._afloat.get(task.id)
        if known is None:
            need = NEEDS.get(task.kind) if task.is_incident else None
            known = (need is not None and need.in_water) or (task.kind == "flood" and self._flood_mm is not None)
            known = known or any(
                distance_m(task.lon_e7, task.lat_e7, lon, lat) <= WATERSIDE_M for lon, lat in self._wet
            )
            self._afloat[task.id] = known
        return known

    def too_deep_for(self, unit: Unit, profile_wading_mm: int) -> frozenset[int]:
        """Segments that the road engine opens to the unit's profile, and this unit itself cannot wade.

        A street counts with its deepest place: a crew is never sent to find out.
        """
        return flooded_roads(self._picture, unit.wading_mm) if unit.wading_mm < profile_wading_mm else frozenset()

    def threatened(self, unit: Unit) -> bool:
        """Whether the unit's station stands less than ``GROUND_MARGIN_MM`` above a flood that stands."""
        station = self._picture.facilities.get(unit.station)
        if self._flood_mm is None or station is None or station.elevation_mm is None:
            return False
        return station.elevation_mm <= self._flood_mm + GROUND_MARGIN_MM


def _spoken_for(picture: StreamPicture) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for proposal in sorted(picture.proposals.values(), key=lambda one: (-one.priority, one.id)):
        if proposal.status == "waiting":
            for effect in proposal.effects:
                unit = dict(effect.args).get("unit")
                if effect.verb in ("unit.assign", "unit.stand_by") and isinstance(unit, str):
                    found[unit] = (proposal.id, proposal.priority)
    return found


def _wet_places(picture: StreamPicture, flood_mm: int | None) -> tuple[tuple[int, int], ...]:
    found = [(one.place.lon_e7, one.place.lat_e7) for one in _flood_closures(picture) if one.place is not None]
    for facility in picture.facilities.values():
        under = flood_mm is not None and facility.elevation_mm is not None and facility.elevation_mm <= flood_mm
        if under or facility.kind in WATERSIDE_KINDS:
            found.append((facility.lon_e7, facility.lat_e7))
    for one in picture.incidents.values():
        need = NEEDS.get(one.kind)
        if one.status == "open" and one.place is not None and need is not None and need.in_water:
            found.append((one.place.lon_e7, one.place.lat_e7))
    return tuple(found)
