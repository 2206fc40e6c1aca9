"""The composition of a drill: a world whose timetable, people, crews and counterparts come from a scenario.

A drill opens nothing live: its folder, keys, channels and secrets are its own, made at its start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.core import Draft
from console.credentials import FILE, in_files, refuse_other_worlds
from console.drill.counterparts import Counterparts
from console.drill.people import SimulatedPeople
from console.drill.receiver import Receiver
from console.drill.scenario import Scenario
from console.drill.units import DrillUnits
from console.people import Person
from console.site import roster
from console.world import Plan, World, armed
from feeds.notify.channels import Channels, drill_channels, is_loopback, open_channels
from feeds.replay import Recording
from picture import events as ev
from picture.clock import VirtualClock, to_ms
from picture.entry import Actor, Entry
from picture.errors import RefusedError, TocsinError, UsageError
from picture.sealing import drill_signing_key

UNIT_FEED = "tak-units"
RESTART_KINDS = frozenset(
    {"report.received", "report.refused", "unit.assigned", "assignment.ended", "request.made", "drill.controlled"}
)
"""What a drill's people, crews and timetable look for in the journal when the core starts again."""


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


def refuse_live(scenario: Scenario, source: Path, folder: Path) -> None:
    """Returns where nothing that a drill is made from is, or leads to, what belongs to the live world.

    Looks at the scenario's folder, its feeds and directory, and the drill's own folder; nothing else is read. The
    refusal (TOC-4007, TOC-4020) names the place and never repeats what stands there.
    """
    refuse_other_worlds("drill", in_files([source / "scenario.yaml", source / FILE, folder / FILE]))
    for feed in scenario.feeds:
        own = feed.stream
        if feed.secret or own.password or own.ca or own.certificate or own.key:
            raise RefusedError(f"feeds: {feed.id} names a secret; a drill makes its own.", code="TOC-4007")
        address = urlsplit(feed.url)
        if feed.url and (not is_loopback(address.hostname or "") or "@" in address.netloc):
            raise RefusedError(f"feeds: the url of {feed.id} leads out of this machine.", code="TOC-4007")
    for one in scenario.directory:
        if "://" in one.channel:
            raise RefusedError(f"directory: the channel of {one.name} is an address, not a name.", code="TOC-4007")


class DrillWorld(World):
    """A running drill. Everything happens on the thread that made it."""

    def __init__(
        self, scenario: Scenario, source: Path, folder: Path, pack: Path, order_cache: Path, options: Options
    ) -> None:
        refuse_live(scenario, source, folder)
        self.scenario = scenario
        self.options = options
        self.seed = scenario.seed if options.seed is None else options.seed
        self.start_ms = to_ms(scenario.start)
        self.end_ms = self.start_ms + round(scenario.minutes * 60_000)
        clock = VirtualClock(self.start_ms)
        folder.mkdir(parents=True, exist_ok=True)
        self.receiver = Receiver(clock, out=folder / "received")
        plan = Plan(
            world="drill",
            stream=f"drill.{scenario.id}",
            seed=f"{scenario.id}:{self.seed}",
            folder=folder,
            pack=pack,
            order=order_cache,
            feeds=scenario.feeds,
            directory=scenario.directory,
            playbooks=tuple(armed(scenario.playbooks)),
            cap_sender=f"drill@{scenario.city}.tocsin.invalid",
            on_result=options.on_result,
            wait_for_outbox=options.wait_for_outbox,
        )
        super().__init__(plan, clock, self._channels, options.progress)
        self.people = SimulatedPeople(
            self.core, scenario.people, self.key_of, self._give, second_only=bool(options.played_by)
        )
        self.units = DrillUnits(self.core, self.deliverer(UNIT_FEED))
        """The crews; without a feed of their own nobody plays them, and the operator sets their status."""
        self.counterparts = Counterparts(self.core, scenario.reactions, self.deliver)
        if UNIT_FEED in self.intakes:
            self.core.react_with("units", self.units.react)
        self.core.react_with("people", self.people.react)
        self.core.react_with("counterparts", self.counterparts.react)
        self.last_speed: float | None = None
        """The pace that was last set, as the journal says."""
        self._heard_ms, self._heard = 0, set[str]()
        self._under_way: dict[str, Entry] = {}
        self._asked: list[Entry] = []
        options.progress("journal")
        self.begin()
        self._plan_exercise(source)

    def _channels(self) -> Channels:
        names = {one.channel for one in self.scenario.directory} - {"cap"}
        return open_channels("drill", drill_channels(sorted(names)), environ={}, receiver=self.receiver.address)

    def first_words(self) -> Iterator[ev.Event]:
        """The exercise, its site, and who has the desk."""
        yield ev.WorldOpened(
            site=self.city.pack.meta["name"],
            world="drill",
            city=self.scenario.city,
            scenario=self.scenario.id,
            title=self.scenario.title,
            seed=self.seed,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
        )
        yield from roster(self.city.pack, self.scenario.feeds, self.registry)
        yield ev.ShiftChanged(
            step="taken", person=self.options.played_by or self._on_duty(), position=self.options.position
        )

    def _on_duty(self) -> str:
        return next((one.name for one in self.scenario.people if one.position == self.options.position), "")

    # --- after a restart ------------------------------------------------------------------------------------

    def restart_kinds(self) -> frozenset[str]:
        return super().restart_kinds() | RESTART_KINDS

    def remember(self, entry: Entry) -> None:
        """Also who was on the way, what was asked of others, and what arrived at the very last instant."""
        super().remember(entry)
        event = entry.event
        if entry.recorded_ms != self._heard_ms:
            # A message journalled at the present instant must not be played twice.
            self._heard_ms, self._heard = entry.recorded_ms, set()
        if isinstance(event, (ev.ReportReceived, ev.ReportRefused)):
            self._heard.add(event.sha256)
        elif isinstance(event, ev.UnitAssigned):
            self._under_way[event.id] = entry
        elif isinstance(event, ev.AssignmentEnded):
            self._under_way.pop(event.id, None)
        elif isinstance(event, ev.RequestMade):
            self._asked.append(entry)
        elif isinstance(event, ev.DrillControlled) and event.speed is not None:
            self.last_speed = event.speed

    def take_up(self) -> None:
        """Crews, people and counterparts go on from where they were."""
        if UNIT_FEED in self.intakes:
            self.units.resume(self._under_way.values())
        self.people.resume()
        self.counterparts.resume(self._asked)
        self._under_way.clear()
        self._asked.clear()

    # --- the timetable --------------------------------------------------------------------------------------

    def _plan_exercise(self, source: Path) -> None:
        """Puts the scenario's timetable on the agenda, from the clock's present on."""
        now = self.core.now_ms()
        add = self.core.agenda.add
        heard = self._heard if self._heard_ms == now else set()
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
        add(max(self.end_ms, now), "9-end", self._finish)

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

    def keeps_house_at(self, at_ms: int) -> bool:
        """Until the exercise ends."""
        return at_ms < self.end_ms

    def _finish(self) -> None:
        if not self.core.home.drill.stopped:
            self.core.record([Draft(ev.DrillControlled(action="finish", why="finished"))])

    def close(self) -> None:
        """Lets everything go; the journal holds the truth."""
        super().close()
        self.receiver.close()
