"""Two ways everybody would group reports: the same kind within a radius and a time; DBSCAN over space and time.

Both are tuned on the same training seeds as ours, by a plain grid, for pairwise F1. Metres by a flat map of the city.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from benchmarks.fusion.generator import ORIGIN, Told
from benchmarks.fusion.scoring import fit

Grouping = Callable[[Sequence[Told]], list[int]]
_METRES = 111_320.0


def metres(told: Told) -> tuple[float, float]:
    """Metres east and north of the city's middle, as reported."""
    lon, lat = (told.report.lon_e7 or 0) / 1e7, (told.report.lat_e7 or 0) / 1e7
    return (lon - ORIGIN[0]) * _METRES * math.cos(math.radians(ORIGIN[1])), (lat - ORIGIN[1]) * _METRES


def by_rule(told: Sequence[Told], *, radius_m: float, minutes: float) -> list[int]:
    """In order of arrival: into the nearest group of the same kind within radius and time, else into a new one."""
    groups: list[int] = []
    last: list[tuple[float, float, int, str]] = []
    cells: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for one in told:
        x, y = metres(one)
        near = [
            (math.hypot(last[g][0] - x, last[g][1] - y), g)
            for cell in _around(x, y, radius_m)
            for g in cells[cell]
            if last[g][3] == one.report.incident_kind and abs(one.report.at_ms - last[g][2]) <= minutes * 60_000
        ]
        near = [(away, g) for away, g in near if away <= radius_m]
        if near:
            group = min(near)[1]
            last[group] = (last[group][0], last[group][1], one.report.at_ms, last[group][3])
        else:
            group = len(last)
            last.append((x, y, one.report.at_ms, one.report.incident_kind))
            cells[_cell(x, y, radius_m)].append(group)
        groups.append(group)
    return groups


def by_dbscan(told: Sequence[Told], *, radius_m: float, minutes: float) -> list[int]:
    """DBSCAN (Ester et al. 1996), two to a core; distance is 1 at the radius or at the time; sees all at once."""
    points = [(*metres(one), one.report.at_ms / 60_000) for one in told]
    cells: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, (x, y, _) in enumerate(points):
        cells[_cell(x, y, radius_m)].append(index)

    def neighbours(index: int) -> list[int]:
        x, y, t = points[index]
        return [
            other
            for cell in _around(x, y, radius_m)
            for other in cells[cell]
            if math.hypot(points[other][0] - x, points[other][1] - y) / radius_m + abs(points[other][2] - t) / minutes
            <= 1
        ]

    groups = [-1] * len(points)
    for start in range(len(points)):
        if groups[start] >= 0:
            continue
        groups[start] = start
        waiting = neighbours(start)
        while waiting:
            index = waiting.pop()
            if groups[index] < 0:
                groups[index] = start
                waiting += neighbours(index)
    return groups


def _cell(x: float, y: float, size: float) -> tuple[int, int]:
    return int(x // size), int(y // size)


def _around(x: float, y: float, size: float) -> Iterator[tuple[int, int]]:
    column, row = _cell(x, y, size)
    yield from product(range(column - 1, column + 2), range(row - 1, row + 2))


RADII_M = (100.0, 150.0, 200.0, 300.0, 450.0)
MINUTES = (10.0, 20.0, 30.0, 60.0, 90.0)


def tuned(make: Callable[..., list[int]], training: Sequence[Sequence[Told]]) -> tuple[Grouping, dict[str, float]]:
    """The baseline with the radius and time that fit the training cities best, and those two."""

    def score(radius_m: float, minutes: float) -> float:
        return sum(
            fit([one.truth for one in told], make(told, radius_m=radius_m, minutes=minutes)).pair_f1
            for told in training
        )

    radius_m, minutes = max(product(RADII_M, MINUTES), key=lambda pair: score(*pair))
    return lambda told: make(told, radius_m=radius_m, minutes=minutes), {"radius_m": radius_m, "minutes": minutes}
