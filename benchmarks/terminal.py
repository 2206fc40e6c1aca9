"""A program on a pty of its own, and what stands on its screen: every read is stamped before it is looked at."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_TOKEN = re.compile(
    rb"\x1b\[([0-9;:?<>=]*)([ -/]*)([@-~])"  # CSI: parameters, intermediates, final
    rb"|\x1b[\]P_^X].*?(?:\x07|\x1b\\)"  # OSC and the like
    rb"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    rb"|[^\x1b\x00-\x1f]+"
    rb"|[\x00-\x1a\x1c-\x1f]",
    re.DOTALL,
)
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class Grid:
    """The characters and styles a terminal would show. It knows what Textual writes, not all that a terminal can.

    Every character is taken as one cell wide, which holds for all that this console draws.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.chars = [[" "] * columns for _ in range(rows)]
        self.styles = [[b""] * columns for _ in range(rows)]
        self.in_frame = False
        """Between the marks of a synchronised update: what stands here now is half a frame."""
        self._x = self._y = 0
        self._style = b""
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Draws what was written; returns the mode questions (``CSI ? n $ p``) in it, for a terminal to answer."""
        data, self._rest = self._rest + data, b""
        data = self._cut(data)
        asked = []
        for token in _TOKEN.finditer(data):
            text = token.group()
            if text[0] == 0x1B:
                if token.group(3) is not None:
                    self._control(token.group(1), token.group(3))
                    if token.group(2) == b"$" and token.group(3) == b"p":
                        asked.append(token.group(1))
            elif text[0] < 0x20:
                self._move(text)
            else:
                self._write(text.decode("utf-8", "replace"))
        return asked

    def _cut(self, data: bytes) -> bytes:
        """Keeps back what may be the beginning of a sequence or of a character."""
        escape = data.rfind(b"\x1b", max(0, len(data) - 64))
        if escape >= 0 and not _TOKEN.match(data, escape):
            self._rest = data[escape:]
            return data[:escape]
        for back in range(1, min(4, len(data)) + 1):
            byte = data[-back]
            if byte >= 0xC0:
                if (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) > back:
                    self._rest = data[-back:]
                    return data[:-back]
                break
            if byte < 0x80:
                break
        return data

    def _control(self, given: bytes, final: bytes) -> None:
        if final == b"m":
            self._style = given
        elif final in b"Hf":
            parts = [*given.split(b";"), b"", b""][:2]
            self._y, self._x = (max(int(part or 1), 1) - 1 for part in parts)
        elif final == b"J" and given in (b"2", b"3"):
            self.chars = [[" "] * self.columns for _ in range(self.rows)]
        elif final in b"hl" and given == b"?2026":
            self.in_frame = final == b"h"

    def _move(self, text: bytes) -> None:
        if text == b"\n":
            self._y += 1
            self._x = 0  # the pty turns a line feed into both
        elif text == b"\r":
            self._x = 0

    def _write(self, text: str) -> None:
        if self._y >= self.rows:
            return
        end = min(self._x + len(text), self.columns)
        room = end - self._x
        if room > 0:
            self.chars[self._y][self._x : end] = text[:room]
            self.styles[self._y][self._x : end] = [self._style] * room
        self._x += len(text)

    def lines(self) -> list[str]:
        """The rows as text."""
        return ["".join(row) for row in self.chars]

    def text(self) -> str:
        """All of it, one line a row."""
        return "\n".join(self.lines())


class Terminal:
    """A child on a pty. ``pump`` reads; ``read_s`` is the moment of the last read, ``bytes`` and ``frames`` count."""

    def __init__(self, command: Sequence[str], *, columns: int, rows: int, env: Mapping[str, str], cwd: Path) -> None:
        self.grid = Grid(columns, rows)
        self.bytes = self.frames = 0
        self.read_s = 0.0
        self.started_s = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(cwd)
            os.execvpe(command[0], list(command), dict(env))
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys: bytes) -> float:
        """Types; the moment just before."""
        now = time.monotonic()
        os.write(self._fd, keys)
        return now

    def pump(self, timeout_s: float) -> bool:
        """Waits for output and draws it; False where none came."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError as error:
            raise EOFError("the program has ended") from error
        self.read_s = time.monotonic()
        self.bytes += len(data)
        self.frames += data.count(b"\x1b[?2026l")
        for mode in self.grid.feed(data):
            if mode == b"?2026":
                os.write(self._fd, b"\x1b[?2026;2$y")  # as tmux and most terminals of today answer
        return True

    def until(self, shown: Callable[[Grid], bool], timeout_s: float) -> float | None:
        """The moment at which the whole frame that shows it had been read; None where it did not come."""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            if self.pump(left) and not self.grid.in_frame and shown(self.grid):
                return self.read_s
        return None

    def idle(self, seconds: float) -> None:
        """Reads for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(left)

    def close(self) -> None:
        """Ends the child."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


def rss_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process: all of it, and what is its own (files it maps, as the city's pack, left out)."""
    _, whole, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    return int(whole) * PAGE / 1e6, (int(whole) - int(shared)) * PAGE / 1e6


def cpu_s(pid: int) -> float:
    """Processor seconds a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def scheduled_ms(pid: int) -> tuple[float, float]:
    """Milliseconds that a process's main thread has run, and that it was ready and had no processor."""
    ran, waited = Path(f"/proc/{pid}/schedstat").read_text().split()[:2]
    return int(ran) / 1e6, int(waited) / 1e6
