"""Which road edges a line drawn by somebody else runs along: road authorities draw on their map, not on ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.snap import Snapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.pack import CityPack

STEP_M: Final = 10.0
REACH_M: Final = 25.0
"""Their line may lie so far off ours: half a dual carriageway, and the error of both."""
MOST_SAMPLES: Final = 5_000
SHARE: Final = 0.5
"""An edge counts from so much of its length on: a side street is only touched where it begins."""


def edges_along(pack: CityPack, snapper: Snapper, line: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Ascending edges that the line (longitude, latitude) runs along; parts outside the pack are left out.

    Where it covers no edge to half its length, the one it covers most; none where no road is within ``REACH_M``.
    """
    points, step_m = _sampled(pack, line)
    if not len(points):
        return ()
    lon, lat = pack.to_lonlat(points[:, 0], points[:, 1])
    near = [snap for snap in snapper.snap_many(lon, lat) if snap.distance_m <= REACH_M]
    if not near:
        return ()
    edges, counts = np.unique([snap.edge for snap in near], return_counts=True)
    covered = counts * step_m
    length = np.array([_length_m(pack, int(edge)) for edge in edges])
    chosen = edges[covered >= SHARE * length - step_m / 2]
    return tuple(chosen.tolist()) or (int(edges[np.argmax(covered)]),)


def _length_m(pack: CityPack, edge: int) -> float:
    points = pack.geom_xy[pack.geom_start[edge] : pack.geom_start[edge + 1]].astype(np.float64)
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _sampled(pack: CityPack, line: Sequence[tuple[float, float]]) -> tuple[NDArray[np.float64], float]:
    """Points along the line within the pack, in the middle of each step, float64 (k, 2), and the step in metres."""
    given = np.array(line, dtype=np.float64).reshape(-1, 2)
    x, y = pack.to_xy(given[:, 0], given[:, 1])
    corners = np.column_stack((x, y))
    x_min, y_min, x_max, y_max = pack.meta["bounds_xy"]
    if x.max() < x_min or x.min() > x_max or y.max() < y_min or y.min() > y_max:
        return corners[:0], STEP_M
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))))
    steps = int(np.clip(along[-1] / STEP_M, 1, MOST_SAMPLES))
    step_m = float(along[-1]) / steps
    at = (np.arange(steps) + 0.5) * step_m
    points = np.column_stack((np.interp(at, along, corners[:, 0]), np.interp(at, along, corners[:, 1])))
    inside = np.all((points >= (x_min, y_min)) & (points <= (x_max, y_max)), axis=1)
    return points[inside], step_m
