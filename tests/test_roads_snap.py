"""Snapping finds the nearest road itself, not its nearest node, one at a time as in a batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture.errors import RoadError
from tests.roadtown import build_town, lonlat
from twin.network import cut_line
from twin.pack import CityPack
from twin.snap import Snapper


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_town(tmp_path_factory.mktemp("town") / "town.pack")


@pytest.fixture(scope="module")
def snapper(town: CityPack) -> Snapper:
    return Snapper(town)


def brute_m(town: CityPack, x: float, y: float) -> dict[int, float]:
    """Distance from a place to every edge, by looking at every segment."""
    distances: dict[int, float] = {}
    for edge in range(len(town.edge_tail)):
        line = town.geom_xy[town.geom_start[edge] : town.geom_start[edge + 1]].astype(float)
        start, vector = line[:-1], np.diff(line, axis=0)
        share = np.clip(((((x, y) - start) * vector).sum(1)) / np.maximum((vector**2).sum(1), 1e-12), 0, 1)
        distances[edge] = float(np.hypot(*((x, y) - start - share[:, None] * vector).T).min())
    return distances


places = st.tuples(st.floats(-200, 3200), st.floats(-300, 2100))


@settings(max_examples=60)
@given(place=places)
def test_the_snapped_road_is_the_nearest_of_all(town: CityPack, snapper: Snapper, place: tuple[float, float]) -> None:
    snap = snapper.snap(*lonlat(*place))
    distances = brute_m(town, *place)
    assert snap.distance_m == pytest.approx(min(distances.values()), abs=1e-3)
    assert distances[snap.edge] == pytest.approx(snap.distance_m, abs=1e-3)
    line = town.geom_xy[town.geom_start[snap.edge] : town.geom_start[snap.edge + 1]]
    assert cut_line(line, snap.fraction, snap.fraction)[0] == pytest.approx(np.array(snap.xy), abs=0.01)


@settings(max_examples=30)
@given(place=places, k=st.integers(1, 6))
def test_candidates_are_the_k_nearest_edges_in_order(
    town: CityPack, snapper: Snapper, place: tuple[float, float], k: int
) -> None:
    found = snapper.candidates(*lonlat(*place), k)
    assert len({snap.edge for snap in found}) == k
    nearest = sorted(brute_m(town, *place).values())[:k]
    assert [snap.distance_m for snap in found] == pytest.approx(nearest, abs=1e-3)


def test_a_batch_snaps_as_one_by_one(snapper: Snapper) -> None:
    rng = np.random.default_rng(1)
    some = [lonlat(*place) for place in rng.uniform((-200, -300), (3200, 2100), (300, 2))]
    batch = snapper.snap_many([lon for lon, _ in some], [lat for _, lat in some])
    for position, snap in zip(some, batch, strict=True):
        single = snapper.snap(*position)
        assert (snap.edge, snap.name) == (single.edge, single.name)
        assert snap.fraction == pytest.approx(single.fraction, abs=1e-9)
    assert snapper.snap_many([], []) == []


def test_a_point_of_a_road_snaps_onto_that_road(town: CityPack, snapper: Snapper) -> None:
    for edge in range(0, len(town.edge_tail), 13):
        line = town.geom_xy[town.geom_start[edge] : town.geom_start[edge + 1]]
        x, y = cut_line(line, 0.37, 0.37)[0]
        snap = snapper.snap(*lonlat(float(x), float(y)))
        assert snap.distance_m < 0.01


def test_positions_outside_the_pack_and_not_numbers_are_refused(snapper: Snapper) -> None:
    for position in (lonlat(9000, 0), (float("nan"), 46.0), (float("inf"), 46.0)):
        with pytest.raises(RoadError, match="TOC-5003"):
            snapper.snap(*position)
    with pytest.raises(RoadError, match="TOC-5003"):
        snapper.snap_many([-30.0, float("nan")], [46.0, 46.0])
