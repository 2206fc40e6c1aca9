"""Alerts as CAP 1.2 to an MQTT broker: a gateway of the outbox, called on its threads."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from feeds.notify.message import Outgoing, cap_of
from feeds.notify.sink import KEY_HEADER, RECIPIENT_HEADER, WORLD_HEADER, Outcome
from feeds.streams import PORTS
from picture.errors import UsageError

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.properties import Properties

_AT_LEAST_ONCE: Final = 1


class MqttGateway:
    """Publishes each alert once for each recipient, never retained, and waits until the broker has it."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """``url``: ``mqtt(s)://[user:password@]host[:port]/topic``; ``UsageError`` TOC-1003 does not repeat it."""
        try:
            parts = urlsplit(url)
            self._port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            self._port = 0
        topic = unquote(parts.path[1:]) if self._port else ""
        if not self._port or not parts.hostname or not topic or set(topic + url) & set("+#?\0"):
            raise UsageError("an mqtt channel needs a host and a topic without + and #", code="TOC-1003")
        self.host = parts.hostname
        self._topic = topic
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._tls = ssl.create_default_context() if parts.scheme == "mqtts" else None
        self._timeout_s = timeout_s

    def deliver(self, outgoing: Outgoing) -> Outcome:
        body = cap_of(outgoing)
        client = self._client()
        refused: list[str] = []

        def answered(_client: object, _data: object, _number: int, code: Any, _properties: object) -> None:
            if code.is_failure:
                refused.append(str(code))

        client.on_publish = answered
        try:
            client.connect(self.host, self._port)
            client.loop_start()
            sent = client.publish(self._topic, body, _AT_LEAST_ONCE, properties=_labels(outgoing))
            sent.wait_for_publish(self._timeout_s)
            if refused:
                return Outcome("failed", f"the broker refused it: {refused[0]}")
            return Outcome("handed_over") if sent.is_published() else Outcome("failed", "the broker did not take it")
        except (OSError, ValueError, RuntimeError):
            return Outcome("failed", "the broker did not answer")
        finally:
            client.disconnect()
            client.loop_stop()

    def _client(self) -> Client:
        """A client of this one message, under a name that the broker makes: pool threads share none."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.connect_timeout = self._timeout_s
        if self._login[0]:
            client.username_pw_set(*self._login)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client


def _labels(outgoing: Outgoing) -> Properties:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    labels = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    labels.ContentType = "application/cap+xml"
    labels.UserProperty = [
        (KEY_HEADER, outgoing.key), (RECIPIENT_HEADER, outgoing.recipient), (WORLD_HEADER, outgoing.world),
    ]  # fmt: skip
    return labels
