"""The roads drawn by hand: curves of the plan with their bridges, the underpass, the motorway and its junctions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from twin.city import plan
from twin.city.land import Land, river_line
from twin.city.shapes import Floats, at_station, offset, spline, stations, tenth
from twin.pack import RoadFlag

KMH = {0: 90, 1: 60, 2: 50, 3: 40, 4: 30, 5: 20}
RING = "Meridian Ring"
UNDERPASS_NAME = "Wharf Street Underpass"
HALF_MEDIAN_M = 14.0
SLIP_M = 340.0


@dataclass(slots=True)
class Stretch:
    """A part of a line between two distances along it that differs from the rest."""

    start_m: float
    stop_m: float
    flags: int
    name: str
    above: bool  # does not meet what it crosses


@dataclass(slots=True)
class Line:
    """A main road while it is being drawn; ``cuts`` are distances along it where something joins."""

    name: str
    road_class: int
    xy: Floats
    one_way: bool = False
    above: bool = False
    kmh: int = 0
    stretches: list[Stretch] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)

    def join_at(self, station_m: float) -> Floats:
        """The point (2,) at the distance along, which becomes a vertex."""
        s = stations(self.xy)
        nearest = float(s[np.argmin(np.abs(s - station_m))])
        where = nearest if abs(nearest - station_m) < 4 else station_m
        self.cuts.append(where)
        return tenth(at_station(self.xy, np.array([where]))[0])

    def vertices(self) -> tuple[Floats, Floats]:
        """Distances along (n,) and points (n, 2) of all vertices, those of joins included."""
        ends = [edge for part in self.stretches for edge in (part.start_m, part.stop_m)]
        where = np.unique(np.round(np.concatenate([stations(self.xy), self.cuts, ends]), 3))
        where = where[np.concatenate([[True], np.diff(where) > 0.2])]
        return where, tenth(at_station(self.xy, where))

    def stretch_at(self, station_m: float) -> Stretch | None:
        return next((part for part in self.stretches if part.start_m <= station_m <= part.stop_m), None)


def draw_main_roads(land: Land) -> list[Line]:
    """All main roads with joins, bridges, underpass and junctions; what crosses at grade is left to the weaver."""
    lines = [_drawn(road) for road in [*plan.MAIN_ROADS, *plan.QUAY_ROADS]] + _embankments()
    wharf = _drawn(plan.UNDERPASS)
    harbour_way = next(line for line in lines if line.name == "Harbour Way")
    crossing, overhead = crossings(wharf.xy, harbour_way.xy)[0]
    harbour_way.stretches.append(Stretch(overhead - 22, overhead + 22, int(RoadFlag.BRIDGE), "Harbour Way", False))
    wharf.stretches.append(
        Stretch(crossing - 75, crossing + 75, int(RoadFlag.UNDERPASS | RoadFlag.LOW_LYING), UNDERPASS_NAME, True)
    )
    lines.append(wharf)
    lines = [_on_land_or_bridged(line, land) for line in lines]
    motorway = spline(plan.MOTORWAY, 60, closed=True)
    carriageways = [
        Line(RING, 0, offset(motorway, -HALF_MEDIAN_M), one_way=True, above=True),
        Line(RING, 0, offset(motorway, HALF_MEDIAN_M)[::-1].copy(), one_way=True, above=True),
    ]
    for carriageway in carriageways:
        carriageway.xy[-1] = carriageway.xy[0]
        _on_land_or_bridged(carriageway, land)
    slips = [
        slip
        for line in lines
        if line.road_class == 1 or line.name == "Dock Road"
        for slip in _junctions(line, carriageways)
    ]
    _tie_loose_ends(lines)
    return lines + carriageways + slips


def motorway_middle() -> Floats:
    """The middle line of the ring motorway."""
    return spline(plan.MOTORWAY, 60, closed=True)


def crossings(one: Floats, other: Floats) -> list[tuple[float, float]]:
    """Distances along both lines at which they cross."""
    s, t = stations(one), stations(other)
    found = []
    for k in range(len(other) - 1):
        a, b = other[k], other[k + 1]
        side = (one[:, 0] - a[0]) * (b[1] - a[1]) - (one[:, 1] - a[1]) * (b[0] - a[0])
        for i in np.flatnonzero((side[:-1] > 0) != (side[1:] > 0)):
            u = side[i] / (side[i] - side[i + 1])
            p = one[i] + (one[i + 1] - one[i]) * u
            v = ((p - a) @ (b - a)) / ((b - a) @ (b - a))
            if 0 <= v < 1:
                found.append((float(s[i] + (s[i + 1] - s[i]) * u), float(t[k] + (t[k + 1] - t[k]) * v)))
    return sorted(found)


def _drawn(road: plan.MainRoad) -> Line:
    x0, y0, x1, y1 = plan.BOUNDS
    xy = spline(road.points, 45, road.closed)
    return Line(road.name, road.road_class, np.clip(xy, (x0, y0), (x1, y1)), kmh=KMH[road.road_class])


def _embankments() -> list[Line]:
    river, half = river_line()
    lines = []
    for name, road_class, bank, x_from, x_to in plan.EMBANKMENTS:
        bank_line = offset(river, bank * (half + 32.0))
        inside = (bank_line[:, 0] <= x_from) & (bank_line[:, 0] >= x_to)
        lines.append(Line(name, road_class, bank_line[inside], kmh=KMH[road_class]))
    return lines


def _on_land_or_bridged(line: Line, land: Land) -> Line:
    """The line with a stretch for each water crossing; cut back to the land at its ends."""
    s = np.arange(0, stations(line.xy)[-1], 5.0)
    wet = land.shore_at(at_station(line.xy, s)) < 6
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wet, [False]]).astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        a, b = max(0.0, 5.0 * start - 14), min(5.0 * stop + 14, stations(line.xy)[-1])
        name = plan.BRIDGES.get(line.name, line.name) if b - a > 120 else line.name
        if line.name == RING and b - a > 120 and at_station(line.xy, np.array([a]))[0, 0] > 2000:
            name = plan.UPSTREAM_RING_BRIDGE
        line.stretches.append(Stretch(a, b, int(RoadFlag.BRIDGE), name, line.above))
    return line


def _junctions(line: Line, carriageways: list[Line]) -> list[Line]:
    """Slip roads of the diamond junctions where the line passes the motorway."""
    slips = []
    for carriageway in carriageways:
        for on_line, on_ring in crossings(line.xy, carriageway.xy):
            if carriageway.stretch_at(on_ring) or line.stretch_at(on_line):
                continue
            slips += _diamond_half(line, on_line, carriageway, on_ring)
    return slips


def _diamond_half(line: Line, on_line: float, carriageway: Line, on_ring: float) -> list[Line]:
    length = stations(carriageway.xy)[-1]
    ahead = at_station(carriageway.xy, np.array([on_ring, min(on_ring + 20, length)]))
    direction = (ahead[1] - ahead[0]) / 20
    right = np.array([direction[1], -direction[0]])
    probe = at_station(line.xy, np.array([on_line, on_line + 20]))
    outward = 1 if (probe[1] - probe[0]) @ right > 0 else -1
    foot = line.join_at(on_line + outward * 75)
    slips = []
    for leaving in (True, False):
        station = on_ring - SLIP_M if leaving else on_ring + SLIP_M
        if not 5 < station < length - 5:
            continue
        tip = carriageway.join_at(station)
        middle = (tip + foot) / 2 + right * 16 - direction * (30 if leaving else -30)
        course = [tuple(tip), tuple(middle), tuple(foot)]
        xy = spline(course if leaving else course[::-1], 40)
        slips.append(Line(f"{RING} Slip", 1, xy, one_way=True, above=True, kmh=50))
    return slips


def _tie_loose_ends(lines: list[Line]) -> None:
    """Leads each end that stops just short of another road onto it."""
    for line in lines:
        others = [other for other in lines if other is not line]
        samples, owner, where = road_samples(others)
        tree = cKDTree(samples)
        for end in (0, -1):
            found, k = tree.query(line.xy[end])
            gap = float(found)
            if gap < 140:
                touch = others[owner[k]].join_at(float(where[k]))
                if gap > 0.2:
                    moved = [touch, line.xy] if end == 0 else [line.xy, touch]
                    _shift(line, gap if end == 0 else 0.0)
                    line.xy = np.vstack(moved)


def _shift(line: Line, by_m: float) -> None:
    line.cuts = [cut + by_m for cut in line.cuts]
    for part in line.stretches:
        part.start_m += by_m
        part.stop_m += by_m


def road_samples(lines: list[Line]) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Points every 4 m on the lines where something may join: (n, 2) points, line index, distance along."""
    points, owner, where = [], [], []
    for k, line in enumerate(lines):
        s = np.arange(2.0, stations(line.xy)[-1] - 1, 4.0)
        free = np.ones(len(s), dtype=bool)
        for part in line.stretches:
            free &= (s < part.start_m) | (s > part.stop_m)
        s = np.concatenate([s[free], [0.0, stations(line.xy)[-1]]])
        points.append(at_station(line.xy, s))
        owner.append(np.full(len(s), k))
        where.append(s)
    return np.vstack(points), np.concatenate(owner), np.concatenate(where)
