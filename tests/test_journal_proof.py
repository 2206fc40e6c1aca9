"""No event is acknowledged that does not read back: what is trusted unread is exactly what reading gives."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BeforeValidator, Field, ValidationError, field_serializer, field_validator

from picture.errors import JournalError
from picture.events import KINDS, Event, SensorUpdated, VesselUpdated, clear_part
from picture.journal.chain import decoded_event, encoded
from picture.journal.proof import reads_back
from tests.event_strategies import of_model

_WILD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NUMBERS = st.one_of(st.integers(-(10**30), 10**30), st.booleans(), st.integers(-4, 4).map(float))


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_event_in_a_receipt_is_the_one_that_reading_gives(kind: str, data: st.DataObject) -> None:
    event = clear_part(data.draw(of_model(KINDS[kind])))
    payload, back = encoded(event)
    read = decoded_event(kind, event.version, payload)
    assert back == read
    assert [type(value) for _, value in back] == [type(value) for _, value in read]
    assert encoded(read) == (payload, read)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {"mmsi": _NUMBERS},
        optional={
            "name": st.none() | _WILD, "lon_e7": st.none() | _NUMBERS, "destination": _WILD, "doubt": _WILD,
        },
    )
)  # fmt: skip
def test_any_text_and_any_whole_number_reads_back(fields: dict[str, Any]) -> None:
    event = VesselUpdated.model_validate(fields)
    assert reads_back(event, b"")
    read = VesselUpdated.model_validate_json(encoded(event)[0])
    assert read == event
    assert [type(value) for _, value in read] == [type(value) for _, value in event]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_measurement_reads_back_to_the_last_bit(value: float) -> None:
    event = SensorUpdated(id="S-1", quantity="water_level", unit="m", value=value)
    payload, back = encoded(event)
    assert reads_back(event, b"")
    assert SensorUpdated.model_validate_json(payload).value.hex() == event.value.hex()
    assert back == event


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(JournalError) as refused:
        encoded(SensorUpdated(id="S-1", quantity="water_level", unit="m", value=value))
    assert refused.value.code == "TOC-3104"


def test_text_that_has_no_utf_8_is_refused() -> None:
    with pytest.raises(JournalError) as refused:
        encoded(VesselUpdated(mmsi=1, name="\ud800"))
    assert refused.value.code == "TOC-3104"


def test_a_number_too_long_to_be_read_is_refused() -> None:
    with pytest.raises(JournalError) as refused:
        encoded(VesselUpdated(mmsi=10**5000))
    assert refused.value.code == "TOC-3104"


def test_an_event_cannot_be_changed_or_made_into_one_that_is_not_valid() -> None:
    event = VesselUpdated(mmsi=211_000_001)
    assert event.model_copy(update={"name": "MERIDIAN STAR"}) == VesselUpdated(mmsi=211_000_001, name="MERIDIAN STAR")
    for change in ({"mmsi": "not a number"}, {"name": 1}, {"no_such_field": 1}):
        with pytest.raises(ValidationError):
            event.model_copy(update=change)
        with pytest.raises(ValidationError):
            VesselUpdated.model_construct(**({"mmsi": 1} | change))


class _Plain(Event):
    words: tuple[tuple[str, int], ...] = ()
    state: Literal["on", "off"] = "on"
    level: float | None = None
    short: Annotated[str, Field(max_length=9)] = ""


class _NoneByDefaultOnly(Event):
    level: int | None = 3


class _NoneWithoutDefault(Event):
    level: int | None


class _EitherOf(Event):
    value: int | str = ""


class _Table(Event):
    values: dict[str, int] = Field(default_factory=dict)


class _Upper(Event):
    name: str = ""

    @field_validator("name")
    @classmethod
    def _loud(cls, name: str) -> str:
        return name.upper() + "!"


class _Masked(Event):
    name: str = ""

    @field_serializer("name")
    def _mask(self, name: str) -> str:
        return "*" * len(name)


class _Louder(Event):
    name: Annotated[str, BeforeValidator(lambda name: f"{name}!")] = ""


class _Hidden(Event):
    name: str = Field(default="", exclude=True)


class _Renamed(Event):
    name: str = Field(default="", alias="Name")


@pytest.mark.parametrize(
    "event",
    [
        _NoneByDefaultOnly(level=None), _NoneWithoutDefault(level=None), _EitherOf(value=1), _Table(), _Upper(name="a"),
        _Masked(name="a"), _Louder(name="a"), _Hidden(name="a"), _Renamed(Name="a"), _Plain(level=float("nan")),
    ],
)  # fmt: skip
def test_what_might_read_back_as_something_else_is_not_trusted(event: Event) -> None:
    assert not reads_back(event, b"")


def test_plain_kinds_are_trusted() -> None:
    assert reads_back(_Plain(words=(("a", 1),), level=0.1, short="b"), b"")
