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


class Painter:
    """Styles of one theme; ``strip`` is the only thing that runs per row."""

    def __init__(self, theme: str) -> None:
        self.theme = theme
        self._colours = [Color.parse(colour) for colour in colours(theme)]
        self._styles: dict[int, Style] = {}

    def style(self, key: int) -> Style:
        """The Rich style of a packed key."""
        style = self._styles.get(key)
        if style is None:
            attributes = key >> 16
            style = self._styles[key] = Style(
                color=self._colours[key >> 8 & 255], bgcolor=self._colours[key & 255],
                bold=bool(attributes & BOLD), reverse=bool(attributes & REVERSE),
                underline=bool(attributes & UNDERLINE),
            )  # fmt: skip
        return style

    def strip(self, frame: Frame, row: int) -> Strip:
        """One row of the frame as wide as the frame."""
        keys = frame.keys[row]
        starts = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist()]
        text = frame.chars[row].tobytes().decode("utf-32-le")
        styles, make = self._styles, tuple.__new__
        segments: list[Segment] = []
        wide = "\0" in text
        width = len(text)
        for start, stop, key in zip(starts, [*starts[1:], width], keys[starts].tolist(), strict=True):
            run = text[start:stop]
            if wide:
                run = run.translate(_NO_FILLER)
            segments.append(make(Segment, (run, styles.get(key) or self.style(key), None)))
        return Strip(segments, width)
