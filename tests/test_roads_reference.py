"""Reference answers: RoutingKit's own for Luxembourg; all of them: scripts/check_routing.py."""

from __future__ import annotations

import pytest

from scripts.check_routing import LUXEMBOURG, check_changes, check_luxembourg

pytestmark = pytest.mark.skipif(not LUXEMBOURG.exists(), reason=f"the reference vectors are not at {LUXEMBOURG}")


@pytest.mark.parametrize("metric", ["travel_time", "geo_distance"])
def test_five_thousand_reference_answers_are_met_exactly(metric: str) -> None:
    assert check_luxembourg(metric, 5_000) == (5_000, 0)


def test_answers_agree_with_scipy_under_changes_up_to_half_of_all_roads_closed() -> None:
    checked, wrong = check_changes(sets=4, sources=3, seed=4)
    assert checked > 200_000 and wrong == 0
