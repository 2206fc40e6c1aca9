"""Everything that can stand on the shared operating picture, as frozen dataclasses.

Times are epoch milliseconds (``_ms``), positions integer 1e-7 degrees (lon, lat) WGS 84, speeds mm/s, so that the
picture has one spelling on every machine. A sealed value appears only as a ``Ref``. Ages, distances and words are
computed at view time, never stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from picture.entry import Actor, Ref
from picture.keeping import (
    Claim,
    Counted,
    DeskSession,
    Drill,
    Erasure,
    Feed,
    Fork,
    LinkState,
    Load,
    Refusal,
    Run,
    Shift,
    User,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: as resolved (in clear), with how sure we are."""

    lon_e7: int
    lat_e7: int
    label: str = ""
    """As resolved: ``Customs Quay near Wharf Street, Old Harbour``."""
    uncertainty_m: int = 0
    how: str = "coordinates"
    """address, crossing, street, facility, berth, district, cursor, coordinates, sensor."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One term of a judgement: what spoke for or against it, and how strongly (log-likelihood ratio × 100)."""

    term: str
    weight_c: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class ReportLink:
    """A report that was counted towards an incident, with the evidence of the link."""

    entry: int
    """Sequence number of the ``report.received`` entry."""
    feed: str
    origin: str
    at_ms: int
    grade: str
    score_c: int
    evidence: tuple[Evidence, ...]
    text: Ref | None
    caller: Ref | None = None
    call_back: Ref | None = None
    place_as_said: Ref | None = None
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is happening and needs an answer."""

    id: str
    kind: str
    title: str
    priority: int
    """1 (life at risk) to 4."""
    place: Place | None
    opened_ms: int
    updated_ms: int
    status: str = "open"
    """open or closed."""
    reports: tuple[ReportLink, ...] = ()
    units: tuple[str, ...] = ()
    """Units assigned now."""
    units_needed: int = 1
    people_at_risk: int | None = None
    people_trapped: bool = False
    people_unaccounted: int = 0
    possible_duplicate_of: tuple[str, ...] = ()
    duplicate_of: str = ""
    authoritative_ids: tuple[str, ...] = ()
    result_code: str = ""
    unread: bool = True
    opened_by: str = ""
    tags: tuple[str, ...] = ()
    entry: int = 0
    """That opened it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A response unit: NIMS kind and type, what it can do, and its status."""

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
    skills: tuple[str, ...]
    status: str = "available"
    """NIMS: available, assigned, out_of_service."""
    local_status: str = "available"
    """One of ``UNIT_STATUSES``."""
    since_ms: int = 0
    assignment: str = ""
    position: tuple[Ref, Ref] | None = None
    """Where the sealed lon and lat of its last report lie."""
    position_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A unit sent to an incident or a place, by a road."""

    id: str
    unit: str
    incident: str
    to: Place
    made_ms: int
    eta_ms: int | None
    length_m: int | None
    streets: tuple[str, ...]
    route: Ref | None
    """Where the sealed geometry lies: a list of [lon_e7, lat_e7]."""
    by: str
    """Decision id, or the operator."""
    status: str = "active"
    """active, done, stood_down."""
    ended_ms: int | None = None
    flagged: str = ""
    entry: int = 0
    """That made it."""


@dataclass(frozen=True, slots=True)
class Vessel:
    """A ship as AIS last told of it."""

    mmsi: int
    name: str = ""
    ship_type: int | None = None
    lon_e7: int | None = None
    lat_e7: int | None = None
    speed_mmps: int | None = None
    course_cdeg: int | None = None
    heading_deg: int | None = None
    nav_status: int | None = None
    length_m: int | None = None
    draught_dm: int | None = None
    destination: str = ""
    at_ms: int = 0
    doubt: str = ""
    """Why this track is doubtful, in words; empty when it is not."""
    judgement: str = ""
    """``dragging``: at anchor and moving."""
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor and its last value."""

    id: str
    quantity: str
    name: str = ""
    unit: str = ""
    lon_e7: int | None = None
    lat_e7: int | None = None
    value: float | None = None
    at_ms: int = 0
    state: str = "ok"
    """ok, stuck, doubtful, silent."""
    why: str = ""
    recent: tuple[tuple[int, float], ...] = ()
    """Last values as (at_ms, value), oldest first, 48 at most."""
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Hazard:
    """A danger with an extent: a flood at a level, an official warning's area."""

    id: str
    kind: str
    title: str
    since_ms: int
    level_mm: int | None = None
    """Flood: water level in millimetres on the city's datum."""
    barrier_closed: bool = False
    inside_mm: int | None = None
    """Flood: level of the water shut in behind the closed barrier."""
    rings: tuple[tuple[tuple[int, int], ...], ...] = ()
    severity: str = ""
    status: str = "active"
    """active, expired, cancelled, ended; vanished: no longer in its feed, and nobody said why."""
    expires_ms: int | None = None
    source: str = ""
    external_id: str = ""
    sender: str = ""
    updated_ms: int = 0
    roads_closed: int = 0
    disputed: str = ""
    """Words about a cancellation or update that was refused; the hazard stands."""
    evidence: tuple[Evidence, ...] = ()
    entry: int = 0
    replaces: tuple[str, ...] = ()
    """Identifiers of its sender's earlier messages that it stands in the place of."""


