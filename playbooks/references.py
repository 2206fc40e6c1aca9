"""``{name.field}`` in a step's arguments: variables, the subject, and what earlier steps gave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from picture.errors import PlaybookError

_REFERENCE: Final = re.compile(r"\{([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\}")


def references_in(value: Any) -> Iterator[str]:
    """Every reference in an argument, ``plan.assignments``, in order."""
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from references_in(item)


def is_whole(value: Any) -> bool:
    """Whether the argument is nothing but one reference, and so takes its value as it is."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def resolved(value: Any, scope: Mapping[str, Any]) -> Any:
    """The argument with its references replaced; PlaybookError TOC-6109 where one has no value.

    A text that is nothing but one reference becomes the value itself; within a text, values become words.
    """
    if isinstance(value, str):
        if (whole := _REFERENCE.fullmatch(value)) is not None:
            return _value(whole.group(1), scope)
        return _REFERENCE.sub(lambda match: in_words(_value(match.group(1), scope)), value)
    if isinstance(value, Mapping):
        return {key: resolved(item, scope) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        found: list[Any] = []
        for item in value:
            one = resolved(item, scope)
            found.extend(one) if is_whole(item) and isinstance(one, (list, tuple)) else found.append(one)
        return found
    return value


def in_words(value: Any) -> str:
    """A value as it stands in a sentence."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(item) for item in value)
    return str(value)


def _value(path: str, scope: Mapping[str, Any]) -> Any:
    first, *rest = path.split(".")
    found = scope.get(first)
    for name in rest:
        found = found.get(name) if isinstance(found, Mapping) else _attribute(found, name)
    if found is None:
        raise PlaybookError(f"{{{path}}} has no value now.", code="TOC-6109")
    return found


def _attribute(record: Any, name: str) -> Any:
    value = getattr(record, name, None)
    return dict(getattr(record, "attributes", ())).get(name) if value is None else value
