"""A core as its own process, worked by hand over its socket with no feed at all, killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import commands as c
from console.link import LinkDown, socket_of
from picture.entry import Ref
from picture.errors import RefusedError
from picture.journal import verify
from tests.e2e.hands import CoreProcess, core, digest_of, hand, prepare, write_scenario


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario with no feed, no message, no playbook that could fire and nobody but who plays."""
    return write_scenario(tmp_path_factory.mktemp("silent"), feeds=[])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, silent: Path, tocsin_home: Path) -> Iterator[CoreProcess]:
    """One core for the tests that leave it running."""
    with core(tmp_path_factory.mktemp("desk") / "drill", silent, tocsin_home) as running:
        yield running


async def refused(giving: object, code: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await giving  # type: ignore[misc]
    assert caught.value.code == code, caught.value.message
    return caught.value


async def test_an_incident_is_worked_from_call_to_close_with_no_feed(desk: CoreProcess) -> None:
    async with hand(desk) as one:
        home = one.picture.home
        found = await one.do(c.ResolvePlace(said="Wharf Street and Customs Quay"))
        assert found["places"] and found["places"][0]["label"]
        place = c.PlaceInput(
            said=found["places"][0]["label"],
            lon=found["places"][0]["lon"],
            lat=found["places"][0]["lat"],
            label=found["places"][0]["label"],
            how="crossing",
        )
        taken = await one.do(
            c.TakeReport(
                incident_kind="trapped",
                text="He is on the roof of the kiosk",
                caller="Petra Lindqvist",
                call_back="+00 555 0142",
                place=place,
                people_at_risk=1,
                people_trapped=True,
            )
        )
        incident = home.incidents[taken["incident"]]
        assert incident.priority == 1 and incident.place is not None and incident.place.label == place.label
        line = incident.reports[0]
        assert one.link.text(Ref(home.stream, line.entry, "report.caller")) == "Petra Lindqvist"

        near = await one.do(c.NearestUnits(incident=incident.id))
        unit = next(one["unit"] for one in near["units"] if one["eta_s"] is not None)
        sent = await one.do(c.QuickLine(line=f"{unit} {incident.id}"))
        assert sent["eta_s"] > 0 and home.units[unit].local_status == "dispatched"
        assert len(one.link.route(home.assignments[sent["assignment"]])) > 1

        await refused(one.do(c.CloseIncident(incident=incident.id, result_code="resolved")), "TOC-4006")
        illegal = await refused(one.do(c.SetStatus(unit=unit, status="off_duty_for_tea")), "TOC-4003")
        assert "Known:" in illegal.message
        await refused(one.do(c.Assign(unit=unit, incident=incident.id)), "TOC-4003")

        await one.do(c.QuickLine(line=f"{unit} enr"))
        assert home.units[unit].local_status == "enroute"
        await one.do(c.StandDown(unit=unit, why="not needed"))
        assert home.units[unit].local_status == "available" and not home.incidents[incident.id].units

        await one.do(c.ChangeIncident(incident=incident.id, people_unaccounted=1))
        await refused(one.do(c.CloseIncident(incident=incident.id, result_code="resolved")), "TOC-4006")
        await one.do(c.ChangeIncident(incident=incident.id, people_unaccounted=0))
        await one.do(c.CloseIncident(incident=incident.id, result_code="resolved"))
        assert home.incidents[incident.id].status == "closed"
        await refused(one.do(c.Assign(unit=unit, incident=incident.id)), "TOC-4001")
        await one.do(c.ReopenIncident(incident=incident.id))
        assert home.incidents[incident.id].status == "open"


async def test_log_duplicates_and_handover_work_by_hand(desk: CoreProcess) -> None:
    async with hand(desk) as one:
        home = one.picture.home
        first = (await one.do(c.TakeReport(text="a tree")))["incident"]
        second = (await one.do(c.TakeReport(text="the same tree")))["incident"]
        await one.do(c.QuickLine(line=f"{second} dup {first}"))
        assert home.incidents[second].duplicate_of == first
        await refused(one.do(c.MarkDuplicate(incident=first, of=second)), "TOC-4001")
        await one.do(c.MarkDuplicate(incident=second))
        assert home.incidents[second].duplicate_of == ""

        happened = home.drill.start_ms - 60_000
        await one.do(c.WriteLog(text="Gate shut by hand", incident=first, at_ms=happened))
        line = list(home.log.values())[-1]
        assert line.at_ms == happened < line.entered_ms

        await refused(one.do(c.HandOver(step="accept")), "TOC-4004")
        await one.do(c.HandOver(step="offer", to="Omar Haddad", brief="All quiet."))
        await one.do(c.HandOver(step="confirm"))
        async with hand(desk, "Omar Haddad", "duty_officer") as other:
            await other.do(c.HandOver(step="accept"))
            assert other.picture.home.shift.person == "Omar Haddad"
            await other.do(c.HandOver(step="offer", to="Ines Prado"))
            await other.do(c.HandOver(step="confirm"))
        await one.do(c.HandOver(step="accept"))
        assert home.shift.person == "Ines Prado"


async def test_an_unknown_thing_is_refused_and_the_refusal_is_journalled(desk: CoreProcess) -> None:
    async with hand(desk) as one:
        before = one.picture.home.seq
        error = await refused(one.do(c.Assign(unit="E999", incident="I-1")), "TOC-4008")
        assert "E999" in error.message and error.remedy
        await one.until(lambda: one.picture.home.seq == before + 1)


async def test_the_drill_clock_is_paused_stepped_jumped_and_paced(desk: CoreProcess) -> None:
    async with hand(desk) as one:
        await one.do(c.ControlDrill(action="pause"))
        await one.until(lambda: one.link.paused)
        stood = one.link.now_ms()
        await asyncio.sleep(0.3)
        assert one.link.now_ms() == stood
        await one.do(c.ControlDrill(action="jump", by_s=600))
        await one.until(lambda: one.link.now_ms() >= stood + 599_900)
        assert one.link.now_ms() - stood - 600_000 < 1000
        await one.do(c.ControlDrill(action="step"))
        await one.until(lambda: one.link.now_ms() > stood + 600_000)
        await one.do(c.ControlDrill(action="speed", speed=100))
        await one.do(c.ControlDrill(action="resume"))
        await one.until(lambda: not one.link.paused and one.link.speed == 100)
        began, since = one.link.now_ms(), time.monotonic()
        await asyncio.sleep(0.5)
        assert one.link.now_ms() - began == pytest.approx((time.monotonic() - since) * 100_000, rel=0.5)
        await one.do(c.ControlDrill(action="speed", speed=1))


async def test_a_sent_unit_needs_no_feed_and_the_clock_goes_on(desk: CoreProcess) -> None:
    async with hand(desk) as one:
        incident = (await one.do(c.TakeReport(text="a tree", place=c.PlaceInput(lon=-30.0, lat=46.0, how="cursor"))))[
            "incident"
        ]
        await one.do(c.Assign(unit="E21", incident=incident))
        await one.do(c.ControlDrill(action="jump", by_s=300))
        units = one.picture.home.units
        assert units["E21"].local_status == "dispatched", "nobody plays a crew that has no feed"
        await one.do(c.SetStatus(unit="E21", status="enroute"))
        assert units["E21"].local_status == "enroute"
        assert not one.picture.home.alarms
        await one.do(c.StandDown(unit="E21"))


async def test_two_clients_see_the_same_picture(desk: CoreProcess) -> None:
    async with hand(desk) as one, hand(desk, "Omar Haddad", "supervisor") as other:
        await one.do(c.ControlDrill(action="pause"))
        await other.do(c.TakeReport(text="seen by both"))
        seq = other.picture.home.seq
        await one.until(lambda: one.picture.home.seq == seq)
        assert one.picture.digest() == other.picture.digest()
        await one.do(c.ControlDrill(action="resume"))


async def test_one_name_is_not_taken_by_another_key(desk: CoreProcess) -> None:
    async with hand(desk):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from console.link import Link

        thief = Link(socket_of(desk.folder), "Ines Prado", "duty_officer", Ed25519PrivateKey.generate())
        with pytest.raises(RefusedError) as caught:
            await asyncio.wait_for(thief.run(lambda change: None), 5)
        assert caught.value.code == "TOC-4004"


CLIENT = """
import asyncio, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from console.link import Link
link = Link(Path(sys.argv[1]), "Petra Holm", "supervisor", Ed25519PrivateKey.generate())
asyncio.run(link.run(lambda change: print(link.picture.home.seq, flush=True)))
"""


async def test_killing_a_client_leaves_the_drill_running(desk: CoreProcess) -> None:
    import sys

    async with hand(desk) as one:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            CLIENT,
            str(socket_of(desk.folder)),
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": "/usr/bin:/bin"},
        )
        assert client.stdout is not None
        await asyncio.wait_for(client.stdout.readline(), 20)
        client.kill()
        await client.wait()
        await one.do(c.TakeReport(text="after the kill"))
        await one.do(c.ControlDrill(action="pause"))
        await one.settled()
        async with hand(desk, "Omar Haddad", "supervisor") as other:
            first = await one.settled()
            assert other.picture.home.seq == one.picture.home.seq
            assert other.picture.digest() == first == digest_of(desk.journal)
        await one.do(c.ControlDrill(action="resume"))


