"""A flood of citizens' reports at a running core: calls come through, and what was acknowledged is in the journal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from picture import events as ev
from picture.journal import JournalReader
from tests.e2e.hands import core, post, report, write_scenario

FEEDS = [
    {"id": "calls-112", "wire": "incident", "may_speak": ["incident:call_taker"]},
    {"id": "app", "wire": "incident", "lane": "citizens", "room": 2, "quota_feed": 5, "quota_source": 2},
]


def test_no_call_is_turned_away_and_nothing_acknowledged_is_lost(tmp_path: Path, tocsin_home: Path) -> None:
    source = write_scenario(tmp_path / "flood", feeds=FEEDS, playbooks=[])
    with core(tmp_path / "drill", source, tocsin_home, speed=0.001) as running, ThreadPoolExecutor(24) as hands:

        def citizen(number: int) -> tuple[int, str]:
            body = report(
                "a tree is down", kind="tree", reporter="citizen", origin=f"phone {number % 7}", id=f"c{number}"
            )
            answer = post(running, "app", body)
            return answer.status, answer.code

        def call(number: int) -> tuple[int, str]:
            answer = post(
                running, "calls-112", report("water in the cellar", origin=f"caller {number}", id=f"k{number}")
            )
            return answer.status, answer.code

        flood = [hands.submit(citizen, number) for number in range(60)]
        calls = [hands.submit(call, number) for number in range(10)]
        told = [one.result() for one in flood]
        assert {one.result()[0] for one in calls} == {202}
    assert set(told) <= {(202, ""), (429, "TOC-2010")}
    with JournalReader(running.journal) as reader:
        entries = list(reader.read())
    shown = sum(1 for one in entries if one.kind == "report.received" and one.source == "app")
    counted = sum(one.event.count for one in entries if isinstance(one.event, ev.ReportsCounted))
    assert shown == 5 and shown + counted == sum(1 for status, _ in told if status == 202)
    assert sum(1 for one in entries if one.kind == "report.received" and one.source == "calls-112") == 10
