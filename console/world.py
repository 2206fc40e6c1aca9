"""What every world is made of, live, drill or what-if: journal, picture, city, feeds, playbooks, desk and outbox.

A world is put together once, by a kind of world that adds its own (``console.drill.world``, ``console.live``,
``console.forked``). It never opens what another world owns: folder, keys, channels and secrets are handed to it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import playbooks
from agents.planner import planner
from console.city import City
from console.commander import Commander, Pace, nearest_units
from console.core import Core, Draft
from console.credentials import WorldName, claim
from console.desk import Desk
from console.directory import Recipient
from console.executor import Executor
from console.ingest import Ingest
from console.journals import Place, WorldJournal, open_journal, settle
from console.quota import opened
from console.services import CityRoads, DirectoryOf, HouseServices
from feeds.base import Health
from feeds.config import FeedConfig
from feeds.health import HealthWatch
from feeds.intake import Intake, Reading
from feeds.notify.channels import Channels
from feeds.outbox import Outbox
from feeds.registry import Registry, installed
from feeds.release import still_released
from picture import alarms, warnings
from picture import events as ev
from picture.clock import MovingClock
from picture.collecting import without_collection
from picture.entry import Actor, Entry
from picture.errors import RefusedError, UsageError
from picture.journal import BlobStore
from picture.journal.custody import Keeping, finish_erasures
from picture.journal.snapshots import Snapshots, snapshot_key
from picture.model import Incident, Unit
from picture.sealing import Keyring
from playbooks.context import Context
from playbooks.engine import Engine
from playbooks.schema import Playbook, load
from playbooks.verbs import standard_verbs
from twin.pack import CityPack

KEEP_HOUSE_MS = 30_000
LOOK_BACK = 5_000
"""How many entries before a snapshot a restart looks at for what arrived, at least."""
BLOB_QUOTA = 64 * 1024 * 1024
LIBRARY = Path(playbooks.__file__).parent / "library"
RESTART_KINDS = frozenset({"timer.set", "timer.fired"})
"""What this module itself looks for in the journal when a core starts again."""

Progress = Callable[[str], None]


def armed(names: Sequence[str], folder: Path = LIBRARY) -> list[Playbook]:
    """The playbooks of a folder with these names, or all of them; ``UsageError`` TOC-1004 for one that is not there."""
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"There is no playbook {', '.join(unknown)}; there are {', '.join(known)}.", code="TOC-1004")
    return [load(known[name])[0] for name in names or known]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a world is put together from."""

    world: WorldName
    stream: str
    seed: str
    """What ids derive from."""
    folder: Path
    """Where this world and no other keeps its journal, blobs, keys and secrets."""
    pack: Path
    order: Path
    """Where the roads' elimination order is kept."""
    feeds: tuple[FeedConfig, ...]
    directory: tuple[Recipient, ...]
    playbooks: tuple[Playbook, ...]
    cap_sender: str
    own_agencies: tuple[str, ...] = ()
    """Whose units playbooks may send; empty: everybody's."""
    on_result: Callable[[], None] | None = None
    """Called on a gateway's thread when an answer is there."""
    wait_for_outbox: bool = False
    journal: Place | None = None
    """Where the journal stands, if not in ``folder``."""


def _silently(_words: str) -> None:
    """Progress that nobody watches."""


