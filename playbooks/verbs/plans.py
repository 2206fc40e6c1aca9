"""Asking the planner, and changing how urgent an incident is."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from picture.events import Event, IncidentChanged, WatchedModel
from picture.model import Effect
from playbooks.context import Context
from playbooks.effects import Draft
from playbooks.verbs.verb import Arguments, PlainVerb, cannot


class ProposeArgs(Arguments):
    goal: str = Field(min_length=1)
    """What the plan is for; the planner names the goals it knows."""
    incident: str = ""
    facility: str = ""
    area: str = ""
    kinds: tuple[str, ...] = ()
    """NIMS kinds wanted."""
    units: int = Field(default=0, ge=0, le=50)
    """How many; 0 leaves it to the planner."""
    avoid_roads: tuple[str, ...] = ()
    candidates: int = Field(default=64, ge=1, le=10_000)
    """Budget: how many plans it may compare."""


class PlannerPropose(PlainVerb):
    """Reads the picture and proposes who goes where, with the best alternative and why it was not chosen."""

    name = "planner.propose"
    act_class = "observe"
    gives = ("assignments", "evidence", "alternatives")
    Args = ProposeArgs

    def draft(self, args: ProposeArgs, ctx: Context) -> Draft:
        """The planner's draft; TOC-6109 where no planner is plugged in. It has no effects of its own."""
        if ctx.services.planner is None:
            raise cannot("No planner is plugged in.")
        avoid = {edge for road in args.avoid_roads for edge in ctx.services.roads.edges_named(road)}
        return ctx.services.planner(args.goal, {**args.model_dump(mode="json"), "avoid_edges": sorted(avoid)}, ctx)

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        """Nothing: a plan is carried out by the steps that use it."""
        return []


class PriorityArgs(Arguments):
    incident: str
    priority: int = Field(ge=1, le=4)
    why: str = Field(min_length=1, max_length=200)


class SetPriority(PlainVerb):
    """Sets an incident's priority."""

    name = "incident.set_priority"
    Args = PriorityArgs

    def draft(self, args: PriorityArgs, ctx: Context) -> Draft:
        """One effect; nothing where it stands so already; TOC-6109 for an incident that is not open."""
        incident = ctx.picture.home.incidents.get(args.incident)
        if incident is None or incident.status != "open":
            raise cannot(f"{args.incident} is not an open incident.")
        if not self._changes(incident.priority, args.priority):
            return Draft(evidence=(f"{incident.id} has priority {incident.priority} already",))
        effect = self.effect(
            f"{incident.id} to priority {args.priority}: {args.why}",
            {"incident": incident.id, "priority": args.priority, "why": args.why, "was": incident.priority},
        )
        return Draft(
            (effect,),
            watched=(
                WatchedModel(name=f"incident:{incident.id}.status", value="open", words=f"{incident.id} is open"),
                WatchedModel(
                    name=f"incident:{incident.id}.priority", value=incident.priority, words=f"priority of {incident.id}"
                ),
            ),
        )

    def _changes(self, now: int, wanted: int) -> bool:
        return now != wanted

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args: dict[str, Any] = dict(effect.args)
        return [IncidentChanged(incident=args["incident"], priority=args["priority"], why=args["why"])]


class RaisePriority(SetPriority):
    """Makes an incident more urgent; never less."""

    name = "incident.raise_priority"

    def _changes(self, now: int, wanted: int) -> bool:
        return wanted < now
