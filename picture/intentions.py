"""What a journal may contain of intention, decision and outcome: runs, proposals, decisions, requests, alerts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from picture.event import Event
from picture.reports import SealedText


class RunStarted(Event):
    kind = "run.started"
    id: str
    playbook: str
    playbook_version: int
    key: str
    trigger: str
    subject: str = ""


class RunStep(Event):
    kind = "run.step"
    id: str
    step: str
    outcome: Literal["started", "done", "failed", "waiting", "skipped"]
    detail: str = ""


class RunEnded(Event):
    kind = "run.ended"
    id: str
    status: Literal["done", "failed", "stopped"]
    why: str = ""


class TimerSet(Event):
    kind = "timer.set"
    id: str
    due_ms: int
    what: str


class TimerFired(Event):
    kind = "timer.fired"
    id: str
    what: str


class EffectModel(BaseModel):
    """An Effect as it stands in a ``proposal.made`` entry (see ``picture.model.Effect``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    verb: str
    act_class: str
    summary: str
    args: dict[str, Any]
    reversible: bool = True
    undo: str = ""


class WatchedModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    value: str | int | float | bool | None
    tolerance: float = 0.0
    words: str = ""


class AlternativeModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    score: float
    reason: str


class ProposalMade(Event):
    kind = "proposal.made"
    id: str
    title: str
    playbook: str
    playbook_version: int
    run: str = ""
    step: str = ""
    incident: str = ""
    priority: int = 2
    effects: tuple[EffectModel, ...]
    watched: tuple[WatchedModel, ...] = ()
    evidence: tuple[str, ...] = ()
    consequence: tuple[str, ...] = ()
    alternatives: tuple[AlternativeModel, ...] = ()
    due_ms: int
    digest: str
    positions: tuple[str, ...] = ()
    quorum: int = 1
    replaces: str = ""
    edited_by: str = ""
    lon_e7: int | None = None
    lat_e7: int | None = None


class DecisionMade(Event):
    kind = "decision.made"
    id: str
    proposal: str
    digest: str
    verdict: Literal["approve", "reject"]
    public_key: str
    signature: str
    shown: str = ""


class ProposalSettled(Event):
    """What became of a proposal: executed, refused with the difference, rejected, expired, replaced."""

    kind = "proposal.settled"
    id: str
    status: Literal["approved", "rejected", "executed", "refused", "expired", "replaced", "escalated"]
    diff: tuple[str, ...] = ()


class RequestMade(Event):
    kind = "request.made"
    id: str
    to: str
    what: str
    subject: str
    proposal: str = ""


class RequestAnswered(Event):
    kind = "request.answered"
    id: str
    status: Literal["accepted", "refused", "countered", "done", "withdrawn"]
    terms: tuple[tuple[str, str], ...] = ()
    text: SealedText = None


class AlertRequested(Event):
    """An alert put in the outbox: who gets it, on which channel. Headline and body are reviewed templates, filled."""

    kind = "alert.requested"
    id: str
    alert_kind: Literal["responder", "agency", "public", "internal"]
    headline: str
    body: str
    proposal: str = ""
    effect: str = ""
    """Which of the proposal's effects it carries out: what it must agree with when it is handed over."""
    incident: str = ""
    urgency: str = "Immediate"
    severity: str = "Severe"
    certainty: str = "Observed"
    rings: tuple[tuple[tuple[int, int], ...], ...] = ()
    area: str = ""
    cap_identifier: str = ""
    references: str = ""
    msg_type: Literal["Alert", "Update", "Cancel"] = "Alert"
    expires_ms: int | None = None
    recipients: tuple[tuple[str, str], ...]
    """(recipient, channel): names of the world's directory, never addresses."""


class DeliveryChanged(Event):
    kind = "delivery.changed"
    alert: str
    recipient: str
    channel: str
    state: Literal["queued", "handed_over", "delivered", "seen", "accepted", "failed", "dead"]
    attempts: int = 0
    detail: str = ""


class AlertEnded(Event):
    kind = "alert.ended"
    id: str
    status: Literal["updated", "cancelled", "expired"]
