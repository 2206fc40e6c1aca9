"""LiveMap: the map widget with the picture on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from console.tui import on_map
from console.tui.desk import Desk
from console.tui.map import MapView
from console.tui.map.camera import Camera

CLOSING = ("road.", "world.")
DOT_M_CLOSE = 8.0
OPENING_STEP = 9
"""Half octaves: 22.6 m a dot, a district; on a wall the scale stays and more of the city shows."""
LOW_LYING = ("pumps", "outfalls")
"""What stands where the city takes in water: the middle of it is where a surge night begins."""


class LiveMap(MapView):
    """A MapView that draws the desk's picture; ``tick`` moves marks, ``reload`` also roads, flood and route."""

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(desk.pack, id=id)
        self._desk = desk
        self._flood: Any = None
        self._route: object = None

    def opening(self) -> Camera:
        """The low-lying middle of the city at the scale of a district; the whole city where none is known."""
        sites = [site for name in LOW_LYING for site in self.pack.meta.get(name) or ()]
        if not sites:
            return super().opening()
        x, y = self.pack.to_xy(*(np.array([float(site[axis]) for site in sites]) for axis in ("lon", "lat")))
        cols, rows = self.camera.cols, self.camera.rows
        return Camera.at(float(np.median(x)), float(np.median(y)), step=OPENING_STEP, cols=cols, rows=rows)

    def tick(self) -> None:
        """Marks where they are now, and the water as it stands."""
        self.set_marks(on_map.marks(self._desk))
        flood = self._desk.flood_depth()
        if flood is not self._flood:
            self._flood = flood
            self.set_flood(flood)
        self._desk.cursor = self.cursor_lonlat

    def reload(self, kinds: set[str] | None) -> None:
        """What entries of these kinds changed."""
        if kinds is None or any(kind.startswith(CLOSING) for kind in kinds):
            edges = on_map.closed_edges(self._desk)
            if len(edges) != self.scene.closed.sum() or not self.scene.closed[edges].all():
                self.set_closed(edges)
        if kinds is None or any(kind.startswith(("unit.", "assignment.")) for kind in kinds):
            self._show_route()
        self.tick()

    def show_selected(self) -> None:
        """Highlights what the desk has selected, and its way."""
        self.select(self._desk.selected or None)
        self._show_route()

    def look_at(self, key: str) -> bool:
        """Centres on a thing; False where it has no place."""
        place = on_map.place_of(self._desk, key)
        if place is None:
            return False
        self.center(*place, min(self.camera.dot_m, DOT_M_CLOSE))
        return True

    def _show_route(self) -> None:
        way = on_map.route(self._desk, self._desk.selected)
        if way != self._route:
            self._route = way
            self.set_route(way)
