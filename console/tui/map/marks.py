"""What stands on the map in whole cells: incidents, units, vessels, facilities, berths and sensors.

Kind is a shape, priority a digit, unacknowledged reverse video, stale a question mark: colour only repeats what the
character already says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from console.tui.map.camera import Camera
from console.tui.map.palette import BOLD, NAME, REVERSE

UNIT_GLYPHS: Final[Mapping[str, str]] = {
    "fire": "▲", "engine": "▲", "ems": "✚", "ambulance": "✚", "police": "◆", "utility": "■", "power": "■",
    "water": "■", "works": "▮", "boat": "◗", "bus": "▬", "drone": "✦", "rescue": "▼", "harbour": "◖",
}  # fmt: skip
FACILITY_GLYPHS: Final[Mapping[str, str]] = {
    "hospital": "⊞", "fire": "△", "fire_station": "△", "police": "◇", "police_station": "◇",
    "ems_station": "⊡", "ambulance_station": "⊡", "school": "◫", "university": "◫", "shelter": "⌂",
    "care_home": "⊓", "substation": "↯", "pump": "⊙", "pump_station": "⊙", "chemical": "◈", "chemical_plant": "◈",
    "plant": "◈", "fuel_depot": "◈", "barrier": "╫", "harbour_control": "◬", "port_control": "◬", "coastguard": "◬",
    "utility": "□", "utility_depot": "□", "public_works": "□", "depot": "□", "outfall": "∪", "bridge": "≍",
    "building": "▫", "apartments": "▫", "offices": "▫", "market": "▫", "museum": "▫", "city_hall": "⊛",
    "town_hall": "⊛", "eoc": "⊛", "telecom": "⊢", "prison": "⊠", "rail_station": "⊟", "metro_station": "⊟",
    "ferry_terminal": "⊟", "airport": "⊕", "stadium": "◎",
}  # fmt: skip
SENSOR_GLYPHS: Final[Mapping[str, str]] = {"water_level": "≈", "wind": "»", "rain": "⁖", "gas": "∴"}
PLAIN_GLYPHS: Final[Mapping[str, str]] = {
    "unit": "●", "facility": "○", "sensor": "∘", "berth": "⊥", "anchorage": "◡", "vessel": "◊", "incident": "!",
    "closure": "×", "road_change": "~",
}  # fmt: skip
_VARIANTS_BY_WORD: Final = (
    ("boat", "boat"), ("launch", "boat"), ("tug", "boat"), ("swiftwater", "boat"), ("ambulance", "ems"),
    ("medical", "ems"), ("patrol", "police"), ("law", "police"), ("police", "police"), ("power", "power"),
    ("electric", "power"), ("pump crew", "water"), ("water", "water"), ("high-wheel", "works"), ("works", "works"),
    ("debris", "works"), ("bus", "bus"), ("drone", "drone"), ("unmanned", "drone"), ("search and rescue", "rescue"),
    ("fire", "fire"), ("hazardous", "fire"), ("command", "fire"),
)  # fmt: skip
ARROWS: Final = "↑↗→↘↓↙←↖"
CLUSTER_ABOVE_DOT_M: Final = 40.0
CLUSTER_CELLS: Final = (4, 2)
MINOR_BELOW_DOT_M: Final = {"sensor": 24.0, "berth": 12.0, "anchorage": 24.0}
FACILITY_BELOW_DOT_M: Final = {
    "hospital": 64.0, "substation": 40.0, "barrier": 64.0, "harbour_control": 40.0, "chemical": 40.0,
    "chemical_plant": 40.0, "fire_station": 32.0, "police_station": 32.0, "fire": 32.0, "police": 32.0, "shelter": 24.0,
}  # fmt: skip
_OTHER_FACILITY_BELOW_DOT_M: Final = 14.0
_RANK: Final = {
    "sensor": 0,
    "berth": 1,
    "anchorage": 1,
    "facility": 2,
    "closure": 3,
    "road_change": 3,
    "unit": 4,
    "vessel": 6,
    "incident": 8,
}
_WATER_REACH: Final = 2  # cells a vessel may be moved to stand on water


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing on the map, WGS 84 degrees.

    ``kind`` is incident, unit, vessel, facility, berth, anchorage or sensor; ``variant`` says which (a unit's service,
    a facility's kind, a sensor's quantity) and ``glyph`` overrides the shape. ``priority`` 1..4 or None.
    """

    id: str
    lon: float
    lat: float
    kind: str
    variant: str = ""
    glyph: str = ""
    priority: int | None = None
    label: str = ""
    unack: bool = False
    moving: bool = False
    stale: bool = False
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True)
class MapItem:
    """One line of the text alternative: what it is, and where as seen from the centre of the map."""

    id: str
    kind: str
    label: str
    bearing_deg: float
    distance_m: float
    state: str
    in_view: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """A cell to draw: a glyph, what colours it, and the mark behind it (None for a cluster)."""

    col: int
    row: int
    text: str
    fg: int
    bg: int | None
    attributes: int
    mark: Mark | None
    rank: int


