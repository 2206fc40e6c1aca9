"""What a feed may say, in our own words: the reports every codec produces, whatever the wire.

Times are epoch milliseconds as the *sender* states them; positions are integer 1e-7 degrees (lon, lat) WGS 84.
Fields marked ``Sealed`` hold callers, casualties, responders' positions or free text: they never stand in an
entry in clear (see ``picture.sealing``). All text is plain text and stays so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SEAL = "sealed"
"""Marker in a field's metadata: this value is sealed before it is journalled."""

LonE7 = Annotated[int, Field(ge=-1_800_000_000, le=1_800_000_000)]
LatE7 = Annotated[int, Field(ge=-900_000_000, le=900_000_000)]
Short = Annotated[str, Field(max_length=200)]
Name = Annotated[str, Field(max_length=80)]
SealedText = Annotated[str | None, SEAL, Field(max_length=16_000)]
SealedRaw = Annotated[str | None, SEAL, Field(max_length=32 * 1024 * 1024)]
"""Bytes as base64; the journal keeps large ones in the blob store."""
SealedName = Annotated[str | None, SEAL, Field(max_length=200)]
Ring = tuple[tuple[int, int], ...]
"""A closed ring of (lon_e7, lat_e7)."""


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at_ms: int
    external_id: Short = ""
    """The sender's own name for the thing, where it has one."""


class IncidentReport(_Report):
    """Somebody says that something is happening: a call taker, a citizen, an officer, a partner's system."""

    report: Literal["incident"] = "incident"
    incident_kind: Name
    """One of ``INCIDENT_KINDS``; a codec maps unknown words to ``other`` and keeps them in ``text``."""
    lon_e7: LonE7 | None = None
    lat_e7: LatE7 | None = None
    uncertainty_m: int = Field(default=50, ge=0, le=100_000)
    place_as_said: SealedText = None
    text: SealedText = None
    caller: SealedName = None
    call_back: SealedName = None
    people_at_risk: int | None = Field(default=None, ge=0, le=1_000_000)
    people_trapped: bool = False
    severity: int | None = Field(default=None, ge=1, le=4)
    """The sender's own priority, 1 worst; never taken over unseen."""
    reporter: Literal["call_taker", "citizen", "officer", "agency", "sensor"] = "citizen"
    authoritative_id: Name = ""
    """A number another control room or CAD gave it: two different ones never merge."""
    origin: Name = ""
    """Where the word first came from, if this is passed on; independence is counted by origin."""


class Observation(_Report):
    """A sensor's measured value."""

    report: Literal["observation"] = "observation"
    sensor: Name
    quantity: Name
    """``water_level``, ``wind_speed``, ``gas_concentration`` …"""
    value: float = Field(allow_inf_nan=False)
    unit: Name
    lon_e7: LonE7 | None = None
    lat_e7: LatE7 | None = None


class VesselReport(_Report):
    """Position and particulars of a ship; what this message did not carry is None."""

    report: Literal["vessel"] = "vessel"
    mmsi: int = Field(ge=0, le=999_999_999)
    name: Name | None = None
    ship_type: int | None = None
    lon_e7: LonE7 | None = None
    lat_e7: LatE7 | None = None
    speed_mmps: int | None = Field(default=None, ge=0, le=60_000)
    """Speed over ground in millimetres a second."""
    course_cdeg: int | None = Field(default=None, ge=0, lt=36_000)
    """Course over ground in hundredths of a degree."""
    heading_deg: int | None = Field(default=None, ge=0, lt=360)
    nav_status: int | None = Field(default=None, ge=0, le=15)
    length_m: int | None = Field(default=None, ge=0, le=1023)
    draught_dm: int | None = Field(default=None, ge=0, le=255)
    destination: Name | None = None


class UnitReport(_Report):
    """Where one of our units is, or what it says it does. Its position is sealed: it is a person's."""

    report: Literal["unit"] = "unit"
    callsign: Name
    lon_e7: Annotated[int | None, SEAL] = None
    lat_e7: Annotated[int | None, SEAL] = None
    speed_mmps: int | None = Field(default=None, ge=0, le=400_000)
    course_cdeg: int | None = Field(default=None, ge=0, lt=36_000)
    status: Name | None = None
    text: SealedText = None


