"""Positions as the picture spells them (integer 1e-7 degrees), and distances for judgements at ingest."""

from __future__ import annotations

from math import cos, hypot, radians

METRES_PER_DEGREE = 111_194.93
"""On a sphere of 6,371,008.8 m (IUGG mean radius)."""


def to_e7(degrees: float) -> int:
    """Degrees as integer 1e-7 degrees, rounded to nearest."""
    return round(degrees * 1e7)


def to_degrees(e7: int) -> float:
    return e7 / 1e7


def distance_m(lon_a_e7: int, lat_a_e7: int, lon_b_e7: int, lat_b_e7: int) -> float:
    """Metres between two positions, by an equirectangular plane: right to 0.1 % within 50 km."""
    middle = radians((lat_a_e7 + lat_b_e7) / 2e7)
    east = (lon_b_e7 - lon_a_e7) / 1e7 * METRES_PER_DEGREE * cos(middle)
    north = (lat_b_e7 - lat_a_e7) / 1e7 * METRES_PER_DEGREE
    return hypot(east, north)
