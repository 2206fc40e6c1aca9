"""The bottom line: the single keys that work here and now."""

from __future__ import annotations

from textual import events

from console.tui.desk import Desk
from console.tui.lines import Span
from console.tui.widgets.line_bar import LineBar

NAMES = {
    "escape": "esc",
    "space": "space",
    "colon": ":",
    "question_mark": "?",
    "slash": "/",
    "enter": "enter",
    "full_stop": ".",
    "comma": ",",
    "ctrl+p": "^p",
    "ctrl+r": "^r",
    "ctrl+s": "^s",
    "ctrl+g": "^g",
}

ROOM_FOR_ALWAYS = 28
ALWAYS = frozenset({"help", "palette"})
"""At the right, where they are never cut off."""


class KeyLine(LineBar):
    """Keys of the focused widget and its screen, in the order they were declared; a click presses one."""

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(ground="on_drill" if desk.link.world == "drill" else "on_bar", id=id)
        self.desk = desk
        self._spots: list[tuple[int, int, str]] = []

    def reload(self) -> None:
        """Lists the keys that are shown now."""
        if not self.is_attached:
            return  # its screen has just gone
        spans: list[Span] = []
        always: list[Span] = []
        self._spots = []
        at = 0
        seen: set[str] = set()
        room = self.size.width - ROOM_FOR_ALWAYS
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if not (binding.show and enabled and binding.description) or binding.action in seen:
                continue
            seen.add(binding.action)
            if binding.action in ALWAYS:
                always += [(f" {binding.key_display or binding.key}", "key"), (f" {binding.description} ", "dim")]
                continue
            key = binding.key_display or NAMES.get(binding.key, binding.key)
            wide = len(key) + len(binding.description) + 3
            if at + wide > room:
                continue
            self._spots.append((at, at + wide, binding.key))
            at += wide
            spans += [(f" {key}", "key"), (f" {binding.description} ", "dim")]
        drill = self.desk.link.world == "drill"
        ground = "on_drill" if drill else "on_bar"
        self.show(tuple(spans), (*always, *([(" DRILL ", "badge")] if drill else [])), ground=ground)

    def on_click(self, event: events.Click) -> None:
        """Presses the key that was clicked."""
        for start, end, key in self._spots:
            if start <= event.x < end:
                self.app.simulate_key(key)

    def on_mount(self) -> None:
        """Follows the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.reload())
        self.call_after_refresh(self.reload)

    def on_resize(self) -> None:
        """The room changed."""
        self.reload()
