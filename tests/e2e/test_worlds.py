"""Forks of a drill: what they carry and leave behind, a forked drill that alerts only itself, a what-if that cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console import commands as c
from console.config import Home
from console.fork import CARRIED, SEALED, cursor_of
from console.forked import ForkedDrill, WhatIfWorld, read_run
from console.forking import make
from console.link import socket_of
from picture import events as ev
from picture.fold import Picture
from picture.journal import JournalReader, verify
from picture.model import Proposal
from tests.e2e.conftest import DrillRun
from tests.e2e.hands import (
    PATIENCE_S,
    ROOT,
    CoreProcess,
    Hand,
    core,
    error_of,
    hand,
    tocsin,
    water_level,
    write_scenario,
)
from tests.e2e.test_approvals import DIRECTORY

SAME = (
    "agencies", "facilities", "units", "incidents", "assignments", "vessels", "sensors", "hazards", "closures",
    "alarms", "alerts", "barrier", "barrier_since_ms", "hands_off", "city", "site",
)  # fmt: skip
FORGOTTEN = {
    # of a record: what a fork does not carry, or numbers anew
    "text", "caller", "call_back", "place_as_said", "position", "position_at_ms", "route", "entry", "deliveries",
    "proposal", "effect", "by",
}  # fmt: skip


def carried(picture: Picture) -> dict[str, Any]:
    """What of a picture a fork carries."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key not in FORGOTTEN}
        return [plain(one) for one in value] if isinstance(value, list) else value

    whole = picture.as_json()[picture.home_stream]
    return {name: plain(whole[name]) for name in SAME}


def folded(journal: Path, upto: int | None = None) -> Picture:
    with JournalReader(journal) as reader:
        return Picture(reader.stream).apply_all(reader.read(0, upto))


# --- what goes along ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.35, 0.7, 1.0])
@pytest.mark.parametrize("world", ["drill", "whatif"])
def test_the_forks_picture_is_the_parents_in_all_that_it_carries(
    storm: DrillRun, tmp_path: Path, share: float, world: Any
) -> None:
    seq = int(storm.result["counts"]["entries"] * share)
    made = make(Home.at(tmp_path), f"{storm.out}@{seq}", world, "again")
    parent, fork = folded(storm.out / "journal", seq), folded(made.folder / "journal")
    assert carried(fork) == carried(parent)
    assert fork.home.incidents and fork.home.alarms, "and that is not nothing"
    assert fork.home.world == world and fork.home_stream == f"{world}.again"
    assert fork.home.forked is not None
    assert (fork.home.forked.parent_stream, fork.home.forked.parent_seq) == (parent.home_stream, seq)


def test_a_fork_carries_no_sealed_value_no_recipient_and_nothing_that_was_going_on(
    storm: DrillRun, tmp_path: Path
) -> None:
    made = make(Home.at(tmp_path), f"{storm.out}@now", "whatif")
    left_out = dict(made.forked.left_out)
    with JournalReader(made.folder / "journal") as fork, JournalReader(storm.out / "journal") as parent:
        entries = list(fork.read())
        assert [entry.kind for entry in entries[:2]] == ["world.opened", "world.forked"]
        assert {entry.kind for entry in entries[2:]} <= set(CARRIED)
        assert not [entry for entry in entries if entry.sealed]
        alerts = [entry.event for entry in entries if isinstance(entry.event, ev.AlertRequested)]
        assert alerts and not [one for one in alerts if one.recipients or one.proposal]
        links = [entry.event for entry in entries if isinstance(entry.event, ev.ReportLinked)]
        reports = {entry.seq for entry in entries if isinstance(entry.event, ev.ReportReceived)}
        assert links and {one.report_entry for one in links} <= reports
        assert made.forked.carried == len(entries) - 2
        assert left_out[SEALED] == sum(len(entry.sealed) for entry in parent.read() if entry.kind in CARRIED)
        assert sum(left_out.values()) - left_out[SEALED] + made.forked.carried == parent.head().seq
    picture = folded(made.folder / "journal").home
    assert not (picture.runs or picture.proposals or picture.decisions or picture.requests or picture.sessions)
    report = verify(made.folder / "journal")
    assert report.ok and set(report.public_keys).isdisjoint(verify(storm.out / "journal").public_keys)


def test_nothing_of_the_parents_secrets_lies_in_the_forks_folder(storm: DrillRun, tmp_path: Path) -> None:
    with JournalReader(storm.out / "journal", keyring=None) as reader:
        names = {one.name for one in (storm.out / "keys").iterdir()} - {"core.ed25519"}
        assert names and reader.head().seq
    made = make(Home.at(tmp_path), f"{storm.out}@now", "drill")
    assert not names & {one.name for one in made.folder.rglob("*")}
    key = (storm.out / "keys" / "core.ed25519").read_bytes()
    assert key not in {one.read_bytes() for one in made.folder.rglob("*") if one.is_file()}


