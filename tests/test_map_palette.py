"""Colours keep their distance for every kind of sight, and nothing depends on colour alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.color import Color, ColorSystem

from console.tui.map.marks import (
    FACILITY_GLYPHS,
    PLAIN_GLYPHS,
    SENSOR_GLYPHS,
    UNIT_GLYPHS,
    Mark,
    glyph_of,
    locate,
)
from console.tui.map.palette import FILLS, INKS, NAMED, NAMED_BASE, REVERSE, THEMES, colours, fill_index, rgb

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # sRGB, D65
WHITE = np.array([0.9505, 1.0, 1.089])
DISTANCE_FLOOR = {"dark": 21.0, "light": 24.5, "high_contrast": 18.0}


def linear(colour: str) -> NDArray[np.float64]:
    part = np.array(rgb(colour)) / 255
    out: NDArray[np.float64] = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return out


def lab(colour: str, sight: str) -> NDArray[np.float64]:
    """CIE 1976 L*a*b* of a colour as a kind of sight sees it."""
    ratio = XYZ @ np.clip(SIGHT[sight] @ linear(colour), 0, 1) / WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, two: str) -> float:
    """WCAG 2 contrast ratio."""
    bright, dark = sorted((float(XYZ[1] @ linear(c)) for c in (one, two)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_alarming_colours_stay_apart_for_every_kind_of_sight(name: str) -> None:
    theme = THEMES[name]
    signals = [*(theme.named[p] for p in ("p1", "p2", "p3", "p4")),
               *(theme.ink[i] for i in ("closed", "flood_edge", "plume_edge"))]  # fmt: skip
    worst = min(
        float(np.linalg.norm(lab(a, sight) - lab(b, sight)))
        for sight in SIGHT
        for a, b in itertools.combinations(signals, 2)
    )
    assert worst >= DISTANCE_FLOOR[name], worst


@pytest.mark.parametrize("name", THEMES)
def test_decisions_and_labels_can_be_read(name: str) -> None:
    theme = THEMES[name]
    named, land = theme.named, theme.ground["land"]
    for level in ("p1", "p2", "p3", "p4"):
        assert contrast(named[level], named[f"{level}_ink"]) >= 4.5, level
    assert contrast(named["select"], named["select_ink"]) >= 12
    assert contrast(named["plate"], named["plate_ink"]) >= 7
    for word, floor in (
        ("city", 7),
        ("district", 4.5),
        ("street", 3.5),
        ("place", 4.5),
        ("chrome", 4.5),
        ("unit", 10),
    ):
        assert contrast(named[word], land) >= floor, word
    for band in range(1, 4):
        under = colours(name)[fill_index(0, band, 0)]
        assert contrast(named["plate_ink"], under) >= 3.0 and contrast(named["unit"], under) >= 3.5


@pytest.mark.parametrize("name", THEMES)
def test_the_road_ladder_falls_from_motorway_to_path(name: str) -> None:
    theme = THEMES[name]
    ladder = [contrast(theme.ink[ink], theme.ground["land"]) for ink in reversed(INKS[2:9])]
    assert ladder == sorted(ladder, reverse=True) and len(set(ladder)) == 7
    assert ladder[0] >= 9 and ladder[-1] >= 1.25


@pytest.mark.parametrize("name", THEMES)
def test_a_normal_city_is_grey_and_only_trouble_is_coloured(name: str) -> None:
    theme = THEMES[name]
    quiet = [*theme.ground.values(), *(theme.ink[ink] for ink in INKS[2:9])]
    loud = [theme.named[p] for p in ("p1", "p2", "p3")] + [theme.ink["flood_edge"], theme.ink["plume_edge"]]
    chroma = [float(np.hypot(*lab(colour, "normal")[1:])) for colour in quiet]
    assert max(chroma) < 26 and min(float(np.hypot(*lab(c, "normal")[1:])) for c in loud) > 35


@pytest.mark.parametrize("name", THEMES)
def test_a_theme_colours_every_meaning(name: str) -> None:
    table = colours(name)
    assert len(table) == NAMED_BASE + len(NAMED) <= 256
    assert set(THEMES[name].named) == set(NAMED) and set(THEMES[name].ink) == set(INKS)
    assert len({table[fill_index(0, band, 0)] for band in range(4)}) == 4 and FILLS == 96


def test_priorities_remain_apart_in_256_colours() -> None:
    for theme in THEMES.values():
        numbers = {
            Color.parse(theme.named[p]).downgrade(ColorSystem.EIGHT_BIT).number for p in ("p1", "p2", "p3", "p4")
        }
        assert len(numbers) == 4


def test_without_colour_digits_reverse_and_shapes_still_tell_everything_apart() -> None:
    marks = [Mark(f"{p}{u}", 0, 0, "incident", priority=p, unack=u) for p in (1, 2, 3, 4) for u in (True, False)]
    from console.tui.map.camera import Camera

    camera = Camera.at(0, 0, step=0, cols=40, rows=20)
    spots = locate(marks, np.zeros((8, 2))).spots(camera, None, np.zeros((20, 40), bool))
    assert len({(spot.text, spot.attributes & REVERSE) for spot in spots}) == 8
    units = {UNIT_GLYPHS[v] for v in ("fire", "ems", "police", "utility", "boat", "works", "bus")}
    places = {FACILITY_GLYPHS[v] for v in ("hospital", "fire_station", "police_station", "school", "shelter",
                                           "substation", "pump", "chemical_plant", "barrier", "care_home")}  # fmt: skip
    assert len(units) == 7 and len(places) == 10 and not units & places
    assert not (units | places) & (set(SENSOR_GLYPHS.values()) | set(PLAIN_GLYPHS.values()))
    stale = Mark("u", 0, 0, "unit", "fire", stale=True)
    ((drawn),) = locate([stale], np.zeros((1, 2))).spots(camera, None, np.zeros((20, 40), bool))
    assert drawn.text == glyph_of(stale) + "?"