@dataclass(slots=True)
class MarkLayer:
    """The marks of now with their places; ``locate`` is one projection per change, ``spots`` one pass per frame."""

    marks: tuple[Mark, ...] = ()
    xy: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    by_id: dict[str, int] = field(default_factory=dict)

    def spots(self, camera: Camera, selected: str | None, water: NDArray[np.bool_]) -> list[Spot]:
        """What to draw inside the view, least important first."""
        inside = self.in_view(camera)
        dot_m = camera.dot_m
        found: list[Spot] = []
        crowd: dict[tuple[int, int], list[Spot]] = {}
        for at, col, row in inside:
            mark = self.marks[at]
            chosen = mark.id == selected
            if not chosen and not is_shown(mark, dot_m):
                continue
            if mark.kind == "vessel":
                spot = _spot(mark, *_to_water(col, row, water), chosen)
            else:
                spot = _spot(mark, col, row, chosen)
            if mark.kind == "unit" and not chosen and dot_m > CLUSTER_ABOVE_DOT_M:
                crowd.setdefault((col // CLUSTER_CELLS[0], row // CLUSTER_CELLS[1]), []).append(spot)
            else:
                found.append(spot)
        found += [_merged(group) for group in crowd.values()]
        found.sort(key=lambda spot: spot.rank)
        return found

    def in_view(self, camera: Camera, margin: int = 0) -> list[tuple[int, int, int]]:
        """(index, col, row) of every mark inside the window, ``margin`` cells around it included."""
        if not len(self.marks):
            return []
        cells = camera.to_cells(self.xy)
        ok = (
            (cells[:, 0] >= -margin) & (cells[:, 0] < camera.cols + margin)
            & (cells[:, 1] >= -margin) & (cells[:, 1] < camera.rows + margin)
        )  # fmt: skip
        at = np.flatnonzero(ok)
        return [(int(k), int(c), int(r)) for k, (c, r) in zip(at, cells[at].tolist(), strict=True)]

    def nearest(self, camera: Camera, col: int, row: int, reach: int = 2) -> Mark | None:
        """The mark to pick at a cell: the closest within ``reach`` cells, of equals the more important."""
        best: tuple[float, int] | None = None
        chosen: Mark | None = None
        for at, mark_col, mark_row in self.in_view(camera, margin=reach):
            mark = self.marks[at]
            if not is_shown(mark, camera.dot_m):
                continue
            away = max(abs(mark_col - col) / 2, abs(mark_row - row))
            if away > reach / 2:
                continue
            order = (away, -rank_of(mark))
            if best is None or order < best:
                best, chosen = order, mark
        return chosen

    def describe(self, camera: Camera) -> list[MapItem]:
        """Every mark as bearing and distance from the centre: incidents by priority first, then by distance."""
        x, y = camera.centre
        inside = {at for at, _, _ in self.in_view(camera)}
        items = []
        for at, mark in enumerate(self.marks):
            east, north = self.xy[at, 0] - x, self.xy[at, 1] - y
            if not (math.isfinite(east) and math.isfinite(north)):
                continue
            bearing = math.degrees(math.atan2(east, north)) % 360
            kind = f"{mark.kind} ({mark.variant})" if mark.variant else mark.kind
            items.append(MapItem(
                mark.id, kind, mark.label, bearing, math.hypot(east, north), state_of(mark), at in inside,
            ))  # fmt: skip
        urgency = {mark.id: mark.priority or 9 for mark in self.marks}
        items.sort(
            key=lambda item: (
                not item.kind.startswith("incident"),
                urgency[item.id],
                item.distance_m,
                item.id,
            )
        )
        return items


def rank_of(mark: Mark) -> int:
    """How high a mark is stacked where several share a cell."""
    rank = _RANK.get(mark.kind, 3) * 10 + (5 - mark.priority if mark.priority else 0)
    return rank + (5 if mark.moving else 0) + (5 if mark.unack else 0)


def unit_variant(nims_kind: str) -> str:
    """The variant of a unit mark for a NIMS resource kind; empty (the plain shape) for a kind not known here."""
    kind = nims_kind.lower()
    return next((variant for word, variant in _VARIANTS_BY_WORD if word in kind), "")


def state_of(mark: Mark) -> str:
    """The state of a mark in words, for tables and screen readers."""
    words = []
    if mark.priority:
        words.append(f"priority {mark.priority}")
    if mark.kind == "incident":
        words.append("not acknowledged" if mark.unack else "acknowledged")
    if mark.kind in ("unit", "vessel"):
        words.append("moving" if mark.moving else "not moving")
        if mark.moving and mark.heading_deg is not None and math.isfinite(mark.heading_deg):
            words.append(f"heading {round(mark.heading_deg) % 360:03d}°")
    if mark.stale:
        words.append("position old")
    return ", ".join(words)


def glyph_of(mark: Mark) -> str:
    """The one character that stands for a mark (its priority digit for an incident)."""
    if mark.glyph:
        return mark.glyph[0]
    if mark.kind == "incident":
        return str(mark.priority) if mark.priority in (1, 2, 3, 4) else "!"
    if mark.kind == "vessel":
        if mark.moving and mark.heading_deg is not None and math.isfinite(mark.heading_deg):
            return ARROWS[round(mark.heading_deg / 45) % 8]
        return PLAIN_GLYPHS["vessel"]
    table = {"unit": UNIT_GLYPHS, "facility": FACILITY_GLYPHS, "sensor": SENSOR_GLYPHS}.get(mark.kind, {})
    return table.get(mark.variant, PLAIN_GLYPHS.get(mark.kind, "○"))


def is_shown(mark: Mark, dot_m: float) -> bool:
    """Whether a mark is drawn at this scale; what has a priority or waits for an acknowledgement always is."""
    if mark.priority is not None or mark.unack:
        return True
    if mark.kind == "facility":
        return dot_m < FACILITY_BELOW_DOT_M.get(mark.variant, _OTHER_FACILITY_BELOW_DOT_M)
    return dot_m < MINOR_BELOW_DOT_M.get(mark.kind, math.inf)


def _spot(mark: Mark, col: int, row: int, selected: bool) -> Spot:
    text, rank = glyph_of(mark), rank_of(mark)
    bg: int | None = None
    attributes = 0
    if mark.kind == "incident":
        level = f"p{mark.priority}" if mark.priority in (1, 2, 3, 4) else "p4"
        attributes = BOLD
        if mark.unack or selected:  # reverse video, so that it stays reversed without colour
            return Spot(col, row, text, NAME[level], NAME[f"{level}_ink"], BOLD | REVERSE, mark, rank + 100 * selected)
        return Spot(col, row, text, NAME[level], NAME[f"{level}_ink"], attributes, mark, rank)
    fg = _colour(mark)
    if mark.priority in (1, 2, 3, 4):
        fg, bg, attributes = NAME[f"p{mark.priority}"], NAME[f"p{mark.priority}_ink"], BOLD
    if mark.moving:
        attributes |= BOLD
    if selected:
        fg, bg, attributes = NAME["select"], NAME["select_ink"], BOLD | REVERSE
    if mark.stale:
        text += "?"
    return Spot(col, row, text, fg, bg, attributes, mark, rank + 100 * selected)


def _colour(mark: Mark) -> int:
    if mark.kind in ("unit", "vessel"):
        return NAME[mark.kind if mark.moving and not mark.stale else f"{mark.kind}_idle"]
    return NAME[mark.kind] if mark.kind in ("facility", "sensor", "berth") else NAME["berth"]


def _to_water(col: int, row: int, water: NDArray[np.bool_]) -> tuple[int, int]:
    """The cell itself if it is water, else the nearest water cell in reach: a berth's position is the quay's."""
    rows, cols = water.shape
    if 0 <= row < rows and 0 <= col < cols and water[row, col]:
        return col, row
    top, left = max(row - _WATER_REACH, 0), max(col - 2 * _WATER_REACH, 0)
    near = np.argwhere(water[top : row + _WATER_REACH + 1, left : col + 2 * _WATER_REACH + 1])
    if not len(near):
        return col, row
    away = (near[:, 0] + top - row) ** 2 * 4 + (near[:, 1] + left - col) ** 2
    best = near[int(away.argmin())]
    return int(best[1]) + left, int(best[0]) + top


def _merged(group: Sequence[Spot]) -> Spot:
    """One spot for units too close together to be told apart: the shape of most of them, and how many."""
    if len(group) == 1:
        return group[0]
    shapes = [spot.text[0] for spot in group]
    most = max(sorted(set(shapes)), key=shapes.count)
    lead = max(group, key=lambda spot: (spot.rank, spot.text))
    count = str(len(group)) if len(group) < 100 else "99+"
    return Spot(lead.col, lead.row, most + count, lead.fg, None, lead.attributes, None, lead.rank)


def locate(marks: Sequence[Mark], xy: NDArray[np.float64]) -> MarkLayer:
    """A layer of marks standing at ``xy`` metres, shape (n, 2)."""
    return MarkLayer(tuple(marks), xy, {mark.id: at for at, mark in enumerate(marks)})