async def test_a_killed_core_loses_nothing_that_it_acknowledged_and_goes_on(
    tmp_path: Path, silent: Path, tocsin_home: Path
) -> None:
    with core(tmp_path / "drill", silent, tocsin_home, speed=20.0) as running:
        acknowledged: list[str] = []
        async with hand(running) as one:
            incident = (
                await one.do(
                    c.TakeReport(
                        incident_kind="fire",
                        text="Smoke",
                        caller="Petra Lindqvist",
                        place=c.PlaceInput(lon=-30.0, lat=46.0, how="coordinates"),
                    )
                )
            )["incident"]
            acknowledged.append(incident)
            sent = await one.do(c.Assign(unit="E11", incident=incident))

            async def call() -> None:
                while True:
                    acknowledged.append((await one.link.command(c.TakeReport(text="call")))["incident"])

            calling = asyncio.create_task(call())
            await asyncio.sleep(0.4)
            running.kill()
            with contextlib.suppress(LinkDown):
                await calling
            assert len(acknowledged) > 5
            assert one.link.state != "live"
            last_ms = one.picture.home.at_ms

            running.start()
            await one.until(lambda: one.link.state == "live", "the client comes back by itself")
            again = one.picture
            assert set(acknowledged) <= set(again.home.incidents)
            assert one.link.now_ms() >= last_ms
            more = (await one.do(c.TakeReport(text="after the crash")))["incident"]
            assert more not in acknowledged
            await one.until(lambda: one.picture.home.units["E11"].local_status in ("dispatched", "enroute", "on_scene"))
            assert one.picture.home.assignments[sent["assignment"]].unit == "E11"
            await one.do(c.ControlDrill(action="pause"))
            digest = await one.settled()
            running.kill()  # before this client leaves, which would be one more entry
        report = verify(running.journal)
        assert report.ok, report.why
        assert digest_of(running.journal) == digest


