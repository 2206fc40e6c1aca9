"""What a journal may contain: one frozen model per kind of event, versioned.

An event's sealed fields (marked in ``picture.reports`` and here) are filled when it is handed to a journal and are
None in every ``Entry``; the journal keeps them encrypted under the key that ``key_scope`` names. Stored bytes are
never rewritten: a changed model gets a higher ``version`` and an upcaster in ``UPCASTERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from picture.reports import SEAL, Report, SealedText

KINDS: dict[str, type[Event]] = {}
UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(kind, version) -> payload of that version turned into the next one's."""

SealedRoute = Annotated[tuple[tuple[int, int], ...] | None, SEAL]


class Event(BaseModel):
    """Base of every event. ``kind`` and ``version`` are the class's; a subclass registers itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    retention: ClassVar[str] = "operations"
    """Retention class of its sealed values: operations, personal, training."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            KINDS[cls.kind] = cls

    def key_scope(self) -> str:
        """Whose key seals this event's personal values: the incident where there is one, else the day's pool."""
        return str(getattr(self, "incident", "") or "general")

    def bound(self, first_seq: int) -> Event:
        """The event with its references into its own commit turned into sequence numbers; the journal calls it
        before it writes, when it knows that the commit's first entry will be ``first_seq``."""
        return self


