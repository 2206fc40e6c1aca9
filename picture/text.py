"""Text from outside made safe to show: nothing that steers a terminal or turns a line around stays invisible.

Reports, names and labels are plain text. A control, bidirectional or zero-width character is replaced by a
mark that can be seen and read aloud; ordinary letters of every script pass unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_COMBINING: Final = 4  # a run of more accents than any orthography uses paints over its neighbours

_HIDDEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff"
)
_UNSAFE: Final = re.compile(f"[\x00-\x1f\x7f-\x9f{_HIDDEN}]")
_STACKED: Final = re.compile(f"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{{{MAX_COMBINING}}})"
                             "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")  # fmt: skip


def visible(text: str) -> str:
    """The text on one line with every invisible or steering character shown as a mark; printable text is unchanged.

    Control characters become their pictures (U+2400 block); C1 controls, bidirectional overrides and isolates,
    zero-width and tag characters, line separators and unpaired surrogates become ``‹U+XXXX›``. The result can be
    encoded as UTF-8, and ``visible(visible(x)) == visible(x)``.
    """
    if text.isascii() and text.isprintable():
        return text
    return _STACKED.sub(r"\1", _UNSAFE.sub(_mark, text))


def display_width(text: str) -> int:
    """Terminal cells of text already made ``visible``: wide and full-width characters count two, accents none."""
    return sum(char_width(char) for char in text)


def char_width(char: str) -> int:
    """Terminal cells of one character: 0 for combining marks, 2 for East Asian wide and full-width, else 1."""
    if char < "\u0300":
        return 1
    if unicodedata.category(char) in ("Mn", "Me") or "\ufe00" <= char <= "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _mark(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"‹U+{code:04X}›"
