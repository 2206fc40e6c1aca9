"""The executor: the one place where a released Decision becomes what it decided, exactly as signed.

It looks at every decision as it is folded, asks ``picture.decisions.settle`` on the picture of that instant, and
either has the effects carried out in one commit with the proposal's settlement, or refuses with the difference.
A deadline escalates, and later expires; silence is never consent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console import commands as c
from console.core import Core, Draft
from console.people import Person
from picture import alarms
from picture import events as ev
from picture.decisions import (
    EXPIRES_AFTER_DUE_MS,
    Pending,
    Refused,
    Released,
    digest_of,
    proposal_digest,
    quorum_of,
    settle,
    signature_holds,
)
from picture.entry import Actor, Entry
from picture.errors import PlaybookError, RefusedError, RoadError
from picture.model import Decision, Effect, Proposal

CarryOut = Callable[[Proposal], Sequence[ev.Event]]
"""The events that make every effect of a proposal so; supplied by the playbook engine."""


class Executor:
    """Takes decisions in, and carries out what they release."""

    def __init__(self, core: Core, carry_out: CarryOut) -> None:
        self._core = core
        self._carry_out = carry_out

    # --- taking decisions -----------------------------------------------------------------------------------

    def proposal(self, identifier: str) -> Proposal:
        found = self._core.home.proposals.get(identifier)
        if found is None:
            raise RefusedError(f"There is no proposal {identifier}.", code="TOC-4008")
        return found

    def decide(self, command: c.Decide, person: Person) -> list[Draft]:
        """The decision as an entry to be, and a log line with its reason if one was given: one commit.

        Refused where it cannot count (wrong digest, person, key, or too late).
        """
        proposal = self.proposal(command.proposal)
        if proposal.status != "waiting":
            raise RefusedError(f"{proposal.id} is {proposal.status}.", code="TOC-4009")
        if proposal.positions and person.position not in proposal.positions:
            who = ", ".join(proposal.positions)
            raise RefusedError(f"{proposal.id} is for {who}, not for {person.position}.", code="TOC-4004")
        if person.simulated and self._core.home.world != "drill":
            raise RefusedError(f"{person.name} is simulated, which only a drill accepts.", code="TOC-4004")
        if command.digest != proposal.digest or digest_of(proposal) != proposal.digest:
            raise RefusedError(f"{proposal.id} is not what was shown.", code="TOC-4005")
        self._require_key(command, person)
        earlier = [self._core.home.decisions[one] for one in proposal.decisions]
        if any(one.actor.person == person.name for one in earlier):
            raise RefusedError(f"{person.name} has decided {proposal.id} already.", code="TOC-4009")
        if (
            command.verdict == "approve"
            and proposal.edited_by == person.name
            and (quorum_of(proposal.effects, proposal.quorum) > 1)
        ):
            raise RefusedError(f"{person.name} edited {proposal.id}: two others must approve it.", code="TOC-4004")
        event = ev.DecisionMade(
            id=self._core.ids.new("D"),
            proposal=proposal.id,
            digest=command.digest,
            verdict=command.verdict,
            public_key=command.public_key,
            signature=command.signature,
            shown=command.shown,
        )
        if not signature_holds(
            Decision(
                event.id,
                event.proposal,
                event.digest,
                event.verdict,
                person.actor,
                0,
                event.public_key,
                event.signature,
                event.shown,
            )
        ):
            raise RefusedError("The signature does not hold.", code="TOC-4005")
        drafts = [Draft(event, actor=person.actor)]
        if command.reason:
            verdict = {"approve": "Approved", "reject": "Rejected"}[command.verdict]
            line = ev.LogWritten(
                id=self._core.ids.new("L"),
                incident=proposal.incident,
                subject=proposal.id,
                text=f"{verdict} {proposal.id} {proposal.title}: {command.reason}",
            )
            drafts.append(Draft(line, actor=person.actor))
        return drafts

    def edit(self, command: c.EditProposal, person: Person) -> Draft:
        """The same proposal without some of its effects, under a new id and digest; the old one is replaced."""
        proposal = self.proposal(command.proposal)
        if proposal.status != "waiting":
            raise RefusedError(f"{proposal.id} is {proposal.status}.", code="TOC-4009")
        kept = tuple(effect for effect in proposal.effects if effect.id not in command.drop)
        if not kept or len(kept) == len(proposal.effects):
            raise RefusedError("Nothing would be left, or nothing would change; reject it instead.")
        effects = tuple(_plain(effect) for effect in kept)
        left_out = [effect for effect in proposal.effects if effect.id in command.drop]
        dropped = [effect.summary for effect in left_out]
        freed = {dict(effect.args).get("unit") for effect in left_out} - {
            dict(effect.args).get("unit") for effect in kept
        }
        watched = tuple(
            ev.WatchedModel(name=w.name, value=w.value, tolerance=w.tolerance, words=w.words)
            for w in proposal.watched
            if w.name.removeprefix("unit:").partition(".")[0] not in freed
        )
        quorum = quorum_of(effects, proposal.quorum)
        edited = ev.ProposalMade(
            id=self._core.ids.new("P"),
            title=proposal.title,
            playbook=proposal.playbook,
            playbook_version=proposal.playbook_version,
            run=proposal.run,
            step=proposal.step,
            incident=proposal.incident,
            priority=proposal.priority,
            effects=effects,
            watched=watched,
            evidence=(*proposal.evidence, f"{person.name} took out: {'; '.join(dropped)}"),
            consequence=proposal.consequence,
            alternatives=tuple(
                ev.AlternativeModel(title=a.title, score=a.score, reason=a.reason) for a in proposal.alternatives
            ),
            due_ms=proposal.due_ms,
            positions=proposal.positions,
            quorum=quorum,
            replaces=proposal.id,
            edited_by=person.name,
            lon_e7=proposal.place.lon_e7 if proposal.place else None,
            lat_e7=proposal.place.lat_e7 if proposal.place else None,
            digest=proposal_digest(
                effects,
                watched,
                due_ms=proposal.due_ms,
                playbook=proposal.playbook,
                playbook_version=proposal.playbook_version,
                quorum=quorum,
            ),
        )
        return Draft(edited, actor=person.actor)

    def _require_key(self, command: c.Decide, person: Person) -> None:
        """In a live world only a registered key counts; elsewhere people sign with the one they came with."""
        if person.public_key and command.public_key != person.public_key:
            raise RefusedError(f"That key is not {person.name}'s.", code="TOC-4005")
        if self._core.home.world != "live":
            return
        user = self._core.home.users.get(person.name)
        if user is None or not user.active:
            raise RefusedError(f"{person.name} is no user of this world.", code="TOC-4036")
        if command.public_key not in user.public_keys:
            raise RefusedError(f"The key is not registered for {person.name}.", code="TOC-4035")

    # --- carrying out ---------------------------------------------------------------------------------------

    def react(self, entries: Sequence[Entry]) -> list[Draft]:
        """Reactor: settles proposals that a decision was just made on, and plans the deadline of new ones."""
        drafts: list[Draft] = []
        for entry in entries:
            if isinstance(entry.event, ev.ProposalMade):
                self._plan_deadlines(entry.event.id, entry.event.due_ms)
            elif isinstance(entry.event, ev.DecisionMade):
                drafts += self._settle(entry.event, entry.seq)
        return drafts

    def _settle(self, event: ev.DecisionMade, seq: int) -> list[Draft]:
        proposal = self._core.home.proposals.get(event.proposal)
        if proposal is None or proposal.status != "waiting":
            return []
        if event.verdict == "reject":
            return self._settled(proposal, "rejected", seq)
        outcome = settle(proposal, self._core.home, self._core.now_ms())
        if isinstance(outcome, Pending):
            return []
        if isinstance(outcome, Refused):
            return self._settled(proposal, "refused", seq, outcome.diff)
        if gone := self._gone(proposal, outcome):
            return self._settled(proposal, "refused", seq, gone)
        try:
            done = [Draft(event, cause=(seq,)) for event in self._carry_out(proposal)]
        except (PlaybookError, RoadError, RefusedError) as error:
            # All or nothing: what cannot be carried out whole is refused, and may be proposed anew.
            return self._settled(proposal, "refused", seq, (error.message,))
        return [*self._settled(proposal, "executed", seq), *done]

    def _gone(self, proposal: Proposal, released: Released) -> tuple[str, ...]:
        """A line for each who approved and is no user of a live world any more, where too few are left without them."""
        home = self._core.home
        if home.world != "live":
            return ()
        approved = sorted({home.decisions[one].actor.person for one in released.by})
        users = {name for name, user in home.users.items() if user.active}
        gone = [name for name in approved if name not in users]
        if len(approved) - len(gone) >= quorum_of(proposal.effects, proposal.quorum):
            return ()
        return tuple(f"{name} approved it, and is no user any more" for name in gone)

    def _settled(self, proposal: Proposal, status: str, seq: int, diff: tuple[str, ...] = ()) -> list[Draft]:
        event = ev.ProposalSettled.model_validate({"id": proposal.id, "status": status, "diff": diff})
        changed = alarms.judge([event], self._core.home, self._core.ids)
        return [Draft(one, cause=(seq,)) for one in (event, *changed)]

    # --- deadlines ------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """After a restart: the deadlines of everything that still waits."""
        for proposal in self._core.home.proposals.values():
            if proposal.status == "waiting":
                self._plan_deadlines(proposal.id, proposal.due_ms)

    def _plan_deadlines(self, identifier: str, due_ms: int) -> None:
        add, now = self._core.agenda.add, self._core.now_ms()
        add(max(due_ms, now), f"7-due:{identifier}", lambda: self._overdue(identifier, "escalated"))
        add(
            max(due_ms + EXPIRES_AFTER_DUE_MS, now),
            f"7-expiry:{identifier}",
            lambda: self._overdue(identifier, "expired"),
        )

    def _overdue(self, identifier: str, status: str) -> None:
        """A deadline that passed: first it escalates, later it expires. It never executes."""
        proposal = self._core.home.proposals.get(identifier)
        if proposal is None or proposal.status != "waiting" or (status == "escalated" and proposal.escalated):
            return
        event = ev.ProposalSettled.model_validate({"id": identifier, "status": status})
        raised = alarms.judge([event], self._core.home, self._core.ids)
        self._core.record([Draft(one) for one in (event, *raised)], actor=Actor("system:executor"))


def _plain(effect: Effect) -> ev.EffectModel:
    return ev.EffectModel(
        id=effect.id,
        verb=effect.verb,
        act_class=effect.act_class,
        summary=effect.summary,
        args=dict(effect.args),
        reversible=effect.reversible,
        undo=effect.undo,
    )
