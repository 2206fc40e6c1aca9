"""The top line: which world, how bad, can I trust it, who and when. The world's badge stands at every size."""

from __future__ import annotations

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import Line, Span, fit
from console.tui.widgets.banner import FINISHED
from console.tui.widgets.feeds import is_sick
from console.tui.widgets.line_bar import LineBar
from picture.model import Sensor

RISING = 0.02


class StatusBar(LineBar):
    """``tocsin DRILL … 1 3  2 6 … water 1.42 m ↑ feeds 5/6 … 10× 14:32:08 UTC``."""

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(ground="on_drill" if desk.link.world == "drill" else "on_bar", id=id)
        self.desk = desk

    def reload(self) -> None:
        """Shows the present counts, ages and clock."""
        width = self.size.width
        ground = "on_drill" if self.desk.link.world == "drill" else "on_bar"
        self.show(tuple(self._left_spans(width)), tuple(self._right_spans(width)), ground=ground)

    def _left_spans(self, width: int) -> list[Span]:
        home, link = self.desk.home, self.desk.link
        badge = {"": " NO WORLD YET ", "drill": " DRILL ", "live": " LIVE ", "whatif": " WHAT IF "}.get(
            link.world, f" {link.world.upper()} "
        )
        spans: list[Span] = [(" tocsin ", "strong"), (badge, "badge"), (" ", "dim")]
        if width >= 150 and home.drill.title:
            spans += [(fit(home.drill.title, min(len(home.drill.title), width // 6)), "text"), ("  ", "dim")]
        open_now = [one for one in home.incidents.values() if one.status == "open" and not one.duplicate_of]
        for level in (1, 2, 3, 4):
            count = sum(one.priority == level for one in open_now)
            spans += [(f" {level} ", f"p{level}" if count else "faint"), (f" {count} ", "text" if count else "faint")]
            spans.append((" " if width >= 110 else "", "dim"))
        if width >= 110 and (gauge := leading_gauge(list(home.sensors.values()))):
            spans.append((f" water {gauge.value:.2f} {gauge.unit} {trend(gauge)} ", "text"))
        sick = sum(is_sick(one, self.desk.now_ms) for one in home.feeds.values())
        if width >= 110:
            total = len(home.feeds)
            spans.append((f" feeds {total - sick}/{total}{' ▲' if sick else ''} ", "warn" if sick else "dim"))
        elif sick:
            spans.append((f" ▲{sick} feed{'s' if sick > 1 else ''} ", "warn"))
        loads = [one for one in home.loads.values() if one.level != "normal"]
        if loads:
            worst = max(loads, key=lambda one: one.waiting / max(one.room, 1))
            said = f"queue {worst.queue} {worst.waiting}/{worst.room}" if width >= 110 else "queue"
            spans.append((f" ▲ {fit(said, 34).rstrip()} ", "warn"))
        return spans

    def _right_spans(self, width: int) -> list[Span]:
        link, home = self.desk.link, self.desk.live
        spans: list[Span] = []
        if home.hands_off:
            spans.append((" HANDS OFF ", "badge"))
        spans += [*self._age(width), (" ", "dim")]
        if home.drill.stopped:
            done = home.drill.stopped in FINISHED
            spans.append((" FINISHED ", "badge") if done else (" STOPPED ", "bar_bad"))
        elif said := self.desk.pending_words("drill"):
            spans.append((f" {said} ", "pending"))
        elif link.paused:
            spans.append((" PAUSED ", "badge"))
        elif link.world == "drill":
            spans.append((f" ▶ {speed_words(link.speed)} ", "text"))
        if width >= 140:
            spans.append((f" {short(link.person, 14)} {short(link.position, 18)} ", "dim"))
        return [*spans, *self._clock()]

    def _clock(self) -> Line:
        """The world's time; while one looks back, the instant shown or asked for."""
        travel = self.desk.travel
        if (wanted := travel.wanted) is not None:
            to = f"entry {wanted.seq}" if wanted.seq is not None else words.clock(wanted.at_ms)
            return ((f" ◀ to {to}… ", "pending"),)
        if travel.past is not None:
            return ((f" ◀ PAST {words.clock(travel.past.at_ms)} UTC ", "past_badge"),)
        return ((f" {words.clock(self.desk.now_ms)} UTC ", "strong"),)

    def _age(self, width: int) -> Line:
        """How old the picture is: what an operator looks at is never older than it says."""
        link = self.desk.link
        if link.state == "connecting":
            return ((" connecting… ", "warn"),)
        seconds = self.desk.age_s
        old = link.state == "down" or seconds > 5
        if width < 110 and not old:
            return ()
        return ((f" picture {seconds:.0f} s{' ▲' if old else ''} ", "warn" if old else "dim"),)


def short(text: str, width: int) -> str:
    """The text in at most this many cells."""
    return fit(text, width).rstrip()


def speed_words(speed: float) -> str:
    """``10×``, or ``max``."""
    return "max" if speed <= 0 else f"{speed:g}×"


def leading_gauge(sensors: list[Sensor]) -> Sensor | None:
    """The believed water level gauge that stands highest."""
    found = [one for one in sensors if one.quantity == "water_level" and one.state == "ok" and one.value is not None]
    return max(found, key=lambda one: (one.value or 0.0, one.id), default=None)


def trend(one: Sensor) -> str:
    """An arrow for how the last values ran."""
    values = [value for _, value in one.recent[-4:]]
    if len(values) < 2:
        return ""
    change = values[-1] - values[0]
    return "↑" if change > RISING else "↓" if change < -RISING else "→"
