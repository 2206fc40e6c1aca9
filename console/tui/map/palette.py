"""Colours by meaning: every cell holds indices, and a theme is one table from index to colour.

Layout of the 8-bit index: fills (ground x flood band x plume band), then inks (line kind x tint of the ground
under it), then named colours. So changing the theme redraws nothing but styles, and what a colour means
stands in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

GROUNDS: Final = ("land", "water", "park", "industrial", "dense", "outside")
BANDS: Final = 4  # 0 = none, 1..3 = light, middle, heavy
INKS: Final = (
    "none", "coast", "path", "service", "residential", "tertiary", "secondary", "primary", "motorway",
    "flood_edge", "plume_edge", "closed", "route",
)  # fmt: skip
TINTS: Final = ("dry", "flood", "plume")
NAMED: Final = (
    "city", "district", "street", "place", "place_high", "chrome", "plate", "plate_ink", "select", "select_ink",
    "p1", "p2", "p3", "p4", "p1_ink", "p2_ink", "p3_ink", "p4_ink",
    "unit", "unit_idle", "vessel", "vessel_idle", "facility", "sensor", "berth", "cursor", "cursor_ink",
)  # fmt: skip

FILLS: Final = len(GROUNDS) * BANDS * BANDS
INK_BASE: Final = FILLS
NAMED_BASE: Final = INK_BASE + len(INKS) * len(TINTS)
INK: Final = {name: code for code, name in enumerate(INKS)}
NAME: Final = {name: NAMED_BASE + at for at, name in enumerate(NAMED)}
ROAD_INK: Final = tuple(8 - road_class for road_class in range(7))  # class 0 motorway .. 6 footpath
WATER: Final = 1
OUTSIDE: Final = 5

IS_HAZARD: Final = np.array([fill % (BANDS * BANDS) != 0 for fill in range(256)])  # by fill index

BOLD, REVERSE, UNDERLINE = 1, 2, 4

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """What each meaning looks like; ``colours`` is the whole table, ready for use."""

    name: str
    ground: dict[str, str]
    flood: tuple[str, str, str]  # fill by depth band
    plume: tuple[str, str, str]
    flood_share: tuple[float, float, float]  # how far the fill replaces the ground under it
    plume_share: tuple[float, float, float]
    ink: dict[str, str]
    named: dict[str, str]


_DARK: Final = Theme(
    name="dark",
    ground={
        "land": "#1b1e22", "water": "#0a151f", "park": "#172119", "industrial": "#251f20",
        "dense": "#1f2329", "outside": "#101418",
    },
    flood=("#1f3658", "#224a7c", "#2a609f"),
    plume=("#3a2b52", "#573a80", "#7b4fae"),
    flood_share=(0.80, 0.90, 0.95),
    plume_share=(0.72, 0.80, 0.85),
    ink={
        "none": "#1b1e22", "coast": "#33475a", "path": "#33383e", "service": "#3a4047", "residential": "#4a5159",
        "tertiary": "#6b737c", "secondary": "#8a929b", "primary": "#a9b1ba", "motorway": "#c6cdd5",
        "flood_edge": "#5b8af8", "plume_edge": "#e1a5ff", "closed": "#96592a", "route": "#ffffff",
    },
    named={
        "city": "#c3c8cd", "district": "#878d94", "street": "#737a82",
        "place": "#a3a9af", "place_high": "#b3bcc8", "chrome": "#8b9299",
        "plate": "#0d1013", "plate_ink": "#c9ced3", "select": "#ffffff", "select_ink": "#0b0d0f",
        "p1": "#f6476f", "p2": "#d98a06", "p3": "#fdee3b", "p4": "#9fc0c6",
        "p1_ink": "#14080b", "p2_ink": "#140d02", "p3_ink": "#141303", "p4_ink": "#0b1214",
        "unit": "#ffffff", "unit_idle": "#868e97", "vessel": "#e6f0f5", "vessel_idle": "#7f909c",
        "facility": "#b4bbc2", "sensor": "#7d868f", "berth": "#76828c", "cursor": "#ffffff", "cursor_ink": "#0b0d0f",
    },
)  # fmt: skip

_LIGHT: Final = Theme(
    name="light",
    ground={
        "land": "#e3e5e8", "water": "#c8d6e2", "park": "#d3e2d1", "industrial": "#ded6cf",
        "dense": "#d9dce1", "outside": "#eceef0",
    },
    flood=("#b0caf5", "#8ab0ea", "#6c9be0"),
    plume=("#d4bdea", "#c09ee2", "#aa7dd8"),
    flood_share=(0.85, 0.92, 0.95),
    plume_share=(0.75, 0.82, 0.88),
    ink={
        "none": "#e3e5e8", "coast": "#9db0c1", "path": "#c6cad0", "service": "#bbc1c8", "residential": "#a8aeb5",
        "tertiary": "#8a9199", "secondary": "#6a7179", "primary": "#4c535a", "motorway": "#30363c",
        "flood_edge": "#0c51f2", "plume_edge": "#8431a6", "closed": "#591909", "route": "#000000",
    },
    named={
        "city": "#2a2f34", "district": "#565d65", "street": "#6a727a",
        "place": "#454c53", "place_high": "#343b42", "chrome": "#565d65",
        "plate": "#f7f8f9", "plate_ink": "#23282d", "select": "#000000", "select_ink": "#ffffff",
        "p1": "#be1a4b", "p2": "#c27612", "p3": "#e6d41a", "p4": "#002d58",
        "p1_ink": "#ffffff", "p2_ink": "#0f0a02", "p3_ink": "#141303", "p4_ink": "#ffffff",
        "unit": "#000000", "unit_idle": "#6b737b", "vessel": "#06202f", "vessel_idle": "#55707f",
        "facility": "#3c434a", "sensor": "#6d757d", "berth": "#5d6c78", "cursor": "#000000", "cursor_ink": "#ffffff",
    },
)  # fmt: skip

_HIGH_CONTRAST: Final = Theme(
    name="high_contrast",
    ground={
        "land": "#000000", "water": "#001a33", "park": "#001a00", "industrial": "#1a1000",
        "dense": "#0d0d0d", "outside": "#000000",
    },
    flood=("#00337a", "#0047ab", "#0060e0"),
    plume=("#4a1d66", "#662a8c", "#8438b5"),
    flood_share=(1.0, 1.0, 1.0),
    plume_share=(0.9, 0.9, 0.9),
    ink={
        "none": "#000000", "coast": "#5f87af", "path": "#5a5a5a", "service": "#6a6a6a", "residential": "#7c7c7c",
        "tertiary": "#a0a0a0", "secondary": "#c0c0c0", "primary": "#dedede", "motorway": "#ffffff",
        "flood_edge": "#6f9cff", "plume_edge": "#ecb8ff", "closed": "#a85f22", "route": "#ffffff",
    },
    named={
        "city": "#ffffff", "district": "#e0e0e0", "street": "#cfcfcf",
        "place": "#ffffff", "place_high": "#ffffff", "chrome": "#ffffff",
        "plate": "#000000", "plate_ink": "#ffffff", "select": "#ffffff", "select_ink": "#000000",
        "p1": "#ff4d78", "p2": "#e0900a", "p3": "#fff04a", "p4": "#b5d8de",
        "p1_ink": "#000000", "p2_ink": "#000000", "p3_ink": "#000000", "p4_ink": "#000000",
        "unit": "#ffffff", "unit_idle": "#b8b8b8", "vessel": "#ffffff", "vessel_idle": "#b8c8d0",
        "facility": "#f0f0f0", "sensor": "#c8c8c8", "berth": "#c0ccd4", "cursor": "#ffffff", "cursor_ink": "#000000",
    },
)  # fmt: skip

THEMES: Final = {theme.name: theme for theme in (_DARK, _LIGHT, _HIGH_CONTRAST)}


@lru_cache(maxsize=8)
def colours(theme: str) -> tuple[str, ...]:
    """The whole index table of a theme as ``#rrggbb``; raises KeyError for a theme that does not exist."""
    chosen = THEMES[theme]
    table = [_fill(chosen, at) for at in range(FILLS)]
    for name in INKS:
        table += [_ink(chosen, name, tint) for tint in range(len(TINTS))]
    table += [chosen.named[name] for name in NAMED]
    return tuple(table)


