"""Requests to other control rooms: they accept, refuse or counter; nothing here moves their plant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from picture.events import AlertRequested, Event, RequestAnswered, RequestMade, WatchedModel
from picture.model import Effect
from playbooks.context import Context
from playbooks.effects import Draft
from playbooks.verbs.messages import recipients_of
from playbooks.verbs.verb import Arguments, PlainVerb, cannot


class RequestArgs(Arguments):
    to: str = Field(min_length=1)
    """Whose control room: ``agency:PMEN``, ``role:harbour_control``."""
    what: str = Field(min_length=1, max_length=80)
    """``isolate or transfer load``, ``close the storm barrier``."""
    subject: str
    """Id of what it is about."""
    text: str = Field(default="", max_length=2_000)


class RequestMake(PlainVerb):
    """Asks another control room for something; its reply moves the request on."""

    name = "request.make"
    reversible = True
    outward = True
    undo = "request.withdraw"
    gives = ("requests",)
    Args = RequestArgs

    def draft(self, args: RequestArgs, ctx: Context) -> Draft:
        """One effect; nothing where the same is asked already; TOC-6109 where nobody is listed there."""
        for request in ctx.picture.home.requests.values():
            if (request.what, request.subject) == (args.what, args.subject) and request.status in ("made", "accepted"):
                return Draft(evidence=(f"{request.id}: {args.what} ({args.subject}) is {request.status} already",))
        recipients, _ = recipients_of([args.to], ctx)
        if not recipients:
            raise cannot(f"Nobody is listed for {args.to}.")
        facility = ctx.picture.home.facilities.get(args.subject)
        about = facility.name if facility else args.subject
        to = args.to.partition(":")[2] or args.to
        effect = self.effect(
            f"Ask {to}: {args.what}, {about}",
            {
                "to": to,
                "what": args.what,
                "subject": args.subject,
                "about": about,
                "text": args.text,
                "recipients": recipients,
                "incident": ctx.incident,
            },
        )
        return Draft((effect,), consequence=(f"{to} accepts, refuses or counters; nothing moves before it answers",))

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args: dict[str, Any] = dict(effect.args)
        identifier = ctx.ids.new("Q")
        return [
            RequestMade(id=identifier, to=args["to"], what=args["what"], subject=args["subject"], proposal=ctx.by),
            AlertRequested(
                id=ctx.ids.new("AT"),
                alert_kind="agency",
                headline=f"Request {identifier}: {args['what']}, {args['about']}",
                body=args["text"],
                proposal=ctx.by,
                effect=effect.id,
                incident=args["incident"],
                recipients=tuple((who, channel) for who, channel in args["recipients"]),
            ),
        ]

    def undo_args(self, results: Mapping[str, Any]) -> dict[str, Any] | None:
        requests = results.get("requests")
        return {"requests": list(requests)} if requests else None


class WithdrawArgs(Arguments):
    requests: list[str] = Field(min_length=1)


class RequestWithdraw(PlainVerb):
    """Takes back requests that are still open; what was done stays done."""

    name = "request.withdraw"
    outward = True
    Args = WithdrawArgs

    def draft(self, args: WithdrawArgs, ctx: Context) -> Draft:
        """One effect per request that nobody has answered for good."""
        effects, watched = [], []
        for name in args.requests:
            request = ctx.picture.home.requests.get(name)
            if request is None or request.status not in ("made", "accepted", "countered"):
                continue
            recipients, _ = recipients_of([f"agency:{request.to}", f"role:{request.to}"], ctx)
            effects.append(
                self.effect(
                    f"Withdraw {name}: {request.what} ({request.subject})",
                    {"request": name, "what": request.what, "recipients": recipients},
                )
            )
            watched.append(WatchedModel(name=f"request:{name}.status", value=request.status, words=f"request {name}"))
        return Draft(tuple(effects), watched=tuple(watched))

    def carry_out(self, effect: Effect, ctx: Context) -> list[Event]:
        args: dict[str, Any] = dict(effect.args)
        events: list[Event] = [RequestAnswered(id=args["request"], status="withdrawn")]
        if args["recipients"]:
            events.append(
                AlertRequested(
                    id=ctx.ids.new("AT"),
                    alert_kind="agency",
                    headline=f"Request {args['request']} is withdrawn: {args['what']}",
                    body="",
                    proposal=ctx.by,
                    effect=effect.id,
                    recipients=tuple((who, channel) for who, channel in args["recipients"]),
                )
            )
        return events
