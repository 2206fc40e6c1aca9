"""How do we know: the reports of an incident: exact words, caller, grade, age, every term of the judgement."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Item, fact, fit, heading, plain, wrapped
from picture.model import Evidence, ReportLink


def reports(desk: Desk, links: tuple[ReportLink, ...], width: int, opened_by: str = "") -> list[Item]:
    """One part of the page for each report, newest first."""
    found = [heading(f"how do we know: {len(links)} report{'' if len(links) == 1 else 's'}")]
    for link in reversed(links):
        source = f"{link.feed}{f' from {link.origin}' if link.origin else ''}"
        found.append(
            plain(
                f"● {source}, {words.clock(link.at_ms)}, {words.age(desk.now_ms, link.at_ms)} ago"
                f"{f', their number {link.external_id}' if link.external_id else ''}",
                width,
                "strong",
            )
        )
        if said := desk.said(link.text):
            found.append(Item("", wrapped(f"“{said}”", width, "said", 3)))
        if place := desk.said(link.place_as_said):
            found.append(fact("place as said", place, width))
        caller = ", ".join(filter(None, (desk.said(link.caller), desk.said(link.call_back))))
        if caller:
            found.append(fact("caller", caller, width))
        found.append(fact("grade", words.grade(link.grade), width, "dim"))
        found += terms(link.evidence, width, f"counted in with {link.score_c / 100:+.2f}")
    if not links:
        found.append(plain(f"No report is linked to it; opened by {opened_by or 'hand'}.", width, "dim"))
    return found


def terms(evidence: tuple[Evidence, ...], width: int, lead: str = "") -> list[Item]:
    """The terms of a judgement with their weights (log-likelihood ratios): above zero speaks for, below against."""
    found = [fact("judgement", lead, width, "dim")] if lead else []
    found += [
        Item("", ((("   ", "text"), (fit(words.evidence(term), width - 4), "dim" if term.weight_c >= 0 else "text")),))
        for term in evidence
    ]
    return found
