"""The channels of one world: names turned into gateways, and the guard that keeps live ones out of a drill.

Deny by default. A drill's channel leads to its own receiver, or to a plain HTTP address of this machine: anything else
is refused before a message exists. Addresses are secrets: they come from the world's own configuration, environment
or credentials file, never from data, and stand in no message of an error.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from feeds.notify.message import World
from feeds.notify.sink import AppriseGateway, CapGateway, Gateway, never_by_proxy
from picture.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from feeds.mqtt.sink import MqttGateway

DRILL_ENVIRONMENT: Final = "TOCSIN_DRILL_"
"""A drill reads an address from no other environment variables than those that begin so."""
_LOCAL_SCHEMAS: Final = frozenset({"json", "form", "xml"})
"""apprise's schemas whose host is where the message goes; of the others many lead to a service whatever it says."""
_LIVE: Final = "TOC-4007"
_OTHER_WORLD: Final = "TOC-7103"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ChannelConfig(_Strict):
    """Where a channel leads, by exactly one of four ways, and what it carries."""

    receiver: bool = False
    """To the receiver that the drill starts itself."""
    url: SecretStr | None = None
    """apprise URL, or an http(s) address where it carries cap."""
    env: str = ""
    """Environment variable that holds the address."""
    credential: str = ""
    """Name in the world's credentials file, which holds the address."""
    carries: Literal["text", "cap"] = "text"
    pool: int = Field(default=8, ge=1, le=16)
    """Calls outstanding at once: a silent gateway holds no other channel's threads."""
    timeout_s: float = Field(default=4.0, gt=0, le=60)

    @model_validator(mode="after")
    def _one_way(self) -> ChannelConfig:
        if sum((self.receiver, self.url is not None, bool(self.env), bool(self.credential))) != 1:
            raise ValueError("exactly one of receiver, url, env and credential")
        return self


class ChannelsConfig(_Strict):
    """The channels of one world, as its configuration states them."""

    world: World
    channels: dict[str, ChannelConfig] = Field(default_factory=dict)


class Credentials(_Strict):
    """A world's ``credentials.toml``: it says whose it is."""

    world: World
    channels: dict[str, SecretStr] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """An open channel."""

    name: str
    gateway: Gateway
    pool: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Channels:
    """The open channels of one world. A name it does not hold leads nowhere."""

    world: World
    by_name: Mapping[str, Channel]


def drill_channels(names: Iterable[str], *, cap: Iterable[str] = ("cap",)) -> ChannelsConfig:
    """The configuration of a drill that needs none: every named channel leads to the drill's own receiver."""
    text = {name: ChannelConfig(receiver=True) for name in names}
    return ChannelsConfig(
        world="drill", channels=text | {name: ChannelConfig(receiver=True, carries="cap") for name in cap}
    )


def open_channels(
    world: World,
    config: ChannelsConfig,
    *,
    environ: Mapping[str, str],
    credentials: Path | None = None,
    receiver: str = "",
) -> Channels:
    """The open channels of this world; nothing is sent.

    ``environ`` is the core's allow-listed environment, ``credentials`` the world's own file, ``receiver`` the address
    of the drill's receiver. Takes half a second the first time: apprise loads its plug-ins.

    Raises:
        RefusedError: TOC-4007 naming the channel that would lead out of a drill; TOC-7103 for another world's channels.
        UsageError: TOC-1003 for a channel that cannot be opened.
    """
    _same_world(world, config.world, "the configuration")
    if world == "whatif" and config.channels:
        raise RefusedError("a what-if sends nothing", code=_OTHER_WORLD)
    secrets = _Secrets(world, environ, credentials)
    if world == "drill":
        never_by_proxy()
    return Channels(
        world,
        {
            name: Channel(name, _open(world, name, one, secrets, receiver), one.pool, one.timeout_s)
            for name, one in sorted(config.channels.items())
        },
    )


