"""City source data: the small file a city is shipped as, and the pack that is built from it.

A source is one xz stream. Unpacked::

    8 bytes   magic  b"TOCSINCT"
    4 bytes   uint32 length of the header, little-endian
    header    UTF-8 JSON {"version", "meta", "names", "arrays": [[name, dtype, shape], …]}
    arrays    raw little-endian, one after the other in the header's order

Whole numbers only: positions in decimetres, heights in steps of 5 cm, speeds in km/h. What compresses badly as it
is stands as differences: ``node_dm`` from node to node, ``edge_head`` from its tail, ``bend_dm`` from the tail's
node, ``terrain`` from cell to cell along the row and then from row to row. Read one with ``xz -dc FILE | head -c``.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from picture.errors import RoadError
from twin.pack import FORMAT_VERSION, Array, RoadFlag, json_array, level_arrays, write_pack
from twin.pyramid import LEVELS, build_level

MAGIC = b"TOCSINCT"
SOURCE_VERSION = 1
HEIGHT_STEP_M = 0.05
CITIES = Path(__file__).parent / "cities"
SUFFIX = ".city.xz"

Progress = Callable[[str, float], None]


def write_source(path: Path, meta: Mapping[str, Any], names: list[str], arrays: Mapping[str, Array]) -> None:
    """Leaves the city's source at ``path``; the same content is the same bytes."""
    table = [[name, array.dtype.newbyteorder("<").str, list(array.shape)] for name, array in arrays.items()]
    facts = {"version": SOURCE_VERSION, "meta": meta, "names": names, "arrays": table}
    header = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    raw = b"".join(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for array in arrays.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(MAGIC + struct.pack("<I", len(header)) + header + raw, preset=9))


