"""Shapes: strictly read, refused with a reason, and exact about the roads they touch."""

from __future__ import annotations

import json

import numpy as np
import pytest

from picture.errors import InputError
from tests.roadtown import build_town, lonlat
from twin.geometry import edges_touching, read_shape
from twin.pack import CityPack


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_town(tmp_path_factory.mktemp("town") / "town.pack")


def wkt(kind: str, *places: tuple[float, float]) -> str:
    inner = ", ".join(f"{lon} {lat}" for lon, lat in (lonlat(*place) for place in places))
    return {"LINESTRING": f"LINESTRING ({inner})", "POLYGON": f"POLYGON (({inner}))"}[kind]


def square(x: float, y: float, half: float) -> list[tuple[float, float]]:
    return [
        (x - half, y - half),
        (x + half, y - half),
        (x + half, y + half),
        (x - half, y + half),
        (x - half, y - half),
    ]


def by_sampling(town: CityPack, inside: object) -> set[int]:
    """Edges of which some point, taken every 10 cm, is inside."""
    found = set()
    for edge in range(len(town.edge_tail)):
        line = town.geom_xy[town.geom_start[edge] : town.geom_start[edge + 1]].astype(np.float64)
        along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
        at = np.linspace(0, along[-1], int(along[-1] * 10) + 2)
        points = np.column_stack((np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])))
        if bool(np.any(inside(points))):  # type: ignore[operator]
            found.add(edge)
    return found


def test_a_polygon_touches_the_roads_that_run_into_it_and_no_others(town: CityPack) -> None:
    x, y, half = 1203.0, 807.0, 180.0
    found = set(edges_touching(town, read_shape(wkt("POLYGON", *square(x, y, half)))).tolist())
    expected = by_sampling(town, lambda p: np.abs(p - (x, y)).max(axis=1) <= half)
    assert len(expected) > 10 and expected <= found
    assert found <= by_sampling(town, lambda p: np.abs(p - (x, y)).max(axis=1) <= half + 0.2)


def test_a_road_that_only_crosses_a_narrow_shape_is_touched(town: CityPack) -> None:
    edge = 40
    line = town.geom_xy[town.geom_start[edge] : town.geom_start[edge + 1]].astype(float)
    middle, way = line[1:3].mean(axis=0), line[2] - line[1]
    across = np.array([-way[1], way[0]]) / np.hypot(*way) * 5
    cut = wkt("LINESTRING", tuple(middle - across), tuple(middle + across))  # type: ignore[arg-type]
    assert edge in edges_touching(town, read_shape(cut)).tolist()
    past = wkt("LINESTRING", tuple(middle + across * 0.5), tuple(middle + across))  # type: ignore[arg-type]
    assert edge not in edges_touching(town, read_shape(past)).tolist()


def test_roads_in_a_hole_are_not_touched(town: CityPack) -> None:
    rings = [[list(lonlat(*p)) for p in square(1200, 800, half)] for half in (500.0, 250.0)]
    shape = read_shape(json.dumps({"type": "Polygon", "coordinates": rings}))
    whole = read_shape(json.dumps({"type": "Polygon", "coordinates": rings[:1]}))
    hole = by_sampling(town, lambda p: np.abs(p - (1200, 800)).max(axis=1) < 249)
    rim = by_sampling(town, lambda p: np.abs(p - (1200, 800)).max(axis=1) > 251)
    assert set(edges_touching(town, whole).tolist()) - set(edges_touching(town, shape).tolist()) == hole - rim


def test_a_point_means_the_roads_beside_it(town: CityPack) -> None:
    lon, lat = lonlat(*town.geom_xy[int(town.geom_start[60]) + 1].tolist())
    assert 60 in edges_touching(town, read_shape(f"POINT({lon} {lat})")).tolist()
    assert edges_touching(town, read_shape("POINT (-30.2 46.2)")).tolist() == []


def test_every_kind_of_geojson_says_the_same_as_its_wkt(town: CityPack) -> None:
    ring = [list(lonlat(*p)) for p in square(1200, 800, 300)]
    text = ", ".join(f"{lon} {lat}" for lon, lat in ring)
    polygon = {"type": "Polygon", "coordinates": [ring]}
    same = [
        f"POLYGON(({text}))",
        f" multipolygon ( (( {text} )) ) ",
        json.dumps(polygon),
        json.dumps({"type": "MultiPolygon", "coordinates": [[ring]]}),
        json.dumps({"type": "Feature", "properties": {}, "geometry": polygon}),
        json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": polygon}]}),
        json.dumps({"type": "GeometryCollection", "geometries": [polygon]}),
    ]
    found = [edges_touching(town, read_shape(one)).tolist() for one in same]
    assert len(found[0]) > 20 and all(one == found[0] for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "POINT",
        "POINT ()",
        "POINT (1)",
        "POINT (1 2",
        "POINT (1 2) POINT (1 2)",
        "POINT Z (1 2 3)",
        "POINT (1, 2)",
        "POINT (1 2, 3 4)",
        "LINESTRING (1 2)",
        "POLYGON ((0 0, 1 0, 1 1))",
        "POLYGON ((0 0, 1 0, 1 1, 0 1))",
        "POLYGON (0 0, 1 0, 1 1, 0 0)",
        "CIRCLE (1 2)",
        "POINT EMPTY",
        "SRID=4326;POINT (1 2)",
        "POINT (1 2);",
        "{}",
        '{"type": "Point"}',
        '{"type": "Point", "coordinates": ["1", 2]}',
        '{"type": "Point", "coordinates": [true, 2]}',
        '{"type": "Polygon", "coordinates": []}',
        '{"type": "FeatureCollection", "features": []}',
        '{"type": "Point"',
        '{"type": "Feature", "geometry": null}',
    ],
)
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="TOC-2002"):
        read_shape(text)


@pytest.mark.parametrize(
    "text",
    [
        "POINT (181 0)",
        "POINT (0 -90.5)",
        "POINT (1e400 0)",
        '{"type": "Point", "coordinates": [0, 91]}',
        '{"type": "Point", "coordinates": [NaN, 0]}',
    ],
)
def test_a_position_off_the_globe_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="TOC-2009"):
        read_shape(text)


def test_a_shape_without_bounds_is_refused() -> None:
    deep: dict[str, object] = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(20):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    with pytest.raises(InputError, match="TOC-2004"):
        read_shape(json.dumps(deep))
    with pytest.raises(InputError, match="TOC-2004"):
        read_shape("LINESTRING (" + ",".join(["1 2"] * 100_001) + ")")
