"""A client that speaks faster than hands can is heard at a pace; one that does not is never held up."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidStatus

from console.web import api, turnstile
from console.web.turnstile import Turnstile
from picture.errors import RefusedError
from tests.test_fanout import site
from tests.test_link import Site, hello, raw, until

__all__ = ["site"]


class Watch:
    """A stopwatch moved by hand."""

    at_s = 0.0

    def now_s(self) -> float:
        return self.at_s


def test_a_burst_goes_through_and_what_follows_comes_at_the_pace() -> None:
    watch = Watch()
    gate = Turnstile(burst=10, per_s=5, now_s=watch.now_s)
    assert max(gate.wait_s() for _ in range(10)) == pytest.approx(0.0)
    assert gate.wait_s() == pytest.approx(0.2) and gate.wait_s() == pytest.approx(0.4)
    watch.at_s = 60.0  # having been quiet, it may burst again, and no more than that
    assert max(gate.wait_s() for _ in range(10)) == pytest.approx(0.0)
    assert gate.wait_s() == pytest.approx(0.2)


async def test_somebody_who_looks_on_and_shouts_fills_no_journal(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turnstile, "LOOKING_BURST", 3)
    monkeypatch.setattr(turnstile, "LOOKING_PER_S", 0.001)
    shout = json.dumps({"type": "command", "id": 1, "command": {"do": "assign", "unit": "E12"}})
    async with (
        site.open(),
        raw(site, hello(person="Eve", position="observer")) as eve,
        site.link("Ann", position="operator") as ann,
    ):
        for _ in range(50):
            await eve.send(shout)
        core = site.room.core
        await until(lambda: "command.refused" in site.room.kinds())
        for _ in range(5):  # others are heard meanwhile
            with pytest.raises(RefusedError):
                await ann.entries_around(1, limit=0)
        await asyncio.sleep(0)
        refused = list(core.journal.read(kinds=frozenset({"command.refused"})))
        assert len(refused) == 3


async def test_those_who_have_not_said_who_they_are_take_no_more_than_their_places(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MOST_SILENT", 2)
    socket, url = str(site.socket), "ws://core/link"
    async with site.open(), unix_connect(socket, url) as one, unix_connect(socket, url):
        await until(lambda: site.door._silent == 2)
        with pytest.raises(InvalidStatus):
            async with unix_connect(socket, url):
                pass
        await one.send(hello(person="Ann", position="operator"))
        assert json.loads(await one.recv())["type"] == "hello"
        async with raw(site, hello(person="Bob", position="operator")) as next_one:
            assert json.loads(await next_one.recv())["type"] == "hello"


async def test_above_their_number_nobody_looks_on_without_a_log_in(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MOST_LOOKING_ON", 1)
    async with site.open(), raw(site, hello(person="Eve", position="observer")) as eve:
        assert json.loads(await eve.recv())["type"] == "hello"
        async with raw(site, hello(person="Dan", position="observer")) as dan:
            assert json.loads(await dan.recv())["error"]["code"] == "TOC-4036"
        async with raw(site, hello(person="Ann", position="operator")) as ann:
            assert json.loads(await ann.recv())["type"] == "hello"
