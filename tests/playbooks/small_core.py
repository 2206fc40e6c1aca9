"""A core in memory for playbooks: entries are made and folded, reactions come back as entries, timers fire when due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture import events as ev
from picture.decisions import Refused, Released, settle, sign
from picture.entry import Actor, Entry
from picture.errors import PlaybookError, RefusedError
from picture.fold import Picture
from picture.ids import Ids
from picture.model import Proposal, StreamPicture
from playbooks.context import Area, Context, LonLatE7, NoWay, Planner, Way
from playbooks.effects import Draft
from playbooks.engine import Engine

START_MS = 1_795_348_800_000
STREAM = "core"
MINUTE = 60_000
STREETS = {
    "Wharf Street Underpass": (9991,),
    "Customs Quay": (10, 11, 12),
    "Shipwrights Quay": (20, 21),
    "Wharf Street": (30,),
}
DRY, WET = (40, 41), (10, 40)


class TownRoads:
    """Two ways everywhere: a short one over Customs Quay, and a longer dry one over High Street."""

    def edges_named(self, name: str) -> tuple[int, ...]:
        return STREETS.get(name, ())

    def way(self, profile: str, start: LonLatE7, end: LonLatE7, avoid: frozenset[int] = frozenset()) -> Way | NoWay:
        for eta_s, length_m, street, edges in ((300, 2_000, "Customs Quay", WET), (420, 3_100, "High Street", DRY)):
            if not avoid.intersection(edges):
                return Way(eta_s, length_m, (street,), (start, end), edges)
        return NoWay(f"no open road for a {profile}")

    def matrix(
        self, profile: str, starts: Sequence[LonLatE7], ends: Sequence[LonLatE7], avoid: frozenset[int] = frozenset()
    ) -> list[list[float | None]]:
        def seconds(start: LonLatE7, end: LonLatE7) -> float | None:
            way = self.way(profile, start, end, avoid)
            return float(way.eta_s) if isinstance(way, Way) else None

        return [[seconds(start, end) for end in ends] for start in starts]


@dataclass
class TownDirectory:
    """Everybody but the unlisted has one channel."""

    unlisted: set[str] = field(default_factory=lambda: {"agency:NOBODY"})

    def recipients(self, who: str) -> tuple[tuple[str, str], ...]:
        return () if who in self.unlisted or who.startswith("fed_by:") else ((who, "drill"),)

    def area(self, name: str) -> Area | None:
        ring = ((0, 0), (10, 0), (10, 10), (0, 0))
        return Area(name.partition(":")[2], (ring,)) if name.startswith("district:") else None


def first_free(goal: str, args: Mapping[str, Any], ctx: Context) -> Draft:
    """A planner that sends the first free unit to the facility and says which it passed over."""
    free = [unit.id for unit in ctx.picture.home.units.values() if unit.local_status == "available"]
    if not free:
        raise PlaybookError("Every unit is busy.", code="TOC-6109")
    other = ev.AlternativeModel(title=f"{free[-1]} instead", score=0.4, reason="it would leave its district uncovered")
    return Draft(
        evidence=(f"{len(free)} units are free for {goal}",),
        alternatives=(other,),
        results={"assignments": [{"unit": free[0], "facility": args["facility"]}]},
    )


@dataclass
class Services:
    roads: TownRoads = field(default_factory=TownRoads)
    directory: TownDirectory = field(default_factory=TownDirectory)
    planner: Planner | None = first_free


class SmallCore:
    """One world in memory. ``say`` is what arrives; everything it leads to happens at once."""

    def __init__(self, engine: Engine, services: Services | None = None) -> None:
        self.engine, self.services = engine, services or Services()
        self.picture, self.ids = Picture(STREAM), Ids("seed")
        self.now_ms = START_MS
        self.entries: list[Entry] = []
        self.timers: list[tuple[int, str, str]] = []

    @property
    def home(self) -> StreamPicture:
        return self.picture.home

    def context(self) -> Context:
        return Context(self.picture, self.now_ms, self.ids, self.services)

    def commit(self, events: Sequence[ev.Event], actor: str = "system:test", source: str = "") -> list[Entry]:
        new = []
        for event in events:
            seq = len(self.entries) + 1
            sealed = tuple(path for path, _ in ev.sealed_values(event))
            entry = Entry(1, STREAM, seq, f"c{seq}", 0, event.kind, event.version, self.now_ms, self.now_ms,
                          Actor(actor), source, "", "", (), "", "", "", ev.clear_part(event), sealed)  # fmt: skip
            self.entries.append(entry)
            self.picture.apply(entry)
            if isinstance(event, ev.TimerSet):
                self.timers.append((event.due_ms, event.id, event.what))
            new.append(entry)
        return new

    def say(self, *events: ev.Event, source: str = "feed") -> None:
        entries = self.commit(events, source=source)
        for _ in range(100):
            following = self.engine.react(entries, self.context())
            if not following:
                return
            entries = self.commit(following)
        raise AssertionError("the engine never came to rest")

    def wait(self, minutes: float) -> None:
        """Lets time pass; timers that fall due fire in order."""
        until = self.now_ms + round(minutes * MINUTE)
        while due := sorted(timer for timer in self.timers if timer[0] <= until):
            self.timers.remove(due[0])
            self.now_ms = max(self.now_ms, due[0][0])
            self.say(ev.TimerFired(id=due[0][1], what=due[0][2]))
        self.now_ms = until

    def waiting(self) -> list[Proposal]:
        return [one for one in self.home.proposals.values() if one.status == "waiting"]

    def proposal(self, title: str) -> Proposal:
        return next(one for one in reversed(self.waiting()) if title in one.title)

    def approve(self, proposal: Proposal, *people: str) -> str:
        """Signs for these people and settles as the executor does; the outcome's name."""
        for person in people:
            key = Ed25519PrivateKey.from_private_bytes(person.encode().ljust(32, b"."))
            public, signature = sign(key, proposal.id, proposal.digest, "approve", person, "")
            decision = ev.DecisionMade(id=self.ids.new("D"), proposal=proposal.id, digest=proposal.digest,
                                       verdict="approve", public_key=public, signature=signature)  # fmt: skip
            self.commit([decision], actor=person)
        outcome = settle(self.home.proposals[proposal.id], self.home, self.now_ms)
        if isinstance(outcome, Released):
            try:
                done = self.engine.carry_out(self.home.proposals[proposal.id], self.context())
            except RefusedError as refused:
                outcome = Refused(refused.diff)
            else:
                self.say(ev.ProposalSettled(id=proposal.id, status="executed"), *done)
        if isinstance(outcome, Refused):
            self.say(ev.ProposalSettled(id=proposal.id, status="refused", diff=outcome.diff))
        return type(outcome).__name__

    def reject(self, proposal: Proposal) -> None:
        self.say(ev.ProposalSettled(id=proposal.id, status="rejected"))

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [entry.event for entry in self.entries if isinstance(entry.event, kind)]


