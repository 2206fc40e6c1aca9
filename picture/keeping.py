"""Records on the picture about the console itself: who sits where, holds what, and how links and queues do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has something in their hands."""

    subject: str
    person: str
    position: str
    since_ms: int
    entry: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in. No secret stands here."""

    name: str
    agency: str
    role: str
    """observer, operator, supervisor, exercise_control."""
    positions: tuple[str, ...]
    public_keys: tuple[str, ...] = ()
    active: bool = True
    admin: bool = False


@dataclass(frozen=True, slots=True)
class DeskSession:
    """Somebody at a client now."""

    id: str
    person: str
    position: str
    role: str
    since_ms: int
    locked: bool = False
    client: str = ""


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a forked world comes from."""

    parent_stream: str
    parent_world: str
    parent_seq: int
    parent_hash: str


@dataclass(frozen=True, slots=True)
class LinkState:
    """How a link to another core is doing."""

    id: str
    state: str
    """ok, silent, behind, differs."""
    why: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Load:
    """How full a queue is."""

    queue: str
    level: str
    """normal, half, high, full."""
    waiting: int
    room: int
    lost: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Reports over a source's quota, counted rather than shown one by one."""

    source: str
    minute_ms: int
    lane: str
    count: int
    area: str
    entry: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to forget a scope, waiting for its second person."""

    id: str
    scope: str
    retention_class: str
    """Empty: every class."""
    person: str
    public_key: str
    signature: str
    asked_ms: int
