"""Closing roads to traffic, and opening them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from picture.events import Event, RoadClosed, RoadReopened, WatchedModel
from picture.model import Effect
from playbooks.context import Context
from playbooks.effects import Draft
from playbooks.verbs.verb import Arguments, PlainVerb, cannot, counted


class CloseArgs(Arguments):
    roads: tuple[str, ...] = Field(min_length=1)
    """Names of streets, bridges, underpasses."""
    reason: str = Field(min_length=1)
    profiles: tuple[str, ...] = ()
    """Vehicle profiles it holds for; empty means all."""


class RoadClose(PlainVerb):
    """Closes named roads on our own picture: nobody is routed over them."""

    name = "road.close"
    reversible = True
    undo = "road.reopen"
    gives = ("closures",)
    Args = CloseArgs

    def draft(self, args: CloseArgs, ctx: Context) -> Draft:
        """One effect per road that is not closed already; TOC-6109 where none of the names is a road."""
        effects, evidence, consequence, known = [], [], [], 0
        for road in args.roads:
            edges = ctx.services.roads.edges_named(road)
            if not edges:
                evidence.append(f"{road}: no road of this name")
                continue
            known += 1
            if by := self._closed_by(edges, ctx):
                evidence.append(f"{road}: closed already ({by})")
                continue
            effects.append(
                self.effect(
                    f"Close {road} ({counted(len(edges), 'segment')}): {args.reason}",
                    {"name": road, "edges": list(edges), "reason": args.reason, "profiles": list(args.profiles)},
                )
            )
            consequence += self._who_is_routed_over(road, ctx)
        if not known:
            raise cannot(f"None of these is a road here: {', '.join(args.roads)}.")
        return Draft(tuple(effects), tuple(evidence), tuple(consequence))

    def _closed_by(self, edges: tuple[int, ...], ctx: Context) -> str:
        for closure in ctx.picture.home.closures.values():
            if closure.status == "active" and not closure.profiles and set(edges) <= set(closure.edges):
                return f"{closure.id}, {closure.reason}"
        return ""

    def _who_is_routed_over(self, road: str, ctx: Context) -> list[str]:
        units = [
            one.unit
            for one in ctx.picture.home.assignments.values()
            if one.status == "active" and road.casefold() in (street.casefold() for street in one.streets)
        ]
        return [f"{road}: {', '.join(units)} on the way over it; new way needed"] if units else []

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args: dict[str, Any] = dict(effect.args)
        return [
            RoadClosed(
                id=ctx.ids.new("C"),
                name=str(args["name"]),
                edges=tuple(args["edges"]),
                reason=str(args["reason"]),
                by=ctx.by,
                profiles=tuple(args["profiles"]),
            )
        ]

    def undo_args(self, results: Mapping[str, Any]) -> dict[str, Any] | None:
        closures = results.get("closures")
        return {"closures": list(closures)} if closures else None


class ReopenArgs(Arguments):
    closures: list[str] = Field(min_length=1)


class RoadReopen(PlainVerb):
    """Lifts closures; a road under two closures stays closed until both are lifted."""

    name = "road.reopen"
    Args = ReopenArgs

    def draft(self, args: ReopenArgs, ctx: Context) -> Draft:
        """One effect per closure that still stands."""
        effects, watched = [], []
        for name in args.closures:
            closure = ctx.picture.home.closures.get(name)
            if closure is None or closure.status != "active":
                continue
            effects.append(self.effect(f"Reopen {closure.name} ({name})", {"closure": name}))
            watched.append(
                WatchedModel(name=f"closure:{name}.status", value="active", words=f"closure of {closure.name}")
            )
        return Draft(tuple(effects), watched=tuple(watched))

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        return [RoadReopened(id=str(dict(effect.args)["closure"]))]
