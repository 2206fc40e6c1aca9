"""Sending units, moving them up, and releasing them. The crew's order goes out with the assignment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from picture.errors import RefusedError
from picture.events import AlertRequested, AssignmentEnded, Event, UnitAssigned, UnitStatusChanged, WatchedModel
from picture.model import Effect, Unit
from playbooks.context import Context, LonLatE7, NoWay, Way
from playbooks.dispatch import flooded_roads
from playbooks.effects import Draft
from playbooks.verbs.messages import recipients_of
from playbooks.verbs.verb import Arguments, PlainVerb, cannot
from twin.profiles import PROFILES

FREE_STATUSES = ("available", "returning", "staged")


class Errand(BaseModel):
    """One unit and where it goes: an incident, a facility, or a position. What else a planner says of it is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    unit: str
    incident: str = ""
    facility: str = ""
    lon_e7: int | None = None
    lat_e7: int | None = None
    label: str = ""


class AssignArgs(Arguments):
    assignments: list[Errand] = Field(min_length=1)
    order: str = Field(default="", max_length=300)
    """What the crew is told to do there: ``stage, do not enter``."""


class StandByArgs(Arguments):
    units: list[str] = Field(min_length=1)
    at: str
    """Facility id."""
    order: str = Field(default="Stand by.", max_length=300)


def position_of(unit: Unit, ctx: Context) -> LonLatE7:
    """Where the unit last reported from, or its station where that is not known (any more)."""
    if unit.position is not None:
        lon, lat = (ctx.open_ref(ref) for ref in unit.position)
        if isinstance(lon, int) and isinstance(lat, int):
            return lon, lat
    return unit.home_lon_e7, unit.home_lat_e7


def way_of(unit: Unit, to: LonLatE7, ctx: Context, avoid: frozenset[int]) -> Way | NoWay | None:
    """Its way over roads open to it now, none deeper than it can wade itself; None for a boat, which needs none."""
    if unit.profile == "boat":
        return None
    profile_mm = round(PROFILES[unit.profile].wading_m * 1000)
    deep = flooded_roads(ctx.picture.home, unit.wading_mm) if unit.wading_mm < profile_mm else frozenset()
    return ctx.services.roads.way(unit.profile, position_of(unit, ctx), to, avoid | deep)


