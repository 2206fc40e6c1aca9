"""A small made-up town for road tests: a jittered grid by the sea, with everything that trips a router.

Sea south of y = −60 m; a river (x 1400 to 1460 m) runs up from it, gated at y = 200 m; the ground rises
northwards by 1 m in 400 m from 0.5 m; a bowl below sea level lies inland round (600, 1200).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from twin.pack import CityPack, RoadFlag, json_array, level_arrays, unproject, write_pack
from twin.pyramid import LEVELS, build_level

ORIGIN = (-30.0, 46.0)
COLUMNS, ROWS, STEP_M = 30, 20, 100.0
CELL_M = 20.0
UNDERPASS = (20, 3)
"""Grid place whose street to the east is an underpass, 2 m below its ground."""
DIP_M = 2.0


def build_town(path: Path, seed: int = 5) -> CityPack:
    """Writes the town's pack and opens it."""
    rng = np.random.default_rng(seed)
    xy = np.array([(c * STEP_M, r * STEP_M) for r in range(ROWS) for c in range(COLUMNS)], dtype=np.float64)
    xy += rng.uniform(-20, 20, xy.shape)
    names = [
        "",
        *(f"{ordinal(r)} Street" for r in range(ROWS)),
        *(f"{TREES[c]} Avenue" for c in range(COLUMNS)),
    ]
    edges: list[dict[str, Any]] = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            node = row * COLUMNS + column
            if column + 1 < COLUMNS:
                edges.append(dict(a=node, b=node + 1, name=1 + row, place=(column, row), across=True))
            if row + 1 < ROWS:
                edges.append(dict(a=node, b=node + COLUMNS, name=1 + ROWS + column, place=(column, row), across=False))
    keep = [e for e in edges if rng.random() > 0.06 or e["place"] == UNDERPASS or e["place"][0] == 14]
    # Parallel roads (a bypass beside a street) and loops (a close that returns to its own crossing).
    keep += [dict(a=e["a"], b=e["b"], name=0, place=(-1, -1), across=False, bulge=60.0) for e in keep[::9]]
    keep += [dict(a=n, b=n, name=0, place=(-1, -1), across=False, bulge=0.0) for n in range(7, len(xy), 61)]
    return _write(path, rng, xy, keep, names)


def ordinal(row: int) -> str:
    """Names of the streets that run east."""
    return WORDS[row]


WORDS = (
    "Customs House",
    "Wharf",
    "St Anne's",
    "Chandler",
    "Rope Walk",
    "Market",
    "Abbey",
    "Mill",
    "Station",
    "Museum",
    "College",
    "Orchard",
    "Castle",
    "Prospect",
    "Windmill",
    "Quarry",
    "Reservoir",
    "Common",
    "Barracks",
    "Ridge",
)
TREES = (
    "Alder",
    "Ash",
    "Aspen",
    "Beech",
    "Birch",
    "Box",
    "Cedar",
    "Cherry",
    "Chestnut",
    "Cypress",
    "Dogwood",
    "Elder",
    "Elm",
    "Fir",
    "Hawthorn",
    "Hazel",
    "Holly",
    "Hornbeam",
    "Juniper",
    "Larch",
    "Laurel",
    "Lime",
    "Maple",
    "Myrtle",
    "Oak",
    "Pine",
    "Plane",
    "Poplar",
    "Rowan",
    "Willow",
)


