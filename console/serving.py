"""A world as a process: its clock kept running, its clients served on a unix socket, its feeds on an inbox.

The same for every kind of world; what ends it, who may come in and who moves the clock is told by the kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Generic, TypeVar

import uvicorn

from console.arrivals import fetched, lanes_of
from console.core import Draft, JournalAwayError
from console.credentials import (
    FILE,
    WorldName,
    claim,
    in_descriptors,
    in_environment,
    in_files,
    refuse_other_worlds,
)
from console.gate import Gate
from console.house import check_house
from console.link import socket_of
from console.pacer import Pacer
from console.polling import Polling
from console.publishing import Publishing
from console.starting import keep_allowed_environment
from console.streaming import Streaming
from console.web.api import Door, log_fault
from console.world import World
from feeds.inbox import LOOPBACK, InboxFeed, inbox_app
from feeds.refusals import Refusal
from feeds.signing import verifier
from picture import events as ev
from picture.alarms import standing
from picture.clock import SystemClock
from picture.errors import InternalError, TocsinError
from picture.history import History


@dataclass(frozen=True, slots=True)
class InboxAt:
    """Where feeds may post to; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    allowed_hosts: Collection[str] = LOOPBACK


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the core."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def own_socket(path: Path) -> Iterator[socket.socket]:
    """A listening socket that only this user may connect to, from its first instant on."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old)
    listener.listen(64)
    try:
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


LINGER_S = 60.0
MEND_S = 0.5
"""How often a core looks whether its journal is back."""
W = TypeVar("W", bound=World)


class Serving(Generic[W]):
    """One world, its pacer and its doors. Made on the loop that serves it."""

    def __init__(self, world: W, pacer: Pacer, gate: Gate, *, inbox: InboxAt | None = None, seed: int = 0) -> None:
        """``inbox`` None: nothing may be posted, as where there are no feeds. ``seed`` spreads polls."""
        self.world = world
        self.pacer = pacer
        history = History(world.journal, world.snapshots)
        self.door = Door(world.core, world.commander, pacer, gate, self._flood, world.plan.pack, history)
        self.lanes = lanes_of(world, pacer.catch_up, partial(told_of_faults, world))
        self._inbox_at = inbox
        self._seed = seed
        self._stopping = asyncio.Event()
        self.beside: list[Callable[[], Awaitable[object]]] = []
        """Loops of this kind of world alone."""
        self.also: list[uvicorn.Config] = []
        """Further places where the door is served, as over TLS (``console.web.listening``)."""

    # --- what goes on in it -----------------------------------------------------------------------------------

    def collect(self) -> None:
        """Fetches what gateways answered; on the loop."""
        self.pacer.catch_up()
        self.world.collect()

    def _flood(self) -> tuple[bytes, tuple[int, int]] | None:
        import numpy as np

        from console.web.frames import DEPTH_STEP_M

        flood = self.world.city.floodwatch.flood(self.world.core.home)
        if flood is None:
            return None
        depth = np.clip(np.rint(flood.depth_m / DEPTH_STEP_M), 0, 255).astype(np.uint8)
        return depth.tobytes(), (depth.shape[0], depth.shape[1])

    async def _refuse(self, refused: Refusal) -> None:
        self.pacer.catch_up()
        self.world.ingest.refuse(refused)

    def _inbox(self, at: InboxAt) -> QuietServer:
        secrets = self.world.feed_secrets()
        app = inbox_app(
            {
                name: InboxFeed(intake, verifier(intake.config.auth, secrets[name]))
                for name, intake in self.world.intakes.items()
            },
            lanes=self.lanes,
            refuse=self._refuse,
            real_clock=SystemClock(),
            world_clock=self.world.core.clock,
            allowed_hosts=at.allowed_hosts,
        )
        return QuietServer(uvicorn.Config(app, host=at.host, port=at.port, log_level="warning", lifespan="off"))

    def _polling(self) -> Polling:
        return Polling(
            self.world.plan.feeds,
            self.world.intakes,
            deliver=partial(fetched, self.world, self.lanes),
            failed=self.world.fetch_failed,
            unchanged=self.world.fetch_unchanged,
            listed=self.world.feed_listed,
            rng=Random(self._seed),
        )

    def _streaming(self) -> Streaming:
        return Streaming(
            self.world,
            self.lanes,
            catch_up=self.pacer.catch_up,
            failed=partial(told_of_faults, self.world),
            rng=Random(self._seed + 1),
        )

    # --- running --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ends ``serve`` in good order; on the loop."""
        self._stopping.set()

    async def serve(self) -> None:
        """Runs until ``over`` returns, or somebody asks it to stop; then closes the world."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stop)
        door = QuietServer(uvicorn.Config(self.door.app(), log_level="warning", lifespan="off"))
        servers = [door, *(QuietServer(one) for one in self.also)]
        publishing = Publishing(self.world, catch_up=self.pacer.catch_up, rng=Random(self._seed + 2))
        gc.freeze()  # city, roads and picture live as long as the core: looking through them again holds commits up
        background = [
            lasting(one)
            for one in (self.door.beat, self.pacer.run, self.lanes.run, self._polling().run, self._mend, *self.beside)
        ]
        background.append(self._streaming().run())
        background.append(lasting(publishing.run))
        if self._inbox_at is not None:
            inbox = self._inbox(self._inbox_at)
            servers.append(inbox)
            background.append(self._tell_port(inbox))
        background.append(asyncio.to_thread(self.world.city.warm))
        with own_socket(socket_of(self.world.folder)) as listener:
            serving = [asyncio.create_task(one.serve([listener] if one is door else None)) for one in servers]
            others = [asyncio.create_task(one) for one in background]
            ending = [asyncio.create_task(one) for one in (self.over(), self._stopping.wait())]
            try:
                await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.pacer.stop()
                self.lanes.close()
                for server in servers:
                    server.should_exit = True
                for task in (*others, *ending):
                    task.cancel()
                await asyncio.gather(*serving, *others, *ending, return_exceptions=True)
                self.world.close()

    async def _mend(self) -> None:
        """Does what the core owes once its journal is back, also where nobody asks it for anything."""
        while True:
            await asyncio.sleep(MEND_S)
            self.pacer.catch_up()
            self.world.core.mend()

    async def over(self) -> None:
        """Returns when this world has no more to do; a live one never."""
        await asyncio.Event().wait()

    async def _tell_port(self, inbox: QuietServer) -> None:
        while not inbox.started:
            await asyncio.sleep(0.02)
        host, port = inbox.servers[0].sockets[0].getsockname()[:2]
        url = f"http://[{host}]:{port}/inbox/" if ":" in host else f"http://{host}:{port}/inbox/"
        (self.world.folder / "inbox.json").write_text(
            json.dumps({"url": url, "world": self.world.plan.world}), encoding="utf-8"
        )


async def lasting(run: Callable[[], Awaitable[object]]) -> None:
    """Runs one of a core's loops, again whenever it ended because the journal was away."""
    while True:
        try:
            await run()
            return
        except JournalAwayError as away:
            logging.warning("%s", away)
        except ExceptionGroup as several:
            away_, other = several.split(JournalAwayError)
            if other is not None:
                raise
            logging.warning("%s", away_)
        await asyncio.sleep(MEND_S)


