"""Moving the write-ahead log into its file in the background, so that no commit ever waits for it.

A checkpoint inside a commit is the tail of a journal's latency. Here it runs on a thread of its own, half a second
after something was written, while commits go on. Lock order: this thread takes the journal's writing lock last and
holds it only to shorten a log that has grown, when next to nothing is left to move.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from picture.errors import JournalError
from picture.journal.segments import storage_errors

PAUSE_S: Final = 0.5
WAL_CAP_BYTES: Final = 48 << 20
"""Above this the log is cut back to nothing between two commits."""
WAL_IDLE_BYTES: Final = 8 << 20
"""Above this it is cut back when nothing is being written; a small one is kept, because growing costs a commit more."""


class Cleaner:
    """A thread that does its work a little after it was woken; it starts when it is first woken."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """There is something to clean. To be called by one thread at a time."""
        if self._woken.is_set():
            return
        self._woken.set()
        if self._thread is None and not self._stopped.is_set():
            self._thread = threading.Thread(target=self._run, name="journal-cleaner", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended; who calls it holds no lock that the work takes."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait()
            if self._stopped.wait(PAUSE_S):
                return
            self._woken.clear()
            try:
                self._work()
            except JournalError:  # it is only put off: the next append says what is wrong with the disk
                continue


def checkpoint(database: Path, mode: str = "PASSIVE") -> None:
    """Moves what it can from a database's WAL into its file, without waiting for anybody.

    ``TRUNCATE`` also empties the log, if nobody reads in it; its caller keeps writers out meanwhile.
    """
    with storage_errors(database.name):
        connection = sqlite3.connect(
            f"{database.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0
        )
        try:
            connection.execute(f"PRAGMA wal_checkpoint({mode})")
        finally:
            connection.close()


def wal_bytes(database: Path) -> int:
    """How long a database's write-ahead log is."""
    try:
        return database.with_name(database.name + "-wal").stat().st_size
    except OSError:
        return 0
