"""What each kind of entry does to the picture: one small function per event, gathered in ``HANDLERS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from picture import events as ev
from picture import keeping as k
from picture import model as m
from picture.entry import Entry, Ref
from picture.records import changed

Handler = Callable[[m.StreamPicture, Entry, Any], None]
HANDLERS: dict[type[ev.Event], Handler] = {}
E = TypeVar("E", bound=ev.Event)
KEPT_VALUES = 48
"""How many past values a sensor keeps on the picture."""
SILENT: frozenset[type[ev.Event]] = frozenset(
    {ev.SegmentOpened, ev.TimerSet, ev.TimerFired, ev.CommandGiven, ev.CommandRefused, ev.KeyRotated, ev.ValueRead}
)
"""What stands in the journal for the record and for a restart, and changes nothing on the picture."""


def on(event: type[E]) -> Callable[[Callable[[m.StreamPicture, Entry, E], None]], Callable[..., None]]:
    """Registers the function as the fold of this kind of event."""

    def register(function: Callable[[m.StreamPicture, Entry, E], None]) -> Callable[..., None]:
        HANDLERS[event] = function
        return function

    return register


def place_of(
    lon_e7: int | None, lat_e7: int | None, label: str = "", uncertainty_m: int = 0, how: str = "coordinates"
) -> m.Place | None:
    return None if lon_e7 is None or lat_e7 is None else m.Place(lon_e7, lat_e7, label, uncertainty_m, how)


def _given(event: ev.Event, names: tuple[str, ...]) -> dict[str, Any]:
    values = event.__dict__
    return {name: value for name in names if (value := values[name]) is not None}


# --- the world and its site -------------------------------------------------------------------------------------


@on(ev.WorldOpened)
def world_opened(p: m.StreamPicture, entry: Entry, e: ev.WorldOpened) -> None:
    p.site, p.world, p.city = e.site, e.world, e.city
    p.drill = k.Drill(e.scenario, e.title, e.seed, e.start_ms, e.end_ms)


@on(ev.AgencyRegistered)
def agency_registered(p: m.StreamPicture, entry: Entry, e: ev.AgencyRegistered) -> None:
    p.agencies[e.id] = m.Agency(e.id, e.name, e.agency_kind)


@on(ev.FacilityRegistered)
def facility_registered(p: m.StreamPicture, entry: Entry, e: ev.FacilityRegistered) -> None:
    p.facilities[e.id] = m.Facility(
        e.id,
        e.facility_kind,
        e.name,
        e.lon_e7,
        e.lat_e7,
        e.agency,
        e.address,
        e.district,
        e.elevation_mm,
        tuple(sorted(dict(e.attributes).items())),
        entry.at_ms,
    )


@on(ev.UnitRegistered)
def unit_registered(p: m.StreamPicture, entry: Entry, e: ev.UnitRegistered) -> None:
    p.units[e.id] = m.Unit(
        e.id,
        e.name,
        e.agency,
        e.nims_kind,
        e.nims_type,
        e.station,
        e.home_lon_e7,
        e.home_lat_e7,
        e.profile,
        e.wading_mm,
        e.crew,
        e.skills,
        since_ms=entry.at_ms,
    )


@on(ev.SensorRegistered)
def sensor_registered(p: m.StreamPicture, entry: Entry, e: ev.SensorRegistered) -> None:
    p.sensors[e.id] = m.Sensor(e.id, e.quantity, e.name, lon_e7=e.lon_e7, lat_e7=e.lat_e7)


@on(ev.FeedRegistered)
def feed_registered(p: m.StreamPicture, entry: Entry, e: ev.FeedRegistered) -> None:
    known = p.feeds.get(e.id) or k.Feed(e.id, e.wire)
    p.feeds[e.id] = changed(known, wire=e.wire, silent_after_s=e.silent_after_s, grade=e.grade, lane=e.lane)


# --- what arrives -----------------------------------------------------------------------------------------------


@on(ev.ReportReceived)
def report_received(p: m.StreamPicture, entry: Entry, e: ev.ReportReceived) -> None:
    feed = p.feeds.get(entry.source)
    if feed is not None:
        p.feeds[feed.id] = changed(
            feed,
            received=feed.received + 1,
            last_received_ms=entry.recorded_ms,
            last_event_ms=max(feed.last_event_ms, entry.at_ms),
            state="ok" if feed.state == "waiting" else feed.state,
        )


@on(ev.ReportRefused)
def report_refused(p: m.StreamPicture, entry: Entry, e: ev.ReportRefused) -> None:
    feed = p.feeds.get(entry.source)
    if feed is not None:
        p.feeds[feed.id] = changed(feed, refused=feed.refused + e.repeats)
    minute = e.minute_ms or entry.recorded_ms // 60_000 * 60_000
    key = f"{entry.source}/{minute}/{e.code}"
    known = p.refusals.get(key)
    p.refusals[key] = (
        changed(known, count=known.count + e.repeats)
        if known
        else k.Refusal(entry.source, minute, e.code, e.repeats, entry.seq)
    )


@on(ev.FeedChanged)
def feed_changed(p: m.StreamPicture, entry: Entry, e: ev.FeedChanged) -> None:
    if e.id in p.feeds:
        p.feeds[e.id] = changed(p.feeds[e.id], state=e.state, why=e.why, missing=max(p.feeds[e.id].missing, e.missing))


# --- incidents --------------------------------------------------------------------------------------------------


@on(ev.IncidentOpened)
def incident_opened(p: m.StreamPicture, entry: Entry, e: ev.IncidentOpened) -> None:
    p.incidents[e.incident] = m.Incident(
        id=e.incident,
        kind=e.incident_kind,
        title=e.title,
        priority=e.priority,
        place=place_of(e.lon_e7, e.lat_e7, e.place_label, e.uncertainty_m, e.place_how),
        opened_ms=entry.at_ms,
        updated_ms=entry.recorded_ms,
        units_needed=e.units_needed,
        people_at_risk=e.people_at_risk,
        people_trapped=e.people_trapped,
        people_unaccounted=_unaccounted(e),
        possible_duplicate_of=e.possible_duplicate_of,
        authoritative_ids=(e.authoritative_id,) if e.authoritative_id else (),
        unread=e.unread,
        opened_by=entry.actor.person,
        tags=e.tags,
        entry=entry.seq,
    )


def _unaccounted(e: ev.IncidentOpened | ev.ReportLinked) -> int:
    """How many people the report leaves to be accounted for; trapped people of unknown number are at least one."""
    if not e.people_trapped:
        return 0
    return 1 if e.people_at_risk is None else e.people_at_risk


@on(ev.ReportLinked)
def report_linked(p: m.StreamPicture, entry: Entry, e: ev.ReportLinked) -> None:
    incident = p.incidents.get(e.incident)
    if incident is None:
        return
    said = {path: Ref(entry.stream, e.report_entry, f"report.{path}") for path in e.has}
    link = m.ReportLink(
        e.report_entry,
        e.feed,
        e.origin,
        e.report_at_ms,
        e.grade,
        e.score_c,
        tuple(m.Evidence(*term) for term in e.evidence),
        said.get("text"),
        said.get("caller"),
        said.get("call_back"),
        said.get("place_as_said"),
        e.external_id,
    )
    place = incident.place
    if e.lon_e7 is not None and e.lat_e7 is not None:
        label = e.place_label or (place.label if place else "")
        place = m.Place(e.lon_e7, e.lat_e7, label, e.uncertainty_m or 0, place.how if place else "coordinates")
    known = [count for count in (incident.people_at_risk, e.people_at_risk) if count is not None]
    ids = incident.authoritative_ids
    p.incidents[e.incident] = changed(
        incident,
        reports=(*incident.reports, link),
        place=place,
        updated_ms=entry.recorded_ms,
        people_at_risk=max(known) if known else None,
        people_trapped=incident.people_trapped or e.people_trapped,
        people_unaccounted=max(incident.people_unaccounted, _unaccounted(e)),
        authoritative_ids=ids if not e.authoritative_id or e.authoritative_id in ids else (*ids, e.authoritative_id),
        unread=True,
    )


_CHANGEABLE = ("title", "priority", "units_needed", "people_at_risk", "people_unaccounted", "unread", "tags")


@on(ev.IncidentChanged)
def incident_changed(p: m.StreamPicture, entry: Entry, e: ev.IncidentChanged) -> None:
    incident = p.incidents.get(e.incident)
    if incident is None:
        return
    changes = _given(e, _CHANGEABLE)
    if e.incident_kind is not None:
        changes["kind"] = e.incident_kind
    if e.lon_e7 is not None and e.lat_e7 is not None:
        changes["place"] = m.Place(e.lon_e7, e.lat_e7, e.place_label or "", 0, e.place_how or "coordinates")
    p.incidents[e.incident] = changed(incident, updated_ms=entry.recorded_ms, **changes)


@on(ev.IncidentMarkedDuplicate)
def incident_duplicate(p: m.StreamPicture, entry: Entry, e: ev.IncidentMarkedDuplicate) -> None:
    if e.incident in p.incidents:
        p.incidents[e.incident] = changed(
            p.incidents[e.incident], duplicate_of=e.of, updated_ms=entry.recorded_ms, unread=False
        )


@on(ev.IncidentClosed)
def incident_closed(p: m.StreamPicture, entry: Entry, e: ev.IncidentClosed) -> None:
    if e.incident in p.incidents:
        p.incidents[e.incident] = changed(
            p.incidents[e.incident], status="closed", result_code=e.result_code, updated_ms=entry.recorded_ms
        )


@on(ev.IncidentReopened)
def incident_reopened(p: m.StreamPicture, entry: Entry, e: ev.IncidentReopened) -> None:
    if e.incident in p.incidents:
        p.incidents[e.incident] = changed(
            p.incidents[e.incident], status="open", result_code="", updated_ms=entry.recorded_ms
        )


# --- tracks, sensors, facilities, hazards, roads ----------------------------------------------------------------

_VESSEL_FIELDS = (
    "name",
    "ship_type",
    "lon_e7",
    "lat_e7",
    "speed_mmps",
    "course_cdeg",
    "heading_deg",
    "nav_status",
    "length_m",
    "draught_dm",
    "destination",
)


@on(ev.VesselUpdated)
def vessel_updated(p: m.StreamPicture, entry: Entry, e: ev.VesselUpdated) -> None:
    key = str(e.mmsi)
    vessel = p.vessels.get(key) or m.Vessel(e.mmsi)
    p.vessels[key] = changed(
        vessel, at_ms=entry.at_ms, doubt=e.doubt, judgement=e.judgement, feed=entry.source, **_given(e, _VESSEL_FIELDS)
    )


@on(ev.SensorUpdated)
def sensor_updated(p: m.StreamPicture, entry: Entry, e: ev.SensorUpdated) -> None:
    sensor = p.sensors.get(e.id) or m.Sensor(e.id, e.quantity)
    recent = sensor.recent if e.state == "silent" else (*sensor.recent, (entry.at_ms, e.value))[-KEPT_VALUES:]
    p.sensors[e.id] = changed(
        sensor,
        quantity=e.quantity,
        unit=e.unit,
        value=e.value,
        state=e.state,
        why=e.why,
        at_ms=entry.at_ms,
        recent=recent,
        feed=entry.source or sensor.feed,
        **_given(e, ("lon_e7", "lat_e7")),
    )


@on(ev.FacilityUpdated)
def facility_updated(p: m.StreamPicture, entry: Entry, e: ev.FacilityUpdated) -> None:
    facility = p.facilities.get(e.id)
    if facility is not None:
        attributes = dict(facility.attributes) | {e.attribute: e.value}
        p.facilities[e.id] = changed(facility, attributes=tuple(sorted(attributes.items())), updated_ms=entry.at_ms)


@on(ev.HazardChanged)
def hazard_changed(p: m.StreamPicture, entry: Entry, e: ev.HazardChanged) -> None:
    known = p.hazards.get(e.id)
    p.hazards[e.id] = m.Hazard(
        id=e.id,
        kind=e.hazard_kind,
        title=e.title,
        since_ms=known.since_ms if known else entry.at_ms,
        level_mm=e.level_mm,
        barrier_closed=e.barrier_closed,
        inside_mm=e.inside_mm,
        rings=e.rings,
        severity=e.severity,
        status=e.status,
        expires_ms=e.expires_ms,
        source=entry.source,
        external_id=e.external_id,
        sender=e.sender,
        updated_ms=entry.recorded_ms,
        roads_closed=e.roads_closed,
        disputed=e.disputed,
        evidence=tuple(m.Evidence(*term) for term in e.evidence),
        entry=entry.seq,
        replaces=e.replaces,
    )


@on(ev.BarrierChanged)
def barrier_changed(p: m.StreamPicture, entry: Entry, e: ev.BarrierChanged) -> None:
    p.barrier, p.barrier_since_ms, p.barrier_entry = e.state, entry.at_ms, entry.seq


@on(ev.RoadClosed)
def road_closed(p: m.StreamPicture, entry: Entry, e: ev.RoadClosed) -> None:
    known = p.closures.get(e.id)
    p.closures[e.id] = m.Closure(
        e.id,
        e.name,
        e.edges,
        e.reason,
        known.since_ms if known and known.status == "active" else entry.at_ms,
        e.by,
        depth_mm=e.depth_mm,
        place=place_of(e.lon_e7, e.lat_e7, e.name),
        profiles=e.profiles,
        entry=entry.seq,
    )


@on(ev.RoadReopened)
def road_reopened(p: m.StreamPicture, entry: Entry, e: ev.RoadReopened) -> None:
    if e.id in p.closures:
        p.closures[e.id] = changed(p.closures[e.id], status="lifted", lifted_ms=entry.at_ms, entry=entry.seq)
    if e.id in p.road_changes:
        p.road_changes[e.id] = changed(p.road_changes[e.id], status="lifted", lifted_ms=entry.at_ms)


@on(ev.RoadChanged)
def road_changed(p: m.StreamPicture, entry: Entry, e: ev.RoadChanged) -> None:
    known = p.road_changes.get(e.id)
    p.road_changes[e.id] = m.RoadChange(
        e.id,
        e.name,
        e.edges,
        e.reason,
        known.since_ms if known and known.status == "active" else entry.at_ms,
        e.by,
        factor_pct=e.factor_pct,
        contraflow=e.contraflow,
        link=m.RoadLink(**e.link.model_dump()) if e.link is not None else None,
        place=place_of(e.lon_e7, e.lat_e7, e.name),
    )


# --- alarms -----------------------------------------------------------------------------------------------------


@on(ev.AlarmRaised)
def alarm_raised(p: m.StreamPicture, entry: Entry, e: ev.AlarmRaised) -> None:
    known = p.alarms.get(e.id)
    if known is not None:
        back = known.state == "returned_unacknowledged"
        p.alarms[e.id] = changed(
            known,
            count=known.count + 1,
            last_ms=entry.at_ms,
            title=e.title,
            priority=min(known.priority, e.priority),
            state="unacknowledged" if back else known.state,
        )
        return
    p.alarms[e.id] = m.Alarm(
        e.id,
        e.priority,
        e.title,
        e.cause_words,
        e.consequence,
        e.action,
        e.time_to_act_s,
        entry.at_ms,
        e.subject,
        e.key,
        e.life_safety,
        last_ms=entry.at_ms,
        place=place_of(e.lon_e7, e.lat_e7),
        source=entry.source,
    )


@on(ev.AlarmChanged)
def alarm_changed(p: m.StreamPicture, entry: Entry, e: ev.AlarmChanged) -> None:
    alarm = p.alarms.get(e.id)
    if alarm is None:
        return
    changes: dict[str, Any] = {"state": e.state}
    if e.state == "acknowledged":
        changes |= {"acknowledged_by": entry.actor.person, "acknowledged_ms": entry.at_ms}
    if e.state == "cleared":
        changes["cleared_by"] = entry.actor.person
    p.alarms[e.id] = changed(alarm, **changes)


# --- units, log, desk -------------------------------------------------------------------------------------------


@on(ev.UnitStatusChanged)
def unit_status(p: m.StreamPicture, entry: Entry, e: ev.UnitStatusChanged) -> None:
    unit = p.units.get(e.unit)
    if unit is not None and e.local_status in m.UNIT_STATUSES:
        p.units[e.unit] = changed(
            unit, local_status=e.local_status, status=m.UNIT_STATUSES[e.local_status][0], since_ms=entry.at_ms
        )


@on(ev.UnitLocated)
def unit_located(p: m.StreamPicture, entry: Entry, e: ev.UnitLocated) -> None:
    unit = p.units.get(e.unit)
    lon, lat = entry.ref("lon_e7"), entry.ref("lat_e7")
    if unit is not None and lon and lat and entry.at_ms >= unit.position_at_ms:
        p.units[e.unit] = changed(unit, position=(lon, lat), position_at_ms=entry.at_ms)


@on(ev.UnitAssigned)
def unit_assigned(p: m.StreamPicture, entry: Entry, e: ev.UnitAssigned) -> None:
    unit = p.units.get(e.unit)
    if unit is None:
        return
    p.assignments[e.id] = m.Assignment(
        e.id,
        e.unit,
        e.incident,
        m.Place(e.to_lon_e7, e.to_lat_e7, e.to_label),
        entry.at_ms,
        e.eta_ms,
        e.length_m,
        e.streets,
        entry.ref("route"),
        e.by,
        flagged=e.flagged,
        entry=entry.seq,
    )
    p.units[e.unit] = changed(unit, assignment=e.id, local_status="dispatched", status="assigned", since_ms=entry.at_ms)
    incident = p.incidents.get(e.incident)
    if incident is not None and e.unit not in incident.units:
        p.incidents[e.incident] = changed(incident, units=(*incident.units, e.unit), updated_ms=entry.recorded_ms)


@on(ev.AssignmentEnded)
def assignment_ended(p: m.StreamPicture, entry: Entry, e: ev.AssignmentEnded) -> None:
    assignment = p.assignments.get(e.id)
    if assignment is None:
        return
    p.assignments[e.id] = changed(assignment, status=e.status, ended_ms=entry.at_ms)
    unit = p.units.get(assignment.unit)
    if unit is not None and unit.assignment == e.id:
        p.units[unit.id] = changed(unit, assignment="")
    incident = p.incidents.get(assignment.incident)
    if incident is not None:
        p.incidents[incident.id] = changed(
            incident,
            units=tuple(name for name in incident.units if name != assignment.unit),
            updated_ms=entry.recorded_ms,
        )


@on(ev.LogWritten)
def log_written(p: m.StreamPicture, entry: Entry, e: ev.LogWritten) -> None:
    p.log[e.id] = m.LogLine(e.id, entry.at_ms, entry.recorded_ms, entry.actor, e.incident, entry.ref("text"), e.subject)


@on(ev.ShiftChanged)
def shift_changed(p: m.StreamPicture, entry: Entry, e: ev.ShiftChanged) -> None:
    if e.step == "offered":
        p.shift = changed(p.shift, offered_to=e.to, brief=entry.ref("brief"), confirmed=False)
    elif e.step == "confirmed":
        p.shift = changed(p.shift, confirmed=True)
    elif e.step == "refused":
        p.shift = changed(p.shift, offered_to="", brief=None, confirmed=False)
    else:
        before = p.shift.person if e.step == "accepted" else ""
        p.shift = k.Shift(e.person, e.position, entry.at_ms, p.shift.brief if e.step == "accepted" else None, before)


@on(ev.HandsOff)
def hands_off(p: m.StreamPicture, entry: Entry, e: ev.HandsOff) -> None:
    p.hands_off = e.on


# --- the exercise -----------------------------------------------------------------------------------------------


@on(ev.DrillControlled)
def drill_controlled(p: m.StreamPicture, entry: Entry, e: ev.DrillControlled) -> None:
    changes: dict[str, Any] = {}
    if e.action in ("pause", "step", "jump"):
        changes["paused"] = e.action == "pause" or p.drill.paused
    if e.action == "resume":
        changes["paused"] = False
    if e.action == "speed" and e.speed is not None:
        changes["speed"] = e.speed
    if e.action in ("stop", "finish"):
        changes["stopped"] = e.why or e.action
    p.drill = changed(p.drill, **changes)


@on(ev.InjectGiven)
def inject_given(p: m.StreamPicture, entry: Entry, e: ev.InjectGiven) -> None:
    p.drill = changed(p.drill, injects=(*p.drill.injects, (e.id, e.title, entry.at_ms)))