async def test_stopping_for_a_real_emergency_ends_the_exercise_for_good(
    tmp_path: Path, silent: Path, tocsin_home: Path
) -> None:
    with core(tmp_path / "drill", silent, tocsin_home) as running:
        async with hand(running) as one:
            await one.do(c.ControlDrill(action="stop"))
            await one.until(lambda: one.picture.home.drill.stopped)
            for action in ("resume", "step", "stop"):
                await refused(one.do(c.ControlDrill.model_validate({"action": action})), "TOC-4013")
            await refused(one.do(c.TakeReport(text="too late")), "TOC-4013")
            await refused(one.do(c.QuickLine(line="log still here")), "TOC-4013")
            assert (await one.do(c.ResolvePlace(said="Customs Quay")))["places"], "looking is still allowed"
        running.kill()
        running.start()
        async with hand(running) as one:
            assert one.picture.home.drill.stopped
            await refused(one.do(c.TakeReport(text="after a restart")), "TOC-4013")


async def test_a_core_whose_folder_has_a_long_path_is_reached_all_the_same(
    tmp_path: Path, silent: Path, tocsin_home: Path
) -> None:
    folder = tmp_path / ("a" * 60) / ("b" * 60)
    with core(folder, silent, tocsin_home) as running:
        assert len(str(socket_of(folder))) <= 100
        async with hand(running) as one:
            assert one.picture.home.world == "drill"


def test_a_second_core_on_the_same_folder_is_refused_in_words(desk: CoreProcess) -> None:
    import subprocess
    import sys

    run = subprocess.run(
        [sys.executable, "-m", "console.drill.process", str(desk.folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 3 and "TOC-3103" in run.stderr and "Traceback" not in run.stderr
    assert socket_of(desk.folder).exists(), "the first core's socket is left alone"


def test_a_core_with_a_wrong_run_file_says_what_is_wrong(tmp_path: Path, silent: Path, tocsin_home: Path) -> None:
    one = prepare(tmp_path / "drill", silent, tocsin_home)
    (one.folder / "run.json").write_text("{not json", encoding="utf-8")
    import subprocess
    import sys

    run = subprocess.run(
        [sys.executable, "-m", "console.drill.process", str(one.folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 3 and "TOC-1003" in run.stderr and "Traceback" not in run.stderr
