"""What an area's tags make of the ground (wiki, Map features: natural, landuse, leisure, waterway)."""

from __future__ import annotations

from collections.abc import Mapping

from twin.pack import Ground

_GROUND: dict[str, dict[str, Ground]] = {
    "natural": {"water": Ground.WATER, "wood": Ground.PARK},
    "waterway": {"riverbank": Ground.WATER, "dock": Ground.WATER},
    "landuse": {
        "reservoir": Ground.WATER,
        "basin": Ground.WATER,
        "forest": Ground.PARK,
        "grass": Ground.PARK,
        "recreation_ground": Ground.PARK,
        "cemetery": Ground.PARK,
        "village_green": Ground.PARK,
        "industrial": Ground.INDUSTRIAL,
        "port": Ground.INDUSTRIAL,
        "harbour": Ground.INDUSTRIAL,
        "railway": Ground.INDUSTRIAL,
        "quarry": Ground.INDUSTRIAL,
        "residential": Ground.DENSE,
        "commercial": Ground.DENSE,
        "retail": Ground.DENSE,
    },
    "leisure": {"park": Ground.PARK, "garden": Ground.PARK, "golf_course": Ground.PARK},
    "industrial": {"port": Ground.INDUSTRIAL},
}
DRAW_ORDER = (Ground.DENSE, Ground.PARK, Ground.INDUSTRIAL, Ground.WATER)
"""Later ground lies over earlier."""


def ground_of(tags: Mapping[str, str]) -> Ground | None:
    """The ground an area with these tags covers; None where the map does not show it. Tunnels cover nothing."""
    if tags.get("tunnel", "no") != "no" or tags.get("location") == "underground":
        return None
    for key, values in _GROUND.items():
        ground = values.get(tags.get(key, ""))
        if ground is not None:
            return ground
    return None