def _write(path: Path, rng: np.random.Generator, xy: Any, edges: list[dict[str, Any]], names: list[str]) -> CityPack:
    lines, flags, kind, arcs, dips = [], [], [], [], {}
    for k, e in enumerate(edges):
        line = _line(rng, xy[e["a"]], xy[e["b"]], e.get("bulge", float(rng.uniform(-8, 8))))
        lines.append(line)
        flag = 0
        if e["across"] and e["place"][0] == 14:
            flag |= RoadFlag.BRIDGE
        if e["across"] and e["place"] == UNDERPASS:
            flag |= RoadFlag.UNDERPASS | RoadFlag.LOW_LYING
            dips[str(k)] = DIP_M
        one_way = rng.random() < 0.15 and e["a"] != e["b"] and not flag
        flag |= RoadFlag.ONE_WAY if one_way else 0
        flags.append(int(flag))
        kind.append(2 if e["name"] and e["name"] % 5 == 0 else 4)
        length = float(np.hypot(*np.diff(line, axis=0).T).sum())
        arcs.append((e["a"], e["b"], k, length))
        if not one_way:
            arcs.append((e["b"], e["a"], k, length))
    order = rng.permutation(len(arcs))
    arcs = [arcs[i] for i in order]
    edge = np.array([a[2] for a in arcs], np.int32)
    kind_array = np.array(kind, np.uint8)
    speed = np.where(kind_array == 2, 16.7, 8.3)[edge] * rng.uniform(0.9, 1.1, len(arcs))
    rows, columns = int(2400 / CELL_M), int(3400 / CELL_M)
    x = -200 + (np.arange(columns) + 0.5) * CELL_M
    y = -300 + (np.arange(rows) + 0.5) * CELL_M
    river = (x[None, :] > 1400) & (x[None, :] < 1460) & (y[:, None] < 1200)
    water = river | (y[:, None] < -60)
    terrain = np.where(water, -6.0, 0.5 + y[:, None] / 400 + 0 * x[None, :])
    bowl = np.hypot(x[None, :] - 600, y[:, None] - 1200) < 200
    terrain[bowl] = -1.0
    segments = np.concatenate([np.hstack((line[:-1], line[1:])) for line in lines]).astype(np.float32)
    owner = np.concatenate([np.full(len(line) - 1, k, np.int32) for k, line in enumerate(lines)])
    arrays: dict[str, Any] = {
        "node_xy": xy,
        "node_elevation_m": (0.5 + xy[:, 1] / 400).astype(np.float32),
        "arc_tail": np.array([a[0] for a in arcs], np.int32),
        "arc_head": np.array([a[1] for a in arcs], np.int32),
        "arc_length_m": np.array([a[3] for a in arcs], np.float32),
        "arc_speed_mps": speed.astype(np.float32),
        "arc_class": kind_array[edge],
        "arc_edge": edge,
        "arc_name": np.array([e["name"] for e in edges], np.int32)[edge],
        "arc_flags": np.array(flags, np.uint8)[edge],
        "edge_tail": np.array([e["a"] for e in edges], np.int32),
        "edge_head": np.array([e["b"] for e in edges], np.int32),
        "edge_class": kind_array,
        "edge_name": np.array([e["name"] for e in edges], np.int32),
        "edge_flags": np.array(flags, np.uint8),
        "geom_xy": np.concatenate(lines).astype(np.float32),
        "geom_start": np.concatenate(([0], np.cumsum([len(line) for line in lines]))).astype(np.int32),
        "terrain": terrain.astype(np.float32),
        "terrain_frame": np.array([-200.0, -300.0, CELL_M]),
        "ground": water.astype(np.uint8),
        "ground_frame": np.array([-200.0, -300.0, CELL_M]),
        "coast": np.zeros((0, 4), np.float32),
        "names_json": json_array(names),
    }
    for level in LEVELS:
        arrays |= level_arrays(level, build_level(segments, kind_array[owner], owner, level))
    write_pack(path, arrays, _meta() | {"dips": dips})
    return CityPack.open(path)


def _line(rng: np.random.Generator, a: Any, b: Any, bulge: float) -> Any:
    if np.array_equal(a, b):
        return (a + np.array([(0, 0), (25, 5), (25, 30), (-5, 25), (0, 0)])).astype(np.float32)
    side = np.array([-(b - a)[1], (b - a)[0]]) / max(float(np.hypot(*(b - a))), 1.0)
    return np.array([a, a * 0.6 + b * 0.4 + side * bulge, a * 0.3 + b * 0.7 + side * bulge, b]).astype(np.float32)


def lonlat(x: float, y: float) -> tuple[float, float]:
    """(longitude, latitude) of a place in the town given in metres."""
    lon, lat = unproject(ORIGIN, x, y)
    return float(lon), float(lat)


def _meta() -> dict[str, Any]:
    def at(x: float, y: float) -> dict[str, float]:
        return dict(zip(("lon", "lat"), lonlat(x, y), strict=True))

    return {
        "name": "Road Town",
        "origin": ORIGIN,
        "bounds_xy": [-200, -300, 3200, 2100],
        "datum": "test",
        "districts": [
            {"name": "Old Harbour", "rank": 1, **at(700, 300)},
            {"name": "Heights", "rank": 2, **at(700, 1700)},
            {"name": "Eastside", "rank": 2, **at(2300, 900)},
        ],
        "facilities": [
            {
                "id": "H-STANNE",
                "kind": "hospital",
                "name": "St Anne's Hospital",
                "address": "12 Abbey Street",
                "district": "Old Harbour",
                "elevation_m": 2.0,
                "agency": "health",
                **at(850, 610),
            },
            {
                "id": "F-1",
                "kind": "fire station",
                "name": "Central Fire Station",
                "address": "3 Market Street",
                "district": "Old Harbour",
                "elevation_m": 1.7,
                "agency": "fire",
                **at(320, 512),
            },
        ],
        "berths": [{"id": "B-6", "terminal": "Container Terminal", "name": "Berth 6", **at(1100, -55)}],
        "barrier": {
            "id": "BAR-1",
            "name": "Meridian Barrier",
            "close_s": 1800,
            "sill_m": -6.0,
            **at(1430, 200),
            "polygon": [lonlat(*p) for p in ((1300, 200), (1560, 200), (1560, 1300), (1300, 1300))],
        },
        "substations": [{"id": "SUB-4", "name": "Chandler Substation", **at(2000, 305)}],
    }
