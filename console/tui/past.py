"""Past: the picture as it was known at one instant, read the way a Session is read. Nothing in it moves.

Positions of crews on their way are computed for that instant from what had been opened for this position by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.course import Course
from picture.entry import Ref
from picture.model import Assignment, StreamPicture, Unit

if TYPE_CHECKING:
    from console.link import PastPicture


@dataclass(frozen=True, slots=True)
class Past:
    """One past picture and the instant it is shown for, epoch milliseconds of recorded time."""

    found: PastPicture
    at_ms: int

    @property
    def seq(self) -> int:
        """The newest entry that was known then."""
        return self.found.seq

    @property
    def home(self) -> StreamPicture:
        """The core's own part of the picture then."""
        return self.found.picture.home

    def text(self, ref: Ref) -> str | None:
        """A sealed text of that picture as opened for us; None where it is forgotten or not for us."""
        value = self.found.opened.get(Ref(*ref))
        return value if isinstance(value, str) else None

    def position_of(self, unit: Unit) -> tuple[float, float]:
        """(lon, lat) where the unit was: on its way by its route, else where it had last said, else its base."""
        assignment = self.home.assignments.get(unit.assignment)
        if assignment is not None and assignment.eta_ms is not None and unit.local_status == "enroute":
            points = self._points(assignment)
            if len(points) > 1:
                course = Course.along(points, max(assignment.eta_ms - unit.since_ms, 1000))
                lon_e7, lat_e7 = course.at(self.at_ms - unit.since_ms)
                return lon_e7 / 1e7, lat_e7 / 1e7
        if unit.position:
            lon, lat = (self.found.opened.get(Ref(*ref)) for ref in unit.position)
            if isinstance(lon, int) and isinstance(lat, int):
                return lon / 1e7, lat / 1e7
        return unit.home_lon_e7 / 1e7, unit.home_lat_e7 / 1e7

    def route(self, assignment: Assignment) -> list[tuple[float, float]]:
        """The way of an assignment as (lon, lat); empty where it had none."""
        return [(x / 1e7, y / 1e7) for x, y in self._points(assignment)]

    def _points(self, assignment: Assignment) -> list[tuple[int, int]]:
        value = self.found.opened.get(Ref(*assignment.route)) if assignment.route else None
        return [(int(x), int(y)) for x, y in value] if isinstance(value, (list, tuple)) else []
