"""PageScreen: a full screen of one list under the status bar; the ground of boards, tables and detail pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from console.tui.desk import Desk
from console.tui.lines import Item, Line, fit
from console.tui.screens.opening import Opening
from console.tui.widgets.banner import Banner
from console.tui.widgets.key_line import KeyLine
from console.tui.widgets.line_bar import LineBar
from console.tui.widgets.notice import NoticeLine
from console.tui.widgets.rows import Rows
from console.tui.widgets.status_bar import StatusBar
from console.tui.widgets.time_bar import TimeBar

if TYPE_CHECKING:
    from console.tui.app import TocsinApp


class PageScreen(Opening[None]):
    """A list that fills the screen. Subclasses say what it is called and what it lists."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("tab,shift+tab", "leave", "Back", show=False, priority=True),
    ]
    empty = "nothing"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.rows = Rows(self.items, empty=self.empty)
        self.bars = (StatusBar(desk), Banner(desk), TimeBar(desk), NoticeLine(desk))

    def compose(self) -> ComposeResult:
        """Status, banner, time, heading, list, notice, keys."""
        yield from self.bars[:3]
        self.bar = LineBar(ground="on_panel")
        yield self.bar
        yield self.rows
        yield self.bars[3]
        yield KeyLine(self.desk)

    def heading(self) -> Line:
        """What the page is called."""
        raise NotImplementedError

    def items(self, width: int) -> list[Item]:
        """What it lists."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """The key that actions are about."""
        return self.rows.key

    def settled(self) -> bool:
        """Whether a key can be meant for what is under the cursor."""
        return self.rows.settled()

    def reload(self, kinds: set[str] | None) -> None:
        """Shows the picture as it is now."""
        if not self.is_mounted:
            return
        for bar in self.bars:
            bar.reload()
        drill = self.desk.link.world == "drill"
        self.bar.show(self.heading(), ((" DRILL ", "hatch"),) if drill else (), fill="╱" if drill else " ")
        self.rows.reload()

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.rows.focus()
        self.call_later(self._first_frame)

    def _first_frame(self) -> None:
        self.reload(None)
        self.opened()

    def on_screen_resume(self) -> None:
        """Comes back as things are now."""
        self.call_after_refresh(self.reload, None)

    def on_resize(self) -> None:
        """Laid out anew."""
        self.call_after_refresh(self.reload, None)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Opens what was chosen."""
        event.stop()
        self.tocsin.open_item(event.key)

    @property
    def tocsin(self) -> TocsinApp:
        """The app, by its own type."""
        return cast("TocsinApp", self.app)

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.dismiss(None)


def title_line(number: str, title: str, said: str, said_style: str = "dim") -> Line:
    """A heading: number, title in capitals, and what is said beside it."""
    return (
        (f" {number} " if number else " ", "faint"),
        (title, "head"),
        ("  ", "dim"),
        (fit(said, 160).rstrip() + " ", said_style),
    )
