"""The city pack: one memory-mapped, read-only file with everything the twin and the map know of a city.

Layout (little-endian)::

    8 bytes   magic  b"TOCSINPK"
    8 bytes   uint32 format version, uint32 length of the header
    header    UTF-8 JSON {"version", "sha256", "arrays": {name: [dtype, shape, offset]}}
    arrays    raw, each at a 64-byte aligned offset counted from the first aligned byte after the header

``sha256`` covers the array table (as canonical JSON) and every byte after the header. City facts and street
names are JSON too, kept as the byte arrays ``meta_json`` and ``names_json`` so that the checksum covers them.
Opening maps the file and checks magic, version and bounds; :meth:`CityPack.verify` reads all of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from picture.errors import RoadError
from twin.pyramid import LEVELS, LodLevel

MAGIC = b"TOCSINPK"
FORMAT_VERSION = 1
ALIGNMENT = 64
EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG

Array = NDArray[Any]


class RoadClass(IntEnum):
    """Importance of a road; lower is more important."""

    MOTORWAY = 0
    PRIMARY = 1
    SECONDARY = 2
    TERTIARY = 3
    RESIDENTIAL = 4
    SERVICE = 5
    FOOTPATH = 6
    FERRY = 7


class RoadFlag(IntFlag):
    """What is particular about a road segment."""

    BRIDGE = 1
    UNDERPASS = 2
    ONE_WAY = 4
    LOW_LYING = 8
    FERRY = 16
    PRIVATE = 32


class NoAccess(IntFlag):
    """Who may not use a road segment; emergency vehicles count apart from motor vehicles."""

    MOTOR = 1
    HEAVY = 2
    BUS = 4
    FOOT = 8
    EMERGENCY = 16


class Ground(IntEnum):
    """What a cell of the ground raster is."""

    LAND = 0
    WATER = 1
    PARK = 2
    INDUSTRIAL = 3
    DENSE = 4
    OUTSIDE = 5


@dataclass(frozen=True, slots=True)
class CityPack:
    """A city, ready to be looked at and driven through. Arrays are read-only views of the mapped file.

    Nodes and roads: ``node_xy`` float64 (n, 2) metres east and north of ``meta["origin"]``;
    ``node_elevation_m`` float32 on ``meta["datum"]``. Directed arcs ``arc_*`` (m,), undirected segments
    ``edge_*`` (e,); ``geom_xy[geom_start[k]:geom_start[k + 1]]`` runs from ``edge_tail[k]`` to
    ``edge_head[k]``. A one-way segment has the single arc tail→head. ``arc_flags`` and ``edge_flags`` hold
    :class:`RoadFlag` bits.

    Rasters ``terrain`` float32 metres and ``ground`` :class:`Ground`: row 0 is SOUTH, the centre of cell
    (i, j) is ``(x0 + (j + 0.5) * cell, y0 + (i + 0.5) * cell)``. ``coast`` float32 (k, 4) outlines water.

    Of a pack without them the following are empty or all zero. ``turn_from[k]`` to ``turn_to[k]`` is a move from
    arc to arc that is forbidden, at the node they share. Limits of a segment: height and width in centimetres,
    weight in kilograms, 0 where none is known; ``edge_access`` holds :class:`NoAccess` bits; ``edge_layer`` is
    the level above (or below) the ground that crossing roads are told apart by.
    """

    path: Path
    meta: dict[str, Any]
    names: list[str]
    node_xy: NDArray[np.float64]
    node_elevation_m: NDArray[np.float32]
    arc_tail: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    arc_length_m: NDArray[np.float32]
    arc_speed_mps: NDArray[np.float32]
    arc_class: NDArray[np.uint8]
    arc_edge: NDArray[np.int32]
    arc_name: NDArray[np.int32]
    arc_flags: NDArray[np.uint8]
    edge_tail: NDArray[np.int32]
    edge_head: NDArray[np.int32]
    edge_class: NDArray[np.uint8]
    edge_name: NDArray[np.int32]
    edge_flags: NDArray[np.uint8]
    geom_xy: NDArray[np.float32]
    geom_start: NDArray[np.int32]
    terrain: NDArray[np.float32]
    terrain_x0: float
    terrain_y0: float
    terrain_cell_m: float
    ground: NDArray[np.uint8]
    ground_x0: float
    ground_y0: float
    ground_cell_m: float
    coast: NDArray[np.float32]
    levels: tuple[LodLevel, ...]
    checksum: str
    turn_from: NDArray[np.int32]
    turn_to: NDArray[np.int32]
    edge_max_height_cm: NDArray[np.uint16]
    edge_max_width_cm: NDArray[np.uint16]
    edge_max_weight_kg: NDArray[np.uint32]
    edge_access: NDArray[np.uint8]
    edge_layer: NDArray[np.int8]

    @classmethod
    def open(cls, path: Path) -> CityPack:
        """The pack in the file, mapped, checksum unread; RoadError TOC-5001, 5101 or 5102 if it is none."""
        header, body, data = _read_header(path)
        arrays = {name: _view(data, body, name, spec) for name, spec in header["arrays"].items()}
        try:
            return cls._of(path, arrays, header["sha256"])
        except KeyError as missing:
            raise RoadError(f"{path} has no {missing}", code="TOC-5101") from None

    @classmethod
    def _of(cls, path: Path, arrays: dict[str, Array], checksum: str) -> CityPack:
        facts: dict[str, Any] = {name: arrays[name] for name in PLAIN_ARRAYS} | _optional(arrays)
        for raster in ("terrain", "ground"):
            frame = arrays[f"{raster}_frame"]
            facts |= {
                f"{raster}_x0": float(frame[0]),
                f"{raster}_y0": float(frame[1]),
                f"{raster}_cell_m": float(frame[2]),
            }
        return cls(
            path=path,
            checksum=checksum,
            meta=json.loads(arrays["meta_json"].tobytes()),
            names=json.loads(arrays["names_json"].tobytes()),
            levels=tuple(_level_of(arrays, level) for level in LEVELS),
            **facts,
        )

    def lod(self, level: int) -> LodLevel:
        """Segments for views of ``[2**level, 2**(level+1))`` metres per dot; level is clamped to −1..7."""
        return self.levels[min(max(level, LEVELS[0]), LEVELS[-1]) - LEVELS[0]]

    def verify(self) -> None:
        """Returns if every byte is as it was written; RoadError TOC-5103 otherwise."""
        header, body, data = _read_header(self.path)
        if _checksum(header["arrays"], memoryview(data)[body:]) != header["sha256"]:
            raise RoadError(str(self.path), code="TOC-5103")

    @overload
    def to_xy(self, lon: float, lat: float) -> tuple[float, float]: ...
    @overload
    def to_xy(self, lon: Array, lat: Array) -> tuple[Array, Array]: ...
    def to_xy(self, lon: Any, lat: Any) -> tuple[Any, Any]:
        """Metres east and north of the origin for WGS 84 degrees; scalars or arrays alike."""
        return project(self.meta["origin"], lon, lat)

    @overload
    def to_lonlat(self, x: float, y: float) -> tuple[float, float]: ...
    @overload
    def to_lonlat(self, x: Array, y: Array) -> tuple[Array, Array]: ...
    def to_lonlat(self, x: Any, y: Any) -> tuple[Any, Any]:
        """WGS 84 degrees for metres east and north of the origin; scalars or arrays alike."""
        return unproject(self.meta["origin"], x, y)


PLAIN_ARRAYS = (
    "node_xy",
    "node_elevation_m",
    "arc_tail",
    "arc_head",
    "arc_length_m",
    "arc_speed_mps",
    "arc_class",
    "arc_edge",
    "arc_name",
    "arc_flags",
    "edge_tail",
    "edge_head",
    "edge_class",
    "edge_name",
    "edge_flags",
    "geom_xy",
    "geom_start",
    "terrain",
    "ground",
    "coast",
)
TURN_ARRAYS = ("turn_from", "turn_to")
LIMIT_ARRAYS: dict[str, type[np.generic]] = {
    "edge_max_height_cm": np.uint16,
    "edge_max_width_cm": np.uint16,
    "edge_max_weight_kg": np.uint32,
    "edge_access": np.uint8,
    "edge_layer": np.int8,
}
"""What a pack may leave out, with its type: read as nothing known."""


def project(origin: tuple[float, float], lon: Any, lat: Any) -> tuple[Any, Any]:
    """Local equirectangular metres about ``origin`` (lon0, lat0): x east, y north."""
    lon0, lat0 = origin
    per_degree = math.radians(EARTH_RADIUS_M)
    return (lon - lon0) * (per_degree * math.cos(math.radians(lat0))), (lat - lat0) * per_degree


def unproject(origin: tuple[float, float], x: Any, y: Any) -> tuple[Any, Any]:
    """WGS 84 degrees for local equirectangular metres about ``origin`` (lon0, lat0)."""
    lon0, lat0 = origin
    per_degree = math.radians(EARTH_RADIUS_M)
    return lon0 + x / (per_degree * math.cos(math.radians(lat0))), lat0 + y / per_degree


def write_pack(path: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
    """Leaves a complete pack at ``path`` or none at all: written beside it, then renamed.

    ``arrays`` holds :data:`PLAIN_ARRAYS`, ``names_json``, ``terrain_frame`` and ``ground_frame`` (x0, y0,
    cell) and the arrays of :func:`level_arrays` for every level; :data:`TURN_ARRAYS` and :data:`LIMIT_ARRAYS`
    where anything is known of them.
    """
    whole = dict(arrays) | {"meta_json": json_array(meta)}
    table: dict[str, list[Any]] = {}
    offset = 0
    for name, array in whole.items():
        table[name] = [array.dtype.newbyteorder("<").str, list(array.shape), offset]
        offset = _aligned(offset + array.nbytes)
    body = bytearray(offset)
    for name, array in whole.items():
        raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        body[table[name][2] : table[name][2] + len(raw)] = raw
    facts = {"version": FORMAT_VERSION, "sha256": _checksum(table, body), "arrays": table}
    header = json.dumps(facts).encode()
    lead = MAGIC + struct.pack("<II", FORMAT_VERSION, len(header)) + header
    _replace(path, lead.ljust(_aligned(len(lead)), b"\0"), body)


def json_array(value: Any) -> NDArray[np.uint8]:
    """The value as UTF-8 JSON in a byte array, keys in the order given."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return np.frombuffer(text.encode(), dtype=np.uint8)