def test_a_cursor_is_a_number_a_time_or_now_and_nothing_else(storm: DrillRun, tmp_path: Path) -> None:
    with JournalReader(storm.out / "journal") as reader:
        head = reader.head().seq
        assert cursor_of(reader, "now") == cursor_of(reader, str(head)) == head
        at = cursor_of(reader, "2026-11-20T18:00:00Z")
        before, after = reader.entry(at), reader.entry(at + 1)
        assert before is not None and after is not None
        assert before.recorded_ms <= 1_795_197_600_000 < after.recorded_ms
    for wrong in (str(head + 1), "0", "yesterday", "2001-01-01T00:00:00Z", "-3"):
        run = tocsin("world", "fork", f"{storm.out}@{wrong}", "--as", "drill", env={"TOCSIN_HOME": str(tmp_path)})
        assert (run.returncode, error_of(run)["code"]) == (2, "TOC-1012"), wrong
    assert not (tmp_path / "worlds").exists(), "a refused fork leaves nothing behind"


def test_the_command_line_forks_lists_and_refuses_a_name_that_is_taken(storm: DrillRun, tmp_path: Path) -> None:
    env = {"TOCSIN_HOME": str(tmp_path)}
    words = ("world", "fork", f"{storm.out}@1500", "--as", "what-if", "--name", "flood", "--json")
    made = json.loads(tocsin(*words, env=env).stdout)
    assert (made["world"], made["stream"], made["cursor"]) == ("whatif", "whatif.flood", 1500)
    assert "whatif" in made["folder"]
    taken = tocsin(*words, env=env)
    assert (taken.returncode, error_of(taken)["code"]) == (2, "TOC-1013")
    again = tocsin("world", "fork", "flood@now", "--as", "drill", "--json", env=env)
    assert json.loads(again.stdout)["parent"] == "whatif.flood"
    listed = json.loads(tocsin("world", "list", "--json", env=env).stdout)["worlds"]
    assert {(one["world"], one["running"]) for one in listed} == {("whatif", False), ("drill", False)}


@pytest.mark.parametrize("kind", ["drill", "whatif"])
def test_no_drill_and_no_what_if_asks_the_sites_geocoder(storm: DrillRun, tmp_path: Path, kind: Any) -> None:
    home = Home.at(tmp_path)
    home.toml.write_text(
        '[geocoder]\nname = "nominatim"\nurl = "http://127.0.0.1:9"\nuser_agent = "test"\n', encoding="utf-8"
    )
    assert home.config().geocoder is not None
    made = make(home, f"{storm.out}@300", kind)
    world = (ForkedDrill if kind == "drill" else WhatIfWorld)(made.folder, read_run(made.folder))
    try:
        assert world.city.online is None and list(world.city.find("Qwrtz Hall")) == []
    finally:
        world.close()


# --- forks that run -----------------------------------------------------------------------------------------


