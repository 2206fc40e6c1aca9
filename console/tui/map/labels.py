"""Where words go on the map: every label gets cells of its own, the more important first, or is left out.

Places are tried in a fixed order that does not depend on where the window lies, so labels stay put while panning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from console.tui.map.camera import DOTS_X, Camera
from console.tui.map.compose import ends_in_dots
from console.tui.map.frame import Frame, cells_of
from console.tui.map.marks import Spot
from console.tui.map.palette import BOLD, IS_HAZARD, NAME, REVERSE
from console.tui.map.scene import Scene

STREETS_BELOW_DOT_M: Final = 8.0
MINOR_STREETS_BELOW_DOT_M: Final = 2.9
CITY_ABOVE_DOT_M: Final = 5.0
PLACES_BELOW_DOT_M: Final = 5.0
MAX_LABEL_CELLS: Final = 40
_SPREAD_ABOVE_DOT_M: Final = 24.0
_PLACES: Final = (
    (0, 0),
    (1, 0),
    (-1, 0),
    (0, 4),
    (0, -4),
    (2, 0),
    (-2, 0),
    (3, 0),
)  # rows down, columns right
_MAX_STREETS: Final = 60
_REPEAT_AFTER_CELLS: Final = 70
_CROSSES_BELOW_DOT_M: Final = 24.0
_ON_HAZARD: Final = {  # dim words need more contrast on a coloured area
    NAME["district"]: NAME["plate_ink"], NAME["street"]: NAME["place_high"], NAME["place"]: NAME["plate_ink"],
    NAME["chrome"]: NAME["place_high"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a cell of the window; ``bg`` None keeps the ground under them."""

    col: int
    row: int
    text: str
    fg: int
    bg: int | None = None
    attributes: int = 0


class Room:
    """Which cells of the window are still free for words."""

    def __init__(self, cols: int, rows: int) -> None:
        self.taken: NDArray[np.bool_] = np.zeros((rows, cols), dtype=bool)

    def claim(self, col: int, row: int, width: int, *, gap: int = 1, above: int = 0) -> bool:
        """True and taken if the cells, ``gap`` beside and ``above`` rows over and under them are inside and free."""
        rows, cols = self.taken.shape
        if not (0 <= row < rows) or col < 0 or col + width > cols or width <= 0:
            return False
        if self.taken[max(row - above, 0) : row + above + 1, max(col - gap, 0) : col + width + gap].any():
            return False
        self.take(col, row, width)
        return True

    def take(self, col: int, row: int, width: int = 1) -> None:
        """Marks cells as taken, whatever was there."""
        rows, cols = self.taken.shape
        if 0 <= row < rows and width > 0 and col + width > 0 and col < cols:
            self.taken[row, max(col, 0) : col + width] = True


def draw(frame: Frame, labels: Iterable[Label]) -> None:
    """Writes the labels into the frame."""
    for label in labels:
        fg = label.fg
        if label.bg is None and fg in _ON_HAZARD and 0 <= label.row < len(frame.back):
            under = frame.back[label.row, max(label.col, 0) : label.col + len(cells_of(label.text))]
            fg = _ON_HAZARD[fg] if IS_HAZARD[under].any() else fg
        frame.write(label.col, label.row, label.text, fg, bg=label.bg, attributes=label.attributes)


def shortened(text: str, limit: int = MAX_LABEL_CELLS) -> str:
    """The text if it fits into ``limit`` cells, else its start and an ellipsis."""
    codes = cells_of(text)
    if len(codes) <= limit:
        return text
    kept = codes[: max(limit - 1, 0)]
    return "".join(chr(code) for code in kept if code) + "…"


def mark_labels(spots: Sequence[Spot], room: Room, camera: Camera, selected: str | None) -> list[Label]:
    """Labels of what must be read at once: the selected mark, then priority 1, beside their cells.

    These are placed even over one another's neighbours; a side that fits the window is preferred.
    """
    urgent = [spot for spot in reversed(spots) if spot.mark and spot.mark.label and _urgent(spot, selected)]
    found = []
    for spot in urgent:
        assert spot.mark is not None
        chosen = spot.mark.id == selected
        most = max(camera.cols - spot.col - len(spot.text), spot.col) - 2  # the wider side
        if most < 4:
            continue
        text = f" {shortened(spot.mark.label, min(most, MAX_LABEL_CELLS))} "
        width = len(cells_of(text))
        left, right = spot.col - width, spot.col + len(spot.text)
        sides = [right, left] if right + width <= camera.cols or left < 0 else [left, right]
        free = [side for side in sides if room.claim(side, spot.row, width, gap=0)]
        if not free and not chosen:
            continue
        col = free[0] if free else sides[0]
        room.take(col, spot.row, width)
        if chosen:
            found.append(Label(col, spot.row, text, NAME["select"], NAME["select_ink"], BOLD | REVERSE))
        else:
            bold = BOLD if spot.mark.unack else 0
            found.append(Label(col, spot.row, text, NAME["p1"], NAME["plate"], bold))
    return found


def place_labels(spots: Sequence[Spot], room: Room, camera: Camera, selected: str | None) -> list[Label]:
    """Names of facilities, units and lesser incidents at street scale, where there is room."""
    if camera.dot_m >= PLACES_BELOW_DOT_M:
        return []
    found = []
    for spot in reversed(spots):
        mark = spot.mark
        if mark is None or not mark.label or _urgent(spot, selected):
            continue
        text = shortened(mark.label, 28)
        width = len(cells_of(text))
        after, before = spot.col + len(spot.text) + 1, spot.col - width - 1
        for col in (after, before):
            if room.claim(col, spot.row, width, gap=0):
                found.append(Label(col, spot.row, text, NAME["unit" if mark.moving else "place"]))
                break
    return found


