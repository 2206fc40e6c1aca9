"""What stands on the screen, cell by cell: text and style as composed, for comparing and searching."""

from __future__ import annotations

from typing import Any

from textual.app import App


def text_of(app: App[Any]) -> str:
    """All lines of the topmost screen as composed, styles left out."""
    return "\n".join("".join(segment.text for segment in strip) for strip in _strips(app))


def runs_of(app: App[Any]) -> list[list[tuple[str, str]]]:
    """Lines of (text, style) with equal neighbours joined: what must be the same when nothing changed."""
    lines = []
    for strip in _strips(app):
        runs: list[tuple[str, str]] = []
        for segment in strip:
            style = str(segment.style)
            if runs and runs[-1][1] == style:
                runs[-1] = (runs[-1][0] + segment.text, style)
            else:
                runs.append((segment.text, style))
        lines.append(runs)
    return lines


def style_at(app: App[Any], words: str) -> str:
    """The style of the first run that holds these words; AssertionError where they do not stand."""
    for line in runs_of(app):
        for text, style in line:
            if words in text:
                return style
    raise AssertionError(f"not on the screen: {words}")


def difference(before: list[list[tuple[str, str]]], after: list[list[tuple[str, str]]]) -> list[int]:
    """Numbers of the lines that differ."""
    return [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]


def _strips(app: App[Any]) -> list[Any]:
    return list(app.screen._compositor.render_strips())