def _same_world(world: World, other: World, what: str) -> None:
    if world != other:
        code = _LIVE if world == "drill" and other == "live" else _OTHER_WORLD
        raise RefusedError(f"{what} belongs to the world {other}, this is {world}", code=code)


class _Secrets:
    """Turns a channel's reference into its address. The file is read when first asked for."""

    def __init__(self, world: World, environ: Mapping[str, str], path: Path | None) -> None:
        self._world: World = world
        self._environ = environ
        self._path = path

    def address(self, name: str, config: ChannelConfig) -> str:
        if config.url is not None:
            return config.url.get_secret_value()
        found = self._from_environment(name, config.env) if config.env else self._from_file(config.credential)
        if not found:
            raise UsageError(f"channel {name}: nothing is stored under the name it gives", code="TOC-1003")
        return found

    def _from_environment(self, name: str, variable: str) -> str:
        if self._world == "drill" and not variable.startswith(DRILL_ENVIRONMENT):
            raise RefusedError(f"channel {name} names {variable}; a drill reads {DRILL_ENVIRONMENT}… only", code=_LIVE)
        return self._environ.get(variable, "")

    def _from_file(self, credential: str) -> str:
        if self._path is None:
            return ""
        try:
            if self._path.stat().st_mode & 0o077:
                raise UsageError(f"{self._path.name} can be read by others: set its mode to 0600", code="TOC-1003")
            held = Credentials.model_validate(tomllib.loads(self._path.read_text(encoding="utf-8")))
        except OSError as error:
            raise UsageError(f"{self._path.name}: {error.strerror}", code="TOC-1003") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError):
            # the cause would print lines of the file
            raise UsageError(f"{self._path.name} is not a credentials file", code="TOC-1003") from None
        _same_world(self._world, held.world, self._path.name)
        secret = held.channels.get(credential)
        return secret.get_secret_value() if secret is not None else ""


def _open(world: World, name: str, config: ChannelConfig, secrets: _Secrets, receiver: str) -> Gateway:
    if config.receiver:
        return _to_receiver(world, name, config, receiver)
    address = secrets.address(name, config)
    try:
        if config.carries == "cap":
            cap = _open_cap(address, config.timeout_s)
            local = address.lower().startswith(("http://", "mqtt://")) and is_loopback(cap.host)
            gateway: Gateway = cap
        else:
            text = AppriseGateway(address, timeout_s=config.timeout_s)
            local = text.schema in _LOCAL_SCHEMAS and is_loopback(text.host)
            gateway = text
    except UsageError as error:
        raise UsageError(f"channel {name}: {error.detail}", code=error.code) from None
    if world != "live" and not local:
        raise RefusedError(f"channel {name} leads out of this machine", code=_LIVE)
    return gateway


def _open_cap(address: str, timeout_s: float) -> CapGateway | MqttGateway:
    if address.lower().startswith(("mqtt://", "mqtts://")):
        from feeds.mqtt.sink import MqttGateway

        return MqttGateway(address, timeout_s=timeout_s)
    return CapGateway(address, timeout_s=timeout_s)


def _to_receiver(world: World, name: str, config: ChannelConfig, receiver: str) -> Gateway:
    if world != "drill":
        raise UsageError(f"channel {name}: only a drill has a receiver of its own", code="TOC-1003")
    scheme, _, rest = receiver.partition("://")
    if scheme != "http" or not is_loopback(rest.partition("/")[0].rpartition(":")[0]):
        raise UsageError(f"channel {name}: the drill's receiver is not running on this machine", code="TOC-1003")
    where = quote(name, safe="")
    if config.carries == "cap":
        return CapGateway(f"{receiver}/cap/{where}", timeout_s=config.timeout_s)
    return AppriseGateway(
        f"json://{rest}/text/{where}?redirect=no", timeout_s=config.timeout_s, confirm=f"{receiver}/receipts"
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself: ``localhost`` or a loopback address, never a name that only begins so."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
