"""A drill over a city imported from OpenStreetMap: calls, places, ways and closures of a real town, end to end."""

from __future__ import annotations

from pathlib import Path

from console.city import City
from console.drill.scenario import load
from console.drill.world import DrillWorld, Options
from picture.model import Sensor, StreamPicture
from tests.e2e.hands import report, write_scenario
from twin.osm import import_osm
from twin.pack import CityPack, Ground


def test_a_drill_runs_over_an_imported_city(tmp_path: Path, osm_extracts: Path) -> None:
    pack = tmp_path / "monaco.pack"
    import_osm(osm_extracts / "monaco.osm.pbf", pack, progress=lambda _what, _share: None)
    call = report("Smoke from a flat", kind="fire", place="Boulevard des Moulins")
    source = write_scenario(
        tmp_path / "scenario",
        city="monaco",
        minutes=5,
        messages=[{"at": 60, "feed": "calls-112", "body": call.decode()}],
    )
    world = DrillWorld(load(source), source, tmp_path / "world", pack, tmp_path / "order.npy", Options())
    try:
        while not world.core.home.drill.stopped and world.core.step():
            pass
        city, (incident,) = world.city, world.core.home.incidents.values()
        assert incident.place is not None
        place = incident.place.lon_e7 / 1e7, incident.place.lat_e7 / 1e7
        assert "Moulins" in city.describe(*place)
        hospital = next(one for one in city.pack.meta["facilities"] if one["kind"] == "hospital")
        start = hospital["lon"], hospital["lat"]
        way = city.travel("ambulance", start, place)
        assert way is not None and 30 < way.duration_s < 900 and way.streets
        middle = way.edges[len(way.edges) // 2]
        other = city.travel("ambulance", start, place, avoid=frozenset({middle}))
        assert other is None or (middle not in other.edges and other.duration_s >= way.duration_s)
        assert (city.pack.ground == Ground.WATER).any() and city.on_water(7.45, 43.735)
    finally:
        world.close()


def test_a_city_without_water_or_heights_is_opened_and_never_floods(tmp_path: Path, osm_extracts: Path) -> None:
    pack = tmp_path / "inland.pack"
    import_osm(osm_extracts / "liechtenstein.osm.pbf", pack, progress=lambda _what, _share: None)
    city = City(CityPack.open(pack))
    try:
        picture = StreamPicture("s")
        picture.sensors["G"] = Sensor("G", "water_level", value=9.0, at_ms=1)
        assert city.floodwatch.judge(picture, 1) == [] and city.floodwatch.flood(picture) is None
    finally:
        city.close()
