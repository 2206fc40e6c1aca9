"""Tags of ways as drivers read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.osm.tags import KEYS, duration_s, length_cm, read_way, speed_kmh, weight_kg
from twin.pack import NoAccess, RoadClass, RoadFlag

CARS = NoAccess.MOTOR | NoAccess.HEAVY | NoAccess.BUS


@pytest.mark.parametrize(
    ("said", "kmh"),
    [
        ("50", 50),
        ("30 mph", 48.3),
        ("30mph", 48.3),
        ("10 knots", 18.5),
        ("DE:urban", 50),
        ("RO:rural", 90),
        ("walk", 7),
        ("50;30", 30),
        ("none", 0),
        ("signals", 0),
        ("", 0),
        ("fast", 0),
        ("-5", 0),
        ("99999", 0),
    ],
)
def test_a_speed_limit_is_read_in_its_unit_and_nonsense_is_none(said: str, kmh: float) -> None:
    assert speed_kmh(said) == pytest.approx(kmh)


@pytest.mark.parametrize(
    ("said", "cm"),
    [
        ("3.5", 350),
        ("3,5 m", 350),
        ("350 cm", 350),
        ("12'6\"", 381),
        ("12'", 366),
        ("12 ft", 366),
        ("default", 0),
        ("", 0),
    ],
)
def test_a_height_is_read_in_metres_or_feet(said: str, cm: int) -> None:
    assert length_cm(said) == cm


@pytest.mark.parametrize(
    ("said", "kg"),
    [
        ("7.5", 7500),
        ("7.5 t", 7500),
        ("3500 kg", 3500),
        ("10 st", 9072),
        ("6000 lbs", 2722),
        ("none", 0),
    ],
)
def test_a_weight_is_in_tonnes_unless_it_says_otherwise(said: str, kg: int) -> None:
    assert weight_kg(said) == kg


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("25", 1500),
        ("00:25", 1500),
        ("01:10:30", 4230),
        ("PT1H10M", 4200),
        ("soon", 0),
        ("", 0),
    ],
)
def test_a_crossing_time_is_minutes_or_a_clock_reading(said: str, seconds: float) -> None:
    assert duration_s(said) == seconds


@pytest.mark.parametrize(
    ("tags", "direction"),
    [
        ({"highway": "residential"}, 0),
        ({"highway": "residential", "oneway": "yes"}, 1),
        ({"highway": "residential", "oneway": "-1"}, -1),
        ({"highway": "motorway"}, 1),
        ({"highway": "motorway", "oneway": "no"}, 0),
        ({"highway": "primary", "junction": "roundabout"}, 1),
        ({"highway": "motorway_link"}, 0),
        ({"highway": "residential", "oneway": "alternating"}, 0),
    ],
)
def test_direction_follows_oneway_roundabouts_and_motorways(tags: dict[str, str], direction: int) -> None:
    way = read_way(tags)
    assert way is not None
    assert way.direction == direction


def test_a_way_that_changes_direction_by_the_hour_is_not_routable() -> None:
    assert read_way({"highway": "primary", "oneway": "reversible"}) is None


def test_a_plaza_a_construction_site_and_a_rail_ferry_are_no_roads() -> None:
    assert read_way({"highway": "pedestrian", "area": "yes"}) is None
    assert read_way({"highway": "construction"}) is None
    assert read_way({"route": "train"}) is None


def test_private_access_keeps_the_public_out_and_lets_emergency_vehicles_in() -> None:
    way = read_way({"highway": "service", "access": "private"})
    assert way is not None
    assert way.access == CARS | NoAccess.FOOT
    assert way.flags & RoadFlag.PRIVATE


def test_the_more_particular_access_tag_wins() -> None:
    way = read_way({"highway": "residential", "access": "no", "bus": "yes", "foot": "yes"})
    assert way is not None
    assert way.access == NoAccess.MOTOR | NoAccess.HEAVY | NoAccess.EMERGENCY


def test_a_pedestrian_street_is_open_to_emergency_vehicles_and_a_path_is_not() -> None:
    street, path = read_way({"highway": "pedestrian"}), read_way({"highway": "path"})
    assert street is not None
    assert path is not None
    assert street.access == CARS
    assert path.access == CARS | NoAccess.EMERGENCY
    assert street.road_class is path.road_class is RoadClass.FOOTPATH


def test_a_ferry_carries_cars_only_where_it_says_so() -> None:
    feet, cars = read_way({"route": "ferry"}), read_way({"route": "ferry", "motor_vehicle": "yes", "duration": "00:10"})
    assert feet is not None
    assert cars is not None
    assert feet.road_class is RoadClass.FERRY
    assert feet.access & CARS == CARS
    assert cars.access == 0
    assert cars.crossing_s == 600
    assert cars.flags & RoadFlag.FERRY


def test_a_building_passage_is_no_underpass() -> None:
    tunnel, passage = (read_way({"highway": "service", "tunnel": value}) for value in ("yes", "building_passage"))
    assert tunnel is not None
    assert passage is not None
    assert tunnel.flags & RoadFlag.UNDERPASS
    assert not passage.flags & RoadFlag.UNDERPASS


@given(
    st.dictionaries(
        st.sampled_from(sorted(KEYS)),
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(["yes", "no", "residential", "motorway", "ferry", "-1", "3.5", "30 mph", "private", "99"]),
        ),
    )
)
def test_no_tags_break_the_reader(tags: dict[str, str]) -> None:
    way = read_way(tags)
    assert way is None or (way.forward_kmh > 0 and way.backward_kmh > 0 and 0 <= way.height_cm < 65_536)
