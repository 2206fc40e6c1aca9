"""Where a world's journal stands, and how it is opened: SQLite in its folder, or a stream on NATS servers.

The folder ``journal/`` of a world holds one or the other: segment files, or ``nats.json``, which names servers, stream
and seed (where it is kept, never itself) and keeps the local copy of the stream's index beside it. Whoever is given a
world's folder finds its journal by that, with no configuration at hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

from feeds.config import resolve_secret
from picture.entry import Actor, Entry
from picture.errors import JournalError, UsageError
from picture.journal import BlobStore, JournalReader, SqliteJournal, SyncJournal
from picture.journal.chain import Row
from picture.journal.protocol import ChainReport, Durability, Head
from picture.journal.rotation import core_key
from picture.journal.segments import segment_files
from picture.journal.sqlite import claim_writer
from picture.sealing import Keyring, core_signing_key, next_core_key, take_next_core_key
from picture.text import visible

if TYPE_CHECKING:
    from picture.journal.nats import Access, BlockingJournal

PLACE = "nats.json"
INDEX = "index.sqlite"
OPEN_S = 20.0
"""How long a server is waited for when a journal is opened: an election among three takes up to ten seconds."""
ANSWER_S = 3.0
"""How long a core waits for an answer before it refuses: it serves nobody meanwhile."""


class Place(BaseModel):
    """``nats.json``: the servers a journal stands on. Paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    servers: tuple[str, ...]
    stream: str
    domain: str = ""
    seed: str = ""
    """``env:NAME`` or ``file:PATH``."""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def access(self, environ: Mapping[str, str]) -> Access:
        """How a core comes in; ``UsageError`` TOC-1003 where its seed is missing or others may read it."""
        from picture.journal.nats import Access
        from picture.journal.nats.server import inbox

        seed = resolve_secret(self.seed, environ, Path("/")).decode("ascii", "replace") if self.seed else ""
        return Access(
            self.servers, seed_text=seed, inbox=inbox(self.stream) if seed else "_INBOX", domain=self.domain,
            ca=self.ca, certificate=self.certificate, key=self.key,
        )  # fmt: skip


class WorldJournal(SyncJournal, Protocol):
    """A world's own journal, whatever it stands on."""

    def rotate_key(
        self, new: Ed25519PrivateKey, *, actor: Actor, recorded_ms: int, why: str = "", sealing: tuple[str, ...] = ()
    ) -> tuple[Entry, ...]:
        """The entries of a change of keys: from here on ``new`` signs."""
        ...

    def entry(self, seq: int) -> Entry | None:
        """One entry, or None if there is none with this number."""
        ...


