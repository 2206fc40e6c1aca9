"""The live world: its configuration refused by key, its clock never back, its channels sealed, resumed as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from console.cli_city import order_of
from console.config import Home, SiteConfig
from console.core import Draft
from console.credentials import Vault
from console.link import socket_of
from console.live import LiveWorld, _bounds
from console.starter import STARTER
from feeds.config import load
from feeds.signing import sign
from picture import events as ev
from picture.clock import SteadyClock
from picture.errors import RefusedError, TocsinError, UsageError
from picture.journal import JournalReader, verify
from picture.reports import IncidentReport
from tests.e2e.hands import PATIENCE_S, ROOT, error_of, report, tocsin
from twin.pack import CityPack
from twin.source import ensure_pack

SECRET = "json://user:live-secret@127.0.0.1:9/x"


@pytest.fixture
def home(tmp_path: Path, tocsin_home: Path) -> Home:
    """A site of its own, with the city pack that this run has built already."""
    ensure_pack("port-meridian", tocsin_home / "cache")
    (tmp_path / "cache").symlink_to(tocsin_home / "cache")
    return Home.at(tmp_path)


class Wall:
    """A wall clock in a test's hand, and the seconds that really went by."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms, self.gone_s = at_ms, 0.0

    def pass_ms(self, ms: int, *, clock_ms: int | None = None) -> None:
        self.gone_s += ms / 1000
        self.at_ms += ms if clock_ms is None else clock_ms

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.at_ms, lambda: self.gone_s)


@contextmanager
def living(
    home: Home, wall: Wall | None = None, environ: dict[str, str] | None = None, **keys: Any
) -> Iterator[LiveWorld]:
    pack = ensure_pack("port-meridian", home.cache)
    clock = (wall or Wall(1_800_000_000_000)).clock()
    world = LiveWorld(
        home, SiteConfig.model_validate(keys), pack, order_of(home, pack), environ=environ or {}, clock=clock
    )
    try:
        yield world
    finally:
        world.close()


# --- the clock ----------------------------------------------------------------------------------------------


def test_the_clock_tells_the_walls_time() -> None:
    wall = Wall(1_000_000)
    clock = wall.clock()
    for ms in (1, 10, 1000, 86_400_000):
        wall.pass_ms(ms)
        assert clock.now_ms() == wall.at_ms


def test_a_clock_set_back_neither_goes_back_nor_stands_still_and_meets_the_wall_again() -> None:
    wall = Wall(10_000_000)
    clock = wall.clock()
    wall.pass_ms(1000, clock_ms=-60_000)
    told = [clock.now_ms()]
    while clock.ahead_ms() and len(told) < 1000:
        wall.pass_ms(1000)
        told.append(clock.now_ms())
    assert all(later > earlier for earlier, later in pairwise(told))
    assert told[-1] == wall.at_ms and 100 < len(told) < 140, "half its pace: two minutes for one"


def test_a_journal_from_the_future_is_gone_on_with_and_the_operator_is_told(home: Home) -> None:
    with living(home, Wall(1_800_000_100_000)) as world:
        last = world.core.home.at_ms
    wall = Wall(1_800_000_000_000)
    with living(home, wall) as world:
        (entry,) = world.core.record([Draft(ev.HandsOff(on=True))])
        assert entry.recorded_ms >= last > wall.at_ms
        world.look_around(world.core.now_ms())
        world.look_around(world.core.now_ms())
        told = [alarm for alarm in world.core.home.alarms.values() if alarm.key == "clock:back"]
        assert [alarm.count for alarm in told] == [1]


# --- the configuration --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f'sms_url = "{SECRET}"', "sms_url"),
        (f'[channels.sms]\nurl = "{SECRET}"', "channels.sms.url"),
        ("[channels.sms]\n", "channels.sms"),
        ('[[directory]]\nname = "A"\nchannel = "sms"', "no channel sms"),
        ('[[feeds]]\nid = "a"\nwire = "cap"\nsylent = 5', "sylent"),
        (f'[inbox]\nport = "{SECRET}"', "inbox.port"),
        ("site = ", "tocsin.toml"),
    ],
)
def test_a_wrong_key_is_refused_by_file_and_key_and_its_value_not_repeated(
    tmp_path: Path, text: str, named: str
) -> None:
    home = Home.at(tmp_path)
    home.toml.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        home.config()
    assert refused.value.code == "TOC-1003"
    assert "tocsin.toml" in refused.value.message and named in refused.value.message
    assert "live-secret" not in refused.value.message


