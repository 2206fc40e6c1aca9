"""Everything an extract holds that a city pack needs, read in two passes and held as flat arrays.

The first pass reads relations alone: which ways they need. The second reads named points and ways; osmium keeps
the node positions in its own index, so memory grows with the roads kept and not with the extract's objects.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picture.errors import RoadError
from twin.osm.areas import ground_of
from twin.osm.sites import DISTRICT_RANKS, District, Site, site_kind, site_of
from twin.osm.tags import KEYS, RoadTags, behind, plain, read_barrier, read_way
from twin.osm.turns import Restriction, read_restriction
from twin.pack import EARTH_RADIUS_M, Ground

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.xml", ".xml", ".osm.bz2", ".osm.gz")
POINT_KEYS = ("place", "barrier", "amenity", "emergency", "power", "man_made", "social_facility")
_WKB_LEAD = 9  # byte order, type, count
_TELL_EVERY = 2_000
_HEAD_BYTES = 4_096
_NO_ID = -(1 << 60)
"""Points that are put between nodes are numbered down from here; editors number new nodes down from −1."""
_CONDITIONAL = ":conditional"
_GATE_M = 1.0


@dataclass(slots=True)
class Lines:
    """Polylines one after the other: line k has the points ``start[k]:start[k + 1]``."""

    lonlat: bytearray = field(default_factory=bytearray)
    refs: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q", [0]))
    way: array[int] = field(default_factory=lambda: array("q"))
    owner: array[int] = field(default_factory=lambda: array("q"))

    def add(self, way: int, owner: int, lonlat: bytes, refs: list[int]) -> None:
        """Appends a line; ``refs`` holds its node ids, or only the first and last where no more is needed."""
        self.lonlat += lonlat
        self.refs.extend(refs)
        self.start.append(len(self.lonlat) // 16)
        self.way.append(way)
        self.owner.append(owner)

    def points(self) -> NDArray[np.float64]:
        """Longitude and latitude, float64 (n, 2)."""
        return np.frombuffer(self.lonlat, dtype=np.float64).reshape(-1, 2)


@dataclass(slots=True)
class Extract:
    """What was read. ``roads.owner`` indexes ``road_tags``; ``areas`` holds closed rings by ground, ``owner`` is
    the polygon a ring belongs to; ``parts[r]`` are the lines of multipolygon ``r`` of ``multipolygons``. ``barriers``:
    whom (:class:`NoAccess` bits) the barrier at a node stops."""

    bounds: tuple[float, float, float, float] | None = None
    timestamp: str = ""
    roads: Lines = field(default_factory=Lines)
    road_tags: list[RoadTags] = field(default_factory=list)
    areas: dict[Ground, Lines] = field(default_factory=lambda: defaultdict(Lines))
    buildings: Lines = field(default_factory=Lines)
    coastline: Lines = field(default_factory=Lines)
    multipolygons: list[Ground] = field(default_factory=list)
    parts: Lines = field(default_factory=Lines)
    part_ways_missing: dict[int, int] = field(default_factory=dict)
    restrictions: list[Restriction] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    districts: list[District] = field(default_factory=list)
    barriers: dict[int, int] = field(default_factory=dict)
    barriers_used: int = 0
    conditional_ways: int = 0
    broken_ways: int = 0
    reversible_ways: int = 0


Tick = Callable[[str, int], None]


def read_extract(source: Path, tick: Tick) -> Extract:
    """The extract's contents; ``tick`` hears what is read and how many objects so far.

    RoadError TOC-5301 unreadable, TOC-5302 empty, TOC-5303 not an extract, TOC-5304 damaged or cut off.
    """
    check_format(source)
    extract = Extract()
    with _osmium_errors(source):
        _read_head(source, extract)
        wanted = _read_relations(source, extract)
        _Pass(extract, wanted, tick).run(source)
    return extract


def check_format(source: Path) -> None:
    """Returns if the file looks like an extract of the kind its name says (TOC-5301 to TOC-5303 otherwise)."""
    try:
        with source.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as why:
        raise RoadError(f"{source}: {why.strerror}", code="TOC-5301") from why
    if not head:
        raise RoadError(str(source), code="TOC-5302")
    name = source.name.lower()
    if not name.endswith(SUFFIXES):
        raise RoadError(f"{source.name}: its name ends on none of {', '.join(SUFFIXES)}", code="TOC-5303")
    if name.endswith(".pbf"):
        known = b"OSMHeader" in head[:64] or len(head) < 64
    elif name.endswith((".bz2", ".gz")):
        known = head.startswith((b"BZh", b"\x1f\x8b"))
    else:
        cut = len(head) < _HEAD_BYTES and head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<?xml")
        known = b"<osm" in head or cut
    if not known:
        raise RoadError(source.name, code="TOC-5303")


@contextmanager
def _osmium_errors(source: Path) -> Iterator[None]:
    """osmium says everything with a RuntimeError; by here the file has the right beginning."""
    try:
        yield
    except (RuntimeError, UnicodeDecodeError) as why:
        raise RoadError(f"{source.name}: {why}", code="TOC-5304") from why


def _read_head(source: Path, extract: Extract) -> None:
    import osmium

    with osmium.io.Reader(str(source), osmium.osm.NOTHING) as reader:
        header = reader.header()
        box = header.box()
        if box.valid():
            extract.bounds = (box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)
        extract.timestamp = header.get("osmosis_replication_timestamp") or header.get("timestamp")


def _read_relations(source: Path, extract: Extract) -> dict[int, list[int]]:
    """Fills in restrictions; returns which multipolygons (or sites, as −1 − index) need a way."""
    import osmium

    wanted: dict[int, list[int]] = defaultdict(list)
    relations: Any = osmium.FileProcessor(str(source), osmium.osm.RELATION)
    for relation in relations:
        tags = relation.tags
        kind = tags.get("type", "")
        if kind.startswith("restriction"):
            members = [(m.type, m.ref, m.role) for m in relation.members]
            if restriction := read_restriction({tag.k: tag.v for tag in tags}, members):
                extract.restrictions.append(restriction)
            continue
        if kind != "multipolygon":
            continue
        facts = {tag.k: tag.v for tag in tags}
        ways = [m.ref for m in relation.members if m.type == "w"]
        ground = ground_of(facts)
        if ground is not None:
            for way in ways:
                wanted[way].append(len(extract.multipolygons))
            extract.part_ways_missing[len(extract.multipolygons)] = len(ways)
            extract.multipolygons.append(ground)
        if ways and site_kind(facts):
            extract.sites.append(site_of(facts, f"R{relation.id}", float("nan"), float("nan")))
            for way in ways:
                wanted[way].append(-len(extract.sites))
    return wanted


class _Pass:
    """The pass over points and ways."""

    def __init__(self, extract: Extract, wanted: dict[int, list[int]], tick: Tick) -> None:
        import osmium

        self._extract = extract
        self._wanted = wanted
        self._tick = tick
        self._tag_ids: dict[RoadTags, int] = {}
        self._read: dict[tuple[tuple[str, str], ...], tuple[RoadTags, int] | None] = {}
        self._wkb = osmium.geom.WKBFactory()
        self._all_nodes = osmium.geom.use_nodes.ALL
        self._missing = osmium.InvalidLocationError
        self._between = _NO_ID

    def run(self, source: Path) -> None:
        import osmium

        points = osmium.filter.KeyFilter(*POINT_KEYS)
        points.enable_for(osmium.osm.NODE)
        things: Any = osmium.FileProcessor(str(source), osmium.osm.NODE | osmium.osm.WAY)
        for done, thing in enumerate(things.with_locations().with_filter(points), start=1):
            if done % _TELL_EVERY == 0:
                self._tick("Reading the extract", done)
            if thing.is_way():
                self._way(thing)
            else:
                self._point(thing)

    def _point(self, node: Any) -> None:
        tags = node.tags
        lon, lat = node.location.lon, node.location.lat
        if tags.get("place", "") in DISTRICT_RANKS and "name" in tags:
            self._extract.districts.append(District(plain(tags["name"]), lon, lat, DISTRICT_RANKS[tags["place"]]))
        facts = {tag.k: tag.v for tag in tags}
        if site_kind(facts):
            self._extract.sites.append(site_of(facts, f"N{node.id}", lon, lat))
        if barred := read_barrier(facts):
            self._extract.barriers[node.id] = barred

    def _way(self, way: Any) -> None:
        wanted = way.id in self._wanted
        facts = {tag.k: tag.v for tag in way.tags}
        if "highway" in facts or facts.get("route") == "ferry":
            self._road(way, facts)
            if not wanted and facts.keys() <= KEYS:
                return
        elif not facts and not wanted:
            return
        if "building" in facts:
            self._outline(way, self._extract.buildings)
        self._area(way, facts)

    def _road(self, way: Any, facts: dict[str, str]) -> None:
        key = tuple([item for item in facts.items() if item[0] in KEYS])
        if key not in self._read:
            self._read[key] = self._known(read_way(facts))
        read = self._read[key]
        if read is None:
            self._extract.reversible_ways += facts.get("oneway", "") == "reversible"
            return
        road = read[0]
        if len(key) != len(facts):
            self._extract.conditional_ways += any(
                name.endswith(_CONDITIONAL) and name.removesuffix(_CONDITIONAL) in KEYS for name in facts
            )
        for lonlat, refs in self._runs(way):
            if road.direction < 0:
                self._lay(way.id, read, np.frombuffer(lonlat).reshape(-1, 2)[::-1].tobytes(), refs[::-1])
            else:
                self._lay(way.id, read, lonlat, refs)

    def _lay(self, way: int, read: tuple[RoadTags, int], lonlat: bytes, refs: list[int]) -> None:
        """Keeps a road, in pieces where barriers stand on it."""
        road, known = read
        roads = self._extract.roads
        if self._extract.barriers.keys().isdisjoint(refs):
            roads.add(way, known, lonlat, refs)
            return
        for barred, part, part_refs in self._gated(lonlat, refs, road.access):
            gated = self._known(behind(road, barred)) if barred else read
            if gated is not None:
                roads.add(way, gated[1], part, part_refs)

    def _gated(self, lonlat: bytes, refs: list[int], barred_already: int) -> Iterator[tuple[int, bytes, list[int]]]:
        """(whom it bars, points, node ids) of the pieces of a road with barriers: the metre before each is shut.

        Where a barrier stands at the first node of a road, the metre after it is. The point between gets a node id
        of its own, below any that is in use.
        """
        points = np.frombuffer(lonlat).reshape(-1, 2)
        # Position, node id, and whom the stretch that begins there bars.
        line: list[tuple[NDArray[np.float64], int, int]] = []
        for k, (at, ref) in enumerate(zip(points, refs, strict=True)):
            barred = self._extract.barriers.get(ref, 0) & ~barred_already
            if not barred:
                line.append((at, ref, 0))
                continue
            self._between -= 1
            self._extract.barriers_used += 1
            beside = at + _metre(at, points[k - 1 if k else 1])
            line += (
                [(beside, self._between, barred), (at, ref, 0)]
                if k
                else [(at, ref, barred), (beside, self._between, 0)]
            )
        start = 0
        for k, (_, _, barred) in enumerate(line):
            if barred or k == len(line) - 1:
                for first, last, bars in ((start, k, 0), (k, k + 1, barred)):
                    if first < last < len(line):
                        part = line[first : last + 1]
                        yield bars, np.vstack([at for at, _, _ in part]).tobytes(), [ref for _, ref, _ in part]
                start = k + 1

    def _known(self, road: RoadTags | None) -> tuple[RoadTags, int] | None:
        """The tags and their number, the same for ways that are alike to a driver."""
        if road is None:
            return None
        number = self._tag_ids.setdefault(road, len(self._tag_ids))
        if number == len(self._extract.road_tags):
            self._extract.road_tags.append(road)
        return road, number

    def _area(self, way: Any, facts: dict[str, str]) -> None:
        extract = self._extract
        if facts.get("natural") == "coastline":
            for run, refs in self._runs(way):
                extract.coastline.add(way.id, len(extract.coastline.way), run, [refs[0], refs[-1]])
        elif way.is_closed() and "building" not in facts and (ground := ground_of(facts)) is not None:
            self._outline(way, extract.areas[ground])
        needed = self._wanted.get(way.id, ())
        kind = site_kind(facts)
        if not needed and not kind:
            return
        lonlat = self._points(way)
        if lonlat is None:
            return
        middle = np.frombuffer(lonlat).reshape(-1, 2).mean(axis=0)
        for owner in needed:
            if owner >= 0:
                extract.parts.add(way.id, owner, lonlat, [way.nodes[0].ref, way.nodes[-1].ref])
                extract.part_ways_missing[owner] -= 1
            elif extract.sites[-1 - owner].lon != extract.sites[-1 - owner].lon:
                extract.sites[-1 - owner] = extract.sites[-1 - owner].at(float(middle[0]), float(middle[1]))
        if kind:
            extract.sites.append(site_of(facts, f"W{way.id}", float(middle[0]), float(middle[1])))

    def _outline(self, way: Any, lines: Lines) -> None:
        lonlat = self._points(way)
        if lonlat is not None and len(lonlat) >= 32:
            lines.add(way.id, len(lines.way), lonlat, [way.nodes[0].ref, way.nodes[-1].ref])

    def _runs(self, way: Any) -> list[tuple[bytes, list[int]]]:
        """The way as points and node ids, in several runs where the extract lacks nodes between them."""
        whole = self._points(way)
        if whole is not None:
            return [(whole, [node.ref for node in way.nodes])] if len(whole) >= 32 else []
        self._extract.broken_ways += not all(node.location.valid() for node in way.nodes)
        runs: list[tuple[array[float], list[int]]] = [(array("d"), [])]
        for node in way.nodes:
            if node.location.valid():
                runs[-1][0].extend((node.lon, node.lat))
                runs[-1][1].append(node.ref)
            elif runs[-1][1]:
                runs.append((array("d"), []))
        return [(lonlat.tobytes(), refs) for lonlat, refs in runs if len(refs) >= 2]

    def _points(self, way: Any) -> bytes | None:
        """Longitude and latitude of every node as raw float64 pairs; None where the extract lacks a node."""
        try:
            return bytes.fromhex(self._wkb.create_linestring(way, self._all_nodes))[_WKB_LEAD:]
        except (self._missing, RuntimeError):
            return None


def _metre(at: NDArray[np.float64], towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """The step of a metre, or of a third of the way where that is shorter, in degrees."""
    way = towards - at
    degrees = np.hypot(way[0] * np.cos(np.radians(at[1])), way[1])
    share = min(_GATE_M / (EARTH_RADIUS_M * max(float(np.radians(degrees)), 1e-12)), 1 / 3)
    step: NDArray[np.float64] = way * share
    return step
