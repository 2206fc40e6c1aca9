"""What a wire says of itself: ``manifest.yaml`` in its folder, read strictly."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from feeds.base import Limits
from feeds.fields import near
from picture.errors import UsageError

_CONFIGURATION: Final = "TOC-1003"
ReportType = Literal[
    "incident", "observation", "vessel", "unit", "distress", "alert", "facility", "road", "reply"
]  # fmt: skip


class ManifestLimits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    max_bytes: Annotated[int, Field(ge=1, le=16_777_216)]
    max_depth: Annotated[int, Field(ge=1, le=200)] = 32
    max_parts: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000


class Manifest(BaseModel):
    """One wire: its standard, which way it goes, how it may arrive, what it may say, how much at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wire: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: str
    standard: str
    directions: Annotated[tuple[Literal["in", "out"], ...], Field(min_length=1)]
    transports: Annotated[tuple[Literal["inbox", "poll", "replay", "stream", "mqtt"], ...], Field(min_length=1)]
    lane: Literal["calls", "authorities", "sensors", "citizens"] = "sensors"
    """Where its feeds wait unless their configuration says another (``feeds.config.waiting``)."""
    quality: Literal["bronze", "silver", "gold"]
    """bronze: codec and limits; silver: also held against a foreign corpus; gold: also run against a live partner."""
    content_types: tuple[str, ...]
    """As senders label it; the first is what we send. The inbox judges the content, not the label."""
    reads: Annotated[tuple[ReportType, ...], Field(min_length=1)]
    standing: bool = False
    """Each message is the whole of what stands: what it no longer holds is over (``console.standing``)."""
    signed: bool = False
    """Its messages can carry signatures, which are held against a feed's ``signers``."""
    profiles: tuple[str, ...] = ()
    """What a feed's ``profile`` may be."""
    limits: ManifestLimits
    docs: str = ""

    def codec_limits(self, max_bytes: int | None = None) -> Limits:
        """The limits a codec works within; a feed may have its own for the size."""
        own = self.limits
        return Limits(max_bytes or own.max_bytes, own.max_depth, own.max_parts)


def load_manifest(package: str) -> Manifest:
    """The manifest of the wire in this package; raises ``UsageError`` TOC-1003 naming what is wrong."""
    try:
        text = files(package).joinpath("manifest.yaml").read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError) as error:
        raise UsageError(f"The wire {package} has no manifest.yaml ({error}).", code=_CONFIGURATION) from None
    return parse_manifest(text, package)


def parse_manifest(text: str, where: str) -> Manifest:
    """The manifest in this YAML; unknown keys are refused with the nearest known one."""
    try:
        values: Any = YAML(typ="safe", pure=True).load(text)
        return Manifest.model_validate(values)
    except YAMLError as error:
        raise UsageError(f"{where}: {error}", code=_CONFIGURATION) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        hint = near(key, Manifest.model_fields) if first["type"] == "extra_forbidden" else ""
        raise UsageError(f"{where}: {key}: {first['msg']}{hint}", code=_CONFIGURATION) from None
