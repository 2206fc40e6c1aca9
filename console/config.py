"""Where a site keeps its things, and what ``tocsin.toml`` may say. Unknown keys are refused; flags beat it.

``TOCSIN_HOME`` (else the platform's data directory) holds ``tocsin.toml`` and ``worlds/<world>/``; packs lie in the
platform's cache directory (``TOCSIN_HOME/cache`` where ``TOCSIN_HOME`` is set).
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError

from picture.errors import UsageError


class SiteConfig(BaseModel):
    """``tocsin.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    site: str = "Port Meridian EOC"
    person: str = ""
    """Who sits at this desk; the log-in name if empty."""
    position: str = "duty_officer"
    agency: str = "EOC"
    theme: Literal["dark", "light", "high_contrast"] = "dark"


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of this installation."""

    root: Path
    cache: Path

    @classmethod
    def find(cls) -> Home:
        """The home by environment or platform; nothing is made yet."""
        given = os.environ.get("TOCSIN_HOME")
        if given:
            root = Path(given).expanduser().resolve()
            return cls(root, root / "cache")
        return cls(Path(platformdirs.user_data_dir("tocsin")), Path(platformdirs.user_cache_dir("tocsin")))

    @property
    def drills(self) -> Path:
        """Where drills keep their worlds."""
        return self.root / "worlds" / "drill"

    def config(self) -> SiteConfig:
        """What ``tocsin.toml`` says; ``UsageError`` TOC-1003 names a wrong key."""
        path = self.root / "tocsin.toml"
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            config = SiteConfig.model_validate(values)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path}: {error}", code="TOC-1003") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{path}: {where}: {first['msg']}", code="TOC-1003") from error
        return config if config.person else config.model_copy(update={"person": log_in_name()})


def log_in_name() -> str:
    """The name this person logged in with, or ``operator``."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "operator"


def sample_incidents() -> Path:
    """The scenarios that ship with Tocsin: beside the packages in a checkout, inside the console when installed."""
    house = Path(__file__).resolve().parent
    checkout = house.parent / "sample_incidents"
    return checkout if checkout.is_dir() else house / "drill" / "sample_incidents"
