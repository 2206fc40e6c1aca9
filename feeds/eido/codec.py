"""NENA EIDO both ways: ``decode`` to an incident and its units, ``encode`` to the JSON another control room reads.

An incident's tracking identifier is its authoritative number: two different ones never become one incident, whatever
merges and links a sender tells; those are words. Callers and call-backs go where they are sealed. A unit is named by
its agency too (``E12@north.example``): another agency's E12 is not ours. What we sent ourselves and comes back
(``self`` in the feed's ``names``) is noted and reported no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

from feeds import fields, strict_json
from feeds.base import FeedContext
from feeds.eido import pidf
from feeds.eido.words import FROM_APCO, TO_APCO, UNIT_STATUS, marked_up, plain, priority_of, severity_of
from feeds.fields import UNREAD, refuse
from picture.clock import rfc3339
from picture.reports import INCIDENT_KINDS, IncidentReport, Report, UnitReport

VERSION: Final = "1.0"
INCIDENT_URN: Final = "urn:emergency:uid:incidentid:"
SELF: Final = "self"
"""Key of a feed's ``names``: the agency that we are in our own messages."""
_TOO_MANY: Final = "TOC-2004"
_MOST: Final = 500
_UNKNOWN: Final = "Unknown"
Json = dict[str, Any]


# --- in ---------------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The incident of an EIDO, then its units; nothing where it is our own coming back.

    Raises ``InputError``: TOC-2003 with the field that breaks a rule, TOC-2006 where it is no EIDO of version 1.0 or
    tells of no incident and no call, TOC-2009 for a place or time that cannot be.
    """
    value = strict_json.parse(data, context.limits)
    if not isinstance(value, dict) or "eidoVersion" not in value:
        refuse("eidoVersion", "this is no EIDO", UNREAD)
    if value["eidoVersion"] != VERSION:
        refuse("eidoVersion", f"not {VERSION}", UNREAD)
    if "incidentComponent" not in value and not value.get("callComponent"):
        refuse("incidentComponent", "neither an incident nor a call", UNREAD)
    ours = context.names.get(SELF, "")
    document = _Document(value, ours)
    if ours and document.agency == ours:
        context.skip(f"our own {document.tracking[:80]} coming back")
        return ()
    incident = _incident(document)
    units = (_unit(one, document, context.names) for one in document.listed("emergencyResourceComponent"))
    return (incident, *units)


class _Document:
    """An EIDO by parts: its components by identifier, and who speaks."""

    def __init__(self, value: Json, ours: str) -> None:
        self.value = value
        self.id = _text(value.get("$id"), "$id", 200)
        tracking = self.id.removeprefix(INCIDENT_URN)
        self.tracking = tracking.removesuffix(f":{ours}") if ours else tracking
        """The incident's number; of an incident under our own, its name in our picture."""
        agency = _reference(value.get("updatedByAgencyReference"), "updatedByAgencyReference")
        self.agency = fields.text(agency or _text(value.get("issuingElementIdentification"),
                                                  "issuingElementIdentification", 80), "agency", 80)  # fmt: skip
        self.at_ms = fields.instant(value.get("lastUpdateTimeStamp"), "lastUpdateTimeStamp")
        self._parts: dict[str, Json] = {}
        for name in ("locationComponent", "notesComponent", "personComponent", "callbackComponent"):
            for part in self.listed(name):
                self._parts.setdefault(_text(part.get("$id"), f"{name}.$id", 200), part)

    def listed(self, name: str) -> list[Json]:
        """The components of that name; none where it is missing."""
        found = self.value.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            refuse(name, "not a list of objects")
        if len(found) > _MOST:
            refuse(name, f"more than {_MOST}", _TOO_MANY)
        return found

    def incident(self) -> Json:
        found = self.value.get("incidentComponent", {})
        if not isinstance(found, dict):
            refuse("incidentComponent", "not an object")
        return found

    def referred(self, owner: Json, name: str) -> list[Json]:
        """The components that a field refers to, one or several; what was not sent along is left out."""
        said = owner.get(name, [])
        names = [_reference(one, name) for one in (said if isinstance(said, list) else [said])]
        return [self._parts[one] for one in names if one in self._parts]


