"""A drill cannot use a live credential: wherever one is planted it is refused by name, or never so much as read."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from console.credentials import Vault
from console.link import socket_of
from console.starting import start_core, wait_for_core
from picture.errors import RefusedError
from tests.e2e.hands import ROOT, error_of, prepare, tocsin, water_level, write_scenario
from twin.source import ensure_pack

PLANTED = "slack://T0PLANTED/B0PLANTED/live-credential"
SECRET = "a-live-secret-of-some-length"

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


def alerting(folder: Path, **keys: Any) -> Path:
    """A drill that sends to agencies and the public within minutes."""
    people = [
        {"name": name, "position": position, "agency": "EOC", "decides": [{"after_s": 10}]}
        for name, position in (("Ines Prado", "duty_officer"), ("Omar Haddad", "supervisor"))
    ]  # fmt: skip
    directory = [
        {"name": "Harbour Control", "agency": "PMHA", "role": "harbour_control", "channel": "slack"},
        {"name": "Power", "agency": "MPOWER", "role": "power_control", "channel": "sms"},
        {"name": "Water", "agency": "MWATER", "role": "water_control"},
        {"name": "Public warning channel", "role": "public", "channel": "cap"},
    ]  # fmt: skip
    rise = [water_level("G-QUAY", 2.4, 40), water_level("G-BARRIER", 2.4, 50)]
    return write_scenario(folder, messages=rise, people=people, directory=directory, minutes=10, **keys)


def test_a_drill_opens_no_credential_file_of_the_house_and_speaks_to_this_machine_alone(
    tmp_path: Path, tocsin_home: Path, live: Live
) -> None:
    source = alerting(tmp_path / "mine")
    out = tmp_path / "out"
    out.mkdir()
    planted = f'world = "live"\n[channels]\ndrill = "{PLANTED}"\ncap = "{live.url}"\n'
    home = tmp_path / "home"
    (home / "worlds" / "live").mkdir(parents=True)
    (home / "worlds" / "drill").mkdir()
    ensure_pack("port-meridian", tocsin_home / "cache")
    (home / "cache").symlink_to(tocsin_home / "cache")
    for folder in (home, home / "worlds" / "live", home / "worlds" / "drill"):
        (folder / "credentials.toml").write_text(planted, encoding="utf-8")
    (home / "tocsin.toml").write_text(f'[channels.drill]\nurl = "{PLANTED}"\n', encoding="utf-8")
    environ = os.environ | {
        "PYTHONPATH": str(ROOT), "TOCSIN_HOME": str(home), "TOCSIN_LIVE_URL": PLANTED, "TOCSIN_DRILL_URL": PLANTED,
        "APPRISE_URLS": live.url, "APPRISE_CONFIG_PATH": str(home), "HTTP_PROXY": live.url, "http_proxy": live.url,
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
    looked = [path for path in seen["opened"] if path.startswith(str(home))]
    assert not [path for path in looked if path.endswith(("credentials.toml", "tocsin.toml"))]
    assert live.heard == []
    for file in out.rglob("*"):
        assert not file.is_file() or b"live-credential" not in file.read_bytes(), file.name


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


# --- a live credential in each place that configuration can come from ----------------------------------------


@dataclass
class Planted:
    """A drill about to start, and what is handed to its process."""

    folder: Path
    source: Path
    home: Path
    sealed: str
    environ: dict[str, str] = field(default_factory=dict)
    descriptors: list[int] = field(default_factory=list)

    def scenario(self, **keys: Any) -> None:
        write_scenario(self.source, **keys)

    def store(self, folder: Path) -> None:
        (folder / "credentials.toml").write_text(
            f'world = "live"\n[credentials]\nsms = "{self.sealed}"\n', encoding="utf-8"
        )


def in_the_environment(one: Planted) -> str:
    one.environ["TOCSIN_DRILL_SMS"] = one.sealed
    return "environment variable TOCSIN_DRILL_SMS"


def in_its_credentials(one: Planted) -> str:
    one.store(one.folder)
    return "credentials.toml"


def in_run_json(one: Planted) -> str:
    path = one.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"person": one.sealed}), encoding="utf-8")
    return "run.json"


def in_the_scenario(one: Planted) -> str:
    one.scenario(summary=one.sealed)
    return "scenario.yaml"


def beside_the_scenario(one: Planted) -> str:
    one.store(one.source)
    return "mine/credentials.toml"


def as_channel_in_the_directory(one: Planted) -> str:
    one.scenario(directory=[{"name": "Harbour Control", "channel": PLANTED}])
    return "the channel of Harbour Control"


def as_secret_of_a_feed(one: Planted) -> str:
    one.environ["LIVE_SECRET"] = SECRET
    one.scenario(feeds=[{"id": "calls-112", "wire": "incident", "secret": "env:LIVE_SECRET"}])
    return "calls-112 names a secret"


def as_address_of_a_feed(one: Planted) -> str:
    one.scenario(feeds=[{"id": "calls-112", "wire": "incident", "url": f"https://user:{SECRET}@feeds.example/cap"}])
    return "the url of calls-112"


def by_a_linked_world(one: Planted) -> str:
    shutil.move(one.folder / "run.json", one.home / "worlds" / "live" / "run.json")
    one.folder.rmdir()
    one.folder.symlink_to(one.home / "worlds" / "live")
    return "is a live world's"


def by_linked_keys(one: Planted) -> str:
    (one.folder / "keys").symlink_to(one.home / "worlds" / "live" / "keys")
    return "keys leads elsewhere"


def by_a_linked_file(one: Planted) -> str:
    (one.folder / "credentials.toml").symlink_to(one.home / "worlds" / "live" / "credentials.toml")
    return "credentials.toml leads elsewhere"


def by_an_inherited_file(one: Planted) -> str:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not tell which files are open")
    one.descriptors.append(os.open(one.home / "worlds" / "live" / "credentials.toml", os.O_RDONLY))
    return f"file descriptor {one.descriptors[0]} (credentials.toml)"


@pytest.mark.parametrize(
    "plant",
    [
        in_the_environment, in_its_credentials, in_run_json, in_the_scenario, beside_the_scenario,
        as_channel_in_the_directory, as_secret_of_a_feed, as_address_of_a_feed, by_a_linked_world, by_linked_keys,
        by_a_linked_file, by_an_inherited_file,
    ],
)  # fmt: skip
def test_a_planted_live_credential_is_refused_by_its_place_and_not_repeated(
    plant: Callable[[Planted], str], tmp_path: Path, tocsin_home: Path
) -> None:
    vault = Vault(tmp_path / "home" / "worlds" / "live", "live")
    vault.add("sms", PLANTED)
    source = write_scenario(tmp_path / "mine")
    ready = prepare(tmp_path / "home" / "worlds" / "drill" / "mine-1", source, tocsin_home)
    one = Planted(ready.folder, source, tmp_path / "home", vault.seal("sms", PLANTED))
    place = plant(one)
    try:
        run = subprocess.run(
            [sys.executable, "-m", "console.drill.process", str(one.folder)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=ROOT,
            env=os.environ | one.environ,
            pass_fds=one.descriptors,
        )
    finally:
        for descriptor in one.descriptors:
            os.close(descriptor)
    said = run.stderr + run.stdout + "".join(log.read_text("utf-8") for log in tmp_path.rglob("core.log"))
    assert run.returncode == 3, said
    assert error_of(run)["code"] in ("TOC-4007", "TOC-4022"), said
    assert place in error_of(run)["message"]
    assert not any(secret in said for secret in (PLANTED, "PLANTED", SECRET, one.sealed, one.sealed.split(".")[3]))
    assert not (one.folder / "journal").exists(), "the world never began"


def test_a_live_file_copied_to_a_drill_opens_no_more_when_it_says_that_it_is_the_drills(tmp_path: Path) -> None:
    live = Vault(tmp_path / "live", "live")
    live.add("sms", PLANTED)
    drill = Vault(tmp_path / "drill", "drill")
    shutil.copy(live.path, drill.path)
    with pytest.raises(RefusedError) as refused:
        drill.stored("sms")
    assert refused.value.code == "TOC-4007"
    drill.path.write_text(live.path.read_text("utf-8").replace("live", "drill"), encoding="utf-8")
    with pytest.raises(RefusedError) as refused:
        drill.stored("sms")
    assert refused.value.code == "TOC-4020"
    shutil.copytree(tmp_path / "live" / "keys", tmp_path / "drill" / "keys", dirs_exist_ok=True)
    with pytest.raises(RefusedError) as refused:
        drill.stored("sms")
    assert refused.value.code == "TOC-4020", "not even the key makes it another world's"
    assert live.stored("sms") == PLANTED


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
