"""A drill reaches no one outside, says that it is an exercise in every text, and never tells an address."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from lxml import etree
from ruamel.yaml import YAML

import feeds.notify
from console.drill.receiver import Receiver
from feeds.base import FeedContext
from feeds.cap import codec as cap
from feeds.notify.channels import ChannelConfig, ChannelsConfig, drill_channels, is_loopback, open_channels
from feeds.notify.message import (
    EXERCISE,
    Outgoing,
    World,
    body_of,
    cap_of,
    cap_reference,
    references_of,
    title_of,
)
from feeds.notify.sink import Outcome
from picture.clock import VirtualClock
from picture.errors import DeliveryError, RefusedError, TocsinError, UsageError
from picture.model import Alert, Delivery
from picture.reports import AlertMessage
from tests.outbox_core import RING, SENDER, START_MS

SECRET = "hunter2planted"
LIVE = f"twilio://AC{'0' * 32}:{SECRET * 2}@15551230000/15551239999"
NS = {"cap": cap.NS}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(VirtualClock(START_MS)) as one:
        yield one


def drill(**channel: Any) -> ChannelsConfig:
    return ChannelsConfig(world="drill", channels={"sms": ChannelConfig.model_validate(channel)})


def an_alert(kind: str = "public", **changes: Any) -> Alert:
    one = Alert(
        "AL-7", kind, "Old Quay floods", "Go upstairs.", "P-1", "", START_MS + 250, rings=(RING,), area="Old Harbour",
        cap_identifier="meridian.AL-7", expires_ms=START_MS + 7_200_000,
        deliveries=(Delivery("Everybody", "cap", "queued", START_MS), Delivery("Zoë", "cap", "queued", START_MS)),
    )  # fmt: skip
    return replace(one, **changes)


def outgoing(alert: Alert, world: World = "drill", **values: Any) -> Outgoing:
    return Outgoing(alert, "Everybody", "cap", "ab" * 16, world, SENDER, **values)


# --- the guard --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        LIVE,
        "ntfy://topic",
        f"mailto://ops:{SECRET}@gmail.com",
        f"json://gateway.example/{SECRET}",
        f"jsons://10.0.0.9/{SECRET}",
        f"json://localhost.gateway.example/{SECRET}",
        f"json://127.0.0.1@gateway.example/{SECRET}",
        f"jsons://127.0.0.1:443@198.51.100.7/{SECRET}",
    ],
)
@pytest.mark.parametrize("place", ["url", "env", "credential"])
def test_a_planted_live_address_stops_the_drill_wherever_it_stands(tmp_path: Path, place: str, address: str) -> None:
    stored = tmp_path / "credentials.toml"
    stored.write_text(f'world = "drill"\n[channels]\nsms = "{address}"\n')
    stored.chmod(0o600)
    config = {
        "url": drill(url=address), "env": drill(env="TOCSIN_DRILL_SMS"), "credential": drill(credential="sms"),
    }[place]  # fmt: skip
    with pytest.raises(TocsinError) as refused:
        open_channels("drill", config, environ={"TOCSIN_DRILL_SMS": address}, credentials=stored)
    assert refused.value.code == "TOC-4007"
    assert SECRET not in str(refused.value) and "channel sms" in str(refused.value)


def test_a_drill_reads_no_environment_variable_but_its_own() -> None:
    with pytest.raises(RefusedError, match=r"TOC-4007.*TWILIO_TOKEN"):
        open_channels("drill", drill(env="TWILIO_TOKEN"), environ={"TWILIO_TOKEN": "json://127.0.0.1:9/"})


def test_a_drill_opens_no_credentials_file_of_the_live_world(tmp_path: Path) -> None:
    stored = tmp_path / "credentials.toml"
    stored.write_text('world = "live"\n[channels]\nsms = "json://127.0.0.1:9/"\n')
    stored.chmod(0o600)
    with pytest.raises(RefusedError, match=r"TOC-4007.*credentials\.toml"):
        open_channels("drill", drill(credential="sms"), environ={}, credentials=stored)


def test_a_drill_takes_no_configuration_of_the_live_world() -> None:
    with pytest.raises(RefusedError, match="TOC-4007"):
        open_channels("drill", ChannelsConfig(world="live"), environ={})


@pytest.mark.parametrize("address", ["https://127.0.0.1:9/cap", "http://cap.example/in", "http://192.0.2.1/in"])
def test_a_cap_channel_of_a_drill_stays_on_this_machine(address: str) -> None:
    with pytest.raises(RefusedError, match="TOC-4007"):
        open_channels("drill", drill(url=address, carries="cap"), environ={})


def test_a_what_if_has_no_channels() -> None:
    channel = ChannelConfig.model_validate({"url": "json://127.0.0.1:9/"})
    with pytest.raises(RefusedError, match="TOC-7103"):
        open_channels("whatif", ChannelsConfig(world="whatif", channels={"sms": channel}), environ={})
    assert open_channels("whatif", ChannelsConfig(world="whatif"), environ={}).by_name == {}


def test_a_live_world_takes_neither_a_drills_channels_nor_its_receiver(receiver: Receiver) -> None:
    with pytest.raises(RefusedError, match="TOC-7103"):
        open_channels("live", drill_channels(["sms"]), environ={}, receiver=receiver.address)
    own = ChannelsConfig(world="live", channels={"sms": ChannelConfig(receiver=True)})
    with pytest.raises(UsageError, match="TOC-1003"):
        open_channels("live", own, environ={}, receiver=receiver.address)


def test_a_live_world_opens_its_own_gateways() -> None:
    config = ChannelsConfig(world="live", channels={"sms": ChannelConfig(env="SMS_GATEWAY")})
    channels = open_channels("live", config, environ={"SMS_GATEWAY": LIVE})
    assert channels.by_name["sms"].pool == 8


def test_a_credentials_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    stored = tmp_path / "credentials.toml"
    stored.write_text('world = "drill"\n[channels]\nsms = "json://127.0.0.1:9/"\n')
    stored.chmod(0o644)
    with pytest.raises(UsageError, match="0600"):
        open_channels("drill", drill(credential="sms"), environ={}, credentials=stored)
    stored.chmod(0o600)
    assert set(open_channels("drill", drill(credential="sms"), environ={}, credentials=stored).by_name) == {"sms"}


@pytest.mark.parametrize(
    "content", [f"world = {SECRET}", f'world = "drill"\n{SECRET} = 1', f'[channels]\na = "{SECRET}"']
)
def test_a_broken_credentials_file_is_refused_without_a_word_of_it(tmp_path: Path, content: str) -> None:
    stored = tmp_path / "credentials.toml"
    stored.write_text(content)
    stored.chmod(0o600)
    with pytest.raises(UsageError) as refused:
        open_channels("drill", drill(credential="sms"), environ={}, credentials=stored)
    assert SECRET not in str(refused.value) and refused.value.__suppress_context__


@pytest.mark.parametrize("address", ["nosuch://x", "", "not an address", f"json://127.0.0.1.a.example/{SECRET}"])
def test_an_address_of_no_known_form_is_refused_without_naming_it(address: str) -> None:
    with pytest.raises(TocsinError) as refused:
        open_channels("drill", drill(url=address), environ={})
    assert refused.value.code in ("TOC-1003", "TOC-4007") and SECRET not in str(refused.value)


@pytest.mark.parametrize("ways", [{}, {"receiver": True, "url": "json://127.0.0.1"}, {"env": "A", "credential": "b"}])
def test_a_channel_leads_exactly_one_way(ways: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one of"):
        ChannelConfig.model_validate(ways)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("LocalHost", True), ("0.0.0.0", False), ("", False),
     ("127.0.0.1.example", False), ("localhost.example", False), ("2130706433", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_only_this_machine_is_this_machine(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_no_address_is_logged_when_a_gateway_fails(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"{receiver.address.replace('http', 'json')}/text/{SECRET}?token={SECRET}"
    receiver.behave(SECRET, "fail")
    channel = open_channels("drill", drill(url=address), environ={}).by_name["sms"]
    assert channel.gateway.deliver(outgoing(an_alert())) == Outcome("failed", "the gateway did not take it")
    assert receiver.tries("ab" * 16) == 1
    assert SECRET not in caplog.text and SECRET not in repr(channel) and SECRET not in repr(drill(url=address))


def test_a_gateway_that_redirects_is_not_followed(receiver: Receiver) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"{receiver.address}/text/sms")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"json://127.0.0.1:{server.server_address[1]}/?redirect=yes"
        gateway = open_channels("drill", drill(url=address), environ={}).by_name["sms"].gateway
        assert gateway.deliver(outgoing(an_alert())).state == "failed"
        server.shutdown()
    assert receiver.received() == []


@pytest.mark.parametrize("carries", ["text", "cap"])
def test_every_message_names_its_world_to_the_gateway(carries: str) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    said: list[str | None] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            said.append(self.headers["X-Tocsin-World"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        scheme = "json" if carries == "text" else "http"
        config = drill(url=f"{scheme}://127.0.0.1:{server.server_address[1]}/", carries=carries)
        channel = open_channels("drill", config, environ={}).by_name["sms"]
        assert channel.gateway.deliver(outgoing(an_alert())).state == "handed_over"
        server.shutdown()
    assert said == ["drill"]


def test_a_proxy_of_the_environment_gets_nothing_of_a_drill(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "intranet.example")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    channels = open_channels("drill", drill_channels(["sms"]), environ={}, receiver=receiver.address)
    for name in ("sms", "cap"):
        assert channels.by_name[name].gateway.deliver(outgoing(an_alert())).state == "delivered"


def test_a_receiver_that_is_not_on_this_machine_is_refused() -> None:
    for address in ("", "http://203.0.113.9:80/x", "https://127.0.0.1:80/x"):
        with pytest.raises(UsageError, match="TOC-1003"):
            open_channels("drill", drill_channels(["sms"]), environ={}, receiver=address)


# --- what is said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["public", "agency", "responder", "internal"])
@pytest.mark.parametrize("body", ["Go upstairs.", ""])
def test_every_text_of_a_drill_says_that_it_is_an_exercise(receiver: Receiver, kind: str, body: str) -> None:
    channels = open_channels("drill", drill_channels(["sms"]), environ={}, receiver=receiver.address)
    one = outgoing(an_alert(kind, body=body))
    for number, name in enumerate(("sms", "cap")):
        key = f"{number:032x}"
        assert channels.by_name[name].gateway.deliver(replace(one, channel=name, key=key)).state == "delivered"
    text, official = receiver.received()
    assert text.title.startswith(EXERCISE) and text.body.startswith(EXERCISE)
    tree = etree.fromstring(official.body.encode())
    assert tree.findtext("cap:status", namespaces=NS) == "Exercise"
    for tag in ("event", "headline", "description"):
        assert (tree.findtext(f".//cap:{tag}", namespaces=NS) or "").startswith(EXERCISE), tag


def test_the_mark_of_an_exercise_stands_once() -> None:
    assert title_of(outgoing(an_alert(headline=f"{EXERCISE}Old Quay floods"))).count("EXERCISE") == 3


def test_a_live_message_bears_no_mark_and_is_actual() -> None:
    one = outgoing(an_alert(), "live")
    assert "EXERCISE" not in title_of(one) + body_of(one)
    assert b"<status>Actual</status>" in cap_of(one) and b"EXERCISE" not in cap_of(one)


def test_markup_in_an_alert_arrives_as_it_was_written(receiver: Receiver) -> None:
    words = "[@click=app.approve('x')]A[/] <b>B</b> *C* &amp; \\n :fire: 50 %"
    channels = open_channels("drill", drill_channels(["sms"]), environ={}, receiver=receiver.address)
    channels.by_name["sms"].gateway.deliver(outgoing(an_alert(headline=words, body=words)))
    assert words in receiver.received()[0].body and words in receiver.received()[0].title


def test_every_message_carries_its_key_for_people_too() -> None:
    assert body_of(outgoing(an_alert())).endswith("Ref ABABABAB")


def test_all_attempts_and_recipients_of_an_alert_get_the_same_cap_message() -> None:
    one = outgoing(an_alert("agency"))
    other = replace(one, recipient="Zoë", key="cd" * 16)
    assert cap_of(one) == cap_of(other) and '"Everybody" "Zoë"'.encode() in cap_of(one)


@pytest.mark.parametrize("kind", ["public", "agency"])
@pytest.mark.parametrize("cap_type", ["Alert", "Update", "Cancel"])
def test_what_goes_out_as_cap_fits_the_schema_and_reads_back(corpus: Path, kind: str, cap_type: Any) -> None:
    references = () if cap_type == "Alert" else (cap_reference(an_alert(), SENDER),)
    data = cap_of(outgoing(an_alert(kind, headline="H" * 160, msg_type=cap_type), references=references))
    schema = etree.XMLSchema(etree.parse(corpus / "cap" / "schema-wmo" / "CAP-v1.2-schema.xsd"))
    assert schema.validate(etree.fromstring(data)), schema.error_log
    (read,) = cap.decode(data, FeedContext())
    assert isinstance(read, AlertMessage)
    assert (read.msg_type, read.status, read.references) == (cap_type, "Exercise", references)
    assert read.rings == (RING,) and len(read.headline) <= 200 and read.external_id == "meridian.AL-7"


def test_an_alert_that_cap_cannot_say_is_dead_at_once() -> None:
    for wrong in ({"severity": "Terrible"}, {"cap_identifier": "two words"}):
        with pytest.raises(DeliveryError, match="TOC-7102"):
            cap_of(outgoing(an_alert(**wrong)))


def test_references_to_our_own_alerts_are_spelled_out() -> None:
    earlier = an_alert(status="cancelled")
    triple = f"{SENDER},meridian.AL-7,{cap.stamp(START_MS)}"
    for word in ("AL-7", "meridian.AL-7", triple):
        later = an_alert(id="AL-8", references=word)
        assert references_of(later, [earlier], SENDER) == (triple,)


def test_the_manifest_says_what_channels_carry() -> None:
    text = (Path(feeds.notify.__file__).parent / "manifest.yaml").read_text(encoding="utf-8")
    manifest = YAML(typ="safe").load(text)
    assert manifest["wire"] == "notify" and manifest["directions"] == ["out"]
    assert tuple(manifest["carries"]) == get_args(ChannelConfig.model_fields["carries"].annotation)
