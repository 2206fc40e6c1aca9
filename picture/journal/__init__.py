"""The journal of one world: an append-only, hash-chained, signed stream of entries in SQLite segment files.

Owns how entries are stored, chained, sealed, read back and verified; nothing else stores facts, and stored
bytes are never rewritten. May import ``picture``'s entry, events, errors and sealing; it knows no judgement,
and of the fold only the snapshots beside it (``snapshots``, ``pages``).
"""

from picture.journal.blobs import BlobStore
from picture.journal.group import GroupCommit
from picture.journal.protocol import (
    GENESIS,
    START,
    ChainReport,
    Commit,
    Durability,
    Fence,
    Head,
    Journal,
    Receipt,
    SyncJournal,
)
from picture.journal.reader import JournalReader
from picture.journal.sqlite import SqliteJournal
from picture.journal.verify import verify

__all__ = [
    "GENESIS",
    "START",
    "BlobStore",
    "ChainReport",
    "Commit",
    "Durability",
    "Fence",
    "GroupCommit",
    "Head",
    "Journal",
    "JournalReader",
    "Receipt",
    "SqliteJournal",
    "SyncJournal",
    "verify",
]
