"""How AIS arrives: lines of NMEA 0183, of which a message may need several, even from several deliveries."""

from __future__ import annotations

from feeds.ais.sentences import LAST_NUMBER, Assembler, is_comment, numbered, part
from feeds.base import Framer, StreamSource
from feeds.gaps import Gaps
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
        self._gaps = Gaps(last=LAST_NUMBER)
        self.missing = 0
        """Lines that the receivers' own numbers say did not arrive."""

    def push(self, data: bytes) -> list[bytes]:
        messages: list[bytes] = []
        for line in data.splitlines():
            if is_comment(line) or line.startswith(b"$"):
                continue
            try:
                piece = part(line)
                self.missing += self._gaps.note(numbered(piece.raw))
                parts = self._assembler.add(piece)
            except InputError:
                messages.append(line)
            else:
                if parts:
                    messages.append(b"\r\n".join(one.raw for one in parts))
        return messages


def new_framer() -> Framer:
    """A framer with room for unfinished messages of one feed."""
    return SentenceFramer()


def new_stream(spec: Spec) -> StreamSource:
    """Sentences as receivers send them over TCP or UDP, or write them to a file."""
    return line_source(spec)
