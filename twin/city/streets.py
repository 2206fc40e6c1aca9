"""The streets between the main roads: each district's own lattice, bent, broken and tied to what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from twin.city import plan
from twin.city.land import Land
from twin.city.mainroads import KMH, Line, motorway_middle, road_samples
from twin.city.shapes import Floats, Noise, distance_to_line, tenth
from twin.pack import Ground, RoadFlag


@dataclass(frozen=True, slots=True)
class Fabric:
    """How a kind of district was laid out: block sides, bend, disorder, share of links left out, one-way streets."""

    along_m: float
    across_m: float
    bend_m: float
    wave_m: float
    jitter: float
    gaps: float
    collector: int  # every n-th street is a through street
    tree: float  # share of needless cross links kept; 1 keeps all
    one_way: bool
    local_class: int = 4


FABRICS = {
    "medieval": Fabric(74, 55, 60, 420, 0.20, 0.10, 5, 1, False),
    "terrace": Fabric(112, 62, 55, 900, 0.06, 0.10, 6, 1, False),
    "grid": Fabric(104, 74, 12, 1800, 0.0, 0.035, 6, 1, True),
    "garden": Fabric(92, 80, 135, 680, 0.06, 0.0, 6, 0.16, False),
    "works": Fabric(190, 140, 25, 1500, 0.05, 0.16, 3, 1, False),
    "port": Fabric(230, 150, 0, 1500, 0.0, 0.2, 3, 1, False, 5),
    "village": Fabric(105, 90, 80, 500, 0.12, 0.0, 4, 0.2, False),
}


@dataclass(frozen=True, slots=True)
class Streets:
    """Street links: ends (n, 2), class, one-way flag, and the lattice line each belongs to (its future name)."""

    a: Floats
    b: Floats
    road_class: NDArray[np.int64]
    flags: NDArray[np.int64]
    course: NDArray[np.int64]
    kmh: NDArray[np.int64]


@dataclass(slots=True)
class _Growth:
    """What all districts share while streets grow."""

    land: Land
    lines: list[Line]
    rng: np.random.Generator
    motorway_m: Floats
    tree: cKDTree
    owner: NDArray[np.int64]
    where: Floats


def grow_streets(land: Land, lines: list[Line], rng: np.random.Generator) -> Streets:
    """Streets of all districts; joins are cut into the main ``lines``."""
    open_lines = [line for line in lines if not line.above]
    samples, owner, where = road_samples(open_lines)
    motorway_m = distance_to_line(land.frame, motorway_middle(), 200.0)
    growth = _Growth(land, open_lines, rng, motorway_m, cKDTree(samples), owner, where)
    parts = [_district_streets(growth, k) for k in range(len(plan.DISTRICTS))]
    a, b, road_class, flags, course, kmh = (np.concatenate([part[c] for part in parts]) for c in range(6))
    seams = _seams(growth, [part[0] for part in parts], [part[1] for part in parts])
    many = len(seams)
    fresh = 10_000_000 + np.arange(many)
    return Streets(
        np.vstack([a, seams[:, :2]]),
        np.vstack([b, seams[:, 2:]]),
        np.append(road_class, np.full(many, 4)),
        np.append(flags, np.zeros(many, np.int64)),
        np.append(course, fresh),
        np.append(kmh, np.full(many, KMH[4])),
    )


def _district_streets(growth: _Growth, k: int) -> tuple[NDArray[Any], ...]:
    district = plan.DISTRICTS[k]
    fabric = FABRICS[district.fabric]
    xy, shape = _lattice(growth, district, fabric)
    mine = growth.land.district[growth.land.frame.cells(xy)] == k
    keep = mine & _buildable(growth, xy, 26, 60)
    xy, on_line, station = _snapped(growth, xy, keep)
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    links = []
    for axis in (0, 1):
        a = index[:-1, :].ravel() if axis == 0 else index[:, :-1].ravel()
        b = index[1:, :].ravel() if axis == 0 else index[:, 1:].ravel()
        row, col = a // shape[1], a % shape[1]
        links.append(np.column_stack([a, b, np.full(len(a), axis), col if axis == 0 else row]))
    link = np.vstack(links)
    link = link[keep[link[:, 0]] & keep[link[:, 1]]]
    link = link[_clear(growth, xy[link[:, 0]], xy[link[:, 1]])]
    doubled = (
        (on_line[link[:, 0]] >= 0)
        & (on_line[link[:, 0]] == on_line[link[:, 1]])
        & (np.abs(station[link[:, 0]] - station[link[:, 1]]) < 260)
    )
    link = link[~doubled]
    through = np.zeros(len(link), dtype=bool) if not fabric.collector else (link[:, 3] % fabric.collector == 0)
    beside = np.isfinite(growth.tree.query((xy[link[:, 0]] + xy[link[:, 1]]) / 2, distance_upper_bound=70)[0])
    through &= ~(beside & (on_line[link[:, 0]] < 0) & (on_line[link[:, 1]] < 0))
    block = max(fabric.collector, 1)
    quilt = (link[:, 0] // shape[1] // block + link[:, 0] % shape[1] // block) % 2
    link, through = _thinned(growth.rng, fabric, link, through, quilt == link[:, 2], len(xy))
    parity = link[:, 3] % 2 == 0
    one_way = fabric.one_way & ~through & (link[:, 3] % fabric.collector != 3 if fabric.collector else False)
    a, b = np.where(parity, link[:, 0], link[:, 1]), np.where(parity, link[:, 1], link[:, 0])
    road_class = np.where(through, 3, fabric.local_class).astype(np.int64)
    flags = np.where(one_way, int(RoadFlag.ONE_WAY), 0).astype(np.int64)
    course = (k * 2 + link[:, 2]) * 10_000 + link[:, 3]
    kmh = np.where(through, KMH[3], 20 if district.fabric == "medieval" else KMH[fabric.local_class]).astype(np.int64)
    return xy[a], xy[b], road_class, flags, course, kmh


def _lattice(growth: _Growth, district: plan.District, fabric: Fabric) -> tuple[Floats, tuple[int, int]]:
    """Lattice points (n, 2) row by row, turned to the district's heading, bent and jittered."""
    reach = 2500
    many_i, many_j = int(reach / fabric.along_m), int(reach / fabric.across_m)
    i, j = np.meshgrid(np.arange(-many_i, many_i + 1), np.arange(-many_j, many_j + 1), indexing="ij")
    hx, hy = district.heading
    size = (hx * hx + hy * hy) ** 0.5
    hx, hy = hx / size, hy / size
    bend_u, bend_v = Noise(growth.rng, fabric.wave_m), Noise(growth.rng, fabric.wave_m)
    u, v = i * fabric.along_m, j * fabric.across_m
    shake = growth.rng.integers(-1000, 1001, size=(2, *u.shape)) / 1000 * fabric.jitter
    u = u + shake[0] * fabric.along_m
    v = v + shake[1] * fabric.across_m
    x = district.x + u * hx - v * hy
    y = district.y + u * hy + v * hx
    bent_x, bent_y = x + fabric.bend_m * bend_u.at(x, y), y + fabric.bend_m * bend_v.at(x, y)
    bent = np.column_stack([bent_x.ravel(), bent_y.ravel()])
    return tenth(bent), (u.shape[0], u.shape[1])


