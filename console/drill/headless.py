"""A drill without a screen: run to its end, with progress on stderr and the summary as data."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from console.drill.scenario import load, load_expected
from console.drill.summary import summary
from console.drill.world import DrillWorld, Options
from console.pacer import Pacer
from picture.journal.segments import segment_files


@contextmanager
def _frozen_garbage() -> Iterator[None]:
    """Keeps the collector off what lives as long as the drill; without it a third of the run is collecting."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def run(
    source: Path, folder: Path, pack: Path, order: Path, *, seed: int | None, speed: float, quiet: bool = False
) -> dict[str, Any]:
    """The summary of a whole drill; ``speed`` 0 is as fast as it can, and then exactly repeatable."""
    scenario = load(source)
    expected = load_expected(source)
    talk = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=talk, transient=True) as progress:
        bar = progress.add_task(f"{scenario.title}: starting", total=scenario.minutes * 60_000)
        world = DrillWorld(
            scenario,
            source,
            folder,
            pack,
            order,
            Options(
                seed=seed,
                wait_for_outbox=speed == 0,
                progress=lambda words: progress.update(bar, description=f"{scenario.title}: {words}"),
            ),
        )
        progress.update(bar, description=scenario.title)
        try:
            with _frozen_garbage():
                if speed == 0:
                    _as_fast_as_it_can(world, progress, bar)
                else:
                    asyncio.run(_at_a_pace(world, speed, progress, bar))
            journal = segment_files(folder / "journal")[0]
            return summary(scenario, expected, world.core.picture, world.seed, journal)
        finally:
            world.close()


def _as_fast_as_it_can(world: DrillWorld, progress: Progress, bar: Any) -> None:
    while not world.core.home.drill.stopped and world.core.step():
        progress.update(bar, completed=world.core.now_ms() - world.start_ms)


async def _at_a_pace(world: DrillWorld, speed: float, progress: Progress, bar: Any) -> None:
    pacer = Pacer(world.core, speed=speed)
    world.paced_by(pacer)
    running = asyncio.create_task(pacer.run())
    try:
        while not world.core.home.drill.stopped and not running.done():
            await asyncio.sleep(0.1)
            world.collect()
            progress.update(bar, completed=world.core.now_ms() - world.start_ms)
    finally:
        pacer.stop()
        await running