def level_arrays(level: int, lod: LodLevel) -> dict[str, Array]:
    """The arrays that hold one pyramid level in a pack."""
    frame = np.array([lod.x_min, lod.y_min, lod.cell_m, lod.cols, lod.rows], dtype=np.float64)
    parts: dict[str, Array] = {
        "segments": lod.segments,
        "class": lod.road_class,
        "edge": lod.edge,
        "cells": lod.cell_start,
        "frame": frame,
    }
    return {f"lod{level}_{part}": array for part, array in parts.items()}


def _optional(arrays: dict[str, Array]) -> dict[str, Array]:
    edges = len(arrays["edge_tail"])
    found = {name: arrays.get(name, np.zeros(0, np.int32)) for name in TURN_ARRAYS}
    return found | {name: arrays.get(name, np.zeros(edges, kind)) for name, kind in LIMIT_ARRAYS.items()}


def _level_of(arrays: dict[str, Array], level: int) -> LodLevel:
    segments, kind, edge, cells, frame = (
        arrays[f"lod{level}_{part}"] for part in ("segments", "class", "edge", "cells", "frame")
    )
    x_min, y_min, cell_m, cols, rows = (float(value) for value in frame)
    return LodLevel(segments, kind, edge, cells, x_min, y_min, cell_m, int(cols), int(rows))


