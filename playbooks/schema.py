"""The format of a playbook, as models; ``load`` reads a file strictly and names line, column and the nearest key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from picture.conditions.types import suggestion
from picture.errors import PlaybookError
from playbooks.reading import Document, read_document

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000}


def duration_ms(value: object) -> int:
    """Milliseconds of ``90s``, ``10m``, ``2h``, ``250ms``; ValueError for anything else."""
    match = re.fullmatch(r"(\d{1,6})\s*(ms|s|min|m|h)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is written like 90s, 10m or 2h")
    return int(match.group(1)) * _UNITS_MS[match.group(2)]


Duration = Annotated[int, BeforeValidator(duration_ms)]
M = TypeVar("M", bound=BaseModel)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Lines = str | list[str]
"""A condition: one line, or several that must all hold."""


class Strict(BaseModel):
    """Refuses unknown keys with the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        known = [info.alias or name for name, info in cls.model_fields.items()]
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                near = suggestion(str(key), known) or f" It takes {', '.join(known)}."
                raise PydanticCustomError(
                    "unknown_key", "{words}", {"key": key, "words": f"{key!r} is not known here.{near}"}
                )
        return data


class Var(Strict):
    """A variable of a playbook: its type, its unit where it has one, and its value."""

    type: Literal["int", "double", "bool", "string", "strings"]
    unit: str = ""
    value: int | float | bool | str | list[str]

    @model_validator(mode="after")
    def _fits(self) -> Var:
        kinds: dict[str, tuple[type, ...]] = {
            "int": (int,),
            "double": (int, float),
            "bool": (bool,),
            "string": (str,),
            "strings": (list,),
        }
        if not isinstance(self.value, kinds[self.type]) or (self.type != "bool" and isinstance(self.value, bool)):
            raise ValueError(f"{self.value!r} is no {self.type}")
        if self.type in ("int", "double") and not self.unit:
            raise ValueError("a number needs its unit; write unit: '1' for a plain count")
        return self


class Window(Strict):
    """So many different things within a time: k of n distinct."""

    on: str
    where: Lines
    by: str = ""
    """Field that parts the window: each value counts for itself."""
    count_distinct: str = ""
    """Field whose different values are counted; without it, events are counted."""
    at_least: int = Field(default=1, ge=1, le=1000)
    within: Duration
    subject: str = ""
    """Field that names what a run is about; by default the id of the event's record."""


class EventClause(Strict):
    """One event that fires by itself."""

    on: str
    where: Lines = "true"


class StateClause(Strict):
    """A condition on each record of a kind, firing when it becomes true, or has been so ``for`` a time."""

    on: str
    where: Lines
    for_: Duration = Field(default=0, alias="for")


class Clause(Strict):
    """One of: window, event, condition; or ``all`` of several within a time."""

    window: Window | None = None
    event: EventClause | None = None
    condition: StateClause | None = None
    all: list[Clause] | None = None
    within: Duration = 1_800_000

    @model_validator(mode="after")
    def _one_of(self) -> Clause:
        return _exactly_one(self, ("window", "event", "condition", "all"))


class Trigger(Strict):
    """Any of these clauses fires."""

    any: list[Clause] = Field(min_length=1)


class Clear(Strict):
    """What ends a run: a condition that stays true for a time. ``of`` names records; all of them must satisfy it."""

    on: str
    where: Lines
    among: Lines = "true"
    """Which records count; the others are not looked at."""
    for_: Duration = Field(default=0, alias="for")


class Mode(Strict):
    """Which runs are the same run, and what a trigger does while one is going on."""

    key: str = "'one'"
    """An expression over ``subject``: one run at a time per value."""
    on_retrigger: Literal["ignore", "restart", "escalate"] = "ignore"


class Guards(Strict):
    require_sources: int = Field(default=1, ge=1, le=10)
    """How many independent sources (feeds) must have spoken in the window that fires."""
    max_runs_per_hour: int = Field(default=6, ge=1, le=1000)


class WatchedName(Strict):
    name: str
    tolerance: float = Field(default=0.0, ge=0.0, strict=False)
    words: str = ""


class Approve(Strict):
    """Asks people for their word on the effects of later steps, drafted before and carried out exactly as shown."""

    of: list[Name] = Field(min_length=1)
    title: str = ""
    positions: list[str] = Field(min_length=1)
    quorum: int = Field(default=1, ge=1, le=5)
    within: Duration
    on_timeout: Literal["escalate"] = "escalate"
    on_reject: str = "stop"
    """``stop``, ``continue``, or the id of a step."""
    show: list[str] = []
    watch: list[WatchedName] = []