def unit(name: str, agency: str = "MFD", station: str = "FS-1") -> ev.UnitRegistered:
    return ev.UnitRegistered(
        id=name, name=name, agency=agency, nims_kind="Fire Engine (Pumper)", nims_type=1, station=station,
        home_lon_e7=1, home_lat_e7=1, profile="engine", wading_mm=500, crew=4,
    )  # fmt: skip


def facility(name: str, kind: str, *attributes: tuple[str, Any]) -> ev.FacilityRegistered:
    return ev.FacilityRegistered(
        id=name, facility_kind=kind, name=f"The {name}", lon_e7=5, lat_e7=6, attributes=attributes
    )


def town() -> list[ev.Event]:
    """A small Port Meridian: three units, a station, a substation that feeds a hospital and a pump, gauges."""
    return [
        ev.WorldOpened(site="meridian", world="drill", city="port-meridian", start_ms=START_MS),
        unit("E12"), unit("E21"), unit("E31"), facility("FS-1", "fire_station"), facility("BARRIER", "barrier"),
        facility("SUB-4", "substation", ("trip_level_m", 2.65)), facility("SUB-1", "substation", ("trip_level_m", 9.3)),
        facility("H-STANNE", "hospital", ("substation", "SUB-4")), facility("P-2", "pump", ("substation", "SUB-4")),
        *(ev.SensorRegistered(id=name, quantity="water_level", name=name, lon_e7=1, lat_e7=1)
          for name in ("G-QUAY", "G-OLDDOCK", "G-BARRIER")),
    ]  # fmt: skip


def level(sensor: str, value: float, state: str = "ok") -> ev.SensorUpdated:
    return ev.SensorUpdated.model_validate(
        {"id": sensor, "quantity": "water_level", "unit": "m", "value": value, "state": state}
    )


def flood(level_mm: int, status: str = "active") -> ev.HazardChanged:
    return ev.HazardChanged.model_validate(
        {"id": "H-1", "hazard_kind": "flood", "title": "Flood", "status": status, "level_mm": level_mm}
    )
