"""Cuts what a connection brings, in pieces of any size, into whole messages, with bounded memory."""

from __future__ import annotations

import re
from typing import Final, Protocol

_END: Final = re.compile(rb"</event\s{0,8}>")


class Cutter(Protocol):
    """What a session pushes pieces into; made anew for each connection."""

    def push(self, piece: bytes) -> list[bytes]:
        """Deliveries of whole messages that this piece completed, none above the feed's limit unless it is one too
        large: that one is given out as far as it was kept, to be refused, and its rest is passed over."""
        ...


class _Cutter:
    """Messages that end in some mark. ``longest_mark`` is how far a mark may lie across two pieces."""

    longest_mark = 1

    def __init__(self, max_bytes: int, *, one_each: bool = False) -> None:
        """``one_each``: a delivery is one message, for wires whose framer takes a delivery whole."""
        self._max = max_bytes
        self._at_once = 0 if one_each else max_bytes
        self._waiting = bytearray()
        self._passing_over = False

    def ends(self, data: bytearray, start: int) -> list[int]:
        """Where whole messages end, from ``start`` on."""
        raise NotImplementedError

    def push(self, piece: bytes) -> list[bytes]:
        seen = max(len(self._waiting) - self.longest_mark, 0)
        self._waiting += piece
        ends = self.ends(self._waiting, seen)
        start = 0
        if self._passing_over and ends:
            start, self._passing_over = ends.pop(0), False
        found = self._gathered(start, ends)
        del self._waiting[: ends[-1] if ends else start]
        return found + self._too_large()

    def _gathered(self, start: int, ends: list[int]) -> list[bytes]:
        """As few deliveries as the limit allows."""
        found: list[bytes] = []
        begun = last = start
        for end in ends:
            if end - begun > self._at_once and last > begun:
                found.append(bytes(self._waiting[begun:last]))
                begun = last
            last = end
        return [*found, bytes(self._waiting[begun:last])] if last > begun else found

    def _too_large(self) -> list[bytes]:
        if self._passing_over:
            del self._waiting[: -self.longest_mark]
            return []
        if len(self._waiting) <= self._max:
            return []
        head = bytes(self._waiting[: self._max + 1])
        del self._waiting[: -self.longest_mark]
        self._passing_over = True
        return [head]


class Lines(_Cutter):
    """Messages of lines."""

    def ends(self, data: bytearray, start: int) -> list[int]:
        found: list[int] = []
        while (at := data.find(b"\n", start)) >= 0:
            start = at + 1
            found.append(start)
        return found


class Events(_Cutter):
    """CoT events, one after the other, as TAK streams them."""

    longest_mark = 16

    def ends(self, data: bytearray, start: int) -> list[int]:
        return [found.end() for found in _END.finditer(data, start)]
