"""The picture at a context broker: what changed goes there, again and again until it is taken, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from console.config import Home
from console.live import LiveWorld
from console.publishing import TOLD_AFTER, Publishing
from feeds.config import load
from picture import events as ev
from picture.alarms import standing
from picture.errors import UsageError
from tests.feeds.test_ngsi_broker import ContextBroker
from tests.test_live import living
from twin.source import ensure_pack


@pytest.fixture
def home(tmp_path: Path, tocsin_home: Path) -> Home:
    """A site of its own, with the city pack that this run has built already."""
    ensure_pack("port-meridian", tocsin_home / "cache")
    (tmp_path / "cache").symlink_to(tocsin_home / "cache")
    return Home.at(tmp_path)


def feed(url: str, **changes: Any) -> dict[str, Any]:
    return {"id": "city", "wire": "ngsi", "broker": url, "publish": ("incidents", "closures")} | changes


class Rounds:
    """Publishes one round at a time."""

    def __init__(self, world: LiveWorld) -> None:
        self._turns, self._done = asyncio.Semaphore(0), asyncio.Event()
        self.waits: list[float] = []
        publishing = Publishing(world, catch_up=lambda: None, rng=Random(1), pause=self._pause)
        self._task = asyncio.create_task(publishing.run())

    async def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._done.set()
        await self._turns.acquire()

    async def first(self) -> None:
        await asyncio.wait_for(self._done.wait(), 20)

    async def again(self) -> None:
        self._done.clear()
        self._turns.release()
        await self.first()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def closure(name: str = "C-1") -> ev.RoadClosed:
    return ev.RoadClosed(id=name, name="Wharf Street", edges=(1,), reason="water", by="operator")


async def _with_world(home: Home, url: str, act: Callable[[LiveWorld, Rounds], Any], **changes: Any) -> None:
    with living(home, feeds=(load(feed(url, **changes)),)) as world:
        rounds = Rounds(world)
        await rounds.first()
        await act(world, rounds)
        await rounds.stop()


def _record(world: LiveWorld, *events: ev.Event) -> None:
    from console.core import Draft

    world.core.record([Draft(one) for one in events])


async def test_what_changed_is_upserted_once_and_what_is_over_says_so(home: Home) -> None:
    broker = ContextBroker()

    async def act(world: LiveWorld, rounds: Rounds) -> None:
        assert broker.answers == []
        _record(world, closure())
        await rounds.again()
        await rounds.again()
        assert broker.answers == [201]
        _record(world, ev.RoadReopened(id="C-1", why="dry"))
        await rounds.again()
        assert broker.answers == [201, 204]
        (entity,) = broker.entities.values()
        assert entity["status"]["value"] == "open" and entity["source"]["value"] == world.core.journal.stream

    with broker.serving() as url:
        await _with_world(home, url, act)


async def test_only_what_is_configured_goes_out(home: Home) -> None:
    broker = ContextBroker()

    async def act(world: LiveWorld, rounds: Rounds) -> None:
        _record(world, closure(), ev.HazardChanged(id="H-1", hazard_kind="warning", title="Surge"))
        await rounds.again()
        assert [one["type"] for one in broker.entities.values()] == ["Alert"]

    with broker.serving() as url:
        await _with_world(home, url, act, publish=("hazards",))


async def test_a_broker_that_is_away_is_asked_less_often_told_of_and_brought_up_to_date_when_it_is_back(
    home: Home,
) -> None:
    broker = ContextBroker()
    broker.broken = True

    async def act(world: LiveWorld, rounds: Rounds) -> None:
        _record(world, closure("C-1"), closure("C-2"))
        for _ in range(TOLD_AFTER):
            await rounds.again()
        alarm = standing(world.core.home.alarms, "publish:city")
        assert alarm is not None and "HTTP 503" in alarm.cause and alarm.state == "unacknowledged"
        assert rounds.waits[-1] > 2 * rounds.waits[0]
        broker.broken = False
        await rounds.again()
        assert len(broker.entities) == 2
        back = standing(world.core.home.alarms, "publish:city")
        assert back is not None and back.state == "returned_unacknowledged"

    with broker.serving() as url:
        await _with_world(home, url, act)


@pytest.mark.parametrize("changes", [{"wire": "ais"}, {"broker": ""}])
def test_a_feed_that_cannot_publish_is_refused_before_anything_runs(home: Home, changes: dict[str, Any]) -> None:
    configured = load(feed("http://127.0.0.1:9", **changes))
    with living(home, feeds=(configured,)) as world, pytest.raises(UsageError) as refused:
        Publishing(world, catch_up=lambda: None, rng=Random(1))
    assert refused.value.code == "TOC-2154"
