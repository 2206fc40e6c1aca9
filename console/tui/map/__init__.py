"""The map: braille roads, quadrant areas, dot outlines of hazards and whole-cell marks in a terminal.

``view.MapView`` is the widget; below it everything is numpy over the city pack and can be tested without a screen.
It takes plain marks and rasters, and knows nothing of the picture, the journal or the feeds.
"""

from __future__ import annotations

from console.tui.map.camera import Camera
from console.tui.map.marks import MapItem, Mark, unit_variant
from console.tui.map.view import MapView

__all__ = ["Camera", "MapItem", "MapView", "Mark", "unit_variant"]
