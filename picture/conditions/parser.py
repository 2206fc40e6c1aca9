"""Tokens to a syntax tree, by recursive descent with a bounded depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from picture.conditions.lexer import Token, refuse, tokens

MAX_DEPTH: Final = 64
_BINARY: Final = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))
_WORDS: Final = {"true": True, "false": False}
_RESERVED: Final = frozenset(
    {
        "null",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
        "in",
    }
)


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of a condition. ``column`` counts from 1; ``start:end`` is its span in the source."""

    kind: str
    """literal, name, field, call, unary, binary, ternary, list."""
    value: Any
    """A literal's value, a name, an operator, a function's or field's name."""
    parts: tuple[Node, ...]
    column: int
    start: int
    end: int
    depth: int = 1


NO_TARGET: Final = Node("none", None, (), 0, 0, 0, 0)
"""Stands first among the parts of a function that is called on nothing: ``has(x)``."""


def parse(source: str) -> Node:
    """The tree of a whole condition; PlaybookError TOC-6002 with the column where it is not one."""
    parser = _Parser(tokens(source))
    tree = parser.ternary()
    if (rest := parser.now).kind != "end":
        raise refuse(rest.column, f"{rest.value!r} is not expected here.")
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.at, self.depth = found, 0, 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def step(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def taken(self, *ops: str) -> Token | None:
        token = self.now
        if token.kind in ("op", "name") and token.value in ops:
            return self.step()
        return None

    def expect(self, op: str) -> Token:
        if (token := self.taken(op)) is None:
            found = self.now
            what = "the end" if found.kind == "end" else repr(found.value)
            raise refuse(found.column, f"{op!r} is expected here, not {what}.")
        return token

    def deeper(self, column: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise refuse(column, f"a condition is nested at most {MAX_DEPTH} deep.")

    def node(self, kind: str, value: Any, parts: tuple[Node, ...], token: Token, start: int) -> Node:
        depth = 1 + max((part.depth for part in parts), default=0)
        if depth > MAX_DEPTH:
            raise refuse(token.column, f"a condition is nested at most {MAX_DEPTH} deep.")
        return Node(kind, value, parts, token.column, start, self.tokens[self.at - 1].end, depth)

    def ternary(self) -> Node:
        self.deeper(self.now.column)
        condition = self.binary(0)
        if (mark := self.taken("?")) is not None:
            yes = self.binary(0)
            self.expect(":")
            no = self.ternary()
            condition = self.node("ternary", "?:", (condition, yes, no), mark, condition.start)
        self.depth -= 1
        return condition

    def binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while (op := self.taken(*_BINARY[level])) is not None:
            right = self.binary(level + 1)
            left = self.node("binary", op.value, (left, right), op, left.start)
        return left

    def unary(self) -> Node:
        op = self.taken("!", "-")
        if op is None:
            return self.member()
        follows = self.now
        if op.value == "-" and follows.kind in ("int", "double"):
            self.step()
            assert not isinstance(follows.value, str)
            return self.members(self.node("literal", -follows.value, (), op, op.column - 1))
        self.deeper(op.column)
        inner = self.unary()
        self.depth -= 1
        return self.node("unary", op.value, (inner,), op, op.column - 1)

    def member(self) -> Node:
        return self.members(self.primary())

    def members(self, node: Node) -> Node:
        while self.taken(".") is not None:
            token = self.step()
            if token.kind != "name":
                raise refuse(token.column, "a field's or function's name is expected behind the dot.")
            if self.taken("(") is not None:
                node = self.node("call", token.value, (node, *self.items(")")), token, node.start)
            else:
                node = self.node("field", token.value, (node,), token, node.start)
        if self.now.kind == "op" and self.now.value == "[":
            raise refuse(self.now.column, "lists are not indexed here; use in, exists or all.")
        return node

    def primary(self) -> Node:
        token = self.step()
        start = token.column - 1
        if token.kind == "int" and token.value == 1 << 63:
            raise refuse(token.column, f"{token.value} does not fit in 64 bits.")
        if token.kind in ("int", "double", "string"):
            return self.node("literal", token.value, (), token, start)
        if token.kind == "name":
            return self.word(token, start)
        if token.kind == "op" and token.value == "(":
            inner = self.ternary()
            self.expect(")")
            return inner
        if token.kind == "op" and token.value == "[":
            return self.node("list", None, self.items("]"), token, start)
        what = "the end" if token.kind == "end" else repr(token.value)
        raise refuse(token.column, f"a value is expected here, not {what}.")

    def word(self, token: Token, start: int) -> Node:
        if token.value in _WORDS:
            return self.node("literal", _WORDS[str(token.value)], (), token, start)
        if token.value in _RESERVED:
            hint = " Use has(x) to ask whether x is known." if token.value == "null" else ""
            raise refuse(token.column, f"{token.value!r} is a reserved word.{hint}")
        if self.taken("(") is not None:
            return self.node("call", token.value, (NO_TARGET, *self.items(")")), token, start)
        return self.node("name", token.value, (), token, start)

    def items(self, close: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while self.taken(close) is None:
            if found:
                self.expect(",")
            found.append(self.ternary())
        return tuple(found)
