"""Forgetting, keeping and opening what is sealed: erasures by two persons, legal holds, and the log of who read what.

Every function here takes its word to the journal through ``Keeping.record``, so that a stopped world (the command
line) and a running core do the same. Order, so that no crash makes the journal say more than is true: the keys are
doomed (nothing opens any more), then ``payload.shredded`` is journalled, then the files are destroyed;
``finish_erasures`` at the next start does what a crash left undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from picture.entry import Ref, canonical
from picture.errors import JournalError
from picture.events import ErasureAsked, Event, HoldChanged, PayloadShredded, ValueRead
from picture.journal.blobs import BlobStore
from picture.keeping import Erasure
from picture.model import StreamPicture
from picture.sealing import KeyInfo, Keyring

Record = Callable[[Sequence[Event]], object]
"""Journals events as one commit and folds them into the picture; returns when they are durable."""

MAY_ERASE: Final = frozenset({"supervisor", "exercise_control"})
"""Roles whose word counts for an erasure."""
REQUEST_MS: Final = 7 * 86_400_000
"""How long an erasure waits for its second person."""


class Opens(Protocol):
    """What reading a sealed value needs of a journal."""

    def open_sealed(self, ref: Ref) -> object | None:
        """The value at a Ref; None if its key was destroyed or is not here."""
        ...


class Signed(NamedTuple):
    """A person's word on an erasure."""

    person: str
    public_key: str
    signature: str
    """Both hex Ed25519; over ``erasure_bytes``."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What custody acts on: one world's own sub-picture, its keys and blobs, and the way into its journal."""

    picture: StreamPicture
    keyring: Keyring
    blobs: BlobStore | None
    record: Record


# --- reading ------------------------------------------------------------------------------------------------


def open_for(journal: Opens, refs: Sequence[Ref], *, record: Record, why: str) -> dict[Ref, object | None]:
    """The sealed values at these places, None where a key is gone; who read them and why is journalled first.

    ``TOC-3123`` without a reason. If the journal refuses, nothing is opened.
    """
    if not why.strip():
        raise JournalError(code="TOC-3123")
    if refs:
        record([ValueRead(refs=tuple((ref.stream, ref.seq, ref.path) for ref in refs), why=why.strip())])
    return {ref: journal.open_sealed(ref) for ref in refs}


# --- holding ------------------------------------------------------------------------------------------------


def change_hold(keeping: Keeping, scope: str, *, on: bool, why: str) -> bool:
    """Whether the hold on a scope was changed; False if it stood that way already."""
    if (scope in keeping.picture.holds) == on:
        return False
    keeping.record([HoldChanged(scope=scope, on=on, why=why or None)])
    return True


def refuse_held(picture: StreamPicture, scope: str) -> None:
    """Nothing, or ``TOC-3120`` where a scope is under legal hold."""
    if scope in picture.holds:
        raise JournalError(f"It is {scope}.", code="TOC-3120")


# --- forgetting ---------------------------------------------------------------------------------------------


def erasure_bytes(stream: str, request: str, scope: str, retention_class: str, person: str) -> bytes:
    """What each of the two persons signs."""
    return canonical(["tocsin.erasure/1", stream, request, scope, retention_class, person])


def signed_erasure(
    key: Ed25519PrivateKey, stream: str, request: str, scope: str, retention_class: str, person: str
) -> Signed:
    """A person's signature under an erasure."""
    message = erasure_bytes(stream, request, scope, retention_class, person)
    return Signed(person, key.public_key().public_bytes_raw().hex(), key.sign(message).hex())


def waiting_erasure(picture: StreamPicture, scope: str, retention_class: str, now_ms: int) -> Erasure | None:
    """The request for this scope that waits for its second person, if one does."""
    for request in picture.erasures.values():
        same = (request.scope, request.retention_class) == (scope, retention_class)
        if same and now_ms <= request.asked_ms + REQUEST_MS:
            return request
    return None


