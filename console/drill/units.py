"""The drill's units: they drive the way they were given and say so by radio, in real CoT bytes.

A simulated crew acknowledges, drives, arrives, works and comes back. Everything it says passes the same codec and
intake as a real unit's; nothing is written to the picture behind the journal's back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from console.core import Core, Draft
from console.course import Course
from feeds.tak import codec
from picture import events as ev
from picture.entry import Entry
from picture.places import distance_m
from picture.reports import UnitReport

TURNOUT_MS = 60_000
"""From the order to wheels turning: NFPA 1710 allows 60 s (medical) to 80 s (fire)."""
BEAT_MS = 60_000
"""How often a crew on the move reports its position."""
ON_SCENE_MS = 25 * 60_000
BOAT_MMPS = 9_000

Send = Callable[[bytes], object]


class DrillUnits:
    """Plays every crew of the exercise on the core's agenda."""

    def __init__(self, core: Core, send: Send) -> None:
        self._core = core
        self._send = send

    def react(self, entries: Sequence[Entry]) -> list[Draft]:
        """Reactor: a crew that was assigned turns out."""
        for entry in entries:
            if isinstance(entry.event, ev.UnitAssigned):
                self._turn_out(entry)
        return []

    def resume(self, under_way: Iterable[Entry]) -> None:
        """After a restart: crews on their way go on from the ``unit.assigned`` entries that have not ended."""
        active = {one.id for one in self._core.home.assignments.values() if one.status == "active"}
        for entry in under_way:
            if isinstance(entry.event, ev.UnitAssigned) and entry.event.id in active:
                self._turn_out(entry)

    def _turn_out(self, entry: Entry) -> None:
        event = entry.event
        assert isinstance(event, ev.UnitAssigned)
        unit = self._core.home.units[event.unit]
        route = self._core.opened(entry.ref("route"))
        start = (unit.home_lon_e7, unit.home_lat_e7)
        points: list[tuple[int, int]] = (
            [(int(x), int(y)) for x, y in route]
            if isinstance(route, (list, tuple)) and len(route) > 1
            else [start, (event.to_lon_e7, event.to_lat_e7)]
        )
        if event.eta_ms is not None:
            duration_ms = max(event.eta_ms - entry.at_ms - TURNOUT_MS, 30_000)
        else:
            duration_ms = round(distance_m(*points[0], *points[-1]) * 1_000_000 / BOAT_MMPS)
        course = Course.along(points, duration_ms)
        off_ms = entry.at_ms + TURNOUT_MS
        self._plan(event.id, unit.id, off_ms, lambda: self._say(unit.id, "enroute", course.at(0)))
        for beat in range(BEAT_MS, duration_ms, BEAT_MS):
            self._plan(event.id, unit.id, off_ms + beat, partial(self._say, unit.id, None, course.at(beat)))
        arrived = "on_scene" if event.incident else "staged"
        self._plan(event.id, unit.id, off_ms + duration_ms, lambda: self._say(unit.id, arrived, course.at(duration_ms)))
        self._plan(
            event.id,
            unit.id,
            off_ms + duration_ms + ON_SCENE_MS,
            lambda: self._say(unit.id, "available", course.at(duration_ms)),
        )

    def _plan(self, assignment: str, unit: str, at_ms: int, what: Callable[[], None]) -> None:
        def unless_recalled() -> None:
            standing = self._core.home.assignments.get(assignment)
            if standing is not None and standing.status == "active":
                what()

        if at_ms > self._core.now_ms():
            self._core.agenda.add(at_ms, f"3-unit:{unit}", unless_recalled)

    def _say(self, unit: str, status: str | None, where: tuple[int, int]) -> None:
        name = self._core.home.units[unit].name
        report = UnitReport(
            at_ms=self._core.now_ms(),
            external_id=f"TOCSIN-DRILL-{unit}",
            callsign=name,
            lon_e7=where[0],
            lat_e7=where[1],
            status=status,
        )
        self._send(codec.encode(report))
