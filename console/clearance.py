"""What of the picture reaches whom: one row per clearance, and which role has which.

An entry that a clearance may not read reaches its clients as cursor, hash and kind: order and chain stay whole, and
all clients of one clearance fold the same view.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clearance:
    """What somebody may see."""

    sealed: bool
    """Whether sealed values travel opened, beside their entries; raw bytes of messages never do."""
    withheld: frozenset[str]
    """Kinds of entries that travel without their content."""
    without: tuple[str, ...] | None
    """The tables that only withheld kinds fill, if that is all those kinds do: the view is the whole picture without
    them. None where the view must be folded by itself."""


CLEARANCES: dict[str, Clearance] = {
    "observer": Clearance(
        sealed=False,  # names, callers, positions of crews: not for somebody who only looks on
        withheld=frozenset(
            {
                "report.received",  # who reported what, and from where
                "report.refused",  # quotes what a stranger sent
                "log.written",  # the operators' own words
                "command.refused",  # who was refused what is between them and their supervisor
                "value.read",  # who looked at whose data
                "user.changed",  # who may log in
            }
        ),
        without=None,  # reports also move their feeds' counters
    ),
    "operator": Clearance(
        sealed=True,  # whoever takes calls must read them
        withheld=frozenset({"user.changed"}),  # who may log in, with which key, is for those who administer it
        without=("users",),
    ),
    "full": Clearance(sealed=True, withheld=frozenset(), without=()),
}

BY_ROLE = {
    "observer": "observer",
    "operator": "operator",
    "supervisor": "full",
    "exercise_control": "full",
}


def clearance_of(role: str) -> str:
    """The name of a role's clearance; the least for a role that is not known."""
    return BY_ROLE.get(role, "observer")
