"""Makes every fault and says what became of the journal: ``python -m tests.faults [--rounds N] [--json FILE]``.

A real journal on a real disk; each module beside this holds one kind of fault. What is checked is the same for all:
nothing acknowledged is lost, the chain is whole, and what is wrong is named. Exits 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.clocks import jump
from tests.faults.cluster import leader, nodes
from tests.faults.outcome import Outcome
from tests.faults.processes import kill, restart, stall, two_writers
from tests.faults.storage import flipped, full, torn
from tests.nats_world import MISSING

Fault = Callable[[Path, int, Random], Outcome]
FAULTS: Final[dict[str, tuple[Fault, int]]] = {
    "kill": (kill, 1), "restart": (restart, 1), "stall": (stall, 10), "two-writers": (two_writers, 10),
    "full": (full, 10), "clock": (jump, 2), "torn": (torn, 1), "flipped": (flipped, 1),
}  # fmt: skip
"""Each with what the number of rounds is divided by."""
ON_SERVERS: Final[dict[str, tuple[Fault, int]]] = {"leader": (leader, 20), "nodes": (nodes, 50)}
"""Faults of a journal on NATS; they need what ``tocsin[nats]`` brings."""


def run(name: str, rounds: int, seed: int = 1) -> Outcome:
    """What one fault did, in a folder that is thrown away."""
    fault, share = (FAULTS | ON_SERVERS)[name]
    with tempfile.TemporaryDirectory() as folder:
        return fault(Path(folder), max(1, rounds // share), Random(seed))


def line(outcome: Outcome) -> str:
    """An outcome in words."""
    said = [f"{outcome.rounds} rounds", *(f"{name}: {count}" for name, count in outcome.counts.items())]
    said += [f"{name}: {value:.2f}" for name, value in outcome.figures.items()]
    said += [f"by {outcome.how}"] if outcome.how else []
    text = f"{'held  ' if outcome.ok else 'BROKEN'} {outcome.fault}: {'; '.join(said)}"
    return "\n".join([text, *(f"       {broken}" for broken in outcome.broken[:5])])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="kills; the other faults follow from it (100)")
    parser.add_argument(
        "--only", choices=[*FAULTS, *ON_SERVERS], action="append", help="this fault; may be given again"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes there")
    options = parser.parse_args(arguments)
    outcomes = []
    for name in options.only or [*FAULTS, *([] if MISSING else ON_SERVERS)]:
        outcomes.append(run(name, options.rounds, options.seed))
        print(line(outcomes[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([outcome.as_json() for outcome in outcomes], indent=1) + "\n")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
