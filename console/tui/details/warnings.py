"""The pages of alarms, hazards and closures."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.details.knowledge import terms
from console.tui.lines import Item, fact, heading, plain
from console.tui.on_map import subject_key


def alarm_page(desk: Desk, name: str, width: int) -> list[Item]:
    """Cause, consequence, action, time to act (ISA-18.2), and who took notice."""
    one, now = desk.home.alarms[name], desk.now_ms
    found = [
        Item(
            "",
            (
                (
                    (f" {one.priority} ", f"p{one.priority}"),
                    (f" {words.ALARM_STATE.get(one.state, one.state)}", "strong"),
                    (f"   raised {words.clock(one.raised_ms)}, {words.age(now, one.raised_ms)} ago", "dim"),
                    (f"   {one.count} times" if one.count > 1 else "", "text"),
                ),
            ),
        )
    ]
    if pending := desk.pending_words(f"alarm:{name}"):
        found.append(plain(pending, width, "pending"))
    if one.life_safety:
        found.append(
            plain(
                "Life safety: it rings until acknowledged, and only a person ends it (x, with a reason).",
                width,
                "strong",
            )
        )
    found += [
        fact("cause", one.cause, width),
        fact("consequence", one.consequence, width, "strong"),
        fact("do", one.action, width, "strong"),
    ]
    left = one.raised_ms + one.time_to_act_s * 1000
    found.append(
        fact(
            "time to act",
            f"{words.minutes(one.time_to_act_s)}, {words.countdown(now, left)}",
            width,
            "warn" if now > left else "text",
        )
    )
    if one.acknowledged_ms:
        found.append(fact("acknowledged", f"by {one.acknowledged_by} at {words.clock(one.acknowledged_ms)}", width))
    if one.cleared_by:
        found.append(fact("cleared", f"by {one.cleared_by}", width))
    if one.subject:
        found.append(fact("about", one.subject, width, key=subject_key(desk, one.subject)))
    if one.place:
        found.append(fact("where", words.where(one.place), width))
    found += [
        heading("how do we know"),
        fact("source", one.source or "this console's rules", width),
        fact("key", one.key, width, "faint"),
    ]
    return found


def hazard_page(desk: Desk, name: str, width: int) -> list[Item]:
    """A danger with its extent, its evidence, and any dispute about its end."""
    one, now = desk.home.hazards[name], desk.now_ms
    found = [
        Item(
            "",
            (
                (
                    (f" {one.kind}", "strong"),
                    (f"   {one.status}", "text"),
                    (f"   since {words.clock(one.since_ms)}", "dim"),
                ),
            ),
        )
    ]
    if one.level_mm is not None:
        barrier = ", barrier closed" if one.barrier_closed else ""
        found.append(
            fact("level", f"{words.metres(one.level_mm)}{barrier}; {one.roads_closed} road segments under water", width)
        )
    if one.severity:
        found.append(fact("severity", one.severity, width))
    if one.expires_ms:
        found.append(fact("expires", words.clock(one.expires_ms), width))
    if one.disputed:
        found.append(fact("disputed", one.disputed, width, "warn"))
    found += [
        heading("how do we know"),
        fact("source", ", ".join(filter(None, (one.source, one.sender, one.external_id))) or "this console", width),
        fact("last word", f"{words.age(now, one.updated_ms)} ago", width, "dim"),
        *terms(one.evidence, width),
    ]
    return found


def closure_page(desk: Desk, name: str, width: int) -> list[Item]:
    """Roads nobody may be sent over, why, and by whose word."""
    one, now = desk.home.closures[name], desk.now_ms
    until = f" to {words.clock(one.lifted_ms)}" if one.lifted_ms else f", {words.age(now, one.since_ms)} ago"
    found = [
        Item("", (((f" {one.name}", "strong"), (f"   {one.status} since {words.clock(one.since_ms)}{until}", "dim")),)),
        fact("reason", one.reason, width),
        fact("segments", str(len(one.edges)), width),
    ]
    if one.depth_mm is not None:
        found.append(fact("depth", words.metres(one.depth_mm), width))
    found.append(fact("holds for", ", ".join(one.profiles) or "everybody", width))
    if one.status == "active" and one.by != "flood":
        found.append(fact("to lift it", "o, with how we know that it can be driven", width, "dim"))
    found += [heading("how do we know"), fact("by", one.by, width, key=subject_key(desk, one.by))]
    return found


def road_change_page(desk: Desk, name: str, width: int) -> list[Item]:
    """Roads that are driven otherwise than usual, why, and by whose word."""
    one, now = desk.home.road_changes[name], desk.now_ms
    until = f" to {words.clock(one.lifted_ms)}" if one.lifted_ms else f", {words.age(now, one.since_ms)} ago"
    found = [
        Item("", (((f" {one.name}", "strong"), (f"   {one.status} since {words.clock(one.since_ms)}{until}", "dim")),)),
        fact("reason", one.reason, width),
    ]
    if one.factor_pct is not None:
        found.append(fact("takes", f"{one.factor_pct / 100:g} times as long", width))
    if one.contraflow:
        found.append(fact("direction", "open in both directions", width))
    if one.link is not None:
        one_way = ", one way" if one.link.one_way else ""
        found.append(fact("link", f"a temporary road of {one.link.length_mm / 1000:.0f} m{one_way}", width))
    if one.edges:
        found.append(fact("segments", str(len(one.edges)), width))
    if one.status == "active":
        found.append(fact("to lift it", "o, with how we know that it is as usual again", width, "dim"))
    return [*found, heading("how do we know"), fact("by", one.by, width, key=subject_key(desk, one.by))]