def _incident(document: _Document) -> IncidentReport:
    incident = document.incident()
    calls = document.listed("callComponent")
    stamp = incident.get("lastUpdateTimeStamp")
    kind, kind_words = _kind(incident)
    place, place_said = _place(document, [incident, *calls])
    caller, call_back = _caller(document, calls)
    told = [kind_words, *_status_words(incident), *_notes(document), *_merges(document)]
    return fields.build(
        IncidentReport, "incident",
        at_ms=document.at_ms if stamp is None else fields.instant(stamp, "incidentComponent.lastUpdateTimeStamp"),
        external_id=document.id, authoritative_id=fields.text(document.tracking, "$id", 80), incident_kind=kind,
        lon_e7=place.lon_e7, lat_e7=place.lat_e7, uncertainty_m=place.uncertainty_m,
        place_as_said=place_said or None, text=fields.shortened("\n".join(filter(None, told)), 16_000) or None,
        caller=caller or None, call_back=call_back or None, severity=_severity(incident), reporter="agency",
        origin=document.agency,
    )  # fmt: skip


def _kind(incident: Json) -> tuple[str, str]:
    """(our kind, the sender's words where ours say less)."""
    internal = _said(incident, "incidentTypeInternalCode")
    if internal in INCIDENT_KINDS:
        return internal, ""
    code = _said(incident, "incidentTypeCommonRegistryText")
    words = _said(incident, "incidentTypeInternalText") or internal or code
    return FROM_APCO.get(code.strip().upper(), "other"), words


def _severity(incident: Json) -> int | None:
    priority = incident.get("incidentCommonPriorityNumber")
    if priority is None:
        return None
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 10:
        refuse("incidentCommonPriorityNumber", "not an integer from 0 to 10")
    return severity_of(priority)


def _status_words(incident: Json) -> list[str]:
    words = _texts(incident, "incidentStatusCommonRegistryText")[:20]
    return [f"Status: {', '.join(words)}"] if words else []


def _notes(document: _Document) -> list[str]:
    """All notes, oldest first: notes of calls and persons are notes of the incident too."""
    dated = []
    for part in document.listed("notesComponent"):
        words = plain(_text(part.get("notesActionComments"), "notesActionComments", 16_000))
        dated.append((fields.instant(part.get("lastUpdateTimeStamp"), "notesComponent.lastUpdateTimeStamp"), words))
    return [words for _, words in sorted(dated, key=lambda one: one[0])]


def _merges(document: _Document) -> list[str]:
    found = [(part, _said(part, "incidentMergeDirectionCode")) for part in document.listed("mergeComponent")]
    found += [(part, _said(part, "linkDirectionCode")) for part in document.listed("linkComponent")]
    return [
        f"{how.lower() or 'linked'}: {_said(part, 'incidentTrackingIdentifier').removeprefix(INCIDENT_URN)}"
        for part, how in found
    ]


def _place(document: _Document, owners: Sequence[Json]) -> tuple[pidf.Located, str]:
    """The incident's place, else that of its calls; the first with a position, and the first words for it."""
    places = [place for owner in owners for place in document.referred(owner, "locationReference")]
    read = [(_located(place), _said(place, "locationDescriptionText")) for place in places]
    best = next((located for located, _ in read if located.lon_e7 is not None), pidf.Located())
    said = next((words or located.address for located, words in read if words or located.address), "")
    return best, fields.shortened(said, 16_000)


def _located(place: Json) -> pidf.Located:
    if "locationByValue" not in place:
        return pidf.Located()
    text = _text(place["locationByValue"], "locationByValue", 65_536)
    return pidf.read(text.strip(), "locationByValue")


def _caller(document: _Document, calls: Sequence[Json]) -> tuple[str, str]:
    persons = [one for call in calls for one in document.referred(call, "personReference")]
    persons += document.listed("personComponent")
    caller = next((one for one in persons if "Caller" in _texts(one, "personIncidentRoleRegistryText")), {})
    backs = document.referred(caller, "callBackReference")
    backs += [back for call in calls for back in document.referred(call, "callBackReference")]
    uris = [uri for back in backs for uri in _texts(back, "callBackInformationUri")]
    best = next((uri for uri in uris if uri.startswith("tel:")), next(iter(uris), ""))
    return fields.shortened(_name(caller), 200), fields.shortened(unquote(best.removeprefix("tel:")), 200)


