"""Proposals: the effects of the steps an approve step covers, drafted with final arguments, carried out as approved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from picture import events as ev
from picture.decisions import observe, proposal_digest, quorum_of
from picture.entry import canonical
from picture.errors import PlaybookError, RefusedError, TocsinError
from picture.model import Proposal
from playbooks.context import Context
from playbooks.effects import Draft, Verbs, results_of
from playbooks.references import references_in, resolved
from playbooks.runs import CLEAR, RunState
from playbooks.schema import Step, WatchedName
from playbooks.vocabulary import TABLES, record_of

CLEAR_WITHIN_MS = 15 * 60_000
"""How long people have to decide on undoing what a run did, before it escalates."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a proposal is put: to whom, how many, until when."""

    step: str
    title: str
    positions: tuple[str, ...]
    quorum: int
    due_ms: int
    watch: Sequence[WatchedName] = ()
    show: Sequence[str] = ()


def incident_of(run: RunState, ctx: Context) -> str:
    """The incident a run is about, where it is about one."""
    return run.subject if run.subject in ctx.picture.home.incidents else ""


def scope_of(run: RunState, ctx: Context) -> dict[str, Any]:
    """What a step's references may name: variables, ``run``, ``subject``, the subject's record, earlier results."""
    playbook = run.rule.playbook
    scope: dict[str, Any] = {name: one.value for name, one in playbook.vars.items()}
    scope |= {"run": run.id, "subject": run.subject, "trigger": run.trigger, **run.heard, **run.results}
    for table in TABLES:
        if (record := record_of(ctx.picture.home, table, run.subject)) is not None:
            scope.setdefault(table, record)
    return scope


def draft_step(step: Step, run: RunState, ctx: Context, verbs: Verbs) -> Draft:
    """A step's effects with final arguments and ids; PlaybookError TOC-6109 where it cannot be done as things are."""
    assert step.do is not None
    return _draft(step.do, resolved(step.with_, scope_of(run, ctx)), f"{run.id}/{step.id}", ctx, verbs)


def _draft(verb_name: str, plain: Any, effect_id: str, ctx: Context, verbs: Verbs) -> Draft:
    verb = verbs.get(verb_name)
    try:
        args = verb.Args.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        raise PlaybookError(
            f"{verb_name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.", code="TOC-6109"
        ) from None
    draft = verb.draft(args, ctx)
    many = len(draft.effects) > 1
    named = tuple(
        effect.model_copy(update={"id": f"{effect_id}/{number}" if many else effect_id})
        for number, effect in enumerate(draft.effects, 1)
    )
    return replace(draft, effects=named)


def draft_steps(steps: Iterable[Step], run: RunState, ctx: Context, verbs: Verbs) -> Draft:
    """The drafts of several steps as one. A step that cannot be done is left out, and said so in the evidence."""
    whole = Draft()
    for step in steps:
        closing = frozenset(
            edge for effect in whole.effects if effect.verb == "road.close" for edge in effect.args["edges"]
        )
        try:
            whole = whole.and_then(
                draft_step(step, run, replace(ctx, avoid=ctx.avoid | closing, incident=incident_of(run, ctx)), verbs)
            )
        except TocsinError as fault:
            whole = whole.and_then(Draft(evidence=(f"Left out, {step.id}: {fault.detail or fault.message}",)))
    return whole


def plans_behind(step: Step, run: RunState) -> list[Step]:
    """The reading steps whose results the effects of an approve step, or what it shows, hang on."""
    assert step.approve is not None
    named = {name.partition(".")[0] for name in step.approve.show}
    named |= {name.partition(".")[0] for one in step.approve.of for name in references_in(run.rule.steps[one].with_)}
    return [run.rule.steps[name] for name in sorted(named) if name in run.results and run.outcomes.get(name) == "done"]


def draft_undo(run: RunState, ctx: Context, verbs: Verbs) -> Draft:
    """What undoes everything this run did that can be undone, last done first."""
    whole = Draft()
    done = [name for name, outcome in run.outcomes.items() if outcome == "done" and name in run.rule.steps]
    for name in reversed(done):
        step = run.rule.steps[name]
        if not step.undo or step.do is None:
            continue
        args = verbs.get(step.do).undo_args(run.results.get(name, {}))
        if args is not None:
            whole = whole.and_then(_draft(step.undo, args, f"{run.id}/{CLEAR}_{name}", ctx, verbs))
    return whole


