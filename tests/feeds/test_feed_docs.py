"""docs/feeds.md says what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from feeds.base import FeedContext
from feeds.config import FeedConfig, load
from feeds.incident.codec import FORMS, decode
from feeds.ngsi.codec import FACILITIES, MEASURES, ROADS
from feeds.registry import BUILT_IN, installed
from feeds.streams import StreamConfig, address_of
from picture.reports import INCIDENT_KINDS


@pytest.fixture
def text(repo_root: Path) -> str:
    return (repo_root / "docs/feeds.md").read_text(encoding="utf-8")


def _section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_every_key_of_the_incident_json_is_documented_and_no_other(kind: str, text: str) -> None:
    section = _section(text, "incident")
    tables = {"": section.split("\nEvery object:\n")[1]} | {
        name: section.split(f"\n`{name}`: ")[1] for name in FORMS
    }  # fmt: skip
    documented = {key for name in ("", kind) for key in _keys(tables[name])}
    assert documented == {info.alias or name for name, info in FORMS[kind].model_fields.items()}


def _keys(after: str) -> list[str]:
    """The keys in the first column of the first table in a text."""
    (rows,) = re.findall(r"\A.*?\n(\| key \|.*?)(?:\n\n|\Z)", after, re.DOTALL)
    return [key for row in rows.splitlines() for key in re.findall(r"`([a-z_]+)`", row.split("|", 2)[1])]


def test_every_wire_has_a_section_with_a_configuration_that_loads(text: str) -> None:
    for wire in BUILT_IN:
        section = _section(text, wire if wire != "incident" else "Configuring a feed")
        (toml,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
        (values,) = tomllib.loads(toml)["feeds"]
        assert load(values).wire == wire
        limit = installed().wire(wire).manifest.limits.max_bytes
        words = f"{limit // 1_048_576} MiB" if limit >= 1_048_576 else f"{limit // 1024} KiB"
        assert re.search(rf"\| \[`{wire}`\]\(#{wire}\) \|.*\| {words} \|", text)


def test_every_key_of_a_feeds_configuration_is_documented(text: str) -> None:
    assert set(_keys(_section(text, "Configuring a feed"))) == set(FeedConfig.model_fields)


def test_every_key_of_a_connection_is_documented(text: str) -> None:
    (table,) = re.findall(r"(\| key of `stream` .*?)\n\n", text, re.DOTALL)
    documented = {key for row in table.splitlines() for key in re.findall(r"`([a-z_]+)`", row.split("|", 2)[1])}
    assert documented - {"stream"} == set(StreamConfig.model_fields)


def test_the_examples_of_connections_are_of_wires_that_have_them(text: str) -> None:
    for heading, transport, port in (("MQTT", "mqtt", 8883), ("TAK servers", "stream", 8089)):
        section = text.split(f"\n### {heading}\n")[1].split("\n## ", maxsplit=1)[0]
        feed = load(tomllib.loads(re.findall(r"```toml\n(.*?)```", section, re.DOTALL)[0])["feeds"][0])
        assert transport in installed().wire(feed.wire).manifest.transports
        assert address_of(feed.url).port == port and (feed.stream.topics or feed.stream.send)


def test_which_wires_have_which_connections_is_documented(text: str) -> None:
    rows = dict(re.findall(r"\n\| (`[a-z]+://`[^|]*) \|[^|]*\| ([^|]*) \|", _section(text, "Connections")))
    for address, transport in (("`tcp://`", "stream"), ("`mqtt://`", "mqtt")):
        listed = next(words for name, words in rows.items() if name.startswith(address))
        wires = {wire for wire in BUILT_IN if transport in installed().wire(wire).manifest.transports}
        assert set(re.findall(r"`([a-z]+)`", listed)) == wires


def test_what_ngsi_reads_and_the_kinds_of_incident_are_listed(text: str) -> None:
    for word in (*FACILITIES, *MEASURES, *ROADS):
        assert word in _section(text, "ngsi")
    kinds = _section(text, "incident").split("Kinds: ")[1].split(".")[0]
    assert set(re.split(r",\s+", kinds)) == set(INCIDENT_KINDS)


def test_the_example_report_is_read(text: str) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", _section(text, "incident"), re.DOTALL)
    assert json.loads(example)["type"] == "report"
    (report,) = decode(example.encode(), FeedContext())
    assert report.report == "incident"
