"""What a client may ask of a core: one model per command, validated at the socket.

A command is answered at once (accepted, or refused with a code and a remedy); what it caused arrives as entries like
everybody else's. Positions are degrees (lon, lat) here, at the edge.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

LATEST_MS = 4_102_444_800_000
"""The year 2100: nothing that an operator tells of happened later, or before 1970."""
MOST_PEOPLE = 1_000_000


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Given(_Command):
    """What every command says about the screen it was given from."""

    seen: int = Field(default=0, ge=0, le=1 << 62)
    """Newest entry of this core on the operator's screen; 0 if the client does not say. A command on something that
    somebody else changed since is refused (TOC-4030)."""
    shown: str = Field(default="", max_length=200)
    """Digest of what stood on the screen."""
    shown_s: float | None = Field(default=None, ge=0, le=86_400)
    """For how long it had stood there."""


class PlaceInput(_Command):
    """A location as the operator gave it: words to look up, or a picked position."""

    said: str = Field(default="", max_length=300)
    lon: float | None = Field(default=None, ge=-180, le=180)
    lat: float | None = Field(default=None, ge=-90, le=90)
    label: str = Field(default="", max_length=200)
    how: str = Field(default="address", max_length=40)
    """address, crossing, street, facility, berth, district, cursor, coordinates."""


class ResolvePlace(_Given):
    """Asks where something is; answers ``{"places": [{label, lon, lat, how, score}]}``, best first."""

    do: Literal["resolve_place"] = "resolve_place"
    said: str = Field(max_length=300)


class TakeReport(_Given):
    """A report taken by hand. Opens an incident, or adds to ``incident``; answers ``{"incident": id}``."""

    do: Literal["take_report"] = "take_report"
    incident_kind: str = Field(default="other", max_length=60)
    title: str = Field(default="", max_length=200)
    text: str = Field(default="", max_length=16_000)
    """The exact words."""
    caller: str = Field(default="", max_length=200)
    call_back: str = Field(default="", max_length=200)
    place: PlaceInput | None = None
    people_at_risk: int | None = Field(default=None, ge=0, le=MOST_PEOPLE)
    people_trapped: bool = False
    priority: int | None = Field(default=None, ge=1, le=4)
    units_needed: int = Field(default=1, ge=0, le=99)
    incident: str = ""
    at_ms: int | None = Field(default=None, ge=0, le=LATEST_MS)


class ChangeIncident(_Given):
    do: Literal["change_incident"] = "change_incident"
    incident: str
    title: str | None = Field(default=None, max_length=200)
    incident_kind: str | None = Field(default=None, max_length=60)
    priority: int | None = Field(default=None, ge=1, le=4)
    units_needed: int | None = Field(default=None, ge=0, le=99)
    people_unaccounted: int | None = Field(default=None, ge=0, le=MOST_PEOPLE)
    place: PlaceInput | None = None
    unread: bool | None = None


class CloseIncident(_Given):
    do: Literal["close_incident"] = "close_incident"
    incident: str
    result_code: str = Field(min_length=1, max_length=60)


class ReopenIncident(_Given):
    do: Literal["reopen_incident"] = "reopen_incident"
    incident: str


class MarkDuplicate(_Given):
    """Says that an incident is another one's duplicate; an empty ``of`` undoes it."""

    do: Literal["mark_duplicate"] = "mark_duplicate"
    incident: str
    of: str = ""


class WriteLog(_Given):
    do: Literal["write_log"] = "write_log"
    text: str = Field(min_length=1, max_length=16_000)
    incident: str = ""
    at_ms: int | None = Field(default=None, ge=0, le=LATEST_MS)
    """When it happened; entry time is the core's."""


class Assign(_Given):
    """Sends a unit to an incident or a place; answers ``{"assignment": id, "eta_s": …}``."""

    do: Literal["assign"] = "assign"
    unit: str
    incident: str = ""
    place: PlaceInput | None = None


class StandDown(_Given):
    do: Literal["stand_down"] = "stand_down"
    unit: str
    why: str = Field(default="", max_length=200)


