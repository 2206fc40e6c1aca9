"""Proposals through a real core: signed, rehearsed again before they bind, two hands for the public."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console import commands as c
from console.link import Link, socket_of
from picture.errors import RefusedError
from picture.journal import JournalReader
from picture.model import Proposal
from tests.e2e.hands import CoreProcess, Hand, core, hand, water_level, write_scenario

DIRECTORY = [
    {"name": "Harbour Control", "agency": "PMHA", "role": "harbour_control"},
    {"name": "Meridian Power control room", "agency": "MPOWER", "role": "power_control"},
    {"name": "Meridian Water control room", "agency": "MWATER", "role": "water_control"},
    {"name": "Public warning channel", "role": "public", "channel": "cap"},
]
TOMASZ = {
    "name": "Tomasz Brennan", "position": "supervisor", "agency": "EOC",
    "decides": [{"playbook": "surge-at-quay", "title": "*warn the public*", "after_s": 30}],
}  # fmt: skip


@pytest.fixture(scope="module")
def surge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two gauges rise in the first minute: the surge playbook asks for a decision; a simulated second person waits."""
    rise = [water_level("G-QUAY", 2.4, 40), water_level("G-BARRIER", 2.4, 50)]
    return write_scenario(
        tmp_path_factory.mktemp("surge"), messages=rise, people=[TOMASZ], directory=DIRECTORY, id="surge"
    )


@pytest.fixture
def running(tmp_path: Path, surge: Path, tocsin_home: Path) -> Iterator[CoreProcess]:
    with core(tmp_path / "drill", surge, tocsin_home, speed=0.01) as one:
        yield one


async def proposal(one: Hand, title: str, jump_s: float = 120) -> Proposal:
    """The waiting proposal whose title says this, once the drill has come so far."""
    await one.do(c.ControlDrill(action="jump", by_s=jump_s))

    def waiting() -> list[Proposal]:
        return [p for p in one.picture.home.proposals.values() if title in p.title and p.status == "waiting"]

    await one.until(lambda: bool(waiting()), f"no proposal {title}")
    return waiting()[-1]


async def test_a_watched_unit_that_went_out_of_service_refuses_the_approval_with_the_difference(
    running: CoreProcess,
) -> None:
    async with hand(running) as one:
        asked = await proposal(one, "close roads")
        watched = next(w for w in asked.watched if w.name.startswith("unit:"))
        unit = watched.name.removeprefix("unit:").rpartition(".")[0]
        decision = one.link.decide(asked, "approve", shown="before the change")
        await one.do(c.SetStatus(unit=unit, status="out_of_service"))
        answer = await one.do(decision)
        assert answer["status"] == "refused"
        assert any("out_of_service" in line or "out of service" in line for line in answer["diff"]), answer
        await one.settled()
        home = one.picture.home
        refused = home.proposals[asked.id]
        assert refused.status == "refused" and refused.refusal == tuple(answer["diff"])
        assert not [closure for closure in home.closures.values() if closure.reason.startswith("storm surge")]
        assert not home.assignments and not home.requests
        again = [p for p in home.proposals.values() if p.status == "waiting" and "close roads" in p.title]
        assert len(again) == 1 and again[0].digest != asked.digest, "it is offered again, on the picture as it is now"
        assert unit not in str([dict(effect.args) for effect in again[0].effects if effect.verb == "unit.assign"])
        assert (await one.do(one.link.decide(again[0], "approve")))["status"] == "executed"


async def test_only_what_stands_there_can_be_signed_and_it_is_carried_out_whole(running: CoreProcess) -> None:
    async with hand(running) as one:
        asked = await proposal(one, "close roads")
        good = one.link.decide(asked, "approve")
        other = next(p for p in one.picture.home.proposals.values())
        bad: dict[str, tuple[dict[str, Any], str]] = {
            "another digest": ({"digest": "0" * 64}, "TOC-4005"),
            "another verdict than signed": ({"verdict": "reject"}, "TOC-4005"),
            "another key": ({"public_key": "ab" * 32}, "TOC-4005"),
            "a signature of zeros": ({"signature": "00" * 64}, "TOC-4005"),
            "a signature that is no hex": ({"signature": "zz"}, "TOC-4005"),
            "a proposal that is not there": ({"proposal": "P-999"}, "TOC-4008"),
        }  # fmt: skip
        for what, (change, code) in bad.items():
            with pytest.raises(RefusedError) as caught:
                await one.do(good.model_copy(update=change))
            assert caught.value.code == code, what
        assert one.picture.home.proposals[other.id].status == "waiting" and not one.picture.home.decisions
        assert (await one.do(good))["status"] == "executed"
        with pytest.raises(RefusedError):
            await one.do(good)
        await one.settled()
        home = one.picture.home
        closed = {closure.name for closure in home.closures.values() if closure.reason.startswith("storm surge")}
        assert "Wharf Street Underpass" in closed
        assert any(request.what == "close the storm barrier" for request in home.requests.values())


