"""Three nodes: what was acknowledged stays, whichever of them die, and nothing is stored twice.

``python -m tests.faults --only leader --only nodes`` kills more often.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.faults.cluster import leader, nodes
from tests.nats_world import needs_nats

pytestmark = needs_nats


def test_a_leader_killed_while_writing_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = leader(tmp_path, 1, Random(1))
    assert outcome.ok, outcome.broken
    assert outcome.counts["acknowledged commits"] >= 400


def test_all_nodes_killed_at_once_lose_nothing(tmp_path: Path) -> None:
    outcome = nodes(tmp_path, 1, Random(1))
    assert outcome.ok, outcome.broken
    assert outcome.counts["acknowledged commits"] >= 200
