"""The import: an OpenStreetMap extract in, a city pack and its list of facilities out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picture.errors import RoadError
from twin.osm.ground import GroundMap, draw_ground, frame_of
from twin.osm.progress import Progress, Ticker
from twin.osm.reading import SUFFIXES, Extract, read_extract
from twin.osm.report import ImportReport
from twin.osm.roads import Roads, build_roads
from twin.osm.sites import read_list, start_list, write_list
from twin.osm.terrain import Terrain, make_terrain
from twin.pack import RoadClass, json_array, project, unproject, write_pack
from twin.source import pyramid_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATTRIBUTION = "© OpenStreetMap contributors, ODbL"
MARGIN_M = 500.0
"""How far the city reaches beyond its outermost road."""
MOST_M = 1_500_000.0
"""A pack is flat: further from its middle than this, its metres are none."""
_EMPTY_LISTS = (
    "agencies",
    "berths",
    "anchorages",
    "substations",
    "feeders",
    "pumps",
    "outfalls",
    "units",
    "gauges",
    "navaids",
)

Bounds = tuple[float, float, float, float]


def import_osm(
    source: Path,
    target: Path,
    *,
    elevation: Path | None = None,
    name: str | None = None,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> ImportReport:
    """Leaves the city pack of an extract at ``target``, and beside it ``NAME.facilities.yaml``, or neither.

    ``source`` is a .osm.pbf, .osm or .osm.xml file (also .osm.gz, .osm.bz2). ``elevation`` is a GeoTIFF or an ASC
    grid; without one the terrain is flat and ``meta["datum"]`` is "none". ``name`` defaults to the file's name.
    ``progress`` hears words and the share done so far. A list of facilities that already stands beside the target
    wins over the extract. RoadError TOC-5301 to TOC-5308, TOC-5311.
    """
    ticker = Ticker(progress, clock, _size(source), pbf=source.name.lower().endswith(".pbf"))
    ticker.step("Opening the extract", 0.0)
    listed = read_list(facilities_path(target))
    extract = read_extract(source, ticker.count)
    origin = _origin(extract)
    ticker.step("Joining the roads", 0.6)
    roads = build_roads(extract, origin)
    bounds = _bounds(extract, roads, origin)
    ticker.step("Drawing the ground", 0.75)
    ground = draw_ground(extract, origin, frame_of(bounds))
    terrain = make_terrain(elevation, bounds, origin)
    ticker.step("Listing the sites", 0.83)
    corners = unproject(origin, np.array(bounds[::2]), np.array(bounds[1::2]))
    found = start_list(extract.sites, (corners[0][0], corners[1][0], corners[0][1], corners[1][1]))
    meta = _meta(source, extract, name or city_name(source), origin, bounds) | {
        "facilities": found if listed is None else listed,
        "datum": terrain.datum,
        "districts": _districts(extract, bounds, origin, name or city_name(source)),
        "dropped": {
            "nodes": roads.dropped_nodes,
            "arcs": roads.dropped_arcs,
            "parts": roads.dropped_parts,
            "ways": roads.dropped_ways,
        },
    }
    ticker.step("Drawing the map", 0.86)
    arrays = _arrays(roads, ground, terrain, bounds)
    arrays |= pyramid_arrays(arrays)
    ticker.step("Writing the pack", 0.95)
    _write(target, arrays, meta, new_list=listed is None)
    report = _report(target, meta, extract, roads, arrays, _notes(extract, roads, ground, terrain, found, listed))
    ticker.step("Ready", 1.0)
    return report


def facilities_path(target: Path) -> Path:
    """Where the list of facilities of a pack stands: beside it, as an operator can edit it."""
    return target.with_name(f"{target.stem}.facilities.yaml")


def city_name(source: Path) -> str:
    """The city as the file is called: "new-york-latest.osm.pbf" is New York."""
    stem = source.name
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        stem = stem[: -len(suffix)] if stem.lower().endswith(suffix) else stem
    words = stem.replace("_", " ").replace("-", " ").split()
    kept = [word for word in words if word.lower() != "latest"] or words or ["City"]
    return " ".join(word.capitalize() if word.islower() else word for word in kept)


def _size(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError as why:
        raise RoadError(f"{source}: {why.strerror}", code="TOC-5301") from why


def _origin(extract: Extract) -> tuple[float, float]:
    """The middle of the extract's bounds, else of its road points; rounded so that it reads well."""
    if extract.bounds is None:
        if not extract.roads.way:
            raise RoadError(code="TOC-5305")
        lonlat = np.median(extract.roads.points(), axis=0)
        return round(float(lonlat[0]), 4), round(float(lonlat[1]), 4)
    west, south, east, north = extract.bounds
    return round((west + east) / 2, 4), round((south + north) / 2, 4)


def _bounds(extract: Extract, roads: Roads, origin: tuple[float, float]) -> Bounds:
    """What the extract promises to hold, but no further than ``MARGIN_M`` beyond the roads; metres."""
    points = roads.arrays["geom_xy"][:, :].astype(np.float64)
    low, high = points.min(axis=0) - MARGIN_M, points.max(axis=0) + MARGIN_M
    if extract.bounds is not None:
        west, south, east, north = extract.bounds
        box_low, box_high = project(origin, west, south), project(origin, east, north)
        overlap_low, overlap_high = np.maximum(low, box_low), np.minimum(high, box_high)
        if (overlap_low < overlap_high).all():
            low, high = overlap_low, overlap_high
    if not float((high - low).max()) <= MOST_M:
        raise RoadError(f"{float((high - low).max()) / 1000:,.0f} km from end to end.", code="TOC-5311")
    x0, y0, x1, y1 = (round(float(value), 1) for value in (*low, *high))
    return x0, y0, x1, y1


