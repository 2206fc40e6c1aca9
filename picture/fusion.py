"""Is this report about an incident we know? Decided once, when it arrives, and journalled with its evidence.

A score is the sum of log-likelihood ratios, "same incident" against "another one", over place, time, kind, words and
independence (Fellegi & Sunter 1969; sequential form after Wald). Above ``LINK`` it is linked; between ``REVIEW`` and
``LINK`` a new incident opens as a possible duplicate; below, a new incident opens. Two safeguards stand above the
score: two different authoritative ids never merge, and a report of people in danger is never absorbed, it always
opens its own incident unless a person, or its own authoritative id, joins it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import cos, log, pi, radians

from picture import events as ev
from picture.ids import Ids
from picture.model import Incident
from picture.places import METRES_PER_DEGREE, distance_m
from picture.reports import INCIDENT_KINDS, IncidentReport

LINK = 3.0
REVIEW = 0.0
GATE_M = 400.0
GATE_MS = 60 * 60_000
CELL_M = 300.0
DENSITY_PER_KM2_H = 1.5
"""Other incidents expected around any point, the prior against a link."""
TIME_SCALE_MS = 25 * 60_000
"""Repeat calls about one incident come in with this time constant."""

RELATED: Mapping[frozenset[str], float] = {
    frozenset(pair): score
    for pair, score in {
        ("flood", "vehicle_in_water"): 0.3,
        ("flood", "substation"): 0.5,
        ("flood", "road_blocked"): 0.8,
        ("flood", "trapped"): 0.5,
        ("flood", "evacuation"): 0.5,
        ("flood", "person_in_water"): 0.2,
        ("vehicle_in_water", "trapped"): 0.9,
        ("vehicle_in_water", "person_in_water"): 0.9,
        ("trapped", "collapse"): 0.9,
        ("power", "substation"): 1.2,
        ("power", "lift"): 0.3,
        ("hazmat", "gas"): 1.0,
        ("hazmat", "fire"): 0.6,
        ("gas", "fire"): 0.4,
        ("mayday", "vessel_adrift"): 0.8,
        ("mayday", "person_in_water"): 0.8,
        ("tree", "road_blocked"): 0.9,
        ("traffic", "road_blocked"): 0.6,
        ("medical", "traffic"): 0.3,
    }.items()
}
"""Log-likelihood ratio of two different kinds being one incident; the same kind is +1.6, any other pair -2.5."""

LIFE = frozenset({"trapped", "vehicle_in_water", "mayday", "person_in_water", "fire", "collapse"})
"""Kinds in which a person is in danger whatever else is said: never absorbed into another incident."""
PRIORITY = {
    "trapped": 1,
    "mayday": 1,
    "person_in_water": 1,
    "vehicle_in_water": 1,
    "collapse": 1,
    "fire": 2,
    "hazmat": 2,
    "substation": 2,
    "medical": 2,
    "gas": 3,
    "vessel_adrift": 2,
    "evacuation": 2,
    "power": 3,
    "lift": 3,
    "flood": 3,
    "traffic": 3,
    "road_blocked": 3,
    "missing": 2,
    "unrest": 3,
    "tree": 4,
    "other": 4,
}
CITIZENS_ONLY = "citizens only"
"""Tag of an incident that nobody but citizens has reported so far."""
_WORD = re.compile(r"[^\W\d_]{4,}")


def words(text: str | None) -> frozenset[str]:
    """The content words of a text: four letters and more, folded to lower case."""
    return frozenset(match.group().casefold() for match in _WORD.finditer(text or ""))


def by_citizens_alone(incident: Incident) -> bool:
    """Whether nobody but citizens has reported it and no operator gave it priority 1: no playbook starts by it."""
    return CITIZENS_ONLY in incident.tags and incident.priority > 1


def confirmation(incident: Incident, report: IncidentReport, by: str) -> ev.IncidentChanged | None:
    """What a report of somebody else than citizens changes on an incident of citizens alone; None where nothing.

    It must be independent: a report of an origin that is counted in already confirms nothing, whoever passes it on.
    Only the priority that the incident opened at rises; another one was set by an operator.
    """
    told_already = bool(report.origin) and any(one.origin == report.origin for one in incident.reports)
    if CITIZENS_ONLY not in incident.tags or told_already:
        return None
    danger = incident.people_trapped or report.people_trapped or PRIORITY.get(incident.kind, 4) == 1
    return ev.IncidentChanged(
        incident=incident.id,
        priority=1 if danger and incident.priority == 2 else None,
        tags=tuple(one for one in incident.tags if one != CITIZENS_ONLY),
        unread=True,
        why=f"confirmed by {by}",
    )


def stands_alone(report: IncidentReport, incident: Incident) -> bool:
    """Whether a report speaks of people in danger in a way that this incident must not swallow.

    Trapped people and the kinds of ``LIFE`` always stand alone; what its sender calls priority 1 may join an incident
    of its own kind (which is unread again by that), never one of another kind.
    """
    if report.people_trapped or report.incident_kind in LIFE:
        return True
    return report.severity == 1 and report.incident_kind != incident.kind


@dataclass(frozen=True, slots=True)
class Score:
    """How well a report fits an incident: the sum and every term of it."""

    total: float
    terms: tuple[tuple[str, float, str], ...]

    def evidence(self) -> tuple[tuple[str, int, str], ...]:
        """The terms as entries keep them: (term, weight × 100, words)."""
        return tuple((name, round(weight * 100), said) for name, weight, said in self.terms)


@dataclass(slots=True)
class _Live:
    """What fusion remembers of an open incident besides the picture."""

    words: Counter[str] = field(default_factory=Counter)
    origins: set[str] = field(default_factory=set)
    last_ms: int = 0
    cell: tuple[int, int] | None = None


class Fusion:
    """The live index of open incidents, and the judgement on each report.

    The index is a metre grid; it is derived state, rebuilt by ``saw`` from the journal after a restart.
    """

    def __init__(self) -> None:
        self._cells: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
        self._live: defaultdict[str, _Live] = defaultdict(_Live)
        self._seen_words: Counter[str] = Counter()
        self._reports = 0

    # --- keeping the index ----------------------------------------------------------------------------------

    def saw(self, incident: str, report: IncidentReport) -> None:
        """Remembers that this report (with its words) belongs to the incident."""
        live = self._live[incident]
        said = words(report.text)
        live.words.update(said)
        self._seen_words.update(said)
        self._reports += 1
        live.origins.add(report.origin or report.external_id)
        live.last_ms = max(live.last_ms, report.at_ms)

    def place(self, incident: Incident) -> None:
        """Puts an incident where the picture has it; a closed one leaves the index."""
        live = self._live[incident.id]
        if live.cell is not None:
            self._cells[live.cell].discard(incident.id)
            live.cell = None
        if incident.place is not None and incident.status == "open" and not incident.duplicate_of:
            live.cell = _cell(incident.place.lon_e7, incident.place.lat_e7)
            self._cells[live.cell].add(incident.id)

    def _near(self, lon_e7: int, lat_e7: int) -> Iterator[str]:
        column, row = _cell(lon_e7, lat_e7)
        high = int(GATE_M // CELL_M) + 1
        wide = int(GATE_M // (CELL_M * max(cos(radians(lat_e7 / 1e7)), 0.01))) + 1
        for i in range(column - wide, column + wide + 1):
            for j in range(row - high, row + high + 1):
                yield from sorted(self._cells.get((i, j), ()))

    # --- judging --------------------------------------------------------------------------------------------

    def score(self, report: IncidentReport, incident: Incident) -> Score | None:
        """How well the report fits, or None where it is out of the gate in space or time."""
        if report.lon_e7 is None or report.lat_e7 is None or incident.place is None:
            return None
        live = self._live[incident.id]
        away_m = distance_m(report.lon_e7, report.lat_e7, incident.place.lon_e7, incident.place.lat_e7)
        apart_ms = abs(report.at_ms - (live.last_ms or incident.updated_ms))
        if away_m > GATE_M or apart_ms > GATE_MS:
            return None
        terms = [self._space(report, incident, away_m), self._time(apart_ms), _kind(report, incident)]
        shared = words(report.text) & live.words.keys()
        if shared:
            terms.append(self._words(shared))
        if report.origin and report.origin in live.origins:
            terms.append(("origin", 0.0, "same origin: corroborates nothing"))
        return Score(sum(weight for _, weight, _ in terms), tuple(terms))

    def _space(self, report: IncidentReport, incident: Incident, away_m: float) -> tuple[str, float, str]:
        known_m = incident.place.uncertainty_m if incident.place else 0
        sigma2 = max(report.uncertainty_m, 20) ** 2 + max(known_m, 20) ** 2
        background = DENSITY_PER_KM2_H / 1e6
        ratio = -log(2 * pi * sigma2 * background) - away_m**2 / (2 * sigma2)
        return ("place", max(min(ratio, 6.0), -12.0), f"{away_m:.0f} m apart, expected within {sigma2**0.5:.0f} m")

    def _time(self, apart_ms: int) -> tuple[str, float, str]:
        ratio = log(60 * 60_000 / TIME_SCALE_MS) - apart_ms / TIME_SCALE_MS
        return ("time", ratio, f"{apart_ms // 60_000} min after the last word of it")

    def _words(self, shared: frozenset[str]) -> tuple[str, float, str]:
        weight = sum(log((self._reports + 1) / (self._seen_words[word] + 0.5)) for word in shared) * 0.35
        return ("words", min(max(weight, 0.0), 3.0), f"{len(shared)} words in common")

    def best(self, report: IncidentReport, incidents: Mapping[str, Incident]) -> tuple[Incident, Score] | None:
        """The open incident that fits best within the gate; ties go to the older one."""
        if report.lon_e7 is None or report.lat_e7 is None:
            return None
        found: tuple[Incident, Score] | None = None
        for name in self._near(report.lon_e7, report.lat_e7):
            incident = incidents[name]
            score = self.score(report, incident)
            if score is not None and (found is None or _order(incident, score) < _order(*found)):
                found = (incident, score)
        return found

    def judge(
        self,
        report: IncidentReport,
        *,
        feed: str,
        grade: str,
        incidents: Mapping[str, Incident],
        ids: Ids,
        label: str = "",
        citizens: bool = False,
    ) -> list[ev.Event]:
        """The events that say what this report is: linked to an incident, or the first of a new one.

        ``citizens``: it came by a feed of theirs, and by it alone no incident opens at priority 1.
        ``ReportLinked.report_index`` 0 means that the report itself is the first entry of the same commit.
        """
        own = _by_authority(report, incidents)
        if own is not None:
            score = Score(LINK, (("authority", 9.0, f"{report.authoritative_id} is this incident's own number"),))
            return [_link(own.id, report, feed, grade, score)]
        best = self.best(report, incidents)
        if best is not None:
            incident, score = best
            rival = bool(report.authoritative_id and incident.authoritative_ids)
            if score.total >= LINK and not rival and not stands_alone(report, incident):
                return [_link(incident.id, report, feed, grade, score, _moved(report, incident))]
        similar = (best[0].id,) if best is not None and best[1].total >= REVIEW else ()
        identifier = ids.new("I")
        score = best[1] if best and similar else Score(0.0, (("new", 0.0, "nothing like it within 400 m and an hour"),))
        return [_open(identifier, report, similar, label, citizens), _link(identifier, report, feed, grade, score)]


def _order(incident: Incident, score: Score) -> tuple[float, int, str]:
    return -score.total, incident.opened_ms, incident.id


def _cell(lon_e7: int, lat_e7: int) -> tuple[int, int]:
    """Column and row of a grid in degrees: the same columns at every latitude, so that neighbours agree on them."""
    step = CELL_M / METRES_PER_DEGREE * 1e7
    return int(lon_e7 // step), int(lat_e7 // step)


def _kind(report: IncidentReport, incident: Incident) -> tuple[str, float, str]:
    if report.incident_kind == incident.kind:
        return ("kind", 1.6, "same kind")
    pair = frozenset((report.incident_kind, incident.kind))
    if "other" in pair:
        return ("kind", 0.0, "one of them says no kind")
    weight = RELATED.get(pair, -2.5)
    return ("kind", weight, f"{report.incident_kind} and {incident.kind}")


def _by_authority(report: IncidentReport, incidents: Mapping[str, Incident]) -> Incident | None:
    if not report.authoritative_id:
        return None
    return next(
        (
            one
            for one in incidents.values()
            if report.authoritative_id in (one.id, *one.authoritative_ids) and one.status == "open"
        ),
        None,
    )


def _moved(report: IncidentReport, incident: Incident) -> dict[str, int]:
    """The incident's position after this report, by inverse variance; nothing where either has none."""
    place = incident.place
    if place is None or report.lon_e7 is None or report.lat_e7 is None:
        return {}
    own, new = max(place.uncertainty_m, 15) ** 2, max(report.uncertainty_m, 15) ** 2
    share = own / (own + new)
    return {
        "lon_e7": place.lon_e7 + round((report.lon_e7 - place.lon_e7) * share),
        "lat_e7": place.lat_e7 + round((report.lat_e7 - place.lat_e7) * share),
        "uncertainty_m": round((own * new / (own + new)) ** 0.5),
    }


