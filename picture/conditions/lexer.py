"""Source text of a condition cut into tokens, each with its column."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from picture.errors import PlaybookError

MAX_SOURCE: Final = 2_000
_INT64: Final = 1 << 63
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<int>\d+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<op>&&|\|\||==|!=|<=|>=|[<>!+\-*/%?:.,()\[\]])""",
    re.VERBOSE,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


class Token(NamedTuple):
    """A word of the source: its kind (int, double, string, name, op, end), its value, and where it stands."""

    kind: str
    value: str | int | float
    column: int
    """Counted from 1."""
    end: int
    """Offset just behind it."""


def refuse(column: int, what: str) -> PlaybookError:
    """The error for a fault at a column, to be raised by the caller."""
    return PlaybookError(f"Column {column}: {what}", code="TOC-6002")


def tokens(source: str) -> list[Token]:
    """The tokens of a condition, closed by one of kind ``end``; PlaybookError TOC-6002 with the column."""
    if len(source) > MAX_SOURCE:
        raise refuse(MAX_SOURCE, f"a condition has at most {MAX_SOURCE} characters; this one has {len(source)}.")
    found, at = [], 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise refuse(at + 1, _why_not(source[at]))
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match.group(), at + 1, match.end()))
        at = match.end()
    found.append(Token("end", "", len(source) + 1, len(source)))
    return found


def _token(kind: str, text: str, column: int, end: int) -> Token:
    if kind == "int":
        number = int(text)
        if number > _INT64:  # 2**63 itself is legal behind a minus; the parser sees to it
            raise refuse(column, f"{text} does not fit in 64 bits.")
        return Token(kind, number, column, end)
    if kind == "double":
        return Token(kind, float(text), column, end)
    if kind == "string":
        return Token(kind, _unescaped(text[1:-1], column), column, end)
    return Token(kind, text, column, end)


def _unescaped(body: str, column: int) -> str:
    def one(match: re.Match[str]) -> str:
        mark = match.group(1)
        if mark[0] == "u":
            return chr(int(mark[1:], 16))
        if mark not in _ESCAPES:
            raise refuse(column + match.start() + 1, f"\\{mark} is no escape; write \\\\ for a backslash.")
        return _ESCAPES[mark]

    return re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", one, body)


def _why_not(char: str) -> str:
    hints = {
        "=": "Write == to compare.",
        "&": "Write && for and.",
        "|": "Write || for or.",
        "'": "This text has no end.",
        '"': "This text has no end.",
    }
    return hints.get(char, f"{char!r} has no meaning here.")
