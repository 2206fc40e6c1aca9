"""A new site's whole way: set up, users, core, two people at two consoles, a core that is killed and comes back."""

from __future__ import annotations

import asyncio
import json
import os
import termios
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from console import commands as c
from console.link import Change, Link, person_key, socket_of
from picture.errors import RefusedError
from picture.journal import JournalReader, verify
from tests.e2e.hands import PATIENCE_S, Hand, tocsin
from tests.e2e.test_terminal import on_a_terminal, read_until
from tests.test_live import serving
from twin.source import ensure_pack

ROSA, OMAR = "Rosa Lund", "Omar Haddad"
CALLER = "Ada Marsh"


class Room:
    """A site that was set up by its commands, with a supervisor and an operator."""

    def __init__(self, root: Path) -> None:
        from console.config import Home

        self.home = Home.at(root)
        self._env = {"TOCSIN_HOME": str(root)}
        assert self.run("init", "--site", "Harbour EOC").returncode == 0
        self.told = {ROSA: self._add(ROSA, "supervisor", "--admin"), OMAR: self._add(OMAR, "operator")}

    def run(self, *words: str) -> Any:
        return tocsin(*words, env=self._env)

    def _add(self, name: str, role: str, *words: str) -> dict[str, str]:
        post = ("--agency", "EOC", "--role", role, "--position", "duty_officer")
        added = self.run("user", "add", name, *post, *words, "--json")
        assert added.returncode == 0, added.stderr
        told: dict[str, str] = json.loads(added.stdout)
        return told

    def digits(self, name: str, steps: int = 0) -> str:
        """What the authenticator shows, some steps of 30 s from now: none is taken twice."""
        secret = parse_qs(urlsplit(self.told[name]["otpauth"]).query)["secret"][0]
        return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)

    @asynccontextmanager
    async def at_desk(self, name: str, steps: int = 0) -> AsyncIterator[tuple[Hand, list[Change]]]:
        """Somebody logged in, and what changed on their picture since."""
        key = person_key(self.home.root, name)
        link = Link(
            socket_of(self.home.live), name, "duty_officer", key, token=self.told[name]["token"],
            totp=self.digits(name, steps),
        )  # fmt: skip
        one, changes = Hand(link), list[Change]()
        following = asyncio.create_task(link.run(changes.append))
        try:
            await one.until(lambda: link.state == "live" and bool(one.picture.cursor), link.why)
            yield one, changes
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, tocsin_home: Path) -> Room:
    ensure_pack("port-meridian", tocsin_home / "cache")
    root = tmp_path_factory.mktemp("site")
    (root / "cache").symlink_to(tocsin_home / "cache")
    return Room(root)


def opened(one: Hand) -> set[object]:
    """Every sealed value that a client holds in clear."""
    return set(one.link._opened.values())


async def agree(one: Hand, other: Hand) -> None:
    """Returns when both see the same incidents, at the same entry."""
    await one.until(
        lambda: (
            one.picture.home.seq == other.picture.home.seq
            and one.picture.home.incidents == other.picture.home.incidents
        )
    )


async def test_two_people_share_one_picture_through_claims_conflicts_locks_and_a_killed_core(room: Room) -> None:
    with serving(room.home) as core:
        async with room.at_desk(ROSA, -1) as (rosa, _), room.at_desk(OMAR) as (omar, changed):
            taken = await rosa.do(
                c.TakeReport(incident_kind="flood", text="water in the cellar", caller=CALLER, call_back="555 0101")
            )
            incident = taken["incident"]
            await agree(omar, rosa)
            assert CALLER in opened(omar) and CALLER in opened(rosa)

            await omar.do(c.Claim(subject=incident))
            await rosa.until(lambda: incident in rosa.picture.home.claims)
            assert rosa.picture.home.claims[incident].person == OMAR

            seen = omar.picture.home.seq
            await rosa.do(c.ChangeIncident(incident=incident, priority=1))
            with pytest.raises(RefusedError) as refused:
                await omar.do(c.ChangeIncident(incident=incident, priority=4, seen=seen))
            assert refused.value.code == "TOC-4030" and refused.value.diff and ROSA in " ".join(refused.value.diff)
            assert rosa.picture.home.incidents[incident].priority == 1, "nothing was overwritten"

            await omar.link.lock()
            assert CALLER not in opened(omar) and CALLER in opened(rosa)
            with pytest.raises(RefusedError) as locked:
                await omar.do(c.ChangeIncident(incident=incident, priority=2))
            assert locked.value.code == "TOC-4037"
            await omar.link.unlock(token=room.told[OMAR]["token"])
            await omar.until(lambda: CALLER in opened(omar))

            at, digest = omar.picture.home.seq, omar.picture.digest()
            changed.clear()
            core.kill()
            core.wait()
            await omar.until(lambda: omar.link.state != "live")
            with pytest.raises(RefusedError):
                await omar.do(c.ChangeIncident(incident=incident, priority=2))
            assert omar.picture.digest() == digest, "what was known is still shown"
            with serving(room.home):
                for one in (omar, rosa):
                    await one.until(lambda one=one: one.link.state == "live", "it never came back")  # type: ignore[misc]
                await agree(omar, rosa)
                assert omar.picture.home.seq >= at and incident in omar.picture.home.incidents
                assert not [change for change in changed if change.snapshot], "it went on from its cursor"
                await omar.do(c.ChangeIncident(incident=incident, title="Cellar under water"))
                await agree(omar, rosa)
                assert rosa.picture.home.incidents[incident].title == "Cellar under water"
                on_screens(room)
    assert verify(room.home.live / "journal").ok
    with JournalReader(room.home.live / "journal") as reader:
        refusals = [entry for entry in reader.read() if entry.kind == "command.refused"]
    assert {entry.actor.person for entry in refusals} == {OMAR}


def on_screens(room: Room) -> None:
    """Both attach a console of their own on a terminal, log in there, and see what the other changed."""
    for name, steps in ((ROSA, 1), (OMAR, 1)):
        with on_a_terminal("attach", "--world", "live", "--person", name, home=room.home.root) as (_, screen):
            read_until(screen, b"Token")
            until = time.monotonic() + PATIENCE_S
            while termios.tcgetattr(screen)[3] & termios.ECHO:  # what is typed before is thrown away
                assert time.monotonic() < until
                time.sleep(0.02)
            typed(screen, room.told[name]["token"])
            read_until(screen, b"Second factor")
            typed(screen, room.digits(name, steps))
            read_until(screen, b"Cellar under water", PATIENCE_S)


def typed(screen: int, words: str) -> None:
    os.write(screen, words.encode() + b"\r")
