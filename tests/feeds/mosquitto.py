"""A real MQTT broker for one test: Eclipse Mosquitto on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest

FOUND = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
needed = pytest.mark.skipif(FOUND is None, reason="no MQTT broker: install Eclipse Mosquitto (the program mosquitto)")
PATIENCE_S = 20.0


class Mosquitto:
    """The broker; it keeps its port and its sessions through ``restart``."""

    def __init__(self, folder: Path, *, user: str = "", password: str = "", certificates: Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/"]
        if user:
            file = folder / "passwords"
            file.write_text(f"{user}:{password}\n", encoding="utf-8")
            file.chmod(0o700)
            subprocess.run(["mosquitto_passwd", "-U", str(file)], check=True)
            lines.append(f"password_file {file}")
        lines.append(f"allow_anonymous {'false' if user else 'true'}")
        if certificates is not None:
            lines += [f"certfile {certificates / 'cert.pem'}", f"keyfile {certificates / 'key.pem'}"]
        if os.geteuid() == 0:
            lines.append("user root")
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert FOUND is not None
        self._process = subprocess.Popen(
            [FOUND, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("the broker did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)
            self._process = None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """The broker holds its connections and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
