"""Writes a small journal of every kind of entry: ``python -m scripts.journal_specimen FOLDER``.

``tests/data/journal-1`` was made by it when the file format was 1. It is never made anew: later versions of Tocsin
must open, read and verify it as it lies there. A new format gets a specimen of its own beside it.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from picture.entry import NewEntry
from picture.events import KINDS, Event
from tests.event_strategies import of_model
from tests.journal_world import OPERATOR, World, assignment, call, opened

_PER_KIND = 2
_NEVER = ("key.rotated",)  # made up, it would vouch for a key that is not the journal's


def specimens(kind: str) -> list[Event]:
    """A few events of a kind, the same each time."""
    found: list[Event] = []

    @seed(1)
    @settings(
        max_examples=_PER_KIND * 4, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )
    @given(of_model(KINDS[kind]))
    def look(event: Event) -> None:
        if event not in found:
            found.append(event)

    look()
    return found[-_PER_KIND:]


def write(folder: Path) -> str:
    """The hash of the newest entry of a journal made in ``folder``."""
    world = World(folder, random.Random(4).randbytes)
    with world.open() as journal:
        journal.append_now([opened(), call(), assignment()], commit_id="c-0")
        for number, kind in enumerate(sorted(set(KINDS).difference(_NEVER)), 1):
            now_ms = 1_795_348_800_000 + number
            entries = [
                NewEntry(event, now_ms, now_ms + 5, OPERATOR, source="feed", grade="B2", cause=(1, 2))
                for event in specimens(kind)
            ]
            journal.append_now(entries, commit_id=f"c-{number}")
            if number == len(KINDS) // 2:
                journal.roll()
        return journal.head().hash


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    print(write(parser.parse_args().folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
