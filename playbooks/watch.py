"""What playbooks watch for: windows, events and conditions of every rule, by event kind, and the runs they start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from picture import events as ev
from picture.alarms import standing
from picture.entry import Entry
from picture.errors import PlaybookError
from picture.fusion import CITIZENS_ONLY, by_citizens_alone
from picture.model import Incident, StreamPicture
from playbooks.context import Context
from playbooks.rules import Rule, WatchedClause, WatchedGroup, hit_of
from playbooks.runs import Runs, RunState
from playbooks.vocabulary import TABLES, subject_of
from playbooks.windows import Hit

_HOUR_MS = 3_600_000
KEPT_ALONE = 500
"""Incidents of citizens alone whose confirmation may still start something."""
Started = dict[tuple[str, str], str]
"""(playbook, key) -> run started in this turn, whose entry has not come back yet."""
_Place = tuple[Rule, WatchedGroup, int, WatchedClause]


class Watch:
    """Looks at what arrives for rules that start runs. It keeps what clauses have seen, and nothing of runs."""

    def __init__(self, rules: Sequence[Rule], runs: Runs, citizens: Collection[str] = ()) -> None:
        """``citizens``: feeds by which citizens report; what they alone say starts nothing."""
        self._rules, self._runs = rules, runs
        self._citizens = frozenset(citizens)
        self._alone: dict[str, list[tuple[_Place, Hit]]] = {}
        """Incident -> event clauses that citizens alone satisfied by it: they fire when somebody else confirms."""
        self._by_kind: defaultdict[str, list[_Place]] = defaultdict(list)
        self._by_name: dict[str, _Place] = {}
        for rule in rules:
            for group, index, clause in rule.clauses():
                self._by_name[f"{rule.playbook.playbook}/{clause.name}"] = (rule, group, index, clause)
                for kind in clause.kinds:
                    self._by_kind[kind].append((rule, group, index, clause))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of entries that windows and events count; conditions look at the picture instead."""
        counted = frozenset(
            kind
            for kind, places in self._by_kind.items()
            if any(clause.clause.condition is None for _, _, _, clause in places)
        )
        return counted | {ev.IncidentChanged.kind} if counted and self._citizens else counted

    @property
    def longest_ms(self) -> int:
        """How far back any window looks."""
        specs = [clause.clause.window for _, _, _, clause in self._by_name.values()]
        latches = [group.latch.within_ms for _, group, _, _ in self._by_name.values() if group.latch is not None]
        return max([*latches, *(spec.within for spec in specs if spec is not None)], default=0)

    def look(self, entry: Entry, ctx: Context, started: Started) -> list[ev.Event]:
        """The runs that an entry starts, and timers for conditions that must hold a while."""
        found: list[ev.Event] = []
        for rule, group, index, clause in self._by_kind.get(entry.kind, ()):
            hits, more = self._look(clause, entry, ctx)
            hits = self._believed((rule, group, index, clause), hits)
            found += more
            found += self._fire(rule, group, index, hits, ctx, started)
        for (rule, group, index, _), hit in self._confirmed(entry):
            found += self._fire(rule, group, index, [hit], ctx, started)
        return found

    def _believed(self, place: _Place, hits: list[Hit]) -> list[Hit]:
        """The hits of an event clause that not only citizens stand for; the others wait until somebody confirms."""
        clause = place[3]
        if clause.clause.condition is not None or clause.window is not None:
            return hits
        for hit in hits:
            if hit.citizens:
                clause.doubt(hit.subject, hit.words)
                self._alone.setdefault(hit.subject, []).append((place, hit))
                if len(self._alone) > KEPT_ALONE:
                    del self._alone[next(iter(self._alone))]
        return [hit for hit in hits if not hit.citizens]

    def _confirmed(self, entry: Entry) -> list[tuple[_Place, Hit]]:
        """What citizens alone had satisfied by an incident that somebody else stands for from this entry on."""
        event = entry.event
        if not isinstance(event, ev.IncidentChanged) or entry.source in self._citizens:
            return []
        if event.priority != 1 and (event.tags is None or CITIZENS_ONLY in event.tags):
            return []
        found = self._alone.pop(event.incident, [])
        for (_, _, _, clause), _ in found:
            clause.alone.pop(event.incident, None)
        return found

    def look_at_all(self, ctx: Context, started: Started) -> list[ev.Event]:
        """As ``look``, for every condition on every record as it is now: after a restart."""
        found: list[ev.Event] = []
        for rule, group, index, clause in self._by_name.values():
            if clause.clause.condition is None:
                continue
            for thing in sorted(getattr(ctx.picture.home, TABLES[clause.on][0])):
                hit, timer = self._state_of(clause, thing, ctx.now_ms, ctx.picture.home)
                found += self._fire(rule, group, index, [hit] if hit else [], ctx, started)
                found += [timer] if timer else []
        return found

    def timer(self, owner: str, entry: Entry, ctx: Context, started: Started) -> list[ev.Event]:
        """The run that starts because a condition has held for its time; ``owner`` is clause and record."""
        name, _, thing = owner.rpartition("/")
        if name not in self._by_name:
            return []
        rule, group, index, clause = self._by_name[name]
        hit, _ = self._state_of(clause, thing, entry.at_ms, ctx.picture.home)
        return self._fire(rule, group, index, [hit] if hit else [], ctx, started)

    def replay(self, entry: Entry) -> list[tuple[Rule, Hit]]:
        """Takes an old entry into windows; what it would have started, unless its run was going on."""
        found: list[tuple[Rule, Hit]] = []
        for rule, group, index, clause in self._by_kind.get(entry.kind, ()):
            if clause.clause.condition is None:
                seen = self._believed((rule, group, index, clause), self._seen(clause, entry))
                hits = [one for hit in seen if (one := _latched(group, index, hit)) is not None]
                found += [(rule, hit) for hit in hits if not self._going(rule, hit.subject)]
        for (rule, group, index, _), hit in self._confirmed(entry):
            one = _latched(group, index, hit)
            found += [(rule, one)] if one is not None and not self._going(rule, one.subject) else []
        return found

    def start_missed(self, rule: Rule, hit: Hit, ctx: Context, started: Started) -> list[ev.Event]:
        """The run that a replayed hit should have started, unless it did."""
        runs = ctx.picture.home.runs.values()
        if any(one.playbook == rule.playbook.playbook and one.started_ms >= hit.at_ms for one in runs):
            return []
        return self._start(rule, hit.subject, hit.words, ctx, started)

    def mark_fired(self, home: StreamPicture) -> None:
        """After a restart: a condition that still holds does not start again what it has started before."""
        for rule in self._rules:
            self._mark_fired(rule, home)

    def _look(self, clause: WatchedClause, entry: Entry, ctx: Context) -> tuple[list[Hit], list[ev.Event]]:
        if clause.clause.condition is None:
            return self._seen(clause, entry), []
        table, identifier = subject_of(entry.event)
        home = ctx.picture.home
        things = [identifier] if table == clause.on else sorted(getattr(home, TABLES[clause.on][0]))
        hits: list[Hit] = []
        events: list[ev.Event] = []
        for thing in things:
            hit, timer = self._state_of(clause, thing, entry.at_ms, home, entry.source)
            hits += [hit] if hit is not None else []
            events += [timer] if timer is not None else []
        return hits, events

    def _seen(self, clause: WatchedClause, entry: Entry) -> list[Hit]:
        try:
            hit = hit_of(clause, entry, entry.event, citizens=entry.source in self._citizens)
        except PlaybookError:
            return []
        if hit is None or clause.window is None:
            return [hit] if hit is not None else []
        spec = clause.clause.window
        assert spec is not None
        key = getattr(entry.event, spec.by) if spec.by else ""
        distinct = getattr(entry.event, spec.count_distinct) if spec.count_distinct else entry.seq
        hits = clause.window.add(key, distinct, hit)
        if not hits:
            return []
        words = "; ".join(f"{one.subject} ({one.words})" for one in hits)
        many = f"{len(hits)} within {spec.within // 60_000} min: " if len(hits) > 1 else ""
        return [Hit(hit.at_ms, hit.source, hit.subject, f"{many}{words}")]

    def _state_of(
        self, clause: WatchedClause, thing: str, at_ms: int, home: StreamPicture, by: str = ""
    ) -> tuple[Hit | None, ev.TimerSet | None]:
        try:
            holds = clause.holds_for(home, thing)
        except PlaybookError:
            holds = False
        clause.alone.pop(thing, None)
        if holds and thing not in clause.fired and self._by_citizens(clause.on, thing, by, home):
            clause.true_since.pop(thing, None)
            clause.doubt(thing, thing)
            return None, None
        if not holds:
            clause.true_since.pop(thing, None)
            clause.fired.discard(thing)
            clause.miss(thing, thing)
            return None, None
        if thing in clause.fired:
            return None, None
        since = clause.true_since.get(thing)
        if since is None:
            since = clause.true_since[thing] = at_ms
            if clause.for_ms:
                name = next(name for name, (_, _, _, one) in self._by_name.items() if one is clause)
                return None, ev.TimerSet(
                    id=f"{name}/{thing}/for", due_ms=at_ms + clause.for_ms, what=f"{name} for {thing}"
                )
        if at_ms - since < clause.for_ms:
            return None, None
        clause.fired.add(thing)
        record = getattr(home, TABLES[clause.on][0])[thing]
        label = getattr(record, "name", "") or getattr(record, "title", "") or thing
        return Hit(at_ms, "", thing, f"{label} ({clause.words({clause.on: record, 'city': home})})"), None

    def _by_citizens(self, table: str, thing: str, by: str, home: StreamPicture) -> bool:
        """Whether citizens alone stand for a record as it is, or for what moved it just now."""
        record = getattr(home, TABLES[table][0])[thing]
        if isinstance(record, Incident):
            return by_citizens_alone(record)
        return by in self._citizens or getattr(record, "source", "") in self._citizens

    def _fire(
        self,
        rule: Rule,
        group: WatchedGroup,
        index: int,
        hits: Sequence[Hit],
        ctx: Context,
        started: Started,
    ) -> list[ev.Event]:
        all_fired = [one for hit in hits if (one := _latched(group, index, hit)) is not None]
        return [event for hit in all_fired for event in self._start(rule, hit.subject, hit.words, ctx, started)]

    def _going(self, rule: Rule, subject: str) -> list[RunState]:
        key = str(rule.key.value({"subject": subject}))
        return [
            run
            for run in self._runs.alive.values()
            if run.rule.playbook.playbook == rule.playbook.playbook and run.key == key
        ]

    def _start(self, rule: Rule, subject: str, words: str, ctx: Context, started: Started) -> list[ev.Event]:
        playbook, home = rule.playbook, ctx.picture.home
        if playbook.applies.cities and home.city not in playbook.applies.cities:
            return []
        key = str(rule.key.value({"subject": subject}))
        going = self._going(rule, subject)
        if (playbook.playbook, key) in started or (going and playbook.mode.on_retrigger == "ignore"):
            return []
        found: list[ev.Event] = []
        if going and playbook.mode.on_retrigger == "escalate":
            return [alarm(f"{playbook.title}: fired again", words, going[0].id, f"again:{going[0].id}", ctx)]
        found += [ev.RunEnded(id=run.id, status="stopped", why="started anew") for run in going]
        recent = [
            run
            for run in home.runs.values()
            if run.playbook == playbook.playbook and run.started_ms > ctx.now_ms - _HOUR_MS
        ]
        if len(recent) >= playbook.guards.max_runs_per_hour:
            return []
        identifier = ctx.ids.new("R")
        started[playbook.playbook, key] = identifier
        return [
            *found,
            ev.RunStarted(
                id=identifier,
                playbook=playbook.playbook,
                playbook_version=playbook.version,
                key=key,
                trigger=words,
                subject=subject,
            ),
        ]

    def _mark_fired(self, rule: Rule, home: StreamPicture) -> None:
        subjects = {run.subject for run in home.runs.values() if run.playbook == rule.playbook.playbook}
        for _, _, clause in rule.clauses():
            if clause.clause.condition is not None:
                clause.fired |= {thing for thing in sorted(subjects) if clause.holds_for(home, thing)}


def alarm(title: str, cause: str, subject: str, key: str, ctx: Context) -> ev.AlarmRaised:
    """The alarm to raise, under the id it has while it stands."""
    known = standing(ctx.picture.home.alarms, key)
    return ev.AlarmRaised(
        id=known.id if known else ctx.ids.new("AL"),
        priority=1,
        title=title,
        cause_words=cause,
        subject=subject,
        key=key,
        consequence="the playbook goes no further by itself",
        action="Do by hand what is left, or decide anew",
        time_to_act_s=300,
    )


def _latched(group: WatchedGroup, index: int, hit: Hit) -> Hit | None:
    """The hit itself, or, where several clauses must fire together, one of all once the last has."""
    if group.latch is None:
        return hit
    hits = group.latch.set(index, hit)
    return Hit(hit.at_ms, hit.source, hit.subject, "; and ".join(one.words for one in hits)) if hits else None
