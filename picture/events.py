"""What a journal may contain, every kind by name: ``from picture import events as ev`` gives them all.

Here stand the world and its site, what arrives and what is judged of it, people and units, and the exercise;
``picture.intentions`` has intention, decision and outcome, ``picture.custody`` the keeping of the journal and the
people at it, ``picture.event`` what all events share.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from picture.custody import (
    ClaimChanged,
    CommandGiven,
    CursorReceived,
    ErasureAsked,
    HoldChanged,
    KeyRotated,
    LinkChanged,
    LoadChanged,
    PayloadShredded,
    ReportsCounted,
    SessionChanged,
    UserChanged,
    ValueRead,
    WorldForked,
)
from picture.event import KINDS, UPCASTERS, Event, clear_part, sealed_paths, sealed_values
from picture.intentions import (
    AlertEnded,
    AlertRequested,
    AlternativeModel,
    DecisionMade,
    DeliveryChanged,
    EffectModel,
    ProposalMade,
    ProposalSettled,
    RequestAnswered,
    RequestMade,
    RunEnded,
    RunStarted,
    RunStep,
    TimerFired,
    TimerSet,
    WatchedModel,
)
from picture.reports import SEAL, Report, SealedRaw, SealedText

__all__ = [
    "KINDS",
    "UPCASTERS",
    "AgencyRegistered",
    "AlarmChanged",
    "AlarmRaised",
    "AlertEnded",
    "AlertRequested",
    "AlternativeModel",
    "AssignmentEnded",
    "BarrierChanged",
    "ClaimChanged",
    "CommandGiven",
    "CommandRefused",
    "CursorReceived",
    "DecisionMade",
    "DeliveryChanged",
    "DrillControlled",
    "EffectModel",
    "ErasureAsked",
    "Event",
    "FacilityRegistered",
    "FacilityUpdated",
    "FeedChanged",
    "FeedRegistered",
    "HandsOff",
    "HazardChanged",
    "HoldChanged",
    "IncidentChanged",
    "IncidentClosed",
    "IncidentMarkedDuplicate",
    "IncidentOpened",
    "IncidentReopened",
    "InjectGiven",
    "KeyRotated",
    "LinkChanged",
    "LoadChanged",
    "LogWritten",
    "PayloadShredded",
    "ProposalMade",
    "ProposalSettled",
    "ReportLinked",
    "ReportReceived",
    "ReportRefused",
    "ReportsCounted",
    "RequestAnswered",
    "RequestMade",
    "RoadChanged",
    "RoadClosed",
    "RoadReopened",
    "RunEnded",
    "RunStarted",
    "RunStep",
    "SealedRoute",
    "SegmentOpened",
    "SensorRegistered",
    "SensorUpdated",
    "SessionChanged",
    "ShiftChanged",
    "TimerFired",
    "TimerSet",
    "UnitAssigned",
    "UnitLocated",
    "UnitRegistered",
    "UnitStatusChanged",
    "UserChanged",
    "ValueRead",
    "VesselUpdated",
    "WatchedModel",
    "WorldForked",
    "WorldOpened",
    "clear_part",
    "sealed_paths",
    "sealed_values",
]

SealedRoute = Annotated[tuple[tuple[int, int], ...] | None, SEAL]


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
    lane: str = ""
    """calls, authorities, sensors, citizens; empty in journals from before there were lanes."""


# --- what arrives -----------------------------------------------------------------------------------------------


class ReportReceived(Event):
    """A report as its codec read it. ``raw``: its bytes (base64), sealed, or a blob; ``retained``: a broker kept it."""

    kind = "report.received"
    retention = "personal"
    report: Report
    size: int
    sha256: str
    raw: SealedRaw = None
    blob: str = ""
    retained: bool = False
    incident: str = ""
    """Incident it was linked to, when the same commit did so: chooses the key."""


class ReportRefused(Event):
    """A message that was not accepted, with at most 1 KiB of it (sealed). Repeats are counted by ``repeats``."""

    kind = "report.refused"
    retention = "personal"
    code: str
    detail: SealedText = None
    """Sealed: it may quote the message."""
    size: int
    sha256: str
    head: SealedRaw = None
    repeats: int = 1
    minute_ms: int = 0


class FeedChanged(Event):
    """A feed's state changed: going silent, failing, coming back. Never periodic."""

    kind = "feed.changed"
    id: str
    state: Literal["ok", "fetch_failed", "data_old", "malformed", "silent", "connecting", "connected"]
    why: str = ""
    missing: int = 0
    """Messages that its numbers or its answers say were lost on the way to us, since the journal began."""


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
    tags: tuple[str, ...] | None = None
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
    status: Literal["active", "expired", "cancelled", "ended", "vanished"] = "active"
    """``vanished``: its feed holds it no longer, and nobody said why."""
    level_mm: int | None = None
    barrier_closed: bool = False
    inside_mm: int | None = None
    """Level of the water shut in behind the closed barrier."""
    rings: tuple[tuple[tuple[int, int], ...], ...] = ()
    severity: str = ""
    expires_ms: int | None = None
    external_id: str = ""
    sender: str = ""
    roads_closed: int = 0
    disputed: str = ""
    evidence: tuple[tuple[str, int, str], ...] = ()
    replaces: tuple[str, ...] = ()
    """Identifiers of its sender's earlier messages that this one stands in the place of."""


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
    """Lifts a closure, or a change of a road."""

    kind = "road.reopened"
    id: str
    why: str = ""


class RoadLinkModel(BaseModel):
    """A temporary road between two crossings of the city pack, by their numbers in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    length_mm: int = Field(gt=0)
    speed_mmps: int = Field(gt=0)
    one_way: bool = False
    points: tuple[tuple[int, int], ...] = ()
    """(lon_e7, lat_e7) along it."""


class RoadChanged(Event):
    """How roads are driven from now on, other than closed: slower, against their direction too, or over a new link.

    ``road.reopened`` with its id makes them what they were.
    """

    kind = "road.changed"
    id: str
    name: str
    reason: str
    by: str
    edges: tuple[int, ...] = ()
    factor_pct: int | None = Field(default=None, ge=10, le=10_000)
    """Travel time in per cent of the usual one: 200 takes twice as long."""
    contraflow: bool = False
    """One-way roads among ``edges`` are open in both directions."""
    link: RoadLinkModel | None = None
    lon_e7: int | None = None
    lat_e7: int | None = None


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
    why: SealedText = None
    """Sealed: a person may have typed it."""


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
    why: SealedText = None
    """Sealed: a person may have typed it."""


class LogWritten(Event):
    kind = "log.written"
    retention = "operations"
    id: str
    incident: str = ""
    subject: str = ""
    text: SealedText = None


class ShiftChanged(Event):
    kind = "shift.changed"
    step: Literal["taken", "offered", "confirmed", "accepted", "refused"]
    person: str
    position: str
    to: str = ""
    brief: SealedText = None
    """What must be known; of a refusal: why."""


class HandsOff(Event):
    """Every playbook and agent is back to advice (on), or not (off)."""

    kind = "hands_off"
    on: bool


# --- the exercise -----------------------------------------------------------------------------------------------


class DrillControlled(Event):
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
    detail: SealedText = None
    """Sealed: a refusal quotes what was typed."""
