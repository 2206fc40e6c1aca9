"""What every event is: a frozen, versioned model whose sealed fields an entry never holds in clear.

An event's sealed fields (marked with ``picture.reports.SEAL``) are filled when it is handed to a journal and are
None in every ``Entry``; the journal keeps them encrypted under the key that ``key_scope`` names. Stored bytes are
never rewritten: a changed model gets a higher ``version`` and an upcaster in ``UPCASTERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from picture.reports import SEAL

KINDS: dict[str, type[Event]] = {}
UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(kind, version) -> payload of that version turned into the next one's."""


class Event(BaseModel):
    """Base of every event. ``kind`` and ``version`` are the class's; a subclass registers itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    retention: ClassVar[str] = "operations"
    """Retention class of its sealed values: operations, personal, training."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            KINDS[cls.kind] = cls

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The event with these fields changed, valid like any other; ``ValidationError`` if it cannot be."""
        return type(self).model_validate({**self.__dict__, **update}) if update else super().model_copy(deep=deep)

    @classmethod  # type: ignore[no-redef]  # pydantic's plugin for mypy writes one of its own
    def model_construct(  # type: ignore[override]
        cls, _fields_set: set[str] | None = None, **values: Any
    ) -> Self:
        """The event of these fields, valid like any other: a journal trusts every event to be one."""
        return cls.model_validate(values)

    def key_scope(self) -> str:
        """Whose key seals this event's personal values: the incident where there is one, else the day's pool."""
        return str(getattr(self, "incident", "") or "general")

    def bound(self, first_seq: int) -> Event:
        """The event with its references into its own commit turned into sequence numbers; the journal calls it
        before it writes, when it knows that the commit's first entry will be ``first_seq``."""
        return self


@cache
def sealed_paths(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the fields of a model that are marked as sealed."""
    return tuple(name for name, info in model.model_fields.items() if SEAL in info.metadata)


def sealed_values(event: Event) -> Iterator[tuple[str, Any]]:
    """(path, value) of every sealed value present in an event: its own fields, and those of a model it carries."""
    for name in sealed_paths(type(event)):
        if (value := getattr(event, name)) is not None:
            yield name, value
    for name in type(event).model_fields:
        inner = getattr(event, name)
        if isinstance(inner, BaseModel):
            for path in sealed_paths(type(inner)):
                if (value := getattr(inner, path)) is not None:
                    yield f"{name}.{path}", value


def clear_part(event: Event) -> Event:
    """The event without its sealed values: what stands in the entry."""
    own = dict.fromkeys(sealed_paths(type(event)))
    inner = {
        name: value.model_copy(update=dict.fromkeys(sealed_paths(type(value))))
        for name in type(event).model_fields
        if isinstance(value := getattr(event, name), BaseModel) and sealed_paths(type(value))
    }
    # A sealed field may always be None: nothing to validate.
    return BaseModel.model_copy(event, update=own | inner) if own or inner else event
