"""One frame of the map from its layers, and which cells changed since the last: everything of the widget but Textual.

Three layers are kept: the base (redrawn when view, hazards or roads change), the words on it (when a fixed
label moves), and marks (every tick). A tick copies, writes a few cells, and compares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from console.tui.map.camera import Camera
from console.tui.map.compose import Base, compose_base
from console.tui.map.frame import Frame
from console.tui.map.furniture import draw_cursor, draw_legend, edge_labels
from console.tui.map.labels import (
    Label,
    Room,
    closed_crosses,
    draw,
    ground_labels,
    mark_labels,
    place_labels,
)
from console.tui.map.marks import MarkLayer, Spot
from console.tui.map.palette import BOLD, ink_index
from console.tui.map.scene import Scene
from picture.text import visible

Span = tuple[int, int, int]  # row, first column, number of columns


@dataclass(slots=True)
class Overlay:
    """What a viewer has switched on above the map."""

    selected: str | None = None
    legend: bool = False
    cursor: tuple[int, int] | None = None
    cursor_words: str = ""


class Painting:
    """The composed map; ``paint`` returns the frame, ``changed`` compares it with the one before."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.attribution = visible(_attribution(scene))
        self.base: Base | None = None
        self._base_for: tuple[Camera, int] | None = None
        self._worded: Frame | None = None
        self._worded_for: tuple[object, ...] = ()
        self._room: Room | None = None
        self._edges: list[Label] = []

    def paint(self, camera: Camera, layer: MarkLayer, overlay: Overlay) -> Frame:
        """The frame for this view."""
        base = self._drawn(camera)
        spots = layer.spots(camera, overlay.selected, base.water)
        room = Room(camera.cols, camera.rows)
        fixed = tuple((s.col, s.row, len(s.text)) for s in spots if not (s.mark is None or s.mark.moving))
        for spot in spots:
            room.take(spot.col, spot.row, len(spot.text))
        urgent = mark_labels(spots, room, camera, overlay.selected)
        frame = self._with_words(base, camera, room, (fixed, tuple(urgent))).copy()
        named = [] if self._room is None else place_labels(spots, _copy_of(self._room), camera, overlay.selected)
        draw(frame, named)
        _draw_spots(frame, [spot for spot in spots if not _is_incident(spot)])
        draw(frame, self._edges)
        _draw_spots(frame, [spot for spot in spots if _is_incident(spot)])
        draw(frame, reversed(urgent))
        _redraw_top(frame, spots, overlay.selected)
        if overlay.legend:
            draw_legend(frame, camera, self.scene, [layer.marks[at] for at, _, _ in layer.in_view(camera)])
        if overlay.cursor is not None:
            draw_cursor(frame, camera, *overlay.cursor, overlay.cursor_words)
        frame.mend()
        return frame

    def _drawn(self, camera: Camera) -> Base:
        wanted = (camera, self.scene.revision)
        if self.base is None or self._base_for != wanted:
            self.base = compose_base(self.scene, camera)
            self._base_for = wanted
            self._worded_for = ()
        return self.base

    def _with_words(self, base: Base, camera: Camera, room: Room, fixed: tuple[object, ...]) -> Frame:
        """The base with district, street and edge labels, kept until something fixed moves."""
        if self._worded is None or self._worded_for != fixed:
            frame = base.frame.copy()
            self._edges = edge_labels(camera, self.attribution, room)
            words = ground_labels(self.scene, camera, room)
            for col, row in closed_crosses(self.scene, camera):
                if not room.taken[row, col]:
                    frame.put(col, row, ord("×"), ink_index("closed"), attributes=BOLD)
            draw(frame, words)
            self._worded, self._worded_for, self._room = frame, fixed, room
        return self._worded


def changed(before: Frame | None, after: Frame) -> list[Span] | None:
    """Column extents of the rows that differ, or None if the sizes do and everything must be painted."""
    if before is None or before.chars.shape != after.chars.shape:
        return None
    differs = (before.chars != after.chars) | (before.keys != after.keys)
    rows = np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return []
    lines = differs[rows]
    first = lines.argmax(axis=1)
    last = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return list(zip(rows.tolist(), first.tolist(), (last - first).tolist(), strict=True))


def _is_incident(spot: Spot) -> bool:
    return spot.mark is not None and spot.mark.kind == "incident"


def _draw_spots(frame: Frame, spots: list[Spot]) -> None:
    put = frame.put
    for spot in spots:
        if len(spot.text) == 1:
            put(spot.col, spot.row, ord(spot.text), spot.fg, bg=spot.bg, attributes=spot.attributes)
        else:
            frame.write(spot.col, spot.row, spot.text, spot.fg, bg=spot.bg, attributes=spot.attributes)


def _redraw_top(frame: Frame, spots: list[Spot], selected: str | None) -> None:
    """Incidents of priority 1 and the selected mark stand above every label."""
    _draw_spots(frame, [s for s in spots if s.mark and (s.mark.id == selected or s.mark.priority == 1)])


def _copy_of(room: Room) -> Room:
    rows, cols = room.taken.shape
    copy = Room(cols, rows)
    copy.taken[:] = room.taken
    return copy


def _attribution(scene: Scene) -> str:
    return str(scene.pack.meta.get("attribution") or "")


__all__ = ["Label", "Overlay", "Painting", "Span", "changed"]