def offer(
    draft: Draft, run: RunState, terms: Terms, ctx: Context, *, replaces: str = "", because: Sequence[str] = ()
) -> list[ev.Event]:
    """The proposal; the executor keeps its due time. Under "hands off" its effects are advice, never carried out."""
    playbook, home = run.rule.playbook, ctx.picture.home
    shown = _shown(terms.show, run)
    draft = draft.and_then(shown)
    watched = draft.watched + tuple(
        ev.WatchedModel(
            name=(name := resolved(one.name, scope_of(run, ctx))),
            value=observe(name, home),
            tolerance=one.tolerance,
            words=one.words or name,
        )
        for one in terms.watch
    )
    effects = draft.effects
    lines = [
        *(f"Offered again: {line}" for line in because),
        f"Fired by: {run.trigger}",
        *draft.evidence,
        f"Doctrine: {playbook.doctrine}",
    ]
    consequence = draft.consequence
    if home.hands_off:
        effects = tuple(effect.model_copy(update={"act_class": "advise"}) for effect in effects)
        consequence = ("Hands off is on: advice only, nothing is carried out", *consequence)
    quorum = quorum_of(effects, terms.quorum)
    place = _place_of(run, ctx)
    identifier = ctx.ids.new("P")
    return [
        ev.ProposalMade(
            id=identifier,
            title=terms.title,
            playbook=playbook.playbook,
            playbook_version=playbook.version,
            run=run.id,
            step=terms.step,
            incident=incident_of(run, ctx),
            priority=playbook.priority,
            effects=effects,
            watched=watched,
            evidence=tuple(lines),
            consequence=consequence,
            alternatives=draft.alternatives,
            due_ms=terms.due_ms,
            digest=proposal_digest(
                effects,
                watched,
                due_ms=terms.due_ms,
                playbook=playbook.playbook,
                playbook_version=playbook.version,
                quorum=quorum,
            ),
            positions=terms.positions,
            quorum=quorum,
            replaces=replaces,
            lon_e7=place[0],
            lat_e7=place[1],
        ),
    ]


def _shown(show: Sequence[str], run: RunState) -> Draft:
    plans = {name.partition(".")[0] for name in show}
    whole = Draft()
    for name in sorted(plans):
        result = run.results.get(name, {})
        wanted = {part.partition(".")[2] for part in show if part.partition(".")[0] == name}
        whole = whole.and_then(
            Draft(
                evidence=tuple(result.get("evidence", ())) if "evidence" in wanted else (),
                consequence=tuple(result.get("consequence", ())) if wanted & {"consequence", "evidence"} else (),
                alternatives=tuple(ev.AlternativeModel.model_validate(one) for one in result.get("alternatives", ()))
                if "alternatives" in wanted
                else (),
                watched=tuple(ev.WatchedModel.model_validate(one) for one in result.get("watched", ())),
            )
        )
    return whole


def _place_of(run: RunState, ctx: Context) -> tuple[int | None, int | None]:
    for table in TABLES:
        record = record_of(ctx.picture.home, table, run.subject)
        place = getattr(record, "place", None) or record
        lon, lat = getattr(place, "lon_e7", None), getattr(place, "lat_e7", None)
        if lon is not None and lat is not None:
            return lon, lat
    return None, None


def carried_out(proposal: Proposal, run: RunState | None, ctx: Context, verbs: Verbs) -> list[ev.Event]:
    """The events of every effect exactly as approved, and of the run's steps they belong to.

    RefusedError TOC-4001 under "hands off" and for advice, TOC-4002 with the difference where an effect can no
    longer be carried out; then nothing of it is.
    """
    if ctx.picture.home.hands_off or any(effect.act_class == "advise" for effect in proposal.effects):
        raise RefusedError(
            "Hands off is on: playbooks only advise; do it by hand.",
            code="TOC-4001",
            diff=("hands off was switched on: this is advice now",),
        )
    inner = replace(ctx, by=proposal.id, incident=proposal.incident)
    found: list[ev.Event] = []
    per_step: dict[str, list[ev.Event]] = {}
    for effect in proposal.effects:
        events = verbs.get(effect.verb).carry_out(effect, inner)
        found += events
        parts = effect.id.split("/")
        if run is not None and len(parts) > 1 and parts[0] == run.id:
            per_step.setdefault(parts[1], []).extend(events)
    if run is None:
        return found
    return found + _steps_done(proposal, run, per_step)


def _steps_done(proposal: Proposal, run: RunState, per_step: dict[str, list[ev.Event]]) -> list[ev.Event]:
    found: list[ev.Event] = []
    approve = run.rule.steps[proposal.step].approve if proposal.step in run.rule.steps else None
    for name in approve.of if approve is not None else ():
        if name in per_step:
            found.append(step_done(run.id, name, results_of(per_step[name])))
        else:
            found.append(ev.RunStep(id=run.id, step=name, outcome="skipped", detail="nothing to do, or edited out"))
    return [*found, ev.RunStep(id=run.id, step=proposal.step, outcome="done", detail=f"{proposal.id} carried out")]


def step_done(run: str, step: str, results: Any = None) -> ev.RunStep:
    """A step's end with its results, as JSON, for the steps that follow."""
    return ev.RunStep(id=run, step=step, outcome="done", detail=canonical(results).decode() if results else "")


def plan_results(draft: Draft) -> dict[str, Any]:
    """What a reading step keeps of its draft for later steps and approvals."""
    return {
        **draft.results,
        "evidence": list(draft.evidence),
        "consequence": list(draft.consequence),
        "alternatives": [one.model_dump(mode="json") for one in draft.alternatives],
        "watched": [one.model_dump(mode="json") for one in draft.watched],
    }
