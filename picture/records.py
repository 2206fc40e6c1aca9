"""Frozen records made and changed at the price of open ones, for who makes one per entry of a journal.

Field by field, a frozen dataclass is filled through ``object.__setattr__``, at six times the cost of an open one with
the same slots. So it is filled open, and becomes what it is at the end: Python lets an object change its class where
both have the same slots. Nobody sees it before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, make_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _open(record: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The open twin of a frozen dataclass with slots, and what gives all of a record's values in order."""
    names = [field.name for field in fields(record)]
    if hasattr(record, "__post_init__") or not all(field.init for field in fields(record)) or len(names) < 2:
        raise TypeError(f"{record.__name__} is not filled field by field")
    return make_dataclass(f"_{record.__name__}", names, slots=True), attrgetter(*names)


def filled(record: type[T], *values: Any) -> T:
    """The record of all its fields, in their order: what ``record(...)`` gives."""
    kind: Any = record
    twin = _open(kind)[0](*values)
    twin.__class__ = kind
    return twin  # type: ignore[no-any-return]


def all_filled(record: type[T], columns: Sequence[Sequence[Any]]) -> list[T]:
    """The records whose fields stand in columns, one of equal length for each field."""
    kind: Any = record
    twins = list(map(_open(kind)[0], *columns))
    for twin in twins:
        twin.__class__ = kind
    return twins


def changed(record: T, **changes: Any) -> T:
    """The record with these fields changed: what ``dataclasses.replace`` gives, at a quarter of its cost."""
    kind: Any = type(record)
    twin, values = _open(kind)
    fresh = twin(*values(record))
    for name, value in changes.items():
        setattr(fresh, name, value)
    fresh.__class__ = kind
    return fresh  # type: ignore[no-any-return]
