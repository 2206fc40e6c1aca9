"""Tries one feed once, as a core would hear it, and says what came or why nothing did. Nothing is journalled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import httpx

from feeds.base import Heard, StreamSource
from feeds.config import FeedConfig, subject
from feeds.intake import Accepted, Intake, Reading
from feeds.poll import Poller
from picture.clock import rfc3339
from picture.reports import AlertMessage, IncidentReport, Report

SHOWN: Final = 10


@dataclass(slots=True)
class Trial:
    """What a trial found. ``heard``: something came, and all of it could be read or was left out on purpose."""

    lines: list[str] = field(default_factory=list)
    heard: bool = False
    accepted: int = 0
    reports: int = 0
    refused: int = 0

    def say(self, words: str) -> None:
        """One more line."""
        self.lines.append(words)


async def fetch(feed: FeedConfig, intake: Intake, now_ms: Callable[[], int]) -> Trial:
    """One answer of a feed that is polled, its links followed as a core would."""
    trial = Trial()
    rng = Random()
    async with httpx.AsyncClient(trust_env=False) as client:
        poller = Poller(client, feed.url, interval_s=feed.poll_s, max_bytes=intake.max_bytes, rng=rng)
        fetched = await poller.fetch()
        if fetched.outcome == "failed":
            trial.say(f"It cannot be fetched: {fetched.why}.")
            return trial
        trial.say(f"Fetched {len(fetched.body)} bytes.")
        messages: tuple[bytes, ...] = (fetched.body,)
        why = ""
        if intake.new_gatherer is not None:
            gathered = await intake.new_gatherer(feed, client, rng).gather(fetched.body)
            messages, why = gathered.messages, gathered.why
            if gathered.listed is not None:
                trial.say(f"It lists {len(messages)} messages.")
            if why:
                trial.say(f"Not all of it could be fetched: {why}.")
        _judge(trial, feed, [intake.read(one, now_ms()) for one in messages], now_ms())
        trial.heard = trial.heard and not why
    return trial


async def connect(
    feed: FeedConfig, intake: Intake, source: StreamSource, wait_s: float, now_ms: Callable[[], int]
) -> Trial:
    """What came first over a feed's connection within ``wait_s`` seconds."""
    trial = Trial()
    came = asyncio.Event()
    states: list[str] = []
    readings: list[Reading] = []

    async def deliver(heard: Heard) -> None:
        readings.append(intake.hear(heard, now_ms()))
        came.set()

    def state(became: str, why: str) -> None:
        if not states or states[-1] != became:
            trial.say(f"{became.capitalize()}{': ' + why if why else '.'}")
        states.append(became)

    task = asyncio.ensure_future(source.run(deliver, state))
    try:
        await asyncio.wait_for(came.wait(), wait_s)
    except TimeoutError:
        trial.say(f"Nothing came within {wait_s:g} s.")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if readings:
        _judge(trial, feed, readings, now_ms())
    return trial


def read(feed: FeedConfig, intake: Intake, data: bytes, now_ms: int) -> Trial:
    """What a feed would make of these bytes, had it delivered them."""
    trial = Trial()
    _judge(trial, feed, [intake.read(data, now_ms)], now_ms)
    return trial


def _judge(trial: Trial, feed: FeedConfig, readings: list[Reading], now_ms: int) -> None:
    reports = [report for reading in readings for report in reading.reports]
    refused = [one for reading in readings for one in reading.refused]
    skipped = [words for reading in readings for words in reading.skipped]
    trial.accepted = sum(isinstance(one, Accepted) for reading in readings for one in reading.messages)
    trial.reports, trial.refused = len(reports), len(refused)
    trial.heard = not refused
    trial.say(
        f"{trial.accepted} messages were read, {len(reports)} reports; {len(refused)} were refused,"
        f" {len(skipped)} parts left out."
    )
    for report in reports[:SHOWN]:
        trial.say(f"  {rfc3339(report.at_ms)}  {_words(report)}")
    if len(reports) > SHOWN:
        trial.say(f"  and {len(reports) - SHOWN} more")
    for one in refused[:SHOWN]:
        trial.say(f"  refused: {one.error}")
    for words in skipped[:SHOWN]:
        trial.say(f"  left out: {words}")
    newest = max((report.at_ms for report in reports), default=now_ms)
    if feed.data_old_after_s and now_ms - newest > feed.data_old_after_s * 1000:
        trial.say(f"Its newest report is {(now_ms - newest) // 1000} s old: the feed would count as sending old data.")


def _words(report: Report) -> str:
    """Kind and subject alone: texts, callers and positions stay out of terminals and logs."""
    match report:
        case AlertMessage():
            title = report.headline or report.event or report.external_id
            return f"alert of {report.sender}: {title} ({report.msg_type}, {report.severity})"
        case IncidentReport():
            return f"incident, {report.incident_kind}, by {report.reporter}"
        case _:
            return f"{report.report} of {subject(report)}"
