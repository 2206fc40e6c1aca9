"""What citizens alone report starts no playbook; it says so, and starts once somebody else stands for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_core import START_MS, SmallCore, town

from picture import events as ev
from picture.fold import Picture
from picture.fusion import CITIZENS_ONLY
from playbooks.engine import Engine
from playbooks.schema import load
from playbooks.verbs import standard_verbs
from playbooks.windows import DistinctWindow, Hit

HEAD = """
playbook: collapse
version: 1
title: Search and rescue
doctrine: People under rubble live for hours.
priority: 1
applies: {jurisdiction: city, cities: [port-meridian]}
mode: {key: subject, on_retrigger: ignore}
trigger:
  any:
    - TRIGGER
steps:
  - id: tell
    do: notice.internal
    with: {to: ["position:duty_officer"], headline: "Look at {subject}", body: Search it.}
"""
TRIGGERS = {
    "event": "event: {on: incident.opened, where: 'incident_kind == \"collapse\"'}",
    "condition": 'condition: {on: incident, where: \'kind == "collapse" && status == "open"\'}',
    "window": "window: {on: report.linked, where: 'score_c >= 0', count_distinct: origin, at_least: 2, within: 30m}",
}


@pytest.fixture(params=sorted(TRIGGERS))
def core(request: pytest.FixtureRequest, tmp_path: Path) -> SmallCore:
    return made(tmp_path, request.param)


def made(folder: Path, trigger: str) -> SmallCore:
    small = SmallCore(engine(folder, trigger))
    small.say(*town())
    return small


def engine(folder: Path, trigger: str) -> Engine:
    path = folder / "collapse.yaml"
    path.write_text(HEAD.replace("TRIGGER", TRIGGERS[trigger]), encoding="utf-8")
    return Engine([load(path)[0]], standard_verbs(), citizens=["app"])


def opened(name: str, feed: str) -> list[ev.Event]:
    first = ev.IncidentOpened(
        incident=name, incident_kind="collapse", title="Collapse", priority=2 if feed == "app" else 1,
        tags=(CITIZENS_ONLY,) if feed == "app" else (),
    )  # fmt: skip
    return [first, linked(name, feed, f"{feed} 1")]


def linked(name: str, feed: str, origin: str) -> ev.ReportLinked:
    return ev.ReportLinked(incident=name, feed=feed, origin=origin, report_at_ms=START_MS, score_c=500, evidence=())


def confirmed(name: str) -> ev.IncidentChanged:
    return ev.IncidentChanged(incident=name, priority=1, tags=(), why="confirmed by calls")


def by_citizens(core: SmallCore) -> None:
    core.say(*opened("I-1", "app"), linked("I-1", "app", "app 2"), linked("I-1", "app", "app 3"), source="app")


def why(core: SmallCore) -> str:
    (trace,) = core.engine.explain(core.picture)
    return f"{trace.state}: {trace.words}"


def test_citizens_alone_start_nothing_and_it_says_so(core: SmallCore) -> None:
    by_citizens(core)
    assert not core.of(ev.RunStarted)
    assert why(core).startswith("near: ") and "citizens alone" in why(core)


def test_the_same_from_a_call_taker_starts_it(core: SmallCore) -> None:
    core.say(*opened("I-1", "calls"), linked("I-1", "calls", "calls 2"), source="calls")
    assert len(core.of(ev.RunStarted)) == 1


def test_it_starts_once_when_somebody_else_confirms(core: SmallCore) -> None:
    by_citizens(core)
    core.say(linked("I-1", "calls", "calls 1"), confirmed("I-1"), source="calls")
    assert [run.subject for run in core.of(ev.RunStarted)] == ["I-1"]
    core.say(linked("I-1", "calls", "calls 2"), source="calls")
    assert len(core.of(ev.RunStarted)) == 1 and "citizens alone" not in why(core)


@pytest.mark.parametrize("trigger", ["event", "condition"])
def test_it_starts_when_an_operator_lifts_the_incident(tmp_path: Path, trigger: str) -> None:
    core = made(tmp_path, trigger)
    by_citizens(core)
    core.say(ev.IncidentChanged(incident="I-1", priority=1), source="")
    assert len(core.of(ev.RunStarted)) == 1


@pytest.mark.parametrize("trigger", sorted(TRIGGERS))
def test_a_restarted_core_still_knows_what_citizens_alone_have_said(tmp_path: Path, trigger: str) -> None:
    core = made(tmp_path, trigger)
    by_citizens(core)
    core.engine = engine(tmp_path, trigger)
    core.picture = Picture(core.picture.home_stream).apply_all(core.entries)
    core.engine.restore(core.picture, [one for one in core.entries if one.kind in core.engine.restart_kinds])
    core.say()
    assert not core.of(ev.RunStarted)
    core.say(linked("I-1", "calls", "calls 1"), confirmed("I-1"), source="calls")
    assert len(core.of(ev.RunStarted)) == 1


def test_a_citizens_repeat_does_not_take_back_what_others_said() -> None:
    window = DistinctWindow(1_000, 2)
    assert not window.add("", "quay", Hit(1, "calls", "quay", ""))
    assert not window.add("", "quay", Hit(2, "app", "quay", "", citizens=True))
    assert window.add("", "dock", Hit(3, "app", "dock", "", citizens=True))
