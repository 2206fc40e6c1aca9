"""The one way JSON enters: size, depth and part count are checked before it is parsed; nothing is guessed.

Refused: duplicate keys, NaN and Infinity, numbers that overflow, integers of more than 20 digits, bytes that are not
UTF-8, unpaired surrogates (they cannot be stored), anything after the value.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from feeds.base import Limits
from picture.errors import InputError

_TOO_LARGE: Final = "TOC-2001"
_MALFORMED: Final = "TOC-2002"
_TOO_DEEP: Final = "TOC-2004"
_IMPOSSIBLE: Final = "TOC-2009"
_MAX_DIGITS: Final = 20
# A string (to its end or the end of the data, so a lone quote costs one pass), or one mark of structure.
_STRUCTURE: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parse(data: bytes, limits: Limits) -> Any:
    """The value of one JSON document of plain dicts, lists, strings, numbers, booleans and None.

    Raises:
        InputError: TOC-2001 too large, TOC-2002 not well-formed, TOC-2004 too deep or too many parts,
            TOC-2009 a number that is none.
    """
    if len(data) > limits.max_bytes:
        raise InputError(f"{len(data)} bytes; {limits.max_bytes} are allowed.", code=_TOO_LARGE)
    _check_structure(data, limits)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"JSON: byte {error.start} is not UTF-8.", code=_MALFORMED) from None
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_decimal, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise InputError(f"JSON: {error.msg} at character {error.pos}.", code=_MALFORMED) from None
    except RecursionError:
        raise InputError("JSON: nested too deeply.", code=_TOO_DEEP) from None
    if "\\u" in text:
        _check_surrogates(value)
    return value


def _check_structure(data: bytes, limits: Limits) -> None:
    depth = 0
    parts = 0
    for match in _STRUCTURE.finditer(data):
        mark = data[match.start()]
        if mark in b"[{":
            depth += 1
            parts += 1
        elif mark in b"]}":
            depth -= 1
        elif mark == 0x2C:
            parts += 1
        if depth > limits.max_depth or parts > limits.max_parts:
            raise InputError(f"JSON: more than {limits.max_depth} levels or {limits.max_parts} parts.", code=_TOO_DEEP)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InputError(f"JSON: the key {twice[:80]!a} stands twice in one object.", code=_MALFORMED)
    return result


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise InputError(f"JSON: an integer of {len(digits)} digits.", code=_IMPOSSIBLE)
    return int(digits)


def _decimal(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise InputError("JSON: a number too large to be one.", code=_IMPOSSIBLE)
    return value


def _no_constant(word: str) -> NoReturn:
    raise InputError(f"JSON: {word} is not a number in JSON.", code=_MALFORMED)


def _check_surrogates(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if _SURROGATE.search(item):
                raise InputError("JSON: an unpaired surrogate in a text.", code=_MALFORMED)
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