def _meta(source: Path, extract: Extract, name: str, origin: tuple[float, float], bounds: Bounds) -> dict[str, Any]:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {
        "name": name,
        "country": "",
        "origin": list(origin),
        "bounds_xy": list(bounds),
        "attribution": ATTRIBUTION,
        **{key: [] for key in _EMPTY_LISTS},
        "barrier": None,
        "source": {"file": source.name, "sha256": digest.hexdigest(), "timestamp": extract.timestamp},
    }


def _districts(
    extract: Extract,
    bounds: Bounds,
    origin: tuple[float, float],
    city: str,
) -> list[dict[str, Any]]:
    """Named places inside the bounds, most important first, without the city itself."""
    found = []
    for place in sorted(extract.districts, key=lambda one: (one.rank, one.name, one.lon)):
        x, y = project(origin, place.lon, place.lat)
        inside = bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3]
        if inside and place.name.casefold() != city.casefold():
            found.append(
                {"name": place.name, "lon": round(place.lon, 7), "lat": round(place.lat, 7), "rank": place.rank}
            )
    return found


def _arrays(roads: Roads, ground: GroundMap, terrain: Terrain, bounds: Bounds) -> dict[str, NDArray[Any]]:
    corner = bounds[:2]
    return roads.arrays | {
        "node_elevation_m": terrain.at(roads.arrays["node_xy"], corner),
        "terrain": terrain.height_m,
        "terrain_frame": np.array([*corner, terrain.cell_m]),
        "ground": ground.ground,
        "ground_frame": np.array([ground.frame.x0, ground.frame.y0, ground.frame.cell_m]),
        "coast": ground.coast,
        "names_json": json_array(roads.names),
    }


def _write(target: Path, arrays: dict[str, NDArray[Any]], meta: dict[str, Any], *, new_list: bool) -> None:
    beside = facilities_path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if new_list:
            write_list(beside, meta["name"], meta["facilities"])
        try:
            write_pack(target, arrays, meta)
        except BaseException:
            if new_list:
                beside.unlink(missing_ok=True)
            raise
    except OSError as why:
        raise RoadError(f"{target}: {why.strerror}", code="TOC-5308") from why


def _notes(
    extract: Extract,
    roads: Roads,
    ground: GroundMap,
    terrain: Terrain,
    found: list[dict[str, Any]],
    listed: list[dict[str, Any]] | None,
) -> tuple[str, ...]:
    notes = [*ground.notes, *terrain.notes]
    if extract.bounds is None:
        notes.append("The extract does not state its bounds: the city ends around its roads.")
    if extract.broken_ways:
        notes.append(f"{extract.broken_ways} ways name nodes that the extract lacks; the rest of them was kept.")
    if extract.reversible_ways:
        notes.append(f"{extract.reversible_ways} ways change direction by the hour and were left out.")
    if roads.turns.by_way:
        notes.append(f"{roads.turns.by_way} turn restrictions lead over a way and are not applied.")
    if roads.turns.unresolved:
        notes.append(f"{roads.turns.unresolved} turn restrictions name roads that are not there or not clear.")
    if roads.turns.conditional:
        notes.append(f"{roads.turns.conditional} turn restrictions hold at some hours or for some: not applied.")
    if extract.conditional_ways:
        notes.append(f"{extract.conditional_ways} ways change with the hour; what holds always was applied.")
    if listed is not None:
        known = {str(entry["id"]) for entry in listed}
        new = sum(entry["id"] not in known for entry in found)
        notes.append(f"The list of facilities beside the pack was kept; the extract has {new} that are not on it.")
    return tuple(notes)


def _report(
    target: Path,
    meta: dict[str, Any],
    extract: Extract,
    roads: Roads,
    arrays: dict[str, NDArray[Any]],
    notes: tuple[str, ...],
) -> ImportReport:
    turns = roads.turns
    return ImportReport(
        path=target,
        facilities_path=facilities_path(target),
        name=meta["name"],
        nodes=len(arrays["node_xy"]),
        arcs=len(arrays["arc_tail"]),
        edges=len(arrays["edge_tail"]),
        streets=len(roads.names) - 1,
        ferries=int(np.count_nonzero(arrays["edge_class"] == RoadClass.FERRY)),
        dropped_nodes=roads.dropped_nodes,
        dropped_arcs=roads.dropped_arcs,
        dropped_parts=roads.dropped_parts,
        dropped_ways=roads.dropped_ways,
        cut_ways=extract.broken_ways,
        turns=len(turns.arc_from),
        turns_applied=turns.applied,
        turns_by_way=turns.by_way,
        turns_not_for_cars=turns.not_for_cars,
        turns_unresolved=turns.unresolved,
        turns_conditional=turns.conditional,
        conditional_ways=extract.conditional_ways,
        barriers=extract.barriers_used,
        facilities=len(meta["facilities"]),
        districts=len(meta["districts"]),
        datum=meta["datum"],
        notes=notes,
    )
