"""Any journal a core might write, for properties of the fold: events of every kind that often name the same things."""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from picture.events import KINDS, Event
from picture.model import UNIT_STATUSES

NAMES = st.sampled_from(["N-1", "N-2", "N-3", ""])
"""Few, so that an event meets what an earlier one made."""
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "local_status": st.sampled_from([*UNIT_STATUSES, "asleep"]),
    "report_entry": st.integers(1, 9),
    "factor_pct": st.integers(10, 13),
}
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: NAMES,
    int: st.integers(1, 4),  # within every bound there is
    float: st.floats(-20, 20, width=32),
    bool: st.booleans(),
    NoneType: st.none(),
    Any: st.one_of(NAMES, st.integers(1, 4), st.lists(NAMES, max_size=2)),
}


def of_type(wanted: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    if wanted in SCALARS:
        return SCALARS[wanted]
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return of_type(parts[0])
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in (Union, UnionType):
        return st.one_of([of_type(part) for part in parts])
    if origin is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        return st.lists(of_type(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*[of_type(part) for part in parts])
    if origin is dict:
        return st.dictionaries(NAMES, of_type(parts[1]), max_size=2)
    assert issubclass(wanted, BaseModel), wanted
    return of_model(wanted)


@cache
def of_model(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Valid models of a kind."""
    fields = {
        name: FIELDS[name] if name in FIELDS else of_type(info.annotation) for name, info in model.model_fields.items()
    }
    return st.fixed_dictionaries(fields).map(model.model_validate)


EVENTS: st.SearchStrategy[list[Event]] = st.lists(
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: of_model(KINDS[kind])), min_size=8, max_size=24
)
