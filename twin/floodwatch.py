"""The flood as the gauges tell it: one level, the ground it reaches, and which streets that closes.

A judgement that needs the terrain and the roads, made when a gauge or the barrier changes and journalled with its
evidence. The level is the median of the trusted gauges on open water, so one stuck or lying gauge moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from picture import events as ev
from picture.model import Closure, Hazard, Sensor, StreamPicture
from picture.places import to_e7
from twin.pack import RoadClass, RoadFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.hazards import Flood, FloodModel
    from twin.pack import CityPack

FLOOD_ID = "H-FLOOD"
STEP_MM = 50
"""The flood is judged anew when the level has moved this far."""
STALE_MS = 30 * 60_000
CLOSE_DEPTH_M = 0.30
"""A street under this much water is closed to cars (the wading depth of an ordinary car)."""


@dataclass(frozen=True, slots=True)
class Level:
    """The level the gauges agree on, and who said what; ``inside_mm`` behind the closed barrier."""

    level_mm: int
    inside_mm: int | None
    evidence: tuple[tuple[str, int, str], ...]


class FloodWatch:
    """Turns gauge readings and the barrier's state into the flood hazard and the streets it closes."""

    def __init__(self, model: FloodModel | None, seaward: frozenset[str] = frozenset()) -> None:
        """``seaward``: the gauges outside the storm barrier, which alone tell the sea's level once it is closed.

        Without a model (a city without heights or water) there is never a flood.
        """
        self._model = model if model is not None and model.knows_heights else None
        self._seaward = seaward
        self._names = _streets(self._model.pack) if self._model is not None else {}

    def flood(self, picture: StreamPicture) -> Flood | None:
        """The field of the flood that stands on the picture: the same levels give the same water. None: no flood."""
        hazard = picture.hazards.get(FLOOD_ID)
        if self._model is None or hazard is None or hazard.status != "active":
            return None
        return _field(self._model, hazard.level_mm or 0, hazard.barrier_closed, hazard.inside_mm)

    def level(self, picture: StreamPicture, now_ms: int) -> Level | None:
        """The median of the trusted gauges, apart for both sides of a closed barrier; None while the sea has none."""
        closed = picture.barrier == "closed"
        sea: list[int] = []
        inside: list[int] = []
        evidence: list[tuple[str, int, str]] = []
        for sensor in sorted(picture.sensors.values(), key=lambda one: one.id):
            if sensor.quantity != "water_level" or sensor.value is None:
                continue
            if why := _distrust(sensor, now_ms):
                evidence.append((sensor.id, 0, f"{sensor.value:.2f} m not used: {why}"))
                continue
            behind = closed and sensor.id not in self._seaward
            (inside if behind else sea).append(round(sensor.value * 1000))
            evidence.append((sensor.id, 100, f"{sensor.value:.2f} m{' behind the barrier' if behind else ''}"))
        if not sea:
            return None
        return Level(round(median(sea)), round(median(inside)) if inside else None, tuple(evidence))

    def judge(self, picture: StreamPicture, now_ms: int) -> list[ev.Event]:
        """The events that bring flood and closures up to the gauges; none while nothing moved enough."""
        if self._model is None:
            return []
        level = self.level(picture, now_ms)
        known = picture.hazards.get(FLOOD_ID)
        closed = picture.barrier == "closed"
        if level is None or (known is not None and known.barrier_closed == closed and _stands(known, level)):
            return []
        level = Level(
            _stepped(level.level_mm), None if level.inside_mm is None else _stepped(level.inside_mm), level.evidence
        )
        flood = _field(self._model, level.level_mm, closed, level.inside_mm)
        wet = int(np.count_nonzero(flood.edge_depth_m >= CLOSE_DEPTH_M))
        if known is None and not wet:
            return []
        changes = self._closures(self._model.pack, flood, picture)
        closing = any(isinstance(change, ev.RoadClosed) for change in changes)
        title = f"Flood at {level.level_mm / 1000:.2f} m"
        if closed:
            title += ", barrier closed" + (f", {level.inside_mm / 1000:.2f} m inside" if level.inside_mm else "")
        severity = "Severe" if closing or wet > 40 else "Moderate" if wet else "Minor"
        return [
            ev.HazardChanged(
                id=FLOOD_ID,
                hazard_kind="flood",
                title=title,
                level_mm=level.level_mm,
                barrier_closed=closed,
                inside_mm=level.inside_mm,
                severity=severity,
                roads_closed=wet,
                status="active" if wet else "ended",
                evidence=level.evidence,
            ),
            *changes,
        ]

    def _closures(self, pack: CityPack, flood: Flood, picture: StreamPicture) -> list[ev.Event]:
        deep = flood.edge_depth_m >= CLOSE_DEPTH_M
        wanted: dict[str, tuple[str, list[int], float]] = {}
        for name, edges in self._names.items():
            under = edges[deep[edges]]
            if len(under):
                wanted[f"C-F{name}"] = (pack.names[name], under.tolist(), float(flood.edge_depth_m[under].max()))
        found: list[ev.Event] = []
        for identifier, (street, under_edges, depth_m) in wanted.items():
            if _needs(picture.closures.get(identifier), under_edges):
                lon, lat = _middle(pack, under_edges)
                found.append(
                    ev.RoadClosed(
                        id=identifier,
                        name=street,
                        edges=tuple(under_edges),
                        reason=f"{depth_m:.1f} m of water",
                        by="flood",
                        depth_mm=round(depth_m * 1000),
                        lon_e7=to_e7(lon),
                        lat_e7=to_e7(lat),
                        profiles=("car", "ambulance"),
                    )
                )
        found.extend(
            ev.RoadReopened(id=closure.id)
            for closure in picture.closures.values()
            if closure.by == "flood" and closure.status == "active" and closure.id not in wanted
        )
        return found


