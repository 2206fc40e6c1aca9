"""Imports of real extracts, where they are at hand beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picture.errors import RoadError
from twin.osm import import_osm
from twin.pack import CityPack, Ground, NoAccess, RoadClass, RoadFlag

EXTRACTS = Path(__file__).resolve().parents[2] / "shared" / "osm"
CITIES = ("helsinki", "liechtenstein", "monaco", "porto", "vancouver")

_UNSURE = 0.003
"""Restrictions that were not applied keep their node too; the pack does not name those."""

pytestmark = pytest.mark.skipif(not EXTRACTS.is_dir(), reason="no OpenStreetMap extracts at ../shared/osm")


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CityPack]:
    folder = tmp_path_factory.mktemp("packs")
    found = {}
    for city in CITIES:
        source = EXTRACTS / f"{city}.osm.pbf"
        if source.exists():
            import_osm(source, folder / f"{city}.pack", progress=lambda _what, _share: None)
            found[city] = CityPack.open(folder / f"{city}.pack")
    return found


@pytest.fixture(params=CITIES)
def pack(request: pytest.FixtureRequest, packs: dict[str, CityPack]) -> CityPack:
    if request.param not in packs:
        pytest.skip(f"{request.param}.osm.pbf is not at ../shared/osm")
    return packs[request.param]


def test_arcs_edges_and_geometry_fit_together(pack: CityPack) -> None:
    pack.verify()
    edge = pack.arc_edge
    forward = (pack.arc_tail == pack.edge_tail[edge]) & (pack.arc_head == pack.edge_head[edge])
    backward = (pack.arc_tail == pack.edge_head[edge]) & (pack.arc_head == pack.edge_tail[edge])
    assert (forward | backward).all()
    arcs = np.bincount(edge, minlength=len(pack.edge_tail))
    assert (arcs == np.where(pack.edge_flags & RoadFlag.ONE_WAY, 1, 2)).all()
    start = pack.geom_start
    assert np.allclose(pack.geom_xy[start[:-1]], pack.node_xy[pack.edge_tail], atol=0.05)
    assert np.allclose(pack.geom_xy[start[1:] - 1], pack.node_xy[pack.edge_head], atol=0.05)
    assert (pack.arc_length_m > 0).all()
    assert ((pack.arc_speed_mps > 0.2) & (pack.arc_speed_mps < 90)).all()


def test_every_place_a_car_may_be_can_be_left_and_reached_again(pack: CityPack) -> None:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    access, private = pack.edge_access[pack.arc_edge], (pack.arc_flags & RoadFlag.PRIVATE) != 0
    cars = ((access & NoAccess.MOTOR) == 0) | (private & ((access & NoAccess.EMERGENCY) == 0))
    tail, head, count = pack.arc_tail[cars], pack.arc_head[cars], len(pack.node_xy)
    graph = csr_array((np.ones(len(tail), np.int8), (tail, head)), shape=(count, count))
    _, part = connected_components(graph, directed=True, connection="strong")
    assert len(np.unique(part[np.unique(np.concatenate([tail, head]))])) == 1


def test_no_node_is_left_where_the_same_street_merely_goes_on(pack: CityPack) -> None:
    """Nodes of degree two remain only where something changes: here, on plain two-way streets, never."""
    ends = np.concatenate([pack.edge_tail, pack.edge_head])
    edge = np.tile(np.arange(len(pack.edge_tail)), 2)
    order = np.argsort(ends, kind="stable")
    two = np.flatnonzero(np.bincount(ends, minlength=len(pack.node_xy)) == 2)
    at = np.searchsorted(ends[order], two)
    one, other = edge[order][at], edge[order][at + 1]
    speed = np.zeros(len(pack.edge_tail))
    speed[pack.arc_edge] = pack.arc_speed_mps
    facts = np.column_stack(
        [
            pack.edge_class,
            pack.edge_name,
            pack.edge_flags,
            pack.edge_access,
            pack.edge_layer,
            pack.edge_max_height_cm,
            pack.edge_max_width_cm,
            pack.edge_max_weight_kg,
            speed,
        ]
    )
    alike = (facts[one] == facts[other]).all(axis=1) & (one != other)
    alike &= (pack.edge_flags[one] & RoadFlag.ONE_WAY == 0) & (pack.edge_class[one] < RoadClass.FERRY)
    alike[np.isin(two, pack.arc_head[pack.turn_from])] = False  # a restriction speaks of the node
    assert alike.sum() <= _UNSURE * len(pack.node_xy)


def test_forbidden_turns_join_at_a_node(pack: CityPack) -> None:
    assert (pack.arc_head[pack.turn_from] == pack.arc_tail[pack.turn_to]).all()


def test_water_is_where_vancouver_has_it(packs: dict[str, CityPack]) -> None:
    if "vancouver" not in packs:
        pytest.skip("vancouver.osm.pbf is not at ../shared/osm")
    pack = packs["vancouver"]
    expected = {
        "English Bay": (-123.19, 49.295, Ground.WATER),
        "Burrard Inlet": (-123.08, 49.295, Ground.WATER),
        "False Creek": (-123.113, 49.2725, Ground.WATER),
        "Stanley Park": (-123.145, 49.303, Ground.PARK),
        "Fraser River": (-123.1279, 49.1973, Ground.WATER),
        "Queen Elizabeth Park": (-123.112, 49.2405, None),
    }
    for name, (lon, lat, ground) in expected.items():
        x, y = pack.to_xy(lon, lat)
        row, col = int((y - pack.ground_y0) // pack.ground_cell_m), int((x - pack.ground_x0) // pack.ground_cell_m)
        found = Ground(int(pack.ground[row, col]))
        assert found is ground if ground is not None else found is not Ground.WATER, name


def test_monaco_has_its_sea_in_the_south_east_and_its_hospital(packs: dict[str, CityPack]) -> None:
    if "monaco" not in packs:
        pytest.skip("monaco.osm.pbf is not at ../shared/osm")
    pack = packs["monaco"]
    x, y = pack.to_xy(7.45, 43.735)
    row, col = int((y - pack.ground_y0) // pack.ground_cell_m), int((x - pack.ground_x0) // pack.ground_cell_m)
    assert pack.ground[row, col] == Ground.WATER
    x, y = pack.to_xy(7.4165, 43.7335)
    row, col = int((y - pack.ground_y0) // pack.ground_cell_m), int((x - pack.ground_x0) // pack.ground_cell_m)
    assert pack.ground[row, col] != Ground.WATER
    assert any(site["kind"] == "hospital" for site in pack.meta["facilities"])


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_an_extract_cut_off_anywhere_is_refused_and_leaves_nothing(tmp_path: Path, share: float) -> None:
    source = EXTRACTS / "helsinki.osm.pbf"
    if not source.exists():
        pytest.skip("helsinki.osm.pbf is not at ../shared/osm")
    whole = source.read_bytes()
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RoadError) as refused:
        import_osm(cut, tmp_path / "out" / "x.pack", progress=lambda _what, _share: None)
    assert refused.value.code == "TOC-5304"
    assert not (tmp_path / "out").exists()
