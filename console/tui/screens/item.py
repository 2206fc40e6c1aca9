"""ItemScreen: the detail page of anything, with how we know and why."""

from __future__ import annotations

from console.tui import details
from console.tui.desk import Desk
from console.tui.lines import Item, Line
from console.tui.screens.page import PageScreen, title_line


class ItemScreen(PageScreen):
    """What is known of one thing. Actions are about it, or about the line under the cursor where that is a unit."""

    def __init__(self, desk: Desk, key: str) -> None:
        super().__init__(desk)
        self.key = key

    def heading(self) -> Line:
        """Kind and name."""
        return title_line("", self.key.partition(":")[0].upper(), details.title(self.desk, self.key), "strong")

    def items(self, width: int) -> list[Item]:
        """The page."""
        return details.page(self.desk, self.key, width)

    @property
    def subject(self) -> str:
        """The thing itself, unless a unit on its page is chosen."""
        chosen = self.rows.key
        return chosen if chosen.startswith("unit:") and not self.key.startswith("unit:") else self.key
