"""HelpScreen: the keys, the words and the legend."""

from __future__ import annotations

from console.tui import words
from console.tui.keys import KEYS
from console.tui.lines import Item, Line, fact, heading, plain
from console.tui.map.marks import FACILITY_GLYPHS, SENSOR_GLYPHS, UNIT_GLYPHS
from console.tui.screens.page import PageScreen, title_line
from picture.model import UNIT_STATUSES

MAP_KEYS = (("arrows hjkl", "pan; with shift farther"), ("+ -", "closer, wider"), ("f", "the whole city"),
            ("c", "crosshair on or off; a report taken then is offered its place"), ("enter", "open what is chosen"),
            (". ,", "next and previous thing"), ("g", "legend"))  # fmt: skip
SIGNS = (
    ("1 2 3 4", "priority: 1 life at risk, 2 urgent, 3 soon, 4 when possible"),
    ("reverse", "unread or not acknowledged"), ("▲", "not normal: stale, overdue, short, failed"),
    ("?", "after a mark: its position is old"),
    ("● ○", "steps reached: queued, handed over, delivered, seen, accepted"),
    ("SOS", "life safety: rings until acknowledged; only a person ends it"),
    ("…", "sent, not yet answered by the core"),
    ("╱╱╱", "this is an exercise"),
)  # fmt: skip


class HelpScreen(PageScreen):
    """One page."""

    def heading(self) -> Line:
        """Its name."""
        return title_line("", "HELP", "keys, signs, legend of the map, statuses, grades")

    def items(self, width: int) -> list[Item]:
        """All of it."""
        found: list[Item] = []
        for group in dict.fromkeys(key.group for key in KEYS):
            found.append(heading(group))
            found += [fact(key.shown, key.words, width) for key in KEYS if key.group == group]
        found.append(heading("On the map"))
        found += [fact(name, said, width) for name, said in MAP_KEYS]
        found.append(heading("Signs"))
        found += [fact(name, said, width) for name, said in SIGNS]
        found.append(heading("Legend"))
        for name, table in (("units", UNIT_GLYPHS), ("places", FACILITY_GLYPHS), ("gauges", SENSOR_GLYPHS)):
            by_glyph: dict[str, str] = {}
            for word, glyph in table.items():
                by_glyph.setdefault(glyph, word.replace("_", " "))
            found.append(fact(name, "   ".join(f"{glyph} {word}" for glyph, word in by_glyph.items()), width))
        found.append(fact("ships", "an arrow under way, ◊ at rest", width))
        found.append(heading("Unit statuses, as typed in a line"))
        found += [fact(short, words.STATUS.get(name, name), width) for name, (_, short, _) in UNIT_STATUSES.items()]
        found.append(heading("Grades of a report"))
        found += [plain(f"{letter}  {said}", width) for letter, said in (words.RELIABILITY | words.CREDIBILITY).items()]
        return found