@cache
def sealed_paths(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the fields of a model that are marked as sealed."""
    return tuple(name for name, info in model.model_fields.items() if SEAL in info.metadata)


def sealed_values(event: Event) -> Iterator[tuple[str, Any]]:
    """(path, value) of every sealed value present in an event: its own fields, and those of a model it carries."""
    for name in sealed_paths(type(event)):
        if (value := getattr(event, name)) is not None:
            yield name, value
    for name in type(event).model_fields:
        inner = getattr(event, name)
        if isinstance(inner, BaseModel):
            for path in sealed_paths(type(inner)):
                if (value := getattr(inner, path)) is not None:
                    yield f"{name}.{path}", value


def clear_part(event: Event) -> Event:
    """The event without its sealed values: what stands in the entry."""
    own = dict.fromkeys(sealed_paths(type(event)))
    inner = {
        name: value.model_copy(update=dict.fromkeys(sealed_paths(type(value))))
        for name in type(event).model_fields
        if isinstance(value := getattr(event, name), BaseModel) and sealed_paths(type(value))
    }
    return event.model_copy(update=own | inner) if own or inner else event


# --- the world and its site -------------------------------------------------------------------------------------


class WorldOpened(Event):
    kind = "world.opened"
    site: str
    world: Literal["live", "drill", "whatif"]
    city: str
    scenario: str = ""
    title: str = ""
    seed: int = 0
    start_ms: int
    end_ms: int = 0


class SegmentOpened(Event):
    """First entry of every segment but the first: names its predecessor's head."""

    kind = "segment.opened"
    number: int
    predecessor: str
    predecessor_head: str


class AgencyRegistered(Event):
    kind = "agency.registered"
    id: str
    name: str
    agency_kind: str


class FacilityRegistered(Event):
    kind = "facility.registered"
    id: str
    facility_kind: str
    name: str
    lon_e7: int
    lat_e7: int
    agency: str = ""
    address: str = ""
    district: str = ""
    elevation_mm: int | None = None
    attributes: tuple[tuple[str, str | int | float | bool], ...] = ()


class UnitRegistered(Event):
    kind = "unit.registered"
    id: str
    name: str
    agency: str
    nims_kind: str
    nims_type: int
    station: str
    home_lon_e7: int
    home_lat_e7: int
    profile: str
    wading_mm: int
    crew: int
    skills: tuple[str, ...] = ()


class SensorRegistered(Event):
    kind = "sensor.registered"
    id: str
    quantity: str
    name: str
    lon_e7: int
    lat_e7: int


class FeedRegistered(Event):
    kind = "feed.registered"
    id: str
    wire: str
    silent_after_s: int = 0
    grade: str = ""


# --- what arrives -----------------------------------------------------------------------------------------------


class ReportReceived(Event):
    """A report as its codec read it. ``raw`` is the message's bytes (base64), sealed; large ones lie in the blob store."""

    kind = "report.received"
    retention = "personal"
    report: Report
    size: int
    sha256: str
    raw: SealedText = None
    blob: str = ""
    incident: str = ""
    """Incident it was linked to, when the same commit did so: chooses the key."""


class ReportRefused(Event):
    """A message that was not accepted, with at most 1 KiB of it (sealed). Repeats are counted by ``repeats``."""

    kind = "report.refused"
    retention = "personal"
    code: str
    detail: str
    size: int
    sha256: str
    head: SealedText = None
    repeats: int = 1
    minute_ms: int = 0


class FeedChanged(Event):
    """A feed's state changed: going silent, failing, coming back. Never periodic."""

    kind = "feed.changed"
    id: str
    state: Literal["ok", "fetch_failed", "data_old", "malformed", "silent"]
    why: str = ""


# --- judgements, made once at ingest ----------------------------------------------------------------------------


class IncidentOpened(Event):
    kind = "incident.opened"
    retention = "personal"
    incident: str
    incident_kind: str
    title: str
    priority: int = Field(ge=1, le=4)
    lon_e7: int | None = None
    lat_e7: int | None = None
    place_label: str = ""
    place_how: str = "coordinates"
    uncertainty_m: int = 0
    place_as_said: SealedText = None
    text: SealedText = None
    units_needed: int = 1
    people_at_risk: int | None = None
    people_trapped: bool = False
    possible_duplicate_of: tuple[str, ...] = ()
    authoritative_id: str = ""
    tags: tuple[str, ...] = ()
    unread: bool = True


class ReportLinked(Event):
    """Fusion's judgement that a report speaks of an incident, with every term of its score."""

    kind = "report.linked"
    incident: str
    report_entry: int = 0
    """Sequence number of the report; 0 means the report in this same commit at ``report_index``."""
    report_index: int = 0
    feed: str
    origin: str = ""
    report_at_ms: int
    grade: str = ""
    score_c: int
    evidence: tuple[tuple[str, int, str], ...]
    """(term, weight × 100, words)."""
    external_id: str = ""
    authoritative_id: str = ""
    has: tuple[str, ...] = ()
    """Which sealed fields the report carries: ``text``, ``caller``, ``call_back``, ``place_as_said``."""
    people_at_risk: int | None = None
    people_trapped: bool = False
    lon_e7: int | None = None
    lat_e7: int | None = None
    uncertainty_m: int | None = None
    """The fused position, where it moved."""
    place_label: str = ""

    def bound(self, first_seq: int) -> Event:
        return self if self.report_entry else self.model_copy(update={"report_entry": first_seq + self.report_index})


class IncidentChanged(Event):
    """Fields of an incident that somebody, or a rule, set. None means unchanged."""

    kind = "incident.changed"
    incident: str
    title: str | None = None
    incident_kind: str | None = None
    priority: int | None = Field(default=None, ge=1, le=4)
    units_needed: int | None = None
    people_at_risk: int | None = None
    people_unaccounted: int | None = None
    lon_e7: int | None = None
    lat_e7: int | None = None
    place_label: str | None = None
    place_how: str | None = None
    unread: bool | None = None
    why: str = ""


class IncidentMarkedDuplicate(Event):
    kind = "incident.duplicate"
    incident: str
    of: str
    """Empty: the mark is undone."""


class IncidentClosed(Event):
    kind = "incident.closed"
    incident: str
    result_code: str


class IncidentReopened(Event):
    kind = "incident.reopened"
    incident: str


class VesselUpdated(Event):
    """A track after a report: what changed, with the judgement on it."""

    kind = "vessel.updated"
    mmsi: int
    name: str | None = None
    ship_type: int | None = None
    lon_e7: int | None = None
    lat_e7: int | None = None
    speed_mmps: int | None = None
    course_cdeg: int | None = None
    heading_deg: int | None = None
    nav_status: int | None = None
    length_m: int | None = None
    draught_dm: int | None = None
    destination: str | None = None
    doubt: str = ""
    judgement: str = ""


class SensorUpdated(Event):
    kind = "sensor.updated"
    id: str
    quantity: str
    unit: str
    value: float
    state: Literal["ok", "stuck", "doubtful", "silent"] = "ok"
    why: str = ""
    lon_e7: int | None = None
    lat_e7: int | None = None


class FacilityUpdated(Event):
    kind = "facility.updated"
    id: str
    attribute: str
    value: str | int | float | bool


class HazardChanged(Event):
    """A hazard opened, moved or ended; the whole of it each time."""

    kind = "hazard.changed"
    id: str
    hazard_kind: str
    title: str
    status: Literal["active", "expired", "cancelled", "ended"] = "active"
    level_mm: int | None = None
    barrier_closed: bool = False
    rings: tuple[tuple[tuple[int, int], ...], ...] = ()
    severity: str = ""
    expires_ms: int | None = None
    external_id: str = ""
    sender: str = ""
    roads_closed: int = 0
    disputed: str = ""
    evidence: tuple[tuple[str, int, str], ...] = ()


class BarrierChanged(Event):
    kind = "barrier.changed"
    state: Literal["open", "closing", "closed", "opening", "failed"]


class RoadClosed(Event):
    kind = "road.closed"
    id: str
    name: str
    edges: tuple[int, ...]
    reason: str
    by: str
    depth_mm: int | None = None
    lon_e7: int | None = None
    lat_e7: int | None = None
    profiles: tuple[str, ...] = ()


class RoadReopened(Event):
    kind = "road.reopened"
    id: str


class AlarmRaised(Event):
    """A new alarm, or the same one again (same ``key`` while it stands)."""

    kind = "alarm.raised"
    id: str
    priority: int = Field(ge=1, le=4)
    title: str
    cause_words: str
    consequence: str
    action: str
    time_to_act_s: int
    subject: str
    key: str
    life_safety: bool = False
    lon_e7: int | None = None
    lat_e7: int | None = None


class AlarmChanged(Event):
    kind = "alarm.changed"
    id: str
    state: Literal["acknowledged", "returned_unacknowledged", "cleared", "shelved", "unacknowledged"]
    why: str = ""


# --- people, units, log -----------------------------------------------------------------------------------------


class UnitStatusChanged(Event):
    kind = "unit.status"
    unit: str
    local_status: str
    incident: str = ""
    why: str = ""


class UnitLocated(Event):
    """A unit's position; sealed, because it is a person's."""

    kind = "unit.located"
    retention = "personal"
    unit: str
    lon_e7: Annotated[int | None, SEAL] = None
    lat_e7: Annotated[int | None, SEAL] = None
    speed_mmps: int | None = None

    def key_scope(self) -> str:
        return "units"


class UnitAssigned(Event):
    kind = "unit.assigned"
    retention = "personal"
    id: str
    unit: str
    incident: str = ""
    to_lon_e7: int
    to_lat_e7: int
    to_label: str = ""
    eta_ms: int | None = None
    length_m: int | None = None
    streets: tuple[str, ...] = ()
    route: SealedRoute = None
    by: str = ""
    flagged: str = ""


class AssignmentEnded(Event):
    kind = "assignment.ended"
    id: str
    status: Literal["done", "stood_down"]
    why: str = ""


class LogWritten(Event):
    kind = "log.written"
    retention = "operations"
    id: str
    incident: str = ""
    subject: str = ""
    text: SealedText = None


class ShiftChanged(Event):
    kind = "shift.changed"
    step: Literal["taken", "offered", "accepted"]
    person: str
    position: str
    to: str = ""
    brief: SealedText = None


class HandsOff(Event):
    """Every playbook and agent is back to advice (on), or not (off)."""

    kind = "hands_off"
    on: bool


# --- intention, decision, outcome -------------------------------------------------------------------------------


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


# --- the exercise -----------------------------------------------------------------------------------------------


class DrillControlled(Event):
    """Pause, resume, speed, step, jump; or the exercise was stopped."""

    kind = "drill.controlled"
    action: Literal["pause", "resume", "speed", "step", "jump", "stop", "finish"]
    speed: float | None = None
    to_ms: int | None = None
    why: str = ""


class InjectGiven(Event):
    kind = "inject.given"
    id: str
    title: str


class CommandRefused(Event):
    """An operator's command that was not allowed, with the rule; for the record and the lesson."""

    kind = "command.refused"
    command: str
    code: str
    detail: str