def ground_labels(scene: Scene, camera: Camera, room: Room) -> list[Label]:
    """Names of city, districts and streets for this view."""
    found = _district_labels(scene, camera, room)
    if camera.dot_m < STREETS_BELOW_DOT_M:
        found += _street_labels(scene, camera, room)
    return found


def closed_crosses(scene: Scene, camera: Camera) -> list[tuple[int, int]]:
    """Cells (col, row) that get a cross on closed roads: a cue that needs no colour, spread out evenly."""
    if not len(scene.closed_ends) or camera.dot_m >= _CROSSES_BELOW_DOT_M:
        return []
    ends = scene.closed_ends
    cells = camera.to_cells((ends[:, :2] + ends[:, 2:]) / 2)
    inside = ((cells >= 0) & (cells < np.array([camera.cols, camera.rows]))).all(axis=1)
    cells = cells[inside]
    lattice = (cells + np.array([camera.left, camera.top])) // np.array([8, 4])
    _, first = np.unique(lattice, axis=0, return_index=True)
    return [(int(col), int(row)) for col, row in cells[np.sort(first)]]


def _urgent(spot: Spot, selected: str | None) -> bool:
    mark = spot.mark
    return mark is not None and (mark.id == selected or (mark.kind == "incident" and mark.priority == 1))


def _district_labels(scene: Scene, camera: Camera, room: Room) -> list[Label]:
    names = scene.place_names if camera.dot_m >= CITY_ABOVE_DOT_M else scene.place_names[1:]
    places = scene.place_xy[-len(names) :] if names else scene.place_xy[:0]
    cells = camera.to_cells(places)
    near = (cells >= [-20, -4]) & (cells < [camera.cols + 20, camera.rows + 4])
    found = []
    spread = 3 if camera.dot_m > _SPREAD_ABOVE_DOT_M else 1
    for at in np.flatnonzero(near.all(axis=1)).tolist():
        city = names[at] is scene.place_names[0]
        text = shortened(names[at])
        width = len(cells_of(text))
        col, row = int(cells[at, 0]) - width // 2, int(cells[at, 1])
        for down, right in _PLACES:
            if room.claim(col + right, row + down, width, gap=spread, above=spread // 2):
                colour, attributes = (NAME["city"], BOLD) if city else (NAME["district"], 0)
                found.append(Label(col + right, row + down, text, colour, None, attributes))
                break
    return found


def _street_labels(scene: Scene, camera: Camera, room: Room) -> list[Label]:
    lod = scene.pack.lod(camera.level)
    runs = lod.in_view(*camera.bounds)
    if not runs:
        return []
    least = 4 if camera.dot_m < MINOR_STREETS_BELOW_DOT_M else 3
    kind = np.concatenate([lod.road_class[run] for run in runs])
    name = scene.pack.edge_name[np.concatenate([lod.edge[run] for run in runs])]
    chosen = np.flatnonzero((kind <= least) & (name > 0))
    ends = ends_in_dots(camera, np.concatenate([lod.segments[run] for run in runs])[chosen].astype(np.float64))
    kind, name = kind[chosen], name[chosen]
    wide, high = np.abs(ends[:, 2] - ends[:, 0]), np.abs(ends[:, 3] - ends[:, 1])
    steep = (high > 0.6 * wide).astype(np.int8)
    order = np.lexsort((name, -np.hypot(wide, high).astype(np.int64), steep, kind))
    middle = (ends[order, :2] + ends[order, 2:]) / 2
    cols = np.floor(middle[:, 0] / DOTS_X).astype(np.int64) - camera.left
    rows = np.floor(middle[:, 1] / 4).astype(np.int64) - camera.top
    at_hand = (cols >= 0) & (cols < camera.cols) & (rows >= 0) & (rows < camera.rows)
    keep = np.flatnonzero(at_hand)[:2000]
    return _along(scene, keep, name[order], kind[order], cols, rows, room)


def _along(
    scene: Scene, keep: NDArray[np.int64], name: NDArray[np.int32], kind: NDArray[np.uint8],
    cols: NDArray[np.int64], rows: NDArray[np.int64], room: Room,
) -> list[Label]:  # fmt: skip
    """One label per street, and another where the street goes on far enough."""
    found: list[Label] = []
    seen: dict[int, list[tuple[int, int]]] = {}
    tries: dict[int, int] = {}
    for at in keep.tolist():
        street, col, row = int(name[at]), int(cols[at]), int(rows[at])
        if tries.get(street, 0) > 8 or len(found) >= _MAX_STREETS:
            continue
        if any(abs(col - c) + 2 * abs(row - r) < _REPEAT_AFTER_CELLS for c, r in seen.get(street, ())):
            continue
        tries[street] = tries.get(street, 0) + 1
        text = shortened(scene.pack.names[street], 28)
        width = len(cells_of(text))
        if room.claim(col - width // 2, row, width):
            seen.setdefault(street, []).append((col, row))
            colour = NAME["place" if kind[at] <= 1 else "street"]
            found.append(Label(col - width // 2, row, text, colour))
    return found
