"""How far one gets over the roads as they are: isochrones, their outlines, who is cut off, whose ring shrank.

May import numpy, scipy, and the road modules of ``twin``. Must not know units, incidents or screens.
"""

from twin.reach.cutoff import cut_off, main_part
from twin.reach.isochrone import Reach, ReachGraph, reach_through
from twin.reach.lost import RingLoss, lost_rings
from twin.reach.outline import Band, outline

__all__ = [
    "Band",
    "Reach",
    "ReachGraph",
    "RingLoss",
    "cut_off",
    "lost_rings",
    "main_part",
    "outline",
    "reach_through",
]
