"""ConflictsPage: what cores said of one thing while they could not hear each other, with the entries behind it."""

from __future__ import annotations

from console.tui import words
from console.tui.lines import Item, Line, fact, heading, plain, wrapped
from console.tui.on_map import subject_key
from console.tui.screens.page import PageScreen, title_line
from picture.conflicts import Conflict, conflicts
from picture.fold import Picture

WHAT_TO_DO = {
    "barrier": "Ask who stands at it; its owner's word counts.",
    "unit": "Speak with the other core, then stand the unit down on one side (s).",
    "closure": "Find out whether the road is passable, then close or reopen it (X, o).",
    "incident number": "Close one of the two, or mark it a duplicate (y).",
    "incident id": "Both stand; name them with their core when you speak of them.",
    "decision": "Speak with both who decided; offer it again.",
    "request": "Ask the control room which answer holds.",
    "claim": "One of the two lets go of it (G).",
}


class ConflictsPage(PageScreen):
    """Nothing is settled by itself: a conflict goes when somebody acts on it."""

    empty = "no core contradicts another"

    def _found(self) -> tuple[Conflict, ...]:
        past = self.desk.travel.past
        picture: Picture = past.found.picture if past else self.desk.link.picture
        return conflicts(picture)

    def heading(self) -> Line:
        """How many."""
        found = len(self._found())
        return title_line(
            "", "CONFLICTS", f"{found} between {len(self.desk.streams)} cores", "warn" if found else "dim"
        )

    def items(self, width: int) -> list[Item]:
        """The gravest first: what, who said what, what to do; then where each core stands."""
        found: list[Item] = []
        for one in self._found():
            key = subject_key(self.desk, one.subject)
            entries = ", ".join(f"{stream} entry {seq}" for stream, seq in one.entries)
            lines = (
                *wrapped(one.words, width, "strong", 3, ("▲  ", "warn")),
                *wrapped(f"behind it: {entries}", width, "dim", 3),
                *wrapped(WHAT_TO_DO.get(one.kind, "Speak with the other core."), width, "text", 3),
            )
            found.append(Item(key or f"conflict:{one.kind}:{one.subject}", lines, stamp=one))
        found = found or [plain("No core contradicts another.", width, "dim")]
        found.append(heading("cores on this picture"))
        for name, sub in sorted(self.desk.streams.items()):
            whose = (
                "this core" if name == self.desk.home.stream else f"another core{f', {sub.site}' if sub.site else ''}"
            )
            said = f"{whose}; entry {sub.seq}, last word {words.age(self.desk.now_ms, sub.at_ms)} ago"
            found.append(fact(name, said, width, label_width=28))
        return found
