"""Modal: the ground of every dialog; a box over the dimmed screen, with the world in its heading."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from console.tui.desk import Desk
from console.tui.lines import fit
from console.tui.widgets.key_line import KeyLine
from console.tui.widgets.line_bar import LineBar

if TYPE_CHECKING:
    from console.tui.app import TocsinApp

R = TypeVar("R")


class Modal(ModalScreen[R]):
    """A dialog. Escape leaves it; the emergency chord works in it too."""

    DEFAULT_CSS = """
    Modal { align: center middle; }
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

    def say(self, heading: str) -> None:
        """Changes the heading."""
        badge = (" DRILL ", "badge") if self.desk.link.world == "drill" else ("", "dim")
        self.bar.show(((f" {fit(heading, 200).rstrip()} ", "strong"),), (badge,))

    @property
    def tocsin(self) -> TocsinApp:
        """The app, by its own type."""
        return cast("TocsinApp", self.app)

    def reload(self, kinds: set[str] | None) -> None:
        """Shows what changed; most dialogs stand still."""

    def action_leave(self) -> None:
        """Leaves without doing anything."""
        self.dismiss(None)
