"""``tocsin.incident/1``: one JSON object per report, in human units, from call takers, citizens and partners.

``type`` says which: report, facility, road, reply, unit. Times are RFC 3339 with a zone, positions ``[lon, lat]`` in
degrees. An unknown key is refused with the nearest known one: a misspelt ``people_traped`` must not vanish. The forms
are documented field by field in ``docs/feeds.md``, and a test holds the two together.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from feeds import fields, strict_json
from feeds.base import FeedContext
from feeds.fields import UNREAD, refuse
from picture.clock import rfc3339
from picture.errors import InputError
from picture.reports import (
    INCIDENT_KINDS,
    FacilityReport,
    IncidentReport,
    Report,
    RequestReply,
    RoadReport,
    UnitReport,
)

SCHEMA: Final = "tocsin.incident/1"
Word = Annotated[StrictStr, Field(max_length=80)]
Line = Annotated[StrictStr, Field(max_length=200)]
Words = Annotated[StrictStr, Field(max_length=16_000)]
Degrees = Annotated[list[StrictFloat | StrictInt], Field(min_length=2, max_length=2)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["tocsin.incident/1"] = Field(alias="schema")
    time: StrictStr
    """When it happened or was said, RFC 3339 with zone."""
    id: Line = ""
    """The sender's own name for this report or thing."""


class ReportForm(_Form):
    """Somebody says that something is happening."""

    type: Literal["report"]
    kind: Word
    """One of our incident kinds; another word becomes ``other`` and is kept at the head of the text."""
    position: Degrees | None = None
    uncertainty_m: Annotated[StrictInt, Field(ge=0, le=100_000)] = 50
    place: Words | None = None
    """The place in the caller's words."""
    text: Words | None = None
    caller: Line | None = None
    call_back: Line | None = None
    people_at_risk: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = None
    people_trapped: StrictBool = False
    severity: Annotated[StrictInt, Field(ge=1, le=4)] | None = None
    """1 is worst."""
    reporter: Literal["call_taker", "citizen", "officer", "agency", "sensor"] = "citizen"
    authoritative_id: Word = ""
    """Number given by another control room or CAD."""
    origin: Word = ""
    """Who first said it, if this is passed on."""


class FacilityForm(_Form):
    """One attribute of a facility, as its owner states it."""

    type: Literal["facility"]
    facility: Word
    attribute: Word
    value: StrictBool | StrictInt | StrictFloat | Words


class RoadForm(_Form):
    """A road or bridge is closed or open again."""

    type: Literal["road"]
    road: Line
    closed: StrictBool
    reason: Line = ""
    position: Degrees | None = None


class ReplyForm(_Form):
    """Another control room's answer to a request of ours."""

    type: Literal["reply"]
    request: Word
    """Id of our request."""
    answer: Literal["accepted", "refused", "countered", "done"]
    terms: Annotated[dict[Word, Line], Field(max_length=32)] = Field(default_factory=dict)
    """What it offers instead, by name."""
    text: Words | None = None


class UnitForm(_Form):
    """Where a unit is, or what it says it does."""

    type: Literal["unit"]
    callsign: Word
    position: Degrees | None = None
    speed_mps: Annotated[StrictFloat | StrictInt, Field(ge=0, le=400)] | None = None
    course_deg: Annotated[StrictFloat | StrictInt, Field(ge=0, lt=360)] | None = None
    status: Word | None = None
    text: Words | None = None


FORMS: Final[dict[str, type[_Form]]] = {
    "report": ReportForm, "facility": FacilityForm, "road": RoadForm, "reply": ReplyForm, "unit": UnitForm,
}  # fmt: skip


