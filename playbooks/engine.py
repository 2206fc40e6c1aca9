"""The engine: watches what arrives, starts runs, moves them on, and asks people. It returns events and stores nothing.

Event-sourced: a run moves only when its events come back as entries, so what is journalled is where it stands. One
step per turn: a core killed between two steps resumes at exactly the right one. Rules are indexed by event kind.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from picture import events as ev
from picture.conditions.types import suggestion
from picture.entry import Entry, canonical
from picture.errors import PlaybookError, RefusedError
from picture.fold import Picture
from picture.folding_intentions import effect_of
from picture.model import Proposal, StreamPicture
from playbooks import offers
from playbooks.context import Context
from playbooks.effects import FREE, Draft, Verbs, results_of
from playbooks.library import library_paths
from playbooks.lint import load_checked
from playbooks.offers import Terms
from playbooks.references import resolved
from playbooks.rules import Rule, compile_rule
from playbooks.runs import CLEAR, END, RUN_KINDS, Runs, RunState
from playbooks.schema import Playbook, Step
from playbooks.traces import Trace, traces
from playbooks.verbs import standard_verbs
from playbooks.vocabulary import TABLES
from playbooks.watch import Watch, alarm
from playbooks.windows import Hit

_TAIL_MS = 60_000
"""How far before a journal's end something may still be unanswered: the core answers a commit before the next one."""
_Fired = tuple[Rule, Hit]
_Missed = tuple[Entry, RunState | None, list[_Fired]]