class ExerciseServing(Serving[W]):
    """A world that people play: its core ends a minute after the exercise was stopped and the last client left."""

    async def over(self) -> None:
        alone_since = time.monotonic()
        while time.monotonic() - alone_since <= LINGER_S:
            await asyncio.sleep(1.0)
            if self.door.clients or not self.world.core.home.drill.stopped:
                alone_since = time.monotonic()


def told_of_faults(world: World, what: str, error: Exception) -> None:
    """One step of a world failed: it is logged without what it was about, and the operator is told."""
    log_fault(what, error)
    key = f"fault:{what}"
    known = standing(world.core.home.alarms, key)
    event: Any = ev.AlarmRaised(
        id=known.id if known else world.core.ids.new("AL"),
        priority=2,
        title="Part of Tocsin failed",
        cause_words=f"{what}: {type(error).__name__}",
        consequence="What this step would have done was not done.",
        action="Do it by hand; report the code TOC-9001 and what core.log says.",
        time_to_act_s=600,
        subject="core",
        key=key,
    )
    world.core.note([Draft(event)])


def guard(world: WorldName, folder: Path, environ: MutableMapping[str, str]) -> None:
    """Returns where nothing that this process was started with is a credential of another world.

    Looks at the environment, the files it inherited open, and what lies in the world's own folder; the rest of the
    environment is forgotten afterwards. The refusal (TOC-4007, TOC-4020, TOC-4022) names the place, not the secret.
    """
    refuse_other_worlds(world, in_environment(environ))
    refuse_other_worlds(world, in_descriptors())
    claim(folder, world)
    refuse_other_worlds(world, in_files([folder / FILE]))
    keep_allowed_environment()


def run_process(
    world: WorldName, folder: Path, serve: Callable[[Path], Awaitable[None]], environ: MutableMapping[str, str]
) -> int:
    """The exit status of a core that runs as this process; errors go to ``core.log`` and stderr in plain words."""
    try:
        guard(world, folder, environ)
        logging.basicConfig(
            filename=folder / "core.log", level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
        )
        check_house()
        asyncio.run(_served(serve, folder))
    except TocsinError as error:
        logging.error("%s", error)
        print(json.dumps(error.as_json()), file=sys.stderr)
        return 4 if isinstance(error, InternalError) else 3
    except KeyboardInterrupt:
        return 0
    return 0


async def _served(serve: Callable[[Path], Awaitable[None]], folder: Path) -> None:
    await serve(folder)
