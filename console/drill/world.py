"""The composition of a drill: one world's journal, city, feeds, playbooks, people and outbox, put together once.

A drill opens nothing live: its folder, keys, channels and secrets are its own, made at its start.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import playbooks
from agents.planner import planner
from console.city import City
from console.commander import Commander, Pace, nearest_units
from console.core import Core, Draft
from console.desk import Desk
from console.drill.counterparts import Counterparts
from console.drill.people import SimulatedPeople
from console.drill.receiver import Receiver
from console.drill.scenario import Scenario
from console.drill.units import DrillUnits
from console.executor import Executor
from console.ingest import Ingest
from console.people import Person
from console.services import CityRoads, DirectoryOf, HouseServices
from console.site import roster
from feeds.base import Health
from feeds.health import HealthWatch
from feeds.intake import Intake, Reading
from feeds.notify.channels import drill_channels, open_channels
from feeds.outbox import Outbox
from feeds.registry import Registry, installed
from feeds.release import still_released
from feeds.replay import Recording
from picture import alarms, warnings
from picture import events as ev
from picture.clock import VirtualClock, to_ms
from picture.entry import Actor, Entry
from picture.errors import TocsinError, UsageError
from picture.journal import BlobStore, SqliteJournal
from picture.model import Incident, Unit
from picture.sealing import Keyring, core_signing_key, drill_signing_key
from playbooks.context import Context
from playbooks.engine import Engine
from playbooks.schema import Playbook, load
from playbooks.verbs import standard_verbs
from twin.pack import CityPack

KEEP_HOUSE_MS = 30_000
BLOB_QUOTA = 64 * 1024 * 1024
UNIT_FEED = "tak-units"


LIBRARY = Path(playbooks.__file__).parent / "library"


def armed(names: Sequence[str]) -> list[Playbook]:
    """The library's playbooks of these names, or all of them; ``UsageError`` TOC-1004 for one that does not ship."""
    known = {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"There is no playbook {', '.join(unknown)}; there are {', '.join(known)}.", code="TOC-1004")
    return [load(known[name])[0] for name in names or known]


@dataclass(slots=True)
class Options:
    """How a drill is run."""

    seed: int | None = None
    played_by: str = ""
    """Name of the person who plays; empty: every position is simulated."""
    position: str = "duty_officer"
    wait_for_outbox: bool = True
    """Virtual time stands while a delivery is outstanding: what makes a headless drill repeatable."""
    on_result: Callable[[], None] | None = None
    progress: Callable[[str], None] = field(default=lambda _words: None)