class WorldReader(Protocol):
    """A world's journal, open for reading alone."""

    @property
    def stream(self) -> str:
        """The stream's name."""
        ...

    def head(self) -> Head:
        """The newest entry."""
        ...

    def read(self, after: int = 0, upto: int | None = None, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
        """Entries with ``after < seq <= upto`` in order."""
        ...

    def entry(self, seq: int) -> Entry | None:
        """One entry, or None if there is none with this number."""
        ...

    def rows(self, after: int = 0, upto: int | None = None) -> Iterator[Row]:
        """The same entries as their columns are stored."""
        ...

    def verify(self) -> ChainReport:
        """What recomputing everything finds."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def stream_of(site: str) -> str:
    """What the live world's stream is called on servers where configuration gives it no name."""
    return f"live-{plain_name(site)}"[:64]


def plain_name(words: str) -> str:
    """A site's name as streams and CAP senders spell it."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in visible(words).casefold())
    return "-".join(part for part in letters.split("-") if part) or "site"


def place_of(journal: Path) -> Place | None:
    """Where the journal of this folder stands, if that is not the folder itself."""
    try:
        return Place.model_validate_json((journal / PLACE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError):
        raise UsageError(f"{journal / PLACE}: it cannot be read.", code="TOC-1003") from None


def settle(journal: Path, place: Place | None) -> None:
    """Notes where a world's journal stands; ``UsageError`` TOC-1015 where it has begun elsewhere.

    Servers, seed and certificates may change; the stream, and whether there is one, may not.
    """
    known = place_of(journal)
    begun = bool(segment_files(journal)) if journal.is_dir() else False
    if place is None:
        if known is not None:
            raise UsageError(f"It stands on {known.servers[0]}, stream {known.stream}.", code="TOC-1015")
        return
    if begun:
        raise UsageError(f"It stands in {journal}.", code="TOC-1015")
    if known is not None and (known.stream, known.domain) != (place.stream, place.domain):
        raise UsageError(f"Its stream is {known.stream}.", code="TOC-1015")
    if known != place:
        journal.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = journal / f"{PLACE}.new"
        fresh.write_text(place.model_dump_json(), encoding="utf-8")
        fresh.replace(journal / PLACE)


def open_journal(
    journal: Path, stream: str, *, keys: Path, keyring: Keyring, blobs: BlobStore,
    environ: Mapping[str, str] = os.environ,
) -> tuple[WorldJournal, Ed25519PrivateKey]:  # fmt: skip
    """A world's journal, open for writing by nobody else on this machine, and the key that signs it.

    Refusals are those of ``SqliteJournal`` and ``NatsJournal.open``; TOC-3141 where no server answers.
    """
    place = place_of(journal)
    if place is None:
        key = core_key(keys, journal)
        return SqliteJournal(journal, stream, keyring=keyring, signing_key=key, blobs=blobs), key
    return _on_servers(place, journal, keys, keyring, blobs, environ)


def _on_servers(
    place: Place, journal: Path, keys: Path, keyring: Keyring, blobs: BlobStore, environ: Mapping[str, str]
) -> tuple[WorldJournal, Ed25519PrivateKey]:
    from picture.journal.nats import BlockingJournal

    access = place.access(environ)
    claim = claim_writer(journal)

    def attempt(key: Ed25519PrivateKey) -> BlockingJournal:
        return BlockingJournal(
            access, place.stream, keyring=keyring, signing_key=key, blobs=blobs, cache=journal / INDEX,
            patience_s=OPEN_S, answer_s=ANSWER_S, on_close=claim.close,
        )  # fmt: skip

    key = core_signing_key(keys)
    try:
        try:
            return attempt(key), key
        except JournalError as error:
            waiting = next_core_key(keys)
            if error.code != "TOC-3108" or waiting is None:
                raise
        found = attempt(waiting)  # a rotation that a crash interrupted after the journal had named the new key
        take_next_core_key(keys)
        return found, waiting
    except BaseException:
        claim.close()
        raise


def reading(journal: Path, environ: Mapping[str, str] = os.environ) -> WorldReader:
    """A world's journal, open for reading, also while its core runs; clear parts only."""
    place = place_of(journal)
    if place is None:
        return JournalReader(journal)
    from picture.journal.nats import BlockingReader

    return BlockingReader(place.access(environ), place.stream, patience_s=OPEN_S)


def told_by_servers(place: Place, environ: Mapping[str, str] = os.environ) -> tuple[Head, int, Durability]:
    """Head, bytes and durability of the stream that a journal stands on; refusals as ``reading`` has them."""
    from picture.journal.nats import BlockingReader

    with BlockingReader(place.access(environ), place.stream, patience_s=ANSWER_S) as reader:
        return reader.head(), *reader.about()


def servers_of(words: str | Sequence[str]) -> tuple[str, ...]:
    """Addresses as configuration gives them; ``ValueError`` where one is none."""
    from urllib.parse import urlsplit

    given = tuple(one.strip() for one in (words.split(",") if isinstance(words, str) else words))
    for one in given:
        parts = urlsplit(one)
        if parts.scheme not in ("nats", "tls") or not parts.hostname or parts.username or parts.password:
            raise ValueError("give nats://HOST:PORT or tls://HOST:PORT, without a user")
    if not given:
        raise ValueError("give at least one server")
    return given
