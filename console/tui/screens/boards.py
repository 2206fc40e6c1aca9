"""The boards: units with time in status, alerts with their delivery, feeds, the log, and what is on the map."""

from __future__ import annotations

from console.tui import details, peers, words
from console.tui.desk import Desk
from console.tui.details.messages import ladder
from console.tui.lines import Col, Item, Line, Span, fit, heading, row
from console.tui.map import MapView
from console.tui.screens.page import PageScreen, title_line
from console.tui.widgets.feeds import Feeds
from picture.model import Alert, Unit

ORDER = (
    "on_scene",
    "transporting",
    "at_hospital",
    "enroute",
    "dispatched",
    "staged",
    "returning",
    "available",
    "out_of_service",
)
LONG_S = {"dispatched": 180, "enroute": 1800}
"""Longer than this in a status is worth a look."""


class UnitBoard(PageScreen):
    """Every unit: status, time in it, what it is on, when it arrives. e sets a status, s stands down."""

    empty = "no units"

    def heading(self) -> Line:
        """How many are free."""
        units = self.desk.home.units.values()
        free = sum(one.status == "available" for one in units)
        return title_line("5", "UNITS", f"{free} of {len(self.desk.home.units)} available")

    def items(self, width: int) -> list[Item]:
        """Committed ones first."""
        roomy = width >= 110
        head = row(
            width,
            Col("", width=1),
            Col("unit", "faint", 10),
            Col("status", "faint", 15),
            Col("for", "faint", 5),
            Col("on", "faint"),
            Col("arrives", "faint", 12),
            *((Col("kind", "faint", 22), Col("agency", "faint", 16)) if roomy else ()),
        )
        units = sorted(
            self.desk.home.units.values(),
            key=lambda one: (ORDER.index(one.local_status) if one.local_status in ORDER else 9, one.id),
        )
        found = [Item("", (head,)), *(self._item(one, width, roomy) for one in units)]
        for stream, sub in peers.others(self.desk):
            found.append(heading(f"⇄ {stream}: theirs, asked for by request"))
            found += [self._theirs(one, stream, width) for one in sorted(sub.units.values(), key=lambda each: each.id)]
        return found

    def _theirs(self, one: Unit, stream: str, width: int) -> Item:
        line = row(
            width,
            Col("⇄", "dim", 1),
            Col(one.name, "dim", 10),
            Col(words.status(one), "dim", 15),
            Col(words.age(self.desk.now_ms, one.since_ms), "dim", 5, right=True),
            Col(f"{one.nims_kind} {one.nims_type}", "dim"),
            Col(one.agency, "faint", 16),
        )
        return Item(peers.key_of(stream, f"unit:{one.id}"), (line,), stamp=(one.id, one.local_status))

    def _item(self, one: Unit, width: int, roomy: bool) -> Item:
        desk, now = self.desk, self.desk.now_ms
        assignment = desk.home.assignments.get(one.assignment)
        incident = desk.home.incidents.get(assignment.incident) if assignment else None
        on = f"{incident.id} {incident.title}" if incident else assignment.to.label if assignment else ""
        arrives, late = "", False
        if assignment and assignment.eta_ms and one.local_status in ("dispatched", "enroute"):
            late = now > assignment.eta_ms
            arrives = "overdue" if late else f"in {words.minutes((assignment.eta_ms - now) / 1000)}"
        pending = desk.pending_words(f"unit:{one.id}")
        long = (now - one.since_ms) / 1000 > LONG_S.get(one.local_status, 1e9)
        quiet = "dim" if one.status != "assigned" else "text"
        agency = desk.home.agencies.get(one.agency)
        return Item(
            f"unit:{one.id}",
            (
                row(
                    width,
                    Col("▲" if late or long else "", "warn", 1),
                    Col(one.name, "strong" if one.status == "assigned" else "dim", 10),
                    Col(pending or words.status(one), "pending" if pending else quiet, 15),
                    Col(words.age(now, one.since_ms), "warn" if long else "dim", 5, right=True),
                    Col(on, quiet),
                    Col(arrives, "warn" if late else quiet, 12),
                    *(
                        (
                            Col(f"{one.nims_kind} {one.nims_type}", "faint", 22),
                            Col(agency.name if agency else one.agency, "faint", 16),
                        )
                        if roomy
                        else ()
                    ),
                ),
            ),
            stamp=(one.id, one.local_status, one.assignment),
        )


