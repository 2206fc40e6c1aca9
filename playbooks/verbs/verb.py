"""What most verbs have in common: names, classes, and nothing to undo unless they say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from picture.errors import PlaybookError
from picture.events import EffectModel


class Arguments(BaseModel):
    """What a playbook writes under ``with``; unknown arguments are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlainVerb:
    """Defaults of a verb; see ``playbooks.effects.Verb``."""

    name: ClassVar[str]
    act_class: ClassVar[str] = "act_if_approved"
    reversible: ClassVar[bool] = False
    outward: ClassVar[bool] = False
    undo: ClassVar[str] = ""
    gives: ClassVar[tuple[str, ...]] = ()
    Args: ClassVar[type[BaseModel]] = Arguments

    def undo_args(self, results: Mapping[str, Any]) -> dict[str, Any] | None:
        """Nothing to undo."""
        return None

    def effect(self, summary: str, args: dict[str, Any]) -> EffectModel:
        """One effect of this verb; the engine gives it its id."""
        return EffectModel(id="", verb=self.name, act_class=self.act_class, summary=summary, args=args,
                           reversible=self.reversible, undo=self.undo)  # fmt: skip


def cannot(why: str) -> PlaybookError:
    """The error of a step that cannot be done as things are, to be raised by the caller."""
    return PlaybookError(why, code="TOC-6109")


def counted(number: int, thing: str) -> str:
    """``1 segment``, ``12 segments``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
