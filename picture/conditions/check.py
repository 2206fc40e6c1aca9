"""A syntax tree typed and turned into closures, in one walk; every fault is named with its column.

Optional fields are flow-typed: ``has(x) && x > 3`` is sound, ``x > 3`` alone is refused at load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from picture.conditions import closures as run
from picture.conditions.closures import Run
from picture.conditions.lexer import refuse
from picture.conditions.operators import ARITHMETIC, negate, to_int
from picture.conditions.parser import NO_TARGET, Node
from picture.conditions.types import (
    BOOL,
    DOUBLE,
    EMPTY_LIST,
    INT,
    STRING,
    Env,
    Field,
    Type,
    list_of,
    suggestion,
)

Facts = frozenset[str]
_NONE: Final[Facts] = frozenset()
_FUNCTIONS: Final = ("has", "size", "int", "double")
_METHODS: Final = ("size", "contains", "startsWith", "endsWith", "exists", "all")
_UNSET: Final = object()


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked piece: its type, its closure, its value if it never changes, and what it proves about ``has``."""

    type: Type
    run: Run
    value: Any = _UNSET
    if_true: Facts = _NONE
    if_false: Facts = _NONE

    @property
    def is_constant(self) -> bool:
        return self.value is not _UNSET


@dataclass(frozen=True, slots=True)
class Operand:
    """A name that stands in a condition, and how its present value is read for an explanation."""

    text: str
    run: Run


