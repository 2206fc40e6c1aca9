"""Leases of a site's own machine: who may do what only one may do, and a token that proves it to whoever acts.

They stand beside a journal's segments in ``leases.sqlite``, are no part of its history and of no copy of it. Times
are those of the clock that is passed in: a clock set back keeps a lease longer, one set forward ends it early, and in
both cases the tokens still tell who came later. So an actor refuses every token smaller than one it has seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from picture.errors import JournalError
from picture.journal.protocol import Fence
from picture.journal.segments import BUSY_MS, storage_errors

FILE: Final = "leases.sqlite"
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL) STRICT"
)
_HELD: Final = "SELECT holder, token, expires_ms FROM leases WHERE name = ?"
_NEXT: Final = "SELECT coalesce(max(token), 0) + 1 FROM leases"  # no row is ever deleted: tokens only grow
_PUT: Final = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)"


class SqliteLeases:
    """The leases in one folder; any number of processes of the machine may open them."""

    def __init__(self, folder: Path, now_ms: Callable[[], int]) -> None:
        self._path = folder / FILE
        self._now_ms = now_ms

    def lease(self, name: str, holder: str, ttl_s: float) -> Fence:
        """The lease, with a token greater than any before it; ``TOC-3149`` while another holds it.

        Whoever holds it already gets a new one: his earlier token is then the smaller.
        """
        if not name or not holder:
            raise JournalError("A lease has a name and a holder.", code="TOC-3104")
        with self._changing() as connection:
            held = connection.execute(_HELD, (name,)).fetchone()
            if held is not None and held[0] not in ("", holder) and self._now_ms() < held[2]:
                raise JournalError(f"{held[0]} holds {name}.", code="TOC-3149")
            (token,) = connection.execute(_NEXT).fetchone()
            return self._put(connection, name, holder, token, ttl_s)

    def renew(self, fence: Fence, ttl_s: float) -> Fence:
        """The same lease with the same token, from now on for ``ttl_s``; ``TOC-3149`` if it was lost or has ended."""
        with self._changing() as connection:
            if not self._holds(connection, fence):
                raise JournalError(f"{fence.holder} holds {fence.name} no longer.", code="TOC-3149")
            return self._put(connection, fence.name, fence.holder, fence.token, ttl_s)

    def release(self, fence: Fence) -> None:
        """Frees it for the next; a lease that was lost is left alone."""
        with self._changing() as connection:
            if self._holds(connection, fence):
                connection.execute(_PUT, (fence.name, "", fence.token, 0))

    def _holds(self, connection: sqlite3.Connection, fence: Fence) -> bool:
        held = connection.execute(_HELD, (fence.name,)).fetchone()
        return held is not None and held[:2] == (fence.holder, fence.token) and self._now_ms() < held[2]

    def _put(self, connection: sqlite3.Connection, name: str, holder: str, token: int, ttl_s: float) -> Fence:
        expires_ms = self._now_ms() + round(ttl_s * 1000)
        connection.execute(_PUT, (name, holder, token, expires_ms))
        return Fence(name, holder, token, expires_ms)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own, on disk at its end: a token that was given out is never given again."""
        with storage_errors(self._path.name):
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_MS / 1000)
            try:
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()
