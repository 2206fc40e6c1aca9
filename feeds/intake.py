"""The one way from a feed's bytes to reports, whatever the transport: inbox, poll and replay all come through here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

from feeds.base import FeedContext, Heard
from feeds.config import FeedConfig, Waiting, check_may_speak, resolve_signers, waiting
from feeds.fields import UNREAD
from feeds.gather import NewGatherer
from feeds.manifest import Manifest
from feeds.registry import Registry
from picture.errors import InputError, UsageError
from picture.reports import Report


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that was read, and its reports."""

    raw: bytes
    reports: tuple[Report, ...]
    retained: bool = False
    """It was said before and kept by a broker."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One message that was not, and why."""

    raw: bytes
    error: InputError


@dataclass(frozen=True, slots=True)
class Reading:
    """What a delivery held, in order: one bad message among many does not take the others with it."""

    messages: tuple[Accepted | Refused, ...]
    skipped: tuple[str, ...] = ()
    """Parts left out on purpose, in words."""
    missing: int = 0
    """Messages that the feed's own numbers say were lost before these."""

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of all accepted messages."""
        return tuple(each for message in self.messages if isinstance(message, Accepted) for each in message.reports)

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The messages that were not accepted."""
        return tuple(message for message in self.messages if isinstance(message, Refused))


class Intake:
    """Reads one feed. Holds the parts of unfinished messages (bounded), nothing else."""

    def __init__(self, config: FeedConfig, registry: Registry, home: Path | None = None) -> None:
        """``home`` is where files that the configuration names lie; ``UsageError`` TOC-1003 where they do not."""
        self.config = config
        self._wire = registry.wire(config.wire)
        _check_wire(config, self._wire.manifest)
        self._signers = resolve_signers(config, home or Path())
        self._framer = self._wire.new_framer()
        self._limits = self._wire.manifest.codec_limits(config.max_bytes)
        self._grants = config.may_speak or tuple(self._wire.manifest.reads)

    @property
    def waiting(self) -> Waiting:
        """How its deliveries wait for the core."""
        return waiting(self.config, self._wire.manifest.lane)

    @property
    def new_gatherer(self) -> NewGatherer | None:
        """What follows the feed's lists where it is polled; None where each answer is a delivery as it stands."""
        return self._wire.new_gatherer

    @property
    def standing(self) -> bool:
        """Whether each message is the whole of what stands, so that what it leaves out is over."""
        return self._wire.manifest.standing

    @property
    def max_bytes(self) -> int:
        """The largest delivery this feed may make."""
        return self._limits.max_bytes

    def hear(self, heard: Heard, received_ms: int) -> Reading:
        """As ``read``, of what came over a connection: what this wire does not read is ordinary there, and noted.

        What a broker kept must say itself when it was said (TOC-2131): when it came tells nothing.
        """
        reading = self.read(heard.data, received_ms, topic=heard.topic, stream=True)
        if not heard.retained:
            return reading
        return replace(reading, messages=tuple(_kept(one, received_ms) for one in reading.messages))

    def read(self, data: bytes, received_ms: int, *, topic: str = "", stream: bool = False) -> Reading:
        """All that a delivery held, each message accepted whole or refused whole; never raises for what data holds."""
        skipped: list[str] = []
        context = FeedContext(
            self.config.id, received_ms, self.config.names, topic, self._limits, skip=skipped.append,
            signers=self._signers, profile=self.config.profile,
        )  # fmt: skip
        if len(data) > self._limits.max_bytes:
            detail = f"{len(data)} bytes; {self._limits.max_bytes} are allowed."
            return Reading((Refused(data, InputError(detail, code="TOC-2001")),))
        before = getattr(self._framer, "missing", 0)
        read = [self._message(each, context) for each in self._framer.push(data)]
        missing = getattr(self._framer, "missing", 0) - before
        if stream or len(read) > 1:  # in a stream, what this wire does not read is ordinary: noted, not refused
            skipped += [each.error.detail for each in read if _unread(each)]
            read = [each for each in read if not _unread(each)]
        return Reading(tuple(read), tuple(skipped), missing)

    def _message(self, data: bytes, context: FeedContext) -> Accepted | Refused:
        try:
            reports = self._wire.codec.decode(data, context)
            check_may_speak(reports, self._grants)
        except InputError as error:
            return Refused(data, error)
        return Accepted(data, reports)


def _check_wire(config: FeedConfig, manifest: Manifest) -> None:
    """Refuses what the feed's wire would pass over in silence."""
    if config.signers and not manifest.signed:
        raise UsageError(f"feed {config.id}: signers: the wire {config.wire} has no signatures.", code="TOC-1003")
    if config.profile and config.profile not in manifest.profiles:
        known = ", ".join(manifest.profiles) or "none"
        raise UsageError(f"feed {config.id}: profile: of {config.wire} there is {known}.", code="TOC-1003")


def _unread(message: Accepted | Refused) -> TypeGuard[Refused]:
    return isinstance(message, Refused) and message.error.code == UNREAD


def _kept(message: Accepted | Refused, received_ms: int) -> Accepted | Refused:
    if isinstance(message, Refused):
        return message
    if any(report.at_ms == received_ms for report in message.reports):
        return Refused(message.raw, InputError("a retained message without a time of its own", code="TOC-2131"))
    return replace(message, retained=True)
