"""The drill's own receiver: what a responder's phone or a partner's CAP inbox would have got, kept for all to see.

A small HTTP server on loopback, on a port and under a path that nobody can guess. Text comes in as apprise's JSON,
CAP as ``application/cap+xml``. A message whose key is known is confirmed again and not kept twice.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

from feeds.notify.sink import KEY_HEADER, RECIPIENT_HEADER
from picture.clock import Clock
from picture.errors import DeliveryError

Answer = Literal["accept", "fail", "silent"]
Behaviour = Callable[[str, int], Answer]
"""(key, how often it has come) -> what the receiver does; ``silent`` takes the message and never answers."""
MAX_BODY_BYTES: Final = 256 * 1024
_KEY = re.compile(r"[0-9a-f]{32}")
_IDLE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived. ``at_ms`` is the drill's time."""

    recipient: str
    channel: str
    title: str
    body: str
    key: str
    at_ms: int
    media: Literal["text", "cap"]


class Receiver:
    """Takes alerts until it is closed; use it as a context manager.

    Keeps the last ``limit`` messages. With ``out``, each is also a line of ``received.jsonl`` there, and each CAP
    message a file ``cap/<key>.xml``.
    """

    def __init__(self, clock: Clock, *, out: Path | None = None, limit: int = 10_000) -> None:
        self._clock = clock
        self._out = out
        self._messages: deque[Received] = deque(maxlen=limit)
        self._keys: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._behaviours: dict[str, Behaviour] = {}
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._secret = secrets.token_hex(8)
        try:
            if out is not None:
                (out / "cap").mkdir(parents=True, exist_ok=True)
            self._server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        except OSError as error:
            raise DeliveryError(error.strerror or "", code="TOC-7104") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT/SECRET``, for ``open_channels(receiver=…)``; differs in every run."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._secret}"

    def received(self) -> list[Received]:
        """What arrived, oldest first, each key once."""
        with self._lock:
            return list(self._messages)

    def tries(self, key: str) -> int:
        """How often a message with this key arrived, repeats and refused ones included."""
        with self._lock:
            return self._tries[key]

    def behave(self, channel: str, how: Behaviour | Answer) -> None:
        """From now on this channel answers so: for lessons and tests about gateways that fail."""
        with self._lock:
            self._behaviours[channel] = how if callable(how) else lambda key, times: how

    def close(self) -> None:
        """Stops listening; silent calls are let go."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- called on the server's threads -----------------------------------------------------------------------------

    def _answer(self, channel: str, key: str) -> Answer:
        with self._lock:
            self._tries[key] += 1
            how = self._behaviours.get(channel)
            return how(key, self._tries[key]) if how is not None else "accept"

    def _keep(self, message: Received) -> None:
        with self._lock:
            if message.key in self._keys:
                return
            self._keys.add(message.key)
            self._messages.append(message)
            if self._out is None:
                return
            with (self._out / "received.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")
            if message.media == "cap":
                (self._out / "cap" / f"{message.key}.xml").write_text(message.body, encoding="utf-8")

    def _has(self, key: str) -> bool:
        with self._lock:
            return key in self._keys


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    """One request, under the receiver's secret: ``/S/text/CHANNEL``, ``/S/cap/CHANNEL``, ``/S/receipts/KEY``."""

    timeout = _IDLE_S
    server_version = "tocsin-drill"
    sys_version = ""

    def __init__(self, receiver: Receiver, *args: Any) -> None:
        self._receiver = receiver
        super().__init__(*args)

    def do_GET(self) -> None:
        parts = self._path()
        if parts is None or parts[0] != "receipts" or not self._receiver._has(parts[1]):
            self._say(404, {"received": False})
        else:
            self._say(200, {"received": True, "key": parts[1]})

    def do_POST(self) -> None:
        parts = self._path()
        body = self._body()
        key = self.headers.get(KEY_HEADER, "")
        if parts is None or parts[0] not in ("text", "cap") or body is None or not _KEY.fullmatch(key):
            self._say(400, {"received": False})
            return
        media, channel = parts
        answer = self._receiver._answer(channel, key)
        if answer == "silent":
            self._receiver._released.wait()
            self.close_connection = True
            return
        message = None if answer == "fail" else self._message(media, channel, key, body)
        if message is None:
            self._say(503 if answer == "fail" else 400, {"received": False})
            return
        self._receiver._keep(message)
        self._say(200, {"received": True, "key": key})

    def _path(self) -> tuple[str, str] | None:
        parts = [unquote(part) for part in self.path.partition("?")[0].split("/")]
        ours = len(parts) == 4 and secrets.compare_digest(parts[1].encode(), self._receiver._secret.encode())
        return (parts[2], parts[3]) if ours else None

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _message(self, media: str, channel: str, key: str, body: bytes) -> Received | None:
        recipient = unquote(self.headers.get(RECIPIENT_HEADER, ""))
        at_ms = self._receiver._clock.now_ms()
        try:
            text = body.decode("utf-8")
            if media == "cap":
                if self.headers.get_content_type() != "application/cap+xml":
                    return None
                return Received(recipient, channel, "", text, key, at_ms, "cap")
            said = json.loads(text)
            return Received(recipient, channel, str(said["title"]), str(said["message"]), key, at_ms, "text")
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def _say(self, status: int, content: dict[str, object]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: standard error belongs to the console."""
