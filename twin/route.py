"""What the road engine answers: a Route with its streets and shape, or NoRoute with the reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from twin.network import RoadNetwork, cut_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.snap import Snap

Turn = Literal[
    "start",
    "straight",
    "slight left",
    "left",
    "sharp left",
    "slight right",
    "right",
    "sharp right",
    "turn round",
]
Street = tuple[str, float, Turn]

Reason = Literal["profile not on roads", "target on a closed road", "no open road"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a turn list: the manoeuvre into a street, where it comes, and how far to follow the street."""

    maneuver: Turn
    street: str
    length_m: float
    from_start_m: float

    def as_json(self) -> dict[str, str | float]:
        """The step as the command line prints it; metres to a tenth."""
        return {
            "maneuver": self.maneuver,
            "street": self.street,
            "length_m": round(self.length_m, 1),
            "from_start_m": round(self.from_start_m, 1),
        }


@dataclass(frozen=True, slots=True)
class NoRoute:
    """There is no way, and why."""

    reason: Reason
    epoch: int


@dataclass(frozen=True)
class Route:
    """A way between two places on the network, true at ``epoch``.

    ``arcs`` are arc ids in driving order, the first and the last driven in part; ``length_m`` and
    ``duration_s`` count the parts driven. ``leaves_closed`` / ``enters_closed``: the start / the target
    itself lies on a road closed to the profile, driven at walking pace; no other closed road is ever used.
    ``backend`` names the engine.
    """

    profile: str
    start: Snap
    end: Snap
    arcs: tuple[int, ...]
    duration_s: float
    epoch: int
    leaves_closed: bool
    enters_closed: bool
    backend: str
    network: RoadNetwork = field(repr=False, compare=False)

    @property
    def edges(self) -> tuple[int, ...]:
        """Edge ids in driving order."""
        return tuple(self.network.arc_edge[list(self.arcs)].tolist())

    @cached_property
    def length_m(self) -> float:
        """Metres driven, the first and the last arc in part."""
        if not self.arcs:
            return 0.0
        network, start, end = self.network, self.start, self.end
        length = network.arc_length_m[list(self.arcs)].astype(np.float64)
        total = float(length.sum())
        if int(network.arc_edge[self.arcs[0]]) == start.edge:
            forward = network.arc_is_forward[self.arcs[0]]
            total -= float(length[0]) * (start.fraction if forward else 1.0 - start.fraction)
        if int(network.arc_edge[self.arcs[-1]]) == end.edge:
            forward = network.arc_is_forward[self.arcs[-1]]
            total -= float(length[-1]) * (1.0 - end.fraction if forward else end.fraction)
        return total

    @cached_property
    def spans(self) -> tuple[tuple[int, float, float], ...]:
        """(edge, from fraction, to fraction) for each arc, fractions along the edge's geometry."""
        forward = self.network.arc_is_forward
        spans = [
            [edge, 0.0, 1.0] if forward[arc] else [edge, 1.0, 0.0]
            for arc, edge in zip(self.arcs, self.edges, strict=True)
        ]
        if spans and spans[0][0] == self.start.edge:
            spans[0][1] = self.start.fraction
        if spans and spans[-1][0] == self.end.edge:
            spans[-1][2] = self.end.fraction
        return tuple((int(edge), start, end) for edge, start, end in spans)

    @cached_property
    def line_xy(self) -> NDArray[np.float64]:
        """float64 (k, 2): the shape in projected metres; two points for a way of length 0."""
        lines = [cut_line(self.network.edge_line(edge), start, end) for edge, start, end in self.spans]
        if not lines:
            return np.array([self.start.xy, self.end.xy])
        return np.concatenate([lines[0], *(line[1:] for line in lines[1:])])

    @cached_property
    def geometry(self) -> NDArray[np.float64]:
        """float64 (k, 2): the shape as longitude, latitude."""
        lon, lat = self.network.pack.to_lonlat(self.line_xy[:, 0], self.line_xy[:, 1])
        return np.column_stack((lon, lat))

    @cached_property
    def streets(self) -> tuple[Street, ...]:
        """(name, metres, turn into it) for each street in turn; "" for an unnamed road."""
        streets: list[Street] = []
        before: NDArray[np.float64] | None = None
        for arc, (edge, start, end) in zip(self.arcs, self.spans, strict=True):
            length_m = float(self.network.arc_length_m[arc]) * abs(end - start)
            line = cut_line(self.network.edge_line(edge), start, end)
            name = self.network.edge_name(edge)
            if streets and streets[-1][0] == name:
                streets[-1] = (name, streets[-1][1] + length_m, streets[-1][2])
            else:
                streets.append((name, length_m, "start" if before is None else _turn(before, line)))
            before = line
        return tuple(streets)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The turn list for the responder; the metres of its steps add up to ``length_m``."""
        steps, done_m = list[Step](), 0.0
        for street, length_m, maneuver in self.streets:
            steps.append(Step(maneuver, street, length_m, done_m))
            done_m += length_m
        return tuple(steps)


def _turn(before: NDArray[np.float64], after: NDArray[np.float64]) -> Turn:
    """The turn from the end of one line into the start of the next."""
    (ax, ay), (bx, by) = _direction(before[::-1]), _direction(after)
    degrees = math.degrees(math.atan2(ay * bx - ax * by, -(ax * bx + ay * by)))
    for limit, left, right in _TURNS:
        if abs(degrees) < limit:
            return left if degrees > 0 else right
    return "turn round"


_TURNS: tuple[tuple[float, Turn, Turn], ...] = (
    (25.0, "straight", "straight"),
    (60.0, "slight left", "slight right"),
    (120.0, "left", "right"),
    (165.0, "sharp left", "sharp right"),
)


def _direction(line: NDArray[np.float64]) -> tuple[float, float]:
    """Vector from a line's first point to the first that differs (a snapped end may repeat one)."""
    for x, y in line[1:].tolist():
        dx, dy = x - float(line[0, 0]), y - float(line[0, 1])
        if math.hypot(dx, dy) > 0.5:
            return dx, dy
    return float(line[-1, 0] - line[0, 0]), float(line[-1, 1] - line[0, 1])
