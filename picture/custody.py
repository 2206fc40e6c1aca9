"""Events about the journal's keeping and the people at it: keys, holds, sessions, claims, forks, links, load.

Nothing here speaks of the incident outside; everything here says who could know what, when, and what was done to
the record itself. No event carries a secret.
"""

from __future__ import annotations

from typing import Literal

from picture.event import Event
from picture.reports import SealedText


class KeyRotated(Event):
    """The core signs with another key from the next entry on; the old key vouches for the new one."""

    kind = "key.rotated"
    old: str
    new: str
    """Public keys, base64 Ed25519."""
    endorsement: str
    """The old key's signature over the stream's name and the new public key."""
    why: str = ""
    sealing: tuple[str, ...] = ()
    """Ids of fresh sealing keys that took over with it."""


class ErasureAsked(Event):
    """One person asked for a scope's values to be forgotten; it happens when a second one confirms."""

    kind = "erasure.asked"
    id: str
    scope: str
    retention_class: str
    """Only this class of its values; empty for every one."""
    person: str
    public_key: str
    signature: str
    """Hex Ed25519 of the person, over ``picture.journal.custody.erasure_bytes``."""
    why: SealedText = None


class PayloadShredded(Event):
    """Keys were destroyed: what they sealed is forgotten, at every past instant too."""

    kind = "payload.shredded"
    scope: str
    """Whose values: an incident, ``units``, ``general`` …"""
    retention_class: str
    keys: tuple[str, ...]
    """Ids of the keys."""
    by: tuple[str, ...]
    """The persons who asked for it, two of them; the retention rule counts as ``retention``."""
    why: SealedText = None
    request: str = ""
    """Id of the erasure that was asked for; empty where the retention rule did it."""
    signatures: tuple[tuple[str, str, str], ...] = ()
    """(person, public key, signature) of each, hex: anybody can check that both signed."""


class HoldChanged(Event):
    """A legal hold on a scope's keys was set or lifted; while it stands nothing of the scope is destroyed."""

    kind = "hold.changed"
    scope: str
    on: bool
    why: SealedText = None


class ValueRead(Event):
    """Somebody opened sealed values that were not part of their working picture."""

    kind = "value.read"
    refs: tuple[tuple[str, int, str], ...]
    """(stream, seq, path) of each value."""
    why: str = ""


class UserChanged(Event):
    """A user was added, changed or closed. Tokens and second factors stand in no entry."""

    kind = "user.changed"
    name: str
    agency: str
    role: str
    positions: tuple[str, ...]
    public_keys: tuple[str, ...] = ()
    """Hex Ed25519 keys that may sign this person's decisions."""
    active: bool = True
    admin: bool = False
    """Administers users; only a supervisor may."""


class SessionChanged(Event):
    """Somebody sat down at a client, left it, locked or unlocked it."""

    kind = "session.changed"
    id: str
    person: str
    position: str
    role: str
    state: Literal["opened", "closed", "locked", "unlocked"]
    clearance: str = ""
    client: str = ""
    """What they sit at: ``tui``, ``cli``, ``browser``."""


class ClaimChanged(Event):
    """Somebody took something into their hands, or let go of it, so that two do not do the same."""

    kind = "claim.changed"
    subject: str
    """Id of an incident, alarm or proposal."""
    person: str
    position: str
    held: bool
    taken_from: str = ""
    """Who held it before, where it was taken over."""


class CommandGiven(Event):
    """What was on the operator's screen when they gave the command of this commit; only where their client told."""

    kind = "command.given"
    command: str
    seen: int = 0
    """Newest entry of this stream that the screen showed."""
    shown: str = ""
    """Digest of what stood on the screen, as the client computes it."""
    shown_ms: int | None = None
    """For how long it had stood there."""


class CursorReceived(Event):
    """How far this core had received other cores' streams; at most once a second."""

    kind = "cursor.received"
    cursor: tuple[tuple[str, int, str], ...]
    """(stream, seq, hash) of each, sorted."""


class WorldForked(Event):
    """First word of a forked world: where it comes from and what was left behind."""

    kind = "world.forked"
    parent_stream: str
    parent_world: str
    parent_seq: int
    parent_hash: str
    left_out: tuple[tuple[str, int], ...] = ()
    """(kind of entry, how many) that a fork does not carry."""


class LoadChanged(Event):
    """A queue passed a watermark, upwards or back down."""

    kind = "load.changed"
    queue: str
    level: Literal["normal", "half", "high", "full"]
    """Below 50 % of its room, from 50 %, from 80 %, no room."""
    waiting: int
    room: int
    lost: int = 0
    """Messages turned away since the queue was last normal; a source that can repeat will."""
    replaced: int = 0
    """Waiting messages that a newer one of the same subject took the place of, since the queue was last normal."""


class LinkChanged(Event):
    """A link to another core or a client of record went silent, fell behind, or came back."""

    kind = "link.changed"
    id: str
    state: Literal["ok", "silent", "behind", "differs"]
    """``differs``: its digest at our head is not ours."""
    why: str = ""


class ReportsCounted(Event):
    """Reports over a source's quota in one minute: kept in the blob store, counted, and shown as one line."""

    kind = "reports.counted"
    source: str
    lane: str
    minute_ms: int
    count: int
    area: str = ""
    """Where most of them come from, in words; empty if unknown."""
    blobs: tuple[str, ...] = ()
    """Digests under which the messages lie."""
