"""Rehearse, then bind: what a Decision signs, and whether it may still be carried out.

A Decision signs the digest of a Proposal's final effects, watched preconditions, due time and playbook version.
``settle`` is called by the executor and again by the outbox before every hand-over: it looks at the decisions and
at the picture as it is now, and either releases the effects or refuses with the difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from picture.entry import canonical
from picture.events import EffectModel, WatchedModel
from picture.model import Decision, Effect, Proposal, StreamPicture, Watched

ACT_CLASSES = ("observe", "advise", "act_then_tell", "act_unless_vetoed", "act_if_approved", "two_person")
"""From the freest to the most guarded."""
EXPIRES_AFTER_DUE_MS = 15 * 60_000
"""A proposal that is due escalates; this long after, it can no longer be carried out."""


@dataclass(frozen=True, slots=True)
class Released:
    """The effects may be carried out, exactly as signed."""

    effects: tuple[Effect, ...]
    by: tuple[str, ...]
    """Ids of the decisions that released it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be carried out: the difference, a line each."""

    diff: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """More decisions are needed: how many people have approved, of how many."""

    approved: int
    needed: int


def quorum_of(effects: Iterable[EffectModel | Effect], asked: int = 1) -> int:
    """How many different people must approve: two as soon as one effect is two-person."""
    return max(asked, 2 if any(effect.act_class == "two_person" for effect in effects) else 1)


def proposal_digest(
    effects: Sequence[EffectModel | Effect],
    watched: Sequence[WatchedModel | Watched],
    *,
    due_ms: int,
    playbook: str,
    playbook_version: int,
    quorum: int,
) -> str:
    """SHA-256 over everything a Decision binds; the cursor is evidence and no part of it."""
    return hashlib.sha256(
        canonical(
            {
                "effects": [
                    [e.id, e.verb, e.act_class, e.summary, dict(e.args), e.reversible, e.undo] for e in effects
                ],
                "watched": [[w.name, w.value, w.tolerance] for w in watched],
                "due_ms": due_ms,
                "playbook": playbook,
                "version": playbook_version,
                "quorum": quorum,
            }
        )
    ).hexdigest()


def digest_of(proposal: Proposal) -> str:
    """The digest of a proposal as it stands on the picture; compare it with what was signed."""
    return proposal_digest(
        proposal.effects,
        proposal.watched,
        due_ms=proposal.due_ms,
        playbook=proposal.playbook,
        playbook_version=proposal.playbook_version,
        quorum=proposal.quorum,
    )


def signed_bytes(proposal: str, digest: str, verdict: str, person: str, position: str, shown: str = "") -> bytes:
    """What a person's key signs."""
    return canonical(["tocsin.decision/1", proposal, digest, verdict, person, position, shown])


def sign(
    key: Ed25519PrivateKey, proposal: str, digest: str, verdict: str, person: str, position: str, shown: str = ""
) -> tuple[str, str]:
    """(public key, signature) in hex."""
    signature = key.sign(signed_bytes(proposal, digest, verdict, person, position, shown))
    return key.public_key().public_bytes_raw().hex(), signature.hex()


def signature_holds(decision: Decision) -> bool:
    """Whether the decision was signed by the key it names."""
    message = signed_bytes(
        decision.proposal,
        decision.digest,
        decision.verdict,
        decision.actor.person,
        decision.actor.position,
        decision.shown,
    )
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(decision.public_key)).verify(
            bytes.fromhex(decision.signature), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True


_TABLES = {
    "unit": "units",
    "sensor": "sensors",
    "hazard": "hazards",
    "closure": "closures",
    "incident": "incidents",
    "request": "requests",
    "assignment": "assignments",
    "proposal": "proposals",
    "vessel": "vessels",
    "alarm": "alarms",
    "alert": "alerts",
}


def observe(name: str, picture: StreamPicture) -> str | int | float | bool | None:
    """The present value of a watched name: ``unit:E12.local_status``, ``sensor:TG-1.value``, ``facility:SUB-4.state``.

    ``stream.barrier`` and ``stream.shift.person`` read what the picture itself says; a facility's field that is no
    column is looked up among its attributes. None where there is no such thing: what vanished counts as changed.
    """
    table, _, rest = name.partition(":")
    if not rest:
        value: Any = picture
        for part in name.removeprefix("stream.").split("."):
            value = getattr(value, part, None)
        return value if isinstance(value, (str, int, float, bool)) else None
    identifier, _, field = rest.rpartition(".")
    if table == "facility":
        facility = picture.facilities.get(identifier)
        if facility is None:
            return None
        known: Mapping[str, Any] = dict(facility.attributes)
        return known.get(field)
    record = getattr(picture, _TABLES[table]).get(identifier) if table in _TABLES else None
    if record is None or field not in {one.name for one in fields(record)}:
        return None
    value = getattr(record, field)
    if isinstance(value, tuple):
        return len(value)
    return value if isinstance(value, (str, int, float, bool)) else None


def watched_changes(watched: Iterable[Watched], picture: StreamPicture) -> tuple[str, ...]:
    """A line for every watched precondition that no longer holds within its tolerance."""
    lines = []
    for one in watched:
        now = observe(one.name, picture)
        if isinstance(now, (int, float)) and isinstance(one.value, (int, float)) and not isinstance(now, bool):
            holds = abs(now - one.value) <= one.tolerance
        else:
            holds = now == one.value
        if not holds:
            label = one.words or one.name
            lines.append(f"{label}: was {_word(one.value)}, is {_word(now)}")
    return tuple(lines)


def _word(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def settle(proposal: Proposal, picture: StreamPicture, now_ms: int) -> Released | Refused | Pending:
    """What the decisions made so far allow, on the picture as it is now.

    Refused: a decision that signed something else, a bad signature, a changed precondition, or too late.
    """
    if digest_of(proposal) != proposal.digest:
        return Refused(("the effects are not those of the digest",))
    decisions = [picture.decisions[name] for name in proposal.decisions if name in picture.decisions]
    needed = quorum_of(proposal.effects, proposal.quorum)
    diff: list[str] = []
    people: dict[str, str] = {}
    keys: set[str] = set()
    for decision in decisions:
        if decision.verdict != "approve":
            continue
        if decision.digest != proposal.digest:
            diff.append(f"{decision.actor.person} approved another version of it")
        elif not signature_holds(decision):
            diff.append(f"the signature of {decision.actor.person} does not hold")
        elif decision.actor.simulated and picture.world != "drill":
            diff.append(f"{decision.actor.person} is simulated, which only a drill accepts")
        elif (decision.actor.person != proposal.edited_by or needed == 1) and decision.public_key not in keys:
            # One key is one hand, whatever names it signs under.
            keys.add(decision.public_key)
            people.setdefault(decision.actor.person, decision.id)
    if diff:
        return Refused(tuple(diff))
    if len(people) < needed:
        return Pending(len(people), needed)
    if now_ms > proposal.due_ms + EXPIRES_AFTER_DUE_MS:
        return Refused(("it expired before this was decided",))
    if changed := watched_changes(proposal.watched, picture):
        return Refused(changed)
    return Released(proposal.effects, tuple(people.values()))
