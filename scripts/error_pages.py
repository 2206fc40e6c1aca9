"""Writes docs/errors.md from the catalogue in picture/errors.py."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from picture.errors import CATALOGUE, TocsinError  # noqa: E402  (a script finds the packages beside it)

PAGE = ROOT / "docs" / "errors.md"
HEAD = """# Errors

Everything Tocsin refuses, with what it means and what to do. A code never changes its meaning. On the command
line an error is one JSON object on stderr, `{"error": {"code", "message", "remedy"}}`.

<!-- Written by scripts/error_pages.py from picture/catalogue.py; change it there. -->
"""


def families() -> dict[str, type[TocsinError]]:
    """The error class of each family digit."""
    return {cls.family: cls for cls in TocsinError.__subclasses__() if cls.__module__ == "picture.errors"}


def page() -> str:
    """The whole page as Markdown, ordered by code."""
    parts = [HEAD]
    for digit, cls in sorted(families().items()):
        rows = [(code, *CATALOGUE[code]) for code in sorted(CATALOGUE) if code.startswith(f"TOC-{digit}")]
        summary = (cls.__doc__ or "").splitlines()[0]
        parts.append(f"\n## {digit}xxx {cls.__name__}\n\n{summary}\n\n| code | meaning | what to do |\n|---|---|---|\n")
        parts.extend(f"| {code} | {_cell(meaning)} | {_cell(remedy)} |\n" for code, meaning, remedy in rows)
    return "".join(parts)


def _cell(text: str) -> str:
    """The text with the one character escaped that would end a table cell."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
