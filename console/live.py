"""The live world: its core runs from ``TOCSIN_HOME`` by the clock on the wall, and no console ever starts it."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import uvicorn
from pydantic import SecretStr

from console import commands as c
from console.config import ChannelSpec, ClientsConfig, Home, SiteConfig
from console.core import Core, Draft
from console.credentials import Vault, claim, in_environment, refuse_other_worlds
from console.federation_nats import federate
from console.gate import Gate
from console.journals import plain_name, stream_of
from console.pacer import OnFault, Pacer
from console.roster import OwnRoster
from console.serving import InboxAt, Serving, told_of_faults
from console.site import registered, roster
from console.web.api import Door
from console.web.listening import Tls, listen_tls
from console.world import LIBRARY, Plan, World, armed
from feeds.config import resolve_secret
from feeds.geocoder import Geocoder
from feeds.inbox import LOOPBACK
from feeds.notify.channels import ChannelConfig, Channels, ChannelsConfig, open_channels
from picture import events as ev
from picture.alarms import standing
from picture.clock import SteadyClock
from picture.entry import Actor
from picture.errors import RefusedError, UsageError
from picture.journal.retention import DAY_MS, apply_retention
from twin.pack import CityPack

CLOCK_AHEAD_MS = 2_000
"""From here on a wall clock that was set back is told to the operator."""
RETENTION_AFTER_MS = 60_000
"""How long after its start a core first looks for what need not be kept any longer."""


class LivePacer(Pacer):
    """Does what is due by the clock on the wall, which nobody moves."""

    def __init__(self, core: Core, *, on_fault: OnFault | None = None) -> None:
        super().__init__(core, on_fault=on_fault)

    def target_ms(self) -> int:
        return self._core.now_ms()

    def catch_up(self) -> None:
        """Nothing: this clock is always now."""

    def control(self, command: c.ControlDrill) -> None:
        raise RefusedError("Nobody moves the clock of a live world.")


class LiveWorld(World):
    """The site's own world."""

    def __init__(
        self,
        home: Home,
        config: SiteConfig,
        pack: Path,
        order: Path,
        *,
        environ: Mapping[str, str],
        on_result: Callable[[], None] | None = None,
        clock: SteadyClock | None = None,
    ) -> None:
        """``environ`` may hold sealed credentials that ``config`` names, and nothing else of it is looked at."""
        refuse_other_worlds("live", in_environment(environ))
        self._home, self._config, self._environ = home, config, environ
        self.vault = Vault(home.live, "live")
        self.wall = clock or SteadyClock()
        self._own = OwnRoster.read(home.root / "units.yaml", config.agencies)
        library = home.root / config.playbooks if config.playbooks else LIBRARY
        if not library.is_dir():
            raise UsageError(f"playbooks: there is no folder {config.playbooks}.", code="TOC-1003")
        place = config.journal.place(home.root, stream_of(config.site)) if config.journal else None
        plan = Plan(
            world="live",
            stream=place.stream if place else f"live.{plain_name(config.site)}",
            seed=_seed(home.live),
            folder=home.live,
            pack=pack,
            order=order,
            feeds=config.feeds,
            directory=config.directory,
            playbooks=tuple(armed(config.armed, library)),
            cap_sender=config.cap_sender or f"{plain_name(config.site)}.tocsin.invalid",
            own_agencies=config.policy.own_agencies,
            on_result=on_result,
            journal=place,
        )
        super().__init__(plan, self.wall, self._channels)
        self._geocoder = None if config.geocoder is None else Geocoder(config.geocoder, _bounds(self.city.pack))
        if self._geocoder is not None:
            self.city.online = self._geocoder.known
        self.begin()
        self.core.agenda.add(self.core.now_ms() + RETENTION_AFTER_MS, "9-retention", self._keep_by_retention)

    @property
    def environ(self) -> Mapping[str, str]:
        return self._environ

    @property
    def config(self) -> SiteConfig:
        """What ``tocsin.toml`` said when this core was started."""
        return self._config

    def _channels(self) -> Channels:
        found = {
            name: ChannelConfig(
                url=SecretStr(self._address(name, one)), carries=one.carries, pool=one.pool, timeout_s=one.timeout_s
            )
            for name, one in self._config.channels.items()
        }
        return open_channels("live", ChannelsConfig(world="live", channels=found), environ={})

    def _address(self, name: str, spec: ChannelSpec) -> str:
        try:
            if spec.credential:
                return self.vault.stored(spec.credential)
            if spec.env:
                return self.vault.from_environment(spec.env, self._environ)
            return self.vault.from_file(self._home.root / spec.file)
        except (UsageError, RefusedError) as error:
            raise type(error)(f"channels.{name}: {error.detail}", code=error.code) from None

    def first_words(self) -> Iterator[ev.Event]:
        """The site as its configuration and its city pack have it."""
        yield ev.WorldOpened(
            site=self._config.site,
            world="live",
            city=self.city.pack.meta["name"],
            title=self._config.site,
            start_ms=self.core.now_ms(),
        )
        yield from roster(self.city.pack, self.plan.feeds, self.registry, self._own)

    def take_up(self) -> None:
        """Journals what the configuration has come to list since the journal was begun."""
        home = self.core.home
        new: list[ev.Event] = [
            one
            for one in registered(self.plan.feeds, self.registry)
            if one.id not in home.feeds or home.feeds[one.id].lane != one.lane
        ]
        new += [one for one in self._own.agencies() if one.id not in home.agencies]
        new += [one for one in self._own.facilities() if one.id not in home.facilities]
        if not self.city.pack.meta["units"]:
            new += [one for one in self._own.units() if one.id not in home.units]
        self.core.record([Draft(one) for one in new])

    @property
    def feed_home(self) -> Path:
        return self._home.root

    def feed_secrets(self) -> Mapping[str, bytes]:
        """The secret of each feed: the one its configuration names, else one made for it."""
        found = dict(super().feed_secrets())
        for feed in self.plan.feeds:
            if feed.secret:
                found[feed.id] = resolve_secret(feed.secret, self._environ, self._home.root)
        return found

    def stream_password(self, reference: str) -> str:
        kind, _, name = reference.partition(":")
        if kind == "credential":
            return self.vault.stored(name)
        return resolve_secret(reference, self._environ, self._home.root, at_least=1).decode("utf-8")

    def stream_file(self, name: str) -> Path:
        return self._home.root / name

    def look_around(self, now: int) -> None:
        """As every world, and whether the wall's clock was set back."""
        super().look_around(now)
        ahead_ms = self.wall.ahead_ms()
        if ahead_ms < CLOCK_AHEAD_MS or standing(self.core.home.alarms, "clock:back") is not None:
            return
        alarm = ev.AlarmRaised(
            id=self.core.ids.new("AL"),
            priority=3,
            title="This computer's clock was set back",
            cause_words=f"It lies {ahead_ms // 1000} s behind what was recorded before.",
            consequence="Times run at half their pace until both agree again; none goes back.",
            action="Check the time service of this computer.",
            time_to_act_s=3600,
            subject="core",
            key="clock:back",
        )
        self.core.record([Draft(alarm)])

    def _keep_by_retention(self) -> None:
        now = self.core.now_ms()
        self.core.agenda.add(now + DAY_MS, "9-retention", self._keep_by_retention)
        apply_retention(self.keeping(Actor("system:retention")), self._config.retention, now)

    def close(self) -> None:
        """As every world; a question to the geocoder that is under way ends within its time limit."""
        if self._geocoder is not None:
            self._geocoder.close()
        super().close()


