"""The road commands as people type them: answers that add up, closures kept, refusals with a code, a true page."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from picture.places import distance_m, to_e7
from tests.e2e.hands import error_of, tocsin

HERE, THERE = "-30.01,45.99", "-29.98,46.01"
CITY = ("--city", "port-meridian")
TOWN_CENTRE = "POLYGON((-30.005 45.994, -29.99 45.994, -29.99 46.004, -30.005 46.004, -30.005 45.994))"


def answer(*words: str | Path) -> Any:
    run = tocsin(*words, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def metres_along(line: list[list[float]]) -> float:
    return sum(distance_m(*map(to_e7, a), *map(to_e7, b)) for a, b in pairwise(line))


def in_centre(lon: float, lat: float) -> bool:
    return -30.005 < lon < -29.99 and 45.994 < lat < 46.004


# --- the page ---------------------------------------------------------------------------------------------


def test_what_the_page_shows_is_what_is_printed(repo_root: Path) -> None:
    page = (repo_root / "docs" / "roads.md").read_text(encoding="utf-8")
    examples = re.findall(r"```console\n\$ tocsin (.*)\n((?:.*\n)*?)```", page)
    assert len(examples) >= 5
    for words, shown in examples:
        run = tocsin(*shlex.split(words))
        assert (run.stdout + run.stderr).rstrip() == shown.rstrip(), words


# --- route ------------------------------------------------------------------------------------------------


def test_a_route_adds_up_and_a_negative_longitude_is_no_option() -> None:
    found = answer("route", *CITY, "--from", HERE, "--to", THERE)
    assert found["schema"] == "tocsin.route/1" and found["epoch"] == 0 and found["closed_roads"] == 0
    line = found["geometry"]["coordinates"]
    assert found["geometry"]["type"] == "LineString"
    assert metres_along(line) == pytest.approx(found["metres"], rel=0.005)
    assert sum(street["metres"] for street in found["streets"]) == pytest.approx(found["metres"], abs=2)
    assert (line[0], line[-1]) == (found["from"]["on_road"], found["to"]["on_road"])
    assert 3.0 < found["metres"] / found["seconds"] < 36.0
    assert found == answer("route", *CITY, f"--from={HERE}", f"--to={THERE}")


def test_a_closed_area_is_driven_round_whether_typed_or_in_a_file(tmp_path: Path) -> None:
    open_way = answer("route", *CITY, "--from", HERE, "--to", THERE)
    assert any(in_centre(*place) for place in open_way["geometry"]["coordinates"])
    ring = [[float(n) for n in pair.split()] for pair in TOWN_CENTRE[9:-2].split(",")]
    file = tmp_path / "centre.geojson"
    file.write_text(
        json.dumps({"type": "Feature", "properties": None, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    )
    round_it = answer("route", *CITY, "--from", HERE, "--to", THERE, "--close", TOWN_CENTRE)
    assert round_it["closed_roads"] > 100 and round_it["seconds"] > open_way["seconds"]
    assert not any(in_centre(*place) for place in round_it["geometry"]["coordinates"])
    assert answer("route", *CITY, "--from", HERE, "--to", THERE, "--close", file) == round_it


def test_other_ways_are_slower_and_differ() -> None:
    found = answer("route", *CITY, "--from", HERE, "--to", THERE, "--alternatives", "2")
    assert 1 <= len(found["alternatives"]) <= 2
    taken = {tuple(place) for place in found["geometry"]["coordinates"]}
    for other in found["alternatives"]:
        assert other["seconds"] >= found["seconds"]
        elsewhere = {tuple(place) for place in other["geometry"]["coordinates"]} - taken
        assert len(elsewhere) > 0.2 * len(other["geometry"]["coordinates"])


def test_no_way_and_a_way_off_a_closed_road_are_told_apart() -> None:
    found = tocsin("route", *CITY, "--from", HERE, "--to", THERE, "--close", f"POINT({THERE.replace(',', ' ')})")
    assert found.returncode == 0, "the point lies 67 m off the road"
    shut = tocsin("route", *CITY, "--from", "-30.05,45.99", "--to", "-29.995,45.999", "--close", TOWN_CENTRE, "--json")
    assert shut.returncode == 3 and shut.stdout == "" and error_of(shut)["code"] == "TOC-5002"
    out = answer(
        "route",
        *CITY,
        "--from",
        "-29.995,45.999",
        "--to",
        "-30.05,45.99",
        "--close",
        "POINT(-29.995 45.999)",
        "--close",
        "LINESTRING(-29.9955 45.9985, -29.9945 45.9995)",
    )
    assert out["leaves_closed_road"] is True


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("--from", "45.99", "--to", THERE), 2, "TOC-1002"),
        (("--from", "-30,x", "--to", THERE), 2, "TOC-1002"),
        (("--from", "-30,nan", "--to", THERE), 2, "TOC-2009"),
        (("--from", "-300,45", "--to", THERE), 2, "TOC-2009"),
        (("--from", "7.42,43.73", "--to", THERE), 3, "TOC-5003"),
        (("--from", HERE, "--to", THERE, "--profile", "tank"), 2, "TOC-1002"),
        (("--from", HERE, "--to", THERE, "--close", "POLYGON((0 0, 1 1))"), 2, "TOC-2002"),
        (("--from", HERE, "--to", THERE, "--close", "/nowhere.geojson"), 2, "TOC-1002"),
        (("--from", HERE, "--to", THERE, "--city", "atlantis"), 2, "TOC-1002"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_code(words: tuple[str, ...], status: int, code: str) -> None:
    run = tocsin("route", *CITY, *words, "--json")
    assert (run.returncode, error_of(run)["code"], run.stdout) == (status, code, "")


# --- reach ------------------------------------------------------------------------------------------------


def test_a_reach_is_geojson_that_grows_with_the_minutes_and_shrinks_with_closures() -> None:
    found = answer("reach", *CITY, "--from", HERE, "--minutes", "3", "--minutes", "1")
    assert found["type"] == "FeatureCollection" and found["schema"] == "tocsin.reach/1"
    small, large = found["features"]
    assert [one["properties"]["seconds"] for one in found["features"]] == [60.0, 180.0]
    assert small["geometry"]["type"] == "MultiPolygon"
    assert all(
        0 < small["properties"][key] < large["properties"][key] for key in ("area_m2", "crossings", "roads", "metres")
    )
    assert all(ring[0] == ring[-1] for rings in large["geometry"]["coordinates"] for ring in rings)
    (less,) = answer("reach", *CITY, "--from", HERE, "--minutes", "3", "--close", TOWN_CENTRE)["features"]
    assert less["properties"]["metres"] < large["properties"]["metres"]


def test_minutes_beyond_reason_are_refused() -> None:
    for minutes in ("0", "-5", "100000", "nan"):
        run = tocsin("reach", *CITY, "--from", HERE, "--minutes", minutes)
        assert run.returncode == 2 and error_of(run)["code"] == "TOC-1002"


def test_without_a_limit_everything_is_reached_that_the_widest_ring_reaches_and_more() -> None:
    (ring,) = answer("reach", *CITY, "--from", HERE, "--minutes", "10")["features"]
    (all_of_it,) = answer("reach", *CITY, "--from", HERE, "--unbounded")["features"]
    assert all_of_it["properties"]["seconds"] is None
    assert all_of_it["properties"]["last_s"] > 600.0 >= ring["properties"]["last_s"]
    assert all_of_it["properties"]["crossings"] > ring["properties"]["crossings"]


def test_who_is_cut_off_by_closures_stands_apart_from_who_always_was() -> None:
    assert answer("reach", *CITY, "--cut-off")["cut_off"] == []
    found = answer("reach", *CITY, "--cut-off", "--close", TOWN_CENTRE)
    assert found["schema"] == "tocsin.cut_off/1" and found["asked"] > 100 and found["cut_off"]
    # The ring closes every road within; what stands there cannot be left or reached.
    assert all(-30.01 < one["lon"] < -29.985 and 45.99 < one["lat"] < 46.008 for one in found["cut_off"])
    named = answer("reach", *CITY, "--cut-off", "--from", "-29.995,45.999;-30.05,45.99", "--close", TOWN_CENTRE)
    assert [(one["lon"], one["lat"]) for one in named["cut_off"]] == [(-29.995, 45.999)]


def test_lost_rings_name_the_sites_with_metres_and_people() -> None:
    whole = answer("reach", *CITY, "--lost-rings")
    assert whole["schema"] == "tocsin.lost_rings/1" and whole["lost"] == [] and whole["asked"] > 20
    found = answer("reach", *CITY, "--lost-rings", "--kind", "hospital", "--minutes", "5", "--close", TOWN_CENTRE)
    assert found["seconds"] == 300.0 and found["lost"]
    assert {one["kind"] for one in found["lost"]} == {"hospital"}
    for one in found["lost"]:
        assert one["metres_now"] < one["metres_before"] and 0.0 < one["share_lost"] <= 1.0
        assert 0 <= one["people_lost"] <= one["people_before"]
    assert any(one["people_lost"] for one in found["lost"])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--cut-off", "--lost-rings"),
        ("--from", HERE, "--unbounded", "--minutes", "5"),
        ("--from", HERE, "--kind", "hospital"),
        ("--lost-rings", "--minutes", "5", "--minutes", "6"),
    ],
)
def test_reach_asks_one_thing_at_a_time(words: tuple[str, ...]) -> None:
    run = tocsin("reach", *CITY, *words)
    assert run.returncode == 2 and error_of(run)["code"] == "TOC-1002"


# --- criticality ------------------------------------------------------------------------------------------


def test_the_roads_whose_loss_hurts_most_come_first_and_near_means_near() -> None:
    words = ("criticality", *CITY, "--from", f"{HERE};{THERE}", "--to", "-30.0117,45.9917;-30.02,46.0")
    found = answer(*words, "--top", "5")
    assert found["schema"] == "tocsin.criticality/1" and len(found["roads"]) == 5 < found["examined"]
    worst = [(len(one["ways_lost"]), one["added_s"]) for one in found["roads"]]
    assert worst == sorted(worst, reverse=True) and worst[0] > (0, 0.0)
    near = answer(*words, "--near", HERE, "--within", "400")
    assert 0 < near["examined"] < found["examined"]
    for one in near["roads"]:
        ends = one["geometry"]["coordinates"][0], one["geometry"]["coordinates"][-1]
        assert min(distance_m(*map(to_e7, end), *map(to_e7, map(float, HERE.split(",")))) for end in ends) < 410.0


def test_a_pack_that_names_no_places_is_asked_about_with_places(tmp_path: Path) -> None:
    source = tmp_path / "bare.osm"
    source.write_text(extract(), encoding="utf-8")
    env = {"TOCSIN_HOME": str(tmp_path / "home")}
    assert tocsin("city", "import", source, env=env).returncode == 0
    refused = tocsin("criticality", "--city", "bare", env=env)
    assert refused.returncode == 3 and error_of(refused)["code"] == "TOC-5310"
    words = ("--city", "bare", "--from", "8.0001,50.0", "--to", "8.0119,50.008", "--json")
    asked = json.loads(tocsin("criticality", *words, env=env).stdout)
    assert asked["examined"] > 0 and asked["to"] == ["8.0119,50.008"]


# --- matrix -----------------------------------------------------------------------------------------------


def test_a_matrix_says_what_the_routes_say(tmp_path: Path) -> None:
    file = tmp_path / "sites.geojson"
    file.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "properties": facts, "geometry": {"type": "Point", "coordinates": at}}
                    for facts, at in (({"name": "Depot"}, [-29.98, 46.01]), ({"id": "H-1"}, [-30.0117, 45.9917]))
                ],
            }
        )
    )
    found = answer("matrix", *CITY, "--from", f"{HERE};-30.02,46.0", "--to", file, "--metres")
    assert [one["name"] for one in found["to"]] == ["Depot", "H-1"] and len(found["seconds"]) == 2
    one = answer("route", *CITY, "--from", HERE, "--to", THERE)
    assert found["seconds"][0][0] == found["ways"][0][0]["seconds"] == one["seconds"]
    assert found["ways"][0][0]["metres"] == one["metres"] and found["ways"][0][0]["streets"] == one["streets"]


def test_a_pair_without_a_way_is_null(tmp_path: Path) -> None:
    places = tmp_path / "places.txt"
    places.write_text("# the centre and the edge\n-29.995,45.999\n-30.05, 45.99\n")
    found = answer("matrix", *CITY, "--from", "-30.05,45.99", "--to", places, "--close", TOWN_CENTRE)
    assert found["seconds"][0][0] is None and found["seconds"][0][1] == 0.0


# --- cities -----------------------------------------------------------------------------------------------


def extract() -> str:
    """A small town of five by five crossings; one lone street that nothing joins."""
    lines = ["<osm version='0.6' generator='test'>"]
    for row in range(5):
        for column in range(5):
            lines.append(
                f"<node id='{1 + row * 5 + column}' lat='{50 + row * 0.002:.4f}' "
                f"lon='{8 + column * 0.003:.4f}' version='1'/>"
            )
    lines.append("<node id='90' lat='50.02' lon='8.03' version='1'/>")
    lines.append("<node id='91' lat='50.021' lon='8.03' version='1'/>")
    lines.append(
        "<node id='95' lat='50.0041' lon='8.0061' version='1'><tag k='amenity' v='hospital'/>"
        "<tag k='name' v='Saint Roch'/></node>"
    )
    ways = [(f"Row {row} Street", [1 + row * 5 + column for column in range(5)]) for row in range(5)]
    ways += [(f"Column {column} Avenue", [1 + row * 5 + column for row in range(5)]) for column in range(5)]
    ways.append(("Lone Lane", [90, 91]))
    for number, (name, nodes) in enumerate(ways):
        refs = "".join(f"<nd ref='{node}'/>" for node in nodes)
        lines.append(
            f"<way id='{100 + number}' version='1'>{refs}<tag k='highway' v='residential'/>"
            f"<tag k='name' v='{name}'/></way>"
        )
    return "\n".join([*lines, "</osm>"])


def test_an_imported_extract_is_a_city_from_then_on(tmp_path: Path) -> None:
    source = tmp_path / "Little Town.osm"
    source.write_text(extract(), encoding="utf-8")
    env = {"TOCSIN_HOME": str(tmp_path / "home")}
    run = tocsin("city", "import", source, "--json", env=env)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["schema"] == "tocsin.city.import/1" and report["nodes"] == 25 and report["dropped_nodes"] == 2
    info = json.loads(tocsin("city", "info", "little-town", "--json", env=env).stdout)
    assert info["crossings"] == 25 and info["roads"] == 40 and info["facilities"] == {"hospital": 1}
    assert "OpenStreetMap" in info["attribution"] and info["source"]["file"] == "Little Town.osm"
    for city in ("little-town", report["path"]):
        way = json.loads(
            tocsin("route", "--city", city, "--from", "8.0001,50.0", "--to", "8.0119,50.008", "--json", env=env).stdout
        )
        assert {street["name"] for street in way["streets"]} <= {
            *(f"Row {k} Street" for k in range(5)),
            *(f"Column {k} Avenue" for k in range(5)),
        }
        assert way["metres"] == pytest.approx(4 * 0.002 * 111_195 + 0.0118 * 111_195 * 0.6427, rel=0.02)


def test_a_city_may_be_called_as_its_people_call_it(tmp_path: Path) -> None:
    source = tmp_path / "x.osm"
    source.write_text(extract(), encoding="utf-8")
    env = {"TOCSIN_HOME": str(tmp_path / "home")}
    assert tocsin("city", "import", source, "--name", "São João", env=env).returncode == 0
    assert json.loads(tocsin("city", "info", "sao-joao", "--json", env=env).stdout)["name"] == "São João"
    refused = tocsin("city", "import", source, "--name", "../..", env=env)
    assert refused.returncode == 2 and error_of(refused)["code"] == "TOC-1002"


def test_what_is_no_extract_leaves_nothing_behind(tmp_path: Path) -> None:
    env = {"TOCSIN_HOME": str(tmp_path / "home")}
    whole = extract().encode()
    for name, content in (("cut.osm", whole[: len(whole) // 2]), ("none.osm.pbf", b""), ("text.osm", b"hello")):
        (tmp_path / name).write_bytes(content)
        run = tocsin("city", "import", tmp_path / name, "--out", tmp_path / "out", env=env)
        assert run.returncode in (2, 3) and re.fullmatch(r"TOC-\d{4}", error_of(run)["code"]), run.stderr
        assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    missing = tocsin("city", "import", tmp_path / "nowhere.osm", env=env)
    assert missing.returncode == 2 and error_of(missing)["code"] == "TOC-1002"


def test_a_pack_that_was_altered_is_not_described(tmp_path: Path) -> None:
    pack = Path(json.loads(tocsin("city", "info", "port-meridian", "--json").stdout)["path"])
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    (tmp_path / "bad.pack").write_bytes(data)
    run = tocsin("city", "info", tmp_path / "bad.pack")
    assert run.returncode == 3 and error_of(run)["code"] == "TOC-5103"
