"""Port Meridian is a city: its roads lead everywhere, its water is low, its sites stand where they should."""

from __future__ import annotations

import hashlib
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from twin.city import generate
from twin.pack import CityPack, Ground, RoadClass, RoadFlag
from twin.source import ensure_pack, source_of


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return CityPack.open(ensure_pack("port-meridian", tmp_path_factory.mktemp("cache")))


def cells(city: CityPack, xy: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    row = ((xy[:, 1] - city.terrain_y0) // city.terrain_cell_m).astype(np.int64).clip(0, city.terrain.shape[0] - 1)
    col = ((xy[:, 0] - city.terrain_x0) // city.terrain_cell_m).astype(np.int64).clip(0, city.terrain.shape[1] - 1)
    return row, col


def flooded(city: CityPack, level_m: float) -> NDArray[np.bool_]:
    """Cells that water connected to the sea covers at a level, barrier open."""
    regions, _ = label(city.terrain < level_m)
    found: NDArray[np.bool_] = regions == regions[0, 0]
    return found


def edges_named(city: CityPack, name: str) -> NDArray[np.int64]:
    return np.flatnonzero(city.edge_name == city.names.index(name))


def test_the_generator_writes_the_shipped_city_byte_for_byte(tmp_path: Path) -> None:
    report = generate(tmp_path)
    assert report.sha256 == hashlib.sha256(report.path.read_bytes()).hexdigest()
    # the bytes inside: another release of the xz library may pack the same bytes differently
    assert lzma.decompress(report.path.read_bytes()) == lzma.decompress(source_of("port-meridian").read_bytes())
    assert report.counts["facilities"] > 100 and report.bytes == report.path.stat().st_size


def test_it_has_the_size_of_a_city(city: CityPack) -> None:
    assert 25_000 <= len(city.node_xy) <= 40_000
    assert set(np.unique(city.edge_class)) >= set(range(RoadClass.SERVICE + 1))


def test_every_node_reaches_every_other_by_car(city: CityPack) -> None:
    many = len(city.node_xy)
    graph = coo_matrix((np.ones(len(city.arc_tail)), (city.arc_tail, city.arc_head)), shape=(many, many))
    assert connected_components(graph, directed=True, connection="strong")[0] == 1


def test_roads_cross_water_on_bridges_alone(city: CityPack) -> None:
    start = city.geom_start
    for share in (0.25, 0.5, 0.75):
        first = np.arange(len(city.geom_xy) - 1)
        points = city.geom_xy[first] * (1 - share) + city.geom_xy[first + 1] * share
        edge = np.searchsorted(start, first, side="right") - 1
        inside = first < start[edge + 1] - 1
        wet = inside & (city.ground[cells(city, points)] == Ground.WATER)
        assert (city.edge_flags[edge[wet]] & RoadFlag.BRIDGE).all()


def test_water_lies_below_the_datum_and_land_above(city: CityPack) -> None:
    water = city.ground == Ground.WATER
    assert (city.terrain[water] < 0).all() and (city.terrain[~water] >= 0).all()
    assert 70 < city.terrain.max() < 90


def test_edges_run_from_tail_to_head_and_arcs_agree_with_them(city: CityPack) -> None:
    start = city.geom_start
    assert (np.diff(start) >= 2).all() and (np.diff(start) > 2).any()
    assert np.allclose(city.geom_xy[start[:-1]], city.node_xy[city.edge_tail], atol=0.01)
    assert np.allclose(city.geom_xy[start[1:] - 1], city.node_xy[city.edge_head], atol=0.01)
    straight = np.hypot(*(city.node_xy[city.arc_head] - city.node_xy[city.arc_tail]).T)
    assert (city.arc_length_m >= straight - 0.1).all() and (city.arc_length_m > 0).all()
    assert (city.arc_speed_mps > 4).all()


def test_one_way_edges_have_one_arc_and_others_two(city: CityPack) -> None:
    arcs = np.bincount(city.arc_edge, minlength=len(city.edge_tail))
    one_way = (city.edge_flags & RoadFlag.ONE_WAY) != 0
    assert (arcs == np.where(one_way, 1, 2)).all() and one_way.sum() > 1000
    single = np.flatnonzero(one_way[city.arc_edge])
    assert (city.arc_tail[single] == city.edge_tail[city.arc_edge[single]]).all()


def test_a_street_name_belongs_to_one_unbroken_street(city: CityPack) -> None:
    assert len(set(city.names)) == len(city.names) and city.names[0] == ""
    local = np.flatnonzero((city.edge_class == RoadClass.RESIDENTIAL) & (city.edge_name > 0))
    ends = np.concatenate([city.edge_tail[local], city.edge_head[local]])
    spots = np.unique(np.tile(city.edge_name[local], 2).astype(np.int64) * 1_000_000 + ends, return_inverse=True)[1]
    half = len(local)
    parts, part = connected_components(
        coo_matrix((np.ones(half), (spots[:half], spots[half:])), shape=(spots.max() + 1,) * 2), directed=False
    )
    pieces = Counter(int(name) for name, _ in set(zip(city.edge_name[local], part[spots[:half]], strict=True)))
    assert parts > 3000 and np.mean([count == 1 for count in pieces.values()]) > 0.97


@pytest.mark.parametrize(
    ("name", "reached_m", "dry_m"),
    [
        ("Customs Quay", 2.4, 2.0),
        ("Wharf Street Underpass", 2.4, 2.1),
        ("Shipwrights Quay", 2.4, 1.8),
    ],
)
def test_quays_and_the_underpass_flood_in_a_surge(city: CityPack, name: str, reached_m: float, dry_m: float) -> None:
    edges = edges_named(city, name)
    middle = (city.node_xy[city.edge_tail[edges]] + city.node_xy[city.edge_head[edges]]) / 2
    where = cells(city, middle)
    assert flooded(city, reached_m)[where].any() and not flooded(city, dry_m)[where].any()


def test_the_underpass_is_a_low_tunnel_under_harbour_way(city: CityPack) -> None:
    (edge,) = edges_named(city, "Wharf Street Underpass")
    assert city.edge_flags[edge] & (RoadFlag.UNDERPASS | RoadFlag.LOW_LYING) == 10
    points = city.geom_xy[city.geom_start[edge] : city.geom_start[edge + 1]].astype(np.float64)
    middle = points[0] + (points[-1] - points[0]) * np.array([0.5, 0.5])
    assert city.terrain[cells(city, middle[None, :])].min() < 1.5


def test_surge_takes_part_of_the_city_and_never_most_of_it(city: CityPack) -> None:
    land = city.terrain >= 0
    share = [float((flooded(city, level) & land).sum() / land.sum()) for level in (1.8, 2.4, 3.4)]
    assert share[0] < 0.001 < share[1] < share[2] < 0.08


def test_the_barrier_closes_the_only_way_of_the_surge(city: CityPack) -> None:
    (ax, ay), (bx, by) = (city.to_xy(*pair) for pair in city.meta["barrier"]["line"])
    share = np.linspace(0, 1, 200)[:, None]
    line = np.array([[ax, ay]]) * (1 - share) + np.array([[bx, by]]) * share
    row, col = cells(city, line)
    closed = city.terrain.copy()
    for step in (-1, 0, 1):
        closed[row + step, col] = closed[row, col + step] = city.meta["barrier"]["crest_m"]
    regions, _ = label(closed < 3.4)
    quay = edges_named(city, "Customs Quay")
    where = cells(city, city.node_xy[city.edge_tail[quay]])
    assert not (regions[where] == regions[0, 0]).any()


def test_sites_stand_on_land_and_name_things_that_exist(city: CityPack) -> None:
    meta = city.meta
    ids = [
        record["id"]
        for key in (
            "agencies",
            "facilities",
            "berths",
            "substations",
            "feeders",
            "pumps",
            "units",
            "gauges",
            "outfalls",
            "anchorages",
            "navaids",
        )
        for record in meta[key]
    ]
    assert len(set(ids)) == len(ids)
    known = {*ids, "BARRIER"}
    for record in [*meta["facilities"], *meta["substations"], *meta["pumps"]]:
        x, y = city.to_xy(record["lon"], record["lat"])
        assert city.ground[cells(city, np.array([[x, y]]))][0] != Ground.WATER, record["id"]
        assert record["agency"] in known
    for unit in meta["units"]:
        assert unit["station"] in known and unit["agency"] in known
    for feeder in meta["feeders"]:
        assert {feeder["substation"], *feeder["serves"]} <= known and feeder.get("backfeed", "F-1A") in known
    assert {pump["feeder"] for pump in meta["pumps"]} <= known


def test_it_has_what_a_drill_needs(city: CityPack) -> None:
    kinds = Counter(record["kind"] for record in city.meta["facilities"])
    assert kinds["hospital"] >= 3 and 6 <= kinds["fire_station"] <= 8 and kinds["school"] >= 40
    assert kinds["shelter"] >= 12 and kinds["chemical_plant"] == 1 and kinds["care_home"] >= 8
    assert len(city.meta["berths"]) >= 10 and len(city.meta["substations"]) >= 8 and len(city.meta["units"]) >= 60
    gauges = Counter(record["kind"] for record in city.meta["gauges"])
    assert gauges["water_level"] >= 5 and gauges["wind"] == 3


def test_floating_gauges_berths_and_ships_marks_touch_water(city: CityPack) -> None:
    tide_gauges = [gauge for gauge in city.meta["gauges"] if gauge["kind"] == "water_level"]
    for record in [*tide_gauges, *city.meta["berths"], *city.meta["anchorages"]]:
        x, y = city.to_xy(record["lon"], record["lat"])
        around = np.array([[x + dx, y + dy] for dx in (-40, 0, 40) for dy in (-40, 0, 40)])
        assert (city.ground[cells(city, around)] == Ground.WATER).any(), record["id"]
    for lon, lat in city.meta["channel"]:
        assert city.ground[cells(city, np.array([city.to_xy(lon, lat)]))][0] == Ground.WATER
