"""Opening: a screen's first frame is painted once, when it is whole.

Textual paints a pushed screen as it grows: empty, then with its widgets, then with what they list, each time every
cell. Here nothing is painted until it has been composed, laid out and filled. A dialog then paints its box alone, and
the dimmed ground around it a moment later, before a hand has typed on: an operator looks at the box, not the ground.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

R = TypeVar("R")
GROUND_AFTER_S = 0.04
Phase = Literal["growing", "box", "whole"]


class Opening(Screen[R]):
    """Mixed into screens before their own base: holds the painting back until ``opened``."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As in Textual, but a moved focus repaints the two widgets it moved between, not every cell of the screen."""
    _phase: Phase = "growing"
    _box: Region | None = None

    def opened(self, box: Widget | None = None) -> None:
        """The first frame, now: of the box alone where one is given, else of everything. What it lists is there."""
        if self._phase != "growing" or not self.is_attached:
            return
        self._refresh_layout()
        if not self.is_current:
            self._phase = "whole"
            return
        self._phase = "whole" if box is None else "box"
        self._box = None if box is None else box.region
        self._dirty_widgets.clear()
        self._layout_required = False
        self._repaint_required = False
        self._compositor._dirty_regions = {self._box or self.size.region}
        super()._compositor_refresh()
        if box is not None:
            self.set_timer(GROUND_AFTER_S, self._paint_ground)

    def _paint_ground(self) -> None:
        self._phase = "whole"
        self.refresh()

    def _compositor_refresh(self) -> None:
        """Textual's painting, which waits while the screen grows; around a fresh box it waits for the ground."""
        if self._phase == "growing" and self.is_current:
            self._dirty_widgets.clear()
            return
        if self._phase == "box" and self._box is not None:
            box = self._box
            self._compositor._dirty_regions = {
                region for region in self._compositor._dirty_regions if box.contains_region(region)
            }
        super()._compositor_refresh()

    def _screen_resized(self, size: Size) -> None:
        """Laid out anew only where the size is another: it is told to every screen below one that opens, too."""
        if size != self._size or self.is_current:
            super()._screen_resized(size)
