"""A made-up harbour town for map tests: a grid of streets by a bay, drawn the same every time.

Streets every 120 m from (0, 0) to (STREETS * 120 m) both ways; every fourth is a secondary, the middle ones primary,
the rest residential. The sea lies south of y = 300 m within a bay round x = 1200 m.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from twin.pack import CityPack, json_array, level_arrays, write_pack
from twin.pyramid import LEVELS, build_level

ORIGIN = (-30.0, 46.0)
STREETS, STEP_M, CELL_M = 25, 120.0, 20.0
SIZE_M = (STREETS - 1) * STEP_M
MIDDLE = STREETS // 2


def build_city(path: Path) -> CityPack:
    """Writes the town's pack and opens it."""
    ways = _ways()
    tail, head, kind, name = (np.array(column) for column in zip(*ways, strict=True))
    xy = np.array([(c * STEP_M, r * STEP_M) for r in range(STREETS) for c in range(STREETS)])
    segments = np.hstack([xy[tail], xy[head]]).astype(np.float32)
    count = len(ways)
    edge = np.arange(count, dtype=np.int32)
    both = np.concatenate([edge, edge])
    arrays: dict[str, Any] = {
        "node_xy": xy, "node_elevation_m": np.full(len(xy), 2, np.float32),
        "arc_tail": np.concatenate([tail, head]).astype(np.int32),
        "arc_head": np.concatenate([head, tail]).astype(np.int32),
        "arc_length_m": np.full(2 * count, STEP_M, np.float32), "arc_speed_mps": np.full(2 * count, 10, np.float32),
        "arc_class": kind[both].astype(np.uint8), "arc_edge": both, "arc_name": name[both].astype(np.int32),
        "arc_flags": np.zeros(2 * count, np.uint8), "edge_tail": tail.astype(np.int32),
        "edge_head": head.astype(np.int32), "edge_class": kind.astype(np.uint8),
        "edge_name": name.astype(np.int32), "edge_flags": np.zeros(count, np.uint8),
        "geom_xy": segments.reshape(-1, 2), "geom_start": (np.arange(count + 1) * 2).astype(np.int32),
        "names_json": json_array(["", *(f"{i} {way}" for way in ("Street", "Avenue") for i in range(STREETS))]),
    }  # fmt: skip
    for level in LEVELS:
        arrays |= level_arrays(level, build_level(segments, kind.astype(np.uint8), edge, level))
    arrays |= _rasters()
    write_pack(path, arrays, _meta())
    return CityPack.open(path)


def _ways() -> list[tuple[int, int, int, int]]:
    """Tail, head, class and name of every street segment."""
    ways = []
    for line in range(STREETS):
        kind = 1 if line == MIDDLE else 2 if line % 4 == 0 else 4
        for at in range(STREETS - 1):
            ways.append((line * STREETS + at, line * STREETS + at + 1, kind, 1 + line))
            ways.append((at * STREETS + line, (at + 1) * STREETS + line, kind, 1 + STREETS + line))
    return ways


def _rasters() -> dict[str, Any]:
    side = int(SIZE_M / CELL_M) + 20
    x0 = y0 = -10 * CELL_M
    xs = x0 + (np.arange(side) + 0.5) * CELL_M
    bay = (xs[:, None] < 300) & (np.abs(xs[None, :] - 1200) < 500)
    ground = np.where(bay, 1, 0).astype(np.uint8)
    ground[(xs[:, None] > 2000) & (xs[None, :] > 2000)] = 2
    terrain = np.broadcast_to((xs[:, None] / 400).astype(np.float32), (side, side)).copy()
    coast = np.array([[700, 300, 1700, 300], [700, -200, 700, 300], [1700, -200, 1700, 300]], np.float32)
    frame = np.array([x0, y0, CELL_M])
    return {
        "terrain": terrain,
        "terrain_frame": frame,
        "ground": ground,
        "ground_frame": frame,
        "coast": coast,
    }


def _meta() -> dict[str, Any]:
    return {
        "name": "Grid Haven", "origin": ORIGIN, "bounds_xy": [0.0, 0.0, SIZE_M, SIZE_M], "datum": "NHN",
        "attribution": "Grid Haven survey",
        "districts": [
            {"name": "Bayside", "lon": -29.985, "lat": 46.006, "rank": 1},
            {"name": "Uptown", "lon": -29.975, "lat": 46.02, "rank": 2},
        ],
    }  # fmt: skip
