"""The scenario file: a reviewable YAML that says who takes part, what arrives when, and what is expected.

A scenario is a folder: ``scenario.yaml``, ``messages.jsonl`` with the recorded bytes it names, ``expected.yaml`` and
a README for the trainer. Everything is strict: an unknown key is refused with its place.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from console.commands import Command
from console.directory import Recipient
from feeds.config import FeedConfig
from picture.errors import UsageError

T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(_Strict):
    """How a simulated person decides: first fitting rule; none fits, none decides."""

    playbook: str = "*"
    """Glob over playbook names."""
    title: str = "*"
    verdict: Literal["approve", "reject"] = "approve"
    after_s: float = Field(default=60, ge=0)
    from_s: float = Field(default=0, ge=0)
    until_s: float | None = None
    """Holds for proposals made from then (inclusive) until then; a shift has two ends."""


class Person(_Strict):
    """A person of the exercise. ``simulated`` ones decide by their policies; the others are played."""

    name: str
    position: str
    agency: str
    simulated: bool = True
    decides: tuple[Policy, ...] = ()


class Reply(_Strict):
    """A message of a simulated counterpart; ``{request}`` in a string stands for the request's id."""

    after_s: float = Field(ge=0)
    feed: str
    body: dict[str, Any]


class Reaction(_Strict):
    """What a counterpart answers to a Request of ours."""

    to: str
    what: str = "*"
    """Glob over the request's words."""
    replies: tuple[Reply, ...]
    once: bool = False


class Scripted(_Strict):
    """A command that a simulated person gives at a time."""

    at_s: float = Field(ge=0)
    person: str
    command: Annotated[Command, Field()]
    why: str = ""


class InjectSpec(_Strict):
    """A named event of the exercise, for the trainer's list."""

    id: str
    at_s: float = Field(ge=0)
    title: str


class Scenario(_Strict):
    """The whole exercise."""

    schema_: Literal["tocsin.scenario/1"] = Field(alias="schema")
    id: str
    title: str
    summary: str = ""
    city: str
    start: datetime
    minutes: float = Field(gt=0, le=10_000)
    seed: int = 1
    playbooks: tuple[str, ...] = ()
    """Names of library playbooks that are armed."""
    own_agencies: tuple[str, ...] = ()
    feeds: tuple[FeedConfig, ...]
    people: tuple[Person, ...]
    directory: tuple[Recipient, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    script: tuple[Scripted, ...] = ()
    injects: tuple[InjectSpec, ...] = ()


class ExpectedIncident(_Strict):
    id: str
    kind: str
    near: tuple[float, float] | None = None
    within_m: float = 400
    by_s: float
    count: int = 1
    """How many separate incidents of this kind there must be within the circle."""
    at_most: int | None = None


class ExpectedProposal(_Strict):
    id: str
    playbook: str
    title: str = "*"
    by_s: float
    status: str = "*"


class ExpectedClosure(_Strict):
    id: str
    name: str
    by_s: float


class ExpectedAlert(_Strict):
    id: str
    kind: str
    by_s: float
    recipient: str = "*"
    state: str = "*"


class ExpectedFact(_Strict):
    """A watched name (see ``picture.decisions.observe``) that must have this value at the end."""

    id: str
    name: str
    equals: str | int | float | bool


class ExpectedAlarm(_Strict):
    id: str
    title: str
    by_s: float


class Expected(_Strict):
    """What must have happened by when."""

    incidents: tuple[ExpectedIncident, ...] = ()
    proposals: tuple[ExpectedProposal, ...] = ()
    closures: tuple[ExpectedClosure, ...] = ()
    alerts: tuple[ExpectedAlert, ...] = ()
    alarms: tuple[ExpectedAlarm, ...] = ()
    facts: tuple[ExpectedFact, ...] = ()
    refused: dict[str, int] = Field(default_factory=dict)
    """Refusal code -> at least how many."""


def load(folder: Path) -> Scenario:
    """The scenario of a folder; a mistake is a ``UsageError`` TOC-1004 that names file and key."""
    return _checked(TypeAdapter(Scenario), folder / "scenario.yaml")


def load_expected(folder: Path) -> Expected:
    """The expectations of a folder; none written means none held."""
    path = folder / "expected.yaml"
    return _checked(TypeAdapter(Expected), path) if path.exists() else Expected()


def _checked(adapter: TypeAdapter[T], path: Path) -> T:
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        return adapter.validate_python(data)
    except OSError as error:
        raise UsageError(f"{path.name}: {error.strerror}", code="TOC-1004") from error
    except YAMLError as error:
        # The parser's own words quote the line, and with it what may be a secret.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise UsageError(f"{path.name}: {where}{problem or 'it is not YAML'}", code="TOC-1004") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path.name}: {where}: {first['msg']}", code="TOC-1004") from None