def _link(
    incident: str, report: IncidentReport, feed: str, grade: str, score: Score, moved: Mapping[str, int] | None = None
) -> ev.ReportLinked:
    has = tuple(name for name in ("text", "caller", "call_back", "place_as_said") if getattr(report, name) is not None)
    return ev.ReportLinked(
        incident=incident,
        report_index=0,
        feed=feed,
        origin=report.origin,
        report_at_ms=report.at_ms,
        grade=grade,
        score_c=round(score.total * 100),
        evidence=score.evidence(),
        external_id=report.external_id,
        authoritative_id=report.authoritative_id,
        has=has,
        people_at_risk=report.people_at_risk,
        people_trapped=report.people_trapped,
        **dict(moved or {}),
    )


def _open(
    identifier: str, report: IncidentReport, similar: tuple[str, ...], label: str, citizens: bool
) -> ev.IncidentOpened:
    kind = report.incident_kind if report.incident_kind in INCIDENT_KINDS else "other"
    priority = 1 if report.people_trapped else PRIORITY[kind]
    if priority == 1 and (citizens or (report.reporter == "citizen" and not report.people_trapped)):
        priority = 2  # a citizen alone opens no priority 1; where a call taker heard them, unless people are trapped
    return ev.IncidentOpened(
        incident=identifier,
        incident_kind=kind,
        title=INCIDENT_KINDS[kind],
        priority=priority,
        lon_e7=report.lon_e7,
        lat_e7=report.lat_e7,
        place_label=label,
        uncertainty_m=report.uncertainty_m,
        units_needed=2 if priority == 1 else 1,
        people_at_risk=report.people_at_risk,
        people_trapped=report.people_trapped,
        possible_duplicate_of=similar,
        authoritative_id=report.authoritative_id,
        tags=(CITIZENS_ONLY,) if citizens else (),
    )
