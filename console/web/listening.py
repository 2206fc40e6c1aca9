"""Where a core's clients may come in besides its unix socket: TLS on TCP; without TLS on loopback only."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from console.web.api import Door
from picture.errors import UsageError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate with its chain, and its private key: PEM files."""

    certificate: Path
    key: Path


def listen_tls(door: Door, host: str, port: int, tls: Tls | None, *, names: Collection[str] = ()) -> uvicorn.Config:
    """How to serve a core's door on TCP: make a server of it, and run that on the core's loop. Port 0 takes a free one.

    Clients must call it by ``host``, a loopback name or one of ``names``. ``UsageError`` TOC-4039 without TLS anywhere
    but on loopback, for files that are no certificate and key, and for a key that others may read.
    """
    if tls is None:
        if not _loopback(host):
            raise UsageError(f"{host}: give a certificate and its key.", code="TOC-4039")
    else:
        _check(tls)
    return uvicorn.Config(
        door.app(LOOPBACK | {host.lower()} | {name.lower() for name in names}),
        host=host,
        port=port,
        log_level="warning",
        lifespan="off",
        access_log=False,
        server_header=False,
        ws_max_size=1 << 20,
        ssl_certfile=str(tls.certificate) if tls else None,
        ssl_keyfile=str(tls.key) if tls else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )


def _loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(tls: Tls) -> None:
    try:
        if tls.key.stat().st_mode & 0o077:
            raise UsageError(f"{tls.key}: others may read it; chmod 600.", code="TOC-4039")
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(
            f"{tls.certificate}, {tls.key}: {error.strerror or 'they do not fit'}.", code="TOC-4039"
        ) from error
