"""The gate of a core: who may sit down at a client, what of the picture reaches them, and what they may send.

A ``Gate`` judges a client's hello once, and every command it gives after that. A drill or what-if lets anybody play
under a throw-away key (``DrillGate``); a live world knows its users (``console.users.UserGate``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from console.commands import ChangeUser, Command
from console.desk import Handled
from console.people import Person
from picture.errors import RefusedError


class Hello(BaseModel):
    """A client's first frame: versions, who it says it is, and how far it has read."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    protocol: str = ""
    fold: str = ""
    person: str = Field(max_length=80)
    position: str = Field(max_length=80)
    public_key: str = Field(default="", max_length=64, pattern="^([0-9a-f]{64})?$")
    """Hex Ed25519 key that this client signs decisions with; empty if it makes none."""
    cursor: dict[str, int] = Field(default_factory=dict)
    client: Literal["", "tui", "cli", "browser"] = ""
    token: str = Field(default="", max_length=100, repr=False)
    totp: str = Field(default="", max_length=10, repr=False)
    ticket: str = Field(default="", max_length=1000, repr=False)
    """What the core gave at log-in, to come back to the same session after the link broke."""


@dataclass(slots=True)
class Seat:
    """Somebody at a client now."""

    person: Person
    clearance: str
    """Which of the picture's views they follow: a row of ``console.clearance.CLEARANCES``."""
    client: str = ""
    proof: Literal["name", "ticket", "log-in"] = "name"
    """What they showed: only a name, the ticket of an earlier log-in, or token and second factor now."""
    session: str = ""
    """Id of the session's entries; a ticket names it, else the door does."""
    locked: bool = False
    read: set[tuple[str, int, str]] = field(default_factory=set)
    """Sealed values of past pictures that this session opened, as the journal says already."""


class Gate(Protocol):
    """Who may do what at one core."""

    def admit(self, hello: Hello) -> Seat:
        """The seat of whoever said hello; ``RefusedError`` where there is none for them."""
        ...

    def allow(self, seat: Seat, command: Command) -> None:
        """Nothing if this command may be given from this seat; ``RefusedError`` otherwise. Roles are judged later."""
        ...

    def still(self, seat: Seat) -> bool:
        """Whether this person may still sit there, as the picture says now."""
        ...

    def ticket(self, seat: Seat) -> str:
        """What lets this client come back to its session without logging in again; empty where it needs nothing."""
        ...

    def prove(self, seat: Seat, token: str, totp: str) -> None:
        """Nothing if one of the two is this person's; ``RefusedError`` otherwise."""
        ...

    def change_user(self, seat: Seat, command: ChangeUser) -> Handled:
        """Drafts and answer of a change among the users; ``RefusedError`` where it may not be."""
        ...


class DrillGate:
    """Anybody may play in a drill, under one key a name while the core lives; nobody plays a simulated person."""

    def __init__(self, simulated: Callable[[str], bool]) -> None:
        self._simulated = simulated
        self._keys: dict[str, str] = {}

    def admit(self, hello: Hello) -> Seat:
        if self._simulated(hello.person):
            raise RefusedError(f"{hello.person} is simulated in this drill.", code="TOC-4004")
        if self._keys.setdefault(hello.person, hello.public_key) != hello.public_key:
            raise RefusedError(f"{hello.person} is at another desk with another key.", code="TOC-4004")
        person = Person(hello.person, hello.position, "EOC", "exercise_control", hello.public_key)
        return Seat(person, "full", hello.client)

    def allow(self, seat: Seat, command: Command) -> None:
        """Nothing: in a drill the role says it all."""

    def still(self, seat: Seat) -> bool:
        return True

    def ticket(self, seat: Seat) -> str:
        return ""

    def prove(self, seat: Seat, token: str, totp: str) -> None:
        raise RefusedError("Nobody has a token in a drill: use the PIN it was locked with.", code="TOC-4031")

    def change_user(self, seat: Seat, command: ChangeUser) -> Handled:
        raise RefusedError("A drill has no users: whoever attaches may play.", code="TOC-4042")