class SetStatus(_Given):
    """A unit's status by full name or the short word an operator types (``enr``)."""

    do: Literal["set_status"] = "set_status"
    unit: str
    status: str


class QuickLine(_Given):
    """A typed line: ``E12 enr``, ``E12 I-3`` (assign), ``log gate shut``, ``I-3 dup I-1``, ``I-3 p1``."""

    do: Literal["quick"] = "quick"
    line: str = Field(min_length=1, max_length=500)
    incident: str = ""
    """The selected incident, for ``log``."""


class Decide(_Given):
    """A signed decision (see ``picture.decisions.sign``); the key never leaves the client."""

    do: Literal["decide"] = "decide"
    proposal: str
    digest: str
    verdict: Literal["approve", "reject"]
    public_key: str
    signature: str
    totp: str = Field(default="", max_length=10, repr=False)
    """A fresh second factor, where an effect is of class two_person and the core knows its users."""
    reason: str = Field(default="", max_length=300)
    """Why, in the person's words; sealed, and no part of what is signed."""


class EditProposal(_Given):
    """Offers a proposal again without some of its effects; answers ``{"proposal": new id}``."""

    do: Literal["edit_proposal"] = "edit_proposal"
    proposal: str
    drop: tuple[str, ...] = Field(min_length=1)


class AckAlarm(_Given):
    do: Literal["ack_alarm"] = "ack_alarm"
    alarm: str


class ClearAlarm(_Given):
    """A person ends an alarm; the only way a life-safety alarm ends."""

    do: Literal["clear_alarm"] = "clear_alarm"
    alarm: str
    why: str = Field(min_length=1, max_length=200)


class CancelAlert(_Given):
    """Retracts an alert: agencies at once; a public one by a two-person proposal."""

    do: Literal["cancel_alert"] = "cancel_alert"
    alert: str


class ControlDrill(_Given):
    """``stop`` ends the exercise for good (real emergency)."""

    do: Literal["drill"] = "drill"
    action: Literal["pause", "resume", "speed", "step", "jump", "stop"]
    speed: float | None = Field(default=None, gt=0, le=1000)
    by_s: float | None = Field(default=None, gt=0, le=86_400)
    """jump: how far ahead."""


class SetHandsOff(_Given):
    """Every playbook and agent back to advice, or released again."""

    do: Literal["hands_off"] = "hands_off"
    on: bool


class HandOver(_Given):
    """A shift handover: offered with own words, confirmed on the whole brief, accepted or refused by the incoming.

    ``offer`` answers ``{"brief": text, "digest": …}``: what the picture says, then the own words. ``confirm`` may
    name that digest. The outgoing withdraws by ``refuse`` too.
    """

    do: Literal["hand_over"] = "hand_over"
    step: Literal["offer", "confirm", "accept", "refuse"]
    to: str = Field(default="", max_length=80)
    brief: str = Field(default="", max_length=16_000)
    """Own words; with ``refuse``: why."""
    digest: str = Field(default="", max_length=64)


class Claim(_Given):
    """Takes an incident, alarm or proposal into one's hands; ``take_over`` from whoever holds it, which is recorded."""

    do: Literal["claim"] = "claim"
    subject: str = Field(min_length=1, max_length=80)
    take_over: bool = False


class Release(_Given):
    """Lets go of what one holds."""

    do: Literal["release"] = "release"
    subject: str = Field(min_length=1, max_length=80)


class Lock(_Given):
    """Locks this client: no sealed value reaches it and nothing can be given from it until it is unlocked."""

    do: Literal["lock"] = "lock"
    pin: str = Field(default="", max_length=20, repr=False)
    """Opens it again, beside token and second factor; four characters or more."""


class Unlock(_Given):
    """Opens a locked client again by one of the three."""

    do: Literal["unlock"] = "unlock"
    token: str = Field(default="", max_length=100, repr=False)
    totp: str = Field(default="", max_length=10, repr=False)
    pin: str = Field(default="", max_length=20, repr=False)


