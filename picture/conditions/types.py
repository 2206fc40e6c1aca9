"""What a condition may speak of: types, messages with their fields, and the environment that declares names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Bindings = Mapping[str, Any]
Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Type:
    """A type of the language. ``values`` are the words an enumerated string may take; ``item`` is a list's."""

    name: str
    item: Type | None = None
    message: Message | None = None
    values: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        return self.name in ("int", "double")

    def accepts(self, other: Type) -> bool:
        """Whether a value of ``other`` may stand where this type is asked for; enumerations are strings."""
        if self.name != other.name:
            return False
        if self.name == "list":
            return self.item is None or other.item is None or self.item.accepts(other.item)
        return self.message is other.message

    def __str__(self) -> str:
        if self.name == "list":
            return f"list<{self.item}>" if self.item else "list"
        return self.message.name if self.message else self.name


INT = Type("int")
DOUBLE = Type("double")
BOOL = Type("bool")
STRING = Type("string")
EMPTY_LIST = Type("list")


def enum_of(values: Iterable[str]) -> Type:
    """A string that takes one of these words only; a literal compared with it must be one of them."""
    return Type("string", values=tuple(values))


def list_of(item: Type) -> Type:
    """A list of that type."""
    return Type("list", item=item)


def message_type(message: Message) -> Type:
    """The type of a value whose fields are declared."""
    return Type("message", message=message)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message, or a bare name. ``optional``: it may be absent and must be guarded by ``has``."""

    type: Type
    optional: bool = False
    unit: str = ""
    read: Reader | None = None
    """How its value is taken from its owner; by default the attribute (or key) of its name. None means absent."""


@dataclass(frozen=True, eq=False)
class Message:
    """A record with declared fields, read from an object's attributes, or from a mapping's keys."""

    name: str
    fields: Mapping[str, Field]
    mapping: bool = False

    def reader(self, name: str) -> Reader:
        """The function that takes a field's value from a record; None where it is absent."""
        declared = self.fields[name].read
        if declared is not None:
            return declared
        if self.mapping:
            return lambda record: record.get(name)
        return lambda record: getattr(record, name)


@dataclass(frozen=True, slots=True)
class Env:
    """The names a condition may use. Constants are folded in; the rest is looked up in the bindings."""

    names: Mapping[str, Field] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)

    def with_names(self, names: Mapping[str, Field | Type]) -> Env:
        """This environment with more names, each bound under its own name."""
        new = {name: one if isinstance(one, Field) else Field(one) for name, one in names.items()}
        return replace(self, names={**self.names, **new})

    def with_fields(self, binding: str, message: Message) -> Env:
        """This environment with a record under ``binding``, and its fields as bare names besides."""
        bare = {name: replace(one, read=_through(binding, name, message)) for name, one in message.fields.items()}
        return replace(self, names={**self.names, **bare, binding: Field(message_type(message))})

    def with_constants(self, constants: Mapping[str, tuple[Type, Any]]) -> Env:
        """This environment with named values that never change, such as a playbook's variables."""
        return replace(
            self,
            names={**self.names, **{name: Field(one) for name, (one, _) in constants.items()}},
            constants={**self.constants, **{name: value for name, (_, value) in constants.items()}},
        )


def _through(binding: str, name: str, message: Message) -> Reader:
    if message.fields[name].read is None and not message.mapping:  # the commonest name, on every rule's hot path
        return lambda bindings: getattr(bindings[binding], name)
    read = message.reader(name)
    return lambda bindings: read(bindings[binding])


def suggestion(word: str, known: Iterable[str]) -> str:
    """`` Did you mean x?`` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
