"""Messages: notices inside, alerts to crews and agencies, warnings to the public; final recipients in the effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from picture.events import AlertRequested, Event, WatchedModel
from picture.model import Effect
from playbooks.context import Area, Context
from playbooks.effects import Draft
from playbooks.verbs.verb import Arguments, PlainVerb, cannot, counted

Recipients = list[list[str]]


class MessageArgs(Arguments):
    to: tuple[str, ...] = Field(min_length=1)
    """``agency:PMHA``, ``role:harbour_control``, ``facility:H-STANNE``, ``unit:E12``, ``position:duty_officer``;
    ``fed_by:SUB-4:hospital`` (facilities of a kind that a substation feeds), ``crews_of:R-1`` (units a run sent)."""
    headline: str = Field(min_length=1, max_length=160)
    body: str = Field(default="", max_length=2_000)
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"] = "Immediate"
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"] = "Severe"
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"] = "Observed"


class PublicArgs(MessageArgs):
    to: tuple[str, ...] = ("public",)
    areas: tuple[str, ...] = Field(min_length=1)
    """``district:Old Harbour``, ``hazard:HZ-1``: who is inside is warned."""
    expires_min: int = Field(default=120, ge=5, le=1440)


def recipients_of(names: Iterable[str], ctx: Context) -> tuple[Recipients, tuple[str, ...]]:
    """(recipient, channel) pairs for these names, each once, and a line for every name that nobody is listed for."""
    found: dict[tuple[str, str], None] = {}
    missing = []
    for name in (one for said in names for one in _expanded(said, ctx)):
        listed = ctx.services.directory.recipients(name) or _through_agency(name, ctx)
        found.update(dict.fromkeys(listed))
        if not listed:
            missing.append(f"{name}: nobody is listed in the directory")
    return [list(pair) for pair in found], tuple(missing)


def _through_agency(name: str, ctx: Context) -> tuple[tuple[str, str], ...]:
    """Who is listed for a facility's agency, for a facility that has no line of its own."""
    facility = ctx.picture.home.facilities.get(name.removeprefix("facility:")) if name.startswith("facility:") else None
    return ctx.services.directory.recipients(f"agency:{facility.agency}") if facility and facility.agency else ()


def _expanded(name: str, ctx: Context) -> list[str]:
    """``fed_by:SUB-4:hospital`` and ``crews_of:R-1`` as the facilities and units they stand for; others as they are."""
    kind, _, rest = name.partition(":")
    home = ctx.picture.home
    if kind == "fed_by":
        source, _, wanted = rest.partition(":")
        found = [
            one.id
            for one in home.facilities.values()
            if ("substation", source) in one.attributes and wanted in ("", one.kind)
        ]
        return [f"facility:{one}" for one in found] or [name]
    if kind == "crews_of":
        units = [
            one.unit
            for one in home.assignments.values()
            if one.status == "active" and one.by in home.proposals and home.proposals[one.by].run == rest
        ]
        return [f"unit:{one}" for one in units] or [name]
    return [name]


class _Message(PlainVerb):
    kind: ClassVar[Literal["responder", "agency", "public", "internal"]]
    gives = ("alerts",)
    Args: ClassVar[type[BaseModel]] = MessageArgs

    def draft(self, args: Any, ctx: Context) -> Draft:
        """One effect with its final recipients and words; TOC-6109 where nobody would get it."""
        recipients, missing = recipients_of(args.to, ctx)
        if not recipients:
            raise cannot(f"Nobody is listed for {', '.join(args.to)}.")
        who = ", ".join(dict.fromkeys(pair[0] for pair in recipients))
        summary = f"{self._verb_words} {who}: {args.headline}"
        plain = {**args.model_dump(mode="json"), "recipients": recipients, "incident": ctx.incident}
        return Draft((self.effect(summary, plain),), missing)

    _verb_words: ClassVar[str] = "Tell"

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args: dict[str, Any] = dict(effect.args)
        identifier = ctx.ids.new("AT")
        return [
            AlertRequested(
                id=identifier,
                alert_kind=self.kind,
                headline=args["headline"],
                body=args["body"],
                proposal=ctx.by,
                effect=effect.id,
                incident=args["incident"],
                urgency=args["urgency"],
                severity=args["severity"],
                certainty=args["certainty"],
                recipients=tuple((who, channel) for who, channel in args["recipients"]),
                **self._public(identifier, args, ctx),
            )
        ]

    def _public(self, identifier: str, args: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {}


class NoticeInternal(_Message):
    """Tells people of our own agency; done first and told, needs no approval."""

    name = "notice.internal"
    act_class = "act_then_tell"
    kind = "internal"


class AlertResponder(_Message):
    """Tells crews of our own agency; done first and told, needs no approval."""

    name = "alert.responder"
    act_class = "act_then_tell"
    kind = "responder"


class AlertAgency(_Message):
    """Tells another organisation; goes out when a person approved it, and cannot be unsaid."""

    name = "alert.agency"
    outward = True
    kind = "agency"


class AlertPublic(_Message):
    """Warns the public in an area (CAP 1.2); two persons approve it."""

    name = "alert.public"
    act_class = "two_person"
    outward = True
    kind = "public"
    Args = PublicArgs
    _verb_words = "Warn the public through"

    def draft(self, args: PublicArgs, ctx: Context) -> Draft:
        """One effect with its recipients, words and rings; TOC-6109 where no area is known."""
        areas = [area for name in args.areas if (area := self._area(name, ctx)) is not None]
        rings = [[list(point) for point in ring] for area in areas for ring in area.rings]
        if not rings:
            raise cannot(f"No area is known for {', '.join(args.areas)}.")
        plain = super().draft(args, ctx)
        label = ", ".join(area.label for area in areas)
        one = plain.effects[0]
        effect = one.model_copy(
            update={
                "summary": f"Warn the public in {label}: {args.headline}",
                "args": {**one.args, "area": label, "rings": rings},
            }
        )
        watched = tuple(
            WatchedModel(name=f"{name}.status", value="active", words=area_name)
            for name in args.areas
            if name.startswith("hazard:")
            for area_name in [f"{name.partition(':')[2]} still stands"]
        )
        lines = (f"{label}: everybody inside {counted(len(rings), 'ring')} is warned for {args.expires_min} min",)
        return Draft((effect,), plain.evidence, lines, watched=watched)

    def _area(self, name: str, ctx: Context) -> Area | None:
        kind, _, identifier = name.partition(":")
        hazard = ctx.picture.home.hazards.get(identifier) if kind == "hazard" else None
        if hazard is not None:
            return Area(hazard.title, hazard.rings) if hazard.rings else None
        return ctx.services.directory.area(name)

    def _public(self, identifier: str, args: dict[str, Any], ctx: Context) -> dict[str, Any]:
        rings = tuple(tuple((lon, lat) for lon, lat in ring) for ring in args["rings"])
        return {
            "rings": rings,
            "area": args["area"],
            "expires_ms": ctx.now_ms + args["expires_min"] * 60_000,
            "cap_identifier": f"{ctx.picture.home_stream}.{identifier}",
        }
