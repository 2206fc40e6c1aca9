"""The core's front desk: checks who asks, does what is asked, journals what is refused.

Every command is answered at once. What it causes arrives as entries, for everybody alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from geopy.distance import geodesic

from console import commands as c
from console.core import Core, Draft
from console.desk import Answer, Desk, Handled
from console.executor import Executor
from console.people import Person
from console.quick import understood
from console.since import Since
from picture import events as ev
from picture.custody import CommandGiven
from picture.errors import RefusedError, TocsinError
from picture.model import UNIT_STATUSES, Incident, Unit
from picture.text import visible

STILL_ALLOWED = (c.ResolvePlace, c.NearestUnits, c.Explain, c.OpenCounted, c.Lock, c.Unlock)
"""What may be asked after an exercise has ended."""


class Pace(Protocol):
    """Who moves a drill's clock."""

    def control(self, command: c.ControlDrill) -> None:
        """Pauses, runs, steps or jumps; refused in a live world."""
        ...


class Sitting(Protocol):
    """The seat that a command is given from: what it allows, and what it answers itself."""

    def allow(self, command: c.Command) -> None:
        """Nothing, or the ``RefusedError`` of a seat that may not give this."""
        ...

    def handle(self, command: c.Command) -> Handled | None:
        """Drafts and answer of a command about the seat or its users; None for every other."""
        ...


class Commander:
    """Gives every command to the part that does it."""

    def __init__(
        self,
        core: Core,
        desk: Desk,
        executor: Executor,
        *,
        pace: Pace | None = None,
        explain: Callable[[str], list[dict[str, Any]]] | None = None,
        nearest: Callable[[Incident], Sequence[dict[str, Any]]] | None = None,
        counted: Callable[[str, int], Sequence[bytes]] | None = None,
    ) -> None:
        self._core = core
        self._desk = desk
        self._executor = executor
        self._pace = pace
        self._explain = explain
        self._nearest = nearest
        self._counted = counted
        self._since = Since(core)

    def paced_by(self, pace: Pace) -> None:
        """Lets commands move this pacer's clock."""
        self._pace = pace

    def give(self, command: c.Command, person: Person, sitting: Sitting | None = None) -> Answer:
        """The answer; a refusal, the seat's too, is journalled, then raised as the ``TocsinError`` it is."""
        try:
            if sitting is not None:
                sitting.allow(command)
            person.require(command.do)
            self._require_running(command)
            plain = self._plain(command)
            self._since.require(plain, person.name)
            handled = sitting.handle(plain) if sitting is not None else None
            return self._record(handled, command, person) if handled else self._do(plain, command, person)
        except TocsinError as error:
            refused = ev.CommandRefused(command=command.do, code=error.code, detail=error.message[:300])
            self._core.record([Draft(refused)], actor=person.actor)
            raise

    def _plain(self, command: c.Command) -> c.Command:
        """What a typed line means, as seen from the screen it was typed on; every other command as it is."""
        if not isinstance(command, c.QuickLine):
            return command
        return understood(command, self._core.home).model_copy(update={"seen": command.seen})

    def _require_running(self, command: c.Command) -> None:
        """After the exercise only looking is left: nobody works a real emergency in a drill by mistake."""
        stopped = self._core.home.drill.stopped
        if stopped and not isinstance(command, STILL_ALLOWED):
            raise RefusedError(f"It ended by: {stopped}.", code="TOC-4013")

    def _record(self, handled: Handled, given: c.Command, person: Person) -> Answer:
        drafts, answer = handled
        entries = self._core.record(drafts + _screen(given, drafts), actor=person.actor)
        return answer | ({"seq": entries[-1].seq} if entries else {})

    def _do(self, command: c.Command, given: c.Command, person: Person) -> Answer:
        if self._desk.handles(command):
            return self._record(self._desk.handle(command, person), given, person)
        if isinstance(command, c.Decide):
            self._core.record(self._executor.decide(command, person), actor=person.actor)
            settled = self._executor.proposal(command.proposal)
            return {"status": settled.status, "diff": list(settled.refusal)}
        if isinstance(command, c.EditProposal):
            edited = self._executor.edit(command, person)
            entries = self._core.record([edited], actor=person.actor)
            return {"proposal": getattr(entries[0].event, "id", "")}
        if isinstance(command, c.ControlDrill):
            return self._control(command, person)
        if isinstance(command, c.CancelAlert):
            return self._cancel(command, person)
        if isinstance(command, c.OpenCounted):
            return self._open_counted(command, person)
        return self._ask(command)

    def _ask(self, command: c.Command) -> Answer:
        if isinstance(command, c.NearestUnits):
            incident = self._desk.incident(command.incident)
            return {"units": list(self._nearest(incident)) if self._nearest else []}
        if isinstance(command, c.Explain):
            return {"traces": self._explain(command.playbook) if self._explain else []}
        raise RefusedError(f"This core does not know {command.do}.")

    def _open_counted(self, command: c.OpenCounted, person: Person) -> Answer:
        """The messages as plain text; that they were opened is journalled before they are."""
        line = self._core.home.counted.get(f"{command.source}@{command.minute_ms}")
        if line is None or self._counted is None:
            raise RefusedError(f"There is no counted line of {command.source} then.", code="TOC-4008")
        read = ev.ValueRead(refs=((self._core.home.stream, line.entry, "blobs"),), why=command.why)
        self._core.record([Draft(read)], actor=person.actor)
        messages = self._counted(command.source, command.minute_ms)[command.after : command.after + command.limit]
        return {"messages": [visible(one.decode("utf-8", "replace")) for one in messages], "count": line.count}

    def _control(self, command: c.ControlDrill, person: Person) -> Answer:
        if self._pace is None or self._core.home.world == "live":
            raise RefusedError("A live world has no clock that can be moved.")
        event = ev.DrillControlled(
            action=command.action,
            speed=command.speed,
            to_ms=self._core.now_ms() + round(command.by_s * 1000) if command.by_s else None,
            why="real emergency" if command.action == "stop" else "",
        )
        self._core.record([Draft(event)], actor=person.actor)
        self._pace.control(command)
        return {"action": command.action}

    def _cancel(self, command: c.CancelAlert, person: Person) -> Answer:
        """Retracts an alert to those who got it; a public one only by a proposal that two persons approve."""
        alert = self._core.home.alerts.get(command.alert)
        if alert is None or alert.status != "active":
            raise RefusedError(f"{command.alert} is not an active alert.", code="TOC-4008")
        if alert.kind == "public":
            raise RefusedError("A public alert is retracted by a two-person proposal.", code="TOC-4004")
        retraction = ev.AlertRequested(
            id=self._core.ids.new("AT"),
            alert_kind="agency",
            headline=f"Cancelled: {alert.headline}"[:160],
            body=f"Disregard: {alert.headline}. Cancelled by {person.position}.",
            incident=alert.incident,
            urgency="Past",
            severity="Minor",
            certainty="Observed",
            msg_type="Cancel",
            references=alert.cap_identifier or alert.id,
            recipients=tuple((one.recipient, one.channel) for one in alert.deliveries),
        )
        ended = ev.AlertEnded(id=alert.id, status="cancelled")
        self._core.record([Draft(ended), Draft(retraction)], actor=person.actor)
        return {"alert": retraction.id}


