"""Sensors that changed since a snapshot, without the last values that stood there already: only what slid in.

A sensor's last values are a window, by far the largest part of its record. Between two snapshots a few values come in
at its end and as many go out at its front, so the new ones and the window's length say it all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import is_
from typing import NamedTuple

from picture.model import Sensor
from picture.records import changed

Values = tuple[tuple[int, float], ...]


class Slid(NamedTuple):
    """A sensor without its last values, how many of those there are, and the ones that came in."""

    bare: Sensor
    length: int
    came: Values


def slid(rows: Sequence[tuple[str, Sensor]], before: Mapping[str, Sensor]) -> list[Slid]:
    """How the sensors of the rows differ from those before; ``gathered`` puts them together again."""
    found = []
    for key, now in rows:
        known = before.get(key)
        came = _came(() if known is None else known.recent, now.recent)
        found.append(Slid(changed(now, recent=()), len(now.recent), came))
    return found


def gathered(table: dict[str, Sensor], steps: Iterable[tuple[Sequence[str], Sequence[Slid]]]) -> None:
    """Brings a table forward by steps, the oldest first; ``ValueError`` where values are missing."""
    last: dict[str, Slid] = {}
    came: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for keys, records in steps:
        for key, one in zip(keys, records, strict=True):
            last[key] = one
            came[key] += one.came
    for key, one in last.items():
        known = table.get(key)
        values = (*(known.recent if known is not None else ()), *came[key])
        if len(values) < one.length:
            raise ValueError(f"values of {key} are missing")
        table[key] = changed(one.bare, recent=values[len(values) - one.length :])


def _came(before: Values, now: Values) -> Values:
    """The values at the end of a window that were not in it before; all of them if it is another window.

    By identity: the fold keeps the very pairs, and equal ones may be spelled differently (0.0 and -0.0).
    """
    if before and now is not before:
        for kept in range(len(now), 0, -1):
            if now[kept - 1] is before[-1]:
                stood = before[-kept:]
                return now[kept:] if len(stood) == kept and all(map(is_, stood, now)) else now
        return now
    return () if now is before else now
