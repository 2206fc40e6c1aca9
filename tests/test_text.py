"""Text from outside cannot hide, turn round or steer anything once it is made visible."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture.text import MAX_COMBINING, char_width, display_width, visible

any_text = st.text(alphabet=st.characters(codec=None, exclude_categories=()))


@given(any_text)
def test_visible_text_holds_nothing_that_steers_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode("utf-8")
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
                and unicodedata.bidirectional(char) not in ("AN", "AL")]  # fmt: skip


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"), max_codepoint=0x30FF)))
def test_ordinary_letters_of_every_script_pass_unchanged(text: str) -> None:
    assume_plain = [char for char in text if char not in "\u115f\u1160"]
    assert visible("".join(assume_plain)) == "".join(assume_plain)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("C\x1b]52;c;x\x07", "C␛]52;c;x␇"),
        ("a\x7fb", "a␡b"),
        ("a\x9b31m", "a‹U+009B›31m"),
        ("\u202egnp.exe", "‹U+202E›gnp.exe"),
        ("\u2066x\u2069", "‹U+2066›x‹U+2069›"),
        ("a\u200bb\ufeff", "a‹U+200B›b‹U+FEFF›"),
        ("half \ud800", "half ‹U+D800›"),
        ("one\ntwo\r\n", "one␊two␍␊"),
        ("tag\U000e0041", "tag‹U+E0041›"),
        ("Łódź 東京 مرفأ 🚒", "Łódź 東京 مرفأ 🚒"),
        ("[@click=app.approve('x')]A[/]", "[@click=app.approve('x')]A[/]"),
    ],
)
def test_each_trick_becomes_a_mark_a_person_can_read(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_a_pile_of_accents_is_cut_to_what_an_orthography_uses() -> None:
    assert visible("e" + "\u0301" * 50 + "x") == "e" + "\u0301" * MAX_COMBINING + "x"


def test_widths_are_those_of_terminal_cells() -> None:
    assert [char_width(char) for char in "aé東Ａ▲\u0301"] == [1, 1, 2, 2, 1, 0]
    assert display_width("港 Port") == 7
