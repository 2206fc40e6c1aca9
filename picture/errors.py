"""The catalogue of everything Tocsin refuses: one stable code, one sentence, one remedy each.

Families (``TOC-1xxx`` to ``TOC-9xxx``), by cause::

    TocsinError
    ├── UsageError      1xxx  the command line or configuration asks for something that cannot be
    ├── InputError      2xxx  a message, file or form from outside is not acceptable
    ├── JournalError    3xxx  the journal refused or failed verification
    ├── RefusedError    4xxx  a decision, command or access is not allowed now
    ├── RoadError       5xxx  city pack, routing and hazards
    ├── PlaybookError   6xxx  a playbook or condition cannot work
    ├── DeliveryError   7xxx  something could not be handed over to the outside
    └── InternalError   9xxx  a fault of ours
"""

from __future__ import annotations

from typing import ClassVar

from picture.catalogue import CATALOGUE

__all__ = [
    "CATALOGUE",
    "DeliveryError",
    "InputError",
    "InternalError",
    "JournalError",
    "PlaybookError",
    "RefusedError",
    "RoadError",
    "TocsinError",
    "UsageError",
]


class TocsinError(Exception):
    """A refusal with a stable code, a sentence for the operator and a remedy.

    ``detail`` says what exactly, in plain words; it never holds secrets or sealed values.
    """

    family: ClassVar[str] = "9"
    default: ClassVar[str] = "TOC-9001"

    def __init__(self, detail: str = "", *, code: str | None = None, diff: tuple[str, ...] = ()) -> None:
        self.code = code or self.default
        self.detail = detail
        self.diff = diff
        meaning, self.remedy = CATALOGUE[self.code]
        self.message = f"{meaning} {detail}".strip() if detail else meaning
        super().__init__(f"{self.code} {self.message}")

    def as_json(self) -> dict[str, dict[str, str]]:
        """The error as the command line and the API print it (DESIGN, JSON out)."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


class UsageError(TocsinError):
    """The command line or the configuration asks for something that cannot be."""

    family = "1"
    default = "TOC-1002"


class InputError(TocsinError):
    """A message, file or form from outside is not acceptable."""

    family = "2"
    default = "TOC-2002"


class JournalError(TocsinError):
    """The journal refused an append or failed verification."""

    family = "3"
    default = "TOC-3001"


class RefusedError(TocsinError):
    """A decision, command or access is not allowed now."""

    family = "4"
    default = "TOC-4001"


class RoadError(TocsinError):
    """City pack, routing or hazard field cannot answer."""

    family = "5"
    default = "TOC-5001"


class PlaybookError(TocsinError):
    """A playbook or condition cannot work."""

    family = "6"
    default = "TOC-6001"


class DeliveryError(TocsinError):
    """Something could not be handed over to the outside."""

    family = "7"
    default = "TOC-7001"


class InternalError(TocsinError):
    """A fault of ours."""

    family = "9"
    default = "TOC-9001"
