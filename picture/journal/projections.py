"""A journal laid out for reading and asking: tables that can be thrown away and made again at any time.

``sqlite-utils`` and any SQLite tool can query the projection; nothing sealed is ever opened into it, and an entry of a
kind that this version does not know is laid out like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from picture.clock import rfc3339
from picture.journal.chain import Row
from picture.journal.protocol import START

if TYPE_CHECKING:
    from sqlite_utils import Database

_BATCH: Final = 1000
_WORDS: Final = 160
_COLUMNS: Final = {
    "seq": int, "at": str, "recorded": str, "kind": str, "what": str, "person": str, "position": str, "agency": str,
    "source": str, "grade": str, "sealed": str, "commit_id": str, "event": str, "hash": str,
}  # fmt: skip


class Rows(Protocol):
    """What is read of a journal here."""

    def rows(self, after: int = START, upto: int | None = None) -> Iterator[Row]:
        """Entries in order, as their columns are stored."""
        ...


def shown(
    reader: Rows, after: int = START, upto: int | None = None, kinds: Iterable[str] = ()
) -> Iterator[dict[str, Any]]:
    """Entries as a person reads them: times in RFC 3339 UTC, ``what`` in one line, ``event`` as JSON text.

    ``kinds`` keeps only these, or their families: ``unit`` keeps ``unit.status`` and ``unit.located``.
    Text is as it came from outside: make it ``visible`` before it goes to a terminal.
    """
    wanted = tuple(kinds)
    for row in reader.rows(after, upto):
        if not wanted or any(row.kind == kind or row.kind.startswith(f"{kind}.") for kind in wanted):
            yield _shown(row)


def project(reader: Rows, database: Database) -> int:
    """How many entries were added to the projection; it goes on where it stopped.

    Tables: ``entries`` (one row each) and ``causes`` (``effect``, ``cause``: sequence numbers). Views: ``commits``
    and ``kinds`` count them.
    """
    entries, causes = database.table("entries"), database.table("causes")
    if not entries.exists():
        entries.create(_COLUMNS, pk="seq")
        for column in ("kind", "source", "commit_id", "at"):
            entries.create_index([column])
        causes.create(
            {"effect": int, "cause": int}, pk=("effect", "cause"), foreign_keys=[("effect", "entries", "seq")]
        )
        database.create_view(
            "commits", "SELECT commit_id, min(seq) AS first, max(seq) AS last, min(recorded) AS recorded,"
            " group_concat(DISTINCT kind) AS kinds FROM entries GROUP BY commit_id",
        )  # fmt: skip
        database.create_view(
            "kinds",
            "SELECT kind, count(*) AS entries, min(at) AS earliest, max(at) AS latest FROM entries GROUP BY kind",
        )
    done = next(iter(database.query("SELECT coalesce(max(seq), 0) AS seq FROM entries")))["seq"]
    added = 0
    rows = reader.rows(done)
    while batch := list(islice(rows, _BATCH)):
        causes.insert_all(
            ({"effect": row.seq, "cause": seq} for row in batch for seq in json.loads(row.cause)), ignore=True
        )
        entries.insert_all(map(_shown, batch))
        added += len(batch)
    return added


def _shown(row: Row) -> dict[str, Any]:
    actor = json.loads(row.actor)
    return {
        "seq": row.seq, "at": rfc3339(row.at_ms), "recorded": rfc3339(row.recorded_ms), "kind": row.kind,
        "what": words_of(json.loads(row.payload)), "person": actor["person"], "position": actor["position"],
        "agency": actor["agency"], "source": row.source, "grade": row.grade,
        "sealed": " ".join(sorted(json.loads(row.sealed))) if row.sealed else "", "commit_id": row.commit_id,
        "event": row.payload.decode(), "hash": row.hash,
    }  # fmt: skip


def words_of(event: dict[str, Any]) -> str:
    """The event's own words in one line: what is set, named; what is empty, left out; what is nested, counted."""
    parts = []
    for name, value in event.items():
        if isinstance(value, dict):
            parts.append(f"{name}({words_of(value)})")
        elif isinstance(value, list):
            parts += [f"{name}[{len(value)}]"] if value else []
        elif value not in ("", None, False):
            parts.append(f"{name}={value}")
    line = " ".join(parts)
    return line if len(line) <= _WORDS else line[: _WORDS - 1] + "…"
