"""Feeds that state all that stands: repeats are no news, and what is left out is over, also after a restart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as pb

from console.config import Home
from console.ingest import Ingest
from console.polling import Polling
from console.standing import NO_LONGER
from feeds.config import FeedConfig
from feeds.intake import Intake
from feeds.registry import installed
from picture import events as ev
from picture.model import Hazard
from picture.reports import AlertMessage, RoadReport
from tests.feeds.test_datex import overall, point, publication, record
from tests.scaffold import MINUTE_MS, NOON_MS, Room, build, hear, shipped_city
from tests.test_live import living
from twin.source import ensure_pack

LON_E7, LAT_E7 = -300_098_000, 459_923_000


class Desk:
    """A room that hears a feed of roads and one of transport alerts."""

    def __init__(self, room: Room, ingest: Ingest) -> None:
        self.room, self.ingest = room, ingest
        ingest.standing = frozenset({"roads", "metro"})

    def roads(self, *reports: RoadReport) -> int:
        return len(self.ingest.accept("roads", b"raw", reports))

    def metro(self, *reports: AlertMessage) -> int:
        return len(self.ingest.accept("metro", b"raw", reports))

    def closed(self) -> set[str]:
        return {one.name for one in self.room.core.home.closures.values() if one.status == "active"}

    def warnings(self) -> list[Hazard]:
        return [one for one in self.room.core.home.hazards.values() if one.kind == "warning"]


@pytest.fixture
def desk(tmp_path: Path, tocsin_home: Path) -> Iterator[Desk]:
    city = shipped_city(tocsin_home)
    with build(tmp_path, locator=city) as room:
        for feed, wire in (("roads", "incident"), ("metro", "gtfs"), ("calls", "incident")):
            room.record(ev.FeedRegistered(id=feed, wire=wire))
        yield Desk(room, hear(room, city))


def road(name: str = "R1", **changes: Any) -> RoadReport:
    known = {"at_ms": NOON_MS, "road": name, "closed": True, "lon_e7": LON_E7, "lat_e7": LAT_E7, "reason": "tree down"}
    return RoadReport.model_validate(known | changes)


def alert(name: str = "A1", **changes: Any) -> AlertMessage:
    known = {
        "at_ms": NOON_MS, "sent_ms": NOON_MS, "external_id": name, "sender": "metro", "status": "Actual",
        "msg_type": "Alert", "event": "No service", "headline": "Old Quay is closed", "severity": "Moderate",
    }  # fmt: skip
    return AlertMessage.model_validate(known | changes)


def test_what_is_stated_again_is_no_news_and_journals_nothing(desk: Desk) -> None:
    assert desk.roads(road()) > 0 and desk.metro(alert()) > 0
    assert desk.roads(road(at_ms=NOON_MS + 1)) == 0
    assert desk.metro(alert(at_ms=NOON_MS + 1, sent_ms=NOON_MS + 1)) == 0


def test_a_closure_that_is_no_longer_stated_is_lifted_and_the_others_stay(desk: Desk) -> None:
    desk.roads(road("R1"), road("R2"))
    assert desk.closed() == {"R1", "R2"}
    desk.roads(road("R2"))
    assert desk.closed() == {"R2"}
    desk.roads()
    assert desk.closed() == set()


def test_a_closure_whose_reason_or_place_changed_is_news(desk: Desk) -> None:
    desk.roads(road())
    assert desk.roads(road(reason="flooded")) > 0
    assert [one.reason for one in desk.room.core.home.closures.values()] == ["flooded"]


def test_a_closure_that_another_feed_made_is_left_alone(desk: Desk) -> None:
    desk.ingest.accept("calls", b"raw", [road("Wharf Street", lon_e7=None, lat_e7=None)])
    desk.roads()
    assert desk.closed() == {"Wharf Street"}


def test_a_closure_off_the_map_is_not_journalled_each_time_it_is_stated(desk: Desk) -> None:
    assert desk.roads(road("Far away", lon_e7=50_000_000, lat_e7=520_000_000)) == 0


def test_a_street_of_the_same_name_in_another_town_closes_nothing_here(desk: Desk) -> None:
    assert desk.roads(road("Wharf Street", lon_e7=50_000_000, lat_e7=520_000_000)) == 0


def test_an_alert_that_changed_updates_the_same_warning(desk: Desk) -> None:
    desk.metro(alert())
    desk.metro(alert(severity="Severe", headline="Old Quay and Exchange are closed"))
    (warning,) = desk.warnings()
    assert (warning.status, warning.severity) == ("active", "Severe")
    assert warning.title == "Old Quay and Exchange are closed"


def test_an_alert_that_is_no_longer_stated_is_called_off_and_may_come_back(desk: Desk) -> None:
    desk.metro(alert())
    desk.metro()
    assert [one.status for one in desk.warnings()] == ["cancelled"]
    desk.metro(alert())
    assert [one.status for one in desk.warnings()] == ["cancelled", "active"]


def test_an_alert_whose_time_ran_out_is_not_said_to_be_called_off(desk: Desk) -> None:
    desk.metro(alert(expires_ms=NOON_MS + MINUTE_MS))
    desk.room.wait(2 * MINUTE_MS)
    assert desk.metro() == 0


def test_a_core_that_was_restarted_lifts_what_is_no_longer_stated(desk: Desk) -> None:
    desk.roads(road())
    again = Ingest(desk.room.core, desk.ingest._city, {})
    again.standing = frozenset({"roads"})
    lifted = again.accept("roads", b"raw", [])
    assert desk.closed() == set()
    assert any(isinstance(one.event, ev.RoadReopened) for one in lifted)


def test_why_a_road_is_open_again_is_in_the_journal(desk: Desk) -> None:
    desk.roads(road())
    (received, *_) = desk.ingest.accept("roads", b"raw", [])
    assert isinstance(received.event, ev.ReportReceived)
    assert getattr(received.event.report, "reason", "") == NO_LONGER


def test_a_line_closes_the_segments_it_runs_along_and_not_the_side_streets(desk: Desk) -> None:
    city = desk.ingest._city
    wharf = city.street_edges("Wharf Street")
    drawn = city.network.edge_line(wharf[len(wharf) // 2])
    lon, lat = city.pack.to_lonlat(drawn[:, 0].astype(float), drawn[:, 1].astype(float) + 4.0)
    line = tuple((round(x * 1e7), round(y * 1e7)) for x, y in zip(lon.tolist(), lat.tolist(), strict=True))
    desk.roads(road("A12 (N1)", line=line))
    (closure,) = desk.room.core.home.closures.values()
    assert closure.edges == (wharf[len(wharf) // 2],)


# --- a publisher over HTTP ------------------------------------------------------------------------------


@contextmanager
def publishing(body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A publisher on loopback that answers 304 to who knows its ETag, and what each request said that it knows."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("if-none-match", "")
            asked.append(known)
            self.send_response(304 if known == '"7"' else 200)
            self.send_header("etag", '"7"')
            self.send_header("content-length", "0" if known == '"7"' else str(len(body)))
            self.end_headers()
            if known != '"7"':
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts.pb", asked
        server.shutdown()
        thread.join()


async def polled(desk: Desk, feed: FeedConfig, until: Callable[[], bool]) -> None:
    """Polls this feed of the desk, two minutes after the other, until that is so."""
    intake = Intake(feed, installed())

    taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    taken.set_result(None)

    def deliver(name: str, data: bytes) -> asyncio.Future[None]:
        desk.ingest.take_in(name, intake.read(data, desk.room.core.now_ms()))
        return taken

    async def pause(_seconds: float) -> None:
        if until():
            happened.set()
        desk.room.wait(2 * MINUTE_MS)
        await asyncio.sleep(0.01)

    happened = asyncio.Event()
    polling = Polling(
        [feed], {feed.id: intake}, deliver=deliver, failed=lambda *_: None, unchanged=lambda _: None, rng=Random(1),
        pause=pause,
    )  # fmt: skip
    task = asyncio.create_task(polling.run())
    await asyncio.wait_for(happened.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_alert_comes_into_force_in_its_time_though_the_publisher_says_nothing_new(desk: Desk) -> None:
    start_s = NOON_MS // 1000 + 60
    message = pb.FeedMessage(header=pb.FeedHeader(gtfs_realtime_version="2.0", timestamp=start_s - 600))
    header = pb.TranslatedString(translation=[pb.TranslatedString.Translation(text="Old Quay closes")])
    coming = pb.Alert(header_text=header, active_period=[pb.TimeRange(start=start_s)])
    message.entity.append(pb.FeedEntity(id="A1", alert=coming))
    with publishing(message.SerializeToString()) as (url, asked):
        feed = FeedConfig(id="metro", wire="gtfs", url=url, poll_s=5)
        await polled(desk, feed, lambda: bool(desk.warnings()))
    assert asked[:2] == ["", '"7"']
    assert [one.title for one in desk.warnings()] == ["Old Quay closes"]


async def test_a_road_opens_when_its_closure_runs_out_though_the_publisher_says_nothing_new(desk: Desk) -> None:
    at = "<loc:latitude>45.9923</loc:latitude><loc:longitude>-30.0098</loc:longitude>"
    where = point(f"<loc:pointByCoordinates><loc:pointCoordinates>{at}</loc:pointCoordinates></loc:pointByCoordinates>")
    body = publication(record(valid=overall(NOON_MS - MINUTE_MS, NOON_MS + 3 * MINUTE_MS), where=where))
    seen: list[set[str]] = []

    def open_again() -> bool:
        seen.append(desk.closed())
        return len(seen) > 1 and not seen[-1]

    with publishing(body) as (url, asked):
        await polled(desk, FeedConfig(id="roads", wire="datex", url=url, poll_s=5), open_again)
    assert seen[:3] == [{"Road (N1)"}, {"Road (N1)"}, set()]
    assert asked[:3] == ["", '"7"', '"7"']


# --- a live core ------------------------------------------------------------------------------------------


def test_a_live_core_that_was_down_meanwhile_opens_the_road_when_it_is_back(tmp_path: Path, tocsin_home: Path) -> None:
    ensure_pack("port-meridian", tocsin_home / "cache")
    (tmp_path / "cache").symlink_to(tocsin_home / "cache")
    home = Home.at(tmp_path)
    feeds = [{"id": "roads", "wire": "datex"}]
    at = "<loc:latitude>45.9923</loc:latitude><loc:longitude>-30.0098</loc:longitude>"
    where = point(f"<loc:pointByCoordinates><loc:pointCoordinates>{at}</loc:pointCoordinates></loc:pointByCoordinates>")
    with living(home, feeds=feeds) as world:
        world.deliver("roads", publication(record(where=where)))
        assert [one.status for one in world.core.home.closures.values()] == ["active"]
    with living(home, feeds=feeds) as world:
        world.deliver("roads", publication())
        assert [one.status for one in world.core.home.closures.values()] == ["lifted"]