class DrillWorld:
    """A running drill. Everything happens on the thread that made it."""

    def __init__(
        self, scenario: Scenario, source: Path, folder: Path, pack: Path, order_cache: Path, options: Options
    ) -> None:
        self.scenario = scenario
        self.folder = folder
        self.options = options
        self.seed = scenario.seed if options.seed is None else options.seed
        self.start_ms = to_ms(scenario.start)
        self.end_ms = self.start_ms + round(scenario.minutes * 60_000)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = self._open_journal()
        self.core = Core(journal=self.journal, clock=VirtualClock(self.start_ms), seed=f"{scenario.id}:{self.seed}")
        options.progress("roads")
        self.city = City(CityPack.open(pack), order_cache)
        self.ingest = Ingest(self.core, self.city, {feed.id: feed.grade for feed in scenario.feeds})
        self.desk = Desk(self.core, self.city)
        options.progress("playbooks")
        self.services = HouseServices(CityRoads(self.city), DirectoryOf(scenario.directory, self.city), planner)
        self.engine = Engine(armed(scenario.playbooks), standard_verbs())
        self.executor = Executor(self.core, lambda proposal: self.engine.carry_out(proposal, self.context()))
        self.registry: Registry = installed()
        self.intakes = {feed.id: Intake(feed, self.registry) for feed in scenario.feeds}
        self.receiver = Receiver(self.core.clock, out=folder / "received")
        self.outbox = self._open_outbox()
        self.commander = self._commander(None)
        self.people = SimulatedPeople(
            self.core, scenario.people, self.key_of, self._give, second_only=bool(options.played_by)
        )
        self.units = DrillUnits(self.core, partial(self.deliver, UNIT_FEED))
        """The crews; without a feed of their own nobody plays them, and the operator sets their status."""
        self.counterparts = Counterparts(self.core, scenario.reactions, self.deliver)
        self._health = {feed.id: HealthWatch(feed, self.start_ms) for feed in scenario.feeds}
        self._outbox_due: int | None = None
        self._wire_up()
        options.progress("journal")
        self._begin(source)

    # --- putting together -----------------------------------------------------------------------------------

    def _open_journal(self) -> SqliteJournal:
        keyring = Keyring(self.folder / "keys")
        blobs = BlobStore(self.folder / "blobs", keyring, quota_bytes=BLOB_QUOTA)
        return SqliteJournal(
            self.folder / "journal",
            f"drill.{self.scenario.id}",
            keyring=keyring,
            signing_key=core_signing_key(self.folder / "keys"),
            blobs=blobs,
        )

    def _open_outbox(self) -> Outbox:
        names = {one.channel for one in self.scenario.directory} - {"cap"}
        channels = open_channels("drill", drill_channels(sorted(names)), environ={}, receiver=self.receiver.address)
        return Outbox(
            world="drill",
            channels=channels,
            cap_sender=f"drill@{self.scenario.city}.tocsin.invalid",
            released=lambda alert: still_released(alert, self.core.home, self.core.now_ms()),
            on_result=self.options.on_result,
        )

    def _commander(self, pace: Pace | None) -> Commander:
        return Commander(self.core, self.desk, self.executor, pace=pace, nearest=self.nearest, explain=self.explain)

    def paced_by(self, pace: Pace) -> None:
        """Lets drill commands move this pacer's clock."""
        self.commander = self._commander(pace)

    def _wire_up(self) -> None:
        self.core.listen(self.ingest.follow)
        self.core.listen(self.ingest.follow_roads)
        self.core.react_with("flood", self.ingest.watch_flood)
        self.core.react_with("playbooks", self._react_playbooks)
        self.core.react_with("executor", self.executor.react)
        self.core.react_with("timers", self._react_timers)
        self.core.react_with("outbox", self._react_outbox)
        if UNIT_FEED in self.intakes:
            self.core.react_with("units", self.units.react)
        self.core.react_with("people", self.people.react)
        self.core.react_with("counterparts", self.counterparts.react)

    def _begin(self, source: Path) -> None:
        if self.core.restore():
            self._resume()
        else:
            opened = ev.WorldOpened(
                site=self.city.pack.meta["name"],
                world="drill",
                city=self.scenario.city,
                scenario=self.scenario.id,
                title=self.scenario.title,
                seed=self.seed,
                start_ms=self.start_ms,
                end_ms=self.end_ms,
            )
            taken = ev.ShiftChanged(
                step="taken", person=self.options.played_by or self._on_duty(), position=self.options.position
            )
            events = (opened, *roster(self.city.pack, self.scenario.feeds, self.registry), taken)
            self.core.record([Draft(event) for event in events])
        self._plan(source)

    def _on_duty(self) -> str:
        return next((one.name for one in self.scenario.people if one.position == self.options.position), "")

    def _resume(self) -> None:
        """After a crash: everything that was planned and not done is planned again."""
        self.city.follow(self.core.home)
        self.ingest.restore()
        now = self.core.now_ms()
        self._health = {feed.id: HealthWatch(feed, now) for feed in self.scenario.feeds}
        self.engine.restore(self.core.picture, self.journal.read())
        fired = {e.event.id for e in self.journal.read() if isinstance(e.event, ev.TimerFired)}
        for entry in self.journal.read():
            if isinstance(entry.event, ev.TimerSet) and entry.event.id not in fired:
                self._plan_timer(entry.event)
        self.executor.resume()
        self.outbox.rebuild(self.core.picture)
        self._plan_outbox()
        if UNIT_FEED in self.intakes:
            self.units.resume()
        self.people.resume()
        self.counterparts.resume()

    def _plan(self, source: Path) -> None:
        """Puts the scenario's timetable on the agenda, from the clock's present on."""
        now = self.core.now_ms()
        add = self.core.agenda.add
        heard = self._heard_at(now)
        for number, message in enumerate(Recording(source)):
            if message.feed not in self.intakes:
                raise UsageError(f"messages.jsonl: the scenario declares no feed {message.feed}.", code="TOC-1004")
            at_ms = self.start_ms + message.offset_ms
            if at_ms > now or (at_ms == now and hashlib.sha256(message.body).hexdigest() not in heard):
                add(at_ms, f"1-message:{number:05d}", partial(self.deliver, message.feed, message.body))
        given = {identifier for identifier, _, _ in self.core.home.drill.injects}
        for inject in self.scenario.injects:
            at_ms = self.start_ms + round(inject.at_s * 1000)
            if at_ms >= now and inject.id not in given:
                add(at_ms, f"0-inject:{inject.id}", partial(self._inject, inject.id, inject.title))
        for number, line in enumerate(self.scenario.script):
            at_ms = self.start_ms + round(line.at_s * 1000)
            if at_ms >= now and not self.options.played_by:
                add(at_ms, f"5-script:{number:03d}", partial(self._scripted, line.person, line.command))
        add(now + KEEP_HOUSE_MS, "8-house", self._keep_house)
        add(max(self.end_ms, now), "9-end", self._finish)

    def _heard_at(self, at_ms: int) -> set[str]:
        """SHA-256 of the messages journalled at this very instant: after a crash they are not played twice."""
        return {
            entry.event.sha256
            for entry in self.journal.read()
            if entry.recorded_ms == at_ms and isinstance(entry.event, (ev.ReportReceived, ev.ReportRefused))
        }

    # --- what arrives ---------------------------------------------------------------------------------------

    def deliver(self, feed: str, data: bytes) -> list[Entry]:
        """One delivery on a feed, from the recording, a simulator or the inbox alike."""
        intake = self.intakes[feed]
        reading = intake.read(data, self.core.now_ms())
        entries = self.ingest.take_in(feed, reading)
        self.judge_health(feed, reading)
        return entries

    def judge_health(self, feed: str, reading: Reading) -> None:
        """Journals a change of the feed's state that this delivery made."""
        self._health_changed(feed, self._health[feed].arrived(reading, self.core.now_ms()))

    def fetch_failed(self, feed: str, why: str) -> None:
        """Journals that a feed could not be fetched, when that is news."""
        self._health_changed(feed, self._health[feed].fetch_failed(why, self.core.now_ms()))

    def fetch_unchanged(self, feed: str) -> None:
        """Journals that a source which had been lost is there again, when it answers that nothing changed."""
        self._health_changed(feed, self._health[feed].unchanged(self.core.now_ms()))

    def _health_changed(self, feed: str, health: Health | None) -> None:
        known = self.core.home.feeds.get(feed)
        if health is None or known is None or (known.state == "waiting" and health.state == "ok"):
            return
        event = ev.FeedChanged(id=feed, state=health.state, why=health.why[:200])
        raised = alarms.judge([event], self.core.home, self.core.ids)
        self.core.record([Draft(one, source=feed) for one in (event, *raised)], actor=Actor("system:feeds"))

    def _inject(self, identifier: str, title: str) -> None:
        self.core.record([Draft(ev.InjectGiven(id=identifier, title=title))], actor=Actor("exercise control"))

    def _scripted(self, name: str, command: Any) -> None:
        person = self.people.named(name)
        if person is None:
            return
        try:
            self.commander.give(command, person)
        except TocsinError:
            # A scripted mistake is part of the lesson; the refusal is journalled.
            return

    def _give(self, command: Any, person: Person) -> object:
        return self.commander.give(command, person)

    def key_of(self, name: str) -> Ed25519PrivateKey:
        """The throw-away key of a simulated person."""
        return drill_signing_key(f"{self.scenario.id}:{self.seed}", name)

    # --- reactors -------------------------------------------------------------------------------------------

    def context(self) -> Context:
        """This moment, as playbooks and planner see it."""
        return Context(self.core.picture, self.core.now_ms(), self.core.ids, self.services, self.core.opened)

    def _react_playbooks(self, entries: Sequence[Entry]) -> list[Draft]:
        events = self.engine.react(entries, self.context())
        return [Draft(event) for event in (*events, *alarms.judge(events, self.core.home, self.core.ids))]

    def _react_timers(self, entries: Sequence[Entry]) -> list[Draft]:
        for entry in entries:
            if isinstance(entry.event, ev.TimerSet):
                self._plan_timer(entry.event)
        return []

    def _plan_timer(self, timer: ev.TimerSet) -> None:
        fired = ev.TimerFired(id=timer.id, what=timer.what)
        self.core.agenda.add(timer.due_ms, f"6-timer:{timer.id}", lambda: self.core.record([Draft(fired)]))

    def _react_outbox(self, entries: Sequence[Entry]) -> list[Draft]:
        self.outbox.react(entries, self.core.picture)
        self._plan_outbox()
        return []

    def _plan_outbox(self) -> None:
        due = self.outbox.next_due_ms()
        if due is None:
            return
        due = max(due, self.core.now_ms())
        if self._outbox_due is None or due < self._outbox_due:
            self._outbox_due = due
            self.core.agenda.add(due, "7-outbox", self._hand_over)

    def _hand_over(self) -> None:
        self._outbox_due = None
        self.outbox.hand_over(self.core.now_ms())
        self.collect(wait=self.options.wait_for_outbox)

    def collect(self, *, wait: bool = False) -> None:
        """Journals what came of hand-overs."""
        changes: list[ev.Event] = list(self.outbox.results(wait=wait))
        raised = alarms.judge(changes, self.core.home, self.core.ids)
        self.core.record([Draft(event) for event in (*changes, *raised)], actor=Actor("system:outbox"))
        self._plan_outbox()

    def _keep_house(self) -> None:
        """What is due by time alone: silent feeds, warnings that ran out, counts of repeated refusals."""
        now = self.core.now_ms()
        for feed, watch in self._health.items():
            self._health_changed(feed, watch.tick(now))
        over = warnings.expired(self.core.home, now)
        self.core.record(
            [
                Draft(event, source=self.core.home.hazards[event.id].source)
                for event in over
                if isinstance(event, ev.HazardChanged)
            ]
        )
        self.ingest.count_refusals()
        if now + KEEP_HOUSE_MS < self.end_ms:
            self.core.agenda.add(now + KEEP_HOUSE_MS, "8-house", self._keep_house)

    def _finish(self) -> None:
        if not self.core.home.drill.stopped:
            self.core.record([Draft(ev.DrillControlled(action="finish", why="finished"))])

    # --- answers --------------------------------------------------------------------------------------------

    def where(self, unit: Unit) -> tuple[float, float]:
        """(lon, lat) a unit last reported, else its base."""
        if unit.position:
            lon, lat = (self.core.opened(ref) for ref in unit.position)
            if isinstance(lon, int) and isinstance(lat, int):
                return lon / 1e7, lat / 1e7
        return unit.home_lon_e7 / 1e7, unit.home_lat_e7 / 1e7

    def nearest(self, incident: Incident) -> list[dict[str, Any]]:
        """Every unit with its ETA to an incident, soonest first."""
        if incident.place is None:
            return []
        units = [self.core.home.units[name] for name in sorted(self.core.home.units)]
        return nearest_units(
            self.city.seconds, units, incident.place.lon_e7 / 1e7, incident.place.lat_e7 / 1e7, self.where
        )

    def explain(self, playbook: str) -> list[dict[str, Any]]:
        """Why each playbook fired or did not, with what came nearest."""
        return [asdict(trace) for trace in self.engine.explain(self.core.picture) if playbook in ("", trace.playbook)]

    def feed_secrets(self) -> Mapping[str, bytes]:
        """One secret per feed for this drill's inbox, made once, kept in files nobody else may read."""
        folder = self.folder / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        found: dict[str, bytes] = {}
        for feed in self.intakes:
            path = folder / f"{feed}.secret"
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(secrets.token_hex(24), encoding="ascii")
            found[feed] = path.read_bytes()
        return found

    def close(self) -> None:
        """Lets everything go; the journal holds the truth."""
        self.outbox.close()
        self.receiver.close()
        self.city.close()
        self.journal.close()
