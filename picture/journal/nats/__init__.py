"""The journal on NATS JetStream: the same entries, chain, boxes and promises as in SQLite, across machines.

Owns how a commit becomes a message, the servers' configuration, mirrors and leases. Needs the extra
``tocsin[nats]``; may import what ``picture.journal`` may, and knows no fold and no judgement.
"""

from picture.errors import JournalError

try:
    import nats as _nats  # noqa: F401
except ImportError as missing:
    raise JournalError(code="TOC-3140") from missing

from picture.journal.nats.blocking import BlockingJournal, BlockingReader
from picture.journal.nats.journal import NatsJournal
from picture.journal.nats.reader import NatsReader
from picture.journal.nats.wire import Access

__all__ = ["Access", "BlockingJournal", "BlockingReader", "NatsJournal", "NatsReader"]
