"""The product's own judgement, report by report, on a picture that its events build: what a core would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.fusion.generator import Told
from picture import events as ev
from picture.entry import Actor, Entry
from picture.fold import Picture
from picture.fusion import Fusion
from picture.ids import Ids

STREAM = "yardstick"


@dataclass(frozen=True, slots=True)
class Judged:
    """One label per report."""

    merged: list[int]
    """What was joined without asking anybody."""
    shown: list[int]
    """The same, with incidents that were opened as a possible duplicate counted as the one they point to."""
    farthest_m: float = 0.0


def judge(told: Sequence[Told]) -> Judged:
    """Runs the product's fusion over reports in their order of arrival."""
    picture, fusion, ids = Picture(STREAM), Fusion(), Ids(STREAM)
    seq = 0
    joined: list[str] = []
    for one in told:
        found = ""
        for event in fusion.judge(one.report, feed="f", grade="C3", incidents=picture.home.incidents, ids=ids):
            seq += 1
            picture.apply(_entry(event, seq, one.arrives_ms))
            if isinstance(event, ev.ReportLinked):
                found = event.incident
        fusion.saw(found, one.report)
        fusion.place(picture.home.incidents[found])
        joined.append(found)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(joined))}
    return Judged([numbers[name] for name in joined], [numbers[_root(picture, name)] for name in joined])


def _root(picture: Picture, name: str) -> str:
    seen = {name}
    while similar := picture.home.incidents[name].possible_duplicate_of:
        name = similar[0]
        if name in seen:
            return name
        seen.add(name)
    return name


def _entry(event: ev.Event, seq: int, at_ms: int) -> Entry:
    return Entry(
        v=1, stream=STREAM, seq=seq, commit_id=str(seq), index=0, kind=event.kind, kind_v=event.version, at_ms=at_ms,
        recorded_ms=at_ms, actor=Actor("system:fusion"), source="f", grade="C3", agreement="", cause=(),
        payload_digest="", prev="", hash="", event=event,
    )  # fmt: skip