async def test_an_edited_proposal_is_another_one_with_its_own_digest(running: CoreProcess) -> None:
    async with hand(running) as one:
        asked = await proposal(one, "close roads")
        dropped = next(effect for effect in asked.effects if effect.verb == "request.make")
        answer = await one.do(c.EditProposal(proposal=asked.id, drop=(dropped.id,)))
        await one.until(lambda: answer["proposal"] in one.picture.home.proposals)
        edited = one.picture.home.proposals[answer["proposal"]]
        assert edited.digest != asked.digest and dropped.id not in {effect.id for effect in edited.effects}
        with pytest.raises(RefusedError):
            await one.do(one.link.decide(asked, "approve"))
        assert (await one.do(one.link.decide(edited, "approve")))["status"] == "executed"
        await one.settled()
        assert not one.picture.home.requests


async def public_proposal(one: Hand) -> Proposal:
    asked = await proposal(one, "close roads")
    await one.do(one.link.decide(asked, "approve"))
    return await proposal(one, "warn the public", jump_s=1)


def decisions(running: CoreProcess, of: str) -> list[Any]:
    with JournalReader(running.journal) as reader:
        return [e for e in reader.read() if e.kind == "decision.made" and e.event.proposal == of]  # type: ignore[attr-defined]


async def test_a_lone_players_public_alert_waits_for_a_simulated_second_who_is_journalled_so(
    running: CoreProcess,
) -> None:
    async with hand(running) as one:
        asked = await public_proposal(one)
        assert asked.quorum == 2
        await one.do(c.ControlDrill(action="jump", by_s=60))
        assert not decisions(running, asked.id), "nobody else begins"
        assert (await one.do(one.link.decide(asked, "approve")))["status"] == "waiting"
        await one.settled()
        assert not [a for a in one.picture.home.alerts.values() if a.kind == "public"], "one person releases nothing"
        async with hand(running, "Ines Prado", "supervisor") as desk:
            with pytest.raises(RefusedError):  # one person at two desks is not two people
                await desk.do(desk.link.decide(desk.picture.home.proposals[asked.id], "approve"))
        link = Link(socket_of(running.folder), "Tomasz Brennan", "supervisor", Ed25519PrivateKey.generate())
        with pytest.raises(RefusedError):  # nor does a simulated person sit at a desk
            await asyncio.wait_for(link.run(lambda change: None), 5)
        await one.do(c.ControlDrill(action="jump", by_s=60))
        await one.until(lambda: one.picture.home.proposals[asked.id].status == "executed")
        made = decisions(running, asked.id)
        assert [(e.actor.person, e.actor.simulated) for e in made] == [("Ines Prado", False), ("Tomasz Brennan", True)]
        await one.until(_delivered(one))
    cap = list((running.folder / "received" / "cap").glob("*.xml"))
    assert len(cap) == 1 and b"<status>Exercise</status>" in cap[0].read_bytes()


def _delivered(one: Hand) -> Callable[[], bool]:
    return lambda: any(
        d.state == "delivered" for a in one.picture.home.alerts.values() if a.kind == "public" for d in a.deliveries
    )


async def test_the_lone_players_second_still_signs_after_the_core_was_killed(running: CoreProcess) -> None:
    async with hand(running) as one:
        asked = await public_proposal(one)
        await one.do(one.link.decide(asked, "approve"))
        running.kill()
        await one.until(lambda: one.link.state != "live")
        running.start()
        await one.until(lambda: one.link.state == "live")
        await one.do(c.ControlDrill(action="jump", by_s=60))
        await one.until(lambda: one.picture.home.proposals[asked.id].status == "executed")
        await one.until(_delivered(one))
