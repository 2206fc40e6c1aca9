"""The simulated people of an exercise: they decide by the scenario's stated policies, as anybody would, signed.

They exist in drills only. Each has a throw-away key, every decision of theirs is marked as simulated, and they wait
the time the policy says. A lone player's second person is one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console import commands as c
from console.core import Core, Draft
from console.drill.scenario import Person as Role
from console.drill.scenario import Policy
from console.people import Person
from picture import events as ev
from picture.decisions import sign
from picture.entry import Entry
from picture.errors import RefusedError
from picture.model import Proposal

Give = Callable[[c.Command, Person], object]


class SimulatedPeople:
    """Watches proposals and decides them when a policy says so."""

    def __init__(
        self,
        core: Core,
        roles: Sequence[Role],
        keys: Callable[[str], Ed25519PrivateKey],
        give: Give,
        *,
        second_only: bool = False,
    ) -> None:
        """``second_only``: a person plays; the simulated ones only ever add the second signature."""
        self._core = core
        self._roles = [role for role in roles if role.simulated]
        self._keys = keys
        self._give = give
        self._second_only = second_only

    def person(self, role: Role) -> Person:
        """The simulated person as a core sees them."""
        public = self._keys(role.name).public_key().public_bytes_raw().hex()
        return Person(role.name, role.position, role.agency, "supervisor", public, simulated=True)

    def named(self, name: str) -> Person | None:
        """The simulated person of that name."""
        return next((self.person(role) for role in self._roles if role.name == name), None)

    def react(self, entries: Sequence[Entry]) -> list[Draft]:
        """Reactor: plans decisions on new proposals (or, for a lone player, after the player's own)."""
        for entry in entries:
            event = entry.event
            if isinstance(event, ev.ProposalMade) and not self._second_only:
                self._consider(event.id)
            elif isinstance(event, ev.DecisionMade) and self._is_players(entry, event):
                self._consider(event.proposal)
        return []

    def _is_players(self, entry: Entry, event: ev.DecisionMade) -> bool:
        """Whether a lone player just approved something, so that a second person may look at it."""
        return self._second_only and not entry.actor.simulated and event.verdict == "approve"

    def resume(self) -> None:
        """After a restart: thinks again about everything that waits."""
        for proposal in list(self._core.home.proposals.values()):
            if proposal.status == "waiting" and (not self._second_only or self._played(proposal)):
                self._consider(proposal.id)

    def _played(self, proposal: Proposal) -> bool:
        """Whether the one who plays has approved it."""
        decisions = [self._core.home.decisions[one] for one in proposal.decisions]
        return any(one.verdict == "approve" and not one.actor.simulated for one in decisions)

    def _consider(self, identifier: str) -> None:
        proposal = self._core.home.proposals.get(identifier)
        if proposal is None:
            return
        for role in self._roles:
            policy = self._policy(role, proposal)
            if policy is None or (proposal.positions and role.position not in proposal.positions):
                continue
            due = self._core.now_ms() + round(policy.after_s * 1000)
            self._core.agenda.add(
                due, f"5-person:{role.name}:{identifier}", partial(self._decide, role, policy, identifier)
            )

    def _policy(self, role: Role, proposal: Proposal) -> Policy | None:
        made_s = (proposal.made_ms - self._core.home.drill.start_ms) / 1000
        return next(
            (
                policy
                for policy in role.decides
                if policy.from_s <= made_s < (float("inf") if policy.until_s is None else policy.until_s)
                and fnmatchcase(proposal.playbook, policy.playbook)
                and fnmatchcase(proposal.title, policy.title)
            ),
            None,
        )

    def _decide(self, role: Role, policy: Policy, identifier: str) -> None:
        proposal = self._core.home.proposals.get(identifier)
        if proposal is None or proposal.status != "waiting":
            return
        if any(self._core.home.decisions[one].actor.person == role.name for one in proposal.decisions):
            return
        public, signature = sign(
            self._keys(role.name),
            identifier,
            proposal.digest,
            policy.verdict,
            role.name,
            role.position,
            "policy of the scenario",
        )
        command = c.Decide(
            proposal=identifier,
            digest=proposal.digest,
            verdict=policy.verdict,
            public_key=public,
            signature=signature,
            shown="policy of the scenario",
        )
        try:
            self._give(command, self.person(role))
        except RefusedError:
            # Somebody else settled it between the thought and the word; the refusal is journalled by the core.
            return
