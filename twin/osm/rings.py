"""Multipolygon members joined to closed outlines, also where the extract has cut some of them away."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twin.osm.reading import Extract, Lines
    from twin.pack import Ground


def closed_rings(extract: Extract) -> tuple[dict[Ground, Lines], int]:
    """The rings of every multipolygon by ground, and how many multipolygons had to be closed at a cut.

    Inner and outer rings belong to one owner and are told apart by parity when filled. Loose ends of a cut
    multipolygon are joined to the nearest loose end, so both banks of a river are closed where it leaves.
    """
    from twin.osm.reading import Lines

    found: dict[Ground, Lines] = defaultdict(Lines)
    of_relation: dict[int, list[int]] = defaultdict(list)
    for part, owner in enumerate(extract.parts.owner):
        of_relation[owner].append(part)
    cut = 0
    for relation, parts in of_relation.items():
        rings, loose = _join([_Part(extract.parts, part) for part in parts])
        whole = extract.part_ways_missing.get(relation, 0) <= 0
        if loose and not whole:
            rings += _close(loose)
            cut += 1
        for ring in rings:
            found[extract.multipolygons[relation]].add(relation, relation, ring, [])
    return found, cut


class _Part:
    """An open or closed line: the ids of its ends and its points as raw float64 pairs."""

    def __init__(self, lines: Lines, part: int) -> None:
        first, last = lines.start[part], lines.start[part + 1]
        self.ends = (lines.refs[2 * part], lines.refs[2 * part + 1])
        self.lonlat = bytes(lines.lonlat[16 * first : 16 * last])


def _join(parts: list[_Part]) -> tuple[list[bytes], list[bytes]]:
    """Closed rings and what stays open, joined at shared end nodes."""
    rings = [part.lonlat for part in parts if part.ends[0] == part.ends[1]]
    at: dict[int, list[_Part]] = defaultdict(list)
    rest = [part for part in parts if part.ends[0] != part.ends[1]]
    for part in rest:
        for end in part.ends:
            at[end].append(part)
    used: set[int] = set()
    loose: list[bytes] = []
    # Begin where a line has a free end, so that open lines are walked from one end to the other.
    for first in sorted(rest, key=lambda part: min(len(at[end]) for end in part.ends)):
        if id(first) in used:
            continue
        start, end = first.ends if len(at[first.ends[0]]) <= len(at[first.ends[1]]) else first.ends[::-1]
        chain = [first.lonlat if start == first.ends[0] else _reversed(first.lonlat)]
        used.add(id(first))
        while end != start:
            following = next((part for part in at[end] if id(part) not in used), None)
            if following is None:
                break
            used.add(id(following))
            forward = following.ends[0] == end
            chain.append((following.lonlat if forward else _reversed(following.lonlat))[16:])
            end = following.ends[1] if forward else following.ends[0]
        (rings if end == start else loose).append(b"".join(chain))
    return rings, loose


def _close(loose: list[bytes]) -> list[bytes]:
    """Rings of open lines, each end joined to the nearest free end."""
    lines = list(loose)
    rings = []
    while lines:
        ring = lines.pop()
        while lines:
            tip = _point(ring, -1)
            best = min(((math.dist(tip, _point(line, end)), k, end) for k, line in enumerate(lines) for end in (0, -1)))
            if best[0] >= math.dist(tip, _point(ring, 0)):
                break
            line = lines.pop(best[1])
            ring += line if best[2] == 0 else _reversed(line)
        rings.append(ring + ring[:16])
    return rings


def _point(line: bytes, which: int) -> tuple[float, float]:
    lon, lat = np.frombuffer(line[:16] if which == 0 else line[-16:])
    return float(lon), float(lat)


def _reversed(line: bytes) -> bytes:
    return np.frombuffer(line).reshape(-1, 2)[::-1].tobytes()