def _buildable(growth: _Growth, xy: Floats, shore_m: float, motorway_m: float) -> NDArray[np.bool_]:
    cells = growth.land.frame.cells(xy)
    x0, y0, x1, y1 = plan.BOUNDS
    within = (xy[:, 0] > x0) & (xy[:, 0] < x1) & (xy[:, 1] > y0) & (xy[:, 1] < y1)
    free: NDArray[np.bool_] = (
        within
        & (growth.land.shore_m[cells] > shore_m)
        & (growth.land.ground[cells] != Ground.PARK)
        & (growth.motorway_m[cells] > motorway_m)
    )
    return free


def _clear(growth: _Growth, a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Whether nothing stands in the way of each link: water, park or motorway."""
    clear = np.ones(len(a), dtype=bool)
    for share in (0.2, 0.35, 0.5, 0.65, 0.8):
        clear &= _buildable(growth, a + (b - a) * share, 14, 40)
    return clear


def _snapped(growth: _Growth, xy: Floats, keep: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Points near a main road moved onto it; the road each lies on (−1 none) and where."""
    on_line, station = np.full(len(xy), -1), np.zeros(len(xy))
    found = growth.tree.query(xy[keep], distance_upper_bound=32)
    gap, nearest = np.asarray(found[0]), np.asarray(found[1])
    moved = xy.copy()
    for point, k in zip(np.flatnonzero(keep)[np.isfinite(gap)], nearest[np.isfinite(gap)], strict=True):
        line = growth.lines[growth.owner[k]]
        moved[point] = line.join_at(float(growth.where[k]))
        on_line[point], station[point] = growth.owner[k], growth.where[k]
    return moved, on_line, station


def _thinned(
    rng: np.random.Generator,
    fabric: Fabric,
    link: NDArray[np.int64],
    through: NDArray[np.bool_],
    along: NDArray[np.bool_],
    points: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Links left after gaps and, in garden suburbs, after most loops are opened into closes.

    ``along`` marks the links of the long streets; which way these run changes from block to block.
    """
    luck = rng.integers(0, 10_000, size=len(link)) / 10_000
    keep = through | (luck >= fabric.gaps)
    if fabric.tree < 1:
        parent = np.arange(points)

        def root(node: int) -> int:
            while parent[node] != node:
                parent[node] = parent[parent[node]]
                node = int(parent[node])
            return node

        keep = through.copy()
        for k in np.argsort(np.where(through, -1.0, luck - along), kind="stable"):
            a, b = root(int(link[k, 0])), root(int(link[k, 1]))
            if a != b:
                parent[a] = b
                keep[k] = True
        keep |= rng.integers(0, 10_000, size=len(link)) / 10_000 < np.where(along, 0.86, fabric.tree)
    return link[keep], through[keep]


def _seams(growth: _Growth, starts: list[Floats], stops: list[Floats]) -> Floats:
    """Links (n, 4) across the seams of districts: from loose ends to the nearest point of another district."""
    every = np.vstack([*starts, *stops])
    owner = np.concatenate([np.full(len(part), k) for parts in (starts, stops) for k, part in enumerate(parts)])
    points, first, count = np.unique(every, axis=0, return_index=True, return_counts=True)
    home = owner[first]
    tree = cKDTree(points)
    found: list[tuple[float, ...]] = []
    used: set[int] = set()
    for p in np.flatnonzero(count <= 3):
        for q in sorted(tree.query_ball_point(points[p], 105)):
            gap = points[q] - points[p]
            if home[q] != home[p] and gap @ gap > 625:
                if p not in used and q not in used:
                    used |= {int(p), int(q)}
                    found.append((*points[p], *points[q]))
                break
    seams = np.array(found)
    return seams[_clear(growth, seams[:, :2], seams[:, 2:])]
