"""A playbook made ready to watch and to run: its conditions compiled, its clauses with what they have seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from picture.conditions import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Condition,
    Env,
    Expression,
    Field,
    Message,
    Type,
    list_of,
    message_type,
)
from picture.conditions.types import suggestion
from picture.entry import Entry
from picture.errors import PlaybookError
from picture.events import KINDS, Event
from picture.model import StreamPicture
from playbooks.references import in_words
from playbooks.schema import Clause, Playbook, Step, Trigger
from playbooks.vocabulary import CITY, CITY_MOVES, MOVES, TABLES, event_message, record_message, record_of, subject_of
from playbooks.windows import DistinctWindow, Hit, Latch

_VAR_TYPES: dict[str, Type] = {"int": INT, "double": DOUBLE, "bool": BOOL, "string": STRING, "strings": list_of(STRING)}
KEPT_MISSES = 64


def base_env(playbook: Playbook) -> Env:
    """The playbook's variables, as names that never change."""
    values = {
        name: (_VAR_TYPES[one.type], float(one.value) if one.type == "double" else one.value)  # type: ignore[arg-type]
        for name, one in playbook.vars.items()
    }
    return Env().with_constants(values)


def event_env(playbook: Playbook, kind: str) -> Env:
    """What a condition on an event may use: its fields, the variables, and ``mine`` (ids this run created)."""
    return base_env(playbook).with_fields("event", event_message(kind))


def record_env(playbook: Playbook, table: str) -> Env:
    """What a condition on a record may use: its fields, the variables, and ``city``."""
    return (
        base_env(playbook)
        .with_fields(table, record_message(table))
        .with_names({"city": message_type(CITY), "subject": STRING})
    )


def wait_env(playbook: Playbook, kind: str) -> Env:
    """As ``event_env``, with ``mine``: the ids of what this run created."""
    return event_env(playbook, kind).with_names({"mine": list_of(STRING), "subject": STRING})


def choice_env(playbook: Playbook) -> Env:
    """What a choice may use: the variables, ``city``, ``subject``, and each wait's event under the step's id."""
    waits = {
        step.id: Field(message_type(_as_mapping(event_message(step.wait.event))), optional=True)
        for step in playbook.all_steps().values()
        if step.wait is not None and step.wait.event in KINDS
    }
    return base_env(playbook).with_names({"city": message_type(CITY), "subject": STRING, **waits})


def _as_mapping(message: Message) -> Message:
    return Message(message.name, message.fields, mapping=True)


