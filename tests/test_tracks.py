"""A track is believed until it cannot be: doubt and judgement are said in words, once, when the report comes in."""

from __future__ import annotations

from typing import Any

import pytest

from picture.model import Sensor, Vessel
from picture.reports import Observation, VesselReport
from picture.tracks import AT_ANCHOR, DRAG_M, MOORED, STUCK_AFTER, judge_sensor, judge_vessel
from tests.scaffold import MINUTE_MS, NOON_MS

LON_E7, LAT_E7 = -300_500_000, 459_578_000
METRE_E7 = 89.932


def report(*, north_m: float = 0, at_s: float = 60, **fields: Any) -> VesselReport:
    known = {
        "at_ms": NOON_MS + round(at_s * 1000), "mmsi": 211_000_001, "lon_e7": LON_E7,
        "lat_e7": LAT_E7 + round(north_m * METRE_E7), "speed_mmps": 0,
    }  # fmt: skip
    return VesselReport.model_validate(known | fields)


def ship(**fields: Any) -> Vessel:
    return Vessel(211_000_001, **({"lon_e7": LON_E7, "lat_e7": LAT_E7, "at_ms": NOON_MS} | fields))


# --- vessels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metres", "doubted"), [(1800, False), (1900, True), (499, False)])
def test_a_jump_faster_than_any_ship_is_doubted(metres: float, doubted: bool) -> None:
    judged = judge_vessel(report(north_m=metres), ship())
    assert ("two ships on one MMSI" in judged.doubt) is doubted


def test_a_position_on_land_is_doubted_even_of_a_ship_unknown_so_far() -> None:
    judged = judge_vessel(report(), None, on_water=lambda lon, lat: lat < 45)
    assert judged.doubt == "its position is on land"
    assert judge_vessel(report(), None, on_water=lambda lon, lat: lat > 45).doubt == ""


def test_the_ground_is_asked_in_degrees_lon_before_lat() -> None:
    asked: list[tuple[float, float]] = []

    def on_water(lon: float, lat: float) -> bool:
        asked.append((lon, lat))
        return True

    judge_vessel(report(), None, on_water=on_water)
    assert asked == [(LON_E7 / 1e7, LAT_E7 / 1e7)]


def test_an_older_report_is_not_measured_against_a_newer_position() -> None:
    assert judge_vessel(report(north_m=5000, at_s=-60), ship()).doubt == ""


@pytest.mark.parametrize(("status", "word"), [(AT_ANCHOR, "dragging"), (MOORED, "adrift")])
def test_a_lying_ship_that_moves_away_is_dragging_or_adrift(status: int, word: str) -> None:
    moving = report(north_m=DRAG_M + 5, nav_status=status, speed_mmps=700)
    assert judge_vessel(moving, ship(nav_status=status), anchored_at=(LON_E7, LAT_E7)).judgement == word


@pytest.mark.parametrize(
    "fields",
    [
        {"north_m": DRAG_M - 5, "speed_mmps": 700, "nav_status": AT_ANCHOR},  # swinging
        {"north_m": DRAG_M + 5, "speed_mmps": 300, "nav_status": AT_ANCHOR},  # lying still
        {"north_m": DRAG_M + 5, "speed_mmps": 700, "nav_status": 0},  # under way
    ],
)
def test_swinging_lying_still_or_under_way_is_no_dragging(fields: dict[str, Any]) -> None:
    assert judge_vessel(report(**fields), ship(), anchored_at=(LON_E7, LAT_E7)).judgement == ""


def test_a_position_without_status_is_judged_by_the_status_known() -> None:
    moving = report(north_m=100, speed_mmps=700)
    judged = judge_vessel(moving, ship(nav_status=AT_ANCHOR), anchored_at=(LON_E7, LAT_E7))
    assert judged.judgement == "dragging"


def test_a_doubtful_position_drags_nothing() -> None:
    moving = report(north_m=9000, nav_status=AT_ANCHOR, speed_mmps=700)
    judged = judge_vessel(moving, ship(nav_status=AT_ANCHOR), anchored_at=(LON_E7, LAT_E7))
    assert judged.doubt and not judged.judgement


def test_particulars_without_a_position_leave_doubt_and_judgement_standing() -> None:
    particulars = report(lon_e7=None, lat_e7=None, name="NORDSTJERNEN")
    judged = judge_vessel(particulars, ship(doubt="its position is on land", judgement="dragging"))
    assert (judged.doubt, judged.judgement) == ("its position is on land", "dragging")


# --- sensors ------------------------------------------------------------------------------------------


def value(metres: float, *, at_s: float = 600, quantity: str = "water_level") -> Observation:
    at_ms = NOON_MS + round(at_s * 1000)
    return Observation(at_ms=at_ms, sensor="G-1", quantity=quantity, value=metres, unit="m")


def gauge(name: str, *values: float) -> Sensor:
    recent = tuple((NOON_MS + k * MINUTE_MS, one) for k, one in enumerate(values))
    return Sensor(name, "water_level", f"gauge {name}", value=values[-1], recent=recent)


RISING = gauge("G-2", 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)


def test_the_same_value_again_and_again_while_a_neighbour_moves_is_stuck() -> None:
    judged = judge_sensor(value(1.5), gauge("G-1", *[1.5] * (STUCK_AFTER - 1)), (RISING,))
    assert judged.state == "stuck" and judged.why == "the same value 6 times while gauge G-2 moved"


@pytest.mark.parametrize(
    ("known", "neighbours"),
    [
        (gauge("G-1", *[1.5] * (STUCK_AFTER - 2)), (RISING,)),  # not yet often enough
        (gauge("G-1", 1.5, 1.5, 1.51, 1.5, 1.5), (RISING,)),  # it moved
        (gauge("G-1", *[1.5] * 5), (gauge("G-2", *[1.2] * 6),)),  # slack water: nobody moves
        (gauge("G-1", *[1.5] * 5), (gauge("G-1", 1.0, 1.5),)),  # it is no neighbour of itself
        (gauge("G-1", *[1.5] * 5), ()),
    ],
)
def test_a_value_that_may_well_stand_still_is_ok(known: Sensor, neighbours: tuple[Sensor, ...]) -> None:
    assert judge_sensor(value(1.5), known, neighbours).state == "ok"


@pytest.mark.parametrize(
    ("quantity", "wrong", "right"),
    [("water_level", 99.0, 14.9), ("wind_speed", -1.0, 60.0), ("wind_direction", 361.0, 360.0)],
)
def test_a_value_that_cannot_be_is_doubtful_and_says_its_bounds(quantity: str, wrong: float, right: float) -> None:
    judged = judge_sensor(value(wrong, quantity=quantity), None)
    assert judged.state == "doubtful" and f"{wrong:g} is outside" in judged.why
    assert judge_sensor(value(right, quantity=quantity), None).state == "ok"


def test_a_quantity_without_bounds_is_taken_as_it_is() -> None:
    assert judge_sensor(value(1e9, quantity="people"), None).state == "ok"
