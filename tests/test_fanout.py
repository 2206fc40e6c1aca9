"""Many clients on one core: one encoding, one view per clearance, locks, and questions about the past."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from console import commands as c
from console.clearance import BY_ROLE, CLEARANCES, clearance_of
from console.core import Draft
from console.gate import DrillGate, Hello, Seat
from console.people import ROLES, Person
from console.views import View, fold
from console.web import api
from picture import events as ev
from picture.errors import RefusedError
from picture.event import KINDS
from picture.fold import Picture
from picture.history import History
from picture.journal.custody import Keeping, keys_of, shred
from tests.scaffold import build, drill, entries
from tests.test_link import PLACE, Site, hello, raw, until

HELD_BACK = ("Ada Quay", "water in the cellar", "600-123")


class RoleGate(DrillGate):
    """A drill's gate that takes the role from the position, for tests of what each may see."""

    lowered = False
    """Whether everybody is but an observer from now on."""

    def admit(self, hello: Hello) -> Seat:
        role = "observer" if self.lowered else hello.position
        person = Person(hello.person, hello.position, "EOC", role, hello.public_key)
        return Seat(person, clearance_of(role), hello.client)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with build(tmp_path) as room, TemporaryDirectory(prefix="tl") as short:
        site = Site(room, Path(short), RoleGate(lambda _: False))
        yield site


def report(site: Site) -> None:
    site.room.do(c.TakeReport(caller=HELD_BACK[0], text=HELD_BACK[1], call_back=HELD_BACK[2], place=PLACE))


def user(site: Site) -> None:
    site.room.record(ev.UserChanged(name="Zoe", agency="EOC", role="operator", positions=("duty_officer",)))


def test_every_role_has_a_clearance_and_only_known_kinds_are_withheld() -> None:
    assert set(BY_ROLE) == set(ROLES) and set(BY_ROLE.values()) == set(CLEARANCES)
    assert all(one.withheld <= set(KINDS) for one in CLEARANCES.values())
    assert clearance_of("nobody knows") == "observer"


async def test_each_clearance_folds_its_own_view_and_entries_are_spelled_once(site: Site) -> None:
    async with (
        site.open(),
        site.link("Ann", position="observer") as observer,
        site.link("Bob", position="operator") as operator,
        site.link("Bea", position="operator") as second,
        site.link("Cid", position="supervisor") as supervisor,
    ):
        before = site.door.fanout.encoded, site.room.core.home.seq
        report(site)
        user(site)
        site.room.do(c.WriteLog(text="a line of the log"))
        links = (observer, operator, second, supervisor)
        await until(lambda: all(site.same(one) for one in links))
        assert site.door.fanout.encoded - before[0] == site.room.core.home.seq - before[1]
        assert operator.picture.digest() == second.picture.digest() != supervisor.picture.digest()
        assert supervisor.picture.digest() == site.room.core.picture.digest()
        assert set(supervisor.picture.home.users) == {"Zoe"} and not operator.picture.home.users
        for link, name in ((observer, "observer"), (operator, "operator"), (supervisor, "full")):
            view = await site.door.fanout.views.view(name)
            assert view.copy().digest() == link.picture.digest()
            folded = Picture(site.room.core.picture.home_stream)
            fold(folded, site.room.core.journal.read(), CLEARANCES[name])
            assert folded.digest() == link.picture.digest()
        (incident,) = operator.picture.incidents.values()
        assert operator.text(incident.reports[0].caller) == HELD_BACK[0]
        assert observer.text(incident.reports[0].caller) is None and not observer.picture.home.log


async def test_an_observer_sees_this_cores_stream_alone_and_stays_in_step(site: Site) -> None:
    other = entries([drill(), ev.LogWritten(id="L-1", text="of another core")], stream="core-south")
    async with (
        site.open(),
        site.link("Ann", position="observer") as observer,
        site.link("Bob", position="operator") as one,
    ):
        site.room.core.receive(other[:1])
        async with site.link("Cy", position="observer", wait=False) as late:
            site.room.core.receive(other[1:])
            report(site)
            await until(
                lambda: site.same(one) and observer.picture.home.seq == late.picture.home.seq == one.picture.home.seq
            )
            assert set(one.picture.streams) >= {"core-south"}
            assert set(observer.picture.cursor) == set(late.picture.cursor) == {site.room.core.home.stream}
            await site.door.fanout.tell_digests()
            await asyncio.sleep(0.2)
            assert not observer.differs and not late.differs and not one.differs


