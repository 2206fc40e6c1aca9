"""What frames the map: scale bar, north, attribution, legend and the crosshair with what lies under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from console.tui.map.camera import DOTS_X, Camera
from console.tui.map.frame import Frame, cells_of
from console.tui.map.labels import Label, Room, shortened
from console.tui.map.marks import Mark, glyph_of
from console.tui.map.palette import BOLD, NAME, REVERSE, fill_index, ink_index
from console.tui.map.scene import Scene

_NICE: Final = (1, 2, 5)
_LEGEND_WIDTH: Final = 24
_KIND_ORDER: Final = (
    "incident",
    "unit",
    "vessel",
    "facility",
    "berth",
    "anchorage",
    "sensor",
    "closure",
    "road_change",
)


def scale_text(dot_m: float, cells: int) -> tuple[int, str]:
    """Length in cells and wording of the longest round distance that fits into ``cells`` cells."""
    most_m = max(cells, 1) * DOTS_X * dot_m
    power = 10 ** math.floor(math.log10(most_m))
    length_m = max(step * power for step in _NICE if step * power <= most_m)
    words = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    return max(2, round(length_m / (DOTS_X * dot_m))), words


def edge_labels(camera: Camera, attribution: str, room: Room) -> list[Label]:
    """Scale bar lower left, attribution lower right and north upper right; they give way to nothing."""
    cols, rows = camera.cols, camera.rows
    grey = NAME["chrome"]
    cells, words = scale_text(camera.dot_m, min(16, max(cols // 4, 2)))
    bar = "├" + "─" * max(cells - 2, 0) + "┤ " + words
    margin = 2 if cols >= 40 else 0
    lowest = rows - 1 - (rows >= 16)
    found = [Label(margin, lowest, shortened(bar, cols), grey)]
    space = cols - margin - len(bar) - 3 if lowest == rows - 1 else cols - 2
    text = shortened(attribution, max(space, 0))
    width = len(cells_of(text))
    if width > 1:
        found.append(Label(cols - width - (1 if cols >= 40 else 0), rows - 1, text, grey))
    if cols >= 24 and rows >= 8:
        found.append(Label(cols - 5, 0, "N ↑", grey))
    for label in found:
        room.take(label.col, label.row, len(cells_of(label.text)))
    return found


def draw_cursor(frame: Frame, camera: Camera, col: int, row: int, words: str) -> None:
    """A crosshair on a cell, and a line of words about the place at the foot of the map."""
    for right, down, char in (
        (-2, 0, "╶"),
        (-1, 0, "─"),
        (1, 0, "─"),
        (2, 0, "╴"),
        (0, -1, "│"),
        (0, 1, "│"),
    ):
        inside = 0 <= row + down < camera.rows and 0 <= col + right < camera.cols
        if inside and _is_ground(int(frame.chars[row + down, col + right])):
            frame.put(col + right, row + down, ord(char), NAME["cursor"], attributes=BOLD)
    if 0 <= row < camera.rows and 0 <= col < camera.cols:
        code = int(frame.chars[row, col])
        shown = ord("┼") if _is_ground(code) else code
        frame.put(col, row, shown, NAME["cursor"], bg=NAME["cursor_ink"], attributes=BOLD | REVERSE)
    foot = 0 if row > 2 else camera.rows - 2
    frame.write(0, foot, shortened(f" {words} ", camera.cols), NAME["plate_ink"], bg=NAME["plate"], attributes=BOLD)


def _is_ground(code: int) -> bool:
    """Whether a character is area or line drawing: blank, block elements or braille."""
    return code <= 0x20 or 0x2580 <= code <= 0x259F or 0x2800 <= code <= 0x28FF


def draw_legend(frame: Frame, camera: Camera, scene: Scene, marks: Sequence[Mark]) -> None:
    """A box at the right explaining the shapes, lines and areas that are on the map now."""
    lines = legend_lines(scene, marks)
    width = min(_LEGEND_WIDTH, camera.cols)
    left, top = max(camera.cols - width - 1, 0), 1 if camera.rows > 10 else 0
    plate, ink = NAME["plate"], NAME["plate_ink"]
    for at, (sample, fg, bg, attributes, words) in enumerate(lines[: camera.rows - top]):
        row = top + at
        frame.write(left, row, " " * width, ink, bg=plate)
        heading = not sample
        text = shortened(words, width - (2 if heading else 6))
        frame.write(left + (1 if heading else 5), row, text, ink, bg=plate, attributes=BOLD if heading else 0)
        frame.write(left + 1, row, sample, fg, bg=plate if bg is None else bg, attributes=attributes)


def legend_lines(scene: Scene, marks: Sequence[Mark]) -> list[tuple[str, int, int | None, int, str]]:
    """Sample, its colours and attributes, and words for each line of the legend; a heading has no sample."""
    lines: list[tuple[str, int, int | None, int, str]] = []
    if any(mark.kind == "incident" for mark in marks):
        lines.append(("", 0, None, 0, "INCIDENTS by priority"))
        lines.append(("1", NAME["p1"], NAME["p1_ink"], BOLD | REVERSE, "not acknowledged"))
        lines.append(("1", NAME["p1"], None, BOLD, "acknowledged"))
    lines += _shapes(marks)
    lines.append(("", 0, None, 0, "GROUND"))
    if scene.flood is not None:
        for band, words in ((1, "water 5–30 cm"), (2, "water 30–100 cm"), (3, "water over 1 m")):
            lines.append(("   ", 0, fill_index(0, band, 0), 0, words))
    if scene.plume is not None:
        lines.append(("⠒⠒⠒", ink_index("plume_edge"), fill_index(0, 0, 2), 0, "plume and its edge"))
    if scene.closed.any():
        lines.append(("⠤×⠤", ink_index("closed"), None, 0, "road closed"))
    if len(scene.route_ends):
        lines.append(("⠤⠤⠤", ink_index("route"), None, BOLD, "route"))
    lines.append(("   ", 0, fill_index(1, 0, 0), 0, "permanent water"))
    return lines


def _shapes(marks: Sequence[Mark]) -> list[tuple[str, int, int | None, int, str]]:
    lines: list[tuple[str, int, int | None, int, str]] = []
    shapes: dict[tuple[str, str], str] = {}
    for mark in marks:
        if mark.kind != "incident":
            name = mark.variant.replace("_", " ") or mark.kind
            if mark.kind in ("vessel", "berth", "anchorage"):
                name = mark.kind
            shapes.setdefault((mark.kind, name), "↗" if mark.kind == "vessel" else glyph_of(mark))
    for kind in _KIND_ORDER:
        rows = sorted((name, shape) for (of, name), shape in shapes.items() if of == kind)
        merged: dict[str, list[str]] = {}
        for name, shape in rows:
            merged.setdefault(shape, []).append(name)
        if not merged:
            continue
        plural = {
            "facility": "FACILITIES",
            "unit": "UNITS bright = moving",
            "closure": "ROADS",
            "road_change": "ROADS",
        }.get(kind, f"{kind.upper()}S")
        lines.append(("", 0, None, 0, plural))
        colour = NAME[kind] if kind in NAME else NAME["berth"]
        lines += [(shape, colour, None, 0, ", ".join(names)) for shape, names in sorted(merged.items())]
    return lines