class DistressReport(_Report):
    """A life-safety signal: AIS-SART, MOB, EPIRB, CoT ``b-a-o-*``, a Mayday. Only a person clears it."""

    report: Literal["distress"] = "distress"
    signal: Literal["ais_sart", "ais_mob", "ais_epirb", "cot_alert", "mayday", "par_missed"]
    subject: Name
    """MMSI, uid or call sign."""
    ended: bool = False
    """The sender says that it is over (a test, a cancelled alert): shown, never cleared by itself."""
    lon_e7: Annotated[int | None, SEAL] = None
    lat_e7: Annotated[int | None, SEAL] = None
    text: SealedText = None


class AlertMessage(_Report):
    """An official alert (CAP 1.2) by somebody else. ``external_id`` is its identifier."""

    report: Literal["alert"] = "alert"
    sender: Short
    sent_ms: int
    status: Literal["Actual", "Exercise", "System", "Test", "Draft"]
    msg_type: Literal["Alert", "Update", "Cancel", "Ack", "Error"]
    references: tuple[Short, ...] = Field(default=(), max_length=64)
    """``sender,identifier,sent`` triples of what this one updates or cancels (CAP 1.2 §3.2.1)."""
    event: Short = ""
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"] = "Unknown"
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"] = "Unknown"
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"] = "Unknown"
    headline: Short = ""
    description: SealedText = None
    area: Short = ""
    rings: tuple[Ring, ...] = ()
    effective_ms: int | None = None
    expires_ms: int | None = None
    parameters: tuple[tuple[Name, Short], ...] = ()


class FacilityReport(_Report):
    """One attribute of a facility, berth, building, lifeline or port service as its owner states it."""

    report: Literal["facility"] = "facility"
    facility: Name
    attribute: Name
    """``occupancy``, ``beds_free``, ``power`` (mains|generator|none), ``pilotage`` (open|suspended), ``state`` …"""
    value: str | int | float | bool


class RoadReport(_Report):
    """A road or bridge is said to be closed or open again."""

    report: Literal["road"] = "road"
    road: Short
    """Street or bridge name as the sender has it."""
    closed: bool
    reason: Short = ""
    lon_e7: LonE7 | None = None
    lat_e7: LatE7 | None = None
    line: tuple[tuple[LonE7, LatE7], ...] = Field(default=(), max_length=2_000)
    """Along where, from one end to the other; empty: at the position, or all of the street."""


class RequestReply(_Report):
    """Another control room's answer to a Request of ours."""

    report: Literal["reply"] = "reply"
    request: Name
    answer: Literal["accepted", "refused", "countered", "done"]
    terms: tuple[tuple[Name, Short], ...] = ()
    """What it offers instead, as named terms: ``(("offer", "load transfer"), ("feeder", "F-12"))``."""
    text: SealedText = None


Report = Annotated[
    IncidentReport
    | Observation
    | VesselReport
    | UnitReport
    | DistressReport
    | AlertMessage
    | FacilityReport
    | RoadReport
    | RequestReply,
    Field(discriminator="report"),
]

INCIDENT_KINDS: dict[str, str] = {
    # kind: what an operator reads
    "flood": "Flooding",
    "trapped": "People trapped",
    "vehicle_in_water": "Vehicle in water",
    "fire": "Fire",
    "medical": "Medical",
    "power": "Power failure",
    "substation": "Substation flooding",
    "hazmat": "Hazardous material",
    "gas": "Smell of gas",
    "collapse": "Collapse",
    "road_blocked": "Road blocked",
    "traffic": "Traffic collision",
    "vessel_adrift": "Vessel adrift",
    "mayday": "Mayday",
    "person_in_water": "Person in water",
    "lift": "Lift entrapment",
    "tree": "Tree down",
    "evacuation": "Evacuation",
    "unrest": "Public order",
    "missing": "Missing person",
    "other": "Other",
}
