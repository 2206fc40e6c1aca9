"""Who has something in their hands, as it stands on rows and pages."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Col, Item, plain

ROOMY = 70


def held_by(desk: Desk, subject: str) -> str:
    """Who holds it: ``you``, or their name; empty where nobody does."""
    claim = desk.home.claims.get(subject)
    return "" if claim is None else "you" if claim.person == desk.link.person else claim.person


def held_col(desk: Desk, subject: str, width: int) -> Col:
    """A cell that says who holds it; no cell at all where nobody does."""
    who = held_by(desk, subject)
    return Col(
        f"held by {who}" if width >= ROOMY else f"@{who}", "strong", (18 if width >= ROOMY else 10) if who else -1
    )


def held_line(desk: Desk, subject: str, width: int) -> list[Item]:
    """A line for its page, with what the key would do; nothing where nobody holds it."""
    claim = desk.home.claims.get(subject)
    if claim is None:
        return []
    since = words.age(desk.now_ms, claim.since_ms)
    if claim.person == desk.link.person:
        return [plain(f"In your hands for {since}. G lets go of it.", width, "strong")]
    who = f"{claim.person}, {claim.position.replace('_', ' ')}"
    return [plain(f"Held by {who}, for {since}. G takes it over, after a yes; speak with them first.", width, "strong")]
