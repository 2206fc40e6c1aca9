"""Modal: the ground of every dialog; a box over the dimmed screen, with the world in its heading.

What lies under a dialog is kept as it stood and looked at again once a second: Textual would compose and tint the
whole screen below anew for every mark that moves on it, and a typed letter would wait for that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Vertical
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from console.tui import words
from console.tui.desk import Desk
from console.tui.lines import fit
from console.tui.screens.opening import Opening
from console.tui.widgets.key_line import KeyLine
from console.tui.widgets.line_bar import LineBar
from console.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from console.tui.app import TocsinApp

R = TypeVar("R")
LOOK_AGAIN_S = 1.0
DIMMED = 0.6
ON_ITS_WAY = "on its way…"


class Modal(Opening[R], ModalScreen[R]):
    """A dialog. Escape leaves it; the emergency chord works in it too."""

    DEFAULT_CSS = """
    Modal { align: center middle; background: $background; }
    Modal > #box { width: 90%; max-width: 100; height: auto; max-height: 90%; background: $tocsin-ground;
                   border: round $tocsin-faint; }
    Modal.-drill > #box { border: dashed $tocsin-dim; }
    Modal Input { background: $tocsin-panel; border: none; height: 1; padding: 0 1; }
    Modal Input:focus { background: $tocsin-cursor; border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
    ]

    def __init__(self, desk: Desk, heading: str) -> None:
        super().__init__(classes="-drill" if desk.link.world == "drill" else "")
        self.desk = desk
        self.heading = heading
        self._under: list[Strip] = []
        self._answered = False

    def compose(self) -> ComposeResult:
        """Heading, body, keys."""
        with Vertical(id="box"):
            self.bar = LineBar(ground="on_panel")
            yield self.bar
            yield from self.body()
            yield KeyLine(self.desk)

    def body(self) -> ComposeResult:
        """What stands between heading and keys."""
        yield Widget()

    def on_mount(self) -> None:
        """Says what it is."""
        self.say(self.heading)
        self.set_interval(LOOK_AGAIN_S, self._look_under)
        self.call_later(self._first_frame)

    def _first_frame(self) -> None:
        for rows in self.query(Rows):
            rows.reload()
        self.opened(self.query_one("#box"))

    def say(self, heading: str) -> None:
        """Changes the heading."""
        badge = (" DRILL ", "badge") if self.desk.link.world == "drill" else ("", "dim")
        past = self.desk.travel.past
        when = (f" PAST {words.clock(past.at_ms)} ", "past_badge") if past else ("", "dim")
        self.bar.show(((f" {fit(heading, 200).rstrip()} ", "strong"),), (when, badge))

    @property
    def tocsin(self) -> TocsinApp:
        """The app, by its own type."""
        return cast("TocsinApp", self.app)

    def reload(self, kinds: set[str] | None) -> None:
        """Shows what changed; most dialogs stand still."""

    def after_typing(self, then: Callable[[], None]) -> None:
        """Calls when the letters typed before have reached their line: a priority key overtakes them in the queue.

        Once it is answered nothing more is taken: a second press sends nothing twice.
        """
        if not self._answered:
            (self.focused or self).call_later(lambda: None if self._answered else then())

    def answer(self, result: R | None) -> None:
        """Says in its heading that it is on its way, at once; closes with the next frame, which paints everything."""
        self._answered = True
        self.say(f"{self.heading}  {ON_ITS_WAY}")
        self.call_after_refresh(self._close, result)

    def _close(self, result: R | None) -> None:
        self.dismiss(result)  # not handed on: its result must not be awaited here

    # What lies under it

    def render_line(self, y: int) -> Strip:
        """The dimmed screen below, as it stood when it was last looked at."""
        if self._phase != "whole":
            return Strip.blank(self.size.width)  # its box is painted first, and the ground around it after that
        if len(self._under) != self.size.height or self._under[0].cell_length != self.size.width:
            self._under = self._seen_under()
        return self._under[y] if y < len(self._under) else Strip.blank(self.size.width)

    def _look_under(self) -> None:
        if self.app.screen is not self or not self._under:
            return
        before, self._under = self._under, self._seen_under()
        changed = [y for y, (old, new) in enumerate(zip(before, self._under, strict=False)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def _seen_under(self) -> list[Strip]:
        stack = self.app.screen_stack
        below = stack[stack.index(self) - 1]
        ground = self.styles.background.with_alpha(DIMMED)
        return [
            Strip([Segment(text, _dimmed(style, ground)) for text, style, _ in strip], strip.cell_length)
            for strip in below._compositor.render_strips(self.size)
        ]

    def action_leave(self) -> None:
        """Leaves without doing anything."""
        self.dismiss(None)


@lru_cache(4096)
def _dimmed(style: Style | None, ground: Color) -> Style:
    """The style with both its colours drawn towards the ground, without links or meta."""
    style = style or Style()
    front, back = (
        None if colour is None else (Color.from_rich_color(colour) + ground).rich_color
        for colour in (style.color, style.bgcolor)
    )
    return style.clear_meta_and_links() + Style.from_color(front, back)
