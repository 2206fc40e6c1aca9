"""MainScreen: map, queue, approvals and alarms; on a wall also resources, lifelines, feeds and berths."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from console.tui.desk import Desk
from console.tui.map import MapView
from console.tui.widgets.alarms import Alarms
from console.tui.widgets.approvals import Approvals
from console.tui.widgets.banner import Banner
from console.tui.widgets.feeds import Feeds
from console.tui.widgets.key_line import KeyLine
from console.tui.widgets.live_map import LiveMap
from console.tui.widgets.notice import NoticeLine
from console.tui.widgets.pane import Pane
from console.tui.widgets.queue import Queue
from console.tui.widgets.rows import Rows
from console.tui.widgets.side import Berths, Lifelines, Resources
from console.tui.widgets.status_bar import StatusBar
from console.tui.widgets.time_bar import TimeBar

if TYPE_CHECKING:
    from console.tui.app import TocsinApp


class MainScreen(Screen[None]):
    """Fixed positions at every size; at 80 columns tab changes between map and lists."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As in Textual, but a moved focus repaints the two panes it moved between, not every cell of the screen."""
    CSS_PATH = "main.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (the base declares it so)
        (0, "-narrow"),
        (110, "-both"),
        (170, "-roomy"),
        (250, "-wall"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-low"),
        (30, "-middle"),
        (50, "-high"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_pane(1)", "Next pane", priority=True),
        Binding("shift+tab", "next_pane(-1)", "Previous pane", show=False, priority=True),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._wanted = ""
        self.bars = (StatusBar(desk), Banner(desk), TimeBar(desk), NoticeLine(desk))
        self.map = LiveMap(desk, id="map")
        self.queue = Queue(desk, id="queue")
        self.approvals = Approvals(desk, id="approvals")
        self.alarms = Alarms(desk, id="alarms")
        self.panes: tuple[Pane, ...] = (self.queue, self.approvals, self.alarms)
        self.side: tuple[Pane, ...] = (
            Resources(desk, id="resources"),
            Lifelines(desk, id="lifelines"),
            Feeds(desk, id="feeds"),
            Berths(desk, id="berths"),
        )
        self.small_feeds = Feeds(desk, id="small-feeds")

    def compose(self) -> ComposeResult:
        """Status, banner, time, body, notice, keys."""
        yield from self.bars[:3]
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield from self.side
            yield self.map
            with Vertical(id="lists"):
                yield from self.panes
                yield self.small_feeds
        yield self.bars[3]
        yield KeyLine(self.desk)

    def _screen_resized(self, size: Size) -> None:
        """Laid out anew only where the size is another: every dialog that opens tells its own to the screens below."""
        if size != self._size or self.is_current:
            super()._screen_resized(size)

    # What is shown

    def reload(self, kinds: set[str] | None) -> None:
        """Shows what entries of these kinds changed; None is everything (ages and clocks too)."""
        if not self.is_mounted:
            return
        for bar in self.bars:
            bar.reload()
        for pane in (*self.panes, *self.side, self.small_feeds):
            if kinds is None or pane.touched_by(kinds):
                pane.reload()
        if self._wanted and self._wanted.partition(":")[2] in self.desk.home.incidents:
            wanted, self._wanted = self._wanted, ""
            self.queue.rows.choose(wanted)
            self.queue.rows.hold()
            self.select(wanted)
        self.map.reload(kinds)

    def on_mount(self) -> None:
        """Keys go to the queue where it is on the screen, else to the map."""
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        (self.map if self.has_class("-narrow") else self.queue.rows).focus()
        self.reload(None)

    def on_resize(self) -> None:
        """Laid out anew."""
        self.call_after_refresh(self.reload, None)

    def on_screen_resume(self) -> None:
        """Comes back as things are now."""
        self.call_after_refresh(self.reload, None)

    # What actions are about

    @property
    def subject(self) -> str:
        """The key under the cursor of the focused list, or what is selected on the map."""
        focused = self.focused
        if isinstance(focused, Rows) and focused.key:
            return focused.key
        return self.desk.selected

    def settled(self) -> bool:
        """Whether a key can be meant for what is under the cursor."""
        return self.focused.settled() if isinstance(self.focused, Rows) else True

    # Going about

    def action_next_pane(self, by: int) -> None:
        """Map, queue, approvals, alarms in turn; at 80 columns map and lists change places."""
        stops: list[MapView | Rows] = [self.map, *(pane.rows for pane in self.panes)]
        if self.has_class("-wall"):
            stops += [pane.rows for pane in self.side[1:]]
        elif self.small_feeds.display and self.has_class("-high") and not self.has_class("-narrow"):
            stops.append(self.small_feeds.rows)
        at = next((at for at, stop in enumerate(stops) if stop is self.focused), 0)
        self._go(stops[(at + by) % len(stops)])

    def go(self, pane: str) -> None:
        """Focuses a pane by name."""
        self._go(self.map if pane == "map" else self.query_one(f"#{pane}", Pane).rows)

    def _go(self, stop: MapView | Rows) -> None:
        self.set_class(stop is not self.map, "-lists")
        stop.focus()
        self.call_after_refresh(self.reload, None)

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The map follows the cursor of a list with a highlight; it does not move."""
        event.stop()
        if event.rows.has_focus and event.key:
            self.select(event.key)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Opens what was chosen."""
        event.stop()
        self.tocsin.open_item(event.key)

    def on_map_view_picked(self, event: MapView.Picked) -> None:
        """The first pick selects, a pick of what is selected opens it."""
        event.stop()
        if event.id is None:
            return
        if event.id == self.desk.selected:
            self.tocsin.open_item(event.id)
        else:
            self.select(event.id)
            if event.id.startswith("incident:"):
                self.queue.rows.choose(event.id)

    def take_up(self, key: str) -> None:
        """Puts the queue's cursor on an incident as soon as its row is there."""
        self._wanted = key

    def select(self, key: str) -> None:
        """Highlights a thing on the map, with its route."""
        self.desk.selected = key
        self.map.show_selected()

    @property
    def tocsin(self) -> TocsinApp:
        """The app, by its own type."""
        return cast("TocsinApp", self.app)
