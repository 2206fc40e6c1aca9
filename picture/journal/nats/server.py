"""A site's ``nats.toml``, and the server configuration that follows from it.

One account is one trust domain; every core of it is one user, known by its key. A core publishes commits of
its own stream and nothing else, takes leases, and reads what stands in the domain by direct get; it may make
no consumer and change no stream, for either would let it have messages delivered where it may not publish.
The configuration is written as JSON, which the server reads: its own syntax has traps in one-line maps.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

import nkeys
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from picture.errors import JournalError, UsageError
from picture.journal.nats.names import LEASES, SERVERS, Names
from picture.journal.nats.wire import Access

ADMIN: Final = "admin"
SITE_FILE: Final = "nats.toml"
_NANO = 10**9


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CoreUser(_Strict):
    """A core that may come in."""

    stream: str
    public_key: str = ""
    """Its user nkey, ``U…``; where it is empty a seed is made for it in ``keys/``, to be carried to the core."""


class Cluster(_Strict):
    """This server's place among its equals."""

    name: str
    host: str = "127.0.0.1"
    port: int
    routes: tuple[str, ...]
    """``host:port`` of every node's cluster port."""


class Tls(_Strict):
    """PEM files; clients, routes and leaves must show a certificate of this authority too."""

    certificate: Path
    key: Path
    ca: Path


class Site(_Strict):
    """One server: what stands in ``nats.toml``."""

    name: str
    host: str = "127.0.0.1"
    port: int = 4222
    """0 takes any."""
    max_payload_mb: int = Field(8, ge=1, le=64)
    sync_always: bool = True
    """Each write is on the disk before it is acknowledged. Without it a power failure may take what was acknowledged,
    and receipts say so."""
    domain: str = ""
    """JetStream domain: a leaf and its hub must have different ones."""
    replicas: int = Field(1, ge=1, le=5)
    cores: tuple[CoreUser, ...] = ()
    mirrors: tuple[str, ...] = ()
    """Streams of cores elsewhere of which a copy is kept here."""
    cluster: Cluster | None = None
    leaf_port: int | None = None
    """A hub: where leaves come in. 0 takes any."""
    hub: str = ""
    """A leaf: ``host:port`` of its hub's leaf port. The seed of a user whom the hub knows lies in ``keys/hub.seed``."""
    tls: Tls | None = None

    @classmethod
    def read(cls, folder: Path) -> Site:
        """The site described in a folder; ``TOC-1003`` names what is wrong in its file."""
        path = folder / SITE_FILE
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}.", code="TOC-1006") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{SITE_FILE}: {error}.", code="TOC-1003") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UsageError(f"{SITE_FILE}: {where}: {first['msg']}.", code="TOC-1003") from error

    def access(self, folder: Path, url: str, who: str = ADMIN) -> Access:
        """How a core (or the administrator) comes in, with the seed that lies in the site's folder."""
        tls = self.tls
        return Access(
            (url,), seed=seed_file(folder, who), inbox=inbox(who) if who != ADMIN else "_INBOX",
            ca=tls.ca if tls else None, certificate=tls.certificate if tls else None, key=tls.key if tls else None,
        )  # fmt: skip


def inbox(stream: str) -> str:
    """The prefix of the subjects on which a core's answers come."""
    return f"_INBOX.{stream}"


def seed_file(folder: Path, who: str) -> Path:
    return folder / "keys" / f"{who}.seed"


def public_key(folder: Path, who: str) -> str:
    """The user key of a seed in the site's folder, made (mode 0600) when first asked for."""
    path = seed_file(folder, who)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(seed)
    try:
        return str(nkeys.from_seed(bytearray(path.read_bytes().strip())).public_key.decode())
    except Exception as error:  # nkeys raises many kinds, none with a common base
        raise JournalError(f"{path.name} cannot be read.", code="TOC-3108") from error


