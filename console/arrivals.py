"""What arrives at a served world waits in lanes; here they meet: queues, ingest, watermarks, alarms."""

from __future__ import annotations

from collections.abc import Callable

from console.core import Draft
from console.lanes import Lanes
from console.world import World
from feeds.intake import Reading
from picture import alarms
from picture import events as ev
from picture.entry import Actor
from picture.errors import TocsinError


def lanes_of(world: World, catch_up: Callable[[], None], failed: Callable[[str, Exception], None]) -> Lanes:
    """The lanes of a world's feeds; ``catch_up`` brings its clock to now before anything is journalled."""

    def take(feed: str, reading: Reading) -> bool:
        catch_up()
        held = world.ingest.held(feed)
        world.ingest.take_in(feed, reading, gather=True)
        world.judge_health(feed, reading)
        return world.ingest.held(feed) > held

    def told(change: ev.LoadChanged) -> None:
        catch_up()
        raised = alarms.judge([change], world.core.home, world.core.ids)
        drafts = [Draft(one, source=change.queue) for one in (change, *raised)]
        world.core.note(drafts, actor=Actor("system:lanes"))

    waiting = {name: intake.waiting for name, intake in world.intakes.items()}
    return Lanes(waiting, take=take, flush=world.ingest.count_over_quota, told=told, failed=failed)


async def fetched(world: World, lanes: Lanes, feed: str, data: bytes) -> None:
    """Hands on what a poller fetched; returns when the core has taken it, so that no more is fetched meanwhile."""
    try:
        await lanes.wait(feed, world.intakes[feed].read(data, world.core.now_ms()))
    except TocsinError as error:
        world.fetch_failed(feed, str(error))
