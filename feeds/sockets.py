"""What comes over TCP, TLS, UDP or out of a file that grows: read as it comes, cut into whole messages."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Never

from feeds.base import Deliver, Heard, State
from feeds.cutters import Cutter, Lines
from feeds.streams import LinkLost, Opened, Spec, keep

OPEN_S: Final = 10.0
"""A connection that is not made in so long has failed."""
PIECE: Final = 4096
"""Read at once, and no more until the core has taken it: what is decoded at once holds nobody up."""
DATAGRAM: Final = 65_536
LOOK_S: Final = 0.2
"""How often a file is looked at for more."""
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""A far end that vanished without a word is noticed after 25 seconds, where the system can say so."""
NewCutter = Callable[[int], Cutter]


@asynccontextmanager
async def open_stream(spec: Spec) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open connection over TCP or TLS, closed at the end; raises ``OSError`` or ``TimeoutError``."""
    address = spec.address
    name = (spec.config.server_name or address.host) if spec.tls is not None else None
    async with asyncio.timeout(OPEN_S):
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=spec.tls, server_hostname=name)
    try:
        keep_alive(writer.get_extra_info("socket"))
        yield reader, writer
    finally:
        writer.transport.abort()  # closing in order would wait for a far end that may be gone


def keep_alive(link: socket.socket) -> None:
    """Has the system ask a silent far end whether it is there."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        if hasattr(socket, option):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class SocketSource:
    """Hears one address; says nothing there."""

    def __init__(self, spec: Spec, new_cutter: NewCutter) -> None:
        self._spec = spec
        self._new_cutter = new_cutter
        self._followed: tuple[int, int] | None = None
        """Where in the file, by inode, we had come to."""

    async def run(self, deliver: Deliver, state: State) -> Never:
        sessions = {"udp": self._datagrams, "file": self._file}
        await keep(sessions.get(self._spec.address.scheme, self._stream), deliver, state, self._spec)

    async def _stream(self, deliver: Deliver, opened: Opened) -> None:
        cutter = self._new_cutter(self._spec.max_bytes)
        async with open_stream(self._spec) as (reader, _):
            opened("")
            while piece := await reader.read(PIECE):
                for whole in cutter.push(piece):
                    await deliver(Heard(whole))
        raise LinkLost("the far end closed it")

    async def _datagrams(self, deliver: Deliver, opened: Opened) -> None:
        """Each datagram is a delivery of whole messages; what comes faster than it is taken, the system drops."""
        loop = asyncio.get_running_loop()
        with listening(self._spec.address.host, self._spec.address.port) as link:
            opened("")
            while True:
                await deliver(Heard(await loop.sock_recv(link, DATAGRAM)))

    async def _file(self, deliver: Deliver, opened: Opened) -> None:
        """What is added to a file from now on, or comes through a pipe or a device."""
        cutter = self._new_cutter(self._spec.max_bytes)
        path = self._spec.address.path
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            at = self._begin(handle)
            opened("")
            while True:
                piece = read_some(handle)
                for whole in cutter.push(piece):
                    await deliver(Heard(whole))
                at += len(piece)
                if at >= 0:
                    self._followed = (os.fstat(handle).st_ino, at)
                if not piece:
                    if self._followed is not None and replaced(path, *self._followed):
                        raise LinkLost("the file was replaced")
                    await self._spec.pause(LOOK_S)
        finally:
            os.close(handle)

    def _begin(self, handle: int) -> int:
        """Where reading begins: the end at first, where we were after a loss, the start of a file that is new."""
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            return -(1 << 62)
        at = about.st_size
        if self._followed is not None:
            inode, before = self._followed
            at = before if inode == about.st_ino and before <= about.st_size else 0
        return os.lseek(handle, at, os.SEEK_SET)


def read_some(handle: int) -> bytes:
    """What can be read now; nothing where there is none yet."""
    try:
        return os.read(handle, PIECE)
    except BlockingIOError:
        return b""


def replaced(path: str, inode: int, at: int) -> bool:
    """Whether another file stands at a path by now, or it was cut off before the place we had come to."""
    about = os.stat(path)
    return about.st_ino != inode or about.st_size < at


def listening(host: str, port: int) -> socket.socket:
    """A socket that hears datagrams at an address of this machine, or those of a multicast group."""
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    link = socket.socket(family, kind, protocol)
    try:
        link.setblocking(False)
        group = ipaddress.ip_address(where[0])
        if group.is_multicast and group.version == 4:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind((host, port))
            member = socket.inet_aton(str(group)) + socket.inet_aton("0.0.0.0")
            link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        else:
            link.bind(where)
    except OSError:
        link.close()
        raise
    return link


def line_source(spec: Spec, *, one_each: bool = False) -> SocketSource:
    """The source of a wire whose messages are lines."""
    return SocketSource(spec, partial(Lines, one_each=one_each))