def test_the_starter_configuration_is_valid_as_written_and_with_every_comment_taken_off(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.toml.write_text(STARTER, encoding="utf-8")
    assert home.config().site == "SITE"
    lines = [
        line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in STARTER.splitlines()
    ]
    plain = [line for line in lines if "=" not in line or not line.startswith("#")]
    top = [line for line in plain if line.startswith(("positions", "playbooks", "armed"))]
    rest = [line for line in plain if line not in top]
    at = rest.index("[policy]")
    home.toml.write_text("\n".join([*rest[:at], *top, *rest[at:]]), encoding="utf-8")
    config = home.config()
    assert config.channels["sms"].credential == "sms" and config.feeds[0].id == "gauges"
    assert config.directory[0].channel == "sms" and config.positions and config.policy.own_agencies


# --- credentials --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["credential", "env", "file"])
def test_a_channel_finds_its_sealed_address_wherever_it_is_kept(home: Home, kept: str) -> None:
    vault = Vault(home.live, "live")
    vault.add("sms", SECRET)
    (home.root / "sms.sealed").touch(mode=0o600)
    (home.root / "sms.sealed").write_text(vault.seal("sms", SECRET), encoding="utf-8")
    name = {"credential": "sms", "env": "TOCSIN_SMS", "file": "sms.sealed"}[kept]
    environ = {"TOCSIN_SMS": vault.seal("sms", SECRET)}
    with living(home, environ=environ, channels={"sms": {kept: name}}) as world:
        assert world.outbox is not None
    for file in home.root.rglob("*"):
        if file.is_file() and "cache" not in file.parts:
            assert b"live-secret" not in file.read_bytes(), file


@pytest.mark.parametrize("kept", ["credential", "env", "file"])
def test_an_address_in_clear_or_of_a_drill_is_refused_by_its_channel(home: Home, tmp_path: Path, kept: str) -> None:
    drills = Vault(tmp_path / "elsewhere", "drill").seal("sms", SECRET)
    for text, code in ((SECRET, "TOC-1010"), (drills, "TOC-4020")):
        path = home.root / "sms.sealed"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        home.live.mkdir(parents=True, exist_ok=True)
        stored = home.live / "credentials.toml"
        stored.touch(mode=0o600)
        stored.write_text(f'world = "live"\n[credentials]\nsms = "{text}"\n', encoding="utf-8")
        name = {"credential": "sms", "env": "TOCSIN_SMS", "file": "sms.sealed"}[kept]
        with (
            pytest.raises(TocsinError) as refused,
            living(home, environ={"TOCSIN_SMS": text} if kept == "env" else {}, channels={"sms": {kept: name}}),
        ):
            pass
        assert refused.value.code == code
        assert "sms" in refused.value.message.casefold() and "live-secret" not in refused.value.message
        assert text not in refused.value.message
    assert not (home.live / "journal").exists(), "the world never began"


def test_a_live_world_will_not_open_in_a_drills_folder(home: Home) -> None:
    Vault(home.live, "drill")
    with pytest.raises(RefusedError) as refused, living(home):
        pass
    assert refused.value.code == "TOC-4022"


def test_a_secret_is_read_from_stdin_and_stands_in_no_argument(tmp_path: Path) -> None:
    env = {"TOCSIN_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "console.cli", "credential", "add", "sms"], input=SECRET + "\n", text=True,
        capture_output=True, env=os.environ | env, cwd=ROOT, check=True,
    )  # fmt: skip
    assert "live-secret" not in run.stdout + run.stderr
    vault = Vault(tmp_path / "worlds" / "live", "live")
    assert vault.stored("sms") == SECRET and vault.path.stat().st_mode & 0o777 == 0o600
    assert json.loads(tocsin("credential", "list", "--json", env=env).stdout)["credentials"] == ["sms"]
    assert tocsin("credential", "remove", "sms", env=env).returncode == 0 and vault.names() == ()


# --- resuming -----------------------------------------------------------------------------------------------


def busy(world: LiveWorld, wall: Wall) -> None:
    """Enough for a snapshot, and something planned before it."""
    world.core.record([Draft(ev.TimerSet(id="T-1/none/wait", due_ms=wall.at_ms + 86_400_000, what="late"))])
    said = IncidentReport(
        at_ms=wall.at_ms, incident_kind="flood", lon_e7=0, lat_e7=0, text="herring sheds under water", origin="a"
    )
    world.core.record(
        [
            Draft(ev.ReportReceived(report=said, size=0, sha256="", incident="I-1"), source="desk"),
            Draft(ev.IncidentOpened(incident="I-1", incident_kind="flood", title="Flood", priority=2)),
            Draft(
                ev.ReportLinked(
                    incident="I-1", feed="desk", report_at_ms=wall.at_ms, score_c=0, evidence=(), has=("text",)
                )
            ),
        ]
    )  # fmt: skip
    sensor = next(iter(world.core.home.sensors.values()))
    for number in range(12_000 // 500):
        wall.pass_ms(60_000)
        moved = [
            Draft(ev.SensorUpdated(id=sensor.id, quantity=sensor.quantity, unit="m", value=number + k / 500))
            for k in range(500)
        ]
        world.core._reactors.clear()  # what follows from them is not asked here, and costs time
        world.core.record(moved)
    world.snapshots.settle()


def test_a_restart_from_a_snapshot_knows_what_one_from_the_whole_journal_knows(home: Home) -> None:
    wall = Wall(1_800_000_000_000)
    feeds = (load({"id": "gauges", "wire": "sensorthings"}),)
    with living(home, wall, feeds=feeds) as world:
        busy(world, wall)
        assert world.snapshots.seqs()
        digest = world.core.picture.digest()
    known = []
    for keep in (True, False):
        if not keep:
            shutil.rmtree(home.live / "snapshots")
        with living(home, wall, feeds=feeds) as world:
            assert (world.core.snapshots is not None and bool(world.snapshots.seqs())) or not keep
            dues = sorted((due.at_ms, due.cause) for due in world.core.agenda._heap)
            live = world.ingest.fusion._live["I-1"]
            known.append((world.core.picture.digest(), dues, sorted(map(str, live.words)), world.core.ids.new("I")))
    assert known[0] == known[1]
    assert known[0][0] == digest and any("timer:T-1" in cause for _, cause in known[0][1]) and known[0][3] == "I-2"


def test_what_the_configuration_comes_to_list_is_journalled_at_the_next_start(home: Home) -> None:
    with living(home) as world:
        assert not world.core.home.feeds
    feeds = (load({"id": "gauges", "wire": "sensorthings"}),)
    for _ in range(2):
        with living(home, feeds=feeds, agencies=({"id": "XA", "name": "X Agency", "kind": "other"},)) as world:
            assert set(world.core.home.feeds) == {"gauges"} and "XA" in world.core.home.agencies
    with JournalReader(home.live / "journal") as reader:
        assert [entry.kind for entry in reader.read()].count("feed.registered") == 1


# --- as a process -------------------------------------------------------------------------------------------


@contextmanager
def serving(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """The live core as its command starts it; killed at the end if it still runs."""
    (home.live / "inbox.json").unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli", "core", "--world", "live", "--home", str(home.root)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        until = time.monotonic() + 3 * PATIENCE_S  # a loaded machine may take its time over a core's imports
        while not ((home.live / "inbox.json").exists() and socket_of(home.live).exists()):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def posted(home: Home, text: str) -> int:
    """The status that one signed call through the inbox got."""
    import httpx

    url = json.loads((home.live / "inbox.json").read_text("utf-8"))["url"]
    body = report(text)
    secret = (home.live / "secrets" / "calls-112.secret").read_bytes()
    return httpx.post(
        f"{url}calls-112", content=body, headers=sign(secret, round(time.time() * 1000), body)
    ).status_code


def test_a_live_core_takes_posts_ends_in_good_order_on_sigterm_and_resumes(home: Home) -> None:
    home.toml.write_text('site = "Test EOC"\n[[feeds]]\nid = "calls-112"\nwire = "incident"\n', encoding="utf-8")
    before_ms = round(time.time() * 1000)
    for said in ("water in the cellar", "the quay is under water"):
        with serving(home) as process:
            assert posted(home, said) == 202
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
    assert not socket_of(home.live).exists()
    assert verify(home.live / "journal").ok
    with JournalReader(home.live / "journal") as reader:
        entries = list(reader.read())
    opened = [entry.event for entry in entries if isinstance(entry.event, ev.WorldOpened)]
    assert [(one.world, one.site) for one in opened] == [("live", "Test EOC")]
    received = [entry for entry in entries if entry.kind == "report.received"]
    assert len(received) == 2 and all(entry.recorded_ms >= before_ms for entry in received)
    times = [entry.recorded_ms for entry in entries]
    assert times == sorted(times)


def test_nothing_but_its_command_starts_a_live_core(tmp_path: Path) -> None:
    env = {"TOCSIN_HOME": str(tmp_path)}
    run = tocsin("core", "--world", "live", env=env)
    assert (run.returncode, error_of(run)["code"]) == (2, "TOC-1014")
    assert tocsin("init", "--site", "Here", env=env).returncode == 0
    run = tocsin("attach", "--world", "live", env=env)
    assert (run.returncode, error_of(run)["code"]) == (2, "TOC-1011")
    assert "tocsin core --world live" in error_of(run)["remedy"]
    assert not (tmp_path / "worlds" / "live").exists()
    again = tocsin("init", env=env)
    assert (again.returncode, error_of(again)["code"]) == (2, "TOC-1013")


# --- what it does by itself ----------------------------------------------------------------------------------


def closed_call(world: LiveWorld, incident: str) -> ev.ReportReceived:
    """An incident with a caller, closed at once."""
    now = world.core.now_ms()
    said = IncidentReport(
        at_ms=now, incident_kind="flood", lon_e7=0, lat_e7=0, text="water", caller="Ada", origin=incident
    )
    received = ev.ReportReceived(report=said, size=0, sha256="", incident=incident)
    world.core.record(
        [
            Draft(received, source="desk"),
            Draft(ev.IncidentOpened(incident=incident, incident_kind="flood", title="Flood", priority=2)),
            Draft(ev.IncidentClosed(incident=incident, result_code="done")),
        ]
    )
    return received


def test_a_live_core_forgets_what_is_due_once_a_day_and_keeps_what_is_held(home: Home) -> None:
    wall = Wall(1_800_000_000_000)
    with living(home, wall, retention={"personal_days": 2, "operations_days": "keep"}) as world:
        closed_call(world, "I-1")
        closed_call(world, "I-2")
        world.core.record([Draft(ev.HoldChanged(scope="I-2", on=True, why="inquiry"))])
        scopes = []
        for _ in range(3):
            wall.pass_ms(86_400_000)
            due = world.core.agenda.next_ms()
            while due is not None and due <= wall.at_ms:
                world.core.step()
                due = world.core.agenda.next_ms()
            scopes.append({info.scope for info in world.keyring.inventory() if info.retention == "personal"})
    assert "I-1" in scopes[0] and "I-1" not in scopes[2] and "I-2" in scopes[2]
    with JournalReader(home.live / "journal") as reader:
        gone = [(entry.event, entry.actor.person) for entry in reader.read() if entry.kind == "payload.shredded"]
    assert [who for one, who in gone if isinstance(one, ev.PayloadShredded) and one.scope == "I-1"] == [
        "system:retention"
    ]
    assert not [one for one, _ in gone if isinstance(one, ev.PayloadShredded) and one.scope == "I-2"]


class Nominatim(BaseHTTPRequestHandler):
    """A geocoder on loopback that knows one place, and says what it was asked."""

    asked: list[str]
    answer: list[dict[str, str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps(self.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_live_core_asks_its_geocoder_for_places_that_the_pack_does_not_know(home: Home) -> None:
    pack = CityPack.open(ensure_pack("port-meridian", home.cache))
    west, south, east, north = _bounds(pack)
    lon, lat = (west + east) / 2, (south + north) / 2
    asked: list[str] = []
    answer = [{"display_name": "Qwrtz Hall", "lon": str(lon), "lat": str(lat)}]
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Nominatim,), {"asked": asked, "answer": answer}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    geocoder = {"name": "nominatim", "url": url, "user_agent": "test", "pause_s": 0}
    try:
        with living(home, geocoder=geocoder) as world:
            assert west < east and south < north
            until = time.monotonic() + PATIENCE_S
            while not (found := world.city.find("Qwrtz Hall")):
                assert time.monotonic() < until
                time.sleep(0.02)
            assert [(one.label, one.how) for one in found] == [("Qwrtz Hall", "online")]
            assert len(asked) == 1
        assert not [one for one in threading.enumerate() if one.name.startswith("geocoder")]
    finally:
        server.shutdown()
        server.server_close()
