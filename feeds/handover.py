"""An incident of our picture as we hand it over to another control room, whatever the wire."""

from __future__ import annotations

from picture.model import Incident
from picture.reports import INCIDENT_KINDS, IncidentReport


def of_incident(
    incident: Incident, *, agency: str, prefix: str = "", text: str | None = None, caller: str | None = None,
    call_back: str | None = None, place_as_said: str | None = None,
) -> IncidentReport:  # fmt: skip
    """The incident under our number, ``<id>:<agency>`` (``prefix`` before it where a wire has a form of its own).

    What is sealed comes from who may read it, or stays behind.
    """
    place = incident.place
    tracking = f"{incident.id}:{agency}"
    at_risk = f"People at risk: {incident.people_at_risk}" if incident.people_at_risk else ""
    told = [incident.title, at_risk, "People trapped" if incident.people_trapped else "", text]
    return IncidentReport(
        at_ms=incident.updated_ms, external_id=prefix + tracking, authoritative_id=tracking,
        incident_kind=incident.kind if incident.kind in INCIDENT_KINDS else "other",
        lon_e7=place.lon_e7 if place else None, lat_e7=place.lat_e7 if place else None,
        uncertainty_m=place.uncertainty_m if place else 50,
        place_as_said=place_as_said or (place.label if place else "") or None,
        text="\n".join(filter(None, told)), caller=caller, call_back=call_back, severity=incident.priority,
        reporter="agency", origin=agency,
    )  # fmt: skip