class Outbox(PageScreen):
    """Who was told what, and how far it got. x cancels an alert."""

    empty = "no alert has gone out"

    def heading(self) -> Line:
        """How many, and how many recipients failed."""
        alerts = self.desk.home.alerts.values()
        failed = sum(one.state in ("failed", "dead") for alert in alerts for one in alert.deliveries)
        return title_line(
            "6",
            "ALERTS",
            f"{len(self.desk.home.alerts)} sent, {failed} recipients not reached",
            "warn" if failed else "dim",
        )

    def items(self, width: int) -> list[Item]:
        """Newest first, one line for each recipient; then what was asked of other control rooms."""
        home = self.desk.home
        found = [self._item(one, width) for one in sorted(home.alerts.values(), key=lambda a: (-a.made_ms, a.id))]
        for request in sorted(home.requests.values(), key=lambda r: (-r.made_ms, r.id)):
            answer = ", ".join(f"{k} {v}" for k, v in request.terms)
            waiting = "" if request.answered_ms else f"  no answer for {words.age(self.desk.now_ms, request.made_ms)}"
            found.append(
                Item(
                    f"request:{request.id}",
                    (
                        row(
                            width,
                            Col("", width=1),
                            Col(words.clock(request.made_ms), "dim", 8),
                            Col("request", "dim", 9),
                            Col(f"{request.to}: {request.what}", "strong"),
                            Col(request.status + waiting, "text", 28),
                        ),
                        *(((" " * 20, "text"), (fit(answer, width - 21), "dim")) for _ in range(bool(answer))),
                    ),
                    stamp=(request.id, request.status),
                )
            )
        return found

    def _item(self, one: Alert, width: int) -> Item:
        now = self.desk.now_ms
        pending = self.desk.pending_words(f"alert:{one.id}")
        lines: list[Line] = [
            row(
                width,
                Col("", width=1),
                Col(words.clock(one.made_ms), "dim", 8),
                Col(one.kind, "dim", 9),
                Col(one.headline, "strong"),
                Col(pending or one.status, "pending" if pending else "text", 12),
            )
        ]
        for delivery in one.deliveries:
            rungs, style = ladder(delivery)
            state: Span = (fit(delivery.state.replace("_", " "), 12), style)
            lines.append(
                (
                    (" " * 20, "text"),
                    (fit(rungs, 9), style),
                    state,
                    (fit(delivery.recipient, 24), "text"),
                    (fit(delivery.channel, 10), "dim"),
                    (words.age(now, delivery.at_ms), "dim"),
                )
            )
        return Item(f"alert:{one.id}", tuple(lines), stamp=(one.id, one.status))


class LogBoard(PageScreen):
    """The log: event time, entry time, who, what. n writes a line."""

    empty = "the log is empty; n writes a line"

    def heading(self) -> Line:
        """How many lines."""
        return title_line("7", "LOG", f"{len(self.desk.home.log)} lines, newest event first")

    def items(self, width: int) -> list[Item]:
        """Both times, so that what was written late shows."""
        desk = self.desk
        found = [
            Item("", (row(width, Col("", width=1), Col("…", "pending", 8), Col(said, "pending")),))
            for _, said in desk.new_pending("log")
        ]
        found.append(
            Item(
                "",
                (
                    row(
                        width,
                        Col("", width=1),
                        Col("event", "faint", 8),
                        Col("entered", "faint", 8),
                        Col("incident", "faint", 8),
                        Col("what", "faint"),
                        Col("by", "faint", 16),
                    ),
                ),
            )
        )
        for line in sorted(desk.home.log.values(), key=lambda one: (-one.at_ms, one.id)):
            late = line.entered_ms - line.at_ms > 60_000
            found.append(
                Item(
                    f"incident:{line.incident}" if line.incident else f"log:{line.id}",
                    (
                        row(
                            width,
                            Col("", width=1),
                            Col(words.clock(line.at_ms), "text", 8),
                            Col(words.clock(line.entered_ms), "text" if late else "faint", 8),
                            Col(line.incident, "dim", 8),
                            Col(desk.said(line.text), "text"),
                            Col(line.actor.person, "dim", 16),
                        ),
                    ),
                    stamp=line.id,
                )
            )
        return found


class FeedBoard(PageScreen):
    """Every feed with its state in words."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._feeds = Feeds(desk)

    def heading(self) -> Line:
        """How many are well."""
        return title_line("8", "FEEDS", "".join(text for text, _ in self._feeds.summary()))

    def items(self, width: int) -> list[Item]:
        """As in the pane."""
        return self._feeds.items(width)


class MapTable(PageScreen):
    """What is on the map, as text: bearing and distance from its centre, and state."""

    def __init__(self, desk: Desk, view: MapView) -> None:
        super().__init__(desk)
        self._view = view

    def heading(self) -> Line:
        """How much of it is in view."""
        items = self._view.describe()
        return title_line(
            "9",
            "WHAT IS ON THE MAP",
            f"{sum(one.in_view for one in items)} of {len(items)} in view; "
            "bearing and distance from the middle of the map",
        )

    def items(self, width: int) -> list[Item]:
        """Incidents first, then nearest first."""
        return [
            Item(
                one.id,
                (
                    row(
                        width,
                        Col("·" if one.in_view else "", "dim", 1),
                        Col(one.kind, "dim", 24),
                        Col(
                            details.title(self.desk, one.id),
                            "strong" if one.kind.startswith("incident") else "text",
                        ),
                        Col(f"{one.bearing_deg:03.0f}° {words.bearing(one.bearing_deg)}", "dim", 7),
                        Col(words.distance(one.distance_m), "text", 8, right=True),
                        Col(one.state, "text", 30),
                    ),
                ),
                stamp=one.id,
            )
            for one in self._view.describe()
        ]