def _field(model: FloodModel, level_mm: int, closed: bool, inside_mm: int | None) -> Flood:
    inside_m = None if inside_mm is None else inside_mm / 1000
    return model.at(level_mm / 1000, barrier_closed=closed, inside_m=inside_m)


def _middle(pack: CityPack, edges: list[int]) -> tuple[float, float]:
    edge = edges[len(edges) // 2]
    line = pack.geom_xy[pack.geom_start[edge] : pack.geom_start[edge + 1]]
    x, y = line[len(line) // 2]
    lon, lat = pack.to_lonlat(float(x), float(y))
    return float(lon), float(lat)


def _streets(pack: CityPack) -> dict[int, NDArray[np.intp]]:
    """Named streets worth a closure of their own: tertiary and above, underpasses and quays, by name index."""
    worth = (pack.edge_class <= RoadClass.TERTIARY) | ((pack.edge_flags & RoadFlag.UNDERPASS) != 0)
    worth |= (pack.edge_class == RoadClass.SERVICE) & (pack.edge_name > 0)
    found: dict[int, NDArray[np.intp]] = {}
    for name in np.unique(pack.edge_name[worth & (pack.edge_name > 0)]).tolist():
        found[int(name)] = np.flatnonzero((pack.edge_name == name) & worth)
    return found


def _stepped(level_mm: int) -> int:
    return round(level_mm / STEP_MM) * STEP_MM


def _stands(known: Hazard, level: Level) -> bool:
    """Whether the water has moved less than a step since it was judged, on both sides of a closed barrier."""
    pairs = ((known.level_mm, level.level_mm), (known.inside_mm, level.inside_mm))
    return all(
        before == now or (before is not None and now is not None and abs(now - before) < STEP_MM)
        for before, now in pairs
    )


def _distrust(sensor: Sensor, now_ms: int) -> str:
    if sensor.state != "ok":
        return sensor.state
    return "too old" if now_ms - sensor.at_ms > STALE_MS else ""


def _needs(known: Closure | None, edges: list[int]) -> bool:
    return known is None or known.status != "active" or list(known.edges) != edges