@dataclass(frozen=True, slots=True)
class Closure:
    """Road segments that nobody may be sent over."""

    id: str
    name: str
    edges: tuple[int, ...]
    reason: str
    since_ms: int
    by: str
    """flood, report, proposal or operator id."""
    status: str = "active"
    """active, lifted."""
    lifted_ms: int | None = None
    depth_mm: int | None = None
    place: Place | None = None
    profiles: tuple[str, ...] = ()
    """Vehicle profiles it holds for; empty means all."""
    entry: int = 0
    """That closed it, or lifted it."""


@dataclass(frozen=True, slots=True)
class RoadLink:
    """A temporary road between two crossings, by their numbers in the city pack."""

    start: int
    end: int
    length_mm: int
    speed_mmps: int
    one_way: bool = False
    points: tuple[tuple[int, int], ...] = ()
    """(lon_e7, lat_e7) along it."""


@dataclass(frozen=True, slots=True)
class RoadChange:
    """Roads that are driven otherwise than usual: slower, in both directions, or over a link that was laid."""

    id: str
    name: str
    edges: tuple[int, ...]
    reason: str
    since_ms: int
    by: str
    status: str = "active"
    """active, lifted."""
    lifted_ms: int | None = None
    factor_pct: int | None = None
    contraflow: bool = False
    link: RoadLink | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Facility:
    """A place that matters: hospital, station, substation, berth, pump, barrier, building …"""

    id: str
    kind: str
    name: str
    lon_e7: int
    lat_e7: int
    agency: str = ""
    address: str = ""
    district: str = ""
    elevation_mm: int | None = None
    attributes: tuple[tuple[str, str | int | float | bool], ...] = ()
    """What its owner last said: (attribute, value), sorted by attribute."""
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation that takes part."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something an operator must act on (ISA-18.2): cause, consequence, action, time."""

    id: str
    priority: int
    title: str
    cause: str
    consequence: str
    action: str
    time_to_act_s: int
    raised_ms: int
    subject: str
    """Id of what it is about."""
    key: str
    """Alarms with the same key are one alarm that came again."""
    life_safety: bool = False
    state: str = "unacknowledged"
    """unacknowledged, acknowledged, returned_unacknowledged, cleared, shelved."""
    count: int = 1
    last_ms: int = 0
    acknowledged_by: str = ""
    acknowledged_ms: int | None = None
    cleared_by: str = ""
    place: Place | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing a Proposal would do. ``args`` is JSON-plain and sorted; it is what a Decision signs."""

    id: str
    verb: str
    """road.close, unit.assign, alert.agency, alert.public, request.make …"""
    act_class: str
    """observe, advise, act_then_tell, act_unless_vetoed, act_if_approved, two_person."""
    summary: str
    """One line for the operator, made from the arguments."""
    args: tuple[tuple[str, object], ...]
    reversible: bool = True
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """A precondition that must still hold, within its tolerance, when the decision is carried out."""

    name: str
    """``unit:E12.status``, ``sensor:TG-1.value``, ``closure:…``, resolvable by ``picture.decisions.observe``."""
    value: str | int | float | bool | None
    tolerance: float = 0.0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A plan that was considered and not put first."""

    title: str
    score: float
    reason: str
    """Why it was rejected."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a playbook or planner would do, waiting for a person."""

    id: str
    title: str
    playbook: str
    playbook_version: int
    run: str
    step: str
    incident: str
    priority: int
    effects: tuple[Effect, ...]
    watched: tuple[Watched, ...]
    evidence: tuple[str, ...]
    """Lines an operator reads: what fired it, with values."""
    consequence: tuple[str, ...]
    """What follows if it is done: who, by when, what it costs and avoids."""
    alternatives: tuple[Alternative, ...]
    made_ms: int
    due_ms: int
    digest: str
    """SHA-256 over final effects, watched preconditions, due time and playbook version."""
    positions: tuple[str, ...] = ()
    """Positions that may decide."""
    quorum: int = 1
    status: str = "waiting"
    """waiting, approved, rejected, executed, refused, expired, replaced."""
    decisions: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    """The difference that made the executor refuse."""
    replaces: str = ""
    edited_by: str = ""
    escalated: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's signed word on a Proposal."""

    id: str
    proposal: str
    digest: str
    verdict: str
    """approve or reject."""
    actor: Actor
    at_ms: int
    public_key: str
    signature: str
    shown: str = ""
    """Digest of what stood on the screen, and for how long, as the client reported it."""
    entry: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of another control room; only it can accept, refuse or counter."""

    id: str
    to: str
    what: str
    subject: str
    proposal: str
    made_ms: int
    status: str = "made"
    """made, accepted, refused, countered, done, withdrawn."""
    terms: tuple[tuple[str, str], ...] = ()
    answered_ms: int | None = None
    text: Ref | None = None
    entry: int = 0
    """That made it, or answered it last."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one alert got with one recipient."""

    recipient: str
    channel: str
    state: str
    """queued, handed_over, delivered, seen, accepted, failed, dead."""
    at_ms: int
    attempts: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A message to people outside (CAP terms)."""

    id: str
    kind: str
    """responder, agency, public, internal."""
    headline: str
    body: str
    proposal: str
    incident: str
    made_ms: int
    urgency: str = "Immediate"
    severity: str = "Severe"
    certainty: str = "Observed"
    rings: tuple[tuple[tuple[int, int], ...], ...] = ()
    area: str = ""
    cap_identifier: str = ""
    references: str = ""
    effect: str = ""
    """The effect of its proposal that it carries out."""
    msg_type: str = "Alert"
    """Alert, Update or Cancel (CAP 1.2 §3.2.1)."""
    status: str = "active"
    """active, updated, cancelled, expired."""
    expires_ms: int | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry of the operator's log: event time and entry time are both kept."""

    id: str
    at_ms: int
    entered_ms: int
    actor: Actor
    incident: str
    text: Ref | None
    subject: str = ""


