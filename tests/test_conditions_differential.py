"""Our conditions and the Rust CEL engine agree over generated well-typed expressions and many bindings."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picture.conditions import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Condition,
    Env,
    Field,
    Message,
    list_of,
    message_type,
)
from picture.errors import PlaybookError

# Where the Rust engine itself leaves the standard, nothing is compared: it wraps round on -(-2**63), counts
# the size of text in bytes (the alphabet here is ASCII), and lets one failing
# item spoil an exists() that another decides.
cel = pytest.importorskip("cel", reason="the Rust CEL engine is a test dependency (common-expression-language)")

FIELDS = {"i": Field(INT, optional=True), "d": Field(DOUBLE, optional=True), "s": Field(STRING)}
RECORD = Message("record", FIELDS, mapping=True)
ENV = Env().with_names(
    {
        "a": INT,
        "b": INT,
        "x": DOUBLE,
        "y": DOUBLE,
        "p": BOOL,
        "q": BOOL,
        "s": STRING,
        "t": STRING,
        "li": list_of(INT),
        "ls": list_of(STRING),
        "m": message_type(RECORD),
        "lm": list_of(message_type(RECORD)),
    }
)
TEXT = st.text(alphabet="abq '\\", max_size=4)
WHOLE = st.one_of(st.integers(-4, 4), st.sampled_from([2**63 - 1, 1 - 2**63, 2**62]))
REAL = st.sampled_from([0.0, -0.0, 0.5, -1.5, 3.0, 1e300, -2.25])


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def ints(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(st.integers(-5, 5).map(str), st.sampled_from(["a", "b", "size(s)", "li.size()"]))
    if depth == 0:
        return leaf
    inner = ints(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%"), inner),
        st.builds("({} ? {} : {})".format, bools(depth - 1), inner, inner),
        leaf.map("(-({}))".format),
    )


def doubles(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(REAL.map(repr).filter(lambda text: "e" not in text), st.sampled_from(["x", "y"]))
    if depth == 0:
        return leaf
    inner = doubles(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        ints(depth - 1).map("double({})".format),
    )


STRINGS = st.one_of(TEXT.map(quoted), st.sampled_from(["s", "t", "m.s", "(s + t)"]))


def bools(depth: int) -> st.SearchStrategy[str]:
    compare = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    leaf = st.one_of(
        st.sampled_from(["p", "q", "true", "false", "has(m.i)", "!has(m.d)"]),
        st.builds("m.s {} {}".format, compare, STRINGS),
        st.builds("(has(m.i) && m.i {} {})".format, compare, st.integers(-3, 3)),
        st.builds("(!has(m.d) || m.d {} {})".format, compare, st.sampled_from(["0.5", "3.0", "x"])),
        st.builds("{}.{}({})".format, STRINGS, st.sampled_from(["contains", "startsWith", "endsWith"]), STRINGS),
        st.builds("({} in {})".format, STRINGS, st.sampled_from(["ls", "['a', 'b', '']"])),
    )
    if depth == 0:
        return leaf
    inner = bools(depth - 1)
    return st.one_of(
        leaf,
        inner.map("!({})".format),
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner),
        st.builds("({} {} {})".format, ints(depth - 1), compare, ints(depth - 1)),
        st.builds("({} {} {})".format, doubles(depth - 1), compare, doubles(depth - 1)),
        st.builds("({} in [{}, {}])".format, ints(depth - 1), ints(0), ints(0)),
        st.builds("li.{}(i, i {} {})".format, st.sampled_from(["exists", "all"]), compare, ints(0)),
        st.builds("lm.{}(r, has(r.i) && r.i {} {})".format, st.sampled_from(["exists", "all"]), compare, ints(0)),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    )


def record() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"s": TEXT}, optional={"i": WHOLE, "d": REAL})


BINDINGS = st.fixed_dictionaries(
    {
        "a": WHOLE,
        "b": WHOLE,
        "x": REAL,
        "y": REAL,
        "p": st.booleans(),
        "q": st.booleans(),
        "s": TEXT,
        "t": TEXT,
        "li": st.lists(st.integers(-3, 3), max_size=3),
        "ls": st.lists(TEXT, max_size=3),
        "m": record(),
        "lm": st.lists(record(), max_size=3),
    }
)


def ours(condition: Condition, bindings: dict[str, Any]) -> bool | str:
    try:
        return condition.evaluate(bindings)
    except PlaybookError:
        return "no value"


def theirs(source: str, bindings: dict[str, Any]) -> bool | str:
    try:
        return bool(cel.evaluate(source, bindings))
    except (ZeroDivisionError, OverflowError, ValueError, RuntimeError):
        return "no value"


@settings(max_examples=600, deadline=None)
@given(bools(3).filter(lambda source: len(source) < 1_500), st.lists(BINDINGS, min_size=1, max_size=4))
def test_both_engines_agree(source: str, many: list[dict[str, Any]]) -> None:
    condition = Condition.compile(source, ENV)
    for bindings in many:
        assert ours(condition, bindings) == theirs(source, bindings), (source, bindings)


def test_the_generator_reaches_what_it_is_meant_to_compare() -> None:
    bindings = {
        "a": 2**62,
        "b": 0,
        "x": -0.0,
        "y": 0.0,
        "p": True,
        "q": False,
        "s": "",
        "t": "",
        "li": [0, 1],
        "ls": [],
        "m": {"s": ""},
        "lm": [],
    }
    for source in ("a * 4 > 0", "a / b == 1", "x / y > 0.0 || 1.0 / x < 0.0", "li.all(i, a / i > 0)"):
        assert ours(Condition.compile(source, ENV), bindings) == theirs(source, bindings)
    assert math.isnan(0.0 * math.inf)
