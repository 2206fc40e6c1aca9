"""Feeds over MQTT, against a real broker."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from feeds.base import FeedContext
from feeds.cap import codec as cap
from feeds.config import FeedConfig
from feeds.intake import Accepted, Intake
from feeds.mqtt.sink import MqttGateway
from feeds.mqtt.source import MqttSource
from feeds.notify.channels import ChannelConfig, ChannelsConfig, open_channels
from feeds.notify.message import Outgoing
from feeds.notify.sink import KEY_HEADER, WORLD_HEADER
from feeds.registry import installed
from feeds.sensorthings import codec as sensorthings
from feeds.streams import Spec
from picture.errors import RefusedError, UsageError
from picture.model import Alert, Delivery
from picture.reports import AlertMessage, Observation
from tests.feeds.mosquitto import Mosquitto, needed
from tests.feeds.test_streams import running, spec
from tests.nats_certificates import certificates

pytestmark = needed
TOPIC = "v1.1/Datastreams(7)/Observations"
T = 1_800_000_000_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running_broker:
        yield running_broker


def to(broker: Mosquitto, *topics: str, **stream: object) -> Spec:
    made = spec(f"mqtt://127.0.0.1:{broker.port}", topics=topics or (TOPIC,), **stream)
    return replace(made, client_id="tocsin.test.x")


async def publish(broker: Mosquitto, payload: bytes, *, topic: str = TOPIC, retain: bool = False) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(topic, payload, qos=1, retain=retain)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_what_was_kept_is_marked_and_what_is_said_now_is_not(broker: Mosquitto, protocol: str) -> None:
    await publish(broker, b"before", retain=True)
    async with running(MqttSource(to(broker, protocol=protocol))) as ears:
        await ears.until(lambda: len(ears.heard) == 1)
        await publish(broker, b"now")
        await ears.until(lambda: len(ears.heard) == 2)
    assert [(one.data, one.topic, one.retained) for one in ears.heard] == [
        (b"before", TOPIC, True), (b"now", TOPIC, False),
    ]  # fmt: skip
    assert ears.states == [("connected", "")]


async def test_observations_are_known_by_the_data_stream_in_their_topic(broker: Mosquitto) -> None:
    feed = FeedConfig(id="g", wire="sensorthings", names={"Datastream(7)": "TG-1/water_level/m"})
    expanded = Observation(at_ms=T, sensor="TG-2", quantity="water_level", value=2.5, unit="m")
    async with running(MqttSource(to(broker, "v1.1/+/Observations"))) as ears:
        await ears.until(lambda: bool(ears.states))
        await publish(broker, b'{"result":1.25,"phenomenonTime":"2027-01-15T08:00:00Z"}')
        await publish(broker, sensorthings.encode(expanded), topic="v1.1/Datastreams(8)/Observations")
        await ears.until(lambda: len(ears.heard) == 2)
    messages = [one for heard in ears.heard for one in Intake(feed, installed()).hear(heard, T).messages]
    found = [one for message in messages if isinstance(message, Accepted) for one in message.reports]
    assert [(getattr(one, "sensor", ""), getattr(one, "value", 0)) for one in found] == [("TG-1", 1.25), ("TG-2", 2.5)]


async def test_what_is_said_while_the_connection_is_away_comes_when_it_is_back(broker: Mosquitto) -> None:
    async with running(MqttSource(to(broker))) as ears:
        await ears.until(lambda: bool(ears.states))
    await publish(broker, b"meanwhile")
    async with running(MqttSource(to(broker))) as ears:
        await ears.until(lambda: bool(ears.heard))
    assert [one.data for one in ears.heard] == [b"meanwhile"]


async def test_a_broker_that_restarts_is_connecting_and_then_heard_again(broker: Mosquitto) -> None:
    async with running(MqttSource(to(broker))) as ears:
        await ears.until(lambda: ("connected", "") in ears.states)
        await asyncio.to_thread(broker.stop)
        await ears.until(lambda: ears.states[-1][0] == "connecting")
        await asyncio.to_thread(broker.start)
        await ears.until(lambda: ears.states[-1][0] == "connected")
        await publish(broker, b"again")
        await ears.until(lambda: bool(ears.heard))
    assert ears.heard[0].data == b"again"


async def test_a_broker_that_stalls_with_its_connection_open_is_noticed(broker: Mosquitto) -> None:
    async with running(MqttSource(to(broker, ping_s=1))) as ears:
        await ears.until(lambda: ("connected", "") in ears.states)
        with broker.stalled():
            await ears.until(lambda: ears.states[-1][0] == "connecting")
        await ears.until(lambda: ears.states[-1][0] == "connected")


async def test_a_login_that_is_refused_is_said_without_the_password(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", user="tocsin", password="right") as broker:
        wrong = replace(to(broker, user="tocsin"), password="hunter2")
        async with running(MqttSource(wrong)) as ears:
            await ears.until(lambda: bool(ears.states))
        assert ears.states[0][0] == "connecting" and "hunter2" not in ears.states[0][1]
        assert "authori" in ears.states[0][1].lower(), ears.states
        async with running(MqttSource(replace(wrong, password="right"))) as ears:
            await ears.until(lambda: bool(ears.states))
        assert ears.states == [("connected", "")]


@pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")  # paho's, when refused
async def test_over_tls_only_the_authority_that_the_feed_names_is_believed(tmp_path: Path) -> None:
    files = certificates(tmp_path / "tls")
    with Mosquitto(tmp_path / "broker", certificates=files) as broker:
        trusting = replace(to(broker), tls=ssl.create_default_context(cafile=str(files / "ca.pem")))
        async with running(MqttSource(trusting)) as ears:
            await ears.until(lambda: bool(ears.states))
        assert ears.states == [("connected", "")]
        async with running(MqttSource(replace(trusting, tls=ssl.create_default_context()))) as ears:
            await ears.until(lambda: bool(ears.states))
        assert ears.states[0] == ("connecting", "SSLCertVerificationError")


# --- out ------------------------------------------------------------------------------------------------------

ALERT = Alert(
    "AL-7", "public", "Old Quay floods", "Go upstairs.", "P-1", "", T, area="Old Harbour", cap_identifier="m.AL-7",
    expires_ms=T + 7_200_000, deliveries=(Delivery("Everybody", "cap", "queued", T),),
)  # fmt: skip
OUTGOING = Outgoing(ALERT, "Everybody", "cap", "ab" * 16, "drill", "tocsin@port.example", ())


async def test_an_alert_is_published_as_cap_with_its_key_and_world_and_counts_when_the_broker_has_it(
    broker: Mosquitto,
) -> None:
    address = f"mqtt://127.0.0.1:{broker.port}/alerts/out"
    config = ChannelsConfig(world="drill", channels={"cap": ChannelConfig(url=address, carries="cap")})  # type: ignore[arg-type]
    channel = open_channels("drill", config, environ={}).by_name["cap"]
    options = {"protocol": aiomqtt.ProtocolVersion.V5}
    async with aiomqtt.Client("127.0.0.1", broker.port, **options) as listener:  # type: ignore[arg-type]
        await listener.subscribe("alerts/#", 1)
        outcome = await asyncio.to_thread(channel.gateway.deliver, OUTGOING)
        message = await asyncio.wait_for(anext(aiter(listener.messages)), 20)
    assert outcome.state == "handed_over" and not message.retain
    assert isinstance(message.payload, bytes)
    (read,) = cap.decode(message.payload, FeedContext())
    assert isinstance(read, AlertMessage) and read.status == "Exercise"
    labels = dict(message.properties.UserProperty)  # type: ignore[union-attr]
    assert (labels[KEY_HEADER], labels[WORLD_HEADER]) == ("ab" * 16, "drill")


def test_a_broker_that_is_gone_or_refuses_us_is_a_failure_that_is_tried_again(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", user="tocsin", password="right") as broker:
        wrong = MqttGateway(f"mqtt://tocsin:hunter2@127.0.0.1:{broker.port}/a", timeout_s=0.5)
        right = MqttGateway(f"mqtt://tocsin:right@127.0.0.1:{broker.port}/a", timeout_s=10)
        assert wrong.deliver(OUTGOING).state == "failed"
        assert right.deliver(OUTGOING).state == "handed_over"
    gone = right.deliver(OUTGOING)
    assert gone.state == "failed" and "hunter2" not in gone.detail


@pytest.mark.parametrize("address", ["mqtt://h", "mqtt://h/a/#", "mqtt://h/a/+", "mqtt:///a", "mqtt://h:x/a"])
def test_an_address_without_host_or_topic_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        MqttGateway(address, timeout_s=1)
    assert address not in str(refused.value)


@pytest.mark.parametrize("address", ["mqtt://broker.example/a", "mqtts://127.0.0.1/a"])
def test_a_drills_alerts_leave_this_machine_by_no_broker(address: str) -> None:
    config = ChannelsConfig(world="drill", channels={"cap": ChannelConfig(url=address, carries="cap")})  # type: ignore[arg-type]
    with pytest.raises(RefusedError) as refused:
        open_channels("drill", config, environ={})
    assert refused.value.code == "TOC-4007" and address not in str(refused.value)


def test_a_feed_without_topics_is_refused() -> None:
    with pytest.raises(UsageError, match="topics"):
        MqttSource(spec("mqtt://127.0.0.1:1"))
