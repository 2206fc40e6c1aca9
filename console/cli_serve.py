"""The journal commands around a NATS server: serve one, mirror a stream to another, verify a stream where it stands."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from console.cli_city import AsJson, give
from picture.errors import UsageError

if TYPE_CHECKING:
    from picture.journal import ChainReport, Head
    from picture.journal.nats import Access

Seed = Annotated[Path | None, typer.Option(help="File with the user's seed, if the server asks for one.")]
Certificates = Annotated[
    Path | None,
    typer.Option("--tls", help="Folder with ca.pem and, where servers ask for one, cert.pem and key.pem."),
]
_STARTED = "tocsin.serve/1"
_PATIENCE_S = 5.0


def register(journal: typer.Typer) -> None:
    """Adds the commands to the command line."""
    journal.command("serve")(serve)
    journal.command("mirror")(mirror)


def serve(
    config: Annotated[Path, typer.Option(help="The folder with nats.toml; its store, keys and log lie there too.")],
    check: Annotated[bool, typer.Option("--check", help="Only write the server's configuration.")] = False,
    as_json: AsJson = False,
) -> None:
    """Runs the NATS server that nats.toml describes, makes its cores' streams, and stays until it is ended."""
    from picture.journal.nats.server import Site, seed_file
    from picture.journal.nats.serving import CONFIG_FILE, Server, provide

    site = Site.read(config)
    server = Server(site, config)
    if check:
        typer.echo(f"{config / CONFIG_FILE} is written.", err=True)
        return
    ports = server.start()

    def end(number: int, frame: FrameType | None) -> None:
        server.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        streams = asyncio.run(provide(site, config, ports.url))
        seeds = {core.stream: str(seed_file(config, core.stream)) for core in site.cores if not core.public_key}
        if as_json:
            give({"schema": _STARTED, "url": ports.url, "leaf": ports.leaf, "streams": streams, "seeds": seeds})
        else:
            typer.echo(f"{site.name} at {ports.url}: {', '.join(streams) or 'no streams'}", err=True)
        server.wait()
    finally:
        server.stop()


def mirror(
    stream: Annotated[str, typer.Argument(help="The core's stream.")],
    source: Annotated[str, typer.Option("--from", help="nats:// address of the server where it is written.")],
    destination: Annotated[str, typer.Option("--to", help="nats:// address of the server that keeps the mirror.")],
    from_seed: Seed = None,
    to_seed: Seed = None,
    tls: Certificates = None,
) -> None:
    """Copies a core's stream to its mirror on another server, and goes on until it is ended; either may be away."""
    from picture.journal.nats.replicate import Replicator

    replicator = Replicator(
        access_of(source, from_seed, tls), access_of(destination, to_seed, tls), stream, rng=random.Random()
    )
    heard = [0]

    def copied(head: Head) -> None:
        if head.seq >= heard[0] + 1000 or not heard[0]:
            heard[0] = head.seq
            typer.echo(f"{head.stream}: {head.seq} entries mirrored", err=True)

    replicator.listen(copied)
    try:
        asyncio.run(replicator.run())
    except KeyboardInterrupt:
        return


def is_on_server(place: Path) -> bool:
    """Whether what was given as a path is the address of a stream (a path folds its slashes)."""
    return place.parts[:1] in (("nats:",), ("tls:",))


def verified(place: Path, seed: Path | None, tls: Path | None, mirror: bool) -> ChainReport:
    """What verifying ``nats://host:port/STREAM`` finds, from the messages alone."""
    from picture.journal.nats.names import Names
    from picture.journal.nats.verify import verify_stream
    from picture.journal.nats.wire import Wire

    if len(place.parts) != 3:
        raise UsageError("Give it as nats://HOST:PORT/STREAM.")
    scheme, server, stream = place.parts

    async def look() -> ChainReport:
        wire = await Wire.open(access_of(f"{scheme}//{server}", seed, tls), _PATIENCE_S)
        try:
            return await verify_stream(wire, Names(stream, mirror))
        finally:
            await wire.close()

    return asyncio.run(look())


def access_of(address: str, seed: Path | None, tls: Path | None) -> Access:
    """How to come in at an address. The seed file's name says which answers its user may hear."""
    from picture.journal.nats import Access
    from picture.journal.nats.server import ADMIN, inbox

    parts = urlsplit(address)
    if parts.scheme not in ("nats", "tls") or not parts.hostname:
        raise UsageError(f"{address}: give it as nats://HOST:PORT.")
    user = seed.stem if seed is not None else ADMIN
    own = tls is not None and (tls / "cert.pem").exists()
    return Access(
        (address,), seed=seed, inbox="_INBOX" if user == ADMIN else inbox(user),
        ca=tls / "ca.pem" if tls else None,
        certificate=tls / "cert.pem" if tls and own else None, key=tls / "key.pem" if tls and own else None,
    )  # fmt: skip
