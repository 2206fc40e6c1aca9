"""A grid of terminal cells: one character and one packed style key each, and how text is written into it.

A wide character fills its cell and an empty filler cell to its right, so columns stay columns whatever a label says.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picture.text import char_width, visible

SPACE = 0x20
FILLER = 0  # right half of a wide character; never printed


def key_of(fg: int, bg: int, attributes: int = 0) -> int:
    """The packed style of a cell: background, foreground (palette indices) and attribute bits."""
    return bg | fg << 8 | attributes << 16


@dataclass(slots=True)
class Frame:
    """Cells of a window: ``chars`` code points and ``keys`` packed styles, both uint32 (rows, cols).

    ``back`` uint8 is the fill that words written without a background of their own stand on.
    """

    chars: NDArray[np.uint32]
    keys: NDArray[np.uint32]
    back: NDArray[np.uint8]
    wide: list[tuple[int, int]] = field(default_factory=list)

    def copy(self) -> Frame:
        """A frame that can be written on without changing this one (the background is shared)."""
        return Frame(self.chars.copy(), self.keys.copy(), self.back, list(self.wide))

    def put(self, col: int, row: int, code: int, fg: int, *, bg: int | None = None, attributes: int = 0) -> None:
        """One narrow character; outside the grid nothing happens."""
        rows, cols = self.chars.shape
        if 0 <= row < rows and 0 <= col < cols:
            self.chars[row, col] = code
            self.keys[row, col] = key_of(fg, int(self.back[row, col]) if bg is None else bg, attributes)

    def write(self, col: int, row: int, text: str, fg: int, *, bg: int | None = None, attributes: int = 0) -> None:
        """Text of any script from ``col`` rightwards, cut at the edges of the grid."""
        rows, cols = self.chars.shape
        if not 0 <= row < rows or col >= cols:
            return
        codes = cells_of(text)
        skip = max(0, -col)
        codes = _cut(codes, skip, cols - max(col, 0))
        if not len(codes):
            return
        start, stop = max(col, 0), max(col, 0) + len(codes)
        self.chars[row, start:stop] = codes
        back = self.back[row, start:stop].astype(np.uint32) if bg is None else bg
        self.keys[row, start:stop] = back | np.uint32(fg << 8 | attributes << 16)
        if (codes == FILLER).any():
            self.wide += [(row, start + int(at) - 1) for at in np.flatnonzero(codes == FILLER)]

    def mend(self) -> None:
        """Leaves no half of a wide character alone: each cell is a narrow character or part of a whole wide one."""
        if not self.wide:
            return
        whole: set[tuple[int, int]] = set()
        cols = self.chars.shape[1]
        for row, col in self.wide:
            if col < 0 or col + 1 >= cols or self.chars[row, col + 1] != FILLER:
                continue
            if char_width(chr(int(self.chars[row, col]))) == 2 and self.keys[row, col] == self.keys[row, col + 1]:
                whole.add((row, col + 1))
        for row, col in {(row, at) for row, left in self.wide for at in (left, left + 1)}:
            if not (0 <= col < cols):
                continue
            code = int(self.chars[row, col])
            lone_half = code == FILLER and (row, col) not in whole
            lone_char = code != FILLER and char_width(chr(code)) == 2 and (row, col + 1) not in whole
            if lone_half or lone_char:
                self.chars[row, col] = SPACE


def _cut(codes: NDArray[np.uint32], skip: int, room: int) -> NDArray[np.uint32]:
    """The cells from ``skip`` on, at most ``room`` of them; a wide character cut in two becomes a blank."""
    if not skip and len(codes) <= room:
        return codes
    part = codes[skip : skip + room].copy()
    if len(part) and part[0] == FILLER:
        part[0] = SPACE
    if skip + room < len(codes) and codes[skip + room] == FILLER and len(part):
        part[-1] = SPACE
    return part


@lru_cache(maxsize=4096)
def cells_of(text: str) -> NDArray[np.uint32]:
    """Code points cell by cell, uint32: text made visible and composed, accents that stand alone left out."""
    codes: list[int] = []
    for char in unicodedata.normalize("NFC", visible(text)):
        width = char_width(char)
        if width:
            codes.append(ord(char))
        if width == 2:
            codes.append(FILLER)
    return np.array(codes, dtype=np.uint32)
