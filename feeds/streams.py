"""Connections that stay open: where they lead, as whom, and how each is kept alone and alive."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Final, Literal, Never
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from feeds.base import Deliver, Heard, Shows, State
from picture.clock import SystemClock
from picture.errors import UsageError

FIRST_S: Final = 1.0
LONGEST_S: Final = 60.0
"""Pause before the first and the longest before any further attempt, before jitter."""
PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "tls": 8089}
SCHEMES: Final = ("mqtt", "mqtts", "tcp", "tls", "udp", "file")
_CONFIGURATION: Final = "TOC-1003"
Reference = Annotated[str, Field(pattern=r"^(|env:[A-Za-z_][A-Za-z0-9_]*|file:.+|credential:[A-Za-z0-9_-]+)$")]


class StreamConfig(BaseModel):
    """What a connection needs besides its address. Secrets are named, never written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = ()
    """MQTT: which topics to hear, with ``+`` and ``#``."""
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """MQTT: our name at the broker; made from world and feed if empty."""
    protocol: Literal["3.1.1", "5"] = "5"
    user: Annotated[str, Field(max_length=200)] = ""
    password: Reference = ""
    ca: str = ""
    """TLS: PEM file of the authority that signed the far end's certificate; empty: the system's."""
    certificate: str = ""
    key: str = ""
    """TLS: PEM files by which we are known, relative to the home."""
    server_name: str = ""
    """TLS: the name in the far end's certificate, where it is not its address."""
    ping_s: Annotated[int, Field(ge=1, le=3600)] = 20
    """How often the far end is asked whether it is there, where the protocol can."""
    send: tuple[Literal["units", "incidents", "hazards", "closures"], ...] = ()
    """TAK: what of our picture goes out; nothing unless said."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection leads."""

    scheme: str
    host: str
    port: int
    path: str = ""


def is_stream(url: str) -> bool:
    """Whether a feed's address is one of a connection that stays open."""
    return url.partition("://")[0] in SCHEMES


def address_of(url: str) -> Address:
    """The address in ``mqtt://host:port``; raises ``UsageError`` TOC-1003 for a port missing or a password in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("url: it is no address.", code=_CONFIGURATION) from None
    if "@" in parts.netloc:
        raise UsageError("url: no user or password stands in an address; name them in stream.", code=_CONFIGURATION)
    if parts.scheme == "file":
        return Address("file", "", 0, parts.path)
    port = PORTS.get(parts.scheme) if port is None else port
    if not parts.hostname or port is None:
        raise UsageError(f"url: {parts.scheme} needs a host and a port.", code=_CONFIGURATION)
    return Address(parts.scheme, parts.hostname, port, parts.path)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a source is made from. ``tls`` is set where the scheme asks for it; ``password`` is the secret itself."""

    feed: str
    address: Address
    config: StreamConfig
    max_bytes: int
    rng: Random
    client_id: str = ""
    """Unlike any other connection's of any core: our name at a broker, and the beginning of what we send."""
    password: str = ""
    tls: ssl.SSLContext | None = None
    shows: Shows | None = None
    """What goes out, where the feed's configuration says so."""
    now_ms: Callable[[], int] = SystemClock().now_ms
    """The real time: far ends know no other, also in a drill."""
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep

    @property
    def identity(self) -> str:
        """As whom the far end sees us; two connections of one identity would push each other out."""
        to = self.address
        if to.scheme in ("mqtt", "mqtts"):
            return f"{self.client_id} at {to.host}:{to.port}"
        return f"{to.scheme}://{to.host}:{to.port}{to.path if to.scheme == 'file' else ''}"


class LinkLost(Exception):
    """A connection ended or did not come about; the words say why and hold no secret."""


Opened = Callable[[str], None]
Session = Callable[[Deliver, Opened], Awaitable[None]]
"""One connection from its opening to its end. Calls the second argument once it stands, with words on what goes out;
ends by ``LinkLost``, ``OSError`` or ``TimeoutError``, or by returning."""


async def keep(session: Session, deliver: Deliver, state: State, spec: Spec) -> Never:
    """Opens a connection again whenever it ended, one at a time, until it is cancelled.

    The pause doubles from a second to a minute while nothing is heard, with jitter, so that a server that comes back
    is not met by everybody at once.
    """
    failures = 0
    while True:
        heard = False

        async def take(message: Heard) -> None:
            nonlocal heard
            heard = True
            await deliver(message)

        why = "the far end ended it"
        try:
            await session(take, lambda words: state("connected", words))
        except LinkLost as error:
            why = str(error)
        except TimeoutError:
            why = "no answer in time"
        except OSError as error:
            why = type(error).__name__
        failures = 0 if heard else failures + 1
        state("connecting", why)
        await spec.pause(wait_s(failures, spec.rng))


async def first_to_end(*sides: Coroutine[Any, Any, None]) -> None:
    """Runs the sides of one connection until one of them ends; what it raised is raised, the others are stopped."""
    tasks = [asyncio.ensure_future(side) for side in sides]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def wait_s(failures: int, rng: Random) -> float:
    """Seconds until the next attempt, after so many in a row that heard nothing."""
    return min(FIRST_S * 2.0 ** min(max(failures - 1, 0), 16), LONGEST_S) * rng.uniform(0.5, 1.5)
