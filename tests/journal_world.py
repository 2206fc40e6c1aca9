"""What the tests of the journal share: a world's folder, and events as a drill would make them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picture.entry import Actor, NewEntry
from picture.events import Event, LogWritten, ReportReceived, UnitAssigned, VesselUpdated, WorldOpened
from picture.journal import BlobStore, SqliteJournal
from picture.reports import IncidentReport
from picture.sealing import Keyring, core_signing_key

NOON_MS = 1_795_348_800_000
STREAM = "core-meridian"
OPERATOR = Actor("Ines Prado", "duty officer", "port")

CALLER = "Quintessa Planted"
CALL_BACK = "+1-555-0199-77"
WORDS = "my zebra-striped boathouse at Quay 9 is flooding"
RAW = "cmF3LXBsYW50ZWQtYnl0ZXM="
ROUTE = ((123_456_701, 456_789_001), (123_456_702, 456_789_002))
PLANTED = (CALLER, CALL_BACK, "zebra-striped", RAW, "123456701", "456789002")


@dataclass(frozen=True)
class World:
    """Folders of one world."""

    folder: Path
    entropy: Callable[[int], bytes] = os.urandom

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def keyring(self) -> Keyring:
        return Keyring(self.keys, self.entropy)

    def open(self, **options: Any) -> SqliteJournal:
        keyring = self.keyring()
        blobs = BlobStore(self.folder / "blobs", keyring)
        key = core_signing_key(self.keys, self.entropy)
        return SqliteJournal(self.journal, STREAM, keyring=keyring, signing_key=key, blobs=blobs, **options)


def new(event: Event, at_ms: int = NOON_MS, **fields: Any) -> NewEntry:
    return NewEntry(event, at_ms, at_ms + 250, OPERATOR, **fields)


def opened() -> NewEntry:
    return new(WorldOpened(site="meridian", world="drill", city="port-meridian", start_ms=NOON_MS))


def vessel(number: int = 1) -> NewEntry:
    return new(VesselUpdated(mmsi=211_000_000 + number, lon_e7=number, lat_e7=-number, speed_mmps=5100), source="ais")


def call(incident: str = "", text: str = WORDS) -> NewEntry:
    report = IncidentReport(at_ms=NOON_MS, incident_kind="flood", text=text, caller=CALLER, call_back=CALL_BACK)
    event = ReportReceived(report=report, size=18, sha256="0" * 64, raw=RAW, incident=incident)
    return new(event, source="incident", grade="B2")


def assignment() -> NewEntry:
    return new(UnitAssigned(id="A-1", unit="E12", incident="I-1", to_lon_e7=1, to_lat_e7=2, route=ROUTE))


def log(text: str) -> NewEntry:
    return new(LogWritten(id="L-1", text=text))
