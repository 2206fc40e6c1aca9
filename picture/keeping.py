"""Records on the picture about the console itself: who sits where and holds what, its feeds, runs, links, queues."""

from __future__ import annotations

from dataclasses import dataclass

from picture.entry import Ref


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
    replaced: int = 0


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


@dataclass(frozen=True, slots=True)
class Feed:
    """How a feed is doing, each failure in its own words."""

    id: str
    wire: str
    state: str = "waiting"
    """waiting, ok, fetch_failed, data_old, malformed, silent, connecting, connected."""
    why: str = ""
    last_received_ms: int = 0
    last_event_ms: int = 0
    received: int = 0
    refused: int = 0
    silent_after_s: int = 0
    """How long without a message is too long; 0: never."""
    grade: str = ""
    lane: str = ""
    """calls, authorities, sensors, citizens; empty where the journal does not say."""
    missing: int = 0
    """Messages known to have been lost on the way here."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Messages refused from one source in one minute, by code."""

    source: str
    minute_ms: int
    code: str
    count: int
    first_entry: int


@dataclass(frozen=True, slots=True)
class Drill:
    """The state of the exercise, for worlds of that kind."""

    scenario: str = ""
    title: str = ""
    seed: int = 0
    start_ms: int = 0
    end_ms: int = 0
    paused: bool = False
    speed: float = 1.0
    """Virtual seconds a second; 0 means as fast as it can."""
    stopped: str = ""
    """Why the exercise was stopped for good: ``real emergency``, ``finished``."""
    injects: tuple[tuple[str, str, int], ...] = ()
    """(id, title, at_ms) of injects that were given."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Who has the desk, and the last handover."""

    person: str = ""
    position: str = ""
    since_ms: int = 0
    brief: Ref | None = None
    handed_over_by: str = ""
    offered_to: str = ""
    confirmed: bool = False
    """Whether the outgoing has confirmed the brief of the present offer."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a playbook."""

    id: str
    playbook: str
    version: int
    key: str
    trigger: str
    """What fired it, in words with values."""
    started_ms: int
    subject: str = ""
    step: str = ""
    status: str = "running"
    """running, waiting, done, failed, stopped."""
    steps: tuple[tuple[str, str], ...] = ()
    """(step, outcome), in order."""
