"""From a report to what it means: every arrival is judged once, on the picture as it stands, and journalled whole.

A report and the judgements on it (fusion, track, warning, alarm) form one commit. What a codec or a rule refuses is
journalled as refused and changes nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from console.city import City
from console.core import Core, Draft
from console.desk_roads import NEAR_M
from console.quota import CountedLines, Quota, Store
from console.standing import closure_id, news
from feeds.config import Waiting
from feeds.intake import Accepted, Reading
from feeds.refusals import Refusal, RefusalMeter, refusal
from picture import alarms, tracks, warnings
from picture import events as ev
from picture.entry import Actor, Entry
from picture.errors import InputError, JournalError
from picture.fusion import CITIZENS_ONLY, LINK, Fusion, confirmation
from picture.model import UNIT_STATUSES, Facility, Incident
from picture.places import to_e7
from picture.reports import (
    AlertMessage,
    DistressReport,
    FacilityReport,
    IncidentReport,
    Observation,
    Report,
    RequestReply,
    RoadReport,
    UnitReport,
    VesselReport,
)

NO_ROOM = "TOC-3107"
BARRIER_STATES = ("open", "closing", "closed", "opening", "failed")

PERSONS = frozenset({"citizen", "call_taker"})
"""Reporters who pass on what a member of the public said."""

Judged = list[ev.Event]


class _Arrived(NamedTuple):
    """A message that holds one report or several."""

    sha256: str
    size: int
    retained: bool


class Ingest:
    """The core's ear: takes decoded reports of a feed and records them with what they mean."""

    def __init__(
        self,
        core: Core,
        city: City,
        grades: dict[str, str],
        waiting: Mapping[str, Waiting] | None = None,
        store: Store | None = None,
    ) -> None:
        """``waiting`` tells each feed's lane and quota; ``store`` keeps what is over quota, without it nothing is."""
        self._core = core
        self._city = city
        self._grades = grades
        self.fusion = Fusion()
        self.standing: frozenset[str] = frozenset()
        """Feeds whose every message is the whole of what stands."""
        self._meter = RefusalMeter()
        self._waiting = waiting or {}
        self._quota = Quota(self._waiting)
        self._lines = None if store is None else CountedLines(store, city.describe)
        self._anchored: dict[int, tuple[int, int]] = {}
        self._old: dict[int, Entry] = {}
        """Reports of the commit that is being remembered."""
        self._recalled: set[int] = set()
        self._judges: dict[type[Any], Callable[[Any, str, str], Judged | warnings.Disbelieved]] = {
            IncidentReport: self._incident,
            Observation: self._observation,
            VesselReport: self._vessel,
            UnitReport: self._unit,
            DistressReport: self._distress,
            FacilityReport: self._facility,
            RoadReport: self._road,
            RequestReply: self._reply,
            AlertMessage: self._alert,
        }

    # --- taking in ------------------------------------------------------------------------------------------

    def accept(self, feed: str, raw: bytes, reports: Sequence[Report], *, retained: bool = False) -> list[Entry]:
        """Journals each report of a message with its judgements, one commit each; the bytes go with the first."""
        found: list[Entry] = []
        if feed in self.standing:
            home, now_ms = self._core.home, self._core.now_ms()
            reports = news(feed, reports, home, now_ms, on_map=lambda one: bool(self._edges(one)))
        arrived = _Arrived(hashlib.sha256(raw).hexdigest(), len(raw), retained)
        for number, report in enumerate(reports):
            found += self._take(feed, raw if number == 0 else b"", arrived, report)
        return found

    def _take(self, feed: str, raw: bytes, arrived: _Arrived, report: Report) -> list[Entry]:
        grade = self._grades.get(feed, "")
        if isinstance(report, IncidentReport):
            report = self._nameless(report)
        judged = self._judges[type(report)](report, feed, grade)
        if isinstance(judged, warnings.Disbelieved):
            return self._disbelieve(feed, raw, judged)
        incident = next((one for event in judged if (one := getattr(event, "incident", ""))), "")
        received = ev.ReportReceived(
            report=report,
            size=arrived.size,
            sha256=arrived.sha256,
            incident=incident,
            raw=base64.b64encode(raw).decode() or None,
            retained=arrived.retained,
        )
        judged += alarms.judge([received, *judged], self._core.home, self._core.ids)
        at_ms = min(report.at_ms, self._core.now_ms())
        drafts = [Draft(event, at_ms, source=feed, grade=grade) for event in (received, *judged)]
        try:
            return self._core.record(drafts, actor=Actor(f"feed:{feed}"))
        except JournalError as error:
            if error.code != NO_ROOM:
                raise
            # The source has used up its room: what it says still counts, its bytes are known by their digest.
            drafts[0] = replace(drafts[0], event=received.model_copy(update={"raw": None}))
            return self._core.record(drafts, actor=Actor(f"feed:{feed}"))

    def take_in(self, feed: str, reading: Reading, *, gather: bool = False) -> list[Entry]:
        """One delivery of a feed as its intake read it: accepted messages are judged, refused ones journalled.

        What is over the feed's quota is counted. With ``gather`` it waits (``held``) for ``count_over_quota``, and the
        delivery may be acknowledged only after that.
        """
        found: list[Entry] = []
        over: list[Accepted] = []
        for message in reading.messages:
            if isinstance(message, Accepted):
                if self._over_quota(feed, message):
                    over.append(message)
                else:
                    found += self.accept(feed, message.raw, message.reports, retained=message.retained)
            else:
                found += self._refused_message(feed, message.error, message.raw)
        if over and not gather:
            try:
                found += self.count_over_quota()
            except InputError as error:
                for message in over:
                    found += self._refused_message(feed, error, message.raw)
        return found

    def vanish(self, feed: str, listed: frozenset[tuple[str, str]]) -> list[Entry]:
        """Journals which of the feed's standing warnings are no longer among those it lists: (sender, identifier)."""
        gone = warnings.vanished(self._core.home, feed, listed, self._core.now_ms())
        told = [*gone, *alarms.judge(gone, self._core.home, self._core.ids)]
        drafts = [Draft(one, source=feed, grade=self._grades.get(feed, "")) for one in told]
        return self._core.record(drafts, actor=Actor(f"feed:{feed}")) if drafts else []

    def _refused_message(self, feed: str, error: InputError, raw: bytes) -> list[Entry]:
        return self.refuse(refusal(feed, error.code, error.detail, raw, self._core.now_ms()))

    def _over_quota(self, feed: str, message: Accepted) -> bool:
        now = self._core.now_ms()
        if self._lines is None or not self._quota.over(feed, message.reports, now):
            return False
        self._lines.add(feed, message, now)
        return True

    def held(self, feed: str) -> int:
        """How many messages of a feed are over its quota and not yet journalled."""
        return 0 if self._lines is None else self._lines.held(feed)

    def count_over_quota(self) -> list[Entry]:
        """Journals what was over quota, one entry a feed; ``InputError`` TOC-2011 where there is no room to keep it."""
        found: list[Entry] = []
        for event in self._lines.take() if self._lines is not None else ():
            told = [event, *alarms.judge([event], self._core.home, self._core.ids)]
            drafts = [Draft(one, source=event.source) for one in told]
            found += self._core.record(drafts, actor=Actor(f"feed:{event.source}"))
        return found

    def _of_citizens(self, feed: str) -> bool:
        spec = self._waiting.get(feed)
        return spec is not None and spec.lane == "citizens"

    def refuse(self, refused: Refusal) -> list[Entry]:
        """Journals a refusal, and the counts of repeats whose minute is over; repeats within a minute only count."""
        found: list[Entry] = []
        for one in self._meter.note(refused):
            found += self._core.record([self._refused(one)], actor=Actor(f"feed:{one.feed}"))
        return found

    def count_refusals(self) -> list[Entry]:
        """Journals the counts of repeated refusals whose minute is over; call it now and then."""
        return self._core.record([self._refused(one) for one in self._meter.due(self._core.now_ms())])

    def _refused(self, one: Refusal) -> Draft:
        event = ev.ReportRefused(
            code=one.code,
            detail=one.detail[:300],
            size=one.size,
            sha256=one.sha256,
            head=base64.b64encode(one.head).decode() or None,
            repeats=one.repeats,
            minute_ms=one.minute_ms,
        )
        return Draft(event, source=one.feed)

    def _nameless(self, report: IncidentReport) -> IncidentReport:
        """The report with an origin that tells one source from another and nobody's name or number.

        Origins stand in clear, because independence is counted by them; a caller's is often their telephone.
        """
        personal = report.reporter in PERSONS or any(
            words and words in report.origin for words in (report.caller, report.call_back)
        )
        if not report.origin or not personal:
            return report
        return report.model_copy(update={"origin": f"source {self._core.ids.opaque('origin', report.origin)[:8]}"})

    def _disbelieve(self, feed: str, raw: bytes, judged: warnings.Disbelieved) -> list[Entry]:
        noted = self._meter.note(refusal(feed, "TOC-2008", judged.why, raw, self._core.now_ms()))
        drafts = [self._refused(one) for one in noted]
        known = self._core.home.hazards[judged.hazard.id]
        if known.disputed != judged.hazard.disputed:
            # The hazard keeps the source that opened it: only that one may change it.
            drafts.append(Draft(judged.hazard, source=known.source))
            drafts += [Draft(event) for event in alarms.judge([judged.hazard], self._core.home, self._core.ids)]
        return self._core.record(drafts, actor=Actor(f"feed:{feed}"))

    # --- judging --------------------------------------------------------------------------------------------

    def _incident(self, report: IncidentReport, feed: str, grade: str) -> Judged:
        located = report
        if report.lon_e7 is None and report.place_as_said:
            places = self._city.find(report.place_as_said)
            if places:
                spread = 40 if places[0].how in ("address", "crossing", "facility", "berth") else 250
                located = report.model_copy(
                    update={
                        "lon_e7": to_e7(places[0].lon),
                        "lat_e7": to_e7(places[0].lat),
                        "uncertainty_m": max(report.uncertainty_m, spread, places[0].uncertainty_m),
                    }
                )
        return self._fuse(located, feed, grade)

    def _fuse(self, report: IncidentReport, feed: str, grade: str) -> Judged:
        label = ""
        if report.lon_e7 is not None and report.lat_e7 is not None:
            label = self._city.describe(report.lon_e7 / 1e7, report.lat_e7 / 1e7)
        incidents, citizens = self._core.home.incidents, self._of_citizens(feed)
        judged = self.fusion.judge(
            report, feed=feed, grade=grade, incidents=incidents, ids=self._core.ids, label=label, citizens=citizens
        )
        return judged if citizens else [*judged, *self._confirmed(judged, report, feed)]

    def _confirmed(self, judged: Judged, report: IncidentReport, feed: str) -> Judged:
        """What a report from no citizen confirms: the incident it joins, or the one it would have joined had it been
        about anything but people in danger."""
        if not any(isinstance(one, ev.ReportLinked) and one.score_c >= round(LINK * 100) for one in judged):
            return []
        names = [one.incident for one in judged if isinstance(one, ev.ReportLinked)]
        names += [name for one in judged if isinstance(one, ev.IncidentOpened) for name in one.possible_duplicate_of]
        incidents = self._core.home.incidents
        known = [incidents[name] for name in names if name in incidents]
        return [one for incident in known if (one := confirmation(incident, report, feed)) is not None]

    def _observation(self, report: Observation, feed: str, grade: str) -> Judged:
        picture = self._core.home
        known = picture.sensors.get(report.sensor)
        neighbours = tuple(one for one in picture.sensors.values() if one.quantity == report.quantity)
        if known is not None and known.value is not None and report.at_ms < known.at_ms:
            return []
        return [tracks.judge_sensor(report, known, neighbours)]

    def _vessel(self, report: VesselReport, feed: str, grade: str) -> Judged:
        known = self._core.home.vessels.get(str(report.mmsi))
        if known is not None and report.at_ms < known.at_ms:
            return []
        return [tracks.judge_vessel(report, known, self._city.on_water, self._anchored.get(report.mmsi))]

    def _unit(self, report: UnitReport, feed: str, grade: str) -> Judged:
        units = self._core.home.units
        wanted = report.callsign.casefold()
        unit = next((one for one in units.values() if wanted in (one.id.casefold(), one.name.casefold())), None)
        if unit is None:
            return []
        judged: Judged = []
        if report.lon_e7 is not None and report.lat_e7 is not None:
            judged.append(
                ev.UnitLocated(unit=unit.id, lon_e7=report.lon_e7, lat_e7=report.lat_e7, speed_mmps=report.speed_mmps)
            )
        if report.status and report.status != unit.local_status:
            judged += self._status(unit.id, report.status)
        return judged

    def _status(self, unit: str, status: str) -> Judged:
        known = self._core.home.units[unit]
        if status not in UNIT_STATUSES or status not in UNIT_STATUSES[known.local_status][2]:
            return []
        events: Judged = [ev.UnitStatusChanged(unit=unit, local_status=status, why="reported by the unit")]
        if known.assignment and UNIT_STATUSES[status][0] != "assigned":
            events.append(ev.AssignmentEnded(id=known.assignment, status="done", why=status))
        return events

    def _distress(self, report: DistressReport, feed: str, grade: str) -> Judged:
        """Opens an incident of its own, or adds to the one this subject has; its end is shown, never believed."""
        tag = f"{report.signal}:{report.subject}"
        known = next(
            (one for one in self._core.home.incidents.values() if tag in one.tags and one.status == "open"), None
        )
        kind = {"ais_mob": "person_in_water", "ais_sart": "mayday", "ais_epirb": "mayday", "mayday": "mayday"}.get(
            report.signal, "mayday"
        )
        over = "the sender says that it is over; a person must confirm"
        said = over if report.ended else alarms.SIGNALS[report.signal]
        if known is not None:
            return [
                ev.ReportLinked(
                    incident=known.id,
                    feed=feed,
                    origin=report.subject,
                    report_at_ms=report.at_ms,
                    grade=grade,
                    score_c=900,
                    evidence=(("signal", 900, said),),
                    has=("text",) if report.text else (),
                )
            ]
        if report.ended:
            return []
        identifier = self._core.ids.new("I")
        label = (
            self._city.describe(report.lon_e7 / 1e7, report.lat_e7 / 1e7)
            if report.lon_e7 is not None and report.lat_e7 is not None
            else ""
        )
        return [
            ev.IncidentOpened(
                incident=identifier,
                incident_kind=kind,
                title=f"{alarms.SIGNALS[report.signal]} {report.subject}",
                priority=2 if self._of_citizens(feed) else 1,
                lon_e7=report.lon_e7,
                lat_e7=report.lat_e7,
                place_label=label,
                uncertainty_m=100,
                units_needed=2,
                people_at_risk=1,
                people_trapped=False,
                tags=(tag, CITIZENS_ONLY) if self._of_citizens(feed) else (tag,),
            ),
            ev.ReportLinked(
                incident=identifier,
                feed=feed,
                origin=report.subject,
                report_at_ms=report.at_ms,
                grade=grade,
                score_c=900,
                evidence=(("signal", 900, said),),
                has=("text",) if report.text else (),
            ),
            ev.IncidentChanged(incident=identifier, people_unaccounted=1, why="until somebody has them safe"),
        ]

    def _facility(self, report: FacilityReport, feed: str, grade: str) -> Judged:
        facility = self._find_facility(report.facility)
        if facility is None:
            return []
        judged: Judged = [ev.FacilityUpdated(id=facility.id, attribute=report.attribute, value=report.value)]
        if facility.kind == "barrier" and report.attribute == "state" and report.value in BARRIER_STATES:
            judged.append(ev.BarrierChanged.model_validate({"state": report.value}))
        return judged

    def _find_facility(self, name: str) -> Facility | None:
        facilities = self._core.home.facilities
        wanted = name.casefold()
        return facilities.get(name) or next(
            (one for one in facilities.values() if wanted in (one.id.casefold(), one.name.casefold())), None
        )

    def _road(self, report: RoadReport, feed: str, grade: str) -> Judged:
        edges = self._edges(report)
        identifier = closure_id(feed, report.road)
        if not report.closed:
            standing = self._core.home.closures.get(identifier)
            return [ev.RoadReopened(id=identifier)] if standing and standing.status == "active" else []
        if not edges:
            return []
        return [
            ev.RoadClosed(
                id=identifier,
                name=report.road,
                edges=edges,
                reason=report.reason or "reported closed",
                by=feed,
                lon_e7=report.lon_e7,
                lat_e7=report.lat_e7,
            )
        ]

    def _edges(self, report: RoadReport) -> tuple[int, ...]:
        if report.line:
            return self._city.road_along([(lon / 1e7, lat / 1e7) for lon, lat in report.line])
        lon_e7, lat_e7 = report.lon_e7, report.lat_e7
        if lon_e7 is not None and lat_e7 is not None and not self._city.covers(lon_e7 / 1e7, lat_e7 / 1e7):
            return ()  # a street of the same name in another town
        return self._city.street_edges(report.road) or self._road_at(report)

    def _road_at(self, report: RoadReport) -> tuple[int, ...]:
        """The segment at the position of a report whose name the map does not know; none where no road is near."""
        if report.lon_e7 is None or report.lat_e7 is None:
            return ()
        found = self._city.road_at(report.lon_e7 / 1e7, report.lat_e7 / 1e7)
        return (found[0],) if found is not None and found[1] <= NEAR_M else ()

    def _reply(self, report: RequestReply, feed: str, grade: str) -> Judged:
        request = self._core.home.requests.get(report.request)
        if request is None or request.status in ("done", "withdrawn"):
            return []
        return [ev.RequestAnswered(id=request.id, status=report.answer, terms=report.terms, text=report.text)]

    def _alert(self, report: AlertMessage, feed: str, grade: str) -> Judged | warnings.Disbelieved:
        return warnings.judge(report, feed=feed, picture=self._core.home, ids=self._core.ids)

    # --- what follows from the fold -------------------------------------------------------------------------

    def follow(self, entries: Sequence[Entry]) -> None:
        """Keeps what judgements remember besides the picture: words and places of incidents, where ships lie.

        Made of entries only, so that a restarted core remembers the same (``remember``).
        """
        received = {entry.seq: entry for entry in entries if isinstance(entry.event, ev.ReportReceived)}
        for entry in entries:
            event = entry.event
            if isinstance(event, ev.ReportLinked) and event.report_entry in received:
                self._heard(event.incident, received[event.report_entry])
            elif isinstance(event, ev.VesselUpdated):
                self._moored(event)
        incidents = self._core.home.incidents
        changed = {name for entry in entries if (name := getattr(entry.event, "incident", "")) in incidents}
        for name in sorted(changed):
            self.fusion.place(incidents[name])

    def _heard(self, incident: str, received: Entry) -> None:
        event = received.event
        if isinstance(event, ev.ReportReceived) and isinstance(event.report, IncidentReport):
            text = self._core.opened(received.ref("report.text"))
            said = event.report.model_copy(update={"text": text if isinstance(text, str) else None})
            self.fusion.saw(incident, said)

    def _moored(self, event: ev.VesselUpdated) -> None:
        """Remembers where a ship first lay at anchor or moored, until it says that it lies no more."""
        if event.lon_e7 is None or event.lat_e7 is None or event.doubt:
            return
        if event.nav_status in (tracks.AT_ANCHOR, tracks.MOORED):
            self._anchored.setdefault(event.mmsi, (event.lon_e7, event.lat_e7))
        elif event.nav_status is not None:
            self._anchored.pop(event.mmsi, None)

    restart_kinds = frozenset({"report.received", "report.linked", "vessel.updated"})
    """What ``remember`` wants to see."""

    def remember(self, entry: Entry) -> None:
        """On a restart: takes one old entry in, as ``follow`` once took it; ``recall`` comes last."""
        event = entry.event
        if isinstance(event, ev.ReportReceived):
            if self._old and next(iter(self._old.values())).commit_id != entry.commit_id:
                self._old.clear()
            self._old[entry.seq] = entry
        elif isinstance(event, ev.ReportLinked) and event.report_entry in self._old:
            self._heard(event.incident, self._old[event.report_entry])
            self._recalled.add(event.report_entry)
        elif isinstance(event, ev.VesselUpdated):
            self._moored(event)

    def recall(self) -> None:
        """After the last ``remember``, with the picture whole: knows again where the incidents are."""
        self._old.clear()
        home = self._core.home
        for name in sorted(home.incidents):
            if home.incidents[name].status == "open":
                self._look_up(home.incidents[name])
            self.fusion.place(home.incidents[name])
        for vessel in home.vessels.values():
            if vessel.nav_status in (tracks.AT_ANCHOR, tracks.MOORED) and not vessel.doubt:
                self._lies(vessel.mmsi, vessel.lon_e7, vessel.lat_e7)
        self._recalled.clear()

    def _look_up(self, incident: Incident) -> None:
        """Hears again what an open incident's reports said that came before what ``remember`` was shown."""
        for link in incident.reports:
            if link.entry not in self._recalled and link.entry:
                for entry in self._core.journal.read(link.entry - 1, link.entry):
                    self._heard(incident.id, entry)

    def _lies(self, mmsi: int, lon_e7: int | None, lat_e7: int | None) -> None:
        if lon_e7 is not None and lat_e7 is not None:
            self._anchored.setdefault(mmsi, (lon_e7, lat_e7))

    def watch_flood(self, entries: Sequence[Entry]) -> list[Draft]:
        """Reactor: the flood and its closures after a gauge or the barrier moved."""
        if not any(isinstance(entry.event, (ev.SensorUpdated, ev.BarrierChanged)) for entry in entries):
            return []
        events = self._city.floodwatch.judge(self._core.home, self._core.now_ms())
        return [
            Draft(event, source="twin:flood")
            for event in (*events, *alarms.judge(events, self._core.home, self._core.ids))
        ]

    def follow_roads(self, entries: Sequence[Entry]) -> None:
        """Brings the road service up to the picture."""
        kinds = (ev.RoadClosed, ev.RoadReopened, ev.RoadChanged, ev.HazardChanged, ev.BarrierChanged)
        if any(isinstance(entry.event, kinds) for entry in entries):
            self._city.follow(self._core.home)
