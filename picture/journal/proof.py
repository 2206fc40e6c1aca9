"""Which events need no reading back: a valid one of these kinds is spelled as JSON that gives the same event again.

An ``Event`` is valid for as long as it lives (it is frozen, and a copy with changes is validated anew), so for a
kind made of plain fields alone there is nothing left to find out by decoding what was just encoded. Every other kind
is read back before it is acknowledged. ``tests/test_journal_proof.py`` holds the proof against the decoder.
"""

from __future__ import annotations

from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from picture.event import Event
from picture.reports import SEAL

_PLAIN: Final = (str, int, bool)
_CONFIG: Final = {"frozen", "extra"}
_CONSTRAINTS: Final = "annotated_types"
"""Whose bounds and lengths only refuse values and never change one."""


_SHORT: Final = 4000
"""Bytes within which no number can have more digits than the decoder takes (4,300)."""


def reads_back(event: Event, payload: bytes) -> bool:
    """True if it is certain that ``payload``, the event's own JSON with absent fields left out, gives this event."""
    floats = _floats(type(event))
    if floats is None or len(payload) > _SHORT:
        return False
    return not floats or all((value := getattr(event, name)) is None or isfinite(value) for name in floats)


@cache
def _floats(model: type[Event]) -> tuple[str, ...] | None:
    """The fields of a plain kind that hold numbers without an exact spelling; None if the kind is not plain."""
    decorators = model.__pydantic_decorators__
    own = any(getattr(decorators, name) for name in decorators.__slots__) or "__get_pydantic_core_schema__" in vars(
        model
    )
    if own or not set(model.model_config) <= _CONFIG or not all(map(_is_plain, model.model_fields.values())):
        return None
    return tuple(name for name, field in model.model_fields.items() if float in (field.annotation, *_parts(field)))


def _is_plain(field: FieldInfo) -> bool:
    if field.alias or field.exclude or not all(map(_only_refuses, field.metadata)):
        return False
    parts = _parts(field)
    if NoneType in parts:  # None is left out, so it must be what an absent field becomes
        return (
            len(parts) == 2 and field.default is None and any(_is_value(part) for part in parts if part is not NoneType)
        )
    return _is_value(field.annotation)


def _parts(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ()


def _is_value(wanted: Any) -> bool:
    return wanted is float or _is_exact(wanted)


def _is_exact(wanted: Any) -> bool:
    """Text, whole numbers, truth, words of a list, and tuples of these."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _is_exact(parts[0]) and all(map(_only_refuses, parts[1:]))
    if origin is Literal:
        return all(type(part) in _PLAIN for part in parts)
    if origin is tuple:
        return all(part is Ellipsis or _is_exact(part) for part in parts)
    return wanted in _PLAIN


def _only_refuses(metadata: object) -> bool:
    return metadata == SEAL or type(metadata).__module__ == _CONSTRAINTS
