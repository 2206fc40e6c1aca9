"""Worlds forked from another's past: a drill that alerts its own receiver, and a what-if that sends nothing at all.

``python -m console.forked FOLDER`` runs the core of one. People play it by hand; its clock may be paused, stepped and
jumped. It has no feeds, no script and nobody simulated.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from console.credentials import FILE, in_files, refuse_other_worlds, world_of
from console.directory import Recipient
from console.drill.receiver import Receiver
from console.gate import DrillGate
from console.pacer import Pacer
from console.serving import ExerciseServing, run_process, told_of_faults
from console.world import LIBRARY, Plan, World, armed
from feeds.notify.channels import Channels, drill_channels, open_channels
from picture import events as ev
from picture.clock import VirtualClock
from picture.entry import Entry
from picture.errors import InternalError, UsageError
from picture.journal import JournalReader

RUN = "fork.json"
CHANNEL = "drill"


class ForkRun(BaseModel):
    """``fork.json``: what the command line decided about this world, and what it took from the parent's site."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    world: Literal["drill", "whatif"]
    name: str
    pack: Path
    order: Path
    playbooks: Path | None = None
    """Folder of playbooks; those that ship if absent."""
    armed: tuple[str, ...] = ()
    own_agencies: tuple[str, ...] = ()
    position: str = "duty_officer"
    speed: float = 1.0


def read_run(folder: Path) -> ForkRun:
    """What ``fork.json`` says; ``UsageError`` TOC-1003 names what must not be there."""
    path = folder / RUN
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path}: it cannot be read.", code="TOC-1003") from None
    try:
        return ForkRun.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where}: {first['msg']}", code="TOC-1003") from None


def drill_directory(journal: Path) -> Iterator[Recipient]:
    """Stand-ins for everybody who could be alerted: each agency, unit and facility, and the public."""
    kinds = frozenset({"agency.registered", "unit.registered", "facility.registered"})
    with JournalReader(journal) as reader:
        for entry in reader.read(kinds=kinds):
            event = entry.event
            if isinstance(event, ev.AgencyRegistered):
                yield Recipient(name=event.name, agency=event.id, role=event.agency_kind, channel=CHANNEL)
            elif isinstance(event, ev.UnitRegistered):
                yield Recipient(name=event.name, unit=event.id, channel=CHANNEL)
            elif isinstance(event, ev.FacilityRegistered):
                yield Recipient(name=event.name, facility=event.id, channel=CHANNEL)
    yield Recipient(name="The public", role="public", channel="cap")


class ForkedWorld(World):
    """A world that goes on by hand from where another stood."""

    def __init__(self, folder: Path, run: ForkRun, *, on_result: Callable[[], None] | None = None) -> None:
        refuse_other_worlds(run.world, in_files([folder / RUN, folder / FILE]))
        self.run = run
        self.last_speed: float | None = None
        plan = Plan(
            world=run.world,
            stream=f"{run.world}.{run.name}",
            seed=f"{run.world}:{run.name}",
            folder=folder,
            pack=run.pack,
            order=run.order,
            feeds=(),
            directory=tuple(drill_directory(folder / "journal")),
            playbooks=tuple(armed(run.armed, run.playbooks or LIBRARY)),
            cap_sender=f"{run.world}@{run.name}.tocsin.invalid",
            own_agencies=run.own_agencies,
            on_result=on_result,
        )
        super().__init__(plan, self.clock_at_start(), self.channels)
        self.begin()

    def clock_at_start(self) -> VirtualClock:
        """A clock that the journal will bring to where the fork stands."""
        return VirtualClock(0)

    def channels(self) -> Channels:
        """Where this world's alerts go."""
        raise NotImplementedError

    def first_words(self) -> Iterator[ev.Event]:
        raise InternalError("a fork begins with its parent's past")

    def restart_kinds(self) -> frozenset[str]:
        return super().restart_kinds() | {"drill.controlled"}

    def remember(self, entry: Entry) -> None:
        super().remember(entry)
        if isinstance(entry.event, ev.DrillControlled) and entry.event.speed is not None:
            self.last_speed = entry.event.speed


class ForkedDrill(ForkedWorld):
    """A drill from there on: alerts go to a receiver of its own on this machine, marked as an exercise."""

    def clock_at_start(self) -> VirtualClock:
        clock = super().clock_at_start()
        self.receiver = Receiver(clock, out=self.run_folder / "received")
        return clock

    def __init__(self, folder: Path, run: ForkRun, *, on_result: Callable[[], None] | None = None) -> None:
        self.run_folder = folder
        super().__init__(folder, run, on_result=on_result)

    def channels(self) -> Channels:
        return open_channels("drill", drill_channels([CHANNEL]), environ={}, receiver=self.receiver.address)

    def close(self) -> None:
        super().close()
        self.receiver.close()


class WhatIfWorld(ForkedWorld):
    """A what-if: it has no sinks, and what would be sent is refused by name (TOC-4021) and shown."""

    def channels(self) -> Channels:
        return Channels("whatif", {})


async def serve(folder: Path) -> None:
    """Runs the core of a forked world until it is over."""
    run = read_run(folder)
    loop = asyncio.get_running_loop()
    serving: list[ExerciseServing[ForkedWorld]] = []

    def wake() -> None:
        loop.call_soon_threadsafe(lambda: serving[0].collect() if serving else None)

    kind = ForkedDrill if run.world == "drill" else WhatIfWorld
    world = kind(folder, run, on_result=wake)
    pacer = Pacer(world.core, speed=run.speed, on_fault=lambda what, error: told_of_faults(world, what, error))
    pacer.paused = world.core.home.drill.paused
    if world.last_speed is not None:
        pacer.speed = world.last_speed
    world.paced_by(pacer)
    serving.append(ExerciseServing(world, pacer, DrillGate(lambda _name: False)))
    await serving[0].serve()


def main(folder: Path) -> int:
    """The exit status of the core of the forked world in a folder."""
    return run_process("whatif" if world_of(folder) == "whatif" else "drill", folder, serve, os.environ)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
