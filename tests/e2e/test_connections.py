"""Connections of a drill that people play: its core hears them, and shows field teams its picture as an exercise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console import commands as c
from feeds.ais import codec as ais
from feeds.tak import codec as tak
from feeds.tak.stream import named
from picture.reports import UnitReport, VesselReport
from tests.e2e.hands import FEEDS, core, hand, write_scenario
from tests.feeds.tak_hub import hub
from tests.feeds.test_streams import server

START_MS = 1_795_196_000_000
SHIP = VesselReport(at_ms=START_MS, mmsi=244_000_001, lon_e7=41_000_000, lat_e7=519_500_000, speed_mmps=5144)


async def test_a_drill_hears_ships_over_tcp_and_talks_with_a_tak_server_on_this_machine(
    tmp_path: Path, tocsin_home: Path
) -> None:
    async def receiver(reader: Any, writer: Any) -> None:
        writer.write(ais.encode(SHIP))
        await writer.drain()
        await reader.read()

    async with server(receiver) as port, hub() as teams:
        own = [one for one in FEEDS if one["wire"] not in ("ais", "tak")]
        own.append({"id": "ais", "wire": "ais", "url": f"tcp://127.0.0.1:{port}"})
        stream = {"send": ["units", "incidents"]}
        own.append({"id": "tak-units", "wire": "tak", "url": f"tcp://127.0.0.1:{teams.port}", "stream": stream})
        source = write_scenario(tmp_path / "source", feeds=own)
        with core(tmp_path / "core", source, tocsin_home) as drill:
            async with hand(drill) as operator:
                home = operator.picture.home
                await operator.until(lambda: "244000001" in home.vessels, drill.log())
                await operator.until(lambda: home.feeds["tak-units"].state == "connected", drill.log())
                unit = next(iter(home.units.values()))
                for writer in teams.clients:
                    writer.write(tak.encode(UnitReport(at_ms=START_MS, external_id="ANDROID-1", callsign=unit.name)))
                await operator.until(lambda: home.feeds["tak-units"].state == "ok", drill.log())
                place = c.PlaceInput(lon=4.1, lat=51.95, how="cursor")
                await operator.do(c.TakeReport(incident_kind="fire", title="Fire at the quay", place=place))
                await operator.until(lambda: any(b"Fire at the quay" in event for event in teams.seen), drill.log())
    (shown, *_) = {event for event in teams.seen if b"Fire at the quay" in event and named(event)[0] == "a-u-G"}
    assert b"EXERCISE" in shown
