"""ProposalScreen: where a person decides. What was shown is what is signed."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.binding import Binding, BindingType

from console.commands import EditProposal
from console.tui import words
from console.tui.desk import Answer, Desk
from console.tui.details.proposal import proposal_page
from console.tui.lines import Item, Line, plain
from console.tui.screens.ask import AskScreen, ConfirmScreen
from console.tui.screens.page import PageScreen, title_line
from console.tui.widgets.held import held_line
from console.tui.widgets.rows import Rows
from picture.model import Proposal

REASON_CHARACTERS = 300


class ProposalScreen(PageScreen):
    """Approve with a, then a confirming key; what goes outside by typing the incident number; space edits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve"),
        Binding("x", "reject", "Reject"),
        Binding("space", "leave_out", "Leave effect out"),
        Binding("n", "newer", "Offered instead"),
    ]

    def __init__(self, desk: Desk, key: str) -> None:
        super().__init__(desk)
        self.key = key
        self.dropped: set[str] = set()
        self._opened = time.monotonic()
        self._digest = ""
        self._changed = -1e9

    @property
    def proposal(self) -> Proposal | None:
        """The proposal as it stands."""
        return self.desk.home.proposals.get(self.key.partition(":")[2])

    @property
    def subject(self) -> str:
        """The proposal, for actions that are about its incident."""
        return self.key

    def heading(self) -> Line:
        """Its title."""
        one = self.proposal
        return title_line("", "PROPOSAL", f"{one.id}  {one.title}" if one else self.key, "strong")

    def items(self, width: int) -> list[Item]:
        """Its page; a change while it is open holds the keys for a moment."""
        one = self.proposal
        if one is None:
            return [plain("This proposal is not on the picture any more.", width, "dim")]
        state = f"{one.digest} {one.status}"
        if state != self._digest:
            if self._digest:
                self._changed = time.monotonic()
            self._digest = state
        return [*held_line(self.desk, one.id, width), *proposal_page(self.desk, one.id, width, self.dropped)]

    def settled(self) -> bool:
        """Not within half a second of a change of the proposal."""
        return time.monotonic() - self._changed >= 0.5

    def action_leave_out(self) -> None:
        """Leaves the effect under the cursor out, or takes it in again."""
        kind, _, effect = self.rows.key.partition(":")
        if kind == "effect":
            self.dropped ^= {effect}
            self.rows.reload()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Enter on an effect leaves it out or takes it in; on anything else it opens that."""
        if event.key.startswith("effect:"):
            event.stop()
            self.action_leave_out()
        else:
            super().on_rows_opened(event)

    def action_newer(self) -> None:
        """Opens what was offered instead."""
        name = self.key.partition(":")[2]
        after = next((one for one in self.desk.home.proposals.values() if one.replaces == name), None)
        if after is None:
            self.desk.tell("Nothing was offered instead of this proposal.")
        else:
            self.app.switch_screen(ProposalScreen(self.desk, f"proposal:{after.id}"))

    def _ready(self) -> Proposal | None:
        one = self.proposal
        if one is None or one.status != "waiting":
            self.desk.tell(
                "This is not waiting for a decision any more; n shows what was offered instead.", refused=True
            )
            return None
        if not self.settled():
            self.desk.tell("It changed just now: look again before you decide.", refused=True)
            return None
        if self.desk.pending_words(self.key):
            self.desk.tell("Your decision is on its way already.")
            return None
        return one

    def action_approve(self) -> None:
        """Asks for the confirmation that fits what would happen."""
        one = self._ready()
        if one is None:
            return
        if self.dropped:
            self._edit(one)
        elif words.outward(one):
            number = one.incident or one.id
            lines = [
                *(f"· {effect.summary}" for effect in one.effects),
                "This reaches people outside. It cannot be unsaid.",
                f"To approve, type the {'incident' if one.incident else 'proposal'}'s number, {number}.",
            ]
            self.app.push_screen(
                AskScreen(self.desk, f"APPROVE {one.title}", lines, must=number),
                lambda said: self._approve(one) if said else None,
            )
        else:
            lines = [*(f"· {effect.summary}" for effect in one.effects), "Press y to approve exactly this."]
            self.app.push_screen(
                ConfirmScreen(self.desk, f"APPROVE {one.title}", lines), lambda yes: self._approve(one) if yes else None
            )

    def _shown(self, one: Proposal) -> str:
        return (
            f"{one.digest[:16]} shown {time.monotonic() - self._opened:.0f} s on {self.size.width}×{self.size.height}"
        )

    def _approve(self, one: Proposal) -> None:
        """Asks for a fresh second factor where the core will: two-person effects of a world that knows its users."""
        if self.desk.link.world != "live" or all(effect.act_class != "two_person" for effect in one.effects):
            self._send_approval(one)
            return
        lines = [
            "This takes a second factor, shown for this very decision.",
            "Type the six digits of your authenticator.",
        ]
        self.app.push_screen(
            AskScreen(self.desk, f"SECOND FACTOR for {one.id}", lines, secret=True),
            lambda digits: self._send_approval(one, digits) if digits else None,
        )

    def _send_approval(self, one: Proposal, totp: str = "") -> None:
        desk = self.desk
        factor = {"totp": totp} if totp else {}
        desk.send(
            desk.link.decide(one, "approve", self._shown(one), **factor),
            self.key,
            "approving…",
            then=lambda answer: desk.tell(*_became(one, answer)),
        )

    def action_reject(self) -> None:
        """Asks why, then rejects; the reason stands in the log."""
        one = self._ready()
        if one is not None:
            self.app.push_screen(
                AskScreen(self.desk, f"REJECT {one.title}", ["Why? The reason goes into the log."]),
                lambda why: self._reject(one, why) if why else None,
            )

    def _reject(self, one: Proposal, why: str) -> None:
        desk = self.desk
        decision = desk.link.decide(one, "reject", self._shown(one), why[:REASON_CHARACTERS])
        desk.send(decision, self.key, "rejecting…", done=f"Rejected {one.id}")

    def _edit(self, one: Proposal) -> None:
        if len(self.dropped) == len(one.effects):
            self.desk.tell("Nothing would be left of it: reject it with x instead.", refused=True)
            return

        def offered(answer: Answer) -> None:
            if name := answer.get("proposal"):
                self.key, self.dropped, self._digest = f"proposal:{name}", set(), ""
                self.desk.tell(f"Offered again as {name} without what you left out. Look at it, then approve it.")

        drop = tuple(effect.id for effect in one.effects if effect.id in self.dropped)
        self.desk.send(
            EditProposal(proposal=one.id, drop=drop),
            self.key,
            "offering it again without what you left out…",
            then=offered,
        )


def _became(one: Proposal, answer: Answer) -> tuple[str, bool]:
    """What an approval came to, in words, and whether it was refused."""
    status = answer.get("status")
    if status == "refused":
        diff = "; ".join(map(str, answer.get("diff", ())))
        return f"Not carried out: {diff}. n shows what is offered instead.", True
    if status == "waiting":
        return f"You approved {one.id}. It waits for {one.quorum - len(one.decisions) - 1 or 'one'} more.", False
    return f"Approved {one.id}: {one.title}", False
