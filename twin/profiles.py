"""Who drives: the vehicle profiles of the road engine, and how water slows each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOTORWAY, FOOTPATH, FERRY = 0, 6, 7
MOTOR_ROADS = frozenset((*range(FOOTPATH), FERRY))
"""Roads for motor vehicles; a ferry carries them where its access mask does not say otherwise."""
NO_MOTOR, NO_HEAVY_GOODS, NO_BUS, NO_FOOT, NO_EMERGENCY = 1, 2, 4, 8, 16
"""Bits of ``edge_access``: who may NOT use a road."""
_KMH = 3.6
CRAWL_MPS = 1.5
"""Walking pace: the slowest speed through passable water, and the speed of leaving a closed road."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of road user.

    ``speed_factor`` multiplies the free-flow speed, ``top_speed_mps`` caps it (with ``own_pace`` it is the
    speed, whatever the road's); ``wading_m`` is the deepest water driven through; ``road_classes`` lists the
    road classes (0 to 7) that may be used at all. ``barred_by`` holds the access bits that keep it out,
    ``height_cm``, ``width_cm`` and ``weight_kg`` its size, 0 where no limit concerns it. ``against_one_way``:
    one-ways do not bind it.
    """

    name: str
    speed_factor: float
    top_speed_mps: float
    wading_m: float
    road_classes: frozenset[int] = MOTOR_ROADS
    barred_by: int = 0
    height_cm: int = 0
    width_cm: int = 0
    weight_kg: int = 0
    own_pace: bool = False
    against_one_way: bool = False


# Sizes are of common European vehicles, laden: EN 1846 fire engines, EN 1789 ambulances, 96/53/EC buses.
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("car", 1.0, 36.0, 0.30, MOTOR_ROADS, NO_MOTOR, 170, 190, 2_000),
        Profile("engine", 1.1, 28.0, 0.50, MOTOR_ROADS, NO_EMERGENCY, 330, 250, 16_000),
        Profile("ambulance", 1.2, 34.0, 0.30, MOTOR_ROADS, NO_EMERGENCY, 280, 220, 5_000),
        Profile("high_wheel", 0.9, 24.0, 0.90, MOTOR_ROADS, NO_EMERGENCY, 350, 250, 14_000),
        Profile("bus", 0.9, 24.0, 0.25, frozenset((*range(5), FERRY)), NO_BUS, 320, 255, 18_000),
        Profile(
            "foot",
            1.0,
            1.4,
            0.25,
            frozenset((*range(MOTORWAY + 1, FOOTPATH + 1), FERRY)),
            NO_FOOT,
            own_pace=True,
            against_one_way=True,
        ),
        # A boat is never on a road: it keeps to water links, and without any it is told so.
        Profile("boat", 1.0, 9.0, 99.0, frozenset({FERRY}), own_pace=True, against_one_way=True),
    )
}


def profile(name: str | Profile) -> Profile:
    """The profile of that name; RoadError TOC-5203 where there is none."""
    if isinstance(name, Profile):
        return name
    try:
        return PROFILES[name]
    except KeyError:
        raise RoadError(f"{name!r}; known are {', '.join(PROFILES)}.", code="TOC-5203") from None


def speed_in_water_mps(depth_m: NDArray[np.float32], wading_m: float) -> NDArray[np.float64]:
    """Highest safe speed in m/s through standing water of ``depth_m``; same shape.

    Depth-disruption curve of Pregnolato et al. 2017 (Transportation Research D 55, eq. 3), fitted to cars up
    to 0.30 m. For a vehicle that wades deeper, depth is scaled so that its own limit takes the place of those
    0.30 m (our assumption). Dry road has no limit (inf). Depth beyond ``wading_m`` is a closure, not a speed.
    """
    depth = np.asarray(depth_m, dtype=np.float64)
    scaled_mm = np.minimum(depth / max(wading_m, 1e-6), 1.0) * 300.0
    kmh = 0.0009 * scaled_mm**2 - 0.5529 * scaled_mm + 86.9448
    limited: NDArray[np.float64] = np.where(depth > 0.0, np.maximum(kmh / _KMH, CRAWL_MPS), np.inf)
    return limited
