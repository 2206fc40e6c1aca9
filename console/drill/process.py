"""The core of a drill as a process of its own: ``python -m console.drill.process FOLDER``.

It reads ``run.json`` in the folder, serves clients on a unix socket and feeds on a loopback inbox, and goes on when
its clients go. It ends a minute after the exercise ended and the last client left.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from console.credentials import refuse_other_worlds
from console.drill.scenario import load
from console.drill.world import DrillWorld, Options
from console.gate import DrillGate
from console.pacer import Pacer
from console.serving import ExerciseServing, InboxAt, run_process, told_of_faults
from picture.errors import UsageError


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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: it cannot be read.", code="TOC-1003") from error
    refuse_other_worlds("drill", [("run.json", text)])
    try:
        return Run.model_validate_json(text)
    except ValidationError as error:
        # A misplaced credential must not be repeated: the key is named, its value is not.
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where}: {first['msg']}", code="TOC-1003") from error


class CoreProcess(ExerciseServing[DrillWorld]):
    """The drill, its pacer, its doors."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self.run = run
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self.collect)

        options = Options(
            seed=run.seed,
            played_by=run.person,
            position=run.position,
            wait_for_outbox=False,
            on_result=wake,
        )
        world = DrillWorld(load(run.scenario), run.scenario, folder, run.pack, run.order, options)
        pacer = Pacer(world.core, speed=run.speed, on_fault=lambda what, error: told_of_faults(world, what, error))
        # After a restart: paused if it was paused, at the pace that was last set.
        pacer.paused = world.core.home.drill.paused
        if world.last_speed is not None:
            pacer.speed = world.last_speed
        world.paced_by(pacer)
        simulated = {one.name for one in world.scenario.people if one.simulated}
        gate = DrillGate(simulated.__contains__)
        super().__init__(world, pacer, gate, inbox=InboxAt(port=run.inbox_port), seed=world.seed)


async def serve(folder: Path) -> None:
    """Runs the core of the drill in a folder until it is over."""
    await CoreProcess(folder, read_run(folder)).serve()


if __name__ == "__main__":
    sys.exit(run_process("drill", Path(sys.argv[1]), serve, os.environ))
