"""How AIS arrives: lines of NMEA 0183, of which a message may need several, even from several deliveries."""

from __future__ import annotations

from feeds.ais.sentences import Assembler, is_comment, part
from feeds.base import Framer, StreamSource
from feeds.sockets import line_source
from feeds.streams import Spec
from picture.errors import InputError


class SentenceFramer:
    """Gives each whole AIS message with all its lines.

    Comments and the ``$`` sentences of other NMEA talkers are passed over. A line that is no sentence is passed on by
    itself, so that the codec refuses it by its code.
    """

    def __init__(self) -> None:
        self._assembler = Assembler()

    def push(self, data: bytes) -> list[bytes]:
        messages: list[bytes] = []
        for line in data.splitlines():
            if is_comment(line) or line.startswith(b"$"):
                continue
            try:
                parts = self._assembler.add(part(line))
            except InputError:
                messages.append(line)
            else:
                if parts:
                    messages.append(b"\r\n".join(piece.raw for piece in parts))
        return messages


def new_framer() -> Framer:
    """A framer with room for unfinished messages of one feed."""
    return SentenceFramer()


def new_stream(spec: Spec) -> StreamSource:
    """Sentences as receivers send them over TCP or UDP, or write them to a file."""
    return line_source(spec)