class UnitAssign(PlainVerb):
    """Sends units by roads that are open and dry for them, and tells their crews."""

    name = "unit.assign"
    reversible = True
    undo = "unit.release"
    gives = ("assignments", "alerts")
    Args: ClassVar[type[BaseModel]] = AssignArgs

    def __init__(self, own_agencies: Collection[str] = ()) -> None:
        """``own_agencies``: whose units we may send; empty means all."""
        self._own = frozenset(own_agencies)

    def draft(self, args: Any, ctx: Context) -> Draft:
        """One effect per unit that is free and can get there; TOC-6109 where none can."""
        return self.errands(args.assignments, args.order, ctx)

    def errands(self, errands: list[Errand], order: str, ctx: Context) -> Draft:
        """The draft for these errands; a unit left out is named with the reason."""
        found = Draft()
        for errand in errands:
            found = found.and_then(self._one(errand, order, ctx))
        if not found.effects:
            raise cannot(f"No unit can go: {'; '.join(found.evidence)}.")
        return found

    def _one(self, errand: Errand, order: str, ctx: Context) -> Draft:
        unit = ctx.picture.home.units.get(errand.unit)
        if unit is None:
            return Draft(evidence=(f"{errand.unit}: no such unit",))
        if self._own and unit.agency not in self._own:
            return Draft(evidence=(f"{unit.name} not sent: it is {unit.agency}'s; only a request can ask for it",))
        if unit.local_status not in FREE_STATUSES:
            return Draft(evidence=(f"{unit.name} not sent: it is {unit.local_status}",))
        to, label = self._target(errand, ctx)
        way = way_of(unit, to, ctx, ctx.avoid)
        if isinstance(way, NoWay):
            return Draft(evidence=(f"{unit.name} not sent: {way.why}",))
        recipients, missing = recipients_of([f"unit:{unit.id}"], ctx)
        eta = f"{max(1, round(way.eta_s / 60))} min, {way.length_m / 1000:.1f} km" if way else "by water"
        effect = self.effect(
            f"{unit.name} to {label} ({eta}){f': {order}' if order else ''}",
            {
                "unit": unit.id,
                "incident": errand.incident,
                "to_lon_e7": to[0],
                "to_lat_e7": to[1],
                "to_label": label,
                "eta_s": way.eta_s if way else None,
                "length_m": way.length_m if way else None,
                "streets": list(way.streets) if way else [],
                "avoid": sorted(ctx.avoid),
                "order": order,
                "recipients": recipients,
            },
        )
        watched = WatchedModel(
            name=f"unit:{unit.id}.local_status", value=unit.local_status, words=f"{unit.name} is free"
        )
        return Draft((effect,), missing, (f"{unit.name} at {label} in {eta}",), watched=(watched,))

    def _target(self, errand: Errand, ctx: Context) -> tuple[LonLatE7, str]:
        if errand.incident:
            incident = ctx.picture.home.incidents.get(errand.incident)
            if incident is not None and incident.place is not None:
                return (
                    incident.place.lon_e7,
                    incident.place.lat_e7,
                ), errand.label or incident.place.label or incident.id
        if errand.facility and (facility := ctx.picture.home.facilities.get(errand.facility)) is not None:
            return (facility.lon_e7, facility.lat_e7), errand.label or facility.name
        if errand.lon_e7 is not None and errand.lat_e7 is not None:
            return (errand.lon_e7, errand.lat_e7), errand.label or "the position given"
        raise cannot(
            f"{errand.unit} is sent nowhere: {errand.incident or errand.facility or 'no place'} has no position."
        )

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args: dict[str, Any] = dict(effect.args)
        unit = ctx.picture.home.units.get(args["unit"])
        if unit is None or unit.local_status not in FREE_STATUSES:
            raise RefusedError(
                code="TOC-4002", diff=(f"{args['unit']}: was free, is {unit.local_status if unit else 'gone'}",)
            )
        way = way_of(unit, (args["to_lon_e7"], args["to_lat_e7"]), ctx, frozenset(args["avoid"]))
        if isinstance(way, NoWay):
            raise RefusedError(code="TOC-4002", diff=(f"{unit.name}: had a way, now {way.why}",))
        streets = way.streets if way else ()
        changed = bool(way) and list(streets) != args["streets"]
        events: list[Event] = [
            UnitAssigned(
                id=ctx.ids.new("A"),
                unit=unit.id,
                incident=args["incident"],
                to_lon_e7=args["to_lon_e7"],
                to_lat_e7=args["to_lat_e7"],
                to_label=args["to_label"],
                by=ctx.by,
                streets=streets,
                eta_ms=ctx.now_ms + way.eta_s * 1000 if way else None,
                length_m=way.length_m if way else None,
                route=way.points if way else None,
                flagged="the way is not the one approved: roads or position changed since" if changed else "",
            )
        ]
        if args["recipients"]:
            by_road = f" Way: {', '.join(streets)}." if streets else ""
            events.append(
                AlertRequested(
                    id=ctx.ids.new("AT"),
                    alert_kind="responder",
                    headline=f"{unit.name}: go to {args['to_label']}",
                    body=f"{args['order']}{by_road}".strip(),
                    proposal=ctx.by,
                    effect=effect.id,
                    incident=args["incident"],
                    recipients=tuple((who, channel) for who, channel in args["recipients"]),
                )
            )
        return events

    def undo_args(self, results: Mapping[str, Any]) -> dict[str, Any] | None:
        assignments = results.get("assignments")
        return {"assignments": list(assignments)} if assignments else None


class UnitStandBy(UnitAssign):
    """Moves units up to a facility, to cover from there."""

    name = "unit.stand_by"
    Args = StandByArgs

    def draft(self, args: Any, ctx: Context) -> Draft:
        return self.errands([Errand(unit=unit, facility=args.at) for unit in args.units], args.order, ctx)


class ReleaseArgs(Arguments):
    assignments: list[str] = Field(min_length=1)


class UnitRelease(PlainVerb):
    """Stands units down from assignments that are still active."""

    name = "unit.release"
    Args = ReleaseArgs

    def draft(self, args: ReleaseArgs, ctx: Context) -> Draft:
        """One effect per assignment that still stands."""
        effects, watched = [], []
        for name in args.assignments:
            assignment = ctx.picture.home.assignments.get(name)
            if assignment is None or assignment.status != "active":
                continue
            effects.append(
                self.effect(
                    f"Release {assignment.unit} from {assignment.to.label}",
                    {"assignment": name, "unit": assignment.unit},
                )
            )
            watched.append(
                WatchedModel(name=f"assignment:{name}.status", value="active", words=f"assignment of {assignment.unit}")
            )
        return Draft(tuple(effects), watched=tuple(watched))

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args = dict(effect.args)
        return [
            AssignmentEnded(id=str(args["assignment"]), status="stood_down", why=f"released by {ctx.by}"),
            UnitStatusChanged(unit=str(args["unit"]), local_status="available", why=f"released by {ctx.by}"),
        ]
