"""The shipped drill, run once as a user runs it, for every test that only looks at what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hands import tocsin


@dataclass(frozen=True)
class DrillRun:
    """What a finished drill left."""

    out: Path
    code: int
    stdout: str
    stderr: str
    result: dict[str, Any]

    @property
    def segment(self) -> Path:
        return Path(self.result["journal"])


@pytest.fixture(scope="session")
def storm(tmp_path_factory: pytest.TempPathFactory, tocsin_home: Path) -> DrillRun:
    """``tocsin drill storm-surge --json``."""
    out = tmp_path_factory.mktemp("storm") / "out"
    run = tocsin("drill", "storm-surge", "--json", "--out", out, env={"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"})
    assert run.stdout, run.stderr
    return DrillRun(out, run.returncode, run.stdout, run.stderr, json.loads(run.stdout))
