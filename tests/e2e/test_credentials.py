"""A drill cannot use a live credential: wherever one is planted it is refused by name, or never so much as read."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from console.link import socket_of
from console.starting import start_core, wait_for_core
from tests.e2e.hands import ROOT, prepare, tocsin, water_level, write_scenario
from twin.source import ensure_pack

PLANTED = "slack://T0PLANTED/B0PLANTED/live-credential"

WATCHED = """
import json, sys
seen = {"opened": [], "connected": [], "asked": []}
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        seen["opened"].append(args[0] if isinstance(args[0], str) else args[0].decode("utf-8", "replace"))
    elif event == "socket.connect":
        seen["connected"].append(str(args[1]))
    elif event == "socket.getaddrinfo":
        seen["asked"].append(str(args[0]))
sys.addaudithook(hook)
from console.cli import main
try:
    main()
finally:
    with open(sys.argv[-1] + "/seen.json", "w") as file:
        json.dump(seen, file)
"""
"""The real command under an audit hook: every file opened and every address asked for, written into ``--out``."""


class Live:
    """An outside service that must hear nothing."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        live = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                live.heard.append(self.path)
                self.send_response(200)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/live-hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def live() -> Iterator[Live]:
    one = Live()
    yield one
    one.server.shutdown()
    one.server.server_close()


def alerting(folder: Path, live: Live, **keys: Any) -> Path:
    """A drill that sends to agencies and the public within minutes, its directory naming a live address."""
    people = [
        {"name": name, "position": position, "agency": "EOC", "decides": [{"after_s": 10}]}
        for name, position in (("Ines Prado", "duty_officer"), ("Omar Haddad", "supervisor"))
    ]  # fmt: skip
    directory = [
        {"name": "Harbour Control", "agency": "PMHA", "role": "harbour_control", "channel": live.url},
        {"name": "Power", "agency": "MPOWER", "role": "power_control", "channel": PLANTED},
        {"name": "Water", "agency": "MWATER", "role": "water_control"},
        {"name": "Public warning channel", "role": "public", "channel": "cap"},
    ]  # fmt: skip
    rise = [water_level("G-QUAY", 2.4, 40), water_level("G-BARRIER", 2.4, 50)]
    return write_scenario(folder, messages=rise, people=people, directory=directory, minutes=10, **keys)


def test_a_drill_opens_no_credential_file_and_speaks_to_this_machine_alone(
    tmp_path: Path, tocsin_home: Path, live: Live
) -> None:
    source = alerting(tmp_path / "mine", live)
    out = tmp_path / "out"
    out.mkdir()
    planted = f'world = "live"\n[channels]\ndrill = "{PLANTED}"\ncap = "{live.url}"\n'
    home = tmp_path / "home"
    (home / "worlds" / "live").mkdir(parents=True)
    (home / "worlds" / "drill").mkdir()
    ensure_pack("port-meridian", tocsin_home / "cache")
    (home / "cache").symlink_to(tocsin_home / "cache")
    for folder in (out, source, home, home / "worlds" / "live", home / "worlds" / "drill"):
        (folder / "credentials.toml").write_text(planted, encoding="utf-8")
    (home / "tocsin.toml").write_text(f'[channels.drill]\nurl = "{PLANTED}"\n', encoding="utf-8")
    environ = os.environ | {
        "PYTHONPATH": str(ROOT), "TOCSIN_HOME": str(home), "TOCSIN_LIVE_URL": PLANTED, "TOCSIN_DRILL_URL": PLANTED,
        "APPRISE_URLS": live.url, "APPRISE_CONFIG_PATH": str(out), "HTTP_PROXY": live.url, "http_proxy": live.url,
        "ALL_PROXY": live.url, "SLACK_TOKEN": "live-credential"}  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-c", WATCHED, "drill", str(source), "--headless", "--json", "--out", str(out)],
        capture_output=True,
        text=True,
        env=environ,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    sent = [d for alert in json.loads(run.stdout)["alerts"] for d in alert["deliveries"]]
    assert {d["recipient"] for d in sent} >= {"Harbour Control", "Power", "Water", "Public warning channel"}
    assert {d["state"] for d in sent} == {"delivered"}, "every one of them went to the drill's own receiver"
    seen = json.loads((out / "seen.json").read_text(encoding="utf-8"))
    assert seen["connected"], "the hook sees the deliveries"
    assert not [where for where in seen["connected"] if not where.startswith("('127.0.0.1', ")]
    assert set(seen["asked"]) <= {"127.0.0.1", "None"}
    assert not [path for path in seen["opened"] if path.endswith(("credentials.toml", "tocsin.toml"))]
    assert live.heard == []
    for file in out.rglob("*"):
        if file.is_file() and file.name not in ("credentials.toml", "seen.json"):
            assert b"live-credential" not in file.read_bytes() or b"Power" in file.read_bytes(), file.name


def test_a_feed_that_names_a_live_address_or_secret_is_neither_polled_nor_given_it(
    tmp_path: Path, tocsin_home: Path, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVE_SECRET", "a-live-secret-of-some-length")
    feeds = [{"id": "calls-112", "wire": "incident", "url": live.url, "poll_s": 5, "secret": "env:LIVE_SECRET"}]
    source = write_scenario(tmp_path / "mine", feeds=feeds, minutes=30)
    run = tocsin("drill", source, "--headless", "--json", "--out", tmp_path / "out")
    assert run.returncode in (0, 2), run.stderr
    assert live.heard == []


def test_a_live_credential_in_the_run_file_is_refused_by_its_key_and_not_repeated(
    tmp_path: Path, tocsin_home: Path
) -> None:
    one = prepare(tmp_path / "drill", write_scenario(tmp_path / "mine"), tocsin_home)
    path = one.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"alert_url": PLANTED}), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "console.drill.process", str(one.folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 3
    assert "TOC-1003" in run.stderr and "alert_url" in run.stderr
    assert "PLANTED" not in run.stderr + one.log()


def test_a_channels_table_in_a_scenario_is_refused_by_its_key(tmp_path: Path) -> None:
    source = write_scenario(tmp_path / "mine", channels={"drill": {"url": PLANTED}})
    run = tocsin("drill", source, "--headless", "--out", tmp_path / "out")
    assert run.returncode == 2
    assert "TOC-1004" in run.stderr and "channels" in run.stderr and "PLANTED" not in run.stderr


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")  # it outlives us on purpose
def test_a_core_process_is_not_even_handed_the_credential(
    tmp_path: Path, tocsin_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_LIVE_URL", PLANTED)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PLANTED)
    one = prepare(tmp_path / "drill", write_scenario(tmp_path / "mine"), tocsin_home)
    start_core(one.folder)
    wait_for_core(one.folder)
    pid = pid_behind(socket_of(one.folder))
    try:
        block = Path(f"/proc/{pid}/environ")
        if not block.exists():
            pytest.skip("this system does not show a process's environment")
        assert b"PLANTED" not in block.read_bytes()
        assert b"TOCSIN_HOME" in block.read_bytes()
    finally:
        os.kill(pid, 9)


def pid_behind(path: Path) -> int:
    """The process that listens on a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])
