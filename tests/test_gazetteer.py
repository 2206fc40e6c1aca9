"""Places as people say them are found, spelt right or nearly, and a place can be said in words."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from tests.roadtown import build_town, lonlat
from twin.gazetteer import Gazetteer, Place
from twin.pack import CityPack
from twin.placenames import normal, read_coordinates
from twin.streets import HOUSE_M


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_town(tmp_path_factory.mktemp("town") / "town.pack")


@pytest.fixture(scope="module")
def gazetteer(town: CityPack) -> Gazetteer:
    return Gazetteer(town)


def metres(town: CityPack, place: Place, x: float, y: float) -> float:
    return float(np.hypot(*np.subtract(town.to_xy(place.lon, place.lat), (x, y))))


def test_a_house_number_stands_eight_metres_on_for_each_house(town: CityPack, gazetteer: Gazetteer) -> None:
    near, far = (gazetteer.find(f"{number} Wharf Street")[0] for number in (5, 15))
    assert (near.how, near.name, near.score) == ("address", "5 Wharf Street", 1.0)
    assert near.as_said == "5 Wharf Street"
    gap = metres(town, far, *town.to_xy(near.lon, near.lat))
    assert 0.8 * 10 * HOUSE_M < gap <= 10 * HOUSE_M + 0.1
    assert gazetteer.snapper.snap(near.lon, near.lat).name == "Wharf Street"
    assert gazetteer.find("Wharf Street 5")[0].lon == near.lon


def test_a_house_number_past_the_end_is_the_end_and_says_so(gazetteer: Gazetteer) -> None:
    place = gazetteer.find("9000 Wharf Street")[0]
    assert "its end" in place.name and place.score < 1.0


def test_a_sites_own_address_takes_precedence_over_the_count(town: CityPack, gazetteer: Gazetteer) -> None:
    place = gazetteer.find("12 Abbey St")[0]
    assert (place.how, place.id) == ("address", "H-STANNE")
    assert metres(town, place, 850, 610) < 1.0


@pytest.mark.parametrize(
    "said",
    [
        "Customs House Street & Elm Avenue",
        "corner of customs house st and elm ave",
        "Customs House St / Elm Ave",
        "Elm Avenue at Customs Huose Street",
    ],
)
def test_a_crossing_is_found_however_it_is_said(town: CityPack, gazetteer: Gazetteer, said: str) -> None:
    place = gazetteer.find(said)[0]
    assert place.how == "crossing"
    assert metres(town, place, 12 * 100, 0) < 40


@pytest.mark.parametrize("said", ["Customs House Street & Wharf Street", "custms house st and warf st"])
def test_streets_that_do_not_meet_are_found_where_they_come_nearest(
    town: CityPack, gazetteer: Gazetteer, said: str
) -> None:
    place = gazetteer.find(said)[0]
    assert place.how == "crossing" and place.name.startswith("Customs House Street & Wharf Street, which do not meet: ")
    gap_m = int(place.name.split(": ")[1].split(" m")[0])
    assert 40 < gap_m < 100, "rows of streets lie a hundred metres apart, give or take twenty each"
    assert gap_m / 2 - 1 <= place.uncertainty_m <= gap_m / 2 + 1 and place.score < 0.9
    x, y = town.to_xy(place.lon, place.lat)

    def away(street: str) -> float:
        edges = np.flatnonzero(town.edge_name == town.names.index(street)).tolist()
        lines = [town.geom_xy[town.geom_start[e] : town.geom_start[e + 1]] for e in edges]
        return min(_off(np.array([x, y]), a, b) for line in lines for a, b in pairwise(line))

    assert away("Customs House Street") + away("Wharf Street") == pytest.approx(gap_m, abs=2.0)


def _off(at: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    share = float(np.clip((at - a) @ (b - a) / max(float((b - a) @ (b - a)), 1e-9), 0.0, 1.0))
    return float(np.hypot(*(at - a - share * (b - a))))


def test_streets_at_opposite_ends_of_the_town_are_no_place(gazetteer: Gazetteer, town: CityPack) -> None:
    assert not any(place.how == "crossing" for place in gazetteer.find(f"{town.names[1]} & {town.names[20]}"))


@pytest.mark.parametrize(
    ("said", "how", "site"),
    [
        ("St Anne's", "facility", "H-STANNE"),
        ("saint annes hospital", "facility", "H-STANNE"),
        ("B-6", "berth", "B-6"),
        ("b6", "berth", "B-6"),
        ("Berth 6", "berth", "B-6"),
        ("sub 4", "facility", "SUB-4"),
        ("Chandlr Substation", "facility", "SUB-4"),
        ("meridian barrier", "facility", "BAR-1"),
        ("old harbor", "district", ""),
        ("the fire station", "facility", "F-1"),
        ("Museum Street", "street", ""),
    ],
)
def test_sites_districts_and_streets_are_found_by_id_or_name(
    gazetteer: Gazetteer, said: str, how: str, site: str
) -> None:
    place = gazetteer.find(said)[0]
    assert (place.how, place.id) == (how, site)


def test_coordinates_are_read_in_the_order_that_lies_in_the_city(gazetteer: Gazetteer) -> None:
    lon, lat = lonlat(700, 300)
    for said in (f"{lon:.6f},{lat:.6f}", f"{lat:.6f} {lon:.6f}"):
        place = gazetteer.find(said)[0]
        assert (place.how, place.score) == ("coordinates", 1.0)
        assert (place.lon, place.lat) == pytest.approx((lon, lat), abs=1e-6)
        assert place.name.endswith("Old Harbour")
    minutes = gazetteer.find("46°00.1620'N 29°59.4564'W")[0]
    assert (minutes.lon, minutes.lat) == pytest.approx((-29.99094, 46.0027), abs=1e-5)
    away = gazetteer.find("12.5, 41.9")[0]
    assert away.score < 0.5 and away.name == "outside Road Town"
    assert read_coordinates("95, 190") is None


def test_nothing_near_is_nothing_found(gazetteer: Gazetteer) -> None:
    for said in ("", "   ", "xyzzy plugh", "☃", "&", "12", "\x1b]52;c;x"):
        assert gazetteer.find(said) == []


def test_a_look_up_answers_within_fifty_milliseconds(gazetteer: Gazetteer) -> None:
    for said in ("12 Custms House Stret", "Elm Avenue & Wharf Street", "St Anne's", "x" * 500):
        started = time.perf_counter()
        gazetteer.find(said)
        assert time.perf_counter() - started < 0.05


def test_a_position_is_described_by_street_crossing_and_district(gazetteer: Gazetteer) -> None:
    words = gazetteer.describe(*lonlat(1050, 200))
    assert words.startswith("St Anne's Street near ") and words.endswith("Avenue, Old Harbour")
    assert gazetteer.describe(*lonlat(700, -250)).startswith("on the water, 2")
    assert gazetteer.describe(*lonlat(90_000, 0)) == "outside Road Town"


def test_saint_and_street_are_told_apart() -> None:
    assert normal("St Anne’s St.") == "saint annes street" and normal("Café Rd") == "cafe road"
