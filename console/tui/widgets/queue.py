"""The incident queue: open incidents by priority and age, then duplicates, then closed ones."""

from __future__ import annotations

from collections.abc import Iterable

from console.tui import peers, words
from console.tui.lines import Col, Item, Line, Span, row
from console.tui.widgets.held import held_by, held_col
from console.tui.widgets.pane import Pane
from picture.model import Incident

CLOSED_SHOWN = 12


class Queue(Pane):
    """Incidents, most urgent first; an unread one has its id in reverse video."""

    number = "2"
    title = "INCIDENTS"
    empty = "no incidents"
    kinds = ("incident.", "report.linked", "unit.assigned", "assignment.", "unit.status", "claim.")

    def summary(self) -> Line:
        """How many are open, unread and short of units."""
        found = [one for one in self.desk.home.incidents.values() if one.status == "open" and not one.duplicate_of]
        spans: list[Span] = [(f"{len(found)} open", "text")]
        if unread := sum(one.unread for one in found):
            spans.append((f"  {unread} unread", "strong"))
        if short := sum(len(one.units) < one.units_needed for one in found):
            spans.append((f"  {short} short of units", "warn"))
        return tuple(spans)

    def items(self, width: int) -> list[Item]:
        """One row each; what is being taken by hand stands on top until the core has it."""
        found = [
            Item("", (row(width, Col("", width=1), Col("…", "pending", 5), Col(said, "pending")),))
            for _, said in self.desk.new_pending("incident")
        ]
        found.append(
            Item(
                "",
                (
                    row(
                        width,
                        Col("", width=1),
                        Col("id", "faint", 5),
                        Col("incident", "faint", title_width(width)),
                        Col("where", "faint"),
                        Col("units", "faint", 5, right=True),
                        Col("age", "faint", 4, right=True),
                    ),
                ),
            )
        )
        ordered = in_order(self.desk.home.incidents.values())
        found += [self._item(one, width) for one in ordered]
        for stream, sub in peers.others(self.desk):
            theirs = [one for one in sub.incidents.values() if one.status == "open" and not one.duplicate_of]
            found += [self._theirs(one, stream, width) for one in in_order(theirs)]
        return found

    def _theirs(self, one: Incident, stream: str, width: int) -> Item:
        """Another core's incident: marked with whose it is, under our own."""
        line = row(
            width,
            Col(str(one.priority), f"p{one.priority}_text", 1),
            Col(one.id, "dim", 5),
            Col(f"⇄{peers.whose(stream)}  {one.title or words.kind(one.kind)}", "text", title_width(width)),
            Col(words.where(one.place), "dim"),
            Col(f"{len(one.units)}/{one.units_needed}", "dim", 5, right=True),
            Col(words.age(self.desk.now_ms, one.opened_ms), "dim", 4, right=True),
        )
        return Item(peers.key_of(stream, f"incident:{one.id}"), (line,), stamp=(one.id, one.status, one.priority))

    def _item(self, one: Incident, width: int) -> Item:
        key = f"incident:{one.id}"
        settled = one.status != "open" or bool(one.duplicate_of)
        title = "faint" if settled else "strong" if one.priority == 1 else "text"
        where, where_style = words.where(one.place), "dim"
        if settled:
            where = f"= {one.duplicate_of}" if one.duplicate_of else f"closed {one.result_code}"
        if pending := self.desk.pending_words(key):
            where, where_style = pending, "pending"
        short = not settled and len(one.units) < one.units_needed
        digit = "faint" if settled else f"p{one.priority}"
        line = row(
            width,
            Col(str(one.priority), digit, 1),
            Col(one.id, "unack" if one.unread and not settled else "dim", 5),
            Col(one.title or words.kind(one.kind), title, title_width(width)),
            Col(where, where_style),
            held_col(self.desk, one.id, width),
            Col(f"{len(one.units)}/{one.units_needed}", "warn" if short else "dim", 5, right=True),
            Col(words.age(self.desk.now_ms, one.opened_ms), "dim", 4, right=True),
        )
        return Item(key, (line,), stamp=(one.id, one.status, one.priority, one.title, held_by(self.desk, one.id)))


def title_width(width: int) -> int:
    """Cells for what it is; where it is gets the rest, since many titles are alike and no two places are."""
    return max(20, min(34, (width - 19) * 3 // 7))


def in_order(incidents: Iterable[Incident]) -> list[Incident]:
    """Open by priority then oldest first; then duplicates; then the last closed."""
    every = list(incidents)
    live = sorted(
        (one for one in every if one.status == "open" and not one.duplicate_of),
        key=lambda one: (one.priority, one.opened_ms, one.id),
    )
    twins = sorted((one for one in every if one.status == "open" and one.duplicate_of), key=lambda one: one.id)
    closed = sorted((one for one in every if one.status != "open"), key=lambda one: (-one.updated_ms, one.id))
    return [*live, *twins, *closed[:CLOSED_SHOWN]]
