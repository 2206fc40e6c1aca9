"""Closures for the pieces of a condition: each takes the bindings and returns a value.

The commonest shapes (a name against a constant) have closures of their own, because a rule is evaluated for every
entry. ``&&`` and ``||`` take their operands in any order where one of them has no value (CEL: an error on one side
does not matter when the other side decides).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from picture.conditions.operators import COMPARISON
from picture.errors import PlaybookError

Run = Callable[[Any], Any]


def constant(value: Any) -> Run:
    return lambda bindings: value


def binary(function: Callable[[Any, Any], Any], left: Run, right: Run) -> Run:
    return lambda bindings: function(left(bindings), right(bindings))


def compared_with(op: str, left: Run, value: Any) -> Run:
    """A comparison with a constant on the right, without a call for either the operator or the constant."""
    match op:
        case "==":
            return lambda bindings: left(bindings) == value
        case "!=":
            return lambda bindings: left(bindings) != value
        case "<":
            return lambda bindings: left(bindings) < value
        case "<=":
            return lambda bindings: left(bindings) <= value
        case ">":
            return lambda bindings: left(bindings) > value
        case _:
            return lambda bindings: left(bindings) >= value


def compared(op: str, left: Run, right: Run) -> Run:
    return binary(COMPARISON[op], left, right)


def contained(left: Run, right: Run) -> Run:
    return lambda bindings: left(bindings) in right(bindings)


def contained_in(left: Run, values: frozenset[Any]) -> Run:
    return lambda bindings: left(bindings) in values


def both(left: Run, right: Run) -> Run:
    def run(bindings: Any) -> bool:
        try:
            first = left(bindings)
        except PlaybookError:
            if not right(bindings):
                return False
            raise
        return bool(first and right(bindings))

    return run


def either(left: Run, right: Run) -> Run:
    def run(bindings: Any) -> bool:
        try:
            first = left(bindings)
        except PlaybookError:
            if right(bindings):
                return True
            raise
        return bool(first or right(bindings))

    return run


def chosen(condition: Run, yes: Run, no: Run) -> Run:
    return lambda bindings: yes(bindings) if condition(bindings) else no(bindings)


def over(items: Run, name: str, body: Run, *, wanted: bool) -> Run:
    """``exists`` (wanted true) or ``all`` (wanted false): whether one, or no, item decides it."""

    def run(bindings: Any) -> bool:
        inner = dict(bindings)
        error: PlaybookError | None = None
        for item in items(bindings):
            inner[name] = item
            try:
                if bool(body(inner)) is wanted:
                    return wanted
            except PlaybookError as fault:
                error = fault
        if error is not None:
            raise error
        return not wanted

    return run