def _name(person: Json) -> str:
    """The full name, else given and family name; NIEM writes each as a list of texts, or objects with a value."""
    names = _first(person.get("ncPersonComponent"), "name")
    full = _words(_first(names, "personFullName"))
    return full or " ".join(filter(None, (_words(_first(names, f"person{part}Name")) for part in ("Given", "Sur"))))


def _first(owner: Any, name: str) -> Any:
    said = owner.get(name) if isinstance(owner, dict) else None
    return said[0] if isinstance(said, list) and said else said


def _words(value: Any) -> str:
    said = value.get("value") if isinstance(value, dict) else value
    return said.strip() if isinstance(said, str) else ""


def _unit(part: Json, document: _Document, names: Mapping[str, str]) -> UnitReport:
    path = "emergencyResourceComponent"
    name = _said(part, "emergencyResourceName") or _text(part.get("$id"), f"{path}.$id", 80)
    callsign = f"{name}@{document.agency}"
    said = next(iter(_texts(part, "unitStatusInternal")), _said(part, "primaryUnitStatusRegistryText"))
    place = next((_located(one) for one in document.referred(part, "unitLocationReference")), pidf.Located())
    return fields.build(
        UnitReport, path, at_ms=fields.instant(part.get("lastUpdateTimeStamp"), f"{path}.lastUpdateTimeStamp"),
        external_id=_text(part.get("$id"), f"{path}.$id", 200), callsign=names.get(callsign, callsign),
        lon_e7=place.lon_e7, lat_e7=place.lat_e7,
        status=fields.text(said, f"{path}.status", 80) if said not in ("", _UNKNOWN) else None,
    )  # fmt: skip


def _said(owner: Json, name: str) -> str:
    """A field's text; nothing where it is missing."""
    return fields.text(owner.get(name, ""), name, 16_000)


def _texts(owner: Json, name: str) -> list[str]:
    """A field's texts; none where it is missing."""
    said = owner.get(name, [])
    if not isinstance(said, list):
        refuse(name, "not a list")
    return [fields.text(one, name, 1_000) for one in said]


def _text(value: Any, field: str, limit: int) -> str:
    if value is None:
        refuse(field, "is missing")
    return fields.text(value, field, limit)


def _reference(value: Any, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict):
        refuse(field, "not a reference")
    return _text(value.get("$ref"), f"{field}.$ref", 200)


# --- out --------------------------------------------------------------------------------------------------


def encode(
    report: IncidentReport, units: Sequence[UnitReport] = (), *, issuer: str, agency_type: str = "psap",
    agency_role: str = "Dispatching", linked: Iterable[str] = (),
) -> bytes:  # fmt: skip
    """The EIDO that ``decode`` reads back as this incident and these units (by their agency's names).

    ``report.origin`` is the agency that speaks, ``issuer`` the system; ``linked`` are the numbers that other control
    rooms gave the same incident, which stay theirs.
    """
    prologue = _Prologue(report.origin, report.at_ms)
    persons = [prologue.of("caller", personIncidentRoleRegistryText=["Caller"],
                           ncPersonComponent={"name": [{"personFullName": [{"value": report.caller}]}]},
                           callBackReference={"$ref": "callback"} if report.call_back else None)
               ] if report.caller or report.call_back else []  # fmt: skip
    backs = [prologue.of("callback", callBackInformationUri=[f"tel:{quote(report.call_back, safe='+-().*#')}"])
             ] if report.call_back else []  # fmt: skip
    notes = [prologue.of("note", notesActionComments=marked_up(report.text))] if report.text else []
    form = {
        **prologue.of(report.external_id), "eidoVersion": VERSION, "issuingElementIdentification": issuer,
        "incidentComponent": _incident_form(report, prologue, bool(persons)),
        "linkComponent": [
            prologue.of(f"link-{k}", incidentTrackingIdentifier=INCIDENT_URN + one, linkDirectionCode="RELATED")
            for k, one in enumerate(linked, start=1)
        ],
        "callbackComponent": backs, "notesComponent": notes, "personComponent": persons,
        "emergencyResourceComponent": [_unit_form(unit, report, prologue) for unit in units],
        "agencyComponent": [prologue.of(report.origin, agencyRoleDescriptionRegistryText=[agency_role],
                                        agencyType=[agency_type])],
        "agentComponent": [_agent_form(unit, report, prologue) for unit in units],
        "locationComponent": _location_forms(report, units, prologue),
    }  # fmt: skip
    present = {key: value for key, value in form.items() if value not in (None, [])}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


