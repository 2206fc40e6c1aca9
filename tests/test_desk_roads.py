"""Roads closed, changed and reopened from the desk of the shipped city: what is meant, refused, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console import commands as c
from console.city import City
from console.people import Person
from console.services import CityRoads
from picture import events as ev
from picture.errors import InputError, RefusedError, RoadError, TocsinError
from picture.reports import RoadReport
from playbooks.context import Way
from tests.scaffold import INES, NOON_MS, Room, build, hear, shipped_city

START, END = (-30.0117, 45.9917), (-29.98, 46.0096)
WATCHER = Person("Wes", "planner", "EOC", role="observer")


@dataclass
class House:
    """A room over the shipped city, its ear included."""

    room: Room
    city: City

    def do(self, command: c.Command) -> dict[str, Any]:
        return self.room.do(command)

    def way(self, profile: str = "car") -> tuple[float, tuple[int, ...]]:
        found = self.city.route(profile, START, END)
        assert found is not None and found.epoch == self.city.routing.epoch
        return found.duration_s, found.edges

    def street(self) -> str:
        """The named street in the middle of the way."""
        _, edges = self.way()
        names = self.city.names_of(edges[3:-3])
        return names[0]

    def refused(self, **fields: Any) -> TocsinError:
        with pytest.raises(TocsinError) as caught:
            self.do(c.COMMAND.validate_python(fields))
        last = list(self.room.core.journal.read())[-1]
        assert isinstance(last.event, ev.CommandRefused) and last.event.code == caught.value.code
        return caught.value


@pytest.fixture
def house(tmp_path: Path, tocsin_home: Path) -> Iterator[House]:
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room:
        hear(room, city)
        yield House(room, city)
    city.close()


def test_a_street_closed_by_name_is_driven_by_nobody_until_it_is_reopened(house: House) -> None:
    before, street = house.way(), house.street()
    answer = house.do(c.CloseRoad(road=f"  {street.upper()} ", reason="gas leak"))
    closure = house.room.core.home.closures[answer["closure"]]
    assert (closure.name, closure.reason, closure.by) == (street, "gas leak", INES.name)
    assert len(closure.edges) == answer["segments"] and set(closure.edges) & set(before[1])
    seconds, edges = house.way()
    assert seconds > before[0] and not set(edges) & set(closure.edges)
    assert house.city.routing.epoch == house.room.core.home.seq
    lifted = house.do(c.ReopenRoad(road=street.lower(), why="gas shut off"))
    assert lifted["lifted"] == [closure.id] and lifted["still_closed"] == []
    assert house.way() == before
    reopened = list(house.room.core.journal.read())[-1].event
    assert isinstance(reopened, ev.RoadReopened) and reopened.why == "gas shut off"


def test_a_picked_position_closes_the_one_segment_it_lies_on(house: House) -> None:
    _, edges = house.way()
    middle = edges[len(edges) // 2]
    line = house.city.network.edge_line(middle)
    x, y = ((line[0] + line[1]) / 2).tolist()
    lon, lat = house.city.pack.to_lonlat(float(x), float(y))
    answer = house.do(c.CloseRoad(place=c.PlaceInput(lon=lon, lat=lat, how="cursor"), reason="hole"))
    closure = house.room.core.home.closures[answer["closure"]]
    assert closure.edges == (middle,) and closure.place is not None
    assert middle not in house.way()[1]


def test_a_drawn_area_closes_all_it_touches_and_says_which(house: House) -> None:
    ring = "POLYGON((-30.005 45.994,-29.99 45.994,-29.99 46.004,-30.005 46.004,-30.005 45.994))"
    before = house.way()
    answer = house.do(c.CloseRoad(shape=ring, reason="cordon"))
    closure = house.room.core.home.closures[answer["closure"]]
    assert answer["segments"] > 50 and " and " in answer["name"]
    assert not set(house.way()[1]) & set(closure.edges)
    house.do(c.ReopenRoad(closure=closure.id))
    assert house.way() == before


def test_a_closure_for_some_holds_for_them_alone(house: House) -> None:
    car, bus = house.way("car"), house.way("bus")
    street = house.street()
    answer = house.do(c.CloseRoad(road=street, reason="weak bridge", profiles=("bus", "high_wheel")))
    closed = set(house.room.core.home.closures[answer["closure"]].edges)
    assert house.way("car") == car
    assert not closed & set(house.way("bus")[1])
    house.do(c.ReopenRoad(closure=answer["closure"]))
    assert house.way("bus") == bus
    # Closed to buses is not closed to all: the greater closure is not refused.
    house.do(c.CloseRoad(road=street, reason="weak bridge", profiles=("bus",)))
    house.do(c.CloseRoad(road=street, reason="bridge down"))
    assert house.refused(do="close_road", road=street, reason="again").code == "TOC-4009"


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"road": "Warf Street"}, "TOC-5211", "Is it Wharf Street"),
        ({"road": "Nowhere At All Boulevard"}, "TOC-5211", "There is no"),
        ({"place": {"lon": -30.05, "lat": 45.93, "how": "cursor"}}, "TOC-5211", "the nearest road is"),
        ({"place": {"lon": 10.0, "lat": 10.0, "how": "cursor"}}, "TOC-5211", "No road within 50 m"),
        ({"place": {"said": "qqqq zzzz"}}, "TOC-5211", "not found"),
        ({"shape": "POINT(-30.05 45.93)"}, "TOC-5211", "touches no road"),
        ({"shape": "POLYGON((-31 45,-29 45,-29 47,-31 47,-31 45))"}, "TOC-5211", "more than 5000"),
        ({"shape": "POLYGON((1 2"}, "TOC-2002", "WKT"),
        ({}, "TOC-5211", "exactly one"),
        ({"road": "Wharf Street", "shape": "POINT(1 2)"}, "TOC-5211", "exactly one"),
        ({"road": "Wharf Street", "profiles": ["hovercraft"]}, "TOC-5203", "hovercraft"),
    ],
)
def test_a_closure_that_means_no_road_is_refused_and_changes_nothing(
    house: House, fields: dict[str, Any], code: str, words: str
) -> None:
    before = house.way()
    error = house.refused(do="close_road", reason="test", **fields)
    assert error.code == code and words in error.message
    assert not house.room.core.home.closures and house.way() == before


def test_what_water_closes_no_hand_reopens_and_what_never_was_closed_is_said(house: House) -> None:
    edges = house.city.street_edges("Wharf Street")
    house.room.record(ev.RoadClosed(id="C-F1", name="Wharf Street", edges=edges, reason="0.4 m deep", by="flood"))
    assert house.refused(do="reopen_road", road="Wharf Street").code == "TOC-5213"
    assert house.refused(do="reopen_road", closure="C-99").code == "TOC-5212"
    assert house.refused(do="reopen_road").code == "TOC-5212"
    answer = house.do(c.CloseRoad(road="Wharf Street", reason="crane down"))
    lifted = house.do(c.ReopenRoad(road="Wharf Street"))
    assert lifted["lifted"] == [answer["closure"]] and lifted["still_closed"] == ["C-F1"]


def test_slow_traffic_lengthens_ways_and_the_slowest_word_counts(house: House) -> None:
    before, street = house.way(), house.street()
    edge = house.city.street_edges(street)[0]

    def factor() -> float:
        return round(float(house.city.routing.state.time_factor[edge]), 3)

    one = house.do(c.ChangeRoad(road=street, factor=1.5, reason="heavy traffic"))
    assert factor() == 1.5 and house.way()[0] > before[0]
    two = house.do(c.ChangeRoad(road=street, factor=1.2, reason="some traffic"))
    assert factor() == 1.5
    house.do(c.ReopenRoad(closure=one["change"]))
    assert factor() == 1.2
    house.do(c.ReopenRoad(closure=two["change"]))
    assert factor() == 1.0 and house.way() == before


def test_a_contraflow_opens_one_ways_and_a_two_way_street_has_none_to_open(house: House) -> None:
    network = house.city.network
    lone = next(
        edge
        for edge in range(network.edge_count)
        if house.city.one_ways([edge]) and network.edge_name(edge) and int(network.edge_class[edge]) > 1
    )
    line = network.edge_line(lone)
    ends = [house.city.pack.to_lonlat(float(x), float(y)) for x, y in (line[-1], line[0])]
    back = house.city.route("car", ends[0], ends[1])
    assert back is not None and not {lone} & set(back.edges[1:-1])
    shape = f"LINESTRING({', '.join(f'{lon} {lat}' for lon, lat in _inner(house, lone))})"
    answer = house.do(c.ChangeRoad(shape=shape, contraflow=True, reason="evacuation"))
    assert lone in house.room.core.home.road_changes[answer["change"]].edges
    against = house.city.route("car", ends[0], ends[1])
    assert against is not None and against.duration_s < back.duration_s
    house.do(c.ReopenRoad(closure=answer["change"]))
    again = house.city.route("car", ends[0], ends[1])
    assert again is not None and again.duration_s == back.duration_s
    two_way = next(
        name for name in house.city.pack.names if name and house.city.street_edges(name)
        and not house.city.one_ways(house.city.street_edges(name))
    )  # fmt: skip
    error = house.refused(do="change_road", road=two_way, contraflow=True, reason="evacuation")
    assert error.code == "TOC-5214" and "both directions" in error.message


def _inner(house: House, edge: int) -> list[tuple[float, float]]:
    """A line along the middle of a segment, clear of its crossings."""
    line = np.asarray(house.city.network.edge_line(edge), dtype=np.float64)
    a, b = line[0] + 0.4 * (line[1] - line[0]), line[0] + 0.6 * (line[1] - line[0])
    a, b = a - 0.1 * (b - a)[::-1] * (1, -1), b + 0.1 * (b - a)[::-1] * (1, -1)
    return [house.city.pack.to_lonlat(float(x), float(y)) for x, y in (a, b)]


def test_a_link_that_is_laid_is_driven_and_gone_when_it_is_taken_up(house: House) -> None:
    before = house.way()
    places = [c.PlaceInput(lon=lon, lat=lat, how="cursor") for lon, lat in (START, END)]
    link = c.LinkInput(start=places[0], end=places[1], speed_kmh=100)
    answer = house.do(c.ChangeRoad(road="Pontoon bridge", link=link, reason="engineers laid it"))
    laid = house.room.core.home.road_changes[answer["change"]].link
    assert laid is not None and laid.length_mm > 1_000_000
    bridged = house.city.route("car", START, END)
    assert bridged is not None and bridged.duration_s < before[0]
    assert "Pontoon bridge" in [name for name, _, _ in bridged.streets]
    # Somebody may pick the same place twice.
    same = c.LinkInput(start=places[0], end=places[0]).model_dump()
    assert house.refused(do="change_road", link=same, reason="x").code == "TOC-5214"
    house.do(c.ReopenRoad(closure=answer["change"]))
    assert house.way() == before


@pytest.mark.parametrize("fields", [{"road": "Wharf Street"}, {"factor": 2, "link": {"start": {}, "end": {}}}])
def test_a_change_that_changes_nothing_or_too_much_is_refused(house: House, fields: dict[str, Any]) -> None:
    assert house.refused(do="change_road", reason="x", **fields).code == "TOC-5214"


def test_an_assignment_says_at_which_epoch_its_way_was_true(house: House) -> None:
    house.do(c.CloseRoad(road="Wharf Street", reason="test"))
    seq = house.room.core.home.seq
    answer = house.do(c.Assign(unit="E12", place=c.PlaceInput(lon=START[0], lat=START[1])))
    assert answer["epoch"] == seq and answer["eta_s"] > 0


def test_observers_close_nothing(house: House) -> None:
    with pytest.raises(RefusedError, match="TOC-4004"):
        house.room.commander.give(c.CloseRoad(road="Wharf Street", reason="test"), WATCHER)


def test_a_desk_without_a_city_says_that_it_knows_no_roads(tmp_path: Path) -> None:
    with build(tmp_path) as room, pytest.raises(RoadError, match="No roads are known here"):
        room.do(c.CloseRoad(road="Wharf Street", reason="test"))


def test_a_restarted_core_drives_the_same_roads(house: House) -> None:
    street = house.street()
    house.do(c.CloseRoad(road=street, reason="gas leak"))
    house.do(c.ChangeRoad(shape="POINT(-30.0 45.9917)", factor=3, reason="jam"))
    now, state = house.way(), house.city.routing.state
    other = City(house.city.pack, None)
    other.follow(house.room.core.home)
    assert len(state.changed_edges(other.routing.state)) == 0 and other.routing.epoch == state.epoch
    found = other.route("car", START, END)
    assert found is not None and (found.duration_s, found.edges) == now
    other.close()


def test_playbooks_ask_the_same_roads(house: House) -> None:
    roads, (start, end) = CityRoads(house.city), [(round(x * 1e7), round(y * 1e7)) for x, y in (START, END)]
    street = house.street()
    house.do(c.CloseRoad(road=street, reason="gas leak"))
    way = roads.way("engine", start, end)
    assert isinstance(way, Way) and street not in way.streets
    seconds = roads.matrix("engine", [start], [end])[0][0]
    assert seconds is not None and round(seconds) == way.eta_s


def test_a_feed_closes_by_name_or_where_the_map_has_no_such_name_by_position(house: House, tmp_path: Path) -> None:
    _, edges = house.way()
    line = house.city.network.edge_line(edges[len(edges) // 2])
    x, y = ((line[0] + line[1]) / 2).tolist()
    lon, lat = house.city.pack.to_lonlat(float(x), float(y))
    house.room.record(ev.FeedRegistered(id="traffic", wire="ngsi", grade="B2"))
    ingest = hear(house.room, house.city)
    before = house.way()
    report = RoadReport(
        at_ms=NOON_MS, road="A-17 southbound", closed=True, reason="works", lon_e7=round(lon * 1e7),
        lat_e7=round(lat * 1e7),
    )  # fmt: skip
    ingest.accept("traffic", b"1", (report,))
    (closure,) = house.room.core.home.closures.values()
    assert len(closure.edges) == 1 and closure.by == "traffic" and not set(closure.edges) & set(house.way()[1])
    ingest.accept("traffic", b"2", (report.model_copy(update={"closed": False}),))
    assert house.way() == before
    far = report.model_copy(update={"lon_e7": -300_500_000, "lat_e7": 459_300_000, "road": "B-1"})
    ingest.accept("traffic", b"3", (far,))
    assert len(house.room.core.home.closures) == 1


def test_a_shape_too_fine_to_be_drawn_by_hand_is_refused_before_the_core_works_on_it(house: House) -> None:
    fine = ", ".join(f"-30 {46 + number / 1e6}" for number in range(501))
    with pytest.raises(InputError, match="TOC-2004"):
        house.city.roads_in(f"LINESTRING({fine})")


def test_shapes_are_read_as_strictly_as_on_the_command_line(house: House) -> None:
    with pytest.raises(InputError, match="TOC-2009"):
        house.city.roads_in("POINT(200 10)")
