"""The page of a feed: its health, and what was refused of it."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Item, fact, heading
from console.tui.widgets.feeds import is_sick, state_words


def feed_page(desk: Desk, name: str, width: int) -> list[Item]:
    """State in words, ages, counts and refusals by code."""
    one, now = desk.home.feeds[name], desk.now_ms
    sick = is_sick(one, now)
    found = [
        Item("", (((f" {'▲ ' if sick else ''}{state_words(one, now)}", "warn" if sick else "strong"),),)),
        fact("wire", one.wire, width),
        fact("grade", words.grade(one.grade), width),
    ]
    if one.last_received_ms:
        found += [
            fact("last received", f"{words.age(now, one.last_received_ms)} ago", width),
            fact("newest event", f"{words.age(now, one.last_event_ms)} ago", width),
        ]
    found.append(fact("silent after", f"{one.silent_after_s} s" if one.silent_after_s else "never", width))
    found.append(fact("received", str(one.received), width))
    refusals = [refusal for refusal in desk.home.refusals.values() if refusal.source == name]
    found.append(heading(f"refused: {one.refused}"))
    found += [
        fact(
            words.clock(refusal.minute_ms, seconds=False),
            f"{refusal.count} × {refusal.code} (first in entry {refusal.first_entry})",
            width,
        )
        for refusal in refusals[-12:]
    ]
    return found
