"""How this wire arrives: one whole document per delivery, whatever the transport."""

from __future__ import annotations

from feeds.base import Framer, StreamSource, WholeBody
from feeds.sockets import line_source
from feeds.streams import Spec


def new_framer() -> Framer:
    """A framer that passes each delivery on as one message."""
    return WholeBody()


def new_stream(spec: Spec) -> StreamSource:
    """One document a line."""
    return line_source(spec, one_each=True)
