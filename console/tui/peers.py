"""What other cores of the domain say, beside our own: theirs to read, not ours to change.

A key ``peer:north/live|incident:I-3`` names a thing of another core's stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from picture.model import StreamPicture

if TYPE_CHECKING:
    from console.tui.desk import Desk

KIND = "peer"
NOT_OURS = "That is {whose}'s: only they change it. Ask them; what you send to help goes to an incident of our own."


def key_of(stream: str, key: str) -> str:
    """The key of another core's thing."""
    return f"{KIND}:{stream}|{key}"


def split(key: str) -> tuple[str, str]:
    """(stream, key within it) of a peer's key; empty strings for any other."""
    kind, _, rest = key.partition(":")
    stream, _, inner = rest.partition("|")
    return (stream, inner) if kind == KIND else ("", "")


def others(desk: Desk) -> Iterator[tuple[str, StreamPicture]]:
    """Every other core's part of what is shown, by name of its stream."""
    own = desk.home.stream
    return ((name, sub) for name, sub in sorted(desk.streams.items()) if name != own)


def whose(stream: str) -> str:
    """A stream's core as it is said on a row: ``north`` of ``north/live``."""
    return stream.partition("/")[0] or stream