# --- in ---------------------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The one report in a ``tocsin.incident/1`` object.

    Raises ``InputError``: TOC-2003 with the key that is missing, unknown or of the wrong type, TOC-2006 for another
    schema or type, TOC-2009 for a position or time that cannot be.
    """
    value = strict_json.parse(data, context.limits)
    if not isinstance(value, dict):
        refuse("document", "not a JSON object")
    if value.get("schema") != SCHEMA:
        refuse("schema", f"not {SCHEMA!r}", UNREAD)
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in FORMS:
        refuse("type", f"not one of {', '.join(FORMS)}{fields.near(str(kind), FORMS)}", UNREAD)
    return (_report(_validated(FORMS[kind], value)),)


def _validated(form: type[_Form], value: dict[str, Any]) -> _Form:
    try:
        return form.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:4])[:120]
        if first["type"] == "extra_forbidden":
            known = [info.alias or name for name, info in form.model_fields.items()]
            raise InputError(f"{where!a}: unknown key{fields.near(where, known)}", code=fields.BROKEN) from None
        raise InputError(f"{where}: {first['msg']}", code=fields.BROKEN) from None


def _report(form: _Form) -> Report:
    common = {"at_ms": fields.instant(form.time, "time"), "external_id": form.id}
    match form:
        case ReportForm():
            return _incident(form, common)
        case FacilityForm():
            return fields.build(
                FacilityReport, "", **common, facility=form.facility, attribute=form.attribute, value=form.value
            )
        case RoadForm():
            lon_e7, lat_e7 = _position(form.position)
            return fields.build(
                RoadReport, "", **common, road=form.road, closed=form.closed, reason=form.reason, lon_e7=lon_e7,
                lat_e7=lat_e7,
            )  # fmt: skip
        case ReplyForm():
            return fields.build(
                RequestReply, "", **common, request=form.request, answer=form.answer, terms=tuple(form.terms.items()),
                text=form.text,
            )  # fmt: skip
        case UnitForm():
            lon_e7, lat_e7 = _position(form.position)
            speed_mmps = None if form.speed_mps is None else round(form.speed_mps * 1000)
            course_cdeg = None if form.course_deg is None else round(form.course_deg * 100) % 36_000
            return fields.build(
                UnitReport, "", **common, callsign=form.callsign, lon_e7=lon_e7, lat_e7=lat_e7, speed_mmps=speed_mmps,
                course_cdeg=course_cdeg, status=form.status, text=form.text,
            )  # fmt: skip
        case _:  # every form stands above
            raise TypeError(type(form).__name__)


def _incident(form: ReportForm, common: dict[str, Any]) -> IncidentReport:
    lon_e7, lat_e7 = _position(form.position)
    known = form.kind in INCIDENT_KINDS
    text = form.text if known else fields.shortened(f"{form.kind}: {form.text or ''}".removesuffix(": "), 16_000)
    return fields.build(
        IncidentReport, "", **common, incident_kind=form.kind if known else "other", lon_e7=lon_e7, lat_e7=lat_e7,
        uncertainty_m=form.uncertainty_m, place_as_said=form.place, text=text, caller=form.caller,
        call_back=form.call_back, people_at_risk=form.people_at_risk, people_trapped=form.people_trapped,
        severity=form.severity, reporter=form.reporter, authoritative_id=form.authoritative_id, origin=form.origin,
    )  # fmt: skip


def _position(pair: list[float | int] | None) -> tuple[int | None, int | None]:
    if pair is None:
        return None, None
    return fields.e7(fields.number(pair[0], "position"), fields.number(pair[1], "position"), "position")


# --- out --------------------------------------------------------------------------------------------------------


def encode(report: IncidentReport | FacilityReport | RoadReport | RequestReply | UnitReport) -> bytes:
    """The JSON object that ``decode`` reads back as this report; keys that say nothing are left out."""
    form: dict[str, Any] = {"schema": SCHEMA, "time": rfc3339(report.at_ms), "id": report.external_id or None}
    match report:
        case IncidentReport():
            form |= {
                "type": "report", "kind": report.incident_kind, "position": _degrees(report.lon_e7, report.lat_e7),
                "uncertainty_m": report.uncertainty_m, "place": report.place_as_said, "text": report.text,
                "caller": report.caller, "call_back": report.call_back, "people_at_risk": report.people_at_risk,
                "people_trapped": report.people_trapped or None, "severity": report.severity,
                "reporter": report.reporter, "authoritative_id": report.authoritative_id or None,
                "origin": report.origin or None,
            }  # fmt: skip
        case FacilityReport():
            form |= {"type": "facility", "facility": report.facility, "attribute": report.attribute,
                     "value": report.value}  # fmt: skip
        case RoadReport():
            form |= {"type": "road", "road": report.road, "closed": report.closed, "reason": report.reason or None,
                     "position": _degrees(report.lon_e7, report.lat_e7)}  # fmt: skip
        case RequestReply():
            form |= {"type": "reply", "request": report.request, "answer": report.answer,
                     "terms": dict(report.terms) or None, "text": report.text}  # fmt: skip
        case UnitReport():
            form |= {
                "type": "unit", "callsign": report.callsign, "position": _degrees(report.lon_e7, report.lat_e7),
                "speed_mps": None if report.speed_mmps is None else report.speed_mmps / 1000,
                "course_deg": None if report.course_cdeg is None else report.course_cdeg / 100,
                "status": report.status, "text": report.text,
            }  # fmt: skip
    present = {key: value for key, value in form.items() if value is not None}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _degrees(lon_e7: int | None, lat_e7: int | None) -> list[float] | None:
    return None if lon_e7 is None or lat_e7 is None else [lon_e7 / fields.E7, lat_e7 / fields.E7]
