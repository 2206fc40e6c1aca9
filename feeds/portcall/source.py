"""How this wire arrives: one whole document per delivery, whatever the transport."""

from __future__ import annotations

from feeds.base import Framer, WholeBody


def new_framer() -> Framer:
    """A framer that passes each delivery on as one message."""
    return WholeBody()
