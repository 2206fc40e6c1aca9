"""NGSI-LD both ways, against a small context broker over real HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
import uvicorn

from feeds.base import FeedContext
from feeds.config import load
from feeds.inbox import InboxFeed, inbox_app
from feeds.intake import Intake, Reading
from feeds.ngsi import codec, publish
from feeds.ngsi.broker import Broker, subscription
from feeds.ngsi.sink import NgsiSink
from feeds.refusals import Refusal
from feeds.registry import installed
from feeds.signing import TokenVerifier, token, verifier
from picture.clock import VirtualClock
from picture.errors import DeliveryError, InputError
from picture.model import Closure, Facility, Hazard, Incident, Place, Vessel
from picture.reports import FacilityReport, IncidentReport, Observation, Report, RoadReport, VesselReport

T = 1_800_000_000_000
SECRET = b"sixteen bytes at least"
SOURCE = "live.port-meridian"
CONTEXT = FeedContext("city", T)


class ContextBroker:
    """Entities and subscriptions by the HTTP binding of ETSI GS CIM 009; notifies when an entity was upserted."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.answers: list[int] = []
        self.notified: list[int] = []
        self.broken = False

    def handle(self, method: str, path: str, document: Any) -> int:
        if self.broken:
            return 503
        where = path.partition("?")[0].removeprefix("/ngsi-ld/v1/")
        if (method, where) == ("POST", "entityOperations/upsert"):
            new = [one["id"] for one in document if one["id"] not in self.entities]
            self.entities |= {one["id"]: one for one in document}
            for one in document:
                self._notify(one)
            return 201 if new else 204
        if (method, where) == ("POST", "subscriptions"):
            known = document["id"] in self.subscriptions
            self.subscriptions.setdefault(document["id"], document)
            return 409 if known else 201
        found = unquote(where.removeprefix("subscriptions/"))
        if found not in self.subscriptions:
            return 404
        if method == "PATCH":
            self.subscriptions[found] |= document
        else:
            del self.subscriptions[found]
        return 204

    def _notify(self, entity: dict[str, Any]) -> None:
        for one in self.subscriptions.values():
            if {"type": entity["type"]} not in one["entities"]:
                continue
            to = one["notification"]["endpoint"]
            body = {"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "subscriptionId": one["id"],
                    "notifiedAt": "2027-01-15T08:00:00Z", "data": [entity]}  # fmt: skip
            headers = {each["key"]: each["value"] for each in to["receiverInfo"]} | {"Content-Type": to["accept"]}
            request = urllib.request.Request(to["uri"], json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.notified.append(answer.status)

    @contextmanager
    def serving(self) -> Iterator[str]:
        broker = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                status = broker.handle(self.command, self.path, json.loads(body) if body else None)
                broker.answers.append(status)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join()


@pytest.fixture
def broker() -> ContextBroker:
    return ContextBroker()


@pytest.fixture
def url(broker: ContextBroker) -> Iterator[str]:
    with broker.serving() as url:
        yield url


@dataclass
class Core:
    """What takes in what the inbox read."""

    heard: list[Report] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def wait_s(self, feed: str) -> int:
        return 0

    async def put(self, feed: str, reading: Reading) -> int:
        self.heard.extend(reading.reports)
        return 0

    async def refuse(self, one: Refusal) -> None:
        self.refused.append(one)


@asynccontextmanager
async def inbox(core: Core) -> AsyncIterator[str]:
    """The inbox with one feed by token, served on loopback."""
    intake = Intake(load({"id": "city", "wire": "ngsi", "auth": "token", "names": {"own": SOURCE}}), installed())
    app = inbox_app(
        {"city": InboxFeed(intake, verifier(intake.config.auth, SECRET))}, lanes=core, refuse=core.refuse,
        real_clock=VirtualClock(T), world_clock=VirtualClock(T),
    )  # fmt: skip
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/inbox/city"
        server.should_exit = True
        await serving


ALERT = IncidentReport(at_ms=T, external_id="urn:ngsi-ld:Alert:x1", incident_kind="flood", text="Quay under water",
                       reporter="agency")  # fmt: skip


async def test_what_a_broker_is_subscribed_to_arrives_at_the_inbox_and_nothing_else(
    broker: ContextBroker, url: str
) -> None:
    core = Core()
    async with httpx.AsyncClient(trust_env=False) as client, inbox(core) as endpoint:
        far = Broker(client, url)
        assert await far.subscribe(subscription("city", ["Alert"], endpoint, token(SECRET))) == "made"
        await NgsiSink(far).hand_over(codec.encode(ALERT), key="1")
        shelter = FacilityReport(at_ms=T, facility="S1", attribute="occupancy", value=3)
        await NgsiSink(far).hand_over(codec.encode(shelter), key="2")
    assert [(one.report, one.external_id) for one in core.heard] == [("incident", "urn:ngsi-ld:Alert:x1")]
    assert broker.notified == [202] and core.refused == []


async def test_subscribing_again_changes_the_subscription_and_makes_no_second_one(
    broker: ContextBroker, url: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        far = Broker(client, url)
        assert await far.subscribe(subscription("city", ["Alert"], "http://a/", "t")) == "made"
        assert await far.subscribe(subscription("city", ["Vessel"], "http://b/", "t")) == "changed"
        (one,) = broker.subscriptions.values()
        assert one["entities"] == [{"type": "Vessel"}] and one["notification"]["endpoint"]["uri"] == "http://b/"
        assert await far.unsubscribe(one["id"]) and not await far.unsubscribe(one["id"])
    assert broker.subscriptions == {}


async def test_a_notification_without_the_feeds_token_is_refused_and_says_nothing() -> None:
    core = Core()
    body = codec.encode_notification([codec.encode(ALERT)], T)
    async with httpx.AsyncClient(trust_env=False) as client, inbox(core) as endpoint:
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": token(SECRET)},
                       {"authorization": f"Bearer {SECRET.decode()}"}):  # fmt: skip
            assert (await client.post(endpoint, content=body, headers=header)).status_code == 401
        ours = {"authorization": f"Bearer {token(SECRET)}"}
        assert (await client.post(endpoint, content=body, headers=ours)).status_code == 202
    assert len(core.heard) == 1 and {one.code for one in core.refused} == {"TOC-2007"}


def test_a_token_does_not_tell_the_secret_and_is_each_feeds_own() -> None:
    assert SECRET.hex() not in token(SECRET) and token(SECRET) != token(SECRET + b"x")
    with pytest.raises(InputError):
        TokenVerifier(SECRET).check_token("Bearer é")


# --- publishing ---------------------------------------------------------------------------------------------------

PLACE = Place(40_000_000, 519_000_000)
RING = ((0, 0), (10_000_000, 0), (10_000_000, 10_000_000), (0, 0))
THINGS: list[publish.Thing] = [
    Incident("I-7", "flood", "Flooding at the quay", 1, PLACE, T, T, people_trapped=True),
    Hazard("H-1", "warning", "Storm surge", T, rings=(RING,), severity="Severe", expires_ms=T + 1, updated_ms=T),
    Closure("C-1", "Wharf Street", (1, 2), "water", T, "flood", place=PLACE),
    Facility("H-2", "hospital", "Harbour", 40_000_000, 519_000_000, attributes=(("beds_free", 4),), updated_ms=T),
    Vessel(244_660_000, "MEUSE", lon_e7=40_000_000, lat_e7=519_000_000, speed_mmps=5_144, course_cdeg=9_000, at_ms=T),
]


async def test_the_picture_is_upserted_however_often_and_each_thing_is_one_entity(
    broker: ContextBroker, url: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        sink = NgsiSink(Broker(client, url, tenant="harbour"))
        for _ in range(2):
            for number, thing in enumerate(THINGS):
                await sink.hand_over(publish.encode(thing, source=SOURCE), key=str(number))
    assert broker.answers == [201] * 5 + [204] * 5
    assert sorted(one["type"] for one in broker.entities.values()) == [
        "Alert", "Alert", "Hospital", "RoadSegment", "Vessel",
    ]  # fmt: skip
    assert all(one["source"]["value"] == SOURCE for one in broker.entities.values())


async def test_a_broker_that_fails_or_is_gone_is_a_delivery_that_failed(broker: ContextBroker, url: str) -> None:
    broker.broken = True
    async with httpx.AsyncClient(trust_env=False) as client:
        for sink in (NgsiSink(Broker(client, url)), NgsiSink(Broker(client, "http://127.0.0.1:9"))):
            with pytest.raises(DeliveryError) as failed:
                await sink.hand_over(publish.encode(THINGS[0], source=SOURCE), key="1")
            assert failed.value.code == "TOC-7001"
        with pytest.raises(DeliveryError):
            await Broker(client, url).subscribe(subscription("city", ["Alert"], "http://a/", "t"))


def test_what_is_published_is_read_by_another_core_as_what_it_is() -> None:
    reports = [codec.decode(publish.encode(thing, source=SOURCE), CONTEXT) for thing in THINGS]
    incident, warning, road, hospital, vessel = (found[0] for found in reports)
    assert isinstance(incident, IncidentReport) and isinstance(warning, IncidentReport)
    assert (incident.incident_kind, incident.lon_e7, incident.severity) == ("flood", 40_000_000, 1)
    assert incident.people_trapped and warning.severity == 2
    assert isinstance(road, RoadReport) and (road.road, road.closed) == ("Wharf Street", True)
    assert isinstance(hospital, FacilityReport) and (hospital.attribute, hospital.value) == ("beds_free", 4)
    assert isinstance(vessel, VesselReport)
    assert (vessel.mmsi, vessel.speed_mmps, vessel.course_cdeg) == (244_660_000, 5_144, 9_000)


def test_what_is_over_says_so_and_a_lifted_closure_is_open() -> None:
    lifted = Closure("C-1", "Wharf Street", (1,), "water", T, "flood", status="lifted", lifted_ms=T + 1, place=PLACE)
    (road,) = codec.decode(publish.encode(lifted, source=SOURCE), CONTEXT)
    assert isinstance(road, RoadReport) and not road.closed and road.at_ms == T + 1
    gone = Hazard("H-1", "warning", "Surge", T, status="vanished", updated_ms=T)
    assert json.loads(publish.encode(gone, source=SOURCE))["status"]["value"] == "vanished"


def test_our_own_entities_that_come_back_are_passed_over() -> None:
    noted: list[str] = []
    own = FeedContext("city", T, names={"own": SOURCE}, skip=noted.append)
    body = codec.encode_notification([publish.encode(THINGS[0], source=SOURCE), codec.encode(ALERT)], T)
    assert [one.external_id for one in codec.decode(body, own)] == ["urn:ngsi-ld:Alert:x1"] and len(noted) == 1
    assert codec.decode(publish.encode(THINGS[0], source=SOURCE), own) == ()
    other = publish.encode(THINGS[0], source=f"{SOURCE}-2")
    assert len(codec.decode(other, own)) == 1


# --- Smart Data Models --------------------------------------------------------------------------------------------


def test_ships_of_smart_data_models_are_read_in_their_models_own_unit(corpus: Path) -> None:
    folder = corpus / "ngsi-ld/sdm-MarineTransport"
    (plain,) = codec.decode((folder / "Vessel/examples/example.json").read_bytes(), CONTEXT)
    (ais,) = codec.decode((folder / "AisVessel/examples/example-normalized.json").read_bytes(), CONTEXT)
    assert isinstance(plain, VesselReport) and isinstance(ais, VesselReport)
    assert (plain.mmsi, plain.name, plain.speed_mmps) == (210_049_000, "ELEANOR ROOSEVELT", 1_000)
    assert plain.lat_e7 == 373_628_820
    assert (ais.mmsi, ais.speed_mmps) == (244_994_000, 51)


def test_traffic_is_read_in_kilometres_an_hour_where_no_unit_is_given(corpus: Path) -> None:
    path = corpus / "ngsi-ld/sdm-Transportation/TrafficFlowObserved/examples/example.json"
    (speed,) = codec.decode(path.read_bytes(), CONTEXT)
    assert isinstance(speed, Observation) and speed.quantity == "vehicle_speed"
    assert speed.value == pytest.approx(52.6 / 3.6)
