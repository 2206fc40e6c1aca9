"""Conditions and expressions ready to run, and able to say line by line why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from picture.conditions.check import Checker, Operand
from picture.conditions.closures import Run
from picture.conditions.lexer import refuse
from picture.conditions.operators import COMPARISON
from picture.conditions.parser import Node, parse
from picture.conditions.types import Bindings, Env, Type
from picture.errors import PlaybookError


class Line(NamedTuple):
    """One conjunct of a condition as it came out."""

    text: str
    value: bool | None
    """None: it had no value (division by zero, overflow); ``operands`` tells why."""
    operands: tuple[tuple[str, Any], ...]
    """Each name in it with its value, in order of appearance; None is absent."""
    gap: float | None = None
    """Of a comparison of numbers: how far its two sides are apart."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked piece of source that gives a value of ``type``."""

    source: str
    type: Type
    run: Run

    @classmethod
    def compile(cls, source: str, env: Env) -> Expression:
        """The expression of this source; PlaybookError TOC-6002 with the column where it cannot be."""
        typed = Checker(source, env).check(parse(source))
        return cls(source, typed.type, typed.run)

    def value(self, bindings: Bindings) -> Any:
        """Its value for these bindings; PlaybookError TOC-6101 where it has none."""
        return self.run(bindings)


@dataclass(frozen=True, slots=True)
class _Explained:
    text: str
    run: Run
    operands: tuple[Operand, ...]
    sides: tuple[Run, Run] | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition: true or false for any bindings of its environment."""

    source: str
    run: Run
    lines: tuple[_Explained, ...]

    @classmethod
    def compile(cls, source: str | Sequence[str], env: Env) -> Condition:
        """The condition of this source, or of several lines that must all hold; TOC-6002 where it is not valid.

        A line may use what the lines before it proved with ``has``.
        """
        text = source if isinstance(source, str) else " && ".join(f"({line})" for line in source)
        if not text.strip():
            raise refuse(1, "a condition is not empty.")
        tree = parse(text)
        checker = Checker(text, env)
        typed = checker.check(tree)
        if typed.type.name != "bool":
            raise refuse(tree.column, f"a condition is true or false, not {typed.type}.")
        return cls(text, typed.run, _lines(tree, text, env, checker.operands))

    def evaluate(self, bindings: Bindings) -> bool:
        """Whether it holds; PlaybookError TOC-6101 where it has no value (a division by zero that decides)."""
        return bool(self.run(bindings))

    def explain(self, bindings: Bindings) -> list[Line]:
        """Each conjunct with its value and the values of its names; never an error."""
        return [_line(one, bindings) for one in self.lines]


def _conjuncts(node: Node) -> list[Node]:
    if node.kind == "binary" and node.value == "&&":
        return [*_conjuncts(node.parts[0]), *_conjuncts(node.parts[1])]
    return [node]


def _lines(tree: Node, text: str, env: Env, operands: list[tuple[Node, Operand]]) -> tuple[_Explained, ...]:
    found = []
    checker = Checker(text, env)
    known: frozenset[str] = frozenset()
    for node in _conjuncts(tree):
        typed = checker.check(node, known)
        inside: Mapping[str, Operand] = {
            operand.text: operand for where, operand in operands if node.start <= where.start and where.end <= node.end
        }
        found.append(
            _Explained(text[node.start : node.end], typed.run, tuple(inside.values()), _sides(node, text, env, known))
        )
        known |= typed.if_true
    return tuple(found)


def _sides(node: Node, text: str, env: Env, known: frozenset[str]) -> tuple[Run, Run] | None:
    if node.kind != "binary" or node.value not in COMPARISON:
        return None
    left, right = (Checker(text, env).check(part, known) for part in node.parts)
    return (left.run, right.run) if left.type.is_number and right.type.is_number else None


def _gap(one: _Explained, bindings: Bindings) -> float | None:
    if one.sides is None:
        return None
    try:
        return abs(float(one.sides[0](bindings)) - float(one.sides[1](bindings)))
    except (AttributeError, TypeError, PlaybookError):
        return None


def _line(one: _Explained, bindings: Bindings) -> Line:
    operands = tuple((operand.text, _present(operand, bindings)) for operand in one.operands)
    try:
        return Line(one.text, bool(one.run(bindings)), operands, _gap(one, bindings))
    except PlaybookError as fault:
        return Line(one.text, None, (*operands, ("fault", fault.detail)))
    except (AttributeError, TypeError):  # an absent value, in a line that an earlier line would have guarded
        return Line(one.text, False, operands)


def _present(operand: Operand, bindings: Bindings) -> Any:
    try:
        return operand.run(bindings)
    except (AttributeError, TypeError, PlaybookError):
        return None