class World:
    """A running world. Everything happens on the thread that made it."""

    def __init__(
        self, plan: Plan, clock: MovingClock, channels: Callable[[], Channels], progress: Progress = _silently
    ) -> None:
        """Puts the parts together; ``begin`` opens or resumes the journal's story."""
        self.plan = plan
        self.folder = plan.folder
        claim(self.folder, plan.world)
        sinks = channels()  # before the journal: a world without its channels never begins
        self.journal = self._open_journal()
        self.core = Core(journal=self.journal, clock=clock, seed=plan.seed)
        self.snapshots = Snapshots(self.folder / "snapshots", self.journal, key=snapshot_key(self._signing_key))
        self.core.snapshots = self.snapshots
        progress("roads")
        with without_collection():
            self.city = City(CityPack.open(plan.pack), plan.order)
        self.registry: Registry = installed()
        self.intakes = {feed.id: Intake(feed, self.registry, self.feed_home) for feed in plan.feeds}
        waiting = {name: intake.waiting for name, intake in self.intakes.items()}
        self.ingest = Ingest(self.core, self.city, {one.id: one.grade for one in plan.feeds}, waiting, self.blobs)
        self.desk = Desk(self.core, self.city)
        progress("playbooks")
        self.services = HouseServices(CityRoads(self.city), DirectoryOf(plan.directory, self.city), planner)
        citizens = [name for name, spec in waiting.items() if spec.lane == "citizens"]
        self.engine = Engine(plan.playbooks, standard_verbs(plan.own_agencies), citizens=citizens)
        self.executor = Executor(self.core, lambda proposal: self.engine.carry_out(proposal, self.context()))
        self.outbox = Outbox(
            world=plan.world,
            channels=sinks,
            cap_sender=plan.cap_sender,
            released=lambda alert: still_released(alert, self.core.home, self.core.now_ms()),
            on_result=plan.on_result,
        )
        self.ingest.standing = frozenset(name for name, intake in self.intakes.items() if intake.standing)
        self.commander = self._commander(None)
        self._health: dict[str, HealthWatch] = {}
        self._timers: dict[str, ev.TimerSet] = {}
        self._outbox_due: int | None = None
        self._wire_up()

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables that this world may look at."""
        return {}

    # --- putting together -----------------------------------------------------------------------------------

    def _open_journal(self) -> WorldJournal:
        keys, folder = self.folder / "keys", self.folder / "journal"
        settle(folder, self.plan.journal)
        self.keyring = Keyring(keys)
        self.blobs = BlobStore(self.folder / "blobs", self.keyring, quota_bytes=BLOB_QUOTA)
        journal, self._signing_key = open_journal(
            folder, self.plan.stream, keys=keys, keyring=self.keyring, blobs=self.blobs, environ=self.environ
        )
        return journal

    def _commander(self, pace: Pace | None) -> Commander:
        return Commander(
            self.core, self.desk, self.executor, pace=pace, nearest=self.nearest, explain=self.explain,
            counted=self.counted,
        )  # fmt: skip

    def counted(self, source: str, minute_ms: int) -> list[bytes]:
        """The messages of a counted line, as they were sent."""
        entries = self.core.journal.read(kinds=frozenset({ev.ReportsCounted.kind}))
        return list(opened(self.blobs, entries, source, minute_ms))

    def paced_by(self, pace: Pace) -> None:
        """Lets commands move this pacer's clock."""
        self.commander.paced_by(pace)

    def _wire_up(self) -> None:
        self.core.listen(self.ingest.follow)
        self.core.listen(self.ingest.follow_roads)
        self.core.react_with("flood", self.ingest.watch_flood)
        self.core.react_with("playbooks", self._react_playbooks)
        self.core.react_with("executor", self.executor.react)
        self.core.react_with("timers", self._react_timers)
        self.core.react_with("outbox", self._react_outbox)

    # --- beginning, and beginning again -----------------------------------------------------------------------

    def begin(self) -> None:
        """Journals the world's first entries, or takes up what the journal left off."""
        if self.journal.head().seq:
            self._resume()
        else:
            self.core.record([Draft(event) for event in self.first_words()])
        now = self.core.now_ms()
        self._health = {feed.id: HealthWatch(feed, now) for feed in self.plan.feeds}
        self.core.agenda.add(now + KEEP_HOUSE_MS, "8-house", self._keep_house)

    def first_words(self) -> Iterable[ev.Event]:
        """The events that open this world's journal."""
        raise NotImplementedError

    def restart_kinds(self) -> frozenset[str]:
        """The kinds of entries that ``remember`` and the parts below want to see again when a core starts."""
        return RESTART_KINDS | self.ingest.restart_kinds | self.engine.restart_kinds

    def remember(self, entry: Entry) -> None:
        """Sees one entry of ``restart_kinds`` again, oldest first, while the picture is being restored."""
        event = entry.event
        if isinstance(event, ev.TimerSet):
            self._timers[event.id] = event
        elif isinstance(event, ev.TimerFired):
            self._timers.pop(event.id, None)
        self.ingest.remember(entry)

    def take_up(self) -> None:
        """Plans again whatever this kind of world had planned; the picture is whole by then."""

    def _resume(self) -> None:
        """After a crash: everything that was planned and not done is planned again, in one reading of the journal."""
        with without_collection():
            self.engine.restore(self.core.picture, self._again())
        finish_erasures(self.core.home, self.keyring, self.blobs)
        self.city.follow(self.core.home)
        self.ingest.recall()
        for timer in self._timers.values():
            self._plan_timer(timer)
        self._timers.clear()
        self.executor.resume()
        self.outbox.rebuild(self.core.picture)
        self._plan_outbox()
        self.take_up()

    def _again(self) -> Iterator[Entry]:
        for entry in self.core.replay(self.restart_kinds(), self._looking):
            self.remember(entry)
            yield entry

    def _looking(self, seq: int) -> list[tuple[int, frozenset[str] | None]]:
        """What a restart looks at before a snapshot: what windows count as far as they reach, what arrived a while."""
        every = self.restart_kinds()
        windows = self.engine.watched_kinds - self.engine.run_kinds
        arrived = self.ingest.restart_kinds - windows - self.engine.run_kinds
        lately = max(seq - LOOK_BACK, 0)
        return [(0, every - windows - arrived), (self._reached(lately, seq), every - arrived), (lately, every)]

    def _reached(self, high: int, seq: int) -> int:
        """The last entry, at or before ``high``, that no window reaches any more at entry ``seq``."""
        oldest_ms = self._recorded_ms(seq) - self.engine.longest_window_ms
        low = 0
        while low < high:
            middle = (low + high) // 2
            if self._recorded_ms(middle + 1) < oldest_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def _recorded_ms(self, seq: int) -> int:
        return next(self.journal.read(seq - 1, seq)).recorded_ms

    @property
    def feed_home(self) -> Path:
        """Where the files lie that feeds' configuration names."""
        return self.folder

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

    def feed_listed(self, feed: str, listed: frozenset[tuple[str, str]]) -> None:
        """Judges what is no longer among the alerts that a polled feed lists, as (sender, identifier)."""
        self.ingest.vanish(feed, listed)

    def fetch_unchanged(self, feed: str) -> None:
        """Journals that a source which had been lost is there again, when it answers that nothing changed."""
        self._health_changed(feed, self._health[feed].unchanged(self.core.now_ms()))

    def link_changed(self, feed: str, state: Literal["connecting", "connected"], why: str) -> None:
        """Journals that a feed's connection was made or lost, when that is news."""
        watch, now = self._health[feed], self.core.now_ms()
        self._health_changed(feed, watch.connected(why, now) if state == "connected" else watch.connecting(why, now))

    def stream_password(self, reference: str) -> str:
        """The secret that a feed's ``stream`` names; only a live world has any."""
        raise RefusedError("a feed's stream names a secret, and this world has none", code="TOC-4007")

    def stream_file(self, name: str) -> Path:
        """Where a certificate or key lies that a feed's ``stream`` names; only a live world has any."""
        raise RefusedError("a feed's stream names a file, and this world has none", code="TOC-4007")

    def _health_changed(self, feed: str, health: Health | None) -> None:
        known = self.core.home.feeds.get(feed)
        if health is None or known is None or (known.state == "waiting" and health.state == "ok"):
            return
        event = ev.FeedChanged(id=feed, state=health.state, why=health.why[:200], missing=health.missing)
        raised = alarms.judge([event], self.core.home, self.core.ids)
        self.core.note([Draft(one, source=feed) for one in (event, *raised)], actor=Actor("system:feeds"))

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
        self.collect(wait=self.plan.wait_for_outbox)

    def collect(self, *, wait: bool = False) -> None:
        """Journals what came of hand-overs."""
        changes: list[ev.Event] = list(self.outbox.results(wait=wait))
        raised = alarms.judge(changes, self.core.home, self.core.ids)
        self.core.note([Draft(event) for event in (*changes, *raised)], actor=Actor("system:outbox"))
        self._plan_outbox()

    # --- by time alone --------------------------------------------------------------------------------------

    def keeps_house_at(self, at_ms: int) -> bool:
        """Whether this world still looks after itself then."""
        return True

    def _keep_house(self) -> None:
        now = self.core.now_ms()
        self.look_around(now)
        if self.keeps_house_at(now + KEEP_HOUSE_MS):
            self.core.agenda.add(now + KEEP_HOUSE_MS, "8-house", self._keep_house)

    def look_around(self, now: int) -> None:
        """What is due by time alone: silent feeds, warnings that ran out, counts of repeated refusals."""
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
        """One secret per feed for this world's inbox, made once, kept in files nobody else may read."""
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

    def keeping(self, actor: Actor) -> Keeping:
        """What the functions of ``picture.journal.custody`` act on while this core runs, in the actor's name."""
        return Keeping(
            self.core.home, self.keyring, self.blobs,
            lambda events: self.core.record([Draft(event) for event in events], actor=actor),
        )  # fmt: skip

    def deliverer(self, feed: str) -> Callable[[bytes], list[Entry]]:
        """``deliver`` on one feed."""
        return partial(self.deliver, feed)

    def close(self) -> None:
        """Lets everything go; the journal holds the truth."""
        self.outbox.close()
        self.city.close()
        self.snapshots.close()
        self.journal.close()
