"""What entries of intention do to the picture: runs, proposals, decisions, requests, alerts; completes ``HANDLERS``."""

from __future__ import annotations

from picture import events as ev
from picture import keeping as k
from picture import model as m
from picture.entry import Entry
from picture.folding import HANDLERS, on, place_of
from picture.records import changed

__all__ = ["HANDLERS", "effect_of"]


@on(ev.RunStarted)
def run_started(p: m.StreamPicture, entry: Entry, e: ev.RunStarted) -> None:
    p.runs[e.id] = k.Run(e.id, e.playbook, e.playbook_version, e.key, e.trigger, entry.at_ms, e.subject)


@on(ev.RunStep)
def run_step(p: m.StreamPicture, entry: Entry, e: ev.RunStep) -> None:
    run = p.runs.get(e.id)
    if run is not None:
        p.runs[e.id] = changed(
            run,
            step=e.step,
            status="waiting" if e.outcome == "waiting" else "running",
            steps=(*run.steps, (e.step, e.outcome)),
        )


@on(ev.RunEnded)
def run_ended(p: m.StreamPicture, entry: Entry, e: ev.RunEnded) -> None:
    if e.id in p.runs:
        p.runs[e.id] = changed(p.runs[e.id], status=e.status)


def effect_of(e: ev.EffectModel) -> m.Effect:
    """The effect as it stands on the picture: its arguments sorted, one canonical spelling each."""
    args = tuple((key, e.args[key]) for key in sorted(e.args))
    return m.Effect(e.id, e.verb, e.act_class, e.summary, args, e.reversible, e.undo)


@on(ev.ProposalMade)
def proposal_made(p: m.StreamPicture, entry: Entry, e: ev.ProposalMade) -> None:
    p.proposals[e.id] = m.Proposal(
        id=e.id,
        title=e.title,
        playbook=e.playbook,
        playbook_version=e.playbook_version,
        run=e.run,
        step=e.step,
        incident=e.incident,
        priority=e.priority,
        effects=tuple(effect_of(effect) for effect in e.effects),
        watched=tuple(m.Watched(w.name, w.value, w.tolerance, w.words) for w in e.watched),
        evidence=e.evidence,
        consequence=e.consequence,
        alternatives=tuple(m.Alternative(a.title, a.score, a.reason) for a in e.alternatives),
        made_ms=entry.at_ms,
        due_ms=e.due_ms,
        digest=e.digest,
        positions=e.positions,
        quorum=e.quorum,
        replaces=e.replaces,
        edited_by=e.edited_by,
        place=place_of(e.lon_e7, e.lat_e7),
    )
    replaced = p.proposals.get(e.replaces)
    if replaced is not None and replaced.status == "waiting":
        p.proposals[e.replaces] = changed(replaced, status="replaced")


@on(ev.DecisionMade)
def decision_made(p: m.StreamPicture, entry: Entry, e: ev.DecisionMade) -> None:
    p.decisions[e.id] = m.Decision(
        e.id, e.proposal, e.digest, e.verdict, entry.actor, entry.at_ms, e.public_key, e.signature, e.shown, entry.seq
    )
    proposal = p.proposals.get(e.proposal)
    if proposal is not None:
        p.proposals[e.proposal] = changed(proposal, decisions=(*proposal.decisions, e.id))


@on(ev.ProposalSettled)
def proposal_settled(p: m.StreamPicture, entry: Entry, e: ev.ProposalSettled) -> None:
    proposal = p.proposals.get(e.id)
    if proposal is None:
        return
    if e.status == "escalated":
        p.proposals[e.id] = changed(proposal, escalated=True)
    else:
        p.proposals[e.id] = changed(proposal, status=e.status, refusal=e.diff)


@on(ev.RequestMade)
def request_made(p: m.StreamPicture, entry: Entry, e: ev.RequestMade) -> None:
    p.requests[e.id] = m.Request(e.id, e.to, e.what, e.subject, e.proposal, entry.at_ms, entry=entry.seq)


@on(ev.RequestAnswered)
def request_answered(p: m.StreamPicture, entry: Entry, e: ev.RequestAnswered) -> None:
    request = p.requests.get(e.id)
    if request is not None:
        p.requests[e.id] = changed(
            request,
            status=e.status,
            terms=e.terms or request.terms,
            answered_ms=entry.at_ms,
            text=entry.ref("text") or request.text,
            entry=entry.seq,
        )


@on(ev.AlertRequested)
def alert_requested(p: m.StreamPicture, entry: Entry, e: ev.AlertRequested) -> None:
    p.alerts[e.id] = m.Alert(
        e.id,
        e.alert_kind,
        e.headline,
        e.body,
        e.proposal,
        e.incident,
        entry.at_ms,
        e.urgency,
        e.severity,
        e.certainty,
        e.rings,
        e.area,
        e.cap_identifier,
        e.references,
        e.effect,
        e.msg_type,
        expires_ms=e.expires_ms,
        deliveries=tuple(m.Delivery(who, channel, "queued", entry.at_ms) for who, channel in e.recipients),
    )


@on(ev.DeliveryChanged)
def delivery_changed(p: m.StreamPicture, entry: Entry, e: ev.DeliveryChanged) -> None:
    alert = p.alerts.get(e.alert)
    if alert is None:
        return
    new = m.Delivery(e.recipient, e.channel, e.state, entry.at_ms, e.attempts, e.detail)
    same = (e.recipient, e.channel)
    p.alerts[e.alert] = changed(
        alert, deliveries=tuple(new if (d.recipient, d.channel) == same else d for d in alert.deliveries)
    )


@on(ev.AlertEnded)
def alert_ended(p: m.StreamPicture, entry: Entry, e: ev.AlertEnded) -> None:
    if e.id in p.alerts:
        p.alerts[e.id] = changed(p.alerts[e.id], status=e.status)
