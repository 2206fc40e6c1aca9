"""Where a site keeps its things, and what ``tocsin.toml`` may say. Unknown keys are refused; flags beat it.

``TOCSIN_HOME`` (else the platform's data directory) holds ``tocsin.toml`` and ``worlds/<world>/``; packs lie in the
platform's cache directory (``TOCSIN_HOME/cache`` where ``TOCSIN_HOME`` is set). No secret stands in ``tocsin.toml``:
it names credentials, which ``console.credentials`` keeps sealed.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from console.directory import Recipient
from console.journals import Place, servers_of
from console.roster import AgencySpec
from feeds.config import FeedConfig
from feeds.config import load as load_feed
from feeds.geocoder import GeocoderConfig
from picture.errors import UsageError
from picture.journal.retention import RetentionPolicy

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ChannelSpec(_Strict):
    """A channel alerts leave by: what it carries, and under which name its address is kept. Never the address."""

    credential: str = ""
    """Name in the live world's ``credentials.toml``."""
    env: str = ""
    """Environment variable that holds a sealed credential."""
    file: str = ""
    """File, relative to the home, that holds a sealed credential."""
    carries: Literal["text", "cap"] = "text"
    pool: int = Field(default=8, ge=1, le=16)
    timeout_s: float = Field(default=4.0, gt=0, le=60)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(map(bool, (self.credential, self.env, self.file))) != 1:
            raise ValueError("exactly one of credential, env and file")
        return self


class InboxConfig(_Strict):
    """Where feeds post to."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    allowed_hosts: tuple[str, ...] = ()
    """Host names besides loopback under which the inbox may be addressed."""


class PolicyConfig(_Strict):
    """What the site has decided once for all."""

    own_agencies: tuple[str, ...] = ()
    """Whose units we may send; of others we ask. Empty: all are ours."""


class ClientsConfig(_Strict):
    """How clients come to the live core, besides its unix socket."""

    onlookers: bool = False
    """Whether somebody who has not logged in may look on as an observer, without any sealed value."""
    host: str = ""
    """Address to listen on over TLS; empty: on the unix socket only."""
    port: int = Field(default=0, ge=0, le=65_535)
    names: tuple[str, ...] = ()
    """Host names that clients may call the core by, besides ``host`` and loopback."""
    certificate: str = ""
    """PEM file of the certificate and its chain, relative to the home."""
    key: str = ""
    """PEM file of its private key, relative to the home."""


class JournalConfig(_Strict):
    """Where the live world's journal stands, if not in its own folder. The seed is named, never written here."""

    nats: Annotated[tuple[str, ...], BeforeValidator(servers_of)]
    """``nats://HOST:PORT`` or ``tls://HOST:PORT``: one server, or all nodes of one cluster."""
    stream: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """Its name in the server's nats.toml; ``live-`` and the site's name if empty."""
    seed: Annotated[str, Field(pattern=r"^((env|file):.+)?$")] = ""
    """``env:NAME`` or ``file:PATH``, relative to the home: the seed of the core's user."""
    ca: str = ""
    """PEM file of the authority that signed the server's certificate, relative to the home."""
    certificate: str = ""
    key: str = ""
    """PEM files that the core shows, where the server asks for them."""
    domain: str = ""
    peers: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], ...] = ()
    """Streams of the other cores of our trust domain on these servers, which this core follows."""

    def place(self, root: Path, stream: str) -> Place:
        """Where that is, with every path absolute; ``stream`` where none is named."""

        def at(name: str) -> Path | None:
            return root / name if name else None

        kind, _, name = self.seed.partition(":")
        seed = f"file:{root / name}" if kind == "file" else self.seed
        return Place(
            servers=self.nats, stream=self.stream or stream, domain=self.domain, seed=seed, ca=at(self.ca),
            certificate=at(self.certificate), key=at(self.key),
        )  # fmt: skip


