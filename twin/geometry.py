"""Shapes as people give them, WKT or GeoJSON, strictly read; and the roads that a shape touches.

WKT: ``POINT``, ``LINESTRING``, ``POLYGON``, ``MULTIPOLYGON``, two numbers a position, no SRID, Z or EMPTY. GeoJSON
(RFC 7946): those four, ``MultiPoint``, ``MultiLineString``, ``GeometryCollection``, ``Feature`` and
``FeatureCollection``. Positions are longitude, latitude; a third number in GeoJSON (a height) is passed over. Rings
are closed and have at least four positions; the first of a polygon is its outline, the others are holes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from picture.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.pack import CityPack

MOST_POSITIONS = 100_000
POINT_REACH_M = 25.0
"""A point has no extent: it means the roads within so many metres."""
_DEPTH = 8
_TOKEN = re.compile(r"\s*([A-Za-z]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[(),])")
_NUMBER = re.compile(r"[-+.\d]")


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Points, lines and polygons in longitude, latitude; each line and ring float64 (k, 2)."""

    points: tuple[tuple[float, float], ...] = ()
    lines: tuple[NDArray[np.float64], ...] = ()
    polygons: tuple[tuple[NDArray[np.float64], ...], ...] = ()

    @property
    def positions(self) -> int:
        """How many positions it is drawn with."""
        return len(self.points) + sum(map(len, self.lines)) + sum(len(r) for rings in self.polygons for r in rings)


def read_shape(text: str) -> Shape:
    """The shape in a WKT or GeoJSON text.

    InputError TOC-2002 names what is wrong, TOC-2009 a position off the globe, TOC-2004 a shape without bounds.
    """
    shape = _of_geojson(text) if text.lstrip().startswith("{") else _of_wkt(text)
    if shape.positions > MOST_POSITIONS:
        count = shape.positions
        raise InputError(f"The shape has {count} positions, at most {MOST_POSITIONS} are read.", code="TOC-2004")
    return shape