async def test_what_is_withheld_reaches_no_observer_on_any_way(site: Site) -> None:
    report(site)
    user(site)
    stream = site.room.core.picture.home_stream
    async with site.open():
        texts = []
        for cursor in (0, 3):
            async with raw(site, hello(position="observer", cursor={stream: cursor})) as wire:
                texts += [await wire.recv(), await wire.recv()]
                report(site)
                texts.append(await wire.recv())
                await wire.send(json.dumps({"type": "past", "id": 7, "seq": site.room.core.home.seq}))
                await wire.send(json.dumps({"type": "journal", "id": 8, "after": 0}))
                texts += [await wire.recv(), await wire.recv()]
        kinds = {json.loads(text)["type"] for text in texts}
        assert {"snapshot", "entries", "past", "journal"} <= kinds
        assert not [held for held in (*HELD_BACK, "Zoe") if held in "".join(texts)]
        withheld = [
            one["withheld"] for text in texts for one in json.loads(text).get("entries", ()) if "withheld" in one
        ]
        assert {kind for _, _, kind, _, _ in withheld} == {"report.received", "user.changed"}
        assert all(len(digest) == 64 for _, _, _, digest, _ in withheld)


async def test_a_client_whose_picture_is_not_the_cores_says_so_and_is_mended(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "BEAT_S", 0.02)
    monkeypatch.setattr(api, "DIGEST_S", 0.04)
    async with site.open(), site.link("Bob", position="operator") as link:
        site.room.do(c.SetHandsOff(on=True))
        await until(lambda: site.same(link) and site.door._compared == site.room.core.home.seq)
        assert not link.differs
        link.picture.home.hands_off = False
        told: list[str] = []
        site.on_change = lambda _: told.append(link.differs)
        site.room.do(c.WriteLog(text="so that there is something to compare"))
        await until(lambda: any("digest" in one for one in told))
        await until(lambda: link.picture.home.hands_off)
        site.room.do(c.WriteLog(text="and again"))
        await until(lambda: not link.differs)


async def test_a_chain_that_breaks_on_the_way_is_told(site: Site) -> None:
    async with site.open(), site.link("Bob", position="operator") as link:
        site.room.do(c.WriteLog(text="one"))
        await until(lambda: site.same(link))
        link._last[link.picture.home_stream] = "0" * 64
        site.room.do(c.WriteLog(text="two"))
        await until(lambda: site.same(link))
        assert "does not follow" in link.differs


async def test_a_locked_client_gets_no_sealed_value_and_gives_no_command(site: Site) -> None:
    async with site.open(), site.link("Bob", position="operator") as link:
        await link.lock("2580")
        assert site.room.core.home.sessions[next(iter(site.room.core.home.sessions))].locked
        report(site)
        await until(lambda: site.same(link))
        (incident,) = link.picture.incidents.values()
        assert link.text(incident.reports[0].caller) is None
        for attempt in (link.command(c.WriteLog(text="x")), link.past(seq=1), link.entries_around(1)):
            with pytest.raises(RefusedError) as caught:
                await attempt
            assert caught.value.code == "TOC-4037"
        with pytest.raises(RefusedError) as caught:
            await link.unlock(pin="0000")
        assert caught.value.code == "TOC-4031"
        await link.unlock(pin="2580")
        await until(lambda: link.text(incident.reports[0].caller) == HELD_BACK[0])
        await link.command(c.WriteLog(text="x"))


async def test_a_lock_outlives_its_connection_and_the_core(site: Site) -> None:
    async with site.open():
        async with site.link("Bob", position="operator") as link:
            await link.lock("2580")
        async with site.link("Bob", position="operator") as link:
            assert link.locked
    site.again()
    async with site.open(), site.link("Bob", position="operator") as link, site.link("Bea", position="operator") as bea:
        assert link.locked and not bea.locked
        with pytest.raises(RefusedError):
            await link.command(c.WriteLog(text="x"))


async def test_the_right_pin_opens_nothing_after_too_many_wrong_ones(site: Site) -> None:
    async with site.open(), site.link("Bob", position="operator") as link:
        await link.lock("2580")
        for pin in ("0000", "1111", "2222", "3333", "4444", "2580"):
            with pytest.raises(RefusedError):
                await link.unlock(pin=pin)
        assert link.locked


async def test_sessions_stand_in_the_journal_from_sitting_down_to_leaving(site: Site) -> None:
    async with site.open():
        async with site.link("Bob", position="operator"):
            (session,) = site.room.core.home.sessions.values()
            assert (session.person, session.role) == ("Bob", "operator")
        await until(lambda: not site.room.core.home.sessions)
    states = [
        one.event.model_dump()["state"] for one in site.room.core.journal.read(kinds=frozenset({"session.changed"}))
    ]
    assert states == ["opened", "closed"]


