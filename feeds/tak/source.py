"""How CoT arrives: XML events one after the other, as TAK streams and recordings hold them."""

from __future__ import annotations

import re
from typing import Final

from feeds.base import Framer, StreamSource
from feeds.cutters import Events
from feeds.sockets import SocketSource
from feeds.streams import Spec

_END: Final = re.compile(rb"</event\s{0,8}>")
_BREAK: Final = re.compile(rb"(?:\s|\xef\xbb\xbf)*")


class EventFramer:
    """Splits a delivery after each ``</event>``; what follows the last one is passed on and refused as it stands."""

    def push(self, data: bytes) -> list[bytes]:
        messages: list[bytes] = []
        start = 0
        for end in _END.finditer(data):
            messages.append(data[_BREAK.match(data, start).end() : end.end()])  # type: ignore[union-attr]
            start = end.end()
        rest = data[start:]
        if rest.strip() or not messages:
            messages.append(rest)
        return messages


def new_framer() -> Framer:
    """A framer for CoT events."""
    return EventFramer()


def new_stream(spec: Spec) -> StreamSource:
    """Events to and from a TAK server; over UDP those of a mesh, which is heard only."""
    if spec.address.scheme in ("tcp", "tls"):
        from feeds.tak.stream import TakSource

        return TakSource(spec)
    return SocketSource(spec, Events)
