"""What a new position or value makes of a vessel or sensor: believed, doubted, dragging, stuck. Decided at ingest."""

from __future__ import annotations

from collections.abc import Callable

from picture import events as ev
from picture.model import Sensor, Vessel
from picture.places import distance_m
from picture.reports import Observation, VesselReport

TOO_FAST_MMPS = 31_000
"""60 knots: faster than any ship of a port; a jump that needs more is doubtful."""
AT_ANCHOR = 1
MOORED = 5
DRAG_MMPS = 400
"""0.8 knots over ground at anchor is more than swinging."""
DRAG_M = 60.0
STUCK_AFTER = 6
"""The very same value this many times in a row, while a neighbour moves, is a stuck sensor."""
NEIGHBOUR_MOVED = 0.08
"""Metres (or units) a neighbour of the same quantity must have moved meanwhile."""
PHYSICAL: dict[str, tuple[float, float]] = {
    "water_level": (-15.0, 15.0),
    "wind_speed": (0.0, 120.0),
    "gas_concentration": (0.0, 1_000_000.0),
    "temperature": (-90.0, 70.0),
    "wind_direction": (0.0, 360.0),
    "wave_height": (0.0, 40.0),
}
"""Bounds of what can be, in SI units (ppm for gas): beyond them a value is no value."""


def judge_vessel(
    report: VesselReport,
    known: Vessel | None,
    on_water: Callable[[float, float], bool] | None = None,
    anchored_at: tuple[int, int] | None = None,
) -> ev.VesselUpdated:
    """The track after this report, with the doubt or judgement on it, in words.

    ``on_water`` tells whether a (lon, lat) is water; ``anchored_at`` is where the vessel first lay at anchor.
    """
    doubt = _doubt(report, known, on_water)
    judgement = "" if doubt else _dragging(report, known, anchored_at)
    return ev.VesselUpdated(
        mmsi=report.mmsi,
        name=report.name,
        ship_type=report.ship_type,
        lon_e7=report.lon_e7,
        lat_e7=report.lat_e7,
        speed_mmps=report.speed_mmps,
        course_cdeg=report.course_cdeg,
        heading_deg=report.heading_deg,
        nav_status=report.nav_status,
        length_m=report.length_m,
        draught_dm=report.draught_dm,
        destination=report.destination,
        doubt=doubt,
        judgement=judgement or (known.judgement if known and report.lon_e7 is None else ""),
    )


def _doubt(report: VesselReport, known: Vessel | None, on_water: Callable[[float, float], bool] | None) -> str:
    if report.lon_e7 is None or report.lat_e7 is None:
        return known.doubt if known else ""
    if on_water is not None and not on_water(report.lon_e7 / 1e7, report.lat_e7 / 1e7):
        return "its position is on land"
    if known is None or known.lon_e7 is None or known.lat_e7 is None or report.at_ms <= known.at_ms:
        return ""
    away_m = distance_m(known.lon_e7, known.lat_e7, report.lon_e7, report.lat_e7)
    seconds = (report.at_ms - known.at_ms) / 1000
    if away_m > 500 and away_m * 1000 / seconds > TOO_FAST_MMPS:
        return f"moved {away_m:.0f} m in {seconds:.0f} s: two ships on one MMSI, or a false position"
    return ""


def _dragging(report: VesselReport, known: Vessel | None, anchored_at: tuple[int, int] | None) -> str:
    status = report.nav_status if report.nav_status is not None else known.nav_status if known else None
    if status not in (AT_ANCHOR, MOORED) or report.lon_e7 is None or report.lat_e7 is None:
        return ""
    if anchored_at is None or (report.speed_mmps or 0) < DRAG_MMPS:
        return ""
    away_m = distance_m(*anchored_at, report.lon_e7, report.lat_e7)
    if away_m < DRAG_M:
        return ""
    return "dragging" if status == AT_ANCHOR else "adrift"


def judge_sensor(report: Observation, known: Sensor | None, neighbours: tuple[Sensor, ...] = ()) -> ev.SensorUpdated:
    """The sensor after this value: ok, stuck (it stands while a neighbour moves), or doubtful (it cannot be)."""
    state, why = "ok", ""
    low, high = PHYSICAL.get(report.quantity, (float("-inf"), float("inf")))
    if not low <= report.value <= high:
        state, why = "doubtful", f"{report.value:g} is outside {low:g} to {high:g}"
    elif known is not None and known.state == "stuck" and report.value == known.value:
        state, why = "stuck", known.why  # until its own value moves: quiet neighbours mend nothing
    elif known is not None and _stands_still(report, known) and (moved := _moved(known, neighbours)):
        state, why = "stuck", f"the same value {STUCK_AFTER} times while {moved} moved"
    return ev.SensorUpdated(
        id=report.sensor,
        quantity=report.quantity,
        unit=report.unit,
        value=report.value,
        state=state,
        why=why,
        lon_e7=report.lon_e7,
        lat_e7=report.lat_e7,
    )


def _stands_still(report: Observation, known: Sensor) -> bool:
    last = [value for _, value in known.recent[-(STUCK_AFTER - 1) :]]
    return len(last) == STUCK_AFTER - 1 and all(value == report.value for value in last)


def _moved(known: Sensor, neighbours: tuple[Sensor, ...]) -> str:
    since = known.recent[-(STUCK_AFTER - 1)][0]
    for other in neighbours:
        values = [value for at_ms, value in other.recent if at_ms >= since]
        if other.id != known.id and values and max(values) - min(values) >= NEIGHBOUR_MOVED:
            return other.name or other.id
    return ""
