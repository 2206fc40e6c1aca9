"""What an author may write in a condition, what is refused at load, and what a condition says about itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from picture.conditions import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Condition,
    Env,
    Expression,
    Field,
    Message,
    enum_of,
    list_of,
    message_type,
)
from picture.errors import PlaybookError

UNIT = Message("unit", {"id": Field(STRING), "status": Field(enum_of(("available", "assigned"))), "crew": Field(INT)})
SENSOR = Message(
    "sensor",
    {
        "id": Field(STRING),
        "quantity": Field(enum_of(("water_level", "wind_speed"))),
        "value": Field(DOUBLE, optional=True, unit="m"),
    },
)
ENV = (
    Env()
    .with_names(
        {
            "count": INT,
            "ratio": DOUBLE,
            "open": BOOL,
            "name": STRING,
            "names": list_of(STRING),
            "units": list_of(message_type(UNIT)),
            "depth": Field(DOUBLE, optional=True),
        }
    )
    .with_fields("sensor", SENSOR)
    .with_constants({"level_hi": (DOUBLE, 3.2), "gauges": (list_of(STRING), ["TG-1", "TG-2"])})
)

BINDINGS = {
    "count": 7,
    "ratio": 0.5,
    "open": True,
    "name": "Quay 7",
    "names": ("a", "b"),
    "depth": None,
    "units": (
        SimpleNamespace(id="E12", status="available", crew=4),
        SimpleNamespace(id="E3", status="assigned", crew=5),
    ),
    "sensor": SimpleNamespace(id="TG-1", quantity="water_level", value=3.4),
}


def holds(source: str, **changed: object) -> bool:
    return Condition.compile(source, ENV).evaluate({**BINDINGS, **changed})


@pytest.mark.parametrize(
    "source",
    [
        "count == 7 && ratio < 1.0",
        "!open || count > 6",
        "count / -2 == -3",
        "-7 % 3 == -1",
        "count * 2 + 1 == 15",
        "name.startsWith('Quay')",
        'name.endsWith("7") && name.contains("ay")',
        "size(name) == 6",
        "names.size() == 2",
        "'a' in names",
        "count in [1, 7]",
        "id in gauges",
        "open ? count > 1 : false",
        "count < 7.5",
        "ratio == 0.5",
        "has(value) && value > level_hi - 0.4",
        "!has(depth) || depth > 1.0",
        "has(sensor.value) && sensor.value > 3.0",
        "units.exists(u, u.status == 'available' && u.crew >= 4)",
        "units.all(u, u.crew > 3)",
        "count > 0 && ratio > 0.1",
        "double(count) / 2.0 == 3.5",
        "int(3.9) == 3",
        "has(depth) ? depth > 1.0 : true",
        "-count == -7",
        "'a' < 'b'",
        r"'it\'s' == 'it\u0027s'",
        "-9223372036854775808 < 0",
    ],
)
def test_a_condition_that_holds(source: str) -> None:
    assert holds(source)


@pytest.mark.parametrize(
    ("source", "column", "words"),
    [
        ("coutn > 1", 1, "'count'"),
        ("open && sensor.valu > 1.0", 16, "'value'"),
        ("quantity == 'water_levle'", 13, "'water_level'"),
        ("quantity in ['wind_speed', 'wimd_speed']", 13, "'wind_speed'"),
        ("units.exists(u, u.status == 'avilable')", 29, "'available'"),
        ("value > 3.0", 1, "has(value)"),
        ("has(value) || value > 3.0", 15, "may be absent"),
        ("!has(value) && value > 3.0", 16, "may be absent"),
        ("sensor.value > 3.0", 8, "has(sensor.value)"),
        ("count + 1.0 > 2.0", 7, "double"),
        ("count == 'x'", 7, "cannot be compared"),
        ("count && open", 1, "bool is expected"),
        ("ratio", 1, "true or false"),
        ("name.startsWith('a', 'b')", 6, "takes 1 argument"),
        ("name.matches('a+')", 6, "no function"),
        ("units.exists(u, names.exists(n, n == u.id))", 23, "inside another"),
        ("count = 7", 7, "=="),
        ("count == ", 10, "not the end"),
        ("count == 7 open", 12, "not expected"),
        ("depth != null", 10, "has(x)"),
        ("units[0].crew > 1", 6, "not indexed"),
        ("9223372036854775808 > 0", 1, "64 bits"),
        ("[1, 'a'] == [1]", 5, "one type"),
        ("open < true", 6, "has no '<'"),
        ("name == 'it", 9, "no end"),
        (r"name == '\q'", 10, "no escape"),
        ("", 1, "not empty"),
        ("!" * 70 + "open", 64, "64 deep"),
        ("(" * 70 + "open" + ")" * 70, 65, "64 deep"),
        ("open && " * 400 + "open", 2000, "2000 characters"),
    ],
)
def test_what_cannot_work_is_refused_at_load_with_its_column(source: str, column: int, words: str) -> None:
    with pytest.raises(PlaybookError) as caught:
        Condition.compile(source, ENV)
    assert caught.value.code == "TOC-6002"
    assert f"Column {column}:" in caught.value.detail
    assert words in caught.value.detail


def test_a_condition_without_a_value_is_an_error_unless_the_other_side_decides() -> None:
    assert holds("1 / (count - 7) > 0 || open")
    assert not holds("1 / (count - 7) > 0 && !open")
    for source in ("1 / (count - 7) > 0", "count % (count - 7) == 0", "count * 9223372036854775807 > 0"):
        with pytest.raises(PlaybookError) as caught:
            holds(source)
        assert caught.value.code == "TOC-6101"


def test_double_division_by_zero_is_an_infinity() -> None:
    assert holds("ratio / 0.0 > 1000.0")
    assert holds("-ratio / 0.0 < -1000.0")


def test_a_failing_item_does_not_hide_one_that_decides() -> None:
    assert holds("units.exists(u, 1 / (u.crew - 4) == 1)")
    with pytest.raises(PlaybookError):
        holds("units.all(u, 1 / (u.crew - 4) == 1)")


def test_lines_are_explained_with_their_values() -> None:
    condition = Condition.compile(
        ["quantity == 'water_level'", "has(value)", "value > level_hi", "1 / (count - 7) > 0"], ENV
    )
    low = {**BINDINGS, "sensor": SimpleNamespace(id="TG-1", quantity="water_level", value=3.1)}
    first, second, third, fourth = condition.explain(low)
    assert (first.text, first.value) == ("quantity == 'water_level'", True)
    assert second.value is True
    assert (third.value, third.operands) == (False, (("value", 3.1), ("level_hi", 3.2)))
    assert (fourth.value, fourth.operands[-1]) == (None, ("fault", "Division by zero."))


def test_an_absent_value_is_explained_and_never_an_error() -> None:
    condition = Condition.compile("has(value) && value > level_hi", ENV)
    silent = {**BINDINGS, "sensor": SimpleNamespace(id="TG-1", quantity="water_level", value=None)}
    assert [(line.value, line.operands[0]) for line in condition.explain(silent)] == [
        (False, ("value", None)),
        (False, ("value", None)),
    ]


def test_an_expression_gives_its_value_and_type() -> None:
    expression = Expression.compile("name + '/' + sensor.id", ENV)
    assert (expression.value(BINDINGS), expression.type) == ("Quay 7/TG-1", STRING)
