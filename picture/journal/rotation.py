"""Who signs a journal, and how the core's key is replaced: the old key vouches for the new one, in an entry.

A segment is signed by one key. ``key.rotated`` is its last entry, under the old key's last signature; the next segment
opens under the new one. On disk the new key waits beside the old one until the journal names it, so that a crash in
between leaves a journal that one of the two can go on with.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from picture.entry import Actor, Entry
from picture.journal.segments import open_for_reading, read_header, segment_files, storage_errors
from picture.sealing import (
    Keyring,
    core_signing_key,
    endorsement_fits,
    next_core_key,
    public_key_text,
    put_next_core_key,
    take_next_core_key,
)

ROTATED = "key.rotated"
_NEWEST = "SELECT kind, payload FROM entries ORDER BY seq DESC LIMIT 1"


class Rotates(Protocol):
    """A journal whose key can be replaced."""

    def rotate_key(
        self, new: Ed25519PrivateKey, *, actor: Actor, recorded_ms: int, why: str = "", sealing: tuple[str, ...] = ()
    ) -> tuple[Entry, ...]:
        """The entries of the change: from here on ``new`` signs."""
        ...


def core_key(keys: Path, journal: Path) -> Ed25519PrivateKey:
    """The key that the journal in a folder is to be signed with now, of those in the world's folder of keys.

    Finishes a rotation that a crash interrupted after the journal had named the new key.
    """
    waiting = next_core_key(keys) if keys.is_dir() else None
    if waiting is not None and public_key_text(waiting) == signer_of(journal):
        take_next_core_key(keys)
    return core_signing_key(keys)


def signer_of(journal: Path) -> str:
    """The public key (base64) whose holder goes on with a journal's folder; empty if there is no journal."""
    files = segment_files(journal)
    if not files:
        return ""
    with storage_errors(files[-1].name):
        connection = open_for_reading(files[-1])
        try:
            return next_signer(connection, read_header(connection, files[-1].name).public_key)
        finally:
            connection.close()


def next_signer(connection: sqlite3.Connection, signer: str) -> str:
    """The key that signs after a segment's newest entry, given the one that signed the segment."""
    row = connection.execute(_NEWEST).fetchone()
    if row is None or row[0] != ROTATED.encode():
        return signer
    return str(json.loads(row[1])["new"])


def vouched_for(payload: bytes, signer: str, stream: str) -> str:
    """The new key that a ``key.rotated`` names, or "" if ``signer`` does not vouch for it."""
    try:
        said: dict[str, Any] = json.loads(payload)
        old, new, endorsement = str(said["old"]), str(said["new"]), str(said["endorsement"])
    except (ValueError, KeyError, TypeError):
        return ""
    return new if old == signer and new != old and endorsement_fits(old, new, stream, endorsement) else ""


def rotate(
    journal: Rotates,
    keys: Path,
    *,
    actor: Actor,
    now_ms: int,
    why: str,
    keyring: Keyring | None = None,
    entropy: Callable[[int], bytes] = os.urandom,
) -> tuple[Entry, ...]:
    """The entries that the change of the core's key wrote, to be folded like any others.

    With a ``keyring`` every scope's sealing key is renewed too: what was sealed before still opens.
    """
    fresh = put_next_core_key(keys, entropy)
    sealing = () if keyring is None else tuple(keyring.renew(*place, at_ms=now_ms) for place in keyring.scopes())
    entries = journal.rotate_key(fresh, actor=actor, recorded_ms=now_ms, why=why, sealing=sealing)
    take_next_core_key(keys, entropy)
    return entries
