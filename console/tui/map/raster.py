"""Lines and outlines turned into grids of dots; pure numpy, no cells and no colours.

Lines are stepped on the global dot lattice before they are cut to the window, so the dots of a line do not depend on
where the window lies (Digital Differential Analyser, one vectorised pass per call).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Dots = NDArray[np.uint8]  # (rows * 4, cols * 2), 0 = dark
MAX_STEPS = 4_000_000  # a guard against absurd geometry, far above any view

_STILL = 1e-9  # dots; a line that moves less than this along an axis does not move
_FAR = 1e9  # dots; beyond this a coordinate is not a place
_DASH_ON, _DASH_PERIOD = 3, 5


def draw_lines(
    dots: Dots,
    ends: NDArray[np.float64],
    ink: NDArray[np.uint8] | int,
    origin: tuple[int, int],
    *,
    dashed: bool = False,
    thick: NDArray[np.bool_] | None = None,
) -> None:
    """Draws segments into ``dots``; where lines cross, the one later in ``ends`` wins.

    Args:
        dots: window grid, changed in place.
        ends: (n, 4) global dot coordinates x0, y0, x1, y1; rows that are not finite are skipped.
        ink: one ink for all, or (n,) an ink for each segment.
        origin: global dot numbers of the window's upper left dot.
        dashed: leave regular gaps, at places fixed on the ground.
        thick: (n,) segments drawn two dots wide.
    """
    high, wide = dots.shape
    if not len(ends) or not high or not wide:
        return
    local = ends - np.array([origin[0], origin[1], origin[0], origin[1]], dtype=np.float64)
    x_low, x_top = np.minimum(local[:, 0], local[:, 2]), np.maximum(local[:, 0], local[:, 2])
    y_low, y_top = np.minimum(local[:, 1], local[:, 3]), np.maximum(local[:, 1], local[:, 3])
    near = (x_top >= -1) & (x_low < wide + 1) & (y_top >= -1) & (y_low < high + 1)
    near &= (np.minimum(x_low, y_low) > -_FAR) & (np.maximum(x_top, y_top) < _FAR)
    inside = np.flatnonzero(near)
    if not len(inside):
        return
    start_x, start_y, end_x, end_y = ends[inside].T
    step_x, step_y = end_x - start_x, end_y - start_y
    steps = np.ceil(np.maximum(np.abs(step_x), np.abs(step_y))).astype(np.int64)
    np.maximum(steps, 1, out=steps)
    first, last = _cut(start_x - origin[0], step_x, steps, wide)
    first_y, last_y = _cut(start_y - origin[1], step_y, steps, high)
    np.maximum(first, first_y, out=first)
    np.minimum(last, last_y, out=last)
    counts = np.maximum(last - first + 1, 0)
    total = int(counts.sum())
    if not total or total > MAX_STEPS:
        return
    which = np.repeat(np.arange(len(inside)), counts)
    at = np.arange(total) - np.repeat(np.cumsum(counts) - counts - first, counts)
    share = at / steps[which]
    arrived = at == steps[which]  # start + step is not the end to the last bit, and an end on a dot's edge shows it
    x = np.floor(np.where(arrived, end_x[which], start_x[which] + share * step_x[which])).astype(np.int64)
    y = np.floor(np.where(arrived, end_y[which], start_y[which] + share * step_y[which])).astype(np.int64)
    flat = np.abs(step_x) >= np.abs(step_y)
    keep = None
    if dashed:
        keep = (np.where(flat[which], x, y) % _DASH_PERIOD) < _DASH_ON
    x -= origin[0]
    y -= origin[1]
    inks = ink if isinstance(ink, int) else ink[inside][which]
    _put(dots, x, y, inks, keep)
    if thick is not None and thick.any():
        wider = thick[inside][which]
        if keep is not None:
            wider &= keep
        level = flat[which]
        _put(dots, np.where(level, x, x + 1), np.where(level, y + 1, y), inks, wider)


def _cut(
    start: NDArray[np.float64], step: NDArray[np.float64], steps: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last step of each line that can lie in 0..size on one axis, one step generous at both ends."""
    still = np.abs(step) < _STILL
    divisor = np.where(still, 1.0, step)
    one, two = -start / divisor, (size - start) / divisor
    low, top = np.minimum(one, two), np.maximum(one, two)
    low = np.where(still, 0.0, np.clip(low, 0.0, 1.0))
    top = np.where(still, 1.0, np.clip(top, 0.0, 1.0))
    first = np.floor(low * steps).astype(np.int64) - 1
    last = np.ceil(top * steps).astype(np.int64) + 1
    return np.maximum(first, 0), np.minimum(last, steps)


def _put(
    dots: Dots,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    ink: NDArray[np.uint8] | int,
    keep: NDArray[np.bool_] | None,
) -> None:
    high, wide = dots.shape
    ok = (x >= 0) & (x < wide) & (y >= 0) & (y < high)
    if keep is not None:
        ok &= keep
    flat = y * wide + x
    if isinstance(ink, int):
        dots.reshape(-1)[flat[ok]] = ink
    else:
        dots.reshape(-1)[flat[ok]] = ink[ok]


def braille_bits(dots: Dots) -> NDArray[np.uint8]:
    """Braille pattern of each cell (rows, cols): the offset from U+2800."""
    lit = (dots != 0).view(np.uint8)
    bits: NDArray[np.uint8] = lit[0::4, 0::2].copy()
    for row, col, shift in ((1, 0, 1), (2, 0, 2), (0, 1, 3), (1, 1, 4), (2, 1, 5), (3, 0, 6), (3, 1, 7)):
        bits |= lit[row::4, col::2] << shift
    return bits


def top_ink(dots: Dots) -> NDArray[np.uint8]:
    """The greatest ink of each cell's eight dots, shape (rows, cols)."""
    best: NDArray[np.uint8] = dots[0::4, 0::2].copy()
    for row, col in ((0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)):
        np.maximum(best, dots[row::4, col::2], out=best)
    return best


def edge_of(inside: NDArray[np.bool_], against: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Dots of ``inside`` with a neighbour (up, down, left, right) in ``against``."""
    near = np.zeros_like(inside)
    near[1:] |= against[:-1]
    near[:-1] |= against[1:]
    near[:, 1:] |= against[:, :-1]
    near[:, :-1] |= against[:, 1:]
    near &= inside
    return near
