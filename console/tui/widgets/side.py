"""The column of the wall display: resources committed, lifelines, berths. Every figure is computed from the picture."""

from __future__ import annotations

from collections import defaultdict

from console.tui import words
from console.tui.lines import Col, Item, Line, row
from console.tui.widgets.pane import Pane
from picture.model import Facility, Sensor

NORMAL = frozenset(
    {
        "",
        "ok",
        "open",
        "normal",
        "available",
        "in service",
        "in_service",
        "running",
        "energised",
        "true",
        "free",
        "closed for the night",
    }
)
BAR_CELLS = 14
GAUGE_CELLS = 9


class Resources(Pane):
    """Units committed of all units, by agency."""

    title = "RESOURCES"
    empty = "no units"
    kinds = ("unit.", "assignment.")

    def summary(self) -> Line:
        """What the bars mean."""
        return (("committed", "dim"),)

    def items(self, width: int) -> list[Item]:
        """A bar for each agency."""
        home = self.desk.home
        count: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for unit in home.units.values():
            tally = count[unit.agency]
            tally[0] += unit.status == "assigned"
            tally[1] += unit.status != "out_of_service"
            tally[2] += 1
        found = []
        for agency, (busy, usable, _) in sorted(count.items()):
            name = home.agencies[agency].name if agency in home.agencies else agency
            filled = round(BAR_CELLS * busy / usable) if usable else BAR_CELLS
            tight = busy >= 0.8 * usable
            found.append(
                Item(
                    "",
                    (
                        row(
                            width,
                            Col(name, "dim"),
                            Col("━" * filled + "─" * (BAR_CELLS - filled), "warn" if tight else "dim", BAR_CELLS),
                            Col(f"{busy}/{usable}", "warn" if tight else "text", 6, right=True),
                        ),
                    ),
                )
            )
        return found


class Lifelines(Pane):
    """Water, power, pumps, roads, barrier, hospitals: what is not normal, and how the gauges ran."""

    title = "LIFELINES"
    kinds = ("sensor.", "facility.", "road.", "barrier.", "hazard.")

    def items(self, width: int) -> list[Item]:
        """One row each; grey while normal."""
        home = self.desk.home
        found = [
            self._gauge(one, width)
            for one in sorted(home.sensors.values(), key=lambda s: (s.quantity, s.id))
            if one.value is not None
        ]
        shut = [one for one in home.closures.values() if one.status == "active"]
        edges = len({edge for one in shut for edge in one.edges})
        found.append(
            self._row(width, "Roads", f"{len(shut)} closures, {edges} segments" if shut else "open", bool(shut))
        )
        found.append(self._row(width, "Barrier", home.barrier, home.barrier in ("failed", "closing", "opening")))
        for kind, name in (("substation", "Power"), ("pump", "Pumps"), ("hospital", "Hospitals")):
            these = [one for one in home.facilities.values() if one.kind.startswith(kind)]
            if these:
                bad = [one for one in these if abnormal(one)]
                said = ", ".join(f"{one.name}: {abnormal(one)}" for one in bad) or f"{len(these)} normal"
                found.append(self._row(width, name, said, bool(bad)))
        return found

    def _row(self, width: int, name: str, said: str, bad: bool) -> Item:
        return Item(
            "",
            (
                row(
                    width,
                    Col("▲" if bad else "·", "warn" if bad else "faint", 1),
                    Col(name, "dim", 10),
                    Col(said, "warn" if bad else "dim"),
                ),
            ),
        )

    def _gauge(self, one: Sensor, width: int) -> Item:
        doubtful = one.state != "ok"
        line = words.sparkline([value for _, value in one.recent][-GAUGE_CELLS:])
        said = f"{one.value:.2f} {one.unit}" + (f" {one.state}" if doubtful else "")
        return Item(
            f"sensor:{one.id}",
            (
                row(
                    width,
                    Col("▲" if doubtful else "·", "warn" if doubtful else "faint", 1),
                    Col(one.name or one.id, "dim"),
                    Col(line, "dim", GAUGE_CELLS),
                    Col(said, "warn" if doubtful else "text", 12, right=True),
                ),
            ),
            stamp=(one.id, one.state),
        )


class Berths(Pane):
    """Berths with what their owner last said of them."""

    title = "BERTHS"
    empty = "no berths"
    kinds = ("facility.", "vessel.")

    def items(self, width: int) -> list[Item]:
        """One row each."""
        berths = sorted((one for one in self.desk.home.facilities.values() if one.kind == "berth"), key=lambda f: f.id)
        return [
            Item(
                f"facility:{one.id}",
                (
                    row(
                        width,
                        Col("▲" if abnormal(one) else "·", "warn" if abnormal(one) else "faint", 1),
                        Col(one.name, "dim"),
                        *(
                            (Col(said, "warn" if abnormal(one) else "faint", width // 2),)
                            if (said := abnormal(one) or known(one))
                            else ()
                        ),
                    ),
                ),
                stamp=one.attributes,
            )
            for one in berths
        ]


def abnormal(one: Facility) -> str:
    """What is not normal about a facility, as its owner said it; empty while all is."""
    value = dict(one.attributes).get("state", "")
    return "" if str(value).lower() in NORMAL else str(value)


def known(one: Facility) -> str:
    """A facility's state or ship in a few words."""
    attributes = dict(one.attributes)
    return str(attributes.get("vessel") or attributes.get("state") or "")
