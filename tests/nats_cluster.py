"""Three servers on loopback that a test may kill and start again."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from picture.journal.nats import Access
from picture.journal.nats.names import Names
from picture.journal.nats.server import Cluster, CoreUser, Site, public_key
from picture.journal.nats.serving import Server, provide
from picture.journal.nats.wire import Wire
from tests.journal_world import STREAM


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago: a node that comes back must be found where it was."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class ThreeNodes:
    """A cluster with one stream of three replicas."""

    def __init__(self, folder: Path, *, sync_always: bool = True) -> None:
        self.folder = folder
        ports = free_ports(6)
        clients, routes = ports[:3], ports[3:]
        admin = public_key(folder / "n0", "admin")
        core = public_key(folder / "n0", STREAM)
        self.nodes = {}
        for at, (client, route) in enumerate(zip(clients, routes, strict=True)):
            home = folder / f"n{at}"
            if at:  # one administrator and one core for all three
                (home / "keys").mkdir(parents=True)
                for name in ("admin", STREAM):
                    (home / "keys" / f"{name}.seed").write_bytes((folder / "n0" / "keys" / f"{name}.seed").read_bytes())
            site = Site(
                name=f"n{at}", port=client, replicas=3, sync_always=sync_always,
                cores=(CoreUser(stream=STREAM, public_key=core),),
                cluster=Cluster(name="three", port=route, routes=tuple(f"127.0.0.1:{other}" for other in routes)),
            )  # fmt: skip
            self.nodes[f"n{at}"] = Server(site, home)
        assert admin
        self.urls = tuple(f"nats://127.0.0.1:{port}" for port in clients)

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in self.nodes.values()))
        node = self.nodes["n0"]
        await provide(node.site, node.folder, self.urls[0])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes.values():
            node.kill()

    def access(self, who: str = STREAM) -> Access:
        node = self.nodes["n0"]
        one = node.site.access(node.folder, self.urls[0], who)
        return Access(self.urls, seed=one.seed, inbox=one.inbox)

    async def leader(self) -> str:
        """The node that leads the stream now."""
        wire = await Wire.open(self.access("admin"), 120.0)
        try:
            while True:
                info = await wire.info(Names(STREAM))
                if info is not None and info["cluster"].get("leader"):
                    return str(info["cluster"]["leader"])
                await asyncio.sleep(0.1)
        finally:
            await wire.close()

    async def whole(self) -> None:
        """Waits until every node is back and has the whole stream."""
        wire = await Wire.open(self.access("admin"), 120.0)
        try:
            while True:
                info = await wire.info(Names(STREAM))
                cluster = info["cluster"] if info is not None else {}
                peers = cluster.get("replicas") or ()
                if cluster.get("leader") and len(peers) == 2 and all(peer["current"] for peer in peers):
                    return
                await asyncio.sleep(0.1)
        finally:
            await wire.close()

    def kill(self, *names: str) -> None:
        for name in names:
            self.nodes[name].kill()

    async def restart(self, *names: str) -> None:
        await asyncio.gather(*(asyncio.to_thread(self.nodes[name].start) for name in names))