async def test_any_past_picture_comes_in_the_clearance_of_who_asks(site: Site) -> None:
    report(site)
    user(site)
    then = site.room.core.home.seq
    expected = site.room.core.picture.digest()
    site.room.wait(60_000)
    site.room.do(c.ChangeIncident(incident="I-1", priority=1))
    async with (
        site.open(),
        site.link("Cid", position="supervisor") as link,
        site.link("Ann", position="observer") as ann,
    ):
        past = await link.past(seq=then)
        assert past.picture.digest() == expected and past.seq == then
        (incident,) = past.picture.incidents.values()
        assert past.opened[incident.reports[0].caller] == HELD_BACK[0] and incident.priority != 1
        assert (await link.past(at_ms=past.at_ms)).seq == then
        theirs = await ann.past(seq=then)
        assert not theirs.opened and theirs.picture.digest() != expected
        view = View(site.room.core, "observer").past(History(site.room.core.journal), then)
        assert theirs.picture.digest() == view.digest()
        lines = await link.entries_around(then, limit=4)
        assert [one.seq for one in lines] == list(range(then - 2, then + 2))
        assert lines[0].words and lines[0].kind
        with pytest.raises(RefusedError) as caught:
            await link.past(seq=10_000)
        assert caught.value.code.startswith("TOC-")
        for seq, limit in ((1, 0), (1 << 70, 50)):
            with pytest.raises(RefusedError) as caught:
                await link.entries_around(seq, limit=limit)
            assert caught.value.code == "TOC-4044"
        assert link.state == "live"


async def test_values_of_the_past_that_are_read_again_are_journalled_once(site: Site) -> None:
    site.room.record(ev.UnitLocated(unit="E12", lon_e7=-300_100_000, lat_e7=460_200_000))
    then = site.room.core.home.seq
    site.room.record(ev.UnitLocated(unit="E12", lon_e7=-300_200_000, lat_e7=460_200_000))
    async with site.open(), site.link("Bob", position="operator") as link:
        for _ in range(2):
            await link.past(seq=then)
        reads = list(site.room.core.journal.read(kinds=frozenset({"value.read"})))
        assert len(reads) == 1 and reads[0].actor.person == "Bob"
        assert {path for _, _, path in reads[0].event.model_dump()["refs"]} == {"lon_e7", "lat_e7"}


async def test_a_page_that_a_browser_loaded_elsewhere_gets_no_link(site: Site) -> None:
    from websockets.asyncio.client import unix_connect
    from websockets.exceptions import InvalidStatus

    async with site.open():
        for uri, headers in (("ws://core/link", {"Origin": "https://evil.example"}), ("ws://evil.example/link", {})):
            with pytest.raises(InvalidStatus) as caught:
                async with unix_connect(str(site.socket), uri, additional_headers=headers):
                    pass
            assert caught.value.response.status_code == 403


async def test_entries_that_come_close_together_travel_together(site: Site) -> None:
    async with site.open(), raw(site, hello(position="operator")) as wire:
        await wire.recv(), await wire.recv()
        for number in range(40):
            site.room.do(c.WriteLog(text=f"line {number}"))
        await asyncio.sleep(0.1)
        count, frames = 0, 0
        while count < 40:
            count += len(json.loads(await wire.recv()).get("entries", ()))
            frames += 1
        assert count == 40 and frames < 40


# --- what a client was told once, and may not know any more ----------------------------------------------------


def opened_in(frame: dict[str, Any]) -> str:
    return json.dumps([one["opened"] for one in frame["entries"] if "opened" in one])


async def test_a_cursor_is_no_way_to_read_what_stands_on_no_present_picture_unjournalled(site: Site) -> None:
    site.room.record(ev.UnitLocated(unit="E12", lon_e7=-300_100_000, lat_e7=460_200_000))
    report(site)
    site.room.record(ev.UnitLocated(unit="E12", lon_e7=-300_300_000, lat_e7=460_200_000))
    async with site.open(), raw(site, hello(position="operator", cursor={site.room.core.home.stream: 1})) as wire:
        await wire.recv()
        opened = opened_in(json.loads(await wire.recv()))
        assert "-300300000" in opened and HELD_BACK[0] in opened  # where it is, and who called
        assert "-300100000" not in opened  # where it was: that is asked for by ``past``
    assert not list(site.room.core.journal.read(kinds=frozenset({"value.read"})))


async def test_a_client_forgets_what_it_read_when_the_key_is_destroyed(site: Site) -> None:
    report(site)
    async with site.open(), site.link("Bob", position="operator") as link:
        (incident,) = link.picture.home.incidents.values()
        caller, text = incident.reports[0].caller, incident.reports[0].text
        assert (link.text(caller), link.text(text)) == (HELD_BACK[0], HELD_BACK[1])
        keeping = Keeping(
            site.room.core.home, site.room.core.journal._keyring, None,
            lambda events: site.room.core.record([Draft(one) for one in events]),
        )  # fmt: skip
        shred(keeping, keys_of(keeping.keyring, "I-1", "personal"), by=())
        await until(lambda: link.text(caller) is None)
        await until(lambda: site.same(link) and not link._anew)
        assert link.text(caller) is None and link.state == "live"


async def test_a_client_that_is_shown_out_or_comes_back_with_less_keeps_nothing_opened(site: Site) -> None:
    report(site)
    async with site.open(), site.link("Bob", position="operator") as link:
        assert link._opened
        site.gate.lowered = True
        for client in list(site.door.fanout.clients):
            site.door.fanout.dismiss(client)
        await until(lambda: link.clearance == "observer" and not link._anew)
        assert not link._opened and not link.picture.home.log
