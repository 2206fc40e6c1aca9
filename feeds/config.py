"""How one feed is configured: which wire, how it arrives, how far it is trusted, what it may speak for.

Read from the world's ``tocsin.toml`` or a scenario's YAML. A secret is only ever named here, never written.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feeds.fields import near
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
    url: Annotated[str, Field(pattern=r"^(|https?://.+)$")] = ""
    """What to poll; empty: nothing is fetched."""
    poll_s: Annotated[int, Field(ge=5, le=86_400)] = 60
    may_speak: tuple[Annotated[str, Field(max_length=120)], ...] = ()
    """Which reports the feed may send and for whom, as ``type`` or ``type:pattern``; empty: whatever its wire reads."""
    names: Mapping[str, str] = Field(default_factory=dict)
    """The sender's names turned into ours (see each wire in docs/feeds.md)."""
    max_bytes: Annotated[int, Field(ge=1, le=16_777_216)] | None = None
    """Largest message, where it is not to be the wire's own limit."""


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


def resolve_secret(reference: str, environ: Mapping[str, str], home: Path) -> bytes:
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
    if len(secret) < MIN_SECRET_BYTES:
        raise UsageError(
            f"The secret {reference} is missing or has fewer than {MIN_SECRET_BYTES} bytes.", code=_CONFIGURATION
        )
    return secret


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
