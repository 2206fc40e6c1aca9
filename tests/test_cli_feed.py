"""The feed commands: what a person learns of a feed without starting a core, and what is kept from terminals."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import pytest

from console.cli import main
from console.cli_feed import STATES, told
from feeds.cap import codec as cap
from feeds.incident import codec as incident
from feeds.signing import token
from picture import events as ev
from picture.keeping import Feed
from picture.reports import AlertMessage, IncidentReport
from tests.scaffold import NOON_MS, Room, build

SECRET = "a secret of enough bytes"
ALERT = AlertMessage(
    at_ms=NOON_MS, sent_ms=NOON_MS, external_id="M1", sender="met@example.org", status="Actual", msg_type="Alert",
    event="Surge", headline="Surge at the quay", area="Old Quay",
)  # fmt: skip


def tocsin(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The whole command line within this process: what it wrote, and how it exited."""
    out, err, code = StringIO(), StringIO(), 0
    argv = ["tocsin", *map(str, words)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", argv)
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("TOCSIN_HOME", str(folder))
    return folder


def configured(home: Path, *feeds: dict[str, Any]) -> None:
    """Writes a site's tocsin.toml with these feeds; values are spelt in TOML as in JSON."""
    tables = ["[[feeds]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in one.items()) for one in feeds]
    (home / "tocsin.toml").write_text("\n\n".join(tables), encoding="utf-8")


@contextmanager
def serving(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/feed"
        server.shutdown()
        thread.join()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A world's journal with a feed that is heard, one that fails and one that has said nothing."""
    (tmp_path / "world").mkdir()
    with build(tmp_path / "world") as room:
        for feed in ("calls", "met", "quiet"):
            room.record(ev.FeedRegistered(id=feed, wire="cap" if feed == "met" else "incident"))
        call = IncidentReport(at_ms=NOON_MS, incident_kind="flood", text="Water in the attic", caller="J. Maas")
        room.record(ev.ReportReceived(report=call, size=12, sha256="ab" * 32), source="calls")
        room.record(ev.ReportRefused(code="TOC-2003", detail="alert.sent: required", size=3, sha256="c", head=None),
                    source="met")  # fmt: skip
        room.record(ev.FeedChanged(id="met", state="fetch_failed", why="HTTP 503"), source="met")
        yield room


# --- list ---------------------------------------------------------------------------------------------------------


def test_list_names_what_is_configured_and_how_it_arrives(home: Path) -> None:
    configured(home, {"id": "met", "wire": "cap", "url": "https://met.example/a"}, {"id": "calls", "wire": "incident"},
               {"id": "ships", "wire": "ais", "url": "tcp://ais.example:5631"})  # fmt: skip
    rows = json.loads(tocsin("feed", "list", "--json").stdout)["feeds"]
    assert [(one["id"], one["by"], one["state"]) for one in rows] == [
        ("met", "poll", ""), ("calls", "inbox", ""), ("ships", "tcp", ""),
    ]  # fmt: skip
    assert "no core has run with it" in tocsin("feed", "list").stdout


def test_list_says_of_each_feed_of_a_world_what_its_journal_does(room: Room, tmp_path: Path) -> None:
    said = tocsin("feed", "list", "--world", tmp_path / "world").stdout.splitlines()
    assert [line.split()[0] for line in said] == ["calls", "met", "quiet"]
    assert said[0].endswith("is heard") and said[1].endswith("cannot be fetched: HTTP 503")
    assert said[2].endswith("has said nothing yet")


def test_list_reads_a_sample_incident_and_refuses_what_there_is_not() -> None:
    assert "city-broker" in tocsin("feed", "list", "--world", "storm-surge").stdout
    assert tocsin("feed", "list", "--world", "nowhere").returncode == 2
    assert tocsin("feed", "list").returncode == 2


def test_every_state_of_a_feed_has_its_own_words() -> None:
    states = {*get_args(ev.FeedChanged.model_fields["state"].annotation), Feed("x", "cap").state, ""}
    assert set(STATES) == states and len(set(STATES.values())) == len(states)


# --- test ---------------------------------------------------------------------------------------------------------


def test_a_feed_that_answers_is_read_and_what_came_is_said_without_writing_a_journal(home: Path) -> None:
    with serving(200, cap.encode(ALERT)) as url:
        configured(home, {"id": "met", "wire": "cap", "url": url})
        tried = tocsin("feed", "test", "met")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "1 messages were read, 1 reports; 0 were refused" in tried.stdout
    assert "alert of met@example.org: Surge at the quay" in tried.stdout
    assert not (home / "worlds").exists()


def test_a_feed_that_cannot_be_fetched_or_read_says_why_and_exits_1(home: Path) -> None:
    broken = cap.encode(ALERT).replace(b"<event>Surge</event>", b"")
    for status, body, words in ((503, b"", "HTTP 503"), (200, broken, "info.event: required")):
        with serving(status, body) as url:
            configured(home, {"id": "met", "wire": "cap", "url": url})
            tried = tocsin("feed", "test", "met")
        assert tried.returncode == 1 and words in tried.stdout


def test_a_feed_may_not_speak_for_another_in_a_trial_either(home: Path, tmp_path: Path) -> None:
    configured(home, {"id": "met", "wire": "cap", "may_speak": ["alert:other@example.org"]})
    (tmp_path / "a.xml").write_bytes(cap.encode(ALERT))
    tried = tocsin("feed", "test", "met", "--file", tmp_path / "a.xml")
    assert tried.returncode == 1 and "TOC-2008" in tried.stdout


def test_what_a_caller_said_and_who_they_are_is_not_printed(home: Path, tmp_path: Path) -> None:
    call = IncidentReport(at_ms=NOON_MS, incident_kind="trapped", text="Two in the attic", caller="J. Maas")
    configured(home, {"id": "calls", "wire": "incident"})
    (tmp_path / "call.json").write_bytes(incident.encode(call))
    for form in ((), ("--json",)):
        said = tocsin("feed", "test", "calls", "--file", tmp_path / "call.json", *form).stdout
        assert "trapped" in said and "attic" not in said and "Maas" not in said


def test_what_would_steer_a_terminal_is_shown_and_not_obeyed(home: Path, tmp_path: Path) -> None:
    shown = cap.encode(ALERT.model_copy(update={"headline": "Surge \u202e[red]\u0085"}))
    configured(home, {"id": "met", "wire": "cap"})
    (tmp_path / "a.xml").write_bytes(shown)
    said = tocsin("feed", "test", "met", "--file", tmp_path / "a.xml").stdout
    assert "[red]" in said and "\u202e" not in said and "\u0085" not in said


def test_a_feed_that_is_posted_is_told_apart_from_one_that_fails(home: Path) -> None:
    configured(home, {"id": "calls", "wire": "incident", "secret": "env:TOCSIN_CALLS"})
    tried = tocsin("feed", "test", "calls")
    assert tried.returncode == 1 and "/inbox/calls" in tried.stdout and "env:TOCSIN_CALLS" in tried.stdout
    assert tocsin("feed", "test", "cals").returncode == 2


@contextmanager
def sending(line: bytes) -> Iterator[int]:
    """A loopback TCP server that sends this to whoever connects, and then keeps still."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        links: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    link = listener.accept()[0]
                    links.append(link)
                    if line:
                        link.sendall(line)
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for link in links:
            link.close()
        thread.join()


def test_a_connection_is_tried_once_and_what_came_first_is_said(home: Path) -> None:
    with sending(b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24\r\n") as port:
        configured(home, {"id": "ships", "wire": "ais", "url": f"tcp://127.0.0.1:{port}"})
        tried = tocsin("feed", "test", "ships", "--wait", "20")
    assert tried.returncode == 0 and "vessel of 265547250" in tried.stdout, tried.stdout


def test_a_connection_on_which_nothing_comes_is_told_from_one_that_cannot_be_made(home: Path) -> None:
    with sending(b"") as port:
        configured(home, {"id": "ships", "wire": "ais", "url": f"tcp://127.0.0.1:{port}"})
        still = tocsin("feed", "test", "ships", "--wait", "1")
    gone = tocsin("feed", "test", "ships", "--wait", "1")
    assert (still.returncode, gone.returncode) == (1, 1)
    assert "Connected" in still.stdout and "Nothing came within 1 s" in still.stdout
    assert "Connected" not in gone.stdout


# --- tail ---------------------------------------------------------------------------------------------------------


def test_tail_says_what_was_heard_and_refused_and_how_a_feed_does(room: Room, tmp_path: Path) -> None:
    tried = tocsin("feed", "tail", "--world", tmp_path / "world", "--no-follow")
    words = tried.stdout
    assert "calls" in words and "incident, 12 bytes" in words
    assert "refused TOC-2003: The message is well-formed but breaks" in words and "cannot be fetched: HTTP 503" in words
    assert "attic" not in words and "Maas" not in words
    only = tocsin("feed", "tail", "met", "--world", tmp_path / "world", "--no-follow").stdout.splitlines()
    assert len(only) == 3 and all("met" in line for line in only)
    last = tocsin("feed", "tail", "--world", tmp_path / "world", "--no-follow", "--lines", "1").stdout
    assert last.splitlines() == [line for line in words.splitlines() if "HTTP 503" in line]


def test_tail_goes_on_as_more_is_journalled(room: Room, tmp_path: Path) -> None:
    lines = told(tmp_path / "world", "met", 1, True, pause_s=0.01)
    assert "HTTP 503" in next(lines)
    room.record(ev.FeedChanged(id="calls", state="silent", why="nothing for 60 s"), source="calls")
    room.record(ev.FeedChanged(id="met", state="ok"), source="met")
    (line,) = islice(lines, 1)
    assert line.endswith("is heard")


def test_tail_without_a_journal_is_refused_by_code(home: Path) -> None:
    configured(home, {"id": "met", "wire": "cap"})
    tried = tocsin("feed", "tail")
    assert tried.returncode == 2 and "TOC-1012" in tried.stderr


# --- token --------------------------------------------------------------------------------------------------------


def test_the_token_of_a_feed_follows_from_its_secret_and_only_where_it_is_configured(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_CITY", SECRET)
    configured(home, {"id": "city", "wire": "ngsi", "auth": "token", "secret": "env:TOCSIN_CITY"},
               {"id": "calls", "wire": "incident", "secret": "env:TOCSIN_CITY"})  # fmt: skip
    assert tocsin("feed", "token", "city").stdout.strip() == token(SECRET.encode())
    assert tocsin("feed", "token", "calls").returncode == 2
    refused = tocsin("feed", "subscribe", "calls", "--broker", "http://127.0.0.1:9", "--off")
    assert refused.returncode == 2 and SECRET not in refused.stderr
    gone = tocsin("feed", "subscribe", "city", "--broker", "http://127.0.0.1:9", "--off")
    assert gone.returncode == 3 and "TOC-7001" in gone.stderr
