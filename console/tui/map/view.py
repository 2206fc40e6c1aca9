"""MapView, the map widget: keys, mouse and messages around a Painting.

The base layer is drawn on pan, zoom, hazard, road and size changes only; a tick moves marks and repaints the changed
column extent of changed rows. The widget takes plain marks and rasters, and tells its parent what was picked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.tui.map.camera import Camera
from console.tui.map.frame import Frame
from console.tui.map.marks import MapItem, Mark, MarkLayer, is_shown, locate
from console.tui.map.painting import Overlay, Painting, changed
from console.tui.map.palette import THEMES
from console.tui.map.scene import PLUME_BANDS, Scene
from console.tui.map.strips import Painter
from picture.text import visible
from twin.pack import CityPack

Bounds = tuple[float, float, float, float]


class MapView(Widget, can_focus=True):
    """A city on the screen with everything that happens in it.

    Places given to and taken from the widget are WGS 84 degrees; rasters are on the pack's terrain grid.
    """

    DEFAULT_CSS = "MapView { width: 1fr; height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1,0)", "Pan", show=False),
        Binding("right,l", "move(1,0)", "Pan", show=False),
        Binding("up,k", "move(0,-1)", "Pan", show=False),
        Binding("down,j", "move(0,1)", "Pan", show=False),
        Binding("shift+left,H", "move(-5,0)", "Pan far", show=False),
        Binding("shift+right,L", "move(5,0)", "Pan far", show=False),
        Binding("shift+up,K", "move(0,-5)", "Pan far", show=False),
        Binding("shift+down,J", "move(0,5)", "Pan far", show=False),
        Binding("plus,equals_sign,+", "zoom(1)", "Closer", key_display="+"),
        Binding("minus,underscore,-", "zoom(-1)", "Wider", key_display="-"),
        Binding("0,f", "fit", "Fit", key_display="f"),
        Binding("c", "cursor", "Cursor"),
        Binding("enter", "pick", "Pick"),
        Binding("tab", "next_mark(1)", "Next", show=False),
        Binding("shift+tab", "next_mark(-1)", "Previous", show=False),
        Binding("g", "legend", "Legend"),
        Binding("escape", "leave", "Leave cursor", show=False),
    ]

    class Picked(Message):
        """The operator chose a mark (``id``), or a bare place (``id`` None)."""

        def __init__(self, view: MapView, id: str | None, lon: float, lat: float) -> None:
            self.view, self.id, self.lon, self.lat = view, id, lon, lat
            super().__init__()

        @property
        def control(self) -> MapView:
            """The map that was used."""
            return self.view

    class Moved(Message):
        """The view changed: its centre in degrees and its scale; a newer one replaces one still waiting."""

        def __init__(self, view: MapView, lon: float, lat: float, dot_m: float) -> None:
            self.view, self.lon, self.lat, self.dot_m = view, lon, lat, dot_m
            super().__init__()

        @property
        def control(self) -> MapView:
            """The map that was moved."""
            return self.view

        def can_replace(self, message: Message) -> bool:
            """True for another movement of the same map."""
            return isinstance(message, MapView.Moved) and message.view is self.view

    def __init__(
        self,
        pack: CityPack,
        *,
        theme: str = "dark",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.pack = pack
        self.scene = Scene(pack)
        self.camera = Camera.fitting(self.scene.bounds, cols=80, rows=24)
        self.mark_layer = MarkLayer()
        self.overlay = Overlay()
        self._painting = Painting(self.scene)
        self._painter = Painter(theme)
        self._frame: Frame | None = None
        self._strips: list[Strip | None] = []
        self._placed = False
        self._drag_from: Offset | None = None
        self._dragged = False

    # What the console shows

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Replaces all marks and repaints the cells that differ."""
        xy = np.zeros((0, 2))
        if marks:
            lonlat = np.array([(mark.lon, mark.lat) for mark in marks], dtype=np.float64)
            xy = np.column_stack(self.pack.to_xy(lonlat[:, 0], lonlat[:, 1]))
        self.mark_layer = locate(marks, xy)
        self._update()

    def set_flood(self, depth_m: NDArray[np.float32] | None) -> None:
        """Water depth in metres on the pack's terrain raster (row 0 south), or None."""
        self.scene.set_flood(depth_m)
        self._update()

    def set_plume(
        self,
        values: NDArray[np.float32] | None,
        bands: tuple[float, float, float] = PLUME_BANDS,
        frame: tuple[float, float, float] | None = None,
    ) -> None:
        """A second hazard field, on the terrain raster or on its own ``frame`` (x0, y0, cell_m), or None."""
        self.scene.set_plume(values, bands, frame)
        self._update()

    def set_closed(self, edges: NDArray[np.int32] | NDArray[np.int64] | list[int]) -> None:
        """The ids of the road segments that are closed now."""
        self.scene.set_closed(edges)
        self._update()

    def set_route(self, lonlat: NDArray[np.float64] | list[tuple[float, float]] | None) -> None:
        """The path (n, 2) of (lon, lat) to highlight, or None."""
        self.scene.set_route(lonlat)
        self._update()

    def set_theme(self, theme: str) -> None:
        """Shows the map in ``dark``, ``light`` or ``high_contrast``; KeyError for any other name."""
        self._painter = Painter(THEMES[theme].name)
        self._strips = [None] * len(self._strips)
        self.refresh()

    def select(self, id: str | None) -> None:
        """Highlights the mark with this id, or none; the view does not move."""
        self.overlay.selected = id
        self._update()

    @property
    def selected(self) -> str | None:
        """The id that is highlighted."""
        return self.overlay.selected

    @property
    def theme_name(self) -> str:
        """The name of the colour table in use."""
        return self._painter.theme

    # Where it looks

    def center(self, lon: float, lat: float, dot_m: float | None = None) -> None:
        """Looks at a place, at the present scale or at the step nearest to ``dot_m`` metres per dot."""
        x, y = self.pack.to_xy(lon, lat)
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        step = self.camera.step if not dot_m else round(2 * math.log2(dot_m))
        self._placed = True
        self._look(Camera.at(x, y, step=step, cols=self.camera.cols, rows=self.camera.rows))

    def fit(self, bounds: Bounds | None = None) -> None:
        """Shows all of ``bounds`` (west, south, east, north in degrees), or the whole city."""
        if bounds is None:
            self._placed = self.size.width > 0
            self._look(self._fitted())
            return
        x_min, y_min = self.pack.to_xy(bounds[0], bounds[1])
        x_max, y_max = self.pack.to_xy(bounds[2], bounds[3])
        self._placed = True
        self._look(Camera.fitting((x_min, y_min, x_max, y_max), cols=self.camera.cols, rows=self.camera.rows))

    def opening(self) -> Camera:
        """Where the map looks at first, for the present size: the whole city."""
        return self._fitted()

    @property
    def cursor_lonlat(self) -> tuple[float, float] | None:
        """The place under the crosshair, or None while it is off."""
        return None if self.overlay.cursor is None else self._lonlat_of(*self.overlay.cursor)

    def describe(self) -> list[MapItem]:
        """What is on the map as a list, for a table, a log or a screen reader."""
        return self.mark_layer.describe(self.camera)

    # Actions

    def action_move(self, cols: int, rows: int) -> None:
        """Pans by a twentieth of the view, or moves the crosshair by one cell."""
        if self.overlay.cursor is None:
            self._look(self.camera.panned(cols * max(2, self.camera.cols // 20), rows * max(1, self.camera.rows // 20)))
            return
        col, row = self.overlay.cursor[0] + cols, self.overlay.cursor[1] + rows
        inside = min(max(col, 0), self.camera.cols - 1), min(max(row, 0), self.camera.rows - 1)
        self.overlay.cursor = inside
        if (col, row) != inside:
            self._look(self.camera.panned(col - inside[0], row - inside[1]))
        self._update()

    def action_zoom(self, steps: int) -> None:
        """Closer (+) or wider (-), about the crosshair if it is on."""
        self._look(self.camera.zoomed(steps, self.overlay.cursor))

    def action_fit(self) -> None:
        """The whole city."""
        self.fit()

    def action_cursor(self) -> None:
        """Switches the crosshair on, in the middle, or off."""
        on = self.overlay.cursor is None
        self.overlay.cursor = (self.camera.cols // 2, self.camera.rows // 2) if on else None
        self._update()

    def action_leave(self) -> None:
        """Switches crosshair and legend off."""
        self.overlay.cursor = None
        self.overlay.legend = False
        self._update()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the map's only while there is something to leave."""
        return action != "leave" or self.overlay.cursor is not None or self.overlay.legend

    def action_legend(self) -> None:
        """Switches the legend."""
        self.overlay.legend = not self.overlay.legend
        self._update()

    def action_pick(self) -> None:
        """Picks what is under the crosshair; without one, what is selected or the middle of the view."""
        if self.overlay.cursor is not None:
            self._pick(*self.overlay.cursor)
        elif self.overlay.selected in self.mark_layer.by_id:
            mark = self.mark_layer.marks[self.mark_layer.by_id[self.overlay.selected]]
            self.post_message(self.Picked(self, mark.id, mark.lon, mark.lat))
        else:
            self._pick(self.camera.cols // 2, self.camera.rows // 2)

    def action_next_mark(self, step: int) -> None:
        """Selects the next mark in view: incidents by priority, then the rest from left to right."""
        order = self._reading_order()
        if not order:
            return
        ids = [mark.id for mark in order]
        at = ids.index(self.overlay.selected) + step if self.overlay.selected in ids else (0 if step > 0 else -1)
        mark = order[at % len(order)]
        self.overlay.selected = mark.id
        if self.overlay.cursor is not None:
            self.overlay.cursor = self._cell_of(mark)
        self._update()
        self.post_message(self.Picked(self, mark.id, mark.lon, mark.lat))

    # Textual

    def on_resize(self) -> None:
        """Keeps centre and scale once the view was moved; before that shows the opening view."""
        self._update()
        self._tell()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Starts a drag."""
        self._drag_from, self._dragged = event.get_content_offset(self), False
        if self._drag_from is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pans with the pointer while a button is held."""
        if self._drag_from is None:
            return
        here = event.offset - self.content_offset
        moved = here - self._drag_from
        if moved.x or moved.y:
            self._drag_from, self._dragged = here, True
            self._look(self.camera.panned(-moved.x, -moved.y))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Ends a drag; without movement it is a pick."""
        start, self._drag_from = self._drag_from, None
        if start is None:
            return
        self.release_mouse()
        if not self._dragged:
            self._pick(start.x, start.y)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer, about the pointer."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wider, about the pointer."""
        self._wheel(event, -1)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of the crop; Textual's style cache is passed by unless a border or padding was set."""
        self._dirty_regions.clear()
        if self.gutter.width or self.gutter.height:
            return super().render_lines(crop)
        strips = [self.render_line(y) for y in range(crop.y, crop.bottom)]
        if crop.x or crop.right != self.camera.cols:
            strips = [strip.crop(crop.x, crop.right) for strip in strips]
        filters = self.get_line_filters()
        if filters:
            background = self.background_colors[1]
            for line_filter in filters:
                strips = [strip.apply_filter(line_filter, background) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One row of the map, made when it is first asked for after a change."""
        if self._frame is None:
            self._update()
        if self._frame is None or not 0 <= y < len(self._strips):
            return Strip.blank(self.size.width)
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._painter.strip(self._frame, y)
        return strip

    # Inside

    def _look(self, camera: Camera) -> None:
        if camera == self.camera:
            return
        self._placed = True
        self.camera = camera
        self._update()
        self._tell()

    def _tell(self) -> None:
        lon, lat = self.pack.to_lonlat(*self.camera.centre)
        self.post_message(self.Moved(self, lon, lat, self.camera.dot_m))

    def _fitted(self) -> Camera:
        return Camera.fitting(self.scene.bounds, cols=self.camera.cols, rows=self.camera.rows)

    def _update(self) -> None:
        """Composes the frame and asks Textual for the cells that differ."""
        if not self.is_mounted or not self.size.width or not self.size.height:
            return
        if (self.camera.cols, self.camera.rows) != self.size:
            self._resize()  # not by the event: while breakpoints settle, a stale size may be told last
        if self.overlay.cursor is not None:
            self.overlay.cursor_words = self._words_at(*self.overlay.cursor)
        frame = self._painting.paint(self.camera, self.mark_layer, self.overlay)
        spans = changed(self._frame, frame)
        self._frame = frame
        if spans is None:
            self._strips = [None] * self.camera.rows
            self.refresh()
            return
        for row, _, _ in spans:
            self._strips[row] = None
        if len(spans) > self.camera.rows // 2 and sum(width for _, _, width in spans) > frame.chars.size // 2:
            self.refresh()
        elif spans:
            self.refresh(*(Region(col, row, width, 1) for row, col, width in spans))

    def _resize(self) -> None:
        self.camera = self.camera.resized(*self.size)
        if not self._placed:
            self.camera = self.opening()  # for each size until somebody looks elsewhere
        if self.overlay.cursor is not None:
            col, row = self.overlay.cursor
            self.overlay.cursor = min(col, self.camera.cols - 1), min(row, self.camera.rows - 1)

    def _lonlat_of(self, col: int, row: int) -> tuple[float, float]:
        lon, lat = self.pack.to_lonlat(*self.camera.cell_to_xy(col, row))
        return lon, lat

    def _pick(self, col: int, row: int) -> None:
        mark = self.mark_layer.nearest(self.camera, col, row)
        if mark is None:
            self.post_message(self.Picked(self, None, *self._lonlat_of(col, row)))
            return
        self.overlay.selected = mark.id
        self._update()
        self.post_message(self.Picked(self, mark.id, mark.lon, mark.lat))

    def _wheel(self, event: events.MouseEvent, steps: int) -> None:
        event.stop()
        at = event.get_content_offset(self)
        self._look(self.camera.zoomed(steps, None if at is None else (at.x, at.y)))

    def _cell_of(self, mark: Mark) -> tuple[int, int]:
        at = self.mark_layer.by_id[mark.id]
        ((col, row),) = self.camera.to_cells(self.mark_layer.xy[at : at + 1]).tolist()
        return int(col), int(row)

    def _reading_order(self) -> list[Mark]:
        places: list[tuple[Any, Mark]] = []
        for at, col, row in self.mark_layer.in_view(self.camera):
            mark = self.mark_layer.marks[at]
            if is_shown(mark, self.camera.dot_m):
                places.append(((mark.kind != "incident", mark.priority or 9, col, row, mark.id), mark))
        return [mark for _, mark in sorted(places, key=lambda place: place[0])]

    def _words_at(self, col: int, row: int) -> str:
        """Coordinates under a cell and the nearest thing, in words."""
        lon, lat = self._lonlat_of(col, row)
        words = f"{abs(lat):.5f}° {'N' if lat >= 0 else 'S'}  {abs(lon):.5f}° {'E' if lon >= 0 else 'W'}"
        if not len(self.mark_layer.marks):
            return words
        x, y = self.camera.cell_to_xy(col, row)
        away = np.hypot(self.mark_layer.xy[:, 0] - x, self.mark_layer.xy[:, 1] - y)
        if not np.isfinite(away).any():
            return words
        at = int(np.nanargmin(away))
        mark = self.mark_layer.marks[at]
        shown = mark.id if not mark.label or mark.label == mark.id else f"{mark.id} {mark.label}"
        far = f"{away[at]:.0f} m" if away[at] < 1000 else f"{away[at] / 1000:.1f} km"
        return f"{words}  ·  {visible(shown)}  {far}"
