"""Who is at the desk: a person in a position, with a role that says what the console lets them do."""

from __future__ import annotations

from dataclasses import dataclass

from picture.entry import Actor
from picture.errors import RefusedError

ROLES: dict[str, frozenset[str]] = {
    # role: what it may ask of a core, by command name ("*" for everything)
    # No nearest_units: distances to three incidents give away where a crew is, which is sealed for an observer.
    "observer": frozenset({"resolve_place", "explain", "lock", "unlock"}),
    "operator": frozenset(
        {
            "resolve_place",
            "take_report",
            "change_incident",
            "close_incident",
            "reopen_incident",
            "mark_duplicate",
            "write_log",
            "assign",
            "stand_down",
            "set_status",
            "quick",
            "decide",
            "edit_proposal",
            "ack_alarm",
            "clear_alarm",
            "cancel_alert",
            "hands_off",
            "hand_over",
            "claim",
            "release",
            "lock",
            "unlock",
            "close_road",
            "reopen_road",
            "change_road",
            "nearest_units",
            "explain",
            "open_counted",
        }
    ),
    "supervisor": frozenset({"*"}),
    "exercise_control": frozenset({"*"}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may act on a core."""

    name: str
    position: str
    agency: str
    role: str = "operator"
    public_key: str = ""
    """Hex of the Ed25519 key their decisions are signed with."""
    simulated: bool = False

    @property
    def actor(self) -> Actor:
        return Actor(self.name, self.position, self.agency, self.simulated)

    def require(self, command: str) -> None:
        """Nothing if this role may give the command; ``RefusedError`` TOC-4004 otherwise."""
        allowed = ROLES.get(self.role, frozenset())
        if command not in allowed and "*" not in allowed:
            raise RefusedError(f"An {self.role} may not {command.replace('_', ' ')}.", code="TOC-4004")
