"""Why a rule fired, or why not: for each, the nearest miss with its values, and what would flip it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from picture.conditions import Line
from picture.model import StreamPicture
from playbooks.references import in_words
from playbooks.rules import Rule, WatchedClause
from playbooks.runs import RunState
from playbooks.vocabulary import record_of


@dataclass(frozen=True, slots=True)
class Trace:
    """One rule's answer to "why?" or "why not?"."""

    playbook: str
    version: int
    state: str
    """running, near (something was looked at and missed), quiet (nothing to look at yet)."""
    words: str
    clause: str = ""
    """Where in the file the nearest clause stands, ``any[0]``."""
    thing: str = ""
    """The sensor, facility or incident that came nearest."""
    lines: tuple[Line, ...] = ()
    """Each line of its condition with its values."""

    def as_json(self) -> dict[str, Any]:
        """JSON-plain."""
        lines = [{"text": one.text, "holds": one.value, "values": dict(one.operands)} for one in self.lines]
        return {
            "playbook": self.playbook,
            "version": self.version,
            "state": self.state,
            "words": self.words,
            "clause": self.clause,
            "thing": self.thing,
            "lines": lines,
        }


_ALONE = "citizens alone; an authority, a sensor or a call taker must confirm it"


def traces(rules: Iterable[Rule], runs: Mapping[str, RunState], picture: StreamPicture) -> list[Trace]:
    """One trace per rule, in the rules' order; nearest miss only."""
    return [_trace(rule, runs, picture) for rule in rules]


def _trace(rule: Rule, runs: Mapping[str, RunState], picture: StreamPicture) -> Trace:
    name, version = rule.id
    for run in runs.values():
        if run.rule is rule:
            return Trace(
                name,
                version,
                "running",
                f"{run.id} since it fired by {run.trigger}; now at {run.at}",
                thing=run.subject,
            )
    nearest: tuple[int, int, Trace] | None = None
    for number, (_, _, clause) in enumerate(rule.clauses()):
        miss = _nearest(rule, clause, picture)
        if miss is not None and (nearest is None or (miss[0], -number) < (nearest[0], -nearest[1])):
            nearest = (miss[0], number, miss[1])
    if nearest is not None:
        return nearest[2]
    return Trace(name, version, "quiet", "nothing that it looks at has been heard")


def _nearest(rule: Rule, clause: WatchedClause, picture: StreamPicture) -> tuple[int, Trace] | None:
    name, version = rule.id
    if clause.alone:
        thing, said = next(reversed(clause.alone.items()))
        words = said if said == thing else f"{thing} ({said})"
        return 0, Trace(name, version, "near", f"{words}: {_ALONE}", clause.name, thing)
    short = _short_of(clause)
    if short is not None:
        return 0, Trace(name, version, "near", short, clause.name)
    best: tuple[int, float, str, tuple[Line, ...]] | None = None
    for thing, what in clause.misses.items():
        bindings = _bindings(clause, thing, what, picture)
        if bindings is None:
            continue
        lines = tuple(clause.condition.explain(bindings))
        failing = [line for line in lines if line.value is not True]
        gap = sum(line.gap for line in failing if line.gap is not None)
        if failing and (best is None or (len(failing), gap) < best[:2]):
            best = (len(failing), gap, thing, lines)
    if best is None:
        return None
    failing_count, _, thing, lines = best
    return failing_count, Trace(name, version, "near", _what_would_flip(thing, lines), clause.name, thing, lines)


def _short_of(clause: WatchedClause) -> str | None:
    if clause.window is None:
        return None
    held = max((clause.window.held(key) for key in clause.window.panes), key=len, default=())
    if not held:
        return None
    alone = f"; {_ALONE}" if all(one.citizens for one in held) else ""
    have = f"{len(held)} of {clause.window.at_least} within {clause.window.within_ms // 60_000} min"
    return f"{have}: {'; '.join(f'{one.subject} ({one.words})' for one in held)}{alone}"


def _bindings(clause: WatchedClause, thing: str, what: Any, picture: StreamPicture) -> dict[str, Any] | None:
    if clause.clause.condition is None:
        return {"event": what}
    record = record_of(picture, clause.on, thing)
    return None if record is None else {clause.on: record, "city": picture, "subject": thing}


def _what_would_flip(thing: str, lines: tuple[Line, ...]) -> str:
    return f"{thing}: needs {' and '.join(_need(line) for line in lines if line.value is not True)}"


def _need(line: Line) -> str:
    values = ", ".join(f"{name} is {_known(value)}" for name, value in line.operands)
    short = "" if line.gap is None else f"; short by {line.gap:.3g}"
    return f"{line.text} ({values}{short})"


def _known(value: Any) -> str:
    return "unknown" if value is None else in_words(value)
