"""The pages of alerts and requests: what was said to whom, and how far it got."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Col, Item, Span, fact, heading, row
from console.tui.on_map import subject_key
from picture.model import Delivery

STEP = {
    "queued": "queued",
    "handed_over": "handed over",
    "delivered": "delivered",
    "seen": "seen",
    "accepted": "accepted",
}
FAILED = ("failed", "dead")


def alert_page(desk: Desk, name: str, width: int) -> list[Item]:
    """The words that went out and the delivery ladder of every recipient."""
    one, now = desk.home.alerts[name], desk.now_ms
    found = [
        Item(
            "",
            (
                (
                    (f" {one.kind} alert", "strong"),
                    (f"   {one.status}", "text"),
                    (f"   {one.urgency}, {one.severity}, {one.certainty}", "dim"),
                ),
            ),
        ),
        fact("headline", one.headline, width, "strong"),
        fact("text", one.body, width, "said"),
    ]
    if one.area:
        found.append(fact("area", one.area, width))
    found.append(fact("made", f"{words.clock(one.made_ms)}, {words.age(now, one.made_ms)} ago", width))
    if one.expires_ms:
        found.append(fact("expires", words.clock(one.expires_ms), width))
    if one.cap_identifier:
        found.append(fact("CAP", one.cap_identifier, width, "dim"))
    if one.proposal:
        found.append(fact("approved in", one.proposal, width, key=subject_key(desk, one.proposal)))
    if one.incident:
        found.append(fact("incident", one.incident, width, key=subject_key(desk, one.incident)))
    found.append(heading("who was told"))
    for delivery in one.deliveries:
        found.append(
            Item(
                "",
                (
                    row(
                        width,
                        Col("", width=1),
                        Col(delivery.recipient, "text", 20),
                        Col(delivery.channel, "dim", 10),
                        Col(ladder_words(delivery), "warn" if delivery.state in FAILED else "text"),
                        Col(words.age(now, delivery.at_ms), "dim", 5, right=True),
                    ),
                ),
            )
        )
        if delivery.detail:
            found.append(fact("", delivery.detail, width, "dim"))
    return found


def ladder(delivery: Delivery) -> Span:
    """``●●○○○``: how many of the five steps were reached; failed ones say so."""
    if delivery.state in FAILED:
        return f"▲ {delivery.state}", "warn"
    reached = words.DELIVERY.index(delivery.state) + 1 if delivery.state in words.DELIVERY else 0
    return "●" * reached + "○" * (len(words.DELIVERY) - reached), "text"


def ladder_words(delivery: Delivery) -> str:
    """The ladder with its last step and the attempts it took."""
    tries = f", {delivery.attempts} attempts" if delivery.attempts > 1 else ""
    said = STEP.get(delivery.state, "")
    return f"{ladder(delivery)[0]} {said}{tries}".replace("  ", " ")


def request_page(desk: Desk, name: str, width: int) -> list[Item]:
    """Something asked of another control room, and its answer."""
    one = desk.home.requests[name]
    found = [
        Item("", (((f" {one.status}", "strong"), (f"   asked of {one.to}", "text")),)),
        fact("asked", one.what, width, "strong"),
        fact("made", words.clock(one.made_ms), width),
    ]
    if one.subject:
        found.append(fact("about", one.subject, width, key=subject_key(desk, one.subject)))
    if one.proposal:
        found.append(fact("approved in", one.proposal, width, key=subject_key(desk, one.proposal)))
    if one.answered_ms:
        found += [heading("their answer"), fact("at", words.clock(one.answered_ms), width)]
    found += [fact(term.replace("_", " "), value, width) for term, value in one.terms]
    if said := desk.said(one.text):
        found.append(fact("words", said, width, "said"))
    return found
