"""Scene and camera turned into the base layer: ground, hazards, outlines and roads as terminal cells.

Areas are quadrant blocks, lines and outlines are braille dots; where both want a cell the dots win and the area becomes
their background, so a road keeps its colour on a flooded street.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from console.tui.map.camera import DOTS_X, DOTS_Y, Camera
from console.tui.map.frame import SPACE, Frame
from console.tui.map.grid import Axis
from console.tui.map.palette import BANDS, FILLS, INK, INK_BASE, OUTSIDE, TINTS, WATER
from console.tui.map.raster import braille_bits, draw_lines, edge_of, top_ink
from console.tui.map.scene import Field, Scene
from twin.pack import RoadClass

BRAILLE: Final = 0x2800
QUADRANTS: Final = np.array([ord(char) for char in " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"], dtype=np.uint32)
THICK_AT_DOT_M: Final = (8.0, 4.0)  # motorways, then primary roads, are drawn two dots wide below this scale
SMOOTH_SHORE_CELLS: Final = 0.75  # dots per ground cell below which the raster's steps would show

_FILL_TINT = np.array([2 if f % BANDS else 1 if f // BANDS % BANDS else 0 for f in range(FILLS)], dtype=np.uint8)
_BITS_SET = np.array([bin(bits).count("1") for bits in range(16)], dtype=np.uint8)
_ROAD_INK = np.array([8 - min(kind, 7) for kind in range(256)], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Base:
    """The layer under labels and marks, and which cells (rows, cols) are mostly open water."""

    frame: Frame
    water: NDArray[np.bool_]


def compose_base(scene: Scene, camera: Camera) -> Base:
    """The base layer of the view; one call costs a few milliseconds whatever the size of the city."""
    ground, flood, plume = _areas(scene, camera)
    dots = np.zeros(ground.shape, dtype=np.uint8)
    _draw_roads(dots, scene, camera)
    if flood is not None:
        wet = flood > 0
        dots[edge_of(wet, ~wet & (ground != WATER) & (ground != OUTSIDE))] = INK["flood_edge"]
    if plume is not None:
        dots[edge_of(plume > 0, plume == 0)] = INK["plume_edge"]
    _draw_over(dots, scene, camera)
    fill = ground * np.uint8(BANDS * BANDS)
    if flood is not None:
        fill += flood * np.uint8(BANDS)
    if plume is not None:
        fill += plume
    return Base(_cells(fill[0::2], dots), _water_cells(ground))


def ends_in_dots(camera: Camera, ends: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float64]:
    """Segments in metres as global dot coordinates."""
    dot_m = camera.dot_m
    dots: NDArray[np.float64] = ends / np.array([dot_m, -dot_m, dot_m, -dot_m])
    return dots


def _areas(
    scene: Scene, camera: Camera
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    """Ground class, flood band and plume band of every dot; a hazard that is not in view is None."""
    left, top = camera.dot_origin
    xs = (left + np.arange(camera.cols * DOTS_X, dtype=np.float64) + 0.5) * camera.dot_m
    ys = -(top + np.arange(camera.rows * DOTS_Y, dtype=np.float64) + 0.5) * camera.dot_m
    ground = scene.ground.nearest(xs, ys, OUTSIDE)
    if camera.dot_m < scene.ground.cell_m * SMOOTH_SHORE_CELLS:
        water = scene.water.smooth(xs, ys) > 0.5
        ground[(ground == WATER) & ~water] = 0
        ground[water & (ground != OUTSIDE)] = WATER
    flood = _bands(scene.flood, xs, ys)
    if flood is not None:
        flood[(ground == WATER) | (ground == OUTSIDE)] = 0
        flood = flood if flood.any() else None
    return ground, flood, _bands(scene.plume, xs, ys)


def _bands(field: Field | None, xs: Axis, ys: Axis) -> NDArray[np.uint8] | None:
    if field is None:
        return None
    value = field.grid.smooth(xs, ys)
    band = (value >= field.bands[0]).view(np.uint8)
    if not band.any():
        return None
    for edge in field.bands[1:]:
        band += value >= edge
    return band


def _draw_roads(dots: NDArray[np.uint8], scene: Scene, camera: Camera) -> None:
    draw_lines(dots, ends_in_dots(camera, scene.coast), INK["coast"], camera.dot_origin)
    lod = scene.pack.lod(camera.level)
    runs = lod.in_view(*camera.bounds)
    if not runs:
        return
    ends = np.concatenate([lod.segments[run] for run in runs])
    kind = np.concatenate([lod.road_class[run] for run in runs])
    if len(scene.closed_ends):
        open_now = ~scene.closed[np.concatenate([lod.edge[run] for run in runs])]
        ends, kind = ends[open_now], kind[open_now]
    ferry = kind == RoadClass.FERRY
    if ferry.any():
        draw_lines(dots, ends_in_dots(camera, ends[ferry]), INK["coast"], camera.dot_origin, dashed=True)
        ends, kind = ends[~ferry], kind[~ferry]
    order = np.argsort(~kind, kind="stable")  # least important first: the last line drawn wins
    ends, kind = ends[order], kind[order]
    draw_lines(dots, ends_in_dots(camera, ends), _ROAD_INK[kind], camera.dot_origin, thick=_thick(kind, camera))


def _draw_over(dots: NDArray[np.uint8], scene: Scene, camera: Camera) -> None:
    """Closed roads, dashed, and the highlighted route on top of everything."""
    if len(scene.closed_ends):
        lod = scene.pack.lod(camera.level)
        roads = lod.road_class[lod.road_class < RoadClass.FERRY]  # ferries stay visible where minor roads are not
        shown = scene.closed_class <= (int(roads.max()) if len(roads) else 6)
        ends = ends_in_dots(camera, scene.closed_ends[shown])
        thick = np.full(len(ends), camera.dot_m <= THICK_AT_DOT_M[0])
        draw_lines(dots, ends, INK["closed"], camera.dot_origin, dashed=True, thick=thick)
    if len(scene.route_ends):
        ends = ends_in_dots(camera, scene.route_ends)
        thick = np.full(len(ends), camera.dot_m <= THICK_AT_DOT_M[0])
        draw_lines(dots, ends, INK["route"], camera.dot_origin, thick=thick)


def _thick(kind: NDArray[np.uint8], camera: Camera) -> NDArray[np.bool_] | None:
    if camera.dot_m > THICK_AT_DOT_M[0]:
        return None
    return kind <= (1 if camera.dot_m <= THICK_AT_DOT_M[1] else 0)


def _cells(fill: NDArray[np.uint8], dots: NDArray[np.uint8]) -> Frame:
    """Cells of quadrant fills (rows * 2, cols * 2) under braille dots (rows * 4, cols * 2)."""
    upper_left, upper_right, lower_left, lower_right = (
        fill[0::2, 0::2],
        fill[0::2, 1::2],
        fill[1::2, 0::2],
        fill[1::2, 1::2],
    )
    high = np.maximum(np.maximum(upper_left, upper_right), np.maximum(lower_left, lower_right))
    low = np.minimum(np.minimum(upper_left, upper_right), np.minimum(lower_left, lower_right))
    bits = (upper_left == high).view(np.uint8).copy()
    bits |= (upper_right == high).view(np.uint8) << 1
    bits |= (lower_left == high).view(np.uint8) << 2
    bits |= (lower_right == high).view(np.uint8) << 3
    bits[high == low] = 0
    count = _BITS_SET[bits]
    back = np.where(count > 2, high, np.where(count == 2, upper_left, low))
    pattern = braille_bits(dots)
    lit = pattern != 0
    ink = INK_BASE + top_ink(dots).astype(np.uint16) * len(TINTS) + _FILL_TINT[back]
    chars = np.where(lit, pattern.astype(np.uint32) + np.uint32(BRAILLE), QUADRANTS[bits])
    fg = np.where(lit, ink, np.where(bits != 0, high, 0)).astype(np.uint32)
    bg = np.where(lit, back, low).astype(np.uint32)
    assert chars.dtype == np.uint32 and QUADRANTS[0] == SPACE
    return Frame(chars, bg | fg << np.uint32(8), back.astype(np.uint8))


def _water_cells(ground: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Cells whose middle is water."""
    middle: NDArray[np.bool_] = (ground[1::4, 0::2] == WATER) | (ground[2::4, 1::2] == WATER)
    return middle
