"""The level at which each low place of the city is reached by water from the sea."""

from __future__ import annotations

import heapq

import numpy as np

from twin.city.land import Land
from twin.city.shapes import Floats


def onset_m(land: Land, highest_m: float = 6.0) -> Floats:
    """Level (rows, cols) on the datum at which connected water reaches each cell; inf above ``highest_m``."""
    height = land.height_m
    onset = np.full(height.shape, np.inf)
    wet = height < 0
    onset[wet] = 0
    rows, cols = height.shape
    shore = wet & ~(np.roll(wet, 1, 0) & np.roll(wet, -1, 0) & np.roll(wet, 1, 1) & np.roll(wet, -1, 1))
    heap = [(0.0, int(r), int(c)) for r, c in np.argwhere(shore)]
    low = height.tolist()
    best = onset.tolist()
    while heap:
        level, r, c = heapq.heappop(heap)
        if level > best[r][c]:
            continue
        for i, j in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            if 0 <= i < rows and 0 <= j < cols:
                reached = max(level, low[i][j])
                if reached < best[i][j] and reached <= highest_m:
                    best[i][j] = reached
                    heapq.heappush(heap, (reached, i, j))
    return np.array(best)