def check_position(lon: float, lat: float) -> tuple[float, float]:
    """The position; InputError TOC-2009 where it is not on the globe."""
    if not (math.isfinite(lon) and math.isfinite(lat) and -180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        raise InputError(f"{lon:g}, {lat:g}: longitude lies within ±180, latitude within ±90.", code="TOC-2009")
    return lon, lat


# --- WKT --------------------------------------------------------------------------------------------------


def _of_wkt(text: str) -> Shape:
    return _Wkt(text).shape()


class _Wkt:
    """One pass over the tokens."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        text, at = text.rstrip(), 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise InputError(f"WKT at character {at + 1}: {text[at : at + 12].strip()!r} is not expected.")
            self._tokens.append(found[1])
            at = found.end()
            if len(self._tokens) > 4 * MOST_POSITIONS:
                raise InputError("The WKT is too long.", code="TOC-2004")
        self._at = 0

    def shape(self) -> Shape:
        kind = self._next().upper()
        if kind == "POINT":
            shape = Shape(points=tuple(self._positions()))
            if len(shape.points) != 1:
                raise InputError("A WKT POINT has one position.")
        elif kind == "LINESTRING":
            shape = Shape(lines=(_line(self._positions()),))
        elif kind == "POLYGON":
            shape = Shape(polygons=(self._rings(),))
        elif kind == "MULTIPOLYGON":
            shape = Shape(polygons=tuple(self._list(self._rings)))
        else:
            raise InputError(f"{kind[:24]!r}: POINT, LINESTRING, POLYGON and MULTIPOLYGON are read.")
        if self._at != len(self._tokens):
            raise InputError(f"WKT: {self._tokens[self._at]!r} after the end of the shape.")
        return shape

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise InputError("The WKT ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, *wanted: str) -> str:
        token = self._next()
        if token not in wanted:
            raise InputError(f"WKT: {token!r} where {' or '.join(wanted)} is expected.")
        return token

    def _list(self, read: Any) -> Iterator[Any]:
        """``( item , item … )``."""
        self._expect("(")
        yield read()
        while self._expect(",", ")") == ",":
            yield read()

    def _rings(self) -> tuple[NDArray[np.float64], ...]:
        return tuple(_ring(ring) for ring in self._list(self._positions))

    def _positions(self) -> list[tuple[float, float]]:
        return list(self._list(self._position))

    def _position(self) -> tuple[float, float]:
        lon, lat = self._next(), self._next()
        if not (_NUMBER.match(lon) and _NUMBER.match(lat)):
            raise InputError(f"WKT: {lon!r} {lat!r} where longitude and latitude are expected.")
        return check_position(float(lon), float(lat))


# --- GeoJSON ----------------------------------------------------------------------------------------------


def _of_geojson(text: str) -> Shape:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"GeoJSON: {error}") from None
    parts = list(_parts(data, _DEPTH))
    if not any(part.points or part.lines or part.polygons for part in parts):
        raise InputError("The GeoJSON holds no shape.")
    return Shape(
        tuple(point for part in parts for point in part.points),
        tuple(line for part in parts for line in part.lines),
        tuple(polygon for part in parts for polygon in part.polygons),
    )


def _parts(data: Any, depth: int) -> Iterator[Shape]:
    if depth == 0:
        raise InputError("The GeoJSON is nested too deeply.", code="TOC-2004")
    kind = data.get("type") if isinstance(data, dict) else None
    if kind == "FeatureCollection":
        for feature in _listed(data.get("features"), "features"):
            yield from _parts(feature, depth - 1)
    elif kind == "Feature":
        if data.get("geometry") is not None:
            yield from _parts(data["geometry"], depth - 1)
    elif kind == "GeometryCollection":
        for geometry in _listed(data.get("geometries"), "geometries"):
            yield from _parts(geometry, depth - 1)
    else:
        yield _geometry(kind, data.get("coordinates") if isinstance(data, dict) else None)


def _geometry(kind: Any, at: Any) -> Shape:
    if kind == "Point":
        return Shape(points=(_position(at),))
    if kind == "MultiPoint":
        return Shape(points=tuple(_positions(at)))
    if kind == "LineString":
        return Shape(lines=(_line(_positions(at)),))
    if kind == "MultiLineString":
        return Shape(lines=tuple(_line(_positions(line)) for line in _listed(at, "coordinates")))
    if kind == "Polygon":
        return Shape(polygons=(_polygon(at),))
    if kind == "MultiPolygon":
        return Shape(polygons=tuple(_polygon(one) for one in _listed(at, "coordinates")))
    raise InputError(f"GeoJSON of type {str(kind)[:24]!r} is not read.")


def _listed(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"GeoJSON: {what} must be a list.")
    return value


def _position(value: Any) -> tuple[float, float]:
    numbers = _listed(value, "a position")
    if len(numbers) not in (2, 3) or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
        raise InputError(f"GeoJSON: {str(value)[:40]} where longitude and latitude are expected.")
    return check_position(float(numbers[0]), float(numbers[1]))


def _positions(value: Any) -> list[tuple[float, float]]:
    return [_position(one) for one in _listed(value, "coordinates")]


def _polygon(value: Any) -> tuple[NDArray[np.float64], ...]:
    rings = tuple(_ring(_positions(ring)) for ring in _listed(value, "coordinates"))
    if not rings:
        raise InputError("A polygon has at least one ring.")
    return rings


def _line(positions: list[tuple[float, float]]) -> NDArray[np.float64]:
    if len(positions) < 2:
        raise InputError("A line has at least two positions.")
    return np.array(positions, dtype=np.float64)


def _ring(positions: list[tuple[float, float]]) -> NDArray[np.float64]:
    if len(positions) < 4 or positions[0] != positions[-1]:
        raise InputError("A ring is closed (its last position is its first) and has at least four positions.")
    return np.array(positions, dtype=np.float64)


# --- roads ------------------------------------------------------------------------------------------------


def edges_touching(pack: CityPack, shape: Shape) -> NDArray[np.int32]:
    """Ascending ids of the road edges whose geometry has a point in common with the shape; int32.

    A point stands for all within ``POINT_REACH_M`` of it. Bridges and tunnels count like any road: a shape says
    where, not at which height.
    """
    start, end, edge = _segments(pack)
    hit = np.zeros(len(edge), dtype=bool)
    for lon, lat in shape.points:
        hit |= _distance_m(start, end, np.array(pack.to_xy(lon, lat))) <= POINT_REACH_M
    for line in shape.lines:
        hit |= _crossed(start, end, _to_xy(pack, line))
    for rings in shape.polygons:
        in_xy = [_to_xy(pack, ring) for ring in rings]
        hit |= _within(start, in_xy)
        for ring in in_xy:
            hit |= _crossed(start, end, ring)
    return np.unique(edge[hit]).astype(np.int32)


def _segments(pack: CityPack) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """(starts, ends) float64 (s, 2) projected metres, and the edge int64 (s,) of every geometry segment."""
    owner = np.repeat(np.arange(len(pack.geom_start) - 1), np.diff(pack.geom_start))
    first = np.flatnonzero(owner[:-1] == owner[1:])
    points = pack.geom_xy.astype(np.float64)
    return points[first], points[first + 1], owner[first]


def _to_xy(pack: CityPack, line: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = pack.to_xy(line[:, 0], line[:, 1])
    return np.column_stack((x, y))


def _distance_m(
    start: NDArray[np.float64], end: NDArray[np.float64], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    way = end - start
    square = np.maximum(np.einsum("ij,ij->i", way, way), 1e-12)
    share = np.clip(np.einsum("ij,ij->i", point - start, way) / square, 0.0, 1.0)
    gap = start + share[:, None] * way - point
    distance: NDArray[np.float64] = np.hypot(gap[:, 0], gap[:, 1])
    return distance


def _crossed(start: NDArray[np.float64], end: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool (s,): the segment has a point in common with the line."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    hit = np.zeros(len(start), dtype=bool)
    near = np.flatnonzero(np.all((high >= line.min(axis=0)) & (low <= line.max(axis=0)), axis=1))
    a, b, low, high = start[near], end[near], low[near], high[near]
    for p, q in pairwise(line):
        beside = np.flatnonzero(np.all((high >= np.minimum(p, q)) & (low <= np.maximum(p, q)), axis=1))
        one, two = a[beside], b[beside]
        # Boxes overlap; they meet if neither lies wholly on one side of the other (touching counts).
        sides = _side(p, q, one) * _side(p, q, two) <= 0.0
        sides &= _side(one, two, p) * _side(one, two, q) <= 0.0
        hit[near[beside[sides]]] = True
    return hit


def _side(a: NDArray[np.float64], b: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """-1, 0, 1: to which side of the line from a to b a point lies."""
    way, off = b - a, point - a
    side: NDArray[np.float64] = np.sign(way[..., 0] * off[..., 1] - way[..., 1] * off[..., 0])
    return side


def _within(points: NDArray[np.float64], rings: list[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """bool (s,): the point lies in the polygon, not in a hole (even-odd rule over all rings)."""
    inside = np.zeros(len(points), dtype=bool)
    outer = rings[0]
    near = np.flatnonzero(np.all((points >= outer.min(axis=0)) & (points <= outer.max(axis=0)), axis=1))
    x, y = points[near].T
    odd = np.zeros(len(near), dtype=bool)
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
            if y1 != y2:
                odd ^= ((y1 > y) != (y2 > y)) & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    inside[near] = odd
    return inside
