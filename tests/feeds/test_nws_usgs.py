"""NWS alerts and USGS earthquakes: lists in GeoJSON, fetched from a real server that says when nothing changed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.polling import Polling
from feeds.base import FeedContext
from feeds.config import FeedConfig, load
from feeds.intake import Accepted, Intake, Refused
from feeds.nws import codec as nws
from feeds.registry import installed
from feeds.usgs import codec as usgs
from picture.errors import CATALOGUE, InputError
from picture.reports import AlertMessage

T = 1_800_000_000_000
NWS = "w-nws.webmaster@noaa.gov"
CONTEXT = FeedContext("us", T)


def warning(identifier: str = "urn:oid:2.49.0.1.840.0.1", geometry: Any = None, **changes: Any) -> dict[str, Any]:
    values = {
        "@id": f"https://api.weather.gov/alerts/{identifier}", "@type": "wx:Alert", "id": identifier,
        "areaDesc": "Coastal Nowhere", "geocode": {"SAME": ["041007"], "UGC": ["ORZ001", "ORZ002"]}, "references": [],
        "sent": "2027-01-15T00:00:00-08:00", "effective": "2027-01-15T00:00:00-08:00",
        "expires": "2027-01-15T06:00:00-08:00", "ends": "2027-01-16T10:00:00-08:00", "status": "Actual",
        "messageType": "Alert", "category": "Met", "severity": "Severe", "certainty": "Likely", "urgency": "Expected",
        "event": "Coastal Flood Warning", "sender": NWS, "senderName": "NWS Nowhere",
        "headline": "Coastal Flood Warning until Saturday", "description": "Water rises.", "instruction": "Move up.",
        "parameters": {"VTEC": ["/O.NEW.KPQR.CF.W.0001/"]},
    }  # fmt: skip
    return {"id": values["@id"], "type": "Feature", "geometry": geometry, "properties": values | changes}


def quake(identifier: str = "us7000abcd", **changes: Any) -> dict[str, Any]:
    values = {
        "mag": 6.1, "place": "10 km N of Nowhere", "time": T - 60_000, "updated": T - 30_000, "alert": None, "mmi": 6.2,
        "status": "automatic", "tsunami": 1, "type": "earthquake", "title": "M 6.1 - 10 km N of Nowhere", "url": "u",
    }  # fmt: skip
    point = {"type": "Point", "coordinates": [-122.5, 45.5, 12.3]}
    return {"type": "Feature", "id": identifier, "geometry": point, "properties": values | changes}


def listed(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


def one(codec: Any, feature: dict[str, Any]) -> AlertMessage:
    (found,) = codec.decode(json.dumps(feature).encode(), CONTEXT)
    assert isinstance(found, AlertMessage)
    return found


def intake(wire: str) -> Intake:
    return Intake(load({"id": "us", "wire": wire}), installed())


# --- nws ----------------------------------------------------------------------------------------------------------


def test_a_weather_alert_keeps_its_issuer_its_chain_and_its_codes() -> None:
    earlier = {"identifier": "urn:oid:0", "sender": NWS, "sent": "2027-01-14T00:00:00-08:00"}
    found = one(nws, warning(messageType="Update", references=[earlier]))
    assert (found.sender, found.external_id, found.msg_type) == (NWS, "urn:oid:2.49.0.1.840.0.1", "Update")
    assert found.references == (f"{NWS},urn:oid:0,2027-01-14T00:00:00-08:00",)
    assert ("UGC", "ORZ001 ORZ002") in found.parameters and ("VTEC", "/O.NEW.KPQR.CF.W.0001/") in found.parameters
    assert found.description == "Water rises.\n\nMove up."


def test_a_weather_alert_lasts_until_its_event_ends_and_not_only_until_its_message_does() -> None:
    assert one(nws, warning()).expires_ms == 1_800_122_400_000
    assert one(nws, warning(ends=None)).expires_ms == 1_800_021_600_000


def test_its_polygon_is_its_ring_and_an_alert_by_zone_has_none() -> None:
    square = [[[-124.0, 45.0], [-123.0, 45.0], [-123.0, 46.0], [-124.0, 45.0]]]
    ring = ((-1_240_000_000, 450_000_000), (-1_230_000_000, 450_000_000), (-1_230_000_000, 460_000_000),
            (-1_240_000_000, 450_000_000))  # fmt: skip
    assert one(nws, warning(geometry={"type": "Polygon", "coordinates": square})).rings == (ring,)
    assert one(nws, warning(geometry={"type": "MultiPolygon", "coordinates": [square]})).rings == (ring,)
    assert one(nws, warning()).rings == ()


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"severity": "Bad"}, "severity", "TOC-2003"), ({"sent": "yesterday"}, "sent", "TOC-2003"),
        ({"sender": ""}, "sender", "TOC-2003"), ({"event": ""}, "event", "TOC-2003"),
        ({"references": [{"identifier": "x"}]}, "references", "TOC-2003"),
        ({"@type": "wx:Zone"}, "not an alert", "TOC-2006"),
    ],
)  # fmt: skip
def test_a_weather_alert_that_breaks_a_rule_is_refused_with_its_field(changes: Any, field: str, code: str) -> None:
    with pytest.raises(InputError, match=field) as refused:
        one(nws, warning(**changes))
    assert refused.value.code == code


def test_one_broken_alert_of_a_list_does_not_take_the_others_with_it() -> None:
    messages = intake("nws").read(listed(warning("a"), warning("b", severity="Bad"), warning("c")), T).messages
    assert [type(one) for one in messages] == [Accepted, Refused, Accepted]


def test_recorded_weather_alerts_are_read_with_their_chains(corpus: Path) -> None:
    data = (corpus / "nws/alerts_active_zone_second.json").read_bytes()
    found = intake("nws").read(data, T).reports
    assert len(found) == 2
    assert all(isinstance(one, AlertMessage) and one.sender == NWS and one.references for one in found[:1])


# --- usgs ---------------------------------------------------------------------------------------------------------


def test_an_earthquake_is_an_update_of_itself_with_its_figures() -> None:
    found = one(usgs, quake())
    assert (found.external_id, found.msg_type, found.event) == ("us7000abcd", "Update", "Earthquake")
    assert found.expires_ms == T - 60_000 + usgs.STANDS_MS and found.sent_ms == T - 30_000
    assert dict(found.parameters) | {"magnitude": "6.1", "depth_km": "12.3"} == dict(found.parameters)
    assert "tsunami" in dict(found.parameters)


def test_its_ring_is_a_kilometre_wide_around_the_epicentre() -> None:
    (ring,) = one(usgs, quake()).rings
    lats, lons = [lat for _, lat in ring], [lon for lon, _ in ring]
    assert ring[0] == ring[-1]
    assert (max(lats) - min(lats)) / 1e7 * 111.195 == pytest.approx(1.0, rel=0.01)
    assert (max(lons) + min(lons)) / 2e7 == pytest.approx(-122.5, abs=1e-5)


@pytest.mark.parametrize(
    ("alert", "mmi", "severity"),
    [("red", 3.0, "Extreme"), ("green", 9.0, "Minor"), (None, 6.0, "Severe"), (None, None, "Unknown")],
)
def test_its_severity_is_its_impact_and_never_its_magnitude_alone(alert: Any, mmi: Any, severity: str) -> None:
    assert one(usgs, quake(alert=alert, mmi=mmi, mag=9.0)).severity == severity


def test_a_deleted_earthquake_is_called_off() -> None:
    assert one(usgs, quake(status="deleted")).msg_type == "Cancel"


@pytest.mark.parametrize("changes", [{"type": "quarry blast"}, {"time": T - 90_000_000}])
def test_explosions_and_old_earthquakes_are_left_out_and_noted(changes: Any) -> None:
    reading = intake("usgs").read(listed(quake(**changes)), T)
    assert reading.reports == () and reading.refused == () and len(reading.skipped) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"time": "now"}, "TOC-2003"), ({"time": -1}, "TOC-2009"), ({"mag": "big"}, "TOC-2003")],
)
def test_an_earthquake_that_breaks_a_rule_is_refused(changes: Any, code: str) -> None:
    with pytest.raises(InputError) as refused:
        one(usgs, quake(**changes))
    assert refused.value.code == code


def test_recorded_lists_of_earthquakes_are_read_or_refused_by_code(corpus: Path) -> None:
    files = sorted((corpus / "usgs").rglob("*.json"))
    assert files
    for path in files:
        reading = intake("usgs").read(path.read_bytes(), 1_537_605_000_000)
        assert reading.skipped or not reading.messages
        assert all(one.error.code in CATALOGUE for one in reading.refused)


# --- both ---------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_a_field_holds_it_is_read_or_refused_by_code(data: st.DataObject) -> None:
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    for codec, feature in ((nws, warning()), (usgs, quake())):
        key = data.draw(st.sampled_from(sorted(feature["properties"])))
        feature["properties"][key] = data.draw(junk)
        feature["geometry"] = data.draw(st.just(feature["geometry"]) | junk)
        try:
            found = codec.decode(json.dumps(feature).encode(), CONTEXT)
        except InputError as error:
            assert error.code in CATALOGUE
        else:
            assert all(isinstance(one, AlertMessage) for one in found)


@contextmanager
def serving(bodies: list[bytes]) -> Iterator[tuple[str, list[int]]]:
    """A loopback server of these bodies, one after the other, that honours ``If-None-Match``; and what it answered."""
    answered: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[0]
            tag = f'"{len(bodies)}"'
            status = 304 if self.headers.get("if-none-match") == tag else 200
            answered.append(status)
            self.send_response(status)
            self.send_header("etag", tag)
            self.send_header("content-length", str(len(body) if status == 200 else 0))
            self.end_headers()
            if status == 200:
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts/active", answered
        server.shutdown()
        thread.join()


async def polled(wire: str, bodies: list[bytes]) -> tuple[list[list[Any]], list[int]]:
    """What was delivered and listed in each round: each body is served twice, so that every other answer is a 304."""
    rounds: list[list[Any]] = []
    over = asyncio.Event()

    async def deliver(_feed: str, data: bytes) -> None:
        heard.extend(one.external_id for one in intake(wire).read(data, T).reports)

    async def pause(_seconds: float) -> None:
        rounds.append(heard.copy())
        heard.clear()
        if len(rounds) % 2 == 0:
            if len(bodies) == 1:
                over.set()
                await asyncio.Event().wait()
            bodies.pop(0)

    heard: list[Any] = []
    with serving(bodies) as (url, answered):
        feed = FeedConfig(id="us", wire=wire, url=url)
        polling = Polling(
            [feed], {"us": intake(wire)}, deliver=deliver, failed=lambda _, why: heard.append(why),
            unchanged=lambda _: heard.append("unchanged"),
            listed=lambda _, names: heard.append({name for _, name in names}), rng=Random(1), pause=pause,
        )  # fmt: skip
        task = asyncio.create_task(polling.run())
        await asyncio.wait_for(over.wait(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return rounds, answered


async def test_weather_alerts_are_delivered_once_and_what_stands_is_told_with_every_list() -> None:
    rounds, answered = await polled("nws", [listed(warning("a"), warning("b")), listed(warning("b"), warning("c"))])
    assert answered == [200, 304, 200, 304]
    assert rounds == [["a", "b", {"a", "b"}], ["unchanged"], ["c", {"b", "c"}], ["unchanged"]]


async def test_an_earthquake_is_delivered_again_when_it_was_revised_and_never_vanishes() -> None:
    revised = quake("x", updated=T, mag=6.3)
    rounds, _ = await polled("usgs", [listed(quake("x"), quake("y")), listed(quake("y"), revised), listed()])
    assert [sorted(one) for one in rounds[::2]] == [["x", "y"], ["x"], ["unchanged"]]


async def test_a_page_that_is_no_list_is_handed_on_to_be_refused(corpus: Path) -> None:
    page = (corpus / "nws/points.json").read_bytes()
    rounds, _ = await polled("nws", [page])
    assert rounds == [[], ["unchanged"]]
    assert [one.error.code for one in intake("nws").read(page, T).refused] == ["TOC-2006"]
