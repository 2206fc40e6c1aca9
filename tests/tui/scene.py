"""A picture folded from hand-made entries, and a session that answers as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.commands import Decide, Lock, Unlock
from console.link import PastEntry, PastPicture
from picture import events as ev
from picture.decisions import proposal_digest, sign
from picture.entry import Actor, Entry, Ref
from picture.errors import RefusedError
from picture.events import AlternativeModel, EffectModel, WatchedModel, clear_part, sealed_values
from picture.fold import Picture
from picture.model import Assignment, Proposal, Unit
from twin.pack import CityPack

STREAM = "meridian/drill"
START_MS = 1_900_000_000_000
MARKUP = "[@click=app.approve('x')]A[/]"
CLOSER = "B [/]"
ESCAPE = "C\x1b]52;c;cm0gLXJm\x07"
HOSTILE = (MARKUP, CLOSER, ESCAPE)


@dataclass(frozen=True, slots=True)
class FakeChange:
    """What a link says after entries arrived."""

    kinds: frozenset[str]
    entries: int = 1
    snapshot: bool = False
    state_changed: bool = False


@dataclass
class FakeSession:
    """A Session over a picture of its own. Commands are recorded; ``answers`` by ``do`` may be a value or an error."""

    pack: CityPack
    picture: Picture = field(default_factory=lambda: Picture(STREAM))
    commands: list[Any] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    delay_s: float = 0.0
    held: asyncio.Event | None = None
    """While set and not yet released, no command is answered: the core is silent."""
    state: str = "live"
    state_since_ms: int = START_MS
    world: str = "drill"
    person: str = "j.okafor"
    position: str = "duty officer"
    speed: float = 10.0
    paused: bool = False
    lag_ms: int = 0
    why: str = ""
    role: str = "exercise_control"
    clearance: str = "full"
    locked: bool = False
    differs: str = ""
    silent: float = 0.0
    pin: str = ""
    logged_in: list[tuple[str, str]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    """Instants of the past that were asked for."""
    folded: list[Entry] = field(default_factory=list)
    at_ms: int = START_MS
    depth: Any = None
    texts: dict[Ref, Any] = field(default_factory=dict)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    on_change: Callable[[Any], None] | None = None

    async def run(self, on_change: Callable[[Any], None]) -> None:
        self.on_change = on_change
        on_change(FakeChange(frozenset(), 0, snapshot=True))
        await asyncio.Event().wait()

    async def command(self, command: Any) -> dict[str, Any]:
        self.commands.append(command)
        if self.held is not None:
            await self.held.wait()
        await asyncio.sleep(self.delay_s)
        answer = self.answers.get(command.do, {})
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer(command) if callable(answer) else answer
        return found

    def decide(self, proposal: Proposal, verdict: str, shown: str = "", reason: str = "", totp: str = "") -> Decide:
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        public, signature = sign(key, proposal.id, proposal.digest, verdict, self.person, self.position, shown)
        return Decide(
            proposal=proposal.id,
            digest=proposal.digest,
            verdict=verdict,
            public_key=public,
            signature=signature,
            shown=shown,
            reason=reason,
            totp=totp,
        )

    def log_in(self, token: str, totp: str = "") -> None:
        self.logged_in.append((token, totp))

    async def lock(self, pin: str = "") -> None:
        await self.command(Lock(pin=pin))
        self.locked, self.pin = True, pin
        self._say()

    async def unlock(self, *, token: str = "", totp: str = "", pin: str = "") -> None:
        await self.command(Unlock(token=token, totp=totp, pin=pin))
        if pin != self.pin:
            raise RefusedError("The PIN does not fit.", code="TOC-4031")
        self.locked = False
        self._say()

    def _say(self) -> None:
        if self.on_change is not None:
            self.on_change(FakeChange(frozenset(), 0, state_changed=True))

    async def past(self, seq: int | None = None, at_ms: int | None = None) -> PastPicture:
        """The entries up to there, folded anew."""
        self.asked.append(seq if at_ms is None else at_ms)
        if self.held is not None:
            await self.held.wait()
        await asyncio.sleep(self.delay_s)
        answer = self.answers.get("past")
        if isinstance(answer, Exception):
            raise answer
        picture = Picture(STREAM)
        for entry in self.folded:
            if (seq is not None and entry.seq > seq) or (at_ms is not None and entry.recorded_ms > at_ms):
                break
            picture.apply(entry)
        return PastPicture(picture, picture.home.seq, picture.home.at_ms, dict(self.texts))

    async def entries_around(self, seq: int, limit: int = 50) -> list[PastEntry]:
        near = [one for one in self.folded if abs(one.seq - seq) <= limit // 2]
        return [PastEntry(one.seq, one.recorded_ms, one.kind, f"entry {one.seq}") for one in near]

    def silent_s(self) -> float:
        return self.silent

    def now_ms(self) -> int:
        return self.at_ms

    def text(self, ref: Ref | None) -> str | None:
        return self.texts.get(ref) if ref is not None else None

    def position_of(self, unit: Unit) -> tuple[float, float]:
        return self.places.get(unit.id) or (unit.home_lon_e7 / 1e7, unit.home_lat_e7 / 1e7)

    def route(self, assignment: Assignment) -> list[tuple[float, float]]:
        start = self.places.get(assignment.unit)
        end = (assignment.to.lon_e7 / 1e7, assignment.to.lat_e7 / 1e7)
        return [start, (start[0], end[1]), end] if start else []

    def flood_depth(self) -> Any:
        return self.depth

    # What happens

    def happen(
        self,
        *events: ev.Event,
        ago_s: float = 0.0,
        source: str = "",
        grade: str = "",
        person: str = "system:fusion",
        late_s: float = 0.0,
    ) -> None:
        """Folds events as entries of one commit, and tells the console."""
        for event in events:
            seq = self.picture.home.seq + 1
            at_ms = self.at_ms - round(ago_s * 1000)
            sealed = dict(sealed_values(event))
            for path, value in sealed.items():
                self.texts[Ref(STREAM, seq, path)] = value
            entry = Entry(
                v=1,
                stream=STREAM,
                seq=seq,
                commit_id=f"c{seq}",
                index=0,
                kind=event.kind,
                kind_v=event.version,
                at_ms=at_ms,
                recorded_ms=at_ms + round(late_s * 1000),
                actor=Actor(person),
                source=source,
                grade=grade,
                agreement="",
                cause=(),
                payload_digest="",
                prev="",
                hash="",
                event=clear_part(event),
                sealed=tuple(sealed),
            )
            self.folded.append(entry)
            self.picture.apply(entry)
        if self.on_change is not None:
            self.on_change(FakeChange(frozenset(event.kind for event in events), len(events)))


def e7(value: float) -> int:
    return round(value * 1e7)


def at(session: FakeSession, x: float, y: float) -> dict[str, int]:
    lon, lat = session.pack.to_lonlat(x, y)
    return {"lon_e7": e7(lon), "lat_e7": e7(lat)}


def proposal(
    name: str,
    title: str,
    *,
    verb: str = "unit.assign",
    incident: str = "I-1",
    priority: int = 1,
    due_ms: int = START_MS + 252_000,
    quorum: int = 1,
    replaces: str = "",
    summaries: tuple[str, ...] = (),
    **more: Any,
) -> ev.ProposalMade:
    """A proposal with a true digest."""
    effects = tuple(
        EffectModel(
            id=f"e{n}",
            verb=verb,
            act_class="two_person" if verb == "alert.public" else "act_if_approved",
            summary=said,
            args={"unit": "E12"},
            undo="stand the unit down",
        )
        for n, said in enumerate(
            summaries or ("Send E12 to Customs Quay by Abbey Street, 6 min", "Hold HW4 at Station 2 as reserve"), 1
        )
    )
    watched = (
        WatchedModel(name="unit:E12.local_status", value="available", words="E12 is available"),
        WatchedModel(name="sensor:TG-1.value", value=1.42, tolerance=0.1, words="Water at the quay gauge"),
    )
    digest = proposal_digest(effects, watched, due_ms=due_ms, playbook="surge/quay", playbook_version=3, quorum=quorum)
    return ev.ProposalMade(
        id=name,
        title=title,
        playbook="surge/quay",
        playbook_version=3,
        run="R-1",
        step="send",
        incident=incident,
        priority=priority,
        effects=effects,
        watched=watched,
        due_ms=due_ms,
        digest=digest,
        quorum=quorum,
        positions=("duty officer",),
        replaces=replaces,
        evidence=("Gauge TG-1 reads 1.42 m, rising 0.14 m in 15 min; threshold 1.35 m",),
        consequence=(
            "E12 arrives in 6 min by Abbey Street, above water",
            "Leaves Old Harbour with one engine for 40 min",
        ),
        alternatives=(
            AlternativeModel(
                title="E14 by the ring road", score=0.61, reason="11 min, and crosses the closed underpass"
            ),
        ),
        **more,
    )


def fill(session: FakeSession) -> FakeSession:
    """A storm-surge evening in Road Town."""
    s = session
    s.happen(
        ev.WorldOpened(
            site="meridian",
            world="drill",
            city="town",
            scenario="storm-surge",
            title="Storm surge, Port Meridian",
            start_ms=START_MS,
            end_ms=START_MS + 5_400_000,
        ),
        ago_s=3000,
    )
    for name, title, kind in (
        ("fire", "Fire", "fire"),
        ("health", "Ambulance", "ems"),
        ("police", "Police", "police"),
        ("port", "Port", "port"),
        ("power", "Grid operator", "utility"),
    ):
        s.happen(ev.AgencyRegistered(id=name, name=title, agency_kind=kind), ago_s=3000)
    for name, kind, title, x, y, state in (
        ("H-STANNE", "hospital", "St Anne's Hospital", 850, 610, "ok"),
        ("F-1", "fire_station", "Central Fire Station", 320, 512, ""),
        ("SUB-4", "substation", "Substation 4", 1250, 180, "at_risk"),
        ("SUB-2", "substation", "Substation 2", 2000, 900, "ok"),
        ("P-1", "pump_station", "Dock Pumps", 620, 70, "running"),
        ("B-6", "berth", "Berth 6", 400, -40, "suspended"),
        ("B-7", "berth", "Berth 7", 700, -40, ""),
        ("BAR", "barrier", "River Barrier", 1430, 200, "open"),
    ):
        s.happen(
            ev.FacilityRegistered(
                id=name,
                facility_kind=kind,
                name=title,
                address="12 Abbey Street",
                district="Old Harbour",
                elevation_mm=1450,
                agency="power" if kind == "substation" else "port",
                attributes=(("state", state),) if state else (),
                **at(s, x, y),
            ),
            ago_s=2900,
        )
    for name, kind, agency, profile, x, y in (
        ("E12", "Engine", "fire", "engine", 330, 520),
        ("E14", "Engine", "fire", "engine", 1900, 1100),
        ("HW4", "High-water vehicle", "fire", "high_wheel", 340, 540),
        ("M3", "Ambulance", "health", "ambulance", 860, 640),
        ("M7", "Ambulance", "health", "ambulance", 2300, 700),
        ("P21", "Patrol", "police", "car", 1100, 900),
        ("P22", "Patrol", "police", "car", 2500, 1500),
        ("B1", "Rescue boat", "port", "boat", 500, -100),
    ):
        s.happen(
            ev.UnitRegistered(
                id=name,
                name=name,
                agency=agency,
                nims_kind=kind,
                nims_type=2,
                station="F-1",
                home_lon_e7=at(s, x, y)["lon_e7"],
                home_lat_e7=at(s, x, y)["lat_e7"],
                profile=profile,
                wading_mm=600,
                crew=4,
                skills=("rescue",),
            ),
            ago_s=2900,
        )
    for name, wire, silent in (
        ("ais", "ais", 60),
        ("tak-units", "tak", 30),
        ("calls", "incident", 0),
        ("tide", "sensorthings", 600),
        ("cap-met", "cap", 0),
        ("grid", "ngsi", 120),
    ):
        s.happen(ev.FeedRegistered(id=name, wire=wire, silent_after_s=silent, grade="B2"), ago_s=2900)
    s.happen(ev.FeedChanged(id="grid", state="silent", why="nothing for 4 min"), ago_s=60)
    s.happen(
        ev.SensorRegistered(id="TG-1", quantity="water_level", name="Customs Quay gauge", **at(s, 640, -20)), ago_s=2900
    )
    s.happen(
        ev.SensorRegistered(id="WX-1", quantity="wind_speed", name="Mole Head wind", **at(s, 100, -30)), ago_s=2900
    )
    for n in range(14):
        s.happen(
            ev.SensorUpdated(id="TG-1", quantity="water_level", unit="m", value=0.6 + 0.82 * (n / 13) ** 1.3),
            ago_s=1400 - 100 * n,
            source="tide",
        )
        s.happen(
            ev.SensorUpdated(id="WX-1", quantity="wind_speed", unit="m/s", value=15.0 + (n % 4)), ago_s=1400 - 100 * n
        )
    _incidents(s)
    s.happen(
        ev.HazardChanged(id="FLOOD", hazard_kind="flood", title="Surge in the harbour", level_mm=1420, roads_closed=31),
        ago_s=200,
    )
    s.happen(
        ev.RoadClosed(
            id="C-1",
            name="Wharf Street underpass",
            edges=tuple(range(20, 40)),
            reason="0.6 m of water",
            by="FLOOD",
            depth_mm=600,
            **at(s, 2050, 300),
        ),
        ago_s=500,
    )
    s.happen(
        ev.VesselUpdated(
            mmsi=244660123,
            name="PACIFIC DAWN",
            speed_mmps=4100,
            course_cdeg=27000,
            nav_status=0,
            length_m=180,
            **at(s, 900, -200),
        ),
        ago_s=10,
        source="ais",
    )
    s.happen(
        ev.VesselUpdated(
            mmsi=244660777,
            name="MARSH LIGHT",
            speed_mmps=700,
            course_cdeg=9000,
            nav_status=1,
            judgement="dragging",
            **at(s, 1900, -220),
        ),
        ago_s=20,
        source="ais",
    )
    _intent(s)
    s.happen(
        ev.LogWritten(id="L-1", incident="I-1", text="Quay master confirms all hands off Berth 6."),
        ago_s=400,
        person="j.okafor",
        late_s=120,
    )
    s.happen(ev.ShiftChanged(step="taken", person="j.okafor", position="duty officer"), ago_s=2900)
    s.depth = np.clip(1.9 - s.pack.terrain, 0, None).astype(np.float32)
    return s


def _incidents(s: FakeSession) -> None:
    rows = (
        ("I-1", "trapped", "Two people trapped, Customs Quay", 1, 700, 60, 240, 2, True),
        ("I-2", "substation", "Substation 4 flooding", 1, 1250, 180, 660, 2, False),
        ("I-3", "vehicle_in_water", "Vehicle stranded in underpass", 2, 2050, 300, 120, 1, True),
        ("I-4", "flood", "Basement flooding, Chandler's Row", 3, 800, 320, 1980, 1, False),
        ("I-5", "medical", "Breathing difficulty, care home", 2, 2300, 900, 900, 1, False),
        ("I-6", "lift", "Lift entrapment", 3, 1700, 1300, 1100, 1, False),
        ("I-7", "tree", "Tree down on power line", 4, 500, 1500, 1500, 1, False),
        ("I-8", "trapped", "Two people trapped, Customs Quay", 1, 760, 90, 200, 1, True),
    )
    for name, kind, title, priority, x, y, ago, needed, unread in rows:
        s.happen(
            ev.IncidentOpened(
                incident=name,
                incident_kind=kind,
                title=title,
                priority=priority,
                place_label=f"{title.split(', ')[-1]}, Old Harbour",
                place_how="address",
                uncertainty_m=30,
                units_needed=needed,
                people_trapped=kind == "trapped",
                people_at_risk=2 if kind == "trapped" else None,
                possible_duplicate_of=("I-1",) if name == "I-8" else (),
                unread=unread,
                **at(s, x, y),
            ),
            ago_s=ago,
        )
    said = ("incident", "The water is up to the windows, we are two on the crane cabin stairs, hurry please")
    from picture.reports import IncidentReport

    report = IncidentReport(
        at_ms=START_MS - 240_000,
        incident_kind="trapped",
        text=said[1],
        caller="M. Ferreira",
        call_back="+351 555 0102",
        place_as_said="the old customs crane",
        **at(s, 700, 60),
    )
    s.happen(ev.ReportReceived(report=report, size=200, sha256="0" * 64, incident="I-1"), ago_s=240, source="calls")
    s.happen(
        ev.ReportLinked(
            incident="I-1",
            report_entry=s.picture.home.seq,
            feed="calls",
            report_at_ms=START_MS - 240_000,
            grade="C2",
            score_c=410,
            evidence=(
                ("distance", 210, "40 m apart"),
                ("time", 140, "12 s apart"),
                ("kind", 90, "both trapped"),
                ("caller", -30, "another number"),
            ),
            has=("text", "caller", "call_back", "place_as_said"),
        ),
        ago_s=240,
    )
    s.happen(
        ev.UnitAssigned(
            id="A-1",
            unit="E14",
            incident="I-1",
            to_lon_e7=at(s, 700, 60)["lon_e7"],
            to_lat_e7=at(s, 700, 60)["lat_e7"],
            to_label="Customs Quay",
            eta_ms=START_MS + 200_000,
            length_m=2400,
            streets=("Abbey Street", "Wharf Street"),
        ),
        ago_s=150,
        person="j.okafor",
    )
    s.happen(ev.UnitStatusChanged(unit="E14", local_status="enroute"), ago_s=100)
    s.places["E14"] = s.pack.to_lonlat(1500, 900)
    s.happen(
        ev.UnitAssigned(
            id="A-2",
            unit="M7",
            incident="I-5",
            to_lon_e7=at(s, 2300, 900)["lon_e7"],
            to_lat_e7=at(s, 2300, 900)["lat_e7"],
            to_label="Care home",
        ),
        ago_s=700,
    )
    s.happen(ev.UnitStatusChanged(unit="M7", local_status="enroute"), ago_s=650)
    s.happen(ev.UnitStatusChanged(unit="M7", local_status="on_scene"), ago_s=300)


def _intent(s: FakeSession) -> None:
    s.happen(
        ev.RunStarted(id="R-1", playbook="surge/quay", playbook_version=3, key="quay", trigger="TG-1 above 1.35 m"),
        ago_s=70,
    )
    s.happen(proposal("P-1", "Engine and boat to Customs Quay"), ago_s=60)
    s.happen(
        proposal(
            "P-2",
            "Ask the grid operator to isolate Substation 4",
            verb="request.make",
            incident="I-2",
            due_ms=START_MS + 45_000,
            summaries=("Ask Grid operator: isolate Substation 4, shed feeder 12",),
        ),
        ago_s=50,
    )
    s.happen(
        proposal(
            "P-3",
            "Shelter in place, three blocks",
            verb="alert.public",
            incident="I-2",
            priority=2,
            quorum=2,
            summaries=("CAP alert to Old Harbour: go to upper floors",),
        ),
        ago_s=40,
    )
    for name, priority, title, ago, life in (
        ("AL-1", 1, "Water in Substation 4 basement 0.62 m, trips at 0.80 m", 16, False),
        ("AL-2", 2, "Wharf Street underpass closed", 28, False),
        ("AL-3", 1, "Mayday, MARSH LIGHT, two on board", 61, True),
        ("AL-4", 3, "Tide gauge rose 0.14 m in 15 min", 97, False),
    ):
        s.happen(
            ev.AlarmRaised(
                id=name,
                priority=priority,
                title=title,
                cause_words="Level above the limit",
                consequence="12,400 customers lose power",
                action="Ask the grid operator to isolate",
                time_to_act_s=300,
                subject="I-2",
                key=name,
                life_safety=life,
            ),
            ago_s=ago,
            source="grid",
        )
    s.happen(ev.AlarmChanged(id="AL-4", state="acknowledged"), ago_s=30, person="j.okafor")
    s.happen(
        ev.AlertRequested(
            id="AT-1",
            alert_kind="agency",
            headline="EXERCISE Water over Customs Quay",
            body="Clear berths 6 and 7.",
            incident="I-1",
            recipients=(("port captain", "push"), ("quay crew", "sms"), ("harbour control", "mail")),
        ),
        ago_s=300,
    )
    s.happen(ev.DeliveryChanged(alert="AT-1", recipient="port captain", channel="push", state="accepted"), ago_s=250)
    s.happen(
        ev.DeliveryChanged(
            alert="AT-1", recipient="quay crew", channel="sms", state="failed", attempts=3, detail="no route"
        ),
        ago_s=200,
    )
    s.happen(ev.RequestMade(id="RQ-1", to="Grid operator", what="load transfer to feeder 9", subject="I-2"), ago_s=120)