def fill_index(ground: int, flood: int, plume: int) -> int:
    """Index of an area colour."""
    return (ground * BANDS + flood) * BANDS + plume


def ink_index(ink: str, tint: int = 0) -> int:
    """Index of a line colour on dry, flooded (1) or plume (2) ground."""
    return INK_BASE + INK[ink] * len(TINTS) + tint


def _fill(theme: Theme, index: int) -> str:
    ground, rest = divmod(index, BANDS * BANDS)
    flood, plume = divmod(rest, BANDS)
    colour = rgb(theme.ground[GROUNDS[ground]])
    if flood:
        colour = blend(colour, rgb(theme.flood[flood - 1]), theme.flood_share[flood - 1])
    if plume:
        colour = blend(colour, rgb(theme.plume[plume - 1]), theme.plume_share[plume - 1])
    return to_hex(colour)


def _ink(theme: Theme, name: str, tint: int) -> str:
    """Roads on flood or plume lean towards the hazard's bright edge: legible, and read as lying under it."""
    colour = rgb(theme.ink[name])
    if tint and name in INKS[1:9]:
        edge = rgb(theme.ink["flood_edge" if tint == 1 else "plume_edge"])
        colour = blend(colour, edge, 0.30)
    if tint and name == "closed":
        colour = blend(colour, rgb(theme.named["plate_ink"]), 0.30)
    return to_hex(colour)


def rgb(colour: str) -> Rgb:
    """Red, green, blue 0..255 of ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def to_hex(colour: Rgb) -> str:
    """``#rrggbb`` of red, green, blue."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def blend(under: Rgb, over: Rgb, share: float) -> Rgb:
    """``over`` laid on ``under`` with opacity ``share``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(under, over, strict=True))
    return red, green, blue
