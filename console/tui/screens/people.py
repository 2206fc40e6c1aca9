"""PeopleBoard: who is at which desk, locked or not, and what they have in their hands."""

from __future__ import annotations

from collections import defaultdict

from console.tui import details, words
from console.tui.lines import Col, Item, Line, heading, plain, row
from console.tui.screens.page import PageScreen, title_line
from picture.keeping import Claim

KINDS = (("incident", "incidents"), ("alarm", "alarms"), ("proposal", "proposals"))


class PeopleBoard(PageScreen):
    """Sessions of this core by position; under them what is claimed, then the shift."""

    empty = "nobody is at a desk"

    def heading(self) -> Line:
        """How many."""
        sessions = self.desk.home.sessions.values()
        locked = sum(one.locked for one in sessions)
        said = f"{len(self.desk.home.sessions)} at a desk" + (f", {locked} locked" if locked else "")
        return title_line("", "PEOPLE", said)

    def items(self, width: int) -> list[Item]:
        """Who, then what."""
        desk, home = self.desk, self.desk.home
        held: dict[str, list[Claim]] = defaultdict(list)
        for claim in home.claims.values():
            held[claim.person].append(claim)
        found = [_head(width)]
        for one in sorted(home.sessions.values(), key=lambda each: (each.position, each.person, each.id)):
            mine = one.person == desk.link.person
            hands = ", ".join(claim.subject for claim in held[one.person])
            found.append(
                Item(
                    f"session:{one.id}",
                    (
                        row(
                            width,
                            Col("●" if mine else "", "strong", 1),
                            Col(one.person, "strong" if mine else "text", 18),
                            Col(one.position.replace("_", " "), "text", 18),
                            Col("LOCKED" if one.locked else "at the desk", "warn" if one.locked else "dim", 11),
                            Col(words.age(desk.now_ms, one.since_ms), "dim", 5, right=True),
                            Col(hands, "text"),
                            *((Col(f"{one.role} {one.client}", "faint", 24),) if width >= 110 else ()),
                        ),
                    ),
                    stamp=(one.id, one.locked),
                )
            )
        found += self._claims(width)
        found.append(heading("the desk"))
        found.append(plain(self._shift(), width))
        return found

    def _claims(self, width: int) -> list[Item]:
        desk, home = self.desk, self.desk.home
        found = [heading("in somebody's hands (G takes over, with a yes)")] if home.claims else []
        for claim in sorted(home.claims.values(), key=lambda one: (one.person, one.subject)):
            key = claim_key(desk.home, claim.subject)
            found.append(
                Item(
                    key,
                    (
                        row(
                            width,
                            Col("", width=1),
                            Col(f"{claim.person}, {claim.position.replace('_', ' ')}", "text", 32),
                            Col(details.title(desk, key), "text"),
                            Col(f"for {words.age(desk.now_ms, claim.since_ms)}", "dim", 10),
                        ),
                    ),
                    stamp=(claim.subject, claim.person),
                )
            )
        return found

    def _shift(self) -> str:
        shift = self.desk.home.shift
        holder = (
            f"{shift.person}, {shift.position.replace('_', ' ')}, has the desk"
            if shift.person
            else "Nobody has taken the desk"
        )
        if not shift.offered_to:
            return f"{holder}. b hands it over with a brief."
        state = "the brief is confirmed" if shift.confirmed else "the brief is not confirmed yet"
        return f"{holder}. It is offered to {shift.offered_to}; {state}."


def claim_key(home: object, subject: str) -> str:
    """The key of what is claimed; the bare id where it is not on the picture any more."""
    return next((f"{kind}:{subject}" for kind, table in KINDS if subject in getattr(home, table)), subject)


def _head(width: int) -> Item:
    return Item(
        "",
        (
            row(
                width,
                Col("", width=1),
                Col("who", "faint", 18),
                Col("position", "faint", 18),
                Col("state", "faint", 11),
                Col("for", "faint", 5, right=True),
                Col("in their hands", "faint"),
                *((Col("role, client", "faint", 24),) if width >= 110 else ()),
            ),
        ),
    )
