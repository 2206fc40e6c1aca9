"""How one feed is configured: which wire, how it arrives, how far it is trusted, what it may speak for.

Read from the world's ``tocsin.toml`` or a scenario's YAML. A secret is only ever named here, never written.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feeds.fields import near
from feeds.streams import StreamConfig
from picture.errors import InputError, UsageError
from picture.reports import Report

_CONFIGURATION: Final = "TOC-1003"
_NOT_ITS_WORD: Final = "TOC-2008"
MIN_SECRET_BYTES: Final = 16


class FeedConfig(BaseModel):
    """One feed of one world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    wire: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Annotated[str, Field(max_length=80)] = ""
    grade: Annotated[str, Field(pattern=r"^([A-F][1-6])?$")] = ""
    """Admiralty grade: reliability of the source A to F, credibility of what it says 1 to 6."""
    silent_after_s: Annotated[int, Field(ge=0, le=604_800)] = 0
    """Without a message for so long the feed counts as silent; 0: it may be quiet for ever."""
    data_old_after_s: Annotated[int, Field(ge=0, le=604_800)] = 0
    """Messages whose newest report is older than this on arrival are old data; 0: not judged."""
    secret: Annotated[str, Field(pattern=r"^(|env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")] = ""
    """Where the inbox's secret stands: ``env:NAME`` or ``file:PATH``. Without one the inbox refuses this feed."""
    broker: Annotated[str, Field(pattern=r"^(|https?://.+)$")] = ""
    """The context broker that ``publish`` goes to."""
    publish: tuple[Literal["incidents", "hazards", "closures", "facilities", "vessels"], ...] = ()
    """What of our picture goes to the broker; nothing unless said."""
    auth: Literal["signature", "token"] = "signature"
    """How the inbox knows who posts: each message signed, or a token with each, for senders that cannot sign."""
    url: Annotated[str, Field(pattern=r"^(|(https?|mqtts?|tcp|tls|udp|file)://.+)$")] = ""
    """What to poll, or where to connect to; empty: nothing is fetched."""
    poll_s: Annotated[int, Field(ge=5, le=86_400)] = 60
    hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]-]{1,255}$")], ...] = ()
    """Hosts (with a port where it is not the usual one) that links of a polled answer lead to; empty: its own."""
    signers: Annotated[tuple[Annotated[str, Field(max_length=20_000)], ...], Field(max_length=20)] = ()
    """Certificates, as ``file:PATH`` or PEM text; where there are any, each message must be signed by one of them."""
    profile: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,20}$")] = ""
    """Which further rules of its wire the feed keeps to (``ipaws``, ``meteoalarm``)."""
    stream: StreamConfig = StreamConfig()
    """What a connection needs besides its address."""
    may_speak: tuple[Annotated[str, Field(max_length=120)], ...] = ()
    """Which reports the feed may send and for whom, as ``type`` or ``type:pattern``; empty: whatever its wire reads."""
    names: Mapping[str, str] = Field(default_factory=dict)
    """The sender's names turned into ours (see each wire in docs/feeds.md)."""
    max_bytes: Annotated[int, Field(ge=1, le=16_777_216)] | None = None
    """Largest message, where it is not to be the wire's own limit."""
    lane: Literal["", "calls", "authorities", "sensors", "citizens"] = ""
    """Which lane its deliveries wait in; empty: its wire's."""
    when_full: Literal["", "refuse", "newest"] = ""
    """What happens to what arrives while its queue is full; empty: its lane's way."""
    room: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Messages that may wait; 0: its lane's number."""
    quota_source: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Reports of one source (origin) a minute that are shown one by one; 0: its lane's number."""
    quota_feed: Annotated[int, Field(ge=0, le=100_000)] = 0
    """The same for the whole feed."""


Lane = Literal["calls", "authorities", "sensors", "citizens"]
LANES: Final[tuple[Lane, ...]] = ("calls", "authorities", "sensors", "citizens")
"""The lanes, highest first: call takers and responders, authorities, sensors, citizens."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How what a feed delivers waits for the core."""

    lane: Lane
    when_full: Literal["refuse", "newest"]
    """``refuse``: the sender is told to come again; ``newest``: it replaces what waits about the same subject."""
    room: int
    """Messages."""
    quota_source: int = 0
    """Reports of one origin a minute that are shown one by one; 0: as many as come."""
    quota_feed: int = 0


_BY_LANE: Final[Mapping[Lane, Waiting]] = {
    "calls": Waiting("calls", "refuse", 1_000),
    "authorities": Waiting("authorities", "refuse", 1_000),
    "sensors": Waiting("sensors", "newest", 2_000),
    # A person writes a few times a minute about one thing; a room reads about one report a second.
    "citizens": Waiting("citizens", "refuse", 1_000, quota_source=6, quota_feed=60),
}