def read_source(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays of a source as stored; RoadError TOC-5104 if it is none."""
    try:
        data = lzma.decompress(path.read_bytes())
        if data[:8] != MAGIC:
            raise ValueError("not a city source")
        (length,) = struct.unpack("<I", data[8:12])
        header = json.loads(data[12 : 12 + length])
        if header["version"] != SOURCE_VERSION:
            raise ValueError(f"version {header['version']}")
        arrays, offset = {}, 12 + length
        for name, kind, shape in header["arrays"]:
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(data, dtype=kind, count=count, offset=offset).reshape(shape)
            offset += arrays[name].nbytes
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError, struct.error) as why:
        raise RoadError(f"{path.name}: {why}", code="TOC-5104") from why
    return header, arrays


def build_pack(source: Path, target: Path, progress: Progress | None = None) -> None:
    """Builds the memory-mapped pack of a source; ``progress`` hears what is done and the share done so far."""
    tell = progress or (lambda _what, _share: None)
    tell("Reading the city", 0.0)
    header, stored = read_source(source)
    arrays = _roads(stored)
    tell("Laying out the ground", 0.4)
    arrays |= _rasters(stored, header["meta"])
    tell("Drawing the map", 0.5)
    arrays |= pyramid_arrays(arrays)
    tell("Writing the pack", 0.9)
    arrays["names_json"] = json_array(header["names"])
    write_pack(target, arrays, header["meta"])
    tell("Ready", 1.0)


def source_of(name: str) -> Path:
    """The shipped source of a city; RoadError TOC-5104 if there is none of that name."""
    for path in sorted(CITIES.glob(f"*{SUFFIX}")):
        if path.name == name + SUFFIX:
            return path
    raise RoadError(name, code="TOC-5104")


def ensure_pack(name: str, cache_dir: Path, progress: Progress | None = None) -> Path:
    """The pack of a shipped city, built into the cache if it is not there or was built from another source."""
    source = source_of(name)
    stamp = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    target = cache_dir / f"{name}-{FORMAT_VERSION}-{stamp}.pack"
    if not target.exists():
        build_pack(source, target, progress)
        for outdated in cache_dir.glob(f"{name}-*.pack"):
            if outdated != target:
                outdated.unlink(missing_ok=True)
    return target


def _roads(stored: dict[str, Array]) -> dict[str, Array]:
    node_dm = np.cumsum(stored["node_dm"], axis=0, dtype=np.int64)
    node_xy = node_dm / 10.0
    tail = np.cumsum(stored["edge_tail"], dtype=np.int64)
    head = tail + stored["edge_head"]
    geom_xy, geom_start = _geometry(stored, node_dm, tail, head)
    flags = stored["edge_flags"]
    arrays: dict[str, Array] = {
        "node_xy": node_xy,
        "node_elevation_m": (stored["node_height"] * HEIGHT_STEP_M).astype(np.float32),
        "edge_tail": tail.astype(np.int32),
        "edge_head": head.astype(np.int32),
        "edge_class": stored["edge_class"],
        "edge_name": stored["edge_name"].astype(np.int32),
        "edge_flags": flags,
        "geom_xy": geom_xy,
        "geom_start": geom_start,
    }
    return arrays | _arcs(arrays, stored["edge_kmh"])


def _geometry(
    stored: dict[str, Array],
    node_dm: NDArray[np.int64],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Points of all edges, each from tail over its bends to head, and where each edge starts."""
    bends = stored["edge_bends"].astype(np.int64)
    start = np.concatenate([[0], np.cumsum(bends + 2)])
    points = np.empty((start[-1], 2))
    points[start[:-1]], points[start[1:] - 1] = node_dm[tail], node_dm[head]
    inner = np.ones(len(points), dtype=bool)
    inner[start[:-1]] = inner[start[1:] - 1] = False
    points[inner] = stored["bend_dm"] + node_dm[np.repeat(tail, bends)]
    return (points / 10).astype(np.float32), start.astype(np.int32)


def _arcs(edges: dict[str, Array], kmh: Array) -> dict[str, Array]:
    """Directed arcs of all edges, sorted by tail; a one-way edge has the arc tail→head alone."""
    step = np.diff(edges["geom_xy"].astype(np.float64), axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(step[:, 0], step[:, 1]))])
    start = edges["geom_start"]
    length = along[start[1:] - 1] - along[start[:-1]]
    back = np.flatnonzero((edges["edge_flags"] & RoadFlag.ONE_WAY) == 0)
    edge = np.concatenate([np.arange(len(length)), back])
    tail = np.concatenate([edges["edge_tail"], edges["edge_head"][back]])
    head = np.concatenate([edges["edge_head"], edges["edge_tail"][back]])
    order = np.argsort(tail, kind="stable")
    edge = edge[order]
    return {
        "arc_tail": tail[order],
        "arc_head": head[order],
        "arc_length_m": length[edge].astype(np.float32),
        "arc_speed_mps": (kmh[edge] / 3.6).astype(np.float32),
        "arc_class": edges["edge_class"][edge],
        "arc_edge": edge.astype(np.int32),
        "arc_name": edges["edge_name"][edge],
        "arc_flags": edges["edge_flags"][edge],
    }


def _rasters(stored: dict[str, Array], meta: Mapping[str, Any]) -> dict[str, Array]:
    steps = np.cumsum(np.cumsum(stored["terrain"], axis=0, dtype=np.int32), axis=1, dtype=np.int32)
    frame = np.array(meta["raster"], dtype=np.float64)
    return {
        "terrain": (steps * HEIGHT_STEP_M).astype(np.float32),
        "terrain_frame": frame,
        "ground": stored["ground"],
        "ground_frame": frame,
        "coast": (stored["coast_dm"] / 10).astype(np.float32),
    }


def pyramid_arrays(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of every map level of the roads in ``geom_xy``, ``geom_start`` and ``edge_class``."""
    points, start = arrays["geom_xy"], arrays["geom_start"].astype(np.int64)
    first = np.ones(len(points), dtype=bool)
    first[start[1:] - 1] = False
    index = np.flatnonzero(first)
    segments = np.hstack([points[index], points[index + 1]])
    edge = np.repeat(np.arange(len(start) - 1), np.diff(start) - 1).astype(np.int32)
    kind = arrays["edge_class"][edge]
    found: dict[str, Array] = {}
    # Sorting lets go of the GIL: two threads take two thirds of the time. Large levels go with small ones.
    with ThreadPoolExecutor(2) as pool:
        order = sorted(LEVELS, key=lambda level: (level > LEVELS[0], -level))
        built = dict(zip(order, pool.map(lambda level: build_level(segments, kind, edge, level), order), strict=True))
    for level in LEVELS:
        found |= level_arrays(level, built[level])
    return found
