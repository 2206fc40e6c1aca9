"""Styles by meaning for each theme, and the textual themes that go with them.

Grey until abnormal: only priorities, overdue, shortage and stale data have a colour, and each of them also has a
digit, a word or a sign. The hues are those of the map's palette, so that one thing has one colour.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.style import Style
from textual.theme import Theme

from console.tui.map.palette import THEMES as MAP_THEMES

ORDER: Final = ("dark", "light", "high_contrast")

_GREYS: Final = {
    # text, strong, dim, faint, ground, bar, panel, cursor row, cursor row unfocused, drill ground
    "dark": ("#c5cad0", "#ffffff", "#8b9299", "#5f666d", "#14171b", "#0d1013", "#1d2227", "#2c3640", "#20262c",
             "#262033"),
    "light": ("#24292e", "#000000", "#565d65", "#878e96", "#e6e8eb", "#f4f5f6", "#d8dbdf", "#c2c8cf", "#d2d6db",
              "#d9d3e6"),
    "high_contrast": ("#ffffff", "#ffffff", "#d8d8d8", "#a8a8a8", "#000000", "#000000", "#262626", "#0a4a8a", "#333333",
                      "#3d2a5c"),
}  # fmt: skip

_UNSEEN: Final = {"dark": "#454d56", "light": "#aab1b9", "high_contrast": "#0050a0"}
"""The block behind what nobody has looked at yet: plain at a glance, and quieter than a priority."""


def theme(name: str) -> Theme:
    """The textual theme for inputs, scrollbars and borders."""
    text, strong, dim, faint, ground, bar, panel, cursor, _, drill = _GREYS[name]
    named = MAP_THEMES[name].named
    return Theme(
        name=f"tocsin-{name.replace('_', '-')}", primary=dim, secondary=dim, accent=strong, foreground=text,
        background=ground, surface=ground, panel=panel, success=dim, warning=named["p2"], error=named["p1"],
        dark=name != "light",
        variables={
            "tocsin-bar": bar, "tocsin-drill": drill, "tocsin-panel": panel, "tocsin-cursor": cursor,
            "tocsin-dim": dim, "tocsin-faint": faint, "tocsin-strong": strong, "tocsin-ground": ground,
            "scrollbar": panel, "scrollbar-hover": dim, "scrollbar-active": dim, "scrollbar-background": ground,
            "scrollbar-background-hover": ground, "scrollbar-background-active": ground,
            "scrollbar-corner-color": ground, "border": dim, "border-blurred": faint,
            "input-cursor-background": strong, "input-cursor-foreground": ground,
            "input-selection-background": cursor,
        },
    )  # fmt: skip


@lru_cache(maxsize=8)
def styles(name: str) -> dict[str, Style]:
    """Rich styles by meaning. ``on_*`` names are grounds; the rest are inks."""
    text, strong, dim, faint, ground, bar, panel, cursor, cursor_dim, drill = _GREYS[name]
    named = MAP_THEMES[name].named
    warn, bad = (named["p2"], named["p1"])
    if name == "light":
        warn = "#8f5203"  # p2 as text on a light ground needs 4.5 to 1
    table = {
        "text": Style(color=text), "strong": Style(color=strong, bold=True), "dim": Style(color=dim),
        "faint": Style(color=faint), "head": Style(color=dim, bold=True), "key": Style(color=strong, bold=True),
        "warn": Style(color=warn), "bad": Style(color=bad, bold=True),
        "pending": Style(color=dim, italic=True), "said": Style(color=strong),
        "badge": Style(color=ground, bgcolor=dim if name != "high_contrast" else "#ffffff", bold=True),
        "hatch": Style(color=faint), "unack": Style(color=strong, bgcolor=_UNSEEN[name], bold=True),
        "bar_bad": Style(color=named["p1_ink"], bgcolor=bad, bold=True),
        "bar_warn": Style(color=named["p2_ink"], bgcolor=named["p2"], bold=True),
        "on_ground": Style(bgcolor=ground), "on_bar": Style(bgcolor=bar), "on_panel": Style(bgcolor=panel),
        "on_cursor": Style(bgcolor=cursor, bold=True), "on_cursor_dim": Style(bgcolor=cursor_dim),
        "on_drill": Style(bgcolor=drill),
        "on_past": Style(bgcolor=named["p2"]), "past": Style(color=named["p2_ink"], bgcolor=named["p2"]),
        "past_badge": Style(color=named["p2_ink"], bgcolor=named["p2"], bold=True, reverse=True),
    }  # fmt: skip
    for level in (1, 2, 3, 4):
        colour, ink = named[f"p{level}"], named[f"p{level}_ink"]
        table[f"p{level}"] = Style(color=ink, bgcolor=colour, bold=True)
        plain = {"light": {2: "#8f5203", 3: "#6b6000"}}.get(name, {}).get(level, colour)
        table[f"p{level}_text"] = Style(color=plain, bold=level == 1)
    return table
