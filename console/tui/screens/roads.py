"""RoadsPage: every road that is closed or driven otherwise than usual, by whose word and why."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Col, Item, Line, heading, plain, row
from console.tui.screens.page import PageScreen, title_line
from picture.model import Closure, RoadChange

LIFTED_SHOWN = 20


class RoadsPage(PageScreen):
    """What a person closed comes first, then what water closed; X closes, V changes, o lifts, v shows on the map."""

    empty = "every road is open; X closes one"

    def heading(self) -> Line:
        """How many."""
        home = self.desk.home
        shut = sum(one.status == "active" for one in home.closures.values())
        changed = sum(one.status == "active" for one in home.road_changes.values())
        return title_line("", "ROADS", f"{shut} closures, {changed} changes; X closes, V changes, o reopens")

    def items(self, width: int) -> list[Item]:
        """By hand, by water, changed, and what was lifted last."""
        home = self.desk.home
        shut = [one for one in home.closures.values() if one.status == "active"]
        changed = [one for one in home.road_changes.values() if one.status == "active"]
        every: tuple[Closure | RoadChange, ...] = (*home.closures.values(), *home.road_changes.values())
        lifted = [one for one in every if one.status != "active"]
        pending = [plain(said, width, "pending") for _, said in self.desk.new_pending("closure")]
        parts: tuple[tuple[str, list[Closure | RoadChange]], ...] = (
            ("closed by people and reports", [one for one in shut if one.by != "flood"]),
            ("changed", [*changed]),
            ("closed by water; opens when it has gone", [one for one in shut if one.by == "flood"]),
            (f"lifted, the last {LIFTED_SHOWN}", sorted(lifted, key=lambda one: -(one.lifted_ms or 0))[:LIFTED_SHOWN]),
        )
        found = pending
        for said, these in parts:
            if these:
                found.append(heading(said))
                found += [_item(self.desk, one, width) for one in sorted(these, key=lambda each: (each.name, each.id))]
        return found


def _item(desk: Desk, one: Closure | RoadChange, width: int) -> Item:
    key = f"{'closure' if isinstance(one, Closure) else 'road_change'}:{one.id}"
    pending = desk.pending_words(key)
    active = one.status == "active"
    return Item(
        key,
        (
            row(
                width,
                Col("×" if active and isinstance(one, Closure) else "~" if active else "", "warn", 1),
                Col(one.id, "dim", 6),
                Col(one.name, "text" if active else "faint"),
                Col(pending or f"{how(one)}{one.reason}", "pending" if pending else "text" if active else "faint"),
                Col(one.by, "dim", 14 if width >= 110 else 10),
                Col(f"{len(one.edges)} seg", "faint", 7, right=True),
                Col(words.age(desk.now_ms, one.since_ms if active else one.lifted_ms or 0), "dim", 5, right=True),
            ),
        ),
        stamp=(one.id, one.status),
    )


def how(one: Closure | RoadChange) -> str:
    """For whom it is closed, or how it is changed; empty for a plain closure."""
    if isinstance(one, Closure):
        return f"not for {', '.join(one.profiles)}: " if one.profiles else ""
    said = [
        f"{one.factor_pct / 100:g}× as long" if one.factor_pct is not None else "",
        "both directions" if one.contraflow else "",
        f"temporary link of {one.link.length_mm / 1000:.0f} m" if one.link else "",
    ]
    return f"{', '.join(filter(None, said))}: "
