"""Records as columns of JSON: small to keep, quick to read back, and built from nothing but the records' own types.

Many records of one type become a list of columns, one for each scalar that a record holds, however deep. Reading
builds the dataclasses directly, without validation: whoever reads columns knows first that they are his own
(``picture.journal.snapshots`` authenticates them). A column of one value repeated stands once. One of integers that
lie close together stands as steps, one of few words as numbers of those words; what is in front of them makes it one
longer than its values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import accumulate, chain
from operator import attrgetter, itemgetter, sub
from types import NoneType, UnionType
from typing import Any, Final, Protocol, TypeGuard, Union, get_args, get_origin, get_type_hints

from picture.records import all_filled

_REPEATED: Final = frozenset({str, int, bool, NoneType})  # not float: 0.0 and -0.0 are equal and spelled differently
_STEPS: Final = 0
_FEW: Final = 8  # times that a word stands, on average, where it is worth a number


class Columns(Protocol):
    """How values of one type lie in columns."""

    shape: str
    """Spells the type out, names and all: another shape cannot be read."""

    def put(self, values: Sequence[Any], out: list[list[Any]]) -> None:
        """Appends the columns of the values."""
        ...

    def take(self, columns: Iterator[list[Any]], count: int) -> Sequence[Any]:
        """The ``count`` values whose columns come next."""
        ...


class _Plain:
    """Scalars, and whatever is JSON as it is: one column."""

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def put(self, values: Sequence[Any], out: list[list[Any]]) -> None:
        first = values[0] if values else None
        kind = type(first)
        same = len(values) > 1 and kind in _REPEATED and all(type(v) is kind and v == first for v in values)
        out.append([first] if same else _steps(values) or _numbered(values) or list(values))

    def take(self, columns: Iterator[list[Any]], count: int) -> Sequence[Any]:
        column = next(columns)
        if len(column) > count:
            first, rest = column[0], column[1:]
            return list(accumulate(rest) if first == _STEPS else map(first.__getitem__, rest))
        return column * count if len(column) == 1 else column


def _steps(values: Sequence[Any]) -> list[int] | None:
    """Integers as the first and the steps between them, where that is shorter: times mostly are."""
    if len(values) < 3 or any(type(value) is not int for value in values):
        return None
    steps = [values[0], *map(sub, values[1:], values)]
    return [_STEPS, *steps] if max(map(abs, steps[1:])) * 100 < max(map(abs, values)) else None


def _numbered(values: Sequence[Any]) -> list[Any] | None:
    """Words as their places in a list of all of them, where there are few."""
    if len(values) < _FEW or any(type(value) is not str for value in values):
        return None
    words = {word: at for at, word in enumerate(dict.fromkeys(values))}
    return [list(words), *(words[value] for value in values)] if len(words) * _FEW <= len(values) else None


class _Maybe:
    """Values that may be absent: which are there, and then those."""

    def __init__(self, inner: Columns) -> None:
        self.inner = inner
        self.shape = f"{inner.shape}?"

    def put(self, values: Sequence[Any], out: list[list[Any]]) -> None:
        _MARKS.put([int(value is not None) for value in values], out)
        self.inner.put([value for value in values if value is not None], out)

    def take(self, columns: Iterator[list[Any]], count: int) -> Sequence[Any]:
        there = _MARKS.take(columns, count)
        found = self.inner.take(columns, sum(there))
        if len(found) == count:
            return found
        rest = iter(found)
        return [next(rest) if one else None for one in there]


class _Many:
    """Tuples of any length: their lengths, and then all that is in them."""

    def __init__(self, inner: Columns) -> None:
        self.inner = inner
        self.shape = f"[{inner.shape}]"

    def put(self, values: Sequence[Any], out: list[list[Any]]) -> None:
        _MARKS.put([len(value) for value in values], out)
        self.inner.put(list(chain.from_iterable(values)), out)

    def take(self, columns: Iterator[list[Any]], count: int) -> Sequence[Any]:
        lengths = _MARKS.take(columns, count)
        found = self.inner.take(columns, sum(lengths))
        values, at = [], 0
        for length in lengths:
            values.append(tuple(found[at : at + length]) if length else ())
            at += length
        return values


class _Record:
    """Dataclasses, named tuples, and tuples of fixed length: the columns of each part."""

    def __init__(self, name: str, parts: Sequence[tuple[str, Columns]], get: Sequence[Callable[[Any], Any]]) -> None:
        self.parts = [inner for _, inner in parts]
        self.get = get
        self.shape = f"{name}({','.join(f'{part}:{inner.shape}' for part, inner in parts)})"
        self.made: Callable[[Sequence[Sequence[Any]]], list[Any]] = _tuples

    def put(self, values: Sequence[Any], out: list[list[Any]]) -> None:
        for part, get in zip(self.parts, self.get, strict=True):
            part.put([get(value) for value in values], out)

    def take(self, columns: Iterator[list[Any]], count: int) -> Sequence[Any]:
        return self.made([part.take(columns, count) for part in self.parts])


def _tuples(columns: Sequence[Sequence[Any]]) -> list[Any]:
    return list(zip(*columns, strict=True))


_MARKS: Final = _Plain("n")


@cache
def columns_of(wanted: Any) -> Columns:
    """How values of this type lie in columns; ``TypeError`` for a type that no record of the picture has."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        inner = [part for part in parts if part is not NoneType]
        if len(inner) == 1 and not _is_plain(inner[0]):
            return _Maybe(columns_of(inner[0]))
    elif origin is tuple:
        if parts[-1] is Ellipsis:
            return _Many(columns_of(parts[0]))
        return _Record(
            "", [(str(at), columns_of(part)) for at, part in enumerate(parts)], list(map(itemgetter, range(len(parts))))
        )
    elif _has_fields(wanted):
        return _of_fields(wanted)
    if not _is_plain(wanted):
        raise TypeError(f"{wanted} does not lie in columns")
    return _Plain(str(wanted) if origin else wanted.__name__)


def _of_fields(wanted: type) -> Columns:
    names = _names(wanted)
    hints = get_type_hints(wanted)
    record = _Record(
        wanted.__name__, [(name, columns_of(hints[name])) for name in names], [attrgetter(name) for name in names]
    )
    record.made = partial(all_filled if _is_filled(wanted) else _called, wanted)
    return record


def _called(wanted: Callable[..., Any], columns: Sequence[Sequence[Any]]) -> list[Any]:
    return list(map(wanted, *columns))


def _is_filled(wanted: type) -> bool:
    """Whether records of the type may be filled open: they come ten thousand at a time."""
    return dataclasses.is_dataclass(wanted) and len(dataclasses.fields(wanted)) > 1 and "__slots__" in vars(wanted)


def _names(wanted: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(wanted):
        return tuple(field.name for field in dataclasses.fields(wanted))
    return tuple(wanted._fields)


def _has_fields(wanted: Any) -> TypeGuard[type]:
    return isinstance(wanted, type) and (dataclasses.is_dataclass(wanted) or hasattr(wanted, "_fields"))


def _is_plain(wanted: Any) -> bool:
    if get_origin(wanted) in (Union, UnionType):
        return all(_is_plain(part) for part in get_args(wanted))
    return wanted in (str, int, float, bool, NoneType, object)