@dataclass(slots=True)
class StreamPicture:
    """What one core's stream says: the mutable tables the fold owns. Only that core's entries change it."""

    stream: str
    seq: int = 0
    at_ms: int = 0
    """Recorded time of the last entry applied."""
    site: str = ""
    world: str = ""
    city: str = ""
    barrier: str = "open"
    """open, closing, closed, opening, failed."""
    barrier_since_ms: int = 0
    barrier_entry: int = 0
    hands_off: bool = False
    drill: Drill = field(default_factory=Drill)
    shift: Shift = field(default_factory=Shift)
    agencies: dict[str, Agency] = field(default_factory=dict)
    facilities: dict[str, Facility] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    assignments: dict[str, Assignment] = field(default_factory=dict)
    vessels: dict[str, Vessel] = field(default_factory=dict)
    sensors: dict[str, Sensor] = field(default_factory=dict)
    hazards: dict[str, Hazard] = field(default_factory=dict)
    closures: dict[str, Closure] = field(default_factory=dict)
    road_changes: dict[str, RoadChange] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    log: dict[str, LogLine] = field(default_factory=dict)
    feeds: dict[str, Feed] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, DeskSession] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    """Scopes under legal hold: since when."""
    shredded: dict[str, int] = field(default_factory=dict)
    """Ids of keys that were destroyed: when."""
    erasures: dict[str, Erasure] = field(default_factory=dict)
    """Asked for by one person, and not confirmed by a second one yet."""
    received: dict[str, int] = field(default_factory=dict)
    """How far this core had received other streams."""
    links: dict[str, LinkState] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    counted: dict[str, Counted] = field(default_factory=dict)
    forked: Fork | None = None


UNIT_STATUSES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # local status: (NIMS status, what an operator types, legal next)
    "available": ("available", "av", ("dispatched", "out_of_service")),
    "dispatched": ("assigned", "dsp", ("enroute", "available", "out_of_service")),
    "enroute": ("assigned", "enr", ("on_scene", "staged", "available", "out_of_service")),
    "staged": ("available", "stg", ("dispatched", "available", "out_of_service")),
    "on_scene": ("assigned", "onsc", ("transporting", "available", "returning", "out_of_service")),
    "transporting": ("assigned", "tr", ("at_hospital", "available", "out_of_service")),
    "at_hospital": ("assigned", "hosp", ("available", "returning", "out_of_service")),
    "returning": ("available", "ret", ("available", "dispatched", "out_of_service")),
    "out_of_service": ("out_of_service", "oos", ("available",)),
}
"""A unit's local CAD status, the NIMS status it stands for, and which may follow it."""
