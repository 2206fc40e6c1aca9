"""What the tests of custody share: a world with its picture, opened as a stopped world is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import Actor, Entry, NewEntry
from picture.events import Event, IncidentClosed, IncidentOpened, UserChanged, WorldOpened
from picture.fold import Picture
from picture.journal import BlobStore, SqliteJournal
from picture.journal.custody import Keeping, Signed, signed_erasure
from picture.sealing import Keyring, drill_signing_key
from tests.journal_world import NOON_MS, STREAM, World, call

OFFICER = Actor("Tom Okafor", "supervisor", "port")


def key_of(person: str) -> Ed25519PrivateKey:
    return drill_signing_key("custody", person)


def public(person: str) -> str:
    return key_of(person).public_key().public_bytes_raw().hex()


def signed(person: str, scope: str = "I-1", request: str = "ER-1", retention_class: str = "") -> Signed:
    return signed_erasure(key_of(person), STREAM, request, scope, retention_class, person)


@dataclass
class Desk:
    """A world, open, folding whatever it journals."""

    world: World
    picture: Picture = field(default_factory=lambda: Picture(STREAM))
    now_ms: int = NOON_MS
    _begins: tuple[str, bool] | None = None

    def begin_in(self, world: str = "live", *, people: bool = True) -> Self:
        """To be entered: then a site with two supervisors and an operator, and incident I-1 with a call."""
        self._begins = (world, people)
        return self

    def __enter__(self) -> Self:
        self.journal: SqliteJournal = self.world.open()
        self.keyring: Keyring = self.journal._keys
        blobs = self.journal._blobs
        assert blobs is not None
        self.blobs: BlobStore = blobs
        self.picture.apply_all(self.journal.read())
        if self._begins:
            self._begin(*self._begins)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()

    @property
    def keeping(self) -> Keeping:
        return Keeping(self.picture.home, self.keyring, self.blobs, self.record)

    def record(self, events: Sequence[Event]) -> tuple[Entry, ...]:
        entries = [NewEntry(event, self.now_ms, self.now_ms, OFFICER) for event in events]
        return self.write(entries)

    def write(self, entries: Sequence[NewEntry]) -> tuple[Entry, ...]:
        receipt = self.journal.append_now(entries, commit_id=f"desk:{self.journal.head().seq + 1}")
        self.picture.apply_all(receipt.entries)
        return receipt.entries

    def _begin(self, world: str, people: bool) -> None:
        self.record([WorldOpened(site="m", world=world, city="port-meridian", start_ms=NOON_MS)])
        if people:
            for name, role in (("Ada", "supervisor"), ("Ben", "supervisor"), ("Cleo", "operator")):
                person = UserChanged(name=name, agency="port", role=role, positions=(), public_keys=(public(name),))
                self.record([person])
        self.record([IncidentOpened(incident="I-1", incident_kind="flood", title="Flood", priority=2)])
        self.write([call("I-1")])

    def close_incident(self, name: str = "I-1") -> None:
        self.record([IncidentClosed(incident=name, result_code="done")])
