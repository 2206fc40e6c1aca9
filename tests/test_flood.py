"""The flood: joined to the sea, deeper with the level, held back by a barrier; bridges stay."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from picture.errors import RoadError
from tests.roadtown import DIP_M, build_town, lonlat
from twin.hazards import FloodModel
from twin.network import RoadNetwork
from twin.pack import CityPack, RoadFlag
from twin.reach import cut_off, main_part
from twin.road_state import RoadState
from twin.snap import Snapper


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_town(tmp_path_factory.mktemp("town") / "town.pack")


@pytest.fixture(scope="module")
def model(town: CityPack) -> FloodModel:
    return FloodModel(town)


def test_a_higher_sea_is_nowhere_shallower(model: FloodModel) -> None:
    floods = [model.at(level) for level in np.arange(0.0, 5.0, 0.5)]
    for lower, higher in pairwise(floods):
        assert np.all(higher.depth_m >= lower.depth_m) and np.all(higher.edge_depth_m >= lower.edge_depth_m)
        assert higher.area_m2 >= lower.area_m2
    assert floods[0].area_m2 == 0.0 < floods[-1].area_m2


def test_depth_is_the_level_less_the_ground(model: FloodModel) -> None:
    flood = model.at(2.0)
    # The ground at y = 210 m (a cell's centre) lies at 0.5 + 210 / 400 m.
    assert flood.depth_at(*lonlat(2510, 210)) == pytest.approx(2.0 - 0.5 - 210 / 400, abs=1e-4)
    assert flood.depth_at(*lonlat(2510, 910)) == 0.0
    assert flood.depth_at(*lonlat(2510, -200)) == 0.0, "the sea itself is not a flood"
    assert flood.depth_at(*lonlat(90_000, 0)) == 0.0


def test_low_ground_that_the_sea_does_not_reach_stays_dry(model: FloodModel) -> None:
    bowl = lonlat(600, 1200)
    # The bowl's floor lies 3 m below this level, behind ground that tops it.
    assert model.at(2.0).depth_at(*bowl) == 0.0
    assert model.at(4.5).depth_at(*bowl) == pytest.approx(5.5, abs=1e-3)


def test_a_closed_barrier_keeps_the_water_behind_it_out(town: CityPack, model: FloodModel) -> None:
    # Only the river can bring the water here: the ground is raised between the sea and y = 400 m.
    by_river = lonlat(1330, 410)
    level = 1.75
    assert model.at(level).depth_at(*by_river) > 0.0
    terrain = town.terrain.copy()
    rows = int((400 - town.terrain_y0) / town.terrain_cell_m)
    land = terrain[:rows] > -5.0
    terrain[:rows][land] = 6.0
    walled = FloodModel(_with(town, terrain=terrain))
    assert walled.at(level).depth_at(*by_river) > 0.0
    assert walled.at(level, barrier_closed=True).depth_at(*by_river) == 0.0
    assert walled.at(6.5, barrier_closed=True).depth_at(*by_river) > 0.0, "the sea comes overland"


def test_a_bend_of_the_river_outside_a_roughly_drawn_outline_is_no_sea(town: CityPack) -> None:
    rough = [
        lonlat(*p)
        for p in (
            (1300, 200),
            (1560, 200),
            (1560, 700),
            (1390, 700),
            (1390, 900),
            (1560, 900),
            (1560, 1100),
            (1300, 1100),
        )
    ]
    rough[3:5] = [lonlat(1440, 710), lonlat(1440, 890)]
    meta = town.meta | {"barrier": town.meta["barrier"] | {"polygon": rough}}
    terrain = town.terrain.copy()
    rows = int((400 - town.terrain_y0) / town.terrain_cell_m)
    terrain[:rows][terrain[:rows] > -5.0] = 6.0
    model = FloodModel(_with(town, terrain=terrain, meta=meta))
    assert model.at(3.0).area_m2 > 0.0
    assert model.at(3.0, barrier_closed=True).area_m2 == 0.0


def test_a_barrier_lower_than_the_sea_holds_nothing(town: CityPack) -> None:
    meta = town.meta | {"barrier": town.meta["barrier"] | {"crest_m": 1.5}}
    model = FloodModel(_with(town, meta=meta))
    assert model.at(1.45, barrier_closed=True).barrier_closed
    assert not model.at(1.75, barrier_closed=True).barrier_closed


def _with(pack: CityPack, **changes: object) -> CityPack:
    from dataclasses import replace

    return replace(pack, **changes)  # type: ignore[arg-type]


def test_bridges_stay_dry_and_an_underpass_fills_to_its_dip(town: CityPack, model: FloodModel) -> None:
    flood = model.at(3.0)
    bridges = np.flatnonzero(town.edge_flags & RoadFlag.BRIDGE)
    assert len(bridges) > 10 and not flood.edge_depth_m[bridges].any()
    (underpass,) = np.flatnonzero(town.edge_flags & RoadFlag.UNDERPASS)
    around = town.edge_name == town.edge_name[underpass]
    ground = np.max(flood.edge_depth_m[around & (town.edge_flags == 0)])
    assert flood.edge_depth_m[underpass] == pytest.approx(ground + DIP_M, abs=0.2)
    assert model.at(1.0).edge_depth_m[underpass] == 0.0, "dry ground above, dry road below"


def test_a_quay_road_whose_line_falls_in_the_water_is_not_metres_deep(town: CityPack, model: FloodModel) -> None:
    assert model.at(0.3).edge_depth_m.max() == 0.0
    assert model.at(1.0).edge_depth_m.max() < 1.0


def test_levels_are_remembered_by_step_and_absurd_ones_refused(model: FloodModel) -> None:
    assert model.at(1.51) is model.at(1.49) and model.at(1.5).level_m == 1.5
    for level in (float("nan"), 900.0):
        with pytest.raises(RoadError, match="TOC-5207"):
            model.at(level)


def test_the_flood_cuts_off_who_stands_in_it_and_who_lies_behind(town: CityPack, model: FloodModel) -> None:
    network, snapper = RoadNetwork(town), Snapper(town)
    places = {"quay": snapper.snap(*lonlat(2500, 60)), "hill": snapper.snap(*lonlat(2500, 1800))}
    assert cut_off(network, RoadState.free(network), places) == []
    state = RoadState.free(network).with_changes(1, depth_m=model.at(2.5).edge_depth_m)
    assert cut_off(network, state, places, "car") == ["quay"]
    ring = np.flatnonzero(np.hypot(*(network.node_xy - (2500, 1800)).T) < 180)
    around = np.flatnonzero(np.isin(town.edge_tail, ring) != np.isin(town.edge_head, ring)).tolist()
    shut = RoadState.free(network).with_changes(2, closed_edges=around)
    assert cut_off(network, shut, places) == ["hill"]
    assert not main_part(network, shut, "car")[ring].any()


def test_importing_hazards_loads_no_scipy() -> None:
    code = "import sys, twin.hazards; sys.exit('scipy' in sys.modules)"
    root = Path(__file__).resolve().parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_pack_without_elevation_tells_no_flood(town: CityPack) -> None:
    flat = replace(town, meta={**town.meta, "datum": "none"})
    with pytest.raises(RoadError, match=r"TOC-5207.*without elevation"):
        FloodModel(flat).at(2.5)
