"""A core in a process of its own that writes without end, and says after each commit that it was acknowledged."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Final

from console.core import Core, Draft
from picture.clock import VirtualClock
from picture.errors import JournalError
from picture.events import LogWritten, ReportReceived, VesselUpdated
from picture.journal.snapshots import Snapshots, snapshot_key
from picture.reports import IncidentReport
from picture.sealing import core_signing_key
from tests.faults.outcome import Acknowledged
from tests.journal_world import NOON_MS, World

SEGMENT_BYTES: Final = 8 << 20
"""Small, so that segments are rolled while cores are killed."""


def drafts(dice: Random) -> list[Draft]:
    """One commit: some vessels; now and then an emergency call, with its sealed values, or a line in the log."""
    made = [
        Draft(
            VesselUpdated(mmsi=211_000_000 + dice.randrange(300), lon_e7=dice.randrange(10**9), speed_mmps=5100),
            source="ais",
        )
        for _ in range(dice.randint(1, 40))
    ]
    if dice.random() < 0.1:
        report = IncidentReport(
            at_ms=NOON_MS, incident_kind="flood", text="water in the cellar", caller="A", call_back="1"
        )
        made.append(Draft(ReportReceived(report=report, size=18, sha256="0" * 64), source="incident"))
    if dice.random() < 0.05:
        made.append(Draft(LogWritten(id=f"L-{dice.randrange(10**9)}", text="noted")))
    return made


def restarted(world: World) -> Core:
    """A core as it stands after a restart: from the newest snapshot and every entry after it."""
    journal = world.open(segment_bytes=SEGMENT_BYTES)
    core = Core(journal=journal, clock=VirtualClock(NOON_MS), seed="faults")
    core.snapshots = Snapshots(world.folder / "snapshots", journal, key=snapshot_key(core_signing_key(world.keys)))
    core.restore()
    return core


def write_on(folder: str, to: Connection) -> None:
    """Says ``(seconds to restart, head)``, or the code of what refused it; then one ``Acknowledged`` a commit."""
    began = time.perf_counter()
    try:
        core = restarted(World(Path(folder)))
    except JournalError as error:
        to.send(error.code)
        return
    to.send((time.perf_counter() - began, core.home.seq))
    dice = Random(core.home.seq)
    while True:
        last = core.record(drafts(dice))[-1]
        to.send(Acknowledged(last.commit_id, last.seq, last.hash))


class Writer:
    """The writing process as its killer sees it."""

    def __init__(self, folder: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])  # imports are paid once, and are not part of a restart
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=write_on, args=(str(folder), theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.first: tuple[float, int] | str = self.pipe.recv()

    def acknowledged_for(self, seconds: float) -> list[Acknowledged]:
        """What it was acknowledged in the next seconds."""
        until, heard = time.monotonic() + seconds, list[Acknowledged]()
        while (left := until - time.monotonic()) > 0:
            if self.pipe.poll(left):
                heard.append(self.pipe.recv())
        return heard

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def killed(self) -> list[Acknowledged]:
        """Kills it; what it still had been acknowledged before it died."""
        self.signal(signal.SIGKILL)
        self.process.join()
        heard: list[Acknowledged] = []
        try:
            while True:
                heard.append(self.pipe.recv())
        except (EOFError, OSError):
            self.pipe.close()
        return heard


@contextmanager
def writer(folder: Path) -> Iterator[Writer]:
    """A writer that does not outlive its use."""
    one = Writer(folder)
    try:
        yield one
    finally:
        if one.process.is_alive():
            one.killed()
        one.process.join()
        one.pipe.close()
