"""Subscriptions at an MQTT broker; the feed's wire decodes the payloads."""

from __future__ import annotations

import logging
from typing import Any, Final, Never

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from feeds.base import Deliver, Heard, State
from feeds.streams import LinkLost, Opened, Spec, keep
from picture.errors import UsageError

OPEN_S: Final = 10.0
REMEMBERED_S: Final = 300
"""How long an MQTT 5 broker keeps for us what comes while we are away."""
WAITING: Final = 10_000
"""Messages that may wait for the core; with more the connection is given up, in words, rather than any lost."""
LARGEST: Final = 17 * 1024 * 1024
"""An MQTT 5 broker sends nothing larger: more than any feed may take, so that what is too large is seen and refused."""
_AT_LEAST_ONCE: Final = 1
_ONLY_IF_NEW: Final = 1
"""MQTT 5, retain handling: what the broker kept comes with a new subscription, not with each reconnection."""
_SILENT: Final = logging.getLogger("feeds.mqtt.quiet")
_SILENT.setLevel(logging.CRITICAL + 1)
"""For aiomqtt, whose log would name the broker."""


class MqttSource:
    """Hears the topics of one feed under a name of its own, at least once each."""

    def __init__(self, spec: Spec) -> None:
        """Raises ``UsageError`` TOC-1003 where the feed names no topics."""
        if not spec.config.topics:
            raise UsageError(f"feed {spec.feed}: stream.topics names none.", code="TOC-1003")
        self._spec = spec

    async def run(self, deliver: Deliver, state: State) -> Never:
        await keep(self._session, deliver, state, self._spec)

    async def _session(self, deliver: Deliver, opened: Opened) -> None:
        try:
            async with self._client() as client:
                await self._subscribe(client)
                opened("")
                async for message in client.messages:
                    await deliver(Heard(_bytes(message.payload), str(message.topic), bool(message.retain)))
                    if len(client.messages) >= WAITING:
                        raise LinkLost(f"{WAITING} messages wait; the core cannot keep up")
        except aiomqtt.MqttError as error:
            raise LinkLost(words_of(error)) from None

    def _client(self) -> aiomqtt.Client:
        spec, config = self._spec, self._spec.config
        new = config.protocol == "5"
        properties = None
        if new:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = REMEMBERED_S
            properties.MaximumPacketSize = LARGEST
        options: dict[str, Any] = {"clean_start": False, "properties": properties} if new else {"clean_session": True}
        return aiomqtt.Client(
            spec.address.host,
            spec.address.port,
            identifier=spec.client_id,
            username=config.user or None,
            password=spec.password or None,
            protocol=aiomqtt.ProtocolVersion.V5 if new else aiomqtt.ProtocolVersion.V311,
            tls_context=spec.tls,
            keepalive=config.ping_s,
            timeout=OPEN_S,
            logger=_SILENT,
            **options,
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        for topic in self._spec.config.topics:
            if self._spec.config.protocol == "5":
                options = SubscribeOptions(qos=_AT_LEAST_ONCE, retainHandling=_ONLY_IF_NEW)
                granted = await client.subscribe(topic, options=options)
            else:
                granted = await client.subscribe(topic, _AT_LEAST_ONCE)
            if any(refused(code) for code in granted):
                raise LinkLost("the broker refuses a topic")


def refused(code: Any) -> bool:
    """Whether a broker's answer to a subscription, a number or a reason code, says no."""
    return int(getattr(code, "value", code)) >= 0x80


def words_of(error: aiomqtt.MqttError) -> str:
    """Why, without address or name: paho's words for what a broker answered, else the kind of the cause."""
    if isinstance(error, aiomqtt.MqttCodeError):
        return str(error)[:120]
    cause = error.__cause__ or error.__context__
    return "no answer in time" if isinstance(cause, TimeoutError) else type(cause or error).__name__


def _bytes(payload: object) -> bytes:
    if isinstance(payload, bytes | bytearray):
        return bytes(payload)
    return b"" if payload is None else str(payload).encode("utf-8")