@dataclass(slots=True)
class WatchedClause:
    """One window, event or condition of a trigger, with what it has seen."""

    name: str
    """``any[0]``, ``any[1].all[0]``: where it stands in the file."""
    clause: Clause
    on: str
    condition: Condition
    window: DistinctWindow | None = None
    true_since: dict[str, int] = field(default_factory=dict)
    """Of a condition: record id -> since when it has been true."""
    fired: set[str] = field(default_factory=set)
    """Records it has fired for and that have not been false since."""
    misses: dict[str, Any] = field(default_factory=dict)
    """Last event or record id per thing for which it was false, for an explanation."""
    alone: dict[str, str] = field(default_factory=dict)
    """Thing -> what citizens alone said of it that would have satisfied this clause."""
    seen: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of events after which it is looked at."""
        if self.clause.condition is None:
            return (self.on,)
        own = tuple(kind for kind, (table, _) in MOVES.items() if table == self.on)
        return own + tuple(kind for kind in CITY_MOVES if "city." in self.condition.source and kind not in own)

    @property
    def for_ms(self) -> int:
        return self.clause.condition.for_ if self.clause.condition is not None else 0

    def holds_for(self, picture: StreamPicture, identifier: str) -> bool:
        """Whether its condition holds for a record as it is now."""
        record = record_of(picture, self.on, identifier)
        return record is not None and self.condition.evaluate({self.on: record, "city": picture, "subject": identifier})

    def words(self, bindings: Mapping[str, Any]) -> str:
        """What made it true, with values: ``value 3.41, level_hi 3.2``."""
        found: dict[str, Any] = {}
        for line in self.condition.explain(bindings):
            found.update({name: value for name, value in line.operands if value is not None})
        return ", ".join(f"{name.rpartition('.')[2]} {in_words(value)}" for name, value in found.items())

    def miss(self, thing: str, what: Any) -> None:
        """Keeps what it was false for, the newest of so many things."""
        self.misses.pop(thing, None)
        self.misses[thing] = what
        if len(self.misses) > KEPT_MISSES:
            del self.misses[next(iter(self.misses))]

    def doubt(self, thing: str, words: str) -> None:
        """Keeps what only citizens said, the newest of so many things."""
        self.alone.pop(thing, None)
        self.alone[thing] = words
        if len(self.alone) > KEPT_MISSES:
            del self.alone[next(iter(self.alone))]


@dataclass(slots=True)
class WatchedGroup:
    """One entry under ``any``: a clause, or several of which all must fire within a time."""

    clauses: list[WatchedClause]
    latch: Latch | None = None


@dataclass(slots=True)
class Rule:
    """A playbook ready to run. Its version is pinned in every run it starts."""

    playbook: Playbook
    groups: list[WatchedGroup]
    key: Expression
    waits: dict[str, Condition]
    """Wait step -> its condition."""
    cases: dict[str, list[tuple[Condition, str]]]
    """Choose step -> its cases."""
    clear_where: Condition | None = None
    clear_among: Condition | None = None
    steps: dict[str, Step] = field(default_factory=dict)
    covered: dict[str, str] = field(default_factory=dict)
    """Step -> the approve step that covers it."""

    @property
    def id(self) -> tuple[str, int]:
        return self.playbook.playbook, self.playbook.version

    def clauses(self) -> Iterator[tuple[WatchedGroup, int, WatchedClause]]:
        """Every clause with its group and its place within."""
        for group in self.groups:
            for index, clause in enumerate(group.clauses):
                yield group, index, clause

    def rearm(self, subject: str) -> None:
        """Lets what fired fire again: the run it started about this subject was cleared."""
        for group, _, clause in self.clauses():
            clause.fired.discard(subject)
            clause.true_since.pop(subject, None)
            if clause.window is not None:
                clause.window.rearm()
            if group.latch is not None:
                group.latch.fired.clear()


def compile_rule(playbook: Playbook) -> Rule:
    """The playbook made ready; PlaybookError TOC-6002 or TOC-6107 for the first condition that cannot be.

    ``playbooks.lint`` names every fault with its line; this is the engine's own check.
    """
    env = choice_env(playbook)
    steps = playbook.all_steps()
    clear = playbook.clear
    return Rule(
        playbook,
        [_group(playbook, clause, f"any[{index}]") for index, clause in enumerate(playbook.trigger.any)],
        Expression.compile(playbook.mode.key, base_env(playbook).with_names({"subject": STRING})),
        {step.id: Condition.compile(step.wait.where, wait_env(playbook, known_kind(step.wait.event)))
         for step in steps.values() if step.wait is not None},
        {step.id: [(Condition.compile(case.when, env), case.then) for case in step.choose]
         for step in steps.values() if step.choose is not None},
        Condition.compile(clear.where, record_env(playbook, known_table(clear.on))) if clear else None,
        Condition.compile(clear.among, record_env(playbook, known_table(clear.on))) if clear else None,
        steps,
        {name: step.id for step in steps.values() if step.approve is not None for name in step.approve.of},
    )  # fmt: skip


def known_kind(kind: str) -> str:
    """The kind itself; PlaybookError TOC-6104 with a suggestion where no event is called so."""
    if kind in KINDS:
        return kind
    raise PlaybookError(f"There is no event {kind!r}.{suggestion(kind, KINDS)}", code="TOC-6104")


def known_table(table: str) -> str:
    """The name of a kind of record itself; PlaybookError TOC-6104 with a suggestion otherwise."""
    if table in TABLES:
        return table
    raise PlaybookError(f"There is no record {table!r}.{suggestion(table, TABLES)}", code="TOC-6104")


def trigger_clauses(trigger: Trigger) -> Iterator[tuple[tuple[str | int, ...], Clause]]:
    """Every plain clause of a trigger with its path in the file."""
    for index, clause in enumerate(trigger.any):
        path: tuple[str | int, ...] = ("trigger", "any", index)
        if clause.all is None:
            yield path, clause
        for inner, one in enumerate(clause.all or ()):
            yield (*path, "all", inner), one


def compile_clause(playbook: Playbook, clause: Clause, name: str) -> WatchedClause:
    """One plain clause made ready; PlaybookError for a kind, record or condition that cannot be."""
    if clause.window is not None:
        kind = known_kind(clause.window.on)
        condition = Condition.compile(clause.window.where, event_env(playbook, kind))
        window = DistinctWindow(clause.window.within, clause.window.at_least, playbook.guards.require_sources)
        return WatchedClause(name, clause, kind, condition, window)
    if clause.event is not None:
        kind = known_kind(clause.event.on)
        return WatchedClause(name, clause, kind, Condition.compile(clause.event.where, event_env(playbook, kind)))
    assert clause.condition is not None
    table = known_table(clause.condition.on)
    return WatchedClause(name, clause, table, Condition.compile(clause.condition.where, record_env(playbook, table)))


def _group(playbook: Playbook, clause: Clause, name: str) -> WatchedGroup:
    if clause.all is None:
        return WatchedGroup([compile_clause(playbook, clause, name)])
    inner = [compile_clause(playbook, one, f"{name}.all[{index}]") for index, one in enumerate(clause.all)]
    return WatchedGroup(inner, Latch(clause.within, len(inner)))


def hit_of(clause: WatchedClause, entry: Entry, event: Event, *, citizens: bool = False) -> Hit | None:
    """The hit when an event satisfies a window's or event clause's condition, else None (kept as a miss).

    ``citizens``: it came by a feed of theirs.
    """
    clause.seen += 1
    bindings = {"event": event}
    subject = _subject(clause, event)
    if not clause.condition.evaluate(bindings):
        clause.miss(subject, event)
        return None
    return Hit(entry.at_ms, entry.source or entry.actor.person, subject, clause.words(bindings), citizens)


def _subject(clause: WatchedClause, event: Event) -> str:
    window = clause.clause.window
    if window is not None and window.subject:
        return str(getattr(event, window.subject))
    return subject_of(event)[1]