@contextmanager
def forked(folder: Path, **environ: str) -> Iterator[CoreProcess]:
    """The running core of a fork, as the command starts it; killed at the end."""
    one = CoreProcess(folder)
    with (folder / "core.log").open("ab") as log:
        one.process = subprocess.Popen(
            [sys.executable, "-m", "console.forked", str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE_S
        while not socket_of(folder).exists():
            assert one.process.poll() is None and time.monotonic() < until, one.log()
            time.sleep(0.02)
        yield one
    finally:
        one.kill()


@pytest.fixture(scope="module")
def surging(tmp_path_factory: pytest.TempPathFactory, tocsin_home: Path) -> Iterator[CoreProcess]:
    """A drill that is running, its gauges high since a moment ago."""
    folder = tmp_path_factory.mktemp("surging")
    rise = [water_level("G-QUAY", 2.4, 40), water_level("G-BARRIER", 2.4, 50)]
    source = write_scenario(folder / "mine", messages=rise, directory=DIRECTORY, id="surge")
    with core(folder / "drill", source, tocsin_home, speed=0.01) as one:
        yield one


async def proposed(one: Hand, words: str) -> Proposal:
    """The waiting proposal of that title."""

    def waiting() -> list[Proposal]:
        return [p for p in one.picture.home.proposals.values() if words in p.title and p.status == "waiting"]

    await one.until(lambda: bool(waiting()), f"no proposal {words}")
    return waiting()[-1]


async def alerted(fork: CoreProcess, one: Hand) -> list[Any]:
    """Every delivery of what follows when all that the surge playbook asks for is approved, once all are settled."""
    await one.do(c.ControlDrill(action="jump", by_s=30))
    asked = await proposed(one, "close roads")
    await one.do(one.link.decide(asked, "approve", shown="by hand"))
    home = one.picture.home

    def deliveries() -> list[Any]:
        return [d for alert in home.alerts.values() for d in alert.deliveries]

    await one.do(c.ControlDrill(action="jump", by_s=5))
    await one.until(lambda: bool(deliveries()) and all(d.state in ("dead", "delivered") for d in deliveries()))
    return deliveries()


async def test_a_what_if_forked_from_a_running_drill_cannot_send(surging: CoreProcess, tmp_path: Path) -> None:
    async with hand(surging) as parent:
        await parent.do(c.ControlDrill(action="jump", by_s=60))
        await proposed(parent, "close roads")
        made = make(Home.at(tmp_path), f"{surging.folder}@now", "whatif")
        with forked(made.folder, SLACK_TOKEN="live-credential") as fork:
            assert fork.process is not None
            async with hand(fork, "Ida Lund", "duty_officer") as one:
                assert one.link.world == "whatif"
                sent = await alerted(fork, one)
                assert {d.state for d in sent} == {"dead"}
                assert all("TOC-4021" in d.detail for d in sent), sent
        assert not (made.folder / "received").exists()
        received = surging.folder / "received" / "received.jsonl"
        assert not received.exists() or not received.read_text("utf-8"), "nor did it reach the parent's receiver"
        assert not parent.picture.home.alerts and parent.link.state == "live", "the drill goes on untouched"


async def test_a_forked_drill_alerts_only_its_own_receiver_as_an_exercise(surging: CoreProcess, tmp_path: Path) -> None:
    async with hand(surging) as parent:
        await parent.do(c.ControlDrill(action="jump", by_s=60))
        await proposed(parent, "close roads")
        made = make(Home.at(tmp_path), f"{surging.folder}@now", "drill")
        with forked(made.folder) as fork:
            async with hand(fork, "Ida Lund", "duty_officer") as one:
                sent = await alerted(fork, one)
                assert {d.state for d in sent} == {"delivered"}
        lines = (made.folder / "received" / "received.jsonl").read_text("utf-8").splitlines()
        texts = [json.loads(line) for line in lines]
        assert texts and all(text["title"].startswith("EXERCISE EXERCISE EXERCISE") for text in texts)


async def test_a_what_ifs_clock_is_paused_stepped_and_jumped_and_it_resumes_after_a_kill(
    storm: DrillRun, tmp_path: Path
) -> None:
    made = make(Home.at(tmp_path), f"{storm.out}@1500", "whatif")
    with forked(made.folder) as fork:
        async with hand(fork, "Ida Lund", "duty_officer") as one:
            await one.do(c.ControlDrill(action="pause"))
            await one.until(lambda: one.link.paused)
            before = one.link.now_ms()
            answer = await one.do(c.TakeReport(incident_kind="flood", text="water in the cellar"))
            await one.do(c.ControlDrill(action="jump", by_s=3600))
            await one.until(lambda: one.link.now_ms() >= before + 3_599_000)
            await one.settled()
            known = carried(one.picture)
    with forked(made.folder) as fork:
        async with hand(fork, "Ida Lund", "duty_officer") as one:
            assert answer["incident"] in one.picture.home.incidents
            await one.settled()
            assert carried(one.picture) == known
            assert one.link.paused
        assert fork.process is not None
        fork.process.send_signal(signal.SIGTERM)
        assert fork.process.wait(PATIENCE_S) == 0, fork.log()
        fork.process = None
    assert verify(made.folder / "journal").ok and not socket_of(made.folder).exists()


Plant = Callable[[Path, str], dict[str, str]]


def in_its_environment(folder: Path, sealed: str) -> dict[str, str]:
    return {"TOCSIN_SMS": sealed}


def in_its_credentials(folder: Path, sealed: str) -> dict[str, str]:
    (folder / "credentials.toml").write_text(f'world = "whatif"\n[credentials]\nsms = "{sealed}"\n', encoding="utf-8")
    return {}


def in_its_fork_json(folder: Path, sealed: str) -> dict[str, str]:
    path = folder / "fork.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"position": sealed}), encoding="utf-8")
    return {}


@pytest.mark.parametrize("plant", [in_its_environment, in_its_credentials, in_its_fork_json])
def test_a_what_if_refuses_a_live_credential_by_name(plant: Plant, storm: DrillRun, tmp_path: Path) -> None:
    from console.credentials import Vault

    sealed = Vault(tmp_path / "worlds" / "live", "live").seal("sms", "slack://T0/B0/secret")
    made = make(Home.at(tmp_path), f"{storm.out}@300", "whatif")
    environ = plant(made.folder, sealed)
    run = subprocess.run(
        [sys.executable, "-m", "console.forked", str(made.folder)], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S, cwd=ROOT, env=os.environ | environ,
    )  # fmt: skip
    assert (run.returncode, error_of(run)["code"]) == (3, "TOC-4020")
    assert sealed not in run.stderr and "sms" in run.stderr
