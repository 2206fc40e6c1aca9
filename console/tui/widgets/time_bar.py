"""TimeBar: the two lines that stand on every screen while one looks at the past, and how to move in it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Line, Span, fit
from console.tui.past import Past
from console.tui.travel import gap
from console.tui.widgets.line_bar import LineBar

KEYS: Line = (
    (" [ ]", "key"), (" minute ", "dim"), (" { }", "key"), (" hour ", "dim"), (" < >", "key"), (" entry ", "dim"),
    (" T", "key"), (" time ", "dim"),
)  # fmt: skip
KEYS_CELLS = 39
ROOMY = 110


class TimeBar(Vertical):
    """Which instant is shown and how long ago it was, in words; the present's alarms; where it lies in the journal."""

    DEFAULT_CSS = "TimeBar { height: 2; display: none; }"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.said = LineBar(ground="on_past")
        self.track = LineBar(ground="on_panel")

    def compose(self) -> ComposeResult:
        """Instant, then track."""
        yield self.said
        yield self.track

    def reload(self) -> None:
        """Appears, goes, or moves on; the ages count."""
        past = self.desk.travel.past
        self.display = past is not None
        if past is not None:
            width = self.app.size.width
            self.said.show(self._instant(past, width), self._present(width))
            self.track.show(self._track(past, width))

    def _instant(self, past: Past, width: int) -> Line:
        travel = self.desk.travel
        ago = gap(self.desk.link.now_ms() - past.at_ms)
        spans: list[Span] = [(f" ◀ PAST  {words.clock(past.at_ms)} UTC, {ago} ago ", "past_badge")]
        if width >= ROOMY:
            known = f" as it was known after entry {past.seq} of {travel.now_seq}; "
            spans.append((f"{known}nothing is commanded here, the depth of water is not drawn ", "past"))
        else:
            spans.append((f" entry {past.seq} ", "past"))
        return tuple(spans)

    def _present(self, width: int) -> Line:
        fresh = sum(words.unacknowledged(one) for one in self.desk.live.alarms.values())
        said = f" now: {fresh} alarm{'s' if fresh != 1 else ''}{' not acknowledged' if width >= ROOMY else ''} "
        return (
            (f" ▲{said}" if fresh else said, "bar_bad" if fresh else "past"),
            (" N", "past_badge"),
            (" back ", "past"),
        )

    def _track(self, past: Past, width: int) -> Line:
        travel = self.desk.travel
        cells = max(8, min(60, width - KEYS_CELLS - 22 if width < ROOMY else width // 4))
        first, now = travel.first_ms or past.at_ms, self.desk.link.now_ms()
        share = (past.at_ms - first) / max(now - first, 1)
        at = min(cells - 1, max(0, round(share * (cells - 1))))
        line: list[Span] = [
            (f" {words.clock(first, seconds=False)} ", "dim"),
            ("━" * at, "text"),
            ("●", "strong"),
            ("─" * (cells - 1 - at), "faint"),
            (f" now {words.clock(now, seconds=False)} ", "dim"),
            *KEYS,
        ]
        if width >= ROOMY:
            line.append((fit(f" S entries  {travel.words()}", max(8, width - cells - KEYS_CELLS - 20)), "text"))
        return tuple(line)
