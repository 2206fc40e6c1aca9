"""Lines of styled plain text, the only thing the screens draw: text from outside enters here and is made visible.

A span is (text, style name); the names are those of ``console.tui.ink``. Nothing in this package parses markup, so a
report that looks like markup stays the letters it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from picture.text import visible

Span = tuple[str, str]
Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: its lines, and the key by which it is opened (empty: it cannot be chosen).

    ``stamp`` is what the entry means, without ages and clocks: while it stays the same the row counts as unchanged.
    """

    key: str
    lines: tuple[Line, ...]
    stamp: Hashable = None


@dataclass(frozen=True, slots=True)
class Col:
    """A cell of a table row: ``width`` in terminal cells, 0 takes what is left."""

    text: str
    style: str = "text"
    width: int = 0
    right: bool = False


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text made visible in exactly ``width`` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    shown = visible(text)
    wide = cell_len(shown)
    if wide > width:
        return set_cell_size(set_cell_size(shown, width - 1).rstrip() + "…", width)
    return " " * (width - wide) + shown if right else shown + " " * (width - wide)


def row(width: int, *cols: Col) -> Line:
    """Cells side by side with one space between, in ``width`` cells; columns of width 0 share what is left."""
    cols = tuple(col for col in cols if col.width >= 0)
    fixed = sum(col.width for col in cols) + len(cols) - 1
    flexible = sum(1 for col in cols if not col.width)
    share, extra = divmod(max(0, width - fixed), flexible) if flexible else (0, 0)
    spans: list[Span] = []
    for at, col in enumerate(cols):
        wide = col.width
        if not wide:
            wide, extra = share + (1 if extra else 0), max(0, extra - 1)
        if at:
            spans.append((" ", "text"))
        spans.append((fit(col.text, wide, right=col.right), col.style))
    return tuple(spans)


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` cells, broken between words where it can be; line breaks are kept."""
    lines: list[str] = []
    for paragraph in text.replace("\r\n", "\n").split("\n"):
        line = ""
        for each in visible(paragraph).split(" "):
            word = each
            while cell_len(word) > width:
                if line:
                    lines.append(line)
                    line = ""
                head = set_cell_size(word, width)
                lines.append(head)
                word = word[len(head.rstrip("\0")) :] if head else ""
            if line and cell_len(line) + 1 + cell_len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


def wrapped(text: str, width: int, style: str = "text", indent: int = 0, lead: Span | None = None) -> tuple[Line, ...]:
    """Wrapped lines with an indent; ``lead`` stands before the first line in the place of its indent."""
    found: list[Line] = []
    for at, line in enumerate(wrap(text, max(8, width - indent))):
        margin: Span = lead if lead is not None and at == 0 else (" " * indent, "text")
        found.append((margin, (line, style)))
    return tuple(found)


def heading(text: str) -> Item:
    """A heading between the parts of a page, with an empty line before it."""
    return Item("", (((" ", "text"),), ((" " + visible(text).upper(), "head"),)))


def plain(text: str, width: int, style: str = "text", key: str = "", indent: int = 1) -> Item:
    """Free text as one entry of a page."""
    return Item(key, wrapped(text, width, style, indent), stamp=text)


def fact(name: str, value: str, width: int, style: str = "text", key: str = "", label_width: int = 14) -> Item:
    """A labelled value, wrapped beside its label."""
    label = min(label_width, max(8, width // 3))
    lead = (f" {fit(name, label - 1)} ", "dim")
    return Item(key, wrapped(value, width, style, label + 1, lead), stamp=(name, value))


def line_width(line: Sequence[Span]) -> int:
    """Terminal cells of a line."""
    return sum(cell_len(text) for text, _ in line)


def spaced(spans: Iterable[Span], gap: str = "  ") -> Line:
    """Spans with a gap between each two, empty ones left out."""
    found: list[Span] = []
    for span in spans:
        if span[0]:
            if found:
                found.append((gap, "text"))
            found.append((visible(span[0]), span[1]))
    return tuple(found)
