"""What the tests of playbooks share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_core import SmallCore, town

from playbooks.engine import Engine


@pytest.fixture
def core() -> SmallCore:
    """The small town with both playbooks that ship."""
    small = SmallCore(Engine.from_library(["surge-at-quay", "substation-flooding"]))
    small.say(*town())
    return small
