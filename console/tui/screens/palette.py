"""The command palette: everything that can be done, and everything that can be gone to, found by typing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from console.tui import details, words
from console.tui.desk import Desk
from console.tui.keys import KEYS
from console.tui.lines import Col, row
from console.tui.screens.pick import Choice

if TYPE_CHECKING:
    from console.tui.app import TocsinApp

GO_TO = (("incident", "incidents"), ("proposal", "proposals"), ("unit", "units"), ("alarm", "alarms"),
         ("vessel", "vessels"), ("facility", "facilities"), ("sensor", "sensors"), ("hazard", "hazards"),
         ("closure", "closures"),
         ("road_change", "road_changes"), ("alert", "alerts"), ("request", "requests"), ("feed", "feeds"))  # fmt: skip


def choices(app: TocsinApp, desk: Desk) -> list[Choice]:
    """Actions first, then things, then playbooks."""
    return [*_actions(app), *_things(desk), *_playbooks(desk)]


def run(app: TocsinApp, chosen: str) -> None:
    """Does what was chosen."""
    kind, _, rest = chosen.partition(" ")
    if kind == "do":
        app.call_later(app.run_action, f"app.{rest}")
    elif kind == "go":
        app.go_to(rest)
    elif kind == "why":
        app.show_why(rest)


def _actions(app: TocsinApp) -> Iterator[Choice]:
    for key in KEYS:
        if key.action:
            text = f"{key.words}  {key.key}"
            yield Choice(f"do {key.action}", partial(_line, key.words, f"key {key.shown}"), text)


def _things(desk: Desk) -> Iterator[Choice]:
    for kind, table in GO_TO:
        for name in getattr(desk.home, table):
            key = f"{kind}:{name}"
            title = details.title(desk, key)
            yield Choice(
                f"go {key}",
                partial(_line, f"Go to {kind} {title}", _place(desk, kind, str(name))),
                f"go to {kind} {title}",
            )


def _playbooks(desk: Desk) -> Iterator[Choice]:
    names = sorted(
        {one.playbook for one in desk.home.runs.values()} | {one.playbook for one in desk.home.proposals.values()}
    )
    for name in ["", *names]:
        said = f"Why: playbook {name}" if name else "Why: every playbook, why it fired or did not"
        yield Choice(f"why {name}", partial(_line, said, "trace"), said)


def _place(desk: Desk, kind: str, name: str) -> str:
    if kind == "incident":
        return words.where(desk.home.incidents[name].place)
    if kind == "unit":
        return words.status(desk.home.units[name])
    return ""


def _line(said: str, side: str, width: int) -> tuple[tuple[str, str], ...]:
    return row(width, Col(said, "text"), Col(side, "dim", min(28, width // 3)))