class Engine:
    """Runs playbooks over one stream. ``react`` is called with entries just folded, in order, and nothing else."""

    def __init__(
        self,
        playbooks: Iterable[Playbook],
        verbs: Verbs,
        *,
        former: Iterable[Playbook] = (),
        citizens: Collection[str] = (),
    ) -> None:
        """``former``: older versions that runs of the journal may still be pinned to; they start nothing.

        ``citizens``: feeds by which citizens report; what they alone say starts nothing either.
        """
        self._verbs = verbs
        self._current = [compile_rule(playbook) for playbook in playbooks]
        rules = {rule.id: rule for rule in map(compile_rule, former)} | {rule.id: rule for rule in self._current}
        self._rules = tuple(rules.values())
        self._runs = Runs(rules)
        self._watch = Watch(self._current, self._runs, citizens)
        self._missed: list[_Missed] = []
        self._look_again = False

    @classmethod
    def from_library(cls, names: Iterable[str], own_agencies: Collection[str] = ()) -> Engine:
        """An engine with the named playbooks that ship; PlaybookError TOC-6001 for a name there is not.

        Units of agencies other than ``own_agencies`` are not sent (empty: all are ours).
        """
        verbs, paths = standard_verbs(own_agencies), library_paths()
        for name in names:
            if name not in paths:
                raise PlaybookError(f"There is no playbook {name!r}.{suggestion(name, paths)}")
        return cls([load_checked(paths[name], verbs) for name in names], verbs)

    # --- the core's side ------------------------------------------------------------------------------------

    def react(self, entries: Sequence[Entry], ctx: Context) -> list[ev.Event]:
        """What follows from these entries: events for a later commit, which names them as its cause.

        Call it again with those entries once they are folded, until nothing comes back.
        """
        started: dict[tuple[str, str], str] = {}
        found = self._answer_missed(ctx, started)
        for entry in entries:
            if entry.stream != ctx.picture.home_stream:
                continue
            run = self._runs.apply(entry)
            found += self._answer(entry, run, ctx)
            found += self._watch.look(entry, ctx, started)
        for run in list(self._runs.alive.values()):
            if not run.in_flight:
                events = self._turn(run, ctx)
                run.in_flight = any(getattr(event, "id", "") == run.id for event in events)
                found += events
        return found

    def carry_out(self, proposal: Proposal, ctx: Context) -> list[ev.Event]:
        """The events of a released proposal, exactly as approved; RefusedError with the difference otherwise."""
        return offers.carried_out(proposal, self._runs.alive.get(proposal.run), ctx, self._verbs)

    def restore(self, picture: Picture, entries: Iterable[Entry] = ()) -> None:
        """Takes up where a journal left off: folds its entries into runs and windows without deciding anything.

        ``entries`` are this stream's, oldest first, from before the start of any run still going; of other kinds than
        ``restart_kinds`` none is needed, and the picture need be whole only when the last was given. What the core went
        down before answering is answered by the next ``react``, also by ``react([], ctx)``.
        """
        tail: deque[_Missed] = deque()
        of_runs = self.run_kinds
        for entry in entries:
            if entry.stream != picture.home_stream:
                continue
            run = self._runs.apply(entry) if entry.kind in of_runs else None
            if run is not None and isinstance(entry.event, ev.RunEnded):
                self._rearm(run)
            hits = self._watch.replay(entry)
            if hits or isinstance(entry.event, (ev.ProposalSettled, ev.TimerFired, ev.HandsOff)):
                tail.append((entry, run, hits))
            while tail and tail[0][0].at_ms < entry.at_ms - _TAIL_MS:
                tail.popleft()
        while tail and tail[0][0].recorded_ms < picture.home.at_ms - _TAIL_MS:
            tail.popleft()
        for run in self._runs.alive.values():
            run.in_flight = False
        self._watch.mark_fired(picture.home)
        self._missed = list(tail)
        self._look_again = True

    @property
    def restart_kinds(self) -> frozenset[str]:
        """The kinds of entries that ``restore`` wants to see; it makes nothing of others."""
        return self.run_kinds | self.watched_kinds

    @property
    def run_kinds(self) -> frozenset[str]:
        """Those that move runs, or that a run may wait for: wanted from the start of any run still going."""
        steps = [rule.steps[name] for rule in self._rules for name in rule.waits]
        return RUN_KINDS | {step.wait.event for step in steps if step.wait is not None}

    @property
    def watched_kinds(self) -> frozenset[str]:
        """Those that windows count: wanted as far back as ``longest_window_ms``."""
        return self._watch.kinds

    @property
    def longest_window_ms(self) -> int:
        """How far back any window of any playbook looks."""
        return self._watch.longest_ms

    def explain(self, picture: Picture) -> list[Trace]:
        """Why each rule fired or did not: one trace per rule, with its nearest miss."""
        return traces(self._current, self._runs.alive, picture.home)

    def explain_json(self, ctx: Context, playbook: str = "") -> list[dict[str, Any]]:
        """The traces as JSON-plain data; of one playbook, or of all."""
        return [one.as_json() for one in self.explain(ctx.picture) if playbook in ("", one.playbook)]

    def _answer_missed(self, ctx: Context, started: dict[tuple[str, str], str]) -> list[ev.Event]:
        """What should have followed from the last entries before a restart, unless it did."""
        if not self._look_again:
            return []
        found: list[ev.Event] = []
        for entry, run, hits in self._missed:
            if run is None or run.id in self._runs.alive:
                found += self._answer(entry, run, ctx)
            for rule, hit in hits:
                found += self._watch.start_missed(rule, hit, ctx, started)
        found += self._watch.look_at_all(ctx, started)
        self._missed, self._look_again = [], False
        return found

    def _rearm(self, run: RunState) -> None:
        if run.outcomes.get(CLEAR) == "done":
            run.rule.rearm(run.subject)

    # --- what runs wait for ---------------------------------------------------------------------------------

    def _answer(self, entry: Entry, run: RunState | None, ctx: Context) -> list[ev.Event]:
        event = entry.event
        if isinstance(event, ev.ProposalSettled) and run is not None:
            return self._settled(event, run, ctx)
        if isinstance(event, ev.TimerFired):
            return self._timer(event, entry, ctx)
        if isinstance(event, ev.RunEnded) and run is not None:
            self._rearm(run)
        if isinstance(event, ev.HandsOff):
            return self._offer_all_again(event, ctx)
        return []

    def _settled(self, event: ev.ProposalSettled, run: RunState, ctx: Context) -> list[ev.Event]:
        step = run.proposals.get(event.id, "")
        if run.outcomes.get(step) != "waiting" or step in (
            run.proposals[one] for one in self._runs.proposals if one in run.proposals
        ):
            return []
        if event.status == "refused":
            return self._offer_again(run, step, event.id, event.diff, ctx)
        if event.status not in ("rejected", "expired"):
            return []
        run.in_flight = True
        if step == CLEAR:
            return [
                ev.RunStep(id=run.id, step=CLEAR, outcome="done", detail=f"{event.id} {event.status}: left as it is")
            ]
        approve = run.rule.steps[step].approve
        assert approve is not None
        left = [
            ev.RunStep(id=run.id, step=one, outcome="skipped", detail=f"{event.id} {event.status}")
            for one in approve.of
        ]
        return [*left, *self._failed(run, step, f"{event.id} {event.status}", approve.on_reject, ctx)]

    def _offer_again(
        self, run: RunState, step: str, replaces: str, because: Sequence[str], ctx: Context
    ) -> list[ev.Event]:
        planned = self._plan_again(run, step, ctx)
        draft = self._draft_of(run, step, ctx)
        if draft.effects:
            terms = self._terms(run, step, ctx)
            made = offers.offer(draft, run, terms, ctx, replaces=replaces, because=because)
            again = ev.RunStep(id=run.id, step=step, outcome="waiting", detail=str(getattr(made[0], "id", "")))
            return [*planned, *made, again]
        run.in_flight = True
        why = f"nothing is left to do: {'; '.join(because)}"
        if step == CLEAR:
            return [ev.RunStep(id=run.id, step=CLEAR, outcome="done", detail=why)]
        return [*planned, *self._failed(run, step, why, run.rule.steps[step].on_failure, ctx)]

    def _plan_again(self, run: RunState, step: str, ctx: Context) -> list[ev.Event]:
        """New results of the plans behind a proposal: what changed since may have changed who should go."""
        found: list[ev.Event] = []
        for plan in offers.plans_behind(run.rule.steps[step], run) if step != CLEAR else ():
            if plan.do is None or self._verbs.get(plan.do).act_class != "observe":
                continue
            (event,) = self._do(run, plan, ctx)
            assert isinstance(event, ev.RunStep)
            if event.outcome != "done":
                event = offers.step_done(run.id, plan.id, {"evidence": [f"No new plan: {event.detail}"]})
            run.results[plan.id] = json.loads(event.detail)
            found.append(event)
        return found

    def _offer_all_again(self, event: ev.HandsOff, ctx: Context) -> list[ev.Event]:
        found: list[ev.Event] = []
        because = ("hands off was switched on",) if event.on else ("hands off was switched off",)
        for name, owner in list(self._runs.proposals.items()):
            run = self._runs.alive[owner]
            if all((effect.act_class == "advise") is event.on for effect in ctx.picture.home.proposals[name].effects):
                continue
            found += self._offer_again(run, run.proposals[name], name, because, ctx)
        return found

    def _timer(self, event: ev.TimerFired, entry: Entry, ctx: Context) -> list[ev.Event]:
        owner, _, what = event.id.rpartition("/")
        if what == "for":
            return self._watch.timer(owner, entry, ctx, {})
        run_id, _, step = owner.partition("/")
        run = self._runs.alive.get(run_id)
        if run is None or what != "wait" or run.at != step or run.outcomes.get(step) != "waiting" or step in run.heard:
            return []
        run.in_flight = True
        spec = run.rule.steps[step]
        return self._failed(run, step, "nothing came in time", spec.on_timeout or "stop", ctx)

    # --- moving on ------------------------------------------------------------------------------------------

    def _turn(self, run: RunState, ctx: Context) -> list[ev.Event]:
        try:
            return self._advance(run, ctx)
        except Exception as fault:  # the named supervisor of runs (STYLE, Errors): one playbook never stops the core
            return self._failed(run, run.at, f"TOC-9001 {type(fault).__name__}", "escalate", ctx)

    def _advance(self, run: RunState, ctx: Context) -> list[ev.Event]:
        if run.at == END:
            return [ev.RunEnded(id=run.id, status="done")]
        if run.at == CLEAR:
            return self._clearing(run, ctx)
        step = run.rule.steps[run.at]
        outcome = run.outcomes.get(step.id)
        if outcome == "waiting":
            return self._heard(run, step) if step.wait is not None else []
        if outcome in ("done", "failed", "skipped"):
            return []
        return self._begin(run, step, ctx)

    def _begin(self, run: RunState, step: Step, ctx: Context) -> list[ev.Event]:
        if step.approve is not None:
            return self._ask(run, step, ctx)
        if step.wait is not None:
            due = ctx.now_ms + step.wait.within
            return self._heard(run, step) or [
                ev.TimerSet(id=f"{run.id}/{step.id}/wait", due_ms=due, what=f"{step.id}: {step.wait.event}"),
                ev.RunStep(id=run.id, step=step.id, outcome="waiting", detail=f"for {step.wait.event}"),
            ]
        if step.choose is not None:
            return self._choose(run, step, ctx)
        if step.parallel is not None:
            inner = [event for one in step.parallel if one.id not in run.outcomes for event in self._do(run, one, ctx)]
            failed = [event.step for event in inner if isinstance(event, ev.RunStep) and event.outcome == "failed"]
            if failed:
                return [*inner, *self._failed(run, step.id, f"{', '.join(failed)} failed", step.on_failure, ctx)]
            return [*inner, offers.step_done(run.id, step.id)]
        events = self._do(run, step, ctx)
        if any(isinstance(event, ev.RunStep) and event.outcome == "failed" for event in events):
            last = events[-1]
            assert isinstance(last, ev.RunStep)
            return self._failed(run, step.id, last.detail, step.on_failure, ctx)
        return events

    def _do(self, run: RunState, step: Step, ctx: Context) -> list[ev.Event]:
        """A step that needs nobody's word. This is the named supervisor of steps: whatever fails, fails the step."""
        assert step.do is not None
        inner = replace(ctx, by=run.id, incident=offers.incident_of(run, ctx))
        try:
            verb = self._verbs.get(step.do)
            if verb.act_class not in FREE:
                raise PlaybookError(f"{verb.name} needs an approve step before it.", code="TOC-6106")
            draft = offers.draft_step(step, run, inner, self._verbs)
            if verb.act_class == "observe":
                return [offers.step_done(run.id, step.id, offers.plan_results(draft))]
            if ctx.picture.home.hands_off:
                lines = "; ".join(effect.summary for effect in draft.effects)
                return [ev.RunStep(id=run.id, step=step.id, outcome="skipped", detail=f"hands off; advised: {lines}")]
            events = [event for effect in draft.effects for event in verb.carry_out(effect_of(effect), inner)]
            return [*events, offers.step_done(run.id, step.id, results_of(events))]
        except (PlaybookError, RefusedError) as fault:
            return [
                ev.RunStep(
                    id=run.id,
                    step=step.id,
                    outcome="failed",
                    detail=f"{fault.code} {fault.detail or '; '.join(fault.diff)}",
                )
            ]
        except Exception as fault:  # the named supervisor of steps (STYLE, Errors): the run goes on by its own rules
            return [ev.RunStep(id=run.id, step=step.id, outcome="failed", detail=f"TOC-9001 {type(fault).__name__}")]

    def _ask(self, run: RunState, step: Step, ctx: Context) -> list[ev.Event]:
        draft = self._draft_of(run, step.id, ctx)
        assert step.approve is not None
        if not draft.effects:
            why = "; ".join(draft.evidence) or "everything is done already"
            left = [ev.RunStep(id=run.id, step=one, outcome="skipped", detail=why) for one in step.approve.of]
            return [*left, ev.RunStep(id=run.id, step=step.id, outcome="skipped", detail=why)]
        events = offers.offer(draft, run, self._terms(run, step.id, ctx), ctx)
        return [
            *events,
            ev.RunStep(id=run.id, step=step.id, outcome="waiting", detail=str(getattr(events[0], "id", ""))),
        ]

    def _draft_of(self, run: RunState, step: str, ctx: Context) -> Draft:
        if step == CLEAR:
            return offers.draft_undo(run, ctx, self._verbs)
        approve = run.rule.steps[step].approve
        assert approve is not None
        return offers.draft_steps([run.rule.steps[name] for name in approve.of], run, ctx, self._verbs)

    def _terms(self, run: RunState, step: str, ctx: Context) -> Terms:
        title = run.rule.playbook.title
        if step == CLEAR:
            asked = next((one.approve for one in run.rule.playbook.steps if one.approve is not None), None)
            return Terms(
                CLEAR,
                f"{title}: cleared, undo what was done",
                tuple(asked.positions) if asked else (),
                1,
                ctx.now_ms + offers.CLEAR_WITHIN_MS,
            )
        approve = run.rule.steps[step].approve
        assert approve is not None
        return Terms(
            step,
            resolved(approve.title, offers.scope_of(run, ctx)) or title,
            tuple(approve.positions),
            approve.quorum,
            ctx.now_ms + approve.within,
            approve.watch,
            approve.show,
        )

    def _heard(self, run: RunState, step: Step) -> list[ev.Event]:
        return [ev.RunStep(id=run.id, step=step.id, outcome="done")] if step.id in run.heard else []

    def _choose(self, run: RunState, step: Step, ctx: Context) -> list[ev.Event]:
        bindings: dict[str, Any] = {name: None for name in run.rule.waits} | run.heard
        bindings |= {"city": ctx.picture.home, "subject": run.subject}
        try:
            for condition, then in run.rule.cases[step.id]:
                if condition.evaluate(bindings):
                    return [offers.step_done(run.id, step.id, {"then": then})]
        except PlaybookError as fault:
            return self._failed(run, step.id, f"{fault.code} {fault.detail}", step.on_failure, ctx)
        return [offers.step_done(run.id, step.id, {"then": step.otherwise} if step.otherwise else None)]

    def _failed(self, run: RunState, step: str, why: str, then: str, ctx: Context) -> list[ev.Event]:
        found: list[ev.Event] = []
        if then == "escalate":
            found.append(
                alarm(
                    f"{run.rule.playbook.title}: {step} failed",
                    why,
                    run.subject or run.id,
                    f"failed:{run.id}/{step}",
                    ctx,
                )
            )
        if then == "continue":
            return [ev.RunStep(id=run.id, step=step, outcome="skipped", detail=why)]
        if then in run.rule.steps:
            detail = canonical({"then": then, "why": why}).decode()
            return [ev.RunStep(id=run.id, step=step, outcome="failed", detail=detail)]
        found += [
            ev.RunStep(id=run.id, step=step, outcome="failed", detail=why),
            ev.RunEnded(id=run.id, status="stopped" if "reject" in why else "failed", why=f"{step}: {why}"),
        ]
        return found

    # --- clearing -------------------------------------------------------------------------------------------

    def _clearing(self, run: RunState, ctx: Context) -> list[ev.Event]:
        clear = run.rule.playbook.clear
        assert clear is not None
        if run.outcomes.get(CLEAR) == "waiting":
            return []
        holds = self._is_clear(run, ctx.picture.home)
        if not holds:
            run.true_since = None
            return []
        if run.true_since is None:
            run.true_since = ctx.now_ms
            if clear.for_:
                return [
                    ev.TimerSet(id=f"{run.id}/{CLEAR}/for", due_ms=ctx.now_ms + clear.for_, what=f"{run.id} is clear")
                ]
        if ctx.now_ms - run.true_since < clear.for_:
            return []
        draft = offers.draft_undo(run, ctx, self._verbs)
        if not draft.effects:
            return [offers.step_done(run.id, CLEAR)]
        return [
            *offers.offer(draft, run, self._terms(run, CLEAR, ctx), ctx),
            ev.RunStep(id=run.id, step=CLEAR, outcome="waiting", detail="asked whether to undo what was done"),
        ]

    def _is_clear(self, run: RunState, home: StreamPicture) -> bool:
        clear, where, among = run.rule.playbook.clear, run.rule.clear_where, run.rule.clear_among
        assert clear is not None and where is not None and among is not None
        try:
            counted = [
                record
                for record in getattr(home, TABLES[clear.on][0]).values()
                if among.evaluate({clear.on: record, "city": home, "subject": run.subject})
            ]
            return bool(counted) and all(
                where.evaluate({clear.on: one, "city": home, "subject": run.subject}) for one in counted
            )
        except PlaybookError:
            return False
