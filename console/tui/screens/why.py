"""WhyScreen: why each playbook fired or did not, with the nearest miss and what would flip it."""

from __future__ import annotations

from typing import Any

from console.commands import Explain
from console.tui import words
from console.tui.desk import Answer, Desk
from console.tui.lines import Item, Line, fact, heading, plain, wrapped
from console.tui.screens.page import PageScreen, title_line

STATES = {"running": "fired", "near": "did not fire", "quiet": "nothing to look at yet"}


class WhyScreen(PageScreen):
    """Asks the core for the traces; the runs of the picture stand there meanwhile."""

    def __init__(self, desk: Desk, playbook: str = "") -> None:
        super().__init__(desk)
        self._playbook = playbook
        self._traces: list[dict[str, Any]] = []
        self._state = "asking the core…"

    def heading(self) -> Line:
        """Which playbook."""
        return title_line("", "WHY, AND WHY NOT", self._playbook or "every playbook")

    def on_mount(self) -> None:
        """Asks."""
        self.desk.ask(Explain(playbook=self._playbook), self._got, self._failed)

    def _got(self, answer: dict[str, Any]) -> None:
        self._traces = [trace for trace in answer.get("traces", ()) if isinstance(trace, dict)]
        self._state = "" if self._traces else "no playbook has been judged yet"
        self.rows.reload()

    def _failed(self, why: str) -> None:
        self._state = why
        self.rows.reload()

    def items(self, width: int) -> list[Item]:
        """Traces, then runs."""
        found = [plain(self._state, width, "dim")] if self._state else []
        for trace in self._traces:
            found += _trace(trace, width)
        runs = [one for one in self.desk.home.runs.values() if self._playbook in ("", one.playbook)]
        if runs:
            found.append(heading("runs"))
        for run in sorted(runs, key=lambda one: (-one.started_ms, one.id)):
            found.append(
                fact(
                    words.clock(run.started_ms),
                    f"{run.playbook} v{run.version}, {run.status}: {run.trigger}",
                    width,
                    "strong",
                )
            )
            found += [fact("", f"{step}: {outcome}", width, "dim") for step, outcome in run.steps]
        return found


def _trace(trace: Answer, width: int) -> list[Item]:
    """One playbook: whether it fired, what came nearest and would flip it, and each line of its condition."""
    state = str(trace.get("state", ""))
    said = str(trace.get("words", ""))
    found = [heading(f"{trace.get('playbook', '')} v{trace.get('version', '')}: {STATES.get(state, state)}")]
    if said:
        label = {"running": "because", "near": "would flip"}.get(state, "")
        found.append(fact(label, said, width, "strong" if state == "near" else "text"))
    if trace.get("thing"):
        clause = f" (clause {trace['clause']})" if trace.get("clause") else ""
        found.append(fact("came nearest", f"{trace['thing']}{clause}", width, "dim"))
    for line in trace.get("lines", ()):
        values = ", ".join(f"{name} {_value(value)}" for name, value in dict(line["values"]).items())
        sign, style = ("✓", "dim") if line["holds"] is True else ("▲", "warn")
        said = f"{line['text']}   {values}".rstrip()
        found.append(Item("", wrapped(said, width, style, 17, (f"{sign:>16} ", style))))
    return found


def _value(value: object) -> str:
    return "unknown" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
