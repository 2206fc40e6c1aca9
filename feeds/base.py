"""What a wire is made of: a pure codec, a framer for its transport, sinks, and what a codec is told about its feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Never, Protocol

from picture.reports import Report

FeedState = Literal["ok", "fetch_failed", "data_old", "malformed", "silent", "connecting", "connected"]
"""``connecting``: the connection is not there and is tried again; ``connected``: it is, and nothing came on it yet."""


def _not_noted(what: str) -> None:
    """Default of ``FeedContext.skip``: nobody asked to hear of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one message may hold; beyond it the message is refused before it is read further."""

    max_bytes: int = 256 * 1024
    max_depth: int = 32
    max_parts: int = 20_000


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What a codec may know beside the bytes. ``skip`` hears of parts left out on purpose: unknown kinds in a batch."""

    feed: str = ""
    received_ms: int = 0
    """When the message arrived, by the world's clock; used where the wire carries no time of its own."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The sender's names turned into ours: ``{"Datastream(7)": "TG-OLDQUAY/water_level", "urn:…:42": "SUB-07"}``."""
    topic: str = ""
    """Under which the message was published, where its transport has topics."""
    limits: Limits = Limits()
    signers: tuple[bytes, ...] = ()
    """Certificates (PEM) of which one must have signed the message; none: signatures are not looked at."""
    profile: str = ""
    """Further rules that the feed keeps to."""
    skip: Callable[[str], None] = _not_noted


class Codec(Protocol):
    """A wire's pure codec; the module ``feeds.<wire>.codec`` is one."""

    def decode(self, data: bytes, context: FeedContext) -> tuple[Report, ...]:
        """The reports in one message; raises ``InputError`` naming the code and the field."""
        ...


class Framer(Protocol):
    """Turns what a transport delivers into whole messages. Holds bounded state between deliveries of one feed."""

    def push(self, data: bytes) -> list[bytes]:
        """Whole messages that this delivery completed, in order."""
        ...


class WholeBody:
    """The framer of transports that deliver one message at a time."""

    def push(self, data: bytes) -> list[bytes]:
        return [data]


class Sink(Protocol):
    """Hands rendered bytes over to the outside. Called by the outbox alone, never on an operator's path."""

    async def hand_over(self, body: bytes, *, key: str) -> str:
        """Words on what the far end answered. ``key`` makes a repeat harmless. Raises ``DeliveryError``."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What came over a connection at once."""

    data: bytes
    topic: str = ""
    retained: bool = False
    """The broker kept it: it was said at some time before, not now."""


Deliver = Callable[[Heard], Awaitable[None]]
"""Returns when the core has taken it; until then no more is read."""
State = Callable[[Literal["connecting", "connected"], str], None]
"""(what the connection is, why)."""


class Shows(Protocol):
    """What of our picture goes out over a connection, as its wire has it."""

    words: str
    """What goes out, for people."""

    def standing(self) -> Iterator[bytes]:
        """All of it: for a connection that was just made, and before what was said goes stale."""
        ...

    def changed(self) -> Iterator[bytes]:
        """What changed, and what is no more, since either was last asked."""
        ...


class StreamSource(Protocol):
    """A connection that stays open. A wire's ``source.new_stream`` makes one; so does the transport ``feeds.mqtt``."""

    async def run(self, deliver: Deliver, state: State) -> Never:
        """Keeps one connection, never two, until it is cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """A feed's state as the console shows it."""

    state: FeedState = "ok"
    why: str = ""
    since_ms: int = 0
    last_good_ms: int | None = None
    missing: int = 0
    """Messages or answers known to have been lost, since the core runs."""