def _read_header(path: Path) -> tuple[dict[str, Any], int, mmap.mmap]:
    """Header, offset of the first array byte, and the mapped file."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as why:  # ValueError: an empty file cannot be mapped
        raise RoadError(f"{path}: {why}", code="TOC-5001") from why
    if data[:8] != MAGIC or len(data) < 16:
        raise RoadError(str(path), code="TOC-5101")
    version, length = struct.unpack("<II", data[8:16])
    if version != FORMAT_VERSION:
        raise RoadError(f"{path} has format {version}, this Tocsin reads {FORMAT_VERSION}", code="TOC-5102")
    try:
        header = json.loads(data[16 : 16 + length])
        header["arrays"].items(), header["sha256"]
    except (ValueError, KeyError, TypeError, AttributeError) as why:
        raise RoadError(str(path), code="TOC-5101") from why
    return header, _aligned(16 + length), data


def _view(data: mmap.mmap, body: int, name: str, spec: list[Any]) -> Array:
    try:
        kind, shape, offset = spec
        count = math.prod(shape)
        return np.frombuffer(data, dtype=kind, count=count, offset=body + offset).reshape(shape)
    except (ValueError, TypeError) as why:
        raise RoadError(f"{name}: {why}", code="TOC-5101") from why


def _checksum(table: Mapping[str, Any], body: bytes | bytearray | memoryview) -> str:
    digest = hashlib.sha256(json.dumps(table, sort_keys=True, separators=(",", ":")).encode())
    digest.update(body)
    return digest.hexdigest()


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _replace(path: Path, *parts: bytes | bytearray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
