"""What the tests of the past share: a long journal of many kinds, quickly written, with a picture to compare with."""

from __future__ import annotations

from pathlib import Path
from random import Random

from picture import events as ev
from picture.entry import Actor, Entry, NewEntry
from picture.events import Event
from picture.fold import Picture
from picture.journal import BlobStore, SqliteJournal
from picture.sealing import Keyring, core_signing_key
from tests.scaffold import NOON_MS, STREAM, drill, unit

KEY = b"k" * 32


def past_journal(folder: Path, stream: str = STREAM) -> SqliteJournal:
    """A journal that need not survive the machine."""
    keyring = Keyring(folder / "keys")
    return SqliteJournal(
        folder / "journal", stream, keyring=keyring, signing_key=core_signing_key(folder / "keys"),
        blobs=BlobStore(folder / "blobs", keyring), synchronous="OFF",
    )  # fmt: skip


def happenings(count: int, dice: Random) -> list[Event]:
    """A world of units, calls and sensors in which something goes on."""
    made: list[Event] = [drill(), *(unit(f"U{n}") for n in range(20))]
    while len(made) < count:
        n, name = dice.randrange(1 << 30), f"I-{dice.randrange(40)}"
        made.append(
            dice.choice(
                [
                    ev.IncidentOpened(incident=name, incident_kind="flood", title=f"Flood {n}", priority=1 + n % 4),
                    ev.IncidentChanged(incident=name, priority=1 + n % 4),
                    ev.UnitLocated(unit=f"U{n % 20}", lon_e7=n, lat_e7=n // 2),
                    ev.SensorUpdated(id=f"S-{n % 9}", quantity="level", unit="m", value=n / 1000),
                    ev.VesselUpdated(mmsi=211_000_000 + n % 50, lon_e7=n, speed_mmps=n % 9000),
                    ev.UnitAssigned(
                        id=f"A-{len(made)}", unit=f"U{n % 20}", incident=name, to_lon_e7=1, to_lat_e7=2, streets=("Q",)
                    ),
                    ev.AssignmentEnded(id=f"A-{max(1, len(made) - n % 30)}", status="done"),
                    ev.LogWritten(id=f"L-{len(made)}", incident=name, text="planted words"),
                    ev.ClaimChanged(subject=name, person="Ines", position="duty", held=n % 2 == 0),
                ]
            )
        )
    return made


def write(journal: SqliteJournal, events: list[Event], batch: int = 200) -> list[Entry]:
    """Appends the events a second apart, in commits of a batch."""
    written: list[Entry] = []
    head = journal.head().seq
    for at in range(0, len(events), batch):
        entries = [
            NewEntry(event, NOON_MS, NOON_MS + 1000 * (head + at + n), Actor("Ines"))
            for n, event in enumerate(events[at : at + batch], 1)
        ]
        written += journal.append_now(entries, commit_id=f"c-{head + at}").entries
    return written


def straight(entries: list[Entry], upto: int, stream: str = STREAM) -> Picture:
    """The picture from the first entry on, without any cache."""
    return Picture(stream).apply_all(entries[:upto])
