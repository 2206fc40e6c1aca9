"""Port Meridian, the fictional city of the drills, drawn by a deterministic generator.

It may import numpy, scipy, the pack's vocabulary and the source format; nothing at run time imports it but
``tocsin city generate``. It knows no drill, feed or playbook: it makes a place, not a story.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from twin.city import harbour, plan, sites, units, utilities
from twin.city.flooding import onset_m
from twin.city.land import STEP_M, Land, make_land, sink_underpass
from twin.city.mainroads import UNDERPASS_NAME, Line, draw_main_roads
from twin.city.naming import name_streets
from twin.city.places import Surveyor, district_records
from twin.city.shapes import Floats, piece, stations
from twin.city.streets import grow_streets
from twin.city.weave import Graph, weave
from twin.pack import RoadFlag
from twin.source import SUFFIX, write_source

UNDERPASS_FLOOR_M = 0.6


@dataclass(frozen=True, slots=True)
class Report:
    """What was generated: the file, its SHA-256 and size, and counts of what is in it."""

    path: Path
    sha256: str
    bytes: int
    counts: dict[str, int]


def generate(out: Path, progress: Callable[[str, float], None] | None = None) -> Report:
    """Writes ``port-meridian.city.xz`` into the folder ``out`` and says what is in it; the same bytes each time."""
    tell = progress or (lambda _what, _share: None)
    rng = np.random.default_rng(plan.SEED)
    tell("Shaping land and water", 0.0)
    land = make_land(rng)
    tell("Drawing main roads", 0.4)
    lines = draw_main_roads(land)
    _dig(land, lines)
    tell("Growing streets", 0.5)
    graph, drawn = weave(lines, grow_streets(land, lines, rng))
    graph = _in_place_order(graph)
    names, edge_name = name_streets(graph, drawn, rng)
    tell("Placing what stands in it", 0.7)
    meta = _meta(land, Surveyor(land, graph, names, edge_name, onset_m(land)), rng)
    path = out / f"port-meridian{SUFFIX}"
    tell("Packing", 0.8)
    write_source(path, meta, names, _arrays(land, graph, edge_name))
    tell("Ready", 1.0)
    raw = path.read_bytes()
    counts = {key: len(value) for key, value in meta.items() if isinstance(value, list) and key != "origin"}
    counts |= {"nodes": len(graph.xy), "edges": len(graph.tail), "names": len(names) - 1}
    return Report(path, hashlib.sha256(raw).hexdigest(), len(raw), counts)


def _dig(land: Land, lines: list[Line]) -> None:
    for line in lines:
        for part in line.stretches:
            if part.name == UNDERPASS_NAME:
                end = float(stations(line.xy)[-1])
                cutting = piece(line.xy, max(0.0, part.start_m - 20), min(end, part.stop_m + 20))
                sink_underpass(land, cutting, UNDERPASS_FLOOR_M)


def _in_place_order(graph: Graph) -> Graph:
    """The same graph with nodes and edges numbered by where they are, which packs and caches better."""
    cell = (graph.xy // 400).astype(np.int64)
    order = np.lexsort((graph.xy[:, 1], graph.xy[:, 0], cell[:, 0], cell[:, 1]))
    new = np.empty(len(order), dtype=np.int64)
    new[order] = np.arange(len(order))
    tail, head = new[graph.tail], new[graph.head]
    by_tail = np.lexsort((head, tail))
    return Graph(
        graph.xy[order],
        tail[by_tail],
        head[by_tail],
        graph.road_class[by_tail],
        graph.flags[by_tail],
        graph.kmh[by_tail],
        graph.course[by_tail],
        [graph.bends[k] for k in by_tail],
    )


def _meta(land: Land, survey: Surveyor, rng: np.random.Generator) -> dict[str, Any]:
    f = land.frame
    return {
        "name": plan.NAME,
        "country": "Meridia (fictional)",
        "origin": list(plan.ORIGIN),
        "bounds_xy": list(plan.BOUNDS),
        "datum": plan.DATUM,
        "raster": [f.x0, f.y0, f.cell_m],
        "attribution": "Port Meridian: fictional city, made by Tocsin's generator",
        "districts": district_records(land),
        "agencies": sites.agencies(),
        "facilities": sites.facilities(survey, rng),
        "berths": harbour.berths(),
        "anchorages": harbour.anchorages(),
        "barrier": harbour.barrier(),
        "channel": harbour.channel(),
        "navaids": harbour.navaids(),
        "substations": utilities.substations(survey),
        "feeders": utilities.feeders(),
        "pumps": utilities.pumps(survey),
        "outfalls": utilities.outfalls(survey),
        "units": units.units(),
        "gauges": harbour.gauges(survey),
    }


def _arrays(land: Land, graph: Graph, edge_name: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    node_dm = np.round(graph.xy * 10).astype(np.int32)
    height = _node_heights(land, graph)
    bends = [
        np.round(bend * 10).astype(np.int64) - node_dm[tail] for bend, tail in zip(graph.bends, graph.tail, strict=True)
    ]
    steps = np.round(land.height_m / STEP_M).astype(np.int32)
    across = np.diff(np.diff(steps, axis=1, prepend=0), axis=0, prepend=0)
    return {
        "node_dm": np.diff(node_dm, axis=0, prepend=np.zeros((1, 2), np.int32)).astype(np.int32),
        "node_height": np.round(height / STEP_M).astype(np.int16),
        "edge_tail": np.diff(graph.tail, prepend=0).astype(np.int32),
        "edge_head": (graph.head - graph.tail).astype(np.int32),
        "edge_class": graph.road_class.astype(np.uint8),
        "edge_flags": (graph.flags | _low_lying(land, graph, height)).astype(np.uint8),
        "edge_kmh": graph.kmh.astype(np.uint8),
        "edge_name": edge_name,
        "edge_bends": np.array([len(bend) for bend in bends], dtype=np.uint8),
        "bend_dm": np.vstack(bends).astype(np.int32),
        "terrain": across.astype(np.int16),
        "ground": land.ground,
        "coast_dm": np.round(land.coast * 10).astype(np.int32),
    }


def _node_heights(land: Land, graph: Graph) -> Floats:
    """Height of each node; beside water the highest cell around it, because roads stand on the quay."""
    row, col = land.frame.cells(graph.xy)
    height = land.height_m[row, col].copy()
    wet = np.flatnonzero(height < 0.3)
    top, right = land.frame.rows - 1, land.frame.cols - 1
    around = [
        land.height_m[np.clip(row[wet] + i, 0, top), np.clip(col[wet] + j, 0, right)]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    ]
    height[wet] = np.max(around, axis=0)
    return np.where(height < 0, 3.0, height)


def _low_lying(land: Land, graph: Graph, height: Floats) -> NDArray[np.int64]:
    """The low-lying bit for edges well below the land within 300 m, where surge can reach at all."""
    dry = (land.shore_m > 0).astype(np.float64)
    mean = uniform_filter(np.where(dry > 0, land.height_m, 0), 31) / np.maximum(uniform_filter(dry, 31), 0.02)
    middle = (graph.xy[graph.tail] + graph.xy[graph.head]) / 2
    own = np.minimum(height[graph.tail], height[graph.head])
    low = (own < 3.2) & (own < mean[land.frame.cells(middle)] - 0.8) & ((graph.flags & RoadFlag.BRIDGE) == 0)
    return np.where(low, int(RoadFlag.LOW_LYING), 0)