class _Prologue:
    """What every component of one EIDO begins with."""

    def __init__(self, agency: str, at_ms: int) -> None:
        self._agency, self._at_ms = agency, at_ms

    def of(self, identifier: str, at_ms: int | None = None, **more: Any) -> Json:
        known = {
            "$id": identifier, "lastUpdateTimeStamp": rfc3339(self._at_ms if at_ms is None else at_ms),
            "updatedByAgencyReference": {"$ref": self._agency},
        }  # fmt: skip
        return known | {key: value for key, value in more.items() if value is not None}


def _incident_form(report: IncidentReport, prologue: _Prologue, caller: bool) -> Json:
    return prologue.of(
        "incident", incidentTypeCommonRegistryText=TO_APCO[report.incident_kind],
        incidentTypeInternalCode=report.incident_kind, incidentTypeInternalText=INCIDENT_KINDS[report.incident_kind],
        incidentCommonPriorityNumber=None if report.severity is None else priority_of(report.severity),
        locationReference=[{"$ref": "place"}] if report.lon_e7 is not None or report.place_as_said else None,
        notesReference=[{"$ref": "note"}] if report.text else None,
        personReference=[{"$ref": "caller"}] if caller else None,
    )  # fmt: skip


def _location_forms(report: IncidentReport, units: Sequence[UnitReport], prologue: _Prologue) -> list[Json]:
    found = []
    if report.lon_e7 is not None or report.place_as_said:
        found.append(
            prologue.of("place", locationTypeDescriptionRegistryText="Incident",
                        locationByValue=_circle(report.lon_e7, report.lat_e7, report.uncertainty_m),
                        locationDescriptionText=report.place_as_said)
        )  # fmt: skip
    for unit in units:
        if unit.lon_e7 is not None:
            found.append(prologue.of(f"at-{unit.callsign}", unit.at_ms, locationTypeDescriptionRegistryText="Unit",
                                     locationByValue=_circle(unit.lon_e7, unit.lat_e7, 50)))  # fmt: skip
    return found


def _circle(lon_e7: int | None, lat_e7: int | None, uncertainty_m: int) -> str | None:
    return None if lon_e7 is None or lat_e7 is None else pidf.write(lon_e7, lat_e7, uncertainty_m)


def _unit_form(unit: UnitReport, report: IncidentReport, prologue: _Prologue) -> Json:
    return prologue.of(
        unit.external_id or unit.callsign, unit.at_ms, emergencyResourceName=unit.callsign,
        emergencyResourceTypeCommonRegistryText="Other", resourceAttributeRegistryText=[],
        primaryUnitStatusRegistryText=UNIT_STATUS.get(unit.status or "", _UNKNOWN),
        secondaryUnitStatusRegistryText=[], unitStatusInternal=[unit.status] if unit.status else None,
        agentReference=[{"$ref": f"agent-{unit.callsign}"}], activeOnIncidentId=report.external_id,
        unitLocationReference=None if unit.lon_e7 is None else {"$ref": f"at-{unit.callsign}"},
    )  # fmt: skip


def _agent_form(unit: UnitReport, report: IncidentReport, prologue: _Prologue) -> Json:
    return prologue.of(f"agent-{unit.callsign}", unit.at_ms, agentRoleRegistryText=["Responding"],
                       agencyReference={"$ref": report.origin})  # fmt: skip
