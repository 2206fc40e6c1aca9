"""A line on somebody else's map means the segments of ours it runs along, not those it only touches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.roadtown import build_town
from twin.along import edges_along
from twin.network import RoadNetwork
from twin.pack import CityPack
from twin.snap import Snapper


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[CityPack, RoadNetwork, Snapper]:
    pack = build_town(Path(tmp_path_factory.mktemp("town")) / "town.pack")
    return pack, RoadNetwork(pack), Snapper(pack)


def drawn(pack: CityPack, points: np.ndarray, off_m: float = 0.0) -> list[tuple[float, float]]:
    """These projected points as longitude and latitude, so many metres to the north."""
    lon, lat = pack.to_lonlat(points[:, 0].astype(np.float64), points[:, 1].astype(np.float64) + off_m)
    return list(zip(lon.tolist(), lat.tolist(), strict=True))


def street(network: RoadNetwork, name: str) -> list[int]:
    """The segments of a street from west to east."""
    count = len(network.pack.geom_start) - 1
    named = [edge for edge in range(count) if network.edge_name(edge) == name]
    return sorted(named, key=lambda edge: float(network.edge_line(edge)[:, 0].min()))


@pytest.mark.parametrize("off_m", [0.0, 8.0, -8.0])
def test_a_line_along_a_street_means_its_segments_also_where_it_lies_a_little_beside(
    town: tuple[CityPack, RoadNetwork, Snapper], off_m: float
) -> None:
    pack, network, snapper = town
    wanted = street(network, "College Street")[4:9]
    line = np.concatenate([network.edge_line(edge) for edge in wanted])
    assert edges_along(pack, snapper, drawn(pack, line, off_m)) == tuple(sorted(wanted))


def test_a_line_within_one_segment_means_that_segment(town: tuple[CityPack, RoadNetwork, Snapper]) -> None:
    pack, network, snapper = town
    edge = street(network, "College Street")[4]
    start, end = network.edge_line(edge)[[0, -1]]
    within = np.array([start + 0.4 * (end - start), start + 0.6 * (end - start)])
    assert edges_along(pack, snapper, drawn(pack, within)) == (edge,)


def test_a_line_away_from_every_road_or_off_the_map_means_none(town: tuple[CityPack, RoadNetwork, Snapper]) -> None:
    pack, _, snapper = town
    assert edges_along(pack, snapper, [(5.0, 52.0), (5.1, 52.0)]) == ()
    assert edges_along(pack, snapper, drawn(pack, np.array([[0.0, -4000.0], [100.0, -4000.0]]))) == ()


def test_a_line_that_leaves_the_map_closes_what_it_has_here(town: tuple[CityPack, RoadNetwork, Snapper]) -> None:
    pack, network, snapper = town
    wanted = street(network, "College Street")[:3]
    line = np.concatenate([np.array([[-500_000.0, 1000.0]]), *(network.edge_line(edge) for edge in wanted)])
    found = edges_along(pack, snapper, drawn(pack, line))
    assert set(found) <= set(wanted)
