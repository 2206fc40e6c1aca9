"""Who drives: the vehicle profiles of the road engine, and how water slows each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picture.errors import RoadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOOTPATH = 6
MOTOR_ROADS = frozenset(range(FOOTPATH))
_KMH = 3.6
CRAWL_MPS = 1.5
"""Walking pace: the slowest speed through passable water, and the speed of leaving a closed road."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of road user.

    ``speed_factor`` multiplies the free-flow speed, ``top_speed_mps`` caps it; ``wading_m`` is the deepest
    water driven through; ``road_classes`` lists the road classes (0 to 6) that may be used at all.
    """

    name: str
    speed_factor: float
    top_speed_mps: float
    wading_m: float
    road_classes: frozenset[int] = MOTOR_ROADS


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("car", 1.0, 36.0, 0.30),
        Profile("engine", 1.1, 28.0, 0.50),
        Profile("ambulance", 1.2, 34.0, 0.30),
        Profile("high_wheel", 0.9, 24.0, 0.90),
        # A boat is never on a road: every search for it answers with a reason, not with a wrong street.
        Profile("boat", 1.0, 12.0, 99.0, frozenset()),
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
