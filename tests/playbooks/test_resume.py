"""A core killed between any two commits resumes at exactly the right step and does nothing twice."""

from __future__ import annotations

import pytest
from small_core import SmallCore, flood, level, town

from picture import events as ev
from picture.entry import Entry
from picture.fold import Picture
from playbooks.engine import Engine

NAMES = ["surge-at-quay", "substation-flooding"]


def story(core: SmallCore) -> None:
    """A night in which both playbooks run to their ends."""
    core.say(level("G-QUAY", 2.2))
    core.say(level("G-OLDDOCK", 2.15))
    core.approve(core.proposal("close roads"), "Ines")
    core.approve(core.proposal("warn the public"), "Ines", "Jonas")
    core.say(flood(2_450))
    core.approve(core.proposal("The SUB-4"), "Ines")
    request = next(one.id for one in core.home.requests.values() if one.subject == "SUB-4")
    core.say(ev.RequestAnswered(id=request, status="accepted"))
    core.say(ev.RequestAnswered(id=request, status="done"))


def done(entries: list[Entry]) -> list[tuple[str, str]]:
    """What was done, in the words of its effects, whatever the ids."""
    words = []
    for entry in entries:
        event = entry.event
        if isinstance(event, ev.RoadClosed):
            words.append(("closed", event.name))
        elif isinstance(event, ev.UnitAssigned):
            words.append(("sent", event.to_label))
        elif isinstance(event, ev.RequestMade):
            words.append(("asked", event.what))
        elif isinstance(event, ev.AlertRequested):
            words.append(("told", event.headline))
    return words


class FragileCore(SmallCore):
    """Goes down just before it would call the engine for the nth time, and comes up again from its entries."""

    def __init__(self, engine: Engine, kill_at: int) -> None:
        super().__init__(engine)
        self.kill_at, self.calls = kill_at, 0

    def say(self, *events: ev.Event, source: str = "feed") -> None:
        entries = self.commit(events, source=source)
        while True:
            self.calls += 1
            if self.calls == self.kill_at:
                self.engine = Engine.from_library(NAMES)
                self.picture = Picture(self.picture.home_stream)
                self.picture.apply_all(self.entries)
                self.engine.restore(self.picture, self.entries)
                entries = []
            following = self.engine.react(entries, self.context())
            if not following:
                return
            entries = self.commit(following)


def told(core: SmallCore) -> SmallCore:
    core.say(*town())
    story(core)
    return core


UNBROKEN = told(SmallCore(Engine.from_library(NAMES)))
CALLS = told(FragileCore(Engine.from_library(NAMES), kill_at=-1)).calls


@pytest.mark.parametrize("kill_at", range(1, CALLS + 1))
def test_wherever_it_is_killed_the_same_is_done_once(kill_at: int) -> None:
    core = FragileCore(Engine.from_library(NAMES), kill_at)
    core.say(*town())
    story(core)
    assert done(core.entries) == done(UNBROKEN.entries)


def test_two_tellings_give_the_same_picture() -> None:
    assert told(SmallCore(Engine.from_library(NAMES))).picture.digest() == UNBROKEN.picture.digest()