class ChangeUser(_Given):
    """Adds, changes or closes a user; for supervisors who administer users, with their second factor.

    Answers what is shown once and stands nowhere: ``{"token": …, "otpauth": …}``.
    """

    do: Literal["user"] = "user"
    action: Literal["add", "close", "token", "totp", "key"]
    name: str = Field(min_length=1, max_length=80)
    agency: str = Field(default="", max_length=80)
    role: str = ""
    positions: tuple[str, ...] = ()
    admin: bool = False
    key: str = Field(default="", max_length=64)
    """Hex Ed25519 key to register."""
    days: int = Field(default=180, ge=1, le=3660)
    """How long a new token is good for."""
    totp: str = Field(default="", max_length=10, repr=False)
    """The administrator's own second factor."""


class RoadsMeant(_Given):
    """Which roads: a street by its name, the road at a position, or all that a drawn shape touches; one of them."""

    road: str = Field(default="", max_length=200)
    place: PlaceInput | None = None
    shape: str = Field(default="", max_length=200_000)
    """WKT or GeoJSON, longitude and latitude."""
    reason: str = Field(min_length=1, max_length=300)


class CloseRoad(RoadsMeant):
    """Closes roads, to everybody or to some profiles; answers ``{"closure": id, "name", "segments"}``."""

    do: Literal["close_road"] = "close_road"
    profiles: tuple[str, ...] = Field(default=(), max_length=20)


class LinkInput(_Command):
    """A temporary road (a bridge laid, a yard opened) between the crossings nearest to two places."""

    start: PlaceInput
    end: PlaceInput
    one_way: bool = False
    speed_kmh: float = Field(default=20.0, ge=1, le=130)


class ChangeRoad(RoadsMeant):
    """Makes roads slower (``factor`` 2: twice as long), opens one-ways against their direction, or lays a link.

    Answers ``{"change": id, "name", "segments"}``; ``reopen_road`` makes it what it was.
    """

    do: Literal["change_road"] = "change_road"
    factor: float | None = Field(default=None, ge=0.1, le=100)
    contraflow: bool = False
    link: LinkInput | None = None


class ReopenRoad(_Given):
    """Lifts one closure or change by its id, or all of a street; answers ``{"lifted": ids, "still_closed": ids}``."""

    do: Literal["reopen_road"] = "reopen_road"
    closure: str = Field(default="", max_length=80)
    road: str = Field(default="", max_length=200)
    why: str = Field(default="", max_length=200)


class NearestUnits(_Given):
    """Which units could go; answers ``{"units": [{unit, eta_s, length_m, why_not}]}``, best first."""

    do: Literal["nearest_units"] = "nearest_units"
    incident: str


class Explain(_Given):
    """Why each playbook fired or did not: ``{"traces": [{playbook, version, state, words, clause, thing, lines}]}``."""

    do: Literal["explain"] = "explain"
    playbook: str = ""


class OpenCounted(_Given):
    """What a counted line holds, from message ``after`` on: ``{"messages": [text], "count": all of it}``.

    Whoever opens it is journalled first (``value.read``).
    """

    do: Literal["open_counted"] = "open_counted"
    source: Annotated[str, Field(max_length=80)]
    minute_ms: int
    after: int = Field(default=0, ge=0)
    limit: int = Field(default=50, ge=1, le=200)
    why: Annotated[str, Field(min_length=1, max_length=300)]


Command = Annotated[
    ResolvePlace
    | TakeReport
    | ChangeIncident
    | CloseIncident
    | ReopenIncident
    | MarkDuplicate
    | WriteLog
    | Assign
    | StandDown
    | SetStatus
    | QuickLine
    | OpenCounted
    | Decide
    | EditProposal
    | AckAlarm
    | ClearAlarm
    | CancelAlert
    | ControlDrill
    | SetHandsOff
    | HandOver
    | Claim
    | Release
    | Lock
    | Unlock
    | ChangeUser
    | CloseRoad
    | ReopenRoad
    | ChangeRoad
    | NearestUnits
    | Explain,
    Field(discriminator="do"),
]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
