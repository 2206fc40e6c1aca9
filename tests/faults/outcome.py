"""What a fault did to a journal, and the checks that all faults share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from picture.errors import JournalError
from picture.journal import JournalReader, verify


class Acknowledged(NamedTuple):
    """A commit that its writer was told is on disk."""

    commit_id: str
    last_seq: int
    hash: str


@dataclass
class Outcome:
    """How often a fault was made, what was counted meanwhile, and every promise that was broken."""

    fault: str
    rounds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    how: str = ""
    """Where there are several ways to make it: which was taken."""

    def hold(self, promise: bool, otherwise: str) -> None:
        """Notes a promise that was broken."""
        if not promise:
            self.broken.append(otherwise)

    def most(self, name: str, value: float) -> None:
        """Keeps the greatest of a figure."""
        self.figures[name] = max(value, self.figures.get(name, 0.0))

    def as_json(self) -> dict[str, object]:
        """All of it, for a file."""
        return vars(self) | {"counts": dict(self.counts), "ok": self.ok}

    @property
    def ok(self) -> bool:
        """True if every promise held, and there was something to hold it against."""
        return not self.broken and self.rounds > 0


def nothing_lost(outcome: Outcome, journal: Path, acknowledged: Iterable[Acknowledged], after: int = 0) -> int:
    """Holds every acknowledged commit against what is stored now; returns the newest entry's number."""
    wanted = {one.last_seq: one for one in acknowledged}
    outcome.counts["acknowledged commits"] += len(wanted)
    seq = after
    try:
        with JournalReader(journal) as reader:
            for entry in reader.replay(after):
                seq = entry.seq
                one = wanted.pop(seq, None)
                if one is not None and (one.commit_id, one.hash) != (entry.commit_id, entry.hash):
                    outcome.broken.append(f"entry {seq} is not the one that was acknowledged")
    except JournalError as error:
        outcome.broken.append(f"after entry {seq}: {error.code} {error.message}")
    outcome.counts["acknowledged commits lost"] += len(wanted)
    outcome.hold(
        not wanted, f"{len(wanted)} acknowledged commits are lost, the first ends at entry {min(wanted, default=0)}"
    )
    return seq


def whole(outcome: Outcome, journal: Path) -> None:
    """Holds a journal against its own chain and signatures."""
    report = verify(journal)
    outcome.hold(report.ok, f"the journal does not verify: {report.why}")
    outcome.counts["entries verified"] = max(report.entries, outcome.counts["entries verified"])
