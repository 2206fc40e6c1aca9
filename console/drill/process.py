"""The core of a drill as a process of its own: ``python -m console.drill.process FOLDER``.

It reads ``run.json`` in the folder, serves clients on a unix socket and feeds on a loopback inbox, and goes on when
its clients go. It ends a minute after the exercise ended and the last client left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import uvicorn
from pydantic import BaseModel, ConfigDict, ValidationError

from console.core import Draft
from console.drill.scenario import load
from console.drill.world import DrillWorld, Options
from console.gate import DrillGate
from console.house import check_house
from console.link import socket_of
from console.pacer import Pacer
from console.polling import Polling
from console.starting import keep_allowed_environment
from console.web.api import Door, log_fault
from feeds.inbox import InboxFeed, inbox_app
from feeds.intake import Reading
from feeds.refusals import Refusal
from feeds.signing import Verifier
from picture import events as ev
from picture.alarms import standing
from picture.clock import SystemClock
from picture.errors import InternalError, TocsinError, UsageError
from picture.reports import Report

LINGER_S = 60.0


class Run(BaseModel):
    """``run.json``: what the command line decided about this drill."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    scenario: Path
    pack: Path
    order: Path
    seed: int
    speed: float
    person: str
    position: str
    inbox_port: int = 0


def read_run(folder: Path) -> Run:
    """What ``run.json`` says; ``UsageError`` TOC-1003 names what is missing or must not be there."""
    path = folder / "run.json"
    try:
        return Run.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: it cannot be read.", code="TOC-1003") from error
    except ValidationError as error:
        # A misplaced credential must not be repeated: the key is named, its value is not.
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where}: {first['msg']}", code="TOC-1003") from error


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the core."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _own_socket(path: Path) -> Iterator[socket.socket]:
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


class CoreProcess:
    """The drill, its pacer, its doors."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self.run = run
        self.loop = asyncio.get_running_loop()
        options = Options(
            seed=run.seed, played_by=run.person, position=run.position, wait_for_outbox=False, on_result=self._wake
        )
        self.world = DrillWorld(load(run.scenario), run.scenario, folder, run.pack, run.order, options)
        self.pacer = Pacer(self.world.core, speed=run.speed, on_fault=self._fault)
        self._go_on_as_before()
        self.world.paced_by(self.pacer)
        simulated = {one.name for one in self.world.scenario.people if one.simulated}
        gate = DrillGate(simulated.__contains__)
        self.door = Door(self.world.core, self.world.commander, self.pacer, gate, self._flood, run.pack)

    def _go_on_as_before(self) -> None:
        """After a restart: paused if it was paused, at the pace that was last set."""
        self.pacer.paused = self.world.core.home.drill.paused
        if self.world.last_speed is not None:
            self.pacer.speed = self.world.last_speed

    def _fault(self, what: str, error: Exception) -> None:
        """One step of the drill failed: it is logged without what it was about, and the operator is told."""
        log_fault(what, error)
        key = f"fault:{what}"
        known = standing(self.world.core.home.alarms, key)
        self.world.core.record(
            [
                Draft(
                    ev.AlarmRaised(
                        id=known.id if known else self.world.core.ids.new("AL"),
                        priority=2,
                        title="Part of Tocsin failed",
                        cause_words=f"{what}: {type(error).__name__}",
                        consequence="What this step would have done was not done.",
                        action="Do it by hand; report the code TOC-9001 and what core.log says.",
                        time_to_act_s=600,
                        subject="core",
                        key=key,
                    )
                )
            ]
        )

    def _wake(self) -> None:
        """On a gateway's thread: has the answers fetched on the core's."""
        self.loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
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

    # --- the inbox ------------------------------------------------------------------------------------------

    async def _deliver(self, feed: str, raw: bytes, reports: tuple[Report, ...]) -> None:
        self.pacer.catch_up()
        self.world.ingest.accept(feed, raw, reports)

    async def _refuse(self, refused: Refusal) -> None:
        self.pacer.catch_up()
        self.world.ingest.refuse(refused)

    async def _judge(self, feed: str, reading: Reading) -> None:
        self.world.judge_health(feed, reading)

    def _inbox(self) -> Any:
        secrets = self.world.feed_secrets()
        feeds = {name: InboxFeed(intake, Verifier(secrets[name])) for name, intake in self.world.intakes.items()}
        return inbox_app(
            feeds,
            deliver=self._deliver,
            refuse=self._refuse,
            judge=self._judge,
            real_clock=SystemClock(),
            world_clock=self.world.core.clock,
        )

    def _polling(self) -> Polling:
        world = self.world

        def deliver(feed: str, data: bytes) -> None:
            self.pacer.catch_up()
            world.deliver(feed, data)

        return Polling(
            world.scenario.feeds,
            world.intakes,
            deliver=deliver,
            failed=world.fetch_failed,
            unchanged=world.fetch_unchanged,
            rng=Random(world.seed),
        )

    # --- running --------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Runs until the exercise is over and nobody looks any more."""
        path = socket_of(self.folder)
        door = QuietServer(uvicorn.Config(self.door.app(), log_level="warning", lifespan="off"))
        inbox = QuietServer(
            uvicorn.Config(
                self._inbox(), host="127.0.0.1", port=self.run.inbox_port, log_level="warning", lifespan="off"
            )
        )
        with _own_socket(path) as listener:
            tasks = [
                asyncio.create_task(one)
                for one in (
                    door.serve([listener]),
                    inbox.serve(),
                    self.door.beat(),
                    self.pacer.run(),
                    self._polling().run(),
                    self._tell_port(inbox),
                )
            ]
            try:
                await self._until_over()
            finally:
                door.should_exit = inbox.should_exit = True
                for task in tasks[2:]:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self.world.close()

    async def _tell_port(self, inbox: QuietServer) -> None:
        while not inbox.started:
            await asyncio.sleep(0.02)
        port = inbox.servers[0].sockets[0].getsockname()[1]
        (self.folder / "inbox.json").write_text(
            json.dumps({"url": f"http://127.0.0.1:{port}/inbox/"}), encoding="utf-8"
        )

    async def _until_over(self) -> None:
        alone_since = time.monotonic()
        while True:
            await asyncio.sleep(1.0)
            if self.door.clients or not self.world.core.home.drill.stopped:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > LINGER_S:
                return


async def _main(folder: Path) -> None:
    await CoreProcess(folder, read_run(folder)).serve()


def main() -> int:
    """Starts the core of the drill in the folder that is named; errors go to ``core.log`` in plain words."""
    folder = Path(sys.argv[1])
    logging.basicConfig(
        filename=folder / "core.log", level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    keep_allowed_environment()
    try:
        check_house()
        asyncio.run(_main(folder))
    except TocsinError as error:
        logging.error("%s", error)
        print(json.dumps(error.as_json()), file=sys.stderr)
        return 4 if isinstance(error, InternalError) else 3
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
