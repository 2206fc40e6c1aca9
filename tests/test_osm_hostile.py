"""Extracts nobody would wish for, written for the purpose: each a clear error or a right pack, nothing half-written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
from osmium.osm.mutable import Node, Relation, Way

from picture.errors import RoadError
from picture.text import visible
from twin.osm import ImportReport, import_osm
from twin.pack import CityPack

ROAD = {"highway": "residential"}


def write(path: Path, nodes: list[Node], ways: list[Way], relations: tuple[Relation, ...] = ()) -> Path:
    with osmium.SimpleWriter(str(path)) as writer:
        for node in nodes:
            writer.add_node(node)
        for way in ways:
            writer.add_way(way)
        for relation in relations:
            writer.add_relation(relation)
    return path


def grid(lon: float, lat: float, side: int = 6, step: float = 0.001, **tags: str) -> tuple[list[Node], list[Way]]:
    """A town of ``side`` × ``side`` crossings from a corner."""
    nodes = [
        Node(id=1 + row * side + column, version=1, location=(_wrapped(lon + step * column), lat + step * row))
        for row in range(side)
        for column in range(side)
    ]
    rows = [[1 + row * side + column for column in range(side)] for row in range(side)]
    lines = [*rows, *([row[column] for row in rows] for column in range(side))]
    return nodes, [
        Way(id=100 + k, version=1, nodes=line, tags=ROAD | {"name": f"Street {k}"} | tags)
        for k, line in enumerate(lines)
    ]


def tagged(way: Way, tags: dict[str, Any], number: int | None = None) -> Way:
    """The same way with other tags."""
    return Way(id=number or way.id, version=1, nodes=way.nodes, tags=tags)


def _wrapped(lon: float) -> float:
    return lon - 360.0 if lon > 180.0 else lon


def taken(source: Path, folder: Path) -> tuple[CityPack, ImportReport]:
    report = import_osm(source, folder / "out" / "x.pack", progress=lambda _what, _share: None)
    pack = CityPack.open(folder / "out" / "x.pack")
    pack.verify()
    assert (pack.arc_head[pack.turn_from] == pack.arc_tail[pack.turn_to]).all()
    assert np.isfinite(pack.node_xy).all() and (pack.arc_length_m > 0).all()
    return pack, report


def refused(source: Path, folder: Path) -> str:
    with pytest.raises(RoadError) as why:
        import_osm(source, folder / "out" / "x.pack", progress=lambda _what, _share: None)
    assert not (folder / "out").exists() or not list((folder / "out").iterdir())
    return why.value.code


@pytest.mark.parametrize("share", [0.02, 0.35, 0.7, 0.99])
@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz", ".osm.bz2"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    whole = write(tmp_path / f"whole{suffix}", *grid(5.0, 50.0, side=40)).read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[: int(len(whole) * share)])
    assert refused(cut, tmp_path) in ("TOC-5303", "TOC-5304")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("picture.osm.pbf", b"\x89PNG\r\n\x1a\n" + bytes(500), "TOC-5303"),
        ("page.osm", b"<html><body>Not found</body></html>" * 200, "TOC-5303"),
        ("zip.osm.gz", b"PK\x03\x04" + bytes(500), "TOC-5303"),
        ("city.geojson", b'{"type": "FeatureCollection"}', "TOC-5303"),
        ("empty.osm.pbf", b"", "TOC-5302"),
        ("zeros.osm.pbf", bytes(4_000), "TOC-5303"),
        ("bomb.osm", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cc">]><osm version="0.6">&b;</osm>', "TOC-5304"),
    ],
)
def test_what_is_no_extract_is_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name, tmp_path) == code


def test_an_extract_of_nodes_alone_has_no_roads(tmp_path: Path) -> None:
    assert refused(write(tmp_path / "x.osm.pbf", grid(5.0, 50.0)[0], []), tmp_path) == "TOC-5305"


def test_an_extract_of_houses_and_paths_has_no_roads_for_vehicles(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    for key, value in (("building", "yes"), ("highway", "footway"), ("highway", "proposed")):
        other = [tagged(way, {key: value}) for way in ways]
        assert refused(write(tmp_path / f"{value}.osm.pbf", nodes, other), tmp_path) == "TOC-5305"


def test_one_ways_that_lead_nowhere_are_no_city(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    one = [tagged(ways[0], ROAD | {"oneway": "yes"})]
    assert refused(write(tmp_path / "x.osm.pbf", nodes, one), tmp_path) == "TOC-5305"


def test_a_city_across_the_antimeridian_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path / "x.osm.pbf", *grid(179.997, -17.0)), tmp_path) == "TOC-5311"
    pack, _ = taken(write(tmp_path / "near.osm.pbf", *grid(179.99, -17.0)), tmp_path)
    assert float(np.ptp(pack.node_xy, axis=0).max()) < 2_000


def test_coordinates_off_the_earth_do_not_make_a_city_of_a_continent(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    far = [Node(id=900, version=1, location=(-170.0, -80.0)), Node(id=901, version=1, location=(170.0, 85.0))]
    ways.append(Way(id=900, version=1, nodes=[1, 900, 901], tags=ROAD))
    source = write(tmp_path / "x.osm.pbf", nodes + far, ways)
    assert refused(source, tmp_path) == "TOC-5311"


def test_ways_with_missing_repeated_and_single_nodes_keep_what_is_there(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    strange = [[1, 7_777, 2], [8_888, 9_999], [3], [4, 4, 4], [5, 6, 5, 6], [1, 8, 15, 1]]
    ways += [Way(id=500 + k, version=1, nodes=refs, tags=ROAD) for k, refs in enumerate(strange)]
    pack, report = taken(write(tmp_path / "x.osm.pbf", nodes, ways), tmp_path)
    assert report.cut_ways == 2 and len(pack.node_xy) == 36


def test_objects_that_stand_in_the_file_twice_make_a_right_pack_or_an_error(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    source = write(tmp_path / "x.osm.pbf", [*nodes, *nodes], [*ways, *ways])
    pack, _ = taken(source, tmp_path)
    assert len(pack.node_xy) == 36


def test_objects_out_of_order_are_a_right_pack_or_an_error(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    source = tmp_path / "x.osm.pbf"
    with osmium.SimpleWriter(str(source)) as writer:
        for way in ways:
            writer.add_way(way)
        for node in reversed(nodes):
            writer.add_node(node)
    assert refused(source, tmp_path) in ("TOC-5304", "TOC-5305")


@pytest.mark.parametrize(
    "name", ["Main\x1b[31m Street", "High\u202eteertS", "A\x01B", "\u2066x\u2069", "N\u00e9w\tRoad", "x" * 255]
)
def test_names_with_control_characters_stay_one_name_and_show_as_marks(tmp_path: Path, name: str) -> None:
    nodes, ways = grid(5.0, 50.0)
    ways[0] = tagged(ways[0], ROAD | {"name": name})
    nodes.append(Node(id=990, version=1, location=(5.0021, 50.0021), tags={"amenity": "hospital", "name": name}))
    pack, _ = taken(write(tmp_path / "x.osm.pbf", nodes, ways), tmp_path)
    for shown in (*pack.names, *(site["name"] for site in pack.meta["facilities"])):
        assert shown == visible(shown)


def test_nonsense_in_tags_counts_as_not_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    keys = ("maxspeed", "oneway", "layer", "maxheight", "maxweight", "access", "bridge", "foot", "junction", "lanes")
    values = ("", "-1", "1e999", "9" * 40, "none", "yes;no", "\u0660\u0661", "½", "NaN", "-", "50 mph mph", "\n")
    nodes, ways = grid(5.0, 50.0)

    def odd() -> dict[str, Any]:
        return {str(rng.choice(keys)): str(rng.choice(values)) for _ in range(4)}

    ways += [tagged(way, ROAD | odd(), way.id + 1_000) for _ in range(6) for way in ways[:12]]
    pack, _ = taken(write(tmp_path / "x.osm.pbf", nodes, ways), tmp_path)
    assert np.isfinite(pack.arc_speed_mps).all() and (pack.arc_speed_mps > 0.2).all()


def test_restrictions_over_what_is_not_there_are_counted(tmp_path: Path) -> None:
    nodes, ways = grid(5.0, 50.0)
    members = [
        [("w", 100, "from"), ("n", 2, "via"), ("w", 107, "to")],
        [("w", 100, "from"), ("n", 4_444, "via"), ("w", 107, "to")],
        [("n", 1, "from"), ("w", 1, "via"), ("r", 1, "to")],
        [],
    ]
    tags = {"type": "restriction", "restriction": "no_left_turn"}
    relations = tuple(Relation(id=1 + k, version=1, members=one, tags=tags) for k, one in enumerate(members))
    _, report = taken(write(tmp_path / "x.osm.pbf", nodes, ways, relations), tmp_path)
    assert report.turns_applied + report.turns_unresolved + report.turns_by_way == 4
