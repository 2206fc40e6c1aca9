"""The console on a real terminal: ``tocsin drill`` starts a core, and killing the console leaves it running."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.link import socket_of
from console.starting import wait_for_core
from tests.e2e.hands import ROOT, CoreProcess, hand, tocsin, write_scenario
from tests.e2e.test_credentials import pid_behind


@contextmanager
def on_a_terminal(*words: str, home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command on a terminal of 200×60 of its own; its output is read through the second value."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    environ = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "TOCSIN_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-m", "console.cli", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environ,
        start_new_session=True,
        cwd=ROOT,
    ) as process:
        os.close(slave)
        try:
            yield process, master
        finally:
            process.kill()
            os.close(master)


def read_until(master: int, words: bytes, seconds: float = 30.0) -> bytes:
    seen, until = b"", time.monotonic() + seconds
    while words not in seen and time.monotonic() < until:
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536)
    assert words in seen, seen[-2000:].decode("utf-8", "replace")
    return seen


async def test_the_console_opens_on_a_terminal_and_killing_it_leaves_the_drill_running(
    tmp_path: Path, tocsin_home: Path
) -> None:
    source = write_scenario(tmp_path / "mine")
    folder = tmp_path / "drill"
    with on_a_terminal("drill", str(source), "--out", str(folder), "--person", "Ines Prado", home=tocsin_home) as (
        console, master,
    ):  # fmt: skip
        read_until(master, b"DRILL")
        wait_for_core(folder)
        core = CoreProcess(folder)
        pid = pid_behind(socket_of(folder))
        try:
            console.send_signal(signal.SIGKILL)
            console.wait()
            async with hand(core, "Omar Haddad", "supervisor") as one:
                assert one.picture.home.world == "drill" and one.link.state == "live"
                assert one.picture.home.shift.person == "Ines Prado"
            assert str(folder) not in tocsin("list").stdout, "a folder of one's own is not looked for under the home"
            with on_a_terminal("attach", str(folder), "--person", "Ines Prado", home=tocsin_home) as (_, again):
                read_until(again, b"DRILL")
        finally:
            os.kill(pid, signal.SIGKILL)