def server_config(site: Site, folder: Path) -> str:
    """The text of the server's configuration; makes the seeds that are missing."""
    parts: dict[str, Any] = {
        "server_name": site.name,
        "host": site.host,
        "port": site.port or -1,
        "ports_file_dir": str(folder),
        "max_payload": site.max_payload_mb << 20,
        "write_deadline": "10s",
        "jetstream": _jetstream(site, folder),
        "accounts": {"TOCSIN": _domain(site, folder), "SYS": _system()},
        "system_account": "SYS",
    }
    if site.tls is not None:
        parts["tls"] = _tls(site.tls)
    if site.cluster is not None:
        parts["cluster"] = _cluster(site, site.cluster)
    if site.leaf_port is not None or site.hub:
        parts["leafnodes"] = _leafnodes(site, folder)
    return "".join(f"{name}: {json.dumps(value, indent=2)}\n" for name, value in parts.items())


def _jetstream(site: Site, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "store_dir": str(folder / "store"),
        "sync_interval": "always" if site.sync_always else "2m",
    }
    if site.domain:
        found["domain"] = site.domain
    return found


def _domain(site: Site, folder: Path) -> dict[str, Any]:
    users: list[dict[str, Any]] = [{"nkey": public_key(folder, ADMIN)}]
    for core in site.cores:
        key = core.public_key or public_key(folder, core.stream)
        users.append({"nkey": key, "permissions": permissions(core.stream)})
    asked = {"account": "SYS", "subject": "$SYS.REQ.SERVER.PING.JSZ"}
    return {"jetstream": "enabled", "users": users, "imports": [{"service": asked, "to": SERVERS}]}


def permissions(stream: str) -> dict[str, Any]:
    """What the user of a core may publish and hear."""
    apis = ("$JS.API", "$JS.*.API")  # the second reaches a hub's streams through a leaf
    reading = ("INFO", "STREAM.INFO.*", "STREAM.MSG.GET.*", "DIRECT.GET.*", f"DIRECT.GET.KV_{LEASES}.>")
    return {
        "publish": {
            "allow": [
                Names(stream).commits,
                Names(stream, mirror=True).commits,
                Names(stream).canary,
                *(f"{api}.{what}" for api in apis for what in reading),
                f"$KV.{LEASES}.>",
                SERVERS,
            ]
        },
        "subscribe": {"allow": [f"{inbox(stream)}.>", "tocsin.*.stored", "mirror.*.stored", "tocsin.*.canary"]},
    }


def _system() -> dict[str, Any]:
    # Servers tell the domain how they store, and nothing else: a receipt names its durability by it.
    shared = {"service": "$SYS.REQ.SERVER.PING.JSZ", "accounts": ["TOCSIN"], "response_type": "stream"}
    return {"exports": [shared]}


def _tls(tls: Tls) -> dict[str, Any]:
    return {
        "cert_file": str(tls.certificate.resolve()),
        "key_file": str(tls.key.resolve()),
        "ca_file": str(tls.ca.resolve()),
        "verify": True,
    }


def _cluster(site: Site, cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": cluster.name,
        "host": cluster.host,
        "port": cluster.port,
        "routes": [f"nats-route://{route}" for route in cluster.routes],
    }
    if site.tls is not None:
        found["tls"] = _tls(site.tls)
    return found


def _leafnodes(site: Site, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if site.leaf_port is not None:
        found |= {"host": site.host, "port": site.leaf_port or -1}
        if site.tls is not None:
            found["tls"] = _tls(site.tls)
    if site.hub:
        remote: dict[str, Any] = {"url": f"nats-leaf://{site.hub}", "account": "TOCSIN"}
        seed = seed_file(folder, "hub")
        if seed.exists():
            remote["nkey"] = seed.read_text("ascii").strip()  # the server takes no file here; ours is mode 0600
        if site.tls is not None:
            remote["tls"] = {k: v for k, v in _tls(site.tls).items() if k != "verify"}
        found |= {"remotes": [remote], "reconnect": "1s"}
    return found
