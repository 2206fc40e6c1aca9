"""Frames turned into Textual strips: runs of equal style keys, one cached Rich style per key."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.tui.map.frame import Frame
from console.tui.map.palette import BOLD, REVERSE, UNDERLINE, colours

_NO_FILLER = {0: None}


class _Styles(dict[int, Style]):
    """Rich styles by packed key, made when first asked for."""

    def __init__(self, table: list[Color]) -> None:
        super().__init__()
        self.table = table

    def __missing__(self, key: int) -> Style:
        attributes = key >> 16
        style = self[key] = Style(
            color=self.table[key >> 8 & 255],
            bgcolor=self.table[key & 255],
            bold=bool(attributes & BOLD),
            reverse=bool(attributes & REVERSE),
            underline=bool(attributes & UNDERLINE),
        )
        return style


class Painter:
    """Styles of one theme; ``strip`` is the only thing that runs per row."""

    def __init__(self, theme: str) -> None:
        self.theme = theme
        self._styles = _Styles([Color.parse(colour) for colour in colours(theme)])

    def strip(self, frame: Frame, row: int) -> Strip:
        """One row of the frame, as wide as the frame."""
        keys = frame.keys[row]
        starts = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist()]
        text = frame.chars[row].tobytes().decode("utf-32-le")
        styles, make = self._styles, tuple.__new__
        runs = zip(starts, [*starts[1:], len(text)], keys[starts].tolist(), strict=True)
        if "\0" in text:
            return Strip(
                [make(Segment, (text[a:b].translate(_NO_FILLER), styles[key], None)) for a, b, key in runs],
                len(text),
            )
        return Strip([make(Segment, (text[a:b], styles[key], None)) for a, b, key in runs], len(text))
