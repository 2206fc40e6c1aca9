"""Whether an alert may still leave: asked by the outbox before every hand-over, not only when it was approved."""

from __future__ import annotations

from picture.decisions import Refused, Released, settle, watched_changes
from picture.entry import canonical
from picture.model import Alert, Effect, Proposal, StreamPicture

_GO = ("approved", "executed")


def still_released(alert: Alert, picture: StreamPicture, now_ms: int) -> tuple[str, ...]:
    """Nothing where the alert may leave now; else the difference, a line each.

    An alert out of a proposal must be one of the effects that people signed, word for word. What a proposal watches is
    compared until it is executed, and no longer: its own effects change it. Notices that a run or an operator
    sends need no proposal; a public alert always does, approved by two persons.
    """
    proposal = picture.proposals.get(alert.proposal)
    if proposal is None:
        return _without_proposal(alert, picture)
    if proposal.status not in _GO:
        return (f"proposal {proposal.id} is {proposal.status}",)
    answer = settle(proposal, picture, min(now_ms, proposal.due_ms))
    if isinstance(answer, Refused):
        changed = watched_changes(proposal.watched, picture)
        if proposal.status != "executed" or answer.diff != changed:
            return answer.diff
    elif not isinstance(answer, Released):
        return (f"{answer.approved} of {answer.needed} persons have approved",)
    return _not_as_signed(alert, proposal)


def _without_proposal(alert: Alert, picture: StreamPicture) -> tuple[str, ...]:
    if alert.proposal and alert.proposal not in picture.runs:
        return (f"there is no proposal {alert.proposal}",)
    return ("a public alert needs a proposal that two persons approved",) if alert.kind == "public" else ()


def _not_as_signed(alert: Alert, proposal: Proposal) -> tuple[str, ...]:
    """What sets the alert apart from the effect of its proposal that it says it carries out; nothing where it fits."""
    effect = next((one for one in proposal.effects if one.id == alert.effect), None)
    if effect is None:
        return (f"no effect {alert.effect or 'named'} of the proposal sends it",)
    own = effect.verb == ("notice.internal" if alert.kind == "internal" else f"alert.{alert.kind}")
    if alert.kind == "public" and not (own and effect.act_class == "two_person"):
        return ("no effect of the proposal warns the public with two persons' approval",)
    return _differs(effect, alert, own)


def _differs(effect: Effect, alert: Alert, word_for_word: bool) -> tuple[str, ...]:
    """A line for every field in which the alert is not what the effect's arguments say.

    Other verbs (``unit.assign``, ``request.make``) word their messages when carried out: their recipients count.
    """
    args = dict(effect.args)
    if "recipients" not in args:
        return (f"the effect {effect.verb} sends no message",)
    said: dict[str, object] = {"recipients": [[one.recipient, one.channel] for one in alert.deliveries]}
    if word_for_word:
        said |= {"headline": alert.headline, "body": alert.body, "area": alert.area, "rings": alert.rings,
                 "urgency": alert.urgency, "severity": alert.severity, "certainty": alert.certainty}  # fmt: skip
    return tuple(
        f"{name} of alert {alert.id} is not what was approved"
        for name, value in said.items()
        if name in args and canonical(args[name]) != canonical(value)
    )
