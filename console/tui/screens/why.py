"""WhyScreen: why each playbook fired or did not, with the nearest miss and what would flip it."""

from __future__ import annotations

from typing import Any

from console.commands import Explain
from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Item, Line, fact, heading, plain
from console.tui.screens.page import PageScreen, title_line


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
        super().on_mount()
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
            found.append(heading(f"{trace.get('playbook', '')}: {'fired' if trace.get('fired') else 'did not fire'}"))
            found += [plain(str(line), width) for line in trace.get("lines", ())]
            if trace.get("nearest_miss"):
                found.append(fact("nearest miss", str(trace["nearest_miss"]), width))
            if trace.get("flip"):
                found.append(fact("would flip", str(trace["flip"]), width, "strong"))
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
