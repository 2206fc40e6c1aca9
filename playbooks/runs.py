"""Runs as a fold over entries: where each one stands, so that a restarted core resumes at exactly the right step.

Nothing here decides; ``playbooks.engine`` returns events, and only when they come back as entries does a run move.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from picture import events as ev
from picture.entry import Entry
from picture.errors import PlaybookError
from playbooks.effects import RESULT_OF
from playbooks.rules import Rule

CLEAR: Final = "clear"
"""Name of the step in which a run waits to be cleared, and proposes what is to be undone."""
END: Final = "end"


RUN_KINDS: Final = frozenset(
    event.kind
    for event in (
        ev.RunStarted,
        ev.RunStep,
        ev.RunEnded,
        ev.ProposalMade,
        ev.ProposalSettled,
        ev.TimerSet,
        ev.TimerFired,
        ev.HandsOff,
    )
)
"""What moves a run, besides the events it waits for."""


@dataclass(slots=True)
class RunState:
    """One run that has not ended."""

    id: str
    rule: Rule
    key: str
    subject: str
    trigger: str
    started_ms: int
    at: str
    """The step it is at; ``clear`` or ``end`` behind the last."""
    outcomes: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    proposals: dict[str, str] = field(default_factory=dict)
    """Proposal -> its step."""
    timers: dict[str, str] = field(default_factory=dict)
    """Timer -> the step or proposal it is for."""
    heard: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Wait step -> the event that ended it, also when it came before the run got there."""
    created: list[str] = field(default_factory=list)
    true_since: int | None = None
    """Since when its clear condition holds."""
    in_flight: bool = False
    """Events were returned for it that have not come back as entries yet; never restored."""


class Runs:
    """Every run that has not ended, by id."""

    def __init__(self, rules: Mapping[tuple[str, int], Rule]) -> None:
        self._rules = rules
        self.alive: dict[str, RunState] = {}
        self.timers: dict[str, str] = {}
        """Timer -> run, for every timer of a run."""
        self.proposals: dict[str, str] = {}
        """Open proposal -> run."""

    def apply(self, entry: Entry) -> RunState | None:
        """Takes an entry in; the run it belongs to, if it belongs to one."""
        event = entry.event
        match event:
            case ev.RunStarted():
                return self._started(entry, event)
            case ev.RunStep():
                return self._stepped(event)
            case ev.RunEnded():
                ended = self.alive.pop(event.id, None)
                if ended is not None:
                    self._drop(ended)
                return ended
            case ev.ProposalMade() if event.run in self.alive:
                run = self.alive[event.run]
                if event.replaces:
                    run.proposals.pop(event.replaces, None)
                    self.proposals.pop(event.replaces, None)
                run.proposals[event.id] = event.step
                self.proposals[event.id] = run.id
                return run
            case ev.ProposalSettled() if event.id in self.proposals and event.status != "escalated":
                return self.alive[self.proposals.pop(event.id)]
            case ev.TimerSet():
                owner = event.id.partition("/")[0]
                owner = self.proposals.get(owner, owner)
                if owner in self.alive:
                    self.timers[event.id] = owner
                return self.alive.get(owner)
            case _:
                self._listen(entry)
                return None

    def _started(self, entry: Entry, event: ev.RunStarted) -> RunState | None:
        rule = self._rules.get((event.playbook, event.playbook_version))
        if rule is None:
            return None
        first = rule.playbook.steps[0].id
        run = RunState(event.id, rule, event.key, event.subject, event.trigger, entry.at_ms, first)
        self.alive[event.id] = run
        return run

    def _stepped(self, event: ev.RunStep) -> RunState | None:
        run = self.alive.get(event.id)
        if run is None:
            return None
        run.in_flight = False
        run.outcomes[event.step] = event.outcome
        detail = _json(event.detail)
        if event.outcome == "done" and detail:
            run.results[event.step] = detail
            for name in RESULT_OF.values():
                run.created += [one for one in detail.get(name, ()) if isinstance(one, str) and one not in run.created]
        if event.step == run.at and event.outcome in ("done", "failed", "skipped"):
            run.at = self._after(run, event.step, str(detail.get("then", "")))
            self._skip_carried(run)
        return run

    def _after(self, run: RunState, step: str, then: str) -> str:
        if step == CLEAR:
            return END
        following = then or run.rule.playbook.following(step)
        if following == END:
            return CLEAR if run.rule.playbook.clear is not None else END
        if then in run.outcomes:
            self._forget_from(run, then)
        return following

    def _forget_from(self, run: RunState, step: str) -> None:
        ids = [one.id for one in run.rule.playbook.steps]
        for name in ids[ids.index(step) :] if step in ids else ():
            run.outcomes.pop(name, None)
            run.heard.pop(name, None)

    def _skip_carried(self, run: RunState) -> None:
        while run.at not in (CLEAR, END) and self._is_carried(run, run.at):
            run.at = self._after(run, run.at, "")

    def _is_carried(self, run: RunState, step: str) -> bool:
        spec = run.rule.steps[step]
        inner = [one.id for one in spec.parallel] if spec.parallel else [step]
        return all(one in run.rule.covered and run.outcomes.get(one) in ("done", "skipped", "failed") for one in inner)

    def _listen(self, entry: Entry) -> None:
        if isinstance(entry.event, (ev.SensorUpdated, ev.VesselUpdated, ev.UnitLocated)) and not self.alive:
            return
        for run in self.alive.values():
            for step, condition in run.rule.waits.items():
                wait = run.rule.steps[step].wait
                if wait is None or wait.event != entry.kind or step in run.heard:
                    continue
                bindings = {"event": entry.event, "mine": run.created, "subject": run.subject}
                try:
                    if condition.evaluate(bindings):
                        run.heard[step] = entry.event.model_dump(mode="json")
                except PlaybookError:
                    continue

    def _drop(self, run: RunState) -> None:
        self.timers = {timer: owner for timer, owner in self.timers.items() if owner != run.id}
        self.proposals = {name: owner for name, owner in self.proposals.items() if owner != run.id}


def _json(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
