"""What stands on the map: stacked by importance, gathered when crowded, described in words."""

from __future__ import annotations

import numpy as np
import pytest

from console.tui.map.camera import Camera
from console.tui.map.labels import Room, mark_labels
from console.tui.map.marks import Mark, MarkLayer, glyph_of, locate, unit_variant
from console.tui.map.palette import NAME, REVERSE

DRY = np.zeros((20, 40), bool)


def camera(step: int = 4) -> Camera:
    return Camera.at(0, 0, step=step, cols=40, rows=20)


def layer(*places: tuple[Mark, float, float]) -> MarkLayer:
    return locate([mark for mark, _, _ in places], np.array([(x, y) for _, x, y in places], float).reshape(-1, 2))


def test_in_one_cell_the_most_urgent_mark_is_drawn_last() -> None:
    marks = [
        Mark("p1", 0, 0, "incident", priority=1), Mark("p3", 0, 0, "incident", priority=3),
        Mark("car", 0, 0, "unit", "police"), Mark("gone", 0, 0, "facility", "hospital"),
    ]  # fmt: skip
    spots = layer(*((mark, 1.0, 1.0) for mark in marks)).spots(camera(), None, DRY)
    assert [spot.mark.id for spot in spots if spot.mark] == ["gone", "car", "p3", "p1"]
    chosen = layer(*((mark, 1.0, 1.0) for mark in marks)).spots(camera(), "car", DRY)
    assert chosen[-1].mark is marks[2] and chosen[-1].attributes & REVERSE


def test_an_unacknowledged_incident_is_reversed_and_an_acknowledged_one_is_not() -> None:
    for unack in (True, False):
        ((spot),) = layer((Mark("i", 0, 0, "incident", priority=2, unack=unack), 0, 0)).spots(camera(), None, DRY)
        assert bool(spot.attributes & REVERSE) is unack and spot.text == "2" and spot.fg == NAME["p2"]


@pytest.mark.parametrize(("heading", "arrow"), [(0, "↑"), (44, "↗"), (90, "→"), (181, "↓"), (-90, "←"), (359, "↑")])
def test_a_vessel_under_way_points_where_it_heads(heading: float, arrow: str) -> None:
    assert glyph_of(Mark("v", 0, 0, "vessel", moving=True, heading_deg=heading)) == arrow
    assert glyph_of(Mark("v", 0, 0, "vessel", heading_deg=heading)) == "◊"


def test_a_vessel_reported_on_the_quay_is_drawn_on_the_water_beside_it() -> None:
    water = DRY.copy()
    water[:, 23:] = True
    ((spot),) = layer((Mark("v", 0, 0, "vessel"), 1.0, -1.0)).spots(camera(), None, water)
    assert (spot.col, spot.row) == (23, 10)
    ((far),) = layer((Mark("v", 0, 0, "vessel"), -100.0, -1.0)).spots(camera(), None, water)
    assert far.col == camera().to_cells(np.array([[-100.0, -1.0]]))[0, 0]


def test_units_gather_into_a_count_where_they_cannot_be_told_apart() -> None:
    units = [(Mark(f"u{k}", 0, 0, "unit", "fire" if k else "ems", moving=k == 2), 9.0 * k, -5.0) for k in range(5)]
    far = layer(*units).spots(camera(11), None, DRY)
    assert [spot.text for spot in far] == ["▲5"]
    near = layer(*units).spots(camera(0), None, DRY)
    assert len(near) == 5
    assert {spot.text for spot in layer(*units).spots(camera(11), "u0", DRY)} == {"▲4", "✚"}


def test_minor_things_show_at_their_scale_but_never_hide_an_alarm() -> None:
    school = Mark("s", 0, 0, "facility", "school")
    alarmed = Mark("a", 0, 0, "facility", "school", priority=2)
    hospital = Mark("h", 0, 0, "facility", "hospital")
    places = layer((school, 1, 1), (alarmed, 200, 1), (hospital, 400, 1))
    assert {s.mark.id for s in places.spots(camera(9), None, DRY) if s.mark} == {"a", "h"}
    assert {s.mark.id for s in places.spots(camera(7), None, DRY) if s.mark} == {"s", "a", "h"}


def test_the_nearest_mark_is_picked_and_of_equals_the_more_important() -> None:
    unit, incident = Mark("u", 0, 0, "unit"), Mark("i", 0, 0, "incident", priority=3)
    marks = layer((unit, 4.0, -8.0), (incident, 4.0, -8.0), (Mark("far", 0, 0, "unit"), 100.0, -8.0))
    ((col, row),) = camera().to_cells(np.array([[4.0, -8.0]])).tolist()
    assert marks.nearest(camera(), col + 1, row) is incident
    assert marks.nearest(camera(), col, row + 5) is None


def test_the_map_is_described_in_words_with_the_worst_first() -> None:
    items = layer(
        (Mark("E1", 0, 0, "unit", "fire", moving=True, heading_deg=92, stale=True), 0, 100),
        (Mark("I2", 0, 0, "incident", priority=2, label="Road washout"), 300, 0),
        (Mark("I1", 0, 0, "incident", priority=1, unack=True), -9000, 0),
        (Mark("lost", 0, 0, "unit"), float("nan"), 0),
    ).describe(camera())
    assert [item.id for item in items] == ["I1", "I2", "E1"]
    assert items[0].state == "priority 1, not acknowledged" and not items[0].in_view
    assert (round(items[0].bearing_deg), round(items[1].bearing_deg), round(items[2].bearing_deg)) == (
        270,
        90,
        0,
    )
    assert items[2].state == "moving, heading 092°, position old" and items[2].distance_m == pytest.approx(100)


def test_urgent_labels_do_not_cover_one_another() -> None:
    marks = [
        (Mark(f"I{k}", 0, 0, "incident", priority=1, label="Hospital access cut"), 0.0, -8.0 * k) for k in range(6)
    ]
    spots = layer(*marks).spots(camera(0), "I0", np.zeros((20, 40), bool))
    room = Room(40, 20)
    labels = mark_labels(spots, room, camera(0), "I0")
    cells = [(label.row, label.col + at) for label in labels for at in range(len(label.text))]
    assert labels and len(cells) == len(set(cells))
    assert labels[0].attributes & REVERSE


def test_nims_kinds_have_shapes() -> None:
    assert [unit_variant(kind) for kind in (
        "Fire Engine (Pumper)", "Ambulance (Ground)", "Patrol Team", "Harbour Launch", "Pump Crew",
        "Electrical Power Restoration Crew", "Urban Search and Rescue Team", "Something New",
    )] == ["fire", "ems", "police", "boat", "water", "power", "rescue", ""]  # fmt: skip