def _screen(command: c.Command, drafts: Sequence[Draft]) -> list[Draft]:
    """What was on the screen, as the last entry of the commit, where the client told it and something came of it."""
    if not command.shown or not drafts or isinstance(command, c.Decide):
        return []  # a decision says it itself, signed
    shown_ms = None if command.shown_s is None else round(command.shown_s * 1000)
    return [Draft(CommandGiven(command=command.do, seen=command.seen, shown=command.shown, shown_ms=shown_ms))]


def nearest_units(
    city_seconds: Callable[..., Any],
    units: Sequence[Unit],
    lon: float,
    lat: float,
    where: Callable[[Unit], tuple[float, float]],
) -> list[dict[str, Any]]:
    """Every unit with its ETA by open roads or why it cannot go, soonest first; and its distance on the ellipsoid."""
    answers: list[dict[str, Any]] = []
    able: dict[str, list[tuple[Unit, tuple[float, float]]]] = {}
    for unit in units:
        at = where(unit)
        away_m = float(geodesic((at[1], at[0]), (lat, lon)).m)
        if "dispatched" in UNIT_STATUSES[unit.local_status][2]:
            able.setdefault(unit.profile, []).append((unit, at))
            answers.append({"unit": unit.id, "eta_s": None, "away_m": away_m, "why_not": "no open road"})
        else:
            why = unit.local_status.replace("_", " ")
            answers.append({"unit": unit.id, "eta_s": None, "away_m": away_m, "why_not": why})
    by_unit = {one["unit"]: one for one in answers}
    for profile, those in sorted(able.items()):
        seconds = city_seconds(profile, [at for _, at in those], [(lon, lat)])
        for (unit, _), eta_s in zip(those, seconds[:, 0].tolist(), strict=True):
            if eta_s != float("inf"):
                by_unit[unit.id] |= {"eta_s": eta_s, "why_not": ""}
    return sorted(answers, key=lambda one: (one["eta_s"] is None, one["eta_s"] or one["away_m"], one["unit"]))