class Checker:
    """Types one condition against an environment. ``operands`` gathers the names it met, outside macros."""

    def __init__(self, source: str, env: Env) -> None:
        self.source, self.env = source, env
        self.operands: list[tuple[Node, Operand]] = []
        self.item: tuple[str, Field] | None = None

    def check(self, node: Node, known: Facts = _NONE) -> Typed:
        """The typed piece for this node, where the fields in ``known`` are proved to be present."""
        handler: Callable[[Node, Facts], Typed] = getattr(self, f"_{node.kind}")
        return handler(node, known)

    # --- values ---------------------------------------------------------------------------------------------

    def _literal(self, node: Node, known: Facts) -> Typed:
        types: dict[type, Type] = {bool: BOOL, int: INT, float: DOUBLE, str: STRING}
        return Typed(types[type(node.value)], run.constant(node.value), node.value)

    def _list(self, node: Node, known: Facts) -> Typed:
        items = [self.check(part, known) for part in node.parts]
        if not items:
            return Typed(EMPTY_LIST, run.constant(()), ())
        for part, item in zip(node.parts[1:], items[1:], strict=True):
            if not items[0].type.accepts(item.type):
                raise refuse(part.column, f"a list holds one type: {items[0].type} first, {item.type} here.")
        if all(item.is_constant for item in items):
            values = tuple(item.value for item in items)
            return Typed(list_of(items[0].type), run.constant(values), values)
        runs = tuple(item.run for item in items)
        return Typed(list_of(items[0].type), lambda bindings: tuple(one(bindings) for one in runs))

    def _name(self, node: Node, known: Facts) -> Typed:
        name = str(node.value)
        if self.item is not None and name == self.item[0]:
            return Typed(self.item[1].type, itemgetter(name))
        if name not in self.env.names:
            raise refuse(node.column, f"there is no {name!r} here.{suggestion(name, self.env.names)}")
        field = self.env.names[name]
        if name in self.env.constants:
            value = self.env.constants[name]
            value = tuple(value) if isinstance(value, list) else value
            return self._noted(node, Typed(field.type, run.constant(value), value))
        return self._noted(node, self._guarded(node, Typed(field.type, field.read or itemgetter(name)), field, known))

    def _field(self, node: Node, known: Facts) -> Typed:
        owner = self.check(node.parts[0], known)
        message, name = owner.type.message, str(node.value)
        if message is None:
            raise refuse(node.column, f"{owner.type} has no fields, so no {name!r}.")
        if name not in message.fields:
            raise refuse(node.column, f"{message.name} has no {name!r}.{suggestion(name, message.fields)}")
        read, take = message.reader(name), owner.run
        typed = Typed(message.fields[name].type, lambda bindings: read(take(bindings)))
        return self._noted(node, self._guarded(node, typed, message.fields[name], known))

    def _guarded(self, node: Node, typed: Typed, field: Field, known: Facts) -> Typed:
        path = self._path(node)
        if field.optional and path not in known:
            raise refuse(node.column, f"{path!r} may be absent; guard it: has({path}) && …")
        return typed

    def _noted(self, node: Node, typed: Typed) -> Typed:
        scalar = typed.type.name in ("int", "double", "bool", "string")
        if scalar and self.item is None:
            self.operands.append((node, Operand(self.source[node.start : node.end], typed.run)))
        return typed

    def _path(self, node: Node) -> str:
        if node.kind == "field":
            return f"{self._path(node.parts[0])}.{node.value}"
        return str(node.value)

    # --- operators ------------------------------------------------------------------------------------------

    def _unary(self, node: Node, known: Facts) -> Typed:
        inner = self.check(node.parts[0], known)
        if node.value == "!":
            self._want(node.parts[0], inner, BOOL)
            take = inner.run
            return Typed(BOOL, lambda bindings: not take(bindings), if_true=inner.if_false, if_false=inner.if_true)
        if not inner.type.is_number:
            raise refuse(node.column, f"only a number has a minus, not {inner.type}.")
        flip = negate if inner.type.name == "int" else lambda value: -value
        take = inner.run
        return Typed(inner.type, lambda bindings: flip(take(bindings)))

    def _binary(self, node: Node, known: Facts) -> Typed:
        if node.value in ("&&", "||"):
            return self._logic(node, known)
        left, right = (self.check(part, known) for part in node.parts)
        if node.value == "in":
            return self._in(node, left, right)
        if node.value in "+-*/%":
            return self._arithmetic(node, left, right)
        return self._comparison(node, left, right)

    def _logic(self, node: Node, known: Facts) -> Typed:
        a, b = node.parts
        left = self.check(a, known)
        self._want(a, left, BOOL)
        right = self.check(b, known | (left.if_true if node.value == "&&" else left.if_false))
        self._want(b, right, BOOL)
        if node.value == "&&":
            return Typed(
                BOOL,
                run.both(left.run, right.run),
                if_true=left.if_true | right.if_true,
                if_false=left.if_false & right.if_false,
            )
        return Typed(
            BOOL,
            run.either(left.run, right.run),
            if_true=left.if_true & right.if_true,
            if_false=left.if_false | right.if_false,
        )

    def _ternary(self, node: Node, known: Facts) -> Typed:
        first, yes_node, no_node = node.parts
        condition = self.check(first, known)
        self._want(first, condition, BOOL)
        yes = self.check(yes_node, known | condition.if_true)
        no = self.check(no_node, known | condition.if_false)
        if not yes.type.accepts(no.type):
            raise refuse(node.column, f"both outcomes need one type: {yes.type} and {no.type} differ.")
        plain = STRING if yes.type.name == "string" else yes.type
        return Typed(plain, run.chosen(condition.run, yes.run, no.run))

    def _arithmetic(self, node: Node, left: Typed, right: Typed) -> Typed:
        function = ARITHMETIC.get((str(node.value), left.type.name)) if left.type.name == right.type.name else None
        if function is None:
            hint = " Write whole numbers with .0, or double(x)." if left.type.is_number and right.type.is_number else ""
            raise refuse(node.column, f"{left.type} {node.value} {right.type} is not defined.{hint}")
        plain = STRING if left.type.name == "string" else left.type
        return Typed(plain, run.binary(function, left.run, right.run))

    def _comparison(self, node: Node, left: Typed, right: Typed) -> Typed:
        op = str(node.value)
        numbers = left.type.is_number and right.type.is_number
        if not numbers and not left.type.accepts(right.type):
            raise refuse(node.column, f"{left.type} cannot be compared with {right.type}.")
        if left.type.name in ("list", "message") or (op not in ("==", "!=") and left.type.name == "bool"):
            raise refuse(node.column, f"{left.type} has no {op!r}.")
        self._enumerated(node.parts[1], right, left.type)
        self._enumerated(node.parts[0], left, right.type)
        if right.is_constant:
            return Typed(BOOL, run.compared_with(op, left.run, right.value))
        return Typed(BOOL, run.compared(op, left.run, right.run))

    def _in(self, node: Node, left: Typed, right: Typed) -> Typed:
        item = right.type.item
        if right.type.name != "list":
            raise refuse(node.column, f"'in' needs a list on its right, not {right.type}.")
        if item is not None and not (item.accepts(left.type) or (item.is_number and left.type.is_number)):
            raise refuse(node.column, f"{left.type} is never in {right.type}.")
        if left.type.name in ("list", "message"):
            raise refuse(node.column, f"{left.type} cannot be looked for in a list.")
        if right.is_constant:
            for word in right.value:
                self._word(node.parts[1], word, left.type)
            return Typed(BOOL, run.contained_in(left.run, frozenset(right.value)))
        return Typed(BOOL, run.contained(left.run, right.run))

    # --- functions ------------------------------------------------------------------------------------------

    def _call(self, node: Node, known: Facts) -> Typed:
        name, target = str(node.value), node.parts[0]
        choices = _FUNCTIONS if target is NO_TARGET else _METHODS
        if name not in choices:
            raise refuse(node.column, f"there is no function {name!r} here.{suggestion(name, choices)}")
        if name == "has":
            return self._has(node, known)
        if name in ("exists", "all"):
            return self._macro(node, known)
        if name == "size":
            return self._size(node, known)
        if name in ("int", "double"):
            return self._conversion(node, known)
        return self._text_method(node, known)

    def _arity(self, node: Node, wanted: int) -> tuple[Node, ...]:
        given = node.parts[1:]
        if len(given) != wanted:
            raise refuse(node.column, f"{node.value} takes {wanted} argument{'s' * (wanted != 1)}, not {len(given)}.")
        return given

    def _has(self, node: Node, known: Facts) -> Typed:
        (asked,) = self._arity(node, 1)
        if asked.kind not in ("name", "field"):
            raise refuse(asked.column, "has() asks for a name or a field.")
        path = self._path(asked)
        take = self.check(asked, known | {path}).run
        return Typed(BOOL, lambda bindings: take(bindings) is not None, if_true=frozenset({path}))

    def _macro(self, node: Node, known: Facts) -> Typed:
        target, var, body = node.parts[0], *self._arity(node, 2)
        if self.item is not None:
            raise refuse(node.column, f"{node.value} does not stand inside another one: its cost would not be bounded.")
        items = self.check(target, known)
        if items.type.name != "list" or items.type.item is None:
            raise refuse(node.column, f"{node.value} runs over a list, not {items.type}.")
        if var.kind != "name" or var.value in self.env.names:
            raise refuse(var.column, f"{node.value} needs a new name for each item.")
        self.item = (str(var.value), Field(items.type.item))
        inner = self.check(body, known)
        self.item = None
        self._want(body, inner, BOOL)
        return Typed(BOOL, run.over(items.run, str(var.value), inner.run, wanted=node.value == "exists"))

    def _size(self, node: Node, known: Facts) -> Typed:
        method = node.parts[0] is not NO_TARGET
        of = node.parts[0] if method else self._arity(node, 1)[0]
        if method:
            self._arity(node, 0)
        inner = self.check(of, known)
        if inner.type.name not in ("string", "list"):
            raise refuse(of.column, f"{inner.type} has no size.")
        take = inner.run
        return Typed(INT, lambda bindings: len(take(bindings)))

    def _conversion(self, node: Node, known: Facts) -> Typed:
        (of,) = self._arity(node, 1)
        inner = self.check(of, known)
        if not inner.type.is_number:
            raise refuse(of.column, f"{node.value}() takes a number, not {inner.type}.")
        take = inner.run
        if node.value == "double":
            return Typed(DOUBLE, lambda bindings: float(take(bindings)))
        return Typed(INT, take if inner.type.name == "int" else lambda bindings: to_int(take(bindings)))

    def _text_method(self, node: Node, known: Facts) -> Typed:
        (argument,) = self._arity(node, 1)
        text, other = self.check(node.parts[0], known), self.check(argument, known)
        self._want(node.parts[0], text, STRING)
        self._want(argument, other, STRING)
        a, b = text.run, other.run
        match node.value:
            case "contains":
                return Typed(BOOL, lambda bindings: b(bindings) in a(bindings))
            case "startsWith":
                return Typed(BOOL, lambda bindings: a(bindings).startswith(b(bindings)))
            case _:
                return Typed(BOOL, lambda bindings: a(bindings).endswith(b(bindings)))

    # --- refusals -------------------------------------------------------------------------------------------

    def _want(self, node: Node, typed: Typed, wanted: Type) -> None:
        if typed.type.name != wanted.name:
            raise refuse(node.column, f"{wanted} is expected here, not {typed.type}.")

    def _enumerated(self, node: Node, typed: Typed, other: Type) -> None:
        if typed.is_constant and isinstance(typed.value, str):
            self._word(node, typed.value, other)

    def _word(self, node: Node, word: object, of: Type) -> None:
        if of.values and isinstance(word, str) and word not in of.values:
            near = suggestion(word, of.values) or f" It takes {', '.join(of.values)}."
            raise refuse(node.column, f"{word!r} is none of its words.{near}")