def waiting(config: FeedConfig, wire_lane: Lane) -> Waiting:
    """How this feed's deliveries wait: what it says itself, else what its lane does; its lane is its wire's by default.

    A quota binds only the lane of citizens, whatever the configuration of another says.
    """
    usual = _BY_LANE[config.lane or wire_lane]
    return Waiting(
        usual.lane,
        config.when_full or usual.when_full,
        config.room or usual.room,
        (config.quota_source or usual.quota_source) if usual.quota_feed else 0,
        (config.quota_feed or usual.quota_feed) if usual.quota_feed else 0,
    )


def load(values: Mapping[str, Any]) -> FeedConfig:
    """The feed that a table of the configuration describes; raises ``UsageError`` TOC-1003 naming the key."""
    try:
        config = FeedConfig.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        hint = near(where, FeedConfig.model_fields) if first["type"] == "extra_forbidden" else ""
        raise UsageError(f"feed {values.get('id')!a}: {where}: {first['msg']}{hint}", code=_CONFIGURATION) from None
    for grant in config.may_speak:
        if grant.partition(":")[0] not in REPORT_TYPES:
            hint = near(grant.partition(":")[0], REPORT_TYPES)
            raise UsageError(f"feed {config.id}: may_speak: {grant!a}{hint}", code=_CONFIGURATION)
    return config


def resolve_secret(
    reference: str, environ: Mapping[str, str], home: Path, *, at_least: int = MIN_SECRET_BYTES
) -> bytes:
    """The secret that ``env:NAME`` or ``file:PATH`` (relative to ``home``) names, without a trailing line end.

    Raises:
        UsageError: TOC-1003 where it is missing, shorter than 16 bytes, or a file that others may read.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = environ.get(name, "").encode("utf-8")
    elif kind == "file":
        secret = _from_file(home / name, reference)
    else:
        raise UsageError(f"{reference!a} is neither env:NAME nor file:PATH.", code=_CONFIGURATION)
    if len(secret) < at_least:
        raise UsageError(f"The secret {reference} is missing or has fewer than {at_least} bytes.", code=_CONFIGURATION)
    return secret


def resolve_signers(config: FeedConfig, home: Path) -> tuple[bytes, ...]:
    """The feed's certificates in PEM; raises ``UsageError`` TOC-1003 where one is not to be had."""
    found: list[bytes] = []
    for one in config.signers:
        pem = one.encode("utf-8")
        if one.startswith("file:"):
            try:
                pem = (home / one.removeprefix("file:")).read_bytes()
            except OSError as error:
                raise UsageError(f"feed {config.id}: signers: {one}: {error.strerror}.", code=_CONFIGURATION) from None
        if b"-----BEGIN CERTIFICATE-----" not in pem:
            raise UsageError(f"feed {config.id}: signers: not a certificate in PEM.", code=_CONFIGURATION)
        found.append(pem)
    return tuple(found)


def _from_file(path: Path, reference: str) -> bytes:
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{reference}: {error.strerror}.", code=_CONFIGURATION) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{reference} can be read by others; give it mode 0600.", code=_CONFIGURATION)
    return content.rstrip(b"\r\n")


_SUBJECTS: Final = {
    "incident": "reporter", "observation": "sensor", "vessel": "mmsi", "unit": "callsign", "distress": "subject",
    "alert": "sender", "facility": "facility", "road": "road", "reply": "request",
}  # fmt: skip
"""Report type -> the field that says for whom it speaks."""
REPORT_TYPES: Final = tuple(_SUBJECTS)


def subject(report: Report) -> str:
    """Whom a report speaks for, as ``may_speak`` patterns see it; of an incident, who reported it."""
    value = getattr(report, _SUBJECTS[report.report])
    return f"{value:09d}" if isinstance(value, int) else str(value)


def check_may_speak(reports: tuple[Report, ...], grants: tuple[str, ...]) -> None:
    """Returns where every report is granted by ``type`` or ``type:pattern``; else raises ``InputError`` TOC-2008."""
    for report in reports:
        if not any(_grants(grant, report) for grant in grants):
            detail = f"{report.report} of {subject(report)[:80]!a}"
            raise InputError(f"{detail}: this feed may speak for {', '.join(grants)}.", code=_NOT_ITS_WORD)


def _grants(grant: str, report: Report) -> bool:
    kind, colon, pattern = grant.partition(":")
    return kind == report.report and (not colon or fnmatchcase(subject(report), pattern))
