"""The gateways: a blocking hand-over each, called on the outbox's own threads, never on an operator's path.

apprise's own pool is shared by the whole process and its plug-ins pause between requests (5.5 s by default), so each
plug-in is called directly and its pause set to 0; pace and repeats are the outbox's. What an address says is secret:
the loggers of apprise and urllib3 print it, and are silenced.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote, urlsplit

from feeds.notify.message import Outgoing, body_of, cap_of, title_of
from picture.errors import UsageError

if TYPE_CHECKING:
    from apprise import AppriseAsset
    from apprise.plugins.base import NotifyBase

KEY_HEADER = "X-Tocsin-Key"
RECIPIENT_HEADER = "X-Tocsin-Recipient"
"""Percent-encoded, since names are not ASCII."""
WORLD_HEADER = "X-Tocsin-World"
_ANSWER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt. ``detail`` holds no address, port or duration, so that a drill replays exactly."""

    state: Literal["handed_over", "delivered", "failed", "dead"]
    detail: str = ""


class Gateway(Protocol):
    """Hands one message to the outside and waits for the answer, for as long as its own time-out."""

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """What became of it; ``dead`` where trying again cannot help. Raises ``DeliveryError`` likewise."""
        ...


@cache
def _asset() -> AppriseAsset:
    """apprise's settings, its plug-ins loaded, its loggers and those below it silent: they name addresses."""
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # apprise imports imghdr by way of its PGP support
        import apprise

        asset = apprise.AppriseAsset(
            storage_mode="memory",
            async_mode=False,
            secure_logging=True,
            interpret_escapes=False,
            interpret_emojis=False,
            default_service_retry=0,
        )
        apprise.Apprise.instantiate("json://127.0.0.1", asset=asset)  # loads the plug-ins now, not at an alert
    return asset


def never_by_proxy() -> None:
    """Keeps calls to this machine off the environment's proxy, which ``requests`` would use even for them."""
    for variable in ("NO_PROXY", "no_proxy"):
        listed = [part for part in os.environ.get(variable, "").split(",") if part]
        os.environ[variable] = ",".join(dict.fromkeys([*listed, "127.0.0.1", "::1", "localhost"]))


class AppriseGateway:
    """Plain text through one apprise plug-in.

    ``confirm`` is where the gateway can be asked for the receipt of a key (the drill's own receiver only); without
    it a message is handed over and no more is known.
    """

    def __init__(self, url: str, *, timeout_s: float, confirm: str = "") -> None:
        asset = _asset()
        import apprise

        plugin = apprise.Apprise.instantiate(url, asset=asset)
        settings = type(plugin).parse_url(url) if plugin is not None else None
        if plugin is None or settings is None:
            raise UsageError("the address is of no form that apprise knows", code="TOC-1003")
        self.schema: str = settings["schema"]
        self.host: str = getattr(plugin, "host", None) or ""
        self._kind: type[NotifyBase] = type(plugin)
        self._settings: dict[str, Any] = settings
        self._timeout_s = timeout_s
        self._confirm = confirm

    def deliver(self, outgoing: Outgoing) -> Outcome:
        import apprise

        accepted = self._plugin(outgoing).notify(
            title=title_of(outgoing),
            body=body_of(outgoing),
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=apprise.NotifyType.WARNING,
        )
        if not accepted:
            return Outcome("failed", "the gateway did not take it")
        if self._confirm:
            status, answer = _exchange("GET", f"{self._confirm}/{outgoing.key}", self._timeout_s)
            if status == 200 and _confirms(answer, outgoing.key):
                return Outcome("delivered", "receipt of the gateway")
        return Outcome("handed_over")

    def _plugin(self, outgoing: Outgoing) -> NotifyBase:
        """A plug-in of this one message: they hold state, and pool threads must not share it."""
        settings = dict(self._settings)
        if "headers" in settings:
            settings["headers"] = {**settings["headers"], **_headers(outgoing)}
        plugin = self._kind(**settings, asset=_asset())
        plugin.request_rate_per_sec = 0
        plugin.redirects = False  # an alert goes where the configuration says, and nowhere else
        plugin.socket_connect_timeout = self._timeout_s
        plugin.socket_read_timeout = self._timeout_s
        return plugin


class CapGateway:
    """CAP 1.2 XML by HTTP POST; proxies and redirects are never followed."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise UsageError("a cap channel needs an http or https address without a password", code="TOC-1003")
        self.host = parts.hostname
        self._url = url
        self._timeout_s = timeout_s

    def deliver(self, outgoing: Outgoing) -> Outcome:
        status, answer = _exchange(
            "POST",
            self._url,
            self._timeout_s,
            cap_of(outgoing),
            {"Content-Type": "application/cap+xml; charset=utf-8", **_headers(outgoing)},
        )
        if status == 0:
            return Outcome("failed", "the gateway did not answer")
        if not 200 <= status < 300:
            return Outcome("failed", f"the gateway answered {status}")
        if _confirms(answer, outgoing.key):
            return Outcome("delivered", "receipt of the gateway")
        return Outcome("handed_over")


def _headers(outgoing: Outgoing) -> dict[str, str]:
    return {KEY_HEADER: outgoing.key, RECIPIENT_HEADER: quote(outgoing.recipient), WORLD_HEADER: outgoing.world}


def _exchange(
    method: str, url: str, timeout_s: float, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """(status, first bytes of the answer); status 0 where nobody answered in time."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _confirms(answer: bytes, key: str) -> bool:
    """Whether a gateway's answer is a receipt of this very message."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("received") is True and said.get("key") == key
