"""What the pickers list: units for an incident, statuses, result codes, priorities, possible twins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from console.tui import words
from console.tui.desk import Answer, Desk
from console.tui.lines import Col, Line, row
from console.tui.screens.pick import Choice
from picture.model import UNIT_STATUSES, Incident, Unit

UnitDo = Callable[[Unit], object]
METRES_PER_DEGREE = 111_195.0
FAR = 9e9


def units(desk: Desk, one: Incident, ways: Mapping[str, Answer]) -> list[Choice]:
    """Every unit: available ones first, by time on the road where it is known, else as the crow flies."""
    found = []
    for unit in desk.home.units.values():
        if unit.id in one.units:
            continue
        way = ways.get(unit.id)
        crow = crow_m(desk, unit, one)
        eta = way.get("eta_s") if way else None
        why_not = str(way.get("why_not") or "") if way else ""
        order = (
            unit.status != "available",
            bool(why_not),
            eta is None,
            FAR if eta is None else float(eta),
            crow,
            unit.id,
        )
        found.append(
            (
                order,
                Choice(
                    unit.id,
                    partial(_unit_line, unit, eta, why_not, crow),
                    f"{unit.id} {unit.name} {unit.nims_kind} {unit.agency} {' '.join(unit.skills)}",
                ),
            )
        )
    return [choice for _, choice in sorted(found, key=lambda pair: pair[0])]


def _unit_line(unit: Unit, eta_s: float | None, why_not: str, crow: float, width: int) -> Line:
    busy = unit.status != "available"
    far = f"{words.distance(crow)} off" if crow < FAR else "place unknown"
    return row(
        width,
        Col(unit.name, "dim" if busy else "strong", 8),
        Col(f"{unit.nims_kind} {unit.nims_type}", "dim"),
        Col(words.status(unit), "dim" if busy else "text", 14),
        Col(why_not, "warn", 20),
        Col(words.minutes(float(eta_s)) if eta_s is not None else "", "text", 8, right=True),
        Col(far, "faint", 11, right=True),
    )


def crow_m(desk: Desk, unit: Unit, one: Incident) -> float:
    """Straight-line metres from where the unit is (or its station) to the incident."""
    if one.place is None:
        return FAR
    lon, lat = desk.position_of(unit)
    to_lon, to_lat = one.place.lon_e7 / 1e7, one.place.lat_e7 / 1e7
    east = (to_lon - lon) * math.cos(math.radians(to_lat)) * METRES_PER_DEGREE
    return math.hypot(east, (to_lat - lat) * METRES_PER_DEGREE)


def any_units(desk: Desk, names: Sequence[str] | None, assigned: bool) -> list[Choice]:
    """The named units, or all (all assigned ones)."""
    table = desk.home.units
    some = (
        [table[name] for name in names if name in table]
        if names is not None
        else [one for one in table.values() if not assigned or one.assignment]
    )
    return [Choice(one.id, partial(_unit_state, one, desk.now_ms), f"{one.id} {one.name}") for one in some]


def _unit_state(one: Unit, now_ms: int, width: int) -> Line:
    return row(
        width,
        Col(one.name, "strong", 10),
        Col(words.status(one), "text"),
        Col(words.age(now_ms, one.since_ms), "dim", 6, right=True),
    )


def statuses(unit: Unit) -> list[Choice]:
    """All statuses, the legal ones first; the others may be tried and are refused with words."""
    legal = UNIT_STATUSES.get(unit.local_status, ("", "", ()))[2]
    rest = [name for name in UNIT_STATUSES if name not in legal and name != unit.local_status]
    return [
        Choice(name, partial(_status_line, name, name in legal), f"{name} {UNIT_STATUSES[name][1]}")
        for name in [*legal, *rest]
    ]


def _status_line(name: str, legal: bool, width: int) -> Line:
    return row(
        width,
        Col(UNIT_STATUSES[name][1], "key" if legal else "faint", 6),
        Col(words.STATUS.get(name, name), "text" if legal else "faint"),
        Col("" if legal else "may not follow", "faint", 15),
    )


def priorities() -> list[Choice]:
    """1 to 4."""
    return [
        Choice(str(level), partial(_pair, str(level), said, f"p{level}"), f"{level} {said}")
        for level, said in words.PRIORITY.items()
    ]


def result_codes() -> list[Choice]:
    """How an incident may end."""
    return [Choice(code, partial(_pair, code, said, "key"), f"{code} {said}") for code, said in words.RESULT_CODES]


def _pair(first: str, second: str, style: str, width: int) -> Line:
    return row(width, Col(first, style, max(1, len(first))), Col(second, "text"))


def twins(desk: Desk, one: Incident) -> list[Choice]:
    """Open incidents this one may be a duplicate of: those fusion named first, then the nearest in time."""
    others = [
        other
        for other in desk.home.incidents.values()
        if other.id != one.id and other.status == "open" and not other.duplicate_of
    ]
    others.sort(
        key=lambda other: (
            other.id not in one.possible_duplicate_of,
            other.kind != one.kind,
            abs(other.opened_ms - one.opened_ms),
            other.id,
        )
    )
    return [
        Choice(
            other.id,
            partial(_twin, other, other.id in one.possible_duplicate_of),
            f"{other.id} {other.title} {words.where(other.place)}",
        )
        for other in others
    ]


def _twin(other: Incident, named: bool, width: int) -> Line:
    return row(
        width,
        Col(other.id, "key", 6),
        Col(other.title, "text"),
        Col(words.where(other.place), "dim"),
        Col("likely" if named else "", "strong", 6),
    )