def ask_erasure(
    keeping: Keeping, scope: str, signed: Signed, *, request: str, why: str, retention_class: str = ""
) -> None:
    """Journals one person's wish to have a scope's values forgotten. Nothing is destroyed yet.

    ``TOC-3120`` under legal hold, ``TOC-3122`` if there is no key, ``TOC-3121`` if the signature does not count.
    """
    refuse_held(keeping.picture, scope)
    if not keys_of(keeping.keyring, scope, retention_class):
        raise JournalError(f"It is {scope}.", code="TOC-3122")
    _check(keeping.picture, signed, request, scope, retention_class)
    asked = ErasureAsked(
        id=request, scope=scope, retention_class=retention_class, person=signed.person, public_key=signed.public_key,
        signature=signed.signature, why=why or None,
    )  # fmt: skip
    keeping.record([asked])


def confirm_erasure(
    keeping: Keeping, request: str, signed: Signed, *, now_ms: int, why: str = ""
) -> tuple[PayloadShredded, ...]:
    """What was journalled about the keys that the second person's word destroyed.

    Refused like ``ask_erasure``, and with ``TOC-3121`` if both are one person or one key, or the request is too old.
    """
    picture = keeping.picture
    asked = picture.erasures.get(request)
    if asked is None or now_ms > asked.asked_ms + REQUEST_MS:
        raise JournalError(f"No erasure {request} waits for a second person.", code="TOC-3121")
    refuse_held(picture, asked.scope)
    first = Signed(asked.person, asked.public_key, asked.signature)
    for one in (first, signed):
        _check(picture, one, request, asked.scope, asked.retention_class)
    if signed.person == first.person or signed.public_key == first.public_key:
        raise JournalError(f"{first.person} asked for it: somebody else must confirm it.", code="TOC-3121")
    doomed = keys_of(keeping.keyring, asked.scope, asked.retention_class)
    if not doomed:
        raise JournalError(f"It is {asked.scope}.", code="TOC-3122")
    return shred(keeping, doomed, by=(first, signed), request=request, why=why)


def shred(
    keeping: Keeping, doomed: Iterable[KeyInfo], *, by: Sequence[Signed], request: str = "", why: str = ""
) -> tuple[PayloadShredded, ...]:
    """What was journalled about these keys, which are gone now, with every blob under them; without ``by``, the
    retention rule asked for it."""
    infos = keeping.keyring.doom(info.id for info in doomed)
    persons = tuple(one.person for one in by) or ("retention",)
    events = tuple(
        PayloadShredded(
            scope=scope, retention_class=retention, keys=tuple(info.id for info in group), by=persons,
            why=why or None, request=request, signatures=tuple(by),
        )
        for (scope, retention), group in groupby(sorted(infos), key=lambda info: info.place)
    )  # fmt: skip
    keeping.record(events)
    _destroy(keeping.keyring, keeping.blobs, {info.id for info in infos})
    return events


def finish_erasures(picture: StreamPicture, keyring: Keyring, blobs: BlobStore | None) -> tuple[str, ...]:
    """Ids of keys destroyed now that the journal calls destroyed already: after a crash, or when a copy of the keys
    was put back. To be called when a world is opened."""
    again = {info.id for info in keyring.inventory() if info.id in picture.shredded}
    keyring.doom(again)
    if again:
        _destroy(keyring, blobs, again)
    return tuple(sorted(again))


def keys_of(keyring: Keyring, scope: str, retention_class: str = "") -> tuple[KeyInfo, ...]:
    """A scope's keys, also those that are doomed already."""
    return tuple(
        info for info in keyring.inventory() if info.scope == scope and retention_class in ("", info.retention)
    )  # fmt: skip


def _destroy(keyring: Keyring, blobs: BlobStore | None, keys: set[str]) -> None:
    keyring.destroy_doomed(keys)
    if blobs is not None:
        blobs.remove(keys)


def _check(picture: StreamPicture, signed: Signed, request: str, scope: str, retention_class: str) -> None:
    message = erasure_bytes(picture.stream, request, scope, retention_class, signed.person)
    if not _fits(signed, message):
        raise JournalError(f"The signature of {signed.person} does not hold.", code="TOC-3121")
    user = picture.users.get(signed.person)
    if user is None:
        # A drill mints its keys as it goes: they are known to nobody else, and count nowhere else.
        if picture.world != "drill":
            raise JournalError(f"{signed.person} is no user of this world.", code="TOC-3121")
    elif not user.active or user.role not in MAY_ERASE or signed.public_key not in user.public_keys:
        raise JournalError(f"{signed.person} may not sign this, or not with this key.", code="TOC-3121")


def _fits(signed: Signed, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key)).verify(
            bytes.fromhex(signed.signature), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True
