"""What the operators do, as CEL defines them: 64-bit integers that overflow by error, division that truncates."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from picture.errors import PlaybookError

_LOW: Final = -(1 << 63)
_HIGH: Final = (1 << 63) - 1


def fault(what: str) -> PlaybookError:
    """The error of a condition that has no value, to be raised by the caller."""
    return PlaybookError(what, code="TOC-6101")


def _int64(value: int) -> int:
    if _LOW <= value <= _HIGH:
        return value
    raise fault("A whole number left the range of 64 bits.")


def int_add(a: int, b: int) -> int:
    return _int64(a + b)


def int_sub(a: int, b: int) -> int:
    return _int64(a - b)


def int_mul(a: int, b: int) -> int:
    return _int64(a * b)


def int_div(a: int, b: int) -> int:
    """The quotient cut towards zero, as CEL has it; Python's // rounds down."""
    if b == 0:
        raise fault("Division by zero.")
    quotient = abs(a) // abs(b)
    return _int64(quotient if (a < 0) == (b < 0) else -quotient)


def int_mod(a: int, b: int) -> int:
    """The remainder with the sign of the dividend."""
    if b == 0:
        raise fault("Remainder of a division by zero.")
    if a == _LOW and b == -1:
        raise fault("A whole number left the range of 64 bits.")
    remainder = abs(a) % abs(b)
    return -remainder if a < 0 else remainder


def double_div(a: float, b: float) -> float:
    """IEEE 754 division: by zero it gives an infinity or NaN, never an error."""
    if b:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def to_int(value: float) -> int:
    """A double cut towards zero; an error where it does not fit."""
    if not math.isfinite(value) or not _LOW < value < _HIGH:
        raise fault(f"{value} is no whole number of 64 bits.")
    return int(value)


def negate(value: int) -> int:
    return _int64(-value)


ARITHMETIC: Final[dict[tuple[str, str], Callable[[Any, Any], Any]]] = {
    ("+", "int"): int_add,
    ("-", "int"): int_sub,
    ("*", "int"): int_mul,
    ("/", "int"): int_div,
    ("%", "int"): int_mod,
    ("+", "double"): operator.add,
    ("-", "double"): operator.sub,
    ("*", "double"): operator.mul,
    ("/", "double"): double_div,
    ("+", "string"): operator.add,
}
COMPARISON: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
