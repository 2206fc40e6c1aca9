"""NMEA 0183 lines with their tag blocks, put together to whole AIS messages with bounded memory.

Bit fields and armour are pyais's work; this module checks the sums, finds the time and joins parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyais.exceptions import AISBaseException
from pyais.messages import AISSentence, NMEASentenceFactory

from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.errors import InputError

MAX_LINE: Final = 1024
MAX_WAITING: Final = 64
"""Unfinished multi-part messages kept per feed; the oldest gives way."""
_MALFORMED: Final = "TOC-2002"
_LATEST_MS: Final = 4_102_444_800_000
_LINE: Final = re.compile(
    rb"(?:\\(?P<tags>[^\\*]{1,400})\*(?P<tagsum>[0-9A-Fa-f]{2})\\)?"
    rb"(?P<body>(?P<start>[!$])[^*\\!$]{5,400})\*(?P<sum>[0-9A-Fa-f]{2})(?P<rest>,[^*]{0,200})?"
)
_CLOCK: Final = re.compile(rb"(?:^|,)c:(\d{9,13})(?:,|$)")
_NUMBER: Final = re.compile(rb"(?:^|,)n:(\d{1,3})(?:,|$)")
_STATION: Final = re.compile(rb"(?:^|,)s:([^,]{1,15})(?:,|$)")
LAST_NUMBER: Final = 999
"""After which the tag block's ``n:`` begins again (IEC 61162-450: 1 to 999)."""
_STATION_CLOCK: Final = re.compile(rb",(\d{9,10})$")


@dataclass(frozen=True, slots=True)
class Part:
    """One checked AIS sentence and the receiver's time of it (epoch ms), where the line carries one."""

    raw: bytes
    sentence: AISSentence
    at_ms: int | None


def is_comment(line: bytes) -> bool:
    """Whether a line is blank or a remark, as recordings hold them."""
    return not line.strip() or line.lstrip().startswith(b"#")


def part(line: bytes) -> Part:
    """One line, read and checked.

    The time is the tag block's ``c:`` (IEC 61162-450: seconds, or milliseconds in 13 digits), else the epoch seconds
    that some receivers append.

    Raises:
        InputError: TOC-2002 not a sentence or a wrong checksum, TOC-2006 a sentence that is not AIS.
    """
    match = _LINE.fullmatch(line.strip()) if len(line) <= MAX_LINE else None
    if match is None:
        refuse("sentence", "not an NMEA 0183 line with a checksum", _MALFORMED)
    if int(match["sum"], 16) != _sum(match["body"][1:]):
        refuse("sentence", "the checksum is wrong", _MALFORMED)
    if match["tags"] is not None and int(match["tagsum"], 16) != _sum(match["tags"]):
        refuse("tag block", "the checksum is wrong", _MALFORMED)
    if not re.match(rb"!..VD[MO],", match["body"]):
        refuse("sentence", "not AIS (VDM or VDO)", UNREAD)
    try:
        sentence = NMEASentenceFactory.produce(match["body"] + b"*" + match["sum"])
    except (AISBaseException, ValueError, IndexError) as error:
        raise InputError(f"sentence: {type(error).__name__}", code=_MALFORMED) from None
    if not isinstance(sentence, AISSentence):
        refuse("sentence", "not AIS (VDM or VDO)", UNREAD)
    return Part(line.strip(), sentence, _time(match))


def numbered(line: bytes) -> list[tuple[str, int]]:
    """The receiving station and its number of a checked line, where its tag block carries one."""
    match = _LINE.fullmatch(line)
    tags = match["tags"] or b"" if match else b""
    number, station = _NUMBER.search(tags), _STATION.search(tags)
    return [(station[1].decode("latin-1") if station else "", int(number[1]))] if number else []


def _sum(body: bytes) -> int:
    total = 0
    for byte in body:
        total ^= byte
    return total


def _time(match: re.Match[bytes]) -> int | None:
    found = _CLOCK.search(match["tags"] or b"") or _STATION_CLOCK.search(match["rest"] or b"")
    if found is None:
        return None
    at_ms = int(found[1]) if len(found[1]) == 13 else int(found[1]) * 1000
    if at_ms > _LATEST_MS:
        refuse("tag block c", "after 2100", IMPOSSIBLE)
    return at_ms


class Assembler:
    """Joins the parts of multi-part messages; keeps at most ``MAX_WAITING`` unfinished ones."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int | None, str, int], dict[int, Part]] = {}
        self.dropped = 0
        """Unfinished messages that gave way."""

    @property
    def waiting(self) -> int:
        """Messages of which parts are missing."""
        return len(self._waiting)

    def add(self, piece: Part) -> tuple[Part, ...]:
        """All parts in order when this one completes a message, else nothing."""
        line = piece.sentence
        if line.frag_cnt == 1:
            return (piece,)
        key = (line.talker_id, line.seq_id, line.channel, line.frag_cnt)
        if line.frag_num in self._waiting.get(key, {}):
            del self._waiting[key]
            self.dropped += 1  # a new message under the same number: the old one will never be whole
        parts = self._waiting.setdefault(key, {})
        parts[line.frag_num] = piece
        if len(parts) == line.frag_cnt:
            del self._waiting[key]
            return tuple(parts[number] for number in sorted(parts))
        if len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1
        return ()


def whole(parts: Sequence[Part]) -> AISSentence:
    """One sentence that holds the payload of all parts."""
    return AISSentence.assemble_from_iterable([piece.sentence for piece in parts])