def _bounds(pack: CityPack) -> tuple[float, float, float, float]:
    """West, south, east and north of a city, in degrees."""
    x_min, y_min, x_max, y_max = (float(one) for one in pack.meta["bounds_xy"])
    return *pack.to_lonlat(x_min, y_min), *pack.to_lonlat(x_max, y_max)


def _seed(folder: Path) -> str:
    """What this world's ids derive from: a secret, for pseudonyms of callers derive from it too."""
    claim(folder, "live")
    path = folder / "keys" / "ids.seed"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="ascii")
    return path.read_text(encoding="ascii")


def begin(home: Home, pack: Path, order: Path) -> None:
    """Begins the live world, so that it can have users before its core is first run; nothing is left running."""
    if not home.toml.is_file():
        raise UsageError(f"There is no {home.toml}.", code="TOC-1014")
    LiveWorld(home, home.config(), pack, order, environ=os.environ).close()


async def serve(
    home: Home, pack: Path, order: Path, gate_of: Callable[[LiveWorld], Gate], *, ready: Callable[[LiveWorld], None]
) -> None:
    """Runs the live core until it is told to stop; ``ready`` is called when it is about to listen."""
    if not home.toml.is_file():
        raise UsageError(f"There is no {home.toml}.", code="TOC-1014")
    config = home.config()
    loop = asyncio.get_running_loop()
    serving: list[Serving[LiveWorld]] = []

    def wake() -> None:
        loop.call_soon_threadsafe(lambda: serving[0].collect() if serving else None)

    world = LiveWorld(home, config, pack, order, environ=os.environ, on_result=wake)
    pacer = LivePacer(world.core, on_fault=lambda what, error: told_of_faults(world, what, error))
    hosts = LOOPBACK | frozenset(host.lower() for host in config.inbox.allowed_hosts)
    inbox = InboxAt(config.inbox.host, config.inbox.port, hosts)
    serving.append(Serving(world, pacer, gate_of(world), inbox=inbox))
    if config.clients.host:
        serving[0].also.append(_over_tls(serving[0].door, home, config.clients))
    if world.plan.journal is not None and config.journal is not None and config.journal.peers:
        access = world.plan.journal.access(os.environ)
        serving[0].beside.append(partial(federate, world.core, access, config.journal.peers))
    ready(world)
    await serving[0].serve()


def _over_tls(door: Door, home: Home, clients: ClientsConfig) -> uvicorn.Config:
    tls = Tls(home.root / clients.certificate, home.root / clients.key) if clients.certificate else None
    return listen_tls(door, clients.host, clients.port, tls, names=clients.names)
