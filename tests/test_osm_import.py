"""Imports of small maps of our own, where every right answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picture.errors import RoadError
from twin.osm import ImportReport, import_osm
from twin.osm.progress import Ticker
from twin.pack import CityPack, Ground, NoAccess, RoadClass, RoadFlag

WEST, SOUTH, STEP = 5.0, 50.0, 0.001  # one step is 111 m north, 71 m east


class Map:
    """Writes .osm XML: nodes on a grid of steps, ways over them, relations."""

    def __init__(self, bounds: tuple[float, float] | None = (10, 10)) -> None:
        self._nodes: dict[tuple[float, float], int] = {}
        self._lines: list[str] = []
        self._bounds = bounds
        self._relations: list[str] = []
        self._tagged: dict[int, str] = {}

    def node(self, x: float, y: float, **tags: str) -> int:
        number = self._nodes.setdefault((x, y), len(self._nodes) + 1)
        if tags:
            self._tagged[number] = _tags(tags)
        return number

    def way(self, number: int, *at: tuple[float, float], **tags: str) -> None:
        refs = "".join(f'<nd ref="{self.node(*xy)}"/>' for xy in at)
        self._lines.append(f'<way id="{number}" version="1">{refs}{_tags(tags)}</way>')

    def raw_way(self, number: int, refs: list[int], **tags: str) -> None:
        nds = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        self._lines.append(f'<way id="{number}" version="1">{nds}{_tags(tags)}</way>')

    def relation(self, number: int, *members: tuple[str, int, str], **tags: str) -> None:
        inside = "".join(f'<member type="{kind}" ref="{ref}" role="{role}"/>' for kind, ref, role in members)
        self._relations.append(f'<relation id="{number}" version="1">{inside}{_tags(tags)}</relation>')

    def square(self) -> None:
        """A block of two-way streets around (2, 2)–(8, 8), so that there is always a part to keep."""
        self.way(901, (2, 2), (8, 2), highway="residential", name="South Street")
        self.way(902, (8, 2), (8, 8), highway="residential", name="East Street")
        self.way(903, (8, 8), (2, 8), highway="residential", name="North Street")
        self.way(904, (2, 8), (2, 2), highway="residential", name="West Street")

    def write(self, path: Path) -> Path:
        head = "<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\" generator=\"test\">"
        if self._bounds:
            east, north = (round(start + STEP * by, 6) for start, by in zip((WEST, SOUTH), self._bounds, strict=True))
            head += f'<bounds minlat="{SOUTH}" minlon="{WEST}" maxlat="{north}" maxlon="{east}"/>'
        nodes = "".join(
            f'<node id="{number}" version="1" lat="{SOUTH + STEP * y:.7f}" lon="{WEST + STEP * x:.7f}">'
            f"{self._tagged.get(number, '')}</node>"
            for (x, y), number in self._nodes.items()
        )
        path.write_text(head + nodes + "".join(self._lines) + "".join(self._relations) + "</osm>", encoding="utf-8")
        return path


def _tags(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())


class City:
    """An imported map and where things are in it."""

    def __init__(self, made: Map, folder: Path, **more: Any) -> None:
        self.report: ImportReport = import_osm(
            made.write(folder / "town.osm"), folder / "town.pack", progress=lambda _what, _share: None, **more
        )
        self.pack = CityPack.open(folder / "town.pack")
        self.pack.verify()

    def node(self, x: float, y: float) -> int:
        at = np.array(self.pack.to_xy(WEST + STEP * x, SOUTH + STEP * y))
        away = np.hypot(*(self.pack.node_xy - at).T)
        assert away.min() < 1, f"no node at {x}, {y}"
        return int(away.argmin())

    def arcs(self, start: tuple[float, float], end: tuple[float, float]) -> list[int]:
        a, b = self.node(*start), self.node(*end)
        return np.flatnonzero((self.pack.arc_tail == a) & (self.pack.arc_head == b)).tolist()

    def edges(self, name: str) -> list[int]:
        return np.flatnonzero(self.pack.edge_name == self.pack.names.index(name)).tolist()

    def forbidden(self) -> set[tuple[int, int]]:
        return set(zip(self.pack.turn_from.tolist(), self.pack.turn_to.tolist(), strict=True))

    def ground(self, x: float, y: float) -> Ground:
        px, py = self.pack.to_xy(WEST + STEP * x, SOUTH + STEP * y)
        row = int((py - self.pack.ground_y0) // self.pack.ground_cell_m)
        col = int((px - self.pack.ground_x0) // self.pack.ground_cell_m)
        return Ground(int(self.pack.ground[row, col]))


def test_a_street_against_its_drawing_is_one_way_the_other_way(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 5), (8, 5), highway="residential", oneway="-1", name="Back Lane")
    town.way(2, (2, 2), (2, 5), highway="residential")
    town.way(3, (8, 2), (8, 5), highway="residential")
    city = City(town, tmp_path)
    assert len(city.arcs((8, 5), (2, 5))) == 1
    assert city.arcs((2, 5), (8, 5)) == []
    (edge,) = city.edges("Back Lane")
    assert city.pack.edge_flags[edge] & RoadFlag.ONE_WAY
    first = city.pack.geom_xy[city.pack.geom_start[edge]]
    assert np.allclose(first, city.pack.node_xy[city.node(8, 5)], atol=0.1)


def test_parallel_roads_are_kept_apart(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (5, 3), (8, 2), highway="secondary", name="High Road")
    city = City(town, tmp_path)
    there = city.arcs((2, 2), (8, 2))
    assert len({int(city.pack.arc_edge[arc]) for arc in there}) == len(there) == 2
    assert sorted(city.pack.names[city.pack.arc_name[arc]] for arc in there) == ["High Road", "South Street"]


def test_a_loop_keeps_both_its_ends_at_one_node(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (8, 8), (9, 8), (9, 9), (8, 8), highway="residential", name="The Loop")
    city = City(town, tmp_path)
    assert len(city.arcs((8, 8), (8, 8))) == 2
    (edge,) = city.edges("The Loop")
    assert city.pack.geom_start[edge + 1] - city.pack.geom_start[edge] == 4


def test_a_bridge_over_a_road_does_not_meet_it(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (5, 2), (5, 8), highway="primary", bridge="yes", layer="1", name="Flyover", maxheight="4.2")
    town.way(2, (2, 5), (8, 5), highway="residential", name="Under")
    town.way(3, (2, 2), (5, 2), highway="residential")
    town.way(4, (5, 8), (8, 8), highway="residential")
    town.way(5, (2, 5), (2, 2), highway="residential")
    town.way(6, (8, 5), (8, 2), highway="residential")
    city = City(town, tmp_path)
    (over,), (under,) = city.edges("Flyover"), city.edges("Under")
    assert len(city.arcs((5, 2), (5, 8))) == len(city.arcs((2, 5), (8, 5))) == 1
    assert city.pack.edge_flags[over] & RoadFlag.BRIDGE
    assert (city.pack.edge_layer[over], city.pack.edge_layer[under]) == (1, 0)
    assert (city.pack.edge_max_height_cm[over], city.pack.edge_max_height_cm[under]) == (420, 0)


def test_a_speed_limit_in_miles_becomes_metres_a_second_by_direction(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (8, 8), highway="primary", maxspeed="30 mph", maxspeed__backward="20 mph", name="Diagonal")
    city = City(town, tmp_path)
    (there,), (back,) = city.arcs((2, 2), (8, 8)), city.arcs((8, 8), (2, 2))
    assert city.pack.arc_speed_mps[there] == pytest.approx(48.3 / 3.6, rel=1e-4)
    assert city.pack.arc_speed_mps[back] == pytest.approx(32.2 / 3.6, rel=1e-4)
    assert city.pack.arc_length_m[there] == pytest.approx(794, abs=2)


def test_private_roads_and_limits_stand_on_their_segments(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (5, 5), (8, 8), highway="service", access="private", maxweight="7.5", maxwidth="2.2", name="Gate Way")
    city = City(town, tmp_path)
    (edge,) = city.edges("Gate Way")
    assert city.pack.edge_flags[edge] & RoadFlag.PRIVATE
    assert city.pack.edge_access[edge] == NoAccess.MOTOR | NoAccess.HEAVY | NoAccess.BUS | NoAccess.FOOT
    assert (city.pack.edge_max_weight_kg[edge], city.pack.edge_max_width_cm[edge]) == (7500, 220)


def test_a_ferry_is_a_link_of_its_own_class_at_its_crossing_speed(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (2, 0), (8, 0), (8, 2), route="ferry", motor_vehicle="yes", duration="00:20", name="The Ferry")
    city = City(town, tmp_path)
    (edge,) = city.edges("The Ferry")
    assert city.pack.edge_class[edge] == RoadClass.FERRY
    (arc,) = [arc for arc in city.arcs((2, 2), (8, 2)) if city.pack.arc_edge[arc] == edge]
    assert city.pack.arc_length_m[arc] / city.pack.arc_speed_mps[arc] == pytest.approx(1200, rel=1e-3)
    assert city.report.ferries == 1


def _crossroads() -> Map:
    """Four arms at (5, 5): ways 1 south, 2 east, 3 north, 4 west, all joined round the block."""
    town = Map()
    for number, arm in enumerate(((5, 2), (8, 5), (5, 8), (2, 5)), start=1):
        town.way(number, arm, (5, 5), highway="residential", name=f"Arm {number}")
    town.way(5, (5, 2), (8, 5), (5, 8), (2, 5), (5, 2), highway="residential", name="Ring")
    return town


def _arm(city: City, number: int, *, into: bool) -> int:
    """The arc of an arm into the crossing or out of it."""
    (edge,) = city.edges(f"Arm {number}")
    middle = city.node(5, 5)
    side = city.pack.arc_head if into else city.pack.arc_tail
    return int(np.flatnonzero((city.pack.arc_edge == edge) & (side == middle))[0])


def test_no_left_turn_forbids_that_turn_alone(tmp_path: Path) -> None:
    town = _crossroads()
    town.relation(
        1,
        ("way", 1, "from"),
        ("node", town.node(5, 5), "via"),
        ("way", 4, "to"),
        type="restriction",
        restriction="no_left_turn",
    )
    city = City(town, tmp_path)
    assert city.forbidden() == {(_arm(city, 1, into=True), _arm(city, 4, into=False))}
    assert city.report.turns_applied == 1


def test_only_straight_on_forbids_every_other_turn(tmp_path: Path) -> None:
    town = _crossroads()
    town.relation(
        1,
        ("way", 1, "from"),
        ("node", town.node(5, 5), "via"),
        ("way", 3, "to"),
        type="restriction",
        restriction="only_straight_on",
    )
    city = City(town, tmp_path)
    come = _arm(city, 1, into=True)
    assert city.forbidden() == {(come, _arm(city, 2, into=False)), (come, _arm(city, 4, into=False))}


def test_no_u_turn_forbids_going_back_on_the_same_segment(tmp_path: Path) -> None:
    town = _crossroads()
    town.relation(
        1,
        ("way", 1, "from"),
        ("node", town.node(5, 5), "via"),
        ("way", 1, "to"),
        type="restriction",
        restriction="no_u_turn",
    )
    city = City(town, tmp_path)
    assert city.forbidden() == {(_arm(city, 1, into=True), _arm(city, 1, into=False))}


def test_restrictions_that_do_not_bind_cars_or_cannot_be_applied_are_counted(tmp_path: Path) -> None:
    town = _crossroads()
    node = town.node(5, 5)
    arms = (("way", 1, "from"), ("way", 4, "to"))
    town.relation(
        1, *arms, ("node", node, "via"), type="restriction", restriction="no_left_turn", **{"except": "bus;motorcar"}
    )
    town.relation(2, *arms, ("node", node, "via"), type="restriction", restriction__hgv="no_left_turn")
    town.relation(
        3, ("way", 1, "from"), ("way", 2, "via"), ("way", 5, "to"), type="restriction", restriction="no_u_turn"
    )
    town.relation(
        4, ("way", 1, "from"), ("node", node, "via"), ("way", 777, "to"), type="restriction", restriction="no_left_turn"
    )
    city = City(town, tmp_path)
    report = city.report
    assert city.forbidden() == set()
    assert (report.turns_not_for_cars, report.turns_by_way, report.turns_unresolved) == (2, 1, 1)
    assert any("lead over a way" in note for note in report.notes)


def test_a_restriction_holds_at_a_node_where_only_two_ways_meet(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.relation(
        1,
        ("way", 901, "from"),
        ("node", town.node(8, 2), "via"),
        ("way", 901, "to"),
        type="restriction",
        restriction="no_u_turn",
    )
    city = City(town, tmp_path)
    assert len(city.forbidden()) == 1


def test_what_holds_always_is_applied_and_what_holds_at_times_is_counted(tmp_path: Path) -> None:
    town = _crossroads()
    via = ("node", town.node(5, 5), "via")
    there = (("way", 1, "from"), via, ("way", 4, "to"))
    other = (("way", 3, "from"), via, ("way", 2, "to"))
    when = "no_right_turn @ (Mo-Fr 07:00-09:00)"
    town.relation(
        1,
        *there,
        type="restriction",
        restriction="no_left_turn",
        **{"restriction__conditional": "no_u_turn @ (weight>7)"},
    )
    town.relation(2, *other, type="restriction", **{"restriction__conditional": when})
    town.relation(3, *other, type="restriction", restriction="no_left_turn", hour_on="07:00", hour_off="09:00")
    town.way(6, (2, 2), (2, 5), highway="residential", **{"access__conditional": "no @ (Su)"})
    city = City(town, tmp_path)
    assert city.forbidden() == {(_arm(city, 1, into=True), _arm(city, 4, into=False))}
    assert (city.report.turns_applied, city.report.turns_conditional) == (1, 3)
    assert city.report.conditional_ways == 1
    assert any("at some hours" in note for note in city.report.notes)


def _gated(tmp_path: Path, **tags: str) -> City:
    """A street with a barrier half-way, between two corners that are far apart by any other way."""
    town = Map()
    town.square()
    town.way(1, (2, 2), (5, 5), (8, 8), highway="residential", name="Gate Street")
    town.node(5, 5, **tags)
    return City(town, tmp_path)


def _passes(city: City, who: str) -> bool:
    from twin.network import RoadNetwork
    from twin.route import Route
    from twin.routing import RoutingService

    service = RoutingService(RoadNetwork(city.pack), backend="scipy")
    places = [(WEST + STEP * x, SOUTH + STEP * y) for x, y in ((3, 3.01), (7, 7.01))]
    found = service.route(who, *places)
    assert isinstance(found, Route), "round the block there is always a way"
    return found.length_m < 600


@pytest.mark.parametrize(
    ("tags", "passing"),
    [
        ({"barrier": "bollard"}, {"foot"}),
        ({"barrier": "bollard", "bollard": "rising"}, {"foot", "engine", "ambulance"}),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, {"foot", "engine", "ambulance", "car", "bus"}),
        ({"barrier": "bollard", "emergency": "yes"}, {"foot", "engine", "ambulance"}),
        ({"barrier": "gate"}, {"foot", "engine", "ambulance", "car", "bus"}),
        ({"barrier": "gate", "access": "private"}, {"engine", "ambulance"}),
        ({"barrier": "lift_gate", "vehicle": "no"}, {"foot", "engine", "ambulance"}),
        ({"barrier": "lift_gate", "vehicle": "no", "emergency": "no"}, {"foot"}),
        ({"barrier": "bus_trap"}, {"foot", "bus"}),
        ({"barrier": "kerb"}, {"foot", "engine", "ambulance", "car", "bus"}),
    ],
)
def test_a_barrier_stops_those_whom_it_is_made_for(tmp_path: Path, tags: dict[str, str], passing: set[str]) -> None:
    city = _gated(tmp_path, **tags)
    assert {who for who in ("foot", "engine", "ambulance", "car", "bus") if _passes(city, who)} == passing


def test_a_barrier_shuts_a_metre_and_not_the_street(tmp_path: Path) -> None:
    city = _gated(tmp_path, barrier="bollard")
    lengths = {}
    for edge in city.edges("Gate Street"):
        lengths[bool(city.pack.edge_access[edge])] = float(city.pack.arc_length_m[city.pack.arc_edge == edge].max())
    assert lengths[True] == pytest.approx(1.0, abs=0.02) and lengths[False] > 300
    assert city.report.barriers == 1


def test_barriers_where_ways_end_or_meet_are_shut_from_every_side(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (5, 5), highway="residential", oneway="-1", name="Lower")
    town.way(2, (5, 5), (8, 8), highway="residential", name="Upper")
    town.way(3, (5, 5), (8, 2), highway="residential", name="Side")
    town.node(5, 5, barrier="block")
    town.node(2, 2, barrier="chain")  # at a corner: stops whoever turns in there
    city = City(town, tmp_path)
    barred = city.pack.edge_access & int(NoAccess.MOTOR) > 0
    shut = [float(city.pack.arc_length_m[city.pack.arc_edge == edge].max()) for edge in np.flatnonzero(barred)]
    assert len(shut) >= 3 and max(shut) < 1.1


def test_who_walks_goes_both_ways_along_a_one_way_street(tmp_path: Path) -> None:
    from twin.network import RoadNetwork
    from twin.routing import RoutingService

    town = Map()
    town.square()
    town.way(1, (2, 2), (8, 8), highway="residential", oneway="yes", name="One Way")
    service = RoutingService(RoadNetwork(City(town, tmp_path).pack), backend="scipy")
    low, high = ((WEST + STEP * x, SOUTH + STEP * y) for x, y in ((3, 3.01), (7, 7.01)))
    assert service.eta("foot", low, high) == pytest.approx(service.eta("foot", high, low), abs=1.0)
    assert service.eta("car", low, high) < 0.5 * service.eta("car", high, low)


def test_a_ferry_is_on_the_map_at_every_scale_but_the_widest(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (2, 0), (8, 0), (8, 2), route="ferry", motor_vehicle="yes", name="The Ferry")
    city = City(town, tmp_path)
    shown = [level for level in range(-1, 8) if (city.pack.lod(level).road_class == RoadClass.FERRY).any()]
    assert shown == list(range(-1, 7))


def test_roads_are_joined_where_nothing_changes_and_only_there(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (4, 4), highway="residential", name="Long Street")
    town.way(2, (6, 6), (4, 4), highway="residential", name="Long Street")  # drawn the other way round
    town.way(3, (6, 6), (8, 8), highway="residential", name="Long Street", maxspeed="20")
    city = City(town, tmp_path)
    edges = city.edges("Long Street")
    spans = [{int(city.pack.edge_tail[edge]), int(city.pack.edge_head[edge])} for edge in edges]
    assert len(spans) == 2
    assert {city.node(2, 2), city.node(6, 6)} in spans
    assert city.pack.geom_start[-1] == len(city.pack.geom_xy)


def test_one_ways_are_never_joined_against_each_other(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (5, 5), highway="residential", oneway="yes", name="Sink")
    town.way(2, (8, 8), (5, 5), highway="residential", oneway="yes", name="Sink")
    city = City(town, tmp_path)
    assert "Sink" not in {city.pack.names[k] for k in np.unique(city.pack.edge_name)}
    assert city.report.dropped_arcs == 2
    assert city.report.dropped_nodes == 1
    assert city.report.dropped_parts == 1


def test_what_is_not_joined_to_the_city_is_dropped_and_counted(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (4, 4), (5, 5), highway="residential", name="Island Road")
    town.way(2, (2, 2), (3, 3), highway="footway", name="Footpath")
    town.way(3, (6, 4), (7, 5), highway="footway", name="Island Path")
    city = City(town, tmp_path)
    present = {city.pack.names[k] for k in np.unique(city.pack.edge_name)}
    assert "Footpath" in present
    assert not present & {"Island Road", "Island Path"}
    assert (city.report.dropped_nodes, city.report.dropped_arcs, city.report.dropped_parts) == (4, 4, 2)
    assert city.pack.meta["dropped"] == {"nodes": 4, "arcs": 4, "parts": 2, "ways": 0}


def test_a_way_with_missing_nodes_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    town = Map()
    town.square()
    known = [town.node(8, 8), town.node(9, 8), town.node(9, 9)]
    town.raw_way(1, [*known, 99_999, 99_998], highway="residential", name="Cut Road")
    city = City(town, tmp_path)
    (edge,) = city.edges("Cut Road")
    assert city.pack.geom_start[edge + 1] - city.pack.geom_start[edge] == 3
    assert city.report.cut_ways == 1


def test_a_street_without_a_name_goes_by_its_number(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (2, 2), (8, 8), highway="primary", ref="A 12")
    city = City(town, tmp_path)
    assert len(city.edges("A 12")) == 1


def test_the_sea_lies_to_the_right_of_a_coastline_that_the_extract_cuts(tmp_path: Path) -> None:
    town = Map(bounds=(10, 10))
    town.square()
    # From beyond the eastern edge to beyond the western one: land on the left is south.
    town.way(1, (12, 9), (5, 9.2), (-2, 9), natural="coastline")
    city = City(town, tmp_path)
    assert city.ground(5, 9.7) is Ground.WATER
    assert city.ground(5, 8.5) is Ground.LAND
    assert city.ground(1, 1) is Ground.LAND
    assert len(city.pack.coast)


def test_a_coastline_drawn_the_other_way_puts_the_sea_on_the_other_side(tmp_path: Path) -> None:
    town = Map(bounds=(10, 10))
    town.square()
    town.way(1, (-2, 9), (5, 9.2), (12, 9), natural="coastline")
    city = City(town, tmp_path)
    assert city.ground(5, 9.7) is Ground.LAND
    assert city.ground(5, 5) is Ground.WATER


def test_an_island_is_land_in_the_sea(tmp_path: Path) -> None:
    town = Map(bounds=(10, 10))
    town.square()
    town.way(1, (1, 1), (9, 1), (9, 9), (1, 9), (1, 1), natural="coastline")  # counter-clockwise: land inside
    city = City(town, tmp_path)
    assert city.ground(5, 5) is Ground.LAND
    assert city.ground(0.3, 5) is Ground.WATER
    assert city.ground(9.7, 9.7) is Ground.WATER


def test_a_coastline_with_a_hole_leaves_land_and_says_so(tmp_path: Path) -> None:
    town = Map(bounds=(10, 10))
    town.square()
    town.way(1, (6, 5), (4, 5), natural="coastline")
    city = City(town, tmp_path)
    assert city.ground(5, 6) is Ground.LAND
    assert any("coastline is incomplete" in note for note in city.report.notes)


def test_a_lake_with_an_island_is_filled_by_parity(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (3, 3), (7, 3), (7, 7))
    town.way(2, (7, 7), (3, 7), (3, 3))
    town.way(3, (4.5, 4.5), (5.5, 4.5), (5.5, 5.5), (4.5, 5.5), (4.5, 4.5))
    town.relation(
        1, ("way", 1, "outer"), ("way", 2, "outer"), ("way", 3, "inner"), type="multipolygon", natural="water"
    )
    city = City(town, tmp_path)
    assert city.ground(3.5, 5) is Ground.WATER
    assert city.ground(5, 5) is Ground.LAND
    assert city.ground(2.5, 5) is Ground.LAND


def test_parks_docks_and_buildings_stand_on_the_ground(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (3, 3), (4, 3), (4, 4), (3, 4), (3, 3), leisure="park")
    town.way(2, (5, 3), (6, 3), (6, 4), (5, 4), (5, 3), landuse="industrial")
    town.way(3, (3, 6), (4, 6), (4, 7), (3, 7), (3, 6), building="yes")
    city = City(town, tmp_path)
    assert city.ground(3.5, 3.5) is Ground.PARK
    assert city.ground(5.5, 3.5) is Ground.INDUSTRIAL
    assert city.ground(3.5, 6.5) is Ground.DENSE


def test_facilities_and_districts_come_from_the_map(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.node(3, 3, amenity="hospital", name="St Anne's")
    town.node(6, 6, place="suburb", name="Eastside")
    town.way(1, (4, 4), (5, 4), (5, 5), (4, 4), building="yes", amenity="fire_station", name="Station 4")
    city = City(town, tmp_path)
    kinds = {site["kind"]: site for site in city.pack.meta["facilities"]}
    assert kinds["hospital"]["name"] == "St Anne's"
    assert kinds["fire_station"]["id"] == "FS-W1"
    assert [d["name"] for d in city.pack.meta["districts"]] == ["Eastside"]
    assert city.pack.meta["units"] == []


def test_the_edited_list_of_facilities_wins_on_the_next_import(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.node(3, 3, amenity="hospital", name="St Anne's")
    city = City(town, tmp_path)
    edited = city.report.facilities_path
    edited.write_text(edited.read_text(encoding="utf-8").replace("St Anne's", "Meridian General"), encoding="utf-8")
    before = edited.read_text(encoding="utf-8")
    again = City(town, tmp_path)
    assert [site["name"] for site in again.pack.meta["facilities"]] == ["Meridian General"]
    assert edited.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    "text",
    [
        "- {id: A, kind: hospital}",
        "- [",
        "hospital",
        "- {id: A, kind: x, name: x, lon: 400, lat: 0}",
        "- {id: A, kind: x, name: x, lon: 4, lat: 0}\n- {id: A, kind: x, name: x, lon: 4, lat: 0}",
    ],
)
def test_a_wrong_list_of_facilities_stops_the_import_before_anything_is_written(tmp_path: Path, text: str) -> None:
    town = Map()
    town.square()
    (tmp_path / "town.facilities.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RoadError) as refused:
        City(town, tmp_path)
    assert refused.value.code == "TOC-5306"
    assert not (tmp_path / "town.pack").exists()


def _refusal(source: Path, folder: Path) -> str:
    with pytest.raises(RoadError) as refused:
        import_osm(source, folder / "out" / "x.pack", progress=lambda _what, _share: None)
    assert not (folder / "out").exists() or not list((folder / "out").iterdir())
    return refused.value.code


def test_a_missing_an_empty_and_a_foreign_file_are_told_apart(tmp_path: Path) -> None:
    empty, foreign, text = tmp_path / "a.osm.pbf", tmp_path / "b.osm.pbf", tmp_path / "c.osm"
    empty.touch()
    foreign.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    text.write_text("name,lon,lat\n" * 100, encoding="utf-8")
    (tmp_path / "d.csv").write_text("x", encoding="utf-8")
    assert _refusal(tmp_path / "none.osm.pbf", tmp_path) == "TOC-5301"
    assert _refusal(empty, tmp_path) == "TOC-5302"
    assert [_refusal(one, tmp_path) for one in (foreign, text, tmp_path / "d.csv")] == ["TOC-5303"] * 3


def test_a_file_cut_off_in_the_middle_is_refused(tmp_path: Path) -> None:
    town = Map()
    town.square()
    whole = town.write(tmp_path / "town.osm").read_bytes()
    (tmp_path / "cut.osm").write_bytes(whole[: len(whole) // 2])
    assert _refusal(tmp_path / "cut.osm", tmp_path) == "TOC-5304"


def test_a_map_without_roads_is_refused(tmp_path: Path) -> None:
    town = Map()
    town.way(1, (3, 3), (4, 3), (4, 4), (3, 3), building="yes")
    assert _refusal(town.write(tmp_path / "town.osm"), tmp_path) == "TOC-5305"
    paths = Map()
    paths.way(1, (3, 3), (4, 3), (4, 4), (3, 3), highway="footway")
    assert _refusal(paths.write(tmp_path / "paths.osm"), tmp_path) == "TOC-5305"


def test_without_bounds_or_elevation_the_pack_says_so(tmp_path: Path) -> None:
    town = Map(bounds=None)
    town.square()
    city = City(town, tmp_path, name="Old Town")
    assert city.pack.meta["name"] == "Old Town"
    assert city.pack.meta["datum"] == "none"
    assert not city.pack.terrain.any()
    assert any("does not state its bounds" in note for note in city.report.notes)


def test_elevation_reaches_the_terrain_and_the_nodes(tmp_path: Path) -> None:
    rows = [" ".join(str(10 * (19 - row)) for _ in range(20)) for row in range(20)]
    grid = tmp_path / "dem.asc"
    grid.write_text(
        f"ncols 20\nnrows 20\nxllcorner {WEST - 5 * STEP}\nyllcorner {SOUTH - 5 * STEP}\n"
        f"cellsize {STEP}\nNODATA_value -9999\n" + "\n".join(rows),
        encoding="ascii",
    )
    town = Map()
    town.square()
    city = City(town, tmp_path, elevation=grid)
    south, north = (city.pack.node_elevation_m[city.node(2, y)] for y in (2, 8))
    assert south == pytest.approx(65, abs=2)  # 7 cells from the southern edge, the first centre half a cell in
    assert north == pytest.approx(125, abs=2)
    assert city.pack.meta["datum"] == "not stated by the elevation file"


def test_the_same_extract_makes_the_same_pack_and_progress_never_goes_back(tmp_path: Path) -> None:
    town = Map()
    town.square()
    source = town.write(tmp_path / "town.osm")
    told: list[float] = []
    for folder in ("a", "b"):
        told.clear()
        import_osm(source, tmp_path / folder / "x.pack", progress=lambda _what, share: told.append(share))
        assert told == sorted(told)
        assert told[-1] == 1.0
    assert (tmp_path / "a" / "x.pack").read_bytes() == (tmp_path / "b" / "x.pack").read_bytes()


def test_progress_says_how_fast_it_goes_and_how_long_it_will_take() -> None:
    told: list[tuple[str, float]] = []
    seconds = iter([0.0, 2.0, 2.0, 4.0])
    ticker = Ticker(lambda words, share: told.append((words, share)), lambda: next(seconds), 3_800_000, pbf=True)
    ticker.count("Reading", 50_000)
    ticker.step("Joining the roads", 0.5)
    assert told == [
        ("Reading: 50,000 objects, 25,000 a second, about 5 s left", 0.3),
        ("Joining the roads, about 4 s left", 0.5),
    ]


def test_a_multipolygon_cut_by_the_extract_is_closed_at_the_cut(tmp_path: Path) -> None:
    town = Map()
    town.square()
    town.way(1, (0, 4), (5, 4.2), (9, 4))  # both banks of a river; what joins them lies outside
    town.way(2, (9, 6), (5, 6.2), (0, 6))
    town.relation(
        1, ("way", 1, "outer"), ("way", 2, "outer"), ("way", 77, "outer"), type="multipolygon", waterway="riverbank"
    )
    city = City(town, tmp_path)
    assert city.ground(5, 5) is Ground.WATER
    assert city.ground(5, 7) is Ground.LAND
    assert any("cut by the edge" in note for note in city.report.notes)