class SiteConfig(_Strict):
    """``tocsin.toml``."""

    site: str = "Port Meridian EOC"
    person: str = ""
    """Who sits at this desk; the log-in name if empty."""
    position: str = "duty_officer"
    agency: str = "EOC"
    theme: Literal["dark", "light", "high_contrast"] = "dark"
    lock_after_min: int = Field(default=0, ge=0, le=1440)
    """Minutes without a key after which this desk locks itself; 0: never."""
    city: str = "port-meridian"
    """A shipped city, one imported into ``cities/``, or the path of a pack."""
    positions: tuple[str, ...] = ()
    """Posts that may be taken at this site; empty: any."""
    playbooks: str = ""
    """Folder of playbooks, relative to the home; empty: those that ship."""
    armed: tuple[str, ...] = ()
    """Names of playbooks that are armed; empty: all of the folder."""
    agencies: tuple[AgencySpec, ...] = ()
    feeds: tuple[FeedConfig, ...] = ()
    channels: dict[Id, ChannelSpec] = Field(default_factory=dict)
    directory: tuple[Recipient, ...] = ()
    inbox: InboxConfig = InboxConfig()
    journal: JournalConfig | None = None
    """The live world's journal on NATS; in SQLite in its folder if absent."""
    clients: ClientsConfig = ClientsConfig()
    retention: RetentionPolicy = RetentionPolicy()
    policy: PolicyConfig = PolicyConfig()
    geocoder: GeocoderConfig | None = None
    """An online geocoder for places that the city pack does not know; none if absent. The live world's alone."""
    cap_sender: str = ""
    """How CAP alerts name this site; made from the site's name if empty."""

    @model_validator(mode="after")
    def _channels_exist(self) -> Self:
        if unknown := sorted({one.channel for one in self.directory} - set(self.channels)):
            raise ValueError(f"directory: there is no channel {', '.join(unknown)}")
        return self


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of this installation."""

    root: Path
    cache: Path

    @classmethod
    def find(cls) -> Home:
        """The home by environment or platform; nothing is made yet."""
        given = os.environ.get("TOCSIN_HOME")
        return (
            cls.at(Path(given))
            if given
            else cls(Path(platformdirs.user_data_dir("tocsin")), Path(platformdirs.user_cache_dir("tocsin")))
        )

    @classmethod
    def at(cls, folder: Path) -> Home:
        """The home in a folder, its cache with it."""
        root = folder.expanduser().resolve()
        return cls(root, root / "cache")

    @property
    def toml(self) -> Path:
        """The site's configuration."""
        return self.root / "tocsin.toml"

    @property
    def live(self) -> Path:
        """Where the live world is kept."""
        return self.root / "worlds" / "live"

    @property
    def drills(self) -> Path:
        """Where drills keep their worlds."""
        return self.root / "worlds" / "drill"

    @property
    def whatifs(self) -> Path:
        """Where what-ifs keep their worlds."""
        return self.root / "worlds" / "whatif"

    def config(self) -> SiteConfig:
        """What ``tocsin.toml`` says; ``UsageError`` TOC-1003 names a wrong key, and never repeats its value."""
        path = self.toml
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            config = SiteConfig.model_validate(_with_feeds(values))
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", code="TOC-1003") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: {error}", code="TOC-1003") from None
        except UsageError as error:
            raise UsageError(f"{path}: {error.detail}", code=error.code) from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{path}: {where or 'it'}: {first['msg']}", code="TOC-1003") from None
        return config if config.person else config.model_copy(update={"person": log_in_name()})


def _with_feeds(values: dict[str, Any]) -> dict[str, Any]:
    """The values with each feed read by the feeds' own rules, which suggest what was meant."""
    feeds = values.get("feeds")
    if not isinstance(feeds, list) or not all(isinstance(one, dict) for one in feeds):
        return values
    return values | {"feeds": [load_feed(one) for one in feeds]}


def log_in_name() -> str:
    """The name this person logged in with, or ``operator``."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "operator"


def sample_incidents() -> Path:
    """The scenarios that ship with Tocsin: beside the packages in a checkout, inside the console when installed."""
    house = Path(__file__).resolve().parent
    checkout = house.parent / "sample_incidents"
    return checkout if checkout.is_dir() else house / "drill" / "sample_incidents"