class Wait(Strict):
    """Waits for an event, for so long."""

    event: str
    where: Lines = "true"
    within: Duration


class Case(Strict):
    when: Lines
    then: str


class Step(Strict):
    """One step: exactly one of do, approve, parallel, wait, choose."""

    id: Name
    do: str | None = None
    with_: dict[str, Any] = Field(default={}, alias="with")
    approve: Approve | None = None
    parallel: list[Step] | None = Field(default=None, min_length=1)
    wait: Wait | None = None
    choose: list[Case] | None = Field(default=None, min_length=1)
    otherwise: str = ""
    """Of choose: the step where no case holds; by default the next."""
    next: str = ""
    """The step after this one, or ``end``; by default the next in the file."""
    on_timeout: str = ""
    """Of wait: ``stop``, ``continue``, ``escalate``, or the id of a step."""
    on_failure: str = "stop"
    """``stop``, ``continue``, ``escalate``, or the id of a step."""
    undo: str = ""

    @model_validator(mode="after")
    def _one_of(self) -> Step:
        return _exactly_one(self, ("do", "approve", "parallel", "wait", "choose"))


class Applies(Strict):
    jurisdiction: str = ""
    classification: str = ""
    cities: list[str] = []
    """Cities it is written for; empty: any."""


class Playbook(Strict):
    """A whole playbook."""

    playbook: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
    version: int = Field(ge=1)
    title: str = Field(min_length=1)
    doctrine: str = Field(min_length=1)
    priority: int = Field(default=2, ge=1, le=4)
    applies: Applies = Applies()
    mode: Mode = Mode()
    vars: dict[Name, Var] = {}
    trigger: Trigger
    clear: Clear | None = None
    guards: Guards = Guards()
    steps: list[Step] = Field(min_length=1)

    def all_steps(self) -> dict[str, Step]:
        """Every step by id, those inside ``parallel`` too."""
        return {one.id: one for step in self.steps for one in (step, *(step.parallel or ()))}

    def following(self, step: str) -> str:
        """The id of the step after a top-level step; ``end`` behind the last."""
        ids = [one.id for one in self.steps]
        at = ids.index(step)
        named = self.steps[at].next
        return named or (ids[at + 1] if at + 1 < len(ids) else "end")


def _exactly_one(model: M, names: tuple[str, ...]) -> M:
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) != 1:
        what = "none" if not given else " and ".join(given)
        raise ValueError(f"exactly one of {', '.join(names)} is needed; here is {what}")
    return model


class Fault(BaseModel):
    """A place in a file and what is wrong there."""

    line: int
    column: int
    code: str
    message: str
    suggestion: str = ""


def load(path: Path) -> tuple[Playbook, Document]:
    """The playbook in a file and the file's places; PlaybookError with line and column of every fault of form."""
    document = read_document(path)
    playbook, faults = validated(document)
    if playbook is None:
        lines = "; ".join(f"{path.name}:{one.line}:{one.column}: {one.message}" for one in faults)
        raise PlaybookError(lines, code=faults[0].code)
    return playbook, document


def validated(document: Document) -> tuple[Playbook | None, list[Fault]]:
    """The playbook, or the faults of its form in the order of the file."""
    try:
        return Playbook.model_validate(document.data), []
    except ValidationError as error:
        found = {(one.line, one.column, one.message): one for one in (_fault(document, raw) for raw in error.errors())}
        return None, [found[key] for key in sorted(found)]


def _fault(document: Document, raw: Any) -> Fault:
    path = _in_file(document, raw["loc"])
    if raw["type"] == "unknown_key":
        line, column = document.at((*path, raw["ctx"]["key"]))
        words, _, near = raw["msg"].partition(" Did you mean ")
        return Fault(
            line=line, column=column, code="TOC-6103", message=raw["msg"], suggestion=near.strip("'?") if words else ""
        )
    line, column = document.at(path)
    where = ".".join(str(part) for part in raw["loc"] if not isinstance(part, int))
    message = raw["msg"].removeprefix("Value error, ")
    return Fault(line=line, column=column, code="TOC-6104", message=f"{where or 'playbook'}: {message}.")


def _in_file(document: Document, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    # pydantic adds parts of its own for unions; only what stands in the file is kept
    path: tuple[str | int, ...] = ()
    for part in loc:
        if document.has((*path, part)):
            path = (*path, part)
    return path
